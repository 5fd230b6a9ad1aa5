//! The short-time Fourier transform.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ShapeBuilder};
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};

use crate::error::{Error, Result};

/// The longest frame and the longest hop, in samples.
const MAX_SIZE: usize = 1 << 20;

/// The short-time Fourier transform: the spectrum of a Hann window (periodic) laid over the signal at every hop.
///
/// It holds the plan of its transform, so make one and use it for many signals.
#[derive(Clone)]
pub struct Stft {
    hop: usize,
    window: Vec<f32>,
    plan: Arc<dyn RealToComplex<f32>>,
}

impl Stft {
    /// Frames of `size` samples, one every `hop` samples.
    ///
    /// # Errors
    /// [`Error::Option`] when the size is not an even number from 2 to 2^20, or the hop is not from 1 to 2^20.
    pub fn new(size: usize, hop: usize) -> Result<Self> {
        let refuse = |name, value: usize, expected| Err(Error::Option { name, value: value.to_string(), expected });
        if !(2..=MAX_SIZE).contains(&size) || !size.is_multiple_of(2) {
            return refuse("frame size", size, "an even number of samples from 2 to 1048576");
        }
        if !(1..=MAX_SIZE).contains(&hop) {
            return refuse("hop", hop, "a number of samples from 1 to 1048576");
        }
        Ok(Self::planned(size, hop))
    }

    fn planned(size: usize, hop: usize) -> Self {
        let window = hann(size).map(|weight| weight as f32).collect();
        Self { hop, window, plan: RealFftPlanner::new().plan_fft_forward(size) }
    }

    /// Samples in a frame.
    pub fn size(&self) -> usize {
        self.window.len()
    }

    /// Samples from the middle of a frame to the middle of the next.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Frequency bins: half the size, and one.
    pub fn bins(&self) -> usize {
        self.size() / 2 + 1
    }

    /// The frames of a signal of so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        frames(samples, self.hop)
    }

    /// The middle of frequency bin `bin`, in hertz.
    pub fn frequency(&self, bin: usize, sample_rate: u32) -> f64 {
        bin as f64 * f64::from(sample_rate) / self.size() as f64
    }

    /// Calls `take` with the number and the spectrum of each frame in turn, without holding them all.
    pub fn for_each(&self, samples: &[f32], mut take: impl FnMut(usize, &[Complex32])) {
        let mut input = self.plan.make_input_vec();
        let mut spectrum = self.plan.make_output_vec();
        let mut scratch = self.plan.make_scratch_vec();
        for frame in 0..self.frames(samples.len()) {
            cut(samples, frame * self.hop, &mut input);
            for (sample, weight) in input.iter_mut().zip(&self.window) {
                *sample *= weight;
            }
            transform(&*self.plan, &mut input, &mut spectrum, &mut scratch);
            take(frame, &spectrum);
        }
    }

    /// As [`for_each`](Self::for_each), with the squared magnitudes.
    pub fn for_each_power(&self, samples: &[f32], mut take: impl FnMut(usize, &[f32])) {
        let mut power = vec![0.0; self.bins()];
        self.for_each(samples, |frame, spectrum| {
            for (power, value) in power.iter_mut().zip(spectrum) {
                *power = value.norm_sqr();
            }
            take(frame, &power);
        });
    }

    /// As [`for_each`](Self::for_each), with the magnitudes.
    pub fn for_each_magnitude(&self, samples: &[f32], mut take: impl FnMut(usize, &[f32])) {
        let mut magnitude = vec![0.0; self.bins()];
        self.for_each(samples, |frame, spectrum| {
            for (magnitude, value) in magnitude.iter_mut().zip(spectrum) {
                *magnitude = value.norm_sqr().sqrt();
            }
            take(frame, &magnitude);
        });
    }

    /// The transform of a signal. Shape: `[bins, frames]`.
    pub fn complex(&self, samples: &[f32]) -> Array2<Complex32> {
        let mut values = Vec::with_capacity(self.bins() * self.frames(samples.len()));
        self.for_each(samples, |_, spectrum| values.extend_from_slice(spectrum));
        columns(self.bins(), values)
    }

    /// The magnitudes of the transform of a signal. Shape: `[bins, frames]`.
    pub fn magnitude(&self, samples: &[f32]) -> Array2<f32> {
        let mut values = Vec::with_capacity(self.bins() * self.frames(samples.len()));
        self.for_each(samples, |_, spectrum| values.extend(spectrum.iter().map(|value| value.norm_sqr().sqrt())));
        columns(self.bins(), values)
    }

    /// The squared magnitudes of the transform of a signal. Shape: `[bins, frames]`.
    pub fn power(&self, samples: &[f32]) -> Array2<f32> {
        let mut values = Vec::with_capacity(self.bins() * self.frames(samples.len()));
        self.for_each(samples, |_, spectrum| values.extend(spectrum.iter().map(Complex32::norm_sqr)));
        columns(self.bins(), values)
    }
}

impl Default for Stft {
    /// Frames of 2,048 samples, one every 512.
    fn default() -> Self {
        Self::planned(2048, 512)
    }
}

impl fmt::Debug for Stft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stft").field("size", &self.size()).field("hop", &self.hop).finish_non_exhaustive()
    }
}

/// The frames of a signal of so many samples.
pub(super) fn frames(samples: usize, hop: usize) -> usize {
    if samples == 0 { 0 } else { 1 + samples / hop }
}

/// Copies the part of `samples` whose middle is `centre` to `frame`, with zeros beyond the ends.
pub(super) fn cut(samples: &[f32], centre: usize, frame: &mut [f32]) {
    let before = frame.len() / 2;
    let lead = before.saturating_sub(centre).min(frame.len());
    let start = centre.saturating_sub(before).min(samples.len());
    let end = (centre + frame.len() - before).min(samples.len());
    frame[..lead].fill(0.0);
    let length = end.saturating_sub(start).min(frame.len() - lead);
    frame[lead..lead + length].copy_from_slice(&samples[start..start + length]);
    frame[lead + length..].fill(0.0);
}

/// The spectrum of `input`, which is used up. The buffers must be those that the plan makes.
pub(super) fn transform(
    plan: &dyn RealToComplex<f32>,
    input: &mut [f32],
    spectrum: &mut [Complex32],
    scratch: &mut [Complex32],
) {
    // Only buffers of another length are refused.
    let done = plan.process_with_scratch(input, spectrum, scratch);
    debug_assert!(done.is_ok());
}

/// An array of columns of `bins` values that follow one another.
pub(super) fn columns<T: Clone + Default>(bins: usize, values: Vec<T>) -> Array2<T> {
    let frames = values.len() / bins.max(1);
    Array2::from_shape_vec((bins, frames).f(), values).unwrap_or_default()
}

/// The periodic Hann window of `size` samples.
pub(super) fn hann(size: usize) -> impl Iterator<Item = f64> {
    (0..size).map(move |i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / size as f64).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_with_zeros_beyond_the_ends() {
        let samples = [1.0, 2.0, 3.0];
        let cut_at = |centre| {
            let mut frame = [9.0; 4];
            cut(&samples, centre, &mut frame);
            frame
        };
        assert_eq!(cut_at(0), [0.0, 0.0, 1.0, 2.0]);
        assert_eq!(cut_at(1), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(cut_at(3), [2.0, 3.0, 0.0, 0.0]);
        assert_eq!(cut_at(9), [0.0; 4]);
        let mut long = [9.0; 12];
        cut(&samples, 1, &mut long);
        assert_eq!(long, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
