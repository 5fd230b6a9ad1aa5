//! The facade: a bank opened once, fragments judged by it.

use std::borrow::Cow;
use std::path::Path;
use std::slice;
use std::sync::OnceLock;

use rayon::prelude::*;
use serde::Serialize;

use crate::bank::{Bank, Label};
use crate::correlate::{Planner, Prepared};
use crate::error::Result;
use crate::note::Fragment;
use crate::similarity::shelf::Shelf;
use crate::similarity::{
    AlteredExemplar, Best, Comparer, DeviceShelf, Difference, Exemplars, Floors, Found, Full, Kinds, Likeness, Measure,
    Offload, Purpose, Store, Subject, Task, Tracker, search,
};
use crate::verdict::{Thresholds, Verdict};

/// How many matches of each label a judgement tells unless something else is asked for.
pub const DEFAULT_TOP: usize = 3;

/// Judges fragments by a bank. May be shared between threads.
///
/// ```
/// use judge::{Fragment, Judge, Verdict};
///
/// let judge = Judge::starter();
/// let stuck = Fragment::from_quarters(&(0..16).map(|i| (60, f64::from(i) / 2.0, 0.5)).collect::<Vec<_>>())?;
/// let judgement = judge.judge(&stuck);
/// assert_eq!(judgement.verdict, Verdict::Bad);
/// println!("vetoed by {}", judgement.bad[0].exemplar);
/// # Ok::<(), judge::Error>(())
/// ```
#[derive(Debug)]
pub struct Judge {
    bank: Bank,
    comparer: Comparer,
    thresholds: Thresholds,
    store: Store,
    /// When that is the measure.
    full: Option<Full>,
    /// What kinds of music the exemplars are, found out when it is first needed.
    kinds: OnceLock<Kinds>,
    /// The store on a graphics processor, when it was worth it.
    offload: Offload,
    top: usize,
    exhaustive: bool,
}

/// How many exemplars of each side, those with the highest correlation, the full measure examines.
///
/// It decides what is found: a likeness that the picture hardly sees is not examined. Of phrases of tune families, in a
/// bank of 450 phrases of other tunes, 87 in 100 have the most similar of all exemplars among the first 10, 96 among 32;
/// the others lose .05 at most but for a few. More take more time.
const EXAMINED: usize = 10;

/// An exemplar that was found to be like a fragment.
#[derive(Debug, Clone, Copy)]
struct Hit {
    index: usize,
    similarity: f64,
    /// How it lies, where the full measure found it.
    found: Option<Found>,
}

/// The most similar exemplars of each side, best first, ties in order of name.
type Hits = [Vec<Hit>; 2];

impl Judge {
    /// Opens the bank in a folder.
    ///
    /// # Errors
    /// As [`Bank::open`].
    pub fn open(bank: impl AsRef<Path>) -> Result<Self> {
        Self::new(Bank::open(bank)?, Planner::default())
    }

    /// The starter bank, which is built in.
    pub fn starter() -> Self {
        let bank = Bank::starter();
        let comparer = bank.comparer(Planner::default());
        Self::with_comparer(bank, comparer)
    }

    /// Judges by a bank as its settings say.
    ///
    /// # Errors
    /// [`Error::Bank`](crate::Error::Bank) when the bank has no exemplars, or lacks good or bad
    /// ones without saying that it may.
    pub fn new(bank: Bank, planner: Planner) -> Result<Self> {
        bank.check_sides()?;
        let comparer = bank.comparer(planner);
        Ok(Self::with_comparer(bank, comparer))
    }

    /// Judges by a bank with another comparer than its settings say. The thresholds stay.
    pub fn with_comparer(bank: Bank, comparer: Comparer) -> Self {
        let exemplars = bank.exemplars();
        let store = Store::new(&comparer, exemplars.len(), |index| &exemplars[index].fragment);
        let full = (comparer.measure == Measure::Full).then(|| Full::new(&comparer, exemplars.len()));
        Self {
            thresholds: bank.thresholds(),
            bank,
            comparer,
            store,
            full,
            kinds: OnceLock::new(),
            offload: Offload::default(),
            top: DEFAULT_TOP,
            exhaustive: false,
        }
    }

    /// Whether every exemplar is compared, also those that cannot decide anything. The answers are
    /// the same; it only costs time.
    #[must_use]
    pub fn exhaustive(mut self, exhaustive: bool) -> Self {
        self.exhaustive = exhaustive;
        self
    }

