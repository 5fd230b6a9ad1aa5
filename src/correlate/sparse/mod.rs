//! The correlation from note starts and stops alone.
//!
//! A row of a roll is a sum of boxes, so a pair of rows correlates to a sum of trapezoids: each
//! pair of notes adds one to the overlap function of its transposition. A trapezoid's second
//! difference is four impulses, one for each pair of a start or stop of the fragment (at x, sign
//! s) with a start or stop of the exemplar (at k, sign r): it is -s r at the shift x - k. Two
//! running sums over the shifts then give B for every lag. The transpositions lie side by side in
//! memory, so the sums run over many at once in vector registers.
//!
//! The method is that of Ukkonen, Lemström and Mäkinen (2003), section 4, with three deviations:
//! impulses go into a plane instead of a sorted queue, since short fragments fill it; all times
//! are divided by their greatest common divisor g, since B is linear between multiples of g and a
//! peak lies on one; and the running sums wrap around in 16 bits where the energies prove that the
//! result fits, since B is at most min(E(X), E(K)).

mod fragment;
pub(crate) mod kernel;
pub(crate) mod outline;
mod sums;
mod sweep;

use std::cell::RefCell;

use ndarray::Array2;
use num_integer::gcd;

use self::kernel::Kernel;
use super::{Backend, Correlator, Lags, Offset, Overlap, Peak, Prepared, Processor, Search, by_transposition};
use crate::roll::PianoRoll;

/// Exact correlation from note starts and stops; the fastest for symbolic music.
#[derive(Debug, Clone, Copy)]
pub struct Sparse {
    processor: Processor,
}

impl Default for Sparse {
    /// For the best that the processor can do.
    fn default() -> Self {
        Self { processor: Processor::best() }
    }
}

impl Sparse {
    /// With code that was compiled for a processor: one of [`Processor::available`].
    pub fn on(processor: Processor) -> Self {
        Self { processor }
    }
}

/// A place where a row's brightness changes.
#[derive(Debug, Clone, Copy)]
struct Event {
    pitch: i32,
    column: u32,
    /// The change of brightness: +value at a start, -value at a stop.
    step: f32,
}

/// The starts and stops of a roll's runs, in order of pitch and time.
#[derive(Debug)]
pub(super) struct Events {
    list: Vec<Event>,
    /// The greatest common divisor of all columns, at least 1.
    grid: u32,
}

impl Events {
    pub(super) fn of(roll: &PianoRoll) -> Self {
        let mut list: Vec<Event> = Vec::with_capacity(2 * roll.runs().len());
        let mut grid = 0;
        for run in roll.runs() {
            let pitch = i32::from(run.pitch);
            grid = gcd(gcd(grid, run.start), run.end);
            match list.last_mut() {
                // A run that touches the last one is a single step.
                Some(last) if last.pitch == pitch && last.column == run.start => last.step += run.value,
                _ => list.push(Event { pitch, column: run.start, step: run.value }),
            }
            list.push(Event { pitch, column: run.end, step: -run.value });
        }
        Self { list, grid: grid.max(1) }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn grid(&self) -> u32 {
        self.grid
    }
}

/// Lanes are padded to a multiple of this, which fills vector registers of any width in use.
const LANES: usize = 16;

/// A number that the running sums are kept in.
trait Cell: Copy + Default + PartialOrd + 'static {
    /// The product of two steps, negated, times `times`.
    fn impulse(s: f32, r: f32, times: i64) -> Self;
    /// Sum, wrapping around where the type does.
    fn plus(self, other: Self) -> Self;
    fn to_f64(self) -> f64;
    fn scratch(pool: &mut Pool) -> &mut Vec<Self>;
}

macro_rules! integer_cell {
    ($type:ty, $field:ident) => {
        impl Cell for $type {
            fn impulse(s: f32, r: f32, times: i64) -> Self {
                (if (s > 0.0) == (r > 0.0) { -times } else { times }) as $type
            }
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn to_f64(self) -> f64 {
                self.into()
            }
            fn scratch(pool: &mut Pool) -> &mut Vec<Self> {
                &mut pool.$field
            }
        }
    };
}
integer_cell!(i16, narrow);
integer_cell!(i32, wide);

impl Cell for f64 {
    fn impulse(s: f32, r: f32, times: i64) -> Self {
        -f64::from(s) * f64::from(r) * times as f64
    }
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn to_f64(self) -> f64 {
        self.max(0.0)
    }
    fn scratch(pool: &mut Pool) -> &mut Vec<Self> {
        &mut pool.real
    }
}

/// Buffers that are kept between pairs.
#[derive(Default)]
struct Pool {
    narrow: Vec<i16>,
    wide: Vec<i32>,
    real: Vec<f64>,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// Which cells suffice for a pair.
enum Width {
    Narrow,
    Wide,
    Real,
}

fn width(fragment: &PianoRoll, exemplar: &PianoRoll, grid: u32) -> Width {
    if !fragment.is_binary() || !exemplar.is_binary() {
        return Width::Real;
    }
    // Cauchy and Schwarz: no lag is brighter than either picture alone.
    let brightest = fragment.energy().min(exemplar.energy()) / f64::from(grid);
    if brightest <= f64::from(i16::MAX) {
        Width::Narrow
    } else if brightest <= f64::from(i32::MAX) {
        Width::Wide
    } else {
        Width::Real
    }
}

/// The plane of impulses of one pair over a rectangle of lags, in units of `grid` columns.
struct Plane<'a, T> {
    /// Rows of `lanes` cells: first the value and the slope at the first shift, then the impulses
    /// of each shift.
    cells: &'a mut [T],
    lanes: usize,
}

