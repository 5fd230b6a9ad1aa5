//! Music for the tests, written out by us.
#![allow(dead_code, reason = "each test file uses some of it")]

pub mod suite;

use judge::Fragment;

/// "Frère Jacques", traditional: quarters on C major.
pub fn melody() -> Fragment {
    let pitches = [(60, 1.0), (62, 1.0), (64, 1.0), (60, 1.0), (60, 1.0), (62, 1.0), (64, 1.0), (60, 1.0)];
    let second = [(64, 1.0), (65, 1.0), (67, 2.0), (64, 1.0), (65, 1.0), (67, 2.0)];
    line(pitches.iter().chain(&second))
}

/// Four voices in half and quarter notes: a plain cadence.
pub fn chorale() -> Fragment {
    let voices: [&[(u8, f64)]; 4] = [
        &[(72, 1.0), (71, 1.0), (72, 2.0), (74, 1.0), (72, 1.0), (71, 2.0), (72, 4.0)],
        &[(67, 2.0), (67, 1.0), (69, 1.0), (67, 2.0), (67, 2.0), (67, 4.0)],
        &[(64, 1.0), (62, 1.0), (64, 2.0), (65, 1.0), (64, 1.0), (62, 2.0), (64, 4.0)],
        &[(48, 1.0), (55, 1.0), (48, 2.0), (53, 2.0), (55, 2.0), (48, 4.0)],
    ];
    let mut notes = Vec::new();
    for voice in voices {
        let mut onset = 0.0;
        for &(pitch, duration) in voice {
            notes.push((pitch, onset, duration));
            onset += duration;
        }
    }
    Fragment::from_quarters(&notes).unwrap()
}

fn line<'a>(notes: impl Iterator<Item = &'a (u8, f64)>) -> Fragment {
    let mut onset = 0.0;
    let notes: Vec<_> = notes
        .map(|&(pitch, duration)| {
            onset += duration;
            (pitch, onset - duration, duration)
        })
        .collect();
    Fragment::from_quarters(&notes).unwrap()
}
