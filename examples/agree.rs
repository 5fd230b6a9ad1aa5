//! Holds every backend to the reference on all pairs of the music in a folder.
//!
//! `cargo run --release --example agree -- FOLDER [COUNT]` takes the first COUNT files (100), prints
//! how many pairs agree in brightness and placement, and fails when any does not.

use std::error::Error;
use std::process::ExitCode;

use judge::PianoRoll;
use judge::correlate::{Correlator, Fft, Prepared, Reference, Search, Sparse};
use judge::input::{self, Input, ReadOptions};
use rayon::prelude::*;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: agree FOLDER [COUNT]")?;
    let count = arguments.next().map_or(Ok(100), |count| count.parse())?;
    let mut rolls = Vec::new();
    for input in input::expand([folder]) {
        if let Input::File(path) = input?
            && rolls.len() < count
        {
            let fragment = input::read_file(&path, &ReadOptions::default())?.into_fragment()?;
            rolls.push(Prepared::new(PianoRoll::of(&fragment, 12)));
        }
    }
    let fast: [&dyn Correlator; 2] = [&Sparse::default(), &Fft];
    let search = Search::default();
    let wrong: usize = rolls
        .par_iter()
        .map(|x| {
            let all: Vec<_> = rolls.iter().collect();
            let brightest = Sparse::default().brightest_each(x, &all, &search);
            let differs = |(k, brightest): (&Prepared, f64)| {
                let expected = Reference.peak(x, k, &search);
                expected.is_none_or(|peak| peak.brightness != brightest)
                    || fast.iter().any(|backend| backend.peak(x, k, &search) != expected)
            };
            rolls.iter().zip(brightest).filter(|pair| differs(*pair)).count()
        })
        .sum();
    let pairs = rolls.len() * rolls.len();
    println!("{} of {pairs} pairs agree to the last bit between reference, sparse and fft", pairs - wrong);
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
