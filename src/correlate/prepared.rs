//! A roll with what the correlators derive from it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::fft::{Precision, Size, Spectra, Transform};
use super::sparse::Events;
use super::sparse::outline::{Change, Outline, OutlineHead, trace};
use crate::roll::PianoRoll;

/// A roll made ready for correlation: what a correlator derives from it is kept when first asked for.
///
/// Prepare a roll once and correlate it often; it may be shared between threads.
#[derive(Debug)]
pub struct Prepared {
    roll: PianoRoll,
    events: OnceLock<Events>,
    outline: OnceLock<Option<(OutlineHead, Vec<Change>)>>,
    spectra: Mutex<Spectra>,
}

impl Clone for Prepared {
    /// The roll; what is derived from it is derived anew.
    fn clone(&self) -> Self {
        Self::new(self.roll.clone())
    }
}

impl Prepared {
    /// Makes a roll ready.
    pub fn new(roll: PianoRoll) -> Self {
        Self { roll, events: OnceLock::new(), outline: OnceLock::new(), spectra: Mutex::default() }
    }

    /// The roll itself.
    pub fn roll(&self) -> &PianoRoll {
        &self.roll
    }

    pub(super) fn events(&self) -> &Events {
        self.events.get_or_init(|| Events::of(&self.roll))
    }

    /// The outline of a roll of zeros and ones that is small enough to have one.
    pub(super) fn outline(&self) -> Option<Outline<'_>> {
        let traced = self.outline.get_or_init(|| {
            let mut changes = Vec::new();
            trace(&self.roll, &mut changes).map(|head| (head, changes))
        });
        let (head, changes) = traced.as_ref()?;
        Some(Outline { head: *head, changes, inverted: false, retrograde: false })
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
