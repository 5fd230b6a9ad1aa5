//! Separation of what sustains from what strikes.

use std::collections::VecDeque;

use ndarray::Array2;

use super::stft::{Stft, columns};

/// The length of the median filters, in frames and in frequency bins.
const KERNEL: usize = 31;

/// The harmonic and the percussive part of a signal's magnitudes (Fitzgerald, *Harmonic/percussive separation using
/// median filtering*, DAFx 2010): what is smooth along time, and what is smooth along frequency, by medians of 31 and
/// soft masks of power 2. The two add up to the magnitudes. Shape: `[bins, frames]` each.
pub fn separate(stft: &Stft, samples: &[f32]) -> (Array2<f32>, Array2<f32>) {
    let size = stft.bins() * stft.frames(samples.len());
    let (mut harmonics, mut percussion) = (Vec::with_capacity(size), Vec::with_capacity(size));
    for_each(stft, samples, |_, harmonic, percussive| {
        harmonics.extend_from_slice(harmonic);
        percussion.extend_from_slice(percussive);
    });
    (columns(stft.bins(), harmonics), columns(stft.bins(), percussion))
}

/// As [`separate`], but calls `take` with the number, the harmonic and the percussive magnitudes of each frame in turn,
/// without holding them all.
pub fn for_each(stft: &Stft, samples: &[f32], mut take: impl FnMut(usize, &[f32], &[f32])) {
    let frames = stft.frames(samples.len());
    let reach = KERNEL / 2;
    let mut separator = Separator::new(stft.bins());
    let mut done = 0;
    stft.for_each_magnitude(samples, |frame, magnitudes| {
        separator.push(magnitudes);
        // Those whose window ends with this frame; at the end all that are left.
        let ready = if frame + 1 == frames { frames } else { (frame + 1).saturating_sub(reach) };
        while done < ready {
            let (harmonic, percussive) = separator.next(done, frames);
            take(done, harmonic, percussive);
            done += 1;
        }
    });
}

/// The magnitudes of the last frames, and the sorted window of each bin along time.
struct Separator {
    bins: usize,
    recent: VecDeque<Vec<f32>>,
    /// The number of the first of the recent frames.
    oldest: usize,
    windows: Vec<[f32; KERNEL]>,
    harmonic: Vec<f32>,
    percussive: Vec<f32>,
}

impl Separator {
    fn new(bins: usize) -> Self {
        let zeros = || vec![0.0; bins];
        Self {
            bins,
            recent: VecDeque::with_capacity(KERNEL + 2),
            oldest: 0,
            windows: vec![[0.0; KERNEL]; bins],
            harmonic: zeros(),
            percussive: zeros(),
        }
    }

    fn push(&mut self, magnitudes: &[f32]) {
        let mut frame = if self.recent.len() > KERNEL + 1 {
            self.oldest += 1;
            self.recent.pop_front().unwrap_or_default()
        } else {
            Vec::with_capacity(self.bins)
        };
        frame.clear();
        frame.extend_from_slice(magnitudes);
        self.recent.push_back(frame);
    }

    /// The two parts of frame `frame` of `frames`. To be called for each frame in turn, when all that its window covers
    /// have been pushed.
    fn next(&mut self, frame: usize, frames: usize) -> (&[f32], &[f32]) {
        let Self { recent, oldest, windows, harmonic, percussive, .. } = self;
        // The frame so many places after the first of the window, mirrored at both ends.
        let at = |frame: usize, place: usize| {
            let index = mirrored((frame + place) as isize - (KERNEL / 2) as isize, frames);
            &recent[index - *oldest]
        };
        if frame == 0 {
            for place in 0..KERNEL {
                for (window, &value) in windows.iter_mut().zip(at(0, place)) {
                    window[place] = value;
                }
            }
            windows.iter_mut().for_each(|window| window.sort_unstable_by(f32::total_cmp));
        } else {
            let (old, new) = (at(frame - 1, 0), at(frame, KERNEL - 1));
            for ((window, &old), &new) in windows.iter_mut().zip(old).zip(new) {
                replace(window, old, new);
            }
        }
        let magnitudes = at(frame, KERNEL / 2);
        smooth_along(magnitudes, percussive);
        for (((harmonic, percussive), window), &magnitude) in
            harmonic.iter_mut().zip(percussive.iter_mut()).zip(windows.iter()).zip(magnitudes)
        {
            let share = share(window[KERNEL / 2], *percussive);
            *harmonic = magnitude * share;
            *percussive = magnitude * (1.0 - share);
        }
        (harmonic, percussive)
    }
}

/// The running median along `values`.
fn smooth_along(values: &[f32], medians: &mut [f32]) {
    let at =
        |index: usize, place: usize| values[mirrored((index + place) as isize - (KERNEL / 2) as isize, values.len())];
    let mut window = [0.0; KERNEL];
    for (index, median) in medians.iter_mut().enumerate() {
        if index == 0 {
            window = std::array::from_fn(|place| at(0, place));
            window.sort_unstable_by(f32::total_cmp);
        } else {
            replace(&mut window, at(index - 1, 0), at(index, KERNEL - 1));
        }
        *median = window[KERNEL / 2];
    }
}

/// The index that lies `index` places after the first of `length` (at least 1), where each end mirrors all before it.
fn mirrored(index: isize, length: usize) -> usize {
    let index = index.rem_euclid(2 * length as isize) as usize;
    if index < length { index } else { 2 * length - 1 - index }
}

/// Replaces `old`, which is in the sorted window, by `new`.
fn replace(window: &mut [f32; KERNEL], old: f32, new: f32) {
    let mut place = window.partition_point(|value| value.total_cmp(&old).is_lt()).min(KERNEL - 1);
    while place + 1 < KERNEL && window[place + 1] < new {
        window[place] = window[place + 1];
        place += 1;
    }
    while place > 0 && window[place - 1] > new {
        window[place] = window[place - 1];
        place -= 1;
    }
    window[place] = new;
}

/// What share of a magnitude is harmonic; half where neither part has any.
fn share(harmonic: f32, percussive: f32) -> f32 {
    let greater = harmonic.max(percussive);
    if greater < f32::MIN_POSITIVE {
        return 0.5;
    }
    let (harmonic, percussive) = ((harmonic / greater).powi(2), (percussive / greater).powi(2));
    harmonic / (harmonic + percussive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_median_is_the_median_of_each_window() {
        let values: Vec<f32> = (0..100u32).map(|i| (i * 7919 % 101) as f32).collect();
        for length in [1, 2, 10, 31, 100] {
            let values = &values[..length];
            let mut medians = vec![0.0; length];
            smooth_along(values, &mut medians);
            for (index, &median) in medians.iter().enumerate() {
                let place = |i: usize| values[mirrored((index + i) as isize - 15, length)];
                let mut window: Vec<f32> = (0..KERNEL).map(place).collect();
                window.sort_unstable_by(f32::total_cmp);
                assert_eq!(median, window[15], "{index} of {length}");
            }
        }
    }
}