    /// Tells `top` matches of each label instead of [`DEFAULT_TOP`].
    #[must_use]
    pub fn top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }

    /// The bank.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// The bank, without what was made ready to judge by it.
    pub fn into_bank(self) -> Bank {
        self.bank
    }

    /// How fragments and exemplars are compared.
    pub fn comparer(&self) -> &Comparer {
        &self.comparer
    }

    /// An exemplar's pictures under every alteration, by its index in the bank.
    pub fn altered(&self, index: usize) -> Option<Cow<'_, AlteredExemplar>> {
        match &self.store {
            Store::Drawn(exemplars) => exemplars.get(index).map(Cow::Borrowed),
            Store::Shelf(_) => {
                let exemplar = self.bank.exemplars().get(index)?;
                Some(Cow::Owned(self.comparer.exemplar(&exemplar.fragment)))
            }
        }
    }

    /// Judges a fragment, with the matches that explain it.
    pub fn judge(&self, fragment: &Fragment) -> Judgement {
        let roll = self.comparer.fragment(fragment);
        self.judgement(fragment, &roll, &self.best(fragment, &roll, self.top.max(1)))
    }

    fn judgement(&self, fragment: &Fragment, roll: &Prepared, best: &Hits) -> Judgement {
        let [good, bad] = best;
        let (g, b) = (highest(good), highest(bad));
        let verdict = self.thresholds.verdict(g, b);
        let matches = |hits: &[Hit]| hits.iter().take(self.top).filter_map(|hit| self.explain(roll, hit)).collect();
        Judgement {
            verdict,
            score: self.thresholds.score(g, b, self.lean(fragment)),
            vetoed: verdict == Verdict::Bad,
            good: matches(good),
            bad: matches(bad),
        }
    }

    /// The verdict, the score and the similarities that decide them, without the matches: what a
    /// search loop needs, for less.
    ///
    /// ```
    /// # use judge::{Fragment, Judge};
    /// let judge = Judge::starter();
    /// let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)])?;
    /// assert_eq!(judge.score(&phrase).score, judge.judge(&phrase).score);
    /// # Ok::<(), judge::Error>(())
    /// ```
    pub fn score(&self, fragment: &Fragment) -> Score {
        self.score_of(fragment, &self.comparer.fragment(fragment))
    }

    pub(crate) fn score_of(&self, fragment: &Fragment, roll: &Prepared) -> Score {
        let [good, bad] = self.best(fragment, roll, 1);
        self.score_from([highest(&good), highest(&bad)], self.lean(fragment))
    }

    /// Towards which side the kind of music leans, in the full measure.
    fn lean(&self, fragment: &Fragment) -> f64 {
        if self.full.is_none() {
            return 0.0;
        }
        let kinds = || {
            // What counts for nothing does not count here either.
            let exemplars = self.bank.exemplars().iter().filter(|exemplar| exemplar.weight > 0.0);
            Kinds::new(exemplars.map(|exemplar| (&exemplar.fragment, side(exemplar.label))))
        };
        self.kinds.get_or_init(kinds).lean(fragment)
    }

    /// Towards which side the kind of music of each exemplar leans, by the others.
    pub(crate) fn leans(&self) -> Vec<f64> {
        let exemplars = self.bank.exemplars();
        let mut leans: Vec<_> = exemplars.par_iter().map(|exemplar| self.lean(&exemplar.fragment)).collect();
        if let Some(kinds) = self.kinds.get() {
            let counted: Vec<_> = (0..exemplars.len()).filter(|&index| exemplars[index].weight > 0.0).collect();
            kinds.leave_one_out().into_iter().for_each(|(place, lean)| leans[counted[place]] = lean);
        }
        leans
    }

    /// The exemplars of each side, good and bad, that are most similar to one of them, which is left out: their indices
    /// and similarities, best first.
    pub(crate) fn others(&self, index: usize, top: usize) -> Best {
        let fragment = &self.bank.exemplars()[index].fragment;
        let roll = self.comparer.fragment(fragment);
        let hits = match &self.store {
            Store::Shelf(shelf) => {
                let wanted = self.wanted(top);
                let mut best = self.search(shelf, &roll, wanted + 1, Floors::default());
                for best in &mut best {
                    best.retain(|&(other, _)| other != index);
                    best.truncate(wanted);
                }
                self.examined(fragment, &roll, best, top)
            }
            Store::Drawn(_) => {
                let mut hits = self.best(fragment, &roll, top + 1);
                for hits in &mut hits {
                    hits.retain(|hit| hit.index != index);
                    hits.truncate(top);
                }
                hits
            }
        };
        hits.map(|hits| hits.into_iter().map(|hit| (hit.index, hit.similarity)).collect())
    }

    pub(crate) fn score_from(&self, [good, bad]: [f64; 2], lean: f64) -> Score {
        Score { verdict: self.thresholds.verdict(good, bad), score: self.thresholds.score(good, bad, lean), good, bad }
    }

    /// To keep track of a draft, where correlation alone decides and the exemplars are on a shelf.
    pub(crate) fn tracker(&self) -> Option<Tracker> {
        match &self.store {
            Store::Shelf(shelf) if !self.exhaustive && self.full.is_none() => {
                Some(Tracker::new(shelf, |index| self.side_and_weight(index)))
            }
            _ => None,
        }
    }

    /// The best similarities of a draft; see [`Tracker::best`].
    pub(crate) fn track(
        &self,
        tracker: &mut Tracker,
        roll: &Prepared,
        difference: Difference,
        purpose: Purpose,
        least: [f64; 2],
    ) -> [f64; 2] {
        let Store::Shelf(shelf) = &self.store else { return least };
        self.on_shelf(shelf, |exemplars| {
            exemplars.evaluate(roll, |evaluator| tracker.best(shelf, evaluator, difference, purpose, least))
        })
    }

    fn side_and_weight(&self, index: usize) -> (usize, f64) {
        let exemplar = &self.bank.exemplars()[index];
        (side(exemplar.label), exemplar.weight)
    }

    /// The verdict alone: the cheapest question. It stops at the first exemplar that decides it.
    pub fn verdict(&self, fragment: &Fragment) -> Verdict {
        let (Store::Shelf(shelf), None) = (&self.store, &self.full) else {
            let [good, bad] = self.best(fragment, &self.comparer.fragment(fragment), 1);
            return self.thresholds.verdict(highest(&good), highest(&bad));
        };
        let roll = self.comparer.fragment(fragment);
        let reaches = |label: Label, threshold: f64| {
            // Nothing of the other side is wanted.
            let mut least = [2.0; 2];
            least[side(label)] = threshold;
            let found = self.search(shelf, &roll, 1, Floors { least, any: true });
            !found[side(label)].is_empty()
        };
        if reaches(Label::Bad, self.thresholds.bad()) {
            Verdict::Bad
        } else if reaches(Label::Good, self.thresholds.good()) {
            Verdict::Good
        } else {
            Verdict::Neutral
        }
    }

    /// Judges many fragments, on all cores or on a graphics processor; the answers are in their order.
    ///
    /// ```
    /// # use judge::{Fragment, Judge};
    /// # let judge = Judge::starter();
    /// let phrases = [0, 2, 4].map(|up| Fragment::from_quarters(&[(60, 0.0, 1.0), (60 + up, 1.0, 1.0)]).unwrap());
    /// let best = judge.judge_many(&phrases).into_iter().map(|judgement| judgement.score).fold(0.0, f64::max);
    /// assert!(best > 0.0);
    /// ```
    pub fn judge_many(&self, fragments: &[Fragment]) -> Vec<Judgement> {
        let rolls: Vec<_> = fragments.par_iter().map(|fragment| self.comparer.fragment(fragment)).collect();
        let best = self.best_many(fragments, &rolls, self.top.max(1));
        let all = fragments.par_iter().zip(&rolls).zip(best).with_max_len(1);
        all.map(|((fragment, roll), best)| self.judgement(fragment, roll, &best)).collect()
    }

    /// [`score`](Self::score) for many fragments, on all cores or on a graphics processor; the answers are in their
    /// order.
    ///
    /// ```
    /// # use judge::{Fragment, Judge};
    /// # let judge = Judge::starter();
    /// let phrases = [0, 2, 4].map(|up| Fragment::from_quarters(&[(60, 0.0, 1.0), (60 + up, 1.0, 1.0)]).unwrap());
    /// let scores = judge.score_many(&phrases);
    /// assert_eq!(scores[1], judge.score(&phrases[1]));
    /// ```
    pub fn score_many(&self, fragments: &[Fragment]) -> Vec<Score> {
        let rolls: Vec<_> = fragments.par_iter().map(|fragment| self.comparer.fragment(fragment)).collect();
        let best = self.best_many(fragments, &rolls, 1);
        let score = |(fragment, [good, bad]): (&Fragment, &Hits)| {
            self.score_from([highest(good), highest(bad)], self.lean(fragment))
        };
        fragments.par_iter().zip(&best).with_max_len(1).map(score).collect()
    }

    /// [`best`](Self::best) for many.
    fn best_many(&self, fragments: &[Fragment], rolls: &[Prepared], top: usize) -> Vec<Hits> {
        let pairs = || fragments.par_iter().zip(rolls).with_max_len(1);
        if let Store::Shelf(shelf) = &self.store
            && let Some(device) = self.device(shelf, rolls.len())
        {
            let side = |index| self.side_and_weight(index);
            let (floors, wanted) = (Floors::default(), self.wanted(top));
            let found = self.on_shelf(shelf, |exemplars| {
                let task = Task { exemplars, side: &side, top: wanted, floors, exhaustive: self.exhaustive };
                device.best(&task, rolls)
            });
            return pairs()
                .zip(found)
                .map(|((fragment, roll), best)| self.examined(fragment, roll, best, top))
                .collect();
        }
        pairs().map(|(fragment, roll)| self.best_on_processor(fragment, roll, top)).collect()
    }

    /// How many exemplars of each side the search by correlation is to find.
    fn wanted(&self, top: usize) -> usize {
        if self.full.is_some() { top.max(EXAMINED) } else { top }
    }

    /// Examines what the search by correlation found, where that is the measure.
    fn examined(&self, fragment: &Fragment, roll: &Prepared, best: Best, top: usize) -> Hits {
        match &self.full {
            Some(full) => {
                let indices: Vec<usize> = best.iter().flatten().map(|&(index, _)| index).collect();
                self.hits(full, &Subject::new(fragment, roll), &indices, top)
            }
            None => best.map(|best| {
                best.into_iter().map(|(index, similarity)| Hit { index, similarity, found: None }).collect()
            }),
        }
    }

    /// The most similar of some exemplars by the full measure.
    fn hits(&self, full: &Full, subject: &Subject<'_>, indices: &[usize], top: usize) -> Hits {
        let exemplars = self.bank.exemplars();
        let fragments = |index: usize| &exemplars[index].fragment;
        let found = full.compare(&self.comparer, (&self.store, &fragments), subject, indices.iter().copied());
        let mut hits = Hits::default();
        for (&index, found) in indices.iter().zip(found) {
            let (side, weight) = self.side_and_weight(index);
            let similarity = weight * found.map_or(0.0, |found| found.similarity);
            hits[side].push(Hit { index, similarity, found });
        }
        sorted(hits, top)
    }

    /// The exemplars on the graphics processor, where so many fragments are worth it.
    fn device(&self, shelf: &Shelf, fragments: usize) -> Option<&DeviceShelf> {
        self.offload.device(self.comparer.planner, shelf, fragments, &|index| self.side_and_weight(index))
    }

    fn best(&self, fragment: &Fragment, roll: &Prepared, top: usize) -> Hits {
        match &self.store {
            Store::Shelf(shelf) if self.device(shelf, 1).is_some() => {
                self.best_many(slice::from_ref(fragment), slice::from_ref(roll), top).pop().unwrap_or_default()
            }
            _ => self.best_on_processor(fragment, roll, top),
        }
    }

    fn best_on_processor(&self, fragment: &Fragment, roll: &Prepared, top: usize) -> Hits {
        let exemplars = match &self.store {
            Store::Shelf(shelf) => {
                let best = self.search(shelf, roll, self.wanted(top), Floors::default());
                return self.examined(fragment, roll, best, top);
            }
            Store::Drawn(exemplars) => exemplars,
        };
        if let Some(full) = &self.full {
            let indices: Vec<usize> = (0..exemplars.len()).collect();
            let subject = Subject::new(fragment, roll);
            let parts: Vec<Hits> =
                indices.par_chunks(8).map(|indices| self.hits(full, &subject, indices, top)).collect();
            let mut hits = Hits::default();
            for part in parts {
                hits.iter_mut().zip(part).for_each(|(hits, part)| hits.extend(part));
            }
            return sorted(hits, top);
        }
        let similarities: Vec<_> = exemplars
            .par_iter()
            .zip(self.bank.exemplars())
            .map(|(altered, exemplar)| exemplar.weight * self.comparer.similarity(roll, altered))
            .collect();
        let mut hits = Hits::default();
        for (index, (similarity, exemplar)) in similarities.into_iter().zip(self.bank.exemplars()).enumerate() {
            hits[side(exemplar.label)].push(Hit { index, similarity, found: None });
        }
        sorted(hits, top)
    }

    fn search(&self, shelf: &Shelf, roll: &Prepared, top: usize, floors: Floors) -> Best {
        self.on_shelf(shelf, |exemplars| {
            let side = |index| self.side_and_weight(index);
            search(&Task { exemplars, side: &side, top, floors, exhaustive: self.exhaustive }, roll)
        })
    }

    /// Lends the exemplars of the shelf.
    fn on_shelf<R>(&self, shelf: &Shelf, work: impl FnOnce(Exemplars<'_>) -> R) -> R {
        let draw = |index: usize, alteration: &_| {
            self.comparer.rendering.draw(&self.bank.exemplars()[index].fragment, alteration)
        };
        work(Exemplars { shelf, comparer: &self.comparer, draw: &draw })
    }

    /// The match with an exemplar, with its placement.
    fn explain(&self, roll: &Prepared, hit: &Hit) -> Option<Match> {
        let exemplar = &self.bank.exemplars()[hit.index];
        let mut likeness = match (&self.store, &hit.found) {
            (_, Some(found)) => self.comparer.locate(roll, &exemplar.fragment, found),
            (Store::Drawn(exemplars), None) => self.comparer.compare(roll, &exemplars[hit.index])?,
            (Store::Shelf(shelf), None) => {
                let alterations = self.on_shelf(shelf, |exemplars| {
                    exemplars.evaluate(roll, |evaluator| evaluator.best_alterations(hit.index))
                });
                self.comparer.compare_under(roll, &exemplar.fragment, alterations.into_iter())?
            }
        };
        likeness.similarity = hit.similarity;
        Some(Match::new(exemplar.name.clone(), hit.index, &likeness))
    }
}

