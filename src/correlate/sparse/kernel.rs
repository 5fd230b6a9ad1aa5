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

use std::cell::Cell;

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

/// Images and planes of more bytes than this are given back after use.
const LARGEST_KEPT: usize = 4 << 20;

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
        if !self.rows.is_empty() {
            self.rows.clear();
            self.slots.fill(UNMADE);
        }
    }

    /// Gives back memory that is seldom needed.
    fn give_back(&mut self) {
        if size_of_val(&self.plane[..]) + self.rows.capacity() * size_of::<ImageRow<T, LANES>>() > LARGEST_KEPT {
            *self = Self::new();
        }
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

/// The images of a fragment for lanes of one type, by how many transpositions there are.
struct Widths<T> {
    narrow: Images<T, 32>,
    middle: Images<T, 64>,
    wide: Images<T, 128>,
}

impl<T: Lane> Widths<T> {
    fn new() -> Self {
        Self { narrow: Images::new(), middle: Images::new(), wide: Images::new() }
    }

    fn clear(&mut self) {
        self.narrow.clear();
        self.middle.clear();
        self.wide.clear();
    }

    fn give_back(&mut self) {
        self.narrow.give_back();
        self.middle.give_back();
        self.wide.give_back();
    }

    /// The greatest brightness in units of the grid; `None` when there are too many transpositions.
    fn greatest(&mut self, processor: Processor, transpositions: usize, pair: &Pair<'_>) -> Option<u32> {
        match transpositions {
            0..=32 => Some(processor.run(Greatest(&mut self.narrow, pair))),
            33..=64 => Some(processor.run(Greatest(&mut self.middle, pair))),
            65..=128 => Some(processor.run(Greatest(&mut self.wide, pair))),
            _ => None,
        }
    }
}

/// A fragment made ready to be laid under many exemplars. It grows images as they are needed and
/// keeps its memory from one fragment to the next.
pub(crate) struct Kernel {
    fragment: Traced,
    /// The distinct times in units of a grid, rising, for the grids that occurred.
    offsets: Vec<(u16, Vec<u16>)>,
    bytes: Widths<u8>,
    words: Widths<u16>,
    processor: Processor,
}

impl Kernel {
    /// Lends the calling thread's kernel with `roll` for its fragment.
    pub(crate) fn lend<R>(processor: Processor, roll: &PianoRoll, work: impl FnOnce(&mut Self) -> R) -> R {
        thread_local! {
            static POOL: Cell<Option<Box<Kernel>>> = const { Cell::new(None) };
        }
        // Taken out, so that whoever asks again meanwhile gets another.
        let mut kernel = POOL.take().unwrap_or_else(|| Box::new(Self::new()));
        kernel.processor = processor;
        kernel.load(roll);
        let result = work(&mut kernel);
        kernel.bytes.give_back();
        kernel.words.give_back();
        POOL.set(Some(kernel));
        result
    }

    /// Without a fragment.
    fn new() -> Self {
        Self {
            fragment: Traced::default(),
            offsets: Vec::new(),
            bytes: Widths::new(),
            words: Widths::new(),
            processor: Processor::ANY,
        }
    }

    /// Takes another fragment.
    fn load(&mut self, roll: &PianoRoll) {
        let Traced { head, columns, changes, times } = &mut self.fragment;
        changes.clear();
        times.clear();
        *head = trace(roll, changes);
        *columns = head.map_or(0, |head| head.columns);
        times.extend(changes.chunk_by(|a, b| a.column() == b.column()).map(|here| here[0].column()));
        self.offsets.clear();
        self.bytes.clear();
        self.words.clear();
    }

    /// The greatest brightness over all transpositions and shifts; `None` when this pair does not
    /// fit, so that it must be computed otherwise.
    pub(crate) fn brightest(&mut self, exemplar: &Outline<'_>) -> Option<u32> {
        let head = self.fragment.head?;
        let transpositions = usize::from(head.rows) + usize::from(exemplar.head.rows) - 1;
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
        let greatest = if most <= u8::LARGEST {
            self.bytes.greatest(self.processor, transpositions, &pair)?
        } else if most <= u16::LARGEST {
            self.words.greatest(self.processor, transpositions, &pair)?
        } else {
            return None;
        };
        Some(greatest * u32::from(grid))
    }
}
