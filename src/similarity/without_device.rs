//! What stands for exemplars on a graphics processor where that is not built in: there are none.

use std::convert::Infallible;

use super::evaluator::Exemplars;
use super::search::{Best, Task};
use super::shelf::Shelf;
use crate::correlate::Prepared;

/// The exemplars of a shelf on the device.
#[derive(Debug)]
pub(crate) struct DeviceShelf(Infallible);

impl DeviceShelf {
    /// There is none.
    pub(crate) fn open(_: &Shelf, _: &dyn Fn(usize) -> (usize, f64)) -> Option<Self> {
        None
    }

    /// The similarities of each fragment to all exemplars.
    pub(crate) fn similarities(&self, _: Exemplars<'_>, _: &[Prepared]) -> Vec<Vec<f64>> {
        match self.0 {}
    }

    /// The best exemplars for each fragment.
    pub(crate) fn best(&self, _: &Task<'_>, _: &[Prepared]) -> Vec<Best> {
        match self.0 {}
    }
}
