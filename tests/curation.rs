//! Banks that are changed by `judge bank`: what it does, what it refuses, and that nothing is lost when it is killed.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use judge::bank::{Bank, Editor};
use judge::smf::{self, Heading};
use judge::{Fragment, Label, Note};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with an empty bank in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: TempDir::new().unwrap() };
        Editor::create(&place.bank()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bank(&self) -> PathBuf {
        self.path("bank")
    }

    fn write(&self, name: &str, fragment: &Fragment) {
        fs::write(self.path(name), smf::write(fragment, &Heading::default()).unwrap()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_judge"));
        command.current_dir(self.folder.path()).env("JUDGE_BANK", "bank").env("NO_COLOR", "1").arg("bank");
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command with success; what it says.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.told(arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Runs a command that is refused; the line that says why.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }

    fn opened(&self) -> Bank {
        let bank = Bank::open(self.bank()).unwrap();
        assert!(bank.problems().is_empty(), "{:?}", bank.problems());
        bank
    }

    fn names(&self) -> Vec<String> {
        self.opened().exemplars().iter().map(|it| it.name.clone()).collect()
    }

    fn bank_file(&self) -> String {
        fs::read_to_string(self.bank().join("bank.ron")).unwrap()
    }
}

/// A tune of its own for each number.
fn tune(seed: u32) -> Fragment {
    let mut state = u64::from(seed) * 7919 + 17;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut at = 0;
    let note = |_| {
        let length = [240, 480, 480, 960][next(4) as usize];
        at += length;
        Note::new(55 + next(20) as u8, at - length, length)
    };
    // So many ticks make a quarter in the files that are written.
    Fragment::new((0..12).map(note).collect(), 480).unwrap()
}

fn altered(fragment: &Fragment, alter: impl Fn(u8, f64, f64) -> (u8, f64, f64)) -> Fragment {
    let quarters = |ticks| fragment.to_quarters(ticks);
    let notes: Vec<_> =
        fragment.notes().iter().map(|it| alter(it.pitch, quarters(it.onset), quarters(it.duration))).collect();
    Fragment::from_quarters(&notes).unwrap()
}

#[test]
fn a_bank_is_made_grown_and_mended() {
    let place = Place::new();
    for (name, seed) in [("a.mid", 1), ("b.mid", 2), ("c.mid", 3)] {
        place.write(name, &tune(seed));
    }
    let text = place.bank_file().replace("settings: (", "settings: ( // mine");
    fs::write(place.bank().join("bank.ron"), &text).unwrap();

    assert_eq!(
        place.told(&["add", "a.mid", "b.mid", "--good", "--source", "a \"book\""]),
        "added good/a.mid\nadded good/b.mid\n2 added, 0 there already, 0 of them described anew\n"
    );
    assert_eq!(place.told(&["add", "a.mid", "--good"]), "there already: good/a.mid (a.mid)\n");
    // The same file, another part of it; other music of the same name.
    place.told(&["add", "a.mid", "--good", "--span", "1..2"]);
    fs::copy(place.path("c.mid"), place.path("b.mid")).unwrap();
    place.told(&["add", "b.mid", "--bad"]);
    place.told(&["add", "b.mid", "--good", "--span", "0q..3q", "--weight", "0.5"]);
    assert_eq!(place.names(), ["bad/b.mid", "good/a-2.mid", "good/a.mid", "good/b-2.mid", "good/b.mid"]);

    let listed = place.json(&["list", "--json"]);
    let of = |name: &str| listed.iter().find(|it| it["exemplar"] == name).unwrap().clone();
    assert_eq!((&of("good/a.mid")["source"], &of("good/a.mid")["notes"]), (&"a \"book\"".into(), &12.into()));
    assert_eq!(of("good/a-2.mid")["span"], serde_json::json!([0.0, 8.0]));
    assert_eq!(of("good/b-2.mid")["weight"], 0.5);
    assert!(of("good/b-2.mid")["notes"].as_u64().unwrap() < 12);
    assert_eq!(place.json(&["list", "--bad", "--json"]).len(), 1);

    assert_eq!(place.told(&["relabel", "b-2", "--bad"]), "good/b-2.mid is now bad/b-2.mid\n");
    assert_eq!(place.opened().exemplars()[0].weight, 0.5);
    place.told(&["remove", "bank/good/a.mid", "a-2.mid"]);
    assert_eq!(place.names(), ["bad/b-2.mid", "bad/b.mid", "good/b.mid"]);
    assert!(place.bank_file().contains("( // mine") && !place.bank_file().contains("good/a"));

    // Everything is taken back, one by one.
    let mut undone = Vec::new();
    loop {
        let output = place.run(&["undo"]);
        if !output.status.success() {
            assert!(String::from_utf8(output.stderr).unwrap().contains("nothing has been changed"));
            break;
        }
        undone.push(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(undone[0], "undone: remove good/a.mid, good/a-2.mid\n");
    assert_eq!(undone.len(), 6);
    assert!(place.names().is_empty());
    assert_eq!(place.bank_file(), text);
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.write("a.mid", &tune(1));
    place.told(&["add", "a.mid", "--good"]);
    fs::write(place.path("words.mid"), "no music").unwrap();
    fs::write(place.path("bank/bad/a.mid"), "no music either").unwrap();
    let before = place.bank_file();
    assert!(place.refused(&["add", "words.mid", "--good"]).contains("words.mid"));
    assert!(
        place.refused(&["add", "a.mid", "--bad", "--span", "90..91"]).contains("a.mid: no note begins in quarters")
    );
    assert!(place.refused(&["add", "a.mid"]).contains("--good"));
    assert!(place.refused(&["add", "a.mid", "--good", "--span", "4"]).contains("span"));
    assert!(place.refused(&["remove", "b.mid"]).contains("no exemplar b.mid"));
    assert!(place.refused(&["remove", "a.mid"]).contains("may be"));
    assert!(place.refused(&["remove", "../a.mid"]).contains("no exemplar"));
    assert!(place.refused(&["init", "bank"]).contains("there is a bank already"));
    assert!(place.refused(&["calibrate", "--veto-error", "2"]).contains("0 to 1"));
    assert!(place.refused(&["list", "--bank", "nowhere"]).contains("nowhere"));
    let starter = Command::new(env!("CARGO_BIN_EXE_judge"))
        .current_dir(place.folder.path())
        .args(["bank", "add", "a.mid", "--good"])
        .env_remove("JUDGE_BANK")
        .output()
        .unwrap();
    assert!(String::from_utf8(starter.stderr).unwrap().contains("judge bank init DIR"));
    assert_eq!(place.bank_file(), before);
    // One of several cannot be read: the others are added, and the status tells.
    place.write("c.mid", &tune(3));
    let output = place.run(&["add", "words.mid", "c.mid", "--good"]);
    assert_eq!(
        (output.status.code(), String::from_utf8(output.stdout).unwrap()),
        (Some(2), "added good/c.mid\n".into())
    );
    // What cannot be read can be taken out, and brought back.
    place.told(&["remove", "bad/a.mid"]);
    assert_eq!(place.names(), ["good/a.mid", "good/c.mid"]);
    place.told(&["undo"]);
    assert_eq!(fs::read_to_string(place.path("bank/bad/a.mid")).unwrap(), "no music either");
}

#[test]
fn what_was_changed_by_hand_is_not_undone_over() {
    let place = Place::new();
    place.write("a.mid", &tune(1));
    place.told(&["add", "a.mid", "--good", "--source", "old"]);
    let text = place.bank_file();
    fs::write(place.bank().join("bank.ron"), text.replace("\"old\"", "\"new\"")).unwrap();
    assert!(place.refused(&["undo"]).contains("has been changed meanwhile"));
    fs::write(place.bank().join("bank.ron"), &text).unwrap();
    fs::rename(place.path("bank/good/a.mid"), place.path("bank/good/z.mid")).unwrap();
    assert!(place.refused(&["undo"]).contains("good/a.mid is not there any more"));
    assert!(place.refused(&["relabel", "good/a.mid", "--bad"]).contains("no exemplar"));
    // It can be left, so that what was done before can be undone.
    assert_eq!(place.told(&["undo", "--skip"]), "left as it is: add good/a.mid\n");
    assert!(place.refused(&["undo"]).contains("nothing has been changed"));
}

#[test]
fn damaged_records_lose_nothing() {
    let place = Place::new();
    for (name, seed) in [("a.mid", 1), ("b.mid", 2), ("c.mid", 3)] {
        place.write(name, &tune(seed));
        place.told(&["add", name, "--good"]);
    }
    place.told(&["remove", "a"]);
    // As a torn write would leave it.
    for (name, number) in [("pending", 4), ("change", 4)] {
        let record =
            place.path("bank/.trash").join(if name == "pending" { name.into() } else { format!("{number:06}/{name}") });
        let change = place.path(&format!("bank/.trash/{number:06}/change"));
        let whole = fs::read(&change).unwrap();
        fs::write(&record, &whole[..20]).unwrap();
        if name == "pending" {
            assert_eq!(Bank::open(place.bank()).unwrap().problems().len(), 1);
        } else {
            assert!(place.refused(&["undo"]).contains("set aside"));
        }
        place.told(&["remove", "b"]);
        place.told(&["undo"]);
        assert!(place.path("bank/.trash/000004/good/a.mid").is_file(), "what was taken out is still there");
        place.opened();
    }
}

#[test]
fn comments_stay_and_come_back() {
    let place = Place::new();
    for (name, seed) in [("a.mid", 1), ("b.mid", 2)] {
        place.write(name, &tune(seed));
        place.told(&["add", name, "--good"]);
    }
    let text = "\u{feff}(exemplars: {\r\n  // of my youth\r\n  \"good/a.mid\": // chorus\r\n    (weight: 0.5), // loved\r\n  \"good/b.mid\": (), // hated\r\n})";
    fs::write(place.bank().join("bank.ron"), text).unwrap();
    let text = &text[3..];
    place.told(&["relabel", "a", "--bad"]);
    assert_eq!(place.bank_file(), text.replace("good/a.mid", "bad/a.mid"));
    place.told(&["undo"]);
    assert_eq!(place.bank_file(), text);
    place.told(&["remove", "a"]);
    assert_eq!(place.bank_file(), "(exemplars: {\r\n  \"good/b.mid\": (), // hated\r\n})");
    place.told(&["undo"]);
    assert_eq!(place.bank_file(), text);
    // What is there is described anew, and what was lost is put back with what is known of it.
    assert!(place.told(&["add", "a.mid", "--good", "--source", "s"]).contains("described anew"));
    assert_eq!((place.opened().exemplars()[0].weight, &*place.opened().exemplars()[0].source), (0.5, "s"));
    fs::remove_file(place.path("bank/good/a.mid")).unwrap();
    place.told(&["add", "a.mid", "--good"]);
    assert_eq!(place.opened().exemplars()[0].weight, 0.5);
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_bank_is_touched() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write("a.mid", &tune(1));
    place.told(&["add", "a.mid", "--good"]);
    fs::write(place.path("precious"), "kept").unwrap();
    // A change that someone else has written down.
    for to in ["../precious", "good/../../precious", "/tmp/judge-precious", "link/precious", "good"] {
        let pending =
            format!("(number: 9, what: \"x\", time: 0, moves: [(from: \"good/a.mid\", to: \"{to}\")], edits: [])");
        let pending_file = place.path("bank/.trash/pending");
        fs::write(&pending_file, pending).unwrap();
        assert!(place.refused(&["undo"]).contains("leads out of the bank"), "{to}");
        // It can be read all the same, and readers are told.
        let bank = Bank::open(place.bank()).unwrap();
        assert_eq!((bank.exemplars().len(), bank.problems().len()), (1, 1));
        fs::remove_file(pending_file).unwrap();
    }
    fs::rename(place.path("bank/.trash"), place.path("elsewhere")).unwrap();
    symlink(place.path("elsewhere"), place.path("bank/.trash")).unwrap();
    assert!(place.refused(&["remove", "a"]).contains(".trash"));
    assert_eq!(fs::read_to_string(place.path("precious")).unwrap(), "kept");
}

#[cfg(unix)]
#[test]
fn a_full_disk_changes_nothing() {
    let place = Place::new();
    place.write("a.mid", &tune(1));
    place.told(&["add", "a.mid", "--good"]);
    // A file of more than 64 KiB, where none may be longer than that.
    let long: Vec<_> = (0..9000).map(|it| (60 + (it % 12) as u8, f64::from(it) / 4.0, 0.25)).collect();
    place.write("long.mid", &Fragment::from_quarters(&long).unwrap());
    let before = (place.names(), place.bank_file());
    let limited = |limit: &str, arguments: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" bank {arguments}");
        let mut command = Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_judge")]).current_dir(place.folder.path());
        command.env("JUDGE_BANK", "bank").output().unwrap()
    };
    // In blocks of 1024 bytes. With none at all not even what is to be done can be written down.
    for (limit, arguments) in [("64", "add long.mid --good"), ("0", "remove good/a.mid"), ("0", "relabel a --bad")] {
        let output = limited(limit, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("cannot write") && error.lines().count() == 1, "{error}");
        assert_eq!((place.names(), place.bank_file()), before);
    }
    place.told(&["add", "long.mid", "--good"]);
    assert_eq!(place.names().len(), 2);
}

/// So many runs are killed; the figure of the documentation is of 500.
fn crashes() -> u32 {
    std::env::var("JUDGE_CRASHES").ok().and_then(|count| count.parse().ok()).unwrap_or(60)
}

#[test]
fn killed_at_any_moment_nothing_is_lost() {
    let place = Place::new();
    // Without both sides there is nothing to calibrate.
    for (name, label) in [("first.mid", "--good"), ("second.mid", "--bad")] {
        place.write(name, &tune(if label == "--good" { 90_001 } else { 90_002 }));
        place.told(&["add", name, label]);
    }
    // Of each exemplar that was surely added: its number, and whether it is surely bad by now.
    let mut known: BTreeMap<String, bool> = BTreeMap::new();
    let mut completed = 0;
    let mut random = 12_345_u32;
    for run in 0..crashes() {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let delay = Duration::from_micros(u64::from(random >> 8) % 30_000);
        let name = format!("{run:05}");
        let done = match run % 5 {
            4 => killed(place.command(&["calibrate", "--quiet"]), delay),
            3 if !known.is_empty() => {
                let chosen = known.keys().nth(random as usize % known.len()).cloned().unwrap();
                let done = killed(place.command(&["relabel", &chosen, "--bad"]), delay);
                let bad = known.get_mut(&chosen).unwrap();
                *bad |= done;
                done
            }
            _ => {
                place.write(&format!("{name}.mid"), &tune(run));
                let file = format!("{name}.mid");
                let done =
                    killed(place.command(&["add", &file, "--good", "--source", &name, "--span", "0q..50q"]), delay);
                known.extend(done.then_some((name, false)));
                done
            }
        };
        completed += u32::from(done);
        let bank = place.opened();
        for (name, bad) in &known {
            let found: Vec<_> =
                bank.exemplars().iter().filter(|it| it.name.ends_with(&format!("/{name}.mid"))).collect();
            assert_eq!(found.len(), 1, "{name} after run {run}");
            assert!(
                (!bad || found[0].label == Label::Bad) && found[0].source == *name,
                "{:?} after run {run}",
                found[0]
            );
            assert_eq!(found[0].fragment, tune(name.parse().unwrap()));
        }
        // Also what was killed is there as a whole or not at all.
        assert!(
            bank.exemplars()
                .iter()
                .skip_while(|it| it.name.contains("/second"))
                .all(|it| it.name.contains("/first") || it.name.contains("/second") || it.span == Some((0.0, 50.0)))
        );
    }
    println!("{completed} of {} runs were faster than their killer", crashes());
    assert!(completed > 0 && completed < crashes());
    let findings = place.run(&["check", "--json"]);
    assert!(findings.status.success(), "{}", String::from_utf8_lossy(&findings.stdout));
    let last = place.told(&["undo"]);
    assert!(last.starts_with("undone: "));
    place.opened();
}

/// Whether a command was done before it was killed.
fn killed(mut command: Command, delay: Duration) -> bool {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(delay);
    let _ = child.kill();
    child.wait().unwrap().success()
}

#[test]
fn many_may_add_at_once() {
    const WRITERS: u32 = 8;
    const EACH: u32 = 50;
    let place = Place::new();
    for seed in 0..WRITERS * EACH {
        place.write(&format!("{seed:03}.mid"), &tune(seed));
    }
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let place = &place;
            scope.spawn(move || {
                for seed in writer * EACH..(writer + 1) * EACH {
                    let name = format!("{seed:03}.mid");
                    let label = if seed % 2 == 0 { "--good" } else { "--bad" };
                    let child: Child =
                        place.command(&["add", &name, label, "--source", &name]).stdout(Stdio::null()).spawn().unwrap();
                    assert!(child.wait_with_output().unwrap().status.success(), "{name}");
                }
            });
        }
    });
    let bank = place.opened();
    assert_eq!(bank.exemplars().len(), (WRITERS * EACH) as usize);
    for exemplar in bank.exemplars() {
        assert!(exemplar.name.ends_with(&exemplar.source));
        let seed: u32 = exemplar.source.trim_end_matches(".mid").parse().unwrap();
        assert_eq!(exemplar.fragment, tune(seed));
    }
    let findings = place.run(&["check", "--json"]);
    assert_eq!(findings.status.code(), Some(0));
}

