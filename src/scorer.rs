//! Opinions on fragments that do not come from exemplars, to be blended into the score.

use serde::Serialize;

use crate::error::Result;
use crate::note::Fragment;

/// What a [`Scorer`] is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The music.
    pub fragment: &'a Fragment,
    /// The sound of it, where it comes from a recording and somebody kept that: samples at
    /// [`SAMPLE_RATE`](crate::audio::SAMPLE_RATE).
    pub sound: Option<&'a [f32]>,
}

impl<'a> From<&'a Fragment> for Candidate<'a> {
    fn from(fragment: &'a Fragment) -> Self {
        Self { fragment, sound: None }
    }
}

/// Something that tells how probable it is that a fragment is good: a network ([`cnn::Network`](crate::cnn::Network)), or
/// whatever you like. [`Judge::with_scorer`](crate::Judge::with_scorer) blends it in.
///
/// ```
/// use std::sync::Arc;
/// use judge::{Candidate, Fragment, Judge, Opinion, Result, Scorer};
///
/// /// Likes what goes up, and knows nothing of what is a single note.
/// struct Rising;
///
/// impl Scorer for Rising {
///     fn opinions(&self, candidates: &[Candidate<'_>]) -> Result<Vec<Opinion>> {
///         let opinion = |candidate: &Candidate<'_>| match candidate.fragment.notes() {
///             [first, .., last] => Opinion::new(if last.pitch > first.pitch { 0.9 } else { 0.2 }),
///             _ => Opinion::unfamiliar(0.5),
///         };
///         Ok(candidates.iter().map(opinion).collect())
///     }
/// }
///
/// let plain = Judge::starter();
/// let judge = Judge::starter().with_scorer(Arc::new(Rising), 0.5)?;
/// let up = Fragment::from_quarters(&[(60, 0.0, 1.0), (61, 1.0, 1.0), (66, 2.0, 2.0)])?;
/// assert_eq!(judge.score(&up).opinion, Some(Opinion::new(0.9)));
/// assert!(judge.score(&up).score > plain.score(&up).score);
/// assert_eq!(judge.score(&up).verdict, plain.score(&up).verdict);
/// # Ok::<(), judge::Error>(())
/// ```
pub trait Scorer: Send + Sync {
    /// An opinion on each candidate, in their order. The same candidate must get the same opinion whatever it is asked
    /// about with.
    ///
    /// # Errors
    /// When one of them cannot be judged. Where there are several, each is then asked about by itself, so that the
    /// others are judged all the same.
    fn opinions(&self, candidates: &[Candidate<'_>]) -> Result<Vec<Opinion>>;

    /// How many quarters of music are looked at together, where that is fixed: `judge scan` asks about windows of that
    /// length.
    fn quarters(&self) -> Option<f64> {
        None
    }
}

/// How probable it is that a fragment is good, and how much that says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// The probability that the fragment is good, 0 to 1.
    pub probability: f64,
    /// The probability that says nothing: 1/2, or 1/K of one who tells K classes apart.
    pub chance: f64,
    /// How much it is worth, 0 (nothing: the scorer abstains) to 1.
    pub share: f64,
    /// Why the scorer abstains, if it does.
    pub abstention: Option<Abstention>,
}

/// Why a scorer abstains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Abstention {
    /// It cannot tell good from bad here.
    Unsure,
    /// It knows nothing like the fragment.
    Unfamiliar,
}

impl Opinion {
    /// An opinion that counts in full.
    pub const fn new(probability: f64) -> Self {
        Self { probability, chance: 0.5, share: 1.0, abstention: None }
    }

    /// What would be said of something that is not known: it counts nothing.
    pub const fn unfamiliar(probability: f64) -> Self {
        Self { share: 0.0, abstention: Some(Abstention::Unfamiliar), ..Self::new(probability) }
    }

    /// The opinion of one who tells so many classes apart, of which one is good.
    #[must_use]
    pub fn among(self, classes: usize) -> Self {
        Self { chance: 1.0 / classes.max(2) as f64, ..self }
    }

