//! The correlation by Fourier transform, for pictures with soft or many pixels.
//!
//! Rows are transformed with realfft, transposed, and columns with rustfft; the spectrum stays in
//! the transposed layout, the pitch axis innermost. A pair is one product of spectra and an inverse
//! along the pitch axis; after that each transposition is a row of its own, and only those rows are
//! transformed back in time whose transposition can hold the peak. A roll keeps its spectra, so an
//! exemplar is transformed once for each padded size.
//!
//! Rolls of zeros and ones have whole-number brightness: single precision is used while its error
//! stays far below one half, double precision beyond, and the result is rounded.

use std::sync::Arc;

use ndarray::Array2;
use realfft::{RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::num_traits::{AsPrimitive, Float};
use rustfft::{FftDirection, FftNum, FftPlanner};

use super::{Backend, Correlator, Lags, Offset, Overlap, Peak, Prepared, Search, Sparse};
use crate::roll::PianoRoll;

/// Exact correlation by Fourier transform; the fastest for dense pictures.
///
/// Pairs whose padded picture has more than 2^26 pixels are handed to [`Sparse`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Fft;

/// The largest padded picture.
const LARGEST: usize = 1 << 26;

/// Single precision is used for rolls of zeros and ones while the root of the product of their
/// energies is below this: the error of a 2-D transform of size n is about 6e-8 log2(n) times
/// that, here at most 0.05.
const SINGLE_PRECISION_ENERGY: f64 = 32_000.0;

/// Rows and columns of the padded picture in which no two lags of a pair wrap onto each other;
/// `None` beyond the largest.
pub(super) fn padded_size(fragment: &PianoRoll, exemplar: &PianoRoll) -> Option<(usize, usize)> {
    let rows = smooth(fragment.rows() + exemplar.rows(), 8);
    let columns = smooth((u64::from(fragment.columns()) + u64::from(exemplar.columns())) as usize, 32);
    (rows.checked_mul(columns)? <= LARGEST).then_some((rows, columns))
}

/// The smallest of `unit` x 2^a x {1, 1.5} that is at least `length`: few sizes, so that spectra
/// are shared by many pairs, and all of them fast.
fn smooth(length: usize, unit: usize) -> usize {
    let power = length.max(unit).next_power_of_two();
    if power / 4 * 3 >= length.max(unit) { power / 4 * 3 } else { power }
}

/// The spectrum of a padded roll: frequency in time by frequency in pitch, the pitch axis innermost.
#[derive(Debug)]
pub(super) struct Transform<T> {
    values: Vec<Complex<T>>,
}

/// The spectra that a roll keeps, by padded size.
#[derive(Debug, Default)]
pub(super) struct Spectra {
    single: Slots<Transform<f32>>,
    double: Slots<Transform<f64>>,
}

type Slots<S> = Vec<((usize, usize), Arc<S>)>;

/// A spectrum of some precision, and where a roll keeps it.
pub(super) trait Spectrum: Sized {
    fn slots(spectra: &mut Spectra) -> &mut Slots<Self>;
}

impl Spectrum for Transform<f32> {
    fn slots(spectra: &mut Spectra) -> &mut Slots<Self> {
        &mut spectra.single
    }
}

impl Spectrum for Transform<f64> {
    fn slots(spectra: &mut Spectra) -> &mut Slots<Self> {
        &mut spectra.double
    }
}

/// A precision to compute in.
pub(super) trait Precision: FftNum + Float + AsPrimitive<f64> {
    fn of(value: f32) -> Self;
}

impl Precision for f32 {
    fn of(value: f32) -> Self {
        value
    }
}

impl Precision for f64 {
    fn of(value: f32) -> Self {
        value.into()
    }
}

impl<T: Precision> Transform<T> {
    fn of(roll: &PianoRoll, (rows, columns): (usize, usize)) -> Self {
        let forward: Arc<dyn RealToComplex<T>> = RealFftPlanner::new().plan_fft_forward(columns);
        let half = columns / 2 + 1;
        let mut by_row = vec![Complex::new(T::zero(), T::zero()); rows * half];
        let mut pixels = forward.make_input_vec();
        let mut scratch = forward.make_scratch_vec();
        for runs in roll.runs().chunk_by(|a, b| a.pitch == b.pitch) {
            pixels.fill(T::zero());
            for run in runs {
                pixels[run.start as usize..run.end as usize].fill(T::of(run.value));
            }
            let row = (runs[0].pitch - roll.low()) as usize;
            let spectrum = &mut by_row[row * half..][..half];
            // The lengths fit by construction, which is all that can fail.
            let _ = forward.process_with_scratch(&mut pixels, spectrum, &mut scratch);
        }
        let mut values = by_row.clone();
        transpose::transpose(&by_row, &mut values, half, rows);
        FftPlanner::new().plan_fft(rows, FftDirection::Forward).process(&mut values);
        Self { values }
    }
}

/// The pitch-lag rows of a pair, still in frequency along time.
struct Product<T> {
    /// Frequency in time by lag in pitch.
    values: Vec<Complex<T>>,
    size: (usize, usize),
    /// Whether brightness is a whole number.
    binary: bool,
    /// The transposition of pitch lag 0.
    base: i32,
}

impl<T: Precision> Product<T>
where
    Transform<T>: Spectrum,
{
    fn of(fragment: &Prepared, exemplar: &Prepared, size: (usize, usize)) -> Self {
        let spectrum = |roll: &Prepared| roll.spectrum(size, || Transform::<T>::of(roll.roll(), size));
        let (x, k) = (spectrum(fragment), spectrum(exemplar));
        let mut values: Vec<_> = x.values.iter().zip(&k.values).map(|(x, k)| x * k.conj()).collect();
        FftPlanner::new().plan_fft(size.0, FftDirection::Inverse).process(&mut values);
        Self {
            values,
            size,
            binary: fragment.roll().is_binary() && exemplar.roll().is_binary(),
            base: i32::from(fragment.roll().low()) - i32::from(exemplar.roll().low()),
        }
    }

    /// Hands the brightness of each wanted transposition, at the shifts of `lags`, to `visit`
    /// until it returns false.
    fn rows(&self, lags: &Lags, transpositions: &[i32], mut visit: impl FnMut(i32, &[f64]) -> bool) {
        let (rows, columns) = self.size;
        let inverse = RealFftPlanner::<T>::new().plan_fft_inverse(columns);
        let mut spectrum = inverse.make_input_vec();
        let mut line = inverse.make_output_vec();
        let mut scratch = inverse.make_scratch_vec();
        let scale = 1.0 / (rows as f64 * columns as f64);
        let mut brightness = Vec::with_capacity(lags.shifts());
        for &transposition in transpositions {
            let row = (transposition - self.base).rem_euclid(rows as i32) as usize;
            for (value, &product) in spectrum.iter_mut().zip(self.values[row..].iter().step_by(rows)) {
                *value = product;
            }
            // A real signal has real ends; what is there is rounding.
            if let [first, .., last] = &mut spectrum[..] {
                (first.im, last.im) = (T::zero(), T::zero());
            }
            let _ = inverse.process_with_scratch(&mut spectrum, &mut line, &mut scratch);
            brightness.clear();
            brightness.extend((lags.first..=lags.last).map(|shift| {
                let value = line[shift.rem_euclid(columns as i64) as usize].as_() * scale;
                if self.binary { value.round().max(0.0) } else { value.max(0.0) }
            }));
            if !visit(transposition, &brightness) {
                return;
            }
        }
    }
}

/// For each transposition of `lags` the most that any shift of it can reach, the greatest first.
///
/// Row by row, Cauchy and Schwarz: the product of two rows is at most the root of the product of
/// their energies, and for ink of zeros and ones at most the lesser of the two.
fn bounds(fragment: &PianoRoll, exemplar: &PianoRoll, lags: &Lags) -> Vec<(i32, f64)> {
    let energies = |roll: &PianoRoll| {
        let mut rows = vec![0.0; roll.rows()];
        for run in roll.runs() {
            let value = f64::from(run.value);
            rows[(run.pitch - roll.low()) as usize] += value * value * f64::from(run.columns());
        }
        rows
    };
    let (x, k) = (energies(fragment), energies(exemplar));
    let binary = fragment.is_binary() && exemplar.is_binary();
    let mut bounds: Vec<_> = (lags.lowest..=lags.highest)
        .map(|transposition| {
            // Row i of the fragment meets row i - first of the exemplar.
            let first = i32::from(exemplar.low()) + transposition - i32::from(fragment.low());
            let pairs = k.iter().enumerate().filter_map(|(row, &k)| {
                usize::try_from(first + row as i32).ok().and_then(|row| x.get(row)).map(|&x| (x, k))
            });
            (transposition, pairs.map(|(x, k)| if binary { x.min(k) } else { (x * k).sqrt() }).sum())
        })
        .collect();
    bounds.sort_by(|a: &(i32, f64), b| b.1.total_cmp(&a.1).then(a.0.abs().cmp(&b.0.abs())));
    bounds
}

fn needs_double_precision(fragment: &PianoRoll, exemplar: &PianoRoll) -> bool {
    let binary = fragment.is_binary() && exemplar.is_binary();
    binary && (fragment.energy() * exemplar.energy()).sqrt() > SINGLE_PRECISION_ENERGY
}

fn peak<T: Precision>(fragment: &Prepared, exemplar: &Prepared, size: (usize, usize), lags: &Lags) -> Peak
where
    Transform<T>: Spectrum,
{
    let product = Product::<T>::of(fragment, exemplar, size);
    let bounds = bounds(fragment.roll(), exemplar.roll(), lags);
    let transpositions: Vec<i32> = bounds.iter().map(|&(transposition, _)| transposition).collect();
    let mut best = Peak { offset: Offset::default(), brightness: -1.0 };
    let mut left = bounds.iter();
    product.rows(lags, &transpositions, |transposition, row| {
        // What rounding may add to a computed value it may also add to the bound.
        let bound = left.next().map_or(0.0, |&(_, bound)| bound * (1.0 + 1e-5));
        if bound < best.brightness {
            return false;
        }
        for (shift, &brightness) in (lags.first..).zip(row) {
            let peak = Peak { offset: Offset { transposition, shift }, brightness };
            if brightness >= best.brightness && peak.beats(&best) {
                best = peak;
            }
        }
        true
    });
    best
}

fn overlap<T: Precision>(fragment: &Prepared, exemplar: &Prepared, size: (usize, usize), lags: &Lags) -> Overlap
where
    Transform<T>: Spectrum,
{
    let mut values = Array2::zeros((lags.shifts(), lags.transpositions()));
    // Beyond the lags at which the pictures can meet, the circular correlation shows others.
    let Some(meeting) = lags.meeting(fragment.roll(), exemplar.roll()) else {
        return Overlap { lags: *lags, values };
    };
    let product = Product::<T>::of(fragment, exemplar, size);
    let transpositions: Vec<i32> = (meeting.lowest..=meeting.highest).collect();
    let first = (meeting.first - lags.first) as usize;
    product.rows(&meeting, &transpositions, |transposition, row| {
        let mut column = values.column_mut((transposition - lags.lowest) as usize);
        column.iter_mut().skip(first).zip(row).for_each(|(value, &brightness)| *value = brightness as f32);
        true
    });
    Overlap { lags: *lags, values }
}

impl Correlator for Fft {
    fn backend(&self) -> Backend {
        Backend::Fft
    }

    fn overlap(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> Overlap {
        let needed = lags.shifts() as i64 + i64::from(exemplar.roll().columns());
        if needed * 2 < i64::from(fragment.roll().columns()) {
            // A block of a long piece: only the columns that these lags touch.
            let start = lags.first.max(0);
            let slice = Prepared::new(fragment.roll().slice(start as u32, (lags.first + needed).max(0) as u32));
            let moved = Lags { first: lags.first - start, last: lags.last - start, ..*lags };
            return Overlap { lags: *lags, values: self.overlap(&slice, exemplar, &moved).values };
        }
        match padded_size(fragment.roll(), exemplar.roll()) {
            None => Sparse::default().overlap(fragment, exemplar, lags),
            Some(size) if needs_double_precision(fragment.roll(), exemplar.roll()) => {
                overlap::<f64>(fragment, exemplar, size, lags)
            }
            Some(size) => overlap::<f32>(fragment, exemplar, size, lags),
        }
    }

    fn peak(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> Option<Peak> {
        let lags = search.lags(fragment.roll(), exemplar.roll())?;
        match padded_size(fragment.roll(), exemplar.roll()) {
            None => Sparse::default().peak(fragment, exemplar, search),
            Some(size) if needs_double_precision(fragment.roll(), exemplar.roll()) => {
                Some(peak::<f64>(fragment, exemplar, size, &lags))
            }
            Some(size) => Some(peak::<f32>(fragment, exemplar, size, &lags)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_lengths_are_few_and_large_enough() {
        let mut lengths: Vec<_> = (1..5000).map(|n| (n, smooth(n, 32))).collect();
        assert!(lengths.iter().all(|&(n, padded)| padded >= n && padded % 2 == 0));
        lengths.dedup_by_key(|pair| pair.1);
        assert!(lengths.len() < 20);
    }
}
