//! What a correlation costs, as counts of the operations that dominate.

use super::Lags;
use super::fft::{Size, needs_double_precision};
use super::prepared::Prepared;

/// Nanoseconds an impulse of the sparse method, measured on phrases (`benches/correlate.rs`).
const IMPULSE: f64 = 1.2;
/// Nanoseconds a cell of its running sums.
const CELL: f64 = 0.12;
/// The same where pictures are soft and the sums are kept in double precision.
const SOFT_CELL: f64 = 1.2;
/// Nanoseconds of one pair by the Fourier method besides its points (`benches/dense.rs` for these).
const PAIR: f64 = 1_000.0;
/// Nanoseconds a point of a product of spectra.
const PRODUCT: f64 = 0.4;
/// Nanoseconds a point and doubling of a Fourier transform.
const BUTTERFLY: f64 = 0.13;
/// Nanoseconds a point of two transpositions to spread and to compare.
const LINE: f64 = 0.9;
/// How much longer double precision takes.
const DOUBLE: f64 = 2.2;

/// Nanoseconds of a search on one core, and of each exemplar that it passes over.
const SEARCH: f64 = 300_000.0;
const SEARCHED_EXEMPLAR: f64 = 100.0;
/// Nanoseconds to open the device, to send it an exemplar, of a batch, and of a search in it (`benches/DEVICE.md`).
const DEVICE_START: f64 = 400_000_000.0;
const SENT_EXEMPLAR: f64 = 5_500.0;
const DEVICE_BATCH: f64 = 1_500_000.0;
const DEVICE_SEARCH: f64 = 4_500.0;
const DEVICE_EXEMPLAR: f64 = 2.6;

/// Estimated nanoseconds of one pair by the sparse method, over `lags`.
pub(super) fn sparse(fragment: &Prepared, exemplar: &Prepared, lags: &Lags, grid: u32) -> f64 {
    let impulses = fragment.events().len() as f64 * exemplar.events().len() as f64;
    let cells = lags.shifts() as f64 * lags.transpositions() as f64 / f64::from(grid);
    let binary = fragment.roll().is_binary() && exemplar.roll().is_binary();
    IMPULSE * impulses + if binary { CELL } else { SOFT_CELL } * cells
}

/// Estimated nanoseconds of one pair by the Fourier method, spectra at hand; infinite when the
/// padded picture is too large to transform.
pub(super) fn fft(fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> f64 {
    let meeting = lags.meeting(fragment.roll(), exemplar.roll());
    let Some(Size { rows, columns }) = meeting.and_then(|lags| Size::of(fragment.roll(), exemplar.roll(), &lags))
    else {
        return f64::INFINITY;
    };
    let (frequencies, lines) = ((columns / 2 + 1) as f64, lags.transpositions().div_ceil(2) as f64);
    let (rows, columns) = (rows as f64, columns as f64);
    let in_pitch = frequencies * rows * (PRODUCT + BUTTERFLY * rows.log2());
    let in_time = lines * columns * (LINE + BUTTERFLY * columns.log2());
    let precision = if needs_double_precision(fragment.roll(), exemplar.roll()) { DOUBLE } else { 1.0 };
    PAIR + precision * (in_pitch + in_time)
}

/// What searches cost in nanoseconds: on the processor; to open a graphics processor and to send it the exemplars, which
/// is more than many searches cost; and on it.
pub(super) fn search(exemplars: usize, fragments: usize, alterations: usize) -> (f64, f64, f64) {
    let (exemplars, fragments) = (exemplars as f64, fragments as f64);
    // What is measured is for 28 alterations.
    let exemplars = exemplars * alterations as f64 / 28.0;
    let cores = (rayon::current_num_threads() as f64).min(fragments).max(1.0);
    let processor = fragments * (SEARCH + SEARCHED_EXEMPLAR * exemplars) / cores;
    let begin = DEVICE_START + SENT_EXEMPLAR * exemplars;
    (processor, begin, DEVICE_BATCH + fragments * (DEVICE_SEARCH + DEVICE_EXEMPLAR * exemplars))
}

#[cfg(test)]
mod tests {
    use crate::correlate::SearchPlan;

    #[test]
    fn a_device_pays_for_many_fragments_not_for_one() {
        assert!(!SearchPlan::new(100_000, 1, false, 28).pays());
        assert!(SearchPlan::new(100_000, 100_000, false, 28).pays());
        // With the exemplars there, a few hundred do.
        let threads = rayon::current_num_threads();
        assert!(SearchPlan::new(100_000, 64 * threads, true, 28).pays());
        assert!(!SearchPlan::new(80, 1, true, 28).pays());
    }
}
