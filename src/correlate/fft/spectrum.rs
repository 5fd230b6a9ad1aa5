//! Spectra of rolls, and how a roll keeps them.

use std::sync::Arc;

use rustfft::FftDirection;
use rustfft::num_complex::Complex;

use super::pool::{Pool, Precision, used, zero};
use super::size::Size;
use crate::roll::{PianoRoll, Run};

/// A roll keeps its spectra at this many sizes and precisions.
const KEPT: usize = 4;

/// Rows that are transformed in time before they are written to their place: as many values as fill
/// a cache line or two.
const ROWS_AT_ONCE: usize = 16;

/// Twice the spectrum of a padded roll: frequency in time by frequency in pitch, the pitch axis
/// innermost.
#[derive(Debug)]
pub(in crate::correlate) struct Transform<T> {
    pub(super) values: Vec<Complex<T>>,
    /// The sum of the squared pixels of each row.
    pub(super) energies: Vec<f64>,
    /// The roots of the energies.
    pub(super) norms: Vec<f64>,
}

/// The spectra that a roll keeps.
#[derive(Debug, Default)]
pub(in crate::correlate) struct Spectra {
    pub(super) single: Slots<f32>,
    pub(super) double: Slots<f64>,
}

/// Spectra of one precision by padded size, the least recently used first.
#[derive(Debug)]
pub(in crate::correlate) struct Slots<T>(Vec<(Size, Arc<Transform<T>>)>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Slots<T> {
    /// The spectrum at a size, if it is kept.
    pub(in crate::correlate) fn find(&mut self, size: Size) -> Option<Arc<Transform<T>>> {
        let place = self.0.iter().position(|(known, _)| *known == size)?;
        self.0[place..].rotate_left(1);
        self.0.last().map(|(_, found)| Arc::clone(found))
    }

    /// Keeps a spectrum, in place of the one that was not used for longest.
    pub(in crate::correlate) fn keep(&mut self, size: Size, made: &Arc<Transform<T>>) {
        self.0.retain(|(known, _)| *known != size);
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push((size, Arc::clone(made)));
    }
}

impl<T: Precision> Transform<T> {
    /// Two real rows are transformed as one complex line, from whose two ends their spectra are
    /// told apart; what is kept is twice the spectrum, which saves halving it.
    pub(super) fn of(roll: &PianoRoll, size: Size, pool: &mut Pool<T>) -> Self {
        let Size { rows, columns } = size;
        let in_time = pool.plan(columns, FftDirection::Forward);
        let in_pitch = pool.plan(rows, FftDirection::Forward);
        let Pool { block, scratch, .. } = pool;
        let mut values = vec![zero(); rows * size.frequencies()];
        let mut energies = vec![0.0; roll.rows()];
        let lines = used(block, ROWS_AT_ONCE / 2 * columns);
        let mut runs = roll.runs();
        for (group, energies) in energies.chunks_mut(ROWS_AT_ONCE).enumerate() {
            let first = group * ROWS_AT_ONCE;
            let lines = &mut lines[..energies.len().div_ceil(2) * columns];
            lines.fill(zero());
            for (row, energy) in energies.iter_mut().enumerate() {
                let pitch = i32::from(roll.low()) + (first + row) as i32;
                let (lit, rest) = runs.split_at(runs.partition_point(|run| i32::from(run.pitch) <= pitch));
                runs = rest;
                let line = &mut lines[row / 2 * columns..][..columns];
                *energy = if row.is_multiple_of(2) {
                    draw(lit, line, |pixel, value| pixel.re = value)
                } else {
                    draw(lit, line, |pixel, value| pixel.im = value)
                };
            }
            in_time.process_with_scratch(lines, scratch);
            for (frequency, values) in values.chunks_exact_mut(rows).enumerate() {
                let mirrored = if frequency == 0 { 0 } else { columns - frequency };
                let values = &mut values[first..][..energies.len()];
                for (pair, line) in values.chunks_mut(2).zip(lines.chunks_exact(columns)) {
                    let (here, there) = (line[frequency], line[mirrored]);
                    if let [even, rest @ ..] = pair {
                        *even = Complex::new(here.re + there.re, here.im - there.im);
                        if let [odd] = rest {
                            *odd = Complex::new(here.im + there.im, there.re - here.re);
                        }
                    }
                }
            }
        }
        in_pitch.process_with_scratch(&mut values, scratch);
        let norms = energies.iter().map(|energy: &f64| energy.sqrt()).collect();
        Self { values, energies, norms }
    }
}

/// Lights the pixels of one row and returns its energy.
fn draw<T: Precision>(runs: &[Run], line: &mut [Complex<T>], light: impl Fn(&mut Complex<T>, T)) -> f64 {
    // Several sums, since each addition waits for the last one of its sum.
    let mut energies = [0.0; 4];
    for runs in runs.chunks(energies.len()) {
        for (run, energy) in runs.iter().zip(&mut energies) {
            let value = f64::from(run.value);
            *energy += value * value * f64::from(run.columns());
            for pixel in &mut line[run.start as usize..run.end as usize] {
                light(pixel, T::of(run.value));
            }
        }
    }
    energies.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_sizes_used_last() {
        let made = || Arc::new(Transform::<f32> { values: Vec::new(), energies: Vec::new(), norms: Vec::new() });
        let size = |rows| Size { rows, columns: 32 };
        let mut slots = Slots::default();
        for rows in 0..KEPT {
            slots.keep(size(rows), &made());
        }
        assert!(slots.find(size(0)).is_some());
        slots.keep(size(99), &made());
        assert!(slots.find(size(0)).is_some() && slots.find(size(99)).is_some());
        assert!(slots.find(size(1)).is_none());
        assert_eq!(slots.0.len(), KEPT);
    }
}
