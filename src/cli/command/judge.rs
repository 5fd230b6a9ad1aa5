//! `judge FILE...`: verdicts.

use std::borrow::Cow;
use std::io::Write;

use indicatif::ProgressBar;
use rayon::prelude::*;

use super::inspect::Failure;
use crate::cli::args::JudgeArgs;
use crate::cli::output::{self, About, PictureFile, Report, Styles, complain, terminal_width};
use crate::cli::{Context, Outcome, files};
use crate::error::{Error, Origin};
use crate::input::{self, Input, ReadOptions};
use crate::judge::{Judge, Judgement, Match};
use crate::note::Fragment;
use crate::report::picture;
use crate::report::words;
use crate::scorer::Candidate;
use crate::similarity::AlteredExemplar;
use crate::verdict::Verdict;

/// Files that are judged before their verdicts are written.
const BATCH: usize = 256;

/// A file that was read and judged.
struct Judged {
    fragment: Fragment,
    quarters_per_bar: Option<f64>,
    warnings: Vec<String>,
    judgement: Judgement,
}

pub fn run(args: &JudgeArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let inputs = input::expand(&args.files);
    let paths = || inputs.iter().flatten().map(files::path_of);
    let picture = args.picture.as_deref().map(|path| PictureFile::new(path, paths())).transpose()?;
    let mut outcome = Outcome::Done;
    if let Some(path) = &args.picture
        && inputs.len() > 1
    {
        let value = path.display().to_string();
        return Err(Error::Option { name: "picture", value, expected: "for several files; give one FILE" }.into());
    }
    let mut options = args.read.options()?;
    let judge = open(args, &context, &mut options)?;

    let bar = context.progress(inputs.len() as u64, "judging");
    // Sound takes much memory, so not much of it is kept at a time.
    let together = if options.keep_sound { rayon::current_num_threads() } else { BATCH };
    for batch in inputs.chunks(together) {
        let judged = judge_all(&judge, batch, &options);
        bar.inc(batch.len() as u64);
        let mut out = Vec::new();
        for (input, judged) in batch.iter().zip(judged) {
            let file = match input {
                Ok(input) => files::path_of(input).display().to_string(),
                Err(Error::Io { path, .. }) => path.display().to_string(),
                Err(_) => String::new(),
            };
            // What could not be listed has its place among what could not be read.
            let judged = match (judged.transpose(), input) {
                (Ok(Some(judged)), _) => Ok(judged),
                (Err(error), _) => Err(error.to_string()),
                (Ok(None), input) => Err(input.as_ref().err().map(ToString::to_string).unwrap_or_default()),
            };
            match judged {
                Ok(judged) => {
                    if args.json {
                        let report = Report::new(About::File(&file), &judge, &judged.judgement, &judged.warnings);
                        output::json(&mut out, &report.explained(&judge, &judged.fragment))?;
                    } else {
                        tell(&mut out, &output::printable(&file), &judged, &judge, context.styles)?;
                    }
                    if args.show {
                        show(&mut out, &judged, &judge, context.styles)?;
                    }
                    if let Some(file_of_picture) = picture {
                        let Judged { fragment, quarters_per_bar, judgement, .. } = &judged;
                        file_of_picture.write(&picture::judged(
                            &file,
                            &judge,
                            fragment,
                            judgement,
                            *quarters_per_bar,
                        ))?;
                    }
                    if args.exit_code && judged.judgement.verdict != Verdict::Good && outcome == Outcome::Done {
                        outcome = Outcome::NotGood;
                    }
                }
                Err(error) => {
                    tell_so_far(&bar, &mut out)?;
                    bar.suspend(|| complain(&error));
                    outcome = Outcome::Failed;
                    if args.json {
                        output::json(&mut out, &Failure { file, error })?;
                    }
                }
            }
        }
        tell_so_far(&bar, &mut out)?;
    }
    bar.finish_and_clear();
    judge.remember();
    Ok(outcome)
}

/// Writes what there is to standard output, with the progress bar out of the way.
fn tell_so_far(bar: &ProgressBar, out: &mut Vec<u8>) -> anyhow::Result<()> {
    if !out.is_empty() {
        bar.suspend(|| output::write(out))?;
        out.clear();
    }
    Ok(())
}

fn open(args: &JudgeArgs, context: &Context, options: &mut ReadOptions) -> anyhow::Result<Judge> {
    let judge = context.judge(&args.bank, &args.likeness, &args.cnn, options, |_| ())?;
    // What decided is drawn from its match, so that must be there.
    let top = if args.show || args.picture.is_some() { args.top.max(1) } else { args.top };
    Ok(judge.top(top))
}

/// A file that was read.
struct Read {
    quarters_per_bar: Option<f64>,
    warnings: Vec<String>,
    sound: Option<Vec<f32>>,
    origin: Origin,
}

