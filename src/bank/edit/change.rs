//! Changes of a bank: what is done, kept so that it can be finished after a crash and undone later.
//!
//! A change is files that move, and values of `bank.ron` that become others. It is first written down as `pending`; from
//! then on it counts, and whoever comes next finishes it. Every step can be done twice. What is finished becomes
//! `NNNNNN/change`, next to the files that it took away, and what is undone `NNNNNN/undone`, next to those that it had
//! brought.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::text;
use crate::bank::disk::{self, sync};
use crate::bank::{BankFile, Label};
use crate::error::{Error, Result};

/// The folder in a bank with what was changed. Hidden, so that it is no music.
pub const FOLDER: &str = ".trash";

/// The change that is being made.
const PENDING: &str = "pending";
/// A change that was made.
const DONE: &str = "change";
/// A change that was made and taken back.
const UNDONE: &str = "undone";
/// The `bank.ron` before a change.
const OLD_TEXT: &str = "bank.ron.old";
/// What is written before a change counts, and may be removed when it never does.
const PREPARED: [&str; 3] = ["new", "bank.ron", OLD_TEXT];

/// What was done to a bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its number, from 1.
    pub number: u64,
    /// In words, as "remove good/theme.mid".
    pub what: String,
    /// When, in seconds since 1970.
    pub time: u64,
    /// Whether it is being taken back.
    #[serde(default)]
    pub(super) undoing: bool,
    #[serde(default)]
    pub(super) moves: Vec<Move>,
    #[serde(default)]
    pub(super) edits: Vec<Edit>,
}

/// A file that moves within the bank; paths from the bank's folder, with `/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Move {
    pub from: String,
    pub to: String,
}

/// A value of `bank.ron` that becomes another; none where there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    pub path: Vec<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    /// The value stays, and the last part of the path becomes this.
    #[serde(default)]
    pub renamed: Option<String>,
}

impl Edit {
    /// Another value.
    pub fn value(path: Vec<String>, before: Option<String>, after: Option<String>) -> Self {
        Self { path, before, after, renamed: None }
    }

    fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    fn make(&self, text: &str) -> Result<String, String> {
        match &self.renamed {
            Some(name) => text::rename(text, &self.path(), name),
            None => text::put(text, &self.path(), self.after.as_deref()),
        }
    }

    fn inverse(&self) -> Self {
        let Self { path, before, after, renamed } = self.clone();
        let mut path = path;
        let renamed = renamed.and_then(|name| path.last_mut().map(|last| std::mem::replace(last, name)));
        Self { path, before: after, after: before, renamed }
    }
}

impl Change {
    /// Its folder, which holds the files that it took or brings.
    pub(super) fn folder(&self, root: &Path) -> PathBuf {
        folder(root, self.number)
    }

    /// The text of `bank.ron` with the edits made.
    ///
    /// # Errors
    /// What stands in the way: the text is not understood, or has other values than those that are to be changed.
    pub(super) fn edited(&self, text: &str, path: &Path) -> Result<String> {
        let wrong = |problem: String| Error::Bank { path: path.to_owned(), problem };
        let unknown = |problem: String| wrong(format!("it cannot be changed: {problem}; change it by hand"));
        let mut edited = text.to_owned();
        for edit in &self.edits {
            if text::get(&edited, &edit.path()).map_err(unknown)? != edit.before.as_deref() {
                let what = edit.path.join(", ");
                let known = edit.before.as_deref().unwrap_or("nothing");
                return Err(wrong(format!("{what} has been changed meanwhile; put it back to {known}")));
            }
            edited = edit.make(&edited).map_err(unknown)?;
        }
        // Nothing but what was meant may have changed: backwards it is what it was.
        let mut back = edited.clone();
        for edit in self.edits.iter().rev() {
            back = edit.inverse().make(&back).map_err(unknown)?;
        }
        BankFile::parse(&edited, path)?;
        if !same(&BankFile::parse(&back, path)?, &BankFile::parse(text, path)?) {
            return Err(unknown("its form is not one that this program can edit".into()));
        }
        Ok(edited)
    }

    /// The change that takes this one back.
    pub(super) fn inverse(&self) -> Self {
        let back = |it: &Move| Move { from: it.to.clone(), to: it.from.clone() };
        Self {
            undoing: true,
            moves: self.moves.iter().rev().map(back).collect(),
            edits: self.edits.iter().rev().map(Edit::inverse).collect(),
            ..self.clone()
        }
    }

