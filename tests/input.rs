//! Bytes to pieces: what is understood, repaired, refused, and that nothing breaks.

use std::path::Path;

use judge::input::{Division, Limits, MidiInfo, Piece, ReadOptions, Warning, read_bytes, read_file};
use judge::{Error, Origin};
use proptest::prelude::*;

const END: &[u8] = &[0, 0xFF, 0x2F, 0];

/// A number of variable length.
fn number(value: u32) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7F) as u8];
    let mut rest = value >> 7;
    while rest > 0 {
        bytes.insert(0, 0x80 | (rest & 0x7F) as u8);
        rest >>= 7;
    }
    bytes
}

fn chunk(id: &[u8], data: &[u8]) -> Vec<u8> {
    [id, &(data.len() as u32).to_be_bytes(), data].concat()
}

fn track(events: &[&[u8]]) -> Vec<u8> {
    chunk(b"MTrk", &[&events.concat(), END].concat())
}

fn header(format: u16, tracks: u16, division: u16) -> Vec<u8> {
    chunk(b"MThd", &[format.to_be_bytes(), tracks.to_be_bytes(), division.to_be_bytes()].concat())
}

fn song(format: u16, division: u16, tracks: &[Vec<u8>]) -> Vec<u8> {
    [header(format, tracks.len() as u16, division), tracks.concat()].concat()
}

/// A note of some ticks after some ticks.
fn note(after: u32, channel: u8, pitch: u8, ticks: u32) -> Vec<u8> {
    [number(after), vec![0x90 | channel, pitch, 64], number(ticks), vec![0x80 | channel, pitch, 0]].concat()
}

fn tempo(after: u32, microseconds: u32) -> Vec<u8> {
    [number(after), vec![0xFF, 0x51, 3], microseconds.to_be_bytes()[1..].to_vec()].concat()
}

/// What a MIDI file says of itself.
fn midi(piece: &Piece) -> &MidiInfo {
    piece.info.midi().unwrap()
}

fn read(bytes: &[u8]) -> Piece {
    read_bytes(bytes, Origin::Memory, &ReadOptions::default()).unwrap()
}

/// Pitch, onset and end of each note in quarters from the file's beginning.
fn quarters(piece: &Piece) -> Vec<(u8, f64, f64)> {
    let fragment = piece.fragment().unwrap();
    let time = |ticks| fragment.to_quarters(fragment.lead() + ticks);
    fragment.notes().iter().map(|note| (note.pitch, time(note.onset), time(note.end()))).collect()
}

/// A file with something of everything.
fn varied() -> Vec<u8> {
    let first = track(&[
        &tempo(0, 500_000),
        &[0, 0xFF, 0x58, 4, 6, 3, 24, 8],
        &[0, 0xFF, 3, 2, b'h', b'i'],
        &[0, 0xF0, 2, 1, 0xF7],
        &tempo(960, 250_000),
    ]);
    let second = track(&[
        &[0, 0xC0, 5],
        &note(0, 0, 60, 480),
        &note(0, 9, 38, 10),
        &[0, 0x90, 64, 64, 0x83, 0x60, 64, 0, 0, 67, 64, 0x81, 0x70, 67, 0],
        &[0, 0xE0, 0, 64],
    ]);
    [song(1, 480, &[first, second]), chunk(b"XFIH", &[1, 2, 3])].concat()
}

#[test]
fn format_0_with_running_status_over_meta_events() {
    let events: &[u8] = &[0, 0x90, 60, 64, 48, 60, 0, 0, 0xFF, 1, 1, b'x', 0, 62, 64, 96, 62, 0];
    let piece = read(&song(0, 96, &[track(&[events])]));
    assert_eq!(quarters(&piece), [(60, 0.0, 0.5), (62, 0.5, 1.5)]);
    assert_eq!(piece.warnings, []);
    assert_eq!((midi(&piece).format, midi(&piece).note_ons, midi(&piece).notes, midi(&piece).quarters), (0, 2, 2, 1.5));
}

#[test]
fn format_1_gathers_tempi_from_all_tracks() {
    let piece = read(&varied());
    assert_eq!(
        quarters(&piece),
        [(60, 0.0, 1.0), (64, 490.0 / 480.0, 970.0 / 480.0), (67, 970.0 / 480.0, 1210.0 / 480.0)]
    );
    let info = midi(&piece);
    assert_eq!((info.tracks, info.channels, info.note_ons, info.drum_notes, info.tempo_changes), (2, 2, 4, 1, 2));
    assert_eq!(info.time_signature.unwrap().to_string(), "6/8");
    // Two quarters at half a second, the rest at a quarter of a second.
    assert!((info.seconds - (1.0 + (1210.0 - 960.0) / 480.0 * 0.25)).abs() < 1e-12);
    assert_eq!(piece.warnings, [Warning::OtherChunks { chunks: 1, bytes: 11 }]);
    let json = serde_json::to_value(info).unwrap();
    assert_eq!((&json["kind"], &json["division"]), (&"midi".into(), &"480 ticks a quarter".into()));
}

