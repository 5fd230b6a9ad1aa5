//! The full measure, applied to a set of exemplars.
//!
//! 1. The correlation proposes placements ([`proposal`](super::proposal)).
//! 2. They are examined note by note ([`examine`](super::examine), [`chain`](super::chain)); a query that is looked for
//!    in music of more than one line is followed through its voices instead ([`embedded`](super::embedded)).
//! 3. What is found is read against what unrelated tunes reach ([`calibration`](super::calibration)).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::calibration::calibrate;
use super::cohort::{Cohort, KnownLevels, Level};
use super::comparer::{Comparer, Likeness, Placement};
use super::embedded::{Texture, Tune, is_single_line};
use super::examine::examine;
use super::proposal::{PROPOSALS, Scratch};
use super::sequence::{Made, Sequence, Sequences};
use super::store::{Lent, Store};
use super::{Extent, Measure};
use crate::alteration::Alteration;
use crate::correlate::{Correlator, Lags, Offset, Prepared, Search};
use crate::note::Fragment;

/// What the full measure keeps of a set of exemplars.
#[derive(Debug)]
pub(crate) struct Full {
    cohort: Cohort,
    /// What unrelated tunes reach with each exemplar, found out when it is first needed.
    levels: Vec<OnceLock<Level>>,
    /// Where those are told that were found out before.
    known: Option<Box<dyn KnownLevels>>,
    /// How many were not.
    found: AtomicUsize,
    /// The notes of each exemplar, as far as they were needed; none are kept of very many exemplars.
    sequences: Vec<Made>,
    /// Of each exemplar that fragments are looked for in, made when it is first needed.
    textures: Vec<OnceLock<Option<Box<Texture>>>>,
}

/// Of no more exemplars than this the notes are kept: some hundred bytes each, twice when they are looked at backwards.
const MOST_KEPT: usize = 10_000;

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
            known: None,
            found: AtomicUsize::new(0),
            sequences: (0..if len <= MOST_KEPT { len } else { 0 }).map(|_| Made::default()).collect(),
            textures: (0..if contained { len } else { 0 }).map(|_| OnceLock::new()).collect(),
        }
    }

    /// What the levels of exemplars depend on beside them; see [`Cohort::key`].
    pub(crate) fn key(&self) -> u64 {
        self.cohort.key()
    }

    /// The same, which asks here before it finds out a level.
    pub(crate) fn knowing(self, known: Option<Box<dyn KnownLevels>>) -> Self {
        Self { known, ..self }
    }

    /// The levels of exemplars that were examined, with their indices; and how many of them had to be found out.
    pub(crate) fn levels(&self) -> (impl Iterator<Item = (usize, Level)>, usize) {
        let levels = self.levels.iter().enumerate().filter_map(|(index, level)| Some((index, *level.get()?)));
        (levels, self.found.load(Ordering::Relaxed))
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
        store.lend(comparer, fragments, subject.roll, |mut lent| {
            indices
                .map(|index| self.one(comparer, (index, fragments(index)), subject, &mut lent, &mut scratch))
                .collect()
        })
    }

    fn one(
        &self,
        comparer: &Comparer,
        (index, exemplar): (usize, &Fragment),
        subject: &Subject<'_>,
        lent: &mut Lent<'_, '_>,
        scratch: &mut Scratch,
    ) -> Option<Found> {
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
        let proposals = lent.proposals(comparer, subject.roll, (index, PROPOSALS), scratch);
        let unkept = Made::default();
        let made = self.sequences.get(index).unwrap_or(&unkept);
        let examined = examine(
            comparer.extent,
            &comparer.weights,
            &subject.sequence,
            Sequences { fragment: exemplar, made },
            proposals.as_slice(),
        )?;
        // Only what is needed is found out: it costs as much as two dozen comparisons.
        let of_fragment = || *subject.level.get_or_init(|| self.cohort.level(subject.roll, &subject.sequence));
        let of_exemplar = || self.level(comparer, index, exemplar);
        let likeness = examined.likeness;
        let similarity = match comparer.extent {
            Extent::Whole => calibrate(likeness, &[of_fragment(), of_exemplar()]),
            Extent::Contained => calibrate(likeness, &[of_fragment()]),
            Extent::Containing => calibrate(likeness, &[of_exemplar()]),
        };
        let proposal = examined.proposal;
        Some(Found { similarity, alteration: proposal.alteration, transposition: proposal.transposition, shift: None })
    }

    /// What unrelated tunes reach with an exemplar.
    fn level(&self, comparer: &Comparer, index: usize, exemplar: &Fragment) -> Level {
        *self.levels[index].get_or_init(|| {
            self.known.as_ref().and_then(|known| known.level(exemplar)).unwrap_or_else(|| {
                self.found.fetch_add(1, Ordering::Relaxed);
                self.cohort.level(&comparer.fragment(exemplar), &Sequence::new(exemplar, false))
            })
        })
    }
}

