//! Placements that the correlation proposes, to be examined note by note.

use std::cmp::Ordering;

use super::Extent;
use super::comparer::{AlteredExemplar, Comparer, cosine};
use super::evaluator::Evaluator;
use crate::alteration::Alteration;
use crate::correlate::{Correlator, Offset, Prepared};

/// How many placements of a pair are examined. More are no better: tune families, MAP, with 2, 4, 8 and 16: .899,
/// .911, .914, .914; phrases in songs .530, .575, .583, .587.
pub(crate) const PROPOSALS: usize = 8;

/// An alteration and a transposition of an exemplar: shifts are left to the alignment, to which only the time from note
/// to note matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Proposal {
    pub alteration: Alteration,
    pub transposition: i32,
    /// The correlation measure at the best shift, not weighted.
    pub correlation: f64,
    /// The same, weighted to compete with others.
    promise: f64,
}

impl Proposal {
    fn order(&self, other: &Self) -> Ordering {
        let offset = |it: &Self| Offset { transposition: it.transposition, shift: 0 };
        other
            .promise
            .total_cmp(&self.promise)
            .then_with(|| offset(self).cmp_preference(&offset(other)))
            .then_with(|| self.alteration.cmp_plainness(&other.alteration))
    }
}

/// The best proposals of a pair, the most promising first.
#[derive(Debug, Clone)]
pub(crate) struct Proposals {
    best: Vec<Proposal>,
    /// How many are wanted.
    most: usize,
}

impl Proposals {
    /// So many of an exemplar that is drawn under each alteration. The query's pixels that are lit count when one is
    /// looked for in the other.
    pub(crate) fn of_drawings(
        comparer: &Comparer,
        fragment: &Prepared,
        exemplar: &AlteredExemplar,
        most: usize,
    ) -> Self {
        let mut proposals = Self::none(most);
        for (alteration, _, roll) in exemplar.drawings() {
            let (lowest, tops) = comparer.planner.brightest_by_transposition(fragment, roll, &comparer.search());
            let (x, k) = (fragment.roll().energy(), roll.roll().energy());
            let similarity = |brightness: f64| match comparer.extent {
                Extent::Whole => cosine(brightness, x, k),
                Extent::Contained => cosine(brightness, x, x),
                Extent::Containing => cosine(brightness, k, k),
            };
            let weight = comparer.weights.promise(&alteration);
            proposals.offer((alteration, weight), (lowest..).zip(tops.into_iter().map(similarity)));
        }
        proposals
    }

    /// So many of an exemplar on a shelf, by its index.
    pub(crate) fn on_shelf(
        evaluator: &mut Evaluator<'_>,
        (index, most): (usize, usize),
        scratch: &mut Scratch,
    ) -> Self {
        let mut proposals = Self::none(most);
        let Scratch { reach, order, cosines } = scratch;
        reach.clear();
        evaluator.bound(index, 1.0, 0.0, reach);
        // What is bounded is the weighted cosine, and promises are weighted by the same numbers. The most promising
        // alterations come first, so that others are passed over.
        order.clear();
        order.extend(0..reach.len());
        order.sort_unstable_by(|&a, &b| reach[b].total_cmp(&reach[a]));
        for &alteration in order.iter() {
            let floor = proposals.floor();
            if reach[alteration] < floor {
                break;
            }
            let altered = evaluator.cosines_by_transposition((index, alteration), floor, cosines);
            proposals.offer(altered, cosines.iter().copied());
        }
        proposals
    }

    fn none(most: usize) -> Self {
        Self { best: Vec::with_capacity(most), most }
    }

    /// Takes those transpositions of an alteration and its weight, with their correlations, that are among the best.
    fn offer(&mut self, (alteration, weight): (Alteration, f64), correlations: impl Iterator<Item = (i32, f64)>) {
        let mut floor = self.floor();
        for (transposition, correlation) in correlations {
            let promise = weight * correlation;
            if promise <= 0.0 || promise < floor {
                continue;
            }
            let proposal = Proposal { alteration, transposition, correlation, promise };
            let place = self.best.partition_point(|it| it.order(&proposal).is_lt());
            if place < self.most {
                self.best.truncate(self.most - 1);
                self.best.insert(place, proposal);
                floor = self.floor();
            }
        }
    }

    /// The least promise that is still among the best.
    fn floor(&self) -> f64 {
        self.best.get(self.most - 1).map_or(0.0, |last| last.promise)
    }

    /// The best, the most promising first.
    pub(crate) fn as_slice(&self) -> &[Proposal] {
        &self.best
    }
}

/// Memory that is kept from one exemplar to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    reach: Vec<f64>,
    order: Vec<usize>,
    cosines: Vec<(i32, f64)>,
}
