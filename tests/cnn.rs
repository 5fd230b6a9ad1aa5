//! The optional score: opinions are blended as they should be, and networks answer as ONNX Runtime says they do.
//!
//! The networks, and what is expected of them, are made by `tests/onnx/make.py`.
#![cfg(all(feature = "onnx", feature = "cli"))]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assert_cmd::Command;
use judge::bank::{Answers, NetworkOptions, Picture, PixelValues};
use judge::cnn::Network;
use judge::scorer::Abstention;
use judge::smf::{self, Heading};
use judge::{Bank, Candidate, Draft, Edit, Fragment, Judge, Measure, Note, Opinion, Result, Scorer, Verdict};
use predicates::prelude::*;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

fn onnx(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name)
}

/// What ONNX Runtime answers to a fragment.
#[derive(Deserialize)]
struct Expected {
    notes: Vec<(u8, f64, f64)>,
    keras: f64,
    torch: Vec<f64>,
    torch_imagenet: f64,
    sigmoid: f64,
    own: f64,
    own_share: f64,
}

fn expected() -> BTreeMap<String, (Fragment, Expected)> {
    let text = fs::read_to_string(onnx("expected.json")).unwrap();
    let all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let with = |it: Expected| (Fragment::from_quarters(&it.notes).unwrap(), it);
    all.into_iter().map(|(name, it)| (name, with(it))).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-4
}

fn ask(network: &Network, fragment: &Fragment) -> Opinion {
    network.opinions(&[fragment.into()]).unwrap()[0]
}

#[test]
fn networks_of_keras_and_pytorch_answer_as_in_onnx_runtime() {
    let options = NetworkOptions::default();
    let keras = Network::open(onnx("keras.onnx"), options).unwrap();
    let torch = [0, 1, 2]
        .map(|good| Network::open(onnx("torch.onnx"), NetworkOptions { good: Some(good), ..options }).unwrap());
    let imagenet = NetworkOptions { good: Some(0), values: Some(PixelValues::ImageNet), ..options };
    let imagenet = Network::open(onnx("torch.onnx"), imagenet).unwrap();
    let open_size = NetworkOptions { size: Some((96, 64)), values: Some(PixelValues::Range(0.0, 255.0)), ..options };
    let sigmoid = Network::open(onnx("sigmoid.onnx"), open_size).unwrap();
    let other = Network::open(onnx("sigmoid.onnx"), NetworkOptions { good: Some(0), ..open_size }).unwrap();
    let mut different = 0.0f64;
    for (name, (fragment, expected)) in expected() {
        let opinion = ask(&keras, &fragment);
        assert!(near(opinion.probability, expected.keras), "{name}: {opinion:?}, {}", expected.keras);
        for (network, expected) in torch.iter().zip(&expected.torch) {
            assert!(near(ask(network, &fragment).probability, *expected), "{name}: {expected}");
        }
        assert!(near(ask(&imagenet, &fragment).probability, expected.torch_imagenet), "{name}");
        assert!(near(ask(&sigmoid, &fragment).probability, expected.sigmoid), "{name}");
        assert!(near(ask(&other, &fragment).probability, 1.0 - expected.sigmoid), "{name}");
        different = different.max((expected.torch[0] - 0.25).abs());
    }
    assert!(different > 0.1, "the fixtures tell fragments apart");
}

#[test]
fn our_own_networks_answer_as_in_onnx_runtime_and_abstain_from_what_is_strange() {
    let network = Network::open(onnx("own.onnx"), NetworkOptions::default()).unwrap();
    assert_eq!(network.recipe().unwrap().temperature, 1.7);
    assert_eq!(network.quarters(), Some(4.0));
    let mut shares = Vec::new();
    for (name, (fragment, expected)) in expected() {
        let opinion = ask(&network, &fragment);
        assert!(near(opinion.probability, expected.own), "{name}: {opinion:?}, {}", expected.own);
        assert!((opinion.share - expected.own_share).abs() < 1e-3, "{name}: {opinion:?}, {}", expected.own_share);
        assert_eq!(opinion.abstention, (expected.own_share == 0.0).then_some(Abstention::Unfamiliar));
        shares.push(opinion.share);
    }
    assert!(shares.contains(&0.0) && shares.contains(&1.0) && shares.iter().any(|share| *share > 0.0 && *share < 1.0));
    let sure = NetworkOptions { least_confidence: Some(0.9), ..NetworkOptions::default() };
    let network = Network::open(onnx("own.onnx"), sure).unwrap();
    assert_eq!(ask(&network, &expected()["scale"].0).abstention, Some(Abstention::Unsure));
}

