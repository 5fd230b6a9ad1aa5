//! How strongly each semitone sounds, frame by frame.
//!
//! 1. The constant-Q transform, a bin a semitone, at the tuning of the recording. Its filters are 17 periods long, so that
//!    notes stay apart in time; what leaks to the neighbouring bins is known.
//! 2. Whitening: what is loud throughout is made softer, so that timbre and room count less.
//! 3. The level of noise, a low quantile of the bins of a frame, is taken away.
//! 4. Harmonic suppression: the spectrum is told as a sum of harmonic tones, each pitch with a bright and a mellow
//!    spectrum, so that a partial is heard as part of its tone. The amounts are found by the multiplicative updates of Lee and
//!    Seung ("Algorithms for non-negative matrix factorization", 2001) for the Kullback-Leibler divergence with fixed
//!    spectra, as Vincent, Bertin and Badeau ("Adaptive harmonic spectral decomposition for multiple pitch estimation",
//!    2010) do; we differ in that spectra are not adapted.

use ndarray::Array2;

use super::SAMPLE_RATE;
use crate::analysis::{ConstantQ, ConstantQSettings, Signal, Stft, tuning};
use crate::error::Result;

/// Samples from one frame to the next.
const HOP: usize = 256;
/// The lowest bin, a MIDI note number, and how many there are: up to 8.4 kHz.
const LOWEST_BIN: u8 = 24;
const BINS: usize = 97;
/// Pitches that are looked for: E1 to C7.
pub(super) const LOWEST: u8 = 28;
pub(super) const PITCHES: usize = 69;

/// Below E2 what is heard is made softer, by the semitone, since rooms and hands rumble there.
const FULL_BIN: usize = 16;
/// Partials of a tone.
const PARTIALS: usize = 14;
/// How the partials of the spectra of a pitch fall off: amplitude is one over the number to this power.
const SLOPES: [f64; 2] = [0.5, 1.7];
/// Updates.
const UPDATES: usize = 15;
/// Frames that are worked on together.
const LANES: usize = 16;

/// Of the bins of a frame so many, the softest, are taken for noise.
const NOISE_QUANTILE: f64 = 0.3;
/// How many times the quantile is taken away.
const NOISE: f32 = 2.5;
/// How much of what is loud throughout is evened out: a power.
const WHITENING: f32 = 0.5;

/// How strongly semitones sound.
#[derive(Debug, Clone)]
pub struct Salience {
    /// Frames x pitches, the lowest being MIDI note number [`lowest`](Self::lowest). Not negative; in the unit of the
    /// transform, summed over partials.
    pub strength: Array2<f32>,
    /// The level of noise of each frame.
    pub noise: Vec<f32>,
    /// How many semitones the recording is tuned above A4 = 440 Hz, -0.5 to 0.5.
    pub tuning: f64,
}

impl Salience {
    /// Frames a second.
    pub const RATE: f64 = SAMPLE_RATE as f64 / HOP as f64;

    /// The MIDI note number of the first pitch.
    pub fn lowest(&self) -> u8 {
        LOWEST
    }

    /// Of samples at [`SAMPLE_RATE`].
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) when a sample is not finite.
    pub fn of(samples: &[f32]) -> Result<Self> {
        let signal = Signal::new(samples, SAMPLE_RATE)?;
        let tuning = tuning::estimate(&Stft::new(2048, 1024)?, signal, 12);
        let lowest = 440.0 * 2f64.powf((f64::from(LOWEST_BIN) - 69.0) / 12.0);
        let settings = ConstantQSettings { hop: HOP, lowest, bins: BINS, bins_per_octave: 12, tuning };
        let spectrum = ConstantQ::new(SAMPLE_RATE, settings)?.magnitude(samples);
        // Frames lie together in memory.
        let mut spectrum = spectrum.reversed_axes().as_standard_layout().into_owned();
        whiten(&mut spectrum);
        let noise = take_noise_away(&mut spectrum);
        Ok(Self { strength: Tones::new().amounts(&spectrum), noise, tuning })
    }
}

