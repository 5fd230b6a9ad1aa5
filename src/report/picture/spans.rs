//! Lit pixels of rolls that are laid on each other, in rows and columns of the fragment.

use super::{Marks, Overlay};
use crate::roll::PianoRoll;

/// Farther moves than these are drawn as these, so that no sum of them overflows.
const MAX_TRANSPOSITION: i32 = 1 << 16;
const MAX_SHIFT: i64 = 1 << 40;

/// Neighbouring pixels of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The MIDI note number, or beyond that range.
    pub row: i32,
    pub start: i64,
    pub end: i64,
    pub value: f32,
}

fn moved(roll: &PianoRoll, transposition: i32, shift: i64) -> Vec<Span> {
    let transposition = transposition.clamp(-MAX_TRANSPOSITION, MAX_TRANSPOSITION);
    let shift = shift.clamp(-MAX_SHIFT, MAX_SHIFT);
    let span = |run: &crate::roll::Run| Span {
        row: i32::from(run.pitch) + transposition,
        start: i64::from(run.start) + shift,
        end: i64::from(run.end) + shift,
        value: run.value,
    };
    roll.runs().iter().map(span).collect()
}

/// What both sets of spans light, with the product of their values. Both are in order of row and
/// start, and disjoint; so is the result.
fn common(left: &[Span], right: &[Span]) -> Vec<Span> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        let (start, end) = (a.start.max(b.start), a.end.min(b.end));
        if a.row == b.row && start < end {
            both.push(Span { row: a.row, start, end, value: a.value * b.value });
        }
        if (a.row, a.end) <= (b.row, b.end) {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}

/// A fragment and perhaps an exemplar on it, as spans.
#[derive(Debug)]
pub struct Layers {
    pub fragment: Vec<Span>,
    pub exemplar: Vec<Span>,
    pub overlap: Vec<Span>,
    /// Lowest and highest row.
    pub rows: (i32, i32),
    /// First column, and the one after the last.
    pub columns: (i64, i64),
    /// Brightness of the overlap in relation to the brightest one that the fragment can have.
    pub share: f64,
    /// Which notes are alike.
    pub marks: Option<Marks>,
}

impl Layers {
    pub fn new(roll: &PianoRoll, overlay: Option<&Overlay<'_>>) -> Self {
        let fragment = moved(roll, 0, 0);
        let exemplar = overlay.map(|it| moved(it.roll, it.transposition, it.shift)).unwrap_or_default();
        let overlap = common(&fragment, &exemplar);
        let lit = || fragment.iter().chain(&exemplar);
        // Of two dark rolls, the octave of middle C is shown.
        let rows = (lit().map(|span| span.row).min().unwrap_or(60), lit().map(|span| span.row).max().unwrap_or(71));
        let mut columns = (0, i64::from(roll.columns()).max(1));
        if let Some(it) = overlay {
            let shift = it.shift.clamp(-MAX_SHIFT, MAX_SHIFT);
            columns = (columns.0.min(shift), columns.1.max(shift + i64::from(it.roll.columns())));
        }
        let brightness: f64 = overlap.iter().map(|span| f64::from(span.value) * (span.end - span.start) as f64).sum();
        // An empty sum is -0, and printed so.
        let share = if brightness > 0.0 && roll.energy() > 0.0 { (brightness / roll.energy()).min(1.0) } else { 0.0 };
        let marks = overlay.and_then(|it| it.marks.clone());
        Self { fragment, exemplar, overlap, rows, columns, share, marks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_light_is_their_overlap() {
        let span = |row, start, end| Span { row, start, end, value: 1.0 };
        let left = [span(60, 0, 4), span(60, 6, 9), span(62, 0, 9), span(65, 0, 1)];
        let right = [span(59, 0, 9), span(60, 3, 8), span(62, 2, 3), span(62, 8, 12), span(64, 0, 9)];
        let both = [span(60, 3, 4), span(60, 6, 8), span(62, 2, 3), span(62, 8, 9)];
        assert_eq!(common(&left, &right), both);
        assert_eq!(common(&right, &left), both);
        assert_eq!(common(&left, &[]), []);
    }
}
