//! A tune followed through a polyphonic texture, note by note.
//!
//! A *path* gives each note of a [`Line`] at most one note of a [`Texture`], in order. It starts
//! where the line's first or second note may lie on a note of the texture; then a beam search keeps
//! the few best ways to go on. What a note adds depends on how near its pitch is to the transposed
//! line's (so that tonal answers and changed notes count in part), on how near its interval to the
//! last matched note is to the line's, on its duration, on whether another voice is entered
//! (another track, or notes of the same voice passed over), and on whether it stands at an edge of
//! the texture, where tunes lie (Uitdenbogerd and Zobel, "Manipulation of music for melody
//! matching", 1998). A missing note costs nothing but
//! what it would have added. Last, the share of intervals that go the same way is weighed: a contour
//! is remembered where intervals are not (Dowling, "Scale and contour", 1978).
//!
//! Point-set matching (Ukkonen, Lemstrom and Makinen, "Geometric algorithms for transposition
//! invariant content-based music retrieval", 2003) counts exact coincidences only; gapped
//! alignments (Mongeau and Sankoff, "Comparison of musical sequences", 1990) need one voice.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use crate::alteration::Alteration;
use crate::note::Fragment;

/// A note as the path sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoiceNote {
    /// Quarters.
    pub onset: f64,
    /// Quarters.
    pub duration: f64,
    /// MIDI note number; a line that was turned upside down may leave 0 to 127.
    pub pitch: i32,
    /// Where it stands in the file.
    pub track: u16,
}

/// What counts how much in a path.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceWeights {
    /// How far from its time in the line a note may begin, in quarters.
    pub tolerance: f64,
    /// The share of the interval from the last matched note; the rest is the pitch's.
    pub interval: f64,
    /// Cost of a duration twice or half as long, up to two octaves of it.
    pub duration: f64,
    /// How much less the line's end counts than its start.
    pub early: f64,
    /// The power of its duration that a note counts by.
    pub length: f64,
    /// Cost of each note of the same voice that is passed over, up to three.
    pub passed: f64,
    /// Gain of the top note of a track.
    pub top: f64,
    /// Gain of the bottom note of a track.
    pub bottom: f64,
    /// Cost of going on in another track.
    pub track: f64,
    /// Gain of intervals that go the same way, by their share of those that are matched.
    pub contour: f64,
    /// Gain of a start that follows on a rest of a quarter in its register.
    pub rest: f64,
    /// Cost of a semitone of transposition.
    pub transposition: f64,
    /// A start is followed where at least this share of the line begins near its time and its pitch.
    pub near: f64,
}

impl VoiceWeights {
    /// For the occurrences of a motif in a piece.
    pub const OCCURRENCE: Self = Self {
        tolerance: 0.1,
        interval: 0.75,
        duration: 0.3,
        early: 0.3,
        length: 0.2,
        passed: 0.1,
        top: 0.15,
        bottom: 0.05,
        track: 0.5,
        contour: 0.4,
        rest: 0.1,
        transposition: 0.001,
        near: 0.0,
    };

    /// For a tune that may be hidden in a dense texture.
    pub const HIDDEN: Self = Self {
        tolerance: 0.2,
        interval: 0.5,
        early: 0.0,
        length: 0.25,
        top: 0.1,
        bottom: 0.1,
        track: 0.3,
        contour: 0.0,
        rest: 0.0,
        transposition: 0.0,
        ..Self::OCCURRENCE
    };

    /// The value of an exact occurrence: top notes of one track, after a rest.
    fn most(&self) -> f64 {
        1.0 + self.top + self.rest
    }
}

