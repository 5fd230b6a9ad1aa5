//! Changing banks: nothing is lost, whatever happens meanwhile.
//!
//! Whoever changes a bank holds its lock (an advisory one on `.trash/lock`; others wait). New files are first written
//! beside the bank's, in `.trash`, and moved to their place by a change that is [written down](change) before it is
//! begun. So a change is made as a whole or not at all: after a crash or a full disk the next one who opens the bank
//! finishes what counts. Nothing is deleted: what is taken out of the bank stays in `.trash`, until that is deleted by
//! hand. Of `bank.ron` only the values that change are [replaced](text).

mod change;
mod text;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

pub use change::Change;
use change::{Edit, FOLDER, Move};

use super::{Bank, BankFile, Calibration, Details, Label, folder};
use crate::error::{Error, Result};
use crate::input::{self, MUSIC_EXTENSIONS};

/// How long to wait for another program that changes the bank.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a reader waits for a change to be finished.
const READERS_PATIENCE: Duration = Duration::from_secs(2);

/// The `bank.ron` of a new bank.
const NEW_BANK_FILE: &str = "\
(
    version: 1,
    // How fragments are judged; what is not said has its default.
    settings: (
    ),
    // What is known of single exemplars, as: \"good/theme.mid\": (source: \"my notebook\", licence: \"mine\"),
    exemplars: {
    },
)
";

/// Changes a bank in a folder. While there is one, no other program changes it.
///
/// ```
/// use judge::bank::{Addition, Bank, Details, Editor};
/// use judge::{Fragment, Label, smf};
///
/// let folder = tempfile::tempdir()?;
/// let root = folder.path().join("my-bank");
/// Editor::create(&root)?;
/// let third = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)])?;
/// let bytes = smf::write(&third, &smf::Heading::default())?;
/// let third = Addition { bytes, name: "third.mid".into(), label: Label::Good, details: Details::default() };
/// Editor::open(&root)?.add([third])?;
/// assert_eq!(Bank::open(&root)?.exemplars()[0].name, "good/third.mid");
///
/// Editor::open(&root)?.relabel(&["good/third.mid"], Label::Bad)?;
/// let undone = Editor::open(&root)?.undo()?;
/// assert_eq!(undone.what, "relabel good/third.mid as bad/third.mid");
/// assert_eq!(Bank::open(&root)?.count(Label::Good), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Editor {
    root: PathBuf,
    /// Held as long as this lives.
    _lock: File,
}

/// An exemplar to be added.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    /// The content of its file.
    pub bytes: Vec<u8>,
    /// What the file should be called; another name is found when this is taken.
    pub name: String,
    /// Good or bad.
    pub label: Label,
    /// What is known of it.
    pub details: Details,
}

/// What became of an [`Addition`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is in the bank, by this name.
    New(String),
    /// The same music with the same label and span was there already, by this name.
    Present(String),
    /// It was there already, and what is known of it has been changed.
    Described(String),
}

impl Editor {
    /// Makes a new, empty bank in a folder, which may be there if there is no bank in it.
    ///
    /// # Errors
    /// [`Error::Bank`] when it is a bank already; [`Error::Io`] when it cannot be written.
    pub fn create(root: &Path) -> Result<()> {
        if Bank::is_bank(root) || root.join("bank.ron").exists() {
            return Err(Error::Bank { path: root.to_owned(), problem: "there is a bank already".into() });
        }
        for label in [Label::Good, Label::Bad] {
            let folder = root.join(label.folder());
            fs::create_dir_all(&folder).map_err(Error::io("write", &folder))?;
        }
        change::write_new(&root.join("bank.ron"), NEW_BANK_FILE.as_bytes())
    }

