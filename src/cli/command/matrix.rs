//! `judge matrix`: the similarities of many files, as CSV.

use std::io::Write as _;
use std::path::Path;

use rayon::prelude::*;

use crate::cli::args::MatrixArgs;
use crate::cli::output::{self, complain};
use crate::cli::{Context, Outcome, files};
use crate::input::Input;
use crate::note::Fragment;
use crate::similarity::Gallery;

/// Rows that are computed before they are written.
const BATCH: usize = 64;

pub fn run(args: &MatrixArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let comparer = args.likeness.comparer(args.extent);
    let (queries, mut outcome) = files::expand(&args.files);
    let targets = if args.against.is_empty() {
        queries.clone()
    } else {
        let (targets, found) = files::expand(&args.against);
        if found == Outcome::Failed {
            outcome = found;
        }
        targets
    };

    let (inputs, which) = files::distinct(queries.iter().chain(&targets).cloned());
    let fragments = read_all(&inputs, args, &context, &mut outcome);
    let (rows, columns) = which.split_at(queries.len());
    let targets_read: Vec<_> = columns.iter().filter_map(|&index| fragments[index].as_ref()).collect();
    let gallery = Gallery::new(&comparer, targets_read, args.likeness.exhaustive);

    let mut table = csv::WriterBuilder::new().from_writer(Vec::new());
    table.write_field("")?;
    for target in &targets {
        table.write_field(bytes(files::path_of(target)))?;
    }
    table.write_record(None::<&[u8]>)?;
    let bar = context.progress(queries.len() as u64, "comparing");
    for (queries, rows) in queries.chunks(BATCH).zip(rows.chunks(BATCH)) {
        let similarities: Vec<Option<Vec<f64>>> = rows
            .par_iter()
            .map(|&row| {
                let similarities = fragments[row].as_ref().map(|fragment| gallery.similarities(fragment));
                bar.inc(1);
                similarities
            })
            .collect();
        let mut number = String::new();
        for (query, row) in queries.iter().zip(similarities) {
            table.write_field(bytes(files::path_of(query)))?;
            let mut row = row.into_iter().flatten();
            for &column in columns {
                number.clear();
                // What could not be read leaves its row and its column empty.
                if fragments[column].is_some()
                    && let Some(similarity) = row.next()
                {
                    decimal(similarity, &mut number);
                }
                table.write_field(&number)?;
            }
            table.write_record(None::<&[u8]>)?;
        }
    }
    bar.finish_and_clear();
    let table = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
    if args.csv == Path::new("-") {
        let mut out = output::standard();
        out.write_all(&table)?;
        out.flush()?;
    } else {
        output::write_file(&args.csv, &table)?;
    }
    Ok(outcome)
}

/// The fragments of all inputs; what cannot be read is told and left empty.
fn read_all(inputs: &[Input], args: &MatrixArgs, context: &Context, outcome: &mut Outcome) -> Vec<Option<Fragment>> {
    let options = args.read.options();
    let bar = context.progress(inputs.len() as u64, "reading");
    let read: Vec<_> = inputs
        .par_iter()
        .map(|input| {
            bar.inc(1);
            let piece = files::read(input, &options)?;
            let warnings: Vec<_> = piece.warnings.iter().map(ToString::to_string).collect();
            Ok::<_, crate::Error>((piece.into_fragment()?, warnings))
        })
        .collect();
    bar.finish_and_clear();
    let tell = |(input, read): (&Input, _)| match read {
        Ok((fragment, warnings)) => {
            for warning in warnings {
                context.warn(format_args!("{}: {warning}", files::path_of(input).display()));
            }
            Some(fragment)
        }
        Err(error) => {
            complain(&error);
            *outcome = Outcome::Failed;
            None
        }
    };
    inputs.iter().zip(read).map(tell).collect()
}

/// A similarity with nine decimals, which is what it can be trusted to.
fn decimal(similarity: f64, text: &mut String) {
    use std::fmt::Write as _;
    let billionths = (similarity * 1e9).round() as u64;
    let _ = write!(text, "{}.{:09}", billionths / 1_000_000_000, billionths % 1_000_000_000);
}

/// A path as it was given, also where it is not Unicode.
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn similarities_have_nine_decimals() {
        let told = |similarity| {
            let mut text = String::new();
            decimal(similarity, &mut text);
            text
        };
        assert_eq!([0.0, 1.0, 0.5, 1.0 / 3.0].map(told), ["0.000000000", "1.000000000", "0.500000000", "0.333333333"]);
    }
}
