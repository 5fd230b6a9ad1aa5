//! Makes a large bank out of a few files, to measure with.
//!
//! `cargo run --release --example make_bank -- SOURCE OUT COUNT` takes the MIDI files of the folder
//! SOURCE in turn, transposes, stretches and jitters each a little differently every time, and
//! writes COUNT exemplars into the new folder OUT: good and bad in turn, 1000 files a folder. The
//! same arguments give the same files.

#[path = "../benches/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use judge::smf::{self, Heading};
use rayon::prelude::*;
use support::{Random, read, vary};

const FILES_A_FOLDER: usize = 1000;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, out, count] = &arguments[..] else { return Err("usage: make_bank SOURCE OUT COUNT".into()) };
    let (out, count) = (Path::new(out), count.parse::<usize>()?);
    if out.exists() {
        return Err(format!("{} is there already", out.display()).into());
    }
    let originals = read(Path::new(source))?;
    let folders = count.div_ceil(2 * FILES_A_FOLDER);
    for folder in 0..folders {
        for label in ["good", "bad"] {
            fs::create_dir_all(out.join(label).join(format!("{folder:03}")))?;
        }
    }
    (0..count).into_par_iter().try_for_each(|index| -> Result {
        let label = if index % 2 == 0 { "good" } else { "bad" };
        let varied = vary(&originals[index % originals.len()], &mut Random(index as u64));
        let folder = out.join(label).join(format!("{:03}", index / (2 * FILES_A_FOLDER)));
        let path = folder.join(format!("{index:06}.mid"));
        let bytes = smf::write(&varied, &Heading::default())?;
        Ok(fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?)
    })?;
    println!("{count} exemplars from {} files in {}", originals.len(), out.display());
    Ok(())
}
