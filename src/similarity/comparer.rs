//! Compares a fragment with an exemplar under every alteration.

use std::ops::RangeInclusive;

use super::embedded::{Texture, Tune};
use super::full::Found;
use super::{AlterationWeights, Extent, Measure};
use crate::alteration::{Alteration, Alterations, Ratio};
use crate::correlate::{Correlator, Normalisation, Offset, Planner, Prepared, Search, best_in_window};
use crate::note::Fragment;
use crate::roll::{PianoRoll, Rendering};

/// An alteration and an offset: how an exemplar is laid on a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Placement {
    /// What is done to the exemplar's picture.
    pub alteration: Alteration,
    /// Where it is laid then.
    pub offset: Offset,
}

/// How alike two pictures are, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// 0 to 1.
    pub similarity: f64,
    /// Sum of the products of the pixels that meet.
    pub brightness: f64,
    /// Where the exemplar lies.
    pub placement: Placement,
    /// The offset's shift in quarters.
    pub shift: f64,
}

impl Likeness {
    /// Whether this one is more similar; where they are as similar, the smallest transposition,
    /// the smallest shift, then the plainest alteration wins.
    fn beats(&self, other: &Self) -> bool {
        self.similarity
            .total_cmp(&other.similarity)
            .then_with(|| other.placement.offset.cmp_preference(&self.placement.offset))
            .then_with(|| other.placement.alteration.cmp_plainness(&self.placement.alteration))
            .is_gt()
    }
}

/// An exemplar drawn under every alteration that is searched.
#[derive(Debug, Clone)]
pub struct AlteredExemplar {
    drawings: Vec<Drawing>,
}

/// One alteration of an exemplar.
#[derive(Debug, Clone)]
struct Drawing {
    alteration: Alteration,
    weight: f64,
    roll: Prepared,
}

impl AlteredExemplar {
    /// The picture under one of the alterations; `None` when it was not drawn.
    pub fn roll(&self, alteration: &Alteration) -> Option<&PianoRoll> {
        self.drawings.iter().find(|drawing| drawing.alteration == *alteration).map(|drawing| drawing.roll.roll())
    }

    /// Each alteration, its weight, and the picture.
    pub(crate) fn drawings(&self) -> impl Iterator<Item = (Alteration, f64, &Prepared)> {
        self.drawings.iter().map(|drawing| (drawing.alteration, drawing.weight, &drawing.roll))
    }
}

/// Compares fragments with exemplars by one measure, extent, and set of alterations.
///
/// ```
/// use judge::similarity::{Comparer, Measure};
/// use judge::Fragment;
///
/// let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0), (67, 2.0, 2.0)])?;
/// let twice_as_slow = Fragment::from_quarters(&[(65, 0.0, 2.0), (67, 2.0, 2.0), (72, 4.0, 4.0)])?;
///
/// let comparer = Comparer { measure: Measure::Correlation, ..Comparer::default() };
/// let likeness = comparer.compare(&comparer.fragment(&twice_as_slow), &comparer.exemplar(&phrase)).unwrap();
/// assert_eq!(likeness.similarity, 1.0);
/// assert_eq!(likeness.placement.offset.transposition, 5);
/// assert_eq!(likeness.placement.alteration.stretch.to_string(), "2");
/// # Ok::<(), judge::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Comparer {
    /// How likeness is measured.
    pub measure: Measure,
    /// The question that is asked.
    pub extent: Extent,
    /// Which alterations of the exemplar are searched.
    pub alterations: Alterations,
    /// What each alteration counts in the full measure.
    pub weights: AlterationWeights,
    /// Which transpositions are searched, in semitones; `None` for all.
    pub transpositions: Option<RangeInclusive<i32>>,
    /// How fragments are drawn.
    pub rendering: Rendering,
    /// Chooses the correlator.
    pub planner: Planner,
}

impl Comparer {
    /// Draws a fragment, ready to be compared.
    pub fn fragment(&self, fragment: &Fragment) -> Prepared {
        Prepared::new(self.rendering.draw(fragment, &Alteration::NONE))
    }

