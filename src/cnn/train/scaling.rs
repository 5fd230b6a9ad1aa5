//! What is added to logits, and by what they are divided then, so that probabilities mean what they say.

/// The temperatures that are considered. At the highest nothing is left of any logit: a network that has learned nothing may give
/// large ones.
const RANGE: (f64, f64) = (0.05, 1000.0);

/// No more than this is added to a logit, either way.
const MOST_ADDED: f64 = 10.0;

/// How a logit becomes a probability: sigmoid((logit + offset) / temperature).
///
/// Scaling by a temperature alone (Guo et al.) leaves a network on the side that it leans to: towards what is bad, of which it
/// sees more kinds. So there is an offset too (Platt, "Probabilistic outputs for support vector machines and comparisons to
/// regularized likelihood methods", 1999).
///
/// Of both the most cautious are taken at which what was held out is no more surprising than at the likeliest, by one
/// standard error of the difference (as trees are pruned: Breiman, Friedman, Olshen, Stone, "Classification and regression
/// trees", 1984, section 3.4.3): the offset nearest to 0, then the greatest temperature. What a few exemplars seem to show may
/// be chance: then probabilities stay near 1/2. With many exemplars it is the likeliest but for a few parts in a hundred.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaling {
    /// Added to a logit.
    pub offset: f64,
    /// By which that is divided.
    pub temperature: f64,
}

impl Scaling {
    /// Logits as they are.
    pub const NONE: Self = Self { offset: 0.0, temperature: 1.0 };

    /// `held_out` has logits, and whether what they are of is good. Nothing is added where there is nothing of a side.
    pub fn of(held_out: &[(f64, bool)]) -> Self {
        if sides(held_out).contains(&0) {
            return Self { offset: 0.0, temperature: likeliest(held_out) };
        }
        let with = |offset: f64| held_out.iter().map(|(logit, good)| (logit + offset, *good)).collect::<Vec<_>>();
        let surprise_with = |offset: f64| {
            let moved = with(offset);
            surprise(&moved, likeliest(&moved))
        };
        let best = least(-MOST_ADDED, MOST_ADDED, 1e-3, surprise_with);
        let at_best = with(best);
        let its_likeliest = likeliest(&at_best);
        let offset = cautious(best, 0.0, |offset| {
            let moved = with(offset);
            is_worse((&moved, likeliest(&moved)), (&at_best, its_likeliest))
        });
        let moved = with(offset);
        Self { offset, temperature: temperature(&moved) }
    }

    /// The probability that something is good.
    pub fn probability(&self, logit: f64) -> f64 {
        1.0 / (1.0 + (-(logit + self.offset) / self.temperature).exp())
    }
}

/// The most cautious of the temperatures, as [`Scaling`] says.
fn temperature(held_out: &[(f64, bool)]) -> f64 {
    let likeliest = likeliest(held_out);
    cautious(likeliest.ln(), RANGE.1.ln(), |log| is_worse((held_out, log.exp()), (held_out, likeliest))).exp()
}

/// What lies nearest to `cautious`, from the best on, without being worse.
fn cautious(best: f64, cautious: f64, is_worse: impl Fn(f64) -> bool) -> f64 {
    if !is_worse(cautious) {
        return cautious;
    }
    let (mut good, mut bad) = (best, cautious);
    while (good - bad).abs() > 1e-6 {
        let middle = (good + bad) / 2.0;
        *(if is_worse(middle) { &mut bad } else { &mut good }) = middle;
    }
    good
}

/// Whether logits at a temperature are more surprising than others of the same at another, by more than a standard error.
fn is_worse(these: (&[(f64, bool)], f64), those: (&[(f64, bool)], f64)) -> bool {
    let (mut mean, mut variance) = (0.0, 0.0);
    for side in [false, true] {
        let pairs = these.0.iter().zip(those.0).filter(|((_, good), _)| *good == side);
        let off: Vec<f64> = pairs.map(|(this, that)| single(this, these.1) - single(that, those.1)).collect();
        let count = off.len() as f64;
        let own = off.iter().sum::<f64>() / count;
        mean += own / 2.0;
        variance += off.iter().map(|off| (off - own).powi(2)).sum::<f64>() / (4.0 * count * count);
    }
    mean > variance.sqrt()
}

