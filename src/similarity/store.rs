//! Exemplars ready to be compared: on a shelf where that suits, else each drawn under every alteration.

use rayon::prelude::*;

use super::comparer::{AlteredExemplar, Comparer};
use super::evaluator::{Evaluator, Exemplars};
use super::full::Fragments;
use super::proposal::{Proposals, Scratch};
use super::shelf::Shelf;
use crate::correlate::Prepared;
use crate::note::Fragment;

/// Exemplars, ready to be compared.
#[derive(Debug)]
pub(crate) enum Store {
    /// Kept small, searched with skipping: for wholes under every offset.
    Shelf(Shelf),
    /// Each drawn under every alteration.
    Drawn(Vec<AlteredExemplar>),
}

impl Store {
    /// Makes exemplars ready as the comparer asks for.
    pub(crate) fn new<'a>(comparer: &Comparer, len: usize, fragment: impl Fn(usize) -> &'a Fragment + Sync) -> Self {
        if comparer.suits_a_shelf() {
            Self::Shelf(Shelf::new(comparer, len, fragment))
        } else {
            Self::Drawn((0..len).into_par_iter().map(|index| comparer.exemplar(fragment(index))).collect())
        }
    }

    /// Lends what the placements of a fragment on single exemplars are found with.
    pub(crate) fn lend<R>(
        &self,
        comparer: &Comparer,
        fragments: &Fragments<'_>,
        roll: &Prepared,
        work: impl FnOnce(Lent<'_, '_>) -> R,
    ) -> R {
        match self {
            Self::Shelf(shelf) => {
                let draw = |index: usize, alteration: &_| comparer.rendering.draw(fragments(index), alteration);
                Exemplars { shelf, comparer, draw: &draw }.evaluate(roll, |evaluator| work(Lent::Shelf(evaluator)))
            }
            Self::Drawn(drawn) => work(Lent::Drawn(drawn)),
        }
    }
}

/// What placements on single exemplars are found with.
pub(crate) enum Lent<'a, 'b> {
    Shelf(&'a mut Evaluator<'b>),
    Drawn(&'a [AlteredExemplar]),
}

impl Lent<'_, '_> {
    /// So many proposals of a fragment's roll and an exemplar, by its index.
    pub(crate) fn proposals(
        &mut self,
        comparer: &Comparer,
        roll: &Prepared,
        (index, most): (usize, usize),
        scratch: &mut Scratch,
    ) -> Proposals {
        match self {
            Self::Shelf(evaluator) => Proposals::on_shelf(comparer, evaluator, (index, most), scratch),
            Self::Drawn(drawn) => Proposals::of_drawings(comparer, roll, &drawn[index], most),
        }
    }
}
