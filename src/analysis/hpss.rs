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

/// Medians that are computed together, in vector registers.
const LANES: usize = 8;

/// Sorted windows, lane by lane: all first places, all second ones …
type Windows = [[f32; LANES]; KERNEL];

/// The magnitudes of the last frames, and the windows of the bins along time.
struct Separator {
    recent: VecDeque<Vec<f32>>,
    /// The number of the first of the recent frames.
    oldest: usize,
    windows: Vec<Windows>,
    harmonic: Vec<f32>,
    percussive: Vec<f32>,
    mirrored: Vec<f32>,
}

impl Separator {
    fn new(bins: usize) -> Self {
        Self {
            recent: VecDeque::with_capacity(KERNEL + 2),
            oldest: 0,
            windows: vec![[[0.0; LANES]; KERNEL]; bins.div_ceil(LANES)],
            harmonic: vec![0.0; bins],
            percussive: vec![0.0; bins],
            mirrored: Vec::new(),
        }
    }

    fn push(&mut self, magnitudes: &[f32]) {
        let mut frame = Vec::new();
        if self.recent.len() > KERNEL + 1 {
            self.oldest += 1;
            frame = self.recent.pop_front().unwrap_or_default();
        }
        frame.clear();
        frame.extend_from_slice(magnitudes);
        self.recent.push_back(frame);
    }

    /// The two parts of frame `frame` of `frames`. To be called for each frame in turn, when all that its window covers
    /// have been pushed.
    fn next(&mut self, frame: usize, frames: usize) -> (&[f32], &[f32]) {
        let Self { recent, oldest, windows, harmonic, percussive, .. } = self;
        // The frame so many places after the first of the window.
        let at = |frame: usize, place: usize| {
            &recent[mirrored((frame + place) as isize - (KERNEL / 2) as isize, frames) - *oldest][..]
        };
        let lanes = |values: &[f32], group: usize| {
            let mut lanes = [0.0; LANES];
            lanes.iter_mut().zip(&values[group * LANES..]).for_each(|(lane, &value)| *lane = value);
            lanes
        };
        for (group, windows) in windows.iter_mut().enumerate() {
            if frame == 0 {
                *windows = sorted(|place| lanes(at(0, place), group));
            } else {
                slide(windows, lanes(at(frame - 1, 0), group), lanes(at(frame, KERNEL - 1), group));
            }
        }
        let magnitudes = at(frame, KERNEL / 2);
        smooth_along(magnitudes, percussive, &mut self.mirrored);
        let medians = windows.iter().flat_map(|windows| &windows[KERNEL / 2]);
        for (((harmonic, percussive), &median), &magnitude) in
            harmonic.iter_mut().zip(percussive.iter_mut()).zip(medians).zip(magnitudes)
        {
            let share = share(median, *percussive);
            *harmonic = magnitude * share;
            *percussive = magnitude * (1.0 - share);
        }
        (harmonic, percussive)
    }
}

/// The running median along `values`, of which each lane does a part. `mirrored_values` is scratch.
fn smooth_along(values: &[f32], medians: &mut [f32], mirrored_values: &mut Vec<f32>) {
    let part = values.len().div_ceil(LANES);
    let place = |index: usize| values[mirrored(index as isize - (KERNEL / 2) as isize, values.len())];
    mirrored_values.clear();
    mirrored_values.extend((0..part * LANES + KERNEL).map(place));
    let at = |place: usize| std::array::from_fn(|lane| mirrored_values[lane * part + place]);
    let mut windows = sorted(at);
    for step in 0..part {
        if step > 0 {
            slide(&mut windows, at(step - 1), at(step + KERNEL - 1));
        }
        for (lane, &median) in windows[KERNEL / 2].iter().enumerate() {
            if let Some(place) = medians.get_mut(lane * part + step) {
                *place = median;
            }
        }
    }
}

/// The index that lies `index` places after the first of `length` (at least 1), where each end mirrors all before it.
fn mirrored(index: isize, length: usize) -> usize {
    let index = index.rem_euclid(2 * length as isize) as usize;
    if index < length { index } else { 2 * length - 1 - index }
}

/// The windows of these values.
fn sorted(place: impl Fn(usize) -> [f32; LANES]) -> Windows {
    let mut windows: Windows = std::array::from_fn(place);
    for lane in 0..LANES {
        let mut window: [f32; KERNEL] = std::array::from_fn(|place| windows[place][lane]);
        window.sort_unstable_by(f32::total_cmp);
        windows.iter_mut().zip(window).for_each(|(place, value)| place[lane] = value);
    }
    windows
}

/// Replaces `old`, which is in the sorted windows, by `new`: what is not below `old` moves down by one place, and each
/// place then has the median of `new`, what is there and what is below. There are no branches, so lanes keep in step.
fn slide(windows: &mut Windows, old: [f32; LANES], new: [f32; LANES]) {
    // Unlike f32::min and f32::max these are single instructions.
    let lesser = |a: f32, b: f32| if a < b { a } else { b };
    let greater = |a: f32, b: f32| if a > b { a } else { b };
    let mut below = [f32::NEG_INFINITY; LANES];
    for place in 0..KERNEL {
        let next = windows.get(place + 1).copied().unwrap_or([f32::INFINITY; LANES]);
        for lane in 0..LANES {
            let value = windows[place][lane];
            let left = if value < old[lane] { value } else { next[lane] };
            windows[place][lane] = greater(below[lane], lesser(new[lane], left));
            below[lane] = left;
        }
    }
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
            smooth_along(values, &mut medians, &mut Vec::new());
            for (index, &median) in medians.iter().enumerate() {
                let place = |i: usize| values[mirrored((index + i) as isize - 15, length)];
                let mut window: Vec<f32> = (0..KERNEL).map(place).collect();
                window.sort_unstable_by(f32::total_cmp);
                assert_eq!(median, window[15], "{index} of {length}");
            }
        }
    }
}
