//! What was read from a file.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Limits, Warning};
use crate::error::{Error, Origin, Result};
use crate::note::{Fragment, MAX_QUARTERS, Note};

/// What was read from a file: what it says about itself, what was dropped or repaired, its notes.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Where it came from.
    pub origin: Origin,
    /// What the file holds.
    pub info: Info,
    /// What was dropped or repaired, at most one of a kind.
    pub warnings: Vec<Warning>,
    sound: Option<Vec<f32>>,
    content: std::result::Result<Fragment, Refusal>,
}

impl Piece {
    /// Notes in ticks from the file's beginning, of which `ticks_per_quarter` (if known) make a
    /// quarter, made into a fragment if they are one within the limits.
    pub(super) fn new(
        origin: Origin,
        info: Info,
        warnings: Vec<Warning>,
        notes: Vec<Note>,
        ticks_per_quarter: Option<u32>,
        limits: &Limits,
    ) -> Self {
        let content = draw_together(&info, notes, ticks_per_quarter, limits);
        Self { origin, info, warnings, sound: None, content }
    }

    /// With the sound that the notes are heard in.
    #[cfg(feature = "audio")]
    pub(super) fn with_sound(mut self, sound: Option<Vec<f32>>) -> Self {
        self.sound = sound;
        self
    }

    /// The sound of a recording, if it was [to be kept](super::ReadOptions::keep_sound): samples at
    /// [`SAMPLE_RATE`](crate::audio::SAMPLE_RATE).
    pub fn sound(&self) -> Option<&[f32]> {
        self.sound.as_deref()
    }

    /// Takes the [sound](Self::sound) out of it.
    pub fn take_sound(&mut self) -> Option<Vec<f32>> {
        self.sound.take()
    }

    /// The notes, without those of the drum channel unless they were asked for. Its
    /// [`lead`](Fragment::lead) is the time before the first of them.
    ///
    /// # Errors
    /// [`Error::Silent`] without notes, [`Error::Unheard`] for a recording; [`Error::OverLimit`] when it is longer than the limits;
    /// [`Error::Malformed`] when the file does not say what a quarter is.
    pub fn fragment(&self) -> Result<&Fragment> {
        self.content.as_ref().map_err(|refusal| refusal.error(self.origin.clone()))
    }

    /// The notes, as [`fragment`](Self::fragment).
    ///
    /// # Errors
    /// As [`fragment`](Self::fragment).
    pub fn into_fragment(self) -> Result<Fragment> {
        self.content.map_err(|refusal| refusal.error(self.origin))
    }
}

fn draw_together(
    info: &Info,
    notes: Vec<Note>,
    ticks_per_quarter: Option<u32>,
    limits: &Limits,
) -> std::result::Result<Fragment, Refusal> {
    let Some(last) = notes.iter().map(Note::end).max() else {
        return Err(match info {
            Info::Midi(info) => Refusal::Silent { drum_notes: info.drum_notes },
            Info::Sound(_) => Refusal::Unheard,
        });
    };
    let ticks_per_quarter = ticks_per_quarter.ok_or(Refusal::NoQuarter)?;
    let within = |what, found, limit, option| {
        if found > limit { Err(Refusal::OverLimit { what, found, limit, option }) } else { Ok(()) }
    };
    let quarters = last.div_ceil(u64::from(ticks_per_quarter));
    within("quarters", quarters, limits.quarters.min(MAX_QUARTERS), "--max-quarters")?;
    within("seconds", info.seconds().ceil() as u64, limits.seconds, "--max-hours")?;
    Fragment::new(notes, ticks_per_quarter).map_err(|error| Refusal::Malformed(error.to_string()))
}

/// Why a piece gives no fragment.
#[derive(Debug, Clone)]
enum Refusal {
    Silent { drum_notes: usize },
    Unheard,
    NoQuarter,
    OverLimit { what: &'static str, found: u64, limit: u64, option: &'static str },
    Malformed(String),
}