#[test]
fn an_opinion_is_the_same_whatever_it_is_asked_with() {
    for name in ["own.onnx", "keras.onnx"] {
        let network = Network::open(onnx(name), NetworkOptions::default()).unwrap();
        let fragments: Vec<_> = (0..97u8)
            .map(|i| Fragment::from_quarters(&[(40 + i / 2, 0.0, 1.0), (60, f64::from(i) / 8.0, 0.5)]).unwrap())
            .collect();
        let candidates: Vec<Candidate<'_>> = fragments.iter().map(Candidate::from).collect();
        let together = network.opinions(&candidates).unwrap();
        let alone: Vec<_> = fragments.iter().map(|fragment| ask(&network, fragment)).collect();
        assert_eq!(together, alone);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let again =
                pool.install(|| Network::open(onnx(name), NetworkOptions::default()).unwrap().opinions(&candidates));
            assert_eq!(again.unwrap(), alone);
        }
        assert_eq!(network.opinions(&[]).unwrap(), []);
    }
}

#[test]
fn what_cannot_be_asked_is_refused_in_one_line() {
    for (file, reason) in [
        ("bad-operator.onnx", "its operator Det cannot be run here"),
        ("bad-nan.onnx", "answers NaN"),
        ("bad-channels.onnx", "[N, 5, 16, 16], without 1 or 3 channels"),
        ("bad-rank.onnx", "its input is [N, 64]"),
        ("bad-map.onnx", "its output has the shape [1, 1, 16, 16]"),
        ("bad-inputs.onnx", "it has 2 inputs"),
        ("bad-type.onnx", "not of 32-bit floating-point numbers"),
        ("bad-truncated.onnx", "it is no ONNX network, or not all of one"),
        ("bad-recipe-version.onnx", "its recipe is of version 2, and this program knows version 1"),
        ("bad-recipe.onnx", "its recipe cannot be read (pitches is 0"),
        ("bad-recipe-shape.onnx", "its input is [N, 2, 25, 16], and its recipe says [N, 2, 24, 16]"),
        ("bad-recipe-outputs.onnx", "no output \"embedding\""),
        ("bad-recipe-embedding.onnx", "its output \"embedding\" has 8 values a picture, and not 7"),
        ("bad-loop.onnx", "its operator Loop cannot be run here"),
        ("bad-boundless.onnx", "its operator ConstantOfShape makes more than"),
        ("expected.json", "it is no ONNX network"),
        ("torch.onnx", "it tells 3 classes apart; say which means good"),
        (".", "it is no ONNX network"),
        ("none.onnx", "cannot read"),
    ] {
        let error = Network::open(onnx(file), NetworkOptions::default()).unwrap_err().to_string();
        let path = onnx(file).display().to_string();
        assert!(error.starts_with(&path) && error.contains(reason) && !error.contains('\n'), "{file}: {error}");
    }
    let refused = |file: &str, options: NetworkOptions| Network::open(onnx(file), options).unwrap_err().to_string();
    let options = NetworkOptions::default();
    assert!(refused("torch.onnx", NetworkOptions { good: Some(3), ..options }).contains("no class 3"));
    assert!(refused("keras.onnx", NetworkOptions { size: Some((64, 64)), ..options }).contains("leave --cnn-size out"));
    assert!(refused("own.onnx", NetworkOptions { good: Some(1), ..options }).contains("leave it out"));
    let raw = NetworkOptions { good: Some(1), answers: Some(Answers::Probabilities), ..options };
    let network = Network::open(onnx("torch.onnx"), raw).unwrap();
    let (fragment, _) = &expected()["wide"];
    let error = network.opinions(&[fragment.into()]).unwrap_err().to_string();
    assert!(error.contains("is no probability"), "{error}");
    let mel = NetworkOptions { picture: Some(Picture::Mel), ..options };
    let network = Network::open(onnx("keras.onnx"), mel).unwrap();
    assert!(network.opinions(&[fragment.into()]).unwrap_err().to_string().contains("this is no recording"));
}

