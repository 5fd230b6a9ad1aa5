//! `judge bank list` and `show`.

use std::io::Write;

use serde::Serialize;

use super::resolve;
use crate::bank::{Exemplar, Label, Root};
use crate::cli::bank_args::{ListArgs, ShowArgs};
use crate::cli::output::{self, PictureFile, printable, terminal_width};
use crate::cli::{Context, Outcome};
use crate::curation::LeftOut;
use crate::judge::Judge;
use crate::note::pitch_name;
use crate::report::picture::{self, MatchPanel, MatchPicture, Overlay, Tone};
use crate::report::words;

/// The JSON object of an exemplar.
#[derive(Serialize)]
struct Report<'a> {
    exemplar: &'a str,
    label: Label,
    notes: usize,
    quarters: f64,
    lowest: u8,
    highest: u8,
    weight: f64,
    span: Option<(f64, f64)>,
    source: &'a str,
    licence: &'a str,
}

impl<'a> Report<'a> {
    fn new(exemplar: &'a Exemplar) -> Self {
        let Exemplar { name, label, fragment, weight, span, source, licence } = exemplar;
        let (lowest, highest) = fragment.pitch_range();
        Self {
            exemplar: name,
            label: *label,
            notes: fragment.notes().len(),
            quarters: fragment.quarters(),
            lowest,
            highest,
            weight: *weight,
            span: *span,
            source,
            licence,
        }
    }
}

pub fn list(args: &ListArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let bank = context.bank(&args.bank, &args.transcriber.options()?)?;
    let wanted = |exemplar: &&Exemplar| match exemplar.label {
        Label::Good => !args.bad,
        Label::Bad => !args.good,
    };
    let exemplars: Vec<_> = bank.exemplars().iter().filter(wanted).collect();
    let mut out = output::standard();
    if args.json {
        for exemplar in exemplars {
            output::json(&mut out, &Report::new(exemplar))?;
        }
        out.flush()?;
        return Ok(Outcome::Done);
    }
    let width = exemplars.iter().map(|it| it.name.chars().count()).max().unwrap_or(0).min(48);
    for exemplar in exemplars {
        let it = Report::new(exemplar);
        let mut more = String::new();
        if let Some((from, to)) = it.span {
            more += &format!("  quarters {} to {}", words::quarters(from), words::quarters(to));
        }
        if it.weight != 1.0 {
            more += &format!("  weight {}", it.weight);
        }
        if !it.source.is_empty() {
            more += &format!("  {}", it.source);
        }
        let name = printable(it.exemplar);
        let line = format!("{name:width$}  {:>4} notes  {:>5} quarters", it.notes, words::quarters(it.quarters));
        writeln!(out, "{line}{}", context.styles.aside(printable(&more)))?;
    }
    let (good, bad) = (bank.count(Label::Good), bank.count(Label::Bad));
    writeln!(out, "{}: {good} good, {bad} bad", bank.root())?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The JSON object of an exemplar with what is nearest to it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    report: Report<'a>,
    verdict: crate::Verdict,
    good: Vec<Near<'a>>,
    bad: Vec<Near<'a>>,
}

#[derive(Serialize)]
struct Near<'a> {
    exemplar: &'a str,
    similarity: f64,
}

pub fn show(args: &ShowArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let bank = context.bank(&args.bank, &args.transcriber.options()?)?;
    let names: Vec<_> = bank.exemplars().iter().map(|exemplar| exemplar.name.clone()).collect();
    let root = if let Root::Folder(root) = bank.root() { Some(root.clone()) } else { None };
    let name = resolve(root.as_deref(), &names, std::slice::from_ref(&args.exemplar))?.remove(0);
    let index = names.iter().position(|known| *known == name).unwrap_or(0);
    let file = args.picture.as_deref().map(|path| PictureFile::new(path, [])).transpose()?;
    let mut lonely = bank.settings().clone();
    lonely.one_sided = true;
    let judge = Judge::new(bank.with_settings(lonely)?, Default::default())?;
    let left_out = LeftOut::of(&judge, index);
    let bank = judge.bank();
    let exemplar = &bank.exemplars()[index];
    let near = |label: Label| {
        let near = left_out.nearest(label).iter().take(3);
        near.map(|&(other, similarity)| Near { exemplar: &bank.exemplars()[other].name, similarity })
    };
    let mut out = output::standard();
    let report = Report::new(exemplar);
    if args.json {
        let verdict = left_out.score.verdict;
        let [good, bad] = [Label::Good, Label::Bad].map(|label| near(label).collect());
        output::json(&mut out, &Shown { report, verdict, good, bad })?;
    } else {
        writeln!(out, "{}", context.styles.strong(printable(&name)))?;
        let range = format!("{} to {}", pitch_name(report.lowest), pitch_name(report.highest));
        writeln!(out, "  {} notes from {range}, {} quarters", report.notes, words::quarters(report.quarters))?;
        if let Some((from, to)) = report.span {
            writeln!(out, "  quarters {} to {} of its file", words::quarters(from), words::quarters(to))?;
        }
        if report.weight != 1.0 {
            writeln!(out, "  weight {}", report.weight)?;
        }
        for text in [report.source, report.licence].into_iter().filter(|text| !text.is_empty()) {
            writeln!(out, "  {}", printable(text))?;
        }
        writeln!(out, "  by the other exemplars it is {}", context.styles.verdict(left_out.score.verdict))?;
        for (label, threshold) in [(Label::Good, bank.thresholds().good()), (Label::Bad, bank.thresholds().bad())] {
            for (place, it) in near(label).enumerate() {
                let heading =
                    if place == 0 { format!("{} from {threshold:.2}", label.folder()) } else { String::new() };
                writeln!(out, "  {heading:>14}  {:.2}  {}", it.similarity, printable(it.exemplar))?;
            }
        }
        if args.show {
            let roll = judge.comparer().fragment(&exemplar.fragment);
            let colour = context.styles.colour();
            write!(out, "{}", picture::terminal(roll.roll(), None, terminal_width(), 22, colour))?;
        }
    }
    out.flush()?;
    if let Some(file) = file {
        file.write(&drawing(&judge, &left_out))?;
    }
    Ok(Outcome::Done)
}

/// An exemplar with the nearest of each side.
fn drawing(judge: &Judge, left_out: &LeftOut) -> picture::Drawing {
    let exemplars = judge.bank().exemplars();
    let exemplar = &exemplars[left_out.index];
    let roll = judge.comparer().fragment(&exemplar.fragment);
    let near = [Label::Good, Label::Bad].map(|label| {
        let &(other, similarity) = left_out.nearest(label).first()?;
        let likeness = judge.comparer().likeness(&exemplar.fragment, &exemplars[other].fragment)?;
        Some((other, similarity, likeness, judge.comparer().exemplar(&exemplars[other].fragment)))
    });
    let [good, bad] = near.each_ref().map(|near| {
        let (other, similarity, likeness, altered) = near.as_ref()?;
        let other = &exemplars[*other];
        let overlay = Overlay::laid(altered, likeness, &other.name, other.label.into())?;
        let overlay = overlay.explained(judge.comparer(), &exemplar.fragment, &other.fragment, likeness);
        Some(MatchPanel { overlay, similarity: *similarity, placement: words::placement(&likeness.placement) })
    });
    MatchPicture {
        title: exemplar.name.clone(),
        verdict: Tone::from(left_out.score.verdict),
        score: left_out.score.score,
        roll: roll.roll(),
        good,
        bad,
        quarters_per_bar: None,
        start: 0.0,
    }
    .drawing()
}
