//! Note-ons and note-offs to notes, first in first out.

use std::collections::{HashMap, VecDeque};

use crate::note::Note;

/// The duration of a note that still sounds.
const OPEN: u64 = u64::MAX;

/// Pairs the note events of one track after the other.
pub(super) struct Pairing {
    notes: Vec<Note>,
    max_notes: u64,
    /// For each channel and pitch that occurred the notes that sound, the oldest first. A table of
    /// all of them would take longer to make than most files take to read.
    sounding: HashMap<(u8, u8), VecDeque<usize>>,
    track: u16,
    /// Where the notes of this track begin.
    track_start: usize,
    /// Note-ons, also those beyond the limit and those without a pitch.
    pub(super) note_ons: u64,
    /// Note-ons with a pitch above 127.
    pub(super) no_pitch: u64,
    /// Note-offs for which no note sounds.
    pub(super) stray_offs: u64,
}

impl Pairing {
    /// Keeps at most so many notes; more are counted but not kept.
    pub(super) fn new(max_notes: u64) -> Self {
        Self {
            notes: Vec::new(),
            max_notes,
            sounding: HashMap::new(),
            track: 0,
            track_start: 0,
            note_ons: 0,
            no_pitch: 0,
            stray_offs: 0,
        }
    }

    pub(super) fn begin_track(&mut self, track: u16) {
        self.track = track;
        self.track_start = self.notes.len();
    }

    pub(super) fn on(&mut self, time: u64, channel: u8, pitch: u8, velocity: u8) {
        self.note_ons += 1;
        if pitch > 127 {
            self.no_pitch += 1;
        } else if (self.notes.len() as u64) < self.max_notes {
            self.sounding.entry((channel, pitch)).or_default().push_back(self.notes.len());
            self.notes.push(Note { onset: time, duration: OPEN, pitch, velocity, channel, track: self.track });
        }
    }

    pub(super) fn off(&mut self, time: u64, channel: u8, pitch: u8) {
        match self.sounding.get_mut(&(channel, pitch)).and_then(VecDeque::pop_front) {
            Some(index) => {
                let note = &mut self.notes[index];
                note.duration = time - note.onset;
            }
            None => self.stray_offs += 1,
        }
    }

    /// Ends the notes that still sound, and says how many they were.
    pub(super) fn end_track(&mut self, time: u64) -> u64 {
        let mut unclosed = 0;
        for note in self.notes[self.track_start..].iter_mut().filter(|note| note.duration == OPEN) {
            note.duration = time - note.onset;
            self.sounding.remove(&(note.channel, note.pitch));
            unclosed += 1;
        }
        unclosed
    }

    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pairing: &Pairing) -> Vec<(u64, u64)> {
        pairing.notes().iter().map(|note| (note.onset, note.end())).collect()
    }

    #[test]
    fn first_in_first_out_for_each_channel_and_pitch() {
        let mut pairing = Pairing::new(10);
        pairing.begin_track(0);
        pairing.on(0, 0, 60, 1);
        pairing.on(2, 0, 60, 1);
        pairing.on(2, 1, 60, 1);
        pairing.off(5, 0, 60);
        pairing.off(5, 0, 61);
        pairing.off(7, 1, 60);
        pairing.off(9, 0, 60);
        assert_eq!(pairing.end_track(20), 0);
        assert_eq!(times(&pairing), [(0, 5), (2, 9), (2, 7)]);
        assert_eq!(pairing.stray_offs, 1);
    }

    #[test]
    fn unclosed_notes_end_with_their_track() {
        let mut pairing = Pairing::new(10);
        pairing.begin_track(0);
        pairing.on(0, 0, 60, 1);
        assert_eq!(pairing.end_track(20), 1);
        pairing.begin_track(1);
        pairing.on(3, 0, 60, 1);
        pairing.off(3, 0, 60);
        assert_eq!(pairing.end_track(30), 0);
        assert_eq!(times(&pairing), [(0, 20), (3, 3)]);
    }

    #[test]
    fn keeps_no_more_than_the_limit() {
        let mut pairing = Pairing::new(1);
        pairing.begin_track(0);
        for time in 0..3 {
            pairing.on(time, 0, 60, 1);
        }
        pairing.on(9, 0, 200, 1);
        pairing.off(9, 15, 255);
        assert_eq!((pairing.notes().len(), pairing.note_ons, pairing.no_pitch), (1, 4, 1));
    }
}
