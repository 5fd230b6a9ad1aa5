//! What stands for exemplars on a graphics processor where that is not built in: there are none.

use std::convert::Infallible;

use super::search::{Best, Task};
use super::shelf::Shelf;
use crate::correlate::{Absent, Prepared};

/// The exemplars of a shelf on the device.
#[derive(Debug)]
pub(crate) struct DeviceShelf(Infallible);

impl DeviceShelf {
    /// Says that it cannot.
    pub(crate) fn new(_: &Shelf, _: &dyn Fn(usize) -> (usize, f64)) -> Result<Self, String> {
        Err(Absent::NotBuilt.to_string())
    }

    /// The best exemplars for each fragment.
    pub(crate) fn best(&self, _: &Task<'_>, _: &[Prepared]) -> Vec<Best> {
        match self.0 {}
    }
}
