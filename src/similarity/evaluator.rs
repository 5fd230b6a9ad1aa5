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
    /// The exemplar whose ink was bounded last.
    bounded: Option<usize>,
    /// Which of its stretches were near enough to be bounded.
    near: Vec<bool>,
    /// What it may reach under each stretch, upright and inverted.
    reach: Vec<[f64; 2]>,
    /// Brightness by transposition, for the pair at hand.
    tops: Vec<u32>,
    /// What is asked about the exemplar at hand, and for each question the alteration.
    questions: Vec<Reaching>,
    asked: Vec<usize>,
}

/// What is known of the similarity to an exemplar: what it is under an alteration.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub alteration: Option<usize>,
    /// Weighted.
    pub similarity: f64,
}

impl Known {
    pub(crate) const NOTHING: Self = Self { alteration: None, similarity: 0.0 };
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
                bounder: Bounder::new(fragment.roll(), self.shelf.stretches()),
                most: vec![Most::default(); self.shelf.stretches()],
                bounded: None,
                near: vec![true; self.shelf.stretches()],
                reach: vec![[0.0; 2]; self.shelf.stretches()],
                tops: Vec::new(),
                questions: Vec::new(),
                asked: Vec::new(),
            })
        })
    }
}

impl Evaluator<'_> {
    /// Whether the energies let any alteration of an exemplar reach `floor`: a first look at what [`bound`](Self::bound)
    /// finds, without roots and divisions. It tells for each stretch.
    fn may_reach(&mut self, index: usize, weight: f64, floor: f64) -> bool {
        // What is kept of another exemplar is no longer known to be of these stretches.
        self.bounded = None;
        // A hair lower, so that rounding rules nothing out.
        let least = if floor > 0.0 { (floor / weight).powi(2) * self.energy * (1.0 - 1e-9) } else { 0.0 };
        let shelf = self.exemplars.shelf;
        let mut any = false;
        for (stretch, near) in self.near.iter_mut().enumerate() {
            *near = shelf.energy(index, stretch).is_none_or(|energy| {
                let energy = f64::from(energy);
                let [upright, inverted] = shelf.most_weights(stretch);
                // Brightness is at most the lesser energy.
                (upright.max(inverted) * self.energy.min(energy)).powi(2) >= least * energy
            });
            any |= *near;
        }
        any
    }

    /// The most brightness that the pitches of an exemplar let it have, for each stretch; what
    /// cannot be bounded is [`UNBOUNDED`].
    pub(crate) fn bound_ink(&mut self, index: usize) -> &[Most] {
        self.near.fill(true);
        self.bound_near(index);
        &self.most
    }

    /// The same for the stretches that are near enough; nothing is said of the others.
    fn bound_near(&mut self, index: usize) {
        if !self.bounder.bound(self.exemplars.shelf.inks(index), &self.near, &mut self.most) {
            self.most.fill([UNBOUNDED; 2]);
        }
        self.bounded = Some(index);
    }

    /// Appends to `reach` what the similarity to an exemplar may be at most under each alteration, stretch by mirror, times
    /// `weight`, and 0 under stretches whose energies do not let it be `floor`; gives the greatest. Nothing if that is
    /// less than `floor`.
    pub(crate) fn bound(&mut self, index: usize, weight: f64, floor: f64, reach: &mut Vec<f64>) -> Option<f64> {
        if !self.may_reach(index, weight, floor) {
            return None;
        }
        self.bound_near(index);
        let shelf = self.exemplars.shelf;
        let mut bound: f64 = 0.0;
        for (stretch, (most, of_stretch)) in self.most.iter().zip(&mut self.reach).enumerate() {
            *of_stretch = [0.0; 2];
            if !self.near[stretch] {
                continue;
            }
            // For upright and for inverted pictures; a hair higher, for single precision.
            let scale = shelf.inverse_root(index, stretch).map(|root| weight * f64::from(root) * self.inverse_root);
            *of_stretch = most.map(|most| match (scale, shelf.energy(index, stretch)) {
                (Some(scale), _) if most < UNBOUNDED => f64::from(most) * scale * (1.0 + 1e-6),
                (Some(scale), Some(energy)) => self.energy.min(energy.into()) * scale * (1.0 + 1e-6),
                _ => weight,
            });
            let [upright, inverted] = shelf.most_weights(stretch);
            bound = bound.max(upright * of_stretch[0]).max(inverted * of_stretch[1]);
        }
        if bound < floor {
            return None;
        }
        for (stretch, of_stretch) in self.reach.iter().enumerate() {
            let mirrors = shelf.mirrors().iter().enumerate();
            reach.extend(
                mirrors
                    .map(|(mirror, &(inverted, _))| shelf.weight(stretch, mirror) * of_stretch[usize::from(inverted)]),
            );
        }
        Some(bound)
    }

    /// A first look at an exemplar: its similarity, times `weight`, under the alteration that may reach most, or something
    /// that is less than `floor`.
    pub(crate) fn glance(&mut self, index: usize, weight: f64, reach: &[f64], floor: f64) -> Known {
        let mut first = 0;
        for (alteration, most) in reach.iter().enumerate() {
            if *most > reach[first] {
                first = alteration;
            }
        }
        let (stretch, mirror) = self.exemplars.shelf.place(first);
        let mut question = [self.question((stretch, mirror), floor / weight * self.root(index, stretch))];
        let bounded = self.reaching(index, &mut question);
        let similarity = weight * self.answer((index, stretch, mirror), bounded, &question[0]);
        Known { alteration: Some(first), similarity }
    }

    /// The greatest similarity to an exemplar, times `weight`, under the alterations whose `reach` is not below `floor`, or
    /// something that is less than that.
    pub(crate) fn greatest(&mut self, index: usize, weight: f64, reach: &[f64], floor: f64, known: Known) -> f64 {
        let Exemplars { shelf, .. } = self.exemplars;
        let mut greatest = known.similarity;
        let floor = floor.max(greatest);
        let (mut questions, mut asked) = (std::mem::take(&mut self.questions), std::mem::take(&mut self.asked));
        questions.clear();
        asked.clear();
        for stretch in 0..shelf.stretches() {
            let mirrors = shelf.mirrors().len();
            let least = floor / weight * self.root(index, stretch);
            for mirror in 0..mirrors {
                let alteration = stretch * mirrors + mirror;
                if reach[alteration] >= floor && Some(alteration) != known.alteration {
                    asked.push(alteration);
                    questions.push(self.question((stretch, mirror), least));
                }
            }
        }
        let bounded = !questions.is_empty() && self.reaching(index, &mut questions);
        for (&alteration, question) in asked.iter().zip(&questions) {
            if reach[alteration] > greatest {
                let (stretch, mirror) = shelf.place(alteration);
                greatest = greatest.max(weight * self.answer((index, stretch, mirror), bounded, question));
            }
        }
        (self.questions, self.asked) = (questions, asked);
        greatest
    }

    /// The greatest similarity to an exemplar, times `weight`, under all alterations, of which is known what they may
    /// `reach`.
    pub(crate) fn most_similar(&mut self, index: usize, weight: f64, reach: &[f64]) -> f64 {
        let skip = reach.iter().all(|reach| reach.is_finite());
        let known = if skip { self.glance(index, weight, reach, 0.0) } else { Known::NOTHING };
        self.greatest(index, weight, reach, 0.0, known)
    }

    /// Answers questions about an exemplar; false if that is not possible.
    fn reaching(&self, index: usize, questions: &mut [Reaching]) -> bool {
        match self.bounded == Some(index) && questions.iter().all(|it| self.near[it.stretch]) {
            true => self.bounder.reaching_kept(questions),
            false => self.bounder.reaching(self.exemplars.shelf.inks(index), questions),
        }
    }

    /// The similarity under one alteration (exemplar, stretch, mirror) if it may be what was asked for, else something
    /// that is less.
    fn answer(&mut self, place: (usize, usize, usize), bounded: bool, question: &Reaching) -> f64 {
        match bounded && question.least > 1 {
            true => self.similarity_at(place, question.lanes, question.least.into()),
            false => self.similarity(place),
        }
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

    /// The transpositions of an exemplar under an alteration, which is counted stretch by mirror, with their cosines, which
    /// are not weighted: into `cosines`. Those whose weighted cosine is below `least` may be left out. Tells the alteration
    /// with its weight.
    pub(crate) fn cosines_by_transposition(
        &mut self,
        (index, alteration): (usize, usize),
        least: f64,
        cosines: &mut Vec<(i32, f64)>,
    ) -> (Alteration, f64) {
        let Exemplars { shelf, comparer, draw } = self.exemplars;
        let (stretch, mirror) = shelf.place(alteration);
        let (alteration, weight) = (shelf.alteration(stretch, mirror), shelf.weight(stretch, mirror));
        cosines.clear();
        let mut question = [self.question((stretch, mirror), least * self.root(index, stretch))];
        let bounded = self.reaching(index, &mut question);
        let [Reaching { lanes, least, .. }] = question;
        if let Some(outline) = shelf.outline(index, stretch, mirror)
            && match bounded && least > 1 {
                true => self.kernel.brightest_of_each_at(&outline, (lanes, least.into()), &mut self.tops),
                false => self.kernel.brightest_by_transposition(&outline, &mut self.tops),
            }
        {
            let energy = f64::from(outline.head.energy);
            let highest = shelf.low(index, mirror) + i32::from(outline.head.rows) - 1;
            let lowest = i32::from(self.fragment.roll().low()) - highest;
            for (transposition, &top) in (lowest..).zip(&self.tops) {
                if top >= u32::from(least) {
                    cosines.push((transposition, cosine(top.into(), self.energy, energy)));
                }
            }
        } else {
            let roll = Prepared::new(draw(index, &alteration));
            let (lowest, tops) = comparer.planner.brightest_by_transposition(self.fragment, &roll, &comparer.search());
            let cosine = |top| cosine(top, self.energy, roll.roll().energy());
            cosines.extend((lowest..).zip(tops.into_iter().map(cosine)));
        }
        (alteration, weight)
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
