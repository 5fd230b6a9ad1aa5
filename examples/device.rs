//! Holds the graphics processor to the processor on all pairs of real music, and times it.
//!
//! `cargo run --release --example device -- [--quick | --search | --tables | --rolls OUT] FOLDER…` takes the MIDI files of each
//! folder as a collection. With --search nothing but searches of large banks is timed, with --tables nothing but all
//! pairs; without folders, soft pictures alone. With --rolls nothing is computed: the collections' pictures are written
//! into the folder OUT for `benches/device_peer.py`.

#[path = "../benches/support/mod.rs"]
mod support;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use judge::bank::Settings;
use judge::correlate::{
    Backend, BackendChoice, Correlator, Cuda, Fft, Normalisation, Planner, Prepared, Search, Sparse, best_in_window,
};
use judge::similarity::Measure;
use judge::{Alteration, Alterations, Bank, Fragment, Judge, PianoRoll, Rendering};
use ndarray::Array2;
use rayon::prelude::*;
use support::{Random, read, vary};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut folders: Vec<String> = std::env::args().skip(1).collect();
    let quick = folders.first().is_some_and(|it| it == "--quick");
    let searches = folders.first().is_some_and(|it| it == "--search");
    let tables = folders.first().is_some_and(|it| it == "--tables");
    if quick || searches || tables {
        folders.remove(0);
    }
    if folders.first().is_some_and(|it| it == "--rolls") {
        let out = folders.get(1).ok_or("--rolls needs a folder")?.clone();
        return folders[2..]
            .iter()
            .try_for_each(|folder| write_rolls(Path::new(folder), Path::new(&out)))
            .map(|()| ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let cuda = Cuda::new()?;
    let (major, minor) = cuda.capability();
    println!(
        "{}, compute capability {major}.{minor}, {} multiprocessors; opened in {:.0} ms",
        cuda.name(),
        cuda.multiprocessors(),
        1e3 * start.elapsed().as_secs_f64()
    );
    let mut wrong = 0;
    for folder in folders.iter().filter(|_| !searches) {
        let fragments = read(Path::new(folder))?;
        println!("\n{folder}: {} fragments", fragments.len());
        wrong += agree(&cuda, &fragments);
        table(&cuda, &fragments, if quick { 2 } else { 5 })?;
    }
    if !searches && !tables {
        soft(&cuda)?;
    }
    if let Some(folder) = folders.first().filter(|_| !tables) {
        let fragments = read(Path::new(folder))?;
        for size in if quick { vec![914, 10_000] } else { vec![914, 10_000, 100_000] } {
            wrong += search(&fragments, size)?;
        }
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the pictures of a collection one after another: pitch of the lowest row, rows, columns (32 bits each), then
/// a byte a pixel.
fn write_rolls(folder: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    for fragment in read(folder)? {
        let roll = PianoRoll::of(&fragment, 12);
        for number in [roll.low() as u32, roll.rows() as u32, roll.columns()] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(roll.image().iter().map(|&pixel| pixel as u8));
    }
    std::fs::create_dir_all(out)?;
    Ok(std::fs::write(out.join(folder.file_name().unwrap_or_default()).with_extension("rolls"), bytes)?)
}

/// Brightness and placement of all pairs by both; gives how many differ.
fn agree(cuda: &Cuda, fragments: &[Fragment]) -> usize {
    let rolls: Vec<_> = fragments.iter().map(|fragment| Prepared::new(PianoRoll::of(fragment, 12))).collect();
    let all: Vec<_> = rolls.iter().collect();
    let found = cuda.peaks(&all, &all, None);
    let brightest = cuda.brightest_table(&all, &all);
    let sparse = Sparse::default();
    let differs = |(x, (found, brightest)): (&Prepared, (&Vec<_>, &Vec<f64>))| {
        let search = Search::default();
        let pairs = rolls.iter().zip(found).zip(brightest);
        pairs
            .filter(|((k, peak), brightest)| {
                let expected = sparse.peak(x, k, &search);
                expected != **peak || expected.is_none_or(|expected| expected.brightness != **brightest)
            })
            .count()
    };
    let wrong = rolls.par_iter().zip(found.par_iter().zip(&brightest)).map(differs).sum();
    println!("{} of {} pairs agree in brightness and placement", rolls.len().pow(2) - wrong, rolls.len().pow(2));
    wrong
}

/// The time of all pairs under all 28 alterations.
fn table(cuda: &Cuda, fragments: &[Fragment], repeats: u32) -> Result<(), String> {
    let rolls: Vec<_> = fragments.iter().map(|fragment| Prepared::new(PianoRoll::of(fragment, 12))).collect();
    let stretched: Vec<_> = fragments
        .iter()
        .flat_map(|fragment| {
            let stretches = Alterations::default().stretches;
            stretches
                .into_iter()
                .map(move |stretch| Prepared::new(Rendering::default().draw(fragment, &Alteration::stretched(stretch))))
        })
        .collect();
    let (rolls, stretched): (Vec<_>, Vec<_>) = (rolls.iter().collect(), stretched.iter().collect());
    for (what, exemplars) in [("as they are", &rolls), ("under 7 stretches", &stretched)] {
        let found = cuda.measure(&rolls, exemplars, repeats)?;
        let each = |time: Duration| 1e9 * time.as_secs_f64() / found.pairs as f64;
        println!(
            "{what}, 4 mirrors: {} pair-alterations, correlation {:.2} ms, {:.3e} a second ({:.3} ns each)",
            found.pairs,
            1e3 * found.correlate.as_secs_f64(),
            found.pairs as f64 / found.correlate.as_secs_f64(),
            each(found.correlate)
        );
        println!(
            "    besides, ns each: laying out {:.4}, sending and drawing {:.4}, fetching all answers {:.4}",
            each(found.lay_out),
            each(found.draw),
            each(found.fetch)
        );
    }
    Ok(())
}

/// The time of peaks of soft pictures of 128 x 256 pixels, as `benches/device_peer.py` makes them.
fn soft(cuda: &Cuda) -> Result<(), Box<dyn Error>> {
    let mut random = Random(1);
    let mut picture = || {
        let image = Array2::from_shape_simple_fn((128, 256), || (random.below(1 << 16) as f32 / 65_536.0).powi(4));
        PianoRoll::from_image(image.view(), 0, 12).map(Prepared::new)
    };
    let fragments: Vec<_> = (0..64).map(|_| picture()).collect::<Result<_, _>>()?;
    let exemplars: Vec<_> = (0..256).map(|_| picture()).collect::<Result<_, _>>()?;
    let (x, k): (Vec<_>, Vec<_>) = (fragments.iter().collect(), exemplars.iter().collect());
    println!("\nsoft pictures of 128 x 256 pixels, {} pairs", x.len() * k.len());
    for (what, range) in [("25 transpositions", Some(-12..=12)), ("51", Some(-25..=25)), ("all", None)] {
        let mut least = (Duration::MAX, Duration::MAX);
        for _ in 0..6 {
            let (spectra, pairs) = cuda.measure_soft(&x, &k, range.clone())?;
            least = (least.0.min(spectra), least.1.min(pairs));
        }
        let pairs = (x.len() * k.len()) as f64;
        println!(
            "{what}: {:.4} us a pair, {:.3e} pairs a second; sending and spectra {:.1} us a picture",
            1e6 * least.1.as_secs_f64() / pairs,
            pairs / least.1.as_secs_f64(),
            1e6 * least.0.as_secs_f64() / (x.len() + k.len()) as f64
        );
        let found = cuda.peaks(&x[..4], &k[..4], range.clone());
        let search = Search { transpositions: range, shifts: None };
        let error = x[..4].iter().zip(&found).flat_map(|(x, row)| k[..4].iter().zip(row).map(move |pair| (x, pair)));
        let error = error.filter_map(|(x, (k, peak))| Some((Fft.peak(x, k, &search)?.brightness, (*peak)?.brightness)));
        let error = error.map(|(expected, found)| (found / expected - 1.0).abs()).fold(0.0, f64::max);
        println!("    brightness differs from the processor's by {error:.1e} at most");
    }
    for (what, range) in [("25 transpositions", Some(-12..=12)), ("all", None)] {
        let mut least = Duration::MAX;
        for _ in 0..4 {
            least = least.min(cuda.measure_windows(&x, &k, range.clone())?);
        }
        let each = 1e6 * least.as_secs_f64() / (x.len() * k.len()) as f64;
        println!("by windows, {what}: {each:.4} us a pair");
    }
    let found = cuda.window_peaks(&x[..4], &k[..4], true, Normalisation::Cosine, None);
    let search = Search::default();
    let best = |x, k| best_in_window(&Fft, (x, k), true, Normalisation::Cosine, &search, 0.0);
    let pairs = x[..4].iter().zip(&found).flat_map(|(x, row)| k[..4].iter().zip(row).map(move |pair| (x, pair)));
    let error = pairs.filter_map(|(x, (k, peak))| Some((best(x, k)?.similarity - (*peak)?.similarity).abs()));
    println!("    similarity differs from the processor's by {:.1e} at most", error.fold(0.0, f64::max));
    Ok(())
}

/// Searches of a bank, on the device and by the processor, by both measures; gives how many answers differ.
fn search(originals: &[Fragment], size: usize) -> Result<usize, Box<dyn Error>> {
    let exemplars: Vec<_> = (0..size)
        .into_par_iter()
        .map(|index| match originals.get(index) {
            Some(original) => original.clone(),
            None => vary(&originals[index % originals.len()], &mut Random(index as u64)),
        })
        .collect();
    let queries: Vec<_> = (0..4096)
        .into_par_iter()
        .map(|index| vary(&originals[index % originals.len()], &mut Random((1 << 32) + index as u64)))
        .collect();
    println!("\n{size} exemplars, 28 alterations each");
    let by_correlation = searched(&exemplars, &queries, Measure::Correlation)?;
    // What correlates best is examined on the processor, whoever found it.
    Ok(by_correlation + searched(&exemplars, &queries[..1024], Measure::Full)?)
}

fn searched(exemplars: &[Fragment], queries: &[Fragment], measure: Measure) -> Result<usize, Box<dyn Error>> {
    let size = exemplars.len();
    let open = |backend| -> Result<Judge, Box<dyn Error>> {
        let named = exemplars.iter().enumerate().map(|(index, fragment)| {
            (format!("{}/{index}", if index % 2 == 0 { "good" } else { "bad" }), fragment.clone())
        });
        let bank = Bank::from_fragments(named)?.with_settings(Settings { measure, ..Settings::default() })?;
        Ok(Judge::new(bank, Planner::new(BackendChoice::Only(backend)))?)
    };
    let device = open(Backend::Cuda)?;
    let start = Instant::now();
    device.score(&queries[0]);
    let sent = start.elapsed();
    let timed = |judge: &Judge, queries: &[Fragment]| {
        judge.score_many(&queries[..64.min(queries.len())]);
        let start = Instant::now();
        let scores = judge.score_many(queries);
        (scores, start.elapsed().as_secs_f64() / queries.len() as f64)
    };
    let (scores, skipping) = timed(&device, queries);
    let few = if size > 20_000 { 128 } else { 1024 }.min(queries.len());
    let device = device.exhaustive(true);
    let (all, exhaustive) = timed(&device, &queries[..few]);
    let (expected, processor) = timed(&open(Backend::Sparse)?, queries);
    let wrong = scores.iter().zip(&expected).filter(|(a, b)| a != b).count()
        + all.iter().zip(&expected).filter(|(a, b)| a != b).count();
    println!(
        "{measure:?}: sent in {:.0} ms; {} of {} scores agree",
        1e3 * sent.as_secs_f64(),
        scores.len() + all.len() - wrong,
        scores.len() + all.len()
    );
    println!(
        "    a fragment: {:.1} us, without skipping {:.1} us ({:.3e} pair-alterations a second); on the processor, {} threads, {:.1} us",
        1e6 * skipping,
        1e6 * exhaustive,
        28.0 * size as f64 / exhaustive,
        rayon::current_num_threads(),
        1e6 * processor
    );
    println!("    {:.2} million fragments a minute", 60.0 / skipping / 1e6);
    Ok(wrong)
}