    /// Waits until no other program changes the bank, and finishes what one may have left unfinished.
    ///
    /// # Errors
    /// [`Error::Bank`] when it is no bank, or another program changes it for more than two minutes; [`Error::Io`] when it
    /// cannot be written.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_within(root, PATIENCE)
    }

    fn open_within(root: &Path, patience: Duration) -> Result<Self> {
        let no_bank = |problem: &str| Error::Bank { path: root.to_owned(), problem: problem.to_owned() };
        fs::metadata(root).map_err(Error::io("open the bank", root))?;
        if !Bank::is_bank(root) {
            return Err(no_bank("no bank: there is no folder good or bad in it; judge bank init makes one"));
        }
        let trash = root.join(FOLDER);
        let written = || Error::io("write", &trash);
        match fs::create_dir(&trash) {
            // For those who keep their bank under version control.
            Ok(()) => fs::write(trash.join(".gitignore"), "*\n").map_err(written())?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(written()(error)),
        }
        // A bank may come from anyone: nothing is written through links.
        let lock = trash.join("lock");
        let real = |path: &Path, is: fn(&fs::Metadata) -> bool| fs::symlink_metadata(path).is_ok_and(|it| is(&it));
        if !real(&trash, fs::Metadata::is_dir) || (lock.exists() && !real(&lock, fs::Metadata::is_file)) {
            return Err(no_bank("its .trash is not as this program makes it; remove it"));
        }
        let lock = File::options().create(true).truncate(false).write(true).open(&lock).map_err(written())?;
        wait_for(&lock, patience).map_err(|error| match error {
            TryLockError::WouldBlock => no_bank("another program is changing it; try again"),
            TryLockError::Error(error) => written()(error),
        })?;
        change::recover(root)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Finishes a change that was left unfinished, for readers: without it they read half of it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn settle(root: &Path) -> Result<()> {
        if change::is_pending(root) {
            Self::open_within(root, READERS_PATIENCE)?;
        }
        Ok(())
    }

    /// Adds exemplars, all or none. They are asked for one by one, so that not all are in memory.
    ///
    /// # Errors
    /// What is wrong with the first that cannot be read; [`Error::Io`] when the bank cannot be written.
    pub fn add(&mut self, additions: impl IntoIterator<Item = Addition>) -> Result<Vec<Added>> {
        let (file, text) = self.bank_file()?;
        let mut staging = Staging { file, text, names: Names::of(&self.root)?, change: self.begin()? };
        let added: Result<Vec<_>> = additions.into_iter().map(|addition| staging.add(&self.root, addition)).collect();
        let Staging { change, text, .. } = staging;
        if added.is_err() || change.moves.is_empty() && change.edits.is_empty() {
            let _ = fs::remove_dir_all(change.folder(&self.root));
            return added;
        }
        let added = added?;
        let of = |wanted: fn(&Added) -> Option<&String>| added.iter().filter_map(wanted).collect::<Vec<_>>();
        let new = of(|it| if let Added::New(name) = it { Some(name) } else { None });
        let described = of(|it| if let Added::Described(name) = it { Some(name) } else { None });
        let what =
            if new.is_empty() { format!("describe {}", told(&described)) } else { format!("add {}", told(&new)) };
        self.make(Change { what, ..change }, &text)?;
        Ok(added)
    }

    /// Takes exemplars out of the bank. Their files stay in its trash; [`undo`](Self::undo) brings them back.
    ///
    /// # Errors
    /// [`Error::Bank`] when there is no exemplar of a name; [`Error::Io`] when the bank cannot be written.
    pub fn remove(&mut self, names: &[impl AsRef<str>]) -> Result<()> {
        let (file, text) = self.bank_file()?;
        let mut change = self.begin()?;
        let mut gone = Vec::new();
        for name in names.iter().map(AsRef::as_ref) {
            self.is_there(name)?;
            if gone.contains(&name) {
                continue;
            }
            gone.push(name);
            let to = format!("{FOLDER}/{:06}/{name}", change.number);
            change.moves.push(Move { from: name.to_owned(), to });
            let path = vec!["exemplars".to_owned(), name.to_owned()];
            if let Some(before) = value_at(&text, &path, &self.root)? {
                change.edits.push(Edit::value(path, Some(before), None));
            }
        }
        let distinct = file.distinct.iter().filter(|(a, b)| ![a, b].iter().any(|it| gone.contains(&it.as_str())));
        self.edit_distinct(&mut change, &text, distinct.cloned().collect(), &file)?;
        change.what = format!("remove {}", told(&gone));
        self.make(change, &text)
    }

    /// Moves exemplars to the other side. Returns their new names.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub fn relabel(&mut self, names: &[impl AsRef<str>], label: Label) -> Result<Vec<String>> {
        let (file, text) = self.bank_file()?;
        let mut taken = Names::of(&self.root)?;
        let mut change = self.begin()?;
        let mut renamed = HashMap::new();
        let mut new_names = Vec::new();
        for old in names.iter().map(AsRef::as_ref) {
            self.is_there(old)?;
            let inside = old.split_once('/').map_or(old, |(_, inside)| inside);
            if old.split('/').next() == Some(label.folder()) || renamed.contains_key(old) {
                new_names.push(renamed.get(old).cloned().unwrap_or_else(|| old.to_owned()));
                continue;
            }
            let new = taken.free(label, inside, "mid");
            taken.take(&new, 0, PathBuf::new());
            change.moves.push(Move { from: old.to_owned(), to: new.clone() });
            let [from, to] = [old, &new].map(|name| vec!["exemplars".to_owned(), name.to_owned()]);
            let [before, in_the_way] = [value_at(&text, &from, &self.root)?, value_at(&text, &to, &self.root)?];
            if in_the_way.is_some() {
                change.edits.push(Edit::value(to, in_the_way, None));
            }
            if before.is_some() {
                let renamed = Some(new.clone());
                change.edits.push(Edit { path: from, before: before.clone(), after: before, renamed });
            }
            renamed.insert(old.to_owned(), new.clone());
            new_names.push(new);
        }
        if change.moves.is_empty() {
            return Ok(new_names);
        }
        let new = |name: &String| renamed.get(name).unwrap_or(name).clone();
        let distinct = file.distinct.iter().map(|(a, b)| (new(a), new(b))).collect();
        self.edit_distinct(&mut change, &text, distinct, &file)?;
        change.what = match &change.moves[..] {
            [Move { from, to }] => format!("relabel {from} as {to}"),
            moves => {
                format!("relabel {} as {}", told(&moves.iter().map(|it| &it.from).collect::<Vec<_>>()), label.folder())
            }
        };
        self.make(change, &text)?;
        Ok(new_names)
    }

    /// Sets the thresholds, and tells what they were computed from.
    ///
    /// # Errors
    /// [`Error::Option`] when they are none; [`Error::Io`] when the bank cannot be written.
    pub fn calibrate(&mut self, good: f64, bad: f64, calibration: &Calibration) -> Result<()> {
        crate::verdict::Thresholds::new(good, bad)?;
        let (_, text) = self.bank_file()?;
        let mut change = self.begin()?;
        change.what = format!("calibrate: good from {good}, vetoed from {bad}");
        for (path, after) in [
            (vec!["settings", "good_threshold"], good.to_string()),
            (vec!["settings", "bad_threshold"], bad.to_string()),
            (vec!["calibration"], calibration.text()),
        ] {
            let path: Vec<_> = path.into_iter().map(str::to_owned).collect();
            let before = value_at(&text, &path, &self.root)?;
            if before.as_ref() != Some(&after) {
                change.edits.push(Edit::value(path, before, Some(after)));
            }
        }
        self.make(change, &text)
    }

    /// Remembers that exemplars are not doubles of each other, whatever they look like.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    pub fn keep_apart(&mut self, names: &[impl AsRef<str>]) -> Result<()> {
        let (file, text) = self.bank_file()?;
        let mut distinct = file.distinct.clone();
        for (index, a) in names.iter().map(AsRef::as_ref).enumerate() {
            self.is_there(a)?;
            for b in names[index + 1..].iter().map(AsRef::as_ref) {
                let pair = if a < b { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) };
                if a != b && !distinct.contains(&pair) {
                    distinct.push(pair);
                }
            }
        }
        let mut change = self.begin()?;
        change.what = format!("keep apart {}", told(&names.iter().map(AsRef::as_ref).collect::<Vec<_>>()));
        self.edit_distinct(&mut change, &text, distinct, &file)?;
        self.make(change, &text)
    }

    /// Takes the last change back that has not been taken back.
    ///
    /// # Errors
    /// [`Error::Bank`] when there is none, or something that it changed has been changed since; [`Error::Io`] when the
    /// bank cannot be written.
    pub fn undo(&mut self) -> Result<Change> {
        let change = self.last()?;
        let cannot = |problem: String| Error::Bank {
            path: self.root.clone(),
            problem: format!(
                "cannot undo \"{}\": {problem}; or leave it as it is and go on to the change before: judge bank undo --skip",
                change.what
            ),
        };
        let inverse = change.inverse();
        for Move { from, to } in &inverse.moves {
            if fs::symlink_metadata(self.root.join(from)).is_err() {
                return Err(cannot(format!("{from} is not there any more; put it back")));
            }
            if fs::symlink_metadata(self.root.join(to)).is_ok() {
                return Err(cannot(format!("there is another {to} by now; rename it")));
            }
        }
        let (_, text) = self.bank_file()?;
        if let Some(old) = change.text_before(&self.root, &text) {
            inverse.make(&self.root, Some((&text, &old)))?;
        } else {
            let new = inverse.edited(&text, &self.root.join("bank.ron")).map_err(|error| cannot(error.to_string()))?;
            inverse.make(&self.root, (!inverse.edits.is_empty()).then_some((&text, &new)))?;
        }
        Ok(change)
    }

    /// Leaves the last change as it is for good, so that [`undo`](Self::undo) goes on to the one before.
    ///
    /// # Errors
    /// As [`undo`](Self::undo).
    pub fn skip(&mut self) -> Result<Change> {
        let change = self.last()?;
        change::settle(&self.root, change.number)?;
        Ok(change)
    }

    /// The last change that stands.
    fn last(&self) -> Result<Change> {
        let last = change::numbers(&self.root)?.into_iter().rev().find(|&(_, stands)| stands);
        let last = last.and_then(|(number, _)| change::load(&self.root, number).transpose()).transpose()?;
        last.ok_or_else(|| Error::Bank {
            path: self.root.clone(),
            problem: "nothing has been changed that could be undone".into(),
        })
    }

    /// A change that does nothing yet, with a folder of its own.
    fn begin(&self) -> Result<Change> {
        let number = change::numbers(&self.root)?.last().map_or(1, |(number, _)| number + 1);
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let change = Change { number, what: String::new(), time, undoing: false, moves: Vec::new(), edits: Vec::new() };
        let folder = change.folder(&self.root);
        fs::create_dir(&folder).map_err(Error::io("write", &folder))?;
        Ok(change)
    }

    /// Makes a change; what was prepared for it is removed when it does not come about.
    fn make(&self, change: Change, text: &str) -> Result<()> {
        let made = match &change.edits[..] {
            [] if change.moves.is_empty() => {
                let _ = fs::remove_dir_all(change.folder(&self.root));
                return Ok(());
            }
            [] => change.make(&self.root, None),
            _ => change
                .edited(text, &self.root.join("bank.ron"))
                .and_then(|new| change.make(&self.root, Some((text, &new)))),
        };
        if made.is_err() && !change::is_pending(&self.root) {
            let _ = fs::remove_dir_all(change.folder(&self.root));
        }
        made
    }

    fn edit_distinct(
        &self,
        change: &mut Change,
        text: &str,
        distinct: Vec<(String, String)>,
        file: &BankFile,
    ) -> Result<()> {
        if distinct != file.distinct {
            let pairs: Vec<_> =
                distinct.iter().map(|(a, b)| format!("({}, {})", text::quoted(a), text::quoted(b))).collect();
            let path = vec!["distinct".to_owned()];
            let before = value_at(text, &path, &self.root)?;
            let after = (!pairs.is_empty()).then(|| format!("[{}]", pairs.join(", ")));
            change.edits.push(Edit::value(path, before, after));
        }
        Ok(())
    }

    /// What `bank.ron` says, and its text; that of a new one where there is none.
    fn bank_file(&self) -> Result<(BankFile, String)> {
        let text = folder::bank_text(&self.root)?.unwrap_or_else(|| NEW_BANK_FILE.to_owned());
        Ok((BankFile::parse(&text, &self.root.join("bank.ron"))?, text))
    }

    fn is_there(&self, name: &str) -> Result<()> {
        let labelled = [Label::Good, Label::Bad].iter().any(|label| name.split('/').next() == Some(label.folder()));
        if labelled && fs::symlink_metadata(self.root.join(name)).is_ok_and(|metadata| !metadata.is_dir()) {
            return Ok(());
        }
        let problem = format!("there is no exemplar {name}; judge bank list tells their names");
        Err(Error::Bank { path: self.root.clone(), problem })
    }
}