/// Likeness of pitches or intervals, by how many semitones they differ: a fifth of the way below
/// zero for what is unlike, and near to one for what another mode or a tonal answer changes.
const LIKENESS: [f64; 13] = [1.0, 0.7, 0.7, 0.3, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7];
const UNLIKE: f64 = 0.2;
/// How much less an interval of the same direction is the same contour for each step between
/// unison, second, third, and more.
const SIZE: f64 = 0.3;
/// Added to the weight of the matched intervals, as a share of the whole line's, so that one
/// interval is no contour.
const FEW: f64 = 0.2;
/// How many ways to go on are kept.
const BEAM: usize = 8;
/// A line's first notes that a path may start from.
const ANCHORS: usize = 2;
/// Farther from its pitch in the line, in semitones, no note is looked at.
const REACH: i32 = 24;
/// Notes of the same voice lie within this of the next one.
const REGISTER: i32 = 9;
/// A note that follows another within this many semitones goes on from it.
const NEAR: i32 = 7;
/// Onsets that are nearer than this, in quarters, are one.
const SAME: f64 = 1e-6;
/// Onsets of two spans that are nearer than this, in quarters, are the same rhythm.
const SLACK: f64 = 0.02;
/// Notes that are looked at in one place of the line, and between two notes of a path; only files
/// made to be dense have more.
const CROWD: usize = 128;
/// Periods of accents that are told apart, in quarters.
const BARS: [f64; 2] = [4.0, 3.0];
/// Shorter notes are taken to be as long as this, in quarters.
const SHORTEST: f64 = 0.05;

/// What a path goes through: the notes of a piece in order of onset, then pitch.
#[derive(Debug, Clone)]
pub struct Texture {
    notes: Vec<VoiceNote>,
    /// Logarithms of their durations, in octaves.
    lengths: Vec<f64>,
    /// Where each note stands among those of its track that begin with it.
    edges: Vec<Edge>,
    /// Each onset, with the pitches within two semitones of its notes.
    onsets: Vec<(f64, u128)>,
}

/// Where a note stands in a chord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Top,
    Bottom,
    Inner,
}

impl Texture {
    /// Notes in any order; of two that begin together on one pitch the longer is kept.
    pub fn new(mut notes: Vec<VoiceNote>) -> Self {
        notes.sort_by(|a, b| order(a, b).then(b.duration.total_cmp(&a.duration)).then(a.track.cmp(&b.track)));
        notes.dedup_by(|later, kept| order(later, kept).is_eq());
        let edges = notes
            .chunk_by(|a, b| a.onset == b.onset)
            .flat_map(|chord| {
                // They are in order of pitch.
                let edge = |(at, note): (usize, &VoiceNote)| {
                    let other = |n: &VoiceNote| n.track == note.track;
                    match (chord[..at].iter().any(other), chord[at + 1..].iter().any(other)) {
                        (_, false) => Edge::Top,
                        (false, true) => Edge::Bottom,
                        (true, true) => Edge::Inner,
                    }
                };
                chord.iter().enumerate().map(edge)
            })
            .collect();
        let onsets = notes.chunk_by(|a, b| a.onset == b.onset).map(|chord| (chord[0].onset, near_pitches(chord)));
        Self { lengths: lengths(&notes), onsets: onsets.collect(), notes, edges }
    }

    /// The notes of a piece; time 0 is its first onset.
    pub fn of(piece: &Fragment) -> Self {
        Self::new(notes_of(piece))
    }

    /// The notes, in order of onset, then pitch.
    pub fn notes(&self) -> &[VoiceNote] {
        &self.notes
    }

    /// The index of the first note that begins at `time` or later.
    fn first_at(&self, time: f64) -> usize {
        self.notes.partition_point(|note| note.onset < time)
    }

    /// The period of its accents in quarters: 3 or 4, whichever lies nearer to where long notes come
    /// again. Halves and doubles of the bar serve as well.
    ///
    /// Onsets are accents by the root of their length (Brown, "Determination of the meter of
    /// musical scores by autocorrelation", 1993).
    pub fn bar(&self) -> f64 {
        const GRID: f64 = 4.0;
        let mut accents: Vec<(u64, f64)> = Vec::new();
        for note in &self.notes {
            let at = (note.onset * GRID).round() as u64;
            let accent = note.duration.min(4.0).sqrt();
            match accents.last_mut() {
                Some((last, sum)) if *last == at => *sum += accent,
                _ => accents.push((at, accent)),
            }
        }
        let again = |bar: f64| -> f64 {
            let lag = (bar * GRID) as u64;
            let mut later = accents.iter().peekable();
            let mut product = |&(at, accent): &(u64, f64)| {
                while later.next_if(|(time, _)| *time < at + lag).is_some() {}
                later.peek().filter(|(time, _)| *time == at + lag).map_or(0.0, |(_, other)| accent * other)
            };
            accents.iter().map(&mut product).sum()
        };
        let [four, three] = BARS;
        if again(three) > again(four) { three } else { four }
    }

