//! A fragment as a sequence of onsets: what the alignment of notes works on.

use std::sync::OnceLock;

use crate::note::Fragment;

/// Notes that begin within this many quarters of the first of them begin together: players do not strike the notes
/// of a chord at once, and nobody hears it.
const TOGETHER: f64 = 0.1;

/// The shortest duration that is told apart, in quarters.
const SHORTEST: f64 = 1.0 / 24.0;

/// The power of a note's duration that is its weight: long notes carry a melody.
pub(crate) const WEIGHT: f32 = 0.7;

/// Groups of notes that begin together, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sequence {
    /// MIDI note numbers; those of a group one after the other.
    pub pitches: Vec<u8>,
    /// log2 of the durations in quarters.
    pub lengths: Vec<f32>,
    /// Durations to the power [`WEIGHT`].
    pub weights: Vec<f32>,
    /// The notes' indices in the fragment.
    pub notes: Vec<u32>,
    /// Where each group begins among the notes, and where the last one ends.
    pub groups: Vec<u32>,
    /// For each group the quarters since the one before it, and since the one before that; 0 where there is none.
    pub steps: [Vec<f32>; 2],
    /// For each group when it begins, in quarters.
    pub onsets: Vec<f64>,
    /// The pitch about which the fragment is turned upside down.
    pub axis: u8,
}

impl Sequence {
    /// The fragment as it is, or backwards in time.
    pub(crate) fn new(fragment: &Fragment, backwards: bool) -> Self {
        struct At {
            onset: f64,
            duration: f64,
            pitch: u8,
            note: u32,
        }
        let end = fragment.quarters();
        let mut notes: Vec<At> = (0u32..)
            .zip(fragment.notes())
            .map(|(index, note)| {
                let [onset, duration] = [note.onset, note.duration].map(|ticks| fragment.to_quarters(ticks));
                let onset = if backwards { end - onset - duration } else { onset };
                At { onset, duration: duration.max(SHORTEST), pitch: note.pitch, note: index }
            })
            .collect();
        // Of one pitch that several tracks begin together the longest note remains.
        notes.sort_by(|a, b| {
            a.onset.total_cmp(&b.onset).then(a.pitch.cmp(&b.pitch)).then(b.duration.total_cmp(&a.duration))
        });
        notes.dedup_by(|later, earlier| later.onset == earlier.onset && later.pitch == earlier.pitch);

        let mut sequence = Self {
            pitches: notes.iter().map(|at| at.pitch).collect(),
            lengths: notes.iter().map(|at| (at.duration as f32).log2()).collect(),
            weights: notes.iter().map(|at| (at.duration as f32).powf(WEIGHT)).collect(),
            notes: notes.iter().map(|at| at.note).collect(),
            groups: Vec::with_capacity(notes.len() + 1),
            steps: [Vec::new(), Vec::new()],
            onsets: Vec::with_capacity(notes.len()),
            axis: fragment.notes().first().map_or(0, |note| note.pitch),
        };
        let mut first = 0;
        while first < notes.len() {
            let count = notes[first..].iter().take_while(|at| at.onset - notes[first].onset <= TOGETHER).count();
            let group = &notes[first..first + count];
            sequence.groups.push(first as u32);
            sequence.onsets.push(group.iter().map(|at| at.onset).sum::<f64>() / count as f64);
            first += count;
        }
        sequence.groups.push(first as u32);
        let since = |back: usize| {
            let step = |group: usize| match group.checked_sub(back) {
                Some(before) => (sequence.onsets[group] - sequence.onsets[before]) as f32,
                None => 0.0,
            };
            (0..sequence.onsets.len()).map(step).collect()
        };
        sequence.steps = [since(1), since(2)];
        sequence
    }

    /// Whether no two notes begin together.
    #[cfg(test)]
    pub(crate) fn is_line(&self) -> bool {
        self.onsets.len() == self.pitches.len()
    }
}

/// What is made of a fragment when it is first needed: its notes forwards and backwards.
pub(crate) type Made = [OnceLock<Box<Sequence>>; 2];

/// An exemplar's notes forwards and backwards: an alteration of it is one of the two, turned upside down or not, and
/// stretched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequences<'a> {
    /// The exemplar.
    pub fragment: &'a Fragment,
    /// What was made of it.
    pub made: &'a Made,
}

impl<'a> Sequences<'a> {
    /// One of them.
    pub(crate) fn get(&self, backwards: bool) -> &'a Sequence {
        let (made, fragment) = (self.made, self.fragment);
        made[usize::from(backwards)].get_or_init(|| Box::new(Sequence::new(fragment, backwards)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_groups_even_when_they_are_spread() {
        let notes = [(60, 0.0, 1.0), (64, 0.05, 1.0), (67, 0.09, 1.0), (72, 1.0, 0.5), (72, 1.0, 2.0), (74, 1.5, 1.0)];
        let sequence = Sequence::new(&Fragment::from_quarters(&notes).unwrap(), false);
        assert_eq!(sequence.groups, [0, 3, 4, 5]);
        assert_eq!(sequence.lengths[3], 1.0);
        assert!(!sequence.is_line());
        assert!((sequence.steps[0][1] - 0.953_333).abs() < 1e-4);
        assert!((sequence.steps[1][2] - 1.453_333).abs() < 1e-4);
    }

    #[test]
    fn backwards_the_ends_are_the_onsets() {
        let fragment = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 2.0), (64, 3.5, 0.5)]).unwrap();
        let sequence = Sequence::new(&fragment, true);
        assert_eq!(sequence.pitches, [64, 62, 60]);
        assert_eq!(sequence.onsets, [0.0, 1.0, 3.0]);
        assert_eq!(sequence.axis, 60);
    }
}
