//! Music that has nothing to do with what is compared: what likeness it reaches by chance.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use super::Extent;
use super::comparer::Comparer;
use super::examine::examine;
use super::full::Fragments;
use super::proposal::Scratch;
use super::sequence::{Made, Sequence, Sequences};
use super::store::Store;
use crate::alteration::Alterations;
use crate::correlate::Prepared;
use crate::notation;
use crate::note::Fragment;

macro_rules! sources {
    ($($name:literal)*) => { [$(include_str!(concat!("../../fragments/source/good/", $name, ".txt"))),*] };
}

/// Tunes of many kinds, all single lines in the public domain. Real tunes do, shuffled and generated ones do not: they
/// resemble nothing, so anything would seem to stand out.
const SOURCES: [&str; 24] = sources!(
    "adeste-fideles" "auld-lang-syne" "bach-fugue-g-minor-subject" "bach-jesu-joy" "beethoven-ode-to-joy"
    "brahms-lullaby" "branle-de-l-official" "clementine" "drunken-sailor" "god-rest-ye-merry" "greensleeves"
    "haydn-surprise-andante" "home-on-the-range" "irish-washerwoman" "korobeiniki" "londonderry-air" "mo-li-hua"
    "mozart-symphony-40" "nos-galan" "o-tannenbaum" "old-hundredth" "stille-nacht" "veni-emmanuel" "yankee-doodle"
);

#[expect(clippy::expect_used, reason = "the content is fixed when the crate is built, and a test reads all of it")]
static TUNES: LazyLock<Vec<Fragment>> = LazyLock::new(|| {
    let read = |text: &&str| notation::parse(text).and_then(|score| score.fragment());
    SOURCES.iter().map(|text| read(text).expect("the built-in tunes are sound")).collect()
});

static SEQUENCES: LazyLock<Vec<Made>> = LazyLock::new(|| TUNES.iter().map(|_| Made::default()).collect());

/// The tunes that are left out of account: those with the highest likeness, since one of them may be a version of the
/// fragment itself.
const LEFT_OUT: usize = 2;

/// How many placements with each tune are examined: fewer than of a pair, since two dozen tunes stand for each other.
/// Whole melodies, MAP, with 1, 2 and 4: .919, .927, .927; the starter bank, judged by itself, AUC, with 2 and 4: .881, .918.
const PROPOSALS: usize = 4;

/// To be raised whenever the same tunes reach other levels than before.
const FINDING: u32 = 1;

/// A spread below this is taken for this: it says no more than that the fragment is very long.
const LEAST_SPREAD: f64 = 0.02;

/// What likeness unrelated music reaches with a fragment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Level {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub spread: f64,
}

impl Level {
    /// How many standard deviations a likeness lies above the mean.
    pub(crate) fn standing(&self, likeness: f64) -> f64 {
        (likeness - self.mean) / self.spread
    }
}

/// Where levels are told that were found out before.
pub(crate) trait KnownLevels: fmt::Debug + Send + Sync {
    /// The level of an exemplar, if it is known.
    fn level(&self, exemplar: &Fragment) -> Option<Level>;
}

/// The tunes, ready to be compared as a comparer does it, but for mirrors: they would cost four times as much, and
/// say the same.
#[derive(Debug)]
pub(crate) struct Cohort {
    comparer: Comparer,
    store: Store,
}

impl Cohort {
    /// For a comparer.
    pub(crate) fn new(comparer: &Comparer) -> Self {
        let alterations = Alterations { inversion: false, retrograde: false, ..comparer.alterations.clone() };
        let extent = match comparer.extent {
            Extent::Containing => Extent::Contained,
            extent => extent,
        };
        let comparer = Comparer { alterations, extent, ..comparer.clone() };
        Self { store: Store::new(&comparer, TUNES.len(), |index| &TUNES[index]), comparer }
    }

