//! Training a network on a bank (feature `train`).
//!
//! A small convolutional network learns from pictures of the exemplars to tell good from bad, on the processor, by the
//! library `burn`. How well it does is measured on exemplars that it has not seen (*cross-validation*): the bank is dealt
//! out into parts, each is held out in turn, and another network learns from the others. What is told of the network is
//! what these say of the parts that they have not seen; the network that is written has learned from all.
//!
//! # The same every time
//! The bytes of the file depend on the bank, the options, the version of this crate and, since fused multiplications round
//! otherwise, on the kind of processor; not on the number of threads or on chance.

mod augment;
mod export;
mod familiarity;
mod fit;
mod folds;
mod network;
mod onnx;
mod reliability;
mod scaling;
pub mod scramble;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

pub use augment::Augmentation;
pub use reliability::{Bin, Reliability};

use super::{Channel, Recipe};
use crate::bank::{Exemplar, Label};
use crate::error::{Error, Result};
use crate::note::Fragment;
use crate::roc;
use fit::{Fitted, Schedule};
use network::{LEAST_COLUMNS, Weights};
use scaling::Scaling;

/// How a network is trained.
///
/// ```no_run
/// use judge::cnn::train::Training;
/// let bank = judge::Bank::open("my-bank")?;
/// let groups: Vec<usize> = (0..bank.exemplars().len()).collect(); // no two of them are the same music
/// let trained = Training::default().train(bank.exemplars(), &groups, |_| ())?;
/// std::fs::write("taste.onnx", &trained.onnx)?;
/// println!("AUC {:.3}", trained.validation.auc);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// How pictures are drawn.
    pub recipe: Recipe,
    /// Chance begins here: other seeds give other networks that do about as well.
    pub seed: u64,
    /// Into how many parts the bank is dealt out; at least 3.
    pub folds: usize,
    /// How many networks are trained and stand side by side as one, each a *tower*; at least 1.
    pub towers: usize,
    /// How often the exemplars are gone through at most; at least 1.
    pub epochs: usize,
    /// How much exemplars are changed each time that they are seen.
    pub augmentation: Augmentation,
    /// Which part of the bad pictures are of good exemplars in disorder (see [`scramble`]), 0 to 1. A bank has few examples
    /// of what is bad, and no composer's taste is for notes at random, so that what is good is learned from its opposite
    /// too.
    pub scrambled: f64,
}

impl Default for Training {
    fn default() -> Self {
        let channels = (-1..=1).map(Channel::Interval).collect();
        let recipe = Recipe { pitches: 25, channels, ..Recipe::default() };
        Self { recipe, seed: 1, folds: 5, towers: 3, epochs: 60, augmentation: Augmentation::default(), scrambled: 0.9 }
    }
}

/// A network, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// The bytes of its ONNX file.
    pub onnx: Vec<u8>,
    /// How it is fed and read; in the file's metadata too.
    pub recipe: Recipe,
    /// After how many epochs each of its towers answered best.
    pub epochs: Vec<usize>,
    /// How well networks did that were trained in the same way, on what they had not seen.
    pub validation: Validation,
}

/// How well networks did on exemplars that they had not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Validation {
    /// What was said of each exemplar, in their order.
    pub held_out: Vec<HeldOut>,
    /// The area under the ROC curve: how often a good exemplar was said to be more likely good than a bad one. The logits
    /// of all networks are taken together.
    pub auc: f64,
    /// How often the more likely side was the right one, each side counting half.
    pub accuracy: f64,
    /// How far probabilities could be believed without scaling.
    pub before: Reliability,
    /// How far they can be with the offset and the temperature that the exemplars of other parts ask for.
    pub after: Reliability,
}

/// What was said of an exemplar by a network that had not seen it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOut {
    /// The part that it was in.
    pub fold: usize,
    /// How much more likely good than bad: the logarithm of the odds, without scaling.
    pub logit: f64,
    /// The probability that it is good, with the offset and the temperature that the exemplars of other parts ask for.
    pub probability: f64,
}

/// What a network learns from, and what is held out to see when to stop.
#[derive(Debug)]
struct Split {
    learned: Vec<usize>,
    stopping: Vec<usize>,
}

/// Of so many parts one is held out of those that are learned from, to see when to stop.
const STOPPING_PARTS: usize = 10;

impl Training {
    /// How often `each` of [`train`](Self::train) counts one, in all.
    pub fn steps(&self) -> usize {
        (self.folds + 1) * self.towers * self.epochs
    }

