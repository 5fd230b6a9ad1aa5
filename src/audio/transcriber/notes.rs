//! Notes from what the network says of each frame, as published with it (section 2.3 of the paper, and the parameters of
//! its code): a note begins where its onset is told, or where the energy rises at once; it lasts until the energy has been
//! low for a while. What energy is left after that makes notes without an onset, the strongest first.

use ndarray::Array2;

use super::{Activations, LOWEST, PITCHES};
use crate::audio::HeardNote;

/// From where on an onset is one.
const ONSET: f32 = 0.5;
/// From where on a note sounds.
const SOUNDING: f32 = 0.3;
/// Notes of so many frames or less (127.7 ms) are left out.
const SHORTEST: usize = 11;
/// A note is over when it has not sounded for so many frames.
const PATIENCE: usize = 11;
/// Over how many frames energy must rise to make an onset.
const RISE: usize = 2;

/// The notes, in order of time, then pitch.
pub(super) fn create(activations: &Activations) -> Vec<HeardNote> {
    let note = &activations.note;
    let frames = note.nrows();
    let mut left = note.clone();
    let mut found = Vec::new();
    let onsets = with_rises(&activations.onset, note);
    // Backwards: a note ends where the next one of its pitch has begun.
    for begin in (0..frames.saturating_sub(1)).rev() {
        for pitch in (0..PITCHES).rev() {
            if !is_peak(&onsets, begin, pitch) {
                continue;
            }
            let end = end_of_note(&left, begin, pitch);
            if end.saturating_sub(begin) > SHORTEST {
                for frame in begin..end {
                    clear(&mut left, frame, pitch);
                }
                found.push((begin, end, pitch));
            }
        }
    }
    found.extend(without_onsets(&mut left));
    let mut notes: Vec<_> = found
        .into_iter()
        .map(|(begin, end, pitch)| HeardNote {
            pitch: LOWEST + pitch as u8,
            start: Activations::seconds(begin),
            end: Activations::seconds(end),
            strength: (begin..end).map(|frame| note[[frame, pitch]]).sum::<f32>() / (end - begin) as f32,
        })
        .collect();
    notes.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.pitch.cmp(&b.pitch)));
    notes
}

/// The onsets, and where energy rises at once, on the same scale.
fn with_rises(onset: &Array2<f32>, note: &Array2<f32>) -> Array2<f32> {
    let frames = note.nrows();
    let mut rises = Array2::zeros(note.dim());
    for frame in RISE..frames {
        for pitch in 0..PITCHES {
            let rise = (1..=RISE).map(|back| note[[frame, pitch]] - note[[frame - back, pitch]]);
            rises[[frame, pitch]] = rise.fold(f32::INFINITY, f32::min).max(0.0);
        }
    }
    let most = |of: &Array2<f32>| of.iter().copied().fold(0.0, f32::max);
    let (strongest, steepest) = (most(onset), most(&rises));
    let scale = if steepest > 0.0 { strongest / steepest } else { 0.0 };
    rises.zip_mut_with(onset, |rise, &onset| *rise = (*rise * scale).max(onset));
    rises
}

/// Whether an onset is told here, more than before and after.
fn is_peak(onsets: &Array2<f32>, frame: usize, pitch: usize) -> bool {
    let here = onsets[[frame, pitch]];
    here >= ONSET && frame > 0 && here > onsets[[frame - 1, pitch]] && here > onsets[[frame + 1, pitch]]
}

/// The frame after the last one of a note.
fn end_of_note(left: &Array2<f32>, begin: usize, pitch: usize) -> usize {
    let (mut frame, mut low) = (begin + 1, 0);
    while frame < left.nrows() - 1 && low < PATIENCE {
        low = if left[[frame, pitch]] < SOUNDING { low + 1 } else { 0 };
        frame += 1;
    }
    frame - low
}

/// Takes a note's energy away, with what leaks to its neighbours.
fn clear(left: &mut Array2<f32>, frame: usize, pitch: usize) {
    for near in pitch.saturating_sub(1)..(pitch + 2).min(PITCHES) {
        left[[frame, near]] = 0.0;
    }
}

/// Notes of the energy that is left, grown both ways from where it is greatest.
fn without_onsets(left: &mut Array2<f32>) -> Vec<(usize, usize, usize)> {
    let mut strong: Vec<(f32, usize, usize)> = left
        .indexed_iter()
        .filter(|(_, energy)| **energy > SOUNDING)
        .map(|((frame, pitch), &energy)| (energy, frame, pitch))
        .collect();
    strong.sort_by(|a, b| b.0.total_cmp(&a.0));
    let last = left.nrows().saturating_sub(1);
    let mut found = Vec::new();
    for (_, middle, pitch) in strong {
        if left[[middle, pitch]] <= SOUNDING {
            continue;
        }
        left[[middle, pitch]] = 0.0;
        let mut follow = |frame: usize, low: &mut usize| {
            *low = if left[[frame, pitch]] < SOUNDING { *low + 1 } else { 0 };
            clear(left, frame, pitch);
        };
        let (mut after, mut low) = (middle + 1, 0);
        while after < last && low < PATIENCE {
            follow(after, &mut low);
            after += 1;
        }
        let end = (after - 1).saturating_sub(low);
        let (mut before, mut low) = (middle, 0);
        while before > 1 && low < PATIENCE {
            before -= 1;
            follow(before, &mut low);
        }
        let begin = before + low;
        if end.saturating_sub(begin) > SHORTEST {
            found.push((begin, end, pitch));
        }
    }
    found
}
