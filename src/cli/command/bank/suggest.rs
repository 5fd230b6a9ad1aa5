//! `judge bank suggest`: what to label next.

use std::io::Write;

use rayon::prelude::*;
use serde_json::json;

use crate::cli::bank_args::SuggestArgs;
use crate::cli::output::{self, complain, printable};
use crate::cli::{Context, Outcome, files};
use crate::curation::{Candidate, Reason, phrases, suggest};
use crate::error::Result;
use crate::input::{Input, ReadOptions};
use crate::judge::Judge;
use crate::report::words;

/// Pieces of more quarters are cut into phrases.
const LONG: f64 = 20.0;

pub fn run(args: &SuggestArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let (bank, options) = args.read.beside(|options| context.bank(&args.bank, options))?;
    let judge = Judge::new(bank, Default::default())?;
    let (inputs, mut outcome) = files::expand(&args.files);
    let read: Vec<_> = inputs.par_iter().map(|input| candidates(input, &options)).collect();
    let mut all = Vec::new();
    for candidates in read {
        match candidates {
            Ok(candidates) => all.extend(candidates),
            Err(error) => {
                complain(&error);
                outcome = Outcome::Failed;
            }
        }
    }
    let bar = context.progress(all.len() as u64, "judging");
    let suggestions = suggest(&judge, &all, args.count, |more| bar.inc(more as u64));
    bar.finish_and_clear();
    judge.remember();
    let mut out = output::standard();
    for it in &suggestions {
        let Candidate { name, span, fragment } = &all[it.candidate];
        let reason = match it.reason {
            Reason::Doubtful => "doubtful",
            Reason::Novel => "novel",
        };
        if args.json {
            output::json(
                &mut out,
                &json!({"file": name, "span": span, "reason": reason, "verdict": it.score.verdict,
                    "score": it.score.score, "good": it.score.good, "bad": it.score.bad,
                    "notes": fragment.notes().len()}),
            )?;
            continue;
        }
        writeln!(
            out,
            "{reason:<8}  {}{}",
            printable(name),
            context.styles.aside(format!(
                "  {}, similarity {:.2} to good, {:.2} to bad",
                it.score.verdict, it.score.good, it.score.bad
            ))
        )?;
        // What was piped in cannot be named again.
        if name != "-" {
            let span = span.map_or(String::new(), |(from, to)| {
                format!(" --span {}q..{}q", words::quarters(from), words::quarters(to))
            });
            let bank =
                args.bank.bank.as_ref().map_or(String::new(), |bank| {
                    format!(" --bank {}", quoted(&printable(&bank.display().to_string())))
                });
            writeln!(out, "          judge bank add {}{span}{bank} --good    or --bad", quoted(&printable(name)))?;
        }
    }
    if !args.json {
        writeln!(out, "{} of {} fragments in {} files", suggestions.len(), all.len(), inputs.len())?;
    }
    out.flush()?;
    Ok(outcome)
}

/// A file as a candidate, or its phrases when it is long.
fn candidates(input: &Input, options: &ReadOptions) -> Result<Vec<Candidate>> {
    let piece = files::read(input, options)?;
    let name = files::path_of(input).display().to_string();
    let fragment = piece.fragment()?;
    if fragment.quarters() <= LONG {
        return Ok(vec![Candidate { name, span: None, fragment: fragment.clone() }]);
    }
    let lead = fragment.to_quarters(fragment.lead());
    // To hundredths, as they are told.
    let told = |at: f64| ((lead + at) * 100.0).round() / 100.0;
    let phrase = |(from, to)| {
        let span = (told(from), told(to));
        let fragment = fragment.cut(span).ok()?;
        Some(Candidate { name: name.clone(), span: Some(span), fragment })
    };
    Ok(phrases(fragment).into_iter().filter_map(phrase).collect())
}

/// A word of a shell's command line.
fn quoted(text: &str) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || "/._-+,=@%".contains(sign);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
