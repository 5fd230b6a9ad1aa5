//! The brightness of two outlines at single transpositions.
//!
//! The [kernel](super::kernel) finds all transpositions at once. Where a bound leaves one or two of them, it is quicker to
//! ask for those: let S(r, x) count the lit pixels of the fragment's row r before the time x; then a note of the exemplar
//! that lies on the row from a to b covers S(r, b + t) - S(r, a + t) of it at the shift t. For neighbouring shifts these are
//! neighbouring numbers, so a note costs two loads, an addition and a subtraction for 64 shifts. (In images such a table of
//! sums is Crow's *summed-area table*, 1984; here each row has its own.) Times are on the common grid, and numbers are bytes
//! that may wrap around, as in the kernel.
//!
//! Not all shifts are looked at: to share b pixels two pictures must lie one above the other for at least b / v columns,
//! when one of them has no more than v rows lit at any time.

use super::fragment::{Gridded, Traced};
use super::outline::{NO_ROW, Outline, signed_rows};
use crate::correlate::{Processor, Work};

/// The most cells of a table; what would be larger is left to the kernel.
const LARGEST: usize = 1 << 16;

/// How many blocks of 64 shifts are as quick as the kernel, for each time of the fragment: a ratio.
const QUICK: (usize, usize) = (3, 5);

/// How many shifts are looked at side by side, and half of that.
const BLOCK: usize = 64;
const HALF: usize = BLOCK / 2;

/// The sums of a fragment's rows on one grid.
pub(super) struct Sums {
    /// Row by time, the fragment's rows from the lowest, and a dark row; empty before it is needed.
    cells: Vec<u8>,
    /// How many times before the fragment's first a row begins: no exemplar may be longer.
    margin: usize,
    /// Where rows begin: the fragment's lowest at [`LOWEST`]; all others are dark.
    begins: [u32; PLACES],
}

/// Places of rows: those of 64 rows at 64 transpositions are from 1 to 127, and [`NO_ROW`] stays out of them.
const PLACES: usize = 256;

/// The place of the fragment's lowest row.
const LOWEST: u8 = 64;

// No row stays dark, upright and inverted, at every transposition.
const _: () = assert!(LOWEST.wrapping_sub(NO_ROW) >= 128 && LOWEST + NO_ROW - MOST_ROWS >= 128);

/// Rows of a picture for which there are places.
const MOST_ROWS: u8 = 64;

/// What is to be found out.
pub(super) struct Question<'a> {
    pub fragment: &'a Traced,
    pub gridded: &'a Gridded,
    pub exemplar: &'a Outline<'a>,
    /// A bit for each transposition that is asked about; the first is that at which the fragment's lowest row meets the
    /// exemplar's highest.
    pub lanes: u64,
    /// Brightness that is less, in units of the grid, need not be told right.
    pub least: u32,
}

/// Exemplars of more changes are left to the kernel.
const MOST_CHANGES: usize = 128;

/// The changes of an exemplar: when they are, and the places of the rows that stop and start at the first transposition.
pub(super) struct Edges {
    times: [u16; MOST_CHANGES],
    stops: [u8; MOST_CHANGES],
    starts: [u8; MOST_CHANGES],
    count: usize,
}

impl Default for Edges {
    fn default() -> Self {
        Self { times: [0; MOST_CHANGES], stops: [0; MOST_CHANGES], starts: [0; MOST_CHANGES], count: 0 }
    }
}

impl Default for Sums {
    fn default() -> Self {
        Self { cells: Vec::new(), margin: 0, begins: [0; PLACES] }
    }
}

