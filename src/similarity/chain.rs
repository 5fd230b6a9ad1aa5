//! How well the notes of two fragments can be told as one sequence: the alignment of the full measure.
//!
//! A *chain* pairs groups of notes that begin together (chords, or the single notes of a line) of one fragment with
//! groups of the other, in order of time. It is a local alignment (Smith and Waterman 1981), as Mongeau and Sankoff
//! ("Comparison of musical sequences", 1990) brought it to music. For the pair of groups i and j
//!
//! ```text
//! f(i, j) = max(0, u(i, j) + max(0, max over x, y in 1..2 of f(i - x, j - y) - skipped - w r max(0, |s - t| - 1/20)))
//! ```
//!
//! - u is what the two groups have in common: each note with the most alike note of the other group, by
//!   [`KERNEL`] of their distance in semitones less [`DURATION`] an octave of their durations' ratio, times the lesser
//!   of both weights. A note's weight is its duration to the power 0.7: long notes carry a melody.
//! - s and t are the quarters from group i - x to i and from j - y to j, w the lesser weight of the two groups, and
//!   r = [`PACE`] / (max(s, t) + 0.1). What counts is thus not where notes lie, as in a picture, but that the time from
//!   note to note is the same: a rest or a breath costs once, and not for all that follows; and what a player is early or late costs
//!   nothing.
//! - A group may be left out between two others on either side, for [`SKIP`] of its weight: an ornament, or a note that
//!   is missing.
//!
//! Chords are new here; for lines it is the method that DESIGN's experiments called CHAIN. Its parameters were chosen
//! on tune families, see ARCHITECTURE.md.

use std::cell::Cell;

use super::sequence::{Sequence, WEIGHT};
use crate::correlate::{Processor, Work};

/// What two notes so many semitones apart have in common. Seconds, thirds, fourths, fifths and octaves are what
/// variants of a tune put for each other.
const KERNEL: [f32; 13] = [1.0, 0.5, 0.5, 0.4, 0.4, 0.25, -0.25, 0.25, -0.25, -0.25, -0.25, -0.25, 0.5];
/// The same for all that are further apart.
const FAR: f32 = -0.25;
/// What durations that differ by a factor of 2 cost; more than [`MOST_OCTAVES`] of them cost no more.
const DURATION: f32 = 0.2;
const MOST_OCTAVES: f32 = 2.0;
/// What a group that is left out costs, of its weight.
const SKIP: f32 = 0.05;
/// What times that differ cost.
const PACE: f32 = 3.5;
/// Times that differ by no more than this, in quarters, are the same.
const SLACK: f32 = 0.05;
/// In quarters: keeps short times from counting too much.
const PACE_FLOOR: f32 = 0.1;

/// Pairs of more groups or notes are not aligned: it would take a second.
const LARGEST: usize = 1 << 26;

/// Rows are padded to a multiple of this, so that vectors are full.
const LANES: usize = 16;

/// One side of an alignment, with what is computed from its notes once.
#[derive(Debug, Default)]
pub(crate) struct Operand {
    pitches: Vec<i32>,
    /// log2 of durations.
    lengths: Vec<f32>,
    weights: Vec<f32>,
    /// Where groups begin, and where the last one ends.
    groups: Vec<u32>,
    group_weights: Vec<f32>,
    steps: [Vec<f32>; 2],
    /// 1 / (step + [`PACE_FLOOR`]).
    paces: [Vec<f32>; 2],
    /// What leaving out the group before this one costs.
    skips: Vec<f32>,
    total: f32,
}

impl Operand {
    /// A sequence, stretched, and turned upside down if so.
    pub(crate) fn load(&mut self, sequence: &Sequence, stretch: f64, inverted: bool) {
        let stretch = stretch as f32;
        let twice = 2 * i32::from(sequence.axis);
        self.pitches.clear();
        self.pitches.extend(
            sequence.pitches.iter().map(|&pitch| if inverted { twice - i32::from(pitch) } else { pitch.into() }),
        );
        let (longer, heavier) = (stretch.log2(), stretch.powf(WEIGHT));
        self.lengths.clear();
        self.lengths.extend(sequence.lengths.iter().map(|length| length + longer));
        self.weights.clear();
        self.weights.extend(sequence.weights.iter().map(|weight| weight * heavier));
        self.groups.clone_from(&sequence.groups);
        self.group_weights.clear();
        self.group_weights.extend(self.groups.windows(2).map(|ends| sum(&self.weights, ends)));
        self.total = self.group_weights.iter().sum();
        for ((steps, paces), from) in self.steps.iter_mut().zip(&mut self.paces).zip(&sequence.steps) {
            steps.clear();
            steps.extend(from.iter().map(|step| step * stretch));
            paces.clear();
            paces.extend(steps.iter().map(|step| 1.0 / (step + PACE_FLOOR)));
        }
        self.skips.clear();
        self.skips.push(0.0);
        self.skips.extend(self.group_weights.iter().map(|weight| SKIP * weight));
        self.pad();
    }

