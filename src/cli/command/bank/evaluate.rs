//! `judge bank evaluate` and `calibrate`.

use std::io::Write;

use serde_json::json;

use crate::Verdict;
use crate::bank::{Calibration, Editor, Label, Settings};
use crate::cli::bank_args::{CalibrateArgs, EvaluateArgs};
use crate::cli::output::{self, PictureFile, printable};
use crate::cli::{Context, Outcome};
use crate::curation::{Evaluation, LOWEST_THRESHOLD, LeftOut, calibrated, fingerprint, fold, leave_one_out};
use crate::judge::Judge;
use crate::report::picture::{EvaluationPicture, Spread, Tone};

/// As text, so many of the most useful exemplars are told, and of those that mislead.
const TOLD: usize = 10;

pub fn evaluate(args: &EvaluateArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let file = args.picture.as_deref().map(|path| PictureFile::new(path, [])).transpose()?;
    let bank = context.bank(&args.bank, &args.transcriber.options()?)?;
    let bar = context.progress(bank.exemplars().len() as u64, "judging");
    let (evaluation, left_out, bank) = match args.folds {
        Some(folds) => (fold(&bank, folds, Default::default(), |more| bar.inc(more as u64))?, None, bank),
        None => {
            let judge = Judge::new(bank, Default::default())?;
            let left_out = leave_one_out(&judge, || bar.inc(1));
            judge.remember();
            (Evaluation::of_left_out(&left_out), Some(left_out), judge.into_bank())
        }
    };
    bar.finish_and_clear();
    let useful = left_out.as_deref().map(Evaluation::usefulness);
    let exemplars = bank.exemplars();
    let thresholds = bank.thresholds();
    let method = args
        .folds
        .map_or("each judged by all others".to_owned(), |folds| format!("each of {folds} parts judged by the others"));
    let counts =
        |label| [Verdict::Good, Verdict::Bad, Verdict::Neutral].map(|verdict| evaluation.count(label, verdict));
    let mut out = output::standard();
    if args.json {
        let confusion = |label| {
            let [good, bad, neutral] = counts(label);
            json!({"good": good, "bad": bad, "neutral": neutral})
        };
        output::json(
            &mut out,
            &json!({"method": method, "auc": evaluation.auc(), "neutral": evaluation.neutral(),
                "confusion": {"good": confusion(Label::Good), "bad": confusion(Label::Bad)},
                "good_threshold": thresholds.good(), "bad_threshold": thresholds.bad()}),
        )?;
        for (index, (label, score)) in evaluation.judged.iter().enumerate() {
            let useful = useful.as_ref().map(|useful| useful[index]);
            output::json(
                &mut out,
                &json!({"exemplar": exemplars[index].name, "label": label, "verdict": score.verdict,
                    "score": score.score, "good": score.good, "bad": score.bad,
                    "right": useful.map(|it| it.right), "wrong": useful.map(|it| it.wrong)}),
            )?;
        }
    } else {
        let styles = context.styles;
        writeln!(out, "{}: {} exemplars, {method}", styles.strong(bank.root()), exemplars.len())?;
        writeln!(out, "                   said to be")?;
        writeln!(out, "                  good   bad  neutral")?;
        for label in [Label::Good, Label::Bad] {
            let [good, bad, neutral] = counts(label);
            writeln!(out, "  {:<4} exemplars  {good:>4}  {bad:>4}  {neutral:>7}", label.folder())?;
        }
        let auc = evaluation.auc().map_or("unknown, for there is one side only".to_owned(), |auc| format!("{auc:.3}"));
        writeln!(out, "  AUC of the score {auc} (1: every good exemplar scores higher than every bad one)")?;
        writeln!(out, "  neutral {:.0} %: exemplars that are like no other", 100.0 * evaluation.neutral())?;
        if let Some(useful) = &useful {
            let mut order: Vec<_> = (0..useful.len()).filter(|&index| useful[index] != Default::default()).collect();
            order.sort_by_key(|&index| (usize::MAX - useful[index].right, index));
            let of = |wanted: &dyn Fn(usize) -> bool| {
                order.iter().copied().filter(|&it| wanted(it)).take(TOLD).collect::<Vec<_>>()
            };
            for index in of(&|index| useful[index].right > 0) {
                writeln!(
                    out,
                    "  useful      {} decides {} rightly, {} wrongly",
                    printable(&exemplars[index].name),
                    useful[index].right,
                    useful[index].wrong
                )?;
            }
            for index in of(&|index| useful[index].wrong > useful[index].right) {
                writeln!(
                    out,
                    "  misleading  {} decides {} wrongly, {} rightly",
                    printable(&exemplars[index].name),
                    useful[index].wrong,
                    useful[index].right
                )?;
            }
        }
    }
    out.flush()?;
    if let Some(file) = file {
        let similarities = |of: Label, to: Label| -> Vec<f64> {
            let of = evaluation.judged.iter().filter(|(label, _)| *label == of);
            of.map(|(_, score)| if to == Label::Good { score.good } else { score.bad }).collect()
        };
        let [to_good, to_bad] =
            [Label::Good, Label::Bad].map(|to| [Label::Good, Label::Bad].map(|of| similarities(of, to)));
        let spreads = [
            Spread { side: Tone::Good, good: &to_good[0], bad: &to_good[1], threshold: thresholds.good() },
            Spread { side: Tone::Bad, good: &to_bad[0], bad: &to_bad[1], threshold: thresholds.bad() },
        ];
        let auc = evaluation.auc().map_or(String::new(), |auc| format!(", AUC {auc:.3}"));
        let subtitle =
            Some(format!("{} exemplars, {method}{auc}; heights are square roots of counts", exemplars.len()));
        file.write(&EvaluationPicture { title: bank.root().to_string(), subtitle, spreads: &spreads }.drawing())?;
    }
    Ok(Outcome::Done)
}

