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

/// Where half of that is enough, it is done with half.
const HALF: usize = LANES / 2;

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
    fragment: Option<Fragment>,
    /// For each stretch of the exemplar that was bounded last, if it was wanted, what it may reach at each transposition,
    /// upright and inverted; so many lanes as `width` are valid.
    kept: Vec<[[u16; LANES]; 2]>,
    width: Option<Width>,
    processor: Processor,
}

/// The ink of a fragment that can be bounded.
#[derive(Debug)]
struct Fragment {
    /// By row, the lowest at cell `LANES`.
    ink: Box<[u16; 3 * LANES]>,
    rows: usize,
}

/// How many transpositions are bounded side by side.
#[derive(Debug, Clone, Copy)]
enum Width {
    Half,
    Full,
}

/// The most pixels that a fragment and an exemplar can have in common, upright and inverted.
pub(crate) type Most = [u16; 2];

/// What stands for no bound on brightness.
pub(crate) const UNBOUNDED: u16 = u16::MAX;

impl Bounder {
    /// For a fragment, and exemplars under so many stretches.
    pub(crate) fn new(roll: &PianoRoll, stretches: usize) -> Self {
        let (fragment, kept) = (Fragment::new(roll), vec![[[0; LANES]; 2]; stretches]);
        Self { fragment, kept, width: None, processor: Processor::best() }
    }

    /// Bounds those stretches of an exemplar that are wanted, and keeps what it may reach at each transposition; false, and
    /// nothing said, for a pair that cannot be bounded.
    pub(crate) fn bound(&mut self, exemplar: Ink<'_>, wanted: &[bool], bounds: &mut [Most]) -> bool {
        let Self { fragment, kept, width, processor } = self;
        let pair = fragment.as_ref().and_then(|fragment| fragment.meet(exemplar, kept.len()));
        *width = pair.as_ref().map(|&(width, _)| width);
        match pair {
            Some((Width::Half, pair)) => processor.run(Bound::<HALF> { pair, kept, wanted, bounds }),
            Some((Width::Full, pair)) => processor.run(Bound::<LANES> { pair, kept, wanted, bounds }),
            None => return false,
        }
        true
    }

    /// Answers questions about the exemplar that was bounded last, of stretches that were wanted then; false, and nothing
    /// answered, if it could not be.
    pub(crate) fn reaching_kept(&self, questions: &mut [Reaching]) -> bool {
        match self.width {
            Some(Width::Half) => self.processor.run(FromKept::<HALF> { kept: &self.kept, questions }),
            Some(Width::Full) => self.processor.run(FromKept::<LANES> { kept: &self.kept, questions }),
            None => return false,
        }
        true
    }

    /// Answers questions about any exemplar, which are best in order of stretch; false, and nothing answered, for a pair
    /// that cannot be bounded.
    pub(crate) fn reaching(&self, exemplar: Ink<'_>, questions: &mut [Reaching]) -> bool {
        match self.fragment.as_ref().and_then(|fragment| fragment.meet(exemplar, self.kept.len())) {
            Some((Width::Half, pair)) => self.processor.run(Answer::<HALF> { pair, questions }),
            Some((Width::Full, pair)) => self.processor.run(Answer::<LANES> { pair, questions }),
            None => return false,
        }
        true
    }
}

impl Fragment {
    fn new(roll: &PianoRoll) -> Option<Self> {
        if !roll.is_binary() || roll.rows() > LANES || roll.is_dark() {
            return None;
        }
        let mut ink = Box::new([0u16; 3 * LANES]);
        for run in roll.runs() {
            let cell = &mut ink[LANES + (run.pitch - roll.low()) as usize];
            *cell = u16::try_from(u32::from(*cell) + run.columns()).ok()?;
        }
        Some(Self { ink, rows: roll.rows() })
    }

