//! Recordings: what is read of them, and that they are judged as the same music in MIDI is.
#![cfg(feature = "audio")]

use std::f64::consts::TAU;
use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

use hound::{SampleFormat, WavSpec, WavWriter};
use judge::correlate::Planner;
use judge::input::{Limits, Piece, ReadOptions, Warning, read_bytes, read_file};
use judge::{Bank, Comparer, Error, Extent, Fragment, Judge, Origin, Verdict, smf};

const RATE: u32 = 44_100;

/// Two tunes that have nothing in common: pitches, and lengths in eighths.
const ODE: [(u8, u32); 15] = [
    (64, 2),
    (64, 2),
    (65, 2),
    (67, 2),
    (67, 2),
    (65, 2),
    (64, 2),
    (62, 2),
    (60, 2),
    (60, 2),
    (62, 2),
    (64, 2),
    (64, 3),
    (62, 1),
    (62, 4),
];
const OTHER: [(u8, u32); 16] = [
    (69, 3),
    (71, 1),
    (69, 2),
    (66, 4),
    (62, 2),
    (66, 1),
    (67, 1),
    (69, 2),
    (74, 6),
    (73, 2),
    (71, 2),
    (64, 3),
    (66, 1),
    (67, 2),
    (71, 2),
    (69, 4),
];

fn fragment(tune: &[(u8, u32)]) -> Fragment {
    let mut now = 0.0;
    let notes: Vec<_> = tune
        .iter()
        .map(|&(pitch, eighths)| {
            let note = (pitch, now, f64::from(eighths) / 2.0);
            now += note.2;
            note
        })
        .collect();
    Fragment::from_quarters(&notes).unwrap()
}

/// A tune played by something between a harp and a reed: partials that decay.
fn play(tune: &[(u8, u32)], quarters_a_minute: f64, semitones: f64, rate: u32) -> Vec<f32> {
    let eighth = 30.0 / quarters_a_minute;
    let total: u32 = tune.iter().map(|note| note.1).sum();
    let mut samples = vec![0.0f32; ((f64::from(total) * eighth + 0.7) * f64::from(rate)) as usize];
    let mut now = 0.2;
    for &(pitch, eighths) in tune {
        let hertz = 440.0 * 2f64.powf((f64::from(pitch) + semitones - 69.0) / 12.0);
        let length = f64::from(eighths) * eighth;
        let first = (now * f64::from(rate)) as usize;
        let count = ((length + 0.1) * f64::from(rate)) as usize;
        for (i, sample) in samples[first..].iter_mut().take(count).enumerate() {
            let time = i as f64 / f64::from(rate);
            let release = ((length - time) / 0.03 + 1.0).clamp(0.0, 1.0);
            let loudness = (time / 0.01).min(1.0) * (-1.5 * time).exp() * release;
            let partials = (1..=8).map(|n| (TAU * hertz * f64::from(n) * time).sin() / f64::from(n).powf(1.2));
            *sample += (0.25 * loudness * partials.sum::<f64>()) as f32;
        }
        now += length;
    }
    samples
}

fn wav(samples: &[f32], rate: u32) -> Vec<u8> {
    let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    written(spec, samples.iter().map(|sample| i32::from((sample * 32767.0) as i16)))
}

fn written<T: hound::Sample>(spec: WavSpec, samples: impl Iterator<Item = T>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    samples.for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn read(bytes: &[u8]) -> Piece {
    read_bytes(bytes, Origin::Memory, &ReadOptions::default()).unwrap()
}

/// The one line that is said of bytes that give no fragment.
fn refusal(bytes: &[u8]) -> String {
    let said = read_bytes(bytes, Origin::Memory, &ReadOptions::default()).and_then(Piece::into_fragment).unwrap_err();
    assert!(!said.to_string().contains('\n'));
    said.to_string()
}

static ODE_SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| wav(&play(&ODE, 112.0, 0.0, RATE), RATE));

fn similarity(a: &Fragment, b: &Fragment, extent: Extent) -> f64 {
    let comparer = Comparer { extent, ..Comparer::default() };
    comparer.likeness(a, b).map_or(0.0, |likeness| likeness.similarity)
}

