//! The veto rule: from the highest similarities to a verdict and a score. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What is said of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It resembles a good exemplar and no bad one.
    Good,
    /// It resembles a bad exemplar: vetoed, whatever else it resembles.
    Bad,
    /// It resembles nothing in the bank.
    Neutral,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Neutral => "neutral",
        })
    }
}

/// The similarities from which on a likeness counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    good: f64,
    bad: f64,
}

/// The score at the good threshold, with nothing bad in sight.
const SCORE_AT_GOOD: f64 = 0.5;
/// How much of the way to the good threshold the kind of music may give to a fragment that resembles nothing.
const REACH_OF_KIND: f64 = 0.4;
/// What the veto leaves of the score where it closes.
const LEFT_AT_VETO: f64 = 0.1;

impl Thresholds {
    /// Thresholds for similarity to a good and to a bad exemplar.
    ///
    /// # Errors
    /// [`Error::Option`] when one is not above 0 and at most 1.
    pub fn new(good: f64, bad: f64) -> Result<Self> {
        for (name, value) in [("good threshold", good), ("bad threshold", bad)] {
            if !(value > 0.0 && value <= 1.0) {
                let expected = "a similarity above 0, at most 1";
                return Err(Error::Option { name, value: value.to_string(), expected });
            }
        }
        Ok(Self { good, bad })
    }

    /// From which similarity to a good exemplar on a fragment is good.
    pub fn good(&self) -> f64 {
        self.good
    }

    /// From which similarity to a bad exemplar on a fragment is vetoed.
    pub fn bad(&self) -> f64 {
        self.bad
    }

    /// The verdict for the highest similarity to a good and to a bad exemplar.
    pub fn verdict(&self, good: f64, bad: f64) -> Verdict {
        if bad >= self.bad {
            Verdict::Bad
        } else if good >= self.good {
            Verdict::Good
        } else {
            Verdict::Neutral
        }
    }

    /// The score, 0 to 1: what a search loop climbs.
    ///
    /// It is the product of two continuous factors. The first rises with `good`, steadily to 1/2 at the good threshold
    /// and linearly to 1 at identity. The second falls with `bad`, slowly at first (as 1 - 0.9 r^4 with
    /// r = bad / threshold), to 1/10 where the veto closes, and from there linearly to 0 at identity, so that there is
    /// a way out of a veto. A vetoed fragment scores at most 1/10.
    ///
    /// Similarities well below the threshold are mostly chance: they tell how dense the music is, not whom it would
    /// please. What kind of music it is tells more, so there `lean` speaks too, from -1 (of the bad kind) to 1 (of the
    /// good kind); what is not a number counts as 0. With x = good / threshold and r = 0.05 x + 0.1 x^2 + 0.85 x^8
    /// the first factor is 1/2 (r + (1 - r) 0.2 (1 + lean)). A lean is worth the less the nearer the threshold, and
    /// nothing from there on.
    ///
    /// ```
    /// let thresholds = judge::verdict::Thresholds::new(0.7, 0.7)?;
    /// assert_eq!(thresholds.score(0.7, 0.0, 0.3), 0.5);
    /// assert_eq!(thresholds.score(1.0, 1.0, 0.3), 0.0);
    /// assert!(thresholds.score(0.9, 0.2, 0.0) > thresholds.score(0.9, 0.6, 0.0));
    /// assert!(thresholds.score(0.3, 0.3, 0.2) > thresholds.score(0.3, 0.3, -0.2));
    /// # Ok::<(), judge::Error>(())
    /// ```
    pub fn score(&self, good: f64, bad: f64, lean: f64) -> f64 {
        let (good, bad) = (good.clamp(0.0, 1.0), bad.clamp(0.0, 1.0));
        let likeness = if good < self.good {
            let kind = REACH_OF_KIND * (1.0 + if lean.is_nan() { 0.0 } else { lean.clamp(-1.0, 1.0) }) / 2.0;
            SCORE_AT_GOOD * (kind + (1.0 - kind) * approach(good / self.good))
        } else {
            SCORE_AT_GOOD + (1.0 - SCORE_AT_GOOD) * part(good - self.good, 1.0 - self.good)
        };
        let left = if bad < self.bad {
            1.0 - (1.0 - LEFT_AT_VETO) * (bad / self.bad).powi(4)
        } else {
            LEFT_AT_VETO * (1.0 - part(bad - self.bad, 1.0 - self.bad))
        };
        likeness * left
    }

