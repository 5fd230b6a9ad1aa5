//! How much likeness an alteration leaves to the ear.

use serde::{Deserialize, Serialize};

use crate::alteration::Alteration;

/// How the full measure weighs likeness under an alteration.
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

/// A mirrored likeness is raised to this power besides: where it is weak it is the likelier by chance.
const DOUBT: f64 = 1.3;

impl Default for AlterationWeights {
    fn default() -> Self {
        Self { mirrored: 0.9, octave_of_stretch: 0.95 }
    }
}

impl AlterationWeights {
    /// The factor of an alteration.
    pub fn weight(&self, alteration: &Alteration) -> f64 {
        let mirrored = if alteration.is_mirrored() { self.mirrored } else { 1.0 };
        mirrored * self.octave_of_stretch.powf(alteration.stretch.as_f64().log2().abs())
    }

    /// What a likeness, 0 to 1, counts when it is one under an alteration: no more than it is. It rises with the likeness.
    pub fn weigh(&self, alteration: &Alteration, likeness: f64) -> f64 {
        let likeness = if alteration.is_mirrored() { likeness.powf(DOUBT) } else { likeness };
        self.weight(alteration) * likeness
    }

    /// The factor by which the correlation under an alteration competes with others to be examined. Plain ones get
    /// more room than their weight alone would give them, since they are right more often.
    pub(crate) fn promise(&self, alteration: &Alteration) -> f64 {
        self.weight(alteration).powi(3)
    }
}
