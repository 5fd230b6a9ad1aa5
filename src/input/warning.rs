//! What was dropped or repaired while reading.

use std::fmt;

use serde::{Serialize, Serializer};

/// Something that was dropped or repaired while reading; its text is one line.
///
/// Tracks and bytes are counted from 0 in the fields; the text counts tracks from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// The RIFF wrapper says that more bytes follow than do.
    WrapperCutShort {
        /// Bytes that are missing.
        missing: u64,
    },
    /// The header's format is none of 0, 1 and 2; the tracks are played together.
    UnknownFormat {
        /// The format.
        format: u16,
    },
    /// The header gives a quarter no ticks.
    NoTicks,
    /// The header's frame rate is none of SMPTE's; it is taken at its word.
    OddFrameRate {
        /// Frames a second.
        frames: u8,
    },
    /// A file of format 0, which has one track, has several; they are played together.
    SeveralTracks {
        /// How many there are.
        tracks: usize,
    },
    /// The header names another number of tracks than there are.
    TrackCount {
        /// What the header says.
        declared: u16,
        /// How many there are.
        found: usize,
    },
    /// The file ends in the middle of a track.
    CutShort {
        /// The track.
        track: usize,
        /// Bytes that are missing by the track's own account.
        missing: u64,
    },
    /// Tracks whose length is wrong; they were read up to the next track.
    WrongLength {
        /// How many there are.
        tracks: usize,
        /// The first of them.
        first: usize,
    },
    /// Chunks that are neither header nor track were left out.
    OtherChunks {
        /// How many there are.
        chunks: usize,
        /// Their size with their headers.
        bytes: u64,
    },
    /// Bytes between or after the chunks were left out.
    StrayBytes {
        /// How many there are.
        bytes: u64,
    },
    /// A second header begins; what follows it was left out.
    SecondHeader {
        /// Where it begins.
        at: usize,
        /// How many bytes were left out.
        bytes: u64,
    },
    /// Tracks that cannot be understood from some byte on; the rest of them was dropped.
    Damaged {
        /// How many there are.
        tracks: usize,
        /// The first of them.
        first: usize,
        /// Where in the MIDI data it stops being understood.
        at: usize,
        /// How many bytes were dropped from all of them.
        bytes: u64,
    },
    /// Data bytes above 127 were read as 127.
    ClippedData {
        /// Events that had one.
        events: u64,
    },
    /// Notes with a pitch above 127 were dropped.
    NoPitch {
        /// How many there are.
        notes: u64,
    },
    /// System messages, which do not belong into a file, were left out.
    SystemMessages {
        /// How many there are.
        messages: u64,
    },
    /// Numbers of more bytes than are allowed were read all the same.
    LongNumbers {
        /// Events that had one.
        events: u64,
    },
    /// Meta events with impossible contents were left out.
    BadMeta {
        /// How many there are.
        events: u64,
    },
    /// Bytes after a track's end were left out.
    AfterEnd {
        /// How many tracks have such bytes.
        tracks: usize,
        /// How many bytes there are in all of them.
        bytes: u64,
    },
    /// Tracks without an End of Track event; they end at their last event.
    NoEnd {
        /// How many there are.
        tracks: usize,
    },
    /// Notes that never stop; they were held to their track's end.
    UnclosedNotes {
        /// How many there are.
        notes: u64,
    },
    /// Tempo events of no length were left out.
    ZeroTempo {
        /// How many there are.
        events: usize,
    },
    /// Parts of a recording that cannot be decoded were left out.
    DamagedSound {
        /// How many packets.
        packets: u64,
    },
    /// Samples that are no numbers, infinite or far too loud were silenced.
    OddSamples {
        /// How many there are.
        samples: u64,
    },
    /// A recording ends before its header says.
    SoundCutShort {
        /// How much is missing.
        milliseconds: u64,
    },
    /// A recording is followed by another one in the same file, which was left out.
    OtherStreams,
    /// Notes are heard in a small part of a recording only: it may be noise, percussion, or silence.
    HardlyPitched {
        /// The part in which notes are heard.
        percent: u64,
    },
}

