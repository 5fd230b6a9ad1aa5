//! A fragment as the kernel sees it: its outline, and that on the grids it shares with exemplars.

use super::outline::{Change, NO_ROW, OutlineHead, trace};
use crate::roll::PianoRoll;

/// A fragment's outline.
#[derive(Default)]
pub(super) struct Traced {
    pub head: Option<OutlineHead>,
    pub columns: u16,
    pub changes: Vec<Change>,
    /// The distinct columns of the changes.
    pub times: Vec<u16>,
    /// The most rows that are lit at one time.
    pub voices: u32,
}

impl Traced {
    /// Takes another fragment; memory is kept.
    pub(super) fn load(&mut self, roll: &PianoRoll) {
        let Self { head, columns, changes, times, voices } = self;
        changes.clear();
        times.clear();
        *head = trace(roll, changes);
        *columns = head.map_or(0, |head| head.columns);
        times.extend(changes.chunk_by(|a, b| a.column == b.column).map(|here| here[0].column));
        // Changes of one column are moves first, then starts alone or stops alone, so no more are counted than are lit
        // before or after all of them.
        let mut lit = 0u32;
        *voices = 0;
        for change in changes.iter() {
            lit = lit + u32::from(change.start != NO_ROW) - u32::from(change.stop != NO_ROW);
            *voices = lit.max(*voices);
        }
    }
}

/// A fragment's times on one grid.
pub(super) struct Gridded {
    pub grid: u16,
    /// To divide multiples of the grid by it: shifted by its power of two, times the inverse of the rest modulo 2^16.
    halvings: u32,
    inverse: u16,
    /// The fragment's length in units of the grid.
    pub length: u32,
    /// Its distinct times in units of the grid, rising.
    pub times: Vec<u16>,
}

impl Gridded {
    pub(super) fn new(fragment: &Traced, grid: u16) -> Self {
        let halvings = grid.trailing_zeros();
        let odd = grid >> halvings;
        // Newton's method: an odd number is its own inverse modulo 8, and each step doubles the bits.
        let inverse = (0..3).fold(odd, |x, _| x.wrapping_mul(2u16.wrapping_sub(odd.wrapping_mul(x))));
        let mut gridded = Self { grid, halvings, inverse, length: 0, times: Vec::new() };
        gridded.length = gridded.count(fragment.columns);
        gridded.times = fragment.times.iter().map(|&time| gridded.count(time) as u16).collect();
        gridded
    }

    /// A column, which is a multiple of the grid, in units of it.
    #[inline(always)]
    pub(super) fn count(&self, column: u16) -> u32 {
        (column >> self.halvings).wrapping_mul(self.inverse).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_divided_by_the_grid() {
        for grid in 1..=255 {
            let gridded = Gridded::new(&Traced::default(), grid);
            for units in 0..=u16::MAX / grid {
                assert_eq!(gridded.count(units * grid), u32::from(units));
            }
        }
    }
}