/// Divides each bin by a power of how loud it and its neighbours are on the whole.
fn whiten(spectrum: &mut Array2<f32>) {
    let frames = spectrum.nrows().max(1) as f32;
    let mut mean = [0.0f32; BINS];
    for frame in spectrum.outer_iter() {
        frame.iter().zip(&mut mean).for_each(|(value, mean)| *mean += value / frames);
    }
    let smooth = |bin: usize| {
        let near = &mean[bin.saturating_sub(8)..(bin + 9).min(BINS)];
        near.iter().sum::<f32>() / near.len() as f32
    };
    let loudest = (0..BINS).map(smooth).fold(0.0, f32::max);
    if loudest <= 0.0 {
        return;
    }
    let audible = |bin: usize| (bin as f32 / FULL_BIN as f32).min(1.0);
    let gains: Vec<f32> =
        (0..BINS).map(|bin| audible(bin) * (smooth(bin) / loudest).max(1e-3).powf(-WHITENING)).collect();
    for mut frame in spectrum.outer_iter_mut() {
        frame.iter_mut().zip(&gains).for_each(|(value, gain)| *value *= gain);
    }
}

/// Takes the level of noise away; tells it.
fn take_noise_away(spectrum: &mut Array2<f32>) -> Vec<f32> {
    let rank = (NOISE_QUANTILE * BINS as f64) as usize;
    let mut sorted = Vec::with_capacity(BINS);
    let levels: Vec<f32> = spectrum
        .outer_iter()
        .map(|frame| {
            sorted.clear();
            sorted.extend(frame.iter().copied());
            *sorted.select_nth_unstable_by(rank, f32::total_cmp).1
        })
        .collect();
    // Over a tenth of a second each way.
    let smooth = |frame: usize| {
        let near = &levels[frame.saturating_sub(8)..(frame + 9).min(levels.len())];
        near.iter().sum::<f32>() / near.len() as f32
    };
    let levels: Vec<f32> = (0..levels.len()).map(smooth).collect();
    for (mut frame, level) in spectrum.outer_iter_mut().zip(&levels) {
        frame.iter_mut().for_each(|value| *value = (*value - NOISE * level).max(0.0));
    }
    levels
}

/// The spectra of harmonic tones.
struct Tones {
    /// For each pitch and slope where its spectrum begins among the weights, and where the last one ends.
    begins: Vec<usize>,
    /// Bins and weights; those of a spectrum sum up to 1.
    weights: Vec<(usize, f32)>,
}

impl Tones {
    fn new() -> Self {
        let (mut begins, mut weights) = (vec![0], Vec::new());
        for pitch in 0..PITCHES {
            for slope in SLOPES {
                let mut spectrum = [0.0f64; BINS];
                for partial in 1..=PARTIALS {
                    // Filters are longer for lower pitches, and what they tell is scaled by the root of their length.
                    let amplitude = (partial as f64).powf(-slope - 0.5);
                    let at = f64::from(LOWEST - LOWEST_BIN) + pitch as f64 + 12.0 * (partial as f64).log2();
                    for (bin, value) in spectrum.iter_mut().enumerate() {
                        // Neighbouring partials beat; powers add up on the whole.
                        *value += (amplitude * leakage(at - bin as f64)).powi(2);
                    }
                }
                let spectrum = spectrum.map(f64::sqrt);
                let most = spectrum.iter().copied().fold(0.0, f64::max);
                let kept = || spectrum.iter().enumerate().filter(|(_, value)| **value > 0.01 * most);
                let sum: f64 = kept().map(|(_, value)| value).sum();
                weights.extend(kept().map(|(bin, value)| (bin, (value / sum) as f32)));
                begins.push(weights.len());
            }
        }
        Self { begins, weights }
    }

    /// How much of each pitch is in each frame.
    fn amounts(&self, spectrum: &Array2<f32>) -> Array2<f32> {
        let frames = spectrum.nrows();
        let mut strength = Array2::zeros((frames, PITCHES));
        let mut observed = vec![[0.0f32; LANES]; BINS];
        let mut amounts = vec![[0.0f32; LANES]; PITCHES * SLOPES.len()];
        for first in (0..frames).step_by(LANES) {
            let lanes = LANES.min(frames - first);
            for (bin, observed) in observed.iter_mut().enumerate() {
                for (lane, value) in observed.iter_mut().enumerate() {
                    *value = if lane < lanes { spectrum[[first + lane, bin]] } else { 0.0 };
                }
            }
            self.explain(&observed, &mut amounts);
            for lane in 0..lanes {
                for pitch in 0..PITCHES {
                    let of_pitch = &amounts[pitch * SLOPES.len()..(pitch + 1) * SLOPES.len()];
                    strength[[first + lane, pitch]] = of_pitch.iter().map(|amount| amount[lane]).sum();
                }
            }
        }
        strength
    }