#[test]
fn cut_and_changed_files_never_do_worse_than_being_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("network.onnx");
    let whole = fs::read(onnx("own.onnx")).unwrap();
    for length in (0..whole.len()).step_by(61) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Network::open(&path, NetworkOptions::default()).is_err(), "{length}");
    }
    for at in (0..whole.len()).step_by(37) {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        fs::write(&path, &changed).unwrap();
        // Some bytes are weights, or names that nobody reads.
        if let Err(error) = Network::open(&path, NetworkOptions::default()) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}

/// Says the same of everything, and fails on fragments of two notes.
struct Says(Opinion);

impl Scorer for Says {
    fn opinions(&self, candidates: &[Candidate<'_>]) -> Result<Vec<Opinion>> {
        if let Some(it) = candidates.iter().find(|it| it.fragment.notes().len() == 2) {
            it.fragment.cut((1e6, 2e6))?;
        }
        Ok(vec![self.0; candidates.len()])
    }
}

fn fragment() -> impl Strategy<Value = Fragment> {
    prop::collection::vec((55u8..70, 0u32..8, 1u32..4), 3..9).prop_map(|notes| {
        let notes: Vec<_> = notes.iter().map(|&(p, at, long)| (p, f64::from(at), f64::from(long) / 2.0)).collect();
        Fragment::from_quarters(&notes).unwrap()
    })
}

fn opinion() -> impl Strategy<Value = Opinion> {
    (0.0f64..=1.0, 0.0f64..=1.0).prop_map(|(probability, share)| Opinion { share, ..Opinion::new(probability) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_opinion_lifts_a_veto_and_scores_rise_with_probability(
        (good, bad) in (prop::collection::vec(fragment(), 1..4), prop::collection::vec(fragment(), 1..4)),
        (new, thresholds) in (fragment(), (0.2f64..=1.0, 0.2f64..=1.0)),
        (opinion, other, weight, full) in (opinion(), 0.0f64..=1.0, 0.0f64..=1.0, any::<bool>()),
    ) {
        let named = |side: &'static str, fragments: &[Fragment]| -> Vec<_> {
            fragments.iter().enumerate().map(|(i, it)| (format!("{side}/{i}"), it.clone())).collect()
        };
        let open = || {
            let bank = Bank::from_fragments([named("good", &good), named("bad", &bad)].concat()).unwrap();
            let mut settings = bank.settings().clone();
            (settings.good_threshold, settings.bad_threshold) = thresholds;
            settings.measure = if full { Measure::Full } else { Measure::Correlation };
            Judge::new(bank.with_settings(settings).unwrap(), Default::default()).unwrap()
        };
        let plain = open();
        let with = |opinion: Opinion, weight: f64| open().with_scorer(Arc::new(Says(opinion)), weight).unwrap();
        // What is judged is also one of the exemplars, so that vetoes and praise occur.
        let candidates = [new, good[0].clone(), bad[0].clone()];
        let judge = with(opinion, weight);
        let higher = with(Opinion { probability: opinion.probability.max(other), ..opinion }, weight);
        let nothing = with(opinion, 0.0);
        let abstains = with(Opinion { share: 0.0, ..opinion }, weight);
        for it in &candidates {
            let (without, blended) = (plain.judge(it), judge.judge(it));
            prop_assert_eq!(blended.opinion, Some(opinion));
            prop_assert_eq!((blended.verdict, blended.vetoed), (without.verdict, without.vetoed));
            prop_assert!((0.0..=1.0).contains(&blended.score));
            prop_assert_eq!(nothing.judge(it).score.to_bits(), without.score.to_bits());
            prop_assert_eq!(abstains.judge(it).score.to_bits(), without.score.to_bits());
            if blended.vetoed {
                prop_assert!(blended.verdict == Verdict::Bad && blended.score <= without.score && blended.score <= 0.1);
            } else {
                prop_assert!(higher.judge(it).score >= blended.score);
                prop_assert_eq!(blended.score >= without.score, opinion.vote() * weight >= 0.0 || without.score == 0.0);
            }
            // All ways to ask agree.
            prop_assert_eq!(judge.score(it).score.to_bits(), blended.score.to_bits());
            prop_assert_eq!(judge.verdict(it), without.verdict);
            prop_assert_eq!(Draft::new(&judge, it).score(), judge.score(it));
        }
        let many: Vec<_> = candidates.iter().map(|it| judge.judge(it)).collect();
        prop_assert_eq!(judge.judge_many(&candidates), many);
        let scores: Vec<_> = candidates.iter().map(|it| judge.score(it)).collect();
        prop_assert_eq!(judge.score_many(&candidates), scores);
    }
}

#[test]
fn a_draft_is_told_the_opinion_on_what_it_becomes() {
    let network = Arc::new(Network::open(onnx("keras.onnx"), NetworkOptions::default()).unwrap());
    for measure in [Measure::Full, Measure::Correlation] {
        let settings = judge::bank::Settings { measure, ..Default::default() };
        let bank = Bank::starter().with_settings(settings).unwrap();
        let judge = Judge::new(bank, Default::default()).unwrap().with_scorer(network.clone(), 0.7).unwrap();
        let mut draft = Draft::new(&judge, &expected()["scale"].0);
        let edits: Vec<_> = (0..8).map(Edit::Remove).collect();
        let considered = draft.consider_many(&edits).unwrap();
        assert_eq!(considered[3], draft.consider(edits[3]).unwrap());
        let score = draft.apply(edits[3]).unwrap();
        assert_eq!((score, score), (considered[3], judge.score(draft.fragment())));
        let note = Note { pitch: 90, ..draft.notes()[0] };
        assert_ne!(draft.consider(Edit::Add(note)).unwrap().opinion, score.opinion);
    }
}

#[test]
fn a_scorer_that_fails_on_one_fragment_is_told_of_that_one() {
    let judge = Judge::starter().with_scorer(Arc::new(Says(Opinion::new(0.8))), 0.5).unwrap();
    let two = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0)]).unwrap();
    let all = [support::melody(), two.clone(), support::melody()];
    let told = judge.judge_candidates(&all.iter().map(Candidate::from).collect::<Vec<_>>());
    assert!(told[0].is_ok() && told[1].is_err() && told[2].is_ok());
    // Where it cannot be told, the exemplars judge alone.
    assert_eq!(judge.score(&two), Judge::starter().score(&two));
    assert_eq!(judge.score_many(&all)[2], judge.score(&all[0]));
    let mut draft = Draft::new(&judge, &two);
    assert!(draft.consider(Edit::Replace(0, Note::new(61, 0, 10))).is_err());
    for weight in [-0.1, 1.1, f64::NAN] {
        assert!(Judge::starter().with_scorer(Arc::new(Says(Opinion::new(0.8))), weight).is_err());
    }
}

