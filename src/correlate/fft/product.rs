//! The correlation of a pair from its spectra, row by row.

use rustfft::FftDirection;
use rustfft::num_complex::Complex;

use super::bounds::bounds;
use super::pool::{Pool, Precision, used, zero};
use super::size::Size;
use super::spectrum::Transform;
use crate::correlate::{Lags, Prepared};

/// Frequencies in time that are multiplied and transformed along pitch at a time: a block of them
/// stays in the first cache, and as many values fill a cache line.
const FREQUENCIES_AT_ONCE: usize = 8;

/// Values between lines beyond their length, so that equal columns of neighbouring lines do not
/// compete for one place in the cache.
const GAP: usize = 16;

/// Which transpositions are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// All of them.
    All,
    /// The most promising first, until no other can reach the brightness that is returned.
    Promising,
}

/// Two neighbouring transpositions of a pair at every shift, one in the real and one in the
/// imaginary parts, not scaled yet.
pub(super) struct Line<'a, T> {
    /// The transposition in the real parts; the other is one semitone higher.
    pub(super) transposition: i32,
    values: &'a [Complex<T>],
    lags: Lags,
    scale: f64,
    /// Whether brightness is a whole number.
    binary: bool,
}

impl<T: Precision> Line<'_, T> {
    fn brightness(&self, value: T) -> f64 {
        let value = value.as_() * self.scale;
        if self.binary { value.round().max(0.0) } else { value.max(0.0) }
    }

    /// The wanted values in the order of their shifts, as two slices, each with its first shift:
    /// shifts below 0 are at the end of the line.
    fn parts(&self) -> [(i64, &[Complex<T>]); 2] {
        let Lags { first, last, .. } = self.lags;
        let columns = self.values.len() as i64;
        let part = |first: i64, after: i64| {
            let place = |shift: i64| shift.rem_euclid(columns) as usize;
            if first < after { &self.values[place(first)..=place(after - 1)] } else { &[] }
        };
        [(first, part(first, (last + 1).min(0))), (first.max(0), part(first.max(0), last + 1))]
    }

    /// The greatest brightness of either transposition.
    pub(super) fn tops(&self) -> [f64; 2] {
        let mut tops = [zero::<T>(); 4];
        for (_, values) in self.parts() {
            let mut chunks = values.chunks_exact(tops.len());
            for chunk in &mut chunks {
                for (top, value) in tops.iter_mut().zip(chunk) {
                    *top = greater(*top, *value);
                }
            }
            for value in chunks.remainder() {
                tops[0] = greater(tops[0], *value);
            }
        }
        let top = tops.into_iter().fold(zero(), greater);
        [self.brightness(top.re), self.brightness(top.im)]
    }

    /// The brightness at each wanted shift, in order, of the real or the imaginary parts.
    pub(super) fn row(&self, imaginary: bool) -> impl Iterator<Item = (i64, f64)> {
        self.parts().into_iter().flat_map(move |(first, values)| {
            let read = move |value: &Complex<T>| if imaginary { value.im } else { value.re };
            (first..).zip(values.iter().map(move |value| self.brightness(read(value))))
        })
    }
}

fn greater<T: Precision>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    Complex::new(if b.re > a.re { b.re } else { a.re }, if b.im > a.im { b.im } else { a.im })
}

