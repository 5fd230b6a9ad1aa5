//! Files of sound, decoded.

use std::io::{Read, Seek, SeekFrom};

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::resample::{Failure, Stream};
use super::{Container, SAMPLE_RATE};
use crate::contain::contained;
use crate::error::{Error, Origin, Result};

/// Rates that a file may have, in hertz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// Most channels that a file may have.
const MOST_CHANNELS: usize = 64;

/// A sample beyond this is damage: full scale is 1.
const LOUDEST: f32 = 1e6;

/// A header that claims more seconds for a byte than this is not believed.
const MOST_SECONDS_A_BYTE: f64 = 1.0 / 250.0;

/// Packets in a row that may give no sound.
const MOST_MUTE_PACKETS: u32 = 100_000;

/// What a file says of its sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The kind of file.
    pub container: Container,
    /// The name of what the sound is encoded by.
    pub codec: &'static str,
    /// Samples a second and channel.
    pub sample_rate: u32,
    /// Channels, which are mixed.
    pub channels: usize,
    /// The length of what was decoded, in seconds.
    pub seconds: f64,
}

/// What was left out or replaced while decoding.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Damage {
    /// Packets that could not be decoded.
    pub packets: u64,
    /// Samples that are no numbers, infinite or far beyond full scale; silence stands in their place.
    pub samples: u64,
    /// Seconds that the header promises and that are not there, where they are more than a tenth.
    pub missing_seconds: f64,
    /// Whether another stream of other sound follows that was left out.
    pub streams: bool,
}

/// Decoded sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// One channel at [`SAMPLE_RATE`]; full scale is -1 to 1. All are finite.
    pub samples: Vec<f32>,
    /// What the file says.
    pub source: Source,
    /// What was left out or replaced.
    pub damage: Damage,
}

impl Recording {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(SAMPLE_RATE)
    }
}

/// Decodes a file; what it is (`container`) was told from its first bytes. `origin` is what messages call it.
///
/// # Errors
/// [`Error::Malformed`] when nothing can be decoded; [`Error::OverLimit`] when there are more than `most_seconds` of sound.
pub fn decode(
    source: impl Read + Seek + Send + Sync + 'static,
    container: Container,
    most_seconds: u64,
    origin: &Origin,
) -> Result<Recording> {
    let malformed = |problem: String| Error::Malformed { origin: origin.clone(), problem };
    match contained(|| Decoding::new(source, container, most_seconds).and_then(Decoding::run)) {
        Some(Ok(recording)) => Ok(recording),
        Some(Err(Refusal::TooLong { seconds })) => Err(Error::OverLimit {
            origin: origin.clone(),
            what: "seconds of sound",
            found: seconds,
            limit: most_seconds,
            option: "--max-audio-seconds",
        }),
        Some(Err(Refusal::Unreadable(problem))) => Err(malformed(problem)),
        None => Err(malformed(format!(
            "the decoder for {} failed on it; convert it with another program",
            container.name()
        ))),
    }
}

/// Why nothing comes of a file.
enum Refusal {
    TooLong { seconds: u64 },
    Unreadable(String),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Unreadable(format!("its sound cannot be resampled: {failure}"))
    }
}

/// What can be read and sought in, with its length.
struct Bytes<S> {
    inner: S,
    length: u64,
}

impl<S: Read> Read for Bytes<S> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<S: Seek> Seek for Bytes<S> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}

impl<S: Read + Seek + Send + Sync> MediaSource for Bytes<S> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}

/// A file that is being decoded.
struct Decoding {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    container: Container,
    most_seconds: u64,
    /// What the header says, if it can be believed.
    expected: Option<f64>,
    stream: Option<(Stream, u32, usize)>,
    damage: Damage,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
}