#[test]
fn doubles_are_found_under_every_placement_and_hard_negatives_are_not() {
    let place = Place::new();
    let base = support::melody();
    let low = base.pitch_range().0;
    let last = base.quarters();
    let variants: [(&str, Fragment); 8] = [
        ("base", base.clone()),
        ("identical", altered(&base, |p, o, d| (p, o, d * 0.95))),
        ("transposed", altered(&base, |p, o, d| (p + 7, o, d))),
        ("slower", altered(&base, |p, o, d| (p, o * 1.5, d * 1.5))),
        ("faster", altered(&base, |p, o, d| (p, o / 2.0, d / 2.0))),
        ("inverted", altered(&base, |p, o, d| (2 * low + 20 - p, o, d))),
        ("retrograde", altered(&base, |p, o, d| (p, last - o - d, d))),
        ("both", altered(&base, |p, o, d| (2 * low + 20 - p, 2.0 * (last - o - d), 2.0 * d))),
    ];
    let pitches: Vec<_> = base.notes().iter().map(|it| it.pitch).rev().collect();
    let at = |onset: f64| base.notes().iter().position(|it| base.to_quarters(it.onset) == onset).unwrap();
    let shuffled = altered(&base, |_, o, d| (pitches[(at(o) * 7 + 3) % pitches.len()], o, d));
    let varied = altered(&base, |p, o, d| (if o == 0.0 { p + 1 } else { p }, o, d));
    for (name, fragment) in
        variants.iter().map(|(name, it)| (*name, it)).chain([("shuffled", &shuffled), ("varied", &varied)])
    {
        place.write(&format!("{name}.mid"), fragment);
        place.told(&["add", &format!("{name}.mid"), "--good"]);
    }
    // On the other side it is a contradiction, and no double.
    place.told(&["add", "base.mid", "--bad"]);
    place.told(&["relabel", "good/slower.mid", "--good"]);
    fs::write(
        place.bank().join("bank.ron"),
        place.bank_file().replace("exemplars: {", "exemplars: { \"good/slower.mid\": (source: \"s\", licence: \"l\"),"),
    )
    .unwrap();

    let groups = place.json(&["dedupe", "--json"]);
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["kept"], "good/slower.mid", "the best documented one is kept");
    assert_eq!(groups[0]["doubles"].as_array().unwrap().len(), variants.len() - 1);
    assert_eq!(groups[0]["removed"], false);
    assert_eq!(place.names().len(), variants.len() + 3);

    // The only link between some of them is not cut by keeping two apart.
    place.told(&["dedupe", "--distinct", "good/base.mid", "good/transposed.mid"]);
    assert_eq!(place.json(&["dedupe", "--json"])[0]["doubles"].as_array().unwrap().len(), variants.len() - 1);
    let all: Vec<_> = variants.iter().map(|(name, _)| format!("good/{name}.mid")).collect();
    let mut apart = vec!["dedupe", "--distinct"];
    apart.extend(all.iter().map(String::as_str));
    place.told(&apart);
    assert!(place.json(&["dedupe", "--json"]).is_empty());
    place.told(&["undo"]);

    let check = place.json(&["check", "--json"]);
    let found = |kind: &str| check.iter().filter(|it| it["finding"] == kind).count();
    assert_eq!(found("doubles"), 1);
    assert!(found("contradiction") >= variants.len());
    place.told(&["check", "--pictures", "pictures"]);
    let pictures = fs::read_dir(place.path("pictures")).unwrap().count();
    assert_eq!(pictures, found("contradiction"));
    assert_eq!(place.run(&["check", "--exit-code"]).status.code(), Some(1));

    place.told(&["dedupe", "--apply"]);
    assert_eq!(place.names(), ["bad/base.mid", "good/shuffled.mid", "good/slower.mid", "good/varied.mid"]);
    place.told(&["undo"]);
    assert_eq!(place.names().len(), variants.len() + 3);
}

