//! What a curator should look at.

use std::collections::BTreeSet;

use super::{DoubleGroup, Evaluation, LeftOut, doubles, leave_one_out};
use crate::bank::{Bank, Label};
use crate::correlate::Planner;
use crate::error::Result;
use crate::judge::Judge;

/// An exemplar is long from this many quarters on: as a whole it resembles hardly any phrase.
const LONG: f64 = 128.0;

/// A hub is like at least this share of the other exemplars, and at least so many of them, of whose pairs at most this
/// share are alike: the versions of one tune are no hubs.
const HUB_SHARE: f64 = 0.1;
const HUB_LEAST: usize = 5;
const HUB_CLUSTERING: f64 = 0.3;

/// A good and a bad exemplar that are alike above the veto threshold: the one is vetoed for the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contradiction {
    /// Index of the good exemplar.
    pub good: usize,
    /// Index of the bad exemplar.
    pub bad: usize,
    /// How alike they are, 0 to 1.
    pub similarity: f64,
}

/// An exemplar that much of the bank resembles, so that it says little (Radovanović, Nanopoulos and Ivanović, "Hubs in
/// space", 2010).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hub {
    /// Its index.
    pub index: usize,
    /// How many of the others, on both sides, it is like from the threshold on.
    pub reached: usize,
}

/// What was found in a bank.
#[derive(Debug)]
pub struct Findings {
    /// Exemplars that are the same under some placement.
    pub doubles: Vec<DoubleGroup>,
    /// Good exemplars that a bad one vetoes, the most alike first.
    pub contradictions: Vec<Contradiction>,
    /// Exemplars that are like everything, the worst first.
    pub hubs: Vec<Hub>,
    /// Exemplars so long that they hardly resemble any fragment as a whole.
    pub long: Vec<usize>,
    /// Exemplars that are the nearest of their side to none of the others, or count nothing: they never decide anything.
    pub idle: Vec<usize>,
    /// Exemplars of which is not known where they come from or how they may be used.
    pub undocumented: Vec<usize>,
    /// Whether the exemplars have changed since the thresholds were computed.
    pub outdated_thresholds: bool,
    /// What each exemplar is to the others.
    pub left_out: Vec<LeftOut>,
}

impl Findings {
    /// Whether nothing has to be mended. Long, idle and undocumented exemplars are told, but harm nobody.
    pub fn is_clean(&self) -> bool {
        self.doubles.is_empty() && self.contradictions.is_empty() && self.hubs.is_empty() && !self.outdated_thresholds
    }
}

/// Looks through a bank. `each` is called twice for each exemplar.
///
/// # Errors
/// As [`Judge::new`].
pub fn check(bank: Bank, planner: Planner, each: impl Fn() + Sync) -> Result<(Judge, Findings)> {
    let doubles = doubles(&bank, planner, &each);
    let judge = Judge::new(bank, planner)?;
    let left_out = leave_one_out(&judge, &each);
    let bank = judge.bank();
    let exemplars = bank.exemplars();
    let thresholds = bank.thresholds();

    let mut reached = vec![BTreeSet::new(); exemplars.len()];
    let mut contradictions = Vec::new();
    for it in &left_out {
        for (label, threshold) in [(Label::Good, thresholds.good()), (Label::Bad, thresholds.bad())] {
            for &(other, similarity) in it.nearest(label).iter().filter(|(_, similarity)| *similarity >= threshold) {
                reached[other].insert(it.index);
                if label == Label::Bad && it.label == Label::Good {
                    contradictions.push(Contradiction { good: it.index, bad: other, similarity });
                }
            }
        }
    }
    contradictions.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then((a.good, a.bad).cmp(&(b.good, b.bad))));
    let few = (HUB_SHARE * exemplars.len() as f64).max(HUB_LEAST as f64);
    let mut hubs: Vec<_> = (0..exemplars.len())
        .map(|index| Hub { index, reached: reached[index].len() })
        .filter(|hub| hub.reached as f64 >= few && clustering(&reached, hub.index) <= HUB_CLUSTERING)
        .collect();
    hubs.sort_by_key(|hub| (usize::MAX - hub.reached, hub.index));

    let mut nearest = vec![false; exemplars.len()];
    for it in &left_out {
        for side in [&it.good, &it.bad] {
            if let Some(&(other, _)) = side.first() {
                nearest[other] = true;
            }
        }
    }
    let those =
        |wanted: &dyn Fn(usize) -> bool| (0..exemplars.len()).filter(|&index| wanted(index)).collect::<Vec<_>>();
    let useful = Evaluation::usefulness(&left_out);
    let findings = Findings {
        contradictions,
        hubs,
        long: those(&|index| exemplars[index].fragment.quarters() > LONG),
        idle: those(&|index| exemplars[index].weight == 0.0 || !nearest[index] && useful[index] == Default::default()),
        undocumented: those(&|index| exemplars[index].source.is_empty() || exemplars[index].licence.is_empty()),
        outdated_thresholds: bank.calibration().is_some_and(|it| it.exemplars != fingerprint(bank)),
        doubles,
        left_out,
    };
    Ok((judge, findings))
}

/// The share of the pairs of those that an exemplar reaches that reach each other.
fn clustering(reached: &[BTreeSet<usize>], index: usize) -> f64 {
    let around: Vec<_> = reached[index].iter().copied().collect();
    let alike = |a: usize, b: usize| reached[a].contains(&b) || reached[b].contains(&a);
    let pairs = around.len() * around.len().saturating_sub(1) / 2;
    let found: usize =
        (1..around.len()).map(|end| (0..end).filter(|&start| alike(around[start], around[end])).count()).sum();
    found as f64 / pairs.max(1) as f64
}

/// A checksum of the names, weights and notes of a bank's exemplars, as hexadecimal digits.
pub fn fingerprint(bank: &Bank) -> String {
    let mut hasher = crc32fast::Hasher::new();
    for exemplar in bank.exemplars() {
        hasher.update(exemplar.name.as_bytes());
        hasher.update(&exemplar.weight.to_le_bytes());
        hasher.update(&exemplar.fragment.ticks_per_quarter().to_le_bytes());
        for note in exemplar.fragment.notes() {
            hasher.update(&[note.pitch]);
            hasher.update(&note.onset.to_le_bytes());
            hasher.update(&note.duration.to_le_bytes());
        }
    }
    format!("{:08x}", hasher.finalize())
}
