//! Occurrences of a query in a piece, and a bank's exemplars along a piece.

mod voices;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use rayon::prelude::*;
use serde::Serialize;

use self::voices::Voices;
use crate::bank::Label;
use crate::correlate::{Offset, Prepared, Search};
use crate::error::Result;
use crate::judge::Judge;
use crate::note::Fragment;
use crate::scorer::{Candidate, Opinion};
use crate::similarity::{AlteredExemplar, Comparer, Likeness, Measure, Placement, WindowPeak, windowed_rows};

/// Occurrences whose starts are nearer to each other than this, in quarters, are one.
pub const APART: f64 = 1.0;

/// Where a query occurs in a piece.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Occurrence {
    /// Quarters from the start of the piece (tick 0) to the start of the placed picture.
    pub start: f64,
    /// Quarters from the start of the piece to the end of the placed picture.
    pub end: f64,
    /// 0 to 1.
    pub similarity: f64,
    /// Semitones between the query's first note and its counterpart.
    pub transposition: i32,
    /// How many times as long as the query.
    pub stretch: f64,
    /// Whether it is upside down.
    pub inverted: bool,
    /// Whether it is backwards.
    pub retrograde: bool,
    /// How the query is laid on the piece; its shift is in columns from the piece's first onset.
    #[serde(skip)]
    pub placement: Placement,
}

impl Occurrence {
    fn new(piece: &Fragment, roll: &Prepared, columns: u32, likeness: Likeness) -> Self {
        let lead = piece.to_quarters(piece.lead());
        let Placement { alteration, offset } = likeness.placement;
        Self {
            start: lead + likeness.shift,
            end: lead + likeness.shift + roll.roll().to_quarters(columns.into()),
            similarity: likeness.similarity,
            transposition: offset.transposition,
            stretch: alteration.stretch.as_f64(),
            inverted: alteration.inverted,
            retrograde: alteration.retrograde,
            placement: likeness.placement,
        }
    }
}

/// The occurrences of `query` in `piece`, the most similar first, at most `limit`, none below
/// `floor`; of those that start within [`APART`] of each other only the best.
///
/// The comparer's extent plays no role: the query is looked for in the piece. The full measure
/// follows it through the piece's voices, note by note, so that varied occurrences are found; the
/// correlation measure slides its picture over the piece's.
pub fn find(comparer: &Comparer, query: &Fragment, piece: &Fragment, limit: usize, floor: f64) -> Vec<Occurrence> {
    let found = match comparer.measure {
        Measure::Full => Voices::of(piece).occurrences(comparer, query, floor),
        Measure::Correlation => {
            let roll = comparer.fragment(piece);
            occurrences(comparer, &comparer.exemplar(query), piece, &roll, floor)
        }
    };
    apart(found, limit, |_| APART)
}

/// All placements of an exemplar on a piece that reach `floor`: at each shift the best of each
/// alteration.
fn occurrences(
    comparer: &Comparer,
    exemplar: &AlteredExemplar,
    piece: &Fragment,
    roll: &Prepared,
    floor: f64,
) -> Vec<Occurrence> {
    let search = Search { transpositions: comparer.transpositions.clone(), shifts: None };
    let drawings: Vec<_> = exemplar.drawings().collect();
    drawings
        .into_par_iter()
        .flat_map_iter(|(alteration, weight, drawing)| {
            let rows =
                windowed_rows(&comparer.planner, (roll, drawing), comparer.normalisation(), &search, floor / weight);
            let columns = drawing.roll().columns();
            rows.into_iter().map(move |WindowPeak { similarity, brightness, offset }| {
                let likeness = Likeness {
                    similarity: similarity * weight,
                    brightness,
                    placement: Placement { alteration, offset },
                    shift: roll.roll().to_quarters(offset.shift),
                };
                Occurrence::new(piece, roll, columns, likeness)
            })
        })
        .collect()
}

