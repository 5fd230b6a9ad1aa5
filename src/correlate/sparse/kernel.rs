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
//!    one to four vector operations. Four changes are added side by side, since they share the times.
//! 5. The running sums, the search for the greatest, and clearing the plane for the next pair are
//!    one pass.
//!
//! The functions are plain Rust that the compiler makes vector code of; they are compiled once for
//! every processor and once for AVX2 and AVX-512, chosen at run time ([`Processor`]).

use std::cell::Cell;

use num_integer::gcd;

use super::fragment::{Gridded, Traced};
use super::outline::{Kind, Outline, OutlineHead, signed_rows};
use super::sums::{Edges, Question, Sums};
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
    /// For each kind of change where its image begins, in rows; [`UNMADE`] before it is made.
    made: [u32; Kind::COUNT],
    /// For each way that exemplars are mirrored, and each kind of change there, where its image
    /// begins, in cells, as seen from row 0 of the exemplar; [`UNMADE`] before it is needed.
    seen: [[u32; Kind::COUNT]; 4],
    /// All zero between pairs.
    plane: Vec<PlaneRow<T, LANES>>,
    /// Of the pair at hand.
    steps: Vec<Step>,
}

/// Images are not made when all of them would take more bytes than this.
const LARGEST: usize = 256 << 20;

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
    fn new() -> Self {
        let seen = [[UNMADE; Kind::COUNT]; 4];
        Self { rows: Vec::new(), made: seen[0], seen, plane: Vec::new(), steps: Vec::new() }
    }

    /// Whether the images would take a bearable amount of memory, all of them.
    fn fit(pair: &Pair<'_>) -> bool {
        pair.gridded.times.len() * (2 * LANES + 1) * size_of::<ImageRow<T, LANES>>() <= LARGEST
    }

    /// Forgets the images, keeps the memory.
    fn clear(&mut self) {
        if !self.rows.is_empty() {
            self.rows.clear();
            self.made.fill(UNMADE);
            self.seen = [[UNMADE; Kind::COUNT]; 4];
        }
    }

    /// Gives back memory that is seldom needed.
    fn give_back(&mut self) {
        if size_of_val(&self.plane[..]) + self.rows.capacity() * size_of::<ImageRow<T, LANES>>() > LARGEST_KEPT {
            *self = Self::new();
        }
    }

    /// Where the image for a kind of change begins, in rows.
    fn image(&mut self, fragment: &Traced, kind: Kind) -> usize {
        match self.made[kind.index()] {
            UNMADE => self.make(fragment, kind),
            first => first as usize,
        }
    }

    /// Makes the image for a kind of change.
    #[cold]
    fn make(&mut self, fragment: &Traced, kind: Kind) -> usize {
        let first = self.rows.len();
        self.rows.resize(first + fragment.times.len(), ImageRow([[T::default(); LANES]; 2]));
        let rows = fragment.head.map_or(0, |head| head.rows);
        for ((_, changes), ImageRow(image)) in signed_rows(&fragment.changes, rows).zip(&mut self.rows[first..]) {
            let image = image.as_flattened_mut();
            for (row, up) in changes {
                let mut add = |cell: usize, up: bool| {
                    if let Some(cell) = image.get_mut(cell) {
                        *cell = if up { cell.plus(T::one()) } else { cell.minus(T::one()) };
                    }
                };
                let cell = LANES + usize::from(row);
                if kind == Kind::STOP {
                    add(cell, up);
                    continue;
                }
                // A start of the exemplar counts negative, for the fragment's starts.
                add(cell, !up);
                // What stops lies so many rows higher.
                if let Some(rows) = kind.rows() {
                    add(cell.wrapping_add_signed((-rows).into()), up);
                }
            }
        }
        self.made[kind.index()] = first as u32;
        first
    }

    /// Finds out where the image for a kind of change of a mirrored exemplar begins, in cells, as
    /// seen from row 0; what depends on the exemplar's height is left out.
    #[cold]
    fn see(&mut self, fragment: &Traced, kind: Kind, inverted: bool, backwards: bool) -> u32 {
        let mut as_laid = kind;
        // The row that a change is told by is the one that starts: backwards that is the other one.
        let mut up = 0;
        if backwards {
            up = kind.rows().unwrap_or(0);
            as_laid = as_laid.backwards();
        }
        if inverted {
            up = -up;
            as_laid = as_laid.mirrored();
        }
        let first = self.image(fragment, as_laid);
        let cell = (first * 2 * LANES + LANES) as u32;
        let cell = cell.wrapping_add_signed(up.into());
        self.seen[mirror(inverted, backwards)][kind.index()] = cell;
        cell
    }

    /// Finds out where the changes of the exemplar are added, and makes the images that they need.
    ///
    /// How it is mirrored is a parameter of the function, so that the compiler makes one for each way.
    #[inline(always)]
    fn find_steps<const INVERTED: bool, const BACKWARDS: bool>(&mut self, pair: &Pair<'_>) {
        let Pair { fragment, gridded, exemplar } = *pair;
        let width = gridded.count(exemplar.head.columns);
        let last = u32::from(exemplar.head.rows) - 1;
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        steps.extend(exemplar.changes.iter().map(|change| {
            let kind = change.kind();
            let mut cell = self.seen[mirror(INVERTED, BACKWARDS)][kind.index()];
            if cell == UNMADE {
                cell = self.see(fragment, kind, INVERTED, BACKWARDS);
            }
            let shift = u32::from(change.row());
            let shift = if INVERTED { last - shift } else { shift };
            let time = gridded.count(change.column);
            // Forwards the exemplar's times are taken from the row for its end.
            Step { row: if BACKWARDS { time } else { width - time }, cell: cell - shift }
        }));
        self.steps = steps;
    }

    /// For each transposition the greatest brightness of a pair in units of `grid`; the lowest comes first, in
    /// lane 0.
    #[inline(always)]
    fn greatest(&mut self, pair: &Pair<'_>) -> [T; LANES] {
        let Pair { gridded, exemplar, .. } = *pair;
        let rows = (gridded.length + gridded.count(exemplar.head.columns) + 1) as usize;
        if self.plane.len() < rows {
            self.plane.resize(rows, PlaneRow([T::default(); LANES]));
        }
        match (exemplar.inverted, exemplar.retrograde) {
            (false, false) => self.find_steps::<false, false>(pair),
            (false, true) => self.find_steps::<false, true>(pair),
            (true, false) => self.find_steps::<true, false>(pair),
            (true, true) => self.find_steps::<true, true>(pair),
        }
        let plane = &mut self.plane[..rows];
        let (quads, rest) = self.steps.as_chunks::<4>();
        for quad in quads {
            add_rows(plane, &gridded.times, &self.rows, quad);
        }
        let (twos, rest) = rest.as_chunks::<2>();
        for two in twos {
            add_rows(plane, &gridded.times, &self.rows, two);
        }
        for one in rest.as_chunks::<1>().0 {
            add_rows(plane, &gridded.times, &self.rows, one);
        }
        let mut slopes = [T::default(); LANES];
        let mut values = [T::default(); LANES];
        let mut tops = [T::default(); LANES];
        for PlaneRow(row) in plane {
            for lane in 0..LANES {
                slopes[lane] = slopes[lane].plus(row[lane]);
                values[lane] = values[lane].plus(slopes[lane]);
                tops[lane] = tops[lane].max(values[lane]);
            }
            *row = [T::default(); LANES];
        }
        tops
    }
}

