//! Fragments that are changed a little, so that a network does not learn them by heart.

use ndarray::ArrayViewMut3;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_pcg::Pcg64Mcg;

use crate::cnn::Recipe;
use crate::note::{Fragment, Note};

/// How much fragments are changed. Every change is drawn evenly from what is allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Augmentation {
    /// Up or down by so many semitones at most.
    pub semitones: u32,
    /// Earlier or later by so many quarters at most.
    pub quarters: u32,
    /// Faster or slower by this part at most.
    pub stretch: f64,
    /// How often a note is left out.
    pub dropout: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { semitones: 5, quarters: 1, stretch: 0.05, dropout: 0.03 }
    }
}

/// How often a fragment is stretched; else its notes stay on the beat.
const STRETCHED: f64 = 0.25;

/// Ticks a quarter that stretched times are rounded to.
const TICKS: u32 = 960;

impl Augmentation {
    /// The picture of a fragment after changes, into a dark picture of the recipe's shape.
    pub fn draw(&self, recipe: &Recipe, fragment: &Fragment, random: &mut Pcg64Mcg, picture: ArrayViewMut3<'_, f32>) {
        let varied = self.varied(fragment, random);
        let up = random.random_range(-(self.semitones as i32)..=self.semitones as i32);
        let later = i64::from(self.quarters * recipe.columns_per_quarter);
        recipe.draw_moved(&varied, (up, random.random_range(-later..=later)), picture);
    }

    /// A fragment some notes of which are left out, and that may be faster or slower.
    fn varied(&self, fragment: &Fragment, random: &mut Pcg64Mcg) -> Fragment {
        let mut notes: Vec<Note> =
            fragment.notes().iter().filter(|_| !random.random_bool(self.dropout)).copied().collect();
        if notes.is_empty() {
            notes.extend(fragment.notes().choose(random));
        }
        let mut ticks = fragment.ticks_per_quarter();
        if random.random_bool(STRETCHED) {
            let ratio = 1.0 + random.random_range(-self.stretch..=self.stretch);
            let scale = |time: u64| (fragment.to_quarters(time) * ratio * f64::from(TICKS)).round() as u64;
            notes.iter_mut().for_each(|note| (note.onset, note.duration) = (scale(note.onset), scale(note.duration)));
            ticks = TICKS;
        }
        // Fails only where a stretched note ends beyond all limits; then it is not stretched.
        Fragment::new(notes, ticks).unwrap_or_else(|_| fragment.clone())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn pictures_are_moved_and_stay_the_same_music() {
        let recipe = Recipe { quarters: 8, pitches: 24, ..Recipe::default() };
        let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 2.0)]).unwrap();
        let augmentation = Augmentation { stretch: 0.0, dropout: 0.0, ..Augmentation::default() };
        let still = recipe.draw(&phrase);
        let mut seen = std::collections::HashSet::new();
        let mut random = Pcg64Mcg::seed_from_u64(1);
        for _ in 0..200 {
            let mut picture = ndarray::Array3::zeros(recipe.shape());
            augmentation.draw(&recipe, &phrase, &mut random, picture.view_mut());
            assert_eq!(picture.sum(), still.sum(), "nothing is cut off");
            let first = |picture: &ndarray::Array3<f32>| {
                picture
                    .indexed_iter()
                    .find(|(_, value)| **value > 0.0)
                    .map(|((_, row, column), _)| (row, column))
                    .unwrap()
            };
            let ((row, column), (row_still, column_still)) = (first(&picture), first(&still));
            let (up, right) = (row as i32 - row_still as i32, column as i32 - column_still as i32);
            assert!(up.abs() <= 5 && right.abs() <= 6);
            seen.insert((up, right));
        }
        assert!(seen.len() > 60, "{}", seen.len());
        assert!(seen.iter().any(|it| it.0 == -5) && seen.iter().any(|it| it.0 == 5) && seen.iter().any(|it| it.1 == 6));
    }

    #[test]
    fn a_note_always_remains() {
        let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0)]).unwrap();
        let all = Augmentation { dropout: 1.0, ..Augmentation::default() };
        let varied = all.varied(&phrase, &mut Pcg64Mcg::seed_from_u64(1));
        assert_eq!(varied.notes().len(), 1);
    }
}