    /// Trains a network on exemplars, and others on parts of them to see how well that does. `groups` has the group of
    /// each: what is in one group is held out together, since it is much the same music. `each` is called with how many
    /// more [steps](Self::steps) are done.
    ///
    /// # Errors
    /// [`Error::Training`] with too few exemplars or groups: says how many are needed; and for a recipe that does not suit the
    /// network. [`Error::Option`] where the number of folds or epochs makes no sense.
    ///
    /// # Panics
    /// When `groups` is not as long as `exemplars`.
    pub fn train(&self, exemplars: &[Exemplar], groups: &[usize], each: impl Fn(usize) + Sync) -> Result<Trained> {
        assert_eq!(exemplars.len(), groups.len(), "each exemplar has a group");
        self.check(exemplars, groups)?;
        let labelled: Vec<_> = exemplars.iter().map(|it| (&it.fragment, it.label)).collect();
        let sides: Vec<_> = exemplars.iter().zip(groups).map(|(it, group)| (it.label, *group)).collect();
        let part = folds::deal(&sides, self.folds, &mut self.random(0));

        // Of the network that is trained on all no part is held out.
        let of =
            |fold: usize, wanted: bool| (0..part.len()).filter(|&it| (part[it] == fold) == wanted).collect::<Vec<_>>();
        let splits: Vec<_> = (0..=self.folds).map(|fold| self.split(&sides, of(fold, false), fold)).collect();
        let towers: Vec<_> = (0..splits.len() * self.towers)
            .into_par_iter()
            .with_max_len(1)
            .map(|tower| self.fit(&labelled, &splits[tower / self.towers], splits.len() + tower, &each))
            .collect();
        let weights =
            towers.chunks(self.towers).map(|towers| Weights::joined(towers.iter().map(|tower| tower.weights.clone())));
        let weights: Vec<_> = weights.collect();
        let answers = |fold: usize, members: &[usize]| {
            let fragments: Vec<_> = members.iter().map(|&it| labelled[it].0).collect();
            fit::answers(&self.recipe, &weights[fold], &fragments)
        };

        let mut logits = vec![0.0; exemplars.len()];
        let unseen: Vec<_> = (0..self.folds).map(|fold| of(fold, true)).collect();
        let told: Vec<_> = unseen.par_iter().enumerate().map(|(fold, unseen)| answers(fold, unseen).logits).collect();
        for (index, logit) in unseen.iter().flatten().zip(told.iter().flatten()) {
            logits[*index] = f64::from(*logit);
        }
        let good: Vec<bool> = exemplars.iter().map(|it| it.label == Label::Good).collect();
        let validation = self.validate(&part, &logits, &good);
        let told: Vec<_> = logits.iter().copied().zip(good.iter().copied()).collect();
        let all: Vec<_> = (0..exemplars.len()).collect();
        let of_all = |members: &[usize]| answers(self.folds, members);
        let familiarity = familiarity::familiarity((&of_all(&all), &good), &of_all(&splits[self.folds].stopping));
        let Scaling { offset, temperature } = Scaling::of(&told);
        let recipe = Recipe { temperature, familiarity: Some(familiarity), ..self.recipe.clone() };
        let epochs = towers[self.folds * self.towers..].iter().map(|tower| tower.epochs).collect();
        let mut weights = weights[self.folds].clone();
        weights.offset += offset as f32;
        Ok(Trained { onnx: export::onnx(&recipe, &weights), recipe, epochs, validation })
    }

    /// Holds some of the exemplars that are learned from out, to see when to stop.
    fn split(&self, sides: &[(Label, usize)], members: Vec<usize>, fold: usize) -> Split {
        let members_sides: Vec<_> = members.iter().map(|&it| sides[it]).collect();
        let part = folds::deal(&members_sides, STOPPING_PARTS, &mut self.random(1 + fold));
        // Small banks have parts without anything of a side, and large groups make large parts.
        let counts = |asked: usize| {
            [Label::Good, Label::Bad].map(|label| {
                members_sides.iter().zip(&part).filter(|((its, _), part)| **part == asked && *its == label).count()
            })
        };
        let held_out = (0..STOPPING_PARTS)
            .filter(|&part| !counts(part).contains(&0))
            .min_by_key(|&part| counts(part).iter().sum::<usize>().abs_diff(members.len() / STOPPING_PARTS));
        let of = |wanted: bool| {
            let is = |(_, part): &(&usize, &usize)| (Some(**part) == held_out) == wanted;
            members.iter().zip(&part).filter(is).map(|(member, _)| *member).collect::<Vec<_>>()
        };
        let (learned, stopping) = (of(false), of(true));
        // Without anything to be held out what is learned from must do.
        Split { stopping: if stopping.is_empty() { learned.clone() } else { stopping }, learned }
    }

