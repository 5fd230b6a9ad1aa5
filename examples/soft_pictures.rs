//! How well excerpts are found by their soft pictures, and by the notes that are heard in them, by correlation alone.
//!
//! ```sh
//! cargo run --release --example soft_pictures -- RECORDINGS MIDI [STEP]
//! ```
//!
//! Both are folders; a recording and the MIDI file of the same name are the same music. Every STEP-th recording is taken.

use std::path::{Path, PathBuf};

use judge::audio::{HearOptions, Salience, hear};
use judge::correlate::Prepared;
use judge::input::{self, Input, ReadOptions};
use judge::similarity::AlteredExemplar;
use judge::{Alterations, Comparer, Extent, Measure, soft};
use rayon::prelude::*;

fn main() -> judge::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [recordings, pieces, rest @ ..] = &arguments[..] else {
        eprintln!("soft_pictures RECORDINGS MIDI [STEP]");
        std::process::exit(2);
    };
    let step = rest.first().and_then(|step| step.to_str()?.parse().ok()).unwrap_or(1);
    let options = ReadOptions::default();
    let alterations = Alterations { inversion: false, retrograde: false, ..Alterations::default() };
    let comparer =
        Comparer { measure: Measure::Correlation, extent: Extent::Contained, alterations, ..Comparer::default() };
    let pieces: Vec<(PathBuf, AlteredExemplar)> = files(pieces)?
        .into_par_iter()
        .map(|path| {
            let fragment = input::read_file(&path, &options)?.into_fragment()?;
            Ok((path, comparer.exemplar(&fragment)))
        })
        .collect::<judge::Result<_>>()?;
    let mut right = [0, 0];
    let recordings: Vec<PathBuf> = files(recordings)?.into_iter().step_by(step).collect();
    for path in &recordings {
        let (recording, _) = input::read_recording(path, &options)?;
        let heard = hear(&recording.samples, HearOptions::default())?;
        let picture = soft::draw(&Salience::of(&recording.samples)?, heard.tempo, comparer.rendering.resolution)?;
        let notes = comparer.fragment(&input::read_file(path, &options)?.into_fragment()?);
        for (right, query) in right.iter_mut().zip([Prepared::new(picture), notes]) {
            let found: Vec<f64> = pieces.par_iter().map(|(_, piece)| comparer.similarity(&query, piece)).collect();
            let best = (0..found.len()).max_by(|&a, &b| found[a].total_cmp(&found[b]));
            *right += usize::from(best.is_some_and(|best| pieces[best].0.file_stem() == path.file_stem()));
        }
    }
    let share = |right: usize| right as f64 / recordings.len() as f64;
    println!(
        "first hit right of {}: soft pictures {:.3}, notes {:.3}",
        recordings.len(),
        share(right[0]),
        share(right[1])
    );
    Ok(())
}

fn files(folder: &Path) -> judge::Result<Vec<PathBuf>> {
    let path = |input| match input {
        Ok(Input::File(path)) => Some(Ok(path)),
        Ok(Input::StandardInput) => None,
        Err(error) => Some(Err(error)),
    };
    input::expand([folder]).into_iter().filter_map(path).collect()
}