    /// What levels depend on beside the exemplar, as a number that may be another one in other builds of this crate.
    pub(crate) fn key(&self) -> u64 {
        // Taken apart, so that nothing can be forgotten here. Planners all plan the same answers.
        let Comparer { measure, extent, alterations, weights, transpositions, rendering, planner: _ } = &self.comparer;
        let mut hasher = DefaultHasher::new();
        format!("{measure:?} {extent:?} {alterations:?} {weights:?} {transpositions:?} {rendering:?}")
            .hash(&mut hasher);
        (FINDING, env!("CARGO_PKG_VERSION"), SOURCES, LEFT_OUT, PROPOSALS).hash(&mut hasher);
        hasher.finish()
    }

    /// What the tunes reach with a fragment: with an exemplar too, which is taken for the fragment then. Where one is
    /// looked for in the other it is the query.
    pub(crate) fn level(&self, roll: &Prepared, sequence: &Sequence) -> Level {
        let Self { comparer, store } = self;
        let fragments: &Fragments<'_> = &|index| &TUNES[index];
        let mut scratch = Scratch::default();
        store.lend(comparer, fragments, roll, |mut lent| {
            let likeness = |index: usize| {
                let proposals = lent.proposals(comparer, roll, (index, PROPOSALS), &mut scratch);
                let weights = &comparer.weights;
                let tune = Sequences { fragment: &TUNES[index], made: &SEQUENCES[index] };
                let examined = examine(comparer.extent, weights, sequence, tune, proposals.as_slice());
                examined.map_or(0.0, |it| it.likeness)
            };
            Level::of((0..TUNES.len()).map(likeness).collect())
        })
    }
}

impl Level {
    /// Whether it is a level that could be found out.
    pub(crate) fn can_be(&self) -> bool {
        (0.0..=1.0).contains(&self.mean) && (LEAST_SPREAD..=1.0).contains(&self.spread)
    }

    fn of(mut likeness: Vec<f64>) -> Self {
        likeness.sort_by(f64::total_cmp);
        likeness.truncate(likeness.len() - LEFT_OUT);
        let count = likeness.len() as f64;
        let mean = likeness.iter().sum::<f64>() / count;
        let variance = likeness.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / count;
        Self { mean, spread: variance.sqrt().max(LEAST_SPREAD) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::{Ink, Rendering};

    #[test]
    fn the_tunes_are_lines() {
        assert!(TUNES.iter().all(|tune| Sequence::new(tune, false).is_line()));
    }

    /// If this fails, levels that banks keep are no longer those that are found out: raise [`FINDING`], and write down
    /// what is printed.
    #[test]
    fn levels_are_those_of_this_finding() {
        let chords: Vec<_> =
            (0..12u8).map(|it| (50 + it % 3 * 4 + it / 3, f64::from(it / 3) * 1.5, 0.5 + f64::from(it % 2))).collect();
        let chords = Fragment::from_quarters(&chords).unwrap();
        let onsets = Rendering { ink: Ink::Onset, ..Rendering::default() };
        let level = |(extent, rendering, fragment): (Extent, Rendering, &Fragment)| {
            let cohort = Cohort::new(&Comparer { extent, rendering, ..Comparer::default() });
            let level = cohort.level(&cohort.comparer.fragment(fragment), &Sequence::new(fragment, false));
            (level.mean, level.spread)
        };
        let whole = Rendering::default();
        let found = [
            (Extent::Whole, whole, &TUNES[0]),
            (Extent::Whole, whole, &chords),
            (Extent::Containing, whole, &TUNES[9]),
            (Extent::Containing, onsets, &chords),
        ]
        .map(level);
        let near = |(a, b): ((f64, f64), (f64, f64))| (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6;
        assert!(found.into_iter().zip(LEVELS).all(near), "{FINDING}: {found:?}");
    }

    /// Printed by the test when it fails.
    const LEVELS: [(f64, f64); 4] = [
        (0.226114018252243, 0.06981444930424453),
        (0.1352166095165184, 0.026066638899450018),
        (0.2919164591641732, 0.07065961460573962),
        (0.2143505147812397, 0.04840195982726467),
    ];
}