impl Decoding {
    fn new(
        mut source: impl Read + Seek + Send + Sync + 'static,
        container: Container,
        most_seconds: u64,
    ) -> std::result::Result<Self, Refusal> {
        let name = container.name();
        let unreadable = |error: Symphonia| {
            Refusal::Unreadable(match error {
                Symphonia::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    format!("the {name} file ends within its header; get it anew")
                }
                Symphonia::IoError(error) => format!("cannot read: {error}"),
                error => format!("it begins as a {name} file, but cannot be read as one ({error}); convert it anew"),
            })
        };
        let length = source.seek(SeekFrom::End(0)).and_then(|length| source.rewind().map(|()| length));
        let length = length.map_err(|error| unreadable(error.into()))?;
        let stream = MediaSourceStream::new(Box::new(Bytes { inner: source, length }), Default::default());
        let format = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(unreadable)?;
        let no_sound = || Refusal::Unreadable(format!("there is no sound in this {name} file that can be decoded"));
        let track = format.default_track(TrackType::Audio).ok_or_else(no_sound)?;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or_else(no_sound)?;
        if let Some(rate) = parameters.sample_rate {
            check_rate(rate)?;
        }
        if let Some(channels) = &parameters.channels {
            check_channels(channels.count())?;
        }
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| match error {
                Symphonia::Unsupported(_) => Refusal::Unreadable(format!(
                    "the encoding within this {name} file is not known here; convert it to WAV or FLAC"
                )),
                error => unreadable(error),
            })?;
        let expected =
            seconds_of(track, parameters.sample_rate).filter(|seconds| *seconds <= length as f64 * MOST_SECONDS_A_BYTE);
        if let Some(seconds) = expected
            && seconds > most_seconds as f64
        {
            return Err(Refusal::TooLong { seconds: seconds.ceil() as u64 });
        }
        let track = track.id;
        let (interleaved, mono) = (Vec::new(), Vec::new());
        let damage = Damage::default();
        Ok(Self { format, decoder, track, container, most_seconds, expected, stream: None, damage, interleaved, mono })
    }

    fn run(mut self) -> std::result::Result<Recording, Refusal> {
        let mut mute = 0;
        while mute < MOST_MUTE_PACKETS {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(Symphonia::ResetRequired) => {
                    self.damage.streams = true;
                    break;
                }
                Err(Symphonia::DecodeError(_)) => {
                    self.damage.packets += 1;
                    mute += 1;
                    continue;
                }
                // The file ends early, or nothing more can be made of it.
                Err(_) => break,
            };
            mute += 1;
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(buffer) => {
                    if buffer.frames() > 0 {
                        mute = 0;
                    }
                    let expected = self.expected;
                    take(
                        &buffer,
                        (&mut self.interleaved, &mut self.mono),
                        &mut self.stream,
                        expected,
                        &mut self.damage,
                    )?;
                }
                Err(Symphonia::DecodeError(_) | Symphonia::IoError(_)) => self.damage.packets += 1,
                Err(_) => break,
            }
            if let Some((stream, ..)) = &self.stream
                && stream.seconds() > self.most_seconds as f64
            {
                return Err(Refusal::TooLong { seconds: stream.seconds().ceil() as u64 });
            }
        }
        self.finish()
    }

    fn finish(self) -> std::result::Result<Recording, Refusal> {
        let Some((stream, sample_rate, channels)) = self.stream else {
            return Err(Refusal::Unreadable(match self.damage.packets {
                0 => "there is no sound in it, only a header; get it anew".into(),
                _ => "nothing in it can be decoded; get it anew".into(),
            }));
        };
        let mut damage = self.damage;
        let seconds = stream.seconds();
        damage.missing_seconds = self.expected.map_or(0.0, |expected| expected - seconds);
        if damage.missing_seconds < 0.1 {
            damage.missing_seconds = 0.0;
        }
        let codec = self.decoder.codec_info().short_name;
        let source = Source { container: self.container, codec, sample_rate, channels, seconds };
        Ok(Recording { samples: stream.finish()?, source, damage })
    }
}

/// Mixes a buffer to one channel and passes it on.
fn take(
    buffer: &GenericAudioBufferRef<'_>,
    (interleaved, mono): (&mut Vec<f32>, &mut Vec<f32>),
    stream: &mut Option<(Stream, u32, usize)>,
    expected: Option<f64>,
    damage: &mut Damage,
) -> std::result::Result<(), Refusal> {
    let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
    check_rate(rate)?;
    check_channels(channels)?;
    if buffer.frames() == 0 {
        return Ok(());
    }
    let (stream, first_rate, _) = match stream {
        Some(stream) => stream,
        None => {
            let expected = (expected.unwrap_or(0.0) * f64::from(SAMPLE_RATE)).ceil() as usize;
            stream.insert((Stream::new(rate, expected)?, rate, channels))
        }
    };
    if *first_rate != rate {
        damage.streams = true;
        return Ok(());
    }
    buffer.copy_to_vec_interleaved(interleaved);
    for sample in interleaved.iter_mut() {
        if sample.is_nan() || sample.abs() > LOUDEST {
            *sample = 0.0;
            damage.samples += 1;
        }
    }
    mono.clear();
    let share = 1.0 / channels as f32;
    mono.extend(interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() * share));
    stream.push(mono)?;
    Ok(())
}

fn check_rate(rate: u32) -> std::result::Result<(), Refusal> {
    if RATES.contains(&rate) {
        return Ok(());
    }
    let problem = format!("its sample rate is {rate} Hz, and sound has from 1,000 to 768,000; convert it anew");
    Err(Refusal::Unreadable(problem))
}

fn check_channels(channels: usize) -> std::result::Result<(), Refusal> {
    if (1..=MOST_CHANNELS).contains(&channels) {
        return Ok(());
    }
    let problem = format!("it has {channels} channels, and from 1 to {MOST_CHANNELS} are read; convert it anew");
    Err(Refusal::Unreadable(problem))
}

fn seconds_of(track: &Track, rate: Option<u32>) -> Option<f64> {
    let frames = track.num_frames?;
    let rate = rate.filter(|rate| *rate > 0)?;
    Some(frames as f64 / f64::from(rate))
}
