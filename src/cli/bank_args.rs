//! The arguments of `judge bank`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::{BankArgs, GeneralArgs, ReadArgs, TranscriberArgs};
use crate::bank::Label;

/// The commands for a bank.
#[derive(Debug, Subcommand)]
pub enum BankCommand {
    /// Make a new bank
    #[command(after_help = "\
Examples:
  judge bank init my-bank
  judge bank init my-bank --starter   with the exemplars of the starter bank")]
    Init(InitArgs),
    /// Add exemplars
    #[command(after_help = "\
Examples:
  judge bank add theme.mid --good --source 'my notebook, p. 3'
  judge bank add song.mid --good --span 5..8     bars 5 to 8, counted from 1
  judge bank add song.mid --bad --span 16q..32q  quarters 16 to 32, counted from 0
  judge bank add rejected/ --bad")]
    Add(AddArgs),
    /// List the exemplars
    List(ListArgs),
    /// Show an exemplar, and what is nearest to it
    #[command(after_help = "\
Examples:
  judge bank show good/theme.mid
  judge bank show theme --picture theme.png")]
    Show(ShowArgs),
    /// Take exemplars out of the bank, into its trash
    Remove(NamesArgs),
    /// Take the last change back
    Undo(UndoArgs),
    /// Move exemplars to the other side
    Relabel(RelabelArgs),
    /// Look for what should be mended
    #[command(after_help = "\
Examples:
  judge bank check
  judge bank check --pictures contradictions/")]
    Check(CheckArgs),
    /// Find exemplars that are the same, transposed, stretched or mirrored
    #[command(after_help = "\
Of each group the best documented one is kept (source and licence), then that with the highest weight, then the first by \
name. Nothing is changed without --apply, and what it removes comes back with judge bank undo.

Examples:
  judge bank dedupe
  judge bank dedupe --apply
  judge bank dedupe --distinct good/a.mid good/b.mid   these are no doubles; remember it")]
    Dedupe(DedupeArgs),
    /// Tell how well the bank judges its own exemplars
    #[command(after_help = "\
Each exemplar is judged by all others, or with --folds N each of N parts by the other parts.

Examples:
  judge bank evaluate
  judge bank evaluate --folds 5 --picture evaluation.png")]
    Evaluate(EvaluateArgs),
    /// Set the thresholds from the bank's own exemplars
    #[command(after_help = "\
Each exemplar is judged by all others. The bad threshold becomes the lowest at which no more than the allowed share of \
the good exemplars would be vetoed, the good threshold the lowest at which no more of the bad ones would resemble a good \
one; neither below 0.5. Both are written to bank.ron, with what they were computed from.

Examples:
  judge bank calibrate
  judge bank calibrate --veto-error 0.02 --dry-run")]
    Calibrate(CalibrateArgs),
    /// Tell which fragments to label next
    #[command(after_help = "\
Suggested are fragments that the bank is in doubt about, and fragments that resemble nothing in it. Long pieces are cut \
at phrase boundaries.

Examples:
  judge bank suggest drafts/
  judge bank suggest sonatas/ --count 20 --json")]
    Suggest(SuggestArgs),
}

/// Good or bad.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub struct LabelArgs {
    /// Fragments should resemble it
    #[arg(long)]
    pub good: bool,
    /// Fragments must not resemble it
    #[arg(long)]
    pub bad: bool,
}

impl LabelArgs {
    /// The label that was given.
    pub fn label(self) -> Label {
        if self.bad { Label::Bad } else { Label::Good }
    }
}

/// `judge bank init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the new bank
    pub dir: PathBuf,
    /// Begin with the exemplars of the starter bank
    #[arg(long)]
    pub starter: bool,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Music files, folders, or -
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The label.
    #[command(flatten)]
    pub label: LabelArgs,
    /// The part of the file that is the exemplar: bars as 5..8 (both included, counted from 1, by the first time
    /// signature), or quarters as 16q..32q
    #[arg(long, value_name = "FROM..TO", value_parser = span)]
    pub span: Option<Span>,
    /// Where the music comes from
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub source: String,
    /// Under which licence it may be used
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub licence: String,
    /// What its similarities are multiplied by, 0 to 1
    #[arg(long, value_name = "W", default_value_t = 1.0, value_parser = share)]
    pub weight: f64,
    /// What to call it in the bank, for a single file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span {
    /// Bars, both included, counted from 1.
    Bars(u32, u32),
    /// Quarters, counted from 0.
    Quarters(f64, f64),
}