/// Correlates a pair over `lags`, at which it must meet, and hands pairs of its transpositions to
/// `visit`, which returns the brightness below which it has no interest.
pub(super) fn correlate<T: Precision>(
    fragment: &Prepared,
    exemplar: &Prepared,
    size: Size,
    lags: &Lags,
    order: Order,
    mut visit: impl FnMut(&Line<'_, T>) -> f64,
) {
    let base = i32::from(fragment.roll().low()) - i32::from(exemplar.roll().low());
    let reach = (i64::from(lags.lowest - base), i64::from(lags.highest - base));
    let binary = fragment.roll().is_binary() && exemplar.roll().is_binary();
    // Both spectra are doubled.
    let scale = 0.25 / (size.rows as f64 * size.columns as f64);
    let count = lags.transpositions();
    T::with_pool(|pool| {
        let x = fragment.spectrum::<T>(size, || Transform::of(fragment.roll(), size, pool));
        let k = exemplar.spectrum::<T>(size, || Transform::of(exemplar.roll(), size, pool));
        lines(&x, &k, size, reach.0, count.div_ceil(2), pool);
        bounds(&x, &k, reach, binary, &mut pool.bounds);
        let in_time = pool.plan(size.columns, FftDirection::Inverse);
        let Pool { lines, scratch, bounds, order: promises, .. } = pool;
        promises.clear();
        promises.extend(bounds.chunks(2).map(|pair| pair.iter().copied().fold(0.0, f64::max)).enumerate());
        if order == Order::Promising {
            promises.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        let mut floor = 0.0;
        for &(pair, promise) in promises.iter() {
            // What rounding may add to a computed value it may also add to the promise.
            if order == Order::Promising && promise * (1.0 + 1e-5) < floor {
                break;
            }
            let values = &mut lines[pair * (size.columns + GAP)..][..size.columns];
            in_time.process_with_scratch(values, scratch);
            let transposition = lags.lowest + 2 * pair as i32;
            floor = visit(&Line { transposition, values, lags: *lags, scale, binary });
        }
    });
}

/// Multiplies the spectra, transforms back along pitch, and writes the wanted rows, two by two from
/// row lag `lowest` on, as complex lines that are still to be transformed in time.
///
/// Of two real rows a and b, a + ib has the spectrum A + iB, and at the mirrored frequency, where
/// those of real signals are conjugate, conj(A) + i conj(B).
fn lines<T: Precision>(x: &Transform<T>, k: &Transform<T>, size: Size, lowest: i64, pairs: usize, pool: &mut Pool<T>) {
    let Size { rows, columns } = size;
    let half = columns / 2;
    let in_pitch = pool.plan(rows, FftDirection::Inverse);
    let Pool { block, lines, scratch, .. } = pool;
    let block = used(block, FREQUENCIES_AT_ONCE * rows);
    let lines = used(lines, pairs * (columns + GAP));
    let spectra = x.values.chunks(block.len()).zip(k.values.chunks(block.len()));
    for (step, (x, k)) in spectra.enumerate() {
        let block = &mut block[..x.len()];
        for ((product, x), k) in block.iter_mut().zip(x).zip(k) {
            *product = x * k.conj();
        }
        in_pitch.process_with_scratch(block, scratch);
        let first = step * FREQUENCIES_AT_ONCE;
        // Those that have a mirrored one.
        let inner = first.max(1)..(first + x.len() / rows).min(half);
        for (pair, line) in lines.chunks_exact_mut(columns + GAP).enumerate() {
            let row = (lowest + 2 * pair as i64).rem_euclid(rows as i64) as usize;
            let next = if row + 1 == rows { 0 } else { row + 1 };
            let (ahead, mirrored) = line[..columns].split_at_mut(half + 1);
            let a_and_b = |product: &[Complex<T>]| (product[row], product[next]);
            let mirrored = mirrored[half - inner.end..half - inner.start].iter_mut().rev();
            let products = block.chunks_exact(rows).skip(inner.start - first);
            for ((ahead, mirrored), product) in ahead[inner.clone()].iter_mut().zip(mirrored).zip(products) {
                let (a, b) = a_and_b(product);
                *ahead = Complex::new(a.re - b.im, a.im + b.re);
                *mirrored = Complex::new(a.re + b.im, b.re - a.im);
            }
            for end in [0, half] {
                // A real signal has real ends; what else is there is rounding.
                if let Some(product) = end.checked_sub(first).and_then(|place| block.chunks_exact(rows).nth(place)) {
                    let (a, b) = a_and_b(product);
                    ahead[end] = Complex::new(a.re, b.re);
                }
            }
        }
    }
}