impl Comparer {
    /// How like a fragment and an exemplar are by the measure, over all placements; `None` when no placement is in
    /// reach. Many exemplars are compared faster by a [`Gallery`](super::Gallery).
    ///
    /// ```
    /// use judge::similarity::Comparer;
    /// use judge::Fragment;
    ///
    /// let tune = [(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 1.0), (60, 3.0, 1.0), (67, 4.0, 2.0), (65, 6.0, 2.0)];
    /// // A passing note more, and a breath before the last note.
    /// let varied =
    ///     [(65, 0.0, 1.0), (67, 1.0, 1.0), (69, 2.0, 0.5), (67, 2.5, 0.5), (65, 3.0, 1.0), (72, 4.0, 2.0), (70, 6.5, 2.0)];
    /// let [tune, varied] = [&tune[..], &varied[..]].map(|notes| Fragment::from_quarters(notes).unwrap());
    ///
    /// let likeness = Comparer::default().likeness(&varied, &tune).unwrap();
    /// assert!(likeness.similarity > 0.7);
    /// assert_eq!(likeness.placement.offset.transposition, 5);
    /// assert_eq!(Comparer::default().likeness(&tune, &tune).unwrap().similarity, 1.0);
    /// ```
    pub fn likeness(&self, fragment: &Fragment, exemplar: &Fragment) -> Option<Likeness> {
        let roll = self.fragment(fragment);
        if self.measure == Measure::Correlation {
            return self.compare(&roll, &self.exemplar(exemplar));
        }
        let store = Store::new(self, 1, |_| exemplar);
        let full = Full::new(self, 1);
        let found = full.compare(self, (&store, &|_| exemplar), &Subject::new(fragment, &roll), 0..1).pop()??;
        Some(self.locate(&roll, exemplar, &found))
    }

    /// Where an exemplar that was found lies on the picture of a fragment: where the notes say, or where it is brightest
    /// at its transposition.
    pub(crate) fn locate(&self, roll: &Prepared, exemplar: &Fragment, found: &Found) -> Likeness {
        let Found { similarity, alteration, transposition, shift } = *found;
        let drawing = Prepared::new(self.rendering.draw(exemplar, &alteration));
        let (offset, brightness) = match shift {
            Some(quarters) => {
                let columns = (quarters * f64::from(roll.roll().resolution())).round() as i64;
                let offset = Offset { transposition, shift: columns };
                let there = self.planner.overlap(roll, &drawing, &Lags::at(offset)).values;
                (offset, there.first().copied().map_or(0.0, f64::from))
            }
            None => {
                let search = Search { transpositions: Some(transposition..=transposition), shifts: None };
                match self.planner.peak(roll, &drawing, &search) {
                    Some(peak) => (peak.offset, peak.brightness),
                    None => (Offset { transposition, shift: 0 }, 0.0),
                }
            }
        };
        let shift = roll.roll().to_quarters(offset.shift);
        Likeness { similarity, brightness, placement: Placement { alteration, offset }, shift }
    }
}
