//! One file for each command.

pub mod compare;
pub mod doctor;
pub mod find;
pub mod inspect;
pub mod judge;
pub mod matrix;
pub mod render;
pub mod scan;
pub mod stream;

use crate::report::picture::{Overlay, Tone};
use crate::similarity::{AlteredExemplar, Likeness};

/// An exemplar's picture where a likeness lays it.
fn overlay<'a>(exemplar: &'a AlteredExemplar, likeness: &Likeness, name: &str, tone: Tone) -> Option<Overlay<'a>> {
    let placement = likeness.placement;
    let roll = exemplar.roll(&placement.alteration)?;
    Some(Overlay::new(name, roll, tone).placed(placement.offset.transposition, placement.offset.shift))
}
