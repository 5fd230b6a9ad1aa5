//! The paths of a command line, with folders opened up.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::error::{Error, Result};

/// The extensions of music files, in small letters; capitals are taken too.
pub const MUSIC_EXTENSIONS: [&str; 15] =
    ["mid", "midi", "smf", "kar", "rmi", "wav", "wave", "flac", "mp3", "ogg", "oga", "aif", "aiff", "m4a", "mp4"];

/// Those of them that promise MIDI.
const MIDI_EXTENSIONS: [&str; 5] = ["mid", "midi", "smf", "kar", "rmi"];

/// Whether the name of a file promises MIDI.
pub(super) fn is_named_midi(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|found| MIDI_EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

/// Something to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input, written `-`.
    StandardInput,
}

/// The inputs that paths stand for, in the order of the paths.
///
/// A file is taken as it is, whatever its name; `-` is standard input; a folder stands for the
/// files with [`MUSIC_EXTENSIONS`] in it and in its sub-folders, in order of name. What is hidden
/// in a folder (its name begins with a dot) is left out; links are followed, but not in circles.
///
/// # Errors
/// In place of the inputs that they concern: [`Error::Io`] when a folder cannot be listed or has no
/// music in it. Whether a file can be read is found out by reading it.
pub fn expand<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Vec<Result<Input>> {
    let mut inputs = Vec::new();
    for path in paths {
        let path = path.as_ref();
        if path == Path::new("-") {
            inputs.push(Ok(Input::StandardInput));
        } else if path.is_dir() {
            expand_folder(path, &mut inputs);
        } else {
            inputs.push(Ok(Input::File(path.to_owned())));
        }
    }
    inputs
}

fn expand_folder(folder: &Path, inputs: &mut Vec<Result<Input>>) {
    let before = inputs.len();
    let walk = WalkDir::new(folder).follow_links(true).sort_by(|a, b| a.file_name().cmp(b.file_name()));
    for entry in walk.into_iter().filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry)) {
        match entry {
            Ok(entry) if !entry.file_type().is_dir() && is_music(entry.path()) => {
                inputs.push(Ok(Input::File(entry.into_path())));
            }
            Ok(_) => {}
            // A circle has been walked once already.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                let reason = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
                // A link to nowhere is an input only if its name is one of music.
                if reason.kind() != io::ErrorKind::NotFound || is_music(&path) {
                    inputs.push(Err(Error::io("read", path)(reason)));
                }
            }
        }
    }
    if inputs.len() == before {
        let reason =
            format!("no music in this folder (files named {})", MUSIC_EXTENSIONS.map(|e| format!(".{e}")).join(", "));
        inputs.push(Err(Error::io("read", folder)(io::Error::new(io::ErrorKind::NotFound, reason))));
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_music(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|found| MUSIC_EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(inputs: &[Result<Input>], root: &Path) -> Vec<String> {
        let name = |input: &Result<Input>| match input {
            Ok(Input::File(path)) => path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned(),
            Ok(Input::StandardInput) => "-".into(),
            Err(error) => format!("! {error}"),
        };
        inputs.iter().map(name).collect()
    }

    #[test]
    fn files_folders_and_standard_input() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("b/c")).unwrap();
        fs::create_dir_all(root.join(".hidden")).unwrap();
        for name in ["b/c/2.MIDI", "b/1.kar", "a.mid", "B.rmi", "notes.txt", "._a.mid", ".hidden/x.mid"] {
            fs::write(root.join(name), "").unwrap();
        }
        let inputs = expand([Path::new("-"), root, Path::new("song.any")]);
        assert_eq!(names(&inputs, root), ["-", "B.rmi", "a.mid", "b/1.kar", "b/c/2.MIDI", "song.any"]);
    }

    #[test]
    fn a_folder_without_music_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("notes.txt"), "").unwrap();
        let inputs = expand([root.path()]);
        assert_eq!(inputs.len(), 1);
        assert!(inputs[0].as_ref().unwrap_err().to_string().contains("no music in this folder"));
    }

    #[cfg(unix)]
    #[test]
    fn circles_broken_links_and_odd_names() {
        use std::os::unix::{ffi::OsStrExt, fs::symlink};
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir(root.join("sub")).unwrap();
        symlink(root, root.join("sub/up")).unwrap();
        symlink("nowhere", root.join("broken.mid")).unwrap();
        symlink("nowhere", root.join("broken.txt")).unwrap();
        let odd = OsStr::from_bytes(b"caf\xE9.mid");
        fs::write(root.join(odd), "").unwrap();
        let inputs = expand([root]);
        assert_eq!(inputs.len(), 2);
        assert!(inputs[0].as_ref().unwrap_err().to_string().contains("broken.mid: cannot read"));
        assert_eq!(inputs[1].as_ref().unwrap(), &Input::File(root.join(odd)));
    }
}
