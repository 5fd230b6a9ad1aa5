//! Banks of exemplars: a folder with `good/` and `bad/` in it, or the starter bank.
//!
//! ```text
//! my-bank/
//!   good/            MIDI files and recordings that fragments should resemble; sub-folders as you like
//!   bad/             MIDI files and recordings that they must not resemble
//!   bank.ron         optional: settings, and what is known of single exemplars
//! ```
//!
//! Dropping a file into `good/` is enough to add it.
//!
//! # Cache
//! What was read of the files of a large bank (256 and more) is kept in the folder `.judge` in it, so
//! that 100,000 of them open in about a second; so is what [`Judge::remember`](crate::Judge::remember) found out. That folder holds nothing else and may be deleted at
//! any time. A file is read again when its size or one of its times has changed, and all are when
//! the cache is missing, damaged, or of another version of this crate; what `bank.ron` says is never
//! cached. Where the bank cannot be written to, it is just read.

mod cache;
mod disk;
mod edit;
mod folder;
mod levels;
mod network;
mod settings;
mod starter;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use edit::{Added, Addition, Change, Editor};
pub use network::{Answers, MOST_PIXELS, NetworkOptions, NetworkSettings, Picture, PixelValues};
pub use settings::{BankFile, Calibration, Details, Settings, VERSION};

use crate::correlate::Planner;
use crate::error::{Error, Result};
use crate::input::ReadOptions;
use crate::note::Fragment;
use crate::similarity::{Comparer, KnownLevels, Level};
use crate::verdict::Thresholds;

/// Whether fragments should resemble an exemplar or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// They should.
    Good,
    /// They must not.
    Bad,
}

impl Label {
    /// The name of the folder that holds exemplars of this label.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// A fragment with a label.
#[derive(Debug, Clone)]
pub struct Exemplar {
    /// Its path in the bank, with `/` between folders: `good/name.mid`.
    pub name: String,
    /// Good or bad.
    pub label: Label,
    /// The music.
    pub fragment: Fragment,
    /// Its similarities are multiplied by this, 0 to 1.
    pub weight: f64,
    /// The part of its file that it is, from and to in quarters from the beginning of the file; none for all of it.
    pub span: Option<(f64, f64)>,
    /// Where the music comes from.
    pub source: String,
    /// Under which licence it may be used.
    pub licence: String,
}

/// Where a bank comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A folder.
    Folder(PathBuf),
    /// The bank that is built in.
    Starter,
    /// Fragments handed over by the caller.
    Memory,
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Starter => f.write_str("the starter bank (built in)"),
            Self::Memory => f.write_str("a bank in memory"),
        }
    }
}

/// Labelled exemplars and how to judge by them.
#[derive(Debug)]
pub struct Bank {
    root: Root,
    settings: Settings,
    thresholds: Thresholds,
    exemplars: Vec<Exemplar>,
    problems: Vec<Error>,
    distinct: Vec<(String, String)>,
    calibration: Option<Calibration>,
    /// Whether what is derived from it is kept in its folder.
    caching: bool,
}

