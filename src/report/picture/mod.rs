//! Pictures of piano rolls, matches, scans and evaluations.
//!
//! Each picture is laid out once, as a [`Drawing`]: a list of rectangles, lines and texts. A
//! drawing is written as an SVG ([`Drawing::svg`]) or as a PNG ([`Drawing::png`]). For a shell
//! there is [`terminal`], which draws the same rolls with characters.
//!
//! | picture | shows |
//! |---|---|
//! | [`RollPicture`] | a roll, perhaps with another one laid on it |
//! | [`MatchPicture`] | a verdict: the fragment with its best good and its best bad match |
//! | [`SoundPicture`], [`CurvePicture`] | what is told of each moment of a recording |
//! | [`ScanPicture`] | a piece with its likeness to good and bad exemplars along time |
//! | [`EvaluationPicture`] | how like the exemplars of a bank are to each other |
//!
//! The more two rolls coincide, the brighter the picture: what is in one of them alone is muted.
//!
//! ```
//! use judge::report::picture::{Overlay, RollPicture, Tone};
//! use judge::{Fragment, PianoRoll};
//!
//! let fragment = PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 2.0)])?, 12);
//! let exemplar = PianoRoll::of(&Fragment::from_quarters(&[(57, 0.0, 2.0), (61, 2.0, 1.0)])?, 12);
//! let overlay = Overlay::new("good/third.mid", &exemplar, Tone::Good).placed(3, -12);
//! let picture = RollPicture { overlay: Some(overlay), ..RollPicture::new("a third", &fragment) };
//! assert!(picture.drawing().svg().starts_with("<svg"));
//! # Ok::<(), judge::Error>(())
//! ```

mod axes;
mod canvas;
mod evaluation;
mod glyphs;
mod marks;
mod panel;
mod png;
mod roll;
mod scan;
mod sound;
mod spans;
mod svg;
mod terminal;
mod theme;
mod verdict;

pub use canvas::{Anchor, Area, Colour, Drawing, Line, Pixels, Shape, Text};
pub use evaluation::{EvaluationPicture, Spread};
pub use marks::Marks;
pub use png::{MAX_PNG_HEIGHT, MAX_PNG_WIDTH};
pub use roll::RollPicture;
pub use scan::{Mark, ScanPicture};
pub use sound::{CurvePicture, MarkedNote, Rows, SoundPicture};
pub use terminal::terminal;
pub use verdict::{MatchPanel, MatchPicture, judged};

use crate::bank::Label;
use crate::note::Fragment;
use crate::roll::PianoRoll;
use crate::similarity::{AlteredExemplar, Comparer, Likeness};
use crate::verdict::Verdict;

/// What an exemplar stands for, and a verdict says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Worth resembling.
    Good,
    /// To be avoided.
    Bad,
    /// Neither.
    Neutral,
}

impl From<Label> for Tone {
    fn from(label: Label) -> Self {
        match label {
            Label::Good => Self::Good,
            Label::Bad => Self::Bad,
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Good,
            Verdict::Bad => Self::Bad,
            Verdict::Neutral => Self::Neutral,
        }
    }
}

impl Tone {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Neutral => "neutral",
        }
    }
}

/// A roll laid on another one.
#[derive(Debug, Clone)]
pub struct Overlay<'a> {
    /// What to call it, as in "good/ode-to-joy.mid".
    pub name: String,
    /// The exemplar's picture, already stretched and mirrored, at the fragment's resolution.
    pub roll: &'a PianoRoll,
    /// Semitones that it is moved upwards by.
    pub transposition: i32,
    /// Column of the fragment at which its first column lies; may be negative.
    pub shift: i64,
    /// What it stands for.
    pub tone: Tone,
    /// Which notes are alike, if that is known.
    pub marks: Option<Marks>,
}

impl<'a> Overlay<'a> {
    /// A roll that is not moved.
    pub fn new(name: impl Into<String>, roll: &'a PianoRoll, tone: Tone) -> Self {
        Self { name: name.into(), roll, transposition: 0, shift: 0, tone, marks: None }
    }

    /// An exemplar where a likeness lays it; `None` when it was not drawn under that alteration.
    pub fn laid(exemplar: &'a AlteredExemplar, likeness: &Likeness, name: &str, tone: Tone) -> Option<Self> {
        let placement = likeness.placement;
        let roll = exemplar.roll(&placement.alteration)?;
        Some(Self::new(name, roll, tone).placed(placement.offset.transposition, placement.offset.shift))
    }

    /// The same with marks on the notes that are alike, of a fragment and an exemplar that the likeness was told of.
    #[must_use]
    pub fn explained(self, comparer: &Comparer, fragment: &Fragment, exemplar: &Fragment, likeness: &Likeness) -> Self {
        let explanation = comparer.explain(fragment, exemplar, likeness);
        self.marked(Marks::new(fragment, exemplar, likeness, &explanation))
    }

    /// The same roll `transposition` semitones higher and from column `shift` on.
    #[must_use]
    pub fn placed(self, transposition: i32, shift: i64) -> Self {
        Self { transposition, shift, ..self }
    }

    /// The same with marks on the notes that are alike.
    #[must_use]
    pub fn marked(self, marks: Marks) -> Self {
        Self { marks: Some(marks), ..self }
    }
}

#[cfg(test)]
mod tests;
