//! Is a tune contained in dense music: one voice, followed through many.
//!
//! In full arrangements something lies under every note of a tune, so the share of it that is
//! covered says little. What tells a tune from chance is that its notes follow each other in *one*
//! voice, with little between them. So it is looked for in two steps:
//!
//! 1. *Where may it lie?* Each pair of a note of the tune and one of the music votes for the
//!    transposition and the start that would bring them together (`vote`; problem P2 of Ukkonen,
//!    Lemstrom and Makinen, "Geometric algorithms for transposition invariant content-based music
//!    retrieval", 2003, weighted by the root of the durations).
//! 2. *Is it a voice there?* At the best of these places the tune is followed note by note by a
//!    beam search (`path`). Pitches and intervals count as in alignments of melodies (Mongeau and
//!    Sankoff, "Comparison of musical sequences", 1990), and that a voice is left, that it plays other
//!    notes in between, or that a note is in the middle of a chord is charged (tunes lie at the edge:
//!    Uitdenbogerd and Zobel, "Manipulation of music for melody matching", 1998). Nothing of that is
//!    charged where all of the tune is there: then it is contained, and the similarity is 1.
//!
//! Short tunes are found everywhere by chance: the agreement is raised to a power that falls with the
//! number of notes, so that a threshold means the same for all ([`calibrated`]).
//!
//! Time is linear in the notes of the music, and in those of the tune: 64 of a longer one vote, and of
//! the notes near a time a few are looked at. `benches/likeness.py` measures all this.

mod path;
mod texture;
mod vote;

use std::cmp::Ordering;

pub use texture::{Texture, is_single_line};

use crate::alteration::Alteration;
use crate::note::Fragment;

/// A note as it is looked for: times in quarters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tone {
    /// When it starts.
    pub onset: f64,
    /// How long it sounds.
    pub duration: f64,
    /// MIDI note number, or beyond that range after an inversion.
    pub pitch: i32,
    /// Track and channel: what one player plays.
    pub voice: u32,
    /// Which note of the fragment it is.
    pub index: usize,
}

impl Tone {
    /// The notes of a fragment, in its order.
    pub fn all(fragment: &Fragment) -> Vec<Self> {
        let tone = |(index, note): (usize, &crate::note::Note)| Self {
            onset: fragment.to_quarters(note.onset),
            duration: fragment.to_quarters(note.duration),
            pitch: i32::from(note.pitch),
            voice: u32::from(note.track) << 8 | u32::from(note.channel),
            index,
        };
        fragment.notes().iter().enumerate().map(tone).collect()
    }

    /// The duration, but never so short that a note would not count.
    fn length(&self) -> f64 {
        self.duration.max(0.05)
    }
}

/// A tune under every alteration that is searched.
#[derive(Debug, Clone)]
pub struct Tune {
    ways: Vec<Way>,
}

/// One alteration of a tune.
#[derive(Debug, Clone)]
struct Way {
    alteration: Alteration,
    weight: f64,
    tones: Vec<Tone>,
}

/// Where a tune was found, and how like it is to what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// 0 to 1, calibrated: 1 for a tune that is there as it is.
    pub similarity: f64,
    /// 0 to 1: how much of the tune agrees with the voice that was followed.
    pub agreement: f64,
    /// What is done to the tune.
    pub alteration: Alteration,
    /// Semitones between a note of the altered tune and its counterpart.
    pub transposition: i32,
    /// When the altered tune begins in the music, in quarters from the music's first onset.
    pub start: f64,
    /// Which note of the tune lies on which of the music, in the order of the altered tune.
    pub matches: Vec<(usize, usize)>,
}

/// A place that is worth following the tune at.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    /// Votes for it, weighted; 1 when each note has one.
    votes: f64,
    way: usize,
    transposition: i32,
    start: f64,
}

impl Place {
    /// The most promising first; ties go to the plainest.
    fn order(&self, other: &Self) -> Ordering {
        let reach = |place: &Self| (place.transposition.unsigned_abs(), -place.transposition);
        let by_votes = other.votes.total_cmp(&self.votes).then(self.way.cmp(&other.way));
        by_votes.then(reach(self).cmp(&reach(other))).then(self.start.total_cmp(&other.start))
    }
}