    /// Draws an exemplar under every alteration, ready to be compared.
    pub fn exemplar(&self, exemplar: &Fragment) -> AlteredExemplar {
        let drawings = self.alterations.list().into_iter().map(|alteration| self.drawing(exemplar, alteration));
        AlteredExemplar { drawings: drawings.collect() }
    }

    /// What the correlation under an alteration is multiplied by: nothing, or what it needs to be examined.
    pub(crate) fn weight(&self, alteration: &Alteration) -> f64 {
        match self.measure {
            Measure::Correlation => 1.0,
            Measure::Full => self.weights.promise(alteration),
        }
    }

    /// The cosine of two pictures where they are brightest, unweighted.
    pub(super) fn cosine_of(&self, fragment: &Prepared, exemplar: &Prepared) -> f64 {
        let brightness = self.planner.brightest(fragment, exemplar, &self.search());
        cosine(brightness, fragment.roll().energy(), exemplar.roll().energy())
    }

    /// Whether wholes are compared under every offset by a backend that keeps outlines, so that a
    /// [`Shelf`](super::shelf::Shelf) gives the same answers.
    pub(crate) fn suits_a_shelf(&self) -> bool {
        self.extent == Extent::Whole && self.transpositions.is_none() && self.planner.may_be_sparse()
    }

    /// Whether a fragment is as similar to an exemplar as that is to it, to the last bit. Stretched
    /// pictures are rounded to columns, so it matters which one is stretched; mirrors are exact.
    pub(crate) fn is_symmetric(&self) -> bool {
        self.measure == Measure::Correlation
            && self.suits_a_shelf()
            && self.alterations.stretches.iter().all(|&stretch| stretch == Ratio::ONE)
    }

    /// How brightness in a window is made comparable by the measure.
    pub fn normalisation(&self) -> Normalisation {
        match self.measure {
            Measure::Correlation => Normalisation::Cosine,
            Measure::Full => Normalisation::Covered,
        }
    }

    pub(super) fn search(&self) -> Search {
        Search { transpositions: self.transpositions.clone(), shifts: None }
    }

    /// The greatest likeness of the pictures alone, over all placements, as the search by correlation ranks it; `None` when
    /// no placement is in reach. [`likeness`](Self::likeness) compares by the whole measure.
    pub fn compare(&self, fragment: &Prepared, exemplar: &AlteredExemplar) -> Option<Likeness> {
        let search = self.search();
        let mut best: Option<Likeness> = None;
        for drawing in &exemplar.drawings {
            let floor = best.map_or(0.0, |best| best.similarity);
            if let Some(likeness) = self.compare_drawing(fragment, drawing, &search, floor)
                && best.is_none_or(|best| likeness.beats(&best))
            {
                best = Some(likeness);
            }
        }
        best
    }

    /// What is looked for in music of more than one line by the full measure: the fragment, under the
    /// alterations that make the exemplar's undone.
    pub(crate) fn tune(&self, fragment: &Fragment) -> Tune {
        let undone = |it: Alteration| (Alteration { stretch: it.stretch.inverse(), ..it }, self.weights.weight(&it));
        Tune::new(fragment, self.alterations.list().into_iter().map(undone))
    }

    /// A fragment, as a tune, looked for in an exemplar of more than one line.
    pub(super) fn embedded(
        &self,
        fragment: &Fragment,
        tune: &Tune,
        texture: &Texture,
        exemplar: &Fragment,
    ) -> Option<Found> {
        let lowest = i32::from(fragment.notes()[0].pitch) - texture.first_pitch();
        // Transpositions are the exemplar's.
        let allowed = |alteration: &Alteration, transposition: i32| {
            self.transpositions.as_ref().is_none_or(|range| {
                range.contains(&if alteration.inverted { transposition + 2 * lowest } else { -transposition })
            })
        };
        let found = tune.find(texture, allowed)?;
        let (alteration, transposition, shift) = found.seen_from_the_tune(fragment, exemplar);
        Some(Found { similarity: found.similarity, alteration, transposition, shift: Some(shift) })
    }