#[test]
fn a_bank_is_evaluated_and_its_thresholds_are_set() {
    let place = Place::new();
    // Versions of two good tunes, and of two bad ones.
    for (seed, label) in [(1, "good"), (2, "good"), (3, "bad"), (4, "bad")] {
        for version in 0..4u8 {
            let fragment =
                altered(
                    &tune(seed),
                    |p, o, d| {
                        if o as u8 % 7 == version { (p + 2, o, d) } else { (p + version, o, d) }
                    },
                );
            let name = format!("{label}-{seed}-{version}.mid");
            place.write(&name, &fragment);
            place.told(&["add", &name, &format!("--{label}")]);
        }
    }
    let evaluated = place.json(&["evaluate", "--json"]);
    assert_eq!(evaluated.len(), 17);
    assert_eq!(evaluated[0]["auc"], 1.0);
    assert_eq!(evaluated[0]["confusion"]["good"]["good"], 8);
    assert_eq!(evaluated[0]["confusion"]["bad"]["bad"], 8);
    let right: u64 = evaluated[1..].iter().map(|it| it["right"].as_u64().unwrap()).sum();
    assert_eq!(right, 16);
    let folded = place.json(&["evaluate", "--json", "--folds", "4"]);
    assert_eq!(folded[0]["confusion"]["good"]["good"], 8);
    assert!(place.refused(&["evaluate", "--folds", "9"]).contains("at most as many"));
    place.told(&["evaluate", "--picture", "evaluation.svg"]);
    assert!(fs::read_to_string(place.path("evaluation.svg")).unwrap().contains("of 8 good ones reach it"));

    let dry = place.json(&["calibrate", "--dry-run", "--json"]);
    assert_eq!(dry[0]["written"], false);
    assert!(place.opened().calibration().is_none());
    place.told(&["calibrate", "--veto-error", "0"]);
    let bank = place.opened();
    assert_eq!(bank.settings().bad_threshold, dry[0]["bad_threshold"].as_f64().unwrap());
    assert_eq!(bank.calibration().unwrap().good, 8);
    let outdated = || place.json(&["check", "--json"]).iter().any(|it| it["finding"] == "outdated thresholds");
    assert!(!outdated());
    place.told(&["remove", "good-1-0"]);
    assert!(outdated());
    place.told(&["undo"]);
    assert!(!outdated());
    // A good exemplar that is bad as well: no threshold will do, but for some error.
    place.told(&["add", "good-1-0.mid", "--bad"]);
    assert!(place.refused(&["calibrate", "--veto-error", "0"]).contains("judge bank check"));
    place.told(&["calibrate", "--veto-error", "0.5", "--dry-run"]);
}

