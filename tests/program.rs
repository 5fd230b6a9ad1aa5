//! The program as a user meets it: its contract, its messages, its exit status.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use judge::Fragment;
use judge::correlate::Cuda;
use judge::smf::{self, Heading};
use predicates::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

fn judge() -> Command {
    let mut command = Command::cargo_bin("judge").unwrap();
    command.env_remove("JUDGE_BANK").env("NO_COLOR", "1").timeout(std::time::Duration::from_secs(60));
    command
}

fn write(path: &Path, fragment: &Fragment) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, smf::write(fragment, &Heading::default()).unwrap()).unwrap();
}

fn scale(from: u8, step: u8) -> Fragment {
    Fragment::from_quarters(&(0..8u8).map(|i| (from + i * step, f64::from(i), 1.0)).collect::<Vec<_>>()).unwrap()
}

/// A folder with a bank of one good and one bad exemplar, and fragments that get each verdict.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap() };
        write(&place.path("bank/good/jacques.mid"), &support::melody());
        write(&place.path("bank/bad/deep/chromatic.mid"), &scale(40, 1));
        write(&place.path("good.mid"), &transposed(&support::melody(), 5));
        write(&place.path("bad.mid"), &scale(60, 1));
        write(&place.path("neutral.mid"), &scale(20, 11));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the folder.
    fn run(&self, arguments: &[&str]) -> std::process::Output {
        judge().current_dir(self.folder.path()).args(arguments).output().unwrap()
    }

    /// Runs it with success and reads its JSON lines.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        lines(&output.stdout)
    }

    /// Runs it, expects exit status 2 and one line on standard error, and gives that line.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{told}");
        told
    }
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn transposed(fragment: &Fragment, by: u8) -> Fragment {
    let notes = fragment.notes().iter().map(|note| judge::Note { pitch: note.pitch + by, ..*note });
    Fragment::new(notes.collect(), fragment.ticks_per_quarter()).unwrap()
}