/// The best of them, greedily, in order of similarity: none starts within `distance` of one that is
/// taken.
fn apart(mut found: Vec<Occurrence>, limit: usize, distance: impl Fn(&Occurrence) -> f64) -> Vec<Occurrence> {
    let order = |o: &Occurrence| {
        let Offset { transposition, shift } = o.placement.offset;
        (transposition.unsigned_abs(), shift)
    };
    found.sort_by(|a, b| {
        let plainness = || a.placement.alteration.cmp_plainness(&b.placement.alteration);
        b.similarity.total_cmp(&a.similarity).then_with(plainness).then_with(|| order(a).cmp(&order(b)))
    });
    let mut taken: BTreeSet<OrderedStart> = BTreeSet::new();
    let mut kept = Vec::new();
    for occurrence in found {
        if kept.len() == limit {
            break;
        }
        let distance = distance(&occurrence);
        let [first, last] = [occurrence.start - distance, occurrence.start + distance].map(OrderedStart);
        if taken.range((Bound::Excluded(first), Bound::Excluded(last))).next().is_none() {
            taken.insert(OrderedStart(occurrence.start));
            kept.push(occurrence);
        }
    }
    kept
}

/// A time in quarters, in total order.
#[derive(Debug, Clone, Copy)]
struct OrderedStart(f64);