/// Locks a file as soon as nobody else does.
fn wait_for(lock: &File, patience: Duration) -> Result<(), TryLockError> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => thread::sleep(pause),
            locked => return locked,
        }
        pause = (pause * 2).min(Duration::from_millis(8));
    }
}

fn value_at(text: &str, path: &[String], root: &Path) -> Result<Option<String>> {
    let parts: Vec<_> = path.iter().map(String::as_str).collect();
    let wrong = |problem| Error::Bank { path: root.join("bank.ron"), problem };
    Ok(text::get(text, &parts).map_err(wrong)?.map(str::to_owned))
}

/// The first names, and how many more there are.
fn told(names: &[impl AsRef<str>]) -> String {
    const TOLD: usize = 3;
    let mut told = names.iter().take(TOLD).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    if names.len() > TOLD {
        told += &format!(" and {} more", names.len() - TOLD);
    }
    told
}

impl Details {
    /// The fields that say something, with their values as they are written in `bank.ron`.
    fn parts(&self) -> Vec<(&'static str, String)> {
        let plain = Self::default();
        let mut parts = Vec::new();
        if self.weight != plain.weight {
            parts.push(("weight", self.weight.to_string()));
        }
        if let Some((from, to)) = self.span {
            parts.push(("span", format!("({from}, {to})")));
        }
        for (field, value) in [("source", &self.source), ("licence", &self.licence)] {
            if !value.is_empty() {
                parts.push((field, text::quoted(value)));
            }
        }
        parts
    }

