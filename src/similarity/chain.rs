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
use std::ops::Range;

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

/// As many numbers as are computed side by side.
type Chunk = [f32; LANES];

/// Notes of one side.
#[derive(Debug, Clone, Copy)]
struct Notes {
    pitches: [i32; LANES],
    /// log2 of durations.
    lengths: Chunk,
    weights: Chunk,
}

/// Groups of one side.
#[derive(Debug, Clone, Copy)]
struct Groups {
    weights: Chunk,
    /// Quarters from the group before, and from the one before that.
    steps: [Chunk; 2],
    /// 1 / (step + [`PACE_FLOOR`]).
    paces: [Chunk; 2],
    /// What leaving out the group before costs.
    skips: Chunk,
}

/// What fills up the last ones: nothing is won by it.
const NO_NOTES: Notes = Notes { pitches: [i32::MIN / 4; LANES], lengths: [0.0; LANES], weights: [0.0; LANES] };
const NO_GROUPS: Groups =
    Groups { weights: [0.0; LANES], steps: [[0.0; LANES]; 2], paces: [[0.0; LANES]; 2], skips: [0.0; LANES] };

/// One group.
#[derive(Debug, Clone, Copy)]
struct Group {
    weight: f32,
    steps: [f32; 2],
    paces: [f32; 2],
    skip: f32,
}

/// One side of an alignment, with what is computed from its notes once.
#[derive(Debug, Default)]
pub(crate) struct Operand {
    notes: Vec<Notes>,
    groups: Vec<Groups>,
    /// Where groups begin among the notes, and where the last one ends.
    ends: Vec<u32>,
    total: f32,
}

impl Operand {
    /// A sequence, stretched, and turned upside down if so.
    pub(crate) fn load(&mut self, sequence: &Sequence, stretch: f64, inverted: bool) {
        let stretch = stretch as f32;
        let twice = 2 * i32::from(sequence.axis);
        // Most are not stretched, and powers take their time.
        let (longer, heavier) = if stretch == 1.0 { (0.0, 1.0) } else { (stretch.log2(), stretch.powf(WEIGHT)) };
        self.ends.clone_from(&sequence.groups);
        self.notes.clear();
        let columns = sequence.pitches.chunks(LANES).zip(sequence.lengths.chunks(LANES));
        for ((pitches, lengths), weights) in columns.zip(sequence.weights.chunks(LANES)) {
            let mut notes = NO_NOTES;
            for (to, &pitch) in notes.pitches.iter_mut().zip(pitches) {
                *to = if inverted { twice - i32::from(pitch) } else { pitch.into() };
            }
            notes.lengths.iter_mut().zip(lengths).for_each(|(to, length)| *to = length + longer);
            notes.weights.iter_mut().zip(weights).for_each(|(to, weight)| *to = weight * heavier);
            self.notes.push(notes);
        }
        self.groups.clear();
        self.total = 0.0;
        let mut skip = 0.0;
        let [near, far] = &sequence.steps;
        for ((first, near), far) in (0..).step_by(LANES).zip(near.chunks(LANES)).zip(far.chunks(LANES)) {
            let mut groups = NO_GROUPS;
            let (weights, skips) = (&mut groups.weights, &mut groups.skips);
            for (group, (weight, left_out)) in (first..first + near.len()).zip(weights.iter_mut().zip(skips)) {
                *weight = self.notes_of(group).map(|note| self.weight_of(note)).sum();
                *left_out = skip;
                skip = SKIP * *weight;
                self.total += *weight;
            }
            for ((steps, paces), from) in groups.steps.iter_mut().zip(&mut groups.paces).zip([near, far]) {
                for ((step, pace), from) in steps.iter_mut().zip(paces).zip(from) {
                    *step = from * stretch;
                    *pace = 1.0 / (*step + PACE_FLOOR);
                }
            }
            self.groups.push(groups);
        }
    }

    /// How many groups.
    pub(crate) fn len(&self) -> usize {
        self.ends.len().saturating_sub(1)
    }

    fn count_notes(&self) -> usize {
        self.ends.last().map_or(0, |&end| end as usize)
    }

    fn is_line(&self) -> bool {
        self.len() == self.count_notes()
    }

    /// The sum of all weights.
    pub(crate) fn weight(&self) -> f32 {
        self.total
    }

    /// The notes of a group.
    fn notes_of(&self, group: usize) -> Range<usize> {
        self.ends[group] as usize..self.ends[group + 1] as usize
    }

