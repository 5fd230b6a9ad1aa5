//! What it costs to judge a fragment, by bank size and question; and one pair by each method.
//!
//! `cargo bench --bench search`. The music is the starter bank's, transposed, stretched and jittered
//! with a fixed seed; with `JUDGE_BENCH_MUSIC=FOLDER` it is that of a folder.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use judge::correlate::{Correlator, Fft, Planner, Prepared, Search, Sparse};
use judge::input::{self, Input, ReadOptions};
use judge::similarity::{Comparer, Gallery};
use judge::{Alterations, Bank, Fragment, Judge, Measure, Note, PianoRoll};

/// A small generator of pseudo-random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

fn music() -> Vec<Fragment> {
    let Some(folder) = std::env::var_os("JUDGE_BENCH_MUSIC") else {
        return Bank::starter().exemplars().iter().map(|exemplar| exemplar.fragment.clone()).collect();
    };
    let files = input::expand([PathBuf::from(folder)]).into_iter().flatten();
    let read = |input| match input {
        Input::File(path) => input::read_file(&path, &ReadOptions::default()).ok()?.into_fragment().ok(),
        Input::StandardInput => None,
    };
    files.filter_map(read).collect()
}

/// The music itself, then variations of it, up to `count`.
fn varied(music: &[Fragment], count: usize) -> Vec<Fragment> {
    let mut random = Random(1);
    let mut all: Vec<_> = music.iter().take(count).cloned().collect();
    while all.len() < count {
        let plain = &music[random.below(music.len() as u64) as usize];
        let up = random.below(11) as u8;
        let quarter = u64::from(plain.ticks_per_quarter());
        let notes = plain.notes().iter().map(|note| Note {
            pitch: (note.pitch + up + random.below(10) as u8 / 9).min(127),
            onset: note.onset + random.below(8) / 7 * quarter / 4,
            ..*note
        });
        all.extend(Fragment::new(notes.collect(), plain.ticks_per_quarter()));
    }
    all
}

/// A bank of fragments, half good, half bad.
fn bank(fragments: &[Fragment]) -> Bank {
    let exemplar = |(index, fragment): (usize, &Fragment)| {
        let side = if index % 2 == 0 { "good" } else { "bad" };
        (format!("{side}/{index:06}"), fragment.clone())
    };
    Bank::from_fragments(fragments.iter().enumerate().map(exemplar)).expect("the names have labels")
}

fn by_bank_size(c: &mut Criterion) {
    let music = music();
    let questions: Vec<_> = varied(&music, music.len() + 32).split_off(music.len());
    let mut group = c.benchmark_group("judge");
    group.sample_size(10);
    for size in [100, music.len().max(101), 1_000, 10_000, 100_000] {
        let judge = Judge::new(bank(&varied(&music, size)), Planner::default()).expect("both sides are there");
        group.throughput(Throughput::Elements(questions.len() as u64));
        group.bench_function(BenchmarkId::new("best match", size), |b| {
            b.iter(|| questions.iter().map(|fragment| judge.score(black_box(fragment)).score).sum::<f64>());
        });
        group.bench_function(BenchmarkId::new("verdict", size), |b| {
            b.iter(|| questions.iter().filter(|it| judge.verdict(black_box(it)) == judge::Verdict::Good).count());
        });
        if size <= 10_000 {
            let judge = judge.exhaustive(true);
            group.bench_function(BenchmarkId::new("exhaustive", size), |b| {
                b.iter(|| questions.iter().map(|fragment| judge.score(black_box(fragment)).score).sum::<f64>());
            });
        }
    }
}

fn by_method(c: &mut Criterion) {
    let music = music();
    let comparer = Comparer { measure: Measure::Correlation, alterations: Alterations::none(), ..Comparer::default() };
    let gallery = Gallery::new(&comparer, music.iter().collect(), true);
    let mut group = c.benchmark_group("pair");
    group.sample_size(10);
    group.throughput(Throughput::Elements((music.len() * music.len()) as u64));
    group.bench_function("outlines", |b| {
        b.iter(|| music.iter().map(|fragment| gallery.similarities(black_box(fragment))[0]).sum::<f64>());
    });
    let few: Vec<_> = music.iter().take(60).map(|fragment| Prepared::new(PianoRoll::of(fragment, 12))).collect();
    group.throughput(Throughput::Elements((few.len() * few.len()) as u64));
    for correlator in [&Sparse::default() as &dyn Correlator, &Fft] {
        group.bench_function(format!("{} one by one", correlator.backend()), |b| {
            let brightest = |x| few.iter().map(|k| correlator.brightest(x, k, &Search::default())).sum::<f64>();
            b.iter(|| few.iter().map(|x| brightest(black_box(x))).sum::<f64>());
        });
    }
}

criterion_group!(benches, by_bank_size, by_method);
criterion_main!(benches);
