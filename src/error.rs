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
/// | [`Network`](Error::Network) | give another network, or ask it in another way |
/// | [`OverLimit`](Error::OverLimit) | raise the limit, if the file can be trusted |
/// | [`Bank`](Error::Bank) | repair the bank |
/// | [`Training`](Error::Training) | add exemplars to the bank |
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
    /// A network cannot be used.
    #[error("{origin}: {problem}")]
    Network {
        /// Where the network came from, or what it was asked about.
        origin: Origin,
        /// What is wrong and what to do.
        problem: NetworkProblem,
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
    /// A network cannot be trained on a bank.
    #[error("{0}")]
    Training(String),
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

/// Why a network cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkProblem {
    /// The file is something else, or a part of one.
    #[error("it is no ONNX network, or not all of one; give a file that was exported as ONNX")]
    NotOnnx,
    /// The file is larger than any network that is meant here.
    #[error("it is larger than {mebibytes} MiB; give a smaller network")]
    TooLarge {
        /// The limit.
        mebibytes: u64,
    },
    /// It has an operator that cannot be run here.
    #[error("its operator {operator} cannot be run here; export it without {operator}")]
    Operator {
        /// The operator's name in ONNX.
        operator: String,
    },
    /// It is ONNX, but cannot be made ready.
    #[error("it cannot be read as an ONNX network ({reason}); export it anew")]
    Unreadable {
        /// The reason of the library.
        reason: String,
    },
    /// Its inputs or outputs are of other shapes or types than are needed.
    #[error("{what}")]
    Shape {
        /// What it has, and what is needed.
        what: String,
    },
    /// It is a network of ours for another version of this program.
    #[error(
        "its recipe is of version {found}, and this program knows version {known}; train it anew with this program"
    )]
    RecipeVersion {
        /// The recipe's version.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// It is a network of ours whose recipe cannot be read.
    #[error("its recipe cannot be read ({reason}); train it anew")]
    Recipe {
        /// What is wrong with it.
        reason: String,
    },
    /// It answers with what is not a number.
    #[error("the network answers {answer}, which is no number to judge by; train or export it anew")]
    NotFinite {
        /// What it answers.
        answer: String,
    },
    /// It cannot be run on a picture.
    #[error("the network cannot be run ({reason}); export it anew")]
    Run {
        /// The reason of the library.
        reason: String,
    },
    /// It looks at pictures of sound, and there is none.
    #[error(
        "the network looks at pictures of sound ({picture}), and this is no recording; --cnn-picture roll has its notes drawn"
    )]
    NoSound {
        /// The picture that is drawn.
        picture: &'static str,
    },
    /// This build has no networks.
    #[error("networks are not built in; rebuild with `cargo install judge --features onnx`")]
    NotBuiltIn,
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
            | Self::Network { origin, .. }
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