    /// A [score](Self::score) with an opinion blended in that does not come from exemplars.
    ///
    /// `vote` is what the opinion counts, -1 (for bad) to 1 (for good); `bad` is the highest similarity to a bad exemplar.
    /// A vote for good takes the score so much of the way to 1, one for bad so much of the way to 0: with the share s = |vote|
    /// it is the mean of score and opinion, (1 - s) score + s. A vote of 0 leaves every bit of it.
    ///
    /// A veto cannot be lifted: votes for good count less the nearer it is (their share is multiplied by 1 - r^4 with
    /// r = bad / threshold), and nothing in it. So the score stays continuous, rises with the good similarity and the
    /// vote, and falls with the bad similarity.
    ///
    /// ```
    /// let thresholds = judge::verdict::Thresholds::new(0.7, 0.7)?;
    /// let score = thresholds.score(0.5, 0.0, 0.0);
    /// assert_eq!(thresholds.blend(score, 0.0, 0.0), score);
    /// assert_eq!(thresholds.blend(score, 0.0, 1.0), 1.0);
    /// assert_eq!(thresholds.blend(score, 0.0, -0.5), score / 2.0);
    /// let vetoed = thresholds.score(0.9, 0.8, 0.0);
    /// assert_eq!(thresholds.blend(vetoed, 0.8, 1.0), vetoed);
    /// # Ok::<(), judge::Error>(())
    /// ```
    pub fn blend(&self, score: f64, bad: f64, vote: f64) -> f64 {
        let vote = if vote.is_nan() { 0.0 } else { vote.clamp(-1.0, 1.0) };
        if vote > 0.0 && bad < self.bad {
            let share = vote * (1.0 - (bad.max(0.0) / self.bad).powi(4));
            // Not score + share (1 - score), which might round to less.
            score.max((1.0 - share) * score + share).min(1.0)
        } else if vote < 0.0 {
            score * (1.0 + vote)
        } else {
            score
        }
    }
}

/// What a similarity counts that is `x` of the threshold, 0 to 1.
///
/// On human ratings the high power does best, since it makes nothing of chance. The low ones are for the search loop,
/// which needs a slope everywhere: it is never below 1/20, about 1/7 at x = 0.4 and 1/3 at 0.6. More of them would let
/// dense music win again.
fn approach(x: f64) -> f64 {
    0.05 * x + 0.1 * x.powi(2) + 0.85 * x.powi(8)
}

