//! What a transposition can reach, known before any of it is computed.

use super::spectrum::Transform;

/// For each row lag from `lowest` to `highest` the most that any shift of it can reach.
///
/// Row by row, Cauchy and Schwarz: the product of two rows is at most the root of the product of
/// their energies, and for ink of zeros and ones at most the lesser of the two.
pub(super) fn bounds<T>(
    x: &Transform<T>,
    k: &Transform<T>,
    (lowest, highest): (i64, i64),
    binary: bool,
    bounds: &mut Vec<f64>,
) {
    bounds.clear();
    bounds.resize((highest - lowest + 1).max(0) as usize, 0.0);
    if binary {
        add(&x.energies, &k.energies, lowest, bounds, |x, k| if x < k { x } else { k });
    } else {
        add(&x.norms, &k.norms, lowest, bounds, |x, k| x * k);
    }
}

/// Adds what each pair of rows can reach to the bound of its lag: row i of the fragment lies on row
/// i - lag of the exemplar. Row by row of the exemplar, so that many lags are summed at once.
fn add(x: &[f64], k: &[f64], lowest: i64, bounds: &mut [f64], reach: impl Fn(f64, f64) -> f64) {
    for (row, &k) in (0i64..).zip(k) {
        let start = lowest + row;
        let skipped = (-start).max(0) as usize;
        let met = x.get(start.max(0) as usize..).unwrap_or_default();
        for (bound, &x) in bounds.iter_mut().skip(skipped).zip(met) {
            *bound += reach(x, k);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lag_sums_the_rows_that_meet() {
        let transform = |norms: &[f64]| Transform::<f32> {
            values: Vec::new(),
            energies: norms.iter().map(|norm| norm * norm).collect(),
            norms: norms.to_vec(),
        };
        let (x, k) = (transform(&[1.0, 2.0, 3.0]), transform(&[4.0, 5.0]));
        let mut found = Vec::new();
        bounds(&x, &k, (-1, 2), false, &mut found);
        assert_eq!(found, [5.0, 4.0 + 10.0, 8.0 + 15.0, 12.0]);
        bounds(&x, &k, (1, 1), true, &mut found);
        assert_eq!(found, [4.0 + 9.0]);
    }
}
