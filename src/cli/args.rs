//! The arguments of the program. Help, man page and completions are made from this.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::bank_args::BankCommand;
use super::cnn_args::CnnArgs;
use crate::alteration::{Alterations, Ratio};
use crate::audio::Transcriber;
use crate::bank::Bank;
use crate::correlate::{Backend, BackendChoice, Cuda, Planner};
use crate::error::Result;
use crate::input::{Limits, ReadOptions};
use crate::similarity::{Comparer, Extent, Measure};

/// Says whether short pieces of music are good by your taste: they resemble a good exemplar of
/// your bank and no bad one.
#[derive(Debug, Parser)]
#[command(name = "judge", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  judge fragment.mid                      judge a file by ./fragments, or by the starter bank
  judge --bank my-bank --json drafts/     judge all of a folder, one JSON object a line
  judge fragment.mid --picture match.png  draw the best good and the best bad match
  judge fragment.mid --cnn model.onnx     blend the opinion of a network into the score
  judge compare a.mid b.mid               how alike two files are, and where
  judge find motif.mid sonata.mid         where a motif occurs in a piece
Exit status: 0 done, 1 with --exit-code when a verdict is not good, 2 an error.")]
pub struct Cli {
    /// What to do instead of judging.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Judging.
    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell how alike two files are, and where
    #[command(after_help = "\
Examples:
  judge compare a.mid b.mid
  judge compare --extent contained motif.mid piece.mid --json
  judge compare --measure correlation --stretch 1 --inversion off --retrograde off a.mid b.mid")]
    Compare(CompareArgs),
    /// Find the occurrences of a query in pieces
    #[command(after_help = "\
Examples:
  judge find subject.mid fugue.mid
  judge find motif.mid sonatas/ --json --limit 50")]
    Find(FindArgs),
    /// Lay a bank's exemplars along a piece
    #[command(after_help = "\
Examples:
  judge scan piece.mid
  judge scan piece.mid --bank my-bank --picture likeness.png")]
    Scan(ScanArgs),
    /// Judge a line at a time: JSON objects in, verdicts out, until the input ends
    #[command(after_help = "\
A line is {\"id\": ANY, \"notes\": [[PITCH, ONSET, DURATION], …]} with times in quarters, or has \"file\": PATH or
\"midi\": BASE64 in place of notes; {\"reload\": true} reads the bank again. docs/stream.md has the whole of it.
Examples:
  echo '{\"id\": 1, \"notes\": [[60, 0, 1], [62, 1, 1], [64, 2, 2]]}' | judge stream
  judge stream --bank my-bank --score-only < candidates.jsonl > scores.jsonl")]
    Stream(StreamArgs),
    /// Write the similarities of many files as CSV
    #[command(after_help = "\
Examples:
  judge matrix *.mid --csv all.csv
  judge matrix phrases/ --against songs/ --extent contained --csv -")]
    Matrix(MatrixArgs),
    /// Show what was read from a file
    #[command(after_help = "\
Examples:
  judge inspect fragment.mid
  judge inspect fragment.mid --json")]
    Inspect(InspectArgs),
    /// Draw a file, and how an exemplar lies on it
    #[command(after_help = "\
Examples:
  judge render fragment.mid -o roll.png
  judge render fragment.mid --against exemplar.mid -o match.svg
  judge render humming.wav --as cqt -o cqt.png")]
    Render(RenderArgs),
    /// Make, grow and clean a bank
    #[command(subcommand)]
    Bank(BankCommand),
    /// Train a small network on a bank, to be blended into the score
    #[command(after_help = "\
Needs a program that was built with --features train; any program uses what was trained.
Examples:
  judge train --bank my-bank -o taste.onnx
  judge train --bank my-bank --group-by folder -o taste.onnx   good/waltz and bad/waltz are held out together")]
    Train(TrainArgs),
    /// Tell what this program can do here: bank, backends, threads
    Doctor(DoctorArgs),
    /// Print shell completions
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch == Switch::On
    }
}

