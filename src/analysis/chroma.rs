//! Chroma: what sounds in each of the twelve pitch classes, C first; and the tonal centroid.

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView2};

use super::cqt::{ConstantQ, ConstantQSettings};
use super::filterbank::Filterbank;
use super::signal::Signal;
use super::stft::{Stft, columns};
use super::tuning;
use crate::error::{Error, Result};

const CLASSES: usize = 12;

/// Where the pitch classes are heard best, in octaves above A0 (27.5 Hz), and how far around there (the standard
/// deviation of a Gaussian).
const CENTRE: f64 = 5.0;
const WIDTH: f64 = 2.0;

/// Bins of the constant-Q transform for each semitone.
const BINS_PER_SEMITONE: usize = 3;

/// The weights of frequency bins in pitch classes, by Ellis (*Chroma feature analysis and synthesis*, 2007): a Gaussian
/// around each pitch class, of unit norm over the classes, under a Gaussian around A5. `tuning` is in semitones. Shape:
/// `[12, bins]`.
pub fn filters(stft: &Stft, sample_rate: u32, tuning: f64) -> Array2<f32> {
    filterbank(stft, sample_rate, tuning).dense(stft.bins())
}

/// Chroma from the power spectrum, the loudest pitch class of each frame being 1. `tuning` is in semitones, and
/// estimated where it is not given. Shape: `[12, frames]`.
///
/// ```
/// use judge::analysis::{Signal, Stft, chroma};
///
/// let samples: Vec<f32> = (0..22_050).map(|i| (i as f32 * 440.0 * std::f32::consts::TAU / 22_050.0).sin()).collect();
/// let chroma = chroma::of_spectrum(&Stft::default(), Signal::new(&samples, 22_050)?, None);
/// assert_eq!(chroma[(9, 20)], 1.0); // A
/// # Ok::<(), judge::Error>(())
/// ```
pub fn of_spectrum(stft: &Stft, signal: Signal<'_>, tuning: Option<f64>) -> Array2<f32> {
    let tuning = tuning.unwrap_or_else(|| tuning::estimate_of_power(stft, signal, CLASSES));
    let filters = filterbank(stft, signal.sample_rate(), tuning);
    let mut values = Vec::with_capacity(CLASSES * stft.frames(signal.samples().len()));
    stft.for_each_power(signal.samples(), |_, power| {
        let start = values.len();
        values.extend(filters.sums(power));
        normalise(&mut values[start..]);
    });
    columns(CLASSES, values)
}

/// Chroma from the constant-Q transform of seven octaves from C1, 36 bins each, the loudest pitch class of each frame
/// being 1. `tuning` is in bins of a third of a semitone, and estimated where it is not given. Shape: `[12, frames]`.
///
/// # Errors
/// As [`ConstantQ::new`]: when the sample rate is too low for B7 (it must be a little above 8 kHz), or the hop is 0.
pub fn of_constant_q(signal: Signal<'_>, hop: usize, tuning: Option<f64>) -> Result<Array2<f32>> {
    let bins_per_octave = CLASSES * BINS_PER_SEMITONE;
    let tuning = tuning.unwrap_or_else(|| tuning::estimate(&Stft::default(), signal, bins_per_octave));
    let settings =
        ConstantQSettings { hop, bins: 7 * bins_per_octave, bins_per_octave, tuning, ..ConstantQSettings::default() };
    let magnitudes = ConstantQ::new(signal.sample_rate(), settings)?.magnitude(signal.samples());
    fold(magnitudes.view(), settings)
}

