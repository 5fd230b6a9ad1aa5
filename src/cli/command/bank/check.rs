//! `judge bank check`: what should be mended.

use std::fs;
use std::io::Write;

use serde_json::json;

use crate::cli::bank_args::CheckArgs;
use crate::cli::output::{self, printable, write_file};
use crate::cli::{Context, Outcome};
use crate::cnn::Network;
use crate::curation::{Contradiction, Findings, check};
use crate::error::Error;
use crate::judge::Judge;
use crate::report::picture::{Drawing, Overlay, RollPicture, Tone};
use crate::report::words;

/// As text, so many of a kind are told one by one.
const TOLD: usize = 20;

pub fn run(args: &CheckArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let bank = context.bank_in_silence(&args.bank, &args.transcriber.options()?)?;
    let network = Network::of_bank(&bank).err();
    let problems: Vec<String> = bank.problems().iter().chain(&network).map(ToString::to_string).collect();
    let bar = context.progress(2 * bank.exemplars().len() as u64, "checking");
    let checked = check(bank, Default::default(), || bar.inc(1));
    bar.finish_and_clear();
    let mut out = output::standard();
    let (judge, findings) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            for problem in &problems {
                tell_problem(&mut out, args, problem)?;
            }
            out.flush()?;
            return Err(error.into());
        }
    };
    judge.remember();
    if let Some(folder) = args.pictures.as_ref().filter(|_| !findings.contradictions.is_empty()) {
        fs::create_dir_all(folder).map_err(Error::io("write", folder))?;
        for (number, it) in (1..).zip(&findings.contradictions) {
            let path = folder.join(format!("contradiction-{number:03}.png"));
            let png = drawing(&judge, it).png().map_err(Error::io("draw", &path))?;
            write_file(&path, &png)?;
        }
    }
    for problem in &problems {
        tell_problem(&mut out, args, problem)?;
    }
    if args.json {
        report(&mut out, &judge, &findings)?
    } else {
        tell(&mut out, &context, &judge, &findings)?
    }
    let clean = problems.is_empty() && findings.is_clean();
    if !args.json {
        let exemplars = judge.bank().exemplars().len();
        let verdict = if clean { "nothing has to be mended" } else { "see above for what should be mended" };
        writeln!(out, "{}: {exemplars} exemplars, {verdict}", judge.bank().root())?;
    }
    out.flush()?;
    Ok(if args.exit_code && !clean { Outcome::NotGood } else { Outcome::Done })
}

fn tell_problem(out: &mut impl Write, args: &CheckArgs, problem: &str) -> anyhow::Result<()> {
    if args.json {
        return output::json(out, &json!({"finding": "problem", "problem": problem}));
    }
    writeln!(out, "problem: {}", printable(problem))?;
    Ok(())
}

/// One JSON object a finding.
fn report(out: &mut impl Write, judge: &Judge, findings: &Findings) -> anyhow::Result<()> {
    let name = |index: usize| &judge.bank().exemplars()[index].name;
    for it in &findings.contradictions {
        let (good, bad) = (name(it.good), name(it.bad));
        let found = json!({"finding": "contradiction", "good": good, "bad": bad, "similarity": it.similarity});
        output::json(out, &found)?;
    }
    for it in &findings.doubles {
        let others: Vec<_> = it.others.iter().map(|&index| name(index)).collect();
        output::json(out, &json!({"finding": "doubles", "exemplar": name(it.kept), "others": others}))?;
    }
    for it in &findings.hubs {
        output::json(out, &json!({"finding": "hub", "exemplar": name(it.index), "reached": it.reached}))?;
    }
    if findings.outdated_thresholds {
        output::json(out, &json!({"finding": "outdated thresholds"}))?;
    }
    for (finding, indices) in
        [("long", &findings.long), ("idle", &findings.idle), ("undocumented", &findings.undocumented)]
    {
        for &index in indices {
            output::json(out, &json!({"finding": finding, "exemplar": name(index)}))?;
        }
    }
    Ok(())
}