/// When to write in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// To a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How likeness is measured.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Likeness (where a bank has settings, they are the defaults)")]
pub struct LikenessArgs {
    /// How likeness is measured: correlation or full [default: full]
    #[arg(long, value_name = "MEASURE", value_parser = |text: &str| text.parse::<Measure>())]
    pub measure: Option<Measure>,
    /// Stretch ratios of the exemplar that are tried, each from 1/8 to 8 [default: 1/2,2/3,3/4,1,4/3,3/2,2]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = |text: &str| text.parse::<Ratio>())]
    pub stretch: Option<Vec<Ratio>>,
    /// Whether exemplars are tried upside down too [default: on]
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    pub inversion: Option<Switch>,
    /// Whether exemplars are tried backwards too [default: on]
    #[arg(long, value_name = "on|off", hide_possible_values = true)]
    pub retrograde: Option<Switch>,
    /// Transpositions that are tried, in semitones, as -12..12 [default: all]
    #[arg(long, value_name = "MIN..MAX", allow_hyphen_values = true, value_parser = transpositions)]
    pub transpose: Option<RangeInclusive<i32>>,
    /// How correlations are computed: auto, sparse, fft, cuda (on a graphics processor), or reference (the definition,
    /// thousands of times slower)
    #[arg(long, value_name = "BACKEND", default_value = "auto", value_parser = backend)]
    pub backend: BackendChoice,
    /// Compare with every exemplar, also with those that cannot decide anything; the answer is the same
    #[arg(long)]
    pub exhaustive: bool,
}

/// A backend that is there.
fn backend(text: &str) -> Result<BackendChoice, String> {
    let choice = text.parse::<BackendChoice>().map_err(|error| error.to_string())?;
    if choice == BackendChoice::Only(Backend::Cuda) {
        Cuda::new().map_err(|absent| format!("{absent}; auto or sparse does without"))?;
    }
    Ok(choice)
}

fn transpositions(text: &str) -> Result<RangeInclusive<i32>, String> {
    let expected = || format!("{text:?} is not a range of semitones such as -12..12");
    let (low, high) = text.split_once("..").ok_or_else(expected)?;
    let number = |text: &str| text.trim().parse::<i32>().map_err(|_| expected());
    let (low, high) = (number(low)?, number(high.trim_start_matches('='))?);
    if low > high || low < -1000 || high > 1000 { Err(expected()) } else { Ok(low..=high) }
}

impl LikenessArgs {
    /// Applies what was given to a comparer.
    pub fn apply(&self, comparer: &mut Comparer) {
        comparer.measure = self.measure.unwrap_or(comparer.measure);
        let Alterations { stretches, inversion, retrograde } = &mut comparer.alterations;
        if let Some(given) = &self.stretch {
            stretches.clone_from(given);
        }
        *inversion = self.inversion.map_or(*inversion, bool::from);
        *retrograde = self.retrograde.map_or(*retrograde, bool::from);
        if self.transpose.is_some() {
            comparer.transpositions.clone_from(&self.transpose);
        }
        comparer.planner = self.planner();
    }

    /// The planner that was asked for.
    pub fn planner(&self) -> Planner {
        Planner::new(self.backend)
    }

    /// The default comparer with what was given.
    pub fn comparer(&self, extent: Extent) -> Comparer {
        let mut comparer = Comparer { extent, ..Comparer::default() };
        self.apply(&mut comparer);
        comparer
    }
}

/// How files are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reading")]
pub struct ReadArgs {
    /// Draw the notes of the drum channel too
    #[arg(long)]
    pub drums: bool,
    /// Most notes in a file
    #[arg(long, value_name = "N", default_value_t = Limits::default().notes)]
    pub max_notes: u64,
    /// Greatest length of a file in quarters
    #[arg(long, value_name = "N", default_value_t = Limits::default().quarters)]
    pub max_quarters: u64,
    /// Greatest length of a file in hours
    #[arg(long, value_name = "N", default_value_t = Limits::default().seconds / 3600)]
    pub max_hours: u64,
    /// Greatest size of a file in bytes
    #[arg(long, value_name = "N", default_value_t = Limits::default().bytes)]
    pub max_bytes: u64,
    /// Greatest length of a recording in seconds
    #[arg(long, value_name = "N", default_value_t = Limits::default().audio_seconds)]
    pub max_audio_seconds: u64,
    /// Quarters a minute in recordings; estimated when not given
    #[arg(long, value_name = "BPM", value_parser = tempo)]
    pub tempo: Option<f64>,
    /// Recordings.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
}

/// By what the notes of recordings are told.
#[derive(Debug, Clone, Args)]
pub struct TranscriberArgs {
    /// A network that tells the notes of recordings, as nmp.onnx of Basic Pitch
    #[arg(long, value_name = "ONNX")]
    pub transcriber: Option<PathBuf>,
}

impl TranscriberArgs {
    /// The options for reading a bank.
    ///
    /// # Errors
    /// When the transcriber cannot be read.
    pub fn options(&self) -> Result<ReadOptions> {
        Ok(ReadOptions { transcriber: self.open()?, ..ReadOptions::default() })
    }

