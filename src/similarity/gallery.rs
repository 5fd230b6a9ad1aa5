//! Many exemplars that a fragment is compared with all at once.

use rayon::prelude::*;

use super::Measure;
use super::comparer::Comparer;
use super::device::DeviceShelf;
use super::evaluator::{Evaluator, Exemplars};
use super::full::{Full, Subject};
use super::offload::Offload;
use super::shelf::Shelf;
use super::store::Store;
use crate::correlate::Prepared;
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
    /// When that is the measure.
    full: Option<Full>,
    /// The store on a graphics processor, when it was worth it.
    offload: Offload,
    exhaustive: bool,
}

impl<'a> Gallery<'a> {
    /// Makes exemplars ready. With `exhaustive`, alterations that cannot be the best are computed
    /// all the same, which changes nothing but the time it takes.
    pub fn new(comparer: &'a Comparer, fragments: Vec<&'a Fragment>, exhaustive: bool) -> Self {
        let store = Store::new(comparer, fragments.len(), |index| fragments[index]);
        let full = (comparer.measure == Measure::Full).then(|| Full::new(comparer, fragments.len()));
        Self { comparer, fragments, store, full, offload: Offload::default(), exhaustive }
    }

    /// The similarity of a fragment to each exemplar, in their order: as
    /// [`Comparer::similarity`].
    pub fn similarities(&self, fragment: &Fragment) -> Vec<f64> {
        self.similarities_from(0, fragment)
    }

    /// [`similarities`](Self::similarities) of many fragments, on all threads or on a graphics processor; `each` is
    /// called whenever a row is done.
    pub fn similarities_of(&self, fragments: &[&Fragment], each: impl Fn() + Sync) -> Vec<Vec<f64>> {
        if self.full.is_none()
            && let Store::Shelf(shelf) = &self.store
            && let Some(device) = self.device(shelf, fragments.len())
        {
            let rolls: Vec<Prepared> = fragments.par_iter().map(|fragment| self.comparer.fragment(fragment)).collect();
            let rows = self.on_shelf(shelf, |exemplars| device.similarities(exemplars, &rolls));
            rows.iter().for_each(|_| each());
            return rows;
        }
        let row = |fragment: &&Fragment| {
            let row = self.similarities(fragment);
            each();
            row
        };
        fragments.par_iter().with_max_len(1).map(row).collect()
    }

    /// The exemplars on the graphics processor, where so many fragments are worth it.
    fn device(&self, shelf: &Shelf, fragments: usize) -> Option<&DeviceShelf> {
        self.offload.device(self.comparer.planner, shelf, fragments, &|_| (0, 1.0))
    }

    /// Lends the exemplars of the shelf.
    fn on_shelf<R>(&self, shelf: &Shelf, work: impl FnOnce(Exemplars<'_>) -> R) -> R {
        let draw = |index: usize, alteration: &_| self.comparer.rendering.draw(self.fragments[index], alteration);
        work(Exemplars { shelf, comparer: self.comparer, draw: &draw })
    }

    /// The similarities of all exemplars to each other, on all threads; `each` is called whenever a
    /// row is done. Where likeness is the same in both directions one half is computed.
    ///
    /// ```
    /// # use judge::similarity::{Comparer, Gallery};
    /// # use judge::Fragment;
    /// # let up = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0)])?;
    /// # let down = Fragment::from_quarters(&[(62, 0.0, 1.0), (60, 1.0, 1.0)])?;
    /// # let comparer = Comparer::default();
    /// let gallery = Gallery::new(&comparer, vec![&up, &down], false);
    /// let table = gallery.table(|| ());
    /// assert_eq!(table.row(1).collect::<Vec<_>>(), gallery.similarities(&down));
    /// # Ok::<(), judge::Error>(())
    /// ```
    pub fn table(&self, each: impl Fn() + Sync) -> Table {
        if self.full.is_none()
            && let Store::Shelf(shelf) = &self.store
            && self.device(shelf, self.fragments.len()).is_some()
        {
            return Table { rows: self.similarities_of(&self.fragments, each), halved: false };
        }
        let halved = self.comparer.is_symmetric();
        let row = |(index, fragment): (usize, &&Fragment)| {
            let row = self.similarities_from(if halved { index } else { 0 }, fragment);
            each();
            row
        };
        Table { rows: self.fragments.par_iter().with_max_len(1).enumerate().map(row).collect(), halved }
    }

    /// The similarity of a fragment to each exemplar from `first` on.
    fn similarities_from(&self, first: usize, fragment: &Fragment) -> Vec<f64> {
        let roll = self.comparer.fragment(fragment);
        if let Some(full) = &self.full {
            let sets = (&self.store, &|index: usize| self.fragments[index] as &Fragment);
            let subject = Subject::new(fragment, &roll);
            let found = full.compare(self.comparer, (sets.0, sets.1), &subject, first..self.fragments.len());
            return found.into_iter().map(|found| found.map_or(0.0, |found| found.similarity)).collect();
        }
        match &self.store {
            Store::Drawn(exemplars) => {
                exemplars[first..].iter().map(|it| self.comparer.similarity(&roll, it)).collect()
            }
            Store::Shelf(shelf) => self.on_shelf(shelf, |exemplars| {
                exemplars.evaluate(&roll, |evaluator| self.on_a_shelf(shelf, evaluator, first))
            }),
        }
    }

    fn on_a_shelf(&self, shelf: &Shelf, evaluator: &mut Evaluator<'_>, first: usize) -> Vec<f64> {
        let alterations = shelf.stretches() * shelf.mirrors().len();
        // A bound on the only alteration would not save anything.
        let skip = !self.exhaustive && alterations > 1;
        let mut reach = vec![f64::INFINITY; alterations];
        (first..shelf.len())
            .map(|index| {
                if skip {
                    reach.clear();
                    evaluator.bound(index, 1.0, 0.0, &mut reach);
                }
                evaluator.most_similar(index, 1.0, &reach)
            })
            .collect()
    }
}

/// The similarities of fragments to each other: of each as a fragment (row) to each as an exemplar.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    rows: Vec<Vec<f64>>,
    /// Whether each row begins with the similarity to itself, those before being in other rows.
    halved: bool,
}

impl Table {
    /// How many fragments.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The similarities of a fragment to each exemplar, in their order.
    ///
    /// # Panics
    /// When there are not so many fragments.
    pub fn row(&self, index: usize) -> impl Iterator<Item = f64> {
        let before = if self.halved { index } else { 0 };
        let mirrored = (0..before).map(move |column| self.rows[column][index - column]);
        mirrored.chain(self.rows[index].iter().copied())
    }
}