    fn weight_of(&self, note: usize) -> f32 {
        self.notes[note / LANES].weights[note % LANES]
    }

    /// Pitch, log2 of the duration and weight of a note.
    #[inline(always)]
    fn note(&self, note: usize) -> (i32, f32, f32) {
        let (notes, lane) = (&self.notes[note / LANES], note % LANES);
        (notes.pitches[lane], notes.lengths[lane], notes.weights[lane])
    }

    #[inline(always)]
    fn group(&self, group: usize) -> Group {
        let (groups, lane) = (&self.groups[group / LANES], group % LANES);
        Group {
            weight: groups.weights[lane],
            steps: [groups.steps[0][lane], groups.steps[1][lane]],
            paces: [groups.paces[0][lane], groups.paces[1][lane]],
            skip: groups.skips[lane],
        }
    }
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
    /// f of the rows at hand, each with zeros before it; all rows when they are to be traced.
    rows: Vec<f32>,
    /// What pitches have in common.
    kernels: Kernels,
    /// u of the row at hand, for each transposition.
    common: Vec<Chunk>,
    /// For each note of the second side, what it and a note at hand have in common, and the most so far.
    alike: [Vec<Chunk>; 2],
}

/// A group of the first side and one of the second that a chain pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub first: usize,
    pub second: usize,
}

/// How many transpositions are aligned side by side.
const ABREAST: usize = 8;

impl Aligner {
    /// Lends the calling thread's aligner.
    pub(crate) fn lend<R>(work: impl FnOnce(&mut Self) -> R) -> R {
        thread_local! {
            static POOL: Cell<Option<Box<Aligner>>> = const { Cell::new(None) };
        }
        let mut aligner = POOL.take().unwrap_or_default();
        let result = work(&mut aligner);
        if aligner.rows.capacity() < 1 << 20 && aligner.kernels.rows.capacity() < 1 << 16 {
            POOL.set(Some(aligner));
        }
        result
    }

    /// Whether the two sides are short enough.
    pub(crate) fn fits(&self) -> bool {
        self.first.count_notes().saturating_mul(self.second.count_notes()) <= LARGEST
    }

    /// For each of some transpositions, by which the second side is laid higher, the most that a chain is worth; 0 for
    /// pairs that are too long. It is at most the weight of the lighter side.
    ///
    /// Transpositions are aligned side by side, since what differing times and skipped groups cost is the same for all.
    pub(crate) fn values(&mut self, processor: Processor, transpositions: &[i32], common: Common, out: &mut Vec<f32>) {
        out.clear();
        if !self.fits() {
            out.resize(transpositions.len(), 0.0);
            return;
        }
        let abreast = if self.second.notes.len() > LARGEST_KEPT { 1 } else { ABREAST };
        for transpositions in transpositions.chunks(abreast) {
            let most = processor.run(Align { aligner: self, transpositions, common, kept: 3 });
            out.extend(&most[..transpositions.len()]);
        }
    }

    /// The groups that the best chain pairs, in order; of chains that are worth the same the one that ends first.
    pub(crate) fn links(&mut self, transposition: i32, common: Common) -> Vec<Link> {
        if !self.fits() {
            return Vec::new();
        }
        let rows = self.first.len();
        let [most, ..] = Align { aligner: self, transpositions: &[transposition], common, kept: rows + 2 }.run();
        let mut links = Vec::new();
        let stride = self.stride();
        let at = |i: usize, j: usize| self.rows[(i + 2) * stride + LANES + j];
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
        let (a, b) = (self.first.group(i), self.second.group(j));
        let scale = PACE * lesser(a.weight, b.weight);
        let skipped = (if x == 2 { a.skip } else { 0.0 }) + (if y == 2 { b.skip } else { 0.0 });
        skipped + late((a.steps[x - 1], a.paces[x - 1]), (b.steps[y - 1], b.paces[y - 1]), scale)
    }

    /// Numbers of a row, with the zeros before it.
    fn stride(&self) -> usize {
        LANES * (1 + self.second.groups.len())
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

/// What notes have in common with one of some pitch, by their distances in semitones. They are compared, not looked up:
/// that becomes vector code.
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

/// Alignments that are to be computed, with code for some processor.
struct Align<'a> {
    aligner: &'a mut Aligner,
    /// No more than [`ABREAST`].
    transpositions: &'a [i32],
    common: Common,
    /// Rows that are kept of each: the last three, or two before the first and all of them.
    kept: usize,
}

impl Work for Align<'_> {
    type Output = [f32; ABREAST];