    fn open(&self) -> Result<Option<Arc<Transcriber>>> {
        Ok(self.transcriber.as_deref().map(Transcriber::open).transpose()?.map(Arc::new))
    }
}

impl ReadArgs {
    /// The options for reading.
    ///
    /// # Errors
    /// When the transcriber cannot be read.
    pub fn options(&self) -> Result<ReadOptions> {
        let limits = Limits {
            notes: self.max_notes,
            quarters: self.max_quarters,
            seconds: self.max_hours.saturating_mul(3600),
            bytes: self.max_bytes,
            audio_seconds: self.max_audio_seconds,
        };
        let transcriber = self.transcriber.open()?;
        Ok(ReadOptions { limits, drums: self.drums, tempo: self.tempo, transcriber, keep_sound: false })
    }

    /// A bank, and the options for reading what belongs beside its exemplars: drawn as they are. The bank is opened with the
    /// same transcriber, which is read once; limits are for the files that are named.
    ///
    /// # Errors
    /// As [`options`](Self::options), and what `open` says.
    pub fn beside(&self, open: impl FnOnce(&ReadOptions) -> Result<Bank>) -> Result<(Bank, ReadOptions)> {
        let options = self.options()?;
        let bank = open(&ReadOptions { transcriber: options.transcriber.clone(), ..ReadOptions::default() })?;
        let drums = options.drums || bank.settings().drums;
        Ok((bank, ReadOptions { drums, ..options }))
    }
}

fn tempo(text: &str) -> Result<f64, String> {
    let expected = || format!("{text:?} is not a number of quarters a minute from 10 to 1000");
    let tempo: f64 = text.trim().parse().map_err(|_| expected())?;
    if (10.0..=1000.0).contains(&tempo) { Ok(tempo) } else { Err(expected()) }
}

/// What goes for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "General")]
pub struct GeneralArgs {
    /// Threads to use; as many as there are cores when not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// When to write in colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// No progress bars, no warnings
    #[arg(long, short)]
    pub quiet: bool,
}

/// Which bank to judge by.
#[derive(Debug, Clone, Args)]
pub struct BankArgs {
    /// The bank: a folder with folders good and bad in it [default: $JUDGE_BANK, else ./fragments if it is one, else the starter bank]
    #[arg(long, value_name = "DIR")]
    pub bank: Option<PathBuf>,
}

