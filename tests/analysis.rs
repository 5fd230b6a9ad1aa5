//! Analysis against the reference values of librosa 0.11, and what must hold for any signal.

#![cfg(feature = "audio")]

use std::fs::File;
use std::path::PathBuf;

use judge::analysis::beat::{self, BeatSettings};
use judge::analysis::onset::{self, Aggregate};
use judge::analysis::{Complex32, ConstantQ, ConstantQSettings, Reference, Signal, Stft};
use judge::analysis::{chroma, hpss, mel, power_to_db, spectral, tuning};
use ndarray::{Array, Array2, ArrayView, ArrayView1, Axis, Dimension, Ix1, Ix2, OwnedRepr};
use ndarray_npy::{NpzReader, ReadableElement};

const INPUTS: [&str; 4] = ["test1_22050", "trumpet", "so_short", "choice"];

struct Input {
    name: &'static str,
    samples: Vec<f32>,
    sample_rate: u32,
    values: NpzReader<File>,
}

impl Input {
    fn open(name: &'static str) -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/audio/librosa-reference");
        let Ok(values) = File::open(folder.join(name).with_extension("npz")) else {
            println!("skipped: no {} in {}", name, folder.display());
            return None;
        };
        let mut wav = hound::WavReader::open(folder.join(format!("{name}.input.wav"))).unwrap();
        let sample_rate = wav.spec().sample_rate;
        let samples = wav.samples::<f32>().map(Result::unwrap).collect();
        Some(Self { name, samples, sample_rate, values: NpzReader::new(values).unwrap() })
    }

    fn get<T: ReadableElement, D: Dimension>(&mut self, key: &str) -> Array<T, D> {
        self.values.by_name::<OwnedRepr<T>, D>(key).unwrap()
    }
}

/// Norm of the difference by norm of the reference.
fn error<D: Dimension>(found: ArrayView<'_, f32, D>, reference: ArrayView<'_, f32, D>) -> f64 {
    assert_eq!(found.shape(), reference.shape());
    let square = |x: f64| x * x;
    let difference: f64 = found.iter().zip(&reference).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    (difference / reference.iter().map(|&b| square(f64::from(b))).sum::<f64>()).sqrt()
}

/// Prints and asserts one line of the table.
fn check(input: &str, key: &str, error: f64, bound: f64) {
    println!("{input:12} {key:22} {error:9.2e}, allowed {bound:.0e}");
    assert!(error <= bound, "{input} {key}: {error}");
}

#[test]
fn reference_values_are_met() {
    let stft = Stft::default();
    for mut input in INPUTS.into_iter().filter_map(Input::open) {
        let samples = input.samples.clone();
        let signal = Signal::new(&samples, input.sample_rate).unwrap();
        let mel = mel::spectrogram(&stft, signal, 128);
        let (harmonic, percussive) = hpss::separate(&stft, &samples);
        let spectral::SpectralShape { centroid, bandwidth, rolloff, contrast } = spectral::shape(&stft, signal);
        let constant_q = |bins, bins_per_octave| {
            let settings = ConstantQSettings { bins, bins_per_octave, ..Default::default() };
            ConstantQ::new(signal.sample_rate(), settings).unwrap().magnitude(&samples)
        };
        for (key, found, bound) in [
            ("stft_mag", stft.magnitude(&samples), 1e-4),
            ("melspectrogram", mel.clone(), 1e-4),
            ("mel_db_max", power_to_db(mel.view(), Reference::Max, Some(80.0)), 1e-4),
            ("mfcc20", mel::mfcc(&stft, signal, 20), 1e-4),
            ("mfcc13", mel::mfcc(&stft, signal, 13), 1e-4),
            ("chroma_stft", chroma::of_spectrum(&stft, signal, None), 1e-4),
            ("chroma_stft_tuning0", chroma::of_spectrum(&stft, signal, Some(0.0)), 1e-4),
            ("cqt84", constant_q(84, 12), 1e-2),
            ("cqt252", constant_q(252, 36), 1e-2),
            ("chroma_cqt", chroma::of_constant_q(signal, 512, None).unwrap(), 1e-2),
            ("hpss_harm", harmonic, 1e-2),
            ("hpss_perc", percussive, 1e-2),
            ("rms", row(&spectral::rms(&stft, &samples)), 1e-4),
        ] {
            check(input.name, key, error(found.view(), input.get::<f32, Ix2>(key).view()), bound);
        }
        for (key, found, bound) in [
            ("centroid", row(&centroid), 1e-4),
            ("bandwidth", row(&bandwidth), 1e-4),
            ("rolloff", row(&rolloff), 1e-4),
            // Valleys may lie at the rounding noise of the transform, which is another in single precision.
            ("contrast", contrast, 2e-2),
            ("zcr", row(&spectral::zero_crossing_rate(&stft, &samples)), 1e-4),
        ] {
            let reference = input.get::<f64, Ix2>(key).mapv(|value| value as f32);
            check(input.name, key, error(found.view(), reference.view()), bound);
        }
        let given = input.get::<f32, Ix2>("chroma_cqt");
        let tonnetz = input.get::<f64, Ix2>("tonnetz").mapv(|value| value as f32);
        check(input.name, "tonnetz", error(chroma::tonnetz(given.view()).unwrap().view(), tonnetz.view()), 1e-4);
    }
}