#[test]
fn a_tune_is_heard_note_by_note() {
    let piece = read(&ODE_SOUND);
    assert!(piece.warnings.is_empty(), "{:?}", piece.warnings);
    let info = piece.info.sound().unwrap();
    assert_eq!((info.format, info.sample_rate, info.channels), ("WAV", RATE, 1));
    assert!(info.tuning.abs() < 6.0 && info.pitched > 0.8, "{info:?}");
    let pitches: Vec<_> = piece.fragment().unwrap().notes().iter().map(|note| note.pitch).collect();
    assert_eq!(pitches, ODE.map(|note| note.0));
    // Notes of one pitch that follow each other are told apart, and begin when they are played.
    let options = ReadOptions { tempo: Some(112.0), ..ReadOptions::default() };
    let heard = read_bytes(&ODE_SOUND, Origin::Memory, &options).unwrap().into_fragment().unwrap();
    let meant = fragment(&ODE);
    for (heard_note, note) in heard.notes().iter().zip(meant.notes()) {
        let off = heard.to_quarters(heard_note.onset) - meant.to_quarters(note.onset);
        assert!(off.abs() < 0.12, "{off} quarters");
    }
}

#[test]
fn a_recording_and_its_notes_are_good_for_each_other_and_unrelated_ones_are_not() {
    let midi = fragment(&ODE);
    for (tempo, semitones) in [(72.0, 0.3), (112.0, -2.0), (150.0, 5.0)] {
        let sound = read(&wav(&play(&ODE, tempo, semitones, 22_050), 22_050)).into_fragment().unwrap();
        for extent in [Extent::Whole, Extent::Contained] {
            for (a, b) in [(&sound, &midi), (&midi, &sound)] {
                let found = similarity(a, b, extent);
                assert!(found > 0.8, "{tempo}, {semitones}, {extent:?}: {found}");
            }
            let other = similarity(&sound, &fragment(&OTHER), extent);
            assert!(other < 0.6, "{tempo}, {semitones}, {extent:?}: {other}");
        }
    }
}

#[test]
fn a_bank_of_recordings_judges_midi_and_recordings() {
    let folder = tempfile::tempdir().unwrap();
    for label in ["good", "bad"] {
        std::fs::create_dir(folder.path().join(label)).unwrap();
    }
    std::fs::write(folder.path().join("good/ode.wav"), &*ODE_SOUND).unwrap();
    std::fs::write(
        folder.path().join("bad/other.mid"),
        smf::write(&fragment(&OTHER), &smf::Heading::default()).unwrap(),
    )
    .unwrap();
    let judge = Judge::new(Bank::open(folder.path()).unwrap(), Planner::default()).unwrap();
    assert_eq!(judge.bank().exemplars().len(), 2);
    let verdict = |fragment: &Fragment| judge.judge(fragment).verdict;
    assert_eq!(verdict(&fragment(&ODE)), Verdict::Good);
    assert_eq!(verdict(&read(&wav(&play(&ODE, 90.0, 3.0, RATE), RATE)).into_fragment().unwrap()), Verdict::Good);
    assert_eq!(verdict(&read(&wav(&play(&OTHER, 120.0, 0.0, RATE), RATE)).into_fragment().unwrap()), Verdict::Bad);
}

#[test]
fn all_forms_of_samples_are_the_same_music() {
    let expected: Vec<_> = read(&ODE_SOUND).fragment().unwrap().notes().iter().map(|note| note.pitch).collect();
    for (rate, channels, bits, format) in [
        (8_000, 1, 8, SampleFormat::Int),
        (11_025, 2, 16, SampleFormat::Int),
        (48_000, 6, 24, SampleFormat::Int),
        (22_050, 2, 32, SampleFormat::Int),
        (192_000, 1, 32, SampleFormat::Float),
    ] {
        let spec = WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
        let samples = play(&ODE, 112.0, 0.0, rate);
        let all = samples.iter().flat_map(|&sample| std::iter::repeat_n(sample, channels.into()));
        let bytes = match format {
            SampleFormat::Float => written(spec, all),
            SampleFormat::Int => {
                let full = f64::from(1u32 << (bits - 1)) - 1.0;
                written(spec, all.map(|sample| (f64::from(sample) * full) as i32))
            }
        };
        let piece = read(&bytes);
        let info = piece.info.sound().unwrap();
        assert_eq!((info.sample_rate, info.channels), (rate, usize::from(channels)));
        assert!((info.seconds - samples.len() as f64 / f64::from(rate)).abs() < 0.01);
        let pitches: Vec<_> = piece.fragment().unwrap().notes().iter().map(|note| note.pitch).collect();
        assert_eq!(pitches, expected, "{rate} Hz, {channels} channels, {bits} bits");
    }
}

