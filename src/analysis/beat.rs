//! Tempo and beats.

use realfft::RealFftPlanner;

use super::stft::hann;
use crate::error::{Error, Result};

/// How long a stretch is compared with itself to find the tempo, in seconds.
const STRETCH: f64 = 8.0;

/// The fastest tempo that is looked for, in beats a minute.
const FASTEST: f64 = 320.0;

/// How beats are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeatSettings {
    /// The likeliest tempo, in beats a minute; an octave from it is one standard deviation.
    pub start: f64,
    /// The tempo, in beats a minute, where it is known.
    pub tempo: Option<f64>,
    /// How closely beats keep to the tempo: the price of the squared logarithm of a deviation.
    pub tightness: f64,
    /// Whether weak beats before the first and after the last strong one are left out.
    pub trim: bool,
}

impl Default for BeatSettings {
    /// Around 120 beats a minute, tightness 100, trimmed.
    fn default() -> Self {
        Self { start: 120.0, tempo: None, tightness: 100.0, trim: true }
    }
}

/// A tempo and the beats found by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Beats {
    /// Beats a minute; none where nothing begins.
    pub tempo: Option<f64>,
    /// The frames of the beats.
    pub frames: Vec<usize>,
}

/// The tempo of a signal with these onset strengths, one for every `hop` samples, in beats a minute: the lag at which
/// stretches of 8 seconds are most like themselves (Grosche, Müller and Kurth, *Cyclic tempogram*, ICASSP 2010), with
/// tempi around `start` likelier than others. Nothing where nothing begins.
pub fn tempo(strengths: &[f32], sample_rate: u32, hop: usize, start: f64) -> Option<f64> {
    let frame_rate = f64::from(sample_rate) / hop as f64;
    let lags = (STRETCH * frame_rate).floor();
    if !(2.0..=1e6).contains(&lags) || strengths.iter().all(|&strength| strength == 0.0) {
        return None;
    }
    let likeness = self_likeness(strengths, lags as usize);
    let bpm = |lag: usize| 60.0 * frame_rate / lag as f64;
    let score = |lag: usize| (1e6 * likeness[lag]).ln_1p() - 0.5 * (bpm(lag) / start).log2().powi(2);
    // The first of several best ones.
    (1..likeness.len()).rev().filter(|&lag| bpm(lag) < FASTEST).max_by(|&a, &b| score(a).total_cmp(&score(b))).map(bpm)
}

/// For each lag below `size`, the autocorrelation of the `size` strengths around a frame under a Hann window, scaled to
/// a maximum of 1, in the mean over all frames. Beyond the ends the strengths fade to zero in a line.
fn self_likeness(strengths: &[f32], size: usize) -> Vec<f64> {
    let half = size / 2;
    let edge = |index: usize| strengths.get(index).copied().map_or(0.0, f64::from);
    let (first, last) = (edge(0), edge(strengths.len().saturating_sub(1)));
    let fade = |step: usize| step as f64 / half.max(1) as f64;
    let padded: Vec<f64> = (0..half)
        .map(|i| first * fade(i))
        .chain(strengths.iter().copied().map(f64::from))
        .chain((0..half).rev().map(|i| last * fade(i)))
        .chain(std::iter::once(0.0))
        .collect();

    let length = (2 * size - 1).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
    let mut stretch = forward.make_input_vec();
    let mut spectrum = forward.make_output_vec();
    let window: Vec<f64> = hann(size).collect();
    let mut sums = vec![0.0; size];
    for around in padded.windows(size).take(strengths.len()) {
        stretch.fill(0.0);
        for ((value, strength), weight) in stretch.iter_mut().zip(around).zip(&window) {
            *value = strength * weight;
        }
        // Only buffers of another length are refused, and those here are the plans' own.
        let _ = forward.process(&mut stretch, &mut spectrum);
        for value in &mut spectrum {
            *value = (value.norm_sqr() / length as f64).into();
        }
        let _ = inverse.process(&mut spectrum, &mut stretch);
        let max = stretch[..size].iter().fold(0.0, |max: f64, value| max.max(value.abs()));
        let scale = if max < f64::MIN_POSITIVE { 1.0 } else { max };
        for (sum, value) in sums.iter_mut().zip(&stretch) {
            *sum += value / scale;
        }
    }
    // Rounding may leave what is no correlation slightly below zero.
    sums.iter().map(|sum| (sum / strengths.len().max(1) as f64).max(0.0)).collect()
}

/// The tempo and the beats of a signal with these onset strengths, one for every `hop` samples, by dynamic programming
/// (Ellis, *Beat tracking by dynamic programming*, Journal of New Music Research 2007). Made for strengths of
/// [`Aggregate::Median`](super::onset::Aggregate::Median).
///
/// ```
/// use judge::analysis::beat::{BeatSettings, track};
///
/// let strengths: Vec<f32> = (0..400).map(|frame| if frame % 20 == 5 { 1.0 } else { 0.0 }).collect();
/// let beats = track(&strengths, 22_050, 512, BeatSettings::default())?;
/// assert!((beats.tempo.unwrap() - 129.2).abs() < 0.1);
/// assert_eq!(beats.frames[..4], [5, 25, 45, 65]);
/// # Ok::<(), judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Option`] for a tempo, a start or a tightness that is not above 0, and a hop of 0.
pub fn track(strengths: &[f32], sample_rate: u32, hop: usize, settings: BeatSettings) -> Result<Beats> {
    let BeatSettings { start, tempo: given, tightness, trim } = settings;
    let positive = |name, value: f64, expected| match value > 0.0 && value.is_finite() {
        true => Ok(()),
        false => Err(Error::Option { name, value: value.to_string(), expected }),
    };
    positive("tempo", given.unwrap_or(start), "above 0 beats a minute")?;
    positive("start", start, "above 0 beats a minute")?;
    positive("tightness", tightness, "above 0")?;
    if hop == 0 {
        return Err(Error::Option { name: "hop", value: "0".into(), expected: "a number of samples above 0" });
    }
    let lit = strengths.iter().any(|&strength| strength != 0.0);
    let Some(bpm) = given.or_else(|| tempo(strengths, sample_rate, hop, start)).filter(|_| lit) else {
        return Ok(Beats { tempo: None, frames: Vec::new() });
    };
    // A beat that is longer than the signal leaves none but one.
    let period = (f64::from(sample_rate) / hop as f64 * 60.0 / bpm).round_ties_even();
    let period = (period as usize).clamp(1, strengths.len().max(1));
    let local = local_scores(strengths, period);
    let frames = best_path(&local, period, tightness);
    Ok(Beats { tempo: Some(bpm), frames: trimmed(&local, frames, trim) })
}