    /// Fits a tower.
    fn fit(
        &self,
        labelled: &[(&Fragment, Label)],
        split: &Split,
        purpose: usize,
        each: &(impl Fn(usize) + Sync),
    ) -> Fitted {
        let pick = |members: &[usize]| members.iter().map(|&it| labelled[it]).collect::<Vec<_>>();
        let schedule = Schedule {
            epochs: self.epochs,
            patience: self.epochs.div_ceil(2),
            augmentation: self.augmentation,
            scrambled: self.scrambled,
        };
        let mut random = self.random(1 + purpose);
        fit::fit(&self.recipe, &pick(&split.learned), &pick(&split.stopping), &schedule, &mut random, each)
    }

    fn validate(&self, part: &[usize], logits: &[f64], good: &[bool]) -> Validation {
        let scalings: Vec<Scaling> = (0..self.folds)
            .map(|fold| {
                let others = (0..part.len()).filter(|&it| part[it] != fold);
                Scaling::of(&others.map(|it| (logits[it], good[it])).collect::<Vec<_>>())
            })
            .collect();
        let held_out: Vec<_> = (0..part.len())
            .map(|it| HeldOut {
                fold: part[it],
                logit: logits[it],
                probability: scalings[part[it]].probability(logits[it]),
            })
            .collect();
        let with =
            |value: &dyn Fn(&HeldOut) -> f64| held_out.iter().map(value).zip(good.iter().copied()).collect::<Vec<_>>();
        let right = |side: bool| {
            let of_side = held_out.iter().zip(good).filter(|(_, good)| **good == side);
            let (right, all) = of_side.fold((0_usize, 0_usize), |(right, all), (it, _)| {
                (right + usize::from((it.probability > 0.5) == side), all + 1)
            });
            right as f64 / all.max(1) as f64
        };
        Validation {
            auc: roc::area(with(&|it| it.logit)).unwrap_or(0.5),
            accuracy: (right(true) + right(false)) / 2.0,
            before: Reliability::of(&with(&|it| Scaling::NONE.probability(it.logit))),
            after: Reliability::of(&with(&|it| it.probability)),
            held_out,
        }
    }

    /// A generator of its own for each purpose, so that none depends on what another has drawn.
    fn random(&self, purpose: usize) -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(purpose as u64))
    }

    /// Says what of the recipe does not suit the network.
    fn check_recipe(&self) -> Result<(), String> {
        if self.recipe.columns() < LEAST_COLUMNS {
            return Err(format!(
                "a picture of {} columns is too narrow: at least {LEAST_COLUMNS} are needed",
                self.recipe.columns()
            ));
        }
        if self.recipe.labels != [Label::Bad, Label::Good] {
            return Err("the labels of the recipe are not bad, good, which is what the network learns".into());
        }
        Ok(())
    }

    fn check(&self, exemplars: &[Exemplar], groups: &[usize]) -> Result<()> {
        if self.folds < 3 {
            let expected = "at least 3";
            return Err(Error::Option { name: "folds", value: self.folds.to_string(), expected });
        }
        self.recipe.check().and_then(|()| self.check_recipe()).map_err(Error::Training)?;
        for (name, value) in [("epochs", self.epochs), ("towers", self.towers)] {
            if value == 0 {
                return Err(Error::Option { name, value: "0".into(), expected: "at least 1" });
            }
        }
        let least = 2 * self.folds;
        let of = |label| exemplars.iter().zip(groups).filter(move |(it, _)| it.label == label);
        let counts = [Label::Good, Label::Bad].map(|label| of(label).count());
        let apart = [Label::Good, Label::Bad].map(|label| {
            let mut groups: Vec<_> = of(label).map(|(_, group)| *group).collect();
            groups.sort_unstable();
            groups.dedup();
            groups.len()
        });
        if counts.iter().any(|count| *count < least) {
            let [good, bad] = counts;
            return Err(Error::Training(format!(
                "{good} good and {bad} bad exemplars are too few to train a network: at least {least} of each are needed \
                 (twice the number of folds), and some hundreds do better"
            )));
        }
        if apart.iter().any(|count| *count < self.folds) {
            let [good, bad] = apart;
            return Err(Error::Training(format!(
                "the exemplars fall into {good} groups with good ones and {bad} with bad ones, too few to train a network: at \
                 least {} of each are needed (the number of folds); --group-by none holds out each by itself",
                self.folds
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
