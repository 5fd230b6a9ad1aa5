//! Reading the files of a command line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Outcome;
use super::output::complain;
use crate::error::Result;
use crate::input::{self, Input, Piece, ReadOptions};

/// Reads what a path stands for, if it is a single thing.
pub fn read_one(path: &Path, options: &ReadOptions) -> Result<Piece> {
    if path == Path::new("-") { input::read_standard_input(options) } else { input::read_file(path, options) }
}

/// Reads an input.
pub fn read(input: &Input, options: &ReadOptions) -> Result<Piece> {
    match input {
        Input::File(path) => input::read_file(path, options),
        Input::StandardInput => input::read_standard_input(options),
    }
}

/// The path as it is told, `-` for standard input.
pub fn path_of(input: &Input) -> &Path {
    match input {
        Input::File(path) => path,
        Input::StandardInput => Path::new("-"),
    }
}

/// The inputs that paths stand for; what cannot be listed is told and counts as a failure.
pub fn expand(paths: &[PathBuf]) -> (Vec<Input>, Outcome) {
    let mut outcome = Outcome::Done;
    let mut inputs = Vec::new();
    for input in input::expand(paths) {
        match input {
            Ok(input) => inputs.push(input),
            Err(error) => {
                complain(&error);
                outcome = Outcome::Failed;
            }
        }
    }
    (inputs, outcome)
}

/// Each input once, and for each of `inputs` which one it is: a file that is named twice is read once.
pub fn distinct(inputs: impl IntoIterator<Item = Input>) -> (Vec<Input>, Vec<usize>) {
    let mut known = HashMap::new();
    let mut once = Vec::new();
    let which = inputs
        .into_iter()
        .map(|input| {
            *known.entry(input.clone()).or_insert_with(|| {
                once.push(input);
                once.len() - 1
            })
        })
        .collect();
    (once, which)
}
