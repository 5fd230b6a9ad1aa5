//! The best similarities from one fragment to the next, when little changes between them.
//!
//! Whatever the placement, pixels that are added to a fragment add to its brightness with an
//! exemplar at most their number, and in each of their rows at most the ink of the exemplar's
//! fullest row. So what each exemplar can reach under each alteration is known from what it could
//! reach before, and only the few that can then reach the best are bounded by their pitches
//! ([`super::bound`]) and computed anew. What is learned of them holds for the next edit too.

use super::bound::{Most, UNBOUNDED};
use super::comparer::cosine;
use super::evaluator::Evaluator;
use super::shelf::Shelf;
use crate::correlate::{Processor, Work};
use crate::roll::PianoRoll;

/// What every exemplar of a shelf can reach under every alteration, by side.
#[derive(Debug, Clone)]
pub(crate) struct Tracker {
    sides: [Side; 2],
}

/// The exemplars of one side.
#[derive(Debug, Clone, Default)]
struct Side {
    /// Index on the shelf and weight.
    exemplars: Vec<(u32, f64)>,
    /// Of the exemplars under each stretch.
    stretches: Vec<Stretched>,
    /// Under each alteration, stretch by mirror.
    alterations: Vec<Bounds>,
    /// Where the best was found last.
    best: Option<Place>,
    /// What was learned more of than the edit tells.
    touched: Vec<Place>,
    /// Those of them that cannot reach the best.
    spare: Vec<Place>,
    /// With which of them to go on the next time.
    next_spare: usize,
    /// The pitches' bounds of exemplars that were looked at, and for each exemplar where they are.
    inks: Vec<Most>,
    slots: Vec<u32>,
    seen: Vec<u32>,
}

/// An exemplar, by its position on its side, under an alteration.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: usize,
    alteration: usize,
}

/// Of each exemplar under a stretch.
#[derive(Debug, Clone, Default)]
struct Stretched {
    /// Lit pixels; [`UNBOUNDED`] for those that are not bounded.
    energy: Blocks<u16>,
    /// Lit pixels of the fullest row.
    fullest: Blocks<u16>,
    /// Its weight over the root of its energy, and a hair more: brightness times this, and what is
    /// the same for all exemplars, is not below similarity.
    scale: Blocks<f32>,
}

/// Upper bounds on the brightness of each exemplar under one alteration.
#[derive(Debug, Clone)]
struct Bounds {
    /// For the fragment that is kept.
    most: Blocks<u16>,
    /// For the one that is looked at.
    next: Blocks<u16>,
}

/// Exemplars whose bounds are raised side by side.
const BLOCK: usize = 64;

/// A number for each exemplar of a side, in order, and zeros up to a whole block.
type Blocks<T> = Vec<[T; BLOCK]>;

/// No place in a list.
const NOWHERE: u32 = u32::MAX;

/// How many of those that cannot reach the best are computed all the same on each side: the next edits
/// need not bound them again. It costs as much as some tens of bounds, and soon saves hundreds.
const SPARE: usize = 48;

/// The pixels that one roll has and another has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Surplus {
    pixels: u32,
    /// In how many rows they are.
    rows: u32,
}

/// How a roll differs from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Difference {
    added: Surplus,
    removed: Surplus,
}

/// Why a fragment is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be kept instead of the one that is.
    Keep,
    /// To know.
    Look,
}

impl Difference {
    /// None at all.
    pub(crate) const NONE: Self =
        Self { added: Surplus { pixels: 0, rows: 0 }, removed: Surplus { pixels: 0, rows: 0 } };

    /// From `old` to `new`, whose column 0 lies on column `shift` of `old`. The nearer the shift
    /// lays what they have in common, the smaller the difference; it is right for any.
    pub(crate) fn new(old: &PianoRoll, new: &PianoRoll, shift: i64) -> Self {
        let row = |roll: &PianoRoll, shift: i64| -> Vec<(i16, i64, i64)> {
            roll.runs()
                .iter()
                .map(|run| (run.pitch, i64::from(run.start) + shift, i64::from(run.end) + shift))
                .collect()
        };
        let (old, new) = (row(old, 0), row(new, shift));
        Self { added: surplus(&new, &old), removed: surplus(&old, &new) }
    }
}

