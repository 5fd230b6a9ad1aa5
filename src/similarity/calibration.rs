//! Likeness read against what unrelated music reaches.
//!
//! A short or plain tune is somewhat like everything, a long or peculiar one like nothing. Likeness is therefore
//! counted in standard deviations above what unrelated tunes reach, with the fragment and with the exemplar, and the
//! mean of both is taken: the S-norm of speaker recognition (Shum et al., "Unsupervised speaker adaptation based on the
//! cosine similarity for text-independent speaker verification", 2010), with [tunes](super::cohort) for speakers.

use super::cohort::Level;

/// Where the similarity is one half, in standard deviations above the mean.
const MIDDLE: f64 = 4.0;
/// In how many standard deviations the odds rise by e.
const SCALE: f64 = 1.2;

/// Similarity, 0 to 1: the root of the likeness times a logistic function of how much it stands out. Far above chance it is
/// thus the likeness that counts; the logistic is also drawn towards 1 where the likeness is above one half, so that an
/// identical copy is 1, however plain.
pub(crate) fn calibrate(likeness: f64, levels: &[Level]) -> f64 {
    let standing = levels.iter().map(|level| level.standing(likeness)).sum::<f64>() / levels.len().max(1) as f64;
    let chance = 1.0 / (1.0 + ((standing - MIDDLE) / SCALE).exp());
    likeness.sqrt() * (1.0 - chance * (2.0 * (1.0 - likeness)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_with_the_likeness_to_one() {
        let levels = [Level { mean: 0.2, spread: 0.06 }, Level { mean: 0.4, spread: 0.1 }];
        let at = |step: u32| calibrate(f64::from(step) / 1000.0, &levels);
        assert!((1..=1000).all(|step| at(step) > at(step - 1)));
        assert_eq!(at(1000), 1.0);
        assert!(at(0) < 0.01);
    }

    #[test]
    fn what_is_like_everything_needs_more() {
        let plain = [Level { mean: 0.5, spread: 0.1 }];
        let peculiar = [Level { mean: 0.1, spread: 0.05 }];
        assert!(calibrate(0.6, &plain) < 0.25);
        assert!(calibrate(0.6, &peculiar) > 0.7);
    }
}