    /// An exemplar, as a tune, looked for in a fragment of more than one line.
    pub(super) fn embedding(&self, exemplar: &Fragment, texture: &Texture) -> Option<Found> {
        let ways = self.alterations.list().into_iter().map(|it| (it, self.weights.weight(&it)));
        let allowed = |_: &Alteration, transposition: i32| {
            self.transpositions.as_ref().is_none_or(|range| range.contains(&transposition))
        };
        let found = Tune::new(exemplar, ways).find(texture, allowed)?;
        Some(Found {
            similarity: found.similarity,
            alteration: found.alteration,
            transposition: found.transposition,
            shift: Some(found.start),
        })
    }

    /// The similarity of [`compare`](Self::compare), 0 where it has none: cheaper when the place
    /// does not matter.
    pub fn similarity(&self, fragment: &Prepared, exemplar: &AlteredExemplar) -> f64 {
        if self.extent != Extent::Whole {
            return self.compare(fragment, exemplar).map_or(0.0, |likeness| likeness.similarity);
        }
        let search = self.search();
        exemplar.drawings.iter().fold(0.0, |best, drawing| {
            if drawing.weight * most_alike(fragment.roll(), drawing.roll.roll()) <= best {
                return best;
            }
            let brightness = self.planner.brightest(fragment, &drawing.roll, &search);
            best.max(drawing.weight * cosine(brightness, fragment.roll().energy(), drawing.roll.roll().energy()))
        })
    }

    /// The likeness under given alterations alone.
    pub(crate) fn compare_under(
        &self,
        fragment: &Prepared,
        exemplar: &Fragment,
        alterations: impl Iterator<Item = Alteration>,
    ) -> Option<Likeness> {
        let drawings = alterations.map(|alteration| self.drawing(exemplar, alteration));
        self.compare(fragment, &AlteredExemplar { drawings: drawings.collect() })
    }

    fn drawing(&self, exemplar: &Fragment, alteration: Alteration) -> Drawing {
        let roll = Prepared::new(self.rendering.draw(exemplar, &alteration));
        Drawing { alteration, weight: self.weight(&alteration), roll }
    }

    /// The best placement of one alteration; may be `None` when none reaches `floor`.
    fn compare_drawing(
        &self,
        fragment: &Prepared,
        Drawing { alteration, weight, roll }: &Drawing,
        search: &Search,
        floor: f64,
    ) -> Option<Likeness> {
        let (similarity, brightness, offset) = match self.extent {
            Extent::Whole => {
                if weight * most_alike(fragment.roll(), roll.roll()) < floor {
                    return None;
                }
                // Finding out where costs more than finding out how much, and is seldom needed.
                let brightness = self.planner.brightest(fragment, roll, search);
                if weight * cosine(brightness, fragment.roll().energy(), roll.roll().energy()) < floor {
                    return None;
                }
                let peak = self.planner.peak(fragment, roll, search)?;
                (cosine(peak.brightness, fragment.roll().energy(), roll.roll().energy()), peak.brightness, peak.offset)
            }
            Extent::Contained | Extent::Containing => {
                let fragment_is_query = self.extent == Extent::Contained;
                // A hair lower, so that what rounds to the floor is not lost.
                let floor = floor / weight * (1.0 - 1e-12);
                let pair = (fragment, roll);
                let peak = best_in_window(&self.planner, pair, fragment_is_query, self.normalisation(), search, floor)?;
                (peak.similarity, peak.brightness, peak.offset)
            }
        };
        Some(Likeness {
            similarity: similarity * weight,
            brightness,
            placement: Placement { alteration: *alteration, offset },
            shift: fragment.roll().to_quarters(offset.shift),
        })
    }
}

/// B / sqrt(E(X) E(K)) of a brightness and two energies, never above 1; 0 for dark pictures.
pub(super) fn cosine(brightness: f64, fragment: f64, exemplar: f64) -> f64 {
    let energy = fragment * exemplar;
    if energy > 0.0 { (brightness / energy.sqrt()).min(1.0) } else { 0.0 }
}

/// The most that the cosine can be: brightness is at most the lesser energy for zeros and ones.
fn most_alike(fragment: &PianoRoll, exemplar: &PianoRoll) -> f64 {
    if !fragment.is_binary() || !exemplar.is_binary() {
        return 1.0;
    }
    cosine(fragment.energy().min(exemplar.energy()), fragment.energy(), exemplar.energy())
}
