//! Music that tunes are looked for in, made ready.

use std::ops::Range;

use super::Tone;
use super::vote::{bin, class};
use crate::note::Fragment;

/// Pitches of MIDI.
const PITCHES: usize = 128;

/// Onsets that are nearer to each other than this, in quarters, are one.
pub(super) const TOGETHER: f64 = 0.05;

/// A piece of music with its notes by pitch and by voice.
#[derive(Debug, Clone)]
pub struct Texture {
    tones: Vec<Tone>,
    /// The notes of each pitch, in order of onset.
    by_pitch: Lists,
    /// The bins of [`BINS`](super::vote::BINS) a quarter in which notes of each pitch begin.
    bins: Lists,
    /// Which [classes](super::vote::class) of duration they have, a bit each, in the order of the bins.
    classes: Vec<u8>,
    /// The notes of each voice, in order of onset.
    by_voice: Lists,
    /// Where each note stands in the list of its voice.
    rank: Vec<u32>,
    /// Whether its voice plays a higher and a lower note together with it.
    inner: Vec<bool>,
}

/// Lists of numbers, end to end.
#[derive(Debug, Clone)]
struct Lists {
    ends: Vec<usize>,
    numbers: Vec<u32>,
}

impl Lists {
    fn new(lists: Vec<Vec<u32>>) -> Self {
        let mut ends = vec![0];
        ends.extend(lists.iter().scan(0, |end, list| {
            *end += list.len();
            Some(*end)
        }));
        Self { ends, numbers: lists.concat() }
    }

    fn range(&self, index: usize) -> Range<usize> {
        match self.ends.get(index..index + 2) {
            Some(&[start, end]) => start..end,
            _ => 0..0,
        }
    }

    fn of(&self, index: usize) -> &[u32] {
        &self.numbers[self.range(index)]
    }
}

impl Texture {
    /// Makes a piece ready.
    pub fn new(fragment: &Fragment) -> Self {
        let mut tones = Tone::all(fragment);
        let mut names: Vec<u32> = tones.iter().map(|tone| tone.voice).collect();
        names.sort_unstable();
        names.dedup();
        let mut by_pitch = vec![Vec::new(); PITCHES];
        let mut bins: Vec<Vec<u32>> = vec![Vec::new(); PITCHES];
        let mut classes: Vec<Vec<u8>> = vec![Vec::new(); PITCHES];
        let mut by_voice = vec![Vec::new(); names.len()];
        let mut rank = Vec::with_capacity(tones.len());
        for (index, tone) in tones.iter_mut().enumerate() {
            let (pitch, voice) = (tone.pitch as usize, names.partition_point(|&name| name < tone.voice));
            tone.voice = voice as u32;
            rank.push(by_voice[voice].len() as u32);
            by_voice[voice].push(index as u32);
            by_pitch[pitch].push(index as u32);
            let (bin, class) = (bin(tone.onset) as u32, 1 << class(tone.duration));
            match classes[pitch].last_mut() {
                Some(last) if bins[pitch].last() == Some(&bin) => *last |= class,
                _ => {
                    bins[pitch].push(bin);
                    classes[pitch].push(class);
                }
            }
        }
        let mut inner = vec![false; tones.len()];
        for voice in &by_voice {
            for chord in voice.chunk_by(|&a, &b| tones[b as usize].onset - tones[a as usize].onset <= TOGETHER / 2.0) {
                let pitch = |note: u32| tones[note as usize].pitch;
                let low = chord.iter().copied().map(pitch).min().unwrap_or(0);
                let high = chord.iter().copied().map(pitch).max().unwrap_or(0);
                for &note in chord {
                    inner[note as usize] = (low + 1..high).contains(&pitch(note));
                }
            }
        }
        Self {
            tones,
            by_pitch: Lists::new(by_pitch),
            bins: Lists::new(bins),
            classes: classes.concat(),
            by_voice: Lists::new(by_voice),
            rank,
            inner,
        }
    }

    /// The notes, in order of onset and pitch; voices are counted from 0.
    pub(super) fn tones(&self) -> &[Tone] {
        &self.tones
    }

    /// The pitch of the first note, the lowest where several begin together.
    pub(crate) fn first_pitch(&self) -> i32 {
        self.tones.first().map_or(0, |tone| tone.pitch)
    }

    /// The lowest and the highest pitch.
    pub(super) fn pitch_range(&self) -> (i32, i32) {
        let pitches = || self.tones.iter().map(|tone| tone.pitch);
        (pitches().min().unwrap_or(0), pitches().max().unwrap_or(0))
    }

    /// The notes of a pitch, in order of onset.
    pub(super) fn notes_of(&self, pitch: i32) -> &[u32] {
        usize::try_from(pitch).map_or(&[], |pitch| self.by_pitch.of(pitch))
    }

    /// The bins in which notes of a pitch begin, in order, and the classes of their durations, a bit each.
    pub(super) fn bins_of(&self, pitch: i32) -> (&[u32], &[u8]) {
        let range = usize::try_from(pitch).map_or(0..0, |pitch| self.bins.range(pitch));
        (&self.bins.numbers[range.clone()], &self.classes[range])
    }

    /// Whether a note is in the middle of a chord of its voice, where tunes do not lie.
    pub(super) fn is_inner(&self, note: u32) -> bool {
        self.inner[note as usize]
    }

    /// How often its voice plays something else near a note's pitch, between a time and the note, up to `most`.
    pub(super) fn between(&self, after: f64, note: u32, most: usize) -> usize {
        /// Farther notes are accompaniment.
        const NEAR: i32 = 9;
        /// So many notes back it is looked.
        const BACK: usize = 24;
        let tone = self.tones[note as usize];
        let voice = &self.by_voice.of(tone.voice as usize)[..self.rank[note as usize] as usize];
        let (mut count, mut next) = (0, tone.onset);
        for &other in voice.iter().rev().take(BACK) {
            let other = self.tones[other as usize];
            if other.onset <= after + TOGETHER || count == most {
                break;
            }
            if other.onset < next - TOGETHER && (other.pitch - tone.pitch).abs() <= NEAR {
                count += 1;
                next = other.onset;
            }
        }
        count
    }
}

/// Whether hardly ever two notes of a piece sound together.
///
/// Notes that are held into the next, as singers and pianists do, are one line all the same: less than a
/// tenth of the time that any sounds may two of different pitch.
pub fn is_single_line(fragment: &Fragment) -> bool {
    let (mut sounding, mut together) = (0, 0);
    let mut held: Option<(u64, u8)> = None;
    for note in fragment.notes() {
        let (onset, end) = (note.onset, note.end());
        let (until, pitch) = held.unwrap_or((0, note.pitch));
        sounding += end.saturating_sub(onset.max(until));
        if pitch != note.pitch {
            together += end.min(until).saturating_sub(onset);
        }
        if end >= until {
            held = Some((end, note.pitch));
        }
    }
    10 * together <= sounding
}