    /// Fills up with groups of no weight, which nothing is won by.
    fn pad(&mut self) {
        let notes = self.pitches.len().next_multiple_of(LANES);
        self.pitches.resize(notes, i32::MIN / 4);
        self.lengths.resize(notes, 0.0);
        self.weights.resize(notes, 0.0);
        let groups = self.len().next_multiple_of(LANES);
        let [one, two] = &mut self.steps;
        let [pace, pace_of_two] = &mut self.paces;
        for column in [&mut self.group_weights, one, two, pace, pace_of_two, &mut self.skips] {
            column.resize(groups, 0.0);
        }
    }

    /// How many groups.
    pub(crate) fn len(&self) -> usize {
        self.groups.len().saturating_sub(1)
    }

    fn notes(&self) -> usize {
        self.groups.last().map_or(0, |&end| end as usize)
    }

    fn is_line(&self) -> bool {
        self.len() == self.notes()
    }

    /// The sum of all weights.
    pub(crate) fn weight(&self) -> f32 {
        self.total
    }
}

/// The sum over the notes of a group.
#[inline(always)]
fn sum(values: &[f32], ends: &[u32]) -> f32 {
    values[ends[0] as usize..ends[1] as usize].iter().sum()
}

/// Whether common notes are looked for from both sides, or only for those of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Common {
    /// What the second has besides in a chord counts against it.
    Both,
    /// What sounds besides the first plays no role.
    First,
}

/// Aligns, and keeps its memory from one pair to the next.
#[derive(Debug, Default)]
pub(crate) struct Aligner {
    /// The first side.
    pub first: Operand,
    /// The second side.
    pub second: Operand,
    /// f of the rows at hand, each with a margin before it; all rows when they are to be traced.
    rows: Vec<f32>,
    /// u of the row at hand.
    common: Vec<f32>,
    /// For each note of the second side, what it and a note at hand have in common, and the most so far.
    alike: [Vec<f32>; 2],
}

/// A group of the first side and one of the second that a chain pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub first: usize,
    pub second: usize,
}

/// Zeros before each row, for what lies before the first group.
const MARGIN: usize = LANES;

impl Aligner {
    /// Lends the calling thread's aligner.
    pub(crate) fn lend<R>(work: impl FnOnce(&mut Self) -> R) -> R {
        thread_local! {
            static POOL: Cell<Option<Box<Aligner>>> = const { Cell::new(None) };
        }
        let mut aligner = POOL.take().unwrap_or_default();
        let result = work(&mut aligner);
        if aligner.rows.capacity() < 1 << 20 {
            POOL.set(Some(aligner));
        }
        result
    }

    /// Whether the two sides are short enough.
    pub(crate) fn fits(&self) -> bool {
        self.first.notes().saturating_mul(self.second.notes()) <= LARGEST
    }

    /// The most that a chain is worth, the second side being laid `transposition` semitones higher; 0 for pairs that
    /// are too long. It is at most the weight of the lighter side.
    pub(crate) fn value(&mut self, processor: Processor, transposition: i32, common: Common) -> f32 {
        if !self.fits() {
            return 0.0;
        }
        processor.run(Align { aligner: self, transposition, common, kept: 3 })
    }

