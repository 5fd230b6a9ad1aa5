//! Many fragments against a shelf, on a graphics processor.

use std::fmt;

use rayon::prelude::*;

use super::evaluator::Exemplars;
use super::search::{Best, Task, search};
use super::shelf::Shelf;
use crate::correlate::Prepared;
use crate::correlate::cuda::{CudaShelf, Query, ShelfSource};
use crate::correlate::sparse::outline::Outline;

impl ShelfSource for Shelf {
    fn size(&self) -> (usize, usize) {
        (self.len(), self.stretches())
    }

    fn outline(&self, exemplar: usize, stretch: usize) -> Option<Outline<'_>> {
        // Mirrors come in order, none first.
        self.outline(exemplar, stretch, 0)
    }

    fn ink(&self, exemplar: usize) -> (&[u8], &[u16]) {
        self.inks(exemplar).parts()
    }

    fn mirrors(&self) -> &[(bool, bool)] {
        self.mirrors()
    }

    fn weight(&self, stretch: usize, mirror: usize) -> f64 {
        self.weight(stretch, mirror)
    }
}

/// The exemplars of a shelf on the device.
pub(crate) struct DeviceShelf(CudaShelf);

impl DeviceShelf {
    /// Sends a shelf to the device; where it cannot, that is told in the log.
    pub(crate) fn open(shelf: &Shelf, side_and_weight: &dyn Fn(usize) -> (usize, f64)) -> Option<Self> {
        match CudaShelf::new(shelf, side_and_weight) {
            Ok(device) => {
                log::info!("{} exemplars on the graphics processor, {} MiB", shelf.len(), device.bytes() >> 20);
                Some(Self(device))
            }
            Err(refusal) => {
                log::warn!("{refusal}: the graphics processor is not used");
                None
            }
        }
    }

    /// The best exemplars for each fragment, as [`search`] finds them for one. What the device cannot take, or all
    /// when it fails, is searched by the processor.
    pub(crate) fn best(&self, task: &Task<'_>, fragments: &[Prepared]) -> Vec<Best> {
        let query = Query { top: task.top, least: task.floors.least, exhaustive: task.exhaustive };
        let rolls: Vec<_> = fragments.iter().map(Prepared::roll).collect();
        let found = self.0.best(&rolls, query).unwrap_or_else(|fault| {
            log::warn!("{fault}: the search goes on without it");
            vec![None; fragments.len()]
        });
        let whole = |(found, fragment): (Option<Best>, &Prepared)| match found {
            Some(mut best) => {
                self.add_unfit(task, fragment, &mut best);
                best
            }
            None => search(task, fragment),
        };
        found.into_par_iter().zip(fragments).map(whole).collect()
    }

    /// The similarities of each fragment to all exemplars, weights of exemplars left out.
    pub(crate) fn similarities(&self, exemplars: Exemplars<'_>, fragments: &[Prepared]) -> Vec<Vec<f64>> {
        let rolls: Vec<_> = fragments.iter().map(Prepared::roll).collect();
        let found = self.0.similarities(&rolls).unwrap_or_else(|fault| {
            log::warn!("{fault}: the comparison goes on without it");
            vec![None; fragments.len()]
        });
        let whole = |(found, fragment): (Option<Vec<f64>>, &Prepared)| {
            let missing: Vec<usize> =
                if found.is_some() { self.0.unfit.clone() } else { (0..exemplars.shelf.len()).collect() };
            let mut row = found.unwrap_or_else(|| vec![0.0; exemplars.shelf.len()]);
            if !missing.is_empty() {
                let reach = vec![f64::INFINITY; exemplars.shelf.stretches() * exemplars.shelf.mirrors().len()];
                exemplars.evaluate(fragment, |evaluator| {
                    missing.iter().for_each(|&index| row[index] = evaluator.most_similar(index, 1.0, &reach));
                });
            }
            row
        };
        found.into_par_iter().zip(fragments).map(whole).collect()
    }

    /// Adds the exemplars that are not on the device to the best that it found.
    fn add_unfit(&self, task: &Task<'_>, fragment: &Prepared, best: &mut Best) {
        if self.0.unfit.is_empty() {
            return;
        }
        let Exemplars { shelf, .. } = task.exemplars;
        let reach = vec![f64::INFINITY; shelf.stretches() * shelf.mirrors().len()];
        task.exemplars.evaluate(fragment, |evaluator| {
            for &index in &self.0.unfit {
                let (side, weight) = (task.side)(index);
                let similarity = evaluator.most_similar(index, weight, &reach);
                if similarity >= task.floors.least[side] {
                    best[side].push((index, similarity));
                }
            }
        });
        for best in best {
            best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            best.truncate(task.top);
        }
    }
}

impl fmt::Debug for DeviceShelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceShelf").finish_non_exhaustive()
    }
}
