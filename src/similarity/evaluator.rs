//! One fragment against single exemplars of a shelf: what a similarity may be at most, and what it
//! is.

use super::bound::{Bounder, Most, Reaching, UNBOUNDED};
use super::comparer::{Comparer, cosine};
use super::shelf::Shelf;
use crate::alteration::Alteration;
use crate::correlate::sparse::kernel::Kernel;
use crate::correlate::{Correlator, Prepared, Processor};
use crate::roll::PianoRoll;

/// Exemplars in the order of a shelf.
#[derive(Clone, Copy)]
pub(crate) struct Exemplars<'a> {
    /// What was derived from them.
    pub shelf: &'a Shelf,
    /// How they are compared.
    pub comparer: &'a Comparer,
    /// Draws an exemplar that does not fit the shelf.
    pub draw: &'a (dyn Fn(usize, &Alteration) -> PianoRoll + Sync),
}

/// A fragment with all that is needed to compare it with the exemplars of a shelf, on one thread.
pub(crate) struct Evaluator<'a> {
    exemplars: Exemplars<'a>,
    fragment: &'a Prepared,
    energy: f64,
    /// 1 / the root of that.
    inverse_root: f64,
    kernel: &'a mut Kernel,
    bounder: Bounder,
    most: Vec<Most>,
    /// Brightness by transposition, for the pair at hand.
    tops: Vec<u32>,
    /// What is asked about the exemplar at hand, and for each question the alteration.
    questions: Vec<Reaching>,
    asked: Vec<usize>,
}

impl<'a> Exemplars<'a> {
    /// Lends an evaluator of a fragment.
    pub(crate) fn evaluate<R>(self, fragment: &Prepared, work: impl FnOnce(&mut Evaluator<'_>) -> R) -> R {
        Kernel::lend(Processor::best(), fragment.roll(), |kernel| {
            work(&mut Evaluator {
                exemplars: self,
                fragment,
                energy: fragment.roll().energy(),
                inverse_root: fragment.roll().energy().sqrt().recip(),
                kernel,
                bounder: Bounder::new(fragment.roll()),
                most: vec![Most::default(); self.shelf.stretches()],
                tops: Vec::new(),
                questions: Vec::new(),
                asked: Vec::new(),
            })
        })
    }
}

impl Evaluator<'_> {
    /// Whether the energies, then the pitches, let any alteration of an exemplar reach `floor`: a
    /// first look at what [`bound`](Self::bound) finds, without roots and divisions.
    pub(crate) fn may_reach(&mut self, index: usize, weight: f64, floor: f64) -> bool {
        // A hair lower, so that rounding rules nothing out.
        let least = if floor > 0.0 { (floor / weight).powi(2) * self.energy * (1.0 - 1e-9) } else { 0.0 };
        let shelf = self.exemplars.shelf;
        // Brightness is at most the lesser energy.
        let by_energy = |stretch: usize| {
            shelf.energy(index, stretch).is_none_or(|energy| {
                let energy = f64::from(energy);
                let [upright, inverted] = shelf.most_weights(stretch);
                (upright.max(inverted) * self.energy.min(energy)).powi(2) >= least * energy
            })
        };
        if !(0..shelf.stretches()).any(by_energy) {
            return false;
        }
        self.bound_ink(index);
        (0..shelf.stretches()).any(|stretch| {
            shelf.energy(index, stretch).is_none_or(|energy| {
                let ([upright, inverted], most) = (shelf.most_weights(stretch), self.most[stretch]);
                let most = (upright * f64::from(most[0])).max(inverted * f64::from(most[1]));
                self.most[stretch].contains(&UNBOUNDED) || most.powi(2) >= least * f64::from(energy)
            })
        })
    }

    /// The most brightness that the pitches of an exemplar let it have, for each stretch; what
    /// cannot be bounded is [`UNBOUNDED`].
    pub(crate) fn bound_ink(&mut self, index: usize) -> &[Most] {
        if !self.bounder.bound(self.exemplars.shelf.inks(index), &mut self.most) {
            self.most.fill([UNBOUNDED; 2]);
        }
        &self.most
    }

