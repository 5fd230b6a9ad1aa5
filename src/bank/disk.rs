//! Files that last.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file that lasts; what a crash left of it is replaced, and nothing is left where it fails.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let write = || {
        let mut file = File::options().write(true).create_new(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(path)))
}

/// Makes renames in a folder last. Not all systems can do this; then they are merely not sure to last.
pub(super) fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}
