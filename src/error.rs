//! Everything that can go wrong, grouped by what the caller can do about it.
//!
//! Each message is one line that names the file, says what is wrong and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
///
/// | variant | what the caller can do |
/// |---|---|
/// | [`Io`](Error::Io) | check the path, the permissions, the disk |
/// | [`Malformed`](Error::Malformed) | give another file: this one cannot be read as music |
/// | [`Silent`](Error::Silent) | give a file with notes, or ask for its drums too |
/// | [`Unheard`](Error::Unheard) | give a recording of something with pitches |
/// | [`OverLimit`](Error::OverLimit) | raise the limit, if the file can be trusted |
/// | [`Bank`](Error::Bank) | repair the bank |
/// | [`Option`](Error::Option) | give the option a value that it takes |
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted: "read", "write", "list" …
        action: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The bytes are not music in a form that is understood.
    #[error("{origin}: {problem}")]
    Malformed {
        /// Where the bytes came from.
        origin: Origin,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The input was read, but nothing in it can be drawn.
    #[error("{origin}: no notes to judge{}", drum_hint(*.drum_notes))]
    Silent {
        /// Where the bytes came from.
        origin: Origin,
        /// Notes on the drum channel, which are left out unless asked for.
        drum_notes: usize,
    },
    /// A recording was decoded, but no note is heard in it.
    #[error("{origin}: no note is heard in it; give a recording of something sung or played, louder if need be")]
    Unheard {
        /// Where the bytes came from.
        origin: Origin,
    },
    /// A number in the input is beyond a limit that protects memory and time.
    #[error("{origin}: {found} {what} are more than the limit of {limit}; {option} raises it")]
    OverLimit {
        /// Where the bytes came from.
        origin: Origin,
        /// What is limited, in the plural: "notes", "quarters" …
        what: &'static str,
        /// What the input has or asks for.
        found: u64,
        /// The limit in force.
        limit: u64,
        /// The option of the program that raises it.
        option: &'static str,
    },
    /// A bank cannot be used as it is.
    #[error("{}: {problem}", path.display())]
    Bank {
        /// The bank's folder, or the file in it that is wrong.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A value is not one that an option or a setting takes.
    #[error("{name}: {value:?} is not {expected}")]
    Option {
        /// The option or setting.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What it takes, as in "a ratio such as 2/3".
        expected: &'static str,
    },
}

fn drum_hint(drum_notes: usize) -> String {
    match drum_notes {
        0 => "; give a file with at least one note".into(),
        1 => " but 1 on the drum channel; --drums includes it".into(),
        n => format!(" but {n} on the drum channel; --drums includes them"),
    }
}

impl Error {
    /// An [`Error::Io`] for `path`, to be used with `map_err`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, action, source }
    }

    /// The same error told of another origin: what was parsed from bytes is told of its file.
    #[must_use]
    pub fn from_origin(mut self, new: impl Into<Origin>) -> Self {
        match &mut self {
            Self::Malformed { origin, .. }
            | Self::Silent { origin, .. }
            | Self::Unheard { origin }
            | Self::OverLimit { origin, .. } => {
                *origin = new.into();
            }
            _ => {}
        }
        self
    }
}

/// Where bytes came from: a file, standard input, or memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Standard input, written `-`.
    StandardInput,
    /// Bytes or notes handed over by the caller.
    Memory,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::StandardInput => f.write_str("standard input"),
            Self::Memory => f.write_str("notes in memory"),
        }
    }
}

impl From<&Path> for Origin {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for Origin {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
