//! Thresholds from a bank's own exemplars.

use super::LeftOut;
use crate::bank::Label;
use crate::error::{Error, Result};

/// A threshold is never set below this: there likeness is mostly chance, and a small bank does not show it.
pub const LOWEST_THRESHOLD: f64 = 0.5;

/// Thresholds that a bank supports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibrated {
    /// From which similarity to a good exemplar on a fragment should be good.
    pub good: f64,
    /// From which similarity to a bad exemplar on a fragment should be vetoed.
    pub bad: f64,
    /// How many good exemplars would be vetoed by the others.
    pub vetoed_good: usize,
    /// How many bad exemplars reach the good threshold with the others.
    pub good_bad: usize,
}

/// The lowest thresholds, in thousandths, at which no more than a share `error` of the good exemplars would be vetoed,
/// and no more than that share of the bad ones would resemble a good one, each judged by all others.
///
/// # Errors
/// [`Error::Option`] when `error` is not 0 to 1, or no threshold does: too many exemplars are the same as one of the
/// other side.
pub fn calibrated(left_out: &[LeftOut], error: f64) -> Result<Calibrated> {
    let option = |expected| Error::Option { name: "veto error", value: error.to_string(), expected };
    if !(0.0..=1.0).contains(&error) {
        return Err(option("a share, 0 to 1"));
    }
    let threshold = |label: Label, other: Label| {
        let mut reached: Vec<f64> = left_out
            .iter()
            .filter(|it| it.label == label)
            .map(|it| it.nearest(other).first().map_or(0.0, |&(_, similarity)| similarity))
            .collect();
        reached.sort_by(|a, b| b.total_cmp(a));
        let allowed = (error * reached.len() as f64 + 1e-9).floor() as usize;
        // The first that may not reach it must stay below.
        let below = reached.get(allowed).copied().unwrap_or(0.0);
        let threshold = (((below * 1000.0).floor() + 1.0) / 1000.0).max(LOWEST_THRESHOLD);
        let reaching = reached.iter().filter(|it| **it >= threshold).count();
        (threshold <= 1.0).then_some((threshold, reaching)).ok_or_else(|| {
            option("one that any threshold keeps: good and bad exemplars are the same; judge bank check shows them")
        })
    };
    let (bad, vetoed_good) = threshold(Label::Good, Label::Bad)?;
    let (good, good_bad) = threshold(Label::Bad, Label::Good)?;
    Ok(Calibrated { good, bad, vetoed_good, good_bad })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::judge::Score;

    fn left_out(label: Label, other: f64) -> LeftOut {
        let nearest = vec![(0, other)];
        let score = Score { verdict: Verdict::Neutral, score: 0.5, good: 0.0, bad: 0.0, opinion: None };
        LeftOut { index: 1, label, score, good: nearest.clone(), bad: nearest }
    }

    #[test]
    fn as_few_reach_them_as_are_allowed() {
        let good: Vec<_> = (0..100).map(|it| left_out(Label::Good, 0.5 + f64::from(it) / 250.0)).collect();
        let all: Vec<_> = good.into_iter().chain([left_out(Label::Bad, 0.3)]).collect();
        let at = |error| calibrated(&all, error).unwrap();
        assert_eq!(at(0.0), Calibrated { good: LOWEST_THRESHOLD, bad: 0.897, vetoed_good: 0, good_bad: 0 });
        assert_eq!(at(0.05), Calibrated { good: LOWEST_THRESHOLD, bad: 0.877, vetoed_good: 5, good_bad: 0 });
        assert_eq!(at(1.0).bad, LOWEST_THRESHOLD);
    }

    #[test]
    fn contradictions_are_told() {
        let all = [left_out(Label::Good, 1.0), left_out(Label::Bad, 0.2)];
        assert!(calibrated(&all, 0.0).unwrap_err().to_string().contains("judge bank check"));
        assert!(calibrated(&all, f64::NAN).is_err());
        assert_eq!(calibrated(&all, 1.0).unwrap().vetoed_good, 1);
    }
}