#[test]
fn format_2_lays_its_patterns_one_after_the_other() {
    let pattern = |pitch, microseconds| track(&[&tempo(0, microseconds), &note(0, 0, pitch, 96)]);
    let plain = track(&[&note(0, 0, 64, 96)]);
    let piece = read(&song(2, 96, &[pattern(60, 1_000_000), pattern(62, 2_000_000), plain]));
    assert_eq!(quarters(&piece), [(60, 0.0, 1.0), (62, 1.0, 2.0), (64, 2.0, 3.0)]);
    assert_eq!((midi(&piece).seconds, midi(&piece).tempo_changes), (3.5, 2));
}

#[test]
fn smpte_divisions_are_exact() {
    // 25 frames a second, of 40 ticks: 500 ticks are half a second, which is a quarter.
    let piece = read(&song(0, 0xE728, &[track(&[&tempo(0, 1), &note(500, 0, 60, 250)])]));
    assert_eq!(midi(&piece).division, Division::Timecode { frames: 25, ticks: 40 });
    assert_eq!((quarters(&piece), midi(&piece).seconds), (vec![(60, 1.0, 1.5)], 0.75));
    // Drop-frame: 30,000 frames are 1,001 seconds, 2,002 quarters.
    let piece = read(&song(0, 0xE301, &[track(&[&note(0, 0, 60, 30_000)])]));
    assert_eq!((quarters(&piece), midi(&piece).seconds), (vec![(60, 0.0, 2002.0)], 1001.0));
}

#[test]
fn divisions_without_ticks_can_be_inspected() {
    for division in [0, 0xE700] {
        let piece = read(&song(0, division, &[track(&[&note(0, 0, 60, 10)])]));
        assert_eq!((midi(&piece).note_ons, &piece.warnings[..]), (1, &[Warning::NoTicks][..]));
        assert!(matches!(piece.fragment(), Err(Error::Malformed { .. })));
    }
}

#[test]
fn rmid_wrappers_are_taken_off() {
    let midi = song(0, 96, &[track(&[&note(0, 0, 60, 96)])]);
    let little = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    let riff = [b"RIFF\0\0\0\0RMIDDISP\x01\0\0\0x\0data", &little(&midi)[..], &midi].concat();
    assert_eq!(quarters(&read(&riff)), [(60, 0.0, 1.0)]);
    assert!(read_bytes(b"RIFF\0\0\0\0RMID", Origin::Memory, &ReadOptions::default()).is_err());
}

#[test]
fn notes_pair_first_in_first_out_within_channel_pitch_and_track() {
    let overlapping: &[u8] = &[0, 0x90, 60, 1, 10, 60, 2, 10, 60, 0, 10, 60, 0];
    let other: &[u8] = &[5, 0x80, 60, 0];
    let piece = read(&song(1, 10, &[track(&[overlapping]), track(&[other])]));
    assert_eq!(quarters(&piece), [(60, 0.0, 2.0), (60, 1.0, 3.0)]);
    assert_eq!((midi(&piece).stray_note_offs, piece.warnings.len()), (1, 0));
}

#[test]
fn unclosed_and_empty_notes() {
    let piece = read(&song(0, 10, &[track(&[&[0, 0x90, 60, 1, 0, 62, 1, 0, 62, 0], &[30, 0xB0, 1, 1]])]));
    assert_eq!(quarters(&piece), [(60, 0.0, 3.0), (62, 0.0, 0.0)]);
    assert_eq!(piece.warnings, [Warning::UnclosedNotes { notes: 1 }]);
}

#[test]
fn drums_are_left_out_unless_asked_for() {
    let bytes = song(0, 10, &[track(&[&note(0, 9, 38, 10)])]);
    assert!(matches!(read(&bytes).fragment(), Err(Error::Silent { drum_notes: 1, .. })));
    let options = ReadOptions { drums: true, ..ReadOptions::default() };
    let piece = read_bytes(&bytes, Origin::Memory, &options).unwrap();
    assert_eq!(piece.into_fragment().unwrap().notes()[0].channel, 9);
    assert!(matches!(read(&song(1, 480, &[])).fragment(), Err(Error::Silent { drum_notes: 0, .. })));
}

