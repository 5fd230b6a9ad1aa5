//! The facade: a bank opened once, fragments judged by it.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::slice;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::Serialize;

use crate::bank::{Bank, Label};
use crate::cnn::Network;
use crate::correlate::{Planner, Prepared};
use crate::error::{Error, Origin, Result};
use crate::note::Fragment;
use crate::scorer::{Candidate, Opinion, Scorer};
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
    /// The side (0 or 1) and the weight of each exemplar, close together for searches.
    sides: Vec<(usize, f64)>,
    store: Store,
    /// When that is the measure.
    full: Option<Full>,
    /// What kinds of music the exemplars are, found out when it is first needed.
    kinds: OnceLock<Kinds>,
    /// The store on a graphics processor, when it was worth it.
    offload: Offload,
    top: usize,
    exhaustive: bool,
    scorer: Option<Weighted>,
}

/// A scorer, and how much its opinion counts.
struct Weighted {
    scorer: Arc<dyn Scorer>,
    weight: f64,
}

impl fmt::Debug for Weighted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weighted").field("weight", &self.weight).finish_non_exhaustive()
    }
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
    /// Opens the bank in a folder, and the network that its settings name, if they do.
    ///
    /// # Errors
    /// As [`Bank::open`] and [`Network::of_bank`].
    pub fn open(bank: impl AsRef<Path>) -> Result<Self> {
        let judge = Self::new(Bank::open(bank)?, Planner::default())?;
        match Network::of_bank(judge.bank())? {
            Some((network, weight)) => judge.with_scorer(Arc::new(network), weight),
            None => Ok(judge),
        }
    }

    /// The starter bank, which is built in.
    pub fn starter() -> Self {
        let bank = Bank::starter();
        let comparer = bank.comparer(Planner::default());
        Self::with_comparer(bank, comparer)
    }

    /// Judges by the exemplars of a bank, as its settings say. A network that they name is not asked.
    ///
    /// # Errors
    /// [`Error::Bank`] when the bank has no exemplars, or lacks good or bad
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
        let full = (comparer.measure == Measure::Full).then(|| {
            let full = Full::new(&comparer, exemplars.len());
            let known = bank.levels(full.key());
            full.knowing(known)
        });
        let sides = exemplars.iter().map(|exemplar| (side(exemplar.label), exemplar.weight)).collect();
        Self {
            thresholds: bank.thresholds(),
            sides,
            bank,
            comparer,
            store,
            full,
            kinds: OnceLock::new(),
            offload: Offload::default(),
            top: DEFAULT_TOP,
            exhaustive: false,
            scorer: None,
        }
    }

    /// Blends the opinion of a scorer into the scores, in the place of any other: see
    /// [`Thresholds::blend`](crate::verdict::Thresholds::blend), whose vote is the weight times the opinion's
    /// [vote](Opinion::vote). Verdicts stay those of the exemplars, and with a weight of 0 scores do too, to the last bit.
    ///
    /// A scorer may fail. [`judge_candidates`](Self::judge_candidates) and [`score_candidates`](Self::score_candidates)
    /// tell that; where they cannot, the answer is that of the exemplars alone, its `opinion` is none, and the failure is
    /// logged.
    ///
    /// # Errors
    /// [`Error::Option`] for a weight that is not 0 to 1.
    pub fn with_scorer(mut self, scorer: Arc<dyn Scorer>, weight: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&weight) {
            let expected = "a number from 0 to 1";
            return Err(Error::Option { name: "weight of the scorer", value: weight.to_string(), expected });
        }
        self.scorer = Some(Weighted { scorer, weight });
        Ok(self)
    }

    /// The scorer whose opinions are blended in, with its weight.
    pub fn scorer(&self) -> Option<(&dyn Scorer, f64)> {
        self.scorer.as_ref().map(|Weighted { scorer, weight }| (scorer.as_ref(), *weight))
    }

    /// The opinions of the scorer, where there is one.
    pub(crate) fn opinions(&self, candidates: &[Candidate<'_>]) -> Vec<Result<Option<Opinion>>> {
        let Some(Weighted { scorer, .. }) = &self.scorer else { return candidates.iter().map(|_| Ok(None)).collect() };
        let ask = |candidates: &[Candidate<'_>]| -> Result<Vec<Opinion>> {
            let opinions = scorer.opinions(candidates)?;
            if opinions.len() != candidates.len() {
                let problem = format!("the scorer has {} opinions on {} fragments", opinions.len(), candidates.len());
                return Err(Error::Malformed { origin: Origin::Memory, problem });
            }
            Ok(opinions)
        };
        match ask(candidates) {
            Ok(opinions) => opinions.into_iter().map(|opinion| Ok(Some(opinion))).collect(),
            Err(error) if candidates.len() == 1 => vec![Err(error)],
            // Only those that cannot be judged are to be without.
            Err(_) => candidates.iter().map(|it| ask(slice::from_ref(it)).map(|told| told.first().copied())).collect(),
        }
    }

    /// The opinion on one; of a scorer that fails there is none.
    fn opinion(&self, fragment: &Fragment) -> Option<Opinion> {
        self.scorer.as_ref()?;
        self.opinions(&[fragment.into()]).pop().and_then(or_none)
    }

    /// Blends an opinion into a score.
    pub(crate) fn blended(&self, score: f64, bad: f64, opinion: Option<Opinion>) -> f64 {
        match (opinion, &self.scorer) {
            (Some(opinion), Some(Weighted { weight, .. })) => {
                self.thresholds.blend(score, bad, weight * opinion.vote())
            }
            _ => score,
        }
    }

    /// Whether every exemplar is compared, also those that cannot decide anything. The answers are
    /// the same; it only costs time.
    #[must_use]
    pub fn exhaustive(mut self, exhaustive: bool) -> Self {
        self.exhaustive = exhaustive;
        self
    }

    /// Tells `top` matches of each label instead of [`DEFAULT_TOP`]. By the full measure more than ten also has more
    /// exemplars examined, which takes longer and may find a likeness that would have been missed.
    #[must_use]
    pub fn top(mut self, top: usize) -> Self {
        self.top = top;
        self
    }

    /// The bank.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// Keeps what was found out about exemplars in the [cache](crate::bank#cache) of their bank, where it has one: by the
    /// full measure, what likeness unrelated music reaches with each exemplar that was examined, which need not be found
    /// out again then. Little is not worth being written. Without success nothing is lost but time.
    pub fn remember(&self) {
        if let Some(full) = &self.full {
            let (levels, new) = full.levels();
            self.bank.keep_levels(full.key(), new, levels);
        }
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
        let best = self.best(fragment, &roll, self.top.max(1));
        self.judgement(fragment, &roll, &best, self.opinion(fragment))
    }

    fn judgement(&self, fragment: &Fragment, roll: &Prepared, best: &Hits, opinion: Option<Opinion>) -> Judgement {
        let [good, bad] = best;
        let (g, b) = (highest(good), highest(bad));
        let verdict = self.thresholds.verdict(g, b);
        let matches = |hits: &[Hit]| hits.iter().take(self.top).filter_map(|hit| self.explain(roll, hit)).collect();
        Judgement {
            verdict,
            score: self.blended(self.thresholds.score(g, b, self.lean(fragment)), b, opinion),
            vetoed: verdict == Verdict::Bad,
            good: matches(good),
            bad: matches(bad),
            opinion,
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
        self.score_of(fragment, &self.comparer.fragment(fragment), self.opinion(fragment))
    }

    pub(crate) fn score_of(&self, fragment: &Fragment, roll: &Prepared, opinion: Option<Opinion>) -> Score {
        let [good, bad] = self.best(fragment, roll, 1);
        self.score_from([highest(&good), highest(&bad)], self.lean(fragment), opinion)
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

    pub(crate) fn score_from(&self, [good, bad]: [f64; 2], lean: f64, opinion: Option<Opinion>) -> Score {
        let score = self.blended(self.thresholds.score(good, bad, lean), bad, opinion);
        Score { verdict: self.thresholds.verdict(good, bad), score, good, bad, opinion }
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
        self.sides[index]
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
        let candidates: Vec<_> = fragments.iter().map(Candidate::from).collect();
        let opinions = self.opinions(&candidates).into_iter().map(or_none).collect::<Vec<_>>();
        self.judgements(&candidates, &opinions)
    }

    /// [`judge_many`](Self::judge_many) that tells of each fragment whether the scorer failed on it, and hands the scorer
    /// what is known of their sound.
    ///
    /// # Errors
    /// In the place of the judgement: what the scorer says.
    pub fn judge_candidates(&self, candidates: &[Candidate<'_>]) -> Vec<Result<Judgement>> {
        self.asked(candidates, Self::judgements)
    }

    /// [`score_many`](Self::score_many), as [`judge_candidates`](Self::judge_candidates) is to
    /// [`judge_many`](Self::judge_many).
    ///
    /// # Errors
    /// In the place of the score: what the scorer says.
    pub fn score_candidates(&self, candidates: &[Candidate<'_>]) -> Vec<Result<Score>> {
        self.asked(candidates, Self::scores)
    }

    /// Answers about the candidates that the scorer does not fail on.
    fn asked<A>(
        &self,
        candidates: &[Candidate<'_>],
        answers: impl Fn(&Self, &[Candidate<'_>], &[Option<Opinion>]) -> Vec<A>,
    ) -> Vec<Result<A>> {
        let told = self.opinions(candidates);
        let known = candidates.iter().zip(&told).filter_map(|(it, opinion)| Some((*it, *opinion.as_ref().ok()?)));
        let (candidates, opinions): (Vec<_>, Vec<_>) = known.unzip();
        let mut answers = answers(self, &candidates, &opinions).into_iter();
        // There is an answer for each that the scorer did not fail on, in their order.
        told.into_iter().filter_map(|opinion| opinion.map(|_| answers.next()).transpose()).collect()
    }

    fn judgements(&self, candidates: &[Candidate<'_>], opinions: &[Option<Opinion>]) -> Vec<Judgement> {
        let rolls: Vec<_> = candidates.par_iter().map(|it| self.comparer.fragment(it.fragment)).collect();
        let best = self.best_many(candidates, &rolls, self.top.max(1));
        let all = candidates.par_iter().zip(&rolls).zip(best).zip(opinions).with_max_len(1);
        all.map(|(((it, roll), best), opinion)| self.judgement(it.fragment, roll, &best, *opinion)).collect()
    }

    fn scores(&self, candidates: &[Candidate<'_>], opinions: &[Option<Opinion>]) -> Vec<Score> {
        let rolls: Vec<_> = candidates.par_iter().map(|it| self.comparer.fragment(it.fragment)).collect();
        let best = self.best_many(candidates, &rolls, 1);
        let all = candidates.par_iter().zip(&best).zip(opinions).with_max_len(1);
        all.map(|((it, [good, bad]), opinion)| {
            self.score_from([highest(good), highest(bad)], self.lean(it.fragment), *opinion)
        })
        .collect()
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
        let candidates: Vec<_> = fragments.iter().map(Candidate::from).collect();
        let opinions = self.opinions(&candidates).into_iter().map(or_none).collect::<Vec<_>>();
        self.scores(&candidates, &opinions)
    }

    /// [`best`](Self::best) for many.
    fn best_many(&self, candidates: &[Candidate<'_>], rolls: &[Prepared], top: usize) -> Vec<Hits> {
        let pairs = || candidates.par_iter().map(|it| it.fragment).zip(rolls).with_max_len(1);
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
        // What is told decides too, so that a score is that of its judgement.
        if self.full.is_some() { top.max(self.top).max(EXAMINED) } else { top }
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
                self.best_many(&[fragment.into()], slice::from_ref(roll), top).pop().unwrap_or_default()
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

/// The opinion of a scorer, if it did not fail.
pub(crate) fn or_none(told: Result<Option<Opinion>>) -> Option<Opinion> {
    told.unwrap_or_else(|error| {
        log::error!("judged by the exemplars alone: {error}");
        None
    })
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
    /// 0 to 1: rises with the best good similarity and the opinion of a scorer, falls with the best bad one.
    pub score: f64,
    /// The highest similarity to a good exemplar, 0 to 1.
    pub good: f64,
    /// The highest similarity to a bad exemplar, 0 to 1.
    pub bad: f64,
    /// The opinion that is blended into the score, where there is a [scorer](Judge::with_scorer).
    pub opinion: Option<Opinion>,
}

/// What is said of a fragment, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Good, bad, or neutral.
    pub verdict: Verdict,
    /// 0 to 1: rises with the best good similarity and the opinion of a scorer, falls with the best bad one.
    pub score: f64,
    /// Whether a bad exemplar decided.
    pub vetoed: bool,
    /// The best matches with good exemplars, the most similar first.
    pub good: Vec<Match>,
    /// The best matches with bad exemplars, the most similar first.
    pub bad: Vec<Match>,
    /// The opinion that is blended into the score, where there is a [scorer](Judge::with_scorer).
    pub opinion: Option<Opinion>,
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
