//! How well a bank judges: it is asked of exemplars whose label is known.

use rayon::prelude::*;

use super::LeftOut;
use crate::Verdict;
use crate::bank::{Bank, Label};
use crate::correlate::Planner;
use crate::error::{Error, Result};
use crate::judge::{Judge, Score};
use crate::roc;

/// Labels, and what was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The label of each exemplar and what was said of it, in the order of the bank.
    pub judged: Vec<(Label, Score)>,
}

/// What an exemplar does for the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usefulness {
    /// How many exemplars of its own label it decides: rightly.
    pub right: usize,
    /// How many exemplars of the other label it decides: wrongly.
    pub wrong: usize,
}

impl Evaluation {
    /// Of each exemplar, judged by all others.
    pub fn of_left_out(left_out: &[LeftOut]) -> Self {
        Self { judged: left_out.iter().map(|it| (it.label, it.score)).collect() }
    }

    /// How many exemplars of a label were given a verdict.
    pub fn count(&self, label: Label, verdict: Verdict) -> usize {
        self.judged.iter().filter(|(known, score)| *known == label && score.verdict == verdict).count()
    }

    /// The share of those that resemble nothing; 0 of nothing.
    pub fn neutral(&self) -> f64 {
        let neutral = self.judged.iter().filter(|(_, score)| score.verdict == Verdict::Neutral).count();
        neutral as f64 / self.judged.len().max(1) as f64
    }

    /// The area under the ROC curve of the score: how often a good exemplar scores higher than a bad one, equal scores
    /// counting half (Mann and Whitney 1947). `None` without both.
    pub fn auc(&self) -> Option<f64> {
        roc::area(self.judged.iter().map(|(label, score)| (score.score, *label == Label::Good)).collect())
    }

    /// What each exemplar does for the others, when each is left out in turn.
    pub fn usefulness(left_out: &[LeftOut]) -> Vec<Usefulness> {
        let mut useful = vec![Usefulness::default(); left_out.len()];
        for it in left_out {
            if let Some(decider) = it.decided_by() {
                let counted = &mut useful[decider];
                let right = left_out[decider].label == it.label;
                *(if right { &mut counted.right } else { &mut counted.wrong }) += 1;
            }
        }
        useful
    }
}

/// Judges each of `folds` parts of a bank by the others, on all threads; `each` is called with how many more are done.
/// The exemplars of a label are dealt out in turn, so the parts are the same every time.
///
/// ```
/// use judge::{Bank, correlate::Planner, curation::fold};
/// let evaluation = fold(&Bank::starter(), 5, Planner::default(), |_| ())?;
/// assert!(evaluation.auc().unwrap() > 0.5);
/// # Ok::<(), judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Option`] with fewer than two folds, or more than there are exemplars of a side, of which each part must
/// leave some.
pub fn fold(bank: &Bank, folds: usize, planner: Planner, each: impl Fn(usize) + Sync) -> Result<Evaluation> {
    let most = bank.count(Label::Good).min(bank.count(Label::Bad));
    if folds < 2 || folds > most {
        let expected = "at least 2, and at most as many as there are exemplars of either side";
        return Err(Error::Option { name: "folds", value: folds.to_string(), expected });
    }
    let mut seen = [0; 2];
    let part: Vec<usize> = bank
        .exemplars()
        .iter()
        .map(|exemplar| {
            let seen = &mut seen[usize::from(exemplar.label == Label::Bad)];
            *seen += 1;
            (*seen - 1) % folds
        })
        .collect();
    let mut judged = Vec::new();
    for fold in 0..folds {
        let judge = Judge::new(bank.filtered(|index| part[index] != fold), planner)?;
        let held_out: Vec<_> = (0..part.len()).filter(|&index| part[index] == fold).collect();
        let fragments: Vec<_> = held_out.iter().map(|&index| bank.exemplars()[index].fragment.clone()).collect();
        for (indices, fragments) in held_out.chunks(256).zip(fragments.chunks(256)) {
            judged.extend(indices.iter().copied().zip(judge.score_many(fragments)));
            each(indices.len());
        }
    }
    judged.par_sort_by_key(|(index, _)| *index);
    Ok(Evaluation { judged: judged.into_iter().map(|(index, score)| (bank.exemplars()[index].label, score)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluation(scores: &[(Label, f64)]) -> Evaluation {
        let score = |score| Score { verdict: Verdict::Neutral, score, good: 0.0, bad: 0.0, opinion: None };
        Evaluation { judged: scores.iter().map(|&(label, it)| (label, score(it))).collect() }
    }

    #[test]
    fn the_area_counts_pairs() {
        use Label::{Bad, Good};
        assert_eq!(evaluation(&[(Good, 0.5), (Bad, 0.2), (Good, 0.1)]).auc(), Some(0.5));
        assert_eq!(evaluation(&[(Good, 0.5), (Bad, 0.5)]).auc(), Some(0.5));
        assert_eq!(evaluation(&[(Good, 0.9), (Bad, 0.5), (Bad, 0.1), (Good, 0.5)]).auc(), Some(3.5 / 4.0));
        assert_eq!(evaluation(&[(Good, 0.9)]).auc(), None);
    }
}
