//! `judge stream` as a program that composes meets it: answers in order, whatever the lines are like.

#![cfg(feature = "cli")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;

use judge::Fragment;
use judge::smf::{self, Heading};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_judge");

/// A folder with a bank of one good and one bad exemplar.
fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    write(&place.path().join("bank/good/jacques.mid"), &support::melody());
    write(&place.path().join("bank/bad/chromatic.mid"), &fragment(&scale(40, 1)));
    place
}

fn write(path: &Path, fragment: &Fragment) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, smf::write(fragment, &Heading::default()).unwrap()).unwrap();
}

/// Notes that go up in quarters, as a line has them.
fn scale(from: u8, step: u8) -> Vec<(u8, f64, f64)> {
    (0..8u8).map(|i| (from + i * step, f64::from(i), 1.0)).collect()
}

fn fragment(notes: &[(u8, f64, f64)]) -> Fragment {
    Fragment::from_quarters(notes).unwrap()
}

/// "Frère Jacques" as a line has it.
fn melody(up: u8) -> Vec<(u8, f64, f64)> {
    let fragment = support::melody();
    let quarters = |ticks| fragment.to_quarters(ticks);
    fragment.notes().iter().map(|note| (note.pitch + up, quarters(note.onset), quarters(note.duration))).collect()
}

