//! What stands for the backend where it is not built in: it is always absent.

use std::convert::Infallible;

use super::Absent;
use crate::correlate::{Backend, Correlator, Lags, Overlap, Prepared};

/// Exact correlation on a graphics processor; this build has none.
#[derive(Debug, Clone, Copy)]
pub struct Cuda(Infallible);

impl Cuda {
    /// The first device.
    ///
    /// # Errors
    /// Always [`Absent::NotBuilt`].
    pub fn new() -> Result<Self, Absent> {
        Err(Absent::NotBuilt)
    }

    /// What the device is called.
    pub fn name(&self) -> &str {
        match self.0 {}
    }

    /// Its compute capability, such as (9, 0).
    pub fn capability(&self) -> (i32, i32) {
        match self.0 {}
    }

    /// How many multiprocessors it has.
    pub fn multiprocessors(&self) -> u32 {
        match self.0 {}
    }

    /// Bytes of its memory that are not in use.
    pub fn unused_memory(&self) -> usize {
        match self.0 {}
    }
}

impl Correlator for Cuda {
    fn backend(&self) -> Backend {
        match self.0 {}
    }

    fn overlap(&self, _: &Prepared, _: &Prepared, _: &Lags) -> Overlap {
        match self.0 {}
    }
}