/// Frames that have no counterpart within a frame.
fn unmatched(found: &[usize], reference: &[i64]) -> usize {
    assert_eq!(found.len(), reference.len(), "{found:?} {reference:?}");
    found.iter().zip(reference).filter(|&(&found, &reference)| (found as i64 - reference).abs() > 1).count()
}

#[test]
fn reference_onsets_and_beats_are_met() {
    let stft = Stft::default();
    for mut input in INPUTS.into_iter().filter_map(Input::open) {
        let samples = input.samples.clone();
        let rate = input.sample_rate;
        let signal = Signal::new(&samples, rate).unwrap();
        let mean = onset::strength(&stft, signal, Aggregate::Mean);
        let median = onset::strength(&stft, signal, Aggregate::Median);
        for (key, found) in [("onset_strength", &mean), ("onset_strength_median", &median)] {
            let reference = input.get::<f32, Ix1>(key);
            check(input.name, key, error(ArrayView1::from(found), reference.view()), 1e-4);
        }
        let onsets = onset::detect(&mean, rate, 512);
        let reference = input.get::<i64, Ix1>("onset_frames").to_vec();
        check(input.name, "onsets elsewhere", unmatched(&onsets, &reference) as f64, 0.0);
        for (key, trim) in [("beats", true), ("beats_notrim", false)] {
            let beats = beat::track(&median, rate, 512, BeatSettings { trim, ..Default::default() }).unwrap();
            let tempo = input.get::<f64, Ix1>("tempo")[0];
            check(input.name, "tempo", (beats.tempo.unwrap() / tempo - 1.0).abs(), 1e-9);
            let elsewhere = unmatched(&beats.frames, &input.get::<i64, Ix1>(key).to_vec());
            check(input.name, &format!("{key} elsewhere"), elsewhere as f64, 0.0);
        }
    }
}

fn row(values: &[f32]) -> Array2<f32> {
    ArrayView1::from(values).insert_axis(Axis(0)).to_owned()
}

#[test]
fn a_sine_lights_its_bin_and_silence_none() {
    for sample_rate in [11_025, 22_050, 44_100, 48_000] {
        let settings = ConstantQSettings { bins: 72, ..Default::default() };
        let transform = ConstantQ::new(sample_rate, settings).unwrap();
        for bin in [5, 30, 55, 71] {
            let step = std::f64::consts::TAU * transform.frequencies()[bin] / f64::from(sample_rate);
            let sine: Vec<f32> = (0..2 * sample_rate).map(|i| (step * f64::from(i)).sin() as f32).collect();
            let picture = transform.magnitude(&sine);
            let frame = picture.ncols() / 2;
            let column = picture.column(frame);
            let loudest = (0..72).max_by(|&a, &b| column[a].total_cmp(&column[b])).unwrap();
            assert_eq!(loudest, bin, "{sample_rate} Hz");
            let level = column[bin] / transform.scales()[bin];
            assert!((level - 0.5).abs() < 0.02, "{sample_rate} Hz, bin {bin}: {level}");
        }
        assert!(transform.magnitude(&vec![0.0; 20_000]).iter().all(|&value| value == 0.0));
    }
}