/// Reads and judges all that could be listed, together: that is what a graphics processor is for.
fn judge_all(
    judge: &Judge,
    inputs: &[crate::Result<Input>],
    options: &ReadOptions,
) -> Vec<Option<crate::Result<Judged>>> {
    let read = |input: &Input| -> crate::Result<(Fragment, Read)> {
        let mut piece = files::read(input, options)?;
        let warnings = piece.warnings.iter().map(ToString::to_string).collect();
        let quarters_per_bar = piece.info.time_signature().map(|time| time.quarters());
        let (sound, origin) = (piece.take_sound(), piece.origin.clone());
        Ok((piece.into_fragment()?, Read { quarters_per_bar, warnings, sound, origin }))
    };
    let all: Vec<_> = inputs.par_iter().map(|input| input.as_ref().ok().map(read)).collect();
    let music = all.iter().flatten().flatten();
    let candidates: Vec<_> =
        music.map(|(fragment, read)| Candidate { fragment, sound: read.sound.as_deref() }).collect();
    let mut judgements = judge.judge_candidates(&candidates).into_iter();
    all.into_iter()
        .map(|read| match read? {
            Ok((fragment, Read { quarters_per_bar, warnings, origin, .. })) => match judgements.next()? {
                Ok(judgement) => Some(Ok(Judged { fragment, quarters_per_bar, warnings, judgement })),
                Err(error) => Some(Err(error.from_origin(origin))),
            },
            Err(error) => Some(Err(error)),
        })
        .collect()
}

/// The verdict and what explains it: a sentence, then the nearest exemplars.
fn tell(out: &mut impl Write, file: &str, judged: &Judged, judge: &Judge, styles: Styles) -> std::io::Result<()> {
    let Judgement { verdict, score, good, bad, .. } = &judged.judgement;
    writeln!(out, "{}: {}, score {score:.2}", styles.strong(file), styles.verdict(*verdict))?;
    let decided = match verdict {
        Verdict::Good => good.first(),
        Verdict::Bad => bad.first(),
        Verdict::Neutral => None,
    };
    let vetoed = if *verdict == Verdict::Bad { "Vetoed: it" } else { "It" };
    match decided {
        Some(it) => {
            let name = styles.strong(&it.exemplar);
            writeln!(out, "  {vetoed} resembles {name}, {}.", words::laid(&it.likeness))?;
            let exemplar = &judge.bank().exemplars()[it.index];
            let explanation = judge.comparer().explain(&judged.fragment, &exemplar.fragment, &it.likeness);
            writeln!(out, "  {}.", words::explanation(&explanation))?;
            let source = &exemplar.source;
            if !source.is_empty() {
                writeln!(out, "  {}", styles.aside(source))?;
            }
        }
        // A fragment that is decided by a match that is not to be told.
        None if *verdict != Verdict::Neutral => {}
        None if good.is_empty() && bad.is_empty() => writeln!(out, "  It resembles nothing in the bank.")?,
        None => writeln!(out, "  It resembles nothing in the bank; the nearest exemplars are:")?,
    }
    let thresholds = judge.bank().thresholds();
    for (label, threshold, matches) in [("good", thresholds.good(), good), ("bad", thresholds.bad(), bad)] {
        for (index, it) in matches.iter().enumerate() {
            let heading = if index == 0 { format!("{label} from {threshold:.2}") } else { String::new() };
            writeln!(out, "  {heading:>14}  {:.2}  {}, {}", it.similarity, it.exemplar, words::laid(&it.likeness))?;
        }
    }
    if let (Some(opinion), Some((_, weight))) = (&judged.judgement.opinion, judge.scorer()) {
        writeln!(
            out,
            "  {:>14}  {:.2}  {}",
            "network",
            opinion.probability,
            words::opinion(opinion, weight, judged.judgement.vetoed)
        )?;
    }
    for warning in &judged.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    Ok(())
}

/// A small picture of the match that decided.
fn show(out: &mut impl Write, judged: &Judged, judge: &Judge, styles: Styles) -> std::io::Result<()> {
    let Judgement { verdict, good, bad, .. } = &judged.judgement;
    let decided = if *verdict == Verdict::Bad { bad.first() } else { good.first().or(bad.first()) };
    let roll = judge.comparer().fragment(&judged.fragment);
    let altered = altered(judge, decided);
    let overlay = altered.as_deref().zip(decided).and_then(|(altered, it)| overlay_of(judge, altered, it));
    write!(out, "{}", picture::terminal(roll.roll(), overlay.as_ref(), terminal_width(), 22, styles.colour()))
}

/// The exemplar of a match under every alteration, which its overlay borrows from.
fn altered<'a>(judge: &'a Judge, it: Option<&Match>) -> Option<Cow<'a, AlteredExemplar>> {
    judge.altered(it?.index)
}

fn overlay_of<'a>(judge: &Judge, altered: &'a AlteredExemplar, it: &Match) -> Option<picture::Overlay<'a>> {
    picture::Overlay::laid(altered, &it.likeness, &it.exemplar, judge.bank().exemplars()[it.index].label.into())
}
