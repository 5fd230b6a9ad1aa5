//! What a correlation costs, as counts of the operations that dominate.

use super::Lags;
use super::fft::Size;
use super::prepared::Prepared;

/// Nanoseconds an impulse of the sparse method, measured on phrases (`benches/correlate.rs`).
const IMPULSE: f64 = 1.2;
/// Nanoseconds a cell of its running sums.
const CELL: f64 = 0.12;
/// Nanoseconds a point and doubling of a Fourier transform.
const BUTTERFLY: f64 = 0.45;

/// Estimated nanoseconds of one pair by the sparse method, over `lags`.
pub(super) fn sparse(fragment: &Prepared, exemplar: &Prepared, lags: &Lags, grid: u32) -> f64 {
    let impulses = fragment.events().len() as f64 * exemplar.events().len() as f64;
    let cells = lags.shifts() as f64 * lags.transpositions() as f64 / f64::from(grid);
    IMPULSE * impulses + CELL * cells
}

/// Estimated nanoseconds of one pair by the Fourier method, spectra at hand; infinite when the
/// padded picture is too large to transform.
pub(super) fn fft(fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> f64 {
    let meeting = lags.meeting(fragment.roll(), exemplar.roll());
    let Some(Size { rows, columns }) = meeting.and_then(|lags| Size::of(fragment.roll(), exemplar.roll(), &lags))
    else {
        return f64::INFINITY;
    };
    let half = columns as f64 / 2.0;
    let columns_pass = half * rows as f64 * (1.0 + (rows as f64).log2());
    let rows_pass = lags.transpositions() as f64 * half * (1.0 + half.log2());
    BUTTERFLY * (columns_pass + rows_pass)
}
