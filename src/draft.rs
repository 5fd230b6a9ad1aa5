//! A fragment that is changed note by note, judged after each change for a fraction of the cost.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::correlate::Prepared;
use crate::error::{Error, Origin, Result};
use crate::judge::{Judge, Score, or_none};
use crate::note::{Fragment, Note};
use crate::scorer::Candidate;
use crate::similarity::{Difference, Purpose, Tracker};

/// A change of one note of a [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edit {
    /// Adds a note, which comes last in [`Draft::notes`].
    Add(Note),
    /// Removes the note at an index; those after it move up.
    Remove(usize),
    /// Puts another note in the place of the one at an index.
    Replace(usize, Note),
}

/// A fragment in the making: it tells the score of each change of a note, the same as
/// [`Judge::score`] of the changed fragment, from what it knows of the unchanged one.
///
/// Where the correlation measure decides, what it keeps is an upper bound on the brightness of each exemplar under each alteration; a
/// changed note raises it by no more than its length, so few exemplars have to be looked at again. By the full
/// measure each change is judged anew. What was considered is remembered until an edit is made (4,096 edits at most): to
/// make it then, or to consider it again, costs next to nothing.
///
/// ```
/// use judge::{Draft, Edit, Fragment, Judge, Note};
///
/// let judge = Judge::starter();
/// let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 1.0), (60, 3.0, 1.0)])?;
/// let mut draft = Draft::new(&judge, &phrase);
/// let mut best = draft.score();
/// // Every way to move one note by up to a third; the best one is kept.
/// let mut choice = None;
/// for index in 0..draft.notes().len() {
///     for by in [-4i8, -3, -2, -1, 1, 2, 3, 4] {
///         let note = draft.notes()[index];
///         let edit = Edit::Replace(index, Note { pitch: note.pitch.saturating_add_signed(by), ..note });
///         let score = draft.consider(edit)?;
///         if score.score > best.score {
///             (best, choice) = (score, Some(edit));
///         }
///     }
/// }
/// if let Some(edit) = choice {
///     assert_eq!(draft.apply(edit)?, best);
/// }
/// assert_eq!(judge.score(&draft.fragment()), best);
/// # Ok::<(), judge::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    judge: &'a Judge,
    notes: Vec<Note>,
    drawn: Drawn,
    score: Score,
    /// Nothing where more than the correlation decides: each change is judged anew then.
    tracker: Option<Tracker>,
    /// The scores of edits that were considered since the last one was made.
    considered: HashMap<Edit, Score>,
}

/// No more edits than this are remembered.
const REMEMBERED: usize = 1 << 12;

/// A fragment with its picture.
#[derive(Debug, Clone)]
struct Drawn {
    fragment: Fragment,
    roll: Prepared,
}

impl<'a> Draft<'a> {
    /// Begins with a fragment.
    pub fn new(judge: &'a Judge, fragment: &Fragment) -> Self {
        let lead = fragment.lead();
        let notes = fragment.notes().iter().map(|note| Note { onset: note.onset + lead, ..*note }).collect();
        let roll = judge.comparer().fragment(fragment);
        let opinion = judge.opinions(&[fragment.into()]).pop().and_then(or_none);
        let score = judge.score_of(fragment, &roll, opinion);
        let mut tracker = judge.tracker();
        if let Some(tracker) = &mut tracker {
            judge.track(tracker, &roll, Difference::NONE, Purpose::Keep, [score.good, score.bad]);
        }
        Self {
            judge,
            notes,
            drawn: Drawn { fragment: fragment.clone(), roll },
            score,
            tracker,
            considered: HashMap::new(),
        }
    }

    /// The notes in the order of their indices. Their times are in ticks from where the times of the
    /// fragment that it began with were counted, [its lead](Fragment::lead) included.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The fragment as it is now.
    pub fn fragment(&self) -> &Fragment {
        &self.drawn.fragment
    }

    /// The score as it is now.
    pub fn score(&self) -> Score {
        self.score
    }

    /// The score that an edit would give; nothing is changed.
    ///
    /// # Errors
    /// [`Error::Malformed`] when there is no note at the index, or the new one is not one that a
    /// fragment may have; [`Error::Silent`] when no note would be left; what a [scorer](Judge::with_scorer) says that fails.
    pub fn consider(&mut self, edit: Edit) -> Result<Score> {
        if let Some(score) = self.considered.get(&edit) {
            return Ok(*score);
        }
        let drawn = self.draw(self.edited(edit)?)?;
        let score = self.look(&drawn, Purpose::Look)?;
        self.remember(edit, score);
        Ok(score)
    }

    fn remember(&mut self, edit: Edit, score: Score) {
        if self.considered.len() >= REMEMBERED {
            self.considered.clear();
        }
        self.considered.insert(edit, score);
    }

