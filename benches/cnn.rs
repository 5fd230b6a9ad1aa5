//! Pictures through a network, on all cores. `CNN=model.onnx` measures another network than the one of the tests.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use judge::cnn::Network;
use judge::{Candidate, Fragment, Scorer};

/// Melodies of 16 notes.
fn fragments(count: u32) -> Vec<Fragment> {
    (0..count)
        .map(|seed| {
            let pitch = |i: u32| 55 + ((seed.wrapping_mul(2_654_435_761) >> (i % 24)) % 17) as u8;
            let notes: Vec<_> = (0..16).map(|i| (pitch(i), f64::from(i), 1.0)).collect();
            Fragment::from_quarters(&notes).expect("these are notes")
        })
        .collect()
}

fn networks(criterion: &mut Criterion) {
    let path = std::env::var_os("CNN").map_or_else(|| PathBuf::from("tests/onnx/own.onnx"), PathBuf::from);
    let network = Network::open(path, Default::default()).expect("it is a network");
    let fragments = fragments(1024);
    let candidates: Vec<Candidate<'_>> = fragments.iter().map(Candidate::from).collect();
    let mut group = criterion.benchmark_group("cnn");
    group.measurement_time(Duration::from_secs(4)).sample_size(10);
    for count in [1, 64, 1024] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} fragments"), |bencher| {
            bencher.iter(|| network.opinions(black_box(&candidates[..count])).expect("they can be asked about"));
        });
    }
    if let Some(recipe) = network.recipe() {
        group.throughput(Throughput::Elements(1));
        group.bench_function("a picture drawn", |bencher| bencher.iter(|| recipe.draw(black_box(&fragments[0]))));
    }
    group.finish();
}

criterion_group!(benches, networks);
criterion_main!(benches);
