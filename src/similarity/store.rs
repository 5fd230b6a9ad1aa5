//! Exemplars ready to be compared: on a shelf where that suits, else each drawn under every alteration.

use rayon::prelude::*;

use super::comparer::{AlteredExemplar, Comparer};
use super::evaluator::Exemplars;
use super::examine::{Examined, examine};
use super::proposal::{Proposals, Scratch};
use super::sequence::{Sequence, Sequences};
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

    /// Examines a fragment with some of the exemplars, note by note; none where nothing meets.
    pub(crate) fn examine<'a>(
        &self,
        comparer: &Comparer,
        fragments: &(dyn Fn(usize) -> &'a Fragment + Sync),
        (roll, sequence): (&Prepared, &Sequence),
        indices: impl Iterator<Item = usize>,
    ) -> Vec<Option<Examined>> {
        let examine = |index: usize, proposals: Proposals| {
            let sequences = Sequences::new(fragments(index));
            examine(comparer.extent, &comparer.weights, sequence, &sequences, &proposals)
        };
        match self {
            Self::Shelf(shelf) => {
                let draw = |index: usize, alteration: &_| comparer.rendering.draw(fragments(index), alteration);
                Exemplars { shelf, comparer, draw: &draw }.evaluate(roll, |evaluator| {
                    let mut scratch = Scratch::default();
                    indices
                        .map(|index| examine(index, Proposals::on_shelf(comparer, evaluator, index, &mut scratch)))
                        .collect()
                })
            }
            Self::Drawn(drawn) => indices
                .map(|index| examine(index, Proposals::of_drawings(comparer, roll, &drawn[index])))
                .collect(),
        }
    }
}