    /// What is needed to bound a pair, if it can be.
    fn meet<'a>(&'a self, exemplar: Ink<'a>, stretches: usize) -> Option<(Width, Pair<'a>)> {
        let &last = exemplar.rows.last()?;
        let transpositions = self.rows + usize::from(last);
        if transpositions > LANES {
            return None;
        }
        let width = if transpositions <= HALF { Width::Half } else { Width::Full };
        Some((width, Pair { ink: &self.ink, exemplar, last, stretches }))
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

impl Reaching {
    /// Answers it by what is possible at each transposition.
    #[inline(always)]
    fn answer<const WIDTH: usize>(&mut self, lanes: &[u16; WIDTH]) {
        let mut reach = [0u8; WIDTH];
        for lane in 0..WIDTH {
            reach[lane] = (lanes[lane] >= self.least).into();
        }
        self.lanes = 0;
        for (place, eight) in reach.as_chunks::<8>().0.iter().enumerate() {
            // Gathers the lowest bits of eight bytes into one.
            let byte = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            self.lanes |= byte << (8 * place);
        }
    }
}

/// A fragment and an exemplar.
struct Pair<'a> {
    ink: &'a [u16; 3 * LANES],
    exemplar: Ink<'a>,
    last: u8,
    stretches: usize,
}

impl Pair<'_> {
    /// For each transposition what the rows of the exemplar under a stretch have in common with the fragment at most. A
    /// sum that saturates is [`UNBOUNDED`].
    #[inline(always)]
    fn sums<const WIDTH: usize, const INVERTED: bool>(&self, stretch: usize) -> [u16; WIDTH] {
        let Self { ink, exemplar, last, stretches } = self;
        let mut lanes = [0u16; WIDTH];
        for (&row, &own) in exemplar.rows.iter().zip(exemplar.ink.iter().skip(stretch).step_by(*stretches)) {
            let row = if INVERTED { row } else { last - row };
            if let Some(ink) = ink[LANES - usize::from(row)..].first_chunk::<WIDTH>() {
                for lane in 0..WIDTH {
                    lanes[lane] = lanes[lane].saturating_add(ink[lane].min(own));
                }
            }
        }
        lanes
    }
}

/// To bound `WIDTH` transpositions side by side, and find the greatest.
struct Bound<'a, const WIDTH: usize> {
    pair: Pair<'a>,
    kept: &'a mut [[[u16; LANES]; 2]],
    wanted: &'a [bool],
    bounds: &'a mut [Most],
}

impl<const WIDTH: usize> Work for Bound<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { pair, kept, wanted, bounds } = self;
        for (stretch, ([upright, inverted], bound)) in kept.iter_mut().zip(bounds).enumerate() {
            if !wanted[stretch] {
                continue;
            }
            let lanes = pair.sums::<WIDTH, false>(stretch);
            upright[..WIDTH].copy_from_slice(&lanes);
            bound[0] = lanes.into_iter().max().unwrap_or(0);
            let lanes = pair.sums::<WIDTH, true>(stretch);
            inverted[..WIDTH].copy_from_slice(&lanes);
            bound[1] = lanes.into_iter().max().unwrap_or(0);
        }
    }
}

/// To answer questions about the exemplar that was bounded last.
struct FromKept<'a, const WIDTH: usize> {
    kept: &'a [[[u16; LANES]; 2]],
    questions: &'a mut [Reaching],
}

impl<const WIDTH: usize> Work for FromKept<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for question in self.questions {
            if let Some(lanes) = self.kept[question.stretch][usize::from(question.inverted)].first_chunk::<WIDTH>() {
                question.answer(lanes);
            }
        }
    }
}

/// To answer questions about any exemplar.
struct Answer<'a, const WIDTH: usize> {
    pair: Pair<'a>,
    questions: &'a mut [Reaching],
}

impl<const WIDTH: usize> Work for Answer<'_, WIDTH> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (mut upright, mut inverted) = ([0u16; WIDTH], [0u16; WIDTH]);
        // The stretches that these are of.
        let mut known = [usize::MAX; 2];
        for question in self.questions {
            if question.inverted {
                if known[1] != question.stretch {
                    known[1] = question.stretch;
                    inverted = self.pair.sums::<WIDTH, true>(question.stretch);
                }
                question.answer(&inverted);
            } else {
                if known[0] != question.stretch {
                    known[0] = question.stretch;
                    upright = self.pair.sums::<WIDTH, false>(question.stretch);
                }
                question.answer(&upright);
            }
        }
    }
}