#[test]
fn silence_noise_and_percussion_are_almost_dark_and_said_to_be() {
    let mut state = 1u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let seconds = 5;
    let noise: Vec<f32> = (0..seconds * RATE).map(|_| (0.3 * random()) as f32).collect();
    let percussion: Vec<f32> = (0..seconds * RATE)
        .map(|i| {
            let since = f64::from(i % (RATE / 3)) / f64::from(RATE);
            (random() * (-60.0 * since).exp()) as f32
        })
        .collect();
    let silence = vec![0.0; (seconds * RATE) as usize];
    for (name, samples) in [("noise", noise), ("percussion", percussion), ("silence", silence)] {
        let piece = read(&wav(&samples, RATE));
        let info = piece.info.sound().unwrap();
        assert!(info.pitched < 0.1, "{name}: {info:?}");
        assert!(matches!(piece.warnings[..], [Warning::HardlyPitched { .. }]), "{name}: {:?}", piece.warnings);
        if name == "silence" {
            assert!(matches!(piece.fragment(), Err(Error::Unheard { .. })));
        }
    }
}

#[test]
fn odd_samples_are_taken_for_silence() {
    let mut samples = play(&ODE, 112.0, 0.0, 22_050);
    for (at, odd) in [(5000, f32::NAN), (5001, f32::INFINITY), (5002, f32::NEG_INFINITY), (90_000, 1e30)] {
        samples[at] = odd;
    }
    let spec = WavSpec { channels: 1, sample_rate: 22_050, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let piece = read(&written(spec, samples.into_iter()));
    assert_eq!(piece.warnings, [Warning::OddSamples { samples: 4 }]);
    assert!(similarity(piece.fragment().unwrap(), &fragment(&ODE), Extent::Whole) > 0.7);
}

/// A WAV header of 44 bytes as it is told, and samples.
fn header(rate: u32, channels: u16, bits: u16, told: u32, samples: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend(told.saturating_add(36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate.wrapping_mul(u32::from(channels) * u32::from(bits) / 8)).to_le_bytes());
    bytes.extend((channels.wrapping_mul(bits) / 8).to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(told.to_le_bytes());
    bytes.extend(std::iter::repeat_n(0, samples));
    bytes
}

#[test]
fn bad_files_get_one_clear_line() {
    assert!(refusal(b"").contains("the file is empty"));
    assert!(refusal(b"Not sound at all, only a text.\n").contains("a text file"));
    // Header only; no channel; no rate; a rate beyond reason; no bits.
    for bytes in [
        &ODE_SOUND[..44],
        &ODE_SOUND[..20],
        &header(44_100, 1, 16, 0, 0),
        &header(44_100, 0, 16, 8000, 8000),
        &header(0, 1, 16, 8000, 8000),
        &header(4_000_000_000, 1, 16, 8000, 8000),
        &header(44_100, 1, 0, 8000, 8000),
        &header(44_100, u16::MAX, 16, 8000, 8000),
        b"fLaC",
        b"OggS",
        b"ID3\x04",
        b"\xFF\xFB\x90\x64",
        b"FORM\0\0\0\0AIFF",
        b"\0\0\0\x20ftypM4A ",
    ] {
        let said = refusal(bytes);
        assert!(said.len() < 200 && said.starts_with("notes in memory: "), "{said}");
    }
}

#[test]
fn a_file_cut_short_is_read_as_far_as_it_goes() {
    let half = &ODE_SOUND[..ODE_SOUND.len() / 2];
    let piece = read(half);
    assert!(matches!(piece.warnings[..], [Warning::SoundCutShort { milliseconds: 3000.. }]), "{:?}", piece.warnings);
    assert!(similarity(piece.fragment().unwrap(), &fragment(&ODE), Extent::Contained) > 0.7);
    // What a program writes that does not know the length yet.
    let mut endless = ODE_SOUND.clone();
    endless[4..8].fill(0xFF);
    endless[40..44].fill(0xFF);
    assert_eq!(read(&endless).fragment().unwrap().notes().len(), ODE.len());
}

#[test]
fn lengths_are_limited_and_the_option_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ten-hours.wav");
    let hours = 10u64;
    // A file of holes: ten hours of silence at 8 kHz, of which hardly anything is written.
    let length = hours * 3600 * 8000;
    let file = std::fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut &file, &header(8000, 1, 8, length as u32, 0)).unwrap();
    file.set_len(44 + length).unwrap();
    let said = read_file(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(
        said.contains("36000 seconds of sound are more than the limit of 600; --max-audio-seconds raises it"),
        "{said}"
    );
    let limits = Limits { audio_seconds: 5, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let said = read_bytes(&ODE_SOUND, Origin::Memory, &options).unwrap_err();
    assert!(matches!(said, Error::OverLimit { limit: 5, option: "--max-audio-seconds", .. }), "{said}");
}

#[test]
fn damage_of_any_byte_does_no_harm() {
    let small = wav(&play(&ODE[..2], 240.0, 0.0, 8000), 8000);
    for at in 0..48 {
        for value in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
            let mut damaged = small.clone();
            damaged[at] = value;
            if let Err(error) = read_bytes(&damaged, Origin::Memory, &ReadOptions::default()) {
                assert!(!error.to_string().contains('\n'));
            }
        }
    }
}

#[test]
fn the_kind_is_told_from_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tune.MID");
    std::fs::write(&path, &*ODE_SOUND).unwrap();
    let error = read_file(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("named as a MIDI file, but is a recording (WAV); name it .wav"), "{error}");
    let path = folder.path().join("tune.mp3");
    std::fs::write(&path, &*ODE_SOUND).unwrap();
    let kind = |path: &Path| serde_json::to_value(read_file(path, &ReadOptions::default()).unwrap().info).unwrap();
    let info = kind(&path);
    assert_eq!((info["kind"].as_str(), info["rate"].as_u64()), (Some("audio"), Some(RATE.into())));
    let path = folder.path().join("tune.wav");
    std::fs::write(&path, smf::write(&fragment(&ODE), &smf::Heading::default()).unwrap()).unwrap();
    assert_eq!(kind(&path)["kind"], "midi");
}

