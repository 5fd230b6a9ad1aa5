//! Standard MIDI files.
//!
//! # How they are understood
//! - **Header.** The data must begin with an `MThd` chunk of at least 6 bytes that lies within the
//!   file; anything else is refused, because without it neither time nor tracks have a meaning.
//!   Formats 0 and 1 are played together, and so are unknown formats. The tracks of format 2 are
//!   independent patterns: they are laid one after the other, each from the end of the last and
//!   with its own tempo, so that each can be found and none sounds over another.
//! - **Division.** Ticks a quarter as they are. In SMPTE time a quarter is half a second (120 beats
//!   a minute); the drop-frame rate 29 is 30,000/1,001 frames a second. Ticks are scaled to whole
//!   fractions of a quarter, so nothing is rounded. A division that gives a quarter no ticks can be
//!   inspected, but gives no fragment.
//! - **Chunks.** A track's length is trusted when the track ends there with End of Track, or the
//!   file or another chunk follows; else the track lasts to the next `MTrk`, or to the end of the
//!   file. Other chunks are left out. Between chunks the next `MTrk` is looked for, as long as there
//!   are fewer tracks than the header names. A track ends at its End of Track.
//! - **Events.** Running status holds over meta and system messages, as all players let it. What
//!   the strict parser refuses is repaired where the event's length is beyond doubt: values above
//!   127 are read as 127 (a note whose pitch is one is dropped), system messages that do not belong
//!   into a file and meta events with impossible contents are left out, numbers longer than 4 bytes
//!   are read if they fit 28 bits. Else the rest of that track is dropped, because what follows
//!   would be guessed at; the other tracks are read on.
//! - **Notes.** A note-on with velocity 0 is a note-off. A note-off ends the note of its track,
//!   channel and pitch that began first. A note that never stops ends with its track. A note may
//!   last 0 ticks.
//! - **Tempo.** Tempo events are gathered from all tracks; 120 beats a minute before the first.
//!
//! Whatever is dropped or repaired is named in a [`Warning`].

use std::collections::BTreeSet;

use super::{DRUM_CHANNEL, Division, Info, Kind, MidiInfo, Piece, ReadOptions, TimeSignature, Warning, within};
use crate::error::{Error, Origin, Result};

mod chunks;
mod events;
mod notes;
mod repair;
mod riff;
mod tempo;

use chunks::{Chunks, Header};
use events::Event;
use notes::Pairing;
pub(super) use riff::unwrap_riff;
use tempo::TempoMap;

/// Reads MIDI data that begins with its header.
pub(super) fn read(bytes: &[u8], mut warnings: Vec<Warning>, origin: Origin, options: &ReadOptions) -> Result<Piece> {
    let (header, chunks) =
        Header::read(bytes).map_err(|problem| Error::Malformed { origin: origin.clone(), problem })?;
    let mut song = Song::new(header, options.limits.notes);
    let chunks = song.read_tracks(chunks);
    within("notes", song.pairing.note_ons, options.limits.notes, "--max-notes", &origin)?;

    header.warn(&mut warnings);
    chunks.warn(&header, &mut warnings);
    song.warn(&mut warnings);

    let info = song.info();
    let mut notes = song.pairing.into_notes();
    if !options.drums {
        notes.retain(|note| note.channel != DRUM_CHANNEL);
    }
    let ticks_per_quarter = header.division.unit().map(|(quarter, _)| quarter);
    Ok(Piece::new(origin, Info::Midi(info), warnings, notes, ticks_per_quarter, &options.limits))
}

/// What the tracks add up to. Times are in fractions of a quarter, from the file's beginning.
struct Song {
    header: Header,
    /// Fractions of a quarter in a tick.
    scale: u64,
    pairing: Pairing,
    tempo: TempoMap,
    time_signature: Option<(u64, TimeSignature)>,
    tracks: usize,
    end: u64,
    harm: Harm,
}

/// What was wrong with the events of all tracks.
#[derive(Default)]
struct Harm {
    events: events::Harm,
    damaged: Option<(usize, usize)>,
    damaged_tracks: usize,
    dropped_bytes: u64,
    after_end: u64,
    after_end_tracks: usize,
    no_end: usize,
    unclosed: u64,
}

impl Song {
    fn new(header: Header, max_notes: u64) -> Self {
        Self {
            header,
            scale: header.division.unit().map_or(1, |(_, scale)| scale),
            pairing: Pairing::new(max_notes),
            tempo: TempoMap::default(),
            time_signature: None,
            tracks: 0,
            end: 0,
            harm: Harm::default(),
        }
    }

