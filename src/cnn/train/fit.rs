//! One network, fitted to exemplars.

use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array4;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

use super::augment::Augmentation;
use super::network::{Answers, EMBEDDING, Network, Weights};
use super::scaling::{likeliest, surprise};
use super::scramble::scrambled;
use crate::bank::Label;
use crate::cnn::Recipe;
use crate::note::Fragment;

/// What is learned, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How often the exemplars are gone through, at most.
    pub epochs: usize,
    /// How often they may be gone through without better answers on what is held out.
    pub patience: usize,
    /// How much exemplars are changed.
    pub augmentation: Augmentation,
    /// Which part of the bad ones are good exemplars in disorder instead.
    pub scrambled: f64,
}

/// Pictures that are learned from at a time.
const BATCH: usize = 32;
/// The least number of pictures in an epoch: those of a small bank are seen several times, changed each time.
const LEAST_EPOCH: usize = 256;
/// The greatest step, after the first tenth of all; from there on steps get smaller by half a cosine.
const RATE: f64 = 3e-3;
/// By how much of a step weights are pulled to 0.
const DECAY: f32 = 1e-2;
/// Which part of an embedding is left out of the sum, each time another.
const DROPOUT: f64 = 0.3;

/// A network that was fitted, and what it says of what was held out.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// What it has learned.
    pub weights: Weights,
    /// After how many epochs it answered best.
    pub epochs: usize,
}

/// Fits a network to exemplars; of all epochs the one that answers best on `held_out` is taken. `each` is called after
/// every epoch. The answer depends on nothing but the arguments: a network is fitted on one thread.
pub fn fit(
    recipe: &Recipe,
    exemplars: &[(&Fragment, Label)],
    held_out: &[(&Fragment, Label)],
    schedule: &Schedule,
    random: &mut Pcg64Mcg,
    each: &(dyn Fn(usize) + Sync),
) -> Fitted {
    let device = Device::flex().autodiff();
    let mut network = Network::new(recipe, &Weights::random(recipe, random), &device);
    let mut optimiser = AdamWConfig::new().with_weight_decay(DECAY).with_epsilon(1e-8).init();
    let mut deck = Deck::new(exemplars);
    let batches = exemplars.len().max(LEAST_EPOCH).div_ceil(BATCH);
    let (unseen, good): (Vec<_>, Vec<_>) =
        held_out.iter().map(|(fragment, label)| (*fragment, *label == Label::Good)).unzip();
    let (channels, rows, columns) = recipe.shape();
    let mut best = Fitted { weights: network.weights(), epochs: 0 };
    let mut least = f64::INFINITY;
    for epoch in 0..schedule.epochs {
        for batch in 0..batches {
            let mut seen = Array4::zeros((BATCH, channels, rows, columns));
            let mut signs = vec![0.0; BATCH];
            for (index, (picture, sign)) in seen.outer_iter_mut().zip(&mut signs).enumerate() {
                // Sides take turns, so that each has half of the pictures however many exemplars it has.
                let label = if index.is_multiple_of(2) { Label::Good } else { Label::Bad };
                *sign = if label == Label::Good { 1.0 } else { -1.0 };
                let disorder = (label == Label::Bad && random.random_bool(schedule.scrambled))
                    .then(|| scrambled(deck.next(Label::Good, random), random.random()))
                    .flatten();
                match disorder {
                    Some(fragment) => schedule.augmentation.draw(recipe, &fragment, random, picture),
                    None => schedule.augmentation.draw(recipe, deck.next(label, random), random, picture),
                }
            }
            let kept = (1.0 / (1.0 - DROPOUT)) as f32;
            let mask = (0..BATCH * EMBEDDING).map(|_| if random.random_bool(DROPOUT) { 0.0 } else { kept }).collect();
            let shape = [BATCH, channels, rows, columns];
            let tensor =
                |numbers: Vec<f32>, columns| Tensor::from_data(TensorData::new(numbers, [BATCH, columns]), &device);
            let embeddings =
                network.embed(Tensor::from_data(TensorData::new(seen.into_raw_vec_and_offset().0, shape), &device));
            let logits = network.logits(embeddings * tensor(mask, EMBEDDING));
            let loss = -log_sigmoid(logits * tensor(signs, 1)).mean();
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            let done = (epoch * batches + batch) as f64 / (schedule.epochs * batches) as f64;
            let pace = (done / 0.1).min(1.0) * (1.0 + (std::f64::consts::PI * done).cos()) / 2.0;
            network = optimiser.step(RATE * pace.max(1e-3), network, gradients);
        }
        let weights = network.weights();
        let answers = answers(recipe, &weights, &unseen);
        let told: Vec<_> = answers.logits.iter().map(|logit| f64::from(*logit)).zip(good.iter().copied()).collect();
        // Probabilities are scaled by a temperature at last, so it does not matter yet that they are too sure.
        let surprise = surprise(&told, likeliest(&told));
        if surprise < least {
            least = surprise;
            best = Fitted { weights, epochs: epoch + 1 };
        }
        if epoch + 1 - best.epochs >= schedule.patience {
            each(schedule.epochs - epoch);
            break;
        }
        each(1);
    }
    best
}

/// What a network says of fragments, as they are.
pub fn answers(recipe: &Recipe, weights: &Weights, fragments: &[&Fragment]) -> Answers {
    let device = Device::flex();
    Network::new(recipe, weights, &device).answers(recipe, fragments, &device)
}

/// The exemplars of each side in an order of chance, again and again.
struct Deck<'a> {
    sides: [(Vec<&'a Fragment>, usize); 2],
}

impl<'a> Deck<'a> {
    fn new(exemplars: &[(&'a Fragment, Label)]) -> Self {
        let of = |side: Label| {
            let of_side = exemplars.iter().filter(|(_, label)| *label == side).map(|(fragment, _)| *fragment);
            (of_side.collect(), 0)
        };
        Self { sides: [of(Label::Bad), of(Label::Good)] }
    }

    fn next(&mut self, label: Label, random: &mut Pcg64Mcg) -> &'a Fragment {
        let (cards, at) = &mut self.sides[super::folds::side(label)];
        if at.is_multiple_of(cards.len()) {
            cards.shuffle(random);
        }
        *at += 1;
        cards[(*at - 1) % cards.len()]
    }
}