    /// The text of `bank.ron` before the change, if `text` is what the change made of it.
    pub(super) fn text_before(&self, root: &Path, text: &str) -> Option<String> {
        let old = fs::read_to_string(self.folder(root).join(OLD_TEXT)).ok()?;
        let made = self.edited(&old, &root.join("bank.ron")).ok()?;
        (made == text).then_some(old)
    }

    /// Makes the change: from when this has begun to write `pending` it counts. `text` is the old and the new
    /// `bank.ron`.
    ///
    /// # Errors
    /// [`Error::Io`] when something cannot be written. Before it counts nothing has been changed then; afterwards the
    /// rest is done by whoever opens the bank next.
    pub(super) fn make(&self, root: &Path, text: Option<(&str, &str)>) -> Result<()> {
        let folder = self.folder(root);
        if let Some((old, new)) = text {
            if !self.undoing {
                write_new(&folder.join(OLD_TEXT), old.as_bytes())?;
            }
            write_new(&folder.join("bank.ron"), new.as_bytes())?;
        }
        sync(&folder);
        let written = ron::to_string(self).map_err(|error| Error::Bank {
            path: folder.clone(),
            problem: format!("the change cannot be written down: {error}"),
        })?;
        let new = root.join(FOLDER).join("pending.new");
        write_new(&new, written.as_bytes())?;
        let pending = root.join(FOLDER).join(PENDING);
        fs::rename(&new, &pending).map_err(Error::io("write", &pending))?;
        sync(&root.join(FOLDER));
        self.finish(root)
    }

    /// Does what is still to be done.
    fn finish(&self, root: &Path) -> Result<()> {
        self.check(root)?;
        let folder = self.folder(root);
        let text = folder.join("bank.ron");
        if text.exists() {
            let target = root.join("bank.ron");
            let target = fs::canonicalize(&target).unwrap_or(target);
            relocate(&text, &target, true)?;
        }
        for Move { from, to } in &self.moves {
            relocate(&root.join(from), &root.join(to), false)?;
        }
        let pending = root.join(FOLDER).join(PENDING);
        let done = folder.join(if self.undoing { UNDONE } else { DONE });
        fs::create_dir_all(&folder).map_err(Error::io("write", &folder))?;
        fs::rename(&pending, &done).map_err(Error::io("write", &done))?;
        if self.undoing {
            let _ = fs::remove_file(folder.join(DONE));
        }
        sync(&folder);
        sync(&root.join(FOLDER));
        Ok(())
    }

    /// Refuses to touch anything outside of the bank: banks come from anywhere, and so may this.
    fn check(&self, root: &Path) -> Result<()> {
        let real_root = fs::canonicalize(root).map_err(Error::io("open the bank", root))?;
        for path in self.moves.iter().flat_map(|it| [&it.from, &it.to]) {
            let inside = Path::new(path);
            let mut parts = inside.components();
            let first = parts.next().map(Component::as_os_str).and_then(|it| it.to_str());
            let known = [Label::Good.folder(), Label::Bad.folder(), FOLDER].map(Some).contains(&first);
            let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
            // The nearest folder that is there may be a link.
            let there = root.join(inside).ancestors().skip(1).find(|folder| folder.exists()).map(fs::canonicalize);
            let stays = there.is_some_and(|real| real.is_ok_and(|real| real.starts_with(&real_root)));
            if !(known && plain && stays && parts.next().is_some()) {
                let problem = format!("a change that was begun leads out of the bank ({path:?}); remove the file");
                return Err(Error::Bank { path: root.join(FOLDER).join(PENDING), problem });
            }
        }
        Ok(())
    }
}

/// Whether both say the same; what says nothing of an exemplar says the same as nothing.
fn same(a: &BankFile, b: &BankFile) -> bool {
    let plain = |file: &BankFile| {
        let mut file = file.clone();
        file.exemplars.retain(|_, details| *details != Default::default());
        file
    };
    plain(a) == plain(b)
}

pub(super) fn folder(root: &Path, number: u64) -> PathBuf {
    root.join(FOLDER).join(format!("{number:06}"))
}

