use super::*;
use crate::alteration::{Alterations, Ratio};
use crate::note::Note;
use crate::similarity::AlterationWeights;

const TUNE: [(u8, f64, f64); 16] = [
    (67, 0.0, 1.0),
    (67, 1.0, 0.5),
    (69, 1.5, 0.5),
    (71, 2.0, 1.5),
    (74, 3.5, 0.5),
    (72, 4.0, 1.0),
    (69, 5.0, 1.0),
    (66, 6.0, 2.0),
    (64, 8.0, 0.75),
    (66, 8.75, 0.25),
    (67, 9.0, 1.0),
    (76, 10.0, 1.0),
    (74, 11.0, 0.5),
    (71, 11.5, 0.5),
    (69, 12.0, 1.0),
    (67, 13.0, 3.0),
];

fn tune() -> Fragment {
    Fragment::from_quarters(&TUNE).unwrap()
}

fn all() -> Vec<(Alteration, f64)> {
    Alterations::default().list().into_iter().map(|it| (it, AlterationWeights::default().weight(&it))).collect()
}

fn find(tune: &Fragment, music: &Fragment) -> Embedding {
    Tune::new(tune, all()).find(&Texture::new(music), |_, _| true).unwrap()
}

/// Numbers that look like chance and are always the same.
fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Dense music in two voices: chords, and figures in eighths.
fn accompaniment(quarters: u64) -> Vec<Note> {
    let mut chance = chance(7);
    let mut notes = Vec::new();
    for quarter in 0..quarters {
        for _ in 0..3 {
            notes.push(Note { track: 1, ..Note::new(48 + chance(30) as u8, 480 * quarter, 480) });
        }
        for half in 0..2 {
            notes.push(Note { track: 2, ..Note::new(60 + chance(20) as u8, 480 * quarter + 240 * half, 240) });
        }
    }
    notes
}

/// The tune as track 0 of dense music, altered, from a quarter on.
fn hidden(alteration: &Alteration, transposition: i32, start: f64) -> Fragment {
    let mut notes = accompaniment(64);
    let tones = altered(&Tone::all(&tune()), alteration);
    notes.extend(tones.iter().map(|tone| {
        let ticks = |quarters: f64| (480.0 * quarters).round() as u64;
        Note::new((tone.pitch + transposition) as u8, ticks(start + tone.onset), ticks(tone.duration))
    }));
    Fragment::new(notes, 480).unwrap()
}

