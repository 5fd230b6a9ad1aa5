//! What is heard in a recording.

use super::salience::Salience;
use super::{HeardNote, SAMPLE_RATE, Transcriber, agree, tempo, track};
use crate::error::{Error, Result};

/// How a recording is listened to.
#[derive(Debug, Clone, Copy, Default)]
pub struct HearOptions<'a> {
    /// Quarters a minute, where they are known; else they are estimated.
    pub tempo: Option<f64>,
    /// A network that tells which notes there are; by the salience of semitones it is told better when they begin and end.
    pub transcriber: Option<&'a Transcriber>,
}

/// What is heard in a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The notes, in order of time, then pitch. None where nothing has a pitch.
    pub notes: Vec<HeardNote>,
    /// Quarters a minute.
    pub tempo: f64,
    /// How many semitones the recording is tuned above A4 = 440 Hz, -0.5 to 0.5.
    pub tuning: f64,
    /// The share of the time in which a note sounds, 0 to 1.
    pub pitched: f64,
}

/// Listens to samples at [`SAMPLE_RATE`].
///
/// # Errors
/// [`Error::Malformed`] when a sample is not finite, or the transcriber cannot be run; [`Error::Option`] for a tempo that
/// is none.
pub fn hear(samples: &[f32], options: HearOptions<'_>) -> Result<Heard> {
    if let Some(tempo) = options.tempo.filter(|tempo| !(10.0..=1000.0).contains(tempo)) {
        let expected = "a number of quarters a minute from 10 to 1000";
        return Err(Error::Option { name: "tempo", value: tempo.to_string(), expected });
    }
    let salience = Salience::of(samples)?;
    let notes = match options.transcriber {
        Some(transcriber) => agree::agreed(&transcriber.transcribe(samples)?, &salience),
        None => track::notes(&salience),
    };
    let tempo = options.tempo.unwrap_or_else(|| tempo::estimate(&notes));
    let pitched = pitched(&notes, samples.len() as f64 / f64::from(SAMPLE_RATE));
    Ok(Heard { notes, tempo, tuning: salience.tuning, pitched })
}

/// The share of the time in which a note sounds.
fn pitched(notes: &[HeardNote], seconds: f64) -> f64 {
    let (mut sounding, mut last) = (0.0, 0.0f64);
    for note in notes {
        sounding += (note.end - note.start.max(last)).max(0.0);
        last = last.max(note.end);
    }
    if seconds > 0.0 { (sounding / seconds).min(1.0) } else { 0.0 }
}
