//! Makes the starter bank's MIDI files and its `bank.ron` from the notation in `fragments/source`.
//!
//! `cargo run --example engrave` writes what differs; `-- --check` only says what differs, with
//! exit status 1 if anything does.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use judge::notation::{self, Score};
use judge::smf::{self, Heading};

/// The folders of sources and MIDI files, and whether they are exemplars of the bank.
pub const FOLDERS: [(&str, bool); 3] = [("good", true), ("bad", true), ("candidates", false)];

const SETTINGS: &str = "settings: (good_threshold: 0.7, bad_threshold: 0.7)";

/// The pieces in `fragments/source` by the names of their MIDI files, as `good/name.mid`.
pub fn scores(fragments: &Path) -> Result<BTreeMap<String, Score>, Box<dyn Error>> {
    let mut scores = BTreeMap::new();
    for (folder, _) in FOLDERS {
        for path in files(&fragments.join("source").join(folder), "txt")? {
            let score =
                fs::read_to_string(&path).map_err(Box::<dyn Error>::from).and_then(|text| Ok(notation::parse(&text)?));
            let score = score.map_err(|error| format!("{}: {error}", path.display()))?;
            scores.insert(format!("{folder}/{}.mid", stem(&path)), score);
        }
    }
    Ok(scores)
}

/// Files to write with their bytes, and files to remove.
pub type Stale = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// What differs from the sources: the files to write with their bytes, and those that have no
/// source (without bytes).
pub fn stale(fragments: &Path) -> Result<Stale, Box<dyn Error>> {
    let scores = scores(fragments)?;
    let mut expected = BTreeMap::new();
    for (name, score) in &scores {
        let bytes = score.fragment().and_then(|fragment| smf::write(&fragment, &Heading::from(score)));
        expected.insert(fragments.join(name), bytes.map_err(|error| format!("{name}: {error}"))?);
    }
    let bank = fragments.join("bank.ron");
    let settings = fs::read_to_string(&bank).ok().and_then(|old| settings(&old).map(str::to_owned));
    let text = bank_text(&scores, settings.as_deref().unwrap_or(SETTINGS))?;
    expected.insert(bank, text.into_bytes());

    let mut stale = BTreeMap::new();
    for (folder, _) in FOLDERS {
        let strays = files(&fragments.join(folder), "mid")?;
        stale.extend(strays.into_iter().filter(|path| !expected.contains_key(path)).map(|path| (path, None)));
    }
    for (path, bytes) in expected {
        if fs::read(&path).ok().as_ref() != Some(&bytes) {
            stale.insert(path, Some(bytes));
        }
    }
    Ok(stale)
}

fn bank_text(scores: &BTreeMap<String, Score>, settings: &str) -> Result<String, Box<dyn Error>> {
    let mut text = format!("(\n    version: 1,\n    {settings},\n    exemplars: {{\n");
    let exemplars = |name: &String| FOLDERS.iter().any(|(folder, is)| *is && name.starts_with(folder));
    for (name, score) in scores.iter().filter(|(name, _)| exemplars(name)) {
        let source = [&score.composer, &score.source].map(|text| text.as_deref().unwrap_or_default());
        let source = source.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
        let quoted = |text: &str| ron::to_string(text);
        let licence = quoted(score.licence.as_deref().unwrap_or_default())?;
        writeln!(text, "        {}: (source: {}, licence: {licence}),", quoted(name)?, quoted(&source)?)?;
    }
    text.push_str("    },\n)\n");
    Ok(text)
}

/// The text `settings: (...)` of a `bank.ron`, as it stands there.
fn settings(bank: &str) -> Option<&str> {
    let text = &bank[bank.find("settings:")?..];
    let mut depth = 0_usize;
    for (index, sign) in text.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(&text[..=index]),
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|found| found == extension)).collect())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let check = std::env::args().skip(1).any(|argument| argument == "--check");
    let stale = stale(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fragments"))?;
    let mut left = 0;
    for (path, bytes) in &stale {
        match bytes {
            Some(bytes) if !check => fs::write(path, bytes)?,
            _ => left += 1,
        }
        let what = match (bytes, check) {
            (None, _) => "has no source; remove it",
            (_, true) => "is not what its source says; run `cargo run --example engrave`",
            (_, false) => "written",
        };
        println!("{}: {what}", path.display());
    }
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
