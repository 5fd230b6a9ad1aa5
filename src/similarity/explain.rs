//! Which notes of two fragments a likeness pairs, and where it stretches the time.

use serde::Serialize;

use super::chain::{Aligner, Common};
use super::comparer::{Comparer, Likeness};
use super::sequence::Sequence;
use super::{Extent, Measure};
use crate::note::Fragment;

/// Times that differ by more than this, in quarters, are told as stretched.
const NOTICEABLE: f64 = 0.1;

/// What a likeness consists of, note by note. Notes are counted from 0, in the order of [`Fragment::notes`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Explanation {
    /// A note of the fragment and the exemplar's note that it stands for, in order of time.
    pub matched: Vec<(usize, usize)>,
    /// Of those the ones whose pitch differs: the same pair, and by how many semitones the fragment's is higher.
    pub altered: Vec<(usize, usize, i32)>,
    /// Notes of the exemplar that the fragment lacks.
    pub missing: Vec<usize>,
    /// Notes of the fragment that the exemplar lacks.
    pub added: Vec<usize>,
    /// Where the time from one matched note to the next differs.
    pub stretched: Vec<Stretched>,
}

/// A place where the time from one matched note to the next is not that of the exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stretched {
    /// When the earlier of the two begins, in quarters from the fragment's first onset.
    pub at: f64,
    /// Quarters from there to the next one in the fragment.
    pub quarters: f64,
    /// The same in the exemplar as it is laid.
    pub expected: f64,
}

impl Comparer {
    /// Explains a likeness that [`likeness`](Self::likeness) or a judgement told of the two.
    ///
    /// ```
    /// use judge::similarity::Comparer;
    /// use judge::Fragment;
    ///
    /// let tune = [(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 1.0), (60, 3.0, 1.0), (67, 4.0, 2.0)];
    /// let ornamented = [(60, 0.0, 1.0), (62, 1.0, 0.5), (65, 1.5, 0.5), (64, 2.0, 1.0), (60, 3.0, 1.0), (67, 4.5, 2.0)];
    /// let [tune, ornamented] = [&tune[..], &ornamented[..]].map(|notes| Fragment::from_quarters(notes).unwrap());
    ///
    /// let comparer = Comparer::default();
    /// let likeness = comparer.likeness(&ornamented, &tune).unwrap();
    /// let explanation = comparer.explain(&ornamented, &tune, &likeness);
    /// assert_eq!(explanation.matched, [(0, 0), (1, 1), (3, 2), (4, 3), (5, 4)]);
    /// assert_eq!(explanation.added, [2]);
    /// assert_eq!(explanation.stretched[0].quarters, 1.5);
    /// ```
    pub fn explain(&self, fragment: &Fragment, exemplar: &Fragment, likeness: &Likeness) -> Explanation {
        let placement = likeness.placement;
        let alteration = placement.alteration;
        let x = Sequence::new(fragment, false);
        let k = Sequence::new(exemplar, alteration.retrograde);
        let stretch = alteration.stretch.as_f64();
        let common = if self.extent == Extent::Whole { Common::Both } else { Common::First };
        let up = placement.offset.transposition;
        let links = Aligner::lend(|aligner| {
            aligner.first.load(&x, 1.0, false);
            aligner.second.load(&k, stretch, alteration.inverted);
            aligner.links(up, common)
        });
        // By correlation alone only what lies where the picture lies is matched.
        let is_there = |first: usize, second: usize| {
            self.measure == Measure::Full
                || (x.onsets[first] - k.onsets[second] * stretch - likeness.shift).abs() <= NOTICEABLE
        };
        let links: Vec<_> = links.into_iter().filter(|link| is_there(link.first, link.second)).collect();

        let twice = 2 * i32::from(k.axis);
        let laid = |pitch: u8| if alteration.inverted { twice - i32::from(pitch) } else { pitch.into() } + up;
        let mut explanation = Explanation::default();
        for link in &links {
            let mut theirs: Vec<usize> = group(&k, link.second).collect();
            for ours in group(&x, link.first) {
                let pitch = i32::from(x.pitches[ours]);
                let distance = |other: usize| (pitch - laid(k.pitches[other])).abs();
                // In a chord the nearest one that is left.
                let Some(nearest) = (0..theirs.len()).min_by_key(|&place| distance(theirs[place])) else { break };
                let other = theirs.remove(nearest);
                let pair = (x.notes[ours] as usize, k.notes[other] as usize);
                explanation.matched.push(pair);
                if distance(other) > 0 {
                    explanation.altered.push((pair.0, pair.1, pitch - laid(k.pitches[other])));
                }
            }
        }
        for pair in links.windows(2) {
            let quarters = x.onsets[pair[1].first] - x.onsets[pair[0].first];
            let expected = (k.onsets[pair[1].second] - k.onsets[pair[0].second]) * stretch;
            if (quarters - expected).abs() > NOTICEABLE {
                explanation.stretched.push(Stretched { at: x.onsets[pair[0].first], quarters, expected });
            }
        }
        let [mut ours, mut theirs] = [fragment, exemplar].map(|it| vec![true; it.notes().len()]);
        for &(one, other) in &explanation.matched {
            ours[one] = false;
            theirs[other] = false;
        }
        let left = |left: &[bool]| (0..left.len()).filter(|&note| left[note]).collect();
        explanation.added = left(&ours);
        explanation.missing = left(&theirs);
        explanation
    }
}

/// The notes of a group.
fn group(sequence: &Sequence, index: usize) -> std::ops::Range<usize> {
    sequence.groups[index] as usize..sequence.groups[index + 1] as usize
}
