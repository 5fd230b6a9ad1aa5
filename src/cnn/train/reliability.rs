//! How far probabilities can be believed.

/// What became of held-out exemplars, sorted by the probability that they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// Ten bins of equal width, from the least probable; some may be empty.
    pub bins: Vec<Bin>,
    /// The expected calibration error: how far the probability of a bin is from the share of good ones in it, on average
    /// (Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015). Each side
    /// counts half.
    pub expected_error: f64,
}

/// Held-out exemplars that were given about the same probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The least probability.
    pub from: f64,
    /// The probability from which on it is the next bin.
    pub to: f64,
    /// How many there are.
    pub count: usize,
    /// The mean probability; of the bin's middle where it is empty.
    pub probability: f64,
    /// The share of good ones, each side counting half; 0 where it is empty.
    pub good: f64,
}

const BINS: usize = 10;

impl Reliability {
    /// Of probabilities, and whether what they are of is good.
    pub fn of(held_out: &[(f64, bool)]) -> Self {
        let total = |side: bool| held_out.iter().filter(|(_, good)| *good == side).count().max(1) as f64;
        let weights = [total(false), total(true)].map(|total| 0.5 / total);
        let bin_of = |probability: f64| ((probability * BINS as f64) as usize).min(BINS - 1);
        let bin = |index: usize| {
            let [from, to] = [index, index + 1].map(|edge| edge as f64 / BINS as f64);
            let members = held_out.iter().filter(|(probability, _)| bin_of(*probability) == index);
            let (mut weight, mut probabilities, mut good, mut count) = (0.0, 0.0, 0.0, 0);
            for &(probability, is_good) in members {
                let its = weights[usize::from(is_good)];
                weight += its;
                probabilities += its * probability;
                good += if is_good { its } else { 0.0 };
                count += 1;
            }
            let off = f64::abs(probabilities - good);
            let (probability, good) =
                if count == 0 { ((from + to) / 2.0, 0.0) } else { (probabilities / weight, good / weight) };
            (Bin { from, to, count, probability, good }, off)
        };
        let (bins, off): (Vec<_>, Vec<f64>) = (0..BINS).map(bin).unzip();
        Self { bins, expected_error: off.iter().sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_how_far_bins_are_off() {
        // In the bin of 0.8 three of four are good, in that of 0.2 one of four.
        let held_out = [(0.8, true), (0.8, true), (0.8, true), (0.8, false)]
            .into_iter()
            .flat_map(|(probability, good)| [(probability, good), (1.0 - probability, !good)])
            .collect::<Vec<_>>();
        let reliability = Reliability::of(&held_out);
        assert!((reliability.expected_error - 0.05).abs() < 1e-9, "{}", reliability.expected_error);
        let told: Vec<_> =
            reliability.bins.iter().filter(|bin| bin.count > 0).map(|bin| (bin.count, bin.good)).collect();
        assert_eq!(told, [(4, 0.25), (4, 0.75)]);
        // Five times as many bad ones change nothing.
        let mut lopsided = held_out.clone();
        (0..4).for_each(|_| lopsided.extend(held_out.iter().filter(|(_, good)| !good)));
        assert!((Reliability::of(&lopsided).expected_error - 0.05).abs() < 1e-9);
    }

    #[test]
    fn certainty_is_in_the_last_bin() {
        let reliability = Reliability::of(&[(1.0, true), (0.0, false)]);
        assert_eq!((reliability.bins[9].count, reliability.bins[0].count, reliability.expected_error), (1, 1, 0.0));
        assert_eq!(Reliability::of(&[]).expected_error, 0.0);
    }
}
