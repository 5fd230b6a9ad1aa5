//! A small readable notation for short pieces, one file a piece.
//!
//! ```text
//! # a comment
//! title: Ode to Joy
//! composer: Ludwig van Beethoven
//! source: Symphony No. 9 in D minor, op. 125 (1824), IV
//! licence: public domain
//! meter: 4/4
//! tempo: 120
//! voice: F#4:1 F#4 G4 A4 | A4 G4 F#4 E4 | D4 D4 E4 F#4
//!        | F#4:3/2 E4:1/2 E4:2
//! ```
//!
//! A line is `name: text`; lines that begin with a space continue the one before; lines whose
//! first sign is `#` and empty lines are skipped.
//!
//! | line | holds | if absent |
//! |---|---|---|
//! | `title`, `composer`, `source`, `licence`, `comment` | any text, once each | nothing |
//! | `meter` | `3/4`; several, as `5/4 6/4`, take turns bar by bar | 4/4 |
//! | `tempo` | quarters a minute, 4 to 1000 | 120 |
//! | `voice` | the notes of one voice; once for each voice | an error |
//!
//! | in a voice | means |
//! |---|---|
//! | `F#4:3/2` | a note: letter, accidentals (`#` `##` `b` `bb`), octave (C4 is MIDI note 60), length |
//! | `[C4 E4 G4]:2` | a chord |
//! | `r:1` | a rest |
//! | `~:1` | holds the note or chord before for longer: a tie |
//! | <code>&#124;</code> | a bar line |
//!
//! - The octave and the accidentals are written at every note, for nothing is easier to get wrong
//!   than an octave carried on from the bar before; there is no key signature.
//! - A length is in quarters, as `2`, `1.5` or `1/3`, and holds until the next one. It must be a
//!   whole number of the [`TICKS_PER_QUARTER`] parts of a quarter.
//! - Bar lines are checked. The first bar may be short (an anacrusis, which is put at the end of
//!   its bar) and so may the last; each other one must be full. All voices have the same bars.

mod parse;

pub use parse::parse;

use crate::error::{Error, Origin, Result};
use crate::note::{Fragment, Note, TICKS_PER_QUARTER};

/// How many beats of which note value fill a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Meter {
    beats: u8,
    unit: u8,
}

impl Meter {
    /// A meter of `beats` (1 to 255) notes a bar, each one `unit`-th (1, 2, 4 … 128) of a whole note.
    ///
    /// # Errors
    /// [`Error::Option`] for numbers that are no meter.
    pub fn new(beats: u8, unit: u8) -> Result<Self> {
        if beats == 0 || !unit.is_power_of_two() {
            return Err(Self::refused(&format!("{beats}/{unit}")));
        }
        Ok(Self { beats, unit })
    }

    fn refused(text: &str) -> Error {
        Error::Option {
            name: "meter",
            value: text.into(),
            expected: "a meter such as 3/4, with a power of two below the line",
        }
    }

    /// Notes a bar.
    pub const fn beats(self) -> u8 {
        self.beats
    }

    /// Which part of a whole note each beat is: 4 for a quarter.
    pub const fn unit(self) -> u8 {
        self.unit
    }

    /// The length of a bar, in ticks of which [`TICKS_PER_QUARTER`] make a quarter.
    pub const fn ticks(self) -> u64 {
        // A whole note is a multiple of 128 ticks, so nothing is lost.
        self.beats as u64 * (4 * TICKS_PER_QUARTER as u64 / self.unit as u64)
    }
}

impl Default for Meter {
    /// 4/4.
    fn default() -> Self {
        Self { beats: 4, unit: 4 }
    }
}

impl std::str::FromStr for Meter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (beats, unit) = text.split_once('/').ok_or_else(|| Self::refused(text))?;
        match (beats.trim().parse(), unit.trim().parse()) {
            (Ok(beats), Ok(unit)) => Self::new(beats, unit),
            _ => Err(Self::refused(text)),
        }
    }
}

impl std::fmt::Display for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.beats, self.unit)
    }
}

/// A short piece as it is written: who made it, how it is counted, and its voices.
///
/// Times are in ticks of which [`TICKS_PER_QUARTER`] make a quarter, from the beginning of the
/// first bar, which is a full one: before an anacrusis there is silence.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// What it is called.
    pub title: Option<String>,
    /// Who wrote it.
    pub composer: Option<String>,
    /// Work, number, movement and bars; or where a tune is from.
    pub source: Option<String>,
    /// Who may do what with it.
    pub licence: Option<String>,
    /// Anything else.
    pub comment: Option<String>,
    /// The meters, which take turns bar by bar. Never empty.
    pub meters: Vec<Meter>,
    /// Quarters a minute.
    pub tempo: f64,
    /// The lengths of the bars as they are written: the first and the last may be short.
    pub bars: Vec<u64>,
    /// The notes of each voice, of which a voice may have none. Voices differ in track and channel.
    pub voices: Vec<Vec<Note>>,
}

impl Score {
    /// The notes of all voices. Its [`lead`](Fragment::lead) is what lies before the first note.
    ///
    /// ```
    /// let text = "meter: 3/4\nvoice: G4:1 | C5:1/2 D5 E5:2 |\nvoice: r:1 | C3:3 |";
    /// let score = judge::notation::parse(text)?;
    /// let fragment = score.fragment()?;
    /// assert_eq!(fragment.quarters(), 4.0);
    /// assert_eq!(fragment.to_quarters(fragment.lead()), 2.0);
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Silent`] when the voices have only rests; [`Error::Malformed`] when a note ends
    /// after [`MAX_QUARTERS`](crate::note::MAX_QUARTERS).
    pub fn fragment(&self) -> Result<Fragment> {
        Fragment::new(self.voices.concat(), TICKS_PER_QUARTER)
    }

    /// The meter of a bar, counted from 0; an anacrusis counts as a bar.
    pub fn meter(&self, bar: usize) -> Meter {
        self.meters.get(bar % self.meters.len().max(1)).copied().unwrap_or_default()
    }

    /// Where each meter begins, in ticks from the beginning of the first bar: one entry unless
    /// the meter changes.
    pub fn meter_changes(&self) -> Vec<(u64, Meter)> {
        let mut changes: Vec<(u64, Meter)> = Vec::new();
        let mut start = 0;
        for bar in 0..self.bars.len().max(1) {
            let meter = self.meter(bar);
            if changes.last().is_none_or(|&(_, last)| last != meter) {
                changes.push((start, meter));
            }
            start += meter.ticks();
        }
        changes
    }

    /// Whether the first bar is an anacrusis: short, and followed by others.
    pub fn has_anacrusis(&self) -> bool {
        self.bars.len() > 1 && self.bars[0] < self.meter(0).ticks()
    }

    /// How many bars there are, without the anacrusis.
    pub fn bar_count(&self) -> usize {
        self.bars.len() - usize::from(self.has_anacrusis())
    }
}

/// A place in a text, for messages: line and column, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn error(self, problem: impl std::fmt::Display) -> Error {
        let Self { line, column } = self;
        Error::Malformed { origin: Origin::Memory, problem: format!("line {line}, column {column}: {problem}") }
    }
}

#[cfg(test)]
mod tests;