impl Bank {
    /// Reads the bank in a folder. Exemplars that cannot be read are left out and told by
    /// [`problems`](Self::problems).
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be listed; [`Error::Bank`] when it is no bank, or its
    /// `bank.ron` cannot be read (with line and column).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        folder::open(path.as_ref(), true, &ReadOptions::default())
    }

    /// Reads the bank in a folder; what is said of limits and of the transcriber of recordings holds for its files too.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        folder::open(path.as_ref(), true, options)
    }

    /// Reads the bank in a folder from its files alone: its [cache](self#cache) is neither read nor
    /// written. Gives the same as [`open`](Self::open), later.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_without_cache(path: impl AsRef<Path>) -> Result<Self> {
        folder::open(path.as_ref(), false, &ReadOptions::default())
    }

    /// The starter bank: phrases of public-domain music, and faults that a composer would veto.
    pub fn starter() -> Self {
        starter::bank()
    }

    /// A bank of fragments in memory, with the default settings. The names begin with `good/` or
    /// `bad/`, which labels them.
    ///
    /// ```
    /// use judge::{Bank, Fragment, Label};
    /// let third = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)])?;
    /// let bank = Bank::from_fragments([("good/third".to_owned(), third)])?;
    /// assert_eq!(bank.count(Label::Good), 1);
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Bank`] for a name without a label.
    pub fn from_fragments(exemplars: impl IntoIterator<Item = (String, Fragment)>) -> Result<Self> {
        let label = |name: &str| {
            [Label::Good, Label::Bad].into_iter().find(|label| name.split('/').next() == Some(label.folder()))
        };
        let exemplar = |(name, fragment): (String, Fragment)| match label(&name) {
            Some(label) => {
                let (source, licence) = Default::default();
                Ok(Exemplar { name, label, fragment, weight: 1.0, span: None, source, licence })
            }
            None => {
                let problem = "the name of an exemplar begins with good/ or bad/, and this one does not".into();
                Err(Error::Bank { path: name.into(), problem })
            }
        };
        let exemplars = exemplars.into_iter().map(exemplar).collect::<Result<_>>()?;
        Self::new(Root::Memory, Settings::default(), exemplars, Vec::new())
    }

    /// The bank with other settings. Its exemplars stay as they were read.
    ///
    /// ```
    /// use judge::{Bank, Judge};
    /// let bank = Bank::starter();
    /// let settings = judge::bank::Settings { bad_threshold: 0.6, ..bank.settings().clone() };
    /// let stricter = Judge::new(bank.with_settings(settings)?, Default::default())?;
    /// assert_eq!(stricter.bank().thresholds().bad(), 0.6);
    /// # Ok::<(), judge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Bank`] when a setting is out of range.
    pub fn with_settings(mut self, settings: Settings) -> Result<Self> {
        settings.check().map_err(|problem| Error::Bank { path: self.root.to_string().into(), problem })?;
        self.thresholds = settings.thresholds()?;
        self.settings = settings;
        Ok(self)
    }

    /// Whether a folder looks like a bank: it has a folder `good` or `bad`.
    pub fn is_bank(path: &Path) -> bool {
        [Label::Good, Label::Bad].iter().any(|label| path.join(label.folder()).is_dir())
    }

    /// The names of all files in a bank, also of those that cannot be read, in order.
    ///
    /// # Errors
    /// [`Error::Io`] when a folder cannot be listed.
    pub fn names(root: &Path) -> Result<Vec<String>> {
        let (files, problems) = folder::files(root);
        let mut names: Vec<_> = files.iter().map(|path| folder::name_of(root, path)).collect();
        names.sort();
        problems.into_iter().next().map_or(Ok(names), Err)
    }

    /// The exemplars of the starter bank, to be added to another.
    pub fn starter_additions() -> Vec<Addition> {
        starter::additions()
    }

    /// The exemplars whose index is wanted, judged as the bank does.
    pub(crate) fn filtered(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let exemplars = self.exemplars.iter().enumerate().filter(|(index, _)| wanted(*index));
        Self {
            root: self.root.clone(),
            settings: self.settings.clone(),
            thresholds: self.thresholds,
            exemplars: exemplars.map(|(_, exemplar)| exemplar.clone()).collect(),
            problems: Vec::new(),
            distinct: self.distinct.clone(),
            calibration: self.calibration.clone(),
            // What is known of the others would be lost.
            caching: false,
        }
    }

    fn new(root: Root, settings: Settings, mut exemplars: Vec<Exemplar>, problems: Vec<Error>) -> Result<Self> {
        exemplars.sort_by(|a, b| a.name.cmp(&b.name));
        let thresholds = settings.thresholds()?;
        Ok(Self {
            root,
            thresholds,
            settings,
            exemplars,
            problems,
            distinct: Vec::new(),
            calibration: None,
            caching: false,
        })
    }

    /// The levels that the bank's cache has under a key, if the bank has one.
    pub(crate) fn levels(&self, key: u64) -> Option<Box<dyn KnownLevels>> {
        match &self.root {
            Root::Folder(root) if self.caching => Some(Box::new(levels::Levels::new(root.clone(), key))),
            _ => None,
        }
    }

    /// Keeps levels of exemplars, by index, where such things are kept; so many of them are new.
    pub(crate) fn keep_levels(&self, key: u64, new: usize, levels: impl Iterator<Item = (usize, Level)>) {
        if let Root::Folder(root) = &self.root
            && self.caching
            && new > 0
        {
            let of = |index: usize| cache::fingerprint(&self.exemplars[index].fragment);
            let all = || (0..self.exemplars.len()).into_par_iter().map(of).collect();
            cache::store_levels(root, key, new, levels.map(|(index, level)| (of(index), level)), all);
        }
    }

    /// Where it comes from.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// How fragments are judged.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The thresholds of the settings.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// The exemplars, in order of name.
    pub fn exemplars(&self) -> &[Exemplar] {
        &self.exemplars
    }

    /// What could not be read, and was left out.
    pub fn problems(&self) -> &[Error] {
        &self.problems
    }

    /// Pairs of exemplars, by name, that are no doubles whatever they look like.
    pub fn distinct(&self) -> &[(String, String)] {
        &self.distinct
    }

    /// What the thresholds were computed from, if they were.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The file of the network that the settings name, if they do.
    ///
    /// # Errors
    /// [`Error::Bank`] when the file is outside the bank, or the bank is in no folder; [`Error::Io`] when it is not there.
    pub fn network_path(&self) -> Result<Option<PathBuf>> {
        let Some(network) = &self.settings.cnn else { return Ok(None) };
        let wrong = |path: PathBuf, problem: &str| Error::Bank { path, problem: problem.to_owned() };
        let Root::Folder(root) = &self.root else {
            let problem = "its settings name a network, but it is in no folder; open the network by itself";
            return Err(wrong(self.root.to_string().into(), problem));
        };
        let path = root.join(&network.model);
        let real = std::fs::canonicalize(&path).map_err(Error::io("read the network", &path))?;
        let real_root = std::fs::canonicalize(root).map_err(Error::io("open the bank", root))?;
        if !real.starts_with(real_root) {
            return Err(wrong(path, "the network that bank.ron names is outside the bank; copy it into the bank"));
        }
        Ok(Some(path))
    }

    /// How many exemplars have a label.
    pub fn count(&self, label: Label) -> usize {
        self.exemplars.iter().filter(|exemplar| exemplar.label == label).count()
    }

    /// A comparer as the settings say.
    pub fn comparer(&self, planner: Planner) -> Comparer {
        let settings = &self.settings;
        Comparer {
            measure: settings.measure,
            extent: settings.extent,
            alterations: settings.alterations.clone(),
            weights: settings.weights,
            transpositions: settings.transpositions.map(|(low, high)| low..=high),
            rendering: settings.rendering(),
            planner,
        }
    }

    /// Whether fragments can be judged by this bank.
    ///
    /// # Errors
    /// [`Error::Bank`] without exemplars, or without good or bad ones unless its settings allow
    /// that.
    pub fn check_sides(&self) -> Result<()> {
        let (good, bad) = (self.count(Label::Good), self.count(Label::Bad));
        let missing = match (good, bad) {
            (0, 0) => "the bank has no exemplars; put MIDI files into its folders good and bad".to_owned(),
            (0, _) if !self.settings.one_sided => one_sided("good", bad, "bad"),
            (_, 0) if !self.settings.one_sided => one_sided("bad", good, "good"),
            _ => return Ok(()),
        };
        let path = match &self.root {
            Root::Folder(path) => path.clone(),
            root @ (Root::Starter | Root::Memory) => PathBuf::from(root.to_string()),
        };
        Err(Error::Bank { path, problem: missing })
    }
}

fn one_sided(lacking: &str, count: usize, has: &str) -> String {
    format!(
        "the bank has only {has} exemplars ({count}) and no {lacking} ones; put some into its folder {lacking}, or write \
         (settings: (one_sided: true)) into its bank.ron"
    )
}
