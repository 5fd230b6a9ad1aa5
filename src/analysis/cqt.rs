//! The constant-Q transform.

use std::fmt;

use ndarray::Array2;
use realfft::num_complex::Complex32;

use super::decimate::Decimator;
use super::kernel::{BLOCK, Kernel};
use super::signal::check_rate;
use super::stft::{columns, frames};
use crate::error::{Error, Result};

/// The most frequency bins.
const MAX_BINS: usize = 4096;

/// How much wider than its main frequency a filter is taken to be, in bandwidths to each side: half the equivalent
/// noise bandwidth of a Hann window.
const REACH: f64 = 0.75;

/// Up to here, as a fraction of the sample rate, a signal is decimated further than the definition asks for.
const CROWDED: f64 = 0.42;

/// Which frequencies a [`ConstantQ`] has, and how often it looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConstantQSettings {
    /// Samples from the middle of a frame to the middle of the next. Each factor of two saves an octave much work.
    pub hop: usize,
    /// The lowest frequency, in hertz.
    pub lowest: f64,
    /// How many frequencies there are.
    pub bins: usize,
    /// How many of them make an octave.
    pub bins_per_octave: usize,
    /// How much higher than [`lowest`](Self::lowest) says everything is, in bins.
    pub tuning: f64,
}

impl Default for ConstantQSettings {
    /// 84 semitones from C1 (32.7 Hz), every 512 samples.
    fn default() -> Self {
        Self { hop: 512, lowest: 440.0 * 2f64.powf(-45.0 / 12.0), bins: 84, bins_per_octave: 12, tuning: 0.0 }
    }
}

/// The constant-Q transform: a filterbank whose frequencies are evenly spaced by pitch and whose bandwidths are
/// proportional to them.
///
/// As Schörkhuber and Klapuri (*Constant-Q transform toolbox for music processing*, SMC 2010): one set of filters,
/// kept sparse in the frequency domain (1 % of each magnitude spectrum is left out), is laid over the signal and over
/// the same signal decimated by two, four, eight … for each octave further down. A filter's response is scaled by the
/// root of its length: a sine of amplitude *a* gives *a*/2 times its [`scale`](Self::scales).
///
/// We differ from librosa in the filter that decimates (ours is just as sharp as needed, so that it is short), and
/// decimate once more where the highest frequency allows it. The difference is below 0.3 % of the norm.
///
/// It holds filters and plans, so make one and use it for many signals.
#[derive(Clone)]
pub struct ConstantQ {
    hop: usize,
    frequencies: Vec<f64>,
    scales: Vec<f32>,
    decimator: Decimator,
    kernels: Vec<Kernel>,
    octaves: Vec<Octave>,
}

/// Which filters compute an octave.
#[derive(Debug, Clone)]
struct Octave {
    kernel: usize,
    /// How often the signal is decimated first.
    decimations: u32,
    /// The lowest bin of the octave, and how many it has.
    first: usize,
    bins: usize,
}