    /// Appends to `reach` what the similarity to an exemplar may be at most under each alteration,
    /// stretch by mirror, times `weight`; gives the greatest.
    pub(crate) fn bound(&mut self, index: usize, weight: f64, reach: &mut Vec<f64>) -> f64 {
        self.bound_ink(index);
        self.bound_by_ink(index, weight, reach)
    }

    /// The same for the exemplar whose ink was bounded last.
    pub(crate) fn bound_by_ink(&self, index: usize, weight: f64, reach: &mut Vec<f64>) -> f64 {
        let shelf = self.exemplars.shelf;
        let mut bound: f64 = 0.0;
        for (stretch, most) in self.most.iter().enumerate() {
            // For upright and for inverted pictures; a hair higher, for single precision.
            let scale = shelf.inverse_root(index, stretch).map(|root| weight * f64::from(root) * self.inverse_root);
            let similarity = most.map(|most| match (scale, shelf.energy(index, stretch)) {
                (Some(scale), _) if most < UNBOUNDED => f64::from(most) * scale * (1.0 + 1e-6),
                (Some(scale), Some(energy)) => self.energy.min(energy.into()) * scale * (1.0 + 1e-6),
                _ => weight,
            });
            for (mirror, &(inverted, _)) in shelf.mirrors().iter().enumerate() {
                let most = shelf.weight(stretch, mirror) * similarity[usize::from(inverted)];
                reach.push(most);
                bound = bound.max(most);
            }
        }
        bound
    }

    /// The greatest similarity to an exemplar, times `weight`, under the alterations whose `reach`
    /// is not below `floor`.
    pub(crate) fn greatest(&mut self, index: usize, weight: f64, reach: &[f64], floor: f64) -> f64 {
        let Exemplars { shelf, .. } = self.exemplars;
        let mut greatest: f64 = 0.0;
        let (mut questions, mut asked) = (std::mem::take(&mut self.questions), std::mem::take(&mut self.asked));
        questions.clear();
        asked.clear();
        for stretch in 0..shelf.stretches() {
            let mirrors = shelf.mirrors().len();
            let least = floor / weight * self.root(index, stretch);
            for mirror in 0..mirrors {
                let alteration = stretch * mirrors + mirror;
                if reach[alteration] >= floor {
                    asked.push(alteration);
                    questions.push(self.question((stretch, mirror), least));
                }
            }
        }
        let bounded = self.bounder.reaching(shelf.inks(index), shelf.stretches(), &mut questions);
        for (&alteration, question) in asked.iter().zip(&questions) {
            if reach[alteration] > greatest {
                let (stretch, mirror) = shelf.place(alteration);
                let place = (index, stretch, mirror);
                let similarity = match bounded && question.least > 1 {
                    true => self.similarity_at(place, question.lanes, question.least.into()),
                    false => self.similarity(place),
                };
                greatest = greatest.max(weight * similarity);
            }
        }
        (self.questions, self.asked) = (questions, asked);
        greatest
    }

    /// The root of the product of the energies, or a hair less.
    fn root(&self, index: usize, stretch: usize) -> f64 {
        let inverse = self.exemplars.shelf.inverse_root(index, stretch);
        inverse.map_or(0.0, |root| (1.0 - 1e-6) / (f64::from(root) * self.inverse_root))
    }

    /// At which transpositions the pitches let the similarity under an alteration be some least one, which is given as the
    /// brightness of an upright picture.
    fn question(&self, (stretch, mirror): (usize, usize), least: f64) -> Reaching {
        let shelf = self.exemplars.shelf;
        let most = least * shelf.inverse_weight(stretch, mirror);
        // Rounded up; what is beyond these numbers is not bounded either.
        let pixels = most as u16;
        let least = pixels.saturating_add((f64::from(pixels) < most).into());
        Reaching { stretch, inverted: shelf.mirrors()[mirror].0, least, lanes: 0 }
    }