#[test]
fn damage_costs_one_track_and_is_told() {
    let broken = track(&[&note(0, 0, 60, 10), &[0, 0xFF, 1, 0x7F]]);
    let piece = read(&song(1, 10, &[broken, track(&[&note(0, 0, 62, 10)])]));
    assert_eq!(quarters(&piece), [(60, 0.0, 1.0), (62, 0.0, 1.0)]);
    assert_eq!(piece.warnings, [Warning::Damaged { tracks: 1, first: 0, at: 30, bytes: 8 }]);
}

#[test]
fn single_events_are_repaired() {
    let events: &[u8] = &[0, 0x90, 60, 0xFF, 5, 0xF8, 5, 60, 0, 0, 0xFF, 0x59, 1, 0, 0, 0x91, 0x80, 1];
    let piece = read(&song(0, 10, &[track(&[events, &[0x80, 0x80, 0x80, 0x80, 10, 0x92, 64, 1, 1, 64, 0]])]));
    assert_eq!(quarters(&piece), [(60, 0.0, 1.0), (64, 2.0, 2.1)]);
    let expected = [
        Warning::ClippedData { events: 2 },
        Warning::NoPitch { notes: 1 },
        Warning::SystemMessages { messages: 1 },
        Warning::LongNumbers { events: 1 },
        Warning::BadMeta { events: 1 },
    ];
    assert_eq!(piece.warnings, expected);
    assert_eq!((midi(&piece).note_ons, midi(&piece).notes), (3, 2));
}

#[test]
fn numbers_beyond_28_bits_end_their_track() {
    let events: &[u8] = &[0x90, 0x80, 0x80, 0x80, 0, 0x90, 60, 1];
    let piece = read(&song(0, 10, &[track(&[&note(0, 0, 62, 10), events])]));
    assert_eq!(quarters(&piece), [(62, 0.0, 1.0)]);
    assert!(matches!(piece.warnings[..], [Warning::Damaged { bytes: 12, .. }]));
}

#[test]
fn limits_are_named_with_their_options() {
    let bytes = varied();
    let error = |limits: Limits| {
        let options = ReadOptions { limits, ..ReadOptions::default() };
        let piece = read_bytes(&bytes, Origin::Memory, &options);
        piece.and_then(Piece::into_fragment).unwrap_err().to_string()
    };
    let limits = Limits::default();
    let told = error(Limits { notes: 3, ..limits });
    assert_eq!(told, "notes in memory: 4 notes are more than the limit of 3; --max-notes raises it");
    assert!(
        error(Limits { quarters: 2, ..limits }).contains("3 quarters are more than the limit of 2; --max-quarters")
    );
    assert!(error(Limits { seconds: 1, ..limits }).contains("2 seconds are more than the limit of 1; --max-hours"));
    assert!(error(Limits { bytes: 9, ..limits }).contains("bytes are more than the limit of 9; --max-bytes"));
}

#[test]
fn long_times_can_be_inspected_but_not_drawn() {
    let long: &[u8] = &[0, 0x90, 60, 64, 0xFF, 0xFF, 0xFF, 0x7F, 60, 0];
    for division in [1, 0xE3FF] {
        let piece = read(&song(0, division, &[track(&[&long.repeat(50)])]));
        assert_eq!(midi(&piece).note_ons, 50);
        assert!(matches!(piece.fragment(), Err(Error::OverLimit { .. })), "{division}");
    }
}

#[test]
fn numbers_in_the_file_allocate_nothing() {
    let huge: &[u8] = &[0xFF, 0xFF, 0xFF, 0xFF];
    let mut bytes = [header(1, u16::MAX, 96), b"MTrk".to_vec(), huge.to_vec(), note(0, 0, 60, 96)].concat();
    let piece = read(&bytes);
    assert_eq!(quarters(&piece), [(60, 0.0, 1.0)]);
    assert!(matches!(piece.warnings[..], [Warning::TrackCount { .. }, Warning::CutShort { track: 0, .. }]));
    bytes.extend([0, 0xFF, 1, 0xFF, 0xFF, 0xFF, 0x7F]);
    assert_eq!(quarters(&read(&bytes)), [(60, 0.0, 1.0)]);
    let riff = [b"RIFF", huge, b"RMIDdata", huge, &song(0, 96, &[track(&[&note(0, 0, 60, 96)])])].concat();
    assert_eq!(quarters(&read(&riff)), [(60, 0.0, 1.0)]);
}