    /// The groups that the best chain pairs, in order; of chains that are worth the same the one that ends first.
    pub(crate) fn links(&mut self, transposition: i32, common: Common) -> Vec<Link> {
        if !self.fits() {
            return Vec::new();
        }
        let rows = self.first.len();
        let most = Align { aligner: self, transposition, common, kept: rows + 2 }.run();
        let mut links = Vec::new();
        let stride = self.stride();
        let at = |i: usize, j: usize| self.rows[(i + 2) * stride + MARGIN + j];
        if most <= 0.0 {
            return links;
        }
        let columns = self.second.len();
        let last = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).find(|&(i, j)| at(i, j) == most);
        let Some((mut i, mut j)) = last else { return links };
        loop {
            links.push(Link { first: i, second: j });
            let mut best = (0.0, None);
            for (x, y) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
                if let (Some(before_i), Some(before_j)) = (i.checked_sub(x), j.checked_sub(y)) {
                    let worth = at(before_i, before_j) - self.cost(i, j, x, y);
                    if worth > best.0 {
                        best = (worth, Some((before_i, before_j)));
                    }
                }
            }
            match best.1 {
                Some(before) if at(before.0, before.1) > 0.0 => (i, j) = before,
                _ => break,
            }
        }
        links.reverse();
        links
    }

    /// What it costs to come to a pair of groups from one that lies x and y groups before.
    fn cost(&self, i: usize, j: usize, x: usize, y: usize) -> f32 {
        let (a, b) = (&self.first, &self.second);
        let scale = PACE * lesser(a.group_weights[i], b.group_weights[j]);
        let skipped = (if x == 2 { a.skips[i] } else { 0.0 }) + (if y == 2 { b.skips[j] } else { 0.0 });
        skipped + late((a.steps[x - 1][i], a.paces[x - 1][i]), (b.steps[y - 1][j], b.paces[y - 1][j]), scale)
    }

    fn stride(&self) -> usize {
        MARGIN + self.second.group_weights.len()
    }
}

#[inline(always)]
fn lesser(a: f32, b: f32) -> f32 {
    // `f32::min` minds numbers that are none, which takes more instructions.
    if a < b { a } else { b }
}

#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// What notes so many semitones apart, in either direction, have in common.
#[inline(always)]
fn kernel(semitones: i32) -> f32 {
    *KERNEL.get(semitones.unsigned_abs() as usize).unwrap_or(&FAR)
}

/// [`kernel`] of many, found by comparing: that becomes vector code, while looking up does not.
#[inline(always)]
fn kernels(pitches: &[i32; LANES], pitch: i32) -> [f32; LANES] {
    let mut distances = [0; LANES];
    for lane in 0..LANES {
        distances[lane] = pitches[lane].wrapping_sub(pitch).wrapping_abs();
    }
    let mut common = [FAR; LANES];
    for (distance, &value) in (0..).zip(&KERNEL) {
        if value == FAR {
            continue;
        }
        for lane in 0..LANES {
            common[lane] = if distances[lane] == distance { value } else { common[lane] };
        }
    }
    common
}

/// An alignment that is to be computed, with code for some processor.
struct Align<'a> {
    aligner: &'a mut Aligner,
    transposition: i32,
    common: Common,
    /// Rows that are kept: the last three, or two before the first and all of them.
    kept: usize,
}

impl Work for Align<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let Self { aligner, transposition, common, kept } = self;
        let stride = aligner.stride();
        let Aligner { first, second, rows, common: in_common, alike } = aligner;
        let width = second.group_weights.len();
        rows.clear();
        rows.resize(kept * stride, 0.0);
        in_common.resize(width, 0.0);
        let lines = first.is_line() && second.is_line();
        let mut most = [0.0f32; LANES];
        // The row of group i, and the two before it.
        let [mut out, mut one, mut two] = [2, 1, 0];
        for i in 0..first.len() {
            if lines {
                common_of_lines(first, second, i, transposition, in_common);
            } else {
                common_of_chords(first, second, i, transposition, common, in_common, alike);
            }
            let ranges = [out, one, two].map(|row| row * stride..(row + 1) * stride);
            // There are at least three rows, so the three differ.
            let [row, before, before_that] = rows.get_disjoint_mut(ranges).unwrap_or_default();
            chain(first, second, i, in_common, row, before, before_that, &mut most);
            (out, one, two) = (if out + 1 == kept { 0 } else { out + 1 }, out, one);
        }
        most.into_iter().fold(0.0, greater)
    }
}

/// u of a line's note with all notes of another line.
#[inline(always)]
fn common_of_lines(first: &Operand, second: &Operand, i: usize, transposition: i32, out: &mut [f32]) {
    let (pitch, length, weight) = (first.pitches[i] - transposition, first.lengths[i], first.weights[i]);
    let (pitches, _) = second.pitches.as_chunks::<LANES>();
    let (lengths, _) = second.lengths.as_chunks::<LANES>();
    let (weights, _) = second.weights.as_chunks::<LANES>();
    let all = pitches.iter().zip(lengths).zip(weights);
    for (out, ((pitches, lengths), weights)) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(all) {
        // An array of its own: written in place it does not become vector code.
        let mut alike = kernels(pitches, pitch);
        for lane in 0..LANES {
            let octaves = lesser((lengths[lane] - length).abs(), MOST_OCTAVES);
            alike[lane] = lesser(weights[lane], weight) * (alike[lane] - DURATION * octaves);
        }
        *out = alike;
    }
}

