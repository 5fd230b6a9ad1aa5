//! Occurrences as paths through the voices of a piece.
//!
//! Each start is worth what its best path is, and a little for standing in the bar and in a rhythm
//! of the whole texture as the best path of all does: when a theme comes back it mostly does so on
//! the same beat and in like company. What is taken for the original is the best path, since a
//! query is mostly taken from the piece.

use rayon::prelude::*;

use super::Occurrence;
use crate::alteration::Alteration;
use crate::correlate::Offset;
use crate::note::Fragment;
use crate::similarity::voice::{Line, Path, Texture, VoiceWeights, paths};
use crate::similarity::{Comparer, Placement};

/// The shares of a similarity that the same place in the bar and the rhythm of the texture have;
/// the path has the rest.
const BAR: f64 = 0.06;
const RHYTHM: f64 = 0.12;
/// What half a bar away is worth of the same place in the bar, where the bar has four beats.
const HALF: f64 = 0.5;
/// A motif an octave of stretch longer or shorter, and one that is backwards, are seldom meant.
const OCTAVE_OF_STRETCH: f64 = 0.85;
const RETROGRADE: f64 = 0.8;
/// Times nearer to each other than this, in quarters, are one place in the bar.
const SAME: f64 = 0.02;

/// The best occurrence at each start that reaches `floor`, in order of start.
pub(super) fn occurrences(comparer: &Comparer, query: &Fragment, piece: &Fragment, floor: f64) -> Vec<Occurrence> {
    let weights = VoiceWeights::OCCURRENCE;
    let texture = Texture::of(piece);
    let found: Vec<Vec<(Alteration, Path)>> = comparer
        .alterations
        .list()
        .into_par_iter()
        .map(|alteration| {
            let Some(line) = Line::of(query, &alteration, &weights) else { return Vec::new() };
            let mut weight = comparer.weight(&alteration);
            weight *= OCTAVE_OF_STRETCH.powf(alteration.stretch.as_f64().log2().abs());
            if alteration.retrograde {
                weight *= RETROGRADE;
            }
            let mut found = paths(&texture, &line, &weights, comparer.transpositions.as_ref());
            found.iter_mut().for_each(|path| path.value *= weight);
            found.into_iter().map(|path| (alteration, path)).collect()
        })
        .collect();
    let mut found = found.concat();
    // All that is added depends on the start alone, so one path of each is enough.
    found.sort_by(|(a, one), (b, other)| {
        let value = || other.value.total_cmp(&one.value).then_with(|| a.cmp_plainness(b));
        one.start.total_cmp(&other.start).then_with(value)
    });
    found.dedup_by(|later, kept| later.1.start == kept.1.start);
    // The earliest of those that are best.
    let Some(&(alteration, original)) = found.iter().rev().max_by(|(_, a), (_, b)| a.value.total_cmp(&b.value)) else {
        return Vec::new();
    };
    let last = query.notes().iter().map(|note| note.onset).max().unwrap_or(0);
    let length = query.to_quarters(last) * alteration.stretch.as_f64();
    let bar = texture.bar();
    found
        .into_par_iter()
        .map(|(alteration, path)| {
            let away = path.start - original.start;
            let rhythm = texture.common_rhythm(original.start, path.start, length);
            let value = (1.0 - BAR - RHYTHM) * path.value + BAR * in_bar(away, bar) + RHYTHM * rhythm;
            occurrence(comparer, query, piece, Path { value, ..path }, alteration)
        })
        .filter(|occurrence| occurrence.similarity >= floor)
        .collect()
}

/// 1 for the same place in the bar, [`HALF`] for half a bar of four away, else 0.
fn in_bar(away: f64, bar: f64) -> f64 {
    let multiple = |period: f64| {
        let rest = away.rem_euclid(period);
        rest < SAME || period - rest < SAME
    };
    if multiple(bar) {
        1.0
    } else if bar == 4.0 && multiple(2.0) {
        HALF
    } else {
        0.0
    }
}

fn occurrence(
    comparer: &Comparer,
    query: &Fragment,
    piece: &Fragment,
    path: Path,
    alteration: Alteration,
) -> Occurrence {
    let start = piece.to_quarters(piece.lead()) + path.start;
    let stretch = alteration.stretch.as_f64();
    let shift = (path.start * f64::from(comparer.rendering.resolution)).round() as i64;
    Occurrence {
        start,
        end: start + query.quarters() * stretch,
        similarity: path.value.clamp(0.0, 1.0),
        transposition: path.transposition,
        stretch,
        inverted: alteration.inverted,
        retrograde: alteration.retrograde,
        placement: Placement { alteration, offset: Offset { transposition: path.transposition, shift } },
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;
    use crate::similarity::Measure;

    const THEME: [(u8, f64, f64); 6] =
        [(60, 0.0, 1.0), (64, 1.0, 0.5), (62, 1.5, 0.5), (67, 2.0, 1.0), (65, 3.0, 0.5), (59, 3.5, 0.5)];

    /// The theme, a varied answer a fifth higher, and the theme upside down, above a bass.
    fn piece() -> Fragment {
        let mut notes: Vec<_> = (0..40).map(|beat| (36 + beat % 5, f64::from(beat), 1.0)).collect();
        notes.extend(THEME.map(|(pitch, onset, duration)| (pitch, 4.0 + onset, duration)));
        notes.extend(
            THEME.map(|(pitch, onset, duration)| (pitch + if pitch == 64 { 6 } else { 7 }, 16.0 + onset, duration)),
        );
        notes.push((73, 18.75, 0.25));
        notes.extend(THEME.map(|(pitch, onset, duration)| (132 - pitch, 28.0 + onset, duration)));
        Fragment::from_quarters(&notes).unwrap()
    }

    #[test]
    fn varied_occurrences_are_found_on_any_number_of_threads() {
        let (piece, query) = (piece(), Fragment::from_quarters(&THEME).unwrap());
        let comparer = Comparer::default();
        let found = find(&comparer, &query, &piece, 3, 0.0);
        let told: Vec<_> = found.iter().map(|o| (o.start, o.end, o.transposition, o.inverted, o.retrograde)).collect();
        assert_eq!(told, [(4.0, 8.0, 0, false, false), (16.0, 20.0, 7, false, false), (28.0, 32.0, 12, true, false)]);
        assert!(found[0].similarity > 0.95 && found[0].similarity <= 1.0 && found[1].similarity > 0.7, "{found:?}");
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| find(&comparer, &query, &piece, 3, 0.0)), found);
        }
    }

    #[test]
    fn the_correlation_measure_slides_the_picture() {
        let (piece, query) = (piece(), Fragment::from_quarters(&THEME).unwrap());
        let comparer = Comparer { measure: Measure::Correlation, ..Comparer::default() };
        let found = find(&comparer, &query, &piece, 1, 0.0);
        assert_eq!((found[0].start, found[0].similarity), (4.0, 1.0));
    }

    #[test]
    fn places_in_the_bar() {
        assert_eq!([0.0, 8.0, -4.01, 2.0, 1.0].map(|away| in_bar(away, 4.0)), [1.0, 1.0, 1.0, HALF, 0.0]);
        assert_eq!([6.0, -3.0, 1.5, 2.0].map(|away| in_bar(away, 3.0)), [1.0, 1.0, 0.0, 0.0]);
    }
}
