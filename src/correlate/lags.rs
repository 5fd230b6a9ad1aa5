//! Where an exemplar may be laid, and how bright it is there.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use ndarray::Array2;

use crate::roll::PianoRoll;

/// Overlap planes are computed at most this many cells at a time, which bounds their memory.
const BLOCK_CELLS: i64 = 1 << 22;

/// Where a picture is laid on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Offset {
    /// Semitones upwards.
    pub transposition: i32,
    /// Columns rightwards.
    pub shift: i64,
}

impl Offset {
    /// The offset that wins a tie first: smallest absolute transposition, smallest absolute shift,
    /// upwards, later.
    pub fn cmp_preference(&self, other: &Self) -> Ordering {
        let key = |o: &Self| (o.transposition.unsigned_abs(), o.shift.unsigned_abs(), -o.transposition, -o.shift);
        key(self).cmp(&key(other))
    }
}

/// The brightest lag of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Where the exemplar lies.
    pub offset: Offset,
    /// Sum of the products of the pixels that meet there.
    pub brightness: f64,
}

impl Peak {
    /// Whether this one is brighter, or as bright and preferred.
    pub fn beats(&self, other: &Self) -> bool {
        match self.brightness.total_cmp(&other.brightness) {
            Ordering::Equal => self.offset.cmp_preference(&other.offset).is_lt(),
            order => order.is_gt(),
        }
    }
}

/// Which offsets are searched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Semitones; `None` searches every transposition at which the pitch ranges overlap.
    pub transpositions: Option<RangeInclusive<i32>>,
    /// Columns; `None` searches every shift at which the spans overlap.
    pub shifts: Option<RangeInclusive<i64>>,
}

impl Search {
    /// The lags of this search at which the two pictures can meet; `None` when there are none.
    pub fn lags(&self, fragment: &PianoRoll, exemplar: &PianoRoll) -> Option<Lags> {
        let (lowest, highest) = self.transpositions.clone().map_or((i32::MIN, i32::MAX), RangeInclusive::into_inner);
        let (first, last) = self.shifts.clone().map_or((i64::MIN, i64::MAX), RangeInclusive::into_inner);
        Lags { lowest, highest, first, last }.meeting(fragment, exemplar)
    }

    /// Whether no offset is left out.
    pub fn is_exhaustive(&self) -> bool {
        self.transpositions.is_none() && self.shifts.is_none()
    }
}

/// A rectangle of offsets, bounds included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lags {
    /// The lowest transposition, in semitones.
    pub lowest: i32,
    /// The highest transposition.
    pub highest: i32,
    /// The first shift, in columns.
    pub first: i64,
    /// The last shift.
    pub last: i64,
}

impl Lags {
    /// One offset alone.
    pub fn at(offset: Offset) -> Self {
        let Offset { transposition, shift } = offset;
        Self { lowest: transposition, highest: transposition, first: shift, last: shift }
    }

    /// How many transpositions.
    pub fn transpositions(&self) -> usize {
        (self.highest - self.lowest + 1) as usize
    }

    /// How many shifts.
    pub fn shifts(&self) -> usize {
        (self.last - self.first + 1) as usize
    }

    /// Those of these lags at which the two pictures can meet; `None` when there are none.
    pub fn meeting(&self, fragment: &PianoRoll, exemplar: &PianoRoll) -> Option<Self> {
        if fragment.is_dark() || exemplar.is_dark() {
            return None;
        }
        let meeting = Self {
            lowest: self.lowest.max(i32::from(fragment.low()) - i32::from(exemplar.high())),
            highest: self.highest.min(i32::from(fragment.high()) - i32::from(exemplar.low())),
            first: self.first.max(1 - i64::from(exemplar.columns())),
            last: self.last.min(i64::from(fragment.columns()) - 1),
        };
        (meeting.lowest <= meeting.highest && meeting.first <= meeting.last).then_some(meeting)
    }

    /// Cuts the shifts into blocks of a few million cells at most, but none shorter than
    /// `exemplar_columns`, since each block costs about that much extra.
    pub fn blocks(&self, exemplar_columns: u32) -> impl Iterator<Item = Self> + use<> {
        let whole = *self;
        let length = (BLOCK_CELLS / self.transpositions() as i64).max(i64::from(exemplar_columns)).max(1);
        (0..)
            .map(move |block| whole.first + block * length)
            .take_while(move |&first| first <= whole.last)
            .map(move |first| Self { first, last: (first + length - 1).min(whole.last), ..whole })
    }
}

/// The brightness at every lag of a rectangle.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlap {
    /// Which lags.
    pub lags: Lags,
    /// Brightness, shift by transposition: row i is shift `lags.first + i`, column j is
    /// transposition `lags.lowest + j`. Whole numbers are exact below 2^24.
    pub values: Array2<f32>,
}

impl Overlap {
    /// The brightest lag, ties as in [`Correlator::peak`](super::Correlator::peak).
    pub fn peak(&self) -> Peak {
        let mut best = Peak { offset: Offset::default(), brightness: -1.0 };
        for (shift, row) in (self.lags.first..).zip(self.values.outer_iter()) {
            let top = f64::from(row.iter().copied().fold(0.0, f32::max));
            if top < best.brightness {
                continue;
            }
            for (transposition, &value) in (self.lags.lowest..).zip(row.iter()) {
                let peak = Peak { offset: Offset { transposition, shift }, brightness: f64::from(value) };
                if peak.beats(&best) {
                    best = peak;
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_prefer_the_smallest_move() {
        let peak = |transposition, shift, brightness| Peak { offset: Offset { transposition, shift }, brightness };
        assert!(peak(5, 5, 2.0).beats(&peak(0, 0, 1.0)));
        assert!(peak(0, 9, 1.0).beats(&peak(-1, 0, 1.0)));
        assert!(peak(1, -2, 1.0).beats(&peak(-1, 3, 1.0)));
        assert!(peak(1, 2, 1.0).beats(&peak(-1, 2, 1.0)));
        assert!(peak(1, 2, 1.0).beats(&peak(1, -2, 1.0)));
        assert!(!peak(1, 2, 1.0).beats(&peak(1, 2, 1.0)));
    }

    #[test]
    fn blocks_cover_every_shift_once() {
        let lags = Lags { lowest: -60, highest: 60, first: -70_000, last: 90_000 };
        let blocks: Vec<_> = lags.blocks(10).collect();
        assert!(blocks.len() > 1);
        assert_eq!(blocks.first().map(|b| b.first), Some(-70_000));
        assert_eq!(blocks.last().map(|b| b.last), Some(90_000));
        assert!(blocks.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
    }
}