    /// How alike the rhythms are of all that sounds in two spans of `length` quarters: onsets that
    /// they share, by the geometric mean of how many they have.
    pub fn common_rhythm(&self, a: f64, b: f64, length: f64) -> f64 {
        let onsets = |start: f64| {
            let span = &self.notes[self.first_at(start - SLACK)..self.first_at(start + length + SLACK)];
            span.chunk_by(|a, b| a.onset == b.onset).map(move |chord| chord[0].onset - start)
        };
        let (mut counts, mut both) = ([0usize; 2], 0usize);
        let mut others = onsets(b).peekable();
        for onset in onsets(a) {
            counts[0] += 1;
            while others.next_if(|other| *other < onset - SLACK).is_some() {
                counts[1] += 1;
            }
            if others.next_if(|other| *other <= onset + SLACK).is_some() {
                counts[1] += 1;
                both += 1;
            }
        }
        counts[1] += others.count();
        let most = counts[0] as f64 * counts[1] as f64;
        if most > 0.0 { both as f64 / most.sqrt() } else { 0.0 }
    }

    /// How long, up to a quarter, no note near to `pitch` has begun before `time`.
    fn rest_before(&self, time: f64, pitch: i32) -> f64 {
        self.notes[..self.first_at(time - SAME)]
            .iter()
            .rev()
            .map_while(|note| Some((note, time - note.onset)).filter(|(_, ago)| *ago < 1.0))
            .find(|(note, _)| (note.pitch - pitch).abs() <= NEAR)
            .map_or(1.0, |(_, ago)| ago)
    }
}

/// What is looked for: a line of notes, and what each counts.
#[derive(Debug, Clone)]
pub struct Line {
    notes: Vec<VoiceNote>,
    lengths: Vec<f64>,
    weights: Vec<f64>,
}

impl Line {
    /// A fragment under an alteration; `None` when it has no notes that count.
    pub fn of(query: &Fragment, alteration: &Alteration, weights: &VoiceWeights) -> Option<Self> {
        let notes = notes_of(query);
        let stretch = alteration.stretch.as_f64();
        let mirror = notes.first()?.pitch * 2;
        let end = query.quarters();
        let altered = notes.iter().map(|note| VoiceNote {
            onset: stretch * if alteration.retrograde { end - note.onset - note.duration } else { note.onset },
            duration: stretch * note.duration,
            pitch: if alteration.inverted { mirror - note.pitch } else { note.pitch },
            track: note.track,
        });
        Self::new(altered.collect(), stretch, weights)
    }

    /// Notes in any order, `stretch` times as long as they are counted.
    fn new(mut notes: Vec<VoiceNote>, stretch: f64, weights: &VoiceWeights) -> Option<Self> {
        notes.sort_by(order);
        let first = notes.first()?.onset;
        let count = notes.len() as f64;
        let weight = |(index, note): (usize, &mut VoiceNote)| {
            note.onset -= first;
            let length = (note.duration / stretch).max(1e-3);
            length.powf(weights.length) * (1.0 - weights.early * index as f64 / count)
        };
        let weights = notes.iter_mut().enumerate().map(weight).collect();
        Some(Self { lengths: lengths(&notes), notes, weights })
    }

    /// The notes, the first at time 0.
    pub fn notes(&self) -> &[VoiceNote] {
        &self.notes
    }
}

/// Where a line lies in a texture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// When the line begins, in quarters from the texture's time 0.
    pub start: f64,
    /// Semitones by which the line is transposed.
    pub transposition: i32,
    /// 0 to 1, which is an exact occurrence on top of the texture.
    pub value: f64,
}