/// The strengths by their standard deviation, smoothed over a 32nd of a beat.
fn local_scores(strengths: &[f32], period: usize) -> Vec<f64> {
    let count = strengths.len() as f64;
    let mean = strengths.iter().copied().map(f64::from).sum::<f64>() / count;
    let squares: f64 = strengths.iter().map(|&strength| (f64::from(strength) - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt() + f64::from(f32::MIN_POSITIVE);
    let weight = |distance: usize| (-0.5 * (distance as f64 * 32.0 / period as f64).powi(2)).exp();
    // A whole beat to both sides, since whatever is above zero may be a beat where nothing is trimmed.
    let weights: Vec<f64> = (0..=period).map(weight).collect();
    let at = |frame: Option<usize>| frame.and_then(|frame| strengths.get(frame)).copied().map_or(0.0, f64::from);
    (0..strengths.len())
        .map(|frame| {
            let sides = |distance: usize| at(frame.checked_sub(distance)) + at(Some(frame + distance));
            let around = (1..weights.len()).map(|distance| weights[distance] * sides(distance)).sum::<f64>();
            (weights[0] * at(Some(frame)) + around) / deviation
        })
        .collect()
}

/// The frames with the greatest sum of local scores, less what their distances differ from the period.
fn best_path(local: &[f64], period: usize, tightness: f64) -> Vec<usize> {
    let nearest = (period as f64 / 2.0).round_ties_even() as usize;
    let price = |distance: usize| tightness * (distance as f64 / period as f64).ln().powi(2);
    let distances = nearest.max(1)..=2 * period;
    let prices: Vec<f64> = distances.clone().map(price).collect();
    let least = 0.01 * local.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sums: Vec<f64> = Vec::with_capacity(local.len());
    let mut links: Vec<Option<usize>> = Vec::with_capacity(local.len());
    let mut begun = false;
    for (frame, &score) in local.iter().enumerate() {
        let mut best: Option<(f64, usize)> = None;
        for (distance, price) in distances.clone().zip(&prices) {
            let Some(before) = frame.checked_sub(distance) else { break };
            let sum = sums[before] - price;
            if best.is_none_or(|(most, _)| sum > most) {
                best = Some((sum, before));
            }
        }
        sums.push(score + best.map_or(0.0, |(sum, _)| sum));
        begun |= score >= least;
        links.push(best.map(|(_, before)| before).filter(|_| begun));
    }

    let mut path: Vec<usize> = std::iter::successors(last_beat(&sums), |&frame| links[frame]).collect();
    path.reverse();
    path
}

/// The last maximum of the sums that reaches half their median.
fn last_beat(sums: &[f64]) -> Option<usize> {
    let last = sums.len().checked_sub(1)?;
    let is_peak = |frame: usize| {
        let rises = frame > 0 && sums[frame] > sums[frame - 1];
        rises && sums.get(frame + 1).is_none_or(|&next| sums[frame] >= next)
    };
    let mut peaks: Vec<f64> = (0..=last).filter(|&frame| is_peak(frame)).map(|frame| sums[frame]).collect();
    peaks.sort_unstable_by(f64::total_cmp);
    let middle = |index: usize| peaks.get(index).copied().unwrap_or(0.0);
    let median = (middle(peaks.len() / 2) + middle(peaks.len().saturating_sub(1) / 2)) / 2.0;
    Some((0..=last).rev().find(|&frame| is_peak(frame) && sums[frame] >= 0.5 * median).unwrap_or(last))
}

/// The beats from the first to the last frame whose local score exceeds half the root mean square of the beats'
/// scores, smoothed; without `trim`, whose score is not zero.
fn trimmed(local: &[f64], beats: Vec<usize>, trim: bool) -> Vec<usize> {
    let threshold = if trim {
        let score = |beat: Option<usize>| beat.and_then(|beat| beats.get(beat)).map_or(0.0, |&frame| local[frame]);
        let smooth = |beat: usize| score(Some(beat)) + 0.5 * (score(beat.checked_sub(1)) + score(Some(beat + 1)));
        // Two places beyond the last beat count too, as in the reference.
        let squares: f64 = (0..beats.len() + 2).map(|beat| smooth(beat).powi(2)).sum();
        0.5 * (squares / (beats.len() + 2) as f64).sqrt()
    } else {
        0.0
    };
    let strong = |&score: &f64| score > threshold;
    let (Some(first), Some(last)) = (local.iter().position(strong), local.iter().rposition(strong)) else {
        return Vec::new();
    };
    beats.into_iter().filter(|beat| (first..=last).contains(beat)).collect()
}