    /// The similarity under one alteration (exemplar, stretch, mirror) if the brightness is `least` or more at one of the
    /// transpositions, else something that is less.
    fn similarity_at(&mut self, place: (usize, usize, usize), lanes: u64, least: u32) -> f64 {
        let (index, stretch, mirror) = place;
        let shelf = self.exemplars.shelf;
        if let Some(outline) = shelf.outline(index, stretch, mirror)
            && let Some(brightness) = self.kernel.brightest_at(&outline, lanes, least)
        {
            if brightness < least {
                return 0.0;
            }
            let similarity = cosine(brightness.into(), self.energy, outline.head.energy.into());
            return shelf.weight(stretch, mirror) * similarity;
        }
        self.similarity(place)
    }

    /// The similarity under one alteration: exemplar, stretch, mirror.
    pub(crate) fn similarity(&mut self, place: (usize, usize, usize)) -> f64 {
        self.similarity_and_brightness(place).0
    }

    /// The same, with the brightness unless the pair does not fit the kernel.
    pub(crate) fn similarity_and_brightness(
        &mut self,
        (index, stretch, mirror): (usize, usize, usize),
    ) -> (f64, Option<u32>) {
        let Exemplars { shelf, comparer, draw } = self.exemplars;
        let weight = shelf.weight(stretch, mirror);
        if let Some(outline) = shelf.outline(index, stretch, mirror)
            && let Some(brightness) = self.kernel.brightest(&outline)
        {
            let similarity = cosine(brightness.into(), self.energy, outline.head.energy.into());
            return (weight * similarity, Some(brightness));
        }
        let alteration = shelf.alteration(stretch, mirror);
        let roll = Prepared::new(draw(index, &alteration));
        (weight * comparer.cosine_of(self.fragment, &roll), None)
    }

    /// The cosine at each transposition at which the two can meet, not weighted, of an exemplar under an alteration,
    /// which is counted stretch by mirror: into `cosines`, the lowest transposition first, which is told. Those that are
    /// below `least` when weighted need not be right, only be below it.
    pub(crate) fn cosines_by_transposition(
        &mut self,
        (index, alteration): (usize, usize),
        least: f64,
        cosines: &mut Vec<f64>,
    ) -> (i32, Alteration) {
        let Exemplars { shelf, comparer, draw } = self.exemplars;
        let (stretch, mirror) = shelf.place(alteration);
        let alteration = shelf.alteration(stretch, mirror);
        cosines.clear();
        let mut question = [self.question((stretch, mirror), least * self.root(index, stretch))];
        let bounded = self.bounder.reaching(shelf.inks(index), shelf.stretches(), &mut question);
        let [Reaching { lanes, least, .. }] = question;
        if let Some(outline) = shelf.outline(index, stretch, mirror)
            && match bounded && least > 1 {
                true => self.kernel.brightest_of_each_at(&outline, (lanes, least.into()), &mut self.tops),
                false => self.kernel.brightest_by_transposition(&outline, &mut self.tops),
            }
        {
            let energy = f64::from(outline.head.energy);
            let least = u32::from(least);
            let of_top = |&top: &u32| if top < least { 0.0 } else { cosine(top.into(), self.energy, energy) };
            cosines.extend(self.tops.iter().map(of_top));
            let highest = shelf.low(index, mirror) + i32::from(outline.head.rows) - 1;
            return (i32::from(self.fragment.roll().low()) - highest, alteration);
        }
        let roll = Prepared::new(draw(index, &alteration));
        let (lowest, tops) = comparer.planner.brightest_by_transposition(self.fragment, &roll, &comparer.search());
        cosines.extend(tops.into_iter().map(|top| cosine(top, self.energy, roll.roll().energy())));
        (lowest, alteration)
    }

    /// How many pixels of the fragment are lit.
    pub(crate) fn energy(&self) -> f64 {
        self.energy
    }

    /// The alterations under which an exemplar is as similar as under any, for ties to be decided.
    pub(crate) fn best_alterations(&mut self, index: usize) -> Vec<Alteration> {
        let shelf = self.exemplars.shelf;
        let places = (0..shelf.stretches()).flat_map(|s| (0..shelf.mirrors().len()).map(move |m| (index, s, m)));
        let found: Vec<_> = places.map(|place| (place, self.similarity(place))).collect();
        let best = found.iter().fold(0.0, |best: f64, &(_, similarity)| best.max(similarity));
        found.into_iter().filter(|it| it.1 == best).map(|((_, s, m), _)| shelf.alteration(s, m)).collect()
    }
}
