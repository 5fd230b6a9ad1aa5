//! `judge train`.

use crate::cli::Outcome;
use crate::cli::args::TrainArgs;

/// Says what is missing.
#[cfg(not(feature = "train"))]
pub fn run(_: &TrainArgs) -> anyhow::Result<Outcome> {
    anyhow::bail!(
        "this program was built without training; build it with training, from its folder: \
         cargo install --path . --features train (networks that others trained work without: --cnn MODEL.onnx)"
    )
}

#[cfg(feature = "train")]
pub use with_training::run;

#[cfg(feature = "train")]
mod with_training {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::*;
    use crate::bank::{Bank, Label, Root};
    use crate::cli::Context;
    use crate::cli::args::GroupByArg;
    use crate::cli::output::{self, printable};
    use crate::cnn::train::{Bin, Reliability, Trained, Training, Validation};
    use crate::correlate::Planner;
    use crate::curation::{GroupBy, groups};
    use crate::error::Error;

    pub fn run(args: &TrainArgs) -> anyhow::Result<Outcome> {
        let context = Context::new(&args.general);
        let bank = context.bank(&args.bank, &args.transcriber.options()?)?;
        check_output(&args.output, &bank)?;
        let by = match args.group_by {
            GroupByArg::None => GroupBy::None,
            GroupByArg::Source => GroupBy::Source,
            GroupByArg::Folder => GroupBy::Folder,
        };
        let bar = context.progress(bank.exemplars().len() as u64, "grouping");
        let groups = groups(&bank, by, Planner::default(), || bar.inc(1));
        bar.finish_and_clear();
        let training = Training {
            folds: args.folds.into(),
            towers: args.towers.into(),
            epochs: args.epochs as usize,
            seed: args.seed,
            scrambled: args.scrambled,
            ..Training::default()
        };
        let bar = context.progress(training.steps() as u64, "training");
        let trained = training.train(bank.exemplars(), &groups, |more| bar.inc(more as u64));
        bar.finish_and_clear();
        let trained = trained.map_err(|error| match error {
            Error::Training(problem) => Error::Bank { path: bank.root().to_string().into(), problem },
            other => other,
        })?;
        output::write_file(&args.output, &trained.onnx)?;
        let mut out = output::standard();
        if args.json {
            tell_json(&mut out, args, &bank, &groups, &trained)?;
        } else {
            tell(&mut out, args, &bank, &groups, &trained, &context)?;
        }
        out.flush()?;
        Ok(Outcome::Done)
    }

    /// Refuses to write over an exemplar, or where nothing can be written: training takes minutes, so that is found out first.
    fn check_output(output: &Path, bank: &Bank) -> Result<(), Error> {
        if let Root::Folder(root) = bank.root() {
            let files: Vec<_> = bank.exemplars().iter().map(|it| root.join(&it.name)).collect();
            output::keep_apart(output, files.iter().map(PathBuf::as_path))?;
        }
        if output.is_dir() {
            let value = output.display().to_string();
            return Err(Error::Option { name: "output", value, expected: "the name of a file: it is a folder" });
        }
        let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match tempfile::tempfile_in(folder) {
            Err(error) if !output.exists() => Err(Error::io("write", output)(std::io::Error::from(error.kind()))),
            _ => Ok(()),
        }
    }

    fn tell(
        out: &mut impl Write,
        args: &TrainArgs,
        bank: &Bank,
        groups: &[usize],
        trained: &Trained,
        context: &Context,
    ) -> anyhow::Result<()> {
        let Trained { recipe, epochs, validation, .. } = trained;
        let Validation { auc, accuracy, before, after, .. } = validation;
        let (good, bad) = (bank.count(Label::Good), bank.count(Label::Bad));
        let apart = groups.iter().max().map_or(0, |last| last + 1);
        writeln!(out, "{}: {good} good and {bad} bad exemplars in {apart} groups", context.styles.strong(bank.root()))?;
        writeln!(
            out,
            "each of {} parts judged by a network that has not seen it, each side counting half:",
            args.folds
        )?;
        writeln!(out, "  AUC       {auc:.3} (1: every good exemplar is thought more likely good than every bad one)")?;
        writeln!(out, "  accuracy  {accuracy:.3}")?;
        writeln!(
            out,
            "  expected calibration error {:.3}, before scaling {:.3}",
            after.expected_error, before.expected_error
        )?;
        writeln!(out, "  said to be good  exemplars  said, mean  are good")?;
        for bin in &after.bins {
            let range = format!("{:.1} to {:.1}", bin.from, bin.to);
            if bin.count == 0 {
                writeln!(out, "  {range:<15}  {:>9}", 0)?;
            } else {
                writeln!(out, "  {range:<15}  {:>9}  {:>10.2}  {:>8.2}", bin.count, bin.probability, bin.good)?;
            }
        }
        let path = printable(&args.output.display().to_string());
        let epochs = epochs.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        writeln!(out, "written to {path}: trained on all, {epochs} epochs, temperature {:.2}", recipe.temperature)?;
        Ok(())
    }

    fn tell_json(
        out: &mut impl Write,
        args: &TrainArgs,
        bank: &Bank,
        groups: &[usize],
        trained: &Trained,
    ) -> anyhow::Result<()> {
        let Trained { recipe, epochs, validation, .. } = trained;
        let Validation { auc, accuracy, before, after, held_out } = validation;
        let table = |reliability: &Reliability| {
            let bin = |bin: &Bin| {
                json!({"from": bin.from, "to": bin.to, "count": bin.count,
                    "probability": bin.probability, "good": bin.good})
            };
            reliability.bins.iter().map(bin).collect::<Vec<_>>()
        };
        output::json(
            out,
            &json!({"model": args.output.display().to_string(), "good": bank.count(Label::Good),
                "bad": bank.count(Label::Bad), "groups": groups.iter().max().map_or(0, |last| last + 1),
                "folds": args.folds, "epochs": epochs, "auc": auc, "accuracy": accuracy,
                "calibration_error_before": before.expected_error, "calibration_error": after.expected_error,
                "reliability_before": table(before), "reliability": table(after),
                "temperature": recipe.temperature}),
        )?;
        for ((exemplar, group), it) in bank.exemplars().iter().zip(groups).zip(held_out) {
            output::json(
                out,
                &json!({"exemplar": exemplar.name, "label": exemplar.label, "group": group, "fold": it.fold,
                    "logit": it.logit, "probability": it.probability}),
            )?;
        }
        Ok(())
    }
}
