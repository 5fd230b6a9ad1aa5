//! Recordings: sound decoded to samples, and the notes that are heard in it.
//!
//! [`decode`] reads WAV, FLAC, MP3, Ogg Vorbis, AIFF, and AAC or ALAC in MP4, packet by packet, mixes the channels to one
//! (their mean), and brings it to [`SAMPLE_RATE`]. Memory is that of the result and a few packets, whatever a header says.
//!
//! [`hear`] tells its notes: by the salience of semitones ([`Salience`]), or by a [`Transcriber`] and salience together.

#[cfg(feature = "audio")]
mod agree;
#[cfg(feature = "audio")]
mod decode;
#[cfg(feature = "audio")]
mod hear;
#[cfg(feature = "audio")]
mod resample;
#[cfg(feature = "audio")]
mod salience;
#[cfg(feature = "audio")]
mod tempo;
#[cfg(feature = "audio")]
mod track;
#[cfg(all(feature = "audio", feature = "onnx"))]
mod transcriber;
#[cfg(not(all(feature = "audio", feature = "onnx")))]
#[path = "no_transcriber.rs"]
mod transcriber;

#[cfg(feature = "audio")]
pub use decode::{Damage, Recording, Source, decode};
#[cfg(feature = "audio")]
pub use hear::{HearOptions, Heard, hear};
#[cfg(feature = "audio")]
pub use salience::Salience;
#[cfg(all(feature = "audio", feature = "onnx"))]
pub use transcriber::Activations;
pub use transcriber::Transcriber;

/// The rate of all decoded sound, in hertz.
pub const SAMPLE_RATE: u32 = 22_050;

/// The kinds of file that sound is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// RIFF WAVE.
    Wav,
    /// AIFF and AIFF-C.
    Aiff,
    /// FLAC.
    Flac,
    /// Ogg.
    Ogg,
    /// MPEG audio layer III.
    Mp3,
    /// MPEG-4, M4A.
    Mp4,
}

impl Container {
    /// Its name, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wav => "WAV",
            Self::Aiff => "AIFF",
            Self::Flac => "FLAC",
            Self::Ogg => "Ogg",
            Self::Mp3 => "MP3",
            Self::Mp4 => "MP4",
        }
    }
}

/// A note that is heard in a recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeardNote {
    /// MIDI note number.
    pub pitch: u8,
    /// When it starts, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// How strongly it is heard, 0 to 1.
    pub strength: f32,
}