impl Sums {
    /// Forgets the fragment, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.cells.clear();
    }

    /// Tells for each lane that is asked about the greatest brightness in units of the grid (or something that is less
    /// than `least`). `tell` gives what is the least from there on. False, and nothing told, where the table would be too
    /// large or the kernel is likely to be quicker.
    #[inline(always)]
    pub(super) fn ask(
        &mut self,
        processor: Processor,
        question: &Question<'_>,
        edges: &mut Edges,
        tell: impl FnMut(usize, u32) -> u32,
    ) -> bool {
        let Question { fragment, gridded, exemplar, lanes, least } = *question;
        let fits = |rows: u8| rows + exemplar.head.rows <= MOST_ROWS + 1;
        if !fragment.head.is_some_and(|head| fits(head.rows)) || exemplar.changes.len() > MOST_CHANGES {
            return false;
        }
        let width = gridded.count(exemplar.head.columns);
        let lengths = Lengths { fragment: gridded.length, exemplar: width, voices: fragment.voices };
        let Some((_, count)) = lengths.shifts(least) else { return true };
        let blocks = lanes.count_ones() as usize * count.div_ceil(BLOCK);
        if blocks > gridded.times.len() * QUICK.0 / QUICK.1 || !self.reach(fragment, gridded, width) {
            return false;
        }
        processor.run(Ask { sums: self, question, lengths, edges, tell });
        true
    }

    /// Makes the table, if it is not there or not wide enough; false if it would be too large.
    #[inline(always)]
    fn reach(&mut self, fragment: &Traced, gridded: &Gridded, width: u32) -> bool {
        if !self.cells.is_empty() && width as usize <= self.margin {
            return true;
        }
        self.make(fragment, gridded, width)
    }

    #[cold]
    fn make(&mut self, fragment: &Traced, gridded: &Gridded, width: u32) -> bool {
        let Some(head) = fragment.head else { return false };
        let margin = (width as usize).next_power_of_two().max(64);
        let stride = gridded.length as usize + 2 * margin + BLOCK + 1;
        let rows = usize::from(head.rows);
        if stride * (rows + 1) > LARGEST {
            return false;
        }
        self.cells.clear();
        self.cells.resize(stride * (rows + 1), 0);
        self.margin = margin;
        self.begins = [(rows * stride) as u32; PLACES];
        for (row, begins) in self.begins[usize::from(LOWEST)..].iter_mut().take(rows).enumerate() {
            *begins = (row * stride) as u32;
        }
        // What each pixel adds, in the cell after it; then the sums of that.
        let mut begun = [0; 1 << 8];
        for (column, changes) in signed_rows(&fragment.changes, head.rows) {
            let time = gridded.count(column) as usize;
            for (row, starts) in changes {
                if starts {
                    begun[usize::from(row)] = time;
                } else {
                    let row_begins = usize::from(row) * stride + margin + 1;
                    self.cells[row_begins + begun[usize::from(row)]..row_begins + time].fill(1);
                }
            }
        }
        for row in self.cells.chunks_exact_mut(stride) {
            let (ramp, rest) = row[margin..].split_at_mut(gridded.length as usize + 1);
            let mut sum: u8 = 0;
            for cell in ramp {
                sum = sum.wrapping_add(*cell);
                *cell = sum;
            }
            rest.fill(sum);
        }
        true
    }
}

/// The lengths of a pair in units of the grid, and the most rows of the fragment that are lit at one time.
#[derive(Clone, Copy)]
struct Lengths {
    fragment: u32,
    exemplar: u32,
    voices: u32,
}

impl Lengths {
    /// The first shift, and how many, at which so much brightness is possible.
    #[inline(always)]
    fn shifts(self, least: u32) -> Option<(i32, usize)> {
        // So many columns must lie above each other.
        let columns = if self.voices <= 1 { least.max(1) } else { least.div_ceil(self.voices).max(1) };
        let Self { fragment, exemplar, .. } = self;
        (columns <= fragment.min(exemplar))
            .then(|| (columns as i32 - exemplar as i32, (fragment + exemplar - 2 * columns + 1) as usize))
    }
}

/// To find the greatest brightness at some transpositions.
struct Ask<'a, F> {
    sums: &'a Sums,
    question: &'a Question<'a>,
    lengths: Lengths,
    edges: &'a mut Edges,
    tell: F,
}

