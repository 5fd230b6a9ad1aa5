//! The correlation on a graphics processor, held to the reference and to the processor's backends.
//!
//! `cargo test` runs it without a device: it builds a stand-in for the driver's library, in which the kernels run on
//! the processor (`kernels/host/`), and runs the ignored tests of this file against that. Where there is a device,
//! `cargo test --test cuda -- --ignored` runs them on it.

#![cfg(feature = "cuda")]

#[path = "../benches/support/mod.rs"]
mod music_for_benches;
mod support;

use std::path::Path;
use std::process::Command;

use judge::correlate::{
    Backend, BackendChoice, Correlator, Cuda, Fft, Lags, Normalisation, Offset, Planner, Prepared, Search, Sparse,
    best_in_window,
};
use judge::similarity::{Comparer, Gallery, Measure};
use judge::{Bank, Fragment, Judge, PianoRoll};
use music_for_benches::Random;
use ndarray::{Array2, array};
use proptest::prelude::*;

fn device(warps: u32) -> Cuda {
    Cuda::new().unwrap_or_else(|absent| panic!("{absent}")).with_warps(warps)
}

/// Builds the stand-in; `None` where there is no C++ compiler.
fn stand_in(folder: &Path, options: &[&str]) -> Option<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/host/driver.cpp");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let arguments = ["-std=c++20", "-fPIC", "-shared", "-U_FORTIFY_SOURCE", "-Wno-unknown-pragmas", "-o"];
    let mut command = Command::new(&compiler);
    command.args(arguments).arg(folder.join("libcuda.so.1")).arg(source).args(options);
    match command.status() {
        Ok(status) => assert!(status.success(), "{command:?} failed"),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{compiler}: {error}");
            eprintln!("skipped, since there is no C++ compiler ({compiler}: {error})");
            return None;
        }
    }
    Some(())
}

#[test]
fn on_a_stand_in_for_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    if stand_in(folder.path(), &["-O2"]).is_none() {
        return;
    }
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments).env("LD_LIBRARY_PATH", folder.path()).envs(variables.iter().copied());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        text
    };
    println!("{}", run(&["--ignored", "--skip", "driver_"], &[]));
    the_program(folder.path());
    run(&["--ignored", "driver_without_devices"], &[("STAND_IN_DEVICES", "0")]);
    // For little of the work, for some of it at a time, for all.
    for memory in ["60000", "300000", "2000000", "30000000"] {
        run(&["--ignored", "driver_with_little_memory"], &[("STAND_IN_MEMORY", memory)]);
    }
    assert!(stand_in(folder.path(), &["-O0", "-DOLD"]).is_some());
    run(&["--ignored", "driver_that_is_old"], &[]);
}

/// The program says the same with and without the stand-in.
fn the_program(driver: &Path) {
    let fragments = Path::new(env!("CARGO_MANIFEST_DIR")).join("fragments");
    let said = |arguments: &[&str], backend: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_judge"));
        command.args(arguments).args(["--backend", backend]).current_dir(&fragments).env("LD_LIBRARY_PATH", driver);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let few = ["good/sakura.mid", "good/clementine.mid", "bad/drone.mid"];
    let narrow = ["--stretch", "1,2", "--bank", "."];
    let judged = [&["candidates/good-sakura-ornamented.mid", few[2], "--json"], &narrow[..]].concat();
    let table = [&["matrix"], &few[..], &["--csv", "-", "--stretch", "1,3/4"]].concat();
    for arguments in [&judged, &table] {
        assert_eq!(said(arguments, "cuda"), said(arguments, "sparse"));
    }
    let doctor =
        Command::new(env!("CARGO_BIN_EXE_judge")).arg("doctor").env("LD_LIBRARY_PATH", driver).output().unwrap();
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("stand-in on the processor"));
}

#[test]
#[ignore = "run by on_a_stand_in_for_the_driver"]
fn driver_without_devices() {
    let absent = Cuda::new().unwrap_err();
    assert_eq!(absent.to_string(), "the NVIDIA driver finds no graphics processor");
}

#[test]
#[ignore = "run by on_a_stand_in_for_the_driver"]
fn driver_that_is_old() {
    let absent = Cuda::new().unwrap_err();
    assert_eq!(absent.to_string(), "the NVIDIA driver is too old, it has no cuMemFreeHost: update it");
}