    /// As it is written in `bank.ron`.
    fn text(&self) -> String {
        let parts: Vec<_> = self.parts().into_iter().map(|(field, value)| format!("{field}: {value}")).collect();
        format!("({})", parts.join(", "))
    }
}

impl Calibration {
    /// As it is written in `bank.ron`.
    fn text(&self) -> String {
        let Self { veto_error, good, bad, exemplars } = self;
        format!("(veto_error: {veto_error}, good: {good}, bad: {bad}, exemplars: {})", text::quoted(exemplars))
    }
}

/// What is being added.
struct Staging {
    file: BankFile,
    text: String,
    names: Names,
    change: Change,
}

impl Staging {
    /// Writes the file of an exemplar next to the bank's.
    fn add(&mut self, root: &Path, Addition { bytes, name, label, details }: Addition) -> Result<Added> {
        let span_of = |name: &str| self.file.exemplars.get(name).and_then(|known| known.span);
        let same = self.names.same(label, &bytes, |name| span_of(name) == details.span);
        if let Some(name) = same {
            let described = self.describe(root, &name, &details)?;
            return Ok(if described { Added::Described(name) } else { Added::Present(name) });
        }
        let name = self.names.free(label, &name, &input::extension_of(&bytes));
        let known = self.file.exemplars.get(&name).cloned().unwrap_or_default();
        let span = details.span.or(known.span);
        // As the bank will read it.
        let described = BankFile {
            exemplars: BTreeMap::from([(name.clone(), Details { span, ..details.clone() })]),
            ..BankFile { settings: self.file.settings.clone(), ..BankFile::default() }
        };
        folder::exemplar(&name, &bytes, &described)?;
        let staged = format!("{FOLDER}/{:06}/new/{name}", self.change.number);
        let path = root.join(&staged);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::io("write", folder))?;
        }
        change::write_new(&path, &bytes)?;
        self.change.moves.push(Move { from: staged, to: name.clone() });
        self.describe(root, &name, &details)?;
        self.names.take(&name, bytes.len() as u64, path);
        self.file.exemplars.insert(name.clone(), Details { span, ..details });
        Ok(Added::New(name))
    }

    /// Notes what is said of an exemplar; what is not said stays as it is.
    fn describe(&mut self, root: &Path, name: &str, details: &Details) -> Result<bool> {
        let path = vec!["exemplars".to_owned(), name.to_owned()];
        let said = details.parts();
        if value_at(&self.text, &path, root)?.is_none() {
            if !said.is_empty() && !self.change.edits.iter().any(|edit| edit.path == path) {
                self.change.edits.push(Edit::value(path, None, Some(details.text())));
                return Ok(true);
            }
            return Ok(false);
        }
        let mut changed = false;
        for (field, value) in said {
            let path = [&path[..], &[field.to_owned()]].concat();
            let before = value_at(&self.text, &path, root)?;
            let known = self.file.exemplars.get(name).map(Details::parts).unwrap_or_default();
            if !known.contains(&(field, value.clone())) && !self.change.edits.iter().any(|edit| edit.path == path) {
                self.change.edits.push(Edit::value(path, before, Some(value)));
                changed = true;
            }
        }
        Ok(changed)
    }
}

