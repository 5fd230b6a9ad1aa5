//! Music in disorder, to see whether a network can tell it from music.
//!
//! `cargo run --release --features train --example shuffle -- SOURCE OUT [SEED]` writes each MIDI file of the folder SOURCE
//! into the new folder OUT, under the same name: in turn with its pitches shuffled among its notes, and with its rhythm
//! shuffled (the times from each note to the next, with the lengths that belong to them). Where there is but one way to
//! order one, the other is shuffled. The same arguments give the same files.

use std::fs;
use std::path::Path;

use judge::Fragment;
use judge::cnn::train::scramble::{with_shuffled_pitches, with_shuffled_rhythm};
use judge::input::{Input, ReadOptions, expand};
use judge::smf::{self, Heading};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (source, out, seed) = match &arguments[..] {
        [source, out] => (source, out, 1),
        [source, out, seed] => (source, out, seed.parse()?),
        _ => return Err("usage: shuffle SOURCE OUT [SEED]".into()),
    };
    let (source, out) = (Path::new(source), Path::new(out));
    if out.exists() {
        return Err(format!("{} is there already", out.display()).into());
    }
    let (mut pitches, mut rhythms) = (0, 0);
    for (index, input) in expand([source]).into_iter().enumerate() {
        let Input::File(path) = input? else { continue };
        let fragment = judge::input::read_file(&path, &ReadOptions::default())?.into_fragment()?;
        let seed = seed_of(seed, index);
        let shuffle_pitches = |fragment: &Fragment| with_shuffled_pitches(fragment, seed).map(|it| (it, true));
        let shuffle_rhythm = |fragment: &Fragment| with_shuffled_rhythm(fragment, seed).map(|it| (it, false));
        let shuffled = if index.is_multiple_of(2) {
            shuffle_pitches(&fragment).or_else(|| shuffle_rhythm(&fragment))
        } else {
            shuffle_rhythm(&fragment).or_else(|| shuffle_pitches(&fragment))
        };
        let Some((shuffled, by_pitch)) = shuffled else {
            eprintln!("{}: there is nothing to shuffle in it", path.display());
            continue;
        };
        *(if by_pitch { &mut pitches } else { &mut rhythms }) += 1;
        let to = out.join(path.strip_prefix(source)?);
        fs::create_dir_all(to.parent().unwrap_or(out))?;
        fs::write(&to, smf::write(&shuffled, &Heading::default())?)?;
    }
    println!("{pitches} files with shuffled pitches and {rhythms} with shuffled rhythms in {}", out.display());
    Ok(())
}

/// A seed of its own for each file.
fn seed_of(seed: u64, index: usize) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64)
}
