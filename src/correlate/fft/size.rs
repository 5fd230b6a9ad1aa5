//! How large a pair's pictures are padded: no larger than the wanted lags need.

use crate::correlate::Lags;
use crate::roll::PianoRoll;

/// The largest padded picture.
const LARGEST: usize = 1 << 23;

/// Lengths along pitch are one of these eighths of a power of two. Transforms of 128 points and
/// more take 0.8 to 1.2 ns a point at each of them, those of other lengths up to 3.
const PITCH_EIGHTHS: [usize; 5] = [8, 9, 10, 12, 14];

/// Lengths in time: fewer, since fragments differ in length more than in range.
const TIME_EIGHTHS: [usize; 3] = [8, 10, 12];

/// Rows and columns of a padded picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::correlate) struct Size {
    pub(in crate::correlate) rows: usize,
    pub(in crate::correlate) columns: usize,
}

impl Size {
    /// The size at which no wanted lag of a pair coincides with another lag at which its pictures
    /// meet; `None` beyond the largest. The pictures must meet at each corner of `lags`.
    ///
    /// At size n, lags a multiple of n apart coincide. Rows meet at the lags 1 - k ..= x - 1, so
    /// those from a to b are free of others when a + n >= x and b - n <= -k.
    pub(in crate::correlate) fn of(fragment: &PianoRoll, exemplar: &PianoRoll, lags: &Lags) -> Option<Self> {
        let base = i64::from(fragment.low()) - i64::from(exemplar.low());
        let free = |x: i64, k: i64, a: i64, b: i64| (x - a).max(k + b).max(x).max(k);
        let (lowest, highest) = (i64::from(lags.lowest) - base, i64::from(lags.highest) - base);
        let rows = free(fragment.rows() as i64, exemplar.rows() as i64, lowest, highest);
        let columns = free(fragment.columns().into(), exemplar.columns().into(), lags.first, lags.last);
        let rows = smooth(usize::try_from(rows).ok()?, 16, &PITCH_EIGHTHS);
        let columns = smooth(usize::try_from(columns).ok()?, 32, &TIME_EIGHTHS);
        (rows.checked_mul(columns)? <= LARGEST).then_some(Self { rows, columns })
    }

    /// Frequencies along time that a real signal needs.
    pub(super) fn frequencies(self) -> usize {
        self.columns / 2 + 1
    }
}

/// The smallest of the given eighths of powers of two that is at least `length` and `least`: few
/// lengths, so that spectra are shared by many pairs, and all of them fast.
fn smooth(length: usize, least: usize, eighths: &[usize]) -> usize {
    let length = length.max(least);
    let power = length.next_power_of_two();
    let half = power / 2;
    eighths.iter().map(|&eighths| half / 8 * eighths).find(|&padded| padded >= length).unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_lengths_are_few_and_large_enough() {
        for (least, eighths) in [(16, &PITCH_EIGHTHS[..]), (32, &TIME_EIGHTHS)] {
            let mut lengths: Vec<_> = (1..5000).map(|n| (n, smooth(n, least, eighths))).collect();
            assert!(lengths.iter().all(|&(n, padded)| padded >= n && padded >= least && padded % 2 == 0));
            lengths.dedup_by_key(|pair| pair.1);
            assert!(lengths.len() < 50);
        }
        assert_eq!(smooth(140, 16, &PITCH_EIGHTHS), 144);
        assert_eq!(smooth(153, 16, &PITCH_EIGHTHS), 160);
        assert_eq!(smooth(511, 32, &TIME_EIGHTHS), 512);
    }

    #[test]
    fn wanted_lags_alone_are_kept_apart() {
        let image = ndarray::Array2::from_elem((128, 256), 0.5);
        let roll = PianoRoll::from_image(image.view(), 0, 12).unwrap();
        let rows =
            |reach: i32| Size::of(&roll, &roll, &Lags { lowest: -reach, highest: reach, first: -255, last: 255 });
        assert_eq!(rows(12), Some(Size { rows: 144, columns: 512 }));
        assert_eq!(rows(25), Some(Size { rows: 160, columns: 512 }));
        assert_eq!(rows(127), Some(Size { rows: 256, columns: 512 }));
        let beside = Lags { lowest: 0, highest: 0, first: 0, last: 10 };
        assert_eq!(Size::of(&roll, &roll, &beside), Some(Size { rows: 128, columns: 320 }));
    }
}
