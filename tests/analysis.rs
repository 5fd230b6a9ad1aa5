//! Analysis against the reference values of librosa 0.11, and what must hold for any signal.

#![cfg(feature = "audio")]

use std::fs::File;
use std::path::PathBuf;

use judge::analysis::{ConstantQ, ConstantQSettings, Reference, Signal, Stft, mel, power_to_db, tuning};
use ndarray::{Array, Array2, ArrayView, Dimension, Ix2, OwnedRepr};
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

#[test]
fn reference_values_are_met() {
    let stft = Stft::default();
    for mut input in INPUTS.into_iter().filter_map(Input::open) {
        let samples = input.samples.clone();
        let signal = Signal::new(&samples, input.sample_rate).unwrap();
        let mut check = |key: &str, found: Array2<f32>, bound: f64| {
            let error = error(found.view(), input.get::<f32, Ix2>(key).view());
            println!("{:12} {key:16} {error:9.2e}, allowed {bound:.0e}", input.name);
            assert!(error <= bound, "{} {key}: {error}", input.name);
        };
        let mel = mel::spectrogram(&stft, signal, 128);
        check("stft_mag", stft.magnitude(&samples), 1e-4);
        check("mel_db_max", power_to_db(mel.view(), Reference::Max, Some(80.0)), 1e-4);
        check("melspectrogram", mel, 1e-4);
        check("mfcc20", mel::mfcc(&stft, signal, 20), 1e-4);
        check("mfcc13", mel::mfcc(&stft, signal, 13), 1e-4);
        for (key, bins, bins_per_octave) in [("cqt84", 84, 12), ("cqt252", 252, 36)] {
            let settings = ConstantQSettings { bins, bins_per_octave, ..Default::default() };
            let transform = ConstantQ::new(signal.sample_rate(), settings).unwrap();
            check(key, transform.magnitude(&samples), 1e-2);
        }
    }
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
            let level = column[bin] / transform.scale(bin);
            assert!((level - 0.5).abs() < 0.02, "{sample_rate} Hz, bin {bin}: {level}");
        }
        assert!(transform.magnitude(&vec![0.0; 20_000]).iter().all(|&value| value == 0.0));
    }
}

#[test]
fn short_signals_have_short_pictures() {
    let transform = ConstantQ::new(22_050, ConstantQSettings::default()).unwrap();
    for length in [0, 1, 100, 511, 512, 3000] {
        let samples = vec![0.5; length];
        let frames = if length == 0 { 0 } else { 1 + length / 512 };
        let signal = Signal::new(&samples, 22_050).unwrap();
        assert_eq!(transform.complex(&samples).dim(), (84, frames));
        assert_eq!(mel::mfcc(&Stft::default(), signal, 20).dim(), (20, frames));
        assert_eq!(tuning::estimate(&Stft::default(), signal, 12).abs().min(0.5).floor(), 0.0);
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
    assert!(with(|s| s.tuning = f64::INFINITY).is_err());
    // Hops that cannot be halved for each octave.
    for hop in [1, 100, 441, 500] {
        let settings = ConstantQSettings { hop, ..Default::default() };
        assert_eq!(ConstantQ::new(22_050, settings).unwrap().magnitude(&[0.1; 1000]).dim(), (84, 1 + 1000 / hop));
    }
    assert!(Stft::new(0, 1).is_err() && Stft::new(3, 1).is_err() && Stft::new(2048, 0).is_err());
    assert!(Signal::new(&[], 0).is_err());
}