/// Every method on a signal: whether all that is found is finite.
fn analyse(samples: &[f32], sample_rate: u32) -> bool {
    let stft = Stft::default();
    let frames = if samples.is_empty() { 0 } else { 1 + samples.len() / 512 };
    let signal = Signal::new(samples, sample_rate).unwrap();
    let (harmonic, percussive) = hpss::separate(&stft, samples);
    let shape = spectral::shape(&stft, signal);
    let chroma = chroma::of_spectrum(&stft, signal, None);
    let transform = ConstantQ::new(sample_rate, ConstantQSettings { bins: 60, ..Default::default() }).unwrap();
    let arrays = [
        (1025, harmonic),
        (1025, percussive),
        (20, mel::mfcc(&stft, signal, 20)),
        (12, chroma.clone()),
        (6, chroma::tonnetz(chroma.view()).unwrap()),
        (60, transform.magnitude(samples)),
        (7, shape.contrast),
        (1, row(&shape.rolloff)),
        (1, row(&shape.bandwidth)),
        (1, row(&spectral::rms(&stft, samples))),
        (1, row(&spectral::zero_crossing_rate(&stft, samples))),
    ];
    for (rows, array) in &arrays {
        assert_eq!(array.dim(), (*rows, frames));
    }
    for aggregate in [Aggregate::Mean, Aggregate::Median] {
        let strengths = onset::strength(&stft, signal, aggregate);
        assert_eq!(strengths.len(), frames);
        assert!(onset::detect(&strengths, sample_rate, 512).iter().all(|&onset| onset < frames));
        let beats = beat::track(&strengths, sample_rate, 512, BeatSettings::default()).unwrap();
        assert!(beats.frames.iter().all(|&beat| beat < frames));
    }
    assert!(tuning::estimate(&stft, signal, 12).abs() <= 0.5);
    arrays.iter().all(|(_, array)| array.iter().all(|value| value.is_finite()))
}

#[test]
fn any_signal_is_analysed() {
    for length in [0, 1, 100, 511, 512, 3000, 40_000] {
        let noise: Vec<f32> = (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) as f32 / 2e9) - 1.0).collect();
        assert!(analyse(&noise, 22_050) && analyse(&vec![0.0; length], 22_050) && analyse(&vec![1.0; length], 8000));
        // Refusing these is for others to do, but nothing panics.
        for odd in [f32::NAN, f32::INFINITY, f32::MAX] {
            let mut samples = noise.clone();
            samples.iter_mut().skip(50).step_by(97).for_each(|sample| *sample = odd);
            analyse(&samples, 22_050);
        }
    }
}

