//! What describes a frame by a few numbers: the shape of its spectrum, its loudness and its noisiness.

use ndarray::Array2;

use super::decibel::{Reference, power_to_db};
use super::signal::Signal;
use super::stft::{Stft, columns, cut};

/// Of the sum of magnitudes, what lies below the rolloff.
const ROLLOFF: f32 = 0.85;

/// Bands of spectral contrast: one below 200 Hz, and the octaves above.
const BANDS: usize = 7;
const LOWEST_EDGE: f64 = 200.0;

/// Of the bins of a band, those that are its valley, and those that are its peak.
const QUANTILE: f64 = 0.02;

/// The shape of the magnitude spectrum of each frame.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectralShape {
    /// The mean frequency, in hertz (0 in silence, as are the next two).
    pub centroid: Vec<f32>,
    /// The standard deviation around it, in hertz.
    pub bandwidth: Vec<f32>,
    /// The frequency up to which 85 % of the sum of magnitudes lie, in hertz.
    pub rolloff: Vec<f32>,
    /// How far peaks rise above valleys, in decibels, below 200 Hz and in the six octaves above (Jiang and others,
    /// *Music type classification by spectral contrast feature*, ICME 2002). Bands that begin above half the sample rate
    /// have none. Shape: `[7, frames]`.
    pub contrast: Array2<f32>,
}

/// The shape of the spectrum of each frame.
pub fn shape(stft: &Stft, signal: Signal<'_>) -> SpectralShape {
    let frames = stft.frames(signal.samples().len());
    let frequencies: Vec<f64> = (0..stft.bins()).map(|bin| stft.frequency(bin, signal.sample_rate())).collect();
    let bands = bands(&frequencies);
    let mut shape = SpectralShape {
        centroid: Vec::with_capacity(frames),
        bandwidth: Vec::with_capacity(frames),
        rolloff: Vec::with_capacity(frames),
        contrast: Array2::default((0, 0)),
    };
    let (mut peaks, mut valleys) = (Vec::with_capacity(BANDS * frames), Vec::with_capacity(BANDS * frames));
    let mut sorted = Vec::new();
    stft.for_each_magnitude(signal.samples(), |_, magnitudes| {
        let sum: f64 = magnitudes.iter().copied().map(f64::from).sum();
        let sum = if sum < f64::from(f32::MIN_POSITIVE) { 1.0 } else { sum };
        let mean = |value: &dyn Fn(f64) -> f64| -> f64 {
            magnitudes.iter().zip(&frequencies).map(|(&part, &hertz)| f64::from(part) / sum * value(hertz)).sum()
        };
        let centroid = mean(&|hertz| hertz);
        shape.centroid.push(centroid as f32);
        shape.bandwidth.push(mean(&|hertz| (hertz - centroid).powi(2)).sqrt() as f32);
        shape.rolloff.push(frequencies[rolloff(magnitudes)] as f32);
        for band in &bands {
            sorted.clear();
            sorted.extend_from_slice(&magnitudes[band.start..band.end]);
            sorted.sort_unstable_by(f32::total_cmp);
            let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len().max(1) as f32;
            let count = band.count.min(sorted.len());
            valleys.push(mean(&sorted[..count]));
            peaks.push(mean(&sorted[sorted.len() - count..]));
        }
    });
    let decibels = |values| power_to_db(columns(BANDS, values).view(), Reference::Value(1.0), Some(80.0));
    shape.contrast = decibels(peaks) - decibels(valleys);
    for (row, band) in bands.iter().enumerate().filter(|(_, band)| band.start == band.end) {
        debug_assert_eq!(band.count, 0);
        shape.contrast.row_mut(row).fill(0.0);
    }
    shape
}

/// The first bin up to which [`ROLLOFF`] of the sum lie.
fn rolloff(magnitudes: &[f32]) -> usize {
    let threshold = ROLLOFF * magnitudes.iter().sum::<f32>();
    let mut sum = 0.0;
    let below = magnitudes.iter().take_while(|&&magnitude| {
        sum += magnitude;
        sum < threshold
    });
    below.count().min(magnitudes.len() - 1)
}

/// The bins of a band, and how many of them are a valley or a peak.
struct Band {
    start: usize,
    end: usize,
    count: usize,
}

fn bands(frequencies: &[f64]) -> [Band; BANDS] {
    std::array::from_fn(|band| {
        let low = if band == 0 { 0.0 } else { LOWEST_EDGE * f64::from(1 << (band - 1)) };
        let high = LOWEST_EDGE * f64::from(1 << band);
        let start = frequencies.partition_point(|&hertz| hertz < low);
        let end = frequencies.partition_point(|&hertz| hertz <= high);
        if start >= end {
            return Band { start: 0, end: 0, count: 0 };
        }
        // A band has the bin below it too, and the last one all above; the others give their last bin away.
        let start = if band == 0 { start } else { start.saturating_sub(1) };
        let end = if band + 1 == BANDS { frequencies.len() } else { end };
        let count = ((QUANTILE * (end - start) as f64).round_ties_even() as usize).max(1);
        let end = if band + 1 == BANDS { end } else { (end - 1).max(start + 1) };
        Band { start, end, count }
    })
}

/// The root mean square of the samples of each frame.
pub fn rms(stft: &Stft, samples: &[f32]) -> Vec<f32> {
    let mut frame = vec![0.0; stft.size()];
    let of_frame = |index: usize| {
        cut(samples, index * stft.hop(), &mut frame);
        (frame.iter().map(|sample| sample * sample).sum::<f32>() / frame.len() as f32).sqrt()
    };
    (0..stft.frames(samples.len())).map(of_frame).collect()
}

/// How many samples of each frame, as a fraction, have another sign than the one before. What is within 1e-10 of zero
/// counts as positive; beyond the ends the first and the last sample go on.
pub fn zero_crossing_rate(stft: &Stft, samples: &[f32]) -> Vec<f32> {
    let before = stft.size() / 2;
    let negative = |sample: f32| sample < -1e-10;
    let of_frame = |index: usize| {
        let start = (index * stft.hop()).saturating_sub(before);
        let end = (index * stft.hop() + stft.size() - before).min(samples.len());
        let pairs = samples.get(start..end).unwrap_or_default().windows(2);
        pairs.filter(|pair| negative(pair[0]) != negative(pair[1])).count() as f32 / stft.size() as f32
    };
    (0..stft.frames(samples.len())).map(of_frame).collect()
}
