//! What was read of the files of a bank, so that they need not be read again.
//!
//! The cache holds the notes of whole files: what `bank.ron` says is applied when a bank is opened.
//! It is only ever replaced as a whole, so it can be read without a lock. Whatever goes wrong with
//! it, the files are read.

mod records;

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

pub use records::{Record, Stamp, read, record};

use super::disk;
use crate::input::ReadOptions;

/// The folder in a bank that what is derived from it is kept in. Hidden, so that it is no music.
const FOLDER: &str = ".judge";

/// A larger cache is neither written nor read.
const LARGEST: u64 = 1 << 30;

fn name() -> String {
    format!("exemplars-{}.cache", records::FORM)
}

/// The bytes of the cache of a bank; none without a cache.
pub fn load(root: &Path) -> Vec<u8> {
    let path = root.join(FOLDER).join(name());
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
    let bytes = records::write(records, options);
    let folder = root.join(FOLDER);
    match replace(&folder, &bytes) {
        Ok(()) => log::debug!("{}: {} exemplars written", folder.display(), records.len()),
        Err(error) => log::debug!("{}: not written: {error}", folder.display()),
    }
}

fn replace(folder: &Path, bytes: &[u8]) -> io::Result<()> {
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
    let unfinished = folder.join(format!("{}.new", name()));
    let written = disk::write_new(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, folder.join(name())));
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
