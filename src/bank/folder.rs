//! Reading a bank from a folder.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::time::SystemTime;

use rayon::prelude::*;

use super::cache::{self, Record, Stamp};
use super::{Bank, BankFile, Details, Editor, Exemplar, Label, Root};
use crate::error::{Error, Origin, Result};
use crate::input::{self, Input, ReadOptions};
use crate::note::Fragment;

/// A `bank.ron` larger than this is not read.
const LARGEST_BANK_FILE: u64 = 256 << 20;

/// A bank of fewer files is read in a few milliseconds and needs no cache.
const FEWEST_CACHED: usize = 256;

/// Reads the bank in a folder, with the help of its cache or without.
pub(super) fn open(root: &Path, caching: bool, reading: &ReadOptions) -> Result<Bank> {
    // Before any file is looked at: what is changed from now on is not taken for what is read.
    let now = SystemTime::now();
    let metadata = fs::metadata(root).map_err(Error::io("open the bank", root))?;
    let no_bank = |problem: &str| Error::Bank { path: root.to_owned(), problem: problem.to_owned() };
    if !metadata.is_dir() {
        return Err(no_bank("a bank is a folder with folders good and bad in it, and this is a file"));
    }
    if !Bank::is_bank(root) {
        return Err(no_bank("no bank: there is no folder good or bad in it"));
    }
    let unsettled = Editor::settle(root).err();
    let real_root = fs::canonicalize(root).map_err(Error::io("open the bank", root))?;
    let file = match bank_text(root)? {
        Some(text) => BankFile::parse(&text, &root.join("bank.ron"))?,
        None => BankFile::default(),
    };
    let (paths, mut problems) = files(root);
    problems.extend(unsettled);
    let caching = caching && paths.len() >= FEWEST_CACHED;
    let cached = if caching { cache::load(root) } else { Vec::new() };
    let options = options(&file, reading);
    let records = cache::read(&cached, &options).unwrap_or_default();
    let inside = folders_inside(&real_root, &paths);
    let reader = Reader { root, file: &file, inside, real_root, records, now, options: &options };
    let read: Vec<_> = paths.par_iter().map(|path| reader.read(path)).collect();
    let mut exemplars = Vec::with_capacity(read.len());
    let mut records = Vec::new();
    for (exemplar, record) in read {
        match exemplar {
            Ok(exemplar) => exemplars.push(exemplar),
            Err(error) => problems.push(error),
        }
        records.extend(record.filter(|_| caching));
    }
    let kept = records.iter().filter(|record| matches!(record, Cow::Borrowed(_))).count();
    if kept < records.len() || kept < reader.records.len() {
        cache::store(root, &records, &options);
    }
    drop(records);
    let absent: Vec<_> = file.exemplars.par_iter().filter(|(name, _)| !root.join(name).is_file()).collect();
    for (name, _) in absent {
        let problem = format!("{name} is described in bank.ron but is not there");
        problems.push(Error::Bank { path: root.to_owned(), problem });
    }
    let bank = Bank::new(Root::Folder(root.to_owned()), file.settings, exemplars, problems)?;
    Ok(Bank { distinct: file.distinct, calibration: file.calibration, caching, ..bank })
}

/// The music files of a bank, and what could not be listed.
pub(super) fn files(root: &Path) -> (Vec<PathBuf>, Vec<Error>) {
    let (mut paths, mut problems) = (Vec::new(), Vec::new());
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
    (paths, problems)
}

/// The text of a bank's `bank.ron`, if it has one.
pub(super) fn bank_text(root: &Path) -> Result<Option<String>> {
    let path = &root.join("bank.ron");
    let wrong = |problem: &str| Error::Bank { path: path.to_owned(), problem: problem.to_owned() };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
        // Asked before opening: a pipe would be waited for, a device read for ever.
        Ok(metadata) if !metadata.is_file() => {
            return Err(wrong("it is not a regular file; make it one, or remove it"));
        }
        Ok(metadata) if metadata.len() > LARGEST_BANK_FILE => {
            return Err(wrong("it is larger than 256 MiB; divide the bank"));
        }
        Ok(_) => {}
    }
    let real_root = fs::canonicalize(root).map_err(Error::io("open the bank", root))?;
    if !fs::canonicalize(path).map_err(Error::io("read", path))?.starts_with(real_root) {
        return Err(wrong("it is a link that leaves the bank; copy the file instead"));
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text"))?;
    // Some editors begin a file with a mark of its encoding.
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// The name of a file in the bank. What is not Unicode is replaced.
pub(super) fn name_of(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace(MAIN_SEPARATOR, "/")
}

/// The folders of files that are in the bank indeed, and not reached by a link that leaves it.
fn folders_inside<'a>(real_root: &Path, paths: &'a [PathBuf]) -> HashSet<&'a OsStr> {
    let mut folders: HashSet<_> = paths.iter().filter_map(|path| path.parent()).map(Path::as_os_str).collect();
    folders.retain(|folder| fs::canonicalize(folder).is_ok_and(|real| real.starts_with(real_root)));
    folders
}