#[test]
fn pitches_clicks_and_silence_are_what_they_are() {
    let stft = Stft::default();
    let tone = |pitch: f64| {
        let step = std::f64::consts::TAU * 440.0 * 2f64.powf((pitch - 69.0) / 12.0) / 22_050.0;
        (0..44_100).map(|i| (step * f64::from(i)).sin() as f32).collect::<Vec<f32>>()
    };
    for pitch in [48u8, 61, 69, 77] {
        let samples = tone(f64::from(pitch));
        let signal = Signal::new(&samples, 22_050).unwrap();
        for chroma in [chroma::of_spectrum(&stft, signal, None), chroma::of_constant_q(signal, 512, None).unwrap()] {
            assert_eq!(chroma[(usize::from(pitch % 12), 40)], 1.0, "pitch {pitch}");
        }
    }
    // A click every half second over a tone: the clicks are the onsets, the beats, and what is percussive.
    let mut samples = tone(69.0);
    samples.extend_from_within(..);
    samples.extend_from_within(..);
    for click in (11_025..samples.len()).step_by(11_025) {
        samples[click..click + 20].fill(4.0);
    }
    let signal = Signal::new(&samples, 22_050).unwrap();
    let strengths = onset::strength(&stft, signal, Aggregate::Median);
    let beats = beat::track(&strengths, 22_050, 512, BeatSettings::default()).unwrap();
    assert!((beats.tempo.unwrap() - 120.0).abs() < 4.0, "{beats:?}");
    let near = |&frame: &usize| ((frame * 512 + 5512) % 11_025).abs_diff(5512) < 1500;
    assert!(beats.frames.len() >= 12 && beats.frames.iter().all(near), "{beats:?}");
    let onsets = onset::detect(&onset::strength(&stft, signal, Aggregate::Mean), 22_050, 512);
    assert!(onsets.len() >= 15 && onsets.iter().all(|onset| *onset < 4 || near(onset)), "{onsets:?}");
    let (harmonic, percussive) = hpss::separate(&stft, &samples);
    // 440 Hz is in bin 41; frame 86 is at a click, frame 75 between two.
    assert!(harmonic[(41, 75)] > 100.0 * percussive[(41, 75)]);
    assert!((0..1025).filter(|&bin| percussive[(bin, 86)] > harmonic[(bin, 86)]).count() > 900);
    assert!(beat::track(&[0.0; 99], 22_050, 512, BeatSettings::default()).unwrap().frames.is_empty());
}

#[test]
fn transforms_are_linear() {
    let [a, b]: [Vec<f32>; 2] = [7, 11].map(|step| (0..9000).map(|i| (i * step % 31) as f32 / 31.0 - 0.5).collect());
    let sum: Vec<f32> = a.iter().zip(&b).map(|(a, b)| 2.0 * a - b).collect();
    let transform = ConstantQ::new(22_050, ConstantQSettings::default()).unwrap();
    let stft = Stft::default();
    for [a, b, sum] in [[&a, &b, &sum].map(|s| transform.complex(s)), [&a, &b, &sum].map(|s| stft.complex(s))] {
        let scale = sum.iter().map(|value| value.norm()).fold(0.0, f32::max);
        assert!((a * Complex32::from(2.0) - b - sum).iter().all(|value| value.norm() < 1e-5 * scale));
    }
}

#[test]
fn impossible_settings_are_refused() {
    let with = |change: fn(&mut ConstantQSettings)| {
        let mut settings = ConstantQSettings::default();
        change(&mut settings);
        ConstantQ::new(22_050, settings)
    };
    assert!(with(|s| s.hop = 0).is_err());
    assert!(with(|s| s.bins = 0).is_err());
    assert!(with(|s| s.bins = 120).is_err(), "above half the sample rate");
    assert!(with(|s| s.bins_per_octave = 0).is_err());
    assert!(with(|s| s.lowest = -1.0).is_err());
    assert!(with(|s| s.lowest = f64::NAN).is_err());
    assert!(with(|s| s.lowest = 1e-12).is_err(), "filters of many hours");
    assert!(with(|s| (s.lowest, s.bins, s.bins_per_octave) = (200.0, 4096, 4096)).is_err(), "filters for many minutes");
    assert!(with(|s| s.tuning = f64::INFINITY).is_err());
    // Hops that cannot be halved for each octave.
    for hop in [1, 100, 441, 500] {
        let settings = ConstantQSettings { hop, ..Default::default() };
        assert_eq!(ConstantQ::new(22_050, settings).unwrap().magnitude(&[0.1; 1000]).dim(), (84, 1 + 1000 / hop));
    }
    assert!(Stft::new(0, 1).is_err() && Stft::new(3, 1).is_err() && Stft::new(2048, 0).is_err());
    assert!(Signal::new(&[], 0).is_err());
}