/// The best of each side, in order.
fn sorted(mut hits: Hits, top: usize) -> Hits {
    for hits in &mut hits {
        // The bank is in order of names.
        hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.index.cmp(&b.index)));
        hits.truncate(top);
    }
    hits
}

/// The place of a label in [`Best`].
fn side(label: Label) -> usize {
    match label {
        Label::Good => 0,
        Label::Bad => 1,
    }
}

fn highest(hits: &[Hit]) -> f64 {
    hits.first().map_or(0.0, |hit| hit.similarity)
}

/// What a search loop needs of a judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Good, bad, or neutral.
    pub verdict: Verdict,
    /// 0 to 1: rises with the best good similarity, falls with the best bad one.
    pub score: f64,
    /// The highest similarity to a good exemplar, 0 to 1.
    pub good: f64,
    /// The highest similarity to a bad exemplar, 0 to 1.
    pub bad: f64,
}

/// What is said of a fragment, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Good, bad, or neutral.
    pub verdict: Verdict,
    /// 0 to 1: rises with the best good similarity, falls with the best bad one.
    pub score: f64,
    /// Whether a bad exemplar decided.
    pub vetoed: bool,
    /// The best matches with good exemplars, the most similar first.
    pub good: Vec<Match>,
    /// The best matches with bad exemplars, the most similar first.
    pub bad: Vec<Match>,
}

