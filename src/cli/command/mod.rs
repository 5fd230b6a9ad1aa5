//! One file for each command.

pub mod bank;
pub mod compare;
pub mod doctor;
pub mod find;
pub mod inspect;
pub mod judge;
pub mod matrix;
pub mod render;
#[cfg(feature = "audio")]
mod render_sound;
pub mod scan;
pub mod stream;

use crate::note::Fragment;
use crate::report::picture::{Marks, Overlay, Tone};
use crate::similarity::{AlteredExemplar, Comparer, Likeness};

/// An exemplar's picture where a likeness lays it, with marks on the notes that are alike.
fn marked<'a>(
    comparer: &Comparer,
    (fragment, exemplar): (&Fragment, &Fragment),
    (altered, likeness): (&'a AlteredExemplar, &Likeness),
    name: &str,
    tone: Tone,
) -> Option<Overlay<'a>> {
    let explanation = comparer.explain(fragment, exemplar, likeness);
    let marks = Marks::new(fragment, exemplar, likeness, &explanation);
    overlay(altered, likeness, name, tone).map(|overlay| overlay.marked(marks))
}

/// An exemplar's picture where a likeness lays it.
fn overlay<'a>(exemplar: &'a AlteredExemplar, likeness: &Likeness, name: &str, tone: Tone) -> Option<Overlay<'a>> {
    let placement = likeness.placement;
    let roll = exemplar.roll(&placement.alteration)?;
    Some(Overlay::new(name, roll, tone).placed(placement.offset.transposition, placement.offset.shift))
}
