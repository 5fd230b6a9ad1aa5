//! How well numbers tell two sides apart.

/// The area under the ROC curve: how often what is good has a greater number than what is bad, equal numbers counting half
/// (Mann and Whitney 1947). `None` without both.
pub(crate) fn area(mut told: Vec<(f64, bool)>) -> Option<f64> {
    told.sort_by(|a, b| a.0.total_cmp(&b.0));
    let good = told.iter().filter(|(_, good)| *good).count();
    let bad = told.len() - good;
    let mut below = 0;
    let mut won = 0.0;
    for equal in told.chunk_by(|a, b| a.0 == b.0) {
        let good = equal.iter().filter(|(_, good)| *good).count();
        let bad = equal.len() - good;
        won += good as f64 * (below as f64 + bad as f64 / 2.0);
        below += bad;
    }
    (good > 0 && bad > 0).then(|| won / (good * bad) as f64)
}
