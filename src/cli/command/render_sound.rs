//! `judge render --as`: pictures of a recording.

use crate::analysis::beat::{self, BeatSettings};
use crate::analysis::onset::{self, Aggregate};
use crate::analysis::{Signal, Stft, View, mel};
use crate::audio::{HearOptions, Heard, SAMPLE_RATE, Salience, hear};
use crate::cli::args::{RenderArgs, SoundView};
use crate::cli::output::PictureFile;
use crate::cli::{Context, Outcome};
use crate::error::Result;
use crate::input;
use crate::report::picture::{CurvePicture, Drawing, MarkedNote, Rows, SoundPicture};

/// Draws a recording.
pub fn run(args: &RenderArgs, view: SoundView, context: &Context, file: PictureFile<'_>) -> anyhow::Result<Outcome> {
    let options = args.read.options()?;
    let (recording, warnings) = input::read_recording(&args.file, &options)?;
    let name = args.file.display().to_string();
    for warning in warnings {
        context.warn(format_args!("{name}: {warning}"));
    }
    let samples = &recording.samples;
    let drawing = match view {
        SoundView::Roll => {
            let options = HearOptions { tempo: options.tempo, transcriber: options.transcriber.as_deref() };
            roll(&name, samples, &hear(samples, options)?)?
        }
        SoundView::Onset => onsets(&name, samples)?,
        _ => spectrum(&name, samples, view)?,
    };
    file.write(&drawing)?;
    Ok(Outcome::Done)
}

/// The salience of semitones with the notes that are heard.
fn roll(name: &str, samples: &[f32], heard: &Heard) -> Result<Drawing> {
    let salience = Salience::of(samples)?;
    // As the ear has it, a tenth of the strength is half as loud.
    let most = salience.strength.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let values = salience.strength.t().mapv(|strength| (strength / most).powf(0.3));
    let notes = heard.notes.iter().map(|note| MarkedNote { pitch: note.pitch, start: note.start, end: note.end });
    let subtitle = format!("{} notes, {:.0} quarters a minute", heard.notes.len(), heard.tempo);
    let picture = SoundPicture {
        title: name.to_owned(),
        subtitle: Some(subtitle),
        values: values.view(),
        rows: Rows::Pitches(salience.lowest()),
        rate: Salience::RATE,
        notes: notes.collect(),
    };
    Ok(picture.drawing())
}

/// Where something begins, and the beats.
fn onsets(name: &str, samples: &[f32]) -> Result<Drawing> {
    let strengths = onset::strength(&Stft::default(), Signal::new(samples, SAMPLE_RATE)?, Aggregate::Mean);
    let beats = beat::track(&strengths, SAMPLE_RATE, View::HOP, BeatSettings::default())?;
    let rate = f64::from(SAMPLE_RATE) / View::HOP as f64;
    let subtitle = match beats.tempo {
        Some(tempo) => format!("onset strength; {tempo:.1} beats a minute (dashed)"),
        None => "onset strength; no beat".to_owned(),
    };
    let moments = beats.frames.iter().map(|&frame| frame as f64 / rate).collect();
    let picture = CurvePicture { title: name.to_owned(), subtitle: Some(subtitle), values: &strengths, rate, moments };
    Ok(picture.drawing())
}

/// What is told of each moment, one row above the other.
fn spectrum(name: &str, samples: &[f32], view: SoundView) -> Result<Drawing> {
    let signal = Signal::new(samples, SAMPLE_RATE)?;
    let (view, rows, subtitle) = match view {
        SoundView::Mel => (View::Mel, Rows::Hertz(mel::frequencies(SAMPLE_RATE, 128)), "128 mel bands, 80 dB"),
        SoundView::Cqt => (View::ConstantQ, Rows::Pitches(24), "constant-Q transform, 80 dB"),
        SoundView::Mfcc => (View::Mfcc, Rows::Numbered, "20 MFCC, each over its own range"),
        SoundView::Chroma => (View::Chroma, Rows::Classes, "chroma of the constant-Q transform"),
        SoundView::Spectrogram | SoundView::Roll | SoundView::Onset => {
            let stft = Stft::default();
            let frequencies = (0..stft.bins()).map(|bin| stft.frequency(bin, SAMPLE_RATE)).collect();
            (View::Spectrogram, Rows::Hertz(frequencies), "spectrum, 80 dB")
        }
    };
    let values = view.of(signal)?;
    let picture = SoundPicture {
        title: name.to_owned(),
        subtitle: Some(subtitle.to_owned()),
        values: values.view(),
        rows,
        rate: f64::from(SAMPLE_RATE) / View::HOP as f64,
        notes: Vec::new(),
    };
    Ok(picture.drawing())
}
