//! A tune followed note by note from a place that was voted for.

use super::texture::{TOGETHER, Texture};
use super::{Place, Tone};

/// How the pitch of a note may differ from the tune's, the likeliest first, and what is left of it then:
/// neighbours stand for ornaments and other modes, octaves for other registers.
const PITCHES: [(i32, f64); 11] = [
    (0, 1.0),
    (1, 0.4),
    (-1, 0.4),
    (2, 0.4),
    (-2, 0.4),
    (3, 0.1),
    (-3, 0.1),
    (4, 0.1),
    (-4, 0.1),
    (12, 0.4),
    (-12, 0.4),
];

/// What an interval costs that is not among them.
const STRANGE: f64 = -0.2;

/// The share of the interval from the last note that was found; the rest is the pitch's.
const INTERVAL: f64 = 0.5;

/// How far, in quarters, a note may be from its time as the last one found was from its own.
const TOLERANCE: f64 = 0.25;

/// How far, in quarters, the first note that is found may be from its time.
const START: f64 = 0.15;

/// How far, in quarters, others may be, where the music has drifted from the tune's time.
const DRIFT: f64 = 0.5;

/// What a duration twice or half as long costs, up to two octaves.
const DURATION: f64 = 0.3;

/// What each thing that the voice plays between two notes costs, and how many are counted.
const BETWEEN: (f64, usize) = (0.2, 3);

/// What it costs to go on in another voice.
const CHANGE: f64 = 0.5;

/// What a note in the middle of a chord costs.
const INNER: f64 = 0.1;

/// Notes count by this power of their duration.
const LENGTH: f64 = 0.25;

/// How many ways to go on are kept.
const BEAM: usize = 8;

/// Notes of one pitch before and after their time that are looked at.
const NOTES: usize = 4;

/// The voice that was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// 0 to 1.
    pub agreement: f64,
    /// When the tune begins there, in quarters.
    pub start: f64,
    /// Which notes of the fragment lie on which of the music.
    pub matches: Vec<(usize, usize)>,
}

/// A way to follow the tune up to a note.
#[derive(Debug, Clone, Copy)]
struct State {
    /// What it is worth.
    value: f64,
    /// That without what is charged for how the voice lies in the music.
    gain: f64,
    last: Option<Last>,
    /// Its step in the list of all, if there is one.
    step: usize,
}

/// The last note that was found.
#[derive(Debug, Clone, Copy)]
struct Last {
    note: u32,
    query: usize,
    /// How the pitch differs.
    off: i32,
    /// By how many quarters the notes up to it are late, the last ones most.
    late: f64,
}

/// A note that was found, and the step before.
#[derive(Debug, Clone, Copy)]
struct Step {
    query: usize,
    note: u32,
    before: usize,
}

/// So many notes tell how late a tune is.
const LATENESS_OF: usize = 256;

const NO_STEP: usize = usize::MAX;

/// The best way to follow a tune from a place on. A note that is missing costs nothing but what it
/// would have been worth.
pub(super) fn follow(tones: &[Tone], texture: &Texture, place: &Place) -> Path {
    let start = place.start + lateness(tones, texture, place);
    let mut steps: Vec<Step> = Vec::with_capacity(BEAM * tones.len());
    let mut states = vec![State { value: 0.0, gain: 0.0, last: None, step: NO_STEP }];
    let mut further: Vec<State> = Vec::new();
    let mut total = 0.0;
    for (query, tone) in tones.iter().enumerate() {
        let weight = tone.length().powf(LENGTH);
        let expected = start + tone.onset;
        total += weight;
        further.clear();
        for (off, likeness) in PITCHES {
            let notes = texture.notes_of(tone.pitch + place.transposition + off);
            let onset = |note: u32| texture.tones()[note as usize].onset;
            let (before, after) = notes.split_at(notes.partition_point(|&note| onset(note) < expected - TOGETHER));
            let near = after.iter().take(NOTES).chain(before.iter().rev().take(NOTES));
            for &note in near.filter(|&&note| (onset(note) - expected).abs() <= DRIFT) {
                let found = Last { note, query, off, late: onset(note) - expected };
                let next = states.iter().filter_map(|state| extend(tones, texture, state, found, likeness, weight));
                further.extend(next.reduce(|best, next| if next.value > best.value { next } else { best }));
            }
        }
        further.sort_by(|a, b| b.value.total_cmp(&a.value));
        for state in further.iter_mut().take(BEAM) {
            if let Some(Last { note, query, .. }) = state.last {
                steps.push(Step { query, note, before: state.step });
                state.step = steps.len() - 1;
            }
        }
        states.extend(further.iter().take(BEAM));
        // Stable, so that of equals the shorter way stays first.
        states.sort_by(|a, b| b.value.total_cmp(&a.value));
        let mut kept = 0;
        for index in 0..states.len() {
            let note = |state: &State| state.last.map(|last| last.note);
            if kept < BEAM && !states[..kept].iter().any(|other| note(other) == note(&states[index])) {
                states[kept] = states[index];
                kept += 1;
            }
        }
        states.truncate(kept);
    }
    let best = states[0];
    let mut matches = Vec::new();
    let mut at = best.step;
    while let Some(&Step { query, note, before }) = steps.get(at) {
        matches.push((tones[query].index, texture.tones()[note as usize].index));
        at = before;
    }
    matches.reverse();
    Path { agreement: agreement(best.gain / total, best.value / total), start, matches }
}