/// Folds the magnitudes of a constant-Q transform with these settings into pitch classes, the loudest of each frame
/// being 1. Bins are counted to the nearest semitone. Shape: `[bins, frames]` to `[12, frames]`.
///
/// # Errors
/// [`Error::Option`] when an octave has no whole number of bins for a semitone, or the lowest frequency is not above 0.
pub fn fold(magnitudes: ArrayView2<'_, f32>, settings: ConstantQSettings) -> Result<Array2<f32>> {
    let ConstantQSettings { lowest, bins_per_octave, .. } = settings;
    if bins_per_octave == 0 || !bins_per_octave.is_multiple_of(CLASSES) {
        let value = bins_per_octave.to_string();
        return Err(Error::Option { name: "bins per octave", value, expected: "a multiple of 12" });
    }
    if !(lowest > 0.0 && lowest.is_finite()) {
        return Err(Error::Option { name: "lowest frequency", value: lowest.to_string(), expected: "above 0 hertz" });
    }
    let merged = bins_per_octave / CLASSES;
    let first = (69.0 + 12.0 * (lowest / 440.0).log2()).rem_euclid(12.0).round() as usize;
    let mut values = vec![0.0; CLASSES * magnitudes.ncols()];
    for (classes, frame) in values.chunks_mut(CLASSES).zip(magnitudes.columns()) {
        for (bin, &magnitude) in frame.iter().enumerate() {
            classes[((bin + merged / 2) / merged + first) % CLASSES] += magnitude;
        }
        normalise(classes);
    }
    Ok(columns(CLASSES, values))
}

/// The tonal centroid (Harte, Sandler and Gasser, *Detecting harmonic change in musical audio*, 2006): where a chord
/// lies on the circles of fifths, minor thirds and major thirds, two coordinates each. Shape: `[12, frames]` to
/// `[6, frames]`.
///
/// # Errors
/// [`Error::Option`] when there are not 12 pitch classes.
pub fn tonnetz(chroma: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
    if chroma.nrows() != CLASSES {
        let value = chroma.nrows().to_string();
        return Err(Error::Option { name: "pitch classes", value, expected: "12, C first" });
    }
    /// Half turns for a semitone, and radius.
    const CIRCLES: [(f64, f64); 3] = [(7.0 / 6.0, 1.0), (3.0 / 2.0, 1.0), (2.0 / 3.0, 0.5)];
    let mut values = Vec::with_capacity(6 * chroma.ncols());
    for frame in chroma.columns() {
        let sum: f64 = frame.iter().map(|&value| f64::from(value.abs())).sum();
        let sum = if sum < f64::from(f32::MIN_POSITIVE) { 1.0 } else { sum };
        for (turn, radius) in CIRCLES {
            let mut place = (0.0, 0.0);
            for (class, &value) in frame.iter().enumerate() {
                let (sine, cosine) = (PI * turn * class as f64).sin_cos();
                place.0 += radius * sine * f64::from(value) / sum;
                place.1 += radius * cosine * f64::from(value) / sum;
            }
            values.extend([place.0 as f32, place.1 as f32]);
        }
    }
    Ok(columns(6, values))
}

/// Makes the largest value 1. Silence stays what it is.
fn normalise(values: &mut [f32]) {
    let max = values.iter().copied().fold(0.0, |max: f32, value| max.max(value.abs()));
    if max >= f32::MIN_POSITIVE {
        values.iter_mut().for_each(|value| *value /= max);
    }
}

fn filterbank(stft: &Stft, sample_rate: u32, tuning: f64) -> Filterbank {
    let classes = CLASSES as f64;
    let pitch = |bin: usize| classes * (stft.frequency(bin, sample_rate) / 27.5).log2() - tuning;
    // The bin of 0 Hz is given a pitch one and a half octaves below the next, so that it means no pitch class.
    let pitches: Vec<f64> = std::iter::once(pitch(1) - 1.5 * classes).chain((1..=stft.bins()).map(pitch)).collect();
    let weights: Vec<[f64; CLASSES]> = pitches
        .windows(2)
        .map(|pair| {
            let width = (pair[1] - pair[0]).max(1.0);
            let mut weights = [0.0; CLASSES];
            for (class, weight) in weights.iter_mut().enumerate() {
                // Pitches are counted from A, classes from C, which is three semitones above.
                let distance = pair[0] - (class + 3) as f64;
                let around = (distance + classes / 2.0).rem_euclid(classes) - classes / 2.0;
                *weight = (-0.5 * (2.0 * around / width).powi(2)).exp();
            }
            let norm = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
            let height = (-0.5 * ((pair[0] / classes - CENTRE) / WIDTH).powi(2)).exp();
            weights.map(|weight| if norm > 0.0 { weight / norm * height } else { 0.0 })
        })
        .collect();
    Filterbank::new((0..CLASSES).map(|class| weights.iter().map(|weights| weights[class] as f32).collect()))
}
