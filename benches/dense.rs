//! Dense rolls, 128 x 256 pixels, all of them soft: one fragment against a bank of exemplars whose
//! spectra are at hand, on one thread; and what a spectrum costs.
//!
//! `benches/dense_peer.py` times SciPy on such rolls and sets it beside the medians found here. Of the
//! two kinds of rolls `even` has pixels spread evenly from 0 to 1, so that bounds rule out most far
//! transpositions; `sharp` has their eighth powers, mostly dark, and few are ruled out.

mod support;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, SamplingMode, criterion_group, criterion_main};
use judge::PianoRoll;
use judge::correlate::{Correlator, Fft, Prepared, Search};
use ndarray::Array2;

const ROWS: usize = 128;
const COLUMNS: usize = 256;
const EXEMPLARS: u64 = 16;

/// A roll of random soft pixels, raised to a power.
fn roll(seed: u64, power: i32) -> PianoRoll {
    let mut random = support::Random(seed);
    let image = Array2::from_shape_simple_fn((ROWS, COLUMNS), || {
        let even = (random.next() >> 40) as f32 + 0.5;
        (even / (1 << 24) as f32).powi(power)
    });
    PianoRoll::from_image(image.view(), 0, 12).expect("no pixel is dark")
}

fn pairs(criterion: &mut Criterion) {
    for (kind, power) in [("even", 1), ("sharp", 8)] {
        let fragment = Prepared::new(roll(0, power));
        let bank: Vec<_> = (1..=EXEMPLARS).map(|seed| Prepared::new(roll(seed << 32, power))).collect();
        let mut group = criterion.benchmark_group(format!("dense/{kind}"));
        // Many short samples: their median is little disturbed by what else the machine does.
        group.sampling_mode(SamplingMode::Flat).sample_size(500);
        for (name, reach) in [("25", Some(12)), ("51", Some(25)), ("all", None)] {
            let search = Search { transpositions: reach.map(|reach| -reach..=reach), shifts: None };
            let mut next = bank.iter().cycle();
            group.bench_function(name, |bencher| {
                bencher.iter(|| next.next().map(|exemplar| Fft.peak(black_box(&fragment), exemplar, &search)));
            });
        }
        group.finish();
    }
}

/// A spectrum is made when a pair first needs it: each time one fresh roll, the other at hand, over
/// a single transposition and shift, so that hardly anything else is counted.
fn spectra(criterion: &mut Criterion) {
    let exemplar = Prepared::new(roll(0, 1));
    let pixels = roll(1, 1);
    let mut group = criterion.benchmark_group("dense/spectrum");
    for (name, reach) in [("25", Some(12)), ("51", Some(25)), ("all", None)] {
        let search = Search { transpositions: reach.map(|reach| -reach..=reach), shifts: None };
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Prepared::new(pixels.clone()),
                |fragment| {
                    Fft.peak(black_box(&fragment), &exemplar, &search);
                    fragment
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, pairs, spectra);
criterion_main!(benches);