/// The best path of each start that has one of a value above 0, in order of start; never more than
/// two for each onset of the texture.
pub fn paths(
    texture: &Texture,
    line: &Line,
    weights: &VoiceWeights,
    transpositions: Option<&RangeInclusive<i32>>,
) -> Vec<Path> {
    let mut starts: Vec<(f64, i32)> = line.notes[..line.notes.len().min(ANCHORS)]
        .iter()
        .flat_map(|anchor| texture.notes.iter().map(|note| (note.onset - anchor.onset, note.pitch - anchor.pitch)))
        .filter(|(start, up)| *start > -SAME && transpositions.is_none_or(|range| range.contains(up)))
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut walk = Walk::new(texture, line, weights);
    let mut screen = Screen::new(texture, line, weights);
    let mut found: Vec<Path> = Vec::new();
    let mut tried: Vec<i32> = Vec::new();
    for together in starts.chunk_by(|a, b| b.0 - a.0 < SAME) {
        let start = together[0].0;
        if !screen.place(start) {
            continue;
        }
        tried.clear();
        let mut best: Option<Path> = None;
        for &(_, transposition) in together {
            // Both anchors may say the same.
            if !tried.contains(&transposition) {
                tried.push(transposition);
                if !screen.passes(transposition) {
                    continue;
                }
                let path = walk.path(start, transposition);
                let nearer = |best: Path| path.transposition.unsigned_abs() < best.transposition.unsigned_abs();
                if best.is_none_or(|best| path.value > best.value || path.value == best.value && nearer(best)) {
                    best = Some(path);
                }
            }
        }
        found.extend(best.filter(|best| best.value > 0.0));
    }
    found
}

/// The best path of a line that begins at a time, transposed by so many semitones.
pub fn path_at(texture: &Texture, line: &Line, weights: &VoiceWeights, start: f64, transposition: i32) -> Path {
    Walk::new(texture, line, weights).path(start, transposition)
}

/// Tells quickly which starts are worth following.
struct Screen<'a> {
    texture: &'a Texture,
    line: &'a Line,
    tolerance: f64,
    /// The weight that must be near, and that of the whole line.
    least: f64,
    most: f64,
    /// For each note of the line, the first onset of the texture that is near enough, and the pitches
    /// near to those of all that are.
    slots: Vec<(usize, u128)>,
}

impl<'a> Screen<'a> {
    fn new(texture: &'a Texture, line: &'a Line, weights: &VoiceWeights) -> Self {
        let most = line.weights.iter().sum::<f64>();
        // Less by what rounding may do.
        let least = weights.near * most - SAME;
        Self { texture, line, tolerance: weights.tolerance, least, most, slots: vec![(0, 0); line.notes.len()] }
    }

    /// Whether enough begins near its time, whatever its pitch. Starts must come in order.
    fn place(&mut self, start: f64) -> bool {
        let onsets = &self.texture.onsets;
        let mut most = self.most;
        for (((first, near), wanted), weight) in self.slots.iter_mut().zip(&self.line.notes).zip(&self.line.weights) {
            let time = start + wanted.onset;
            *first += onsets[*first..].iter().take_while(|(onset, _)| *onset < time - self.tolerance).count();
            let there = onsets[*first..].iter().take_while(|(onset, _)| *onset < time + self.tolerance + SAME);
            *near = there.fold(0, |near, (_, pitches)| near | pitches);
            if *near == 0 {
                most -= weight;
                if most < self.least {
                    return false;
                }
            }
        }
        true
    }

    fn passes(&self, transposition: i32) -> bool {
        let near = |(&(_, near), wanted): (&(usize, u128), &VoiceNote)| {
            u32::try_from(wanted.pitch + transposition).is_ok_and(|pitch| pitch < 128 && near >> pitch & 1 == 1)
        };
        let notes = self.slots.iter().zip(&self.line.notes).zip(&self.line.weights);
        notes.filter(|(note, _)| near(*note)).map(|(_, weight)| weight).sum::<f64>() >= self.least
    }
}

/// One way to go on: what was matched last, and what all was worth.
#[derive(Debug, Clone, Copy)]
struct State {
    /// Index in the texture, index in the line; `None` before the first match.
    last: Option<(usize, usize)>,
    value: f64,
    /// The weight of the intervals that were matched, and of how much of it goes the same way.
    intervals: f64,
    contour: f64,
}

