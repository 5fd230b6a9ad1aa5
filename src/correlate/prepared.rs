//! A roll with what the correlators derive from it.

use std::sync::{Arc, Mutex, PoisonError};

use super::fft::{Precision, Size, Spectra, Transform};
use super::sparse::Events;
use crate::roll::PianoRoll;

/// A roll made ready for correlation: its note events at once, its spectra when first asked for.
///
/// Prepare a roll once and correlate it often; it may be shared between threads.
#[derive(Debug)]
pub struct Prepared {
    roll: PianoRoll,
    events: Events,
    spectra: Mutex<Spectra>,
}

impl Prepared {
    /// Makes a roll ready.
    pub fn new(roll: PianoRoll) -> Self {
        Self { events: Events::of(&roll), roll, spectra: Mutex::default() }
    }

    /// The roll itself.
    pub fn roll(&self) -> &PianoRoll {
        &self.roll
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// The spectrum at a padded size, computed by `compute` when it is not there yet.
    ///
    /// Two threads may compute the same one; both get the same bits, so it does not matter whose stays.
    pub(super) fn spectrum<T: Precision>(
        &self,
        size: Size,
        compute: impl FnOnce() -> Transform<T>,
    ) -> Arc<Transform<T>> {
        let lock = || self.spectra.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = T::slots(&mut lock()).find(size) {
            return found;
        }
        let made = Arc::new(compute());
        T::slots(&mut lock()).keep(size, &made);
        made
    }
}

impl From<PianoRoll> for Prepared {
    fn from(roll: PianoRoll) -> Self {
        Self::new(roll)
    }
}
