//! Stands for networks where the feature `onnx` is off.

use std::path::Path;

use super::recipe::Recipe;
use crate::bank::{Bank, NetworkOptions, Picture};
use crate::error::{Error, NetworkProblem, Result};
use crate::scorer::{Candidate, Opinion, Scorer};

/// A network that tells how probable it is that a fragment is good; there is none without the feature `onnx`.
#[derive(Debug)]
pub enum Network {}

impl Network {
    /// Reads no network.
    ///
    /// # Errors
    /// [`Error::Network`] always: it says what to rebuild.
    pub fn open(path: impl AsRef<Path>, _: NetworkOptions) -> Result<Self> {
        Err(Error::Network { origin: path.as_ref().into(), problem: NetworkProblem::NotBuiltIn })
    }

    /// None, unless the bank names one.
    ///
    /// # Errors
    /// [`Error::Network`] when a bank names a network.
    pub fn of_bank(bank: &Bank) -> Result<Option<(Self, f64)>> {
        match (bank.network_path()?, &bank.settings().cnn) {
            (Some(path), Some(settings)) => Ok(Some((Self::open(path, settings.options)?, settings.weight))),
            _ => Ok(None),
        }
    }

    /// Of no network.
    pub fn path(&self) -> &Path {
        match *self {}
    }

    /// Of no network.
    pub fn recipe(&self) -> Option<&Recipe> {
        match *self {}
    }

    /// Of no network.
    pub fn picture(&self) -> Picture {
        match *self {}
    }
}

impl Scorer for Network {
    fn opinions(&self, _: &[Candidate<'_>]) -> Result<Vec<Opinion>> {
        match *self {}
    }
}