fn span(text: &str) -> Result<Span, String> {
    let expected = || format!("{text:?} is not a span such as 5..8 (bars) or 16q..32q (quarters)");
    let (from, to) = text.split_once("..").ok_or_else(expected)?;
    let (from, to) = (from.trim(), to.trim_start_matches('=').trim());
    if let (Some(from), Some(to)) = (from.strip_suffix('q'), to.strip_suffix('q')) {
        let (from, to) = (from.parse::<f64>().map_err(|_| expected())?, to.parse::<f64>().map_err(|_| expected())?);
        return if from >= 0.0 && to > from && to.is_finite() { Ok(Span::Quarters(from, to)) } else { Err(expected()) };
    }
    let (from, to) = (from.parse::<u32>().map_err(|_| expected())?, to.parse::<u32>().map_err(|_| expected())?);
    if from >= 1 && to >= from { Ok(Span::Bars(from, to)) } else { Err(expected()) }
}

fn share(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
    value.ok_or_else(|| format!("{text:?} is not a number from 0 to 1"))
}

/// `judge bank list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only good exemplars
    #[arg(long, conflicts_with = "bad")]
    pub good: bool,
    /// Only bad exemplars
    #[arg(long)]
    pub bad: bool,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Its name, as judge bank list tells it; the name of its file is enough when there is only one
    pub exemplar: String,
    /// Draw it with the nearest good and the nearest bad exemplar, as PNG or SVG
    #[arg(long, value_name = "OUT")]
    pub picture: Option<PathBuf>,
    /// Show a small picture
    #[arg(long, conflicts_with = "json")]
    pub show: bool,
    /// Write a JSON object
    #[arg(long)]
    pub json: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank remove`
#[derive(Debug, Args)]
pub struct NamesArgs {
    /// Their names, as judge bank list tells them
    #[arg(value_name = "EXEMPLAR", required = true)]
    pub exemplars: Vec<String>,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank undo`
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// Leave the last change as it is for good, so that the next undo takes back the one before
    #[arg(long)]
    pub skip: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank relabel`
#[derive(Debug, Args)]
pub struct RelabelArgs {
    /// Their names, as judge bank list tells them
    #[arg(value_name = "EXEMPLAR", required = true)]
    pub exemplars: Vec<String>,
    /// The label.
    #[command(flatten)]
    pub label: LabelArgs,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Draw each contradiction into this folder, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
    /// Exit with status 1 when something should be mended
    #[arg(long)]
    pub exit_code: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank dedupe`
#[derive(Debug, Args)]
pub struct DedupeArgs {
    /// Remove all but the best of each group
    #[arg(long)]
    pub apply: bool,
    /// Remember that these are no doubles of each other
    #[arg(long, value_name = "EXEMPLAR", num_args = 2.., conflicts_with = "apply")]
    pub distinct: Vec<String>,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank evaluate`
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Judge each of N parts by the others, instead of each exemplar by all others
    #[arg(long, value_name = "N")]
    pub folds: Option<usize>,
    /// Draw the similarities of good and bad exemplars with the thresholds, as PNG or SVG
    #[arg(long, value_name = "OUT")]
    pub picture: Option<PathBuf>,
    /// Write a JSON object, then one for each exemplar
    #[arg(long)]
    pub json: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank calibrate`
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// The share of good exemplars that may be vetoed, and of bad ones that may resemble a good one, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub veto_error: f64,
    /// Only tell the thresholds
    #[arg(long)]
    pub dry_run: bool,
    /// Write a JSON object
    #[arg(long)]
    pub json: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge bank suggest`
#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// Music files without a label, and folders of them
    #[arg(value_name = "FOLDER", required = true)]
    pub files: Vec<PathBuf>,
    /// How many to suggest
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub count: usize,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_bars_or_quarters() {
        assert_eq!(span("5..8"), Ok(Span::Bars(5, 8)));
        assert_eq!(span("5..=5"), Ok(Span::Bars(5, 5)));
        assert_eq!(span("0q..16.5q"), Ok(Span::Quarters(0.0, 16.5)));
        for text in ["", "0..4", "8..5", "4q..4q", "-1q..4q", "1..4q", "a..b", "1q..infq", "NaNq..1q"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