/// The names of a bank's files, their sizes, and where they are.
struct Names {
    taken: HashSet<String>,
    by_size: HashMap<u64, Vec<(String, PathBuf)>>,
}

impl Names {
    fn of(root: &Path) -> Result<Self> {
        let (files, problems) = folder::files(root);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        let mut names = Self { taken: HashSet::new(), by_size: HashMap::new() };
        for path in files {
            let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            names.take(&folder::name_of(root, &path), size, path);
        }
        Ok(names)
    }

    fn take(&mut self, name: &str, size: u64, path: PathBuf) {
        self.taken.insert(name.to_owned());
        self.by_size.entry(size).or_default().push((name.to_owned(), path));
    }

    /// A file of the bank with the same label and content that is wanted.
    fn same(&self, label: Label, bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Option<String> {
        let candidates = self.by_size.get(&(bytes.len() as u64))?;
        let prefix = format!("{}/", label.folder());
        let is_same = |(name, path): &&(String, PathBuf)| {
            name.starts_with(&prefix) && wanted(name) && fs::read(path).is_ok_and(|found| found == bytes)
        };
        candidates.iter().find(is_same).map(|(name, _)| name.clone())
    }

    /// A name in the folder of a label that is not taken: the wanted one if possible, with `otherwise` at its end if it
    /// does not end as those of music do.
    fn free(&self, label: Label, wanted: &str, otherwise: &str) -> String {
        let (folder, file) = wanted.rsplit_once('/').unwrap_or(("", wanted));
        let plain: String =
            file.chars().map(|sign| if sign.is_control() || sign == '\\' { '_' } else { sign }).collect();
        let plain = plain.trim_start_matches('.');
        let (stem, extension) = plain.rsplit_once('.').unwrap_or((plain, ""));
        let is_music = MUSIC_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known));
        let (stem, extension) = if is_music { (stem, extension) } else { (plain, otherwise) };
        let mut stem = if stem.is_empty() { "exemplar" } else { stem };
        // Names of files have 255 bytes at most.
        while stem.len() > 200 {
            stem = &stem[..stem.floor_char_boundary(200)];
        }
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let name = |number: usize| match number {
            1 => format!("{}/{folder}{stem}.{extension}", label.folder()),
            _ => format!("{}/{folder}{stem}-{number}.{extension}", label.folder()),
        };
        (1..).map(name).find(|name| !self.taken.contains(name)).unwrap_or_else(|| name(0))
    }
}
