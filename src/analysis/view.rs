//! Pictures of sound: what is told of each moment, as values from 0 to 1.

use ndarray::Array2;

use super::onset::{self, Aggregate};
use super::{ConstantQ, ConstantQSettings, Reference, Signal, Stft, amplitude_to_db, chroma, mel, power_to_db};
use crate::error::Result;

/// What is drawn of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// The power spectrum, 80 dB, by linear frequency: 1025 rows.
    Spectrogram,
    /// The power spectrum in 128 mel bands, 80 dB.
    Mel,
    /// The magnitude of the constant-Q transform, 80 dB: 84 semitones from C1.
    ConstantQ,
    /// Twenty mel-frequency cepstral coefficients, each over its own range.
    Mfcc,
    /// Chroma of the constant-Q transform: the twelve pitch classes from C on.
    Chroma,
    /// Onset strength over its greatest value: one row.
    Onset,
}

/// Decibels below the loudest that are drawn dark.
const RANGE: f32 = 80.0;

impl View {
    /// Samples from one frame to the next.
    pub const HOP: usize = 512;

    /// The picture of a signal: rows (the lowest first) x frames, from 0 (dark) to 1 (bright).
    ///
    /// ```
    /// use judge::analysis::{Signal, View};
    ///
    /// let samples: Vec<f32> = (0..22_050).map(|i| (i as f32 * 440.0 * std::f32::consts::TAU / 22_050.0).sin()).collect();
    /// let picture = View::Mel.of(Signal::new(&samples, 22_050)?)?;
    /// assert_eq!(picture.dim(), (128, 44));
    /// assert!(picture.iter().all(|value| (0.0..=1.0).contains(value)));
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the methods that compute it: for sample rates that they do not take.
    pub fn of(self, signal: Signal<'_>) -> Result<Array2<f32>> {
        let stft = Stft::default();
        let decibels = |levels: Array2<f32>| levels.mapv(|level| (level / RANGE + 1.0).clamp(0.0, 1.0));
        Ok(match self {
            Self::Spectrogram => {
                decibels(power_to_db(stft.power(signal.samples()).view(), Reference::Max, Some(RANGE)))
            }
            Self::Mel => {
                decibels(power_to_db(mel::spectrogram(&stft, signal, 128).view(), Reference::Max, Some(RANGE)))
            }
            Self::ConstantQ => {
                let transform = ConstantQ::new(signal.sample_rate(), ConstantQSettings::default())?;
                let magnitude = transform.magnitude(signal.samples());
                decibels(amplitude_to_db(magnitude.view(), Reference::Max, Some(RANGE)))
            }
            Self::Mfcc => each_in_range(mel::mfcc(&stft, signal, 20)),
            Self::Chroma => chroma::of_constant_q(signal, Self::HOP, None)?,
            Self::Onset => {
                let strengths = onset::strength(&stft, signal, Aggregate::Mean);
                let most = strengths.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
                Array2::from_shape_fn((1, strengths.len()), |(_, frame)| strengths[frame] / most)
            }
        })
    }
}

/// Each row from its least to its greatest value.
fn each_in_range(mut values: Array2<f32>) -> Array2<f32> {
    for mut row in values.outer_iter_mut() {
        let (least, most) = row.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let span = (most - least).max(f32::MIN_POSITIVE);
        row.mapv_inplace(|value| (value - least) / span);
    }
    values
}