/// How many there are of each side.
fn sides(held_out: &[(f64, bool)]) -> [usize; 2] {
    let good = held_out.iter().filter(|(_, good)| *good).count();
    [held_out.len() - good, good]
}

/// The temperature at which what was held out is least surprising: its mean negative log-likelihood, each side counting
/// half, is least (Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2; there
/// all pictures count the same, here a network is trained for sides of one size, so it is read for such). 1 where there is
/// nothing of a side.
pub fn likeliest(held_out: &[(f64, bool)]) -> f64 {
    if sides(held_out).contains(&0) {
        return 1.0;
    }
    // The surprise has one minimum in the inverse of the temperature, so it has one in its logarithm.
    least(RANGE.0.ln(), RANGE.1.ln(), 1e-6, |log| surprise(held_out, log.exp())).exp()
}

/// Where a function that falls and then rises is least, by golden sections.
fn least(mut low: f64, mut high: f64, within: f64, value: impl Fn(f64) -> f64) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (value(a), value(b));
    while high - low > within {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = value(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = value(b);
        }
    }
    (low + high) / 2.0
}

/// The mean negative log-likelihood at a temperature, each side counting half.
pub fn surprise(held_out: &[(f64, bool)], temperature: f64) -> f64 {
    [false, true]
        .map(|side| {
            let of_side = held_out.iter().filter(|(_, good)| *good == side);
            let (sum, count) =
                of_side.fold((0.0, 0_usize), |(sum, count), it| (sum + single(it, temperature), count + 1));
            sum / count.max(1) as f64
        })
        .iter()
        .sum::<f64>()
        / 2.0
}

/// The negative log-likelihood of one.
fn single((logit, good): &(f64, bool), temperature: f64) -> f64 {
    let wrongly = if *good { -logit } else { *logit } / temperature;
    // ln(1 + e^x), also for a large x.
    wrongly.max(0.0) + (-wrongly.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_sure_a_network_is_cooled_down() {
        // Right three times in four, whatever the logit says: at the best temperature it says 3/4.
        let held_out: Vec<_> = [(4.0, true), (4.0, true), (4.0, true), (-4.0, true)]
            .into_iter()
            .flat_map(|(logit, good)| [(logit, good), (-logit, !good)])
            .collect();
        let found = likeliest(&held_out);
        assert!((found - 4.0 / 3.0_f64.ln()).abs() < 1e-4, "{found}");
        // How many there are of a side plays no role.
        let mut lopsided = held_out.clone();
        lopsided.extend(held_out.iter().filter(|(_, good)| *good).cycle().take(40));
        assert!((likeliest(&lopsided) - found).abs() < 1e-4);
        // Eight may be chance, eight thousand are not.
        assert!((temperature(&held_out) / RANGE.1 - 1.0).abs() < 1e-9);
        let many: Vec<_> = held_out.iter().copied().cycle().take(8000).collect();
        assert!((found..1.1 * found).contains(&temperature(&many)), "{} {found}", temperature(&many));
    }

    #[test]
    fn extremes_stay_within_the_range() {
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-3, "{found}");
        near(likeliest(&[(1.0, true), (-1.0, false)]), RANGE.0);
        near(likeliest(&[(-1.0, true), (1.0, false)]), RANGE.1);
        near(temperature(&[(-1.0, true), (1.0, false)]), RANGE.1);
        assert_eq!([Scaling::of(&[(1.0, true)]), Scaling::of(&[])], [Scaling::NONE; 2]);
    }

    #[test]
    fn what_leans_to_a_side_is_set_upright() {
        // The side is right three times in four, but all logits are 2 too low.
        let leaning = |times: usize| -> Vec<_> {
            let upright = [(1.0, true), (1.0, true), (1.0, true), (-1.0, true)];
            let both = upright.into_iter().flat_map(|(logit, good)| [(logit - 2.0, good), (-logit - 2.0, !good)]);
            both.collect::<Vec<_>>().into_iter().cycle().take(8 * times).collect()
        };
        let many = Scaling::of(&leaning(2000));
        assert!((1.9..2.01).contains(&many.offset), "{many:?}");
        assert!((many.probability(-1.0) - 0.75).abs() < 0.02 && (many.probability(-3.0) - 0.25).abs() < 0.02);
        // Eight may be chance.
        let few = Scaling::of(&leaning(1));
        assert!(few.offset < many.offset && (few.probability(-1.0) - 0.5).abs() < 0.1, "{few:?}");
    }
}
