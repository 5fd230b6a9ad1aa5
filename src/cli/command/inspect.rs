//! `judge inspect`: what was read from a file.

use std::io::Write;

use serde::Serialize;

use crate::cli::args::InspectArgs;
use crate::cli::output::{self, Styles, complain};
use crate::cli::{Context, Outcome, files};
use crate::input::{Info, MidiInfo, Piece, SoundInfo};
use crate::note::pitch_name;

/// The JSON object of a file.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    #[serde(flatten)]
    info: &'a Info,
    warnings: Vec<String>,
}

/// The JSON object of a file that could not be read.
#[derive(Serialize)]
pub struct Failure {
    /// The file as it was given.
    pub file: String,
    /// What is wrong.
    pub error: String,
}

pub fn run(args: &InspectArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let (inputs, mut outcome) = files::expand(&args.files);
    let mut out = output::standard();
    let options = args.read.options()?;
    for input in &inputs {
        let file = files::path_of(input).display().to_string();
        match files::read(input, &options) {
            Ok(piece) if args.json => {
                let warnings = piece.warnings.iter().map(ToString::to_string).collect();
                output::json(&mut out, &Report { file, info: &piece.info, warnings })?;
            }
            Ok(piece) => tell(&mut out, &file, &piece, context.styles)?,
            Err(error) => {
                complain(&error);
                outcome = Outcome::Failed;
                if args.json && inputs.len() > 1 {
                    output::json(&mut out, &Failure { file, error: error.to_string() })?;
                }
            }
        }
    }
    out.flush()?;
    Ok(outcome)
}

fn tell(out: &mut impl Write, file: &str, piece: &Piece, styles: Styles) -> std::io::Result<()> {
    writeln!(out, "{}", styles.strong(file))?;
    match &piece.info {
        Info::Midi(info) => tell_midi(out, info)?,
        Info::Sound(info) => tell_sound(out, info)?,
    }
    match piece.fragment() {
        Ok(fragment) => {
            let (low, high) = fragment.pitch_range();
            let lead = fragment.to_quarters(fragment.lead());
            writeln!(
                out,
                "  the fragment: {} notes from {} to {}, {:.2} quarters from quarter {lead:.2} on",
                fragment.notes().len(),
                pitch_name(low),
                pitch_name(high),
                fragment.quarters(),
            )?;
        }
        Err(error) => writeln!(out, "  no fragment: {error}")?,
    }
    for warning in &piece.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    Ok(())
}

fn tell_midi(out: &mut impl Write, info: &MidiInfo) -> std::io::Result<()> {
    writeln!(out, "  MIDI file of format {}, {} tracks, {}", info.format, info.tracks, info.division)?;
    let drums = if info.drum_notes > 0 { format!(", {} of them drums", info.drum_notes) } else { String::new() };
    writeln!(out, "  {} notes on {} channels{drums}", info.notes, info.channels)?;
    let signature = info.time_signature.map(|time| format!(", in {time}")).unwrap_or_default();
    let (quarters, seconds) = (info.quarters, info.seconds);
    writeln!(out, "  {quarters:.2} quarters, {seconds:.2} seconds, {} tempo events{signature}", info.tempo_changes)
}

fn tell_sound(out: &mut impl Write, info: &SoundInfo) -> std::io::Result<()> {
    let channels = if info.channels == 1 { "channel" } else { "channels" };
    let SoundInfo { format, codec, sample_rate, seconds, .. } = info;
    writeln!(
        out,
        "  recording ({format}, {codec}), {} {channels} of {sample_rate} Hz, {seconds:.2} seconds",
        info.channels
    )?;
    let percent = 100.0 * info.pitched;
    writeln!(
        out,
        "  {} notes, in {percent:.0} % of the time; tuned {:+.0} cents from A4 = 440 Hz",
        info.notes, info.tuning
    )?;
    writeln!(out, "  {:.1} quarters a minute, {:.2} quarters", info.tempo, info.quarters)
}