#[test]
#[ignore = "run by on_a_stand_in_for_the_driver"]
fn driver_with_little_memory() {
    let rolls = rolls(12, 30);
    let all: Vec<_> = rolls.iter().collect();
    // Where it does not fit the processor answers.
    assert_eq!(device(8).peaks(&all, &all, None), by_sparse(&all, &all));
    let line = |step: u32| (0..6).map(|i| (60 + (i * step % 11) as u8, f64::from(i), 1.0)).collect::<Vec<_>>();
    let exemplars: Vec<_> = (1..30).map(line).collect();
    let [device, processor] = judges(&exemplars, true);
    let fragments: Vec<_> = (30..50).map(|step| Fragment::from_quarters(&line(step)).unwrap()).collect();
    assert_eq!(device.score_many(&fragments), processor.score_many(&fragments));
}

suite!(blocks_of_eight_warps, device(8), 24, #[ignore = "needs a device"]);
suite!(blocks_of_three_warps, device(3), 8, #[ignore = "needs a device"]);
suite!(blocks_of_a_warp, device(1), 8, #[ignore = "needs a device"]);

fn by_sparse(fragments: &[&Prepared], exemplars: &[&Prepared]) -> Vec<Vec<Option<judge::correlate::Peak>>> {
    let peak = |x: &Prepared, k: &Prepared| Sparse::default().peak(x, k, &Search::default());
    fragments.iter().map(|x| exemplars.iter().map(|k| peak(x, k)).collect()).collect()
}

/// Rolls of many shapes: lines and chords, on grids from 1 to 12 columns, up to `notes` notes.
fn rolls(count: u64, notes: u64) -> Vec<Prepared> {
    let mut random = Random(0);
    let mut below = |bound| random.below(bound);
    (0..count)
        .map(|_| {
            let grid = [1.0, 0.5, 0.25, 1.0 / 3.0, 1.0 / 12.0][below(5) as usize];
            let span = [1, 8, 25, 90][below(4) as usize];
            let mut onset = 0;
            let notes: Vec<_> = (0..1 + below(notes))
                .map(|_| {
                    onset += below(3);
                    (20 + below(span) as u8, onset as f64 * grid, (1 + below(4)) as f64 * grid)
                })
                .collect();
            Prepared::new(PianoRoll::of(&Fragment::from_quarters(&notes).unwrap(), 12))
        })
        .collect()
}

#[test]
#[ignore = "needs a device"]
fn long_pieces_and_chords_of_all_sizes() {
    // More notes than are on the stage at once, more lags than a tile, energies beyond a byte.
    let rolls = rolls(24, 220);
    let all: Vec<_> = rolls.iter().collect();
    let expected = by_sparse(&all, &all);
    assert_eq!(device(8).peaks(&all, &all, None), expected);
    let brightest: Vec<Vec<f64>> =
        expected.iter().map(|row| row.iter().map(|peak| peak.unwrap().brightness).collect()).collect();
    assert_eq!(device(4).brightest_table(&all, &all), brightest);
    assert_eq!(device(2).brightest_each(all[3], &all, &Search::default()), brightest[3]);
}

#[test]
#[ignore = "needs a device"]
fn brightness_beyond_two_bytes() {
    // A chord of forty notes, held for 1,700 columns and a bit: 68,000 pixels on a grid of 1.
    let chord = |from: u8, length: f64| {
        let mut notes: Vec<_> = (0..40).map(|i| (from + i, 0.0, length)).collect();
        notes.push((from, length + 1.0 / 12.0, 1.0 / 12.0));
        Prepared::new(PianoRoll::of(&Fragment::from_quarters(&notes).unwrap(), 12))
    };
    let (x, k) = (chord(30, 142.0), chord(37, 143.0));
    let found = device(8).peaks(&[&x], &[&k, &x], None);
    assert_eq!(found, by_sparse(&[&x], &[&k, &x]));
    assert!(found[0][0].unwrap().brightness > 65_535.0);
}

/// Soft pictures of all sizes, some dark on one side.
fn soft(count: u64, rows: u64, columns: u64) -> Vec<Prepared> {
    let mut random = Random(count);
    (0..count)
        .map(|_| {
            let size = (1 + random.below(rows) as usize, 1 + random.below(columns) as usize);
            let mut image = Array2::from_shape_simple_fn(size, || (random.below(1 << 12) as f32 / 4096.0).powi(3));
            image[[0, 0]] = 0.5;
            Prepared::new(PianoRoll::from_image(image.view(), random.below(60) as i16, 12).unwrap())
        })
        .collect()
}

#[test]
#[ignore = "needs a device"]
fn soft_pictures_of_all_sizes() {
    let binary = rolls(2, 20);
    for (rows, columns) in [(12, 16), (100, 60), (50, 200), (30, 300), (3, 2500)] {
        let soft = soft(5, rows, columns);
        let all: Vec<_> = soft.iter().chain(&binary).collect();
        for transpositions in [None, Some(-3..=3), Some(50..=60)] {
            let search = Search { transpositions: transpositions.clone(), shifts: None };
            let found = device(8).peaks(&all, &all, transpositions);
            for (x, row) in all.iter().zip(&found) {
                for (k, found) in all.iter().zip(row) {
                    let expected = Fft.peak(x, k, &search);
                    assert_eq!(found.is_some(), expected.is_some());
                    let (Some(found), Some(expected)) = (found, expected) else { continue };
                    let scale = (x.roll().energy() * k.roll().energy()).sqrt();
                    let there = Sparse::default().overlap(x, k, &Lags::at(found.offset)).values[[0, 0]];
                    assert!((found.brightness - expected.brightness).abs() <= 1e-5 * scale, "{found:?} {expected:?}");
                    assert!((f64::from(there) - expected.brightness).abs() <= 1e-5 * scale, "{found:?} {expected:?}");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs a device"]
fn windows_of_all_sizes() {
    let binary = rolls(2, 20);
    for (rows, columns) in [(12, 16), (50, 200), (30, 300), (3, 2500)] {
        let soft = soft(4, rows, columns);
        let all: Vec<_> = soft.iter().chain(&binary).collect();
        for (fragment_is_query, normalisation, transpositions) in [
            (true, Normalisation::Cosine, None),
            (false, Normalisation::Cosine, None),
            (true, Normalisation::Covered, Some(-3..=3)),
            (false, Normalisation::Covered, None),
        ] {
            let search = Search { transpositions: transpositions.clone(), shifts: None };
            let found = device(8).window_peaks(&all, &all, fragment_is_query, normalisation, transpositions);
            let best = |x, k, search: &Search| {
                best_in_window(&Sparse::default(), (x, k), fragment_is_query, normalisation, search, 0.0)
            };
            for (x, row) in all.iter().zip(&found) {
                for (k, found) in all.iter().zip(row) {
                    let expected = best(x, k, &search);
                    assert_eq!(found.is_some(), expected.is_some());
                    let (Some(found), Some(expected)) = (found, expected) else { continue };
                    let Offset { transposition, shift } = found.offset;
                    let here =
                        Search { transpositions: Some(transposition..=transposition), shifts: Some(shift..=shift) };
                    let here = best(x, k, &here).unwrap();
                    assert!((found.similarity - expected.similarity).abs() <= 1e-4, "{found:?} {expected:?}");
                    assert!((found.similarity - here.similarity).abs() <= 1e-4, "{found:?} {here:?}");
                    assert!((found.brightness / here.brightness - 1.0).abs() <= 1e-3, "{found:?} {here:?}");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs a device"]
fn nothing_to_compute() {
    let dark = Prepared::new(PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 1.0)]).unwrap(), 12).slice(20, 30));
    let note = Prepared::new(PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 1.0)]).unwrap(), 12));
    let cuda = device(8);
    assert_eq!(cuda.peaks(&[], &[&note], None), Vec::<Vec<_>>::new());
    assert_eq!(cuda.peaks(&[&note], &[], None), [vec![]]);
    assert_eq!(cuda.peaks(&[&dark, &note], &[&dark], None), [[None], [None]]);
    assert_eq!(cuda.brightest_table(&[&dark, &note], &[&note, &dark]), [[0.0, 0.0], [12.0, 0.0]]);
}

/// A bank of rolls' fragments, good and bad in turn, searched on the device and by the processor.
fn judges(exemplars: &[Vec<(u8, f64, f64)>], full: bool) -> [Judge; 2] {
    [Backend::Cuda, Backend::Sparse].map(|backend| {
        let named = exemplars.iter().enumerate().map(|(index, notes)| {
            let side = if index % 2 == 0 { "good" } else { "bad" };
            (format!("{side}/{index}"), Fragment::from_quarters(notes).unwrap())
        });
        let bank = Bank::from_fragments(named).unwrap();
        let mut comparer = bank.comparer(Planner::new(BackendChoice::Only(backend)));
        if !full {
            comparer.measure = Measure::Correlation;
        }
        Judge::with_comparer(bank, comparer).top(3)
    })
}

/// Music of all sizes: short and long, one pitch and the whole range, fine and coarse.
fn music() -> impl Strategy<Value = Vec<(u8, f64, f64)>> {
    let grid = prop_oneof![3 => Just(0.5), 1 => Just(1.0 / 3.0), 1 => Just(9.0), 1 => Just(0.07)];
    let range = prop_oneof![1 => Just((60u8, 60u8)), 4 => Just((55, 75)), 1 => Just((30, 90)), 1 => Just((0, 127))];
    (grid, range).prop_flat_map(|(grid, (low, high))| {
        prop::collection::vec((low..=high, 0u32..16, 1u32..8), 1..10).prop_map(move |notes| {
            notes.into_iter().map(|(p, o, d)| (p, f64::from(o) * grid, f64::from(d) * grid)).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    #[ignore = "needs a device"]
    fn searches_find_what_the_processor_finds(
        exemplars in prop::collection::vec(music(), 2..12),
        fragments in prop::collection::vec(music(), 1..5),
        full in any::<bool>(),
    ) {
        let judges = judges(&exemplars, full);
        let fragments: Vec<_> = fragments.iter().map(|notes| Fragment::from_quarters(notes).unwrap()).collect();
        let expected: Vec<_> = fragments.iter().map(|fragment| judges[1].judge(fragment)).collect();
        let scores: Vec<_> = fragments.iter().map(|fragment| judges[1].score(fragment)).collect();
        let [device, _] = judges;
        prop_assert_eq!(device.judge_many(&fragments), expected.clone());
        prop_assert_eq!(device.score_many(&fragments), scores);
        prop_assert_eq!(&device.judge(&fragments[0]), &expected[0]);
        prop_assert_eq!(device.exhaustive(true).judge_many(&fragments), expected);
    }
}

#[test]
#[ignore = "needs a device"]
fn exemplars_that_do_not_fit_are_searched_all_the_same() {
    let line = |step: f64| (0..6).map(|i| (60 + i, f64::from(i) * step, step)).collect::<Vec<_>>();
    // The last two are too long for an outline, some of their stretches at least.
    let exemplars = [line(1.0), line(0.5), line(600.0), line(2000.0)];
    let [device, processor] = judges(&exemplars, true);
    let fragments = [1.0, 2.0, 900.0, 3000.0].map(|step| Fragment::from_quarters(&line(step)).unwrap());
    let expected: Vec<_> = fragments.iter().map(|fragment| processor.judge(fragment)).collect();
    assert_eq!(device.judge_many(&fragments), expected);
}

#[test]
#[ignore = "needs a device"]
fn tables_are_those_of_the_processor() {
    let mut lines: Vec<Vec<(u8, f64, f64)>> = (1..9)
        .map(|step| (0..7).map(|i| (50 + i * step % 12, f64::from(i), 0.5 * f64::from(step))).collect())
        .collect();
    // Too long for an outline.
    lines.push(vec![(60, 0.0, 3000.0), (62, 3000.0, 3000.0)]);
    let fragments: Vec<_> = lines.iter().map(|notes| Fragment::from_quarters(notes).unwrap()).collect();
    let tables = [Backend::Cuda, Backend::Sparse].map(|backend| {
        let planner = Planner::new(BackendChoice::Only(backend));
        let comparer = Comparer { planner, measure: Measure::Correlation, ..Comparer::default() };
        let gallery = Gallery::new(&comparer, fragments.iter().collect(), false);
        let table = gallery.table(|| ());
        let rows: Vec<Vec<f64>> = (0..fragments.len()).map(|row| table.row(row).collect()).collect();
        assert_eq!(gallery.similarities_of(&[&fragments[2], &fragments[8]], || ()), [rows[2].clone(), rows[8].clone()]);
        rows
    });
    assert_eq!(tables[0], tables[1]);
}

#[test]
#[ignore = "needs a device"]
fn rolls_far_apart_and_ranges_without_end() {
    let at = |low, value| Prepared::new(PianoRoll::from_image(array![[value]].view(), low, 12).unwrap());
    for value in [1.0, 0.5] {
        let (near, far) = (at(60, value), at(2000, value));
        for range in [None, Some(0..=i32::MAX), Some(i32::MIN..=0), Some(-3..=3)] {
            let search = Search { transpositions: range.clone(), shifts: None };
            for (x, k) in [(&near, &far), (&far, &near), (&near, &near), (&far, &far)] {
                assert_eq!(device(8).peaks(&[x], &[k], range.clone())[0][0], Sparse::default().peak(x, k, &search));
            }
        }
    }
}

#[test]
#[ignore = "needs a device"]
fn exemplars_without_weight_are_told_last() {
    let line = |step: i32| (0..5).map(|i| ((60 + i * step % 7) as u8, f64::from(i), 1.0)).collect::<Vec<_>>();
    let found = [Backend::Cuda, Backend::Sparse].map(|backend| {
        let named = (1..6).map(|step| {
            let side = if step < 5 { "good" } else { "bad" };
            (format!("{side}/{step}"), Fragment::from_quarters(&line(step)).unwrap())
        });
        let bank = Bank::from_fragments(named).unwrap();
        let mut comparer = bank.comparer(Planner::new(BackendChoice::Only(backend)));
        comparer.weights.mirrored = 0.0;
        comparer.weights.octave_of_stretch = 0.0;
        let judge = Judge::with_comparer(bank, comparer).top(9);
        judge.judge(&Fragment::from_quarters(&line(2)).unwrap())
    });
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].good.len(), 4);
}