#[test]
fn what_teaches_most_is_suggested_first() {
    let place = Place::new();
    for (name, seed, label) in [("a", 1, "--good"), ("b", 2, "--bad")] {
        place.write(&format!("{name}.mid"), &tune(seed));
        place.told(&["add", &format!("{name}.mid"), label]);
    }
    fs::create_dir(place.path("drafts")).unwrap();
    place.write("drafts/known.mid", &tune(1));
    place.write("drafts/new.mid", &tune(5));
    place.write("drafts/same.mid", &altered(&tune(5), |p, o, d| (p + 3, o, d)));
    // Two long phrases, each with a long note at its end.
    let phrase = |from: f64, up: u8| {
        (0..20).map(move |it| (50 + up + (it * it % 11) as u8, from + f64::from(it), if it == 19 { 5.0 } else { 1.0 }))
    };
    let long: Vec<_> = phrase(0.0, 0).chain(phrase(24.0, 9)).collect();
    place.write("drafts/long.mid", &Fragment::from_quarters(&long).unwrap());
    let suggested = place.json(&["suggest", "drafts", "--json"]);
    let files: Vec<_> = suggested.iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert!(files.contains(&"drafts/new.mid") != files.contains(&"drafts/same.mid"), "{files:?}");
    let spans: Vec<_> =
        suggested.iter().filter(|it| it["file"] == "drafts/long.mid").map(|it| it["span"].clone()).collect();
    assert!(
        spans.contains(&serde_json::json!([0.0, 24.0])) || spans.contains(&serde_json::json!([24.0, 48.0])),
        "{spans:?}"
    );
    // What the bank knows already comes last.
    assert!(files.last() == Some(&"drafts/known.mid") || !files.contains(&"drafts/known.mid"), "{files:?}");
    assert_eq!(place.json(&["suggest", "drafts", "--json", "--count", "1"]).len(), 1);
    assert!(place.told(&["suggest", "drafts"]).contains("judge bank add drafts/long.mid --span "));
}

#[test]
fn an_exemplar_is_shown_with_its_neighbours() {
    let place = Place::new();
    for (name, seed, label) in [("a", 1, "--good"), ("b", 2, "--good"), ("c", 3, "--bad")] {
        place.write(&format!("{name}.mid"), &tune(seed));
        place.told(&["add", &format!("{name}.mid"), label]);
    }
    let shown = place.json(&["show", "a", "--json"]);
    assert_eq!(shown[0]["good"][0]["exemplar"], "good/b.mid");
    assert_eq!(shown[0]["bad"][0]["exemplar"], "bad/c.mid");
    assert!(place.told(&["show", "good/a.mid", "--picture", "a.png", "--show"]).contains("12 notes"));
    assert!(fs::read(place.path("a.png")).unwrap().starts_with(b"\x89PNG"));
    // A bank of one side can be shown too.
    place.told(&["remove", "c"]);
    assert_eq!(place.json(&["show", "a", "--json"])[0]["bad"], serde_json::json!([]));
    assert!(Path::new(&place.path("bank/.trash")).is_dir());
}
