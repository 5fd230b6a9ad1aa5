//! Recordings: sound decoded to samples, and the notes that are heard in it.
//!
//! [`decode`] reads WAV, FLAC, MP3, Ogg Vorbis, AIFF, and AAC or ALAC in MP4, packet by packet, mixes the channels to one
//! (their mean), and brings it to [`SAMPLE_RATE`]. Memory is that of the result and a few packets, whatever a header says.

mod contain;
mod decode;
mod resample;
#[cfg(feature = "onnx")]
mod transcriber;

pub use decode::{Container, Damage, Recording, Source, decode};
#[cfg(feature = "onnx")]
pub use transcriber::{Activations, Transcriber};

/// The rate of all decoded sound, in hertz.
pub const SAMPLE_RATE: u32 = 22_050;

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
