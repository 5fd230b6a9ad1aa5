//! Bytes to fragments.
//!
//! [`read_file`], [`read_standard_input`] and [`read_bytes`] give a [`Piece`]: what the file says
//! about itself, what was dropped or repaired, and its notes as a [`Fragment`](crate::Fragment).
//! [`expand`] turns the paths of a command line into inputs.
//!
//! # What is read
//! Standard MIDI files of format 0, 1 and 2, bare or in a RIFF wrapper (RMID), with divisions in
//! ticks a quarter or in SMPTE frames. The kind is told from the bytes, never from the name.
//! Division, pairing and damage are treated as the [`midi`] module says.
//!
//! # Limits
//! Nothing is allocated from a number in the file. [`Limits::bytes`] and [`Limits::notes`] hold
//! while reading; [`Limits::quarters`] and [`Limits::seconds`] hold when the notes are asked for,
//! because only drawing costs by length: such a file can still be inspected.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Origin, Result};

mod files;
pub mod midi;
mod piece;
mod sniff;
mod warning;

pub use files::{Input, MUSIC_EXTENSIONS, expand};
pub use piece::{Division, Info, Kind, Piece, TimeSignature};
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
}

impl Default for Limits {
    /// 2 million notes, 200,000 quarters, 24 hours, 64 MiB.
    fn default() -> Self {
        Self { notes: 2_000_000, quarters: 200_000, seconds: 24 * 3600, bytes: 64 << 20 }
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Caps on what a file may hold.
    pub limits: Limits,
    /// Whether the fragment has the notes of the drum channel too.
    pub drums: bool,
}

/// Reads a file.
///
/// # Errors
/// [`Error::Io`] when it cannot be read or is a folder; [`Error::Malformed`] when it is no MIDI
/// file, or no regular file (a pipe might never end; standard input is read by
/// [`read_standard_input`]); [`Error::OverLimit`] when it has too many bytes or notes. A file
/// without notes is no error here, but one of [`Piece::fragment`].
pub fn read_file(path: &Path, options: &ReadOptions) -> Result<Piece> {
    // Asked before opening: opening a pipe would wait for its writer.
    regular(path, &path.metadata().map_err(Error::io("read", path))?)?;
    let file = File::open(path).map_err(Error::io("read", path))?;
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    regular(path, &metadata)?;
    let origin = Origin::from(path);
    within("bytes", metadata.len(), options.limits.bytes, "--max-bytes", &origin)?;
    let bytes = read_capped(file, options.limits.bytes).map_err(Error::io("read", path))?;
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
        Ok(sniff::Wrapping::Bare) => midi::read(bytes, Vec::new(), origin, options),
        Ok(sniff::Wrapping::Riff) => {
            let (bytes, warnings) = midi::unwrap_riff(bytes, &origin)?;
            midi::read(bytes, warnings, origin, options)
        }
        Err(problem) => Err(Error::Malformed { origin, problem }),
    }
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