/// What the runs have that the others have not. Both are in order and disjoint.
fn surplus(runs: &[(i16, i64, i64)], others: &[(i16, i64, i64)]) -> Surplus {
    let mut others = others.iter().peekable();
    let mut surplus = Surplus { pixels: 0, rows: 0 };
    for row in runs.chunk_by(|a, b| a.0 == b.0) {
        let before = surplus.pixels;
        for &(pitch, start, end) in row {
            let mut left = end - start;
            while let Some(&&(other, from, to)) = others.peek() {
                if other > pitch || (other == pitch && from >= end) {
                    break;
                }
                if other == pitch {
                    left -= (end.min(to) - start.max(from)).max(0);
                    // It may reach into the next run too.
                    if to > end {
                        break;
                    }
                }
                others.next();
            }
            surplus.pixels += left as u32;
        }
        surplus.rows += u32::from(surplus.pixels > before);
    }
    surplus
}

impl Surplus {
    /// What it adds to brightness at most, when the fullest row of an exemplar has so much ink.
    #[inline(always)]
    fn gain(self, fullest: u16) -> u16 {
        // There are fewer rows than would overflow.
        self.pixels.min(u32::from(UNBOUNDED)).min(u32::from(fullest) * self.rows.min(512)) as u16
    }
}

impl Tracker {
    /// For the exemplars of a shelf by their sides and weights; nothing is known of the fragment.
    pub(crate) fn new(shelf: &Shelf, side: impl Fn(usize) -> (usize, f64)) -> Self {
        let mut sides = [Side::default(), Side::default()];
        for index in 0..shelf.len() {
            let (side, weight) = side(index);
            sides[side].exemplars.push((index as u32, weight));
        }
        for side in &mut sides {
            let stretches = 0..shelf.stretches();
            side.stretches = stretches.map(|stretch| Stretched::new(shelf, &side.exemplars, stretch)).collect();
            side.slots = vec![NOWHERE; side.exemplars.len()];
            for stretched in &side.stretches {
                for _ in shelf.mirrors() {
                    side.alterations.push(Bounds { most: stretched.energy.clone(), next: stretched.energy.clone() });
                }
            }
        }
        Self { sides }
    }

    /// The best similarity of each side for the evaluator's fragment, which differs from the one
    /// that is kept as told. `least` must not be above them.
    pub(crate) fn best(
        &mut self,
        shelf: &Shelf,
        evaluator: &mut Evaluator<'_>,
        difference: Difference,
        purpose: Purpose,
        least: [f64; 2],
    ) -> [f64; 2] {
        let mut best = least;
        for (side, best) in self.sides.iter_mut().zip(&mut best) {
            *best = side.best(shelf, evaluator, difference.added, *best);
            match purpose {
                Purpose::Keep => side.keep(),
                Purpose::Look => side.learn(shelf, difference.removed),
            }
        }
        best
    }

    /// Keeps a fragment that differs as told from the one that is kept, and whose best similarities are known already.
    pub(crate) fn follow(&mut self, difference: Difference) {
        for side in &mut self.sides {
            side.follow(difference.added);
        }
    }
}

impl Stretched {
    fn new(shelf: &Shelf, exemplars: &[(u32, f64)], stretch: usize) -> Self {
        let blocks = exemplars.len().div_ceil(BLOCK);
        let mut all = Self {
            energy: vec![[0; BLOCK]; blocks],
            fullest: vec![[0; BLOCK]; blocks],
            scale: vec![[0.0; BLOCK]; blocks],
        };
        for (position, &(index, weight)) in exemplars.iter().enumerate() {
            let energy = shelf.energy(index as usize, stretch).and_then(|energy| u16::try_from(energy).ok());
            let fullest = shelf.inks(index as usize).fullest(stretch, shelf.stretches());
            all.energy.as_flattened_mut()[position] = energy.unwrap_or(UNBOUNDED);
            all.fullest.as_flattened_mut()[position] = fullest.or(energy).unwrap_or(UNBOUNDED);
            let scale = energy.filter(|&energy| energy < UNBOUNDED).map(|energy| weight / f64::from(energy).sqrt());
            let scale = scale.map_or(f32::INFINITY, |scale| (scale * (1.0 + 1e-6)) as f32);
            all.scale.as_flattened_mut()[position] = scale;
        }
        all
    }
}