#[test]
fn wrong_lengths_and_counts() {
    let second = track(&[&note(0, 0, 62, 10)]);
    for wrong in [3u32, 200] {
        let mut first = track(&[&note(0, 0, 60, 10)]);
        first[4..8].copy_from_slice(&wrong.to_be_bytes());
        let piece = read(&[header(1, 3, 10), first, second.clone()].concat());
        assert_eq!(quarters(&piece), [(60, 0.0, 1.0), (62, 0.0, 1.0)]);
        let expected = [Warning::TrackCount { declared: 3, found: 2 }, Warning::WrongLength { tracks: 1, first: 0 }];
        assert_eq!(piece.warnings, expected);
    }
}

/// Whatever the bytes are: a piece that can be told and drawn, or an error of one line.
fn survives(bytes: &[u8]) {
    match read_bytes(bytes, Origin::Memory, &ReadOptions { drums: true, ..ReadOptions::default() }) {
        Ok(piece) => {
            serde_json::to_string(&(&piece.info, &piece.warnings)).unwrap();
            match piece.fragment() {
                Ok(fragment) => assert!(fragment.quarters().is_finite()),
                Err(error) => assert_eq!(error.to_string().lines().count(), 1),
            }
            assert!(piece.warnings.iter().all(|warning| warning.to_string().lines().count() == 1));
        }
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
}

#[test]
fn survives_truncation_at_every_byte() {
    let bytes = varied();
    for length in 0..bytes.len() {
        survives(&bytes[..length]);
        if length >= 14 {
            assert!(read_bytes(&bytes[..length], Origin::Memory, &ReadOptions::default()).is_ok());
        }
    }
}

#[test]
fn survives_any_value_of_every_byte() {
    let mut bytes = varied();
    for at in 0..bytes.len() {
        let right = bytes[at];
        for wrong in 0..=255 {
            bytes[at] = wrong;
            survives(&bytes);
        }
        bytes[at] = right;
    }
}

proptest! {
    #[test]
    fn survives_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn survives_random_tracks(
        format in 0u16..4,
        division: u16,
        tracks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..4),
    ) {
        let tracks: Vec<_> = tracks.iter().map(|data| chunk(b"MTrk", data)).collect();
        survives(&song(format, division, &tracks));
    }

    #[test]
    fn reads_back_what_was_written(
        notes in prop::collection::vec((0u32..1000, 0u8..9, 0u8..128, 0u32..1000), 1..40),
        division in 1u16..0x8000,
    ) {
        let events: Vec<_> = notes.iter().map(|&(after, channel, pitch, ticks)| note(after, channel, pitch, ticks)).collect();
        let piece = read(&song(0, division, &[track(&events.iter().map(Vec::as_slice).collect::<Vec<_>>())]));
        let (mut time, mut expected) = (0, Vec::new());
        for &(after, channel, pitch, ticks) in &notes {
            time += u64::from(after);
            expected.push((time, pitch, u64::from(ticks), channel));
            time += u64::from(ticks);
        }
        let fragment = piece.fragment().unwrap();
        let mut found: Vec<_> =
            fragment.notes().iter().map(|n| (n.onset + fragment.lead(), n.pitch, n.duration, n.channel)).collect();
        expected.sort_unstable();
        found.sort_unstable();
        prop_assert_eq!(found, expected);
        prop_assert!(piece.warnings.is_empty());
    }
}

#[test]
fn files_are_checked_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mid");
    std::fs::write(&path, varied()).unwrap();
    let options = ReadOptions::default();
    assert_eq!(read_file(&path, &options).unwrap().origin, Origin::from(path.as_path()));
    let small = ReadOptions { limits: Limits { bytes: 10, ..Limits::default() }, ..options.clone() };
    assert!(matches!(read_file(&path, &small), Err(Error::OverLimit { found, .. }) if found == varied().len() as u64));
    let error = |path: &Path| read_file(path, &options).unwrap_err().to_string();
    assert!(error(folder.path()).ends_with("cannot read: is a directory"));
    let sound = folder.path().join("a.wav");
    std::fs::write(&sound, b"RIFF\0\0\0\0WAVEfmt ").unwrap();
    let told = if cfg!(feature = "audio") {
        "begins as a WAV file, but cannot be read as one"
    } else {
        "rebuild with `--features audio`"
    };
    assert!(error(&sound).contains(told));
    std::fs::write(&path, b"").unwrap();
    assert!(error(&path).contains("empty"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe.mid");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let error = read_file(&path, &ReadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("is no regular file"));
}
