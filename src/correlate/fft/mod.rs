//! The correlation by Fourier transform, for pictures with soft or many pixels.
//!
//! The spectrum of a roll is kept with the pitch axis innermost, so that a pair is one product of
//! spectra and one inverse along pitch, both along memory; after that each transposition is a row
//! of its own, still in frequency along time. A roll keeps its spectra, so a fragment and an
//! exemplar are transformed once for each padded size. What makes it fast:
//!
//! 1. *Small padding* (`size`). The padded size need only keep the wanted lags free of others. At 128
//!    rows each and 12 semitones up and down, 144 rows do instead of 256: what wraps around falls on
//!    lags that nobody asks for.
//! 2. *Two rows at once.* Two real rows are the real and imaginary parts of one complex line, in both
//!    directions; only the wanted rows are transformed back in time.
//! 3. *Blocks* (`product`). A few frequencies at a time are multiplied, transformed along pitch and
//!    spread over the lines of the wanted rows, so that the product is never in memory as a whole.
//! 4. *Bounds* (`bounds`). Rows come in the order of what they can reach; when none can reach what was
//!    found, the rest is left out.
//! 5. *Nothing made twice* (`pool`). Plans and buffers stay with the thread; a pair allocates nothing.
//!
//! Rolls of zeros and ones have whole-number brightness: single precision is used while its error
//! stays far below one half, double precision beyond, and the result is rounded.

mod bounds;
mod pool;
mod product;
mod size;
mod spectrum;

use ndarray::Array2;

use super::{Backend, Correlator, Lags, Offset, Overlap, Peak, Prepared, Search, Sparse};
use crate::roll::PianoRoll;
pub(super) use pool::Precision;
use product::{Order, correlate};
pub(super) use size::Size;
pub(super) use spectrum::{Spectra, Transform};

/// Exact correlation by Fourier transform; the fastest for dense pictures.
///
/// Pairs whose padded picture has more than 2^23 pixels are handed to [`Sparse`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Fft;

/// Single precision is used for rolls of zeros and ones while the root of the product of their
/// energies is below this: the error of a 2-D transform of size n is about 6e-8 log2(n) times
/// that, here at most 0.05.
const SINGLE_PRECISION_ENERGY: f64 = 32_000.0;

pub(super) fn needs_double_precision(fragment: &PianoRoll, exemplar: &PianoRoll) -> bool {
    let binary = fragment.is_binary() && exemplar.is_binary();
    binary && (fragment.energy() * exemplar.energy()).sqrt() > SINGLE_PRECISION_ENERGY
}

fn peak<T: Precision>(fragment: &Prepared, exemplar: &Prepared, size: Size, lags: &Lags) -> Peak {
    let mut best = Peak { offset: Offset::default(), brightness: -1.0 };
    correlate::<T>(fragment, exemplar, size, lags, Order::Promising, |line| {
        let rows = (line.transposition..=lags.highest).zip([false, true]).zip(line.tops());
        for ((transposition, imaginary), top) in rows {
            if top < best.brightness {
                continue;
            }
            for (shift, brightness) in line.row(imaginary) {
                let peak = Peak { offset: Offset { transposition, shift }, brightness };
                if brightness >= best.brightness && peak.beats(&best) {
                    best = peak;
                }
            }
        }
        best.brightness
    });
    best
}

/// Writes the brightness at lags at which the pictures meet to their place in a plane.
fn overlap<T: Precision>(fragment: &Prepared, exemplar: &Prepared, size: Size, lags: &Lags, plane: &mut Overlap) {
    let first = (lags.first - plane.lags.first) as usize;
    correlate::<T>(fragment, exemplar, size, lags, Order::All, |line| {
        for (transposition, imaginary) in (line.transposition..=lags.highest).zip([false, true]) {
            let mut column = plane.values.column_mut((transposition - plane.lags.lowest) as usize);
            let cells = column.iter_mut().skip(first);
            cells.zip(line.row(imaginary)).for_each(|(cell, (_, brightness))| *cell = brightness as f32);
        }
        0.0
    });
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
        let mut plane = Overlap { lags: *lags, values: Array2::zeros((lags.shifts(), lags.transpositions())) };
        // Beyond the lags at which the pictures can meet, the circular correlation shows others.
        let Some(meeting) = lags.meeting(fragment.roll(), exemplar.roll()) else {
            return plane;
        };
        match Size::of(fragment.roll(), exemplar.roll(), &meeting) {
            None => return Sparse::default().overlap(fragment, exemplar, lags),
            Some(size) if needs_double_precision(fragment.roll(), exemplar.roll()) => {
                overlap::<f64>(fragment, exemplar, size, &meeting, &mut plane);
            }
            Some(size) => overlap::<f32>(fragment, exemplar, size, &meeting, &mut plane),
        }
        plane
    }

    fn peak(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> Option<Peak> {
        let lags = search.lags(fragment.roll(), exemplar.roll())?;
        match Size::of(fragment.roll(), exemplar.roll(), &lags) {
            None => Sparse::default().peak(fragment, exemplar, search),
            Some(size) if needs_double_precision(fragment.roll(), exemplar.roll()) => {
                Some(peak::<f64>(fragment, exemplar, size, &lags))
            }
            Some(size) => Some(peak::<f32>(fragment, exemplar, size, &lags)),
        }
    }
}
