//! Weighted sums of frequency bins.

/// Rows of weights over frequency bins, of which the zeros at both ends are not kept.
#[derive(Debug, Clone)]
pub(super) struct Filterbank {
    rows: Vec<(usize, Vec<f32>)>,
}

impl Filterbank {
    /// A filterbank of the rows, each with a weight for every bin.
    pub(super) fn new(rows: impl Iterator<Item = Vec<f32>>) -> Self {
        let trim = |row: Vec<f32>| {
            let lit = |&weight: &f32| weight != 0.0;
            let start = row.iter().position(lit).unwrap_or(0);
            let end = row.iter().rposition(lit).map_or(start, |last| last + 1);
            (start, row[start..end].to_vec())
        };
        Self { rows: rows.map(trim).collect() }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The weighted sum of the bins for each row in turn.
    pub(super) fn sums<'a>(&'a self, bins: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        self.rows.iter().map(|(start, weights)| {
            let bins = bins.get(*start..).unwrap_or_default();
            dot(weights, &bins[..weights.len().min(bins.len())])
        })
    }

    /// The weights over `bins` bins, row by row.
    pub(super) fn dense(&self, bins: usize) -> ndarray::Array2<f32> {
        let mut weights = ndarray::Array2::zeros((self.rows.len(), bins));
        for (row, (start, values)) in self.rows.iter().enumerate() {
            for (i, &value) in values.iter().enumerate() {
                weights[(row, start + i)] = value;
            }
        }
        weights
    }
}

/// The scalar product. Sums in eight lanes, which the compiler keeps in vector registers.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
