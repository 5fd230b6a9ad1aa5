//! `judge scan`: a bank's exemplars along a piece.

use std::io::Write;

use serde::Serialize;

use crate::bank::Label;
use crate::cli::args::ScanArgs;
use crate::cli::output::{self, CnnShare, PictureFile};
use crate::cli::{Context, Outcome, files};
use crate::error::Error;
use crate::find::{Occurrence, Scan, WindowOpinion, scan};
use crate::judge::Judge;
use crate::report::picture::{Mark, ScanPicture, Tone};
use crate::report::words;
use crate::roll::{Ink, PianoRoll};
use crate::similarity::Extent;

/// The JSON object of an occurrence.
#[derive(Serialize)]
struct Report<'a> {
    piece: &'a str,
    label: Label,
    exemplar: &'a str,
    #[serde(flatten)]
    occurrence: &'a Occurrence,
}

/// The JSON object of what a network says of a window.
#[derive(Serialize)]
struct WindowReport<'a> {
    piece: &'a str,
    start: f64,
    end: f64,
    score: f64,
    cnn: f64,
    #[serde(flatten)]
    share: CnnShare,
}

pub fn run(args: &ScanArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let picture_file =
        args.picture.as_deref().map(|path| PictureFile::new(path, [args.piece.as_path()])).transpose()?;
    let mut options = args.read.options()?;
    let judge = context.judge(&args.bank, &args.likeness, &args.cnn, &mut options, |comparer| {
        comparer.extent = Extent::Containing;
        // As in `find`: else every held note is a stuck one.
        comparer.rendering.ink = Ink::Onset;
    })?;
    if options.keep_sound {
        let value = "a picture of sound".to_owned();
        return Err(Error::Option { name: "picture of the cnn", value, expected: "roll, which scan draws" }.into());
    }
    let piece = files::read_one(&args.piece, &options)?;
    context.tell_warnings(&piece);
    let fragment = piece.fragment()?;

    let bar = context.progress(judge.bank().exemplars().len() as u64, "scanning");
    let found = scan(&judge, fragment, || bar.inc(1));
    bar.finish_and_clear();
    let found = found.map_err(|error| error.from_origin(piece.origin.clone()))?;

    let name = args.piece.display().to_string();
    let mut out = output::standard();
    if args.json {
        for (label, exemplar, occurrence) in &found.occurrences {
            output::json(&mut out, &Report { piece: &name, label: *label, exemplar, occurrence })?;
        }
        for WindowOpinion { start, end, opinion, vetoed, score } in &found.opinions {
            let share = CnnShare::new(&judge, *opinion, *vetoed);
            let (start, end, cnn) = (*start, *end, opinion.probability);
            output::json(&mut out, &WindowReport { piece: &name, start, end, score: *score, cnn, share })?;
        }
    } else {
        writeln!(out, "{}", context.styles.strong(&name))?;
        for (label, exemplar, occurrence) in &found.occurrences {
            writeln!(out, "  {:>4} {exemplar}, {}", label.folder(), words::occurrence(occurrence))?;
        }
        if found.occurrences.is_empty() {
            writeln!(out, "  no exemplar of the bank is in it")?;
        }
        let weight = judge.scorer().map_or(0.0, |(_, weight)| weight);
        for WindowOpinion { start, end, opinion, vetoed, score } in &found.opinions {
            let (start, end) = (words::quarters(*start), words::quarters(*end));
            let told = words::opinion(opinion, weight, *vetoed);
            let probability = opinion.probability;
            writeln!(out, "  quarters {start} to {end}: score {score:.2}; network {probability:.2}, {told}")?;
        }
    }
    out.flush()?;
    if let Some(file) = picture_file {
        let per_bar = piece.info.time_signature().map(|time| time.quarters());
        let roll = PianoRoll::of(fragment, judge.comparer().rendering.resolution);
        file.write(&picture(&name, &roll, &found, &judge, per_bar))?;
    }
    Ok(Outcome::Done)
}

fn picture(
    name: &str,
    roll: &PianoRoll,
    found: &Scan,
    judge: &Judge,
    quarters_per_bar: Option<f64>,
) -> crate::report::picture::Drawing {
    let times: Vec<_> = (0..found.good.len()).map(|step| found.start + found.step * step as f64).collect();
    let marks: Vec<_> = found
        .occurrences
        .iter()
        .map(|(label, exemplar, occurrence)| Mark {
            start: occurrence.start,
            end: occurrence.end,
            name: exemplar.clone(),
            tone: Tone::from(*label),
        })
        .collect();
    let thresholds = judge.bank().thresholds();
    ScanPicture {
        title: name.to_owned(),
        subtitle: Some(format!("likeness to the exemplars of {}", judge.bank().root())),
        piece: roll,
        times: &times,
        good: &found.good,
        bad: &found.bad,
        good_threshold: thresholds.good(),
        bad_threshold: thresholds.bad(),
        marks: &marks,
        quarters_per_bar,
        start: found.start,
    }
    .drawing()
}
