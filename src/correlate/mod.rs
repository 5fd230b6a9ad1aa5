//! Cross-correlation of piano rolls: how brightly one picture lies on another.
//!
//! For a fragment X and an exemplar K (already altered), at transposition d and shift t,
//!
//! ```text
//! B(d, t) = sum over p, c of X[p, c] * K[p - d, c - t]
//! ```
//!
//! is the *brightness*. On notes it is problem P3 of Ukkonen, Lemström and Mäkinen, "Geometric
//! algorithms for transposition invariant content-based music retrieval" (ISMIR 2003); with ink on
//! the onsets alone it is their P2, which SIA (Meredith, Lemström and Wiggins 2002) also counts.
//!
//! [`Reference`] is the written definition. Every other [`Correlator`] gives the same answer
//! faster: equal to the last bit for rolls of zeros and ones, within 1e-4 relative for others.

mod cost;
pub mod cuda;
mod fft;
mod lags;
mod plan;
mod prepared;
mod processor;
mod reference;
pub(crate) mod sparse;
mod window;

pub use cuda::{Absent, Cuda};
pub use fft::Fft;
pub use lags::{Lags, Offset, Overlap, Peak, Search};
pub use plan::{Backend, BackendChoice, Plan, Planner, SearchPlan};
pub use prepared::Prepared;
pub use processor::Processor;
pub(crate) use processor::Work;
pub use reference::Reference;
pub use sparse::Sparse;
pub use window::{Normalisation, WindowPeak, best_in_window, windowed_rows};

/// A way to compute the correlation of two rolls.
///
/// All implementations agree; they differ in speed. Rolls of different resolution must not be
/// correlated; nothing checks it here.
pub trait Correlator: Send + Sync {
    /// Which one it is.
    fn backend(&self) -> Backend;

    /// The brightness at every lag of `lags`.
    fn overlap(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> Overlap;

    /// The brightest lag within `search`, ties going to the smallest absolute transposition, then
    /// the smallest absolute shift, then upwards, then later. `None` when the search leaves no lag
    /// at which the two pictures could meet, or one of them is dark.
    fn peak(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> Option<Peak> {
        let lags = search.lags(fragment.roll(), exemplar.roll())?;
        lags.blocks(exemplar.roll().columns())
            .map(|block| self.overlap(fragment, exemplar, &block).peak())
            .reduce(|best, peak| if peak.beats(&best) { peak } else { best })
    }

    /// The brightness of [`peak`](Self::peak), or 0 where it has none: cheaper when the place does
    /// not matter.
    fn brightest(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> f64 {
        self.peak(fragment, exemplar, search).map_or(0.0, |peak| peak.brightness)
    }

    /// The greatest brightness at each transposition of `search` at which the two pictures can meet: the lowest of
    /// them, and one value for each from there upwards; none when they cannot meet.
    fn brightest_by_transposition(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> (i32, Vec<f64>) {
        by_transposition(self, fragment, exemplar, search)
    }

    /// [`brightest`](Self::brightest) for each of many exemplars: cheaper than one by one.
    fn brightest_each(&self, fragment: &Prepared, exemplars: &[&Prepared], search: &Search) -> Vec<f64> {
        exemplars.iter().map(|exemplar| self.brightest(fragment, exemplar, search)).collect()
    }
}

/// [`Correlator::brightest_by_transposition`] from planes of overlaps.
fn by_transposition<C: Correlator + ?Sized>(
    correlator: &C,
    fragment: &Prepared,
    exemplar: &Prepared,
    search: &Search,
) -> (i32, Vec<f64>) {
    let Some(lags) = search.lags(fragment.roll(), exemplar.roll()) else { return (0, Vec::new()) };
    let mut tops = vec![0.0f32; lags.transpositions()];
    for block in lags.blocks(exemplar.roll().columns()) {
        for row in correlator.overlap(fragment, exemplar, &block).values.outer_iter() {
            tops.iter_mut().zip(row).for_each(|(top, &value)| *top = top.max(value));
        }
    }
    (lags.lowest, tops.into_iter().map(f64::from).collect())
}
