//! The filters of one octave of the constant-Q transform, in the frequency domain.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::{Complex32, Complex64};
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::FftPlanner;

use super::stft::{cut, frames, hann, transform};

/// Frames that are computed together, so that each coefficient is read once for all of them.
pub(super) const BLOCK: usize = 16;

/// The part of a filter's magnitude spectrum that is left out, smallest values first.
const SPARSITY: f64 = 0.01;

/// Filters over frames of one length.
#[derive(Clone)]
pub(super) struct Kernel {
    plan: Arc<dyn RealToComplex<f32>>,
    /// The lowest frequency bin that any filter uses, and the one above the highest.
    lit: (usize, usize),
    filters: Vec<Filter>,
}

/// The conjugate spectrum of a filter, from frequency bin `start` on.
#[derive(Clone)]
struct Filter {
    start: usize,
    weights: Vec<Complex32>,
}

impl Kernel {
    /// Filters of quality `quality` at `frequencies`, given as fractions of the sample rate, in ascending order.
    /// Frames are `size` samples long, and taken `2^decimations` times as slowly as the filters are defined for.
    /// Of each, a sine of amplitude *a* at its frequency gives *a*/2.
    pub(super) fn new(frequencies: &[f64], quality: f64, size: usize, decimations: u32) -> Self {
        let mut planner = FftPlanner::<f64>::new();
        let fft = planner.plan_fft_forward(size);
        let decimated = (size >> decimations).max(2);
        let mut spectrum = vec![Complex64::default(); size];
        let filters: Vec<Filter> = frequencies
            .iter()
            .map(|&frequency| {
                wavelet(frequency, quality / frequency, &mut spectrum);
                fft.process(&mut spectrum);
                sparse(&spectrum[..size / 2 + 1], decimated)
            })
            .collect();
        let start = filters.iter().map(|filter| filter.start).min().unwrap_or(0);
        let end = filters.iter().map(|filter| filter.start + filter.weights.len()).max().unwrap_or(0);
        Self { plan: RealFftPlanner::new().plan_fft_forward(decimated), lit: (start, end), filters }
    }

    /// The length of the filters' frames for such frequencies and quality, a power of two. None where making them would
    /// take too long.
    pub(super) fn size(frequencies: &[f64], quality: f64) -> Option<usize> {
        let longest = frequencies.iter().map(|frequency| quality / frequency).fold(1.0, f64::max);
        let size = (longest <= f64::from(1 << 20)).then(|| (longest.ceil() as usize).next_power_of_two().max(4))?;
        (size * frequencies.len() <= 1 << 26).then_some(size)
    }

    /// Calls `take` with the first frame, the filter and the responses of [`BLOCK`] frames (real and imaginary parts),
    /// for the topmost `top` filters and `count` frames, one every `hop` samples. Responses from frame `count` on are
    /// of no meaning.
    pub(super) fn responses(
        &self,
        samples: &[f32],
        hop: usize,
        count: usize,
        top: usize,
        mut take: impl FnMut(usize, usize, &[f32; BLOCK], &[f32; BLOCK]),
    ) {
        debug_assert!(count <= frames(samples.len(), hop));
        let (start, end) = self.lit;
        let mut frame = self.plan.make_input_vec();
        let mut spectrum = self.plan.make_output_vec();
        let mut scratch = self.plan.make_scratch_vec();
        let mut real = vec![[0.0f32; BLOCK]; end - start];
        let mut imaginary = vec![[0.0f32; BLOCK]; end - start];
        for first in (0..count).step_by(BLOCK) {
            for lane in 0..BLOCK.min(count - first) {
                cut(samples, (first + lane) * hop, &mut frame);
                transform(&*self.plan, &mut frame, &mut spectrum, &mut scratch);
                for ((value, real), imaginary) in spectrum[start..end].iter().zip(&mut real).zip(&mut imaginary) {
                    real[lane] = value.re;
                    imaginary[lane] = value.im;
                }
            }
            for (row, filter) in self.filters[self.filters.len() - top..].iter().enumerate() {
                let from = filter.start - start;
                let mut sums = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
                for ((weight, real), imaginary) in filter.weights.iter().zip(&real[from..]).zip(&imaginary[from..]) {
                    for lane in 0..BLOCK {
                        sums.0[lane] += weight.re * real[lane] - weight.im * imaginary[lane];
                        sums.1[lane] += weight.re * imaginary[lane] + weight.im * real[lane];
                    }
                }
                take(first, row, &sums.0, &sums.1);
            }
        }
    }
}

/// Writes a complex sine under a Hann window of `length` samples to the middle of `frame`, its magnitudes adding up
/// to 1.
fn wavelet(frequency: f64, length: f64, frame: &mut [Complex64]) {
    let (first, end) = ((-length / 2.0).floor() as i64, (length / 2.0).floor() as i64);
    let count = ((end - first).max(1) as usize).min(frame.len());
    let lead = (frame.len() - count) / 2;
    let sum: f64 = hann(count).sum();
    let sum = if sum > 0.0 { sum } else { 1.0 };
    frame.fill(Complex64::default());
    for (i, (value, weight)) in frame[lead..].iter_mut().zip(hann(count)).enumerate() {
        *value = Complex64::from_polar(weight / sum, TAU * frequency * (first + i as i64) as f64);
    }
}

/// The spectrum without its smallest values, which make up [`SPARSITY`] of it, scaled for frames of `size` samples.
fn sparse(spectrum: &[Complex64], size: usize) -> Filter {
    let mut sorted: Vec<f64> = spectrum.iter().map(|value| value.norm()).collect();
    let allowed = SPARSITY * sorted.iter().sum::<f64>();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut sum = 0.0;
    let left_out = sorted.iter().take_while(|&&magnitude| {
        sum += magnitude;
        sum < allowed
    });
    let least = sorted.get(left_out.count()).copied().unwrap_or(0.0);
    // What lies above half the decimated rate is next to nothing.
    let bins = &spectrum[..spectrum.len().min(size / 2 + 1)];
    let kept = |value: &Complex64| value.norm() >= least;
    let start = bins.iter().position(kept).unwrap_or(0);
    let end = bins.iter().rposition(kept).map_or(start, |last| last + 1);
    let scaled = |value: &Complex64| {
        let value = if kept(value) { value / size as f64 } else { Complex64::default() };
        Complex32::new(value.re as f32, value.im as f32)
    };
    Filter { start, weights: bins[start..end].iter().map(scaled).collect() }
}
