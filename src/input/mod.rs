//! Bytes to fragments.
//!
//! [`read_file`], [`read_standard_input`] and [`read_bytes`] give a [`Piece`]: what the file says
//! about itself, what was dropped or repaired, and its notes as a [`Fragment`](crate::Fragment).
//! [`expand`] turns the paths of a command line into inputs.
//!
//! # What is read
//! Standard MIDI files of format 0, 1 and 2, bare or in a RIFF wrapper (RMID), with divisions in
//! ticks a quarter or in SMPTE frames. Division, pairing and damage are treated as the [`midi`] module says.
//!
//! With the feature `audio` recordings too: WAV, FLAC, MP3, Ogg Vorbis, AIFF, and AAC or ALAC in MP4. Their notes are
//! what is [heard](crate::audio) in them; quarters come from a tempo that is estimated, or given ([`ReadOptions::tempo`]).
//!
//! The kind of a file is told from its bytes, not from its name; but a recording that is named as a MIDI file is refused.
//!
//! # Limits
//! Nothing is allocated from a number in the file. [`Limits::bytes`] and [`Limits::notes`] hold
//! while reading; [`Limits::quarters`] and [`Limits::seconds`] hold when the notes are asked for,
//! because only drawing costs by length: such a file can still be inspected. A recording is decoded as a stream:
//! [`Limits::audio_seconds`] holds for it, and [`Limits::bytes`] only where it comes from standard input or memory.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use crate::audio::{Container, Transcriber};
#[cfg(feature = "audio")]
use crate::audio::{Recording, decode};
use crate::error::{Error, Origin, Result};

mod files;
pub mod midi;
mod piece;
mod sniff;
#[cfg(feature = "audio")]
mod sound;
mod warning;

pub use files::{Input, MUSIC_EXTENSIONS, expand};
pub use piece::{Division, Info, Kind, MidiInfo, Piece, SoundInfo, TimeSignature};
pub use warning::Warning;

/// The drum channel of General MIDI, counted from 0.
pub const DRUM_CHANNEL: u8 = 9;

/// Caps that protect memory and time from numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Notes in a file.
    pub notes: u64,
    /// Length of a file in quarters; at most [`MAX_QUARTERS`](crate::note::MAX_QUARTERS).
    pub quarters: u64,
    /// Length of a file in seconds.
    pub seconds: u64,
    /// Size of a file in bytes.
    pub bytes: u64,
    /// Length of a recording in seconds. A minute takes 5 MB of memory, and as much again while it is listened to.
    pub audio_seconds: u64,
}

impl Default for Limits {
    /// 2 million notes, 200,000 quarters, 24 hours, 64 MiB, 10 minutes of sound.
    fn default() -> Self {
        Self { notes: 2_000_000, quarters: 200_000, seconds: 24 * 3600, bytes: 64 << 20, audio_seconds: 600 }
    }
}

/// How files are read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadOptions {
    /// Caps on what a file may hold.
    pub limits: Limits,
    /// Whether the fragment has the notes of the drum channel too.
    pub drums: bool,
    /// Quarters a minute in recordings; estimated when not given.
    pub tempo: Option<f64>,
    /// A network that tells the notes of recordings, instead of our own method.
    pub transcriber: Option<Arc<Transcriber>>,
    /// Whether the sound of recordings is kept with their notes: [`Piece::sound`].
    pub keep_sound: bool,
}

/// Bytes by which the kind of a file is told: what is longer than an ID3 tag with a picture is taken for MP3.
const HEAD: u64 = 4096;

/// Reads a file.
///
/// # Errors
/// [`Error::Io`] when it cannot be read or is a folder; [`Error::Malformed`] when it is no music
/// file, or no regular file (a pipe might never end; standard input is read by
/// [`read_standard_input`]); [`Error::OverLimit`] when it has too many bytes or notes. A file
/// without notes is no error here, but one of [`Piece::fragment`].
pub fn read_file(path: &Path, options: &ReadOptions) -> Result<Piece> {
    let (mut file, head) = open(path)?;
    let origin = Origin::from(path);
    let failed = |error| Error::io("read", path)(error);
    if let Some(container) = sniff::sound(&head) {
        promised(container, &origin)?;
        file.rewind().map_err(failed)?;
        return read_sound(file, container, origin, options);
    }
    let length = file.metadata().map_err(failed)?.len();
    within("bytes", length, options.limits.bytes, "--max-bytes", &origin)?;
    let mut bytes = head;
    let rest = options.limits.bytes.saturating_add(1).saturating_sub(bytes.len() as u64);
    file.take(rest).read_to_end(&mut bytes).map_err(failed)?;
    read_bytes(&bytes, origin, options)
}

/// Reads standard input to its end.
///
/// # Errors
/// As [`read_file`].
pub fn read_standard_input(options: &ReadOptions) -> Result<Piece> {
    Ok(read_standard_input_bytes(options)?.1)
}

/// Reads standard input to its end, and keeps the bytes.
///
/// # Errors
/// As [`read_file`].
pub fn read_standard_input_bytes(options: &ReadOptions) -> Result<(Vec<u8>, Piece)> {
    let bytes = read_capped(io::stdin().lock(), options.limits.bytes).map_err(Error::io("read", "-"))?;
    let piece = read_bytes(&bytes, Origin::StandardInput, options)?;
    Ok((bytes, piece))
}