#[test]
fn three_verdicts_with_what_explains_them() {
    let place = Place::new();
    let found = place.json(&["good.mid", "bad.mid", "neutral.mid", "--bank", "bank", "--json"]);
    let verdicts: Vec<_> = found.iter().map(|it| it["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["good", "bad", "neutral"]);
    let good = &found[0];
    assert_eq!(good["file"], "good.mid");
    assert_eq!(good["vetoed"], false);
    assert_eq!(good["cnn"], Value::Null);
    assert_eq!(good["warnings"], serde_json::json!([]));
    let matched = &good["good"][0];
    assert_eq!(matched["exemplar"], "good/jacques.mid");
    assert_eq!(matched["similarity"], 1.0);
    assert_eq!(matched["brightness"], 192.0);
    assert_eq!((&matched["transposition"], &matched["stretch"]), (&5.into(), &1.0.into()));
    assert_eq!((&matched["inverted"], &matched["retrograde"]), (&false.into(), &false.into()));
    assert_eq!(matched["shift"], 0.0);
    // Which notes are alike is told of the best match of each side.
    assert_eq!(matched["notes"]["matched"].as_array().unwrap().len(), support::melody().notes().len());
    assert_eq!(matched["notes"]["added"], serde_json::json!([]));
    assert!(good["bad"][0]["notes"]["missing"].is_array());
    let bad = &found[1];
    assert_eq!((&bad["vetoed"], &bad["bad"][0]["exemplar"]), (&true.into(), &"bad/deep/chromatic.mid".into()));
    let scores: Vec<_> = found.iter().map(|it| it["score"].as_f64().unwrap()).collect();
    assert!(scores[0] > scores[2] && scores[2] > scores[1], "{scores:?}");
}

#[test]
fn the_starter_bank_answers_anywhere() {
    let place = Place::new();
    let stuck: Vec<_> = (0..32).map(|i| (60, f64::from(i) / 2.0, 0.5)).collect();
    write(&place.path("stuck.mid"), &Fragment::from_quarters(&stuck).unwrap());
    let output = place.run(&["stuck.mid"]);
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("stuck.mid: bad, score 0."), "{told}");
    assert!(told.contains("Vetoed: it resembles bad/"), "{told}");
    // A folder `fragments` that is a bank is preferred, and the environment to it.
    fs::rename(place.path("bank"), place.path("fragments")).unwrap();
    assert_eq!(place.json(&["good.mid", "--json"])[0]["good"][0]["exemplar"], "good/jacques.mid");
    write(&place.path("other/good/x.mid"), &scale(50, 2));
    write(&place.path("other/bad/y.mid"), &scale(50, 5));
    let output =
        judge().current_dir(place.folder.path()).env("JUDGE_BANK", "other").args(["good.mid", "--json"]).output();
    assert_eq!(lines(&output.unwrap().stdout)[0]["good"][0]["exemplar"], "good/x.mid");
}

#[test]
fn exit_status_tells_verdicts_when_asked() {
    let place = Place::new();
    let status = |arguments: &[&str]| place.run(arguments).status.code();
    assert_eq!(status(&["good.mid", "--bank", "bank", "--exit-code"]), Some(0));
    assert_eq!(status(&["good.mid", "bad.mid", "--bank", "bank", "--exit-code"]), Some(1));
    assert_eq!(status(&["bad.mid", "--bank", "bank"]), Some(0));
    assert_eq!(status(&["bad.mid", "missing.mid", "--bank", "bank", "--exit-code"]), Some(2));
}

#[test]
fn a_bad_file_is_told_and_the_rest_is_judged() {
    let place = Place::new();
    fs::write(place.path("text.mid"), "these are words, not notes").unwrap();
    let whole = fs::read(place.path("good.mid")).unwrap();
    fs::write(place.path("cut.mid"), &whole[..9]).unwrap();
    fs::write(place.path("empty.mid"), "").unwrap();
    let output = place.run(&["text.mid", "good.mid", "cut.mid", "empty.mid", "none.mid", "--bank", "bank", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let found = lines(&output.stdout);
    let files: Vec<_> = found.iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["text.mid", "good.mid", "cut.mid", "empty.mid", "none.mid"]);
    assert_eq!(found[1]["verdict"], "good");
    for index in [0, 2, 3, 4] {
        assert!(found[index]["error"].as_str().is_some_and(|error| error.contains(files[index])), "{:?}", found[index]);
        assert!(found[index].get("verdict").is_none());
    }
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 4);
}

#[test]
fn a_folder_without_music_has_its_place_in_the_answer() {
    let place = Place::new();
    fs::create_dir(place.path("bare")).unwrap();
    let output = place.run(&["good.mid", "bare", "bad.mid", "--bank", "bank", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let found = lines(&output.stdout);
    assert_eq!((found.len(), &found[1]["file"]), (3, &"bare".into()));
    assert!(found[1]["error"].as_str().unwrap().contains("music"));
}

#[test]
fn each_bad_input_gets_one_clear_line() {
    let place = Place::new();
    let says = |arguments: &[&str], parts: &[&str]| {
        let told = place.refused(arguments);
        assert!(told.starts_with("judge: "), "{told}");
        for part in parts {
            assert!(told.contains(part), "{told:?} does not say {part:?}");
        }
    };
    says(&["none.mid"], &["none.mid", "cannot read", "No such file"]);
    fs::create_dir(place.path("bare")).unwrap();
    says(&["bare"], &["bare", "music"]);
    says(&["good.mid", "--bank", "nowhere"], &["nowhere", "cannot open the bank"]);
    says(&["good.mid", "--bank", "bare"], &["bare", "good or bad"]);
    says(&["good.mid", "--bank", "good.mid"], &["good.mid", "a bank is a folder"]);
    fs::create_dir_all(place.path("hollow/good")).unwrap();
    says(&["good.mid", "--bank", "hollow"], &["hollow", "no exemplars"]);
    write(&place.path("hollow/good/a.mid"), &scale(60, 2));
    says(&["good.mid", "--bank", "hollow"], &["hollow", "no bad ones", "one_sided"]);
    fs::write(place.path("hollow/bank.ron"), "(settings: (one_sided: true))").unwrap();
    assert!(place.run(&["good.mid", "--bank", "hollow"]).status.success());
    fs::rename(place.path("hollow/good"), place.path("hollow/bad")).unwrap();
    fs::write(place.path("hollow/bank.ron"), "()").unwrap();
    says(&["good.mid", "--bank", "hollow"], &["hollow", "no good ones"]);
    fs::write(place.path("bank/bank.ron"), "(\n  settings: (good_treshold: 0.5)\n)").unwrap();
    says(&["good.mid", "--bank", "bank"], &["bank/bank.ron", "line 2, column", "good_treshold"]);
    fs::write(place.path("bank/bank.ron"), [0xff, 0xfe]).unwrap();
    says(&["good.mid", "--bank", "bank"], &["bank.ron", "UTF-8"]);

    says(&["good.mid", "--stretch", "1,x"], &["--stretch", "x", "ratio"]);
    says(&["good.mid", "--backend", "abacus"], &["--backend", "abacus", "sparse"]);
    if let Err(absent) = Cuda::new() {
        says(&["good.mid", "--backend", "cuda"], &["--backend", "cuda", &absent.to_string(), "sparse"]);
    }
    says(&["good.mid", "--measure", "yard"], &["--measure", "yard", "correlation"]);
    says(&["good.mid", "--inversion", "maybe"], &["--inversion", "maybe"]);
    says(&["good.mid", "--transpose", "12..-12"], &["--transpose", "12..-12"]);
    says(&["good.mid", "--threads", "0"], &["--threads", "0"]);
    says(&["compare", "good.mid", "bad.mid", "--extent", "half"], &["--extent", "half"]);
    says(&["compare", "good.mid"], &["<B>"]);
    says(&[], &["<FILE>"]);
    says(&["good.mid", "--max-notes", "3"], &["good.mid", "14 notes", "limit of 3", "--max-notes"]);
    says(&["good.mid", "--max-quarters", "3"], &["good.mid", "quarters", "--max-quarters"]);
    says(&["render", "good.mid", "-o", "out.gif"], &["out.gif", ".png or .svg"]);
    says(&["render", "good.mid", "-o", "none/out.png"], &["none/out.png", "cannot write"]);
    says(&["good.mid", "bad.mid", "--picture", "out.png"], &["out.png", "several files"]);
    says(&["matrix", "--csv", "good.mid", "good.mid"], &["good.mid", "apart from those that are read"]);
    fs::copy(place.path("good.mid"), place.path("midi.png")).unwrap();
    for command in
        [&["--bank", "bank", "midi.png", "--picture"][..], &["scan", "midi.png", "--bank", "bank", "--picture"]]
    {
        says(&[command, &["midi.png"]].concat(), &["midi.png", "apart from those that are read"]);
    }
    says(&["find", "none.mid", "good.mid"], &["none.mid"]);
    says(&["matrix", "good.mid", "--csv", "none/out.csv"], &["none/out.csv"]);
}

#[test]
fn drums_alone_are_silent_until_asked_for() {
    let place = Place::new();
    let mut notes = support::melody().notes().to_vec();
    notes.iter_mut().for_each(|note| note.channel = 9);
    write(&place.path("drums.mid"), &Fragment::new(notes, 40_320).unwrap());
    let told = place.refused(&["drums.mid"]);
    assert!(told.contains("14 on the drum channel") && told.contains("--drums"), "{told}");
    assert!(place.run(&["drums.mid", "--drums"]).status.success());
    assert_eq!(place.json(&["inspect", "drums.mid", "--json"])[0]["drum_notes"], 14);
}

#[test]
fn compare_tells_where_and_how_much() {
    let place = Place::new();
    write(&place.path("jacques.mid"), &support::melody());
    let found = place.json(&["compare", "good.mid", "jacques.mid", "--json"]);
    let expected = serde_json::json!({
        "a": "good.mid", "b": "jacques.mid", "similarity": 1.0, "brightness": 192.0, "transposition": 5,
        "stretch": 1.0, "inverted": false, "retrograde": false, "shift": 0.0,
        "notes": {
            "matched": (0..14).map(|note| [note, note]).collect::<Vec<_>>(),
            "altered": [], "missing": [], "added": [], "stretched": [],
        },
    });
    assert_eq!(found, [expected]);
    // All of it is contained in itself; a narrow search finds less; every backend says the same.
    let similarity = |more: &[&str]| {
        let arguments = [&["compare", "good.mid", "jacques.mid", "--json"], more].concat();
        place.json(&arguments)[0]["similarity"].as_f64().unwrap()
    };
    assert_eq!(similarity(&["--extent", "contained"]), 1.0);
    let narrow = similarity(&["--transpose", "0..2", "--stretch", "1", "--inversion", "off", "--retrograde", "off"]);
    assert!(narrow < 0.9);
    assert_eq!(similarity(&["--transpose", "100..120"]), 0.0);
    for backend in ["sparse", "fft", "reference", "auto"] {
        let arguments = ["compare", "bad.mid", "jacques.mid", "--json", "--stretch", "1,2"];
        assert_eq!(
            place.json(&[&arguments[..], &["--backend", backend]].concat()),
            place.json(&[&arguments[..], &["--threads", "1"]].concat()),
        );
    }
    let told = String::from_utf8(place.run(&["compare", "good.mid", "jacques.mid", "--show"]).stdout).unwrap();
    assert!(told.contains("5 semitones higher") && told.contains('█'), "{told}");
}

#[test]
fn contained_is_told_from_both_sides() {
    let place = Place::new();
    let mut notes: Vec<_> = support::melody().notes().iter().map(|n| (n.pitch + 5, n.onset, n.duration)).collect();
    notes.iter_mut().for_each(|note| note.1 += 40_320 * 10);
    notes.push((50, 0, 40_320 * 9));
    let notes = notes.into_iter().map(|(pitch, onset, duration)| judge::Note::new(pitch, onset, duration)).collect();
    write(&place.path("piece.mid"), &Fragment::new(notes, 40_320).unwrap());
    write(&place.path("query.mid"), &support::melody());
    let arguments = ["compare", "query.mid", "piece.mid", "--extent", "contained"];
    let told = String::from_utf8(place.run(&arguments).stdout).unwrap();
    assert!(told.contains("query.mid is found in piece.mid at quarter 10: 5 semitones higher"), "{told}");
    let found = &place.json(&[&arguments[..], &["--json"]].concat())[0];
    assert_eq!((found["transposition"].as_i64(), found["shift"].as_f64()), (Some(-5), Some(-10.0)));
}

#[cfg(unix)]
#[test]
fn a_table_of_a_set_with_itself_is_that_of_two_sets() {
    let place = Place::new();
    fs::write(place.path("unread.mid"), "not music").unwrap();
    let table = |files: &[&str], against: &[&str]| {
        let alterations = ["--stretch", "1", "--csv", "-"];
        let mut command = judge();
        command.current_dir(place.folder.path()).arg("matrix").args(files).args(alterations);
        if !against.is_empty() {
            command.arg("--against").args(against);
        }
        let out = command.assert().code(2).get_output().stdout.clone();
        csv::Reader::from_reader(&out[..]).records().map(Result::unwrap).collect::<Vec<_>>()
    };
    let files = ["good.mid", "unread.mid", "bad.mid", "neutral.mid"];
    let mut backwards = files;
    backwards.reverse();
    let (itself, other) = (table(&files, &[]), table(&files, &backwards));
    for (itself, other) in itself.iter().zip(&other) {
        let values = |row: &csv::StringRecord| row.iter().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let mut other = values(other);
        other.reverse();
        assert_eq!(values(itself), other);
    }
    assert_eq!(
        (itself.len(), itself[0][1].to_owned(), itself[1][1].to_owned()),
        (4, "1.000000000".into(), String::new())
    );
}

#[test]
fn outputs_keep_links_and_devices() {
    let place = Place::new();
    fs::write(place.path("target.svg"), "old").unwrap();
    std::os::unix::fs::symlink("target.svg", place.path("link.svg")).unwrap();
    assert!(place.run(&["render", "good.mid", "-o", "link.svg"]).status.success());
    assert!(place.path("link.svg").is_symlink());
    assert!(fs::read(place.path("target.svg")).unwrap().starts_with(b"<svg"));
    assert!(place.run(&["matrix", "good.mid", "--csv", "/dev/null"]).status.success());
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn notes_far_apart_are_judged_at_once() {
    let place = Place::new();
    write(&place.path("far.mid"), &Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 170_000.0, 1.0)]).unwrap());
    write(&place.path("long.mid"), &Fragment::from_quarters(&[(60, 0.0, 100_000.0)]).unwrap());
    let found = place.json(&["far.mid", "long.mid", "--bank", "bank", "--json"]);
    assert!(found.iter().all(|it| it["verdict"] != "good"));
    let found = place.json(&["compare", "far.mid", "far.mid", "--backend", "fft", "--stretch", "1", "--json"]);
    assert_eq!(found[0]["similarity"], 1.0);
}

#[test]
fn find_tells_the_occurrences() {
    let place = Place::new();
    let subject = scale(60, 2);
    let mut notes = Vec::new();
    for (start, up, stretch) in [(1.0, 0u8, 1.0), (20.0, 5, 0.5)] {
        for note in subject.notes() {
            let time = |ticks: u64| subject.to_quarters(ticks) * stretch;
            notes.push((note.pitch + up, start + time(note.onset), time(note.duration)));
        }
    }
    // A note before the first entry, so that the fragment does not begin with it.
    notes.push((30, 0.5, 0.5));
    write(&place.path("piece.mid"), &Fragment::from_quarters(&notes).unwrap());
    write(&place.path("subject.mid"), &subject);
    let found = place.json(&["find", "subject.mid", "piece.mid", "--json", "--limit", "20"]);
    assert!(found.len() <= 20 && found.len() >= 2);
    let of = |index: usize, key: &str| found[index][key].as_f64().unwrap();
    assert_eq!((of(0, "start"), of(0, "end"), of(0, "transposition"), of(0, "stretch")), (1.0, 9.0, 0.0, 1.0));
    // A scale lies on itself a step later, too.
    let faster = (0..found.len()).find(|&at| of(at, "start") == 20.0).unwrap();
    assert_eq!((of(faster, "transposition"), of(faster, "stretch")), (5.0, 0.5));
    assert!(of(0, "similarity") > 0.9 && of(faster, "similarity") > 0.6);
    assert!((1..found.len()).all(|at| of(at - 1, "similarity") >= of(at, "similarity")));
    assert_eq!((&found[0]["query"], &found[0]["piece"]), (&"subject.mid".into(), &"piece.mid".into()));
    assert_eq!((&found[0]["inverted"], &found[0]["retrograde"]), (&false.into(), &false.into()));
    let told = String::from_utf8(place.run(&["find", "subject.mid", "piece.mid"]).stdout).unwrap();
    assert!(told.contains("half as long"), "{told}");
}

#[test]
fn matrix_is_a_table_of_similarities() {
    let place = Place::new();
    let arguments = ["matrix", "good.mid", "bad.mid", "--against", "bank/good", "bad.mid", "--extent", "whole"];
    let table = String::from_utf8(place.run(&arguments).stdout).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["", "bank/good/jacques.mid", "bad.mid"]);
    assert_eq!((rows[1][0], rows[2][0], rows.len()), ("good.mid", "bad.mid", 3));
    assert_eq!((rows[1][1], rows[2][2]), ("1.000000000", "1.000000000"));
    assert!(rows[2][1].parse::<f64>().unwrap() < 0.9);
    // The same into a file, on one thread; a failing file leaves its cells empty.
    let to_file = [&arguments[..], &["--csv", "table.csv", "--threads", "1"]].concat();
    assert!(place.run(&to_file).status.success());
    assert_eq!(fs::read_to_string(place.path("table.csv")).unwrap(), table);
    let output = place.run(&["matrix", "good.mid", "none.mid"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("none.mid,,\n"));
}

#[test]
fn scan_finds_exemplars_along_a_piece() {
    let place = Place::new();
    let mut notes: Vec<_> = support::melody().notes().iter().map(|n| (n.pitch, n.onset, n.duration)).collect();
    notes.extend(scale(45, 1).notes().iter().map(|n| (n.pitch, n.onset + 40_320 * 20, n.duration)));
    let notes = notes.into_iter().map(|(pitch, onset, duration)| judge::Note::new(pitch, onset, duration)).collect();
    write(&place.path("piece.mid"), &Fragment::new(notes, 40_320).unwrap());
    let found = place.json(&["scan", "piece.mid", "--bank", "bank", "--json", "--picture", "scan.png"]);
    let told: Vec<_> = found.iter().map(|it| (it["label"].as_str().unwrap(), it["start"].as_f64().unwrap())).collect();
    assert!(told.contains(&("good", 0.0)) && told.contains(&("bad", 20.0)), "{told:?}");
    assert!(found.iter().all(|it| it["similarity"].as_f64().unwrap() >= 0.7), "{found:?}");
    let windows = place.json(&["scan", "piece.mid", "--bank", "bank", "--json", "--measure", "correlation"]);
    assert!(windows.iter().any(|it| it["label"] == "bad" && it["start"] == 20.0), "{windows:?}");
    assert!(fs::read(place.path("scan.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(place.run(&["scan", "piece.mid", "--bank", "bank"]).status.success());
}

#[test]
fn pictures_are_written_whole() {
    let place = Place::new();
    for (arguments, out) in [
        (&["render", "good.mid", "-o"][..], "roll.png"),
        (&["render", "good.mid", "--against", "bad.mid", "-o"], "match.svg"),
        (&["good.mid", "--bank", "bank", "--picture"], "verdict.png"),
        (&["bad.mid", "--bank", "bank", "--picture"], "verdict.svg"),
    ] {
        let output = place.run(&[arguments, &[out]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let bytes = fs::read(place.path(out)).unwrap();
        assert!(bytes.starts_with(if out.ends_with("png") { b"\x89PNG" } else { b"<svg" }), "{out}");
    }
    // Nothing is left behind but what was asked for.
    let left = fs::read_dir(place.folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".judge"));
    assert_eq!(left.count(), 0);
}

#[test]
fn standard_input_and_folders_are_taken() {
    let place = Place::new();
    let bytes = fs::read(place.path("good.mid")).unwrap();
    let run =
        judge().current_dir(place.folder.path()).args(["-", "--bank", "bank", "--json"]).write_stdin(bytes).output();
    assert_eq!(lines(&run.unwrap().stdout)[0]["verdict"], "good");
    // Without the dot it would be the command of that name.
    let found = place.json(&["./bank", "--bank", "bank", "--json"]);
    let files: Vec<_> = found.iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["./bank/bad/deep/chromatic.mid", "./bank/good/jacques.mid"]);
}

#[cfg(unix)]
#[test]
fn odd_names_links_in_circles_and_links_out_of_the_bank() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let place = Place::new();
    let odd = place.path("music").join(OsStr::from_bytes(b"caf\xe9 \n.mid"));
    write(&odd, &support::melody());
    symlink(place.path("music"), place.path("music/again")).unwrap();
    let found = place.json(&["music", "--bank", "bank", "--json"]);
    assert_eq!(found.len(), 1);
    let table = place.run(&["matrix", "music"]).stdout;
    assert!(table.windows(6).any(|bytes| bytes == b"caf\xe9 \n"));

    symlink(place.path("good.mid"), place.path("bank/good/out.mid")).unwrap();
    let output = place.run(&["good.mid", "--bank", "bank", "--json"]);
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("out.mid") && told.contains("outside the bank"), "{told}");
}

#[test]
fn a_bank_with_a_bad_file_is_used_without_it() {
    let place = Place::new();
    fs::write(place.path("bank/good/broken.mid"), "MThd").unwrap();
    let output = place.run(&["good.mid", "--bank", "bank", "--json"]);
    assert!(output.status.success());
    assert_eq!(lines(&output.stdout)[0]["verdict"], "good");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("warning") && told.contains("broken.mid"), "{told}");
}

#[test]
fn settings_of_the_bank_decide() {
    let place = Place::new();
    let verdict = |settings: &str| {
        fs::write(place.path("bank/bank.ron"), settings).unwrap();
        place.json(&["good.mid", "--bank", "bank", "--json"])[0]["verdict"].clone()
    };
    assert_eq!(verdict("()"), "good");
    assert_eq!(verdict("(settings: (transpositions: (0, 2)))"), "neutral");
    assert_eq!(verdict(r#"(exemplars: {"good/jacques.mid": (weight: 0.5)})"#), "neutral");
    assert_eq!(verdict(r#"(exemplars: {"good/jacques.mid": (span: (0, 4))})"#), "neutral");
    assert_eq!(verdict("(settings: (extent: Containing), exemplars: {\"good/jacques.mid\": (span: (0, 4))})"), "good");
    assert_eq!(verdict("(settings: (bad_threshold: 0.1))"), "bad");
}

#[test]
fn inspect_tells_what_was_read() {
    let place = Place::new();
    let found = place.json(&["inspect", "good.mid", "--json"]);
    for key in
        ["file", "kind", "format", "division", "tracks", "channels", "note_ons", "notes", "drum_notes", "quarters"]
    {
        assert!(found[0].get(key).is_some(), "{key}");
    }
    assert_eq!(
        (&found[0]["kind"], &found[0]["notes"], &found[0]["quarters"]),
        (&"midi".into(), &14.into(), &16.0.into())
    );
    let told = String::from_utf8(place.run(&["inspect", "good.mid"]).stdout).unwrap();
    assert!(told.contains("14 notes") && told.contains("F4"), "{told}");
}

#[test]
fn help_and_its_kin_are_there() {
    judge().arg("--help").assert().success().stdout(predicate::str::contains("Examples:"));
    judge().arg("--version").assert().success().stdout(predicate::str::starts_with("judge "));
    judge().args(["completions", "bash"]).assert().success().stdout(predicate::str::contains("_judge"));
    judge().arg("man").assert().success().stdout(predicate::str::contains(".TH judge"));
    let place = Place::new();
    let told = String::from_utf8(place.run(&["doctor", "--bank", "bank"]).stdout).unwrap();
    for part in ["1 good, 1 bad", "sparse", "fft", "cuda"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn the_same_answer_on_every_run_and_thread_count() {
    let place = Place::new();
    let run = |threads| place.run(&["good.mid", "bad.mid", "neutral.mid", "--json", "--threads", threads]).stdout;
    let first = run("1");
    assert!(["1", "2", "5"].iter().all(|threads| run(threads) == first));
}

#[test]
fn training_says_what_it_lacks() {
    let place = Place::new();
    let told = place.refused(&["train", "--bank", "bank", "-o", "taste.onnx"]);
    if cfg!(feature = "train") {
        assert!(told.contains("bank: 1 good and 1 bad exemplars are too few"), "{told}");
        assert!(told.contains("at least 10 of each"), "{told}");
        assert!(place.refused(&["train", "--bank", "bank", "-o", "nowhere/taste.onnx"]).contains("cannot write"));
        let over = place.refused(&["train", "--bank", "bank", "-o", "bank/good/jacques.mid"]);
        assert!(over.contains("apart from those that are read"), "{over}");
    } else {
        assert!(told.contains("--features train"), "{told}");
    }
    assert!(!place.path("taste.onnx").exists());
}
