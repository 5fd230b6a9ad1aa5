//! What was read of the files of a bank, so that they need not be read again, and what was found out about its exemplars.
//!
//! One file holds the notes of whole files: what `bank.ron` says is applied when a bank is opened. Another holds what
//! unrelated tunes reach with exemplars. Both are only ever replaced as a whole, so they can be read without a lock.
//! Whatever goes wrong with them, the files are read, and levels found out.

mod levels;
mod records;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
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

fn name_of_levels() -> String {
    format!("levels-{}.cache", levels::FORM)
}

/// The bytes of the cache of a bank; none without a cache.
pub fn load(root: &Path) -> Vec<u8> {
    bytes_of(root, &name())
}

/// What is known of levels, by fingerprint, as they are found out under a key.
pub fn load_levels(root: &Path, key: u64) -> HashMap<u64, Level> {
    levels::read(&bytes_of(root, &name_of_levels()), key).unwrap_or_default()
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
    store_bytes(root, &name(), &records::write(records, options));
}

/// Writes what is known of levels anew.
pub fn store_levels(root: &Path, levels: &BTreeMap<u64, Level>, key: u64) {
    store_bytes(root, &name_of_levels(), &levels::write(levels, key));
}

fn store_bytes(root: &Path, name: &str, bytes: &[u8]) {
    let folder = root.join(FOLDER);
    match replace(&folder, name, bytes) {
        Ok(()) => log::debug!("{}: {name} written", folder.display()),
        Err(error) => log::debug!("{}: {name} not written: {error}", folder.display()),
    }
}

fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("too large"));
    }
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
    // For those who keep their bank under version control.
    create_new(&folder.join(".gitignore"), b"*\n")?;
    // The name is fixed, so that what a crash left is replaced; whoever has the lock may do so.
    let unfinished = folder.join(format!("{name}.new"));
    let written = disk::write_new(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, folder.join(name)));
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