/// Reads a file that is in memory; `origin` is what messages call it.
///
/// # Errors
/// As [`read_file`].
pub fn read_bytes(bytes: &[u8], origin: Origin, options: &ReadOptions) -> Result<Piece> {
    within("bytes", bytes.len() as u64, options.limits.bytes, "--max-bytes", &origin)?;
    match sniff::sniff(bytes) {
        Ok(sniff::Found::Midi) => midi::read(bytes, Vec::new(), origin, options),
        Ok(sniff::Found::Riff) => {
            let (bytes, warnings) = midi::unwrap_riff(bytes, &origin)?;
            midi::read(bytes, warnings, origin, options)
        }
        Ok(sniff::Found::Sound(container)) => {
            promised(container, &origin)?;
            read_sound(io::Cursor::new(bytes.to_vec()), container, origin, options)
        }
        Err(problem) => Err(Error::Malformed { origin, problem }),
    }
}

/// Refuses a recording that is named as a MIDI file: whoever meant notes should not get what is heard, unknowingly.
fn promised(container: Container, origin: &Origin) -> Result<()> {
    match origin {
        Origin::File(path) if files::is_named_midi(path) => {
            let (name, extension) = (container.name(), extension(container));
            let problem = format!(
                "it is named as a MIDI file, but is a recording ({name}); name it .{extension} to have it listened to"
            );
            Err(Error::Malformed { origin: origin.clone(), problem })
        }
        _ => Ok(()),
    }
}

fn extension(container: Container) -> String {
    container.name().to_ascii_lowercase()
}

/// What the name of a file with these bytes should end in.
pub(crate) fn extension_of(bytes: &[u8]) -> String {
    sniff::sound(bytes).map_or_else(|| "mid".to_owned(), extension)
}

#[cfg(feature = "audio")]
use sound::read as read_sound;

/// Says what to rebuild.
#[cfg(not(feature = "audio"))]
fn read_sound(_: impl Read + Seek, container: Container, origin: Origin, _: &ReadOptions) -> Result<Piece> {
    let name = container.name();
    let problem =
        format!("this is a recording ({name}), and reading those is not built in; rebuild with `--features audio`");
    Err(Error::Malformed { origin, problem })
}

/// Decodes a recording, and does not listen to it: what to draw its spectrum from.
///
/// # Errors
/// As [`read_file`]; [`Error::Malformed`] for what is no recording.
#[cfg(feature = "audio")]
pub fn read_recording(path: &Path, options: &ReadOptions) -> Result<(Recording, Vec<Warning>)> {
    let origin = if path == Path::new("-") { Origin::StandardInput } else { Origin::from(path) };
    let no_sound = || Error::Malformed { origin: origin.clone(), problem: "it is no recording; give one".into() };
    let most = options.limits.audio_seconds;
    let recording = if path == Path::new("-") {
        let bytes = read_capped(io::stdin().lock(), options.limits.bytes).map_err(Error::io("read", "-"))?;
        within("bytes", bytes.len() as u64, options.limits.bytes, "--max-bytes", &origin)?;
        let container = sniff::sound(&bytes).ok_or_else(no_sound)?;
        decode(io::Cursor::new(bytes), container, most, &origin)?
    } else {
        let (mut file, head) = open(path)?;
        let container = sniff::sound(&head).ok_or_else(no_sound)?;
        file.rewind().map_err(Error::io("read", path))?;
        decode(file, container, most, &origin)?
    };
    let warnings = sound::warnings_of(&recording);
    Ok((recording, warnings))
}

/// Opens a regular file, and reads its beginning.
fn open(path: &Path) -> Result<(File, Vec<u8>)> {
    let failed = |error| Error::io("read", path)(error);
    // Asked before opening: opening a pipe would wait for its writer.
    regular(path, &path.metadata().map_err(failed)?)?;
    let mut file = File::open(path).map_err(failed)?;
    regular(path, &file.metadata().map_err(failed)?)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head).map_err(failed)?;
    Ok((file, head))
}

fn regular(path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    if metadata.is_dir() {
        return Err(Error::io("read", path)(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        let problem = "is no regular file; pipe it to standard input and give - as its name".into();
        return Err(Error::Malformed { origin: path.into(), problem });
    }
    Ok(())
}

/// Reads to the end, or to one byte more than the limit: a file may grow while it is read.
fn read_capped(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn within(what: &'static str, found: u64, limit: u64, option: &'static str, origin: &Origin) -> Result<()> {
    if found > limit {
        return Err(Error::OverLimit { origin: origin.clone(), what, found, limit, option });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_no_more_than_the_limit_and_a_byte() {
        assert_eq!(read_capped(io::repeat(0), 1000).unwrap().len(), 1001);
    }

    #[test]
    fn refuses_what_is_no_regular_file() {
        let error = |path: &str| read_file(Path::new(path), &ReadOptions::default()).unwrap_err().to_string();
        assert_eq!(error("src"), "src: cannot read: is a directory");
        assert!(error("no-such-file.mid").starts_with("no-such-file.mid: cannot read: "));
        #[cfg(unix)]
        assert!(error("/dev/zero").contains("is no regular file"));
    }
}
