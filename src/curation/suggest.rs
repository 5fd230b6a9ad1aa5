//! Which fragments are worth labelling next.
//!
//! A label teaches most where the bank is in doubt (uncertainty sampling: Lewis and Gale, "A sequential algorithm for
//! training text classifiers", 1994), and where it knows nothing (farthest-first traversal: Gonzalez, "Clustering to
//! minimize the maximum intercluster distance", 1985). Both are suggested in turn, never two that are alike.

use crate::judge::{Judge, Score};
use crate::note::Fragment;
use crate::similarity::Gallery;

/// How near to a threshold the likeness of a fragment is that the bank is in doubt about.
const DOUBT: f64 = 0.2;

/// A fragment without a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it is called: the path of its file.
    pub name: String,
    /// The part of the file that it is, from and to in quarters from the beginning of the file; none for all of it.
    pub span: Option<(f64, f64)>,
    /// The music.
    pub fragment: Fragment,
}

/// Why a fragment is suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its likeness to an exemplar is close to a threshold.
    Doubtful,
    /// It resembles nothing in the bank, nor what is suggested before it.
    Novel,
}

/// A fragment that is worth a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suggestion {
    /// Its index among the candidates.
    pub candidate: usize,
    /// What the bank says of it.
    pub score: Score,
    /// Why.
    pub reason: Reason,
}

/// The `count` candidates that are most worth a label, the best first. `each` is called with how many more have been
/// judged.
///
/// ```
/// use judge::curation::{suggest, Candidate, Reason};
/// use judge::{Fragment, Judge};
///
/// let new = Fragment::from_quarters(&[(60, 0.0, 0.5), (71, 0.5, 2.5), (49, 3.0, 0.5), (66, 3.5, 1.5), (55, 5.0, 0.5)])?;
/// let candidate = |name: &str| Candidate { name: name.into(), span: None, fragment: new.clone() };
/// let suggestions = suggest(&Judge::starter(), &[candidate("new.mid"), candidate("copy.mid")], 10, |_| ());
/// // The copy is not suggested as well.
/// assert_eq!(suggestions.len(), 1);
/// assert_eq!(suggestions[0].reason, Reason::Novel);
/// # Ok::<(), judge::Error>(())
/// ```
pub fn suggest(judge: &Judge, candidates: &[Candidate], count: usize, each: impl Fn(usize)) -> Vec<Suggestion> {
    let fragments: Vec<_> = candidates.iter().map(|candidate| candidate.fragment.clone()).collect();
    let mut scores = Vec::with_capacity(fragments.len());
    for part in fragments.chunks(64) {
        scores.extend(judge.score_many(part));
        each(part.len());
    }
    let thresholds = judge.bank().thresholds();
    let margin = |score: &Score| (score.good - thresholds.good()).abs().min((score.bad - thresholds.bad()).abs());
    let gallery = Gallery::new(judge.comparer(), fragments.iter().collect(), false);

    // How like each is to the bank or to what has been suggested.
    let mut known: Vec<f64> = scores.iter().map(|score| score.good.max(score.bad)).collect();
    let mut alike = vec![0.0f64; fragments.len()];
    let mut left: Vec<bool> = vec![true; fragments.len()];
    let mut suggestions = Vec::new();
    let mut reason = Reason::Doubtful;
    while suggestions.len() < count {
        let open = |index: &usize| left[*index] && alike[*index] < thresholds.good().min(thresholds.bad());
        let least = |value: &dyn Fn(usize) -> f64| {
            (0..fragments.len()).filter(open).min_by(|&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)))
        };
        let doubtful = least(&|index| margin(&scores[index])).filter(|&index| margin(&scores[index]) < DOUBT);
        let novel = least(&|index| known[index]);
        let (candidate, why) = match (reason, doubtful, novel) {
            (Reason::Doubtful, Some(index), _) => (index, Reason::Doubtful),
            (_, _, Some(index)) => (index, Reason::Novel),
            (_, _, None) => break,
        };
        suggestions.push(Suggestion { candidate, score: scores[candidate], reason: why });
        left[candidate] = false;
        for (index, similarity) in gallery.similarities(&fragments[candidate]).into_iter().enumerate() {
            known[index] = known[index].max(similarity);
            alike[index] = alike[index].max(similarity);
        }
        reason = if why == Reason::Doubtful { Reason::Novel } else { Reason::Doubtful };
    }
    suggestions
}
