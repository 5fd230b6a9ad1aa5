//! The brightest overlap of two outlines, in bytes.
//!
//! As in the general method each pair of changes adds to the second difference of the overlap
//! functions, and two running sums give them. What makes it fast (all of it exact):
//!
//! 1. Times are counted in units of g, the greatest common divisor of all times of the pair.
//!    Between multiples of g overlap is linear, so the peak lies on one; brightness is g times the
//!    result.
//! 2. The sums may wrap around: they are right modulo 2^8 (2^16), and the greatest brightness is at
//!    most min(E(X), E(K)) / g, so bytes suffice for most pairs.
//! 3. A change of the exemplar at one row meets all changes of the fragment at one time in a single
//!    addition: the fragment's signed image at that time, shifted to be seen from that row. A move
//!    from one row to another is a single addition too, of the difference of two shifted images,
//!    which is made once for each interval.
//! 4. A row of the plane is as wide as all transpositions (32, 64 or 128 lanes), so an addition is
//!    one to four vector operations.
//! 5. The running sums, the search for the greatest, and clearing the plane for the next pair are
//!    one pass.
//!
//! The functions are plain Rust that the compiler makes vector code of; they are compiled once for
//! every processor and once for AVX2 and AVX-512, chosen at run time ([`Processor`]).

use num_integer::gcd;

use super::outline::{Move, Outline, OutlineHead, signed_rows, trace};
use crate::correlate::{Processor, Work};
use crate::roll::PianoRoll;

/// A number that wraps around.
trait Lane: Copy + Default + Ord + 'static {
    const LARGEST: u32;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn one() -> Self;
    fn to_u32(self) -> u32;
}

macro_rules! lane {
    ($type:ty) => {
        impl Lane for $type {
            const LARGEST: u32 = <$type>::MAX as u32;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            fn one() -> Self {
                1
            }
            fn to_u32(self) -> u32 {
                self.into()
            }
        }
    };
}
lane!(u8);
lane!(u16);

/// The images of a fragment for lanes of one type and count, made when first asked for.
///
/// An image is a row of 2 `LANES` cells for each distinct time of the fragment; the fragment's
/// lowest row lies at cell `LANES`, so that any shift of less than `LANES` can be read from it.
struct Images<T, const LANES: usize> {
    rows: Vec<ImageRow<T, LANES>>,
    /// For each slot where its image begins, in rows; [`UNMADE`] before it is made.
    slots: Vec<u32>,
    /// All zero between pairs.
    plane: Vec<PlaneRow<T, LANES>>,
}

const UNMADE: u32 = u32::MAX;

/// Aligned so that no addend of 32 bytes lies across two cache lines.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct ImageRow<T, const LANES: usize>([[T; LANES]; 2]);

/// Aligned so that no sum of 32 bytes lies across two cache lines.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct PlaneRow<T, const LANES: usize>([T; LANES]);

impl<T: Lane, const LANES: usize> Images<T, LANES> {
    /// Slots 1 to 2 `LANES` - 1 are intervals, with `LANES` for none; the others are lone changes.
    const ON: usize = 0;
    const OFF: usize = 2 * LANES;

    fn new() -> Self {
        Self { rows: Vec::new(), slots: vec![UNMADE; 2 * LANES + 1], plane: Vec::new() }
    }

    /// Forgets the images, keeps the memory.
    fn clear(&mut self) {
        self.rows.clear();
        self.slots.fill(UNMADE);
    }

    /// Makes the image of a slot.
    #[cold]
    fn make(&mut self, fragment: &Traced, slot: usize) -> usize {
        let first = self.rows.len();
        self.rows.resize(first + fragment.times.len(), ImageRow([[T::default(); LANES]; 2]));
        for ((_, changes), ImageRow(image)) in signed_rows(&fragment.changes).zip(&mut self.rows[first..]) {
            let image = image.as_flattened_mut();
            for (row, on) in changes {
                let mut add = |cell: usize, up: bool| {
                    if let Some(cell) = image.get_mut(cell) {
                        *cell = if up { cell.plus(T::one()) } else { cell.minus(T::one()) };
                    }
                };
                let cell = LANES + usize::from(row);
                if slot == Self::OFF {
                    add(cell, on);
                    continue;
                }
                // A start of the exemplar counts negative, for the fragment's starts.
                add(cell, !on);
                if slot != Self::ON {
                    // What stops is read `slot - LANES` cells further on.
                    add((cell + LANES).wrapping_sub(slot), on);
                }
            }
        }
        self.slots[slot] = first as u32;
        first
    }

