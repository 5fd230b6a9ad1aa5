//! Notes from the salience of semitones: where it rises and stays.

use super::HeardNote;
use super::salience::{LOWEST, PITCHES, Salience};

/// Of the greatest strength nearby, what a note must have somewhere.
const SOUNDING: f32 = 0.12;
/// Of its own peak, what ends a note.
const ENDING: f32 = 0.15;
/// How many times the level of noise a note must have.
const ABOVE_NOISE: f32 = 12.0;
/// How many times as strong as just before a tone must get to be struck again.
const STRUCK: f32 = 1.35;
/// The shortest note, in frames.
pub(super) const SHORTEST: usize = 5;
/// Frames each way in which the greatest strength is looked for.
const NEARBY: usize = 170;
/// Where partials of a tone lie, in semitones.
pub(super) const PARTIALS: [u8; 7] = [12, 19, 24, 28, 31, 34, 36];
/// A tone at a partial of another is not heard as one where it is weaker than this, of the other's strength.
pub(super) const PARTIAL: f32 = 0.5;
/// Nor is what leaks a semitone up or down.
const NEIGHBOUR: f32 = 0.6;
/// What is so much weaker than another, shorter than so many frames and begins with it, is the noise of its attack.
const ATTACK: f32 = 0.25;
const BRIEF: usize = 9;
/// So is a brief weaker tone that begins while another sounds.
const WITHIN: f32 = 0.6;
const WITH: usize = 5;
/// What sounds on for less than this many frames when the next note has begun, ends there.
const TAIL: usize = 16;

/// A note in frames.
#[derive(Debug, Clone, Copy)]
struct Span {
    pitch: usize,
    begin: usize,
    end: usize,
    peak: f32,
}

/// The notes of a recording, in order of time, then pitch.
pub(super) fn notes(salience: &Salience) -> Vec<HeardNote> {
    let frames = salience.strength.nrows();
    let strongest: Vec<f32> =
        salience.strength.outer_iter().map(|frame| frame.iter().copied().fold(0.0, f32::max)).collect();
    let nearby = greatest_nearby(&strongest, NEARBY);
    let overall = strongest.iter().copied().fold(0.0, f32::max);
    let least: Vec<f32> = (0..frames)
        .map(|frame| {
            let audible = SOUNDING * nearby[frame].max(0.15 * overall);
            audible.max(ABOVE_NOISE * salience.noise[frame]).max(1e-4)
        })
        .collect();
    let mut spans = Vec::new();
    for pitch in 0..PITCHES {
        let strength: Vec<f32> = salience.strength.column(pitch).to_vec();
        spans_of(pitch, &strength, &least, &mut spans);
    }
    spans.sort_by_key(|span| (span.begin, span.pitch));
    drop_company(&mut spans);
    cut_tails(&mut spans);
    let loudest = spans.iter().map(|span| span.peak).fold(0.0, f32::max);
    spans
        .into_iter()
        .map(|span| HeardNote {
            pitch: LOWEST + span.pitch as u8,
            start: span.begin as f64 / Salience::RATE,
            end: span.end as f64 / Salience::RATE,
            strength: (span.peak / loudest).sqrt(),
        })
        .collect()
}

/// The greatest value within so many places each way.
fn greatest_nearby(values: &[f32], reach: usize) -> Vec<f32> {
    let block = |of: usize| values[of * reach..values.len().min((of + 1) * reach)].iter().copied().fold(0.0, f32::max);
    let blocks: Vec<f32> = (0..values.len().div_ceil(reach)).map(block).collect();
    let around = |at: usize| {
        let of = at / reach;
        blocks[of.saturating_sub(1)..(of + 2).min(blocks.len())].iter().copied().fold(0.0, f32::max)
    };
    (0..values.len()).map(around).collect()
}

/// The notes of one pitch.
fn spans_of(pitch: usize, strength: &[f32], least: &[f32], spans: &mut Vec<Span>) {
    let frames = strength.len();
    let mut frame = 0;
    while frame < frames {
        if strength[frame] < least[frame] {
            frame += 1;
            continue;
        }
        // Back to where it rose from.
        let mut begin = frame;
        while begin > 0 && strength[begin - 1] < strength[begin] && strength[begin - 1] > 0.4 * least[begin] {
            begin -= 1;
        }
        let mut peak = strength[frame];
        let mut end = frame + 1;
        let mut low = 0;
        while end < frames {
            let value = strength[end];
            let floor = (ENDING * peak).max(0.5 * least[end]);
            low = if value < floor { low + 1 } else { 0 };
            if low > 3 || (end > frame + 4 && struck(strength, end)) {
                break;
            }
            peak = peak.max(value);
            end += 1;
        }
        let stop = end - low.min(end);
        if stop >= begin + SHORTEST {
            spans.push(Span { pitch, begin: begin.max(spans_end(spans, pitch)), end: stop, peak });
        }
        frame = end.max(frame + 1);
    }
}

/// Where the last note of a pitch ended.
fn spans_end(spans: &[Span], pitch: usize) -> usize {
    spans.last().filter(|span| span.pitch == pitch).map_or(0, |span| span.end)
}

/// Whether a tone that sounds is struck again here.
fn struck(strength: &[f32], frame: usize) -> bool {
    let before = strength[frame.saturating_sub(5)..=frame].iter().copied().fold(f32::INFINITY, f32::min);
    let after = &strength[frame..(frame + 5).min(strength.len())];
    let peak = after.iter().copied().fold(0.0, f32::max);
    strength[frame] <= before && peak > STRUCK * before
}

/// Leaves out what is heard only because a stronger tone sounds: at its partials, beside it, and as it begins.
fn drop_company(spans: &mut Vec<Span>) {
    let all = spans.clone();
    let longest = all.iter().map(|span| span.end - span.begin).max().unwrap_or(0);
    spans.retain(|span| {
        let from = all.partition_point(|other| other.begin + longest < span.begin);
        let explains = |other: &Span| {
            let shared = span.end.min(other.end).saturating_sub(span.begin.max(other.begin));
            let together = 10 * shared >= 6 * (span.end - span.begin);
            let above = span.pitch.saturating_sub(other.pitch) as u8;
            let weaker_than = |share: f32| span.peak < share * other.peak;
            together
                && (PARTIALS.contains(&above) && weaker_than(PARTIAL)
                    || span.pitch.abs_diff(other.pitch) == 1 && weaker_than(NEIGHBOUR))
                || span.end - span.begin < BRIEF
                    && weaker_than(if span.begin.abs_diff(other.begin) <= WITH { ATTACK } else { WITHIN })
        };
        !all[from..].iter().take_while(|other| other.begin < span.end + WITH).any(explains)
    });
}

/// Ends notes where the next one begins, if they sound on only for a moment.
fn cut_tails(spans: &mut [Span]) {
    let begins: Vec<usize> = spans.iter().map(|span| span.begin).collect();
    for span in spans {
        let from = begins.partition_point(|begin| *begin < span.begin + SHORTEST);
        let tail = begins[from..].iter().take_while(|begin| **begin < span.end).find(|begin| **begin + TAIL > span.end);
        if let Some(&begin) = tail {
            span.end = begin;
        }
    }
}
