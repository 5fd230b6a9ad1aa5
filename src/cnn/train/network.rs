//! The network: what it is made of, and one pass through it.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::cnn::Recipe;
use crate::note::Fragment;

/// A convolution followed by what is above 0 of it, and by the greatest of each `pool`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How many pictures it makes.
    pub channels: usize,
    /// Height and width of what is looked at, in pixels; both are odd.
    pub kernel: [usize; 2],
    /// How far apart the places are where it is looked, upwards and rightwards.
    pub stride: [usize; 2],
    /// Of how many pixels, upwards and rightwards, the greatest is kept.
    pub pool: Pool,
}

/// Of which pixels the greatest is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Each by itself.
    None,
    /// Of all pitches at each time.
    Pitches,
    /// Of so many times.
    Times(usize),
}

/// What a network is made of.
///
/// The first stage sees how notes begin and end, the second what lies within half an octave of each place: intervals to what
/// sounds and to what comes next, whatever the pitch. From then on pitch plays no role, and what follows looks at longer
/// and longer times. The mean and the greatest value of each picture of the last stage over time are the embedding; the
/// logit is a weighted sum of it.
pub const STAGES: [Stage; 5] = [
    Stage { channels: 8, kernel: [1, 7], stride: [1, 3], pool: Pool::None },
    Stage { channels: 24, kernel: [13, 3], stride: [2, 1], pool: Pool::Pitches },
    Stage { channels: 48, kernel: [1, 7], stride: [1, 1], pool: Pool::Times(2) },
    Stage { channels: 48, kernel: [1, 7], stride: [1, 1], pool: Pool::Times(2) },
    Stage { channels: 64, kernel: [1, 5], stride: [1, 1], pool: Pool::None },
];

/// The fewest columns of a picture of which something is left in the last stage.
pub const LEAST_COLUMNS: usize = {
    let (mut columns, mut index) = (1, 0);
    while index < STAGES.len() {
        columns *= STAGES[index].stride[1];
        if let Pool::Times(times) = STAGES[index].pool {
            columns *= times;
        }
        index += 1;
    }
    columns
};

/// How many numbers an embedding has.
pub const EMBEDDING: usize = 2 * STAGES[STAGES.len() - 1].channels;

/// The network as the training library has it.
#[derive(Module, Debug)]
pub struct Network {
    convolutions: Vec<Conv2d>,
    dense: Linear,
}

/// The numbers that a network has learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Of each stage: weights, outputs x inputs x height x width, and an offset for each output.
    pub stages: Vec<(Vec<f32>, Vec<f32>)>,
    /// Of the weighted sum.
    pub dense: Vec<f32>,
    /// Added to that.
    pub offset: f32,
}

/// What a network says of pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// How much more likely good than bad: the logarithm of the odds.
    pub logits: Vec<f32>,
    /// The embedding of each picture, one after the other.
    pub embeddings: Vec<f32>,
}

impl Weights {
    /// How many inputs and outputs each stage has, for pictures of so many channels.
    pub fn ends(channels: usize) -> impl Iterator<Item = (usize, usize, &'static Stage)> {
        let inputs = std::iter::once(channels).chain(STAGES.iter().map(|stage| stage.channels));
        inputs.zip(&STAGES).map(|(inputs, stage)| (inputs, stage.channels, stage))
    }

    /// Weights to begin with: even random numbers of a variance that keeps that of what passes through (He, Zhang, Ren,
    /// Sun, "Delving deep into rectifiers", ICCV 2015), drawn by our own generator so that they are the same everywhere.
    pub fn random(recipe: &Recipe, random: &mut Pcg64Mcg) -> Self {
        let mut even =
            |count: usize, reach: f32| -> Vec<f32> { (0..count).map(|_| random.random_range(-reach..reach)).collect() };
        let stages = Self::ends(recipe.channels.len())
            .map(|(inputs, outputs, stage)| {
                let seen = inputs * stage.kernel[0] * stage.kernel[1];
                (even(outputs * seen, (6.0 / seen as f32).sqrt()), vec![0.0; outputs])
            })
            .collect();
        Self { stages, dense: even(EMBEDDING, (3.0 / EMBEDDING as f32).sqrt()), offset: 0.0 }
    }
}

