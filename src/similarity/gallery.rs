//! Many exemplars that a fragment is compared with all at once.

use rayon::prelude::*;

use super::comparer::{AlteredExemplar, Comparer};
use super::search::{Floors, Task, similarities};
use super::shelf::Shelf;
use crate::note::Fragment;

/// Exemplars without labels, for tables of similarities.
///
/// ```
/// use judge::similarity::{Comparer, Gallery};
/// use judge::Fragment;
///
/// let up = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0)])?;
/// let down = Fragment::from_quarters(&[(62, 0.0, 1.0), (60, 1.0, 1.0)])?;
/// let comparer = Comparer::default();
/// let gallery = Gallery::new(&comparer, vec![&up, &down], false);
/// let similarities = gallery.similarities(&up);
/// assert_eq!(similarities[0], 1.0);
/// assert!(similarities[1] < 1.0);
/// # Ok::<(), judge::Error>(())
/// ```
#[derive(Debug)]
pub struct Gallery<'a> {
    comparer: &'a Comparer,
    fragments: Vec<&'a Fragment>,
    store: Store,
    exhaustive: bool,
}

#[derive(Debug)]
enum Store {
    Shelf(Shelf),
    Drawn(Vec<AlteredExemplar>),
}

impl<'a> Gallery<'a> {
    /// Makes exemplars ready. With `exhaustive`, alterations that cannot be the best are computed
    /// all the same, which changes nothing but the time it takes.
    pub fn new(comparer: &'a Comparer, fragments: Vec<&'a Fragment>, exhaustive: bool) -> Self {
        let store = if comparer.suits_a_shelf() {
            Store::Shelf(Shelf::new(comparer, fragments.len(), |index| fragments[index]))
        } else {
            Store::Drawn(fragments.par_iter().map(|fragment| comparer.exemplar(fragment)).collect())
        };
        Self { comparer, fragments, store, exhaustive }
    }

    /// The similarity of a fragment to each exemplar, in their order: as
    /// [`Comparer::similarity`].
    pub fn similarities(&self, fragment: &Fragment) -> Vec<f64> {
        let roll = self.comparer.fragment(fragment);
        match &self.store {
            Store::Drawn(exemplars) => exemplars.iter().map(|it| self.comparer.similarity(&roll, it)).collect(),
            Store::Shelf(shelf) => similarities(&Task {
                shelf,
                comparer: self.comparer,
                fragment: &roll,
                exemplar: &|_| (0, 1.0),
                draw: &|index, alteration| self.comparer.rendering.draw(self.fragments[index], alteration),
                top: 0,
                floors: Floors::default(),
                exhaustive: self.exhaustive,
            }),
        }
    }
}