impl PartialEq for OrderedStart {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OrderedStart {}

impl PartialOrd for OrderedStart {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedStart {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A bank's exemplars along a piece.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The length of a step in quarters.
    pub step: f64,
    /// When the first step begins, in quarters from the start of the piece.
    pub start: f64,
    /// For each step the highest similarity to a good exemplar of a placement that covers it.
    pub good: Vec<f64>,
    /// The same for bad exemplars.
    pub bad: Vec<f64>,
    /// Where exemplars occur above their threshold, in order of time.
    pub occurrences: Vec<(Label, String, Occurrence)>,
    /// What the judge's scorer, if it has one, says of the piece window by window, in order of time.
    pub opinions: Vec<WindowOpinion>,
}

/// What a scorer says of a part of a piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowOpinion {
    /// Quarters from the start of the piece to the beginning of the window.
    pub start: f64,
    /// Quarters from the start of the piece to its end.
    pub end: f64,
    /// The opinion on the notes that begin in it.
    pub opinion: Opinion,
    /// Whether an exemplar vetoes something in it.
    pub vetoed: bool,
    /// The score of the highest likenesses within, with the opinion blended in.
    pub score: f64,
}

/// The quarters of a window where the scorer does not say how much it looks at.
const WINDOW: f64 = 16.0;

/// Asks the judge's scorer about windows of a piece that overlap by half. Where no note begins nothing is asked.
fn opinions(judge: &Judge, piece: &Fragment, scan: &Scan) -> Result<Vec<WindowOpinion>> {
    let Some((scorer, _)) = judge.scorer() else { return Ok(Vec::new()) };
    let width = scorer.quarters().filter(|quarters| *quarters >= 1.0).unwrap_or(WINDOW);
    let end = scan.start + piece.quarters();
    let windows = (0..).map(|index| scan.start + f64::from(index) * width / 2.0);
    // A window that begins in the last half of another shows nothing new.
    let windows = windows.take_while(|start| *start == scan.start || start + width / 2.0 < end);
    let windows: Vec<_> = windows.filter_map(|start| Some((start, piece.cut((start, start + width)).ok()?))).collect();
    let candidates: Vec<Candidate<'_>> = windows.iter().map(|(_, fragment)| fragment.into()).collect();
    let thresholds = judge.bank().thresholds();
    let told = judge.opinions(&candidates).into_iter().zip(&windows).map(|(opinion, (start, _))| {
        let Some(opinion) = opinion? else { return Ok(None) };
        let (start, end) = (*start, (start + width).min(end));
        let step = |time: f64| (((time - scan.start) / scan.step) as usize).min(scan.good.len());
        let within = step(start)..step(end).max(step(start));
        let highest = |curve: &[f64]| curve[within.clone()].iter().copied().fold(0.0, f64::max);
        let (good, bad) = (highest(&scan.good), highest(&scan.bad));
        let score = judge.blended(thresholds.score(good, bad, 0.0), bad, Some(opinion));
        Ok(Some(WindowOpinion { start, end, opinion, vetoed: bad >= thresholds.bad(), score }))
    });
    told.filter_map(Result::transpose).collect()
}

/// Lays every exemplar of a bank along a piece: each is looked for in it.
///
/// The full measure follows them through the piece's voices, as in [`find`], but tells the likeness
/// of the path alone, and asks more of exemplars of fewer than 16 notes. In pieces of more than
/// 20,000 notes only the plainest alterations are looked for. The correlation measure slides pictures.
///
/// `each` is called whenever one exemplar is done.
///
/// # Errors
/// What the judge's [scorer](Judge::with_scorer), if it has one, says that fails.
pub fn scan(judge: &Judge, piece: &Fragment, each: impl Fn() + Sync) -> Result<Scan> {
    const STEP: f64 = 0.5;
    // Placements that are less alike say nothing, and there are very many of them.
    const FLOOR: f64 = 0.3;
    let comparer = judge.comparer();
    let start = piece.to_quarters(piece.lead());
    let steps = (piece.quarters() / STEP).ceil().max(1.0) as usize;
    let thresholds = judge.bank().thresholds();
    let look: Box<dyn Fn(usize) -> Vec<Occurrence> + Sync + '_> = match comparer.measure {
        Measure::Full => {
            let voices = Voices::of(piece);
            Box::new(move |index| voices.likenesses(comparer, &judge.bank().exemplars()[index].fragment, FLOOR))
        }
        Measure::Correlation => {
            let roll = comparer.fragment(piece);
            Box::new(move |index| match judge.altered(index) {
                Some(altered) => occurrences(comparer, &altered, piece, &roll, FLOOR),
                None => Vec::new(),
            })
        }
    };
    let rows: Vec<_> = judge
        .bank()
        .exemplars()
        .par_iter()
        .enumerate()
        .map(|(index, exemplar)| {
            let mut found = look(index);
            for occurrence in &mut found {
                occurrence.similarity *= exemplar.weight;
            }
            let mut curve = vec![0.0f64; steps];
            for occurrence in &found {
                let step = |time: f64| ((time - start) / STEP).clamp(0.0, steps as f64) as usize;
                for value in &mut curve[step(occurrence.start)..step(occurrence.end)] {
                    *value = value.max(occurrence.similarity);
                }
            }
            let threshold = match exemplar.label {
                Label::Good => thresholds.good(),
                Label::Bad => thresholds.bad(),
            };
            found.retain(|occurrence| occurrence.similarity >= threshold);
            each();
            // An exemplar that lies on itself a little later is still the same likeness.
            (curve, apart(found, usize::MAX, |o| APART.max((o.end - o.start) / 2.0)))
        })
        .collect();
    let (good, bad) = (vec![0.0; steps], vec![0.0; steps]);
    let mut scan = Scan { step: STEP, start, good, bad, occurrences: Vec::new(), opinions: Vec::new() };
    for (exemplar, (curve, found)) in judge.bank().exemplars().iter().zip(rows) {
        let side = match exemplar.label {
            Label::Good => &mut scan.good,
            Label::Bad => &mut scan.bad,
        };
        side.iter_mut().zip(curve).for_each(|(best, value)| *best = best.max(value));
        scan.occurrences.extend(found.into_iter().map(|o| (exemplar.label, exemplar.name.clone(), o)));
    }
    scan.occurrences.sort_by(|a, b| a.2.start.total_cmp(&b.2.start).then(b.2.similarity.total_cmp(&a.2.similarity)));
    scan.opinions = opinions(judge, piece, &scan)?;
    Ok(scan)
}
