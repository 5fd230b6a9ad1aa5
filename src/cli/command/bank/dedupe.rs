//! `judge bank dedupe`: exemplars that are the same music.

use std::io::Write;

use serde_json::json;

use super::names_in;
use crate::bank::Editor;
use crate::cli::bank_args::DedupeArgs;
use crate::cli::output::{self, printable};
use crate::cli::{Context, Outcome};
use crate::curation::doubles;
use crate::error::Error;

pub fn run(args: &DedupeArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let mut out = output::standard();
    if !args.distinct.is_empty() {
        let (root, names) = names_in(&context, &args.bank, &args.distinct)?;
        if names.iter().all(|name| *name == names[0]) {
            let value = names[0].clone();
            return Err(Error::Option { name: "--distinct", value, expected: "two exemplars; name another one" }.into());
        }
        Editor::open(&root)?.keep_apart(&names)?;
        if args.json {
            output::json(&mut out, &json!({"distinct": names}))?;
        } else {
            writeln!(out, "remembered: {} are no doubles of each other", printable(&names.join(", ")))?;
        }
        out.flush()?;
        return Ok(Outcome::Done);
    }
    let root = args.apply.then(|| context.bank_folder(&args.bank)).transpose()?;
    let bank = context.bank(&args.bank, &args.transcriber.options()?)?;
    let bar = context.progress(bank.exemplars().len() as u64, "comparing");
    let groups = doubles(&bank, Default::default(), || bar.inc(1));
    bar.finish_and_clear();
    let name = |index: usize| bank.exemplars()[index].name.as_str();
    let doubles: Vec<_> = groups.iter().flat_map(|group| &group.others).map(|&index| name(index)).collect();
    if let Some(root) = root.filter(|_| !doubles.is_empty()) {
        Editor::open(&root)?.remove(&doubles)?;
    }
    for group in &groups {
        let others: Vec<_> = group.others.iter().map(|&index| name(index)).collect();
        if args.json {
            output::json(&mut out, &json!({"kept": name(group.kept), "doubles": others, "removed": args.apply}))?;
        } else {
            writeln!(out, "{}", context.styles.strong(printable(name(group.kept))))?;
            for other in others {
                writeln!(out, "  {} {}", if args.apply { "removed" } else { "=" }, printable(other))?;
            }
        }
    }
    if !args.json {
        let advice = match (doubles.is_empty(), args.apply) {
            (true, _) => "",
            (false, true) => "; judge bank undo brings them back",
            (false, false) => "; --apply removes them",
        };
        let (groups, doubles) = (groups.len(), doubles.len());
        writeln!(out, "{}: {groups} groups, {doubles} doubles{advice}", bank.root())?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
