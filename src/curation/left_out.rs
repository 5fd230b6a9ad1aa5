//! Each exemplar judged by the others.

use rayon::prelude::*;

use crate::bank::Label;
use crate::judge::{Judge, Score};

/// How many of the others are told of each side.
const TOLD: usize = 10;

/// What a bank says of one of its exemplars that is left out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Its index in the bank.
    pub index: usize,
    /// Good or bad.
    pub label: Label,
    /// What the others say of it.
    pub score: Score,
    /// The most similar good ones of the others, at most ten: index and similarity, best first.
    pub good: Vec<(usize, f64)>,
    /// The most similar bad ones of the others, at most ten.
    pub bad: Vec<(usize, f64)>,
}

impl LeftOut {
    /// What a bank says of one of its exemplars without it.
    ///
    /// # Panics
    /// When there is no exemplar of this index.
    pub fn of(judge: &Judge, index: usize) -> Self {
        Self::with_lean(judge, index, judge.leans()[index])
    }

    fn with_lean(judge: &Judge, index: usize, lean: f64) -> Self {
        let [good, bad] = judge.others(index, TOLD);
        let [g, b] = [&good, &bad].map(|side| side.first().map_or(0.0, |&(_, similarity)| similarity));
        let score = judge.score_from([g, b], lean, None);
        Self { index, label: judge.bank().exemplars()[index].label, score, good, bad }
    }

    /// The most similar others of a label.
    pub fn nearest(&self, label: Label) -> &[(usize, f64)] {
        match label {
            Label::Good => &self.good,
            Label::Bad => &self.bad,
        }
    }

    /// The exemplar that decides the verdict, if any does.
    pub fn decided_by(&self) -> Option<usize> {
        let side = match self.score.verdict {
            crate::Verdict::Good => &self.good,
            crate::Verdict::Bad => &self.bad,
            crate::Verdict::Neutral => return None,
        };
        side.first().map(|&(index, _)| index)
    }
}

/// Judges each exemplar of a bank by all others, on all threads; `each` is called whenever one is done. The answers are
/// in the order of the bank.
///
/// ```
/// let judge = judge::Judge::starter();
/// let left_out = judge::curation::leave_one_out(&judge, || ());
/// assert_eq!(left_out.len(), judge.bank().exemplars().len());
/// // What is judged is not among those that judge it.
/// assert!(left_out.iter().all(|it| it.good.iter().chain(&it.bad).all(|&(other, _)| other != it.index)));
/// ```
pub fn leave_one_out(judge: &Judge, each: impl Fn() + Sync) -> Vec<LeftOut> {
    let leans = judge.leans();
    let one = |index: usize| {
        let left_out = LeftOut::with_lean(judge, index, leans[index]);
        each();
        left_out
    };
    (0..leans.len()).into_par_iter().with_max_len(1).map(one).collect()
}