impl<F: FnMut(usize, u32) -> u32> Work for Ask<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { sums, question, lengths, edges, mut tell } = self;
        let Question { gridded, exemplar, mut lanes, mut least, .. } = *question;
        let Some(mut shifts) = lengths.shifts(least) else { return };
        edges.count = exemplar.changes.len();
        match (exemplar.inverted, exemplar.retrograde) {
            (false, false) => decode::<false, false>(gridded, exemplar, edges),
            (false, true) => decode::<false, true>(gridded, exemplar, edges),
            (true, false) => decode::<true, false>(gridded, exemplar, edges),
            (true, true) => decode::<true, true>(gridded, exemplar, edges),
        }
        while lanes != 0 {
            let lane = lanes.trailing_zeros();
            lanes &= lanes - 1;
            let (first, count) = shifts;
            let start = sums.margin.wrapping_add_signed(first as isize);
            let risen = tell(lane as usize, sums.brightest(edges, lane as u8, start, count).into());
            if risen > least {
                least = risen;
                let Some(fewer) = lengths.shifts(least) else { return };
                shifts = fewer;
            }
        }
    }
}

/// The changes of an exemplar in time.
#[inline(always)]
fn decode<const INVERTED: bool, const BACKWARDS: bool>(gridded: &Gridded, exemplar: &Outline<'_>, edges: &mut Edges) {
    let width = gridded.count(exemplar.head.columns) as u16;
    let last = exemplar.head.rows - 1;
    // Rows are counted downwards from the highest, which meets the fragment's lowest at first; no row becomes a place that
    // is dark at every transposition.
    let place = |down: u8| LOWEST.wrapping_sub(if INVERTED { last.wrapping_sub(down) } else { down });
    let (stops, starts) = match BACKWARDS {
        true => (&mut edges.starts, &mut edges.stops),
        false => (&mut edges.stops, &mut edges.starts),
    };
    let edges = edges.times.iter_mut().zip(stops).zip(starts);
    for (((time, stop), start), change) in edges.zip(exemplar.changes) {
        let forwards = gridded.count(change.column) as u16;
        *time = if BACKWARDS { width - forwards } else { forwards };
        (*stop, *start) = (place(change.stop), place(change.start));
    }
}

impl Sums {
    /// The greatest brightness at one transposition, at so many shifts from where a row's cells for them start. More of
    /// them may be looked at than are wanted: each has its right brightness.
    #[inline(always)]
    fn brightest(&self, edges: &Edges, lane: u8, start: usize, count: usize) -> u8 {
        let cells = self.cells.get(start..).unwrap_or_default();
        // A closure would not be compiled for the processor at hand.
        let (mut greatest, mut shift) = (0, 0);
        while shift + HALF < count {
            greatest = self.of_a_block(cells.get(shift..).unwrap_or_default(), edges, lane).max(greatest);
            shift += BLOCK;
        }
        if shift < count {
            greatest = self.of_half_a_block(cells.get(shift..).unwrap_or_default(), edges, lane).max(greatest);
        }
        greatest
    }

    // Sums are in two arrays of 32, and for half a block there is a function of its own, because of that the compiler
    // makes code that keeps them in registers, and of an array of 64 it does not.

    #[inline(always)]
    fn of_a_block(&self, cells: &[u8], edges: &Edges, lane: u8) -> u8 {
        let (mut low, mut high) = ([0; HALF], [0; HALF]);
        for ((&time, &stop), &start) in edges.times.iter().zip(&edges.stops).zip(&edges.starts).take(edges.count) {
            let (Some(stop), Some(start)) =
                (self.cells_of::<BLOCK>(cells, stop, time, lane), self.cells_of(cells, start, time, lane))
            else {
                return 0;
            };
            let ((stop_low, stop_high), (start_low, start_high)) = (halves(stop), halves(start));
            add(&mut low, stop_low, start_low);
            add(&mut high, stop_high, start_high);
        }
        for (low, high) in low.iter_mut().zip(high) {
            *low = high.max(*low);
        }
        low.into_iter().max().unwrap_or(0)
    }

    #[inline(always)]
    fn of_half_a_block(&self, cells: &[u8], edges: &Edges, lane: u8) -> u8 {
        let mut values = [0; HALF];
        for ((&time, &stop), &start) in edges.times.iter().zip(&edges.stops).zip(&edges.starts).take(edges.count) {
            let (Some(stop), Some(start)) =
                (self.cells_of(cells, stop, time, lane), self.cells_of(cells, start, time, lane))
            else {
                return 0;
            };
            add(&mut values, stop, start);
        }
        values.into_iter().max().unwrap_or(0)
    }