impl Network {
    /// With given weights, on a device.
    pub fn new(recipe: &Recipe, weights: &Weights, device: &Device) -> Self {
        let mut convolutions = Vec::with_capacity(STAGES.len());
        for ((inputs, outputs, stage), (weight, bias)) in Weights::ends(recipe.channels.len()).zip(&weights.stages) {
            let [height, width] = stage.kernel;
            let (up, right) = (height / 2, width / 2);
            let mut convolution = Conv2dConfig::new([inputs, outputs], stage.kernel)
                .with_stride(stage.stride)
                .with_padding(PaddingConfig2d::Explicit(up, right, up, right))
                .init(device);
            let shape = [outputs, inputs, height, width];
            convolution.weight = parameter(TensorData::new(weight.clone(), shape), device);
            convolution.bias = Some(parameter(TensorData::new(bias.clone(), [outputs]), device));
            convolutions.push(convolution);
        }
        let mut dense = LinearConfig::new(EMBEDDING, 1).init(device);
        dense.weight = parameter(TensorData::new(weights.dense.clone(), [EMBEDDING, 1]), device);
        dense.bias = Some(parameter(TensorData::new(vec![weights.offset], [1]), device));
        Self { convolutions, dense }
    }

    /// The embeddings of pictures, pictures x channels x pitches x columns.
    pub fn embed(&self, pictures: Tensor<4>) -> Tensor<2> {
        let mut seen = pictures;
        for (convolution, stage) in self.convolutions.iter().zip(&STAGES) {
            seen = relu(convolution.forward(seen));
            seen = match stage.pool {
                Pool::None => seen,
                Pool::Pitches => seen.max_dim(2),
                Pool::Times(times) => max_pool2d(seen, MaxPoolOptions::new([1, times])),
            };
        }
        let seen: Tensor<3> = seen.flatten(2, 3);
        let (mean, most) = (seen.clone().mean_dim(2), seen.max_dim(2));
        Tensor::cat(vec![mean, most], 1).flatten(1, 2)
    }

    /// The logits of embeddings, pictures x 1.
    pub fn logits(&self, embeddings: Tensor<2>) -> Tensor<2> {
        self.dense.forward(embeddings)
    }

    /// What it has learned.
    pub fn weights(&self) -> Weights {
        let stages = self.convolutions.iter().map(|convolution| {
            let bias = convolution.bias.as_ref().map(|bias| numbers(bias.val())).unwrap_or_default();
            (numbers(convolution.weight.val()), bias)
        });
        let offset = self.dense.bias.as_ref().map(|bias| numbers(bias.val())).unwrap_or_default();
        Weights {
            stages: stages.collect(),
            dense: numbers(self.dense.weight.val()),
            offset: offset.first().copied().unwrap_or(0.0),
        }
    }

    /// What it says of fragments as they are, a batch at a time.
    pub fn answers(&self, recipe: &Recipe, fragments: &[&Fragment], device: &Device) -> Answers {
        const BATCH: usize = 64;
        let (channels, rows, columns) = recipe.shape();
        let mut answers = Answers::default();
        for batch in fragments.chunks(BATCH) {
            let pictures: Vec<f32> = batch.iter().flat_map(|fragment| recipe.draw(fragment)).collect();
            let shape = [batch.len(), channels, rows, columns];
            let embeddings = self.embed(Tensor::from_data(TensorData::new(pictures, shape), device));
            answers.logits.extend(numbers(self.logits(embeddings.clone())));
            answers.embeddings.extend(numbers(embeddings));
        }
        answers
    }
}

fn parameter<const D: usize>(data: TensorData, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(data, device))
}

/// The numbers of a tensor, in order.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
