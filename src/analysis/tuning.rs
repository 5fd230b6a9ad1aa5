//! Estimation of how far a recording is from standard pitch (A4 = 440 Hz).

use super::signal::Signal;
use super::stft::Stft;

/// The range in which peaks are looked for, in hertz.
const RANGE: (f64, f64) = (150.0, 4000.0);

/// Of the loudest bin of a frame, what a peak must exceed.
const THRESHOLD: f32 = 0.1;

/// Steps of a bin in which the tuning is counted.
const STEPS: usize = 100;

/// A peak of a spectrum: where its interpolated top is, in hertz, and how high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectralPeak {
    /// Hertz.
    pub frequency: f32,
    /// In the unit of the spectrum.
    pub magnitude: f32,
}

/// The peaks of one spectrum (magnitudes, or powers) of a signal between 150 Hz and 4 kHz that exceed a tenth of its
/// maximum, interpolated by a parabola (Smith, *Spectral Audio Signal Processing*, 2011), lowest first.
pub fn spectral_peaks(stft: &Stft, sample_rate: u32, spectrum: &[f32]) -> Vec<SpectralPeak> {
    let least = THRESHOLD * spectrum.iter().copied().fold(0.0, f32::max);
    let gated = |value: f32| if value > least { value } else { 0.0 };
    let mut peaks = Vec::new();
    for (middle, around) in spectrum.windows(3).enumerate() {
        let bin = middle + 1;
        let hertz = stft.frequency(bin, sample_rate);
        let &[before, at, after] = around else { continue };
        let peak = gated(at) > gated(before) && gated(at) >= gated(after);
        if !peak || hertz < RANGE.0 || hertz >= RANGE.1.min(f64::from(sample_rate) / 2.0) {
            continue;
        }
        let curve = after + before - 2.0 * at;
        let slope = (after - before) / 2.0;
        let shift = if slope.abs() >= curve.abs() { 0.0 } else { -slope / curve };
        let frequency = (bin as f64 + f64::from(shift)) * f64::from(sample_rate) / stft.size() as f64;
        peaks.push(SpectralPeak { frequency: frequency as f32, magnitude: at + 0.5 * slope * shift });
    }
    peaks
}

/// The tuning of a signal in bins, -0.5 to 0.5, `bins_per_octave` of which make an octave: most of its louder half of
/// spectral peaks (of magnitudes) lie so far above a multiple of a bin from A4 = 440 Hz. In hundredths of a bin;
/// 0 where there are no peaks.
pub fn estimate(stft: &Stft, signal: Signal<'_>, bins_per_octave: usize) -> f64 {
    let mut peaks = Vec::new();
    stft.for_each_magnitude(signal.samples(), |_, spectrum| {
        peaks.extend(spectral_peaks(stft, signal.sample_rate(), spectrum));
    });
    of_peaks(&peaks, bins_per_octave)
}

/// As [`estimate`], from the peaks of powers, as chroma features do.
pub(super) fn estimate_of_power(stft: &Stft, signal: Signal<'_>, bins_per_octave: usize) -> f64 {
    let mut peaks = Vec::new();
    stft.for_each_power(signal.samples(), |_, spectrum| {
        peaks.extend(spectral_peaks(stft, signal.sample_rate(), spectrum));
    });
    of_peaks(&peaks, bins_per_octave)
}

/// Where in a bin most of the louder half of the peaks lie.
fn of_peaks(peaks: &[SpectralPeak], bins_per_octave: usize) -> f64 {
    if peaks.is_empty() || bins_per_octave == 0 {
        return 0.0;
    }
    let median = median(peaks.iter().map(|peak| peak.magnitude).collect());
    let mut counts = [0u32; STEPS];
    for peak in peaks.iter().filter(|peak| peak.magnitude >= median) {
        let bins = bins_per_octave as f64 * (f64::from(peak.frequency) / 27.5).log2();
        let residual = (bins + 0.5).rem_euclid(1.0);
        counts[((residual * STEPS as f64) as usize).min(STEPS - 1)] += 1;
    }
    // The first of several highest ones.
    let best = (0..STEPS).rev().max_by_key(|&step| counts[step]).unwrap_or(STEPS / 2);
    best as f64 / STEPS as f64 - 0.5
}

/// The median; of an even number of values the mean of the middle two. 0 of none.
pub(super) fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    if !even {
        return upper;
    }
    let lower = below.iter().copied().max_by(f32::total_cmp).unwrap_or(upper);
    (lower + upper) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!([vec![], vec![3.0], vec![4.0, 1.0], vec![5.0, 1.0, 2.0]].map(median), [0.0, 3.0, 2.5, 2.0]);
    }

    #[test]
    fn detuned_sines_are_told() {
        for cents in [-30.0, 0.0, 20.0] {
            let hertz = 440.0 * 2f64.powf(cents / 1200.0);
            let samples: Vec<f32> =
                (0..22_050).map(|i| (std::f64::consts::TAU * hertz * i as f64 / 22_050.0).sin() as f32).collect();
            let tuning = estimate(&Stft::default(), Signal::new(&samples, 22_050).unwrap(), 12);
            assert!((tuning - cents / 100.0).abs() < 0.03, "{cents} cents: {tuning}");
        }
    }
}
