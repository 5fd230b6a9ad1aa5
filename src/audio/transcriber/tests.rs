use std::fs::File;
use std::path::Path;

use ndarray::Array2;
use ndarray_npy::NpzReader;
use serde::Deserialize;

use super::*;
use crate::audio::{Container, decode};

/// What is published with the network lies beside the project, where it is there at all.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/audio/basic-pitch");

#[derive(Deserialize)]
struct Event(f64, f64, u8, f32, #[expect(dead_code, reason = "pitch bends are not made")] Vec<i32>);

fn furthest(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn agrees_with_what_is_published_with_the_network() {
    let folder = Path::new(FOLDER);
    if !folder.is_dir() {
        println!("skipped: {FOLDER} is not there");
        return;
    }
    let transcriber = Transcriber::open(&folder.join("nmp.onnx")).unwrap();
    let sound = File::open(folder.join("vocadito_10.wav")).unwrap();
    let recording = decode(sound, Container::Wav, 600, &Origin::Memory).unwrap();
    let told = transcriber.activations(&recording.samples).unwrap();
    let mut reference = NpzReader::new(File::open(folder.join("vocadito_10.model_output.plain.npz")).unwrap()).unwrap();
    let mut read = |name: &str| -> Array2<f32> { reference.by_name(&format!("{name}.npy")).unwrap() };
    for (name, told) in [("note", &told.note), ("onset", &told.onset), ("contour", &told.contour)] {
        let off = furthest(told, &read(name));
        println!("{name}: at most {off:.1e} from the published output");
        assert!(off < 1e-3, "{name}: {off}");
    }

    let events = File::open(folder.join("vocadito_10.note_events.plain.json")).unwrap();
    let mut events: Vec<Event> = serde_json::from_reader(events).unwrap();
    events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
    let notes = transcriber.transcribe(&recording.samples).unwrap();
    assert_eq!(notes.len(), events.len());
    let frame = HOP as f64 / f64::from(SAMPLE_RATE);
    for (note, Event(start, end, pitch, strength, _)) in notes.iter().zip(&events) {
        assert_eq!(note.pitch, *pitch);
        assert!((note.start - start).abs() < frame && (note.end - end).abs() < frame, "{note:?} at {start} to {end}");
        assert!((note.strength - strength).abs() < 1e-3);
    }
}

#[test]
fn other_files_are_no_networks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    for bytes in [&b""[..], b"MThd", b"\x08\x07\x12\x04test", &[0xFF; 4096]] {
        std::fs::write(&path, bytes).unwrap();
        let error = Transcriber::open(&path).unwrap_err().to_string();
        assert!(error.contains("network.onnx: it") && !error.contains('\n'), "{error}");
    }
    assert!(Transcriber::open(&folder.path().join("none.onnx")).unwrap_err().to_string().contains("cannot read"));
}
