//! How long a quarter is, from the times between notes.
//!
//! As Dixon ("Automatic extraction of tempo and beat from expressive performances", 2001) the times between onsets vote:
//! a quarter of some length is likely when most of them are simple multiples or parts of it. That needs no steady beat.
//! Which of the likely ones is the quarter is a matter of taste; a search over stretches finds the others.

use super::HeardNote;

/// Quarters a minute that are taken for possible.
const RANGE: (f64, f64) = (50.0, 200.0);
/// What is likely: the centre, and the spread in octaves.
const CENTRE: f64 = 105.0;
const SPREAD: f64 = 0.5;
/// Lengths are tried in steps of this ratio.
const STEP: f64 = 1.01;
/// How many octaves off a time may be to vote for a length.
const WIDTH: f64 = 0.06;
/// What times between onsets are, in quarters, and how much that speaks for the quarter.
const PARTS: [(f64, f64); 9] = [
    (0.25, 0.5),
    (1.0 / 3.0, 0.35),
    (0.5, 0.9),
    (0.75, 0.4),
    (1.0, 1.0),
    (1.5, 0.7),
    (2.0, 0.9),
    (3.0, 0.6),
    (4.0, 0.5),
];
/// Notes that begin within this many seconds begin together.
const TOGETHER: f64 = 0.04;
/// Told when nothing can be told.
pub(super) const UNKNOWN: f64 = 120.0;

/// Quarters a minute.
pub(super) fn estimate(notes: &[HeardNote]) -> f64 {
    let mut onsets: Vec<f64> = notes.iter().map(|note| note.start).collect();
    onsets.dedup_by(|later, earlier| *later - *earlier < TOGETHER);
    // Between neighbours, and from each to the one after the next, which counts less.
    let times = |apart: usize, weight: f64| {
        let between = onsets.windows(apart + 1).map(move |onsets| (onsets[apart] - onsets[0], weight));
        between.filter(|(time, _)| (0.07..4.0).contains(time)).collect::<Vec<_>>()
    };
    let times = [times(1, 1.0), times(2, 0.4)].concat();
    if times.len() < 3 {
        return UNKNOWN;
    }
    let (low, high) = (60.0 / RANGE.1, 60.0 / RANGE.0);
    let steps = ((high / low).ln() / STEP.ln()) as i32;
    let score = |quarter: f64| {
        let votes: f64 = times.iter().map(|&(time, weight)| weight * vote(time / quarter)).sum();
        let octaves = (60.0 / quarter / CENTRE).log2() / SPREAD;
        votes * (-0.5 * octaves * octaves).exp()
    };
    let lengths = (0..=steps).map(|step| low * STEP.powi(step));
    let best = lengths.map(|quarter| (score(quarter), quarter)).fold((0.0, 0.5), |a, b| if b.0 > a.0 { b } else { a });
    60.0 / refined(best.1, &times)
}

/// How much a time, in quarters, speaks for that quarter.
fn vote(quarters: f64) -> f64 {
    let of_part = |&(part, weight): &(f64, f64)| {
        let off = (quarters / part).log2() / WIDTH;
        weight * (-0.5 * off * off).exp()
    };
    PARTS.iter().map(of_part).fold(0.0, f64::max)
}

/// The length of a quarter that the times which speak for it tell on the whole.
fn refined(quarter: f64, times: &[(f64, f64)]) -> f64 {
    let mut told: Vec<(f64, f64)> = Vec::new();
    for &(time, weight) in times {
        let nearest = PARTS.iter().map(|&(part, _)| (time / part, ((time / quarter / part).log2()).abs()));
        let (length, off) = nearest.fold((quarter, f64::INFINITY), |a, b| if b.1 < a.1 { b } else { a });
        if off < 2.0 * WIDTH {
            told.push((length, weight * time.sqrt()));
        }
    }
    let weight: f64 = told.iter().map(|it| it.1).sum();
    if weight <= 0.0 {
        return quarter;
    }
    told.iter().map(|(length, weight)| length * weight).sum::<f64>() / weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uneven_times_tell_the_quarter_or_a_simple_part_of_it() {
        let quarters = [1.0, 1.0, 0.5, 0.5, 1.0, 1.5, 0.5, 2.0, 1.0, 1.0, 0.5, 0.5, 2.0];
        for (bpm, drift) in [(60.0, 1.0), (96.0, 1.01), (120.0, 0.99), (150.0, 1.0)] {
            let (mut now, mut length) = (0.3, 60.0 / bpm);
            let mut notes = Vec::new();
            for quarters in quarters {
                notes.push(HeardNote { pitch: 60, start: now, end: now + 0.1, strength: 1.0 });
                now += quarters * length;
                length *= drift;
            }
            let ratio = estimate(&notes) / bpm;
            let simple = [0.5, 2.0 / 3.0, 0.75, 1.0, 4.0 / 3.0, 1.5, 2.0];
            assert!(simple.iter().any(|simple| (ratio / simple - 1.0).abs() < 0.07), "{bpm}: {ratio}");
        }
        assert_eq!(estimate(&[]), UNKNOWN);
    }
}