// ---- The program.

/// A folder with a bank and fragments.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().unwrap());
        let chromatic: Vec<_> = (0..8u8).map(|i| (40 + i, f64::from(i), 1.0)).collect();
        place.write("bank/good/jacques.mid", &support::melody());
        place.write("bank/bad/chromatic.mid", &Fragment::from_quarters(&chromatic).unwrap());
        for (name, (fragment, _)) in expected() {
            place.write(&format!("{name}.mid"), &fragment);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, fragment: &Fragment) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), smf::write(fragment, &Heading::default()).unwrap()).unwrap();
    }

    fn judge(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("judge").unwrap();
        command.env_remove("JUDGE_BANK").env("NO_COLOR", "1").current_dir(self.0.path()).args(arguments);
        command
    }

    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.judge(arguments).assert().success().get_output().stdout.clone();
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn the_program_blends_a_network_in() {
    let place = Place::new();
    let torch = onnx("torch.onnx").display().to_string();
    let plain = &place.lines(&["wide.mid", "--bank", "bank", "--json"])[0];
    assert_eq!((&plain["cnn"], plain.get("cnn_share")), (&Value::Null, None));
    let with = ["wide.mid", "--bank", "bank", "--cnn", &torch, "--cnn-good", "2"];
    let told = &place.lines(&[&with[..], &["--cnn-weight", "1", "--json"]].concat())[0];
    let probability = told["cnn"].as_f64().unwrap();
    assert!(near(probability, expected()["wide"].1.torch[2]));
    assert_eq!((&told["cnn_abstained"], &told["verdict"]), (&Value::Null, &plain["verdict"]));
    // Of three classes, a third says nothing.
    assert!(near(told["cnn_share"].as_f64().unwrap(), (probability - 1.0 / 3.0) * 1.5));
    let nothing = &place.lines(&[&with[..], &["--cnn-weight", "0", "--json"]].concat())[0];
    assert_eq!((nothing["score"].as_f64(), nothing["cnn_share"].as_f64()), (plain["score"].as_f64(), Some(0.0)));
    place.judge(&with).assert().success().stdout(predicate::str::contains("network  0.50  rather good"));
    place
        .judge(&[&with[..], &["--cnn-confidence", "0.99"]].concat())
        .assert()
        .success()
        .stdout(predicate::str::contains("it abstains: it cannot tell"));

    let scanned = place.lines(&[&["scan"], &with[..], &["--json"]].concat());
    let window = scanned.iter().find(|line| line.get("cnn").is_some()).unwrap();
    assert!(window["start"].as_f64().is_some() && window["score"].as_f64().is_some());
    place.judge(&[&["scan"], &with[..]].concat()).assert().success().stdout(predicate::str::contains("network 0."));

    let line = "{\"id\": 1, \"file\": \"wide.mid\"}\n{\"id\": 2, \"notes\": [[60, 0, 1]]}\n";
    for more in [&[][..], &["--score-only"]] {
        let answers = place.judge(&[&["stream"], &with[1..], more].concat()).write_stdin(line).assert().success();
        let answers = String::from_utf8(answers.get_output().stdout.clone()).unwrap();
        let answer: Value = serde_json::from_str(answers.lines().next().unwrap()).unwrap();
        assert_eq!((answer["cnn"].as_f64(), answer["id"].as_u64()), (Some(probability), Some(1)));
        assert_eq!(answers.lines().count(), 2);
    }
}