fn command(place: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_remove("JUDGE_BANK").current_dir(place.path()).args(["stream", "--bank", "bank"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Writes all of the input at once, and waits for the end.
fn run(place: &TempDir, arguments: &[&str], input: impl Into<Vec<u8>>) -> Output {
    let mut child = command(place, arguments).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.into());
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

/// The answers to an input that ends well.
fn answers(place: &TempDir, arguments: &[&str], input: impl Into<Vec<u8>>) -> Vec<Value> {
    let output = run(place, arguments, input);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A program that is talked to.
struct Talk {
    child: Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Talk {
    fn new(place: &TempDir) -> Self {
        let mut child = command(place, &[]).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { stdin: child.stdin.take().unwrap(), child, answers }
    }

    /// Asks, and waits for the answer while the input stays open.
    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.stdin, "{question}").unwrap();
        serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap()
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.answers.next().is_none());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn an_answer_is_that_of_judge_file() {
    let place = place();
    let (good, bad) = (fragment(&melody(5)), fragment(&scale(60, 1)));
    write(&place.path().join("good.mid"), &good);
    write(&place.path().join("deep/bad.mid"), &bad);
    let program = Command::new(PROGRAM)
        .current_dir(place.path())
        .args(["good.mid", "deep/bad.mid", "--bank", "bank", "--json"])
        .output()
        .unwrap();
    let mut expected: Vec<Value> =
        String::from_utf8(program.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let midi = base64(&smf::write(&good, &Heading::default()).unwrap());
    let questions = [
        json!({"id": 0, "notes": melody(5)}),
        json!({"id": 1, "file": "deep/bad.mid"}),
        json!({"id": 2, "midi": midi}),
    ];
    let questions = questions.map(|it| it.to_string()).join("\n");
    let found = answers(&place, &[], questions.clone());
    for (index, of) in [0, 1, 0].into_iter().enumerate() {
        let mut expected = expected[of].clone();
        let about = expected.as_object_mut().unwrap();
        assert!(about.remove("file").is_some());
        // Which notes are alike is told of files alone: a search loop has no time for it.
        for label in ["good", "bad"] {
            assert!(about[label][0].as_object_mut().unwrap().remove("notes").is_some());
        }
        about.insert("id".to_owned(), index.into());
        assert_eq!(found[index], expected);
    }
    let members = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    expected[0]["id"] = expected[0]["file"].take();
    expected[0].as_object_mut().unwrap().remove("file");
    assert_eq!(members(&found[0]), members(&expected[0]));

    let scores = answers(&place, &["--score-only"], questions);
    for (score, found) in scores.iter().zip(&found) {
        for key in ["id", "verdict", "score", "vetoed"] {
            assert_eq!(score[key], found[key]);
        }
        assert_eq!(score["good_similarity"], found["good"][0]["similarity"]);
        assert_eq!(score["bad_similarity"], found["bad"][0]["similarity"]);
        assert_eq!(score.as_object().unwrap().len(), 6);
    }
}

/// Written here, so that what the program reads is not what the same library wrote.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let triple = |part: &[u8]| {
        let bits = (0..3).fold(0, |bits: u32, at| bits << 8 | u32::from(*part.get(at).unwrap_or(&0)));
        let sign = |at: usize| if at > part.len() { '=' } else { SIGNS[(bits >> (18 - 6 * at)) as usize % 64].into() };
        (0..4).map(sign).collect::<String>()
    };
    bytes.chunks(3).map(triple).collect()
}

/// Lines that cannot be answered, of every kind, and what is said of them.
const BROKEN: [(&[u8], &str); 23] = [
    (b"", "the line is empty"),
    (b"   \t", "the line is empty"),
    (b"garbage", "not JSON: expected value"),
    (b"{\"id\": ID, \"notes\": [[60, 0, 1]", "not JSON: EOF while parsing"),
    (b"{\"id\": ID, \"notes\": [[60, 0, 1]]} {}", "not JSON: trailing characters"),
    (b"[[60, 0, 1]]", "expected a JSON object such as"),
    (b"7", "expected a JSON object such as"),
    (b"{\"id\": ID}", "nothing to judge; give notes, file or midi"),
    (b"{\"id\": ID, \"note\": [[60, 0, 1]]}", "is none of id, notes, file, midi and reload"),
    (b"{\"id\": ID, \"notes\": []}", "notes: there are none"),
    (b"{\"id\": ID, \"notes\": [[60, 0]]}", "invalid length 2, expected [pitch, onset, duration]"),
    (b"{\"id\": ID, \"notes\": [[200, 0, 1]]}", "pitch 200 is not a whole number from 0 to 127"),
    (b"{\"id\": ID, \"notes\": [[60, -1, 1]]}", "-1 is not a time in quarters"),
    (b"{\"id\": ID, \"notes\": [[60, 0, 1, 0]]}", "velocity 0 is not a whole number from 1 to 127"),
    (
        b"{\"id\": ID, \"notes\": [[60, 300000, 1]]}",
        "300001 quarters are more than the limit of 200000; --max-quarters",
    ),
    (b"{\"id\": ID, \"notes\": \"C D E\"}", "expected a list of notes"),
    (b"{\"id\": ID, \"file\": \"nowhere.mid\"}", "nowhere.mid: cannot read: "),
    (b"{\"id\": ID, \"file\": \"bank\"}", "bank: cannot read: is a directory"),
    (b"{\"id\": ID, \"midi\": \"%%%\"}", "midi: not Base64: "),
    (b"{\"id\": ID, \"midi\": \"AAAA\"}", "midi: this is no MIDI file"),
    (b"{\"id\": ID, \"notes\": [[60, 0, 1]], \"file\": \"a.mid\"}", "more than one of notes, file and midi"),
    (b"{\"id\": ID, \"reload\": false}", "reload can only be true"),
    (b"{\"id\": ID, \"x\": \"\xff\xfe\"}", "the line is not UTF-8 text"),
];

/// A broken line with its id, and whether that can be read.
fn broken(kind: usize, id: usize) -> (Vec<u8>, bool) {
    let line = BROKEN[kind % BROKEN.len()].0;
    match line.windows(2).position(|pair| pair == b"ID") {
        Some(at) => {
            let line = [&line[..at], id.to_string().as_bytes(), &line[at + 2..]].concat();
            let readable = std::str::from_utf8(&line).is_ok();
            (line, readable)
        }
        None => (line.to_vec(), false),
    }
}

#[test]
fn a_broken_line_is_told_in_its_place() {
    let place = place();
    let mut input = Vec::new();
    for kind in 0..BROKEN.len() {
        input.extend([broken(kind, kind).0, b"\r\n{\"notes\": [[60, 0, 1]]}\n".to_vec()].concat());
    }
    // Longer than a line may be, and the last one without a line break.
    input.extend([b"{\"id\": \"", &vec![b'x'; 3000][..], b"\"}\n{\"id\": 1"].concat());
    let found = answers(&place, &["--max-line", "2000"], input);
    assert_eq!(found.len(), 2 * BROKEN.len() + 2);
    for (kind, pair) in found.chunks_exact(2).take(BROKEN.len()).enumerate() {
        let id = if broken(kind, kind).1 { kind.into() } else { Value::Null };
        assert_eq!((&pair[0]["id"], &pair[0]["line"]), (&id, &(2 * kind + 1).into()), "{}", pair[0]);
        let error = pair[0]["error"].as_str().unwrap();
        assert!(error.contains(BROKEN[kind].1) && !error.contains('\n'), "{error:?} lacks {:?}", BROKEN[kind].1);
        assert_eq!(pair[0].as_object().unwrap().len(), 3);
        assert!(pair[1]["verdict"].is_string() && pair[1]["id"].is_null());
    }
    let [long, last] = &found[2 * BROKEN.len()..] else { unreachable!() };
    assert!(long["error"].as_str().unwrap().contains("longer than the limit of 2000 bytes; --max-line raises it"));
    assert_eq!((&last["id"], &last["line"]), (&1.into(), &(2 * BROKEN.len() + 2).into()));
}

#[test]
fn of_ten_thousand_lines_each_is_answered_in_its_place() {
    let place = place();
    let mut input = Vec::new();
    for index in 0..10_000 {
        if index % 10 == 9 {
            input.extend(broken(index / 10, index).0);
        } else {
            let up = (index % 40) as u8;
            let notes = if index % 2 == 0 { melody(up) } else { scale(20 + up, 1) };
            serde_json::to_writer(&mut input, &json!({"id": {"n": index}, "notes": notes})).unwrap();
        }
        input.push(b'\n');
    }
    let found = answers(&place, &["--score-only"], input);
    assert_eq!(found.len(), 10_000);
    assert_eq!(found.iter().filter(|answer| answer.get("error").is_some()).count(), 1000);
    for (index, answer) in found.iter().enumerate() {
        if index % 10 == 9 {
            assert_eq!(answer["line"], index + 1);
            assert!(answer["id"].is_null() || answer["id"] == index, "{answer}");
        } else {
            assert_eq!(answer["id"], json!({"n": index}));
            assert_eq!(answer["verdict"], if index % 2 == 0 { "good" } else { "bad" }, "{answer}");
        }
    }
}

#[test]
fn an_id_is_given_back_as_it_was_written() {
    let place = place();
    let ids = [
        "1.0",
        "1e2",
        "123456789012345678901234567890",
        "\"\\u00e9\\n\"",
        "[1, {\"b\": 2, \"a\": null}]",
        "false",
        "null",
    ];
    let input: Vec<_> = ids.iter().map(|id| format!("{{\"notes\": [[60, 0, 1]], \"id\": {id}}}\n")).collect();
    let output = run(&place, &["--score-only"], input.concat());
    let output = String::from_utf8(output.stdout).unwrap();
    for (line, id) in output.lines().zip(ids) {
        assert!(line.starts_with(&format!("{{\"id\":{id},\"verdict\"")), "{line}");
    }
    assert_eq!(output.lines().count(), ids.len());
}

#[test]
fn a_lone_line_is_answered_while_the_input_stays_open() {
    let place = place();
    let mut talk = Talk::new(&place);
    for index in 0..20 {
        let answer = talk.ask(&json!({"id": index, "notes": melody(index)}));
        assert_eq!((&answer["id"], &answer["verdict"]), (&index.into(), &"good".into()));
    }
    talk.end();
}

#[test]
fn a_bank_is_read_again() {
    let place = place();
    let question = json!({"id": "q", "notes": scale(40, 3)});
    let mut talk = Talk::new(&place);
    assert_eq!(talk.ask(&question)["verdict"], "neutral");
    write(&place.path().join("bank/good/thirds.mid"), &fragment(&scale(40, 3)));
    // What changes on disk changes nothing until it is asked for.
    assert_eq!(talk.ask(&question)["verdict"], "neutral");
    fs::write(place.path().join("bank/bad/no-music.mid"), "none").unwrap();
    let reloaded = talk.ask(&json!({"id": 7, "reload": true}));
    assert_eq!((&reloaded["id"], &reloaded["reloaded"]), (&7.into(), &"bank".into()));
    assert_eq!((&reloaded["good"], &reloaded["bad"]), (&2.into(), &1.into()));
    assert!(reloaded["warnings"][0].as_str().unwrap().contains("no-music.mid"), "{reloaded}");
    assert_eq!(talk.ask(&question)["verdict"], "good");
    // A bank that cannot be read leaves the old one in force.
    for spoil in ["bank/bank.ron", "bank"] {
        let path = place.path().join(spoil);
        if spoil == "bank" {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::write(path, "(settings").unwrap()
        };
        let failed = talk.ask(&json!({"id": 8, "reload": true}));
        assert_eq!(failed["id"], 8);
        assert!(failed["error"].as_str().unwrap().ends_with("; the bank that was read before stays"), "{failed}");
        assert_eq!(talk.ask(&question)["verdict"], "good");
    }
    talk.end();
}

#[test]
fn what_comes_before_a_reload_is_judged_before_it() {
    let place = place();
    let question = json!({"notes": melody(0)});
    let lines: Vec<_> =
        (0..50).map(|at| if at % 10 == 9 { "{\"reload\": true}".into() } else { question.to_string() }).collect();
    let found = answers(&place, &[], lines.join("\n"));
    for (at, answer) in found.iter().enumerate() {
        assert_eq!(answer.get("reloaded").is_some(), at % 10 == 9, "{at}: {answer}");
    }
    assert_eq!(found.len(), 50);
}

#[test]
fn whoever_has_heard_enough_may_go() {
    let place = place();
    let mut child = command(&place, &[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let question = json!({"notes": melody(0)});
    writeln!(stdin, "{question}").unwrap();
    assert!(answers.next().unwrap().unwrap().contains("verdict"));
    drop(answers);
    // The program may be gone before all is written.
    for _ in 0..10 {
        let _ = writeln!(stdin, "{question}");
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn the_program_ends_when_nobody_listens_though_more_may_be_asked() {
    let place = place();
    let mut child = command(&place, &[]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    writeln!(stdin, "{}", json!({"notes": melody(0)})).unwrap();
    // The input stays open until the program has ended.
    assert!(child.wait().unwrap().success());
    drop(stdin);
}

#[test]
fn a_bank_that_is_not_there_is_refused_at_once() {
    let place = place();
    fs::remove_dir_all(place.path().join("bank")).unwrap();
    let output = command(&place, &[]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(told.starts_with("judge: bank: cannot open the bank") && told.lines().count() == 1, "{told}");
}

/// The examples of docs/stream.md in a language.
fn examples(language: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/stream.md")).unwrap();
    let begin = format!("\n```{language}\n");
    page.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// Runs an example in the project's folder, and gives what it prints; nothing where there is no interpreter.
fn example(interpreter: &str, flag: &str, code: &str) -> Option<String> {
    let programs = Path::new(PROGRAM).parent().unwrap().to_owned();
    let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&std::env::var_os("PATH")?)));
    let output = Command::new(interpreter)
        .args([flag, code])
        .env_remove("JUDGE_BANK")
        .env("PATH", path.unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let Ok(output) = output else {
        println!("skipped: there is no {interpreter}");
        return None;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{interpreter}: {told}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_example_in_python_runs() {
    let [code] = &examples("python")[..] else { panic!("there is one") };
    let Some(told) = example("python3", "-c", code) else { return };
    let ids: Vec<_> = told.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(ids, ["0", "1", "2", "3"]);
    // One note over and over.
    assert!(told.contains("\n1 bad 0."), "{told}");
}

#[test]
fn the_example_in_javascript_runs() {
    let [code] = &examples("javascript")[..] else { panic!("there is one") };
    let Some(told) = example("node", "-e", code) else { return };
    let (score, phrase) = told.split_once(' ').unwrap();
    assert!((0.0..=1.0).contains(&score.parse::<f64>().unwrap()), "{told}");
    assert_eq!(serde_json::from_str::<Value>(phrase).unwrap().as_array().unwrap().len(), 7);
}

#[test]
fn the_example_for_the_shell_runs() {
    // The first block only says how the program is started.
    let [_, code] = &examples("sh")[..] else { panic!("there are two") };
    let Some(told) = example("bash", "-c", code) else { return };
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("{\"id\":\"a scale\",\"verdict\":\"neutral\""), "{told}");
    assert!(lines[1].starts_with("{\"id\":\"a file\",\"verdict\":\"good\""), "{told}");
    assert!(lines[2].starts_with("{\"id\":\"in the line\",\"verdict\":\"bad\""), "{told}");
    assert!(lines[3].starts_with("{\"id\":\"broken\",\"line\":4,\"error\":\"not JSON"), "{told}");
    assert_eq!(lines.len(), 4);
}
