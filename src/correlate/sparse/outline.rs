//! The outline of a roll of zeros and ones: every change, in order of time, in four bytes each.

use num_integer::gcd;

use crate::roll::PianoRoll;

/// The most rows of a roll that has an outline.
const MOST_ROWS: u8 = 127;

/// A time at which something stops, starts, or moves from one pitch to another.
///
/// A note that follows another without a gap is one change, not two: in legato lines that halves
/// what the kernel has to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    /// When it is.
    pub(super) column: u16,
    /// The row that stops, counted downwards from the highest, or [`NO_ROW`].
    pub(super) stop: u8,
    /// The row that starts, or [`NO_ROW`].
    pub(super) start: u8,
}

/// Where none starts, or none stops.
pub(super) const NO_ROW: u8 = 128;

/// What a change is: a lone start, a lone stop, or how many rows lower what stops is than what
/// starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    /// Kinds are numbered below this.
    pub(super) const COUNT: usize = 256;
    /// Something starts.
    pub(super) const START: Self = Self(254);
    /// Something stops.
    pub(super) const STOP: Self = Self(255);

    /// What starts is so many rows lower than what stops: -126 to 126.
    fn move_by(rows: i16) -> Self {
        Self((rows + 126) as u8)
    }

    /// How many rows lower what starts is than what stops; `None` where one of them is not there.
    pub(super) fn rows(self) -> Option<i16> {
        (self != Self::START && self != Self::STOP).then(|| i16::from(self.0) - 126)
    }

    /// Its number.
    pub(super) fn index(self) -> usize {
        self.0.into()
    }

    /// What it is when start and stop change places, as in a mirror.
    pub(super) fn mirrored(self) -> Self {
        self.rows().map_or(self, |rows| Self::move_by(-rows))
    }

    /// What it is backwards.
    pub(super) fn backwards(self) -> Self {
        match self {
            Self::START => Self::STOP,
            Self::STOP => Self::START,
            moved => moved.mirrored(),
        }
    }
}

impl Change {
    /// What it is.
    #[inline(always)]
    pub(super) fn kind(self) -> Kind {
        let moved = Kind(self.start.wrapping_sub(self.stop).wrapping_add(126));
        let kind = if self.stop == NO_ROW { Kind::START } else { moved };
        if self.start == NO_ROW { Kind::STOP } else { kind }
    }

    /// The row that starts; the one that stops when none starts.
    #[inline(always)]
    pub(super) fn row(self) -> u8 {
        if self.start == NO_ROW { self.stop } else { self.start }
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

/// A run of lit pixels; the row is counted from the lowest.
#[cfg(feature = "cuda")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub row: u8,
    pub start: u16,
    pub end: u16,
}

#[cfg(feature = "cuda")]
impl Outline<'_> {
    /// The runs that were traced, mirrors left out, in order of row and time.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let mut begun = [None; 1 << 8];
        let mut spans = Vec::with_capacity(self.changes.len());
        for (column, rows) in signed_rows(self.changes, self.head.rows) {
            for (row, starts) in rows {
                let begun = &mut begun[usize::from(row)];
                match (starts, begun.take()) {
                    (true, _) => *begun = Some(column),
                    (false, Some(start)) => spans.push(Span { row, start, end: column }),
                    (false, None) => {}
                }
            }
        }
        spans.sort_unstable();
        spans
    }
}

/// Appends the changes of a roll to `changes` and gives its head; `None` (and nothing appended)
/// for a roll that is dark, not of zeros and ones, or too large for an outline.
pub(crate) fn trace(roll: &PianoRoll, changes: &mut Vec<Change>) -> Option<OutlineHead> {
    let rows = u8::try_from(roll.rows()).ok().filter(|rows| (1..=MOST_ROWS).contains(rows))?;
    let columns = u16::try_from(roll.columns()).ok()?;
    if !roll.is_binary() {
        return None;
    }
    let mut grid = u32::from(columns);
    let mut edges = Vec::with_capacity(2 * roll.runs().len());
    for run in roll.runs() {
        let row = (roll.high() - run.pitch) as u8;
        grid = gcd(gcd(grid, run.start), run.end);
        edges.push(Change { column: run.start as u16, stop: NO_ROW, start: row });
        edges.push(Change { column: run.end as u16, stop: row, start: NO_ROW });
    }
    // At one column: what stops before what starts, each in order of row.
    edges.sort_unstable_by_key(|edge| (edge.column, edge.stop == NO_ROW, edge.row()));
    for here in edges.chunk_by(|a, b| a.column == b.column) {
        let (stops, starts) = here.split_at(here.partition_point(|edge| edge.start == NO_ROW));
        let both = starts.len().min(stops.len());
        changes.extend(starts.iter().zip(stops).map(|(start, stop)| Change { stop: stop.stop, ..*start }));
        changes.extend(starts[both..].iter().chain(&stops[both..]));
    }
    let grid = if grid > 255 { gcd(grid, 240) } else { grid };
    Some(OutlineHead { energy: roll.energy() as u32, columns, rows, grid: grid as u8 })
}

/// The signed image of a fragment's changes: for each distinct column, up in the rows that start there
/// and down in those that stop; rows are counted upwards from the lowest.
pub(super) fn signed_rows(
    changes: &[Change],
    rows: u8,
) -> impl Iterator<Item = (u16, impl Iterator<Item = (u8, bool)>)> {
    changes.chunk_by(|a, b| a.column == b.column).map(move |here| {
        let lit = |row: u8| (row != NO_ROW).then_some(row);
        let starts = here.iter().filter_map(move |change| lit(change.start)).map(|row| (row, true));
        let stops = here.iter().filter_map(move |change| lit(change.stop)).map(|row| (row, false));
        (here[0].column, starts.chain(stops).map(move |(row, up)| (rows - 1 - row, up)))
    })
}

#[cfg(all(test, feature = "cuda"))]
mod tests {
    use super::*;
    use crate::note::Fragment;

    #[test]
    fn spans_are_the_runs() {
        let notes = [(60, 0.0, 1.0), (62, 1.0, 0.5), (60, 1.5, 1.0), (67, 1.0, 3.0), (60, 4.0, 1.0)];
        let roll = PianoRoll::of(&Fragment::from_quarters(&notes).unwrap(), 12);
        let mut changes = Vec::new();
        let head = trace(&roll, &mut changes).unwrap();
        let spans = Outline { head, changes: &changes, inverted: false, retrograde: false }.spans();
        let runs: Vec<_> = roll
            .runs()
            .iter()
            .map(|run| Span { row: (run.pitch - roll.low()) as u8, start: run.start as u16, end: run.end as u16 })
            .collect();
        assert_eq!(spans, runs);
    }
}