impl Side {
    /// The best similarity, which is not below `least`.
    fn best(&mut self, shelf: &Shelf, evaluator: &mut Evaluator<'_>, added: Surplus, least: f64) -> f64 {
        self.touched.clear();
        self.spare.clear();
        let mut best = least;
        // What was best is likely to be good still, so that the others need not be looked at.
        if let Some(place) = self.best {
            best = best.max(self.evaluate(shelf, evaluator, place).0);
        }
        let mut candidates = self.candidates(shelf, evaluator, added, best);
        candidates.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        for (reach, place) in candidates {
            if reach < best {
                break;
            }
            let similarity = self.learn_exactly(shelf, evaluator, place);
            if similarity >= best {
                best = similarity;
                self.best = Some(place);
            }
        }
        for _ in 0..SPARE.min(self.spare.len()) {
            self.next_spare = (self.next_spare + 1) % self.spare.len();
            self.learn_exactly(shelf, evaluator, self.spare[self.next_spare]);
        }
        best
    }

    /// The similarity at a place; its brightness is kept for a bound.
    fn learn_exactly(&mut self, shelf: &Shelf, evaluator: &mut Evaluator<'_>, place: Place) -> f64 {
        let (similarity, brightness) = self.evaluate(shelf, evaluator, place);
        if let Some(brightness) = brightness {
            self.alterations[place.alteration].next.as_flattened_mut()[place.position] = brightness;
        }
        similarity
    }

    /// The similarity at a place, and the brightness where it may be kept.
    fn evaluate(&self, shelf: &Shelf, evaluator: &mut Evaluator<'_>, place: Place) -> (f64, Option<u16>) {
        let (index, weight) = self.exemplars[place.position];
        let (stretch, mirror) = shelf.place(place.alteration);
        let (similarity, brightness) = evaluator.similarity_and_brightness((index as usize, stretch, mirror));
        (weight * similarity, brightness.and_then(|brightness| u16::try_from(brightness).ok()))
    }

    /// Bounds all exemplars under all alterations, and gives those that may reach `floor`, with what
    /// they may reach.
    fn candidates(
        &mut self,
        shelf: &Shelf,
        evaluator: &mut Evaluator<'_>,
        added: Surplus,
        floor: f64,
    ) -> Vec<(f64, Place)> {
        let energy = evaluator.energy();
        let least = floor.powi(2) * energy * (1.0 - 1e-9);
        let mut candidates = Vec::new();
        let mut positions = Vec::new();
        for alteration in 0..self.alterations.len() {
            let (stretch, mirror) = shelf.place(alteration);
            let weight = shelf.weight(stretch, mirror);
            positions.clear();
            Processor::best().run(Raise {
                bounds: &mut self.alterations[alteration],
                exemplars: &self.stretches[stretch],
                added,
                energy: energy.min(f64::from(UNBOUNDED)) as u16,
                // A hair lower, for single precision.
                least: (floor / weight * energy.sqrt() * (1.0 - 1e-5)) as f32,
                positions: &mut positions,
            });
            let inverted = usize::from(shelf.mirrors()[mirror].0);
            for &position in &positions {
                let position = position as usize;
                if position >= self.exemplars.len() {
                    break;
                }
                let (index, exemplar_weight) = self.exemplars[position];
                let slot = &mut self.slots[position];
                if *slot == NOWHERE {
                    *slot = self.inks.len() as u32;
                    self.inks.extend_from_slice(evaluator.bound_ink(index as usize));
                    self.seen.push(position as u32);
                }
                let most = self.inks[*slot as usize + stretch][inverted];
                let next = &mut self.alterations[alteration].next.as_flattened_mut()[position];
                *next = most.min(*next);
                let place = Place { position, alteration };
                self.touched.push(place);
                let reach = match shelf.energy(index as usize, stretch) {
                    Some(own) if *next < UNBOUNDED => {
                        let own = f64::from(own);
                        // A first look without roots and divisions.
                        if (exemplar_weight * weight * f64::from(*next)).powi(2) < least * own {
                            self.spare.push(place);
                            continue;
                        }
                        exemplar_weight * (weight * cosine((*next).into(), energy, own))
                    }
                    _ => f64::INFINITY,
                };
                if reach >= floor {
                    candidates.push((reach, place));
                } else {
                    self.spare.push(place);
                }
            }
        }
        for position in self.seen.drain(..) {
            self.slots[position as usize] = NOWHERE;
        }
        self.inks.clear();
        candidates
    }

