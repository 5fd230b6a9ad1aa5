//! The outline of a roll of zeros and ones: every change, in order of time, in four bytes each.

use num_integer::gcd;

use crate::roll::PianoRoll;

/// No pitch.
const NONE: u8 = u8::MAX;

/// A time at which something stops, starts, or moves from one pitch to another.
///
/// A note that follows another without a gap is one change, not two: in legato lines that halves
/// what the kernel has to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    column: u16,
    /// The row that starts, counted from the lowest, or none.
    on: u8,
    /// The row that stops, or none.
    off: u8,
}

impl Change {
    /// When it is.
    pub(super) fn column(self) -> u16 {
        self.column
    }
}

/// What an outline is besides its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutlineHead {
    /// How many pixels are lit.
    pub energy: u32,
    /// Width in columns.
    pub columns: u16,
    /// Rows from the lowest to the highest lit one.
    pub rows: u8,
    /// A common divisor of all columns, the greatest that fits.
    pub grid: u8,
}

/// The outline of a roll, perhaps mirrored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline<'a> {
    pub head: OutlineHead,
    pub changes: &'a [Change],
    pub inverted: bool,
    pub retrograde: bool,
}

/// A change of an outline as it is laid: rows counted downwards from the highest.
pub(super) enum Move {
    /// This row starts.
    On(u8),
    /// This row stops.
    Off(u8),
    /// The first row starts and the second stops.
    Both(u8, u8),
}

impl Outline<'_> {
    /// The changes in the order of the list, with their columns.
    #[inline(always)]
    pub(super) fn moves(&self) -> impl Iterator<Item = (u16, Move)> {
        let last = self.head.rows - 1;
        let (inverted, retrograde, columns) = (self.inverted, self.retrograde, self.head.columns);
        self.changes.iter().map(move |change| {
            let row = |row: u8| if inverted { row } else { last - row };
            let (on, off, column) = match retrograde {
                false => (change.on, change.off, change.column),
                true => (change.off, change.on, columns - change.column),
            };
            let step = match (on, off) {
                (on, NONE) => Move::On(row(on)),
                (NONE, off) => Move::Off(row(off)),
                (on, off) => Move::Both(row(on), row(off)),
            };
            (column, step)
        })
    }
}

/// Appends the changes of a roll to `changes` and gives its head; `None` (and nothing appended)
/// for a roll that is dark, not of zeros and ones, or too large for an outline.
pub(crate) fn trace(roll: &PianoRoll, changes: &mut Vec<Change>) -> Option<OutlineHead> {
    let rows = u8::try_from(roll.rows()).ok().filter(|&rows| rows > 0 && rows < NONE)?;
    let columns = u16::try_from(roll.columns()).ok()?;
    if !roll.is_binary() {
        return None;
    }
    let first = changes.len();
    let mut grid = u32::from(columns);
    for run in roll.runs() {
        let row = (run.pitch - roll.low()) as u8;
        grid = gcd(gcd(grid, run.start), run.end);
        changes.push(Change { column: run.start as u16, on: row, off: NONE });
        changes.push(Change { column: run.end as u16, on: NONE, off: row });
    }
    // At one column: what starts before what stops, each in order of row.
    changes[first..].sort_unstable_by_key(|change| (change.column, change.on, change.off));
    let kept = pair_up(&mut changes[first..]);
    changes.truncate(first + kept);
    let grid = if grid > 255 { gcd(grid, 240) } else { grid };
    Some(OutlineHead { energy: roll.energy() as u32, columns, rows, grid: grid as u8 })
}

/// Makes one change of a start and a stop at the same column, in place; gives how many are left.
fn pair_up(changes: &mut [Change]) -> usize {
    let mut kept = 0;
    let mut next = 0;
    while next < changes.len() {
        let column = changes[next].column;
        let here = changes[next..].iter().take_while(|change| change.column == column).count();
        let starts = changes[next..next + here].iter().take_while(|change| change.on != NONE).count();
        let pairs = starts.min(here - starts);
        for i in 0..here {
            let change = match i {
                i if i < pairs => Change { off: changes[next + starts + i].off, ..changes[next + i] },
                i if i < starts || i >= starts + pairs => changes[next + i],
                _ => continue,
            };
            changes[kept] = change;
            kept += 1;
        }
        next += here;
    }
    kept
}

/// The signed image of a fragment's changes: for each distinct column, +1 in the rows that start
/// there and -1 in those that stop.
pub(super) fn signed_rows(changes: &[Change]) -> impl Iterator<Item = (u16, impl Iterator<Item = (u8, bool)>)> {
    changes.chunk_by(|a, b| a.column == b.column).map(|here| {
        let ons = here.iter().map(|change| (change.on, true));
        let offs = here.iter().map(|change| (change.off, false));
        (here[0].column, ons.chain(offs).filter(|(row, _)| *row != NONE))
    })
}
