//! What the brightest overlap of two pictures costs by each method, over all transpositions and
//! shifts, on one thread: `cargo bench --bench pair`.
//!
//! The music is the starter bank's, or that of `JUDGE_BENCH_MUSIC` (see `support`). What is measured
//! is a square of fragments and exemplars, each fragment made ready once.

mod support;

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use judge::PianoRoll;
use judge::correlate::{Correlator, Fft, Prepared, Processor, Reference, Search, Sparse};

/// Fragments and exemplars of a square, from methods that are fast to those that are not.
const MOST: usize = 600;
const MANY: usize = 96;
const FEW: usize = 24;
const FEWEST: usize = 6;

/// The plain sparse method: for each pair of notes four second differences of the overlap functions,
/// in 32 bits, which two running sums then give.
fn naive(fragment: &PianoRoll, exemplar: &PianoRoll, plane: &mut Vec<i32>) -> i32 {
    let shifts = (fragment.columns() + exemplar.columns() + 1) as usize;
    let transpositions = fragment.rows() + exemplar.rows() - 1;
    plane.clear();
    plane.resize(shifts * transpositions, 0);
    for x in fragment.runs() {
        for k in exemplar.runs() {
            let row = (x.pitch - fragment.low() + exemplar.high() - k.pitch) as usize;
            let line = &mut plane[row * shifts..][..shifts];
            let zero = exemplar.columns();
            line[(x.start + zero - k.end) as usize] += 1;
            line[(x.start + zero - k.start) as usize] -= 1;
            line[(x.end + zero - k.end) as usize] -= 1;
            line[(x.end + zero - k.start) as usize] += 1;
        }
    }
    let mut greatest = 0;
    for line in plane.chunks_exact(shifts) {
        let (mut slope, mut value) = (0, 0);
        for change in line {
            value += slope;
            slope += change;
            greatest = greatest.max(value);
        }
    }
    greatest
}

fn square(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    rolls: &[Prepared],
    row: impl Fn(&Prepared, &[&Prepared]) -> f64,
) {
    let exemplars: Vec<_> = rolls.iter().collect();
    group.throughput(Throughput::Elements((rolls.len() * rolls.len()) as u64));
    group.bench_function(name, |b| b.iter(|| rolls.iter().map(|roll| row(black_box(roll), &exemplars)).sum::<f64>()));
}

fn pairs(c: &mut Criterion) {
    for (name, music) in support::collections() {
        let mut group = c.benchmark_group(format!("pair/{name}"));
        group.sample_size(20);
        let evenly = |count: usize| {
            let count = count.min(music.len());
            (0..count).map(|i| Prepared::new(PianoRoll::of(&music[i * music.len() / count], 12))).collect::<Vec<_>>()
        };
        let (most, many, few, fewest) = (evenly(MOST), evenly(MANY), evenly(FEW), evenly(FEWEST));
        let search = Search::default();
        let by_naive = |x: &Prepared, ks: &[&Prepared]| {
            let mut plane = Vec::new();
            ks.iter().map(|k| f64::from(naive(x.roll(), k.roll(), &mut plane))).sum()
        };
        // What is compared must be the same.
        for x in &few {
            let ks: Vec<_> = few.iter().collect();
            let expected: f64 = Sparse::default().brightest_each(x, &ks, &search).iter().sum();
            assert_eq!(by_naive(x, &ks), expected);
        }
        square(&mut group, "naive", &many, by_naive);
        for processor in Processor::available() {
            let sparse = Sparse::on(processor);
            let each = |x: &Prepared, ks: &[&Prepared]| sparse.brightest_each(x, ks, &search).iter().sum();
            square(&mut group, &format!("kernel, {processor}"), &most, each);
        }
        let one_by_one = |correlator: &dyn Correlator, x: &Prepared, ks: &[&Prepared]| {
            ks.iter().map(|k| correlator.brightest(x, k, &search)).sum()
        };
        square(&mut group, "sparse, one by one", &many, |x, ks| one_by_one(&Sparse::default(), x, ks));
        square(&mut group, "fft", &few, |x, ks| one_by_one(&Fft, x, ks));
        square(&mut group, "reference", &fewest, |x, ks| one_by_one(&Reference, x, ks));
    }
}

criterion_group!(benches, pairs);
criterion_main!(benches);