/// Where a change of the exemplar is added: the row of the plane for time 0 of the fragment, and the
/// cell of the images that its row of transpositions begins with at the first time.
#[derive(Clone, Copy)]
struct Step {
    row: u32,
    cell: u32,
}

/// Adds for each step to the rows of the plane at `offsets` (rising) the rows of its image in order.
///
/// This is where the time goes, and checking every row would double it: the bounds are checked once
/// for all rows instead. Steps are added side by side, since they share the offsets.
#[inline(always)]
#[allow(unsafe_code, reason = "the innermost loop; its bounds are checked before it")]
fn add_rows<T: Lane, const LANES: usize, const STEPS: usize>(
    plane: &mut [PlaneRow<T, LANES>],
    offsets: &[u16],
    images: &[ImageRow<T, LANES>],
    steps: &[Step; STEPS],
) {
    let Some(&last) = offsets.last() else { return };
    for step in steps {
        assert!(step.row as usize + usize::from(last) < plane.len());
        assert!(step.cell as usize + (offsets.len() - 1) * 2 * LANES + LANES <= images.len() * 2 * LANES);
    }
    let plane = plane.as_mut_ptr();
    let images = images.as_ptr().cast::<T>();
    for (time, &offset) in offsets.iter().enumerate() {
        debug_assert!(offset <= last);
        for step in steps {
            // SAFETY: offsets rise, so each is at most the last, with which the row is one of the
            // plane; the cells of the last time are cells of the images; a plane and an image do not
            // overlap.
            unsafe {
                let PlaneRow(sums) = &mut *plane.add(step.row as usize + usize::from(offset));
                let addend = *images.add(step.cell as usize + time * 2 * LANES).cast::<[T; LANES]>();
                for lane in 0..LANES {
                    sums[lane] = sums[lane].plus(addend[lane]);
                }
            }
        }
    }
}