impl State {
    const START: Self = Self { last: None, value: 0.0, intervals: 0.0, contour: 0.0 };
}

/// The best states, in order of value, at most one for each last note.
#[derive(Debug, Clone)]
struct Beam {
    states: Vec<State>,
}

impl Beam {
    fn push(&mut self, state: State) {
        let note = |state: &State| state.last.map(|(note, _)| note);
        if let Some(same) = self.states.iter().position(|kept| note(kept) == note(&state)) {
            if self.states[same].value >= state.value {
                return;
            }
            self.states.remove(same);
        }
        let at = self.states.partition_point(|kept| kept.value >= state.value);
        if at < BEAM {
            self.states.truncate(BEAM - 1);
            self.states.insert(at, state);
        }
    }
}

/// The beam search, with what is shared by paths of one start.
struct Walk<'a> {
    texture: &'a Texture,
    line: &'a Line,
    weights: &'a VoiceWeights,
    total: f64,
    /// What the contour of an exact occurrence adds.
    most_contour: f64,
    start: f64,
    /// For each note of the line, which notes of the texture begin near enough.
    slots: Vec<(usize, usize)>,
    beam: Beam,
    next: Beam,
}

impl<'a> Walk<'a> {
    fn new(texture: &'a Texture, line: &'a Line, weights: &'a VoiceWeights) -> Self {
        let beam = Beam { states: Vec::with_capacity(BEAM) };
        let total: f64 = line.weights.iter().sum();
        let intervals = total - line.weights[0];
        let most_contour = weights.contour * intervals / (intervals + FEW * total);
        Self {
            texture,
            line,
            weights,
            total,
            most_contour,
            start: f64::NAN,
            slots: Vec::new(),
            next: beam.clone(),
            beam,
        }
    }

    /// Finds the notes that begin near enough to those of a line that begins at `start`.
    fn place(&mut self, start: f64) {
        let (notes, tolerance) = (&self.texture.notes, self.weights.tolerance);
        // Starts mostly come in order, each a little later than the last.
        let known = start > self.start && self.slots.len() == self.line.notes.len();
        if !known {
            self.slots.clear();
            self.slots.resize(self.line.notes.len(), (0, 0));
        }
        self.start = start;
        for (slot, wanted) in self.slots.iter_mut().zip(&self.line.notes) {
            let time = start + wanted.onset;
            let later = |from: usize, time: f64| match known {
                true => from + notes[from..].iter().take_while(|note| note.onset < time).count(),
                false => self.texture.first_at(time),
            };
            let first = later(slot.0, time - tolerance);
            *slot = (first, later(first.max(slot.1), time + tolerance + SAME).min(first + CROWD));
        }
    }

    fn path(&mut self, start: f64, transposition: i32) -> Path {
        if start != self.start {
            self.place(start);
        }
        self.beam.states.clear();
        self.beam.states.push(State::START);
        for index in 0..self.line.notes.len() {
            let (first, end) = self.slots[index];
            self.next.states.clone_from(&self.beam.states);
            for at in first..end {
                self.extend(index, at, transposition);
            }
            std::mem::swap(&mut self.beam, &mut self.next);
        }
        let (weights, total) = (self.weights, self.total);
        let worth = |state: &State| {
            let contour = state.contour / (state.intervals + FEW * total);
            state.value / total + weights.contour * contour
        };
        let matched = self.beam.states.iter().filter(|state| state.last.is_some());
        let value = matched.map(worth).fold(f64::NEG_INFINITY, f64::max);
        if value == f64::NEG_INFINITY {
            return Path { start, transposition, value: 0.0 };
        }
        let rest = match weights.rest {
            0.0 => 0.0,
            rest => rest * self.texture.rest_before(start, self.line.notes[0].pitch + transposition),
        };
        let value = value - weights.transposition * f64::from(transposition.abs()) + rest;
        let most = weights.most() + self.most_contour;
        Path { start, transposition, value: (value / most).clamp(0.0, 1.0) }
    }

