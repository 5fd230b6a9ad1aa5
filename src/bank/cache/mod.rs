//! What was read of the files of a bank, so that they need not be read again, and what was found out about its exemplars.
//!
//! One file holds the notes of whole files: what `bank.ron` says is applied when a bank is opened. Another holds what
//! unrelated tunes reach with exemplars. Both are only ever replaced as a whole, so they can be read without a lock.
//! Whatever goes wrong with them, the files are read, and levels found out.

mod levels;
mod records;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

pub use levels::fingerprint;
pub use records::{Record, Stamp, read, record};

use super::disk;
use crate::input::ReadOptions;
use crate::similarity::Level;

/// The folder in a bank that what is derived from it is kept in. Hidden, so that it is no music.
const FOLDER: &str = ".judge";

/// A larger cache is neither written nor read.
const LARGEST: u64 = 1 << 30;

fn name() -> String {
    format!("exemplars-{}.cache", records::FORM)
}

/// Levels that are found out in other ways have files of their own, so that one does not take the place of the other.
fn name_of_levels(key: u64) -> String {
    format!("{}{key:016x}.cache", prefix_of_levels())
}

fn prefix_of_levels() -> String {
    format!("levels-{}-", levels::FORM)
}

/// No more files of levels than this are kept: those that were written last.
const FILES_OF_LEVELS: usize = 8;

/// Levels are written anew when so many parts of what is known were found out.
const PARTS_FOUND: u64 = 50;

/// The bytes of the cache of a bank; none without a cache.
pub fn load(root: &Path) -> Vec<u8> {
    bytes_of(root, &name())
}

/// What is known of levels, by fingerprint, as they are found out under a key.
pub fn load_levels(root: &Path, key: u64) -> HashMap<u64, Level> {
    levels::read(&bytes_of(root, &name_of_levels(key)), key).unwrap_or_default()
}

fn bytes_of(root: &Path, name: &str) -> Vec<u8> {
    let path = root.join(FOLDER).join(name);
    let load = || {
        // Asked before opening: opening a pipe would wait for its writer.
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::other("no regular file"));
        }
        let mut bytes = Vec::new();
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        if length > LARGEST {
            return Err(io::Error::other("too large"));
        }
        bytes.reserve_exact(length as usize + 1);
        file.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    load().unwrap_or_else(|error| {
        log::debug!("{}: not used: {error}", path.display());
        Vec::new()
    })
}

/// Writes the cache of a bank anew. Without success nothing is lost but time.
pub fn store(root: &Path, records: &[Cow<'_, [u8]>], options: &ReadOptions) {
    store_bytes(root, &name(), || records::write(records, options));
}

/// Adds levels to those that are kept, and drops those of no exemplar of the bank, unless only few of them are new.
pub fn store_levels(
    root: &Path,
    key: u64,
    new: usize,
    levels: impl Iterator<Item = (u64, Level)>,
    exemplars: impl FnOnce() -> HashSet<u64>,
) {
    let name = name_of_levels(key);
    let before = fs::symlink_metadata(root.join(FOLDER).join(&name)).map_or(0, |file| levels::count(file.len()));
    if (new as u64).saturating_mul(PARTS_FOUND) < before.max(1) {
        return;
    }
    store_bytes(root, &name, || {
        // Another program may have found out others.
        let mut all = load_levels(root, key);
        all.extend(levels);
        let exemplars = exemplars();
        let all: BTreeMap<_, _> = all.into_iter().filter(|(of, _)| exemplars.contains(of)).collect();
        levels::write(&all, key)
    });
    drop_old_levels(&root.join(FOLDER));
}

/// Removes the oldest files of levels, of settings that are no longer in use for all we know.
fn drop_old_levels(folder: &Path) {
    let prefix = prefix_of_levels();
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = files
        .filter(|file| file.file_name().to_str().is_some_and(|it| it.starts_with(&prefix) && it.ends_with(".cache")))
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
        .collect();
    files.sort();
    files.reverse();
    for (_, path) in files.into_iter().skip(FILES_OF_LEVELS) {
        let _ = fs::remove_file(path);
    }
}

/// Replaces a file by bytes that are made while nobody else replaces one.
fn store_bytes(root: &Path, name: &str, bytes: impl FnOnce() -> Vec<u8>) {
    let folder = root.join(FOLDER);
    match replace(&folder, name, bytes) {
        Ok(()) => log::debug!("{}: {name} written", folder.display()),
        Err(error) => log::debug!("{}: {name} not written: {error}", folder.display()),
    }
}

fn replace(folder: &Path, name: &str, bytes: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // A bank may come from anyone: nothing is written through links.
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Err(io::Error::other("no folder"));
    }
    let lock = folder.join("lock");
    create_new(&lock, b"")?;
    if !fs::symlink_metadata(&lock)?.is_file() {
        return Err(io::Error::other("the lock is no regular file"));
    }
    let lock = OpenOptions::new().write(true).open(lock)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(io::Error::other("another program is writing it")),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let bytes = bytes();
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("too large"));
    }
    // For those who keep their bank under version control.
    create_new(&folder.join(".gitignore"), b"*\n")?;
    // The name is fixed, so that what a crash left is replaced; whoever has the lock may do so.
    let unfinished = folder.join(format!("{name}.new"));
    let written = disk::write_new(&unfinished, &bytes).and_then(|()| fs::rename(&unfinished, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    disk::sync(folder);
    Ok(())
}

/// Writes a file unless there is something of its name.
fn create_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(bytes),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
