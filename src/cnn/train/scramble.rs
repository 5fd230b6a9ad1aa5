//! Music in disorder.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::note::{Fragment, Note};

/// A fragment with its pitches or its rhythm in disorder, by chance; with the other where there is but one way to order
/// one. `None` where that is so of both.
pub fn scrambled(fragment: &Fragment, seed: u64) -> Option<Fragment> {
    let ways: [fn(&Fragment, u64) -> Option<Fragment>; 2] = [with_shuffled_pitches, with_shuffled_rhythm];
    let first = usize::from(Pcg64Mcg::seed_from_u64(seed).random_bool(0.5));
    ways[first](fragment, seed).or_else(|| ways[1 - first](fragment, seed))
}

/// A fragment whose notes have each other's pitches: the same rhythm, the same pitches, another melody. `None` where all
/// have one pitch.
///
/// ```
/// use judge::cnn::train::scramble::with_shuffled_pitches;
/// let phrase = judge::Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 2.0)])?;
/// let shuffled = with_shuffled_pitches(&phrase, 1).unwrap();
/// assert_eq!(shuffled, judge::Fragment::from_quarters(&[(64, 0.0, 1.0), (60, 1.0, 2.0)])?);
/// # Ok::<(), judge::Error>(())
/// ```
pub fn with_shuffled_pitches(fragment: &Fragment, seed: u64) -> Option<Fragment> {
    let mut notes = fragment.notes().to_vec();
    let pitches: Vec<u8> = notes.iter().map(|note| note.pitch).collect();
    let shuffled = reordered(&pitches, seed)?;
    notes.iter_mut().zip(shuffled).for_each(|(note, pitch)| note.pitch = pitch);
    Fragment::new(notes, fragment.ticks_per_quarter()).ok()
}

/// A fragment whose notes come in the same order, with the times from one to the next, and the lengths that belong to
/// them, in another. Notes that begin together stay together. `None` where one time is as any other.
///
/// ```
/// use judge::cnn::train::scramble::with_shuffled_rhythm;
/// let phrase = judge::Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 2.0)])?;
/// let shuffled = with_shuffled_rhythm(&phrase, 1).unwrap();
/// assert_eq!(shuffled, judge::Fragment::from_quarters(&[(60, 0.0, 2.0), (64, 2.0, 1.0)])?);
/// # Ok::<(), judge::Error>(())
/// ```
pub fn with_shuffled_rhythm(fragment: &Fragment, seed: u64) -> Option<Fragment> {
    let chords: Vec<&[Note]> = fragment.notes().chunk_by(|a, b| a.onset == b.onset).collect();
    let length = |chord: &[Note]| chord.iter().map(|note| note.duration).max().unwrap_or(0);
    // How long until the next begins, and how long it sounds; after the last nothing begins.
    let until_next = |index: usize| match chords.get(index + 1) {
        Some(next) => next[0].onset - chords[index][0].onset,
        None => length(chords[index]),
    };
    let times: Vec<(u64, u64)> =
        chords.iter().enumerate().map(|(index, chord)| (until_next(index), length(chord))).collect();
    let shuffled = reordered(&times, seed)?;
    let mut onset = 0;
    let mut notes = Vec::with_capacity(fragment.notes().len());
    for (chord, (until_next, sounding)) in chords.iter().zip(shuffled) {
        let own = length(chord).max(1);
        // Within a chord lengths keep their proportion.
        let scaled = |duration: u64| (u128::from(duration) * u128::from(sounding) / u128::from(own)) as u64;
        notes.extend(chord.iter().map(|note| Note { onset, duration: scaled(note.duration), ..*note }));
        onset += until_next;
    }
    Fragment::new(notes, fragment.ticks_per_quarter()).ok()
}

/// The same things in another order; `None` where all are the same.
fn reordered<T: Copy + PartialEq>(things: &[T], seed: u64) -> Option<Vec<T>> {
    if things.iter().all(|thing| *thing == things[0]) {
        return None;
    }
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut shuffled = things.to_vec();
    while shuffled == things {
        shuffled.shuffle(&mut random);
    }
    Some(shuffled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_stay_chords() {
        let notes = [(60, 0.0, 1.0), (64, 0.0, 0.5), (62, 1.0, 2.0), (65, 4.0, 0.5)];
        let piece = Fragment::from_quarters(&notes).unwrap();
        for seed in 0..50 {
            let shuffled = with_shuffled_rhythm(&piece, seed).unwrap();
            let [a, b] = [&shuffled.notes()[0], &shuffled.notes()[1]];
            assert_eq!((a.pitch, b.pitch, a.onset, b.onset, a.duration), (60, 64, 0, 0, 2 * b.duration));
            assert_ne!(shuffled, piece);
            assert_ne!(scrambled(&piece, seed), Some(piece.clone()));
        }
    }

    #[test]
    fn what_has_one_order_is_not_shuffled() {
        let even = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)]).unwrap();
        let level = Fragment::from_quarters(&[(60, 0.0, 1.0), (60, 1.0, 2.0)]).unwrap();
        let single = Fragment::from_quarters(&[(60, 0.0, 1.0)]).unwrap();
        assert!(with_shuffled_rhythm(&even, 1).is_none() && with_shuffled_pitches(&level, 1).is_none());
        assert!((0..10).all(|seed| scrambled(&even, seed).is_some() && scrambled(&level, seed).is_some()));
        assert!(scrambled(&single, 1).is_none());
    }
}
