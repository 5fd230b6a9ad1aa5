//! An upper bound on similarity from pitches alone.
//!
//! Whatever the shift, two rows have no more pixels in common than the darker of them has. Summed
//! over the rows that meet at a transposition that bounds the brightness there; its maximum over
//! the transpositions bounds the peak. Backward pictures have the same rows, so one bound serves
//! both directions; all transpositions are computed side by side.

use crate::correlate::{Processor, Work};
use crate::roll::PianoRoll;

/// Transpositions that are bounded side by side.
const LANES: usize = 64;

/// The lit pixels of each row of many exemplars under every stretch.
#[derive(Debug, Default)]
pub(super) struct Inks {
    /// For each exemplar where it begins: in `rows`; its ink begins at that times the stretches.
    firsts: Vec<u32>,
    /// The lit rows, from the lowest (0) upwards.
    rows: Vec<u8>,
    /// For each lit row its ink under each stretch.
    ink: Vec<u16>,
}

/// The ink of one exemplar.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink<'a> {
    rows: &'a [u8],
    /// Row by stretch.
    ink: &'a [u16],
}

impl Inks {
    /// Adds an exemplar by its rolls under every stretch, all of which have the same rows lit.
    pub(super) fn push(&mut self, rolls: &[PianoRoll]) {
        self.firsts.push(self.rows.len() as u32);
        // A roll that is too tall or too bright for the numbers here is not bounded: no rows.
        let Some(plain) = rolls.first().filter(|_| rolls.iter().all(|roll| roll.rows() <= LANES)) else {
            return;
        };
        let (first_row, first_ink) = (self.rows.len(), self.ink.len());
        for runs in plain.runs().chunk_by(|a, b| a.pitch == b.pitch) {
            self.rows.push((runs[0].pitch - plain.low()) as u8);
        }
        let count = self.rows.len() - first_row;
        self.ink.resize(first_ink + count * rolls.len(), 0);
        for (stretch, roll) in rolls.iter().enumerate() {
            for (row, runs) in roll.runs().chunk_by(|a, b| a.pitch == b.pitch).enumerate() {
                let ink = u16::try_from(runs.iter().map(|run| u64::from(run.columns())).sum::<u64>());
                match (ink, roll.is_binary() && row < count) {
                    (Ok(ink), true) => self.ink[first_ink + row * rolls.len() + stretch] = ink,
                    _ => {
                        self.rows.truncate(first_row);
                        self.ink.truncate(first_ink);
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn get(&self, index: usize, stretches: usize) -> Ink<'_> {
        let first = self.firsts[index] as usize;
        let end = self.firsts.get(index + 1).map_or(self.rows.len(), |&end| end as usize);
        Ink { rows: &self.rows[first..end], ink: &self.ink[first * stretches..end * stretches] }
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.firsts.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.ink.shrink_to_fit();
    }
}

impl<'a> Ink<'a> {
    /// The lit rows, and for each its ink under every stretch.
    #[cfg(feature = "cuda")]
    pub(super) fn parts(&self) -> (&'a [u8], &'a [u16]) {
        (self.rows, self.ink)
    }

    /// The ink of the fullest row under a stretch; `None` when it is not known.
    pub(super) fn fullest(&self, stretch: usize, stretches: usize) -> Option<u16> {
        self.ink.iter().skip(stretch).step_by(stretches).copied().max()
    }
}

/// A fragment's ink, ready to bound many exemplars.
#[derive(Debug)]
pub(crate) struct Bounder {
    /// Ink by row, the lowest at cell `LANES`; `None` when the fragment cannot be bounded.
    ink: Option<Box<[u16; 3 * LANES]>>,
    rows: usize,
    processor: Processor,
}

/// The most pixels that a fragment and an exemplar can have in common, upright and inverted.
pub(crate) type Most = [u16; 2];

/// What stands for no bound on brightness.
pub(crate) const UNBOUNDED: u16 = u16::MAX;

impl Bounder {
    /// For a fragment.
    pub(crate) fn new(roll: &PianoRoll) -> Self {
        let mut ink = Box::new([0u16; 3 * LANES]);
        let mut fits = roll.is_binary() && roll.rows() <= LANES && !roll.is_dark();
        if fits {
            for run in roll.runs() {
                let cell = &mut ink[LANES + (run.pitch - roll.low()) as usize];
                let sum = u32::from(*cell) + run.columns();
                fits &= sum <= u32::from(u16::MAX);
                *cell = sum as u16;
            }
        }
        Self { ink: fits.then_some(ink), rows: roll.rows(), processor: Processor::best() }
    }

    /// Bounds each stretch; false, and nothing said, for a pair that cannot be bounded.
    pub(crate) fn bound(&self, exemplar: Ink<'_>, bounds: &mut [Most]) -> bool {
        let Some(ink) = &self.ink else { return false };
        let Some(&last) = exemplar.rows.last() else { return false };
        match self.rows + usize::from(last) {
            0..=32 => self.processor.run(SideBySide::<32> { ink, exemplar, last, bounds }),
            33..=LANES => self.processor.run(SideBySide::<LANES> { ink, exemplar, last, bounds }),
            _ => return false,
        }
        true
    }

    /// Answers questions about one exemplar, which are best in order of stretch; false, and nothing answered, for a pair
    /// that cannot be bounded.
    pub(crate) fn reaching(&self, exemplar: Ink<'_>, stretches: usize, questions: &mut [Reaching]) -> bool {
        let Some(ink) = self.ink.as_deref() else { return false };
        let Some(&last) = exemplar.rows.last() else { return false };
        match self.rows + usize::from(last) {
            0..=32 => self.processor.run(Answer::<32> { ink, exemplar, stretches, last, questions }),
            33..=LANES => self.processor.run(Answer::<LANES> { ink, exemplar, stretches, last, questions }),
            _ => return false,
        }
        true
    }
}

/// At which transpositions do the pitches of an exemplar let the brightness be `least`?
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaching {
    /// The exemplar's stretch.
    pub stretch: usize,
    /// Whether it is upside down.
    pub inverted: bool,
    /// In pixels.
    pub least: u16,
    /// The answer: a bit for each transposition, the first that at which the fragment's lowest row meets the exemplar's
    /// highest.
    pub lanes: u64,
}

/// To answer such questions with `WIDTH` transpositions side by side.
struct Answer<'a, const WIDTH: usize> {
    ink: &'a [u16; 3 * LANES],
    exemplar: Ink<'a>,
    stretches: usize,
    last: u8,
    questions: &'a mut [Reaching],
}

impl<const WIDTH: usize> Work for Answer<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { ink, exemplar, stretches, last, questions } = self;
        let (mut upright, mut inverted) = ([0u16; WIDTH], [0u16; WIDTH]);
        let mut known = usize::MAX;
        for question in questions {
            if question.stretch != known {
                known = question.stretch;
                (upright, inverted) = sums(ink, exemplar, last, (known, stretches));
            }
            let lanes = if question.inverted { &inverted } else { &upright };
            let mut reach = [0u8; WIDTH];
            for lane in 0..WIDTH {
                reach[lane] = (lanes[lane] >= question.least).into();
            }
            question.lanes = 0;
            for (place, eight) in reach.as_chunks::<8>().0.iter().enumerate() {
                // Gathers the lowest bits of eight bytes into one.
                let byte = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                question.lanes |= byte << (8 * place);
            }
        }
    }
}

/// For each transposition what the rows of an exemplar under one of so many stretches have in common with the fragment at
/// most: upright, and inverted.
#[inline(always)]
fn sums<const WIDTH: usize>(
    ink: &[u16; 3 * LANES],
    exemplar: Ink<'_>,
    last: u8,
    (stretch, stretches): (usize, usize),
) -> ([u16; WIDTH], [u16; WIDTH]) {
    let (mut upright, mut inverted) = ([0u16; WIDTH], [0u16; WIDTH]);
    for (&row, own) in exemplar.rows.iter().zip(exemplar.ink.iter().skip(stretch).step_by(stretches)) {
        add(&mut upright, &ink[LANES - usize::from(last - row)..], *own);
        add(&mut inverted, &ink[LANES - usize::from(row)..], *own);
    }
    (upright, inverted)
}

/// To bound `WIDTH` transpositions side by side, and find the greatest.
struct SideBySide<'a, const WIDTH: usize> {
    ink: &'a [u16; 3 * LANES],
    exemplar: Ink<'a>,
    last: u8,
    bounds: &'a mut [Most],
}

impl<const WIDTH: usize> Work for SideBySide<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { ink, exemplar, last, bounds } = self;
        let stretches = bounds.len();
        for (stretch, bound) in bounds.iter_mut().enumerate() {
            let (upright, inverted) = sums::<WIDTH>(ink, exemplar, last, (stretch, stretches));
            *bound = [upright, inverted].map(|lanes| lanes.into_iter().max().unwrap_or(0));
        }
    }
}

/// Adds what a row of the exemplar can have in common with the fragment at every transposition. A
/// sum that saturates is [`UNBOUNDED`].
#[inline(always)]
fn add<const WIDTH: usize>(lanes: &mut [u16; WIDTH], ink: &[u16], own: u16) {
    if let Some(ink) = ink.first_chunk::<WIDTH>() {
        for lane in 0..WIDTH {
            lanes[lane] = lanes[lane].saturating_add(ink[lane].min(own));
        }
    }
}