/// Reads the files of a bank.
struct Reader<'a> {
    root: &'a Path,
    real_root: PathBuf,
    inside: HashSet<&'a OsStr>,
    file: &'a BankFile,
    records: HashMap<&'a [u8], Record<'a>>,
    now: SystemTime,
    options: &'a ReadOptions,
}

impl<'a> Reader<'a> {
    /// An exemplar, and its record if it may be cached: borrowed if it is cached already.
    fn read(&self, path: &Path) -> (Result<Exemplar>, Option<Cow<'a, [u8]>>) {
        let stamp = match self.stamp(path) {
            Ok(stamp) => stamp,
            Err(error) => return (Err(error), None),
        };
        let name = name_of(self.root, path);
        let key = path.strip_prefix(self.root).unwrap_or(path).as_os_str().as_encoded_bytes();
        let options = self.options;
        let record = self.records.get(key).filter(|record| Some(record.stamp) == stamp);
        if let Some(record) = record
            && let Some(whole) = record.fragment(&options.limits)
        {
            return (finish(name, whole, path.into(), self.file), Some(Cow::Borrowed(record.bytes)));
        }
        let whole = match input::read_file(path, options).and_then(input::Piece::into_fragment) {
            // A copy has no spare room, of which many exemplars would have much.
            Ok(whole) => whole.clone(),
            Err(error) => return (Err(error), None),
        };
        let record =
            stamp.filter(|stamp| stamp.settled(self.now)).map(|stamp| cache::record(key, stamp, &whole).into());
        (finish(name, whole, path.into(), self.file), record)
    }

    /// What a file is like now, or that it is not in the bank.
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>> {
        let metadata = fs::symlink_metadata(path).map_err(Error::io("read", path))?;
        if !metadata.is_symlink() && path.parent().is_some_and(|folder| self.inside.contains(folder.as_os_str())) {
            return Ok(Stamp::of(&metadata));
        }
        let real = fs::canonicalize(path).map_err(Error::io("read", path))?;
        if !real.starts_with(&self.real_root) {
            let problem =
                format!("it is a link to {}, which is outside the bank; copy the file instead", real.display());
            return Err(Error::Bank { path: path.to_owned(), problem });
        }
        Ok(Stamp::of(&fs::metadata(path).map_err(Error::io("read", path))?))
    }
}

/// An exemplar from the bytes of its file.
pub(super) fn exemplar(name: &str, bytes: &[u8], file: &BankFile) -> Result<Exemplar> {
    let piece = input::read_bytes(bytes, Origin::File(PathBuf::from(name)), &options(file, &ReadOptions::default()))?;
    let origin = piece.origin.clone();
    finish(name.to_owned(), piece.into_fragment()?, origin, file)
}

/// How the files of a bank are read: its own settings come first, and a tempo is that of a fragment.
fn options(file: &BankFile, reading: &ReadOptions) -> ReadOptions {
    ReadOptions { drums: file.settings.drums, tempo: None, keep_sound: false, ..reading.clone() }
}

/// An exemplar from the notes of the whole file.
fn finish(name: String, mut fragment: Fragment, origin: Origin, file: &BankFile) -> Result<Exemplar> {
    let details = file.exemplars.get(&name).cloned().unwrap_or_default();
    let Details { weight, span, source, licence } = details;
    if let Some(span) = span {
        fragment = fragment.cut(span).map_err(|error| error.from_origin(origin))?;
    }
    let label = if name.starts_with(Label::Good.folder()) { Label::Good } else { Label::Bad };
    Ok(Exemplar { name, label, fragment, weight, span, source, licence })
}