    /// Raises all bounds by what was added.
    fn follow(&mut self, added: Surplus) {
        let mirrors = self.alterations.len() / self.stretches.len().max(1);
        for (alteration, bounds) in self.alterations.iter_mut().enumerate() {
            let exemplars = &self.stretches[alteration / mirrors.max(1)];
            let (energy, least, positions) = (UNBOUNDED, f32::INFINITY, &mut Vec::new());
            Processor::best().run(Raise { bounds, exemplars, added, energy, least, positions });
        }
        self.keep();
    }

    /// Keeps the fragment that was looked at.
    fn keep(&mut self) {
        for Bounds { most, next } in &mut self.alterations {
            std::mem::swap(most, next);
        }
    }

    /// Keeps what was learned of a fragment that lacks some pixels of the one that is kept: that one
    /// is brighter by what they give at most.
    fn learn(&mut self, shelf: &Shelf, removed: Surplus) {
        for &Place { position, alteration } in &self.touched {
            let Bounds { most, next } = &mut self.alterations[alteration];
            let fullest = self.stretches[shelf.place(alteration).0].fullest.as_flattened()[position];
            let (most, next) = (&mut most.as_flattened_mut()[position], next.as_flattened()[position]);
            *most = (*most).min(next.saturating_add(removed.gain(fullest)));
        }
    }
}

/// To raise all bounds under one alteration by what was added, and to find those that reach `least`
/// in brightness times scale.
struct Raise<'a> {
    bounds: &'a mut Bounds,
    exemplars: &'a Stretched,
    added: Surplus,
    /// Of the fragment.
    energy: u16,
    least: f32,
    positions: &'a mut Vec<u32>,
}

impl Work for Raise<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { bounds: Bounds { most, next }, exemplars: Stretched { energy, fullest, scale }, .. } = self;
        let blocks = next.iter_mut().zip(most).zip(energy.iter().zip(fullest)).zip(scale).enumerate();
        for (block, (((next, most), (energy, fullest)), scale)) in blocks {
            let mut reached = false;
            for i in 0..BLOCK {
                next[i] = most[i].saturating_add(self.added.gain(fullest[i])).min(energy[i]).min(self.energy);
                reached |= f32::from(next[i]) * scale[i] >= self.least;
            }
            if reached {
                let reaching = |&i: &usize| f32::from(next[i]) * scale[i] >= self.least;
                self.positions.extend((0..BLOCK).filter(reaching).map(|i| (block * BLOCK + i) as u32));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Fragment;

    fn roll(notes: &[(u8, f64, f64)]) -> PianoRoll {
        PianoRoll::of(&Fragment::from_quarters(notes).unwrap(), 4)
    }

    #[test]
    fn differences_are_counted_by_pixels_and_rows() {
        let old = roll(&[(60, 0.0, 1.0), (60, 2.0, 1.0), (62, 1.0, 1.0)]);
        let difference = |new: &[(u8, f64, f64)], shift| {
            let Difference { added, removed } = Difference::new(&old, &roll(new), shift);
            [(added.pixels, added.rows), (removed.pixels, removed.rows)]
        };
        assert_eq!(difference(&[(60, 0.0, 1.0), (60, 2.0, 1.0), (62, 1.0, 1.0)], 0), [(0, 0), (0, 0)]);
        assert_eq!(difference(&[(60, 0.0, 3.0), (62, 1.0, 1.0)], 0), [(4, 1), (0, 0)]);
        assert_eq!(difference(&[(60, 0.0, 0.5), (60, 2.5, 1.5), (62, 1.0, 1.0)], 0), [(4, 1), (4, 1)]);
        // The first note is gone, and the others begin at 0.
        assert_eq!(difference(&[(62, 0.0, 1.0), (60, 1.0, 1.0)], 4), [(0, 0), (4, 1)]);
        assert_eq!(difference(&[(59, 0.0, 1.0), (61, 1.0, 1.0), (65, 2.0, 1.0)], 0), [(12, 3), (12, 2)]);
    }
}
