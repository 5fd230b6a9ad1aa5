//! What is known of the levels of a bank's exemplars.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::cache;
use crate::note::Fragment;
use crate::similarity::{KnownLevels, Level};

/// The levels that the cache of a bank has, read when the first one is asked for.
#[derive(Debug)]
pub(super) struct Levels {
    root: PathBuf,
    key: u64,
    known: OnceLock<HashMap<u64, Level>>,
}

impl Levels {
    /// Of the bank in a folder, as they are found out under a key.
    pub(super) fn new(root: PathBuf, key: u64) -> Self {
        Self { root, key, known: OnceLock::new() }
    }
}

impl KnownLevels for Levels {
    fn level(&self, exemplar: &Fragment) -> Option<Level> {
        let known = self.known.get_or_init(|| cache::load_levels(&self.root, self.key));
        if known.is_empty() { None } else { known.get(&cache::fingerprint(exemplar)).copied() }
    }
}
