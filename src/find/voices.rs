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
use crate::similarity::voice::{Line, Path, Texture, VoiceWeights, path_at, paths};
use crate::similarity::{Comparer, Placement};

/// The shares of a similarity that the same place in the bar and the rhythm of the texture have;
/// the path has the rest.
const BAR: f64 = 0.1;
const RHYTHM: f64 = 0.12;
/// What half a bar away is worth of the same place in the bar, where the bar has four beats.
const HALF: f64 = 0.5;
/// A motif an octave of stretch longer or shorter, and one that is backwards, are seldom meant.
const OCTAVE_OF_STRETCH: f64 = 0.83;
const RETROGRADE: f64 = 0.8;
/// Of a whole exemplar at least this share must lie near before its path is followed.
const NEAR: f64 = 0.5;
/// An exemplar with fewer notes than this is found by chance.
const ENOUGH: f64 = 16.0;
/// In long pieces fewer alterations of exemplars are looked for, the plainest ones: this is the most
/// that notes times alterations may be. All 28 are for pieces of up to 20,000 notes.
const WORK: usize = 560_000;
/// Times nearer to each other than this, in quarters, are one place in the bar.
const SAME: f64 = 0.02;

/// A piece, ready to be looked through.
pub(super) struct Voices<'a> {
    piece: &'a Fragment,
    texture: Texture,
    bar: f64,
}

impl<'a> Voices<'a> {
    pub(super) fn of(piece: &'a Fragment) -> Self {
        let texture = Texture::of(piece);
        Self { piece, bar: texture.bar(), texture }
    }

    /// The best occurrence of a query from the piece at each start that reaches `floor`, in order of
    /// start.
    pub(super) fn occurrences(&self, comparer: &Comparer, query: &Fragment, floor: f64) -> Vec<Occurrence> {
        let found = self.paths(comparer, query, &comparer.alterations.list(), &VoiceWeights::OCCURRENCE);
        // The earliest of those that are best.
        let original = found.iter().rev().max_by(|(_, a), (_, b)| a.value.total_cmp(&b.value));
        let Some(&(alteration, original)) = original else { return Vec::new() };
        let last = query.notes().iter().map(|note| note.onset).max().unwrap_or(0);
        let length = query.to_quarters(last) * alteration.stretch.as_f64();
        found
            .into_par_iter()
            .map(|(alteration, path)| {
                let bar = in_bar(path.start - original.start, self.bar);
                let rhythm = self.texture.common_rhythm(original.start, path.start, length);
                let value = (1.0 - BAR - RHYTHM) * path.value + BAR * bar + RHYTHM * rhythm;
                self.occurrence(comparer, query, Path { value, ..path }, alteration)
            })
            .filter(|occurrence| occurrence.similarity >= floor)
            .collect()
    }

    /// The same for music that is from elsewhere: it has no original in the piece, so a path is all
    /// that counts. What has few notes must be the nearer to an exact occurrence.
    pub(super) fn likenesses(&self, comparer: &Comparer, exemplar: &Fragment, floor: f64) -> Vec<Occurrence> {
        let weights = VoiceWeights { near: NEAR, ..VoiceWeights::OCCURRENCE };
        let mut alterations = comparer.alterations.list();
        // The plainest come first.
        alterations.truncate((WORK / self.texture.notes().len().max(1)).max(1));
        let doubt = (ENOUGH / exemplar.notes().len() as f64).max(1.0);
        self.paths(comparer, exemplar, &alterations, &weights)
            .into_iter()
            .map(|(alteration, path)| (alteration, Path { value: path.value.powf(doubt), ..path }))
            .filter(|(_, path)| path.value >= floor)
            .map(|(alteration, path)| self.occurrence(comparer, exemplar, path, alteration))
            .collect()
    }

