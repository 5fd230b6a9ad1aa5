//! Exemplars that are the same music under some placement.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use crate::alteration::{Alteration, Ratio};
use crate::bank::{Bank, Exemplar, Label};
use crate::correlate::Planner;
use crate::note::Fragment;
use crate::similarity::{Comparer, Extent, Measure};

/// Pictures less alike than this are not of the same music: stretched notes are rounded to columns, and a copy may be
/// played shorter, but no more than that.
const LEAST_OVERLAP: f64 = 0.85;

/// How far apart notes of the same music may begin, in quarters: as far as rounding moves them.
const TOLERANCE: f64 = 1.0 / 12.0 + 1e-6;

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
/// Two are the same when all their notes have the same pitches and begin within a column of each other, and their
/// pictures overlap. Pairs that the bank says are [distinct](Bank::distinct) are not. `each` is called whenever an
/// exemplar is done.
pub fn doubles(bank: &Bank, planner: Planner, each: impl Fn() + Sync) -> Vec<DoubleGroup> {
    let exemplars = bank.exemplars();
    let whole = Comparer { extent: Extent::Whole, ..bank.comparer(planner) };
    let comparer = Comparer { measure: Measure::Correlation, ..whole };
    let distinct: HashSet<(&str, &str)> =
        bank.distinct().iter().flat_map(|(a, b)| [(a.as_str(), b.as_str()), (b, a)]).collect();
    // Only exemplars with the same pitches, but for where they begin and which way is up, can be the same.
    let mut alike: BTreeMap<(Label, Vec<u8>), Vec<usize>> = BTreeMap::new();
    let shapes: Vec<_> = exemplars.par_iter().map(|exemplar| shape(&exemplar.fragment)).collect();
    for (index, shape) in shapes.into_iter().enumerate() {
        alike.entry((exemplars[index].label, shape)).or_default().push(index);
    }
    let classes = |members: Vec<usize>| {
        let mut classes: Vec<Vec<usize>> = Vec::new();
        for index in members {
            let is_double = |&other: &usize| {
                let (a, b) = (&exemplars[index], &exemplars[other]);
                !distinct.contains(&(&a.name, &b.name)) && is_same(&comparer, &a.fragment, &b.fragment)
            };
            // It may be what two classes have in common.
            let (same, mut others): (Vec<_>, Vec<_>) =
                classes.into_iter().partition(|class: &Vec<usize>| class.iter().any(is_double));
            let mut class: Vec<usize> = same.into_iter().flatten().chain([index]).collect();
            class.sort_unstable();
            others.push(class);
            classes = others;
            each();
        }
        classes
    };
    let alike: Vec<_> = alike.into_values().collect();
    let classes = alike.into_par_iter().with_max_len(1).flat_map_iter(classes);
    let mut groups: Vec<_> = classes.filter_map(|members| group(exemplars, members)).collect();
    groups.sort_by_key(|group| group.others.iter().copied().min().map_or(group.kept, |first| first.min(group.kept)));
    groups
}

/// How many notes each pitch has, from the lowest upwards or from the highest downwards.
fn shape(fragment: &Fragment) -> Vec<u8> {
    let (low, high) = fragment.pitch_range();
    let mut counts = vec![0_u32; usize::from(high - low) + 1];
    fragment.notes().iter().for_each(|note| counts[usize::from(note.pitch - low)] += 1);
    let bytes = |counts: &[u32]| counts.iter().flat_map(|count| count.to_le_bytes()).collect::<Vec<_>>();
    let upwards = bytes(&counts);
    counts.reverse();
    upwards.min(bytes(&counts))
}

/// What is kept of exemplars that are the same, if there are several.
fn group(exemplars: &[Exemplar], mut members: Vec<usize>) -> Option<DoubleGroup> {
    let worth = |index: usize| {
        let it = &exemplars[index];
        (usize::from(!it.source.is_empty()) + usize::from(!it.licence.is_empty()), it.weight)
    };
    let better = |a: &usize, b: &usize| {
        let ((notes_a, weight_a), (notes_b, weight_b)) = (worth(*a), worth(*b));
        notes_b.cmp(&notes_a).then(weight_b.total_cmp(&weight_a)).then(a.cmp(b))
    };
    let kept = members.iter().copied().min_by(better)?;
    members.retain(|&index| index != kept);
    (!members.is_empty()).then_some(DoubleGroup { kept, others: members })
}

/// Whether two fragments have the same notes under an alteration and a transposition that is searched.
fn is_same(comparer: &Comparer, a: &Fragment, b: &Fragment) -> bool {
    a.notes().len() == b.notes().len()
        && comparer.alterations.list().into_iter().any(|alteration| {
            let (ours, theirs) = (laid(a, &Alteration::NONE), laid(b, &alteration));
            let low = |laid: &Laid| laid.keys().next().copied().unwrap_or(0);
            let by = low(&ours) - low(&theirs);
            comparer.transpositions.as_ref().is_none_or(|range| range.contains(&by))
                && ours.len() == theirs.len()
                && ours.iter().zip(&theirs).all(|((p, ours), (q, theirs))| *p == q + by && meet(ours, theirs))
                && comparer
                    .compare_under(&comparer.fragment(a), b, [alteration].into_iter())
                    .is_some_and(|likeness| likeness.similarity >= LEAST_OVERLAP)
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
