//! Exemplars that are the same music under some placement.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::alteration::{Alteration, Ratio};
use crate::bank::{Bank, Exemplar, Label};
use crate::correlate::Planner;
use crate::note::Fragment;
use crate::similarity::{Comparer, Gallery, Measure};

/// Pictures less alike than this are not of the same music: stretched notes are rounded to columns, and a copy may be
/// played shorter, but no more than that.
const LEAST_OVERLAP: f64 = 0.85;

/// How far apart notes of the same music may begin, in quarters: as far as rounding moves them.
const TOLERANCE: f64 = 1.0 / 12.0 + 1e-6;

/// How many doubles are looked for of each exemplar; more are found by way of these.
const NEAREST: usize = 24;

/// Exemplars of one label that are the same under some placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubleGroup {
    /// The one that is to be kept: the best documented (source and licence), then that with the highest weight, then the
    /// first by name.
    pub kept: usize,
    /// The others, in the order of the bank.
    pub others: Vec<usize>,
}

/// Groups of exemplars that are the same, transposed, stretched, upside down or backwards as the bank's settings allow.
/// Two are the same when their pictures overlap and all their notes have the same pitches and begin within a column of
/// each other. Pairs that the bank says are [distinct](Bank::distinct) are not. `each` is called whenever an exemplar is
/// done.
pub fn doubles(bank: &Bank, planner: Planner, each: impl Fn() + Sync) -> Vec<DoubleGroup> {
    let exemplars = bank.exemplars();
    let comparer = Comparer { measure: Measure::Correlation, ..bank.comparer(planner) };
    let comparer = Comparer { extent: Default::default(), ..comparer };
    let distinct: Vec<_> = bank.distinct().iter().flat_map(|(a, b)| [(a, b), (b, a)]).collect();
    let mut pairs: Vec<(usize, usize)> = [Label::Good, Label::Bad]
        .into_iter()
        .flat_map(|label| {
            let members: Vec<_> = (0..exemplars.len()).filter(|&index| exemplars[index].label == label).collect();
            let gallery =
                Gallery::new(&comparer, members.iter().map(|&index| &exemplars[index].fragment).collect(), false);
            let of_one = |&index: &usize| {
                let nearest = gallery.nearest(&exemplars[index].fragment, NEAREST, LEAST_OVERLAP);
                let others = nearest.into_iter().map(|(other, _)| members[other]).filter(|&other| other != index);
                let is_double = |other: &usize| {
                    let (a, b) = (&exemplars[index], &exemplars[*other]);
                    !distinct.contains(&(&a.name, &b.name)) && is_same(&comparer, &a.fragment, &b.fragment)
                };
                let doubles: Vec<_> = others.filter(is_double).map(|other| (index, other)).collect();
                each();
                doubles
            };
            members.par_iter().with_max_len(1).flat_map_iter(of_one).collect::<Vec<_>>()
        })
        .collect();
    pairs.sort_unstable();
    groups(exemplars, &pairs)
}

fn groups(exemplars: &[Exemplar], pairs: &[(usize, usize)]) -> Vec<DoubleGroup> {
    let mut first: Vec<usize> = (0..exemplars.len()).collect();
    fn find(first: &mut [usize], mut index: usize) -> usize {
        while first[index] != index {
            first[index] = first[first[index]];
            index = first[index];
        }
        index
    }
    for &(a, b) in pairs {
        let (a, b) = (find(&mut first, a), find(&mut first, b));
        first[a.max(b)] = a.min(b);
    }
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..exemplars.len() {
        members.entry(find(&mut first, index)).or_default().push(index);
    }
    let worth = |index: &usize| {
        let it = &exemplars[*index];
        (usize::from(!it.source.is_empty()) + usize::from(!it.licence.is_empty()), it.weight)
    };
    let group = |mut members: Vec<usize>| {
        let order =
            |a: &usize, b: &usize| worth(b).partial_cmp(&worth(a)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(b));
        let kept = members.iter().copied().min_by(|a, b| order(a, b))?;
        members.retain(|&index| index != kept);
        (!members.is_empty()).then_some(DoubleGroup { kept, others: members })
    };
    members.into_values().filter_map(group).collect()
}

/// Whether two fragments have the same notes under an alteration and a transposition that is searched.
fn is_same(comparer: &Comparer, a: &Fragment, b: &Fragment) -> bool {
    a.notes().len() == b.notes().len()
        && comparer.alterations.list().iter().any(|alteration| {
            let (a, b) = (laid(a, &Alteration::NONE), laid(b, alteration));
            let low = |laid: &Laid| laid.keys().next().copied().unwrap_or(0);
            let by = low(&a) - low(&b);
            comparer.transpositions.as_ref().is_none_or(|range| range.contains(&by))
                && a.len() == b.len()
                && a.iter().zip(&b).all(|((p, a), (q, b))| *p == q + by && meet(a, b))
        })
}

/// The onsets of each pitch in quarters from the first, in order.
type Laid = BTreeMap<i32, Vec<f64>>;

fn laid(fragment: &Fragment, &Alteration { stretch, inverted, retrograde }: &Alteration) -> Laid {
    let stretch = if stretch == Ratio::ONE { 1.0 } else { stretch.as_f64() };
    let mut laid = Laid::new();
    for note in fragment.notes() {
        let pitch = if inverted { -i32::from(note.pitch) } else { i32::from(note.pitch) };
        let onset = if retrograde { fragment.ticks() - note.end() } else { note.onset };
        laid.entry(pitch).or_default().push(fragment.to_quarters(onset) * stretch);
    }
    laid.values_mut().for_each(|onsets| onsets.sort_by(f64::total_cmp));
    laid
}

fn meet(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE)
}