    /// The sums of the row at a place, seen from the time of an edge, at the shifts at hand.
    #[inline(always)]
    fn cells_of<'a, const COUNT: usize>(
        &self,
        cells: &'a [u8],
        place: u8,
        time: u16,
        lane: u8,
    ) -> Option<&'a [u8; COUNT]> {
        let first = self.begins[usize::from(place.wrapping_add(lane))] as usize + usize::from(time);
        cells.get(first..first + COUNT).and_then(|cells| cells.first_chunk())
    }
}

/// Both halves of a block.
#[inline(always)]
fn halves(block: &[u8; BLOCK]) -> (&[u8; HALF], &[u8; HALF]) {
    let (halves, _) = block.as_chunks();
    (&halves[0], &halves[1])
}

/// Adds what stops and takes away what starts.
#[inline(always)]
fn add(values: &mut [u8; HALF], stop: &[u8; HALF], start: &[u8; HALF]) {
    for shift in 0..HALF {
        values[shift] = values[shift].wrapping_add(stop[shift]).wrapping_sub(start[shift]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use crate::correlate::Processor;
    use crate::correlate::sparse::kernel::Kernel;
    use crate::correlate::sparse::outline::{Outline, trace};
    use crate::note::Fragment;
    use crate::roll::PianoRoll;

    /// Notes on a grid of sixteenths or of triplets.
    fn rolls(notes: usize, beats: u32) -> impl Strategy<Value = PianoRoll> {
        let note = (48u8..80, 0..4 * beats, 1u32..9);
        (vec(note, 1..notes), prop_oneof![Just(4.0), Just(3.0)]).prop_map(|(notes, beat)| {
            let notes: Vec<_> =
                notes.iter().map(|&(pitch, on, long)| (pitch, f64::from(on) / beat, f64::from(long) / beat)).collect();
            PianoRoll::of(&Fragment::from_quarters(&notes).unwrap(), 12)
        })
    }

    proptest! {
        #[test]
        fn some_transpositions_are_as_bright_as_among_all(
            fragment in rolls(24, 16),
            exemplar in prop_oneof![rolls(24, 12), rolls(60, 60)],
            lanes: u64,
            fewer: u64,
            share in 0.0..1.2,
            mirrors: (bool, bool),
        ) {
            let mut changes = Vec::new();
            let head = trace(&exemplar, &mut changes).unwrap();
            let outline = Outline { head, changes: &changes, inverted: mirrors.0, retrograde: mirrors.1 };
            for processor in Processor::available() {
                Kernel::lend(processor, &fragment, |kernel| {
                    let (mut all, mut some) = (Vec::new(), Vec::new());
                    prop_assert!(kernel.brightest_by_transposition(&outline, &mut all));
                    let least = (share * f64::from(all.iter().copied().max().unwrap_or(0))) as u32;
                    // Few lanes are asked about, and many.
                    for lanes in [lanes, lanes & fewer & fewer.rotate_left(7), 1 << (lanes % 64)] {
                        let wanted: Vec<_> =
                            all.iter().enumerate().map(|(lane, &top)| if lanes >> lane & 1 == 1 { top } else { 0 }).collect();
                        let greatest = wanted.iter().copied().max().unwrap_or(0);
                        let found = kernel.brightest_at(&outline, lanes, least).unwrap();
                        // Where it does not pay to ask about a few, all are found.
                        let most = all.iter().copied().max().unwrap_or(0);
                        let right = found == greatest || found == most || greatest < least && found < least;
                        prop_assert!(right, "{} {}", found, greatest);
                        prop_assert!(kernel.brightest_of_each_at(&outline, (lanes, least), &mut some));
                        for (lane, (&some, &wanted)) in some.iter().zip(&wanted).enumerate() {
                            let right = some == wanted || some == all[lane] || wanted < least && some < least;
                            prop_assert!(right, "{} {}", some, wanted);
                        }
                    }
                    Ok(())
                })?;
            }
        }
    }
}