/// Whether a change has been begun and not finished.
pub fn is_pending(root: &Path) -> bool {
    fs::symlink_metadata(root.join(FOLDER).join(PENDING)).is_ok()
}

/// Finishes the change that was begun, if there is one.
pub(super) fn recover(root: &Path) -> Result<()> {
    let path = root.join(FOLDER).join(PENDING);
    match read(&path)? {
        Some(change) => change.finish(root),
        None => Ok(()),
    }
}

/// The numbers of all changes in order, each with whether it stands. What was prepared for a change that never came
/// about is removed; a folder with anything else in it is left, and its number is taken.
pub(super) fn numbers(root: &Path) -> Result<Vec<(u64, bool)>> {
    let trash = root.join(FOLDER);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(&trash).map_err(Error::io("list", &trash))? {
        let entry = entry.map_err(Error::io("list", &trash))?;
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let (done, undone) = (entry.path().join(DONE).exists(), entry.path().join(UNDONE).exists());
        if done || undone || !is_only_prepared(&entry.path()) {
            numbers.push((number, done && !undone));
        } else {
            fs::remove_dir_all(entry.path()).map_err(Error::io("remove", entry.path()))?;
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn is_only_prepared(folder: &Path) -> bool {
    let prepared = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| PREPARED.iter().any(|name| entry.file_name() == *name))
    };
    fs::read_dir(folder).is_ok_and(|mut entries| entries.all(prepared))
}

/// Leaves a change as it is, so that the one before can be undone.
pub(super) fn settle(root: &Path, number: u64) -> Result<()> {
    let folder = folder(root, number);
    fs::rename(folder.join(DONE), folder.join(UNDONE)).map_err(Error::io("write", &folder))?;
    sync(&folder);
    Ok(())
}

/// A change that was made.
pub(super) fn load(root: &Path, number: u64) -> Result<Option<Change>> {
    read(&folder(root, number).join(DONE))
}

fn read(path: &Path) -> Result<Option<Change>> {
    let wrong = |problem: String| Error::Bank { path: path.to_owned(), problem };
    let text = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
        Ok(metadata) if !metadata.is_file() => return Err(wrong("it is no regular file; remove it".into())),
        Ok(_) => fs::read_to_string(path).map_err(Error::io("read", path))?,
    };
    ron::from_str(&text).map(Some).map_err(|error| {
        // Else nothing could be changed any more. What it took out of the bank stays where it is.
        let aside = path.with_extension("damaged");
        match fs::rename(path, &aside) {
            Ok(()) => wrong(format!(
                "it is damaged ({error}) and was set aside as {}; what it took out of the bank is in {FOLDER}: move it \
                 back by hand, or try again without",
                aside.display()
            )),
            Err(_) => wrong(format!("it is damaged ({error}); remove it")),
        }
    })
}

/// Moves a file that may have been moved already. What is in its way is left, and the file too, unless it is to be
/// replaced.
fn relocate(from: &Path, to: &Path, replace: bool) -> Result<()> {
    if fs::symlink_metadata(from).is_err() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::io("write", folder))?;
    }
    if !replace && fs::symlink_metadata(to).is_ok() {
        let equal = fs::read(from).ok().zip(fs::read(to).ok()).is_some_and(|(from, to)| from == to);
        if equal {
            fs::remove_file(from).map_err(Error::io("remove", from))?;
        } else {
            log::warn!("{}: there is another file of this name; {} stays where it is", to.display(), from.display());
        }
        return Ok(());
    }
    match fs::rename(from, to) {
        // A folder of the bank may be on another file system.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let new = to.with_extension("new");
            let bytes = fs::read(from).map_err(Error::io("read", from))?;
            write_new(&new, &bytes)?;
            fs::rename(&new, to).map_err(Error::io("write", to))?;
            fs::remove_file(from).map_err(Error::io("remove", from))?;
        }
        moved => moved.map_err(Error::io("write", to))?,
    }
    // What came out of the trash does no harm if it is there again.
    let out_of_trash = from.components().any(|part| part.as_os_str() == FOLDER);
    [from, to].into_iter().skip(usize::from(out_of_trash)).filter_map(Path::parent).for_each(sync);
    Ok(())
}

/// Writes a file that lasts.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    disk::write_new(path, bytes).map_err(Error::io("write", path))
}