    /// Every state goes on to the texture's note `at` as the line's note `index`.
    fn extend(&mut self, index: usize, at: usize, transposition: i32) {
        let (wanted, note) = (self.line.notes[index], self.texture.notes[at]);
        let difference = note.pitch - wanted.pitch - transposition;
        if difference.abs() > REACH {
            return;
        }
        let weights = self.weights;
        let near = 1.0 - (note.onset - self.start - wanted.onset).abs() / weights.tolerance;
        let octaves = (self.texture.lengths[at] - self.line.lengths[index]).abs().min(2.0);
        let edge = match self.texture.edges[at] {
            Edge::Top => weights.top,
            Edge::Bottom => weights.bottom,
            Edge::Inner => 0.0,
        };
        let pitch = likeness(difference);
        let weight = self.line.weights[index];
        let other = edge - weights.duration * octaves;
        let own = (1.0 - weights.interval) * pitch;
        // The interval cannot add more than this, and the states are in order of value.
        let most = weight * ((own + weights.interval).max(pitch) * near + other);
        let worst = match self.next.states.last() {
            Some(last) if self.next.states.len() == BEAM => last.value,
            _ => f64::NEG_INFINITY,
        };
        let mut best: Option<State> = None;
        for state in &self.beam.states {
            if state.value + most <= best.map_or(worst, |best| best.value.max(worst)) {
                break;
            }
            let mut next = State { last: Some((at, index)), ..*state };
            let (alike, cost) = match state.last {
                None => (pitch, 0.0),
                Some((last, _)) if last >= at => continue,
                Some((last, matched)) => {
                    let from = self.texture.notes[last];
                    let interval = note.pitch - from.pitch;
                    let expected = wanted.pitch - self.line.notes[matched].pitch;
                    let alike = own + weights.interval * likeness(interval - expected);
                    if alike <= -UNLIKE + SAME {
                        continue;
                    }
                    let track = if from.track == note.track { 0.0 } else { weights.track };
                    let passed = self.passed(last, at, index - matched - 1);
                    next.intervals += weight;
                    next.contour += weight * same_contour(interval, expected);
                    (alike, track + weights.passed * passed as f64)
                }
            };
            next.value += weight * (alike * near - cost + other);
            if best.is_none_or(|best| next.value > best.value) {
                best = Some(next);
            }
        }
        if let Some(best) = best {
            self.next.push(best);
        }
    }

    /// Onsets of a note's voice since the last matched note, at most 3, less the `skipped` notes of
    /// the line.
    fn passed(&self, last: usize, at: usize, skipped: usize) -> usize {
        let note = self.texture.notes[at];
        let mut previous = self.texture.notes[last].onset;
        let mut count = 0;
        for between in self.texture.notes[last + 1..at].iter().take(CROWD) {
            let voice = between.track == note.track && (between.pitch - note.pitch).abs() <= REGISTER;
            if voice && between.onset > previous + SAME && between.onset < note.onset - SAME {
                previous = between.onset;
                count += 1;
                if count == skipped + 3 {
                    break;
                }
            }
        }
        count.saturating_sub(skipped)
    }
}

/// The pitches within two semitones of some notes, as bits.
fn near_pitches(notes: &[VoiceNote]) -> u128 {
    let pitches = notes.iter().filter(|note| (0..128).contains(&note.pitch));
    let same = pitches.fold(0, |bits, note| bits | 1u128 << note.pitch);
    same | same << 1 | same << 2 | same >> 1 | same >> 2
}

fn likeness(semitones: i32) -> f64 {
    let like = LIKENESS.get(semitones.unsigned_abs() as usize).copied().unwrap_or(0.0);
    (1.0 + UNLIKE) * like - UNLIKE
}

/// 1 for intervals of one direction and size, 0 for other directions.
fn same_contour(interval: i32, expected: i32) -> f64 {
    let size = |interval: i32| match interval.unsigned_abs() {
        0 => 0,
        1..=2 => 1,
        3..=4 => 2,
        _ => 3i32,
    };
    if interval.signum() != expected.signum() {
        return 0.0;
    }
    1.0 - SIZE * f64::from((size(interval) - size(expected)).abs())
}

