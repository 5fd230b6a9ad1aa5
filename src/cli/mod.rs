//! The program around the library: arguments, progress, output, exit status.

mod args;
mod bank_args;
mod cnn_args;
mod command;
mod context;
mod files;
mod output;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

pub use args::Cli;
use args::Command;
use context::Context;

/// The exit status when something was wrong.
const FAILURE: u8 = 2;

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All was done.
    Done,
    /// All was done, and a verdict that was asked for by `--exit-code` is not good.
    NotGood,
    /// Something failed and was told; the rest was done.
    Failed,
}

/// Runs the program with the arguments it was called with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    env_logger::Builder::from_default_env().format_timestamp(None).init();
    match run(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NotGood) => ExitCode::from(1),
        Ok(Outcome::Failed) => ExitCode::from(FAILURE),
        // Whoever read the output has seen enough.
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(FAILURE)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    match cli.command {
        None => command::judge::run(&cli.judge),
        Some(Command::Compare(args)) => command::compare::run(&args),
        Some(Command::Find(args)) => command::find::run(&args),
        Some(Command::Scan(args)) => command::scan::run(&args),
        Some(Command::Stream(args)) => command::stream::run(&args),
        Some(Command::Matrix(args)) => command::matrix::run(&args),
        Some(Command::Inspect(args)) => command::inspect::run(&args),
        Some(Command::Render(args)) => command::render::run(&args),
        Some(Command::Bank(command)) => command::bank::run(&command),
        Some(Command::Train(args)) => command::train::run(&args),
        Some(Command::Doctor(args)) => command::doctor::run(&args),
        Some(Command::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "judge", &mut text);
            output::write(&text)
        }
        Some(Command::Man) => {
            let mut text = Vec::new();
            manual(&mut text)?;
            output::write(&text)
        }
    }
}

/// The manual page of the program, then those of its commands.
fn manual(text: &mut Vec<u8>) -> std::io::Result<()> {
    let program = Cli::command();
    clap_mangen::Man::new(program.clone()).render(text)?;
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("judge-{}", command.get_name());
        let man = clap_mangen::Man::new(command.clone().name(name).bin_name(format!("judge {}", command.get_name())));
        man.render_name_section(text)?;
        man.render_synopsis_section(text)?;
        man.render_options_section(text)?;
    }
    Ok(())
}

/// Tells what is wrong with the arguments, in one line; prints help where it was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        _ => {
            let text = error.render().to_string();
            let told: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            let told = told.join(" ");
            eprintln!("judge: {}; see judge --help", told.strip_prefix("error: ").unwrap_or(&told));
            ExitCode::from(FAILURE)
        }
    }
}
