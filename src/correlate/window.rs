//! Is one picture contained in another: correlation normalised by the window that is covered.

use ndarray::{Array2, ArrayView1};

use super::{Correlator, Lags, Offset, Overlap, Prepared, Search};
use crate::roll::PianoRoll;

/// The share of the pictures' energies below which the brightness of soft ones is taken for the rounding of single
/// precision.
const FAINT: f64 = 1e-6;

/// How the brightness of a query in a window is made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Normalisation {
    /// B / sqrt(E(Q) E(W)): the cosine of the query and the window. What else sounds in the window
    /// counts as much against it as what is missing of the query.
    Cosine,
    /// The geometric mean of the cosine and the share of the query that is covered, B / E(Q).
    ///
    /// The share alone (P3's normalisation) finds everything in dense music, the cosine finds
    /// nothing in it: this lies between, and finds motifs in piano music better than both (see the
    /// table in ARCHITECTURE.md).
    Covered,
}

impl Normalisation {
    /// 0 to 1, for a brightness above 0.
    fn similarity(self, brightness: f64, query: f64, window: f64) -> f64 {
        if window <= 0.0 {
            return 0.0;
        }
        let cosine = brightness / (query * window).sqrt();
        let similarity = match self {
            Self::Cosine => cosine,
            Self::Covered => (cosine * brightness / query).sqrt(),
        };
        similarity.min(1.0)
    }

    /// The brightness of a similarity below 1, given the energies of the query and the window.
    #[cfg(feature = "cuda")]
    pub(super) fn brightness(self, similarity: f64, query: f64, window: f64) -> f64 {
        match self {
            Self::Cosine => similarity * (query * window).sqrt(),
            Self::Covered => similarity * (query * (query * window).sqrt()).sqrt(),
        }
    }

    /// The brightness below which no placement of zeros and ones reaches `bar`: a window is at
    /// least as bright as what meets in it.
    fn least_brightness(self, bar: f64, query: f64) -> f64 {
        let share = match self {
            Self::Cosine => bar.powi(2),
            Self::Covered => bar.powf(4.0 / 3.0),
        };
        share * query * (1.0 - 1e-9)
    }
}

/// The best placement of a query in a target, or the best at one shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowPeak {
    /// Normalised brightness, 0 to 1.
    pub similarity: f64,
    /// Sum of the products of the pixels that meet.
    pub brightness: f64,
    /// Where the exemplar lies on the fragment, whichever of them is the query.
    pub offset: Offset,
}

impl WindowPeak {
    /// Whether this one is more similar, or as similar and brighter, or as bright and preferred.
    pub fn beats(&self, other: &Self) -> bool {
        self.similarity
            .total_cmp(&other.similarity)
            .then(self.brightness.total_cmp(&other.brightness))
            .then(other.offset.cmp_preference(&self.offset))
            .is_gt()
    }
}

/// Which of the two pictures is looked for in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Query {
    Fragment,
    Exemplar,
}

/// The best placement whose similarity reaches `floor`; ties as in [`WindowPeak::beats`].
///
/// `fragment_is_query` says which is looked for in the other.
pub fn best_in_window(
    correlator: &dyn Correlator,
    (fragment, exemplar): (&Prepared, &Prepared),
    fragment_is_query: bool,
    normalisation: Normalisation,
    search: &Search,
    floor: f64,
) -> Option<WindowPeak> {
    let mut best: Option<WindowPeak> = None;
    visit(correlator, (fragment, exemplar), fragment_is_query, normalisation, search, |peak, bar| {
        if peak.similarity > 0.0 && best.is_none_or(|best| peak.beats(&best)) {
            best = Some(peak);
            *bar = peak.similarity;
        }
        *bar = bar.max(floor);
    });
    best.filter(|best| best.similarity >= floor)
}

/// The best placement at each shift of the exemplar over the fragment at which
/// any reaches `floor`, in order of shift. The exemplar is the query.
pub fn windowed_rows(
    correlator: &dyn Correlator,
    (fragment, exemplar): (&Prepared, &Prepared),
    normalisation: Normalisation,
    search: &Search,
    floor: f64,
) -> Vec<WindowPeak> {
    let mut rows: Vec<WindowPeak> = Vec::new();
    visit(correlator, (fragment, exemplar), false, normalisation, search, |peak, bar| {
        *bar = floor;
        if peak.similarity < floor || peak.similarity <= 0.0 {
            return;
        }
        match rows.last_mut() {
            Some(last) if last.offset.shift == peak.offset.shift => {
                if peak.beats(last) {
                    *last = peak;
                }
            }
            _ => rows.push(peak),
        }
    });
    rows
}

/// Hands every placement whose similarity may reach the bar to `each`, which may raise the bar.
fn visit(
    correlator: &dyn Correlator,
    (fragment, exemplar): (&Prepared, &Prepared),
    fragment_is_query: bool,
    normalisation: Normalisation,
    search: &Search,
    mut each: impl FnMut(WindowPeak, &mut f64),
) {
    let Some(lags) = search.lags(fragment.roll(), exemplar.roll()) else {
        return;
    };
    let query = if fragment_is_query { Query::Fragment } else { Query::Exemplar };
    let mut bar = 0.0;
    for block in lags.blocks(exemplar.roll().columns()) {
        let overlap = correlator.overlap(fragment, exemplar, &block);
        let windows = Windows::of(fragment.roll(), exemplar.roll(), query, &block);
        windows.visit(&overlap, normalisation, &mut bar, &mut each);
    }
}

