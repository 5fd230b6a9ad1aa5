//! What a correlation costs, as counts of the operations that dominate.

use super::Lags;
use super::fft::{Size, needs_double_precision};
use super::prepared::Prepared;

/// Nanoseconds an impulse of the sparse method, measured on phrases (`benches/pair.rs`).
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
/// Exemplars of a bank from which on all threads search it.
const LARGE: usize = 2048;
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
pub(super) fn search(exemplars: usize, fragments: usize, alterations: usize, threads: usize) -> (f64, f64, f64) {
    // A large bank is searched by all threads, a small one by one.
    let cores = if exemplars < LARGE { threads.min(fragments) } else { threads }.max(1) as f64;
    let (exemplars, fragments) = (exemplars as f64, fragments as f64);
    // What is measured is for 28 alterations.
    let exemplars = exemplars * alterations as f64 / 28.0;
    let processor = fragments * (SEARCH + SEARCHED_EXEMPLAR * exemplars) / cores;
    let begin = DEVICE_START + SENT_EXEMPLAR * exemplars;
    (processor, begin, DEVICE_BATCH + fragments * (DEVICE_SEARCH + DEVICE_EXEMPLAR * exemplars))
}

#[cfg(test)]
mod tests {
    use super::search;

    #[test]
    fn a_device_pays_for_many_fragments_not_for_one() {
        let pays = |exemplars, fragments, there: bool| {
            let (processor, begin, device) = search(exemplars, fragments, 28, 16);
            device + if there { 0.0 } else { begin } < processor
        };
        assert!(!pays(100_000, 1, false) && !pays(80, 1, true) && !pays(80, 16, true));
        assert!(pays(100_000, 100_000, false) && pays(100_000, 1000, true) && pays(1000, 10_000, true));
    }
}