    /// The greatest brightness of a pair in units of `grid`.
    #[inline(always)]
    fn greatest(&mut self, pair: &Pair<'_>) -> T {
        let Pair { fragment, offsets, exemplar, grid } = *pair;
        let width = exemplar.head.columns / grid;
        let rows = usize::from(fragment.columns / grid) + usize::from(width) + 1;
        if self.plane.len() < rows {
            self.plane.resize(rows, PlaneRow([T::default(); LANES]));
        }
        // Column by grid, rounded down, without dividing: exact for 16 bits.
        let reciprocal = u64::from(u32::MAX) / u64::from(grid) + 1;
        let in_grid = |column: u16| ((u64::from(column) * reciprocal) >> 32) as usize;
        for (column, step) in exemplar.moves() {
            // Rows are counted downwards from the exemplar's highest: that is the shift.
            let (slot, shift) = match step {
                Move::On(row) => (Self::ON, row),
                Move::Off(row) => (Self::OFF, row),
                Move::Both(on, off) => (LANES + usize::from(on) - usize::from(off), on),
            };
            let mut first = self.slots[slot];
            if first == UNMADE {
                first = self.make(fragment, slot) as u32;
            }
            let start = usize::from(width) - in_grid(column);
            add_rows(&mut self.plane[start..rows], offsets, &self.rows[first as usize..], LANES - usize::from(shift));
        }
        let mut slopes = [T::default(); LANES];
        let mut values = [T::default(); LANES];
        let mut tops = [T::default(); LANES];
        for PlaneRow(row) in &mut self.plane[..rows] {
            for lane in 0..LANES {
                slopes[lane] = slopes[lane].plus(row[lane]);
                values[lane] = values[lane].plus(slopes[lane]);
                tops[lane] = tops[lane].max(values[lane]);
            }
            *row = [T::default(); LANES];
        }
        tops.into_iter().max().unwrap_or_default()
    }
}

/// Adds to the rows of the plane at `offsets` (rising) the image rows in order, each from cell
/// `from` on.
///
/// This is where the time goes, and checking every row would double it: both bounds are checked
/// once for all rows instead.
#[inline(always)]
#[allow(unsafe_code, reason = "the innermost loop; its bounds are checked before it")]
fn add_rows<T: Lane, const LANES: usize>(
    plane: &mut [PlaneRow<T, LANES>],
    offsets: &[u16],
    images: &[ImageRow<T, LANES>],
    from: usize,
) {
    let Some(&last) = offsets.last() else { return };
    assert!(usize::from(last) < plane.len() && images.len() >= offsets.len() && from <= LANES);
    let plane = plane.as_mut_ptr();
    let mut image = images.as_ptr().cast::<T>().wrapping_add(from);
    let mut add = |offset: u16| {
        debug_assert!(offset <= last);
        // SAFETY: offsets rise, so each is at most the last, which is a row of the plane; there are
        // as many image rows as offsets, and `LANES` cells from cell `from` lie within one; a plane
        // and an image do not overlap.
        unsafe {
            let PlaneRow(sums) = &mut *plane.add(usize::from(offset));
            let addend = *image.cast::<[T; LANES]>();
            for lane in 0..LANES {
                sums[lane] = sums[lane].plus(addend[lane]);
            }
            image = image.wrapping_add(2 * LANES);
        }
    };
    let (quads, rest) = offsets.as_chunks::<4>();
    for quad in quads {
        quad.iter().for_each(|&offset| add(offset));
    }
    rest.iter().for_each(|&offset| add(offset));
}

