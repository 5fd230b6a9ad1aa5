//! `judge stream`: a JSON object a line in, one a line out, in the same order.
//!
//! What has arrived when the last lines are judged is judged together, on all cores or on a graphics processor, while the
//! answers to those are written. So a fast writer is answered in large batches, and a lone line at once.

mod answers;
mod lines;
mod request;

use std::io;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;

use self::answers::Answers;
use self::lines::{Line, Lines};
use self::request::{Asked, Request};
use crate::bank::{Bank, Label};
use crate::cli::args::StreamArgs;
use crate::cli::context::{choose_bank, judge_by};
use crate::cli::output::{self, About, CnnShare, Report};
use crate::cli::{Context, Outcome};
use crate::error::{Error, Origin};
use crate::input::{self, Limits, Piece, ReadOptions};
use crate::judge::{Judge, Score};
use crate::note::{Fragment, Note, TICKS_PER_QUARTER};
use crate::scorer::{Candidate, Opinion};
use crate::verdict::Verdict;

/// The most lines that are judged together.
const BATCH: usize = 1024;

/// The JSON object of a score.
#[derive(Serialize)]
struct Scored<'a> {
    id: Option<&'a RawValue>,
    verdict: Verdict,
    score: f64,
    vetoed: bool,
    good_similarity: f64,
    bad_similarity: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnn: Option<f64>,
    #[serde(flatten)]
    share: Option<CnnShare>,
}

/// The JSON object of a line that could not be answered.
#[derive(Serialize)]
struct Failure<'a> {
    id: Option<&'a RawValue>,
    line: u64,
    error: &'a str,
}

/// The JSON object of a bank that was read again.
#[derive(Serialize)]
struct Reloaded<'a> {
    id: Option<&'a RawValue>,
    reloaded: String,
    good: usize,
    bad: usize,
    warnings: Vec<String>,
}

pub fn run(args: &StreamArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    // Chosen once: a folder that is gone for a moment must not let another bank take its place.
    let folder = choose_bank(&args.bank);
    let reading = args.read.options()?;
    let mut options = reading.clone();
    let judge = context.judge(&args.bank, &args.likeness, &args.cnn, &mut options, |_| ())?.top(args.top);
    let reading = ReadOptions { keep_sound: options.keep_sound, ..reading };
    let mut stream = Stream { args, reading, folder, judge };
    let lines = Lines::of(io::stdin(), args.max_line)?;
    let answers = Answers::new(lines.closer())?;
    let done = stream.answer_all(&lines, &answers);
    // Also where that failed what was answered before is to be written.
    let written = answers.finish();
    stream.judge.remember();
    done?;
    written.map(|()| Outcome::Done)
}

/// The state between lines.
struct Stream<'a> {
    args: &'a StreamArgs,
    reading: ReadOptions,
    folder: Option<PathBuf>,
    judge: Judge,
}

/// A fragment to judge.
struct Music {
    fragment: Fragment,
    sound: Option<Vec<f32>>,
    warnings: Vec<String>,
}

impl Stream<'_> {
    /// Answers lines to the last, or until answers can no longer be written.
    fn answer_all(&mut self, lines: &Lines, answers: &Answers) -> anyhow::Result<()> {
        while let Some(batch) = lines.take(BATCH)? {
            if !self.answer(&batch, answers)? {
                break;
            }
        }
        Ok(())
    }

    /// Answers lines in their order; false when answers can no longer be written.
    fn answer(&mut self, batch: &[Line], answers: &Answers) -> anyhow::Result<bool> {
        let limits = self.reading.limits;
        let read = |line: &Line| match &line.bytes {
            Some(bytes) => Request::read(line.number, bytes, &limits),
            None => Request::too_long(line.number, self.args.max_line),
        };
        let mut requests: Vec<Request> = batch.par_iter().map(read).collect();
        // What comes before a reload is judged by the old bank, and answered before the new one is read.
        while let Some(at) = requests.iter().position(Request::is_reload) {
            let after = requests.split_off(at + 1);
            let reload = requests.pop();
            let mut goes_on = answers.put(self.judge(requests)?);
            if let Some(Request { line, id, .. }) = reload {
                goes_on = goes_on && answers.put(self.reload(line, id.as_deref())?);
            }
            if !goes_on {
                return Ok(false);
            }
            requests = after;
        }
        Ok(answers.put(self.judge(requests)?))
    }

    /// Judges what can be judged together; gives the answers.
    fn judge(&self, requests: Vec<Request>) -> anyhow::Result<Vec<u8>> {
        let drums = self.reading.drums || self.judge.bank().settings().drums;
        let options = ReadOptions { drums, ..self.reading.clone() };
        let read = |Request { line, id, asked }| (line, id, asked.and_then(|asked| music(asked, &options)));
        let mut out = Vec::new();
        // Sound takes much memory, so not much of it is kept at a time.
        let together = if self.reading.keep_sound { rayon::current_num_threads() } else { BATCH };
        let mut requests = requests.into_iter();
        while requests.len() > 0 {
            let (mut music, mut all) = (Vec::new(), Vec::new());
            let part: Vec<_> = requests.by_ref().take(together).collect();
            for (line, id, read) in part.into_par_iter().map(read).collect::<Vec<_>>() {
                let warnings = read.map(|Music { fragment, sound, warnings }| {
                    music.push((fragment, sound));
                    warnings
                });
                all.push(Read { line, id, warnings });
            }
            let music: Vec<_> =
                music.iter().map(|(fragment, sound)| Candidate { fragment, sound: sound.as_deref() }).collect();
            if self.args.score_only {
                let scores = self.judge.score_candidates(&music);
                write(&mut out, &all, scores, |out, id, score, _| {
                    output::json(out, &Scored::new(id, &self.judge, &score))
                })?;
            } else {
                let judgements = self.judge.judge_candidates(&music);
                write(&mut out, &all, judgements, |out, id, judgement, warnings| {
                    output::json(out, &Report::new(About::Id(id), &self.judge, &judgement, warnings))
                })?;
            }
        }
        Ok(out)
    }

    /// Reads the bank again; gives the answer. Where that fails the old one stays.
    fn reload(&mut self, line: u64, id: Option<&RawValue>) -> anyhow::Result<Vec<u8>> {
        let bank = || match &self.folder {
            Some(folder) => Bank::open_with(folder, &self.reading),
            None => Ok(Bank::starter()),
        };
        let mut out = Vec::new();
        self.judge.remember();
        match bank().and_then(|bank| judge_by(bank, &self.args.likeness, &self.args.cnn, |_| ())) {
            Ok((judge, listens)) => {
                self.judge = judge.top(self.args.top);
                self.reading.keep_sound = listens;
                let bank = self.judge.bank();
                let [good, bad] = [Label::Good, Label::Bad].map(|label| bank.count(label));
                let warnings = bank.problems().iter().map(ToString::to_string).collect();
                output::json(&mut out, &Reloaded { id, reloaded: bank.root().to_string(), good, bad, warnings })?;
            }
            Err(error) => {
                let error = format!("{error}; the bank that was read before stays");
                output::json(&mut out, &Failure { id, line, error: &error })?;
            }
        }
        Ok(out)
    }
}