    /// The opinion of a scorer that is familiar with the fragment to some degree (0 to 1), and whose opinions count only
    /// above a least [confidence](Self::confidence).
    ///
    /// What is counted in the end, share x confidence, is familiarity x (confidence - least) / (1 - least): it rises from
    /// 0 without a jump.
    ///
    /// ```
    /// use judge::{Opinion, scorer::Abstention};
    /// let opinion = Opinion::new(0.9).weighed(0.5, 0.2);
    /// assert!((opinion.vote() - 0.5 * (0.8 - 0.2) / (1.0 - 0.2)).abs() < 1e-12);
    /// assert_eq!(Opinion::new(0.55).weighed(0.5, 0.2).abstention, Some(Abstention::Unsure));
    /// ```
    #[must_use]
    pub fn weighed(self, familiarity: f64, least_confidence: f64) -> Self {
        let confidence = self.confidence();
        let sure = if confidence > least_confidence {
            (confidence - least_confidence) / ((1.0 - least_confidence) * confidence)
        } else {
            0.0
        };
        let abstention = if familiarity <= 0.0 {
            Some(Abstention::Unfamiliar)
        } else if sure <= 0.0 {
            Some(Abstention::Unsure)
        } else {
            None
        };
        Self { share: familiarity * sure, abstention, ..self }
    }

    /// How far the probability is from chance, towards 1 (above 0) or towards 0 (below 0): -1 to 1. With a chance of 1/2
    /// that is 2 p - 1.
    fn lean(&self) -> f64 {
        let (probability, chance) = (self.probability.clamp(0.0, 1.0), self.chance.clamp(1e-9, 0.5));
        (probability - chance) / if probability > chance { 1.0 - chance } else { chance }
    }

    /// How sure it is, 0 to 1: how far the probability is on its way from chance to 0 or 1; |2 p - 1| where there are two
    /// classes. What is not a number is not sure.
    pub fn confidence(&self) -> f64 {
        let confidence = self.lean().abs();
        if confidence.is_nan() { 0.0 } else { confidence }
    }

    /// How much it counts for good (above 0) or for bad, -1 to 1: share x confidence. What is not a number counts 0.
    ///
    /// ```
    /// use judge::Opinion;
    /// assert_eq!([1.0, 0.75, 0.5, 0.0].map(|p| Opinion::new(p).vote()), [1.0, 0.5, 0.0, -1.0]);
    /// assert_eq!([0.25, 1.0, 0.625].map(|p| Opinion::new(p).among(4).vote()), [0.0, 1.0, 0.5]);
    /// assert_eq!(Opinion::unfamiliar(1.0).vote(), 0.0);
    /// ```
    pub fn vote(&self) -> f64 {
        let vote = self.share.clamp(0.0, 1.0) * self.lean();
        if vote.is_nan() { 0.0 } else { vote }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_counts_without_a_jump() {
        for least in [0.0, 0.3, 0.9] {
            let votes: Vec<_> =
                (0..=1000).map(|p| Opinion::new(f64::from(p) / 1000.0).weighed(0.8, least).vote()).collect();
            assert!(votes.is_sorted(), "{least}");
            assert!(votes.windows(2).all(|pair| pair[1] - pair[0] < 0.02));
            assert!((votes[0] + 0.8).abs() < 1e-12 && (votes[1000] - 0.8).abs() < 1e-12 && votes[500] == 0.0);
        }
        assert_eq!(Opinion::new(0.6).weighed(1.0, 0.3).abstention, Some(Abstention::Unsure));
        assert_eq!(Opinion::new(0.9).weighed(0.0, 0.3).abstention, Some(Abstention::Unfamiliar));
        assert_eq!(Opinion::new(0.9).weighed(0.1, 0.3).abstention, None);
    }

    #[test]
    fn chance_says_nothing_and_votes_rise_with_probability() {
        for classes in [2, 3, 1000] {
            let chance = 1.0 / classes as f64;
            let vote = |p: f64| Opinion::new(p).among(classes).vote();
            assert_eq!([0.0, chance, 1.0].map(vote), [-1.0, 0.0, 1.0]);
            assert!((0..=1000).map(|p| vote(f64::from(p) / 1000.0)).is_sorted());
        }
    }

    #[test]
    fn what_is_no_number_counts_nothing() {
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 7.0, 0.5];
        for (probability, share) in odd.iter().flat_map(|p| odd.iter().map(move |s| (*p, *s))) {
            for chance in odd {
                let opinion = Opinion { probability, chance, share, abstention: None };
                assert!((-1.0..=1.0).contains(&opinion.vote()) && (0.0..=1.0).contains(&opinion.confidence()));
            }
        }
        assert_eq!(Opinion::new(f64::NAN).vote(), 0.0);
        assert_eq!(Opinion { share: f64::NAN, ..Opinion::new(1.0) }.vote(), 0.0);
    }
}
