//! Writing to people, programs and files.

use std::fmt::Display;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Outcome;
use super::args::Color;
use crate::error::{Error, Result};
use crate::judge::{Judge, Judgement, Match};
use crate::note::Fragment;
use crate::report::picture::Drawing;
use crate::scorer::{Abstention, Opinion};
use crate::similarity::Explanation;
use crate::verdict::Verdict;

/// Standard output, buffered.
pub fn standard() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(1 << 16, io::stdout().lock())
}

/// Writes bytes to standard output.
pub fn write(bytes: &[u8]) -> anyhow::Result<Outcome> {
    let mut out = standard();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// Tells an error in one line on standard error.
pub fn complain(error: &dyn Display) {
    eprintln!("judge: {}", printable(&error.to_string()));
}

/// A text that may be shown: names of files may have line breaks in them, and worse.
pub fn printable(text: &str) -> String {
    text.chars().map(|sign| if sign.is_control() { '\u{FFFD}' } else { sign }).collect()
}

/// Whether the reader of standard output has gone away.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|cause| cause.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

/// Writes a JSON object and ends the line.
pub fn json(out: &mut impl Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// What a verdict is about: the key that its JSON object begins with.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum About<'a> {
    /// A file, as it was given.
    File(&'a str),
    /// A line of a stream, by its id as it was given.
    Id(Option<&'a RawValue>),
}

/// The JSON object of a verdict.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    #[serde(flatten)]
    about: About<'a>,
    verdict: Verdict,
    score: f64,
    vetoed: bool,
    good: Vec<Told<'a>>,
    bad: Vec<Told<'a>>,
    cnn: Option<f64>,
    #[serde(flatten)]
    share: Option<CnnShare>,
    warnings: &'a [String],
}

/// What the opinion of a network counts.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CnnShare {
    cnn_share: f64,
    cnn_abstained: Option<Abstention>,
}

impl CnnShare {
    /// Of the opinion on a fragment.
    pub fn new(judge: &Judge, opinion: Opinion, vetoed: bool) -> Self {
        let weight = judge.scorer().map_or(0.0, |(_, weight)| weight);
        // A veto is not lifted.
        let vote = if vetoed { opinion.vote().min(0.0) } else { opinion.vote() };
        Self { cnn_share: weight * vote.abs(), cnn_abstained: opinion.abstention }
    }
}

/// The JSON object of a match.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    it: &'a Match,
    /// Which notes are alike, of the best match of each side.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Explanation>,
}

impl<'a> Report<'a> {
    /// Of a judgement, with what was dropped or repaired in reading.
    pub fn new(about: About<'a>, judge: &Judge, judgement: &'a Judgement, warnings: &'a [String]) -> Self {
        let Judgement { verdict, score, vetoed, good, bad, opinion } = judgement;
        let [good, bad] = [good, bad].map(|matches| matches.iter().map(|it| Told { it, notes: None }).collect());
        let cnn = opinion.map(|opinion| opinion.probability);
        let share = opinion.map(|opinion| CnnShare::new(judge, opinion, *vetoed));
        Self { about, verdict: *verdict, score: *score, vetoed: *vetoed, good, bad, cnn, share, warnings }
    }

    /// With the notes of the best match of each side.
    pub fn explained(mut self, judge: &Judge, fragment: &Fragment) -> Self {
        for told in [&mut self.good, &mut self.bad].into_iter().filter_map(|matches| matches.first_mut()) {
            let exemplar = &judge.bank().exemplars()[told.it.index].fragment;
            told.notes = Some(judge.comparer().explain(fragment, exemplar, &told.it.likeness));
        }
        self
    }
}

/// Writes bytes to a file as a whole or not at all; see [`write_to`].
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    write_to(path, |out| out.write_all(bytes))
}

/// Lets `write` write a file, which is there as a whole or not at all. A link is followed; what is no
/// regular file, such as a device or a pipe, is written to in place.
pub fn write_to(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let failed = |error: io::Error| Error::io("write", path)(io::Error::from(error.kind()));
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = fs::metadata(&target).ok();
    if old.as_ref().is_some_and(|old| !old.is_file() && !old.is_dir()) {
        let mut file = fs::OpenOptions::new().write(true).open(&target).map_err(failed)?;
        return write(&mut file).map_err(failed);
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".judge-");
    // A temporary file is readable by its owner alone: give it what the old or a new file would have.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(old.map_or(fs::Permissions::from_mode(0o666), |old| old.permissions()));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    write(&mut file).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Refuses to write over what is read.
///
/// # Errors
/// [`Error::Option`] when `out` is one of the inputs.
pub fn keep_apart<'a>(out: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let Ok(real) = fs::canonicalize(out) else { return Ok(()) };
    if inputs.into_iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == real && input.is_file())) {
        let value = out.display().to_string();
        return Err(Error::Option { name: "output", value, expected: "a file apart from those that are read" });
    }
    Ok(())
}

/// A file for a picture.
#[derive(Debug, Clone, Copy)]
pub struct PictureFile<'a> {
    path: &'a Path,
    form: PictureForm,
}

/// The forms in which pictures are written.
#[derive(Debug, Clone, Copy)]
enum PictureForm {
    /// Pixels.
    Png,
    /// Shapes.
    Svg,
}

impl<'a> PictureFile<'a> {
    /// In the form that the file's name asks for, apart from what is read.
    ///
    /// # Errors
    /// [`Error::Option`] when the name asks for no form, or is that of an input.
    pub fn new<'b>(path: &'a Path, inputs: impl IntoIterator<Item = &'b Path>) -> Result<Self> {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        let form = match extension.as_deref().and_then(|extension| extension.to_str()) {
            Some("png") => PictureForm::Png,
            Some("svg") => PictureForm::Svg,
            _ => {
                let value = path.display().to_string();
                return Err(Error::Option { name: "picture", value, expected: "a name that ends in .png or .svg" });
            }
        };
        keep_apart(path, inputs)?;
        Ok(Self { path, form })
    }

    /// Writes a drawing.
    pub fn write(self, drawing: &Drawing) -> Result<()> {
        match self.form {
            PictureForm::Png => write_file(self.path, &drawing.png().map_err(Error::io("draw", self.path))?),
            PictureForm::Svg => write_file(self.path, drawing.svg().as_bytes()),
        }
    }
}

/// Styles of what is told to people; plain where no colour is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Styles {
    colour: bool,
}

impl Styles {
    /// As the option and the environment say.
    pub fn new(color: Color) -> Self {
        let colour = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { colour }
    }

    /// Whether there is any colour.
    pub fn colour(self) -> bool {
        self.colour
    }

    fn paint(self, style: Style, text: &dyn Display) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// A verdict.
    pub fn verdict(self, verdict: Verdict) -> String {
        let colour = match verdict {
            Verdict::Good => AnsiColor::Green,
            Verdict::Bad => AnsiColor::Red,
            Verdict::Neutral => AnsiColor::Yellow,
        };
        self.paint(Style::new().bold().fg_color(Some(colour.into())), &verdict)
    }

    /// What stands out.
    pub fn strong(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), &text)
    }

    /// What is said aside.
    pub fn aside(self, text: impl Display) -> String {
        self.paint(Style::new().dimmed(), &text)
    }
}

/// The width for pictures in characters: that of the terminal, or 100 where there is none.
pub fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0).clamp(20, 200))
}