impl<'a, T: Cell> Plane<'a, T> {
    /// Fills the plane. The lags' shifts are in units of `grid`; so are the events once divided.
    fn fill(buffer: &'a mut Vec<T>, x: &Events, k: &Events, lags: &Lags, grid: u32) -> Self {
        let lanes = lags.transpositions().next_multiple_of(LANES);
        let rows = lags.shifts() + 2;
        buffer.clear();
        buffer.resize(lanes * rows, T::default());
        let cells = &mut buffer[..];
        let last = lags.last - lags.first;
        for event in &k.list {
            let offset = lags.first + i64::from(event.column / grid);
            let lowest = event.pitch + lags.lowest;
            for other in &x.list {
                let lane = other.pitch - lowest;
                if lane < 0 || lane as usize >= lags.transpositions() {
                    continue;
                }
                let lane = lane as usize;
                let shift = i64::from(other.column / grid) - offset;
                let mut add = |row: usize, times: i64| {
                    let cell = &mut cells[row * lanes + lane];
                    *cell = cell.plus(T::impulse(other.step, event.step, times));
                };
                if shift < 0 {
                    // It has already begun at the first shift.
                    add(0, -shift);
                    add(1, 1);
                } else if shift <= last {
                    add(shift as usize + 2, 1);
                }
            }
        }
        Self { cells, lanes }
    }

    /// Runs both sums over the shifts and hands each row of values to `visit`, in order.
    #[inline(always)]
    fn scan(&mut self, mut visit: impl FnMut(&[T])) {
        let (values, rest) = self.cells.split_at_mut(self.lanes);
        let (slopes, impulses) = rest.split_at_mut(self.lanes);
        for row in impulses.chunks_exact(self.lanes) {
            visit(values);
            for ((value, slope), &impulse) in values.iter_mut().zip(slopes.iter_mut()).zip(row) {
                *slope = slope.plus(impulse);
                *value = value.plus(*slope);
            }
        }
    }
}

/// The greatest value of the plane, in units of the grid.
fn greatest<T: Cell>(plane: &mut Plane<'_, T>) -> T {
    let mut tops = vec![T::default(); plane.lanes];
    plane.scan(|row| {
        for (top, &value) in tops.iter_mut().zip(row) {
            *top = if value > *top { value } else { *top };
        }
    });
    tops.into_iter().fold(T::default(), |a, b| if b > a { b } else { a })
}

/// The preferred one of the brightest lags.
fn locate<T: Cell>(plane: &mut Plane<'_, T>, lags: &Lags, grid: u32) -> Peak {
    let mut best = Peak { offset: Offset::default(), brightness: -1.0 };
    let mut shift = lags.first * i64::from(grid);
    plane.scan(|row| {
        let row = &row[..lags.transpositions()];
        let top = row.iter().fold(T::default(), |a, &b| if b > a { b } else { a });
        if top.to_f64() * f64::from(grid) >= best.brightness {
            for (transposition, value) in (lags.lowest..).zip(row) {
                let brightness = value.to_f64() * f64::from(grid);
                let peak = Peak { offset: Offset { transposition, shift }, brightness };
                if peak.beats(&best) {
                    best = peak;
                }
            }
        }
        shift += i64::from(grid);
    });
    best
}

/// What is wanted of a pair.
struct Pair<'a> {
    fragment: &'a Prepared,
    exemplar: &'a Prepared,
    grid: u32,
}

impl<'a> Pair<'a> {
    /// Every lag is asked for: times may be counted in units of the common grid.
    fn on_common_grid(fragment: &'a Prepared, exemplar: &'a Prepared) -> Self {
        Self { fragment, exemplar, grid: gcd(fragment.events().grid(), exemplar.events().grid()) }
    }

    /// Lags in units of the grid that contain every breakpoint of the overlap functions.
    fn lags(&self) -> Option<Lags> {
        let lags = Search::default().lags(self.fragment.roll(), self.exemplar.roll())?;
        let grid = i64::from(self.grid);
        Some(Lags { first: lags.first.div_euclid(grid), last: lags.last.div_euclid(grid) + 1, ..lags })
    }

    fn with_plane<R>(&self, lags: &Lags, work: impl PlaneWork<R>) -> R {
        POOL.with_borrow_mut(|pool| match width(self.fragment.roll(), self.exemplar.roll(), self.grid) {
            Width::Narrow => work.run(&mut self.fill::<i16>(pool, lags)),
            Width::Wide => work.run(&mut self.fill::<i32>(pool, lags)),
            Width::Real => work.run(&mut self.fill::<f64>(pool, lags)),
        })
    }

