//! Exemplars that are not independent of each other.

use std::collections::HashMap;

use super::doubles;
use crate::bank::Bank;
use crate::correlate::Planner;

/// What, beside being doubles, puts exemplars into one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// Nothing.
    None,
    /// That they come from one source, as `bank.ron` says. Those of which no source is told are by themselves.
    #[default]
    Source,
    /// That they are in folders of one name below `good` or `bad`, as `good/waltz/1.mid` and `bad/waltz/2.mid`. Those
    /// directly in `good` or `bad` are by themselves.
    Folder,
}

/// The group of each exemplar of a bank, numbered from 0 in order of their first ones: [doubles](doubles()) are in one
/// group, and what `by` puts together. What is learned from one exemplar of a group says little of how well others of it
/// would be judged, so groups are held out as a whole. `each` is called whenever an exemplar is done.
///
/// ```
/// use judge::{Bank, Fragment, correlate::Planner, curation::{GroupBy, groups}};
/// let at = |pitch| Fragment::from_quarters(&[(pitch, 0.0, 1.0), (pitch + 4, 1.0, 1.0), (pitch + 7, 2.0, 2.0)]);
/// let other = Fragment::from_quarters(&[(60, 0.0, 1.0), (61, 1.0, 1.0)])?;
/// let bank = [("good/a/1", at(60)?), ("good/a/2", at(62)?), ("good/b/3", other.clone()), ("bad/a/4", other)];
/// let bank = Bank::from_fragments(bank.map(|(name, it)| (name.to_owned(), it)))?;
/// // In order of name: bad/a/4, good/a/1, good/a/2 (the same a tone higher), good/b/3.
/// assert_eq!(groups(&bank, GroupBy::None, Planner::default(), || ()), [0, 1, 1, 2]);
/// assert_eq!(groups(&bank, GroupBy::Folder, Planner::default(), || ()), [0, 0, 0, 1]);
/// # Ok::<(), judge::Error>(())
/// ```
pub fn groups(bank: &Bank, by: GroupBy, planner: Planner, each: impl Fn() + Sync) -> Vec<usize> {
    let exemplars = bank.exemplars();
    // Each points to an earlier one of its group, or to itself.
    let mut first: Vec<usize> = (0..exemplars.len()).collect();
    fn find(first: &[usize], mut index: usize) -> usize {
        while first[index] != index {
            index = first[index];
        }
        index
    }
    let mut unite = |a: usize, b: usize| {
        let (a, b) = (find(&first, a), find(&first, b));
        first[a.max(b)] = a.min(b);
    };
    for group in doubles(bank, planner, each) {
        group.others.iter().for_each(|&other| unite(group.kept, other));
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, exemplar) in exemplars.iter().enumerate() {
        let key = match by {
            GroupBy::None => "",
            GroupBy::Source => exemplar.source.trim(),
            GroupBy::Folder => {
                let below = exemplar.name.split_once('/').map_or("", |(_, below)| below);
                below.rsplit_once('/').map_or("", |(folder, _)| folder)
            }
        };
        if !key.is_empty() {
            unite(*seen.entry(key).or_insert(index), index);
        }
    }
    let mut numbers = HashMap::new();
    (0..exemplars.len())
        .map(|index| {
            let next = numbers.len();
            *numbers.entry(find(&first, index)).or_insert(next)
        })
        .collect()
}