    /// Finds the amounts whose sum of spectra is nearest to what is observed.
    fn explain(&self, observed: &[[f32; LANES]], amounts: &mut [[f32; LANES]]) {
        let spectra = || self.begins.windows(2).map(|ends| &self.weights[ends[0]..ends[1]]);
        let share = |weights: &[(usize, f32)], of: &[[f32; LANES]]| {
            let mut sum = [0.0f32; LANES];
            for &(bin, weight) in weights {
                for lane in 0..LANES {
                    sum[lane] += weight * of[bin][lane];
                }
            }
            sum
        };
        for (amount, weights) in amounts.iter_mut().zip(spectra()) {
            *amount = share(weights, observed);
        }
        let mut told = vec![[0.0f32; LANES]; BINS];
        for _ in 0..UPDATES {
            told.fill([1e-9; LANES]);
            for (amount, weights) in amounts.iter().zip(spectra()) {
                for &(bin, weight) in weights {
                    for lane in 0..LANES {
                        told[bin][lane] += weight * amount[lane];
                    }
                }
            }
            for (told, observed) in told.iter_mut().zip(observed) {
                for lane in 0..LANES {
                    told[lane] = observed[lane] / told[lane];
                }
            }
            for (amount, weights) in amounts.iter_mut().zip(spectra()) {
                let ratio = share(weights, &told);
                for lane in 0..LANES {
                    amount[lane] *= ratio[lane];
                }
            }
        }
    }
}

/// What a bin hears of a sine that is so many semitones off: the spectrum of a Hann window.
fn leakage(semitones: f64) -> f64 {
    let ratio = 4f64.powf(1.0 / 12.0);
    let quality = (ratio + 1.0) / (ratio - 1.0);
    let x = quality * (2f64.powf(semitones / 12.0) - 1.0);
    if x.abs() < 1e-6 {
        return 1.0;
    }
    if (x.abs() - 1.0).abs() < 1e-6 {
        return 0.5;
    }
    let turn = std::f64::consts::PI * x;
    (turn.sin() / turn / (1.0 - x * x)).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone with partials of falling strength.
    fn tone(pitch: f64, slope: f64, seconds: f64) -> Vec<f32> {
        let hertz = 440.0 * 2f64.powf((pitch - 69.0) / 12.0);
        let sample = |i: u32| {
            let time = f64::from(i) / f64::from(SAMPLE_RATE);
            let partial = |n: u32| {
                let n = f64::from(n);
                (std::f64::consts::TAU * hertz * n * time).sin() * n.powf(-slope)
            };
            (1..10).map(partial).sum::<f64>() as f32 * 0.2
        };
        (0..(seconds * f64::from(SAMPLE_RATE)) as u32).map(sample).collect()
    }

    #[test]
    fn a_tone_is_heard_where_it_is_and_its_partials_are_not() {
        for (pitch, slope) in [(45.0, 0.5), (60.0, 1.0), (72.3, 2.0), (84.0, 1.0)] {
            let salience = Salience::of(&tone(pitch, slope, 1.0)).unwrap();
            let tuning = pitch - f64::from(pitch as f32).round();
            // Natural partials lie between semitones, and every partial has a vote.
            assert!((salience.tuning - tuning).abs() < 0.2, "{pitch}: {}", salience.tuning);
            let row = salience.strength.row(40);
            let own = pitch.round() as usize - usize::from(LOWEST);
            let others = row.iter().enumerate().filter(|(at, _)| *at != own).map(|(_, value)| *value);
            let others = others.fold(0.0, f32::max);
            assert!(row[own] > 3.0 * others, "{pitch}: {} and {others}", row[own]);
        }
    }

    #[test]
    fn silence_is_not_heard() {
        let salience = Salience::of(&vec![0.0; 30_000]).unwrap();
        assert!(salience.strength.iter().all(|value| *value == 0.0));
        assert!(Salience::of(&[]).unwrap().strength.is_empty());
    }
}
