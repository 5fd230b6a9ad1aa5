//! The written definition. Slow on purpose: nothing here is clever.

use ndarray::Array2;

use super::{Backend, Correlator, Lags, Overlap, Prepared};
use crate::roll::PianoRoll;

/// The definition of brightness, computed pixel by pixel from the images: what every other
/// correlator is held to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Reference {
    /// B(d, t) of one lag: the sum over all pixels of X\[p, c\] K\[p - d, c - t\].
    pub fn brightness(fragment: &PianoRoll, exemplar: &PianoRoll, transposition: i32, shift: i64) -> f64 {
        brightness(&Image::of(fragment), &Image::of(exemplar), transposition, shift)
    }
}

/// An unpacked roll that is dark outside its bounds.
struct Image {
    pixels: Array2<f32>,
    low: i32,
}

impl Image {
    fn of(roll: &PianoRoll) -> Self {
        Self { pixels: roll.image(), low: i32::from(roll.low()) }
    }

    fn at(&self, pitch: i32, column: i64) -> f32 {
        let row = usize::try_from(pitch - self.low);
        let column = usize::try_from(column);
        row.ok().zip(column.ok()).and_then(|index| self.pixels.get(index)).copied().unwrap_or(0.0)
    }
}

fn brightness(fragment: &Image, exemplar: &Image, transposition: i32, shift: i64) -> f64 {
    let mut sum = 0.0;
    for ((row, column), &pixel) in fragment.pixels.indexed_iter() {
        let pitch = fragment.low + row as i32;
        sum += f64::from(pixel) * f64::from(exemplar.at(pitch - transposition, column as i64 - shift));
    }
    sum
}

impl Correlator for Reference {
    fn backend(&self) -> Backend {
        Backend::Reference
    }

    fn overlap(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> Overlap {
        let (fragment, exemplar) = (Image::of(fragment.roll()), Image::of(exemplar.roll()));
        let values = Array2::from_shape_fn((lags.shifts(), lags.transpositions()), |(i, j)| {
            brightness(&fragment, &exemplar, lags.lowest + j as i32, lags.first + i as i64) as f32
        });
        Overlap { lags: *lags, values }
    }
}
