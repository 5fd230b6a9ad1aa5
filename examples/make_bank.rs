//! Makes a large bank out of a few files, to measure with.
//!
//! `cargo run --release --example make_bank -- SOURCE OUT COUNT` takes the MIDI files of the folder
//! SOURCE in turn, transposes, stretches and jitters each a little differently every time, and
//! writes COUNT exemplars into the new folder OUT: good and bad in turn, 1000 files a folder. The
//! same arguments give the same files.

use std::fs;
use std::path::Path;

use judge::input::{self, Input, ReadOptions};
use judge::smf::{self, Heading};
use judge::{Fragment, Note};
use rayon::prelude::*;

const FILES_A_FOLDER: usize = 1000;

/// The lengths by which files are stretched, as fractions.
const STRETCHES: [(u64, u64); 5] = [(1, 1), (2, 1), (1, 2), (3, 2), (3, 4)];

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// SplitMix64, by Guy Steele, Doug Lea and Christine Flood (2014).
struct Random(u64);

impl Random {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, out, count] = &arguments[..] else { return Err("usage: make_bank SOURCE OUT COUNT".into()) };
    let (out, count) = (Path::new(out), count.parse::<usize>()?);
    if out.exists() {
        return Err(format!("{} is there already", out.display()).into());
    }
    let mut originals = Vec::new();
    for input in input::expand([source]) {
        if let Input::File(path) = input? {
            originals.push(input::read_file(&path, &ReadOptions::default())?.into_fragment()?);
        }
    }
    let folders = count.div_ceil(2 * FILES_A_FOLDER);
    for folder in 0..folders {
        for label in ["good", "bad"] {
            fs::create_dir_all(out.join(label).join(format!("{folder:03}")))?;
        }
    }
    (0..count).into_par_iter().try_for_each(|index| -> Result {
        let label = if index % 2 == 0 { "good" } else { "bad" };
        let varied = vary(&originals[index % originals.len()], &mut Random(index as u64))?;
        let folder = out.join(label).join(format!("{:03}", index / (2 * FILES_A_FOLDER)));
        let path = folder.join(format!("{index:06}.mid"));
        let bytes = smf::write(&varied, &Heading::default())?;
        Ok(fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?)
    })?;
    println!("{count} exemplars from {} files in {}", originals.len(), out.display());
    Ok(())
}

/// The fragment at another pitch and of another length, some notes a sixteenth late or a step off.
fn vary(original: &Fragment, random: &mut Random) -> judge::Result<Fragment> {
    let (low, high) = original.pitch_range();
    let room = u64::from(24.min(low) + 24.min(127 - high));
    let lowered = low - low.min(24) + random.below(room + 1) as u8;
    let (longer, shorter) = STRETCHES[random.below(STRETCHES.len() as u64) as usize];
    let sixteenth = u64::from(original.ticks_per_quarter()) / 4;
    let notes = original.notes().iter().map(|note| {
        let late = if random.below(8) == 0 { sixteenth } else { 0 };
        let step = if random.below(16) == 0 { random.below(3) as u8 } else { 1 };
        Note {
            pitch: (note.pitch - low + lowered + step).saturating_sub(1).min(127),
            onset: note.onset * longer / shorter + late,
            duration: (note.duration * longer / shorter).max(1),
            ..*note
        }
    });
    Fragment::new(notes.collect(), original.ticks_per_quarter())
}
