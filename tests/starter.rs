//! The starter bank: its MIDI files are what its sources say, and its sources are sound.

#[path = "../examples/engrave.rs"]
#[allow(dead_code)] // Its `main` is not called here.
mod engrave;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use judge::correlate::Planner;
use judge::curation::{Evaluation, check};
use judge::notation::Score;
use judge::{Bank, Fragment, Judge};

fn fragments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fragments")
}

fn scores() -> BTreeMap<String, Score> {
    engrave::scores(&fragments()).unwrap()
}

#[test]
fn is_up_to_date() {
    let stale: Vec<_> = engrave::stale(&fragments()).unwrap().into_keys().collect();
    assert!(stale.is_empty(), "run `cargo run --example engrave`; these differ: {stale:?}");
}

#[test]
fn is_large_enough() {
    let scores = scores();
    let count = |folder: &str| scores.keys().filter(|name| name.starts_with(folder)).count();
    assert!(count("good/") >= 48 && count("bad/") >= 24 && count("candidates/") >= 8);
    let polyphonic = scores.iter().filter(|(name, score)| name.starts_with("good/") && score.voices.len() > 1).count();
    assert!(polyphonic >= 10, "{polyphonic} good exemplars of several voices");
}

#[test]
fn every_piece_says_what_it_is() {
    for (name, score) in scores() {
        for (line, text) in [("title", &score.title), ("source", &score.source), ("licence", &score.licence)] {
            assert!(text.as_ref().is_some_and(|text| !text.is_empty()), "{name} has no {line}");
        }
        assert!(score.licence.is_some_and(|licence| licence.ends_with("CC0-1.0")), "{name}: licence");
        assert!(score.composer.is_some() || !name.starts_with("good/"), "{name} has no composer");
        assert!(score.comment.is_some() || !name.starts_with("candidates/"), "{name} has no comment");
        let stem = name.split_once('/').unwrap().1.strip_suffix(".mid").unwrap();
        assert!(stem.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{name}: file name");
    }
}

#[test]
fn every_piece_is_short_and_playable() {
    for (name, score) in scores() {
        assert!((2..=8).contains(&score.bar_count()), "{name} has {} bars", score.bar_count());
        let fragment = score.fragment().unwrap();
        let (low, high) = fragment.pitch_range();
        assert!(low >= 28 && high <= 96, "{name} goes from {low} to {high}");
        assert!(fragment.notes().len() >= 4, "{name} has {} notes", fragment.notes().len());
        assert!(fragment.quarters() >= 4.0, "{name} lasts {} quarters", fragment.quarters());
    }
}

#[test]
fn no_piece_is_another_transposed() {
    let shape = |fragment: &Fragment| -> BTreeSet<(i16, u64, u64)> {
        let lowest = i16::from(fragment.pitch_range().0);
        fragment.notes().iter().map(|note| (i16::from(note.pitch) - lowest, note.onset, note.duration)).collect()
    };
    let mut seen = BTreeMap::new();
    for (name, score) in scores() {
        if let Some(twin) = seen.insert(shape(&score.fragment().unwrap()), name.clone()) {
            // A candidate may be an exemplar in another key.
            assert!(name.starts_with("candidates/") || twin.starts_with("candidates/"), "{name} is {twin}");
        }
    }
}

#[test]
fn the_bank_is_clean_and_tells_good_from_bad() {
    let (_, findings) = check(Bank::starter(), Planner::default(), || ()).unwrap();
    assert!(findings.is_clean(), "{findings:?}");
    assert!(findings.undocumented.is_empty());
    let auc = Evaluation::of_left_out(&findings.left_out).auc().unwrap();
    assert!(auc >= 0.9, "{auc}");
}

#[test]
fn every_candidate_gets_the_verdict_that_it_shows() {
    let judge = Judge::starter();
    for (name, score) in scores() {
        let Some(shown) = name.strip_prefix("candidates/").and_then(|name| name.split('-').next()) else { continue };
        let verdict = judge.judge(&score.fragment().unwrap()).verdict;
        assert_eq!(verdict.to_string(), shown, "{name}");
    }
}