/// `value / whole`, and 0 of an empty whole: a threshold of 1 leaves nothing above it.
fn part(value: f64, whole: f64) -> f64 {
    if whole > 0.0 { value / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bad_match_vetoes_any_good_one() {
        let thresholds = Thresholds::new(0.7, 0.8).unwrap();
        assert_eq!(thresholds.verdict(1.0, 0.8), Verdict::Bad);
        assert_eq!(thresholds.verdict(0.7, 0.799), Verdict::Good);
        assert_eq!(thresholds.verdict(0.699, 0.799), Verdict::Neutral);
        assert_eq!(thresholds.verdict(0.0, 0.0), Verdict::Neutral);
    }

    #[test]
    fn refuses_thresholds_that_cannot_be() {
        for value in [0.0, -0.1, 1.1, f64::NAN] {
            assert!(Thresholds::new(value, 0.5).is_err());
            assert!(Thresholds::new(0.5, value).is_err());
        }
        assert_eq!(Thresholds::new(1.0, 1.0).unwrap().score(1.0, 0.0, 0.0), 0.5);
    }

    #[test]
    fn a_kind_matters_only_where_nothing_is_alike() {
        let thresholds = Thresholds::new(0.7, 0.8).unwrap();
        let spans = [0.0, 0.35, 0.6, 0.7, 0.9].map(|good| {
            let [low, none, high] = [-1.0, 0.0, 1.0].map(|lean| thresholds.score(good, 0.2, lean));
            assert!((none - (low + high) / 2.0).abs() < 1e-12);
            assert_eq!([-3.0, f64::NAN, 3.0].map(|lean| thresholds.score(good, 0.2, lean)), [low, none, high]);
            high - low
        });
        assert!(spans[0] > 0.19 && spans.is_sorted_by(|a, b| a > b || *b == 0.0), "{spans:?}");
        assert_eq!(spans[3..], [0.0; 2]);
    }

    #[test]
    fn there_is_a_slope_everywhere() {
        let thresholds = Thresholds::new(0.7, 0.7).unwrap();
        for lean in [-1.0, 0.0, 1.0] {
            let scores: Vec<_> = (0..=100).map(|good| thresholds.score(f64::from(good) / 100.0, 0.3, lean)).collect();
            assert!(scores.windows(2).all(|pair| pair[1] - pair[0] > 2e-4), "{scores:?}");
        }
    }

    proptest! {
        #[test]
        fn a_vote_moves_the_score_its_way_and_lifts_no_veto(
            (tg, tb) in (0.01f64..=1.0, 0.01f64..=1.0),
            (g0, g1, b0, b1) in (0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0),
            (v0, v1, lean) in (-1.0f64..=1.0, -1.0f64..=1.0, -1.0f64..=1.0),
        ) {
            let thresholds = Thresholds::new(tg, tb).unwrap();
            let blend = |g: f64, b: f64, v: f64| thresholds.blend(thresholds.score(g, b, lean), b, v);
            let (score, plain) = (blend(g0, b0, v0), thresholds.score(g0, b0, lean));
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert_eq!(blend(g0, b0, 0.0).to_bits(), plain.to_bits());
            prop_assert_eq!(blend(g0, b0, f64::NAN).to_bits(), plain.to_bits());
            prop_assert!(blend(g0, b0, v0.max(v1)) >= blend(g0, b0, v0.min(v1)) - 1e-15);
            prop_assert!(blend(g0.max(g1), b0, v0) >= score - 1e-15);
            prop_assert!(blend(g0, b0.max(b1), v0) <= score + 1e-15);
            prop_assert!(b0 < tb || score <= plain);
            // No jump, where the veto closes neither.
            for (g, b) in [(tg, b0), (g0, tb)] {
                prop_assert!((blend(g - 1e-9, b - 1e-9, v0) - blend(g, b, v0)).abs() < 1e-5);
            }
        }

        #[test]
        fn the_score_rises_with_good_and_kind_and_falls_with_bad(
            (tg, tb) in (0.01f64..=1.0, 0.01f64..=1.0),
            (g0, g1, b0, b1) in (0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0),
            (l0, l1) in (-1.0f64..=1.0, -1.0f64..=1.0),
        ) {
            let thresholds = Thresholds::new(tg, tb).unwrap();
            let score = thresholds.score(g0, b0, l0);
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert!(thresholds.score(g0.max(g1), b0, l0) >= score);
            prop_assert!(thresholds.score(g0, b0.max(b1), l0) <= score);
            prop_assert!(thresholds.score(g0, b0, l0.max(l1)) >= score - f64::EPSILON);
            prop_assert!(g0 >= tg || score <= SCORE_AT_GOOD);
            prop_assert!(b0 < tb || score <= LEFT_AT_VETO);
            // No jump: also not where the veto closes.
            for (g, b) in [(tg, b0), (g0, tb)] {
                let near = thresholds.score(g - 1e-9, b - 1e-9, l0 - 1e-9) - thresholds.score(g, b, l0);
                prop_assert!(near.abs() < 1e-5, "{}", near);
            }
        }
    }
}