/// By how much most notes are late at a place, which is known to a bin or two.
fn lateness(tones: &[Tone], texture: &Texture, place: &Place) -> f64 {
    /// How late notes may be, and how much one of them may differ from the next, in quarters.
    const RANGE: (f64, f64) = (0.3, 0.05);
    let mut late: Vec<f64> = Vec::new();
    for tone in tones.iter().take(LATENESS_OF) {
        let notes = texture.notes_of(tone.pitch + place.transposition);
        let late_by = |note: u32| texture.tones()[note as usize].onset - place.start - tone.onset;
        let from = notes.partition_point(|&note| late_by(note) < -RANGE.0);
        late.extend(notes[from..].iter().map(|&note| late_by(note)).take_while(|&late| late <= RANGE.0).take(NOTES));
    }
    late.sort_by(f64::total_cmp);
    let (mut first, mut best) = (0, 0..0);
    for end in 1..=late.len() {
        while late[end - 1] - late[first] > RANGE.1 {
            first += 1;
        }
        if end - first > best.len() {
            best = first..end;
        }
    }
    late.get(best.start + best.len() / 2).copied().unwrap_or(0.0)
}

/// The less is missing of a tune, the less it matters what sounds around it: where it is all there, it is
/// contained, and nothing else is asked.
fn agreement(gain: f64, value: f64) -> f64 {
    let charged = (4.0 * (1.0 - gain)).clamp(0.0, 1.0);
    let agreement = gain - charged * (gain - value);
    if agreement > 1.0 - 1e-9 { 1.0 } else { agreement.max(0.0) }
}

/// A way with one more note; `None` where that is out of time.
fn extend(
    tones: &[Tone],
    texture: &Texture,
    state: &State,
    mut found: Last,
    likeness: f64,
    weight: f64,
) -> Option<State> {
    let (tone, other) = (tones[found.query], texture.tones()[found.note as usize]);
    let octaves = (other.length() / tone.length()).log2().abs().min(2.0);
    let mut gain = likeness;
    let mut charge = if texture.is_inner(found.note) { INNER } else { 0.0 };
    if let Some(last) = state.last {
        let deviation = (found.late - last.late).abs() / TOLERANCE;
        if deviation >= 1.0 || last.note == found.note {
            return None;
        }
        let interval = PITCHES.iter().find(|pitch| pitch.0 == found.off - last.off).map_or(STRANGE, |pitch| pitch.1);
        gain = ((1.0 - INTERVAL) * likeness + INTERVAL * interval) * (1.0 - deviation * deviation);
        let (before, there) = (tones[last.query], texture.tones()[last.note as usize]);
        if there.voice != other.voice && before.voice == tone.voice {
            charge += CHANGE;
        }
        if tone.onset > before.onset + TOGETHER {
            // Notes of the tune that were passed over may be there, changed.
            let passed = found.query - last.query - 1;
            let between = texture.between(there.onset, found.note, BETWEEN.1 + passed).saturating_sub(passed);
            charge += BETWEEN.0 * between as f64;
        }
        found.late = (found.late + last.late) / 2.0;
    } else if found.late.abs() > START {
        return None;
    }
    gain -= DURATION * octaves;
    Some(State {
        value: state.value + weight * (gain - charge),
        gain: state.gain + weight * gain,
        last: Some(found),
        step: state.step,
    })
}