    fn fill<'b, T: Cell>(&self, pool: &'b mut Pool, lags: &Lags) -> Plane<'b, T> {
        Plane::fill(T::scratch(pool), self.fragment.events(), self.exemplar.events(), lags, self.grid)
    }
}

/// Work on a plane of any cell type.
trait PlaneWork<R> {
    fn run<T: Cell>(self, plane: &mut Plane<'_, T>) -> R;
}

struct Brightest;
impl PlaneWork<f64> for Brightest {
    fn run<T: Cell>(self, plane: &mut Plane<'_, T>) -> f64 {
        greatest(plane).to_f64()
    }
}

struct Locate(Lags, u32);
impl PlaneWork<Peak> for Locate {
    fn run<T: Cell>(self, plane: &mut Plane<'_, T>) -> Peak {
        locate(plane, &self.0, self.1)
    }
}

struct Unfold(Lags);
impl PlaneWork<Array2<f32>> for Unfold {
    fn run<T: Cell>(self, plane: &mut Plane<'_, T>) -> Array2<f32> {
        let width = self.0.transpositions();
        let mut values = Vec::with_capacity(self.0.shifts() * width);
        plane.scan(|row| values.extend(row[..width].iter().map(|value| value.to_f64() as f32)));
        Array2::from_shape_vec((self.0.shifts(), width), values).unwrap_or_default()
    }
}

/// A plane larger than this many cells is computed in blocks instead.
const LARGEST_PLANE: usize = 1 << 24;

/// A plane with more cells than this for each pair of events is swept instead.
const CELLS_AN_IMPULSE: usize = 200;

/// Whether few events lie so far apart that sweeping them costs less than a plane.
fn is_scattered(fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> bool {
    let cells = lags.shifts().saturating_mul(lags.transpositions());
    cells / CELLS_AN_IMPULSE > fragment.events().len() * exemplar.events().len()
}

impl Correlator for Sparse {
    fn backend(&self) -> Backend {
        Backend::Sparse
    }

    fn overlap(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> Overlap {
        let pair = Pair { fragment, exemplar, grid: 1 };
        Overlap { lags: *lags, values: pair.with_plane(lags, Unfold(*lags)) }
    }

    fn peak(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> Option<Peak> {
        if search.shifts.is_none() {
            let lags = search.lags(fragment.roll(), exemplar.roll())?;
            if is_scattered(fragment, exemplar, &lags) {
                return Some(sweep::peak(fragment.events(), exemplar.events(), &lags));
            }
        }
        if search.is_exhaustive() {
            let pair = Pair::on_common_grid(fragment, exemplar);
            let lags = pair.lags()?;
            if lags.shifts() * lags.transpositions() <= LARGEST_PLANE {
                return Some(pair.with_plane(&lags, Locate(lags, pair.grid)));
            }
        }
        let lags = search.lags(fragment.roll(), exemplar.roll())?;
        let pair = Pair { fragment, exemplar, grid: 1 };
        lags.blocks(exemplar.roll().columns())
            .map(|block| pair.with_plane(&block, Locate(block, 1)))
            .reduce(|best, peak| if peak.beats(&best) { peak } else { best })
    }

    fn brightest_by_transposition(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> (i32, Vec<f64>) {
        let lags = search.lags(fragment.roll(), exemplar.roll());
        let all = Search::default().lags(fragment.roll(), exemplar.roll());
        if let (Some(lags), Some(all), None) = (lags, all, &search.shifts) {
            let mut tops = Vec::new();
            let fast = Kernel::lend(self.processor, fragment.roll(), |kernel| {
                exemplar.outline().is_some_and(|outline| kernel.brightest_by_transposition(&outline, &mut tops))
            });
            if fast {
                let wanted = tops.into_iter().skip((lags.lowest - all.lowest) as usize).take(lags.transpositions());
                return (lags.lowest, wanted.map(f64::from).collect());
            }
        }
        by_transposition(self, fragment, exemplar, search)
    }

    fn brightest_each(&self, fragment: &Prepared, exemplars: &[&Prepared], search: &Search) -> Vec<f64> {
        if !search.is_exhaustive() {
            return exemplars.iter().map(|exemplar| self.brightest(fragment, exemplar, search)).collect();
        }
        Kernel::lend(self.processor, fragment.roll(), |kernel| {
            let brightest = |exemplar: &&Prepared| {
                let fast = exemplar.outline().and_then(|outline| kernel.brightest(&outline));
                fast.map_or_else(|| self.brightest(fragment, exemplar, search), f64::from)
            };
            exemplars.iter().map(brightest).collect()
        })
    }

    fn brightest(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> f64 {
        if search.is_exhaustive() {
            let pair = Pair::on_common_grid(fragment, exemplar);
            let fits = |lags: &Lags| {
                lags.shifts() * lags.transpositions() <= LARGEST_PLANE && !is_scattered(fragment, exemplar, lags)
            };
            if let Some(lags) = pair.lags().filter(fits) {
                return pair.with_plane(&lags, Brightest) * f64::from(pair.grid);
            }
        }
        self.peak(fragment, exemplar, search).map_or(0.0, |peak| peak.brightness)
    }
}