#[test]
fn what_is_there_as_it_is_is_found_whole() {
    let found = find(&tune(), &hidden(&Alteration::NONE, -5, 20.5));
    assert_eq!(found.similarity, 1.0);
    assert_eq!((found.alteration, found.transposition), (Alteration::NONE, -5));
    assert!((found.start - 20.5).abs() < 1e-9);
    assert_eq!(found.matches.iter().map(|pair| pair.0).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
}

#[test]
fn alterations_are_found_and_told_both_ways() {
    for (stretch, inverted, retrograde) in
        [((2, 1), false, false), ((1, 1), true, false), ((1, 1), false, true), ((3, 2), true, true)]
    {
        let alteration = Alteration { stretch: Ratio::new(stretch.0, stretch.1).unwrap(), inverted, retrograde };
        let (tune, music) = (tune(), hidden(&alteration, 3, 10.0));
        let found = find(&tune, &music);
        assert_eq!((found.alteration, found.transposition), (alteration, 3));
        let weight = AlterationWeights::default().weight(&alteration);
        assert!((found.similarity - weight).abs() < 1e-6, "{alteration}: {}", found.similarity);
        // The music, altered the other way, lies on the tune.
        let (back, transposition, shift) = found.seen_from_the_tune(&tune, &music);
        let laid = altered(&Tone::all(&music), &back);
        for (query, target) in found.matches {
            let (tone, other) = (Tone::all(&tune)[query], *laid.iter().find(|tone| tone.index == target).unwrap());
            assert_eq!(other.pitch + transposition, tone.pitch);
            assert!((other.onset + shift - tone.onset).abs() < 0.01, "{alteration}");
        }
    }
}

#[test]
fn a_changed_tune_is_more_like_it_than_chance() {
    let mut notes = accompaniment(64);
    for (index, &(pitch, onset, duration)) in TUNE.iter().enumerate() {
        let pitch = if index == 5 { pitch + 1 } else { pitch };
        if index != 3 {
            notes.push(Note::new(pitch, (480.0 * (onset + 12.0)) as u64, (480.0 * duration) as u64));
        }
    }
    let found = find(&tune(), &Fragment::new(notes, 480).unwrap()).similarity;
    let chance = find(&tune(), &Fragment::new(accompaniment(64), 480).unwrap()).similarity;
    assert!(found > 0.8 && found < 1.0, "{found}");
    assert!(chance < 0.6, "{chance}");
}

#[test]
fn only_allowed_transpositions_are_found() {
    let music = Texture::new(&hidden(&Alteration::NONE, -5, 20.5));
    let found = Tune::new(&tune(), all()).find(&music, |_, transposition| transposition != -5).unwrap();
    assert!(found.similarity < 0.9 && found.transposition != -5);
    assert!(Tune::new(&tune(), all()).find(&music, |_, _| false).is_none());
}

#[test]
fn the_smallest_and_the_oddest_are_answered() {
    let one = Fragment::from_quarters(&[(60, 0.0, 0.0)]).unwrap();
    assert_eq!(find(&one, &one).similarity, 1.0);
    // Far apart in time, and at both ends of the range of pitches.
    let far = Fragment::from_quarters(&[(0, 0.0, 1.0), (127, 9_000_000.0, 1.0)]).unwrap();
    let upright = Tune::new(&far, [(Alteration::NONE, 1.0)]);
    assert_eq!(upright.find(&Texture::new(&far), |_, _| true).unwrap().similarity, 1.0);
    assert!(Tune::new(&tune(), all()).find(&Texture::new(&one), |_, _| true).is_none_or(|it| it.similarity < 0.2));
    assert!(Tune::new(&one, []).find(&Texture::new(&one), |_, _| true).is_none());
}

#[test]
fn crowded_music_is_searched_in_bounded_time() {
    // All of 20,000 notes at once, and as many one after the other.
    let mut chance = chance(3);
    let mut notes: Vec<_> = (0..20_000).map(|_| Note::new(chance(128) as u8, 0, 480)).collect();
    notes.extend((0..20_000).map(|index| Note::new(40 + chance(50) as u8, 120 * index, 120)));
    let music = Fragment::new(notes, 480).unwrap();
    assert!(find(&tune(), &music).similarity > 0.0);
    let upright = Tune::new(&music, [(Alteration::NONE, 1.0)]);
    assert_eq!(upright.find(&Texture::new(&music), |_, _| true).unwrap().transposition, 0);
}

#[test]
fn a_threshold_means_the_same_for_all_lengths() {
    for notes in 1..500 {
        assert_eq!(calibrated(1.0, notes), 1.0);
        assert_eq!(calibrated(0.0, notes), 0.0);
        assert!(calibrated(0.7, notes) <= calibrated(0.7, notes + 1));
    }
    assert_eq!(calibrated(0.5, 16), 0.5);
}

#[test]
fn lines_and_textures_are_told_apart() {
    assert!(is_single_line(&tune()));
    let legato: Vec<_> = TUNE.iter().map(|&(pitch, onset, duration)| (pitch, onset, duration * 1.05)).collect();
    assert!(is_single_line(&Fragment::from_quarters(&legato).unwrap()));
    let doubled: Vec<_> = TUNE.iter().flat_map(|&(pitch, onset, duration)| [(pitch, onset, duration); 2]).collect();
    assert!(is_single_line(&Fragment::from_quarters(&doubled).unwrap()));
    assert!(!is_single_line(&hidden(&Alteration::NONE, 0, 0.0)));
    let thirds: Vec<_> = TUNE
        .iter()
        .flat_map(|&(pitch, onset, duration)| [(pitch, onset, duration), (pitch - 3, onset, duration)])
        .collect();
    assert!(!is_single_line(&Fragment::from_quarters(&thirds).unwrap()));
}