impl<'a> Scored<'a> {
    fn new(id: Option<&'a RawValue>, judge: &Judge, score: &Score) -> Self {
        let Score { verdict, score, good, bad, opinion } = *score;
        let vetoed = verdict == Verdict::Bad;
        let told = |opinion: Opinion| (opinion.probability, CnnShare::new(judge, opinion, vetoed));
        let (cnn, share) = opinion.map(told).unzip();
        Self { id, verdict, score, vetoed, good_similarity: good, bad_similarity: bad, cnn, share }
    }
}

/// A line that was read: what was dropped or repaired, or what is wrong.
struct Read {
    line: u64,
    id: Option<Box<RawValue>>,
    warnings: Result<Vec<String>, String>,
}

/// Appends the answers to lines, of which those that could be read have one of `answers` each.
fn write<T>(
    out: &mut Vec<u8>,
    lines: &[Read],
    answers: Vec<crate::Result<T>>,
    answer: impl Fn(&mut Vec<u8>, Option<&RawValue>, T, &[String]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut answers = answers.into_iter();
    for Read { line, id, warnings } in lines {
        let id = id.as_deref();
        match warnings {
            Err(error) => output::json(out, &Failure { id, line: *line, error })?,
            Ok(warnings) => match answers.next() {
                Some(Ok(it)) => answer(out, id, it, warnings)?,
                Some(Err(error)) => {
                    output::json(out, &Failure { id, line: *line, error: &error.to_string() })?;
                }
                None => {}
            },
        }
    }
    Ok(())
}

/// The music that a line asks about.
fn music(asked: Asked, options: &ReadOptions) -> Result<Music, String> {
    let piece = match asked {
        Asked::Notes(notes) => {
            let fragment = within(notes, &options.limits).map_err(|error| error.from_origin(PathBuf::from("notes")));
            return fragment
                .map(|fragment| Music { fragment, sound: None, warnings: Vec::new() })
                .map_err(|error| error.to_string());
        }
        Asked::File(path) => input::read_file(&path, options),
        Asked::Midi(bytes) => input::read_bytes(&bytes, PathBuf::from("midi").into(), options),
        // Answered elsewhere.
        Asked::Reload => return Err("the bank is read again".to_owned()),
    };
    let read = |mut piece: Piece| {
        let warnings = piece.warnings.iter().map(ToString::to_string).collect();
        let sound = piece.take_sound();
        Ok(Music { fragment: piece.into_fragment()?, sound, warnings })
    };
    piece.and_then(read).map_err(|error| error.to_string())
}

/// The fragment of some notes, if it is not longer than it may be.
fn within(notes: Vec<Note>, limits: &Limits) -> crate::Result<Fragment> {
    let fragment = Fragment::new(notes, TICKS_PER_QUARTER)?;
    let found = (fragment.lead() + fragment.ticks()).div_ceil(TICKS_PER_QUARTER.into());
    if found > limits.quarters {
        let (origin, what, limit, option) = (Origin::Memory, "quarters", limits.quarters, "--max-quarters");
        return Err(Error::OverLimit { origin, what, found, limit, option });
    }
    Ok(fragment)
}