impl Refusal {
    fn error(&self, origin: Origin) -> Error {
        match self {
            Self::Silent { drum_notes } => Error::Silent { origin, drum_notes: *drum_notes },
            Self::Unheard => Error::Unheard { origin },
            &Self::OverLimit { what, found, limit, option } => Error::OverLimit { origin, what, found, limit, option },
            Self::NoQuarter => {
                let problem = "its header gives a quarter no ticks, so lengths are unknown; export it anew".into();
                Error::Malformed { origin, problem }
            }
            Self::Malformed(problem) => Error::Malformed { origin, problem: problem.clone() },
        }
    }
}

/// What a file holds. Serialised, it has the keys of `judge inspect --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Info {
    /// A MIDI file.
    Midi(MidiInfo),
    /// A recording.
    Sound(SoundInfo),
}

impl Info {
    /// What a MIDI file holds; none of a recording.
    pub fn midi(&self) -> Option<&MidiInfo> {
        match self {
            Self::Midi(info) => Some(info),
            Self::Sound(_) => None,
        }
    }

    /// What is known of a recording; none of a MIDI file.
    pub fn sound(&self) -> Option<&SoundInfo> {
        match self {
            Self::Midi(_) => None,
            Self::Sound(info) => Some(info),
        }
    }

    /// The length of the file in seconds.
    pub fn seconds(&self) -> f64 {
        match self {
            Self::Midi(info) => info.seconds,
            Self::Sound(info) => info.seconds,
        }
    }

    /// The first time signature, where one is told.
    pub fn time_signature(&self) -> Option<TimeSignature> {
        self.midi().and_then(|info| info.time_signature)
    }
}

/// What a recording is, and what is heard in it. Its keys are those of `judge inspect --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SoundInfo {
    /// What kind of file it is.
    pub kind: Kind,
    /// The kind of file: WAV, FLAC …
    pub format: &'static str,
    /// What the sound is encoded by.
    pub codec: &'static str,
    /// Samples a second and channel, in the file.
    #[serde(rename = "rate")]
    pub sample_rate: u32,
    /// Channels in the file.
    pub channels: usize,
    /// Length in seconds.
    pub seconds: f64,
    /// Length in quarters of the tempo.
    pub quarters: f64,
    /// Quarters a minute: estimated, unless they were given.
    pub tempo: f64,
    /// Cents above A4 = 440 Hz, -50 to 50.
    pub tuning: f64,
    /// Notes that are heard.
    pub notes: usize,
    /// The share of the time in which a note sounds, 0 to 1.
    pub pitched: f64,
}

/// What a MIDI file holds. Its keys are those of `judge inspect --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MidiInfo {
    /// What kind of file it is.
    pub kind: Kind,
    /// The SMF format: 0 one track, 1 tracks played together, 2 tracks played one after the other.
    pub format: u16,
    /// What a tick is.
    pub division: Division,
    /// Tracks in the file, empty ones too.
    pub tracks: usize,
    /// Different channels with notes.
    pub channels: usize,
    /// Note-on events with a velocity above 0, on all channels.
    pub note_ons: u64,
    /// Notes that were read, on all channels. Fewer than the note-on events when some have no
    /// pitch that is one.
    pub notes: usize,
    /// Notes on the drum channel.
    pub drum_notes: usize,
    /// Length from tick 0 to the last event, in quarters; 0 when the file does not say what a
    /// quarter is.
    pub quarters: f64,
    /// Length from tick 0 to the last event, in seconds; 0 when the file does not say what a
    /// quarter is.
    pub seconds: f64,
    /// Tempo events in all tracks, the first too.
    pub tempo_changes: usize,
    /// The first time signature.
    pub time_signature: Option<TimeSignature>,
    /// Note-off events for which no note sounded. They are harmless.
    pub stray_note_offs: u64,
}

/// Kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A standard MIDI file.
    Midi,
    /// A recording.
    Audio,
}

/// What a tick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Division {
    /// A fraction of a quarter.
    Metrical {
        /// Ticks a quarter; 0 is meaningless but occurs.
        ticks: u16,
    },
    /// A fraction of a second. A quarter is taken as half a second, which is 120 beats a minute.
    Timecode {
        /// Frames a second: 24, 25, 30, or 29 for 30 drop-frame (30,000 frames in 1,001 seconds).
        frames: u8,
        /// Ticks a frame; 0 is meaningless but occurs.
        ticks: u8,
    },
}

impl Division {
    /// From the last two bytes of a header.
    pub(super) fn from_bits(bits: u16) -> Self {
        match bits.to_be_bytes() {
            [high, ticks] if high >= 0x80 => Self::Timecode { frames: high.wrapping_neg(), ticks },
            _ => Self::Metrical { ticks: bits },
        }
    }

    /// How to count in whole fractions of a quarter: how many make a quarter, and how many make a
    /// tick. Nothing when a quarter has no ticks.
    pub(super) fn unit(self) -> Option<(u32, u64)> {
        let (ticks, per) = match self {
            Self::Metrical { ticks } => (u32::from(ticks), 1),
            Self::Timecode { frames: 29, ticks } => (15_000 * u32::from(ticks), 1001),
            Self::Timecode { frames, ticks } => (u32::from(frames) * u32::from(ticks), 2),
        };
        let divisor = num_integer::gcd(ticks, per);
        (ticks > 0).then(|| (ticks / divisor, u64::from(per / divisor)))
    }
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metrical { ticks } => write!(f, "{ticks} ticks a quarter"),
            Self::Timecode { frames: 29, ticks } => write!(f, "29.97 frames a second of {ticks} ticks"),
            Self::Timecode { frames, ticks } => write!(f, "{frames} frames a second of {ticks} ticks"),
        }
    }
}

impl Serialize for Division {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time signature, as 6/8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeSignature {
    /// Beats a bar.
    pub numerator: u8,
    /// The beat is one whole note divided by two to this power.
    pub denominator_power: u8,
}

impl TimeSignature {
    /// Length of a bar in quarters.
    pub fn quarters(self) -> f64 {
        f64::from(self.numerator) * 4.0 / 2f64.powi(i32::from(self.denominator_power))
    }
}

impl fmt::Display for TimeSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match 1u64.checked_shl(u32::from(self.denominator_power)) {
            Some(denominator) => write!(f, "{}/{denominator}", self.numerator),
            None => write!(f, "{}/2^{}", self.numerator, self.denominator_power),
        }
    }
}

impl Serialize for TimeSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisions_are_exact() {
        let unit = |bits| Division::from_bits(bits).unit();
        assert_eq!(unit(480), Some((480, 1)));
        assert_eq!(unit(0), None);
        assert_eq!(unit(0x8000), None);
        // 25 frames a second, of 40 ticks: 1000 ticks a second, 500 a quarter.
        assert_eq!(unit(0xE728), Some((500, 1)));
        // 25 frames of one tick: 12.5 ticks a quarter.
        assert_eq!(unit(0xE701), Some((25, 2)));
        // 29.97 frames: 15000 / 1001 ticks a quarter.
        assert_eq!(unit(0xE301), Some((15_000, 1001)));
        assert_eq!(Division::from_bits(0xE304).to_string(), "29.97 frames a second of 4 ticks");
    }

    #[test]
    fn time_signatures_of_any_byte_can_be_told() {
        let told = |numerator, denominator_power| TimeSignature { numerator, denominator_power }.to_string();
        assert_eq!((told(6, 3), told(4, 255)), ("6/8".into(), "4/2^255".into()));
        assert_eq!(TimeSignature { numerator: 6, denominator_power: 3 }.quarters(), 3.0);
    }
}