/// The place of a way to mirror in a table.
const fn mirror(inverted: bool, backwards: bool) -> usize {
    2 * inverted as usize + backwards as usize
}

/// What is computed.
struct Pair<'a> {
    fragment: &'a Traced,
    gridded: &'a Gridded,
    exemplar: &'a Outline<'a>,
}

/// No place in a table.
const UNKNOWN: u8 = u8::MAX;

/// To find the greatest brightness of a pair in units of the grid: of all, or of each transposition.
struct Greatest<'a, 'b, T, const LANES: usize>(&'a mut Images<T, LANES>, &'a Pair<'a>, &'a mut Wanted<'b>);

/// What is to be found out of a pair.
enum Wanted<'a> {
    /// The greatest brightness.
    Greatest,
    /// The greatest of each transposition, from the lowest; so many as there are places.
    Each(&'a mut [u32]),
}

impl<T: Lane, const LANES: usize> Work for Greatest<'_, '_, T, LANES> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let tops = self.0.greatest(self.1);
        if let Wanted::Each(each) = self.2 {
            each.iter_mut().zip(tops).for_each(|(each, top)| *each = top.to_u32());
        }
        tops.into_iter().max().unwrap_or_default().to_u32()
    }
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

    /// The greatest brightness in units of the grid; `None` when there are too many transpositions or times.
    fn greatest(
        &mut self,
        processor: Processor,
        transpositions: usize,
        pair: &Pair<'_>,
        wanted: &mut Wanted<'_>,
    ) -> Option<u32> {
        match transpositions {
            0..=32 if Images::<T, 32>::fit(pair) => Some(processor.run(Greatest(&mut self.narrow, pair, wanted))),
            33..=64 if Images::<T, 64>::fit(pair) => Some(processor.run(Greatest(&mut self.middle, pair, wanted))),
            65..=128 if Images::<T, 128>::fit(pair) => Some(processor.run(Greatest(&mut self.wide, pair, wanted))),
            _ => None,
        }
    }
}

/// At how many transpositions two pictures meet.
fn transpositions(fragment: &OutlineHead, exemplar: &OutlineHead) -> usize {
    usize::from(fragment.rows) + usize::from(exemplar.rows) - 1
}