/// `judge FILE...`
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// MIDI files, recordings, folders (searched with their sub-folders), or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// How many matches of each label to tell
    #[arg(long, value_name = "N", default_value_t = crate::judge::DEFAULT_TOP)]
    pub top: usize,
    /// Exit with status 1 when any verdict is not good
    #[arg(long)]
    pub exit_code: bool,
    /// Show a small picture of what decided
    #[arg(long, conflicts_with = "json")]
    pub show: bool,
    /// Draw the best good and the best bad match of a single file, as PNG or SVG
    #[arg(long, value_name = "OUT")]
    pub picture: Option<PathBuf>,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Network.
    #[command(flatten)]
    pub cnn: CnnArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge stream`
#[derive(Debug, Args)]
pub struct StreamArgs {
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// How many matches of each label to tell
    #[arg(long, value_name = "N", default_value_t = crate::judge::DEFAULT_TOP)]
    pub top: usize,
    /// Tell the verdict, the score and the highest similarities, without the matches
    #[arg(long, conflicts_with = "top")]
    pub score_only: bool,
    /// Greatest length of a line in bytes
    #[arg(long, value_name = "N", default_value_t = 4 << 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_line: u32,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Network.
    #[command(flatten)]
    pub cnn: CnnArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The fragment
    pub a: PathBuf,
    /// What is laid on it
    pub b: PathBuf,
    /// Whether they are compared as a whole, or A is looked for in B: whole or contained
    #[arg(long, value_name = "EXTENT", default_value = "whole", value_parser = extent)]
    pub extent: Extent,
    /// Write a JSON object
    #[arg(long)]
    pub json: bool,
    /// Show a small picture
    #[arg(long, conflicts_with = "json")]
    pub show: bool,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

fn extent(text: &str) -> Result<Extent, String> {
    match text {
        "whole" => Ok(Extent::Whole),
        "contained" => Ok(Extent::Contained),
        _ => Err(format!("{text:?} is not whole or contained")),
    }
}

/// `judge find`
#[derive(Debug, Args)]
pub struct FindArgs {
    /// What to look for
    pub query: PathBuf,
    /// Where to look: files, folders, or -
    #[arg(value_name = "PIECE", required = true)]
    pub pieces: Vec<PathBuf>,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Most occurrences to tell for each piece; as text only those of 0.5 or more are told
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge scan`
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// The piece
    pub piece: PathBuf,
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Draw the piece with its good and bad likeness along time, as PNG or SVG
    #[arg(long, value_name = "OUT")]
    pub picture: Option<PathBuf>,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Network.
    #[command(flatten)]
    pub cnn: CnnArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge matrix`
#[derive(Debug, Args)]
pub struct MatrixArgs {
    /// The queries: files, folders, or -
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// The targets; the queries themselves when not given
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub against: Vec<PathBuf>,
    /// Whether they are compared as a whole, or queries are looked for in targets: whole or contained
    #[arg(long, value_name = "EXTENT", default_value = "whole", value_parser = extent)]
    pub extent: Extent,
    /// Where to write, - for standard output
    #[arg(long, value_name = "OUT", default_value = "-")]
    pub csv: PathBuf,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// `judge inspect`
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// MIDI files, recordings, folders, or -
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Write one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// What is drawn of a recording.
#[cfg(feature = "audio")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SoundView {
    /// How strongly each semitone sounds, and the notes that are heard.
    Roll,
    /// The spectrum, in hertz.
    Spectrogram,
    /// The spectrum in 128 mel bands.
    Mel,
    /// The constant-Q transform: the spectrum by semitones.
    Cqt,
    /// Twenty mel-frequency cepstral coefficients.
    Mfcc,
    /// How strongly each pitch class sounds.
    Chroma,
    /// Where something begins, and the beats.
    Onset,
}

/// `judge render`
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// What to draw
    pub file: PathBuf,
    /// An exemplar to lay over it where it is brightest
    #[arg(long, value_name = "EXEMPLAR")]
    pub against: Option<PathBuf>,
    /// Draw a recording with time in seconds: its notes, its spectrum, or what is computed of it
    #[cfg(feature = "audio")]
    #[arg(long = "as", value_name = "VIEW", conflicts_with = "against")]
    pub view: Option<SoundView>,
    /// Where to write: a name that ends in .png or .svg
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// Whether they are compared as a whole, or FILE is looked for in the exemplar: whole or contained
    #[arg(long, value_name = "EXTENT", default_value = "whole", value_parser = extent)]
    pub extent: Extent,
    /// Likeness.
    #[command(flatten)]
    pub likeness: LikenessArgs,
    /// Reading.
    #[command(flatten)]
    pub read: ReadArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

/// What is held out together when a network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupByArg {
    /// Doubles only.
    None,
    /// What comes from one source, as bank.ron says.
    Source,
    /// What is in folders of one name below good and bad.
    Folder,
}

/// `judge train`
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// Where to write the network, an ONNX file
    #[arg(long, short, value_name = "MODEL.onnx")]
    pub output: PathBuf,
    /// What is held out together, beside doubles, when it is measured how well the network does
    #[arg(long, value_name = "WHAT", default_value = "source")]
    pub group_by: GroupByArg,
    /// Into how many parts the bank is dealt out, each held out in turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(3..=100))]
    pub folds: u16,
    /// How many networks stand side by side as one, which answers with the mean of theirs
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub towers: u16,
    /// How often the exemplars are gone through at most
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub epochs: u32,
    /// Where chance begins: the same network comes of the same bank and seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Which part of the bad pictures are good exemplars in disorder, 0 to 1
    #[arg(long, value_name = "PART", default_value_t = 0.9, value_parser = part)]
    pub scrambled: f64,
    /// Write a JSON object, then one for each exemplar
    #[arg(long)]
    pub json: bool,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

fn part(text: &str) -> Result<f64, String> {
    let expected = || format!("{text:?} is not a number from 0 to 1");
    let part: f64 = text.trim().parse().map_err(|_| expected())?;
    if (0.0..=1.0).contains(&part) { Ok(part) } else { Err(expected()) }
}

/// `judge doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The bank.
    #[command(flatten)]
    pub bank: BankArgs,
    /// Recordings in it.
    #[command(flatten)]
    pub transcriber: TranscriberArgs,
    /// General.
    #[command(flatten)]
    pub general: GeneralArgs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn transpositions_are_a_range() {
        assert_eq!(transpositions("-12..12"), Ok(-12..=12));
        assert_eq!(transpositions("0..=5"), Ok(0..=5));
        for text in ["", "5", "5..1", "a..b", "-5000..1", ".."] {
            assert!(transpositions(text).is_err(), "{text}");
        }
    }
}
