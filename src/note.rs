//! Notes, and fragments made of them.

use crate::error::{Error, Origin, Result};

/// The ticks that one quarter is divided into when times are given as floating-point quarters:
/// 2^7 x 3^2 x 5 x 7, so that binary, triplet, quintuplet and septuplet values are exact.
pub const TICKS_PER_QUARTER: u32 = 40_320;

/// The longest fragment, in quarters: what [`Limits::quarters`](crate::input::Limits) may be raised to.
pub const MAX_QUARTERS: u64 = 10_000_000;

/// One sounding note. Times are in ticks of the [`Fragment`] that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Note {
    /// When it starts, in ticks from the fragment's beginning.
    pub onset: u64,
    /// How long it sounds, in ticks; 0 is drawn as one column.
    pub duration: u64,
    /// MIDI note number, 0 to 127; 60 is middle C.
    pub pitch: u8,
    /// 1 to 127.
    pub velocity: u8,
    /// MIDI channel counted from 0; 9 is the drum channel.
    pub channel: u8,
    /// Track of the file, counted from 0.
    pub track: u16,
}

impl Note {
    /// A note of medium velocity on the first channel of the first track.
    pub const fn new(pitch: u8, onset: u64, duration: u64) -> Self {
        Self { onset, duration, pitch, velocity: 80, channel: 0, track: 0 }
    }