/// What is computed.
struct Pair<'a> {
    fragment: &'a Traced,
    /// The fragment's distinct times in units of the grid.
    offsets: &'a [u16],
    exemplar: &'a Outline<'a>,
    grid: u16,
}

/// To find the greatest brightness of a pair in units of the grid.
struct Greatest<'a, T, const LANES: usize>(&'a mut Images<T, LANES>, &'a Pair<'a>);

impl<T: Lane, const LANES: usize> Work for Greatest<'_, T, LANES> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        self.0.greatest(self.1).to_u32()
    }
}

/// A fragment's outline.
#[derive(Default)]
struct Traced {
    head: Option<OutlineHead>,
    columns: u16,
    changes: Vec<super::outline::Change>,
    /// The distinct columns of the changes.
    times: Vec<u16>,
}

/// A fragment made ready to be laid under many exemplars. It grows images as they are needed and
/// keeps its memory from one fragment to the next.
pub(crate) struct Kernel {
    fragment: Traced,
    /// The distinct times in units of a grid, rising, for the grids that occurred.
    offsets: Vec<(u16, Vec<u16>)>,
    bytes: (Images<u8, 32>, Images<u8, 64>, Images<u8, 128>),
    words: (Images<u16, 32>, Images<u16, 64>, Images<u16, 128>),
    processor: Processor,
}

impl Kernel {
    /// Without a fragment.
    pub(crate) fn new(processor: Processor) -> Self {
        Self {
            fragment: Traced::default(),
            offsets: Vec::new(),
            bytes: (Images::new(), Images::new(), Images::new()),
            words: (Images::new(), Images::new(), Images::new()),
            processor,
        }
    }

    /// Takes another fragment; whether it has an outline.
    pub(crate) fn load(&mut self, roll: &PianoRoll) -> bool {
        let Traced { head, columns, changes, times } = &mut self.fragment;
        changes.clear();
        times.clear();
        *head = trace(roll, changes);
        *columns = head.map_or(0, |head| head.columns);
        times.extend(changes.chunk_by(|a, b| a.column() == b.column()).map(|here| here[0].column()));
        self.offsets.clear();
        self.bytes.0.clear();
        self.bytes.1.clear();
        self.bytes.2.clear();
        self.words.0.clear();
        self.words.1.clear();
        self.words.2.clear();
        head.is_some()
    }

    /// The greatest brightness over all transpositions and shifts; `None` when this pair does not
    /// fit, so that it must be computed otherwise.
    pub(crate) fn brightest(&mut self, exemplar: &Outline<'_>) -> Option<u32> {
        let head = self.fragment.head?;
        let lanes = usize::from(head.rows) + usize::from(exemplar.head.rows) - 1;
        let grid = gcd(u16::from(head.grid), u16::from(exemplar.head.grid));
        let most = head.energy.min(exemplar.head.energy) / u32::from(grid);
        let index = match self.offsets.iter().position(|(known, _)| *known == grid) {
            Some(index) => index,
            None => {
                self.offsets.push((grid, self.fragment.times.iter().map(|time| time / grid).collect()));
                self.offsets.len() - 1
            }
        };
        let pair = Pair { fragment: &self.fragment, offsets: &self.offsets[index].1, exemplar, grid };
        let processor = self.processor;
        let top = match (most <= u8::LARGEST, lanes) {
            _ if most > u16::LARGEST => return None,
            (true, ..=32) => processor.run(Greatest(&mut self.bytes.0, &pair)),
            (true, ..=64) => processor.run(Greatest(&mut self.bytes.1, &pair)),
            (true, ..=128) => processor.run(Greatest(&mut self.bytes.2, &pair)),
            (false, ..=32) => processor.run(Greatest(&mut self.words.0, &pair)),
            (false, ..=64) => processor.run(Greatest(&mut self.words.1, &pair)),
            (false, ..=128) => processor.run(Greatest(&mut self.words.2, &pair)),
            _ => return None,
        };
        Some(top * u32::from(grid))
    }
}
