//! The temperature by which logits are divided, so that probabilities mean what they say.

/// The temperatures that are considered.
const RANGE: (f64, f64) = (0.05, 20.0);

/// The temperature that is used: the greatest at which what was held out is no more surprising than at the
/// [likeliest](likeliest()), by one standard error of the difference (as trees are pruned: Breiman, Friedman, Olshen, Stone,
/// "Classification and regression trees", 1984, section 3.4.3). What a few exemplars seem to show may be chance: then
/// probabilities stay near 1/2. With many exemplars it is the likeliest but for a few parts in a hundred.
///
/// `held_out` has logits, and whether what they are of is good. 1 where there is nothing of a side.
pub fn temperature(held_out: &[(f64, bool)]) -> f64 {
    let likeliest = likeliest(held_out);
    if sides(held_out).contains(&0) {
        return likeliest;
    }
    let (mut low, mut high) = (likeliest.ln(), RANGE.1.ln());
    if !is_worse(held_out, RANGE.1, likeliest) {
        return RANGE.1;
    }
    while high - low > 1e-6 {
        let middle = (low + high) / 2.0;
        *(if is_worse(held_out, middle.exp(), likeliest) { &mut high } else { &mut low }) = middle;
    }
    low.exp()
}

/// Whether what was held out is more surprising at a temperature than at another, by more than a standard error.
fn is_worse(held_out: &[(f64, bool)], temperature: f64, than: f64) -> bool {
    let (mut mean, mut variance) = (0.0, 0.0);
    for side in [false, true] {
        let of_side = held_out.iter().filter(|(_, good)| *good == side);
        let off: Vec<f64> = of_side.map(|it| single(it, temperature) - single(it, than)).collect();
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
    let surprise = |log: f64| surprise(held_out, log.exp());
    // The surprise has one minimum in the inverse of the temperature, so it has one in its logarithm: golden sections.
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (surprise(a), surprise(b));
    while high - low > 1e-6 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = surprise(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = surprise(b);
        }
    }
    ((low + high) / 2.0).exp()
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
        assert_eq!(temperature(&held_out), RANGE.1);
        let many: Vec<_> = held_out.iter().copied().cycle().take(8000).collect();
        assert!((found..1.1 * found).contains(&temperature(&many)), "{} {found}", temperature(&many));
    }

    #[test]
    fn extremes_stay_within_the_range() {
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-3, "{found}");
        near(likeliest(&[(1.0, true), (-1.0, false)]), RANGE.0);
        near(likeliest(&[(-1.0, true), (1.0, false)]), RANGE.1);
        near(temperature(&[(-1.0, true), (1.0, false)]), RANGE.1);
        assert_eq!((temperature(&[(1.0, true)]), temperature(&[])), (1.0, 1.0));
    }
}
