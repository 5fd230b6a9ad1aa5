//! Onsets: how strongly something begins in each frame, and which frames are onsets.

use ndarray::Array2;

use super::decibel::{Reference, power_to_db};
use super::mel;
use super::signal::Signal;
use super::stft::Stft;
use super::tuning::median;

/// How far an onset must exceed the mean around it, with the strengths scaled to 0 to 1.
const DELTA: f32 = 0.07;

/// What of the increases in all bands makes the strength of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Their mean: what onset detection is made for.
    Mean,
    /// Their median: only what begins in most bands, for beats.
    Median,
}

/// The onset strength of each frame: how much louder than a frame before it is in 128 mel bands, in decibels (Böck and
/// Widmer, *Maximum filter vibrato suppression for onset detection*, DAFx 2013, without their filter). An onset is told
/// where it is in the signal, not where the first frame that has it in is centred.
pub fn strength(stft: &Stft, signal: Signal<'_>, aggregate: Aggregate) -> Vec<f32> {
    let power = mel::spectrogram(stft, signal, 128);
    strength_of(
        &power_to_db(power.view(), Reference::Value(1.0), Some(80.0)),
        1 + stft.size() / (2 * stft.hop()),
        aggregate,
    )
}

/// The increases from column to column, told `delay` frames later than the first column of the two.
fn strength_of(decibels: &Array2<f32>, delay: usize, aggregate: Aggregate) -> Vec<f32> {
    let frames = decibels.ncols();
    let mut strengths = vec![0.0; frames];
    let mut increases = vec![0.0; decibels.nrows()];
    for (frame, strength) in strengths.iter_mut().enumerate().skip(delay) {
        let from = frame - delay;
        let pair = decibels.column(from + 1).into_iter().zip(decibels.column(from));
        for (increase, (after, before)) in increases.iter_mut().zip(pair) {
            *increase = (after - before).max(0.0);
        }
        *strength = match aggregate {
            Aggregate::Mean => increases.iter().sum::<f32>() / increases.len() as f32,
            Aggregate::Median => median(increases.clone()),
        };
    }
    strengths
}

/// The frames that are onsets, by the peak picking of Böck, Krebs and Schedl (*Evaluating the online capabilities of
/// onset detection methods*, ISMIR 2012): strengths, scaled to 0 to 1, that are the maximum of the 30 ms before and exceed
/// the mean of 100 ms to both sides by 0.07, more than 30 ms after the last onset. Frames are `hop` samples apart.
pub fn detect(strengths: &[f32], sample_rate: u32, hop: usize) -> Vec<usize> {
    let least = strengths.iter().copied().fold(f32::INFINITY, f32::min);
    let most = strengths.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = most - least;
    if !(range > 0.0 && range.is_finite()) || hop == 0 {
        return Vec::new();
    }
    let scaled: Vec<f32> = strengths.iter().map(|strength| (strength - least) / range).collect();
    let frames = |seconds: f64| (seconds * f64::from(sample_rate) / hop as f64).floor() as usize;
    let (wait, around) = (frames(0.03), frames(0.1));
    let mut onsets = Vec::new();
    let mut frame = 0;
    while let Some(&strength) = scaled.get(frame) {
        let before = &scaled[frame.saturating_sub(wait)..frame];
        let near = &scaled[frame.saturating_sub(around)..(frame + around + 1).min(scaled.len())];
        let mean = near.iter().sum::<f32>() / near.len() as f32;
        if before.iter().all(|&other| strength >= other) && strength >= mean + DELTA {
            onsets.push(frame);
            frame += wait;
        }
        frame += 1;
    }
    onsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_picked_and_a_plain_has_none() {
        let mut strengths = vec![0.1; 60];
        for peak in [20, 40] {
            strengths[peak] = 1.0;
            strengths[peak + 1] = 0.9;
        }
        assert_eq!(detect(&strengths, 22_050, 512), [20, 40]);
        assert!(detect(&[0.5; 60], 22_050, 512).is_empty());
        assert!(detect(&[], 22_050, 512).is_empty());
        assert!(detect(&[f32::NAN, 1.0, f32::INFINITY], 22_050, 512).is_empty());
    }
}
