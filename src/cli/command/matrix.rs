//! `judge matrix`: the similarities of many files, as CSV.

use std::io::{self, Write};
use std::path::Path;

use rayon::prelude::*;

use crate::cli::args::MatrixArgs;
use crate::cli::output::{self, complain};
use crate::cli::{Context, Outcome, files};
use crate::input::{Input, ReadOptions};
use crate::note::Fragment;
use crate::similarity::{Gallery, Table};

/// Rows that are computed before they are written.
const BATCH: usize = 256;

/// Tables of more rows are not kept to be mirrored: one would take gigabytes.
const LARGEST_TABLE: usize = 1 << 14;

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
    let fragments = read_all(&inputs, &args.read.options()?, &context, &mut outcome);
    let (rows, columns) = which.split_at(queries.len());
    let targets_read: Vec<_> = columns.iter().filter_map(|&index| fragments[index].as_ref()).collect();
    let gallery = Gallery::new(&comparer, targets_read, args.likeness.exhaustive);
    let bar = context.progress(queries.len() as u64, "comparing");
    // Of a set with itself one half may do; then it must be there as a whole before it is written.
    let halved = rows == columns && rows.len() <= LARGEST_TABLE && comparer.is_symmetric();
    let table = halved.then(|| gallery.table(|| bar.inc(1)));
    let sheet = Sheet { queries: &queries, fragments: &fragments, rows, columns, gallery, table };

    let heading = heading(&targets)?;
    let positions: Vec<_> = (0..queries.len()).collect();
    let write = |out: &mut dyn Write| {
        out.write_all(&heading)?;
        for batch in positions.chunks(BATCH) {
            for line in sheet.lines(batch, || bar.inc(1)) {
                out.write_all(&line?)?;
            }
        }
        out.flush()
    };
    if args.csv == Path::new("-") {
        write(&mut output::standard())?;
    } else {
        output::write_to(&args.csv, write)?;
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// What the lines of a table are made from.
struct Sheet<'a> {
    queries: &'a [Input],
    /// What could not be read is not there.
    fragments: &'a [Option<Fragment>],
    /// Which fragment is in each row.
    rows: &'a [usize],
    /// Which fragment is in each column.
    columns: &'a [usize],
    /// The fragments of the columns that are there.
    gallery: Gallery<'a>,
    /// Of the gallery with itself, when the rows are its columns.
    table: Option<Table>,
}

impl Sheet<'_> {
    /// Rows as text; `each` is called whenever one was computed.
    fn lines(&self, positions: &[usize], each: impl Fn() + Sync) -> Vec<io::Result<Vec<u8>>> {
        let there: Vec<_> = positions.iter().filter_map(|&at| self.fragments[self.rows[at]].as_ref()).collect();
        let mut computed = match &self.table {
            Some(_) => Vec::new(),
            None => self.gallery.similarities_of(&there, each),
        }
        .into_iter();
        let is_there = |index: &&usize| self.fragments[**index].is_some();
        let similarities = |&position: &usize| match (&self.fragments[self.rows[position]], &self.table) {
            (None, _) => Vec::new(),
            (Some(_), Some(table)) => table.row(self.rows[..position].iter().filter(is_there).count()).collect(),
            (Some(_), None) => computed.next().unwrap_or_default(),
        };
        let rows: Vec<(usize, Vec<f64>)> = positions.iter().copied().zip(positions.iter().map(similarities)).collect();
        rows.into_par_iter().map(|(position, row)| self.line(position, &row)).collect()
    }

    /// A row as text; what could not be read leaves its row and its column empty.
    fn line(&self, position: usize, similarities: &[f64]) -> io::Result<Vec<u8>> {
        let mut similarities = similarities.iter().copied();
        let mut line = Vec::with_capacity(64 + 12 * self.columns.len());
        name(&mut line, files::path_of(&self.queries[position]))?;
        for &column in self.columns {
            line.push(b',');
            if self.fragments[column].is_some()
                && let Some(similarity) = similarities.next()
            {
                decimal(similarity, &mut line);
            }
        }
        line.push(b'\n');
        Ok(line)
    }
}

fn heading(targets: &[Input]) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    for target in targets {
        line.push(b',');
        name(&mut line, files::path_of(target))?;
    }
    line.push(b'\n');
    Ok(line)
}

/// The fragments of all inputs; what cannot be read is told and left empty.
fn read_all(
    inputs: &[Input],
    options: &ReadOptions,
    context: &Context,
    outcome: &mut Outcome,
) -> Vec<Option<Fragment>> {
    let bar = context.progress(inputs.len() as u64, "reading");
    let read: Vec<_> = inputs
        .par_iter()
        .map(|input| {
            bar.inc(1);
            let piece = files::read(input, options)?;
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
fn name(table: &mut Vec<u8>, path: &Path) -> io::Result<()> {
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