fn lengths(notes: &[VoiceNote]) -> Vec<f64> {
    notes.iter().map(|note| note.duration.max(SHORTEST).log2()).collect()
}

/// Onset, then pitch.
fn order(a: &VoiceNote, b: &VoiceNote) -> Ordering {
    a.onset.total_cmp(&b.onset).then(a.pitch.cmp(&b.pitch))
}

fn notes_of(fragment: &Fragment) -> Vec<VoiceNote> {
    let note = |note: &crate::note::Note| VoiceNote {
        onset: fragment.to_quarters(note.onset),
        duration: fragment.to_quarters(note.duration),
        pitch: note.pitch.into(),
        track: note.track,
    };
    fragment.notes().iter().map(note).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alteration::Ratio;

    const WEIGHTS: VoiceWeights = VoiceWeights::OCCURRENCE;
    const THEME: [(u8, f64, f64); 6] =
        [(60, 0.0, 1.0), (64, 1.0, 0.5), (62, 1.5, 0.5), (67, 2.0, 1.0), (65, 3.0, 0.5), (59, 3.5, 0.5)];

    fn note(pitch: i32, onset: f64, duration: f64, track: u16) -> VoiceNote {
        VoiceNote { onset, duration, pitch, track }
    }

    fn theme(start: f64, up: i32, stretch: f64) -> Vec<VoiceNote> {
        let placed = |&(pitch, onset, duration): &(u8, f64, f64)| {
            note(i32::from(pitch) + up, start + stretch * onset, stretch * duration, 0)
        };
        THEME.iter().map(placed).collect()
    }

    fn line(alteration: &Alteration) -> Line {
        Line::of(&Fragment::from_quarters(&THEME).unwrap(), alteration, &WEIGHTS).unwrap()
    }

    fn best(texture: &Texture, line: &Line) -> Path {
        *paths(texture, line, &WEIGHTS, None).iter().max_by(|a, b| a.value.total_cmp(&b.value)).unwrap()
    }

    #[test]
    fn an_exact_occurrence_is_worth_1() {
        let mut notes = theme(4.0, 0, 1.0);
        notes.extend((0..16).map(|beat| note(40 + beat % 3, f64::from(beat), 1.0, 1)));
        let found = best(&Texture::new(notes), &line(&Alteration::NONE));
        assert!((found.value - 1.0).abs() < 1e-12 && found.start == 4.0 && found.transposition == 0, "{found:?}");
    }

    #[test]
    fn alterations_are_found_by_their_own_lines() {
        let half = Alteration::stretched(Ratio::new(1, 2).unwrap());
        let found = best(&Texture::new(theme(3.0, 5, 0.5)), &line(&half));
        assert!(found.value > 0.99 && found.start == 3.0 && found.transposition == 5, "{found:?}");
        // Upside down and backwards of what is upside down and backwards: the theme itself.
        let mirrored = Alteration { inverted: true, retrograde: true, ..Alteration::NONE };
        let last = theme(0.0, 0, 1.0)
            .iter()
            .rev()
            .map(|n| note(120 - n.pitch, 4.0 - n.onset - n.duration, n.duration, 0))
            .collect();
        let found = best(&Texture::new(last), &line(&mirrored));
        assert!(found.value > 0.99 && found.start == 0.0 && found.transposition == 0, "{found:?}");
    }

    #[test]
    fn changed_and_ornamented_occurrences_count_in_part() {
        let mut changed = theme(4.0, 0, 1.0);
        changed[3].pitch += 2;
        let mut ornamented = theme(4.0, 0, 1.0);
        ornamented.push(note(66, 2.75, 0.25, 0));
        let line = line(&Alteration::NONE);
        let [changed, ornamented] = [changed, ornamented].map(|notes| best(&Texture::new(notes), &line));
        for found in [changed, ornamented] {
            assert!(found.value > 0.7 && found.value < 1.0 && found.start == 4.0, "{found:?}");
        }
        let unlike = (0..8).map(|at| note(60, f64::from(at), 1.0, 0)).collect();
        assert!(best(&Texture::new(unlike), &line).value < 0.5);
    }

    #[test]
    fn transpositions_can_be_limited() {
        let texture = Texture::new(theme(0.0, 7, 1.0));
        let found = paths(&texture, &line(&Alteration::NONE), &WEIGHTS, Some(&(-2..=2)));
        assert!(found.iter().all(|path| path.transposition.abs() <= 2 && path.value < 0.9));
    }

    #[test]
    fn starts_without_enough_of_the_line_are_passed_over() {
        let strict = VoiceWeights { near: 0.8, ..WEIGHTS };
        let mut notes = theme(4.0, 0, 1.0);
        notes.extend(theme(20.0, 0, 1.0).into_iter().take(4));
        let (texture, line) = (Texture::new(notes), line(&Alteration::NONE));
        let starts = |weights| paths(&texture, &line, weights, None).iter().map(|path| path.start).collect::<Vec<_>>();
        assert!(starts(&WEIGHTS).contains(&20.0));
        assert_eq!(starts(&strict), [4.0]);
    }

    #[test]
    fn bars_are_told_by_their_accents() {
        for bar in [3u32, 4] {
            let notes = (0..48).map(|beat| {
                let long = beat % bar == 0;
                note(60, f64::from(beat), if long { 1.0 } else { 0.25 }, 0)
            });
            assert_eq!(Texture::new(notes.collect()).bar(), f64::from(bar));
        }
        assert_eq!(Texture::new(Vec::new()).bar(), 4.0);
    }

    #[test]
    fn rhythms_are_compared_by_common_onsets() {
        let texture = Texture::new([0.0, 1.0, 1.5, 10.0, 11.0, 20.25].map(|at| note(60, at, 0.5, 0)).to_vec());
        assert_eq!(texture.common_rhythm(0.0, 0.0, 2.0), 1.0);
        assert!((texture.common_rhythm(0.0, 10.0, 2.0) - 2.0 / 6f64.sqrt()).abs() < 1e-12);
        assert_eq!(texture.common_rhythm(0.0, 20.0, 2.0), 0.0);
        assert_eq!(texture.common_rhythm(0.0, 30.0, 2.0), 0.0);
    }

    #[test]
    fn a_hidden_line_is_found_where_it_lies() {
        let mut notes = theme(8.0, 0, 1.0);
        notes.extend((0..80).map(|at| note(48 + at * 5 % 13, f64::from(at) * 0.25, 0.25, 1)));
        notes.extend((0..40).map(|at| note(72 + at * 5 % 11, f64::from(at) * 0.5, 0.5, 2)));
        let (texture, weights) = (Texture::new(notes), VoiceWeights::HIDDEN);
        let line = Line::of(&Fragment::from_quarters(&THEME).unwrap(), &Alteration::NONE, &weights).unwrap();
        let here = path_at(&texture, &line, &weights, 8.0, 0);
        assert!(here.value > 0.85, "{here:?}");
        assert!(path_at(&texture, &line, &weights, 3.0, 0).value < here.value);
    }

    fn any_notes(most: usize) -> impl Strategy<Value = Vec<VoiceNote>> {
        let note = (0..128i32, 0..64u32, 0..8u32, 0..3u16).prop_map(|(pitch, onset, duration, track)| {
            note(pitch, f64::from(onset) / 4.0, f64::from(duration) / 4.0, track)
        });
        proptest::collection::vec(note, 0..most)
    }

    proptest! {
        #[test]
        fn paths_are_in_order_and_the_same_one_by_one(piece in any_notes(60), wanted in any_notes(12)) {
            let texture = Texture::new(piece);
            let Some(line) = Line::new(wanted, 1.0, &WEIGHTS) else { return Ok(()) };
            let found = paths(&texture, &line, &WEIGHTS, None);
            prop_assert!(found.len() <= 2 * texture.notes().len());
            prop_assert!(found.windows(2).all(|pair| pair[0].start < pair[1].start));
            for path in found {
                prop_assert!(path.value > 0.0 && path.value <= 1.0);
                // Whether the places of the last start are known or not.
                prop_assert_eq!(path_at(&texture, &line, &WEIGHTS, path.start, path.transposition), path);
            }
        }
    }
}
