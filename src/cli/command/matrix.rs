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

    output::keep_apart(&args.csv, queries.iter().chain(&targets).map(files::path_of))?;
    let (inputs, which) = files::distinct(queries.iter().chain(&targets).cloned());
    let fragments = read_all(&inputs, args, &context, &mut outcome);
    let (rows, columns) = which.split_at(queries.len());
    let targets_read: Vec<_> = columns.iter().filter_map(|&index| fragments[index].as_ref()).collect();
    let gallery = Gallery::new(&comparer, targets_read, args.likeness.exhaustive);

    let mut table = Vec::new();
    for target in &targets {
        table.push(b',');
        name(&mut table, files::path_of(target))?;
    }
    table.push(b'\n');
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
        for (query, row) in queries.iter().zip(similarities) {
            name(&mut table, files::path_of(query))?;
            let mut row = row.into_iter().flatten();
            for &column in columns {
                table.push(b',');
                // What could not be read leaves its row and its column empty.
                if fragments[column].is_some()
                    && let Some(similarity) = row.next()
                {
                    decimal(similarity, &mut table);
                }
            }
            table.push(b'\n');
        }
    }
    bar.finish_and_clear();
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

/// A similarity with nine decimals, which is what it can be trusted to. Numbers are most of a
/// table, so they are written by hand: formatting them would take longer than computing them.
fn decimal(similarity: f64, table: &mut Vec<u8>) {
    let mut billionths = (similarity * 1e9).round() as u32;
    let mut digits = *b"0.000000000";
    for place in (2..digits.len()).rev() {
        digits[place] += (billionths % 10) as u8;
        billionths /= 10;
    }
    digits[0] += (billionths % 10) as u8;
    table.extend_from_slice(&digits);
}

/// A path as it was given, quoted where CSV needs it, also where it is not Unicode.
fn name(table: &mut Vec<u8>, path: &Path) -> anyhow::Result<()> {
    let mut field = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    field.write_record([path.as_os_str().as_encoded_bytes()])?;
    let field = field.into_inner().map_err(csv::IntoInnerError::into_error)?;
    table.extend_from_slice(field.strip_suffix(b"\n").unwrap_or(&field));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn similarities_have_nine_decimals() {
        let told = |similarity| {
            let mut text = Vec::new();
            decimal(similarity, &mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!([0.0, 1.0, 0.5, 1.0 / 3.0].map(told), ["0.000000000", "1.000000000", "0.500000000", "0.333333333"]);
    }
}
