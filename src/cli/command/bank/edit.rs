//! `judge bank init`, `add`, `remove`, `undo`, `relabel`.

use std::fs;
use std::io::Write;

use super::names_in;
use crate::bank::{Added, Addition, Bank, Details, Editor};
use crate::cli::bank_args::{AddArgs, InitArgs, NamesArgs, RelabelArgs, Span, UndoArgs};
use crate::cli::output::{self, complain};
use crate::cli::{Context, Outcome, files};
use crate::error::{Error, Result};
use crate::input::{self, Input, Piece, ReadOptions};

pub fn init(args: &InitArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    Editor::create(&args.dir)?;
    let mut out = output::standard();
    if args.starter {
        let added = Editor::open(&args.dir)?.add(Bank::starter_additions())?;
        writeln!(out, "{}: a new bank with the {} exemplars of the starter bank", args.dir.display(), added.len())?;
    } else {
        writeln!(out, "{}: a new bank", args.dir.display())?;
    }
    let hint = format!(
        "judge bank add FILE --good --bank {} adds to it; JUDGE_BANK={0} makes it the default",
        args.dir.display()
    );
    writeln!(out, "  {}", context.styles.aside(hint))?;
    out.flush()?;
    Ok(Outcome::Done)
}

pub fn add(args: &AddArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let root = context.bank_folder(&args.bank)?;
    let (inputs, mut outcome) = files::expand(&args.files);
    if args.name.is_some() && inputs.len() != 1 {
        let value = args.name.clone().unwrap_or_default();
        return Err(Error::Option { name: "--name", value, expected: "for several files; name a single one" }.into());
    }
    let (_, options) = args.read.beside(|options| Bank::open_with(&root, options))?;
    let bar = context.progress(inputs.len() as u64, "adding");
    let mut asked = Vec::new();
    // Read one by one while they are added: not all have to be in memory.
    let additions = inputs.iter().filter_map(|input| {
        bar.inc(1);
        match addition(input, args, &options, &context) {
            Ok(addition) => {
                asked.push(input);
                Some(addition)
            }
            Err(error) => {
                bar.suspend(|| complain(&error));
                outcome = Outcome::Failed;
                None
            }
        }
    });
    let added = Editor::open(&root)?.add(additions)?;
    bar.finish_and_clear();
    let mut out = output::standard();
    let mut counts = [0; 3];
    for (input, added) in asked.iter().zip(&added) {
        let file = files::path_of(input).display();
        let (kind, told) = match added {
            Added::New(name) => (0, format!("added {name}")),
            Added::Present(name) => (1, format!("there already: {name} ({file})")),
            Added::Described(name) => (2, format!("there already, and described anew: {name} ({file})")),
        };
        counts[kind] += 1;
        writeln!(out, "{}", output::printable(&told))?;
    }
    if asked.len() > 1 {
        let [new, present, described] = counts;
        writeln!(out, "{new} added, {} there already, {described} of them described anew", present + described)?;
    }
    out.flush()?;
    Ok(outcome)
}

fn addition(input: &Input, args: &AddArgs, options: &ReadOptions, context: &Context) -> Result<Addition> {
    let (bytes, piece) = match input {
        Input::File(path) => {
            let piece = input::read_file(path, options)?;
            (fs::read(path).map_err(Error::io("read", path))?, piece)
        }
        Input::StandardInput => input::read_standard_input_bytes(options)?,
    };
    context.tell_warnings(&piece);
    // Says what is wrong with it by the name that its owner knows.
    let span = args.span.map(|span| quarters(span, &piece));
    match span {
        Some(span) => piece.fragment()?.cut(span).map_err(|error| error.from_origin(piece.origin.clone()))?,
        None => piece.fragment()?.clone(),
    };
    let name = match (&args.name, input) {
        (Some(name), _) => name.replace(['/', '\\'], "_"),
        (None, Input::File(path)) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        (None, Input::StandardInput) => "fragment".to_owned(),
    };
    let details = Details { weight: args.weight, span, source: args.source.clone(), licence: args.licence.clone() };
    Ok(Addition { bytes, name, label: args.label.label(), details })
}

/// A span in quarters. Bars are those of the first time signature, 4/4 where there is none.
fn quarters(span: Span, piece: &Piece) -> (f64, f64) {
    match span {
        Span::Quarters(from, to) => (from, to),
        Span::Bars(from, to) => {
            let bar = piece.info.time_signature().map_or(4.0, |time| time.quarters());
            (f64::from(from - 1) * bar, f64::from(to) * bar)
        }
    }
}

pub fn remove(args: &NamesArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let (root, names) = names_in(&context, &args.bank, &args.exemplars)?;
    Editor::open(&root)?.remove(&names)?;
    let mut out = output::standard();
    for name in &names {
        writeln!(out, "removed {}", output::printable(name))?;
    }
    writeln!(out, "  {}", context.styles.aside("judge bank undo brings back what was removed last"))?;
    out.flush()?;
    Ok(Outcome::Done)
}

pub fn undo(args: &UndoArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let root = context.bank_folder(&args.bank)?;
    if args.skip {
        let change = Editor::open(&root)?.skip()?;
        return output::write(format!("left as it is: {}\n", output::printable(&change.what)).as_bytes());
    }
    let change = Editor::open(&root)?.undo()?;
    output::write(format!("undone: {}\n", output::printable(&change.what)).as_bytes())
}

pub fn relabel(args: &RelabelArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let (root, names) = names_in(&context, &args.bank, &args.exemplars)?;
    let renamed = Editor::open(&root)?.relabel(&names, args.label.label())?;
    let mut out = output::standard();
    for (old, new) in names.iter().zip(&renamed) {
        let told = if old == new { format!("{old} is there already") } else { format!("{old} is now {new}") };
        writeln!(out, "{}", output::printable(&told))?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