/// "1 note", "2 notes".
struct Count(u64, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tracks = |n: &usize| Count(*n as u64, "track");
        match self {
            Self::WrapperCutShort { missing } => {
                write!(f, "the RIFF wrapper asks for {} more than there are", Count(*missing, "byte"))
            }
            Self::UnknownFormat { format } => {
                write!(f, "format {format} is unknown (0, 1 and 2 are defined); its tracks are played together")
            }
            Self::NoTicks => f.write_str("the header gives a quarter no ticks, so lengths are unknown"),
            Self::OddFrameRate { frames } => {
                write!(f, "a rate of {frames} frames a second, which SMPTE does not have, taken at its word")
            }
            Self::SeveralTracks { tracks } => {
                write!(f, "a file of format 0 has one track, but this has {tracks}; they are played together")
            }
            Self::TrackCount { declared, found } => {
                write!(f, "the header names {}, but {found} were found", tracks(&usize::from(*declared)))
            }
            Self::CutShort { track, missing } => {
                write!(f, "the file ends within track {}; {} missing", track + 1, Count(*missing, "byte"))
            }
            Self::WrongLength { tracks: n, first } => write!(
                f,
                "{} of a wrong length, the first being track {}; read up to the next track",
                tracks(n),
                first + 1
            ),
            Self::OtherChunks { chunks, bytes } => {
                write!(f, "{} of other kinds left out ({})", Count(*chunks as u64, "chunk"), Count(*bytes, "byte"))
            }
            Self::StrayBytes { bytes } => write!(f, "{} outside of the tracks left out", Count(*bytes, "byte")),
            Self::SecondHeader { at, bytes } => {
                write!(f, "a second header at byte {at}; {} from there on left out", Count(*bytes, "byte"))
            }
            Self::Damaged { tracks: n, first, at, bytes } => write!(
                f,
                "{} damaged, the first being track {} at byte {at}; {} dropped in all",
                tracks(n),
                first + 1,
                Count(*bytes, "byte")
            ),
            Self::ClippedData { events } => {
                write!(f, "{} with a value above 127, which was read as 127", Count(*events, "event"))
            }
            Self::NoPitch { notes } => write!(f, "{} with a pitch above 127 dropped", Count(*notes, "note")),
            Self::SystemMessages { messages } => {
                write!(f, "{} left out, because a file has none", Count(*messages, "system message"))
            }
            Self::LongNumbers { events } => {
                write!(f, "{} with a number of more than 4 bytes, read all the same", Count(*events, "event"))
            }
            Self::BadMeta { events } => {
                write!(f, "{} with impossible contents left out", Count(*events, "meta event"))
            }
            Self::AfterEnd { tracks: n, bytes } => {
                write!(f, "{} after the end of {} left out", Count(*bytes, "byte"), tracks(n))
            }
            Self::NoEnd { tracks: n } => write!(f, "{} without an end; it is the last event", tracks(n)),
            Self::UnclosedNotes { notes } => {
                write!(f, "{} never released, held to the track's end", Count(*notes, "note"))
            }
            Self::ZeroTempo { events } => {
                write!(f, "{} of no length left out", Count(*events as u64, "tempo event"))
            }
            Self::DamagedSound { packets } => {
                write!(f, "{} of sound cannot be decoded and left out", Count(*packets, "packet"))
            }
            Self::OddSamples { samples } => {
                write!(f, "{} not finite or far too loud, taken for silence", Count(*samples, "sample"))
            }
            Self::SoundCutShort { milliseconds } => {
                write!(f, "the recording ends {:.1} seconds before its header says", *milliseconds as f64 / 1000.0)
            }
            Self::OtherStreams => f.write_str("another recording follows in the file and was left out"),
            Self::HardlyPitched { percent: 0 } => {
                f.write_str("notes are heard nowhere in it: it may be noise, percussion or silence")
            }
            Self::HardlyPitched { percent } => {
                write!(f, "notes are heard in {percent} % of it only: it may be mostly noise, percussion or silence")
            }
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_told_in_one_line() {
        let told = Warning::UnclosedNotes { notes: 1 }.to_string();
        assert_eq!(told, "1 note never released, held to the track's end");
        let told = Warning::Damaged { tracks: 2, first: 0, at: 99, bytes: 7 }.to_string();
        assert_eq!(told, "2 tracks damaged, the first being track 1 at byte 99; 7 bytes dropped in all");
    }
}
