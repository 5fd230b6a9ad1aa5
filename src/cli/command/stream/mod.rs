//! `judge stream`: a JSON object a line in, one a line out, in the same order.
//!
//! What has arrived when the last answers are written is judged together, on all cores or on a graphics processor. So a
//! fast writer is answered in large batches, and a lone line at once.

mod lines;
mod request;

use std::io;
use std::path::PathBuf;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;

use self::lines::{Line, Lines};
use self::request::{Asked, Request};
use crate::bank::{Bank, Label};
use crate::cli::args::StreamArgs;
use crate::cli::context::{choose_bank, judge_by};
use crate::cli::output::{self, About, Report};
use crate::cli::{Context, Outcome};
use crate::error::{Error, Origin};
use crate::input::{self, Limits, Piece, ReadOptions};
use crate::judge::{Judge, Score};
use crate::note::{Fragment, Note, TICKS_PER_QUARTER};
use crate::verdict::Verdict;

/// The most lines that are judged before their answers are written.
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
    let judge = context.judge(&args.bank, &args.likeness, &mut reading.clone(), |_| ())?.top(args.top);
    let mut stream = Stream { args, reading, folder, judge };
    let lines = Lines::of(io::stdin(), args.max_line)?;
    while let Some(batch) = lines.take(BATCH)? {
        stream.answer(&batch)?;
    }
    Ok(Outcome::Done)
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
    warnings: Vec<String>,
}

impl Stream<'_> {
    /// Answers lines in their order.
    fn answer(&mut self, batch: &[Line]) -> anyhow::Result<()> {
        let limits = self.reading.limits;
        let read = |line: &Line| match &line.bytes {
            Some(bytes) => Request::read(line.number, bytes, &limits),
            None => Request::too_long(line.number, self.args.max_line),
        };
        let mut requests: Vec<Request> = batch.par_iter().map(read).collect();
        // What comes before a reload is judged by the old bank, and told before the new one is read.
        while let Some(at) = requests.iter().position(Request::is_reload) {
            let after = requests.split_off(at + 1);
            let reload = requests.pop();
            self.judge(requests)?;
            if let Some(Request { line, id, .. }) = reload {
                self.reload(line, id.as_deref())?;
            }
            requests = after;
        }
        self.judge(requests)
    }

    /// Judges what can be judged together, and writes the answers.
    fn judge(&self, requests: Vec<Request>) -> anyhow::Result<()> {
        let drums = self.reading.drums || self.judge.bank().settings().drums;
        let options = ReadOptions { drums, ..self.reading.clone() };
        let read = |Request { line, id, asked }| (line, id, asked.and_then(|asked| music(asked, &options)));
        let (mut fragments, mut all) = (Vec::new(), Vec::new());
        for (line, id, music) in requests.into_par_iter().map(read).collect::<Vec<_>>() {
            let warnings = music.map(|Music { fragment, warnings }| {
                fragments.push(fragment);
                warnings
            });
            all.push(Read { line, id, warnings });
        }
        let mut out = Vec::new();
        if self.args.score_only {
            let scores = self.judge.score_many(&fragments);
            write(&mut out, &all, scores, |out, id, score, _| output::json(out, &Scored::new(id, &score)))?;
        } else {
            let judgements = self.judge.judge_many(&fragments);
            write(&mut out, &all, judgements, |out, id, judgement, warnings| {
                output::json(out, &Report::new(About::Id(id), &judgement, warnings))
            })?;
        }
        if !out.is_empty() {
            output::write(&out)?;
        }
        Ok(())
    }

    /// Reads the bank again and tells it; where that fails the old one stays.
    fn reload(&mut self, line: u64, id: Option<&RawValue>) -> anyhow::Result<()> {
        let bank = || match &self.folder {
            Some(folder) => Bank::open_with(folder, &self.reading),
            None => Ok(Bank::starter()),
        };
        let mut out = Vec::new();
        match bank().and_then(|bank| judge_by(bank, &self.args.likeness, |_| ())) {
            Ok(judge) => {
                self.judge = judge.top(self.args.top);
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
        output::write(&out)?;
        Ok(())
    }
}

impl<'a> Scored<'a> {
    fn new(id: Option<&'a RawValue>, score: &Score) -> Self {
        let Score { verdict, score, good, bad } = *score;
        Self { id, verdict, score, vetoed: verdict == Verdict::Bad, good_similarity: good, bad_similarity: bad }
    }
}

/// A line that was read: what was dropped or repaired, or what is wrong.
struct Read {
    line: u64,
    id: Option<Box<RawValue>>,
    warnings: Result<Vec<String>, String>,
}

/// Writes the answers to lines, of which those that could be read have one of `answers` each.
fn write<T>(
    out: &mut Vec<u8>,
    lines: &[Read],
    answers: Vec<T>,
    answer: impl Fn(&mut Vec<u8>, Option<&RawValue>, T, &[String]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut answers = answers.into_iter();
    for Read { line, id, warnings } in lines {
        let id = id.as_deref();
        match warnings {
            Err(error) => output::json(out, &Failure { id, line: *line, error })?,
            Ok(warnings) => {
                if let Some(it) = answers.next() {
                    answer(out, id, it, warnings)?;
                }
            }
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
                .map(|fragment| Music { fragment, warnings: Vec::new() })
                .map_err(|error| error.to_string());
        }
        Asked::File(path) => input::read_file(&path, options),
        Asked::Midi(bytes) => input::read_bytes(&bytes, PathBuf::from("midi").into(), options),
        // Answered elsewhere.
        Asked::Reload => return Err("the bank is read again".to_owned()),
    };
    let read = |piece: Piece| {
        let warnings = piece.warnings.iter().map(ToString::to_string).collect();
        Ok(Music { fragment: piece.into_fragment()?, warnings })
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