#[test]
fn a_bank_may_bring_its_network() {
    let place = Place::new();
    let settings = |text: &str| fs::write(place.path("bank/bank.ron"), format!("(settings: (cnn: ({text})))")).unwrap();
    fs::copy(onnx("sigmoid.onnx"), place.path("bank/taste.onnx")).unwrap();
    settings(r#"model: "taste.onnx", weight: 0.25, options: (size: (96, 64), values: Range(0, 255))"#);
    let cnn = |more: &[&str]| place.lines(&[&["one.mid", "--bank", "bank", "--json"], more].concat())[0].clone();
    let told = cnn(&[]);
    let probability = told["cnn"].as_f64().unwrap();
    assert!(near(probability, expected()["one"].1.sigmoid));
    assert!(near(told["cnn_share"].as_f64().unwrap(), 0.25 * (2.0 * probability - 1.0)));
    let judge = Judge::open(place.path("bank")).unwrap();
    assert_eq!(judge.score(&expected()["one"].0).opinion.unwrap().probability, probability);
    // What is given comes first.
    assert!(near(cnn(&["--cnn-good", "0"])["cnn"].as_f64().unwrap(), 1.0 - probability));
    assert_eq!(cnn(&["--cnn", "none"])["cnn"], Value::Null);
    place.judge(&["doctor", "--bank", "bank"]).assert().success().stdout(predicate::str::contains("taste.onnx"));
    // The editor keeps it.
    place.judge(&["bank", "add", "scale.mid", "--good", "--bank", "bank"]).assert().success();
    assert_eq!(cnn(&[])["cnn"].as_f64(), Some(probability));

    fs::remove_file(place.path("bank/taste.onnx")).unwrap();
    let missing = predicate::str::contains("taste.onnx: cannot read the network");
    place.judge(&["one.mid", "--bank", "bank"]).assert().code(2).stderr(missing.clone());
    place.judge(&["bank", "check", "--bank", "bank"]).assert().success().stdout(missing);
    fs::copy(onnx("own.onnx"), place.path("outside.onnx")).unwrap();
    settings(r#"model: "../outside.onnx""#);
    place.judge(&["one.mid", "--bank", "bank"]).assert().code(2).stderr(predicate::str::contains("outside the bank"));
}

#[test]
fn the_program_refuses_networks_in_one_line() {
    let place = Place::new();
    let refused = |arguments: &[&str], reason: &str| {
        let told =
            place.judge(&[&["one.mid", "--bank", "bank"], arguments].concat()).assert().code(2).get_output().clone();
        let told = String::from_utf8(told.stderr).unwrap();
        assert!(told.lines().count() == 1 && told.contains(reason), "{told}");
    };
    refused(&["--cnn", &onnx("bad-operator.onnx").display().to_string()], "operator Det");
    refused(&["--cnn", "one.mid"], "one.mid: it is no ONNX network");
    refused(&["--cnn", "none.onnx"], "none.onnx: cannot read");
    refused(&["--cnn-weight", "0.5"], "--cnn MODEL.onnx");
    refused(&["--cnn", "x", "--cnn-weight", "2"], "0 to 1");
    let keras = onnx("keras.onnx").display().to_string();
    let sound = ["scan", "one.mid", "--bank", "bank", "--cnn", &keras, "--cnn-picture", "cqt"];
    place.judge(&sound).assert().code(2).stderr(predicate::str::contains("is not roll, which scan draws"));
    refused(&["--cnn", &keras, "--cnn-picture", "cqt"], "one.mid: the network looks at pictures of sound (cqt)");
    // A failure with one file is no failure with the others.
    let sometimes = onnx("bad-nan-sometimes.onnx").display().to_string();
    let bright: Vec<_> = (0..128u8).map(|pitch| (pitch, 0.0, 1.0)).collect();
    place.write("bright.mid", &Fragment::from_quarters(&bright).unwrap());
    let arguments = ["bright.mid", "one.mid", "bright.mid", "--bank", "bank", "--json", "--cnn", &sometimes];
    let told =
        place.judge(&arguments).assert().code(2).stderr(predicate::str::contains("one.mid: the network answers NaN"));
    let told = String::from_utf8(told.get_output().stdout.clone()).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(told[0]["cnn"].as_f64().is_some() && told[1]["error"].is_string() && told[2] == told[0]);
}

#[cfg(feature = "audio")]
#[test]
fn recordings_are_drawn_as_any_picture() {
    let place = Place::new();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 22_050,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(place.path("tune.wav"), spec).unwrap();
    for i in 0..44_100u32 {
        let frequency = if i < 22_050 { 440.0 } else { 330.0 };
        let sample = (f64::from(i) / 22_050.0 * frequency * std::f64::consts::TAU).sin();
        wav.write_sample((20_000.0 * sample) as i16).unwrap();
    }
    wav.finalize().unwrap();
    let keras = onnx("keras.onnx").display().to_string();
    let mut told = Vec::new();
    for picture in Picture::ALL {
        let arguments = ["tune.wav", "--bank", "bank", "--json", "--cnn", &keras, "--cnn-picture", picture.name()];
        told.push(place.lines(&arguments)[0]["cnn"].as_f64().unwrap());
    }
    told.sort_by(f64::total_cmp);
    told.dedup();
    assert_eq!(told.len(), Picture::ALL.len(), "each is another picture");
    let stream = ["stream", "--bank", "bank", "--cnn", &keras, "--cnn-picture", "mel"];
    let answer =
        place.judge(&stream).write_stdin("{\"file\": \"tune.wav\"}\n{\"notes\": [[60, 0, 1]]}\n").assert().success();
    let answer = String::from_utf8(answer.get_output().stdout.clone()).unwrap();
    let answer: Vec<Value> = answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(answer[0]["cnn"].is_f64() && answer[1]["error"].as_str().unwrap().contains("this is no recording"));
}