impl Embedding {
    /// The same place told the other way round: how the *music* is altered, by how many semitones it is
    /// then transposed, and by how many quarters shifted, to lie on the unaltered tune.
    pub fn seen_from_the_tune(&self, tune: &Fragment, music: &Fragment) -> (Alteration, i32, f64) {
        let Alteration { stretch, inverted, retrograde } = self.alteration;
        let first = |fragment: &Fragment| i32::from(fragment.notes()[0].pitch);
        let transposition = match inverted {
            true => self.transposition + 2 * (first(tune) - first(music)),
            false => -self.transposition,
        };
        let shift = match retrograde {
            true => tune.quarters() + (self.start - music.quarters()) / stretch.as_f64(),
            false => -self.start / stretch.as_f64(),
        };
        (Alteration { stretch: stretch.inverse(), ..self.alteration }, transposition, shift)
    }
}

impl Tune {
    /// A tune, the alterations that it is looked for under, the plainest first, and what each counts.
    pub fn new(fragment: &Fragment, alterations: impl IntoIterator<Item = (Alteration, f64)>) -> Self {
        let tones = Tone::all(fragment);
        let way = |(alteration, weight)| Way { alteration, weight, tones: altered(&tones, &alteration) };
        Self { ways: alterations.into_iter().map(way).collect() }
    }

    /// How many notes it has.
    pub fn len(&self) -> usize {
        self.ways.first().map_or(0, |way| way.tones.len())
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it is most like what is in the music, among the transpositions that are allowed under each
    /// alteration; `None` where hardly a note of it can be.
    pub fn find(&self, texture: &Texture, allowed: impl Fn(&Alteration, i32) -> bool) -> Option<Embedding> {
        // A short tune votes for many places, and is followed fast.
        let mut shortlist = vote::Shortlist::new(8 + 512 / self.len().max(1));
        let mut ballot = vote::Ballot::default();
        for (index, way) in self.ways.iter().enumerate() {
            ballot.vote((index, way), texture, |transposition| allowed(&way.alteration, transposition), &mut shortlist);
        }
        let mut best: Option<(f64, Place, path::Path)> = None;
        for place in shortlist.take() {
            let way = &self.ways[place.way];
            let path = path::follow(&way.tones, texture, &place);
            let weighted = path.agreement * way.weight;
            if best.as_ref().is_none_or(|best| weighted > best.0) {
                best = Some((weighted, place, path));
            }
        }
        let (weighted, place, path) = best?;
        Some(Embedding {
            similarity: calibrated(weighted, self.len()),
            agreement: path.agreement,
            alteration: self.ways[place.way].alteration,
            transposition: place.transposition,
            start: path.start,
            matches: path.matches,
        })
    }
}

/// A weighted agreement made comparable between tunes of few and of many notes.
///
/// Of unrelated pairs of tunes and dense files 99 % are below .81, .62, .53 and .42 for 6, 14, 27 and 38
/// notes. With the powers 16/n up to 16 notes and sqrt(16/n) from there on these are .60, .57, .61 and .57:
/// the bar is as high for all. Tunes of less than 6 notes are in all dense music, as they are.
pub fn calibrated(agreement: f64, notes: usize) -> f64 {
    let notes = notes.clamp(1, 64) as f64;
    let fewness = 16.0 / notes;
    agreement.clamp(0.0, 1.0).powf(if notes < 16.0 { fewness } else { fewness.sqrt() })
}

/// The notes of a tune under an alteration, in order of onset and pitch.
fn altered(tones: &[Tone], alteration: &Alteration) -> Vec<Tone> {
    let stretch = alteration.stretch.as_f64();
    let axis = tones.first().map_or(0, |tone| tone.pitch);
    let end = tones.iter().map(|tone| tone.onset + tone.duration).fold(0.0, f64::max);
    let alter = |tone: &Tone| Tone {
        onset: stretch * if alteration.retrograde { end - tone.onset - tone.duration } else { tone.onset },
        duration: stretch * tone.duration,
        pitch: if alteration.inverted { 2 * axis - tone.pitch } else { tone.pitch },
        ..*tone
    };
    let mut altered: Vec<Tone> = tones.iter().map(alter).collect();
    altered.sort_by(|a, b| a.onset.total_cmp(&b.onset).then(a.pitch.cmp(&b.pitch)).then(a.index.cmp(&b.index)));
    altered
}

#[cfg(test)]
mod tests;