/// Energies of all the windows of a block of lags, from an integral image of the target.
struct Windows {
    query: Query,
    query_energy: f64,
    /// Both are zeros and ones, so no window is darker than what meets in it.
    binary: bool,
    /// Brightness that rounding may leave where nothing meets: in a window that is all but dark it would look alike.
    faint: f64,
    /// Rows of the query's box relative to the target's lowest row, at transposition 0.
    rows: (i32, i32),
    /// Columns of the query's box.
    columns: i64,
    /// `integral[(c, r)]` is the energy of the target's columns `first..first + c`, rows below r.
    integral: Array2<f64>,
    first: i64,
}

impl Windows {
    fn of(fragment: &PianoRoll, exemplar: &PianoRoll, query: Query, block: &Lags) -> Self {
        let (asked, target) = match query {
            Query::Fragment => (fragment, exemplar),
            Query::Exemplar => (exemplar, fragment),
        };
        let columns = i64::from(asked.columns());
        // The target's columns that any window of the block covers.
        let (first, last) = match query {
            Query::Fragment => (-block.last, columns - block.first),
            Query::Exemplar => (block.first, block.last + columns),
        };
        let clip = |column: i64| column.clamp(0, i64::from(target.columns()));
        let (first, last) = (clip(first), clip(last));
        let low = i32::from(target.low());
        let binary = fragment.is_binary() && exemplar.is_binary();
        Self {
            query,
            query_energy: asked.energy(),
            binary,
            faint: if binary { 0.0 } else { FAINT * (fragment.energy() * exemplar.energy()).sqrt() },
            rows: (i32::from(asked.low()) - low, i32::from(asked.high()) + 1 - low),
            columns,
            integral: integral(target, first, last),
            first,
        }
    }

    /// The integral's row at a column of the target, beyond its ends the nearest.
    fn until(&self, column: i64) -> ArrayView1<'_, f64> {
        let row = (column - self.first).clamp(0, self.integral.nrows() as i64 - 1);
        self.integral.row(row as usize)
    }

    fn visit(
        &self,
        overlap: &Overlap,
        normalisation: Normalisation,
        bar: &mut f64,
        each: &mut impl FnMut(WindowPeak, &mut f64),
    ) {
        let rows = self.integral.ncols() as i32 - 1;
        let least = |bar: f64| match self.binary {
            true => normalisation.least_brightness(bar, self.query_energy),
            false => 0.0,
        };
        for (shift, values) in (overlap.lags.first..).zip(overlap.values.outer_iter()) {
            let (start, direction) = match self.query {
                Query::Fragment => (-shift, -1),
                Query::Exemplar => (shift, 1),
            };
            let (before, after) = (self.until(start), self.until(start + self.columns));
            let mut least_here = least(*bar);
            for (transposition, &value) in (overlap.lags.lowest..).zip(values) {
                let brightness = f64::from(value);
                if brightness <= self.faint || brightness < least_here {
                    continue;
                }
                let at = |row: i32| {
                    let row = (row + direction * transposition).clamp(0, rows) as usize;
                    after[row] - before[row]
                };
                let window = at(self.rows.1) - at(self.rows.0);
                let similarity = normalisation.similarity(brightness, self.query_energy, window);
                if similarity >= *bar {
                    each(WindowPeak { similarity, brightness, offset: Offset { transposition, shift } }, bar);
                    least_here = least(*bar);
                }
            }
        }
    }
}

/// The integral image of the squared pixels of columns `first..last`, transposed: column by row.
fn integral(target: &PianoRoll, first: i64, last: i64) -> Array2<f64> {
    let columns = (last - first) as usize;
    let mut sums = Array2::zeros((columns + 1, target.rows() + 1));
    for run in target.runs() {
        let (start, end) = (i64::from(run.start).max(first), i64::from(run.end).min(last));
        let row = (run.pitch - target.low()) as usize;
        let energy = f64::from(run.value) * f64::from(run.value);
        for column in start..end {
            sums[((column - first) as usize + 1, row + 1)] = energy;
        }
    }
    for column in 1..=columns {
        let mut below = 0.0;
        for row in 1..=target.rows() {
            below += sums[(column, row)];
            sums[(column, row)] = below + sums[(column - 1, row)];
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::correlate::{Fft, Reference, Sparse};

    #[test]
    fn rounding_in_all_but_dark_windows_is_not_likeness() {
        // A query, and a target with a broad faint edge, as soft pictures have.
        let soft = |rows: usize, columns: usize, seed: usize, faint: usize| {
            let pixel = |(row, column): (usize, usize)| {
                let mut hash = (row * columns + column + seed * 77_777) as u32;
                for factor in [0x7feb_352d, 0x846c_a68b] {
                    hash = (hash ^ hash >> 16).wrapping_mul(factor);
                }
                let noise = (hash >> 8) as f32 / (1 << 24) as f32;
                if column < faint { 1e-6 * noise } else { noise.powi(4) }
            };
            Prepared::new(PianoRoll::from_image(Array2::from_shape_fn((rows, columns), pixel).view(), 40, 12).unwrap())
        };
        let (query, target) = (soft(30, 60, 1, 0), soft(30, 200, 2, 80));
        let best = |correlator: &dyn Correlator| {
            let search = Search::default();
            best_in_window(correlator, (&query, &target), true, Normalisation::Cosine, &search, 0.0).unwrap()
        };
        let expected = best(&Reference);
        assert!(expected.similarity < 0.9, "{expected:?}");
        for found in [best(&Sparse::default()), best(&Fft)] {
            assert!((found.similarity - expected.similarity).abs() < 1e-4, "{found:?} {expected:?}");
        }
    }
}
