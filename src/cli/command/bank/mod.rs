//! `judge bank`: one file for each group of commands.

mod check;
mod dedupe;
mod edit;
mod evaluate;
mod show;
mod suggest;

use std::path::Path;

use crate::bank::Bank;
use crate::cli::bank_args::BankCommand;
use crate::cli::{Context, Outcome};
use crate::error::{Error, Result};

pub fn run(command: &BankCommand) -> anyhow::Result<Outcome> {
    match command {
        BankCommand::Init(args) => edit::init(args),
        BankCommand::Add(args) => edit::add(args),
        BankCommand::List(args) => show::list(args),
        BankCommand::Show(args) => show::show(args),
        BankCommand::Remove(args) => edit::remove(args),
        BankCommand::Undo(args) => edit::undo(args),
        BankCommand::Relabel(args) => edit::relabel(args),
        BankCommand::Check(args) => check::run(args),
        BankCommand::Dedupe(args) => dedupe::run(args),
        BankCommand::Evaluate(args) => evaluate::evaluate(args),
        BankCommand::Calibrate(args) => evaluate::calibrate(args),
        BankCommand::Suggest(args) => suggest::run(args),
    }
}

/// The names in the bank that were meant: given in full, as a path to the file, or by the name of the file, with or
/// without its extension, where only one has it.
fn resolve(root: Option<&Path>, names: &[String], given: &[String]) -> Result<Vec<String>> {
    let file = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let stem = |name: &str| {
        let file = file(name);
        file.rsplit_once('.').map_or(file.clone(), |(stem, _)| stem.to_owned())
    };
    let one = |given: &String| {
        if names.contains(given) {
            return Ok(given.clone());
        }
        // A path to the file, however it is written.
        let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
        let path = folder(Path::new(given)).zip(Path::new(given).file_name()).map(|(folder, file)| folder.join(file));
        let real_root = root.and_then(|root| root.canonicalize().ok());
        let inside = path.as_deref().zip(real_root.as_deref()).and_then(|(path, root)| path.strip_prefix(root).ok());
        if let Some(name) = inside.and_then(Path::to_str).filter(|name| names.iter().any(|known| known == name)) {
            return Ok(name.to_owned());
        }
        let found: Vec<_> = names.iter().filter(|name| file(name) == *given || stem(name) == *given).collect();
        let problem = match found[..] {
            [only] => return Ok(only.clone()),
            [] => format!("there is no exemplar {given}; judge bank list tells their names"),
            [first, second, ..] => format!("{given} may be {first} or {second}; give it in full"),
        };
        Err(Error::Bank { path: root.map_or_else(|| "the bank".into(), Path::to_owned), problem })
    };
    given.iter().map(one).collect()
}

/// The folder and the bank that may be changed.
fn names_in(
    context: &Context,
    args: &crate::cli::args::BankArgs,
    given: &[String],
) -> Result<(std::path::PathBuf, Vec<String>)> {
    let root = context.bank_folder(args)?;
    let names = resolve(Some(&root), &Bank::names(&root)?, given)?;
    Ok((root, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_will_do_where_it_is_the_only_one() {
        let names = ["good/a.mid", "good/deep/b.mid", "bad/b.mid", "bad/c.midi"].map(str::to_owned);
        let resolve = |given: &str| super::resolve(Some(Path::new("my")), &names, &[given.to_owned()]);
        assert_eq!(resolve("good/a.mid").unwrap(), ["good/a.mid"]);
        assert_eq!(resolve("c").unwrap(), ["bad/c.midi"]);
        assert!(resolve("b.mid").unwrap_err().to_string().contains("may be good/deep/b.mid or bad/b.mid"));
        assert!(resolve("d").unwrap_err().to_string().contains("no exemplar d"));
    }
}
