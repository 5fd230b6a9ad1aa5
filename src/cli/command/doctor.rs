//! `judge doctor`: what this program can do here.

use std::io::Write;

use crate::bank::Label;
use crate::cli::args::DoctorArgs;
use crate::cli::output;
use crate::cli::{Context, Outcome};
use crate::cnn::Network;
use crate::correlate::{BackendChoice, Cuda, Planner, Prepared, Processor, Search, SearchPlan};
use crate::note::Fragment;
use crate::roll::PianoRoll;

pub fn run(args: &DoctorArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let styles = context.styles;
    let mut out = output::standard();
    writeln!(out, "{} {}", styles.strong("judge"), env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  threads   {}", rayon::current_num_threads())?;

    writeln!(out, "{}", styles.strong("bank"))?;
    let mut outcome = Outcome::Done;
    match args.transcriber.options().and_then(|options| context.bank(&args.bank, &options)) {
        Ok(bank) => {
            writeln!(out, "  from      {}", bank.root())?;
            let (good, bad) = (bank.count(Label::Good), bank.count(Label::Bad));
            writeln!(out, "  exemplars {good} good, {bad} bad, {} left out", bank.problems().len())?;
            let thresholds = bank.thresholds();
            writeln!(out, "  good from {:.2}, vetoed from {:.2}", thresholds.good(), thresholds.bad())?;
            let comparer = bank.comparer(Planner::default());
            let alterations = comparer.alterations.list().len();
            writeln!(out, "  measure   {:?}, {:?}, {alterations} alterations", comparer.measure, comparer.extent)?;
            match Network::of_bank(&bank) {
                Ok(Some((network, weight))) => {
                    let path = network.path().display();
                    writeln!(out, "  network   {path}, weight {weight}, looks at {}", network.picture())?;
                }
                Ok(None) => {}
                Err(error) => {
                    writeln!(out, "  problem   {error}")?;
                    outcome = Outcome::Failed;
                }
            }
            if let Err(error) = bank.check_sides() {
                writeln!(out, "  problem   {error}")?;
                outcome = Outcome::Failed;
            }
        }
        Err(error) => {
            writeln!(out, "  problem   {error}")?;
            outcome = Outcome::Failed;
        }
    }

    writeln!(out, "{}", styles.strong("backends"))?;
    writeln!(out, "  sparse    available: exact, from note starts and stops, compiled for {}", Processor::best())?;
    writeln!(out, "  fft       available: exact, for pictures with soft or many pixels")?;
    writeln!(out, "  reference available: the definition, slow")?;
    match Cuda::new() {
        Ok(cuda) => {
            let (major, minor) = cuda.capability();
            let (name, count) = (cuda.name(), cuda.multiprocessors());
            writeln!(
                out,
                "  cuda      available: exact, for many fragments or exemplars; {name}, compute capability \
                 {major}.{minor}, {count} multiprocessors, {} MiB free",
                cuda.unused_memory() >> 20
            )?;
        }
        Err(absent) => writeln!(out, "  cuda      absent: {absent}")?,
    }

    writeln!(out, "{}", styles.strong("plans"))?;
    for (what, pair) in examples()? {
        let [fragment, exemplar] = &pair;
        if let Some(lags) = Search::default().lags(fragment.roll(), exemplar.roll()) {
            let plan = Planner::new(BackendChoice::Auto).plan(fragment, exemplar, &lags, 1);
            writeln!(out, "  {what}: {plan}")?;
        }
    }
    for (what, fragments, exemplars) in
        [("a fragment", 1, 100_000), ("1,000 fragments", 1_000, 1_000), ("100,000 fragments", 100_000, 10_000)]
    {
        let plan = SearchPlan::new(exemplars, fragments, false, 28);
        let absent = if plan.pays() && Cuda::new().is_err() { ", which is absent" } else { "" };
        writeln!(out, "  {what} by {exemplars} exemplars: {plan}{absent}")?;
    }
    out.flush()?;
    Ok(outcome)
}

/// Pairs that show how the planner decides.
fn examples() -> crate::Result<[(&'static str, [Prepared; 2]); 3]> {
    // Scales of so many notes, a quarter each, in so many voices.
    let scale = |notes: u32, voices: u32| {
        let note = |i: u32, voice: u32| (40 + 7 * voice as u8 + (i * 5 % 7) as u8, f64::from(i), 1.0);
        let notes: Vec<_> = (0..notes).flat_map(|i| (0..voices).map(move |voice| note(i, voice))).collect();
        Fragment::from_quarters(&notes).map(|fragment| PianoRoll::of(&fragment, 12))
    };
    let pair = |notes, voices| scale(notes, voices).map(|roll| [roll.clone(), roll].map(Prepared::new));
    let soft = ndarray::Array2::from_shape_fn((60, 256), |(row, column)| ((row * 7 + column * 3) % 10) as f32 / 10.0);
    let soft = PianoRoll::from_image(soft.view(), 30, 12)?;
    Ok([
        ("two phrases of 12 notes", pair(12, 1)?),
        ("two pieces of 4,000 notes in four voices", pair(1000, 4)?),
        ("two soft pictures of 60 x 256 pixels", [soft.clone(), soft].map(Prepared::new)),
    ])
}