    #[inline(always)]
    fn run(self) -> [f32; ABREAST] {
        let Self { aligner, transpositions, common, kept } = self;
        let stride = aligner.stride();
        let Aligner { first, second, rows, kernels, common: in_common, alike: [here, most_alike] } = aligner;
        rows.clear();
        rows.resize(transpositions.len() * kept * stride, 0.0);
        kernels.clear();
        let width = second.groups.len();
        in_common.resize(transpositions.len() * width, [0.0; LANES]);
        let lines = first.is_line() && second.is_line();
        let mut most = [[0.0f32; LANES]; ABREAST];
        // The row of group i, and the two before it.
        let [mut out, mut one, mut two] = [2, 1, 0];
        for i in 0..first.len() {
            let group = first.group(i);
            let mut found = [0; ABREAST];
            if lines {
                let (pitch, ..) = first.note(i);
                for (found, transposition) in found.iter_mut().zip(transpositions) {
                    *found = kernels.row(&second.notes, pitch - transposition);
                }
            } else {
                for (out, transposition) in in_common.chunks_exact_mut(width.max(1)).zip(transpositions) {
                    common_of_chords(first, second, i, *transposition, common, out, kernels, [here, most_alike]);
                }
            }
            for (at, groups) in second.groups.iter().enumerate() {
                let costs = costs(&group, groups);
                let likeness = if lines { Likeness::new(&second.notes[at], first.note(i)) } else { Likeness::NONE };
                let here = (1 + at) * LANES;
                let planes = rows.chunks_exact_mut(kept * stride).zip(&found).zip(&mut most).enumerate();
                for (abreast, ((rows, &found), most)) in planes {
                    let u = if lines {
                        likeness.of(&kernels.rows[found + at])
                    } else {
                        in_common.get(abreast * width + at).copied().unwrap_or_default()
                    };
                    let before = |row: usize, lanes: usize| chunk(rows, row * stride + here - lanes);
                    let values = link(&u, &costs, [before(one, 1), before(one, 2), before(two, 1), before(two, 2)]);
                    for lane in 0..LANES {
                        most[lane] = greater(most[lane], values[lane]);
                    }
                    if let Some(out) = rows.get_mut(out * stride + here..out * stride + here + LANES) {
                        out.copy_from_slice(&values);
                    }
                }
            }
            (out, one, two) = (if out + 1 == kept { 0 } else { out + 1 }, out, one);
        }
        let mut greatest = [0.0; ABREAST];
        for (greatest, most) in greatest.iter_mut().zip(&most[..transpositions.len()]) {
            for &value in most {
                *greatest = greater(*greatest, value);
            }
        }
        greatest
    }
}

/// f of a group with others, from what they have in common, what coming there costs, and f before.
#[inline(always)]
fn link(u: &Chunk, costs: &[Chunk; 4], before: [&Chunk; 4]) -> Chunk {
    let mut values = [0.0; LANES];
    for lane in 0..LANES {
        let straight = before[0][lane] - costs[0][lane];
        let theirs = before[1][lane] - costs[1][lane];
        let ours = before[2][lane] - costs[2][lane];
        let both = before[3][lane] - costs[3][lane];
        let before = greater(greater(greater(straight, theirs), greater(ours, both)), 0.0);
        values[lane] = greater(before + u[lane], 0.0);
    }
    values
}

/// What a note and others have in common, but for their pitches.
struct Likeness {
    lighter: Chunk,
    /// What their durations cost.
    uneven: Chunk,
}

impl Likeness {
    const NONE: Self = Self { lighter: [0.0; LANES], uneven: [0.0; LANES] };

    #[inline(always)]
    fn new(notes: &Notes, (_, length, weight): (i32, f32, f32)) -> Self {
        let mut it = Self::NONE;
        for lane in 0..LANES {
            it.lighter[lane] = lesser(notes.weights[lane], weight);
            it.uneven[lane] = DURATION * lesser((notes.lengths[lane] - length).abs(), MOST_OCTAVES);
        }
        it
    }

    /// All that they have in common.
    #[inline(always)]
    fn of(&self, kernels: &Chunk) -> Chunk {
        let mut alike = [0.0; LANES];
        for lane in 0..LANES {
            alike[lane] = self.lighter[lane] * (kernels[lane] - self.uneven[lane]);
        }
        alike
    }
}

