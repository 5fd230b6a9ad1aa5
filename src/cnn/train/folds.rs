//! Parts of a bank that are held out in turn.

use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use crate::bank::Label;

/// Deals exemplars out into `folds` parts, groups as a whole, so that each part has about as many of each side. Large
/// groups are dealt first, each to where it is needed most; groups of one size in an order that `random` says.
///
/// `exemplars` has the label and the group of each; the answer is the part of each.
pub fn deal(exemplars: &[(Label, usize)], folds: usize, random: &mut Pcg64Mcg) -> Vec<usize> {
    let mut groups: Vec<[usize; 2]> = Vec::new();
    for &(label, group) in exemplars {
        if groups.len() <= group {
            groups.resize(group + 1, [0; 2]);
        }
        groups[group][side(label)] += 1;
    }
    let totals = groups.iter().fold([0; 2], |totals, group| [totals[0] + group[0], totals[1] + group[1]]);
    let mut order: Vec<usize> = (0..groups.len()).filter(|&group| groups[group] != [0; 2]).collect();
    order.shuffle(random);
    order.sort_by_key(|&group| usize::MAX - groups[group].iter().sum::<usize>());
    let mut parts = vec![[0_usize; 2]; folds];
    let mut part_of = vec![0; groups.len()];
    for group in order {
        // What a part would hold of each side then, as a share of all: the sum of squares is least where sides are even.
        let crowd = |part: &[usize; 2]| -> f64 {
            (0..2)
                .map(|side| {
                    let share = |count: usize| (count as f64 / totals[side].max(1) as f64).powi(2);
                    share(part[side] + groups[group][side]) - share(part[side])
                })
                .sum()
        };
        let chosen = (0..folds).min_by(|&a, &b| crowd(&parts[a]).total_cmp(&crowd(&parts[b]))).unwrap_or(0);
        (0..2).for_each(|side| parts[chosen][side] += groups[group][side]);
        part_of[group] = chosen;
    }
    exemplars.iter().map(|&(_, group)| part_of[group]).collect()
}

/// Bad is 0, good 1.
pub fn side(label: Label) -> usize {
    usize::from(label == Label::Good)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn groups_stay_together_and_sides_are_even() {
        // Ten groups of three good and one bad, twenty single bad ones.
        let grouped = (0..40).map(|index| (if index % 4 == 0 { Label::Bad } else { Label::Good }, index / 4));
        let exemplars: Vec<_> = grouped.chain((0..20).map(|index| (Label::Bad, 10 + index))).collect();
        let parts = deal(&exemplars, 5, &mut Pcg64Mcg::seed_from_u64(1));
        for (a, b) in exemplars.iter().zip(&parts).flat_map(|a| exemplars.iter().zip(&parts).map(move |b| (a, b))) {
            assert!(a.0.1 != b.0.1 || a.1 == b.1, "a group is in one part");
        }
        for part in 0..5 {
            let count = |label| (0..60).filter(|&it| parts[it] == part && exemplars[it].0 == label).count();
            assert_eq!((count(Label::Good), count(Label::Bad)), (6, 6));
        }
        assert_eq!(deal(&exemplars, 5, &mut Pcg64Mcg::seed_from_u64(1)), parts);
    }
}
