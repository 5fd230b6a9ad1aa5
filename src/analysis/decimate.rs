//! Decimation by two.

use std::f64::consts::PI;

/// Attenuation of what would fold back into the passband, in decibels. The ripple of the passband is the same.
const ATTENUATION: f64 = 90.0;

/// The longest side of the filter, in taps that are not zero.
const MAX_TAPS: usize = 160;

/// A half-band low-pass filter (a Kaiser-windowed sinc) with decimation by two. Every second tap is zero and the
/// middle one is a half, so a sample costs a multiplication for every four taps.
#[derive(Debug, Clone)]
pub(super) struct Decimator {
    /// The taps at distances 1, 3, 5 … from the middle.
    taps: Vec<f32>,
}

impl Decimator {
    /// A filter that leaves all below `passband`, as a fraction of the decimated sample rate (0 to 0.5), as it was and
    /// free of aliases. What lies above may be bent: a later decimation removes it.
    pub(super) fn new(passband: f64) -> Self {
        // As a fraction of the original rate, the transition reaches as far beyond a quarter as it begins below it.
        let transition = (0.5 - passband).max(0.0);
        let length = (ATTENUATION - 7.95) / (14.36 * transition);
        let taps = ((length / 4.0).ceil() as usize).clamp(2, MAX_TAPS);
        let beta = 0.1102 * (ATTENUATION - 8.7);
        let half = (2 * taps) as f64;
        let tap = |i: usize| {
            let distance = (2 * i + 1) as f64;
            let window = bessel(beta * (1.0 - (distance / half).powi(2)).sqrt()) / bessel(beta);
            (PI * distance / 2.0).sin() / (PI * distance) * window
        };
        let taps: Vec<f64> = (0..taps).map(tap).collect();
        // A constant stays what it is: the taps of a side add up to a quarter.
        let sum = 4.0 * taps.iter().sum::<f64>();
        Self { taps: taps.into_iter().map(|tap| (tap / sum) as f32).collect() }
    }

    /// Every second sample of the filtered signal, the first one first. There is no delay.
    pub(super) fn decimate(&self, samples: &[f32]) -> Vec<f32> {
        const BLOCK: usize = 256;
        let length = samples.len().div_ceil(2);
        let taps = self.taps.len();
        let mut output = Vec::with_capacity(length);
        // The odd samples that a block of results needs: `taps` before and after.
        let mut odd = vec![0.0; BLOCK + 2 * taps];
        for start in (0..length).step_by(BLOCK) {
            for (i, odd) in odd.iter_mut().enumerate() {
                let position = (start + i).checked_sub(taps);
                *odd = position.and_then(|i| samples.get(2 * i + 1)).copied().unwrap_or(0.0);
            }
            let mut sums = [0.0f32; BLOCK];
            for (sum, pair) in sums.iter_mut().zip(samples[2 * start..].chunks(2)) {
                *sum = 0.5 * pair[0];
            }
            for (i, &tap) in self.taps.iter().enumerate() {
                let after = &odd[taps + i..][..BLOCK];
                let before = &odd[taps - 1 - i..][..BLOCK];
                for ((sum, after), before) in sums.iter_mut().zip(after).zip(before) {
                    *sum += tap * (after + before);
                }
            }
            output.extend_from_slice(&sums[..BLOCK.min(length - start)]);
        }
        output
    }
}

/// The modified Bessel function of the first kind and order 0, by its power series.
fn bessel(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..200 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency: f64, length: usize) -> Vec<f32> {
        (0..length).map(|i| (2.0 * PI * frequency * i as f64).cos() as f32).collect()
    }

    #[test]
    fn the_passband_is_left_and_nothing_folds_into_it() {
        for passband in [0.2, 0.36, 0.42, 0.48] {
            let decimator = Decimator::new(passband);
            let error = |input: f64, expected: &[f32]| {
                let output = decimator.decimate(&sine(input, 4000));
                // The ends are blurred by what is beyond them.
                output.iter().zip(expected).skip(400).take(1200).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
            };
            for part in [0.01, 0.5, 0.9, 1.0] {
                let frequency = passband * part;
                assert!(error(frequency / 2.0, &sine(frequency, 2000)) < 1e-4, "passband {passband}, {part}");
                assert!(error(0.5 - frequency / 2.0, &[0.0; 2000]) < 1e-4, "alias {passband}, {part}");
            }
        }
    }

    #[test]
    fn short_signals_keep_their_length() {
        let decimator = Decimator::new(0.4);
        assert_eq!([0, 1, 2, 3, 513].map(|n| decimator.decimate(&vec![1.0; n]).len()), [0, 1, 1, 2, 257]);
    }
}