#[cfg(feature = "cli")]
#[test]
fn the_program_takes_recordings_and_draws_them() {
    use assert_cmd::Command;
    let folder = tempfile::tempdir().unwrap();
    let (sound, midi) = (folder.path().join("ode.wav"), folder.path().join("ode.mid"));
    std::fs::write(&sound, &*ODE_SOUND).unwrap();
    std::fs::write(&midi, smf::write(&fragment(&ODE), &smf::Heading::default()).unwrap()).unwrap();
    let judge = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("judge").unwrap();
        command.args(arguments).arg("--threads=2").current_dir(folder.path());
        command.assert()
    };
    let told = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&judge(arguments).success().get_output().stdout).unwrap()
    };
    let likeness = told(&["compare", "ode.wav", "ode.mid", "--json"]);
    assert!(likeness["similarity"].as_f64().unwrap() > 0.8, "{likeness}");
    let inspected = told(&["inspect", "ode.wav", "--json", "--tempo", "112"]);
    assert_eq!((inspected["kind"].as_str(), inspected["tempo"].as_f64()), (Some("audio"), Some(112.0)));
    for view in ["roll", "spectrogram", "mel", "cqt", "mfcc", "chroma", "onset"] {
        judge(&["render", "ode.wav", "--as", view, "-o", "picture.png"]).success();
        assert!(std::fs::read(folder.path().join("picture.png")).unwrap().starts_with(b"\x89PNG"));
    }
    let refused = judge(&["render", "ode.mid", "--as", "mel", "-o", "picture.png"]).code(2);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("it is no recording"));
    judge(&["inspect", "ode.wav", "--tempo", "0"]).code(2);
    for command in [
        &["inspect", "ode.wav"][..],
        &["bank", "list"],
        &["bank", "show", "branle"],
        &["bank", "check"],
        &["bank", "dedupe"],
        &["bank", "evaluate"],
        &["bank", "calibrate", "--dry-run"],
        &["bank", "suggest", "ode.mid"],
    ] {
        let refused = judge(&[command, &["--transcriber", "ode.mid"]].concat()).code(2);
        refused.stderr(predicates::str::contains("ode.mid"));
    }
}
