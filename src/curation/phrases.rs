//! Where the phrases of a long piece are.
//!
//! The Local Boundary Detection Model (Cambouropoulos, "The Local Boundary Detection Model and its application in the
//! study of expressive timing", 2001) gives each step from note to note of the upper voice a strength: how large its
//! pitch interval, its time to the next onset and its rest are, and how much they differ from their neighbours. Of all
//! divisions into phrases of a sensible length the one with the strongest boundaries is taken (by dynamic programming;
//! the model itself only says that strong boundaries are likely).

use crate::note::Fragment;

/// The shortest phrase, in quarters.
pub const SHORTEST_PHRASE: f64 = 6.0;
/// The longest phrase, in quarters.
pub const LONGEST_PHRASE: f64 = 32.0;

/// The weights of the model: pitch, onsets, rests.
const WEIGHTS: [f64; 3] = [0.25, 0.5, 0.25];

/// What a boundary must be worth, in mean strengths of all steps. With 1.5 the phrases that editors marked in Dutch folk
/// songs (MTC-ANN, boundaries within half a quarter) are found best: precision .75, recall .60.
const COST: f64 = 1.5;

/// The phrases of a fragment, from and to in quarters from its first onset; the whole where it is one phrase.
///
/// ```
/// use judge::{curation::phrases, Fragment};
/// // Two phrases that end with a long note.
/// let phrase = |at: f64| (0..7).map(move |i| (60 + i as u8, at + f64::from(i), if i == 6 { 2.0 } else { 1.0 }));
/// let notes: Vec<_> = phrase(0.0).chain(phrase(8.0)).collect();
/// assert_eq!(phrases(&Fragment::from_quarters(&notes)?), [(0.0, 8.0), (8.0, 16.0)]);
/// # Ok::<(), judge::Error>(())
/// ```
pub fn phrases(fragment: &Fragment) -> Vec<(f64, f64)> {
    let line = skyline(fragment);
    let length = fragment.quarters();
    if line.len() < 3 || length < 2.0 * SHORTEST_PHRASE {
        return vec![(0.0, length)];
    }
    let strengths = strengths(&line);
    let cost = COST * strengths.iter().sum::<f64>() / strengths.len() as f64;
    // best[i]: of the divisions of what is before note i that end there, the greatest worth, and where the last phrase
    // of it begins. The end of the piece is one more place.
    let ends = |index: usize| line.get(index).map_or(length, |note| note.onset);
    let mut best: Vec<(f64, usize)> = vec![(f64::NEG_INFINITY, 0); line.len() + 1];
    best[0].0 = 0.0;
    for end in 1..=line.len() {
        let worth = if end < line.len() { strengths[end - 1] - cost } else { 0.0 };
        for start in (0..end).rev() {
            let phrase = ends(end) - ends(start);
            if phrase > LONGEST_PHRASE && start + 1 < end {
                break;
            }
            // Where there is no other way a phrase may be too short or too long.
            let odd = if (SHORTEST_PHRASE..=LONGEST_PHRASE).contains(&phrase) { 0.0 } else { 2.0 };
            let total = best[start].0 + worth - odd;
            if total > best[end].0 {
                best[end] = (total, start);
            }
        }
    }
    let mut found = Vec::new();
    let mut end = line.len();
    while end > 0 {
        let start = best[end].1;
        found.push((ends(start), ends(end)));
        end = start;
    }
    found.reverse();
    found
}

struct Note {
    onset: f64,
    end: f64,
    pitch: f64,
}

/// The highest note of each onset.
fn skyline(fragment: &Fragment) -> Vec<Note> {
    let mut line: Vec<Note> = Vec::new();
    // Notes that begin together are in order of pitch.
    for note in fragment.notes() {
        let onset = fragment.to_quarters(note.onset);
        if line.last().is_some_and(|last| last.onset == onset) {
            line.pop();
        }
        line.push(Note { onset, end: fragment.to_quarters(note.end()), pitch: f64::from(note.pitch) });
    }
    line
}

/// How strong a boundary the step from each note to the next is, 0 to 1.
fn strengths(line: &[Note]) -> Vec<f64> {
    let steps = |of: fn(&Note, &Note) -> f64| line.windows(2).map(|pair| of(&pair[0], &pair[1])).collect::<Vec<_>>();
    let parameters = [
        steps(|a, b| (b.pitch - a.pitch).abs()),
        steps(|a, b| b.onset - a.onset),
        steps(|a, b| (b.onset - a.end).max(0.0)),
    ];
    let mut total = vec![0.0; line.len() - 1];
    for (values, weight) in parameters.iter().zip(WEIGHTS) {
        let change = |a: f64, b: f64| if a + b > 0.0 { (a - b).abs() / (a + b) } else { 0.0 };
        let strength = |index: usize| {
            let before = index.checked_sub(1).map_or(0.0, |before| change(values[before], values[index]));
            let after = values.get(index + 1).map_or(0.0, |&after| change(values[index], after));
            values[index] * (before + after)
        };
        let strengths: Vec<_> = (0..values.len()).map(strength).collect();
        let most = strengths.iter().copied().fold(0.0, f64::max);
        if most > 0.0 {
            total.iter_mut().zip(strengths).for_each(|(total, strength)| *total += weight * strength / most);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn phrases_divide_the_whole(
            steps in prop::collection::vec((40u8..90, 0u8..40, 1u8..30), 1..80),
        ) {
            let mut at = 0.0;
            let mut notes = Vec::new();
            for (pitch, step, length) in steps {
                at += f64::from(step) / 4.0;
                notes.push((pitch, at, f64::from(length) / 4.0));
            }
            let fragment = Fragment::from_quarters(&notes).unwrap();
            let phrases = phrases(&fragment);
            prop_assert_eq!(phrases[0].0, 0.0);
            prop_assert_eq!(phrases[phrases.len() - 1].1, fragment.quarters());
            prop_assert!(phrases.windows(2).all(|pair| pair[0].1 == pair[1].0));
            prop_assert!(phrases.iter().all(|(from, to)| from < to));
        }
    }
}
