//! `judge find`: where a query occurs in pieces.

use std::io::Write;

use serde::Serialize;

use crate::cli::args::FindArgs;
use crate::cli::output::{self, complain};
use crate::cli::{Context, Outcome, files};
use crate::error::Result;
use crate::find::{Occurrence, find};
use crate::report::words;
use crate::roll::Ink;
use crate::similarity::Extent;

/// Occurrences that are less alike than this are not told.
const FLOOR: f64 = 0.2;
/// Nor are these to people, who read from the top.
const FLOOR_FOR_PEOPLE: f64 = 0.5;

/// The JSON object of an occurrence.
#[derive(Serialize)]
struct Report<'a> {
    query: &'a str,
    piece: &'a str,
    #[serde(flatten)]
    occurrence: &'a Occurrence,
}

pub fn run(args: &FindArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let mut comparer = args.likeness.comparer(Extent::Containing);
    // Long notes would drown the rhythm: onsets tell where a query begins.
    comparer.rendering.ink = Ink::Onset;
    let options = args.read.options()?;
    let query = files::read_one(&args.query, &options)?;
    context.tell_warnings(&query);
    let query = query.into_fragment()?;
    let query_name = args.query.display().to_string();
    let (inputs, mut outcome) = files::expand(&args.pieces);
    let floor = if args.json { FLOOR } else { FLOOR_FOR_PEOPLE };
    let bar = context.progress(inputs.len() as u64, "searching");
    let mut out = output::standard();
    for input in &inputs {
        let piece_name = files::path_of(input).display().to_string();
        let found: Result<_> = files::read(input, &options).and_then(|piece| {
            context.tell_warnings(&piece);
            Ok(find(&comparer, &query, piece.fragment()?, args.limit as usize, floor))
        });
        bar.inc(1);
        match found {
            Err(error) => {
                bar.suspend(|| complain(&error));
                outcome = Outcome::Failed;
            }
            Ok(found) if args.json => {
                for occurrence in &found {
                    output::json(&mut out, &Report { query: &query_name, piece: &piece_name, occurrence })?;
                }
            }
            Ok(found) => {
                writeln!(out, "{}", context.styles.strong(&piece_name))?;
                if found.is_empty() {
                    writeln!(out, "  nothing like {query_name} is in it")?;
                }
                for occurrence in &found {
                    writeln!(out, "  {}", words::occurrence(occurrence))?;
                }
            }
        }
    }
    bar.finish_and_clear();
    out.flush()?;
    Ok(outcome)
}
