//! The facade: a bank opened once, fragments judged by it.

use std::path::Path;

use rayon::prelude::*;
use serde::Serialize;

use crate::bank::{Bank, Label};
use crate::correlate::{Planner, Prepared};
use crate::error::Result;
use crate::note::Fragment;
use crate::similarity::{AlteredExemplar, Comparer, Likeness};
use crate::verdict::{Thresholds, Verdict};

/// How many matches of each label a judgement tells unless something else is asked for.
pub const DEFAULT_TOP: usize = 3;

/// Judges fragments by a bank. May be shared between threads.
///
/// ```
/// use judge::{Fragment, Judge, Verdict};
///
/// let judge = Judge::starter();
/// let stuck = Fragment::from_quarters(&(0..16).map(|i| (60, f64::from(i) / 2.0, 0.5)).collect::<Vec<_>>())?;
/// let judgement = judge.judge(&stuck);
/// assert_eq!(judgement.verdict, Verdict::Bad);
/// println!("vetoed by {}", judgement.bad[0].exemplar);
/// # Ok::<(), judge::Error>(())
/// ```
#[derive(Debug)]
pub struct Judge {
    bank: Bank,
    comparer: Comparer,
    thresholds: Thresholds,
    exemplars: Vec<AlteredExemplar>,
    top: usize,
}

impl Judge {
    /// Opens the bank in a folder.
    ///
    /// # Errors
    /// As [`Bank::open`].
    pub fn open(bank: impl AsRef<Path>) -> Result<Self> {
        Self::new(Bank::open(bank)?, Planner::default())
    }

    /// The starter bank, which is built in.
    pub fn starter() -> Self {
        let bank = Bank::starter();
        let comparer = bank.comparer(Planner::default());
        Self::with_comparer(bank, comparer)
    }

    /// Judges by a bank as its settings say.
    ///
    /// # Errors
    /// [`Error::Bank`](crate::Error::Bank) when the bank has no exemplars, or lacks good or bad
    /// ones without saying that it may.
    pub fn new(bank: Bank, planner: Planner) -> Result<Self> {
        bank.check_sides()?;
        let comparer = bank.comparer(planner);
        Ok(Self::with_comparer(bank, comparer))
    }

    /// Judges by a bank with another comparer than its settings say. The thresholds stay.
    pub fn with_comparer(bank: Bank, comparer: Comparer) -> Self {
        let exemplars = bank.exemplars().par_iter().map(|exemplar| comparer.exemplar(&exemplar.fragment)).collect();
        Self { thresholds: bank.thresholds(), bank, comparer, exemplars, top: DEFAULT_TOP }
    }

    /// Tells `top` matches of each label instead of [`DEFAULT_TOP`].
    #[must_use]
    pub fn top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }

    /// The bank.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// How fragments and exemplars are compared.
    pub fn comparer(&self) -> &Comparer {
        &self.comparer
    }

    /// An exemplar's pictures, by its index in the bank.
    pub fn altered(&self, index: usize) -> Option<&AlteredExemplar> {
        self.exemplars.get(index)
    }

    /// Judges a fragment.
    pub fn judge(&self, fragment: &Fragment) -> Judgement {
        let roll = self.comparer.fragment(fragment);
        let matches: Vec<_> = (0..self.exemplars.len())
            .into_par_iter()
            .filter_map(|index| self.compare(&roll, index).map(|likeness| (index, likeness)))
            .collect();
        let good = self.best(&matches, Label::Good);
        let bad = self.best(&matches, Label::Bad);
        let highest = |matches: &[Match]| matches.first().map_or(0.0, |best| best.similarity);
        let (g, b) = (highest(&good), highest(&bad));
        let verdict = self.thresholds.verdict(g, b);
        let limit = |mut matches: Vec<Match>| {
            matches.truncate(self.top);
            matches
        };
        Judgement {
            verdict,
            score: self.thresholds.score(g, b),
            vetoed: verdict == Verdict::Bad,
            good: limit(good),
            bad: limit(bad),
        }
    }

    /// Judges many fragments on all cores; the answers are in their order.
    ///
    /// ```
    /// # use judge::{Fragment, Judge};
    /// # let judge = Judge::starter();
    /// let phrases = [0, 2, 4].map(|up| Fragment::from_quarters(&[(60, 0.0, 1.0), (60 + up, 1.0, 1.0)]).unwrap());
    /// let best = judge.judge_many(&phrases).into_iter().map(|judgement| judgement.score).fold(0.0, f64::max);
    /// assert!(best > 0.0);
    /// ```
    pub fn judge_many(&self, fragments: &[Fragment]) -> Vec<Judgement> {
        fragments.par_iter().map(|fragment| self.judge(fragment)).collect()
    }

    fn compare(&self, fragment: &Prepared, index: usize) -> Option<Likeness> {
        let mut likeness = self.comparer.compare(fragment, &self.exemplars[index])?;
        likeness.similarity *= self.bank.exemplars()[index].weight;
        Some(likeness)
    }

    /// The matches with exemplars of one label, the most similar first.
    fn best(&self, matches: &[(usize, Likeness)], label: Label) -> Vec<Match> {
        let exemplars = self.bank.exemplars();
        let mut best: Vec<_> = matches.iter().filter(|(index, _)| exemplars[*index].label == label).collect();
        // The sort is stable and the bank is in order of names: ties go to the first name.
        best.sort_by(|a, b| b.1.similarity.total_cmp(&a.1.similarity));
        best.into_iter().map(|(index, likeness)| Match::new(exemplars[*index].name.clone(), *index, likeness)).collect()
    }
}

/// What is said of a fragment, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Good, bad, or neutral.
    pub verdict: Verdict,
    /// 0 to 1: rises with the best good similarity, falls with the best bad one.
    pub score: f64,
    /// Whether a bad exemplar decided.
    pub vetoed: bool,
    /// The best matches with good exemplars, the most similar first.
    pub good: Vec<Match>,
    /// The best matches with bad exemplars, the most similar first.
    pub bad: Vec<Match>,
}

/// How a fragment resembles an exemplar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// The exemplar's name: its path in the bank.
    pub exemplar: String,
    /// 0 to 1.
    pub similarity: f64,
    /// Sum of the products of the pixels that meet.
    pub brightness: f64,
    /// Semitones by which the exemplar is laid higher.
    pub transposition: i32,
    /// How many times as long the exemplar is laid.
    pub stretch: f64,
    /// Whether it is laid upside down.
    pub inverted: bool,
    /// Whether it is laid backwards.
    pub retrograde: bool,
    /// Quarters by which it is laid later.
    pub shift: f64,
    /// The exemplar's index in the bank.
    #[serde(skip)]
    pub index: usize,
    /// The likeness that this tells.
    #[serde(skip)]
    pub likeness: Likeness,
}

impl Match {
    /// Tells a likeness with an exemplar of some name and index.
    pub fn new(exemplar: String, index: usize, likeness: &Likeness) -> Self {
        let alteration = likeness.placement.alteration;
        Self {
            exemplar,
            similarity: likeness.similarity,
            brightness: likeness.brightness,
            transposition: likeness.placement.offset.transposition,
            stretch: alteration.stretch.as_f64(),
            inverted: alteration.inverted,
            retrograde: alteration.retrograde,
            shift: likeness.shift,
            index,
            likeness: *likeness,
        }
    }
}
