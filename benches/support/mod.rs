//! Music to measure with: files, and variations of them that are the same every time.
#![allow(dead_code, reason = "each program uses some of it")]

use std::env;
use std::path::{Path, PathBuf};

use judge::input::{self, Input, ReadOptions};
use judge::{Bank, Fragment, Note};

/// The lengths by which fragments are stretched, as fractions.
const STRETCHES: [(u64, u64); 5] = [(1, 1), (2, 1), (1, 2), (3, 2), (3, 4)];

/// SplitMix64, by Guy Steele, Doug Lea and Christine Flood (2014).
pub struct Random(pub u64);

impl Random {
    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// The fragments of a folder.
pub fn read(folder: &Path) -> judge::Result<Vec<Fragment>> {
    let fragment = |input| match input {
        Input::File(path) => input::read_file(&path, &ReadOptions::default())?.into_fragment(),
        Input::StandardInput => unreachable!("a folder is none"),
    };
    input::expand([folder]).into_iter().map(|input| input.and_then(fragment)).collect()
}

/// Collections to measure with, by name: the starter bank, or the folders of files that
/// `JUDGE_BENCH_MUSIC` names, with colons between them.
pub fn collections() -> Vec<(String, Vec<Fragment>)> {
    let Some(folders) = env::var_os("JUDGE_BENCH_MUSIC") else {
        let starter = Bank::starter().exemplars().iter().map(|exemplar| exemplar.fragment.clone()).collect();
        return vec![("starter".to_owned(), starter)];
    };
    let collection = |folder: PathBuf| {
        let fragments = read(&folder).unwrap_or_else(|error| panic!("{error}"));
        assert!(!fragments.is_empty(), "there is no music in {}", folder.display());
        (folder.file_name().unwrap_or_default().to_string_lossy().into_owned(), fragments)
    };
    env::split_paths(&folders).map(collection).collect()
}

/// The fragment at another pitch and of another length, some notes a sixteenth late or a step off.
pub fn vary(original: &Fragment, random: &mut Random) -> Fragment {
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
    Fragment::new(notes.collect(), original.ticks_per_quarter()).expect("it is as the original")
}

/// The music itself, then variations of it in turn, `count` in all.
pub fn varied(music: &[Fragment], count: usize) -> Vec<Fragment> {
    let fragment = |index: usize| match music.get(index) {
        Some(fragment) => fragment.clone(),
        None => vary(&music[index % music.len()], &mut Random(index as u64)),
    };
    (0..count).map(fragment).collect()
}

/// Variations of the music, taken evenly from all of it.
pub fn questions(music: &[Fragment], count: usize) -> Vec<Fragment> {
    (0..count).map(|i| vary(&music[i * music.len() / count], &mut Random(!(i as u64)))).collect()
}

/// A bank of fragments, good and bad in turn.
pub fn bank(fragments: Vec<Fragment>) -> Bank {
    let exemplar = |(index, fragment): (usize, Fragment)| {
        let side = if index % 2 == 0 { "good" } else { "bad" };
        (format!("{side}/{index:06}"), fragment)
    };
    Bank::from_fragments(fragments.into_iter().enumerate().map(exemplar)).expect("the names have labels")
}

/// Threads for what is measured.
pub fn threads(count: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(count).build().expect("threads can be started")
}