pub fn calibrate(args: &CalibrateArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let root = (!args.dry_run).then(|| context.bank_folder(&args.bank)).transpose()?;
    let bank = context.bank(&args.bank, &args.transcriber.options()?)?;
    let bar = context.progress(bank.exemplars().len() as u64, "judging");
    let judge = Judge::new(bank, Default::default())?;
    let left_out = leave_one_out(&judge, || bar.inc(1));
    judge.remember();
    bar.finish_and_clear();
    let found = calibrated(&left_out, args.veto_error)?;
    let bank = judge.into_bank();
    let (good, bad) = (bank.count(Label::Good), bank.count(Label::Bad));
    if let Some(root) = &root {
        let calibration = Calibration { veto_error: args.veto_error, good, bad, exemplars: fingerprint(&bank) };
        Editor::open(root)?.calibrate(found.good, found.bad, &calibration)?;
    }
    let mut out = output::standard();
    if args.json {
        output::json(
            &mut out,
            &json!({"good_threshold": found.good, "bad_threshold": found.bad, "veto_error": args.veto_error,
                "good": good, "bad": bad, "vetoed_good": found.vetoed_good, "good_bad": found.good_bad,
                "written": root.is_some()}),
        )?;
    } else {
        let Settings { good_threshold, bad_threshold, .. } = bank.settings();
        writeln!(
            out,
            "good from {:.3} (was {good_threshold}): {} of {bad} bad exemplars reach it",
            found.good, found.good_bad
        )?;
        writeln!(
            out,
            "vetoed from {:.3} (was {bad_threshold}): {} of {good} good exemplars reach it",
            found.bad, found.vetoed_good
        )?;
        for (threshold, what) in [(found.good, "good"), (found.bad, "bad")] {
            if threshold == LOWEST_THRESHOLD {
                writeln!(
                    out,
                    "  {what} threshold: the lowest that is set; no exemplar of the other side comes near it"
                )?;
            }
        }
        let known = |label| left_out.iter().filter(move |it: &&LeftOut| it.label == label);
        let reach = |label: Label, threshold: f64| {
            known(label).filter(|it| it.nearest(label).first().is_some_and(|near| near.1 >= threshold)).count()
        };
        let (of_good, of_bad) = (reach(Label::Good, found.good), reach(Label::Bad, found.bad));
        writeln!(
            out,
            "{of_good} of {good} good and {of_bad} of {bad} bad exemplars are found by another of their side"
        )?;
        writeln!(out, "{}", if root.is_some() { "written to bank.ron" } else { "nothing is written" })?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
