//! Mel spectrograms and cepstral coefficients.

use std::f64::consts::PI;

use ndarray::Array2;

use super::decibel::{Reference, power_to_db};
use super::filterbank::{Filterbank, dot};
use super::signal::Signal;
use super::stft::{Stft, columns};

/// The most bands.
const MAX_BANDS: usize = 1 << 16;

/// The mel of a frequency in hertz by Slaney (*Auditory Toolbox*, 1998): linear below 1 kHz, logarithmic above.
pub fn hz_to_mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln() }
}

/// The frequency in hertz of a mel; the inverse of [`hz_to_mel`].
pub fn mel_to_hz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}

/// The middles of `bands` mel bands from 0 Hz to half the sample rate, in hertz.
pub fn frequencies(sample_rate: u32, bands: usize) -> Vec<f64> {
    let edges = edges(sample_rate, bands.min(MAX_BANDS));
    edges[1..edges.len() - 1].to_vec()
}

/// The triangular filters of `bands` (at most 65,536) mel bands from 0 Hz to half the sample rate, each of unit area
/// per hertz times 1 Hz (Slaney's normalisation). Shape: `[bands, bins]`.
pub fn filters(stft: &Stft, sample_rate: u32, bands: usize) -> Array2<f32> {
    filterbank(stft, sample_rate, bands).dense(stft.bins())
}

/// The mel spectrogram: the power in `bands` (at most 65,536) mel bands. Shape: `[bands, frames]`.
///
/// ```
/// use judge::analysis::{Reference, Signal, Stft, mel, power_to_db};
///
/// let samples = vec![0.1; 2048];
/// let mel = mel::spectrogram(&Stft::default(), Signal::new(&samples, 22_050)?, 128);
/// assert_eq!(mel.dim(), (128, 5));
/// let decibels = power_to_db(mel.view(), Reference::Max, Some(80.0));
/// # Ok::<(), judge::Error>(())
/// ```
pub fn spectrogram(stft: &Stft, signal: Signal<'_>, bands: usize) -> Array2<f32> {
    let filters = filterbank(stft, signal.sample_rate(), bands);
    let mut values = Vec::with_capacity(filters.len() * stft.frames(signal.samples().len()));
    stft.for_each_power(signal.samples(), |_, power| values.extend(filters.sums(power)));
    columns(filters.len(), values)
}

/// Mel-frequency cepstral coefficients: the first `coefficients` of the orthonormal cosine transform (type II) of the
/// decibels in 128 mel bands, 80 dB at most below the loudest (Davis and Mermelstein 1980). Shape:
/// `[coefficients, frames]`, at most 128 coefficients.
pub fn mfcc(stft: &Stft, signal: Signal<'_>, coefficients: usize) -> Array2<f32> {
    let mel = spectrogram(stft, signal, 128);
    cepstrum(&power_to_db(mel.view(), Reference::Value(1.0), Some(80.0)), coefficients)
}

/// The first `coefficients` of the orthonormal cosine transform (type II) of each column.
pub(super) fn cepstrum(decibels: &Array2<f32>, coefficients: usize) -> Array2<f32> {
    let bands = decibels.nrows();
    let coefficients = coefficients.min(bands);
    let cosines: Vec<Vec<f32>> = (0..coefficients)
        .map(|k| {
            let scale = (if k == 0 { 1.0 } else { 2.0 } / bands as f64).sqrt();
            let cosine = |band: usize| (PI * k as f64 * (2 * band + 1) as f64 / (2 * bands) as f64).cos();
            (0..bands).map(|band| (scale * cosine(band)) as f32).collect()
        })
        .collect();
    let mut values = Vec::with_capacity(coefficients * decibels.ncols());
    for column in decibels.columns() {
        let column = column.to_vec();
        values.extend(cosines.iter().map(|cosines| dot(cosines, &column)));
    }
    columns(coefficients, values)
}

fn edges(sample_rate: u32, bands: usize) -> Vec<f64> {
    let top = hz_to_mel(f64::from(sample_rate) / 2.0);
    (0..bands + 2).map(|edge| mel_to_hz(top * edge as f64 / (bands + 1) as f64)).collect()
}

fn filterbank(stft: &Stft, sample_rate: u32, bands: usize) -> Filterbank {
    let edges = edges(sample_rate, bands.min(MAX_BANDS));
    Filterbank::new(edges.windows(3).map(|edges| {
        let [low, middle, high] = [edges[0], edges[1], edges[2]];
        let weight = |bin| {
            let hertz = stft.frequency(bin, sample_rate);
            let slope = f64::min((hertz - low) / (middle - low), (high - hertz) / (high - middle));
            (slope.max(0.0) * 2.0 / (high - low)) as f32
        };
        (0..stft.bins()).map(weight).collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mels_and_hertz_are_inverse() {
        for hertz in [0.0, 440.0, 1000.0, 11_025.0] {
            assert!((mel_to_hz(hz_to_mel(hertz)) - hertz).abs() < 1e-9);
        }
        assert!((hz_to_mel(6400.0) - 42.0).abs() < 1e-9);
    }

    #[test]
    fn a_constant_has_only_the_first_coefficient() {
        let coefficients = cepstrum(&Array2::from_elem((16, 2), 3.0), 4);
        assert!((coefficients[(0, 1)] - 12.0).abs() < 1e-5);
        assert!(coefficients.row(1).iter().all(|value| value.abs() < 1e-5));
    }
}