impl ConstantQ {
    /// The transform of signals of `sample_rate` hertz.
    ///
    /// # Errors
    /// [`Error::Option`] for a hop of 0, a lowest frequency that is not above 0, 0 or more than 4,096 bins (of an octave
    /// too), a tuning that is not finite, a highest frequency that with half its bandwidth reaches beyond half the
    /// sample rate, and filters that take more than a million samples, or those of an octave more than 64 million.
    pub fn new(sample_rate: u32, settings: ConstantQSettings) -> Result<Self> {
        check_rate(sample_rate)?;
        let ConstantQSettings { hop, lowest, bins, bins_per_octave, tuning } = settings;
        let refuse = |name, value: String, expected| Err(Error::Option { name, value, expected });
        if !(1..=1 << 20).contains(&hop) {
            return refuse("hop", hop.to_string(), "a number of samples from 1 to 1048576");
        }
        for (name, value) in [("bins", bins), ("bins per octave", bins_per_octave)] {
            if !(1..=MAX_BINS).contains(&value) {
                return refuse(name, value.to_string(), "between 1 and 4096");
            }
        }
        if !tuning.is_finite() {
            return refuse("tuning", tuning.to_string(), "a number of bins");
        }
        let frequency = |bin: usize| lowest * 2f64.powf((bin as f64 + tuning) / bins_per_octave as f64);
        let frequencies: Vec<f64> = (0..bins).map(frequency).collect();
        let ratio = 4f64.powf(1.0 / bins_per_octave as f64);
        let quality = (ratio + 1.0) / (ratio - 1.0);
        let highest = frequencies[bins - 1] * (1.0 + REACH / quality);
        let rate = f64::from(sample_rate);
        if !(lowest > 0.0 && frequencies[0] > 0.0) {
            return refuse("lowest frequency", lowest.to_string(), "above 0 hertz");
        }
        if highest.is_nan() || highest > rate / 2.0 {
            let expected = "so few that the highest frequency stays below half the sample rate";
            return refuse("bins", bins.to_string(), expected);
        }

        let octaves = bins.div_ceil(bins_per_octave);
        let twos = hop.trailing_zeros();
        let below = u32::try_from(octaves - 1).unwrap_or(u32::MAX);
        // As librosa: what the definition decimates before the first octave.
        let early = ((rate / 2.0 / highest).log2().ceil() - 2.0).max(0.0) as u32;
        let early = early.min((twos + 1).saturating_sub(below + 1));
        // And what we decimate beyond that: the same filters then have shorter frames.
        let fraction = |decimations: u32| highest / rate * f64::from(decimations).exp2();
        let spare = twos - early - below.min(twos - early);
        let more = (1..=spare).take_while(|more| fraction(early + more) <= CROWDED).count() as u32;

        let top = &frequencies[bins - bins_per_octave.min(bins)..];
        let mut kernels = Vec::new();
        // Where the hop cannot be halved any more the filters grow instead.
        for doubled in 0..=below.saturating_sub(twos - early) {
            let divisor = rate / f64::from(early).exp2() * f64::from(doubled).exp2();
            let relative: Vec<f64> = top.iter().map(|frequency| frequency / divisor).collect();
            let Some(size) = Kernel::size(&relative, quality) else {
                let expected = "so high that filters have at most a million samples, 64 million an octave";
                return refuse("lowest frequency", lowest.to_string(), expected);
            };
            kernels.push(Kernel::new(&relative, quality, size, more));
        }
        let octaves = (0..octaves)
            .map(|octave| {
                let end = bins - octave * bins_per_octave;
                let octave = octave as u32;
                let halved = octave.min(twos - early);
                let count = bins_per_octave.min(end);
                let kernel = (octave - halved) as usize;
                Octave { kernel, decimations: early + more + halved, first: end - count, bins: count }
            })
            .collect();
        let scales = frequencies.iter().map(|frequency| (quality * rate / frequency).sqrt() as f32).collect();
        let decimator = Decimator::new(fraction(early + more));
        Ok(Self { hop, frequencies, scales, decimator, kernels, octaves })
    }

    /// Samples from the middle of a frame to the middle of the next.
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// The frequency of each bin, in hertz, the lowest first.
    pub fn frequencies(&self) -> &[f64] {
        &self.frequencies
    }

    /// The scale of each bin: the root of its filter's length in samples.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The frames of a signal of so many samples.
    pub fn frames(&self, samples: usize) -> usize {
        frames(samples, self.hop)
    }

    /// The magnitudes of the transform of a signal. Shape: `[bins, frames]`.
    pub fn magnitude(&self, samples: &[f32]) -> Array2<f32> {
        self.map(samples, |real, imaginary| (real * real + imaginary * imaginary).sqrt())
    }

    /// The transform of a signal. Shape: `[bins, frames]`.
    pub fn complex(&self, samples: &[f32]) -> Array2<Complex32> {
        self.map(samples, Complex32::new)
    }

    fn map<T: Clone + Default>(&self, samples: &[f32], value: impl Fn(f32, f32) -> T) -> Array2<T> {
        let bins = self.frequencies.len();
        let count = self.frames(samples.len());
        let mut values = vec![T::default(); bins * count];
        let mut decimated: Option<Vec<f32>> = None;
        let mut done = 0;
        for octave in &self.octaves {
            while done < octave.decimations {
                decimated = Some(self.decimator.decimate(decimated.as_deref().unwrap_or(samples)));
                done += 1;
            }
            let samples = decimated.as_deref().unwrap_or(samples);
            let scales = &self.scales[octave.first..];
            self.kernels[octave.kernel].responses(
                samples,
                self.hop >> done,
                count,
                octave.bins,
                |frame, row, real, imaginary| {
                    let scale = scales[row];
                    let places = values[frame * bins..].chunks_mut(bins).map(|frame| &mut frame[octave.first + row]);
                    for ((place, real), imaginary) in places.take(BLOCK).zip(real).zip(imaginary) {
                        *place = value(scale * real, scale * imaginary);
                    }
                },
            );
        }
        columns(bins, values)
    }
}

impl fmt::Debug for ConstantQ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hop, frequencies, octaves, .. } = self;
        f.debug_struct("ConstantQ")
            .field("hop", hop)
            .field("bins", &frequencies.len())
            .field("octaves", octaves)
            .finish_non_exhaustive()
    }
}
