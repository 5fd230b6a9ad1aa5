//! Reading a bank from a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Bank, BankFile, Details, Exemplar, Label, Root};
use crate::error::{Error, Origin, Result};
use crate::input::{self, Input, ReadOptions};
use crate::note::{Fragment, Note};

/// A `bank.ron` larger than this is not read.
const LARGEST_BANK_FILE: u64 = 256 << 20;

/// Reads the bank in a folder.
pub(super) fn open(root: &Path) -> Result<Bank> {
    let metadata = fs::metadata(root).map_err(Error::io("open the bank", root))?;
    let no_bank = |problem: &str| Error::Bank { path: root.to_owned(), problem: problem.to_owned() };
    if !metadata.is_dir() {
        return Err(no_bank("a bank is a folder with folders good and bad in it, and this is a file"));
    }
    if !Bank::is_bank(root) {
        return Err(no_bank("no bank: there is no folder good or bad in it"));
    }
    let real_root = fs::canonicalize(root).map_err(Error::io("open the bank", root))?;
    let file = read_bank_file(&root.join("bank.ron"))?;
    let mut problems = Vec::new();
    let mut paths = Vec::new();
    for label in [Label::Good, Label::Bad] {
        let folder = root.join(label.folder());
        if !folder.is_dir() {
            continue;
        }
        for found in input::expand([&folder]) {
            match found {
                Ok(Input::File(path)) => paths.push(path),
                Ok(Input::StandardInput) => {}
                // A folder without music is an empty side, which is told of the bank as a whole.
                Err(Error::Io { path, .. }) if path == folder => {}
                Err(error) => problems.push(error),
            }
        }
    }
    let read: Vec<_> = paths.par_iter().map(|path| read_exemplar(root, &real_root, path, &file)).collect();
    let mut exemplars = Vec::with_capacity(read.len());
    for exemplar in read {
        match exemplar {
            Ok(exemplar) => exemplars.push(exemplar),
            Err(error) => problems.push(error),
        }
    }
    for name in file.exemplars.keys().filter(|name| !root.join(name).is_file()) {
        let problem = format!("{name} is described in bank.ron but is not there");
        problems.push(Error::Bank { path: root.to_owned(), problem });
    }
    Bank::new(Root::Folder(root.to_owned()), file.settings, exemplars, problems)
}

fn read_bank_file(path: &Path) -> Result<BankFile> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BankFile::default()),
        Ok(metadata) if metadata.len() > LARGEST_BANK_FILE => {
            return Err(Error::OverLimit {
                origin: Origin::from(path),
                what: "bytes",
                found: metadata.len(),
                limit: LARGEST_BANK_FILE,
                option: "nothing",
            });
        }
        _ => {}
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Bank { path: path.to_owned(), problem: "it is not UTF-8 text".into() })?;
    BankFile::parse(&text, path)
}

fn read_exemplar(root: &Path, real_root: &Path, path: &Path, file: &BankFile) -> Result<Exemplar> {
    let real = fs::canonicalize(path).map_err(Error::io("read", path))?;
    if !real.starts_with(real_root) {
        let problem = format!("it is a link to {}, which is outside the bank; copy the file instead", real.display());
        return Err(Error::Bank { path: path.to_owned(), problem });
    }
    let name = name_of(root, path);
    let piece = input::read_file(path, &options(file))?;
    finish(name, piece, file)
}

/// An exemplar from the bytes of its file.
pub(super) fn exemplar(name: &str, bytes: &[u8], file: &BankFile) -> Result<Exemplar> {
    let piece = input::read_bytes(bytes, Origin::File(PathBuf::from(name)), &options(file))?;
    finish(name.to_owned(), piece, file)
}

fn options(file: &BankFile) -> ReadOptions {
    ReadOptions { drums: file.settings.drums, ..ReadOptions::default() }
}

fn finish(name: String, piece: input::Piece, file: &BankFile) -> Result<Exemplar> {
    let origin = piece.origin.clone();
    let details = file.exemplars.get(&name).cloned().unwrap_or_default();
    let Details { weight, span, source, licence } = details;
    let mut fragment = piece.into_fragment()?;
    if let Some(span) = span {
        fragment = cut(&fragment, span).map_err(|error| error.from_origin(origin))?;
    }
    let label = if name.starts_with(Label::Good.folder()) { Label::Good } else { Label::Bad };
    Ok(Exemplar { name, label, fragment, weight, source, licence })
}

/// The notes that begin within a span in quarters from the beginning of the file, cut off at its end.
fn cut(fragment: &Fragment, (from, to): (f64, f64)) -> Result<Fragment> {
    let per_quarter = f64::from(fragment.ticks_per_quarter());
    let (from, to) = ((from * per_quarter).round() as u64, (to * per_quarter).round() as u64);
    let notes = fragment.notes().iter().filter_map(|note| {
        let onset = note.onset + fragment.lead();
        (onset >= from && onset < to).then(|| Note { onset, duration: note.duration.min(to - onset), ..*note })
    });
    Fragment::new(notes.collect(), fragment.ticks_per_quarter())
}

/// The path in the bank, with `/` between folders; what is not Unicode is replaced.
fn name_of(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
