//! Recordings: files of sound to fragments.

#[cfg(feature = "audio")]
use std::io::{Read, Seek};

use super::{Info, Kind, Piece, ReadOptions, SoundInfo, Warning};
use crate::audio::{HearOptions, Heard, HeardNote, Recording, decode, hear};
use crate::error::{Origin, Result};
use crate::note::{Note, TICKS_PER_QUARTER};

/// A recording of which notes sound less than this share of the time is told to be without pitch.
const HARDLY_PITCHED: f64 = 0.1;

/// Decodes a recording and listens to it.
pub(super) fn read(
    source: impl Read + Seek + Send + Sync + 'static,
    container: crate::audio::Container,
    origin: Origin,
    options: &ReadOptions,
) -> Result<Piece> {
    let recording = decode(source, container, options.limits.audio_seconds, &origin)?;
    let listening = HearOptions { tempo: options.tempo, transcriber: options.transcriber.as_deref() };
    let heard = hear(&recording.samples, listening).map_err(|error| error.from_origin(origin.clone()))?;
    let mut warnings = warnings_of(&recording);
    if heard.pitched < HARDLY_PITCHED {
        let percent = (100.0 * heard.pitched).round() as u64;
        warnings.push(Warning::HardlyPitched { percent });
    }
    let notes: Vec<Note> = heard.notes.iter().map(|note| in_ticks(note, heard.tempo)).collect();
    let info = info_of(&recording, &heard);
    let piece = Piece::new(origin, Info::Sound(info), warnings, notes, Some(TICKS_PER_QUARTER), &options.limits);
    Ok(piece.with_sound(options.keep_sound.then_some(recording.samples)))
}

/// What was left out or replaced while decoding.
pub(super) fn warnings_of(recording: &Recording) -> Vec<Warning> {
    let damage = &recording.damage;
    let mut warnings = Vec::new();
    if damage.packets > 0 {
        warnings.push(Warning::DamagedSound { packets: damage.packets });
    }
    if damage.samples > 0 {
        warnings.push(Warning::OddSamples { samples: damage.samples });
    }
    if damage.missing_seconds > 0.0 {
        warnings.push(Warning::SoundCutShort { milliseconds: (1000.0 * damage.missing_seconds) as u64 });
    }
    if damage.streams {
        warnings.push(Warning::OtherStreams);
    }
    warnings
}

fn in_ticks(note: &HeardNote, tempo: f64) -> Note {
    let ticks = |seconds: f64| (seconds * tempo / 60.0 * f64::from(TICKS_PER_QUARTER)).round().max(0.0) as u64;
    let onset = ticks(note.start);
    let velocity = (127.0 * note.strength).round().clamp(1.0, 127.0) as u8;
    Note { velocity, ..Note::new(note.pitch, onset, ticks(note.end).saturating_sub(onset)) }
}

fn info_of(recording: &Recording, heard: &Heard) -> SoundInfo {
    let source = &recording.source;
    SoundInfo {
        kind: Kind::Audio,
        format: source.container.name(),
        codec: source.codec,
        sample_rate: source.sample_rate,
        channels: source.channels,
        seconds: source.seconds,
        quarters: source.seconds * heard.tempo / 60.0,
        tempo: heard.tempo,
        tuning: 100.0 * heard.tuning,
        notes: heard.notes.len(),
        pitched: heard.pitched,
    }
}