/// How a fragment resembles an exemplar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Match {
    /// The exemplar's name: its path in the bank.
    pub exemplar: String,
    /// 0 to 1.
    pub similarity: f64,
    /// Sum of the products of the pixels that meet.
    pub brightness: f64,
    /// Semitones by which the exemplar is laid higher.
    pub transposition: i32,
    /// How many times as long the exemplar is laid.
    pub stretch: f64,
    /// Whether it is laid upside down.
    pub inverted: bool,
    /// Whether it is laid backwards.
    pub retrograde: bool,
    /// Quarters by which it is laid later.
    pub shift: f64,
    /// The exemplar's index in the bank.
    #[serde(skip)]
    pub index: usize,
    /// The likeness that this tells.
    #[serde(skip)]
    pub likeness: Likeness,
}

impl Match {
    /// Tells a likeness with an exemplar of some name and index.
    pub fn new(exemplar: String, index: usize, likeness: &Likeness) -> Self {
        let alteration = likeness.placement.alteration;
        Self {
            exemplar,
            similarity: likeness.similarity,
            brightness: likeness.brightness,
            transposition: likeness.placement.offset.transposition,
            stretch: alteration.stretch.as_f64(),
            inverted: alteration.inverted,
            retrograde: alteration.retrograde,
            shift: likeness.shift,
            index,
            likeness: *likeness,
        }
    }
}
