//! How much likeness an alteration leaves to the ear.

use serde::{Deserialize, Serialize};

use crate::alteration::Alteration;

/// Factors of the full measure, from 0 to 1; all are 1 in the correlation measure.
///
/// A theme upside down or backwards is a likeness that the eye finds sooner than the ear (Dowling,
/// "Recognition of melodic transformations", 1972), and each further alteration that is tried is
/// one more chance for unrelated music to match. The defaults were chosen on tune families and
/// known transformations, see ARCHITECTURE.md.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlterationWeights {
    /// For a picture that is mirrored, in pitch or time or both.
    pub mirrored: f64,
    /// For a stretch by 2 or 1/2; other ratios in proportion to their logarithm.
    pub octave_of_stretch: f64,
}

impl Default for AlterationWeights {
    fn default() -> Self {
        Self { mirrored: 0.9, octave_of_stretch: 0.93 }
    }
}

impl AlterationWeights {
    /// Every alteration counts in full.
    pub const NONE: Self = Self { mirrored: 1.0, octave_of_stretch: 1.0 };

    /// The factor of an alteration.
    pub fn weight(&self, alteration: &Alteration) -> f64 {
        let mirrored = if alteration.is_mirrored() { self.mirrored } else { 1.0 };
        mirrored * self.octave_of_stretch.powf(alteration.stretch.as_f64().log2().abs())
    }
}