/// A fragment made ready to be laid under many exemplars. It grows images as they are needed and
/// keeps its memory from one fragment to the next.
pub(crate) struct Kernel {
    fragment: Traced,
    /// For the grids that occurred.
    gridded: Vec<Gridded>,
    /// The sums of its rows on each of them, and memory for a question.
    sums: Vec<Sums>,
    edges: Box<Edges>,
    /// For each grid of an exemplar the place of the common grid among them; [`UNKNOWN`] before it
    /// occurred.
    common: [u8; 256],
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
            gridded: Vec::new(),
            sums: Vec::new(),
            edges: Box::default(),
            common: [UNKNOWN; 256],
            bytes: Widths::new(),
            words: Widths::new(),
            processor: Processor::ANY,
        }
    }

    /// Takes another fragment.
    fn load(&mut self, roll: &PianoRoll) {
        self.fragment.load(roll);
        self.gridded.clear();
        self.sums.iter_mut().for_each(Sums::clear);
        self.common.fill(UNKNOWN);
        self.bytes.clear();
        self.words.clear();
    }

    /// The greatest brightness over all transpositions and shifts; `None` when this pair does not
    /// fit, so that it must be computed otherwise.
    pub(crate) fn brightest(&mut self, exemplar: &Outline<'_>) -> Option<u32> {
        self.find(exemplar, &mut Wanted::Greatest)
    }

    /// Into `each` the greatest brightness over all shifts at each transposition, the lowest first; false when this
    /// pair does not fit.
    pub(crate) fn brightest_by_transposition(&mut self, exemplar: &Outline<'_>, each: &mut Vec<u32>) -> bool {
        let Some(head) = self.fragment.head else { return false };
        each.clear();
        each.resize(transpositions(&head, &exemplar.head), 0);
        self.find(exemplar, &mut Wanted::Each(each)).is_some()
    }

    /// The greatest brightness over all shifts at the transpositions in `lanes`, if that is `least` or more, else
    /// something that is less. Bit 0 is the transposition at which the fragment's lowest row meets the exemplar's
    /// highest. `None` when this pair does not fit.
    pub(crate) fn brightest_at(&mut self, exemplar: &Outline<'_>, lanes: u64, least: u32) -> Option<u32> {
        let mut greatest = 0;
        let grid = self.ask(exemplar, lanes, least, |_, top| {
            greatest = greatest.max(top);
            // Only more is of interest from there on.
            top + 1
        });
        grid.map(|grid| greatest * grid).or_else(|| self.brightest(exemplar))
    }

    /// The same for each transposition by itself, into `each`, the lowest first; those that are not in `lanes` are 0, or
    /// right. False when this pair does not fit.
    pub(crate) fn brightest_of_each_at(
        &mut self,
        exemplar: &Outline<'_>,
        (lanes, least): (u64, u32),
        each: &mut Vec<u32>,
    ) -> bool {
        let Some(head) = self.fragment.head else { return false };
        each.clear();
        each.resize(transpositions(&head, &exemplar.head), 0);
        let grid = self.ask(exemplar, lanes, least, |lane, top| {
            if let Some(each) = each.get_mut(lane) {
                *each = top;
            }
            0
        });
        match grid {
            Some(grid) => each.iter_mut().for_each(|top| *top *= grid),
            None => return self.brightest_by_transposition(exemplar, each),
        }
        true
    }

    /// Asks the sums for some transpositions; gives the common grid, in whose units brightness is told; nothing where that
    /// does not pay or is not possible.
    fn ask(
        &mut self,
        exemplar: &Outline<'_>,
        lanes: u64,
        least: u32,
        tell: impl FnMut(usize, u32) -> u32,
    ) -> Option<u32> {
        let (place, most) = self.place(exemplar)?;
        let gridded = &self.gridded[place];
        let grid = u32::from(gridded.grid);
        if most > u8::LARGEST * grid {
            return None;
        }
        if self.sums.len() <= place {
            self.sums.resize_with(place + 1, Sums::default);
        }
        let least = least.min(most + 1).div_ceil(grid);
        let question = Question { fragment: &self.fragment, gridded, exemplar, lanes, least };
        self.sums[place].ask(self.processor, &question, &mut self.edges, tell).then_some(grid)
    }

    /// The place of the common grid with an exemplar, and the most brightness that both can have.
    fn place(&mut self, exemplar: &Outline<'_>) -> Option<(usize, u32)> {
        let head = self.fragment.head?;
        let place = match self.common[usize::from(exemplar.head.grid)] {
            UNKNOWN => self.meet(gcd(head.grid, exemplar.head.grid), exemplar.head.grid),
            known => usize::from(known),
        };
        Some((place, head.energy.min(exemplar.head.energy)))
    }

    fn find(&mut self, exemplar: &Outline<'_>, wanted: &mut Wanted<'_>) -> Option<u32> {
        let (place, most) = self.place(exemplar)?;
        let transpositions = transpositions(&self.fragment.head?, &exemplar.head);
        let gridded = &self.gridded[place];
        let grid = u32::from(gridded.grid);
        let pair = Pair { fragment: &self.fragment, gridded, exemplar };
        let greatest = if most <= u8::LARGEST * grid {
            self.bytes.greatest(self.processor, transpositions, &pair, wanted)?
        } else if most <= u16::LARGEST * grid {
            self.words.greatest(self.processor, transpositions, &pair, wanted)?
        } else {
            return None;
        };
        if let Wanted::Each(each) = wanted {
            each.iter_mut().for_each(|top| *top *= grid);
        }
        Some(greatest * grid)
    }

    /// Takes a common grid for one of exemplars; gives its place.
    #[cold]
    fn meet(&mut self, grid: u8, of_exemplars: u8) -> usize {
        let known = self.gridded.iter().position(|gridded| gridded.grid == u16::from(grid));
        let place = known.unwrap_or_else(|| {
            self.gridded.push(Gridded::new(&self.fragment, grid.into()));
            self.gridded.len() - 1
        });
        // There are fewer divisors of a byte than places.
        self.common[usize::from(of_exemplars)] = place as u8;
        place
    }
}