    fn read_tracks<'a>(&mut self, mut chunks: Chunks<'a>) -> Chunks<'a> {
        let sequential = self.header.format == 2;
        for chunk in chunks.by_ref() {
            let base = if sequential { self.end } else { 0 };
            if sequential && self.tracks > 0 {
                self.tempo.restart(base);
            }
            let end = self.read_track(&chunk, base);
            self.end = self.end.max(end);
            self.tracks += 1;
        }
        chunks
    }

    fn read_track(&mut self, chunk: &chunks::Track<'_>, base: u64) -> u64 {
        let Self { pairing, tempo, time_signature, scale, tracks: index, harm, .. } = self;
        // Saturated times are beyond every limit, so such a piece gives no fragment.
        let time = |tick: u64| base.saturating_add(tick.saturating_mul(*scale));
        pairing.begin_track(u16::try_from(*index).unwrap_or(u16::MAX));
        let walked = events::walk(chunk.data, &mut harm.events, |tick, event| match event {
            Event::NoteOn { channel, pitch, velocity } => pairing.on(time(tick), channel, pitch, velocity),
            Event::NoteOff { channel, pitch } => pairing.off(time(tick), channel, pitch),
            Event::Tempo(microseconds) => tempo.add(time(tick), microseconds),
            Event::TimeSignature(signature) => {
                if time_signature.is_none_or(|(first, _)| time(tick) < first) {
                    *time_signature = Some((time(tick), signature));
                }
            }
        });
        let end = time(walked.end);
        harm.unclosed += pairing.end_track(end);
        if let Some(at) = walked.damaged_at {
            harm.damaged_tracks += 1;
            harm.damaged.get_or_insert((*index, chunk.at + at));
            harm.dropped_bytes += walked.unread as u64;
        } else if walked.ended && walked.unread > 0 {
            harm.after_end_tracks += 1;
            harm.after_end += walked.unread as u64;
        } else if !walked.ended && chunk.missing == 0 {
            harm.no_end += 1;
        }
        end
    }

    fn info(&mut self) -> MidiInfo {
        let notes = self.pairing.notes();
        let unit = self.header.division.unit();
        MidiInfo {
            kind: Kind::Midi,
            format: self.header.format,
            division: self.header.division,
            tracks: self.tracks,
            channels: notes.iter().map(|note| note.channel).collect::<BTreeSet<_>>().len(),
            note_ons: self.pairing.note_ons,
            notes: notes.len(),
            drum_notes: notes.iter().filter(|note| note.channel == DRUM_CHANNEL).count(),
            quarters: unit.map_or(0.0, |(quarter, _)| self.end as f64 / f64::from(quarter)),
            seconds: match (self.header.division, unit) {
                (_, None) => 0.0,
                (Division::Metrical { .. }, Some((quarter, _))) => self.tempo.seconds(self.end, quarter),
                (Division::Timecode { .. }, Some((quarter, _))) => self.end as f64 / f64::from(quarter) / 2.0,
            },
            tempo_changes: self.tempo.changes(),
            time_signature: self.time_signature.map(|(_, signature)| signature),
            stray_note_offs: self.pairing.stray_offs,
        }
    }

    fn warn(&self, warnings: &mut Vec<Warning>) {
        let harm = &self.harm;
        let mut warn = |when: bool, warning: Warning| {
            if when {
                warnings.push(warning);
            }
        };
        if let Some((first, at)) = harm.damaged {
            warn(true, Warning::Damaged { tracks: harm.damaged_tracks, first, at, bytes: harm.dropped_bytes });
        }
        let events = &harm.events;
        warn(events.clipped > 0, Warning::ClippedData { events: events.clipped });
        warn(self.pairing.no_pitch > 0, Warning::NoPitch { notes: self.pairing.no_pitch });
        warn(events.system > 0, Warning::SystemMessages { messages: events.system });
        warn(events.long_numbers > 0, Warning::LongNumbers { events: events.long_numbers });
        warn(events.bad_meta > 0, Warning::BadMeta { events: events.bad_meta });
        warn(harm.after_end > 0, Warning::AfterEnd { tracks: harm.after_end_tracks, bytes: harm.after_end });
        warn(harm.no_end > 0, Warning::NoEnd { tracks: harm.no_end });
        warn(harm.unclosed > 0, Warning::UnclosedNotes { notes: harm.unclosed });
        warn(self.tempo.zeros() > 0, Warning::ZeroTempo { events: self.tempo.zeros() });
        let (format, tracks) = (self.header.format, self.tracks);
        warn(format == 0 && tracks > 1, Warning::SeveralTracks { tracks });
    }
}

/// Where `needle` first begins.
pub(super) fn find(needle: &[u8; 4], bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == needle)
}
