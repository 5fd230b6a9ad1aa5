//! `judge compare`: how alike two files are, and where.

use std::io::Write;

use serde::Serialize;

use crate::alteration::Alteration;
use crate::cli::args::CompareArgs;
use crate::cli::output::{self, terminal_width};
use crate::cli::{Context, Outcome, files};
use crate::correlate::Offset;
use crate::judge::Match;
use crate::report::picture::{Overlay, Tone, terminal};
use crate::report::words;
use crate::similarity::{Explanation, Extent, Likeness, Placement};

/// The JSON object of a comparison.
#[derive(Serialize)]
struct Report<'a> {
    a: &'a str,
    b: &'a str,
    similarity: f64,
    brightness: f64,
    transposition: i32,
    stretch: f64,
    inverted: bool,
    retrograde: bool,
    shift: f64,
    notes: &'a Explanation,
}

pub fn run(args: &CompareArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let comparer = args.likeness.comparer(args.extent);
    let options = args.read.options()?;
    let read = |path| {
        let piece = files::read_one(path, &options)?;
        context.tell_warnings(&piece);
        piece.into_fragment()
    };
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    // Where the search leaves no placement there is no likeness either.
    let likeness = comparer.likeness(&a, &b).unwrap_or(Likeness {
        similarity: 0.0,
        brightness: 0.0,
        placement: Placement::default(),
        shift: 0.0,
    });
    let names = [&args.a, &args.b].map(|path| path.display().to_string());
    let it = Match::new(names[1].clone(), 0, &likeness);
    let explanation = comparer.explain(&a, &b, &likeness);
    let mut out = output::standard();
    if args.json {
        let Match { similarity, brightness, transposition, stretch, inverted, retrograde, shift, .. } = it;
        let [a, b] = &names;
        let notes = &explanation;
        let report =
            Report { a, b, similarity, brightness, transposition, stretch, inverted, retrograde, shift, notes };
        output::json(&mut out, &report)?;
    } else {
        let question = if args.extent == Extent::Whole { "as a whole" } else { "contained in the other" };
        writeln!(out, "{}: {:.4}, {question}", context.styles.strong("similarity"), it.similarity)?;
        let placed = words::laid(&likeness);
        writeln!(out, "  {} laid on {}: {placed}; brightness {}", names[1], names[0], it.brightness)?;
        writeln!(out, "  {}", words::explanation(&explanation))?;
        if args.extent == Extent::Contained && !likeness.placement.alteration.is_mirrored() {
            // Seen from the other side: where in B the fragment is found.
            let place = b.to_quarters(b.lead()) - it.shift / it.stretch;
            let inverse = Placement {
                alteration: Alteration::stretched(likeness.placement.alteration.stretch.inverse()),
                offset: Offset { transposition: -it.transposition, shift: 0 },
            };
            let (place, found) = (words::quarters(place), words::placement(&inverse));
            writeln!(out, "  so {} is found in {} at quarter {place}: {found}", names[0], names[1])?;
        }
    }
    if args.show {
        let (roll, exemplar) = (comparer.fragment(&a), comparer.exemplar(&b));
        let overlay = Overlay::laid(&exemplar, &likeness, &names[1], Tone::Neutral);
        write!(out, "{}", terminal(roll.roll(), overlay.as_ref(), terminal_width(), 22, context.styles.colour()))?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