/// u of a group with all groups of the other side.
#[inline(always)]
fn common_of_chords(
    first: &Operand,
    second: &Operand,
    i: usize,
    transposition: i32,
    common: Common,
    out: &mut [f32],
    [alike, most]: &mut [Vec<f32>; 2],
) {
    let notes = second.pitches.len();
    alike.resize(notes, 0.0);
    most.clear();
    most.resize(notes, f32::MIN);
    out.fill(0.0);
    for note in first.groups[i] as usize..first.groups[i + 1] as usize {
        let (pitch, length, weight) = (first.pitches[note] - transposition, first.lengths[note], first.weights[note]);
        for (alike, &other) in alike.iter_mut().zip(&second.pitches) {
            *alike = kernel(other.wrapping_sub(pitch));
        }
        for other in 0..notes {
            let octaves = lesser((second.lengths[other] - length).abs(), MOST_OCTAVES);
            alike[other] = lesser(second.weights[other], weight) * (alike[other] - DURATION * octaves);
            most[other] = greater(most[other], alike[other]);
        }
        for (out, ends) in out.iter_mut().zip(second.groups.windows(2)) {
            *out += alike[ends[0] as usize..ends[1] as usize].iter().copied().fold(f32::MIN, greater);
        }
    }
    if common == Common::Both {
        for (out, ends) in out.iter_mut().zip(second.groups.windows(2)) {
            *out = 0.5 * (*out + sum(most, ends));
        }
    }
}

/// What times that differ cost: each with its pace, which is 1 / (time + [`PACE_FLOOR`]).
#[inline(always)]
fn late((s, ours): (f32, f32), (t, theirs): (f32, f32), scale: f32) -> f32 {
    scale * (greater((s - t).abs() - SLACK, 0.0) * lesser(ours, theirs))
}

/// As many values as there are lanes; the rows are padded so that there always are.
#[inline(always)]
fn chunk(values: &[f32], at: usize) -> &[f32; LANES] {
    const NONE: &[f32; LANES] = &[0.0; LANES];
    values.get(at..).and_then(|values| values.first_chunk()).unwrap_or(NONE)
}

/// f of group i with all groups of the other side.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the inner loop, apart so that it can be read")]
fn chain(
    first: &Operand,
    second: &Operand,
    i: usize,
    common: &[f32],
    out: &mut [f32],
    one: &[f32],
    two: &[f32],
    most: &mut [f32; LANES],
) {
    let weight = first.group_weights[i];
    let (step, step_of_two) = (first.steps[0][i], first.steps[1][i]);
    let (pace, pace_of_two) = (first.paces[0][i], first.paces[1][i]);
    let skip = first.skips[i];
    for at in (0..common.len()).step_by(LANES) {
        let u = chunk(common, at);
        let weights = chunk(&second.group_weights, at);
        let (steps, steps_of_two) = (chunk(&second.steps[0], at), chunk(&second.steps[1], at));
        let (paces, paces_of_two) = (chunk(&second.paces[0], at), chunk(&second.paces[1], at));
        let skips = chunk(&second.skips, at);
        let (one_one, one_two) = (chunk(one, MARGIN + at - 1), chunk(one, MARGIN + at - 2));
        let (two_one, two_two) = (chunk(two, MARGIN + at - 1), chunk(two, MARGIN + at - 2));
        let mut values = [0.0f32; LANES];
        for lane in 0..LANES {
            let scale = PACE * lesser(weight, weights[lane]);
            let (s, t) = ((step, pace), (step_of_two, pace_of_two));
            let (x, y) = ((steps[lane], paces[lane]), (steps_of_two[lane], paces_of_two[lane]));
            let straight = one_one[lane] - late(s, x, scale);
            let theirs = one_two[lane] - (skips[lane] + late(s, y, scale));
            let ours = two_one[lane] - (skip + late(t, x, scale));
            let both = two_two[lane] - (skip + skips[lane] + late(t, y, scale));
            let before = greater(greater(greater(straight, theirs), greater(ours, both)), 0.0);
            values[lane] = greater(before + u[lane], 0.0);
            most[lane] = greater(most[lane], values[lane]);
        }
        if let Some(out) = out.get_mut(MARGIN + at..MARGIN + at + LANES) {
            out.copy_from_slice(&values);
        }
    }
}