/// What pitches have in common with those of the second side, each computed once for all notes and transpositions.
#[derive(Debug)]
struct Kernels {
    /// For each pitch, from [`LOWEST`], where its row begins; [`UNMADE`] before it is needed.
    places: Vec<u32>,
    rows: Vec<Chunk>,
    /// The places that are made.
    made: Vec<usize>,
}

const UNMADE: u32 = u32::MAX;

/// Below this, and above its opposite, a pitch is far from all others.
const LOWEST: i32 = -512;

/// Rows of more chunks than this are made anew each time.
const LARGEST_KEPT: usize = 1 << 8;

impl Default for Kernels {
    fn default() -> Self {
        Self { places: vec![UNMADE; 2 * LOWEST.unsigned_abs() as usize + 1], rows: Vec::new(), made: Vec::new() }
    }
}

impl Kernels {
    fn clear(&mut self) {
        for &made in &self.made {
            self.places[made] = UNMADE;
        }
        self.made.clear();
        self.rows.clear();
    }

    /// Where the row of a pitch begins.
    #[inline(always)]
    fn row(&mut self, notes: &[Notes], pitch: i32) -> usize {
        let pitch = pitch.clamp(LOWEST, -LOWEST);
        let place = (pitch - LOWEST) as usize;
        if self.places[place] == UNMADE {
            if notes.len() > LARGEST_KEPT {
                self.clear();
            }
            self.places[place] = self.rows.len() as u32;
            self.made.push(place);
            for notes in notes {
                self.rows.push(kernels(&notes.pitches, pitch));
            }
        }
        self.places[place] as usize
    }
}

/// What it costs to come to a group and each of others from one and one before that, with the other's last one left out,
/// with ours, and with both.
#[inline(always)]
fn costs(first: &Group, groups: &Groups) -> [Chunk; 4] {
    let [s, t] = [(first.steps[0], first.paces[0]), (first.steps[1], first.paces[1])];
    let [mut straight, mut without_theirs, mut without_ours, mut without_both] = [[0.0; LANES]; 4];
    for lane in 0..LANES {
        let scale = PACE * lesser(first.weight, groups.weights[lane]);
        let x = (groups.steps[0][lane], groups.paces[0][lane]);
        let y = (groups.steps[1][lane], groups.paces[1][lane]);
        let (ours, theirs) = (first.skip, groups.skips[lane]);
        straight[lane] = late(s, x, scale);
        without_theirs[lane] = theirs + late(s, y, scale);
        without_ours[lane] = ours + late(t, x, scale);
        without_both[lane] = ours + theirs + late(t, y, scale);
    }
    [straight, without_theirs, without_ours, without_both]
}

/// u of a group with all groups of the other side.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "what it computes with, apart so that it can be borrowed apart")]
fn common_of_chords(
    first: &Operand,
    second: &Operand,
    i: usize,
    transposition: i32,
    common: Common,
    out: &mut [Chunk],
    kernels: &mut Kernels,
    [here, most]: [&mut Vec<Chunk>; 2],
) {
    out.fill([0.0; LANES]);
    here.resize(second.notes.len(), [0.0; LANES]);
    most.clear();
    most.resize(second.notes.len(), [f32::MIN; LANES]);
    for note in first.notes_of(i) {
        let (pitch, ..) = first.note(note);
        let found = kernels.row(&second.notes, pitch - transposition);
        let rows = second.notes.iter().zip(&kernels.rows[found..]);
        for (((notes, kernels), here), most) in rows.zip(here.iter_mut()).zip(most.iter_mut()) {
            *here = Likeness::new(notes, first.note(note)).of(kernels);
            for lane in 0..LANES {
                most[lane] = greater(most[lane], here[lane]);
            }
        }
        let here = here.as_flattened();
        for (out, ends) in out.as_flattened_mut().iter_mut().zip(second.ends.windows(2)) {
            *out += here[ends[0] as usize..ends[1] as usize].iter().copied().fold(f32::MIN, greater);
        }
    }
    if common == Common::Both {
        let most = most.as_flattened();
        for (out, ends) in out.as_flattened_mut().iter_mut().zip(second.ends.windows(2)) {
            *out = 0.5 * (*out + most[ends[0] as usize..ends[1] as usize].iter().sum::<f32>());
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
fn chunk(values: &[f32], at: usize) -> &Chunk {
    const NONE: &Chunk = &[0.0; LANES];
    values.get(at..).and_then(|values| values.first_chunk()).unwrap_or(NONE)
}
