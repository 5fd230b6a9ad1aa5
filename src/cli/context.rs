//! What every command sets up first.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{BankArgs, GeneralArgs, LikenessArgs};
use super::cnn_args::CnnArgs;
use super::output::{Styles, complain};
use crate::bank::Bank;
use crate::error::{Error, Result};
use crate::input::{Piece, ReadOptions};
use crate::judge::Judge;
use crate::similarity::Comparer;

/// How to talk to whoever runs the program.
#[derive(Debug)]
pub struct Context {
    /// Styles for standard output.
    pub styles: Styles,
    quiet: bool,
}

impl Context {
    /// As the general options say; also starts the threads.
    pub fn new(general: &GeneralArgs) -> Self {
        if let Some(threads) = general.threads {
            // Fails only when the pool has been started, which nothing has done yet.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global();
        }
        Self { styles: Styles::new(general.color), quiet: general.quiet }
    }

    /// Tells something that should be known but stops nothing.
    pub fn warn(&self, message: impl std::fmt::Display) {
        if !self.quiet {
            complain(&format_args!("warning: {message}"));
        }
    }

    /// Tells the warnings of a piece.
    pub fn tell_warnings(&self, piece: &Piece) {
        for warning in &piece.warnings {
            self.warn(format_args!("{}: {warning}", piece.origin));
        }
    }

    /// A progress bar on standard error, which shows itself when the work takes a while.
    pub fn progress(&self, steps: u64, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(8));
        // What is done in one step is done before it could be shown.
        if self.quiet || steps < 2 {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = "{msg} {bar:40} {human_pos} of {human_len}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        if steps > 1 {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        bar
    }

    /// The folder of the bank that was asked for, to be changed.
    ///
    /// # Errors
    /// [`Error::Bank`] when it is the starter bank.
    pub fn bank_folder(&self, args: &BankArgs) -> Result<PathBuf> {
        choose_bank(args).ok_or_else(|| Error::Bank {
            path: "the starter bank".into(),
            problem:
                "it is built in and cannot be changed; name a bank with --bank DIR, or make one: judge bank init DIR"
                    .into(),
        })
    }

    /// The bank that was asked for.
    pub fn bank_in_silence(&self, args: &BankArgs, options: &ReadOptions) -> Result<Bank> {
        match choose_bank(args) {
            Some(folder) => Bank::open_with(folder, options),
            None => Ok(Bank::starter()),
        }
    }

    /// The bank that was asked for; what could not be read of it is told.
    pub fn bank(&self, args: &BankArgs, options: &ReadOptions) -> Result<Bank> {
        let bank = self.bank_in_silence(args, options)?;
        for problem in bank.problems() {
            self.warn(format_args!("{problem}; the rest of the bank is used"));
        }
        Ok(bank)
    }

    /// Judges by the bank, the likeness and the network that were asked for; `adjust` has the last word. What is judged is
    /// drawn as the bank's exemplars are, so `options` learn of its drums, and that sound is kept where the network looks
    /// at it.
    pub fn judge(
        &self,
        bank: &BankArgs,
        likeness: &LikenessArgs,
        cnn: &CnnArgs,
        options: &mut ReadOptions,
        adjust: impl FnOnce(&mut Comparer),
    ) -> Result<Judge> {
        let bank = self.bank(bank, options)?;
        options.drums |= bank.settings().drums;
        let (judge, listens) = judge_by(bank, likeness, cnn, adjust)?;
        options.keep_sound = listens;
        Ok(judge)
    }
}

/// Judges by a bank, the likeness and the network that were asked for; `adjust` has the last word. Tells also whether the
/// network looks at sound.
pub fn judge_by(
    bank: Bank,
    likeness: &LikenessArgs,
    cnn: &CnnArgs,
    adjust: impl FnOnce(&mut Comparer),
) -> Result<(Judge, bool)> {
    bank.check_sides()?;
    let mut comparer = bank.comparer(likeness.planner());
    likeness.apply(&mut comparer);
    adjust(&mut comparer);
    log::info!("judging by {}: {} exemplars", bank.root(), bank.exemplars().len());
    let network = cnn.network(&bank)?;
    let judge = Judge::with_comparer(bank, comparer).exhaustive(likeness.exhaustive);
    match network {
        Some(network) => {
            let listens = network.listens();
            Ok((network.advise(judge)?, listens))
        }
        None => Ok((judge, false)),
    }
}

/// The folder of the bank; `None` for the starter bank.
pub fn choose_bank(args: &BankArgs) -> Option<PathBuf> {
    let fragments = Path::new("fragments");
    let named = std::env::var_os("JUDGE_BANK").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    match args.bank.clone().or(named) {
        Some(folder) => Some(folder),
        None => Bank::is_bank(fragments).then(|| fragments.to_owned()),
    }
}
