//! The full measure, applied to a set of exemplars.
//!
//! 1. The correlation proposes placements ([`proposal`](super::proposal)).
//! 2. They are examined note by note ([`examine`](super::examine), [`chain`](super::chain)); a query that is looked for
//!    in music of more than one line is followed through its voices instead ([`embedded`](super::embedded)).
//! 3. What is found is read against what unrelated tunes reach ([`calibration`](super::calibration)).

use std::sync::OnceLock;

use super::Extent;
use super::cohort::{Cohort, Level};
use super::comparer::Comparer;
use super::embedded::{Texture, Tune, is_single_line};
use super::proposal::{Proposals, Scratch};
use super::sequence::{Sequence, Sequences};
use super::store::{Lent, Store};
use crate::alteration::Alteration;
use crate::correlate::Prepared;
use crate::note::Fragment;

/// What the full measure keeps of a set of exemplars.
#[derive(Debug)]
pub(crate) struct Full {
    cohort: Cohort,
    /// What unrelated tunes reach with each exemplar, found out when it is first needed.
    levels: Vec<OnceLock<Level>>,
    /// Of each exemplar that fragments are looked for in, made when it is first needed.
    textures: Vec<OnceLock<Option<Box<Texture>>>>,
}

/// A fragment that is compared.
pub(crate) struct Subject<'a> {
    fragment: &'a Fragment,
    roll: &'a Prepared,
    sequence: Sequence,
    level: OnceLock<Level>,
    tune: OnceLock<Tune>,
    texture: OnceLock<Option<Texture>>,
}

impl<'a> Subject<'a> {
    /// A fragment and its roll.
    pub(crate) fn new(fragment: &'a Fragment, roll: &'a Prepared) -> Self {
        Self {
            fragment,
            roll,
            sequence: Sequence::new(fragment, false),
            level: OnceLock::new(),
            tune: OnceLock::new(),
            texture: OnceLock::new(),
        }
    }
}

/// How like a fragment and an exemplar are, and how the exemplar lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    /// 0 to 1, calibrated.
    pub similarity: f64,
    /// What is done to the exemplar.
    pub alteration: Alteration,
    /// Semitones upwards.
    pub transposition: i32,
    /// Quarters to the right where the notes tell; else the picture does.
    pub shift: Option<f64>,
}

/// Fragments by their place in a store.
pub(crate) type Fragments<'a> = dyn Fn(usize) -> &'a Fragment + Sync + 'a;

impl Full {
    /// For so many exemplars.
    pub(crate) fn new(comparer: &Comparer, len: usize) -> Self {
        let contained = comparer.extent == Extent::Contained;
        Self {
            cohort: Cohort::new(comparer),
            levels: (0..len).map(|_| OnceLock::new()).collect(),
            textures: (0..if contained { len } else { 0 }).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Compares a fragment with some of the exemplars; none where nothing meets.
    pub(crate) fn compare(
        &self,
        comparer: &Comparer,
        (store, fragments): (&Store, &Fragments<'_>),
        subject: &Subject<'_>,
        indices: impl Iterator<Item = usize>,
    ) -> Vec<Option<Found>> {
        let mut scratch = Scratch::default();
        let sets = (store, fragments);
        store.lend(comparer, fragments, subject.roll, |mut lent| {
            indices.map(|index| self.one(comparer, sets, subject, index, &mut lent, &mut scratch)).collect()
        })
    }

    fn one(
        &self,
        comparer: &Comparer,
        (_, fragments): (&Store, &Fragments<'_>),
        subject: &Subject<'_>,
        index: usize,
        lent: &mut Lent<'_, '_>,
        scratch: &mut Scratch,
    ) -> Option<Found> {
        let exemplar = fragments(index);
        match comparer.extent {
            Extent::Contained => {
                let texture = self.textures[index]
                    .get_or_init(|| (!is_single_line(exemplar)).then(|| Box::new(Texture::new(exemplar))));
                if let Some(texture) = texture {
                    let tune = subject.tune.get_or_init(|| comparer.tune(subject.fragment));
                    return comparer.embedded(subject.fragment, tune, texture, exemplar);
                }
            }
            Extent::Containing => {
                let texture = subject
                    .texture
                    .get_or_init(|| (!is_single_line(subject.fragment)).then(|| Texture::new(subject.fragment)));
                if let Some(texture) = texture {
                    return comparer.embedding(exemplar, texture);
                }
            }
            Extent::Whole => {}
        }
        let proposals = match lent {
            Lent::Shelf(evaluator) => Proposals::on_shelf(comparer, evaluator, index, scratch),
            Lent::Drawn(drawn) => Proposals::of_drawings(comparer, subject.roll, &drawn[index]),
        };
        let examined = super::examine::examine(
            comparer.extent,
            &comparer.weights,
            &subject.sequence,
            &Sequences::new(exemplar),
            &proposals,
        )?;
        // Only what is needed is found out: it costs as much as two dozen comparisons.
        let of_fragment =
            || *subject.level.get_or_init(|| self.cohort.level(comparer, subject.roll, &subject.sequence));
        let of_exemplar = || self.level(comparer, index, exemplar);
        let likeness = examined.likeness;
        let similarity = match comparer.extent {
            Extent::Whole => super::calibration::calibrate(likeness, &[of_fragment(), of_exemplar()]),
            Extent::Contained => super::calibration::calibrate(likeness, &[of_fragment()]),
            Extent::Containing => super::calibration::calibrate(likeness, &[of_exemplar()]),
        };
        let proposal = examined.proposal;
        Some(Found { similarity, alteration: proposal.alteration, transposition: proposal.transposition, shift: None })
    }

    /// What unrelated tunes reach with an exemplar.
    pub(crate) fn level(&self, comparer: &Comparer, index: usize, exemplar: &Fragment) -> Level {
        *self.levels[index].get_or_init(|| self.cohort.level_of_exemplar(comparer, exemplar))
    }
}