fn tell(out: &mut impl Write, context: &Context, judge: &Judge, findings: &Findings) -> std::io::Result<()> {
    let exemplars = judge.bank().exemplars();
    let name = |index: usize| printable(&exemplars[index].name);
    let styles = context.styles;
    let mut section = |heading: String, advice: &str, mut lines: Vec<String>| {
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", styles.strong(heading))?;
        let more = lines.len().saturating_sub(TOLD);
        lines.truncate(TOLD);
        for line in lines {
            writeln!(out, "  {line}")?;
        }
        if more > 0 {
            writeln!(out, "  and {more} more (--json tells all)")?;
        }
        writeln!(out, "  {}", styles.aside(advice))
    };
    let threshold = judge.bank().thresholds().bad();
    section(
        format!(
            "Contradictions ({}): a good exemplar that a bad one vetoes, alike from {threshold:.2}",
            findings.contradictions.len()
        ),
        "judge bank check --pictures DIR draws them; relabel or remove one of each",
        findings
            .contradictions
            .iter()
            .map(|it| format!("{:.2}  {} and {}", it.similarity, name(it.good), name(it.bad)))
            .collect(),
    )?;
    let doubles = findings.doubles.iter().map(|group| {
        let others: Vec<_> = group.others.iter().map(|&index| name(index)).collect();
        format!("{} = {}", name(group.kept), others.join(" = "))
    });
    section(
        format!("Groups of doubles ({})", findings.doubles.len()),
        "judge bank dedupe --apply keeps one of each",
        doubles.collect(),
    )?;
    section(
        format!("Hubs ({}): exemplars that unlike music resembles", findings.hubs.len()),
        "a hub says little: remove it, shorten it, or give it a lower weight in bank.ron",
        findings.hubs.iter().map(|it| format!("{} is like {} of the others", name(it.index), it.reached)).collect(),
    )?;
    if findings.outdated_thresholds {
        let lines = vec!["the exemplars have changed since the thresholds were computed".to_owned()];
        section("Outdated thresholds".into(), "judge bank calibrate computes them anew", lines)?;
    }
    let long = findings
        .long
        .iter()
        .map(|&index| format!("{}, {} quarters", name(index), words::quarters(exemplars[index].fragment.quarters())));
    section(
        format!("Long exemplars ({}): as a whole they hardly resemble a phrase", findings.long.len()),
        "add a part of it (judge bank add --span), or let the bank look for exemplars inside (extent: Containing)",
        long.collect(),
    )?;
    section(
        format!(
            "Exemplars that decide nothing here ({}): they are the nearest of none of the others",
            findings.idle.len()
        ),
        "that is no fault where an exemplar is unlike all others",
        findings.idle.iter().map(|&index| name(index)).collect(),
    )?;
    section(
        format!("Exemplars without a source or licence note ({})", findings.undocumented.len()),
        "note them in bank.ron, or when adding: --source TEXT --licence TEXT",
        findings.undocumented.iter().map(|&index| name(index)).collect(),
    )
}

/// A good exemplar with the bad one that contradicts it laid on it.
fn drawing(judge: &Judge, it: &Contradiction) -> Drawing {
    let exemplars = judge.bank().exemplars();
    let (good, bad) = (&exemplars[it.good], &exemplars[it.bad]);
    let roll = judge.comparer().fragment(&good.fragment);
    let altered = judge.comparer().exemplar(&bad.fragment);
    let mut picture = RollPicture::new(format!("{} (good)", good.name), roll.roll());
    if let Some(likeness) = judge.comparer().likeness(&good.fragment, &bad.fragment) {
        let placement = words::placement(&likeness.placement);
        picture.subtitle = Some(format!("similarity {:.2} with {} (bad): {placement}", it.similarity, bad.name));
        picture.overlay = Overlay::laid(&altered, &likeness, &bad.name, Tone::Bad)
            .map(|overlay| overlay.explained(judge.comparer(), &good.fragment, &bad.fragment, &likeness));
    }
    picture.drawing()
}