    /// [`consider`](Self::consider) for many edits, each of the draft as it is; the scores are in their order. By the full
    /// measure all cores work at once.
    ///
    /// ```
    /// # use judge::{Draft, Edit, Fragment, Judge, Note};
    /// # let judge = Judge::starter();
    /// # let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 1.0), (60, 3.0, 1.0)])?;
    /// let mut draft = Draft::new(&judge, &phrase);
    /// let edits: Vec<Edit> = (0..draft.notes().len()).map(Edit::Remove).collect();
    /// let scores = draft.consider_many(&edits)?;
    /// assert_eq!(scores[2], draft.consider(edits[2])?);
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`consider`](Self::consider), of the first edit that cannot be made.
    pub fn consider_many(&mut self, edits: &[Edit]) -> Result<Vec<Score>> {
        if self.tracker.is_some() {
            return edits.iter().map(|&edit| self.consider(edit)).collect();
        }
        let mut scores: Vec<Option<Score>> = edits.iter().map(|edit| self.considered.get(edit).copied()).collect();
        let new: Vec<usize> = (0..edits.len()).filter(|&at| scores[at].is_none()).collect();
        let drawn: Vec<Drawn> = new.iter().map(|&at| self.draw(self.edited(edits[at])?)).collect::<Result<_>>()?;
        let candidates: Vec<Candidate<'_>> = drawn.iter().map(|drawn| (&drawn.fragment).into()).collect();
        let opinions: Vec<_> = self.judge.opinions(&candidates).into_iter().collect::<Result<_>>()?;
        let all = drawn.par_iter().zip(&opinions).with_max_len(1);
        let found: Vec<_> =
            all.map(|(drawn, opinion)| self.judge.score_of(&drawn.fragment, &drawn.roll, *opinion)).collect();
        for (at, score) in new.into_iter().zip(found) {
            scores[at] = Some(score);
            self.remember(edits[at], score);
        }
        Ok(scores.into_iter().flatten().collect())
    }

    /// Makes an edit and gives the new score.
    ///
    /// # Errors
    /// As [`consider`](Self::consider); nothing is changed then.
    pub fn apply(&mut self, edit: Edit) -> Result<Score> {
        let notes = self.edited(edit)?;
        let drawn = self.draw(notes.clone())?;
        self.score = match (self.considered.get(&edit), &mut self.tracker) {
            (Some(&score), Some(tracker)) => {
                tracker.follow(difference(&self.drawn, &drawn));
                score
            }
            (Some(&score), None) => score,
            (None, _) => self.look(&drawn, Purpose::Keep)?,
        };
        self.considered.clear();
        (self.notes, self.drawn) = (notes, drawn);
        Ok(self.score)
    }

    /// The notes after an edit.
    fn edited(&self, edit: Edit) -> Result<Vec<Note>> {
        let mut notes = self.notes.clone();
        let count = notes.len();
        let missing = |index: usize| {
            let problem = format!("there is no note {index}: the draft has {count} notes, counted from 0");
            Error::Malformed { origin: Origin::Memory, problem }
        };
        match edit {
            Edit::Add(note) => notes.push(note),
            Edit::Replace(index, note) => *notes.get_mut(index).ok_or_else(|| missing(index))? = note,
            Edit::Remove(index) if index < count => drop(notes.remove(index)),
            Edit::Remove(index) => return Err(missing(index)),
        }
        Ok(notes)
    }

    fn draw(&self, notes: Vec<Note>) -> Result<Drawn> {
        let fragment = Fragment::new(notes, self.drawn.fragment.ticks_per_quarter())?;
        let roll = self.judge.comparer().fragment(&fragment);
        Ok(Drawn { fragment, roll })
    }

    fn look(&mut self, new: &Drawn, purpose: Purpose) -> Result<Score> {
        let opinion = self.judge.opinions(&[(&new.fragment).into()]).pop().transpose()?.flatten();
        let Some(tracker) = &mut self.tracker else {
            return Ok(self.judge.score_of(&new.fragment, &new.roll, opinion));
        };
        let difference = difference(&self.drawn, new);
        let best = self.judge.track(tracker, &new.roll, difference, purpose, [0.0; 2]);
        Ok(self.judge.score_from(best, 0.0, opinion))
    }
}

fn difference(old: &Drawn, new: &Drawn) -> Difference {
    // Removing the first note, or adding one before it, moves the picture.
    let later = new.fragment.to_quarters(new.fragment.lead()) - old.fragment.to_quarters(old.fragment.lead());
    let shift = (later * f64::from(old.roll.roll().resolution())).round() as i64;
    Difference::new(old.roll.roll(), new.roll.roll(), shift)
}
