//! The analysis of 30 seconds of synthetic music, one thread. `audio_peer.py` reads the same samples.

use std::f32::consts::TAU;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use judge::analysis::beat::{self, BeatSettings};
use judge::analysis::onset::{self, Aggregate};
use judge::analysis::{ConstantQ, ConstantQSettings, Signal, Stft, chroma, hpss, mel, spectral, tuning};

const RATE: u32 = 22_050;
const SECONDS: u32 = 30;

/// Chords of five harmonics each that decay, a new one every half second, with a little noise.
fn music() -> Vec<f32> {
    let mut noise = 1u32;
    (0..RATE * SECONDS)
        .map(|i| {
            let (chord, time) = (i / (RATE / 2), (i % (RATE / 2)) as f32 / RATE as f32);
            let root = 36 + (chord * 7) % 24;
            let note = |pitch: u32| {
                let hertz = 440.0 * 2f32.powf((pitch as f32 - 69.0) / 12.0);
                (1..=5).map(|h| (TAU * hertz * h as f32 * time).sin() / h as f32).sum::<f32>()
            };
            let sound: f32 = [0, 4, 7, 12].iter().map(|interval| note(root + interval)).sum();
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            0.1 * sound * (-4.0 * time).exp() + 0.01 * (noise as f32 / u32::MAX as f32 - 0.5)
        })
        .collect()
}

fn analysis(criterion: &mut Criterion) {
    let samples = music();
    // For the peer, which times the same samples in the same run.
    if let Some(path) = std::env::var_os("JUDGE_BENCH_SAMPLES") {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(path, bytes).expect("JUDGE_BENCH_SAMPLES names a file that can be written");
    }
    let signal = Signal::new(&samples, RATE).expect("a valid sample rate");
    let stft = Stft::default();
    let settings = |bins_per_octave| ConstantQSettings {
        bins: 7 * bins_per_octave,
        bins_per_octave,
        ..ConstantQSettings::default()
    };
    let mut group = criterion.benchmark_group("analysis");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    for bins_per_octave in [12, 36] {
        let settings = settings(bins_per_octave);
        let transform = ConstantQ::new(RATE, settings).expect("valid settings");
        group.bench_function(format!("cqt{}", settings.bins), |bench| {
            bench.iter(|| transform.magnitude(black_box(&samples)));
        });
    }
    group.bench_function("cqt252, filters made anew", |bench| {
        bench.iter(|| ConstantQ::new(RATE, settings(36)).expect("valid settings").magnitude(black_box(&samples)));
    });
    group.bench_function("stft", |bench| bench.iter(|| stft.magnitude(black_box(&samples))));
    group.bench_function("mfcc", |bench| bench.iter(|| mel::mfcc(&stft, signal, 20)));
    group.bench_function("tuning", |bench| bench.iter(|| tuning::estimate(&stft, signal, 12)));
    group.bench_function("chroma_stft", |bench| bench.iter(|| chroma::of_spectrum(&stft, signal, None)));
    group.bench_function("onset_strength", |bench| bench.iter(|| onset::strength(&stft, signal, Aggregate::Mean)));
    let strengths = onset::strength(&stft, signal, Aggregate::Median);
    group.bench_function("beat_track", |bench| {
        bench.iter(|| beat::track(&strengths, RATE, stft.hop(), BeatSettings::default()));
    });
    group.bench_function("hpss", |bench| bench.iter(|| hpss::separate(&stft, black_box(&samples))));
    group.bench_function("spectral_shape", |bench| bench.iter(|| spectral::shape(&stft, signal)));
    group.finish();
}

criterion_group!(benches, analysis);
criterion_main!(benches);