    /// A note with times in quarters, in ticks of which [`TICKS_PER_QUARTER`] make a quarter.
    ///
    /// ```
    /// use judge::{Fragment, Note, note::TICKS_PER_QUARTER};
    /// let loud = Note { velocity: 120, ..Note::from_quarters(60, 0.5, 1.0)? };
    /// assert_eq!((loud.onset, loud.duration), (20_160, 40_320));
    /// let fragment = Fragment::new(vec![loud], TICKS_PER_QUARTER)?;
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`] when a time is negative, above [`MAX_QUARTERS`], or not a number.
    pub fn from_quarters(pitch: u8, onset: f64, duration: f64) -> Result<Self> {
        let ticks = |quarters: f64| {
            if quarters.is_finite() && (0.0..=MAX_QUARTERS as f64).contains(&quarters) {
                Ok((quarters * f64::from(TICKS_PER_QUARTER)).round() as u64)
            } else {
                Err(Error::Malformed {
                    origin: Origin::Memory,
                    problem: format!("{quarters} is not a time in quarters (0 to {MAX_QUARTERS})"),
                })
            }
        };
        Ok(Self::new(pitch, ticks(onset)?, ticks(duration)?))
    }

    /// When it stops, in ticks.
    pub const fn end(&self) -> u64 {
        self.onset + self.duration
    }
}

/// A non-empty set of notes on one time axis that begins at its first onset.
///
/// The notes are in order of onset, then pitch. Times are whole ticks, of which
/// [`ticks_per_quarter`](Self::ticks_per_quarter) make a quarter, so nothing is rounded before
/// the fragment is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    notes: Vec<Note>,
    ticks_per_quarter: u32,
    lead: u64,
}

impl Fragment {
    /// A fragment of `notes`, whose times are in ticks.
    ///
    /// # Errors
    /// [`Error::Silent`] without notes; [`Error::Malformed`] when a pitch is above 127, a quarter
    /// has no ticks, or a note ends after [`MAX_QUARTERS`].
    pub fn new(mut notes: Vec<Note>, ticks_per_quarter: u32) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed { origin: Origin::Memory, problem };
        if ticks_per_quarter == 0 {
            return Err(malformed("a quarter must have at least one tick".into()));
        }
        if let Some(note) = notes.iter().find(|note| note.pitch > 127) {
            return Err(malformed(format!("pitch {} is not a MIDI note number (0 to 127)", note.pitch)));
        }
        let lead = match notes.iter().map(|note| note.onset).min() {
            Some(lead) => lead,
            None => return Err(Error::Silent { origin: Origin::Memory, drum_notes: 0 }),
        };
        let last_tick = MAX_QUARTERS * u64::from(ticks_per_quarter);
        if notes.iter().any(|note| note.onset.checked_add(note.duration).is_none_or(|end| end > last_tick)) {
            return Err(malformed(format!("a note ends after {MAX_QUARTERS} quarters")));
        }
        for note in &mut notes {
            note.onset -= lead;
        }
        notes.sort_by_key(|note| (note.onset, note.pitch, note.duration, note.track, note.channel, note.velocity));
        Ok(Self { notes, ticks_per_quarter, lead })
    }

    /// A fragment from `(pitch, onset, duration)` with times in quarters, read to the nearest
    /// 1/40,320 of a quarter ([`TICKS_PER_QUARTER`]).
    ///
    /// ```
    /// let triplet = judge::Fragment::from_quarters(&[(60, 0.0, 1.0 / 3.0), (62, 1.0 / 3.0, 1.0 / 3.0)])?;
    /// assert_eq!(triplet.notes()[1].onset, u64::from(triplet.ticks_per_quarter()) / 3);
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Fragment::new`], and when a time is negative or not a number.
    pub fn from_quarters(notes: &[(u8, f64, f64)]) -> Result<Self> {
        let notes = notes
            .iter()
            .map(|&(pitch, onset, duration)| Note::from_quarters(pitch, onset, duration))
            .collect::<Result<Vec<_>>>()?;
        Self::new(notes, TICKS_PER_QUARTER)
    }

    /// The notes, in order of onset, then pitch. Never empty.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How many ticks make a quarter. Never 0.
    pub fn ticks_per_quarter(&self) -> u32 {
        self.ticks_per_quarter
    }

    /// How many ticks lay before the first onset where the fragment was taken from.
    pub fn lead(&self) -> u64 {
        self.lead
    }

    /// Length from the first onset to the last end, in ticks.
    pub fn ticks(&self) -> u64 {
        self.notes.iter().map(Note::end).max().unwrap_or(0)
    }

    /// Length from the first onset to the last end, in quarters.
    pub fn quarters(&self) -> f64 {
        self.to_quarters(self.ticks())
    }

    /// A time in ticks of this fragment, in quarters.
    pub fn to_quarters(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.ticks_per_quarter)
    }

    /// The notes that begin within a span, cut off at its end. The span is in quarters from where the [lead](Self::lead)
    /// begins: from the beginning of the file that the fragment was read from.
    ///
    /// ```
    /// let scale = judge::Fragment::from_quarters(&[(60, 4.0, 1.0), (62, 5.0, 1.0), (64, 6.0, 2.0)])?;
    /// assert_eq!(scale.cut((5.0, 7.0))?.quarters(), 2.0);
    /// assert!(scale.cut((0.0, 4.0)).is_err());
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`] when no note begins in it.
    pub fn cut(&self, (from, to): (f64, f64)) -> Result<Self> {
        let outside = || Error::Malformed {
            origin: Origin::Memory,
            problem: format!(
                "no note begins in quarters {from} to {to}: its notes are in quarters {} to {}",
                self.to_quarters(self.lead),
                self.to_quarters(self.lead + self.ticks())
            ),
        };
        let ticks = |quarters: f64| (quarters * f64::from(self.ticks_per_quarter)).round() as u64;
        let (from, to) = (ticks(from), ticks(to));
        let notes = self.notes.iter().filter_map(|note| {
            let onset = note.onset + self.lead;
            (onset >= from && onset < to).then(|| Note { onset, duration: note.duration.min(to - onset), ..*note })
        });
        let notes: Vec<_> = notes.collect();
        if notes.is_empty() { Err(outside()) } else { Self::new(notes, self.ticks_per_quarter) }
    }

    /// The lowest and the highest pitch.
    pub fn pitch_range(&self) -> (u8, u8) {
        self.notes.iter().fold((127, 0), |(low, high), note| (low.min(note.pitch), high.max(note.pitch)))
    }
}

/// The name of a MIDI note number, middle C (60) being `C4`.
///
/// ```
/// assert_eq!(judge::pitch_name(61), "C#4");
/// ```
pub fn pitch_name(pitch: u8) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    format!("{}{}", NAMES[usize::from(pitch % 12)], i32::from(pitch / 12) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn begins_at_the_first_onset_and_keeps_the_lead() {
        let fragment = Fragment::new(vec![Note::new(62, 30, 10), Note::new(60, 10, 10)], 10).unwrap();
        assert_eq!(fragment.lead(), 10);
        assert_eq!(fragment.notes().iter().map(|n| (n.pitch, n.onset)).collect::<Vec<_>>(), [(60, 0), (62, 20)]);
        assert_eq!(fragment.quarters(), 3.0);
    }

    #[test]
    fn refuses_what_is_no_fragment() {
        assert!(matches!(Fragment::new(vec![], 10), Err(Error::Silent { .. })));
        assert!(Fragment::new(vec![Note::new(60, 0, 1)], 0).is_err());
        assert!(Fragment::new(vec![Note::new(128, 0, 1)], 1).is_err());
        assert!(Fragment::new(vec![Note::new(60, u64::MAX, 1)], 1).is_err());
        for time in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(Fragment::from_quarters(&[(60, time, 1.0)]).is_err());
            assert!(Fragment::from_quarters(&[(60, 0.0, time)]).is_err());
        }
    }

    #[test]
    fn names_pitches() {
        assert_eq!([0, 60, 69, 127].map(pitch_name), ["C-1", "C4", "A4", "G9"]);
    }
}
