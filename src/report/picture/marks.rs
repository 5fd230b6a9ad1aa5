//! Which notes are alike, drawn on the rolls.

use super::Tone;
use super::axes::{PitchAxis, TimeAxis};
use super::canvas::{Area, Drawing};
use super::theme::{self, ink};
use crate::note::Fragment;
use crate::similarity::{Explanation, Likeness};

/// Rows lower than this have no room for marks.
const LOWEST_ROW: f64 = 4.0;
/// More notes than this are not marked one by one.
const MOST: usize = 2000;

/// A place on the picture: quarters from the fragment's first column, and the row.
type Place = (f64, i32);

/// Which notes of a fragment and of the exemplar on it are alike.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Marks {
    /// Where notes of the fragment begin, and where those of the exemplar do that they match but do not lie on.
    pub moved: Vec<(Place, Place)>,
    /// Where notes of the exemplar begin that the fragment lacks.
    pub missing: Vec<Place>,
    /// Where notes of the fragment begin that the exemplar lacks.
    pub added: Vec<Place>,
    /// Where the time from one matched note to the next is another, from and to.
    pub stretched: Vec<(f64, f64)>,
}

impl Marks {
    /// The marks of an [explained](crate::similarity::Comparer::explain) likeness.
    pub fn new(fragment: &Fragment, exemplar: &Fragment, likeness: &Likeness, explanation: &Explanation) -> Self {
        if fragment.notes().len() + exemplar.notes().len() > MOST {
            return Self::default();
        }
        let alteration = likeness.placement.alteration;
        let axis = exemplar.notes().first().map_or(0, |note| i32::from(note.pitch));
        let ours = |index: usize| {
            let note = &fragment.notes()[index];
            (fragment.to_quarters(note.onset), i32::from(note.pitch))
        };
        let theirs = |index: usize| {
            let note = &exemplar.notes()[index];
            let onset = if alteration.retrograde { exemplar.ticks() - note.end() } else { note.onset };
            let pitch = i32::from(note.pitch);
            let pitch = if alteration.inverted { 2 * axis - pitch } else { pitch };
            let onset = exemplar.to_quarters(onset) * alteration.stretch.as_f64() + likeness.shift;
            (onset, pitch + likeness.placement.offset.transposition)
        };
        // What lies on each other is seen as it is.
        let apart = |(one, other): &(Place, Place)| one.1 != other.1 || (one.0 - other.0).abs() > 0.15;
        Self {
            moved: explanation.matched.iter().map(|&(one, other)| (ours(one), theirs(other))).filter(apart).collect(),
            missing: explanation.missing.iter().map(|&index| theirs(index)).collect(),
            added: explanation.added.iter().map(|&index| ours(index)).collect(),
            stretched: explanation.stretched.iter().map(|it| (it.at, it.at + it.quarters)).collect(),
        }
    }

    pub(super) fn draw(&self, drawing: &mut Drawing, time: &TimeAxis, pitch: &PitchAxis, tone: Tone) {
        let ink = ink(tone);
        for &(from, to) in &self.stretched {
            let (left, right) = (time.quarter(from), time.quarter(to));
            let y = pitch.top + 4.0;
            drawing.line(vec![(left, y), (right, y)], theme::QUIET_TEXT, 1.0, Some(2.0));
            for x in [left, right] {
                drawing.line(vec![(x, y - 3.0), (x, y + 3.0)], theme::QUIET_TEXT, 1.0, None);
            }
        }
        if pitch.row < LOWEST_ROW {
            return;
        }
        // In the middle of the row, a little after the note's beginning.
        let at = |(quarter, row): Place, after: f64| (time.quarter(quarter) + after, pitch.y(row) + pitch.row / 2.0);
        let size = (pitch.row / 4.0).clamp(1.5, 3.0);
        for &(one, other) in &self.moved {
            let (from, to) = (at(other, size), at(one, size));
            drawing.line(vec![from, to], ink.overlap, 1.5, None);
            let dot = |(x, y): (f64, f64)| Area::between(x - size, y - size, x + size, y + size);
            drawing.pane(dot(to), size, ink.overlap, 1.0);
            drawing.pane(dot(from), size, ink.rim, 1.0);
        }
        for (places, is_added) in [(&self.added, true), (&self.missing, false)] {
            for &place in places {
                let (x, y) = at(place, size + 2.0);
                let colour = if is_added { theme::TEXT } else { ink.rim };
                drawing.line(vec![(x - size, y), (x + size, y)], colour, 1.5, None);
                if is_added {
                    drawing.line(vec![(x, y - size), (x, y + size)], colour, 1.5, None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::similarity::Comparer;

    #[test]
    fn what_lies_elsewhere_is_linked() {
        let tune = [(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 1.0), (60, 3.0, 1.0), (67, 4.0, 2.0)];
        let varied = [(65, 0.0, 1.0), (67, 1.0, 0.5), (70, 1.5, 0.5), (69, 2.0, 1.0), (65, 3.0, 1.0), (72, 4.5, 2.0)];
        let [tune, varied] = [&tune[..], &varied[..]].map(|notes| Fragment::from_quarters(notes).unwrap());
        let comparer = Comparer::default();
        let likeness = comparer.likeness(&varied, &tune).unwrap();
        let marks = Marks::new(&varied, &tune, &likeness, &comparer.explain(&varied, &tune, &likeness));
        assert_eq!(marks.moved, [((4.5, 72), (4.0, 72))]);
        assert_eq!(marks.added, [(1.5, 70)]);
        assert!(marks.missing.is_empty());
        assert_eq!(marks.stretched, [(3.0, 4.5)]);
    }
}