    /// The best path at each start, weighed by its alteration, in order of start. An exact occurrence
    /// is worth 1.
    fn paths(
        &self,
        comparer: &Comparer,
        query: &Fragment,
        alterations: &[Alteration],
        weights: &VoiceWeights,
    ) -> Vec<(Alteration, Path)> {
        let Some(own) = value_of_itself(query, weights) else { return Vec::new() };
        let found: Vec<Vec<(Alteration, Path)>> = alterations
            .par_iter()
            .map(|&alteration| {
                let Some(line) = Line::of(query, &alteration, weights) else { return Vec::new() };
                let mut weight = comparer.weights.weight(&alteration);
                weight *= OCTAVE_OF_STRETCH.powf(alteration.stretch.as_f64().log2().abs());
                if alteration.retrograde {
                    weight *= RETROGRADE;
                }
                let found = paths(&self.texture, &line, weights, comparer.transpositions.as_ref());
                let weighed = |path: Path| Path { value: weight * (path.value / own).min(1.0), ..path };
                found.into_iter().map(|path| (alteration, weighed(path))).collect()
            })
            .collect();
        let mut found = found.concat();
        // All that may be added depends on the start alone, so one path of each is enough.
        found.sort_by(|(a, one), (b, other)| {
            let value = || other.value.total_cmp(&one.value).then_with(|| a.cmp_plainness(b));
            one.start.total_cmp(&other.start).then_with(value)
        });
        found.dedup_by(|later, kept| later.1.start == kept.1.start);
        found
    }

    fn occurrence(&self, comparer: &Comparer, query: &Fragment, path: Path, alteration: Alteration) -> Occurrence {
        let start = self.piece.to_quarters(self.piece.lead()) + path.start;
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
}

/// What a query is worth where it stands alone: less than 1 when it has chords.
fn value_of_itself(query: &Fragment, weights: &VoiceWeights) -> Option<f64> {
    let line = Line::of(query, &Alteration::NONE, weights)?;
    Some(path_at(&Texture::of(query), &line, weights, 0.0, 0).value).filter(|value| *value > 0.0)
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
    fn exemplars_are_found_by_their_paths() {
        let (piece, theme) = (piece(), Fragment::from_quarters(&THEME).unwrap());
        let (voices, comparer) = (Voices::of(&piece), Comparer::default());
        let at = |found: &[Occurrence], start: f64| found.iter().find(|o| o.start == start).map(|o| o.similarity);
        let found = voices.likenesses(&comparer, &theme, 0.3);
        assert!(found.iter().all(|o| o.similarity >= 0.3));
        assert_eq!(at(&found, 4.0), Some(1.0));
        // Six notes are few, so a varied occurrence counts less than to `find`.
        let told = voices.occurrences(&comparer, &theme, 0.0);
        assert!(at(&found, 16.0).unwrap() < at(&told, 16.0).unwrap(), "{found:?}");
    }

    #[test]
    fn exemplars_with_chords_are_worth_1_as_well() {
        let chords = [(60, 0.0, 1.0), (64, 0.0, 1.0), (67, 0.0, 1.0), (62, 1.0, 1.0), (65, 1.0, 1.0), (69, 1.0, 1.0)];
        let exemplar = Fragment::from_quarters(&chords).unwrap();
        let mut notes: Vec<_> = (0..8).map(|beat| (30 + beat % 3, f64::from(beat), 1.0)).collect();
        notes.extend(chords.map(|(pitch, onset, duration)| (pitch + 2, onset + 3.0, duration)));
        let piece = Fragment::from_quarters(&notes).unwrap();
        let found = Voices::of(&piece).likenesses(&Comparer::default(), &exemplar, 0.3);
        let best = found.iter().max_by(|a, b| a.similarity.total_cmp(&b.similarity)).unwrap();
        assert!(best.start == 3.0 && best.transposition == 2 && best.similarity > 0.9, "{found:?}");
    }

    #[test]
    fn places_in_the_bar() {
        assert_eq!([0.0, 8.0, -4.01, 2.0, 1.0].map(|away| in_bar(away, 4.0)), [1.0, 1.0, 1.0, HALF, 0.0]);
        assert_eq!([6.0, -3.0, 1.5, 2.0].map(|away| in_bar(away, 3.0)), [1.0, 1.0, 0.0, 0.0]);
    }
}
