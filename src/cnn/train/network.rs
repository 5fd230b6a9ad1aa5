//! The network: what it is made of, and one pass through it.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::cnn::Recipe;
use crate::note::Fragment;

/// A convolution followed by what is above 0 of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How many pictures it makes.
    pub channels: usize,
    /// Whether it sees all rows at once, after which there is one; else there must be one.
    pub all_rows: bool,
    /// How many columns it sees; odd.
    pub columns: usize,
    /// How many columns lie from one of them to the next.
    pub dilation: usize,
    /// How far apart the columns are where it looks.
    pub stride: usize,
    /// Whether what it makes is added to what it sees.
    pub added: bool,
}

/// What a tower of a network is made of. Towers stand side by side, each trained by itself, and the answer is the mean of
/// theirs: networks that begin by other chances err in other places (Hansen, Salamon, "Neural network ensembles", IEEE
/// Transactions on Pattern Analysis and Machine Intelligence 12, 1990).
///
/// Rows are intervals, so that pitch plays no role from the start: the first stage sees what surrounds each note, the
/// second how notes begin and end, and what follows looks at longer and longer times, by columns that are farther and
/// farther apart (Yu, Koltun, "Multi-scale context aggregation by dilated convolutions", ICLR 2016), adding to what was seen
/// before (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", CVPR 2016). The mean and the greatest
/// value of each picture of the last stage over time are the embedding; the logit is a weighted sum of those of all towers.
pub const STAGES: [Stage; 5] = {
    let wide = Stage { channels: 48, all_rows: false, columns: 5, dilation: 1, stride: 1, added: true };
    [
        Stage { all_rows: true, columns: 1, added: false, ..wide },
        Stage { columns: 7, stride: 3, added: false, ..wide },
        wide,
        Stage { dilation: 2, ..wide },
        Stage { dilation: 4, ..wide },
    ]
};

impl Stage {
    /// Height and width of what it sees, in pictures of so many rows.
    pub const fn kernel(&self, rows: usize) -> [usize; 2] {
        [if self.all_rows { rows } else { 1 }, self.columns]
    }

    /// How many dark columns are put to either side, so that there is an answer for each column.
    pub const fn padding(&self) -> usize {
        self.columns / 2 * self.dilation
    }
}

/// The fewest columns of a picture of which something is left in the last stage.
pub const LEAST_COLUMNS: usize = {
    let (mut columns, mut index) = (1, 0);
    while index < STAGES.len() {
        columns *= STAGES[index].stride;
        index += 1;
    }
    columns
};

/// How many numbers the embedding of a tower has.
pub const EMBEDDING: usize = 2 * STAGES[STAGES.len() - 1].channels;

/// The network as the training library has it.
#[derive(Module, Debug)]
pub struct Network {
    /// The convolutions of each tower.
    towers: Vec<Vec<Conv2d>>,
    dense: Linear,
}

/// The numbers that a network has learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Of each tower and stage: weights, outputs x inputs x height x width, and an offset for each output.
    pub towers: Vec<Vec<(Vec<f32>, Vec<f32>)>>,
    /// Of the weighted sum of all embeddings.
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
        let (_, rows, _) = recipe.shape();
        let stages = Self::ends(recipe.channels.len())
            .map(|(inputs, outputs, stage)| {
                let [height, width] = stage.kernel(rows);
                let seen = inputs * height * width;
                // Of all rows hardly more than one is lit.
                let lit = if stage.all_rows { inputs } else { seen };
                (even(outputs * seen, (6.0 / lit as f32).sqrt()), vec![0.0; outputs])
            })
            .collect();
        Self { towers: vec![stages], dense: even(EMBEDDING, (3.0 / EMBEDDING as f32).sqrt()), offset: 0.0 }
    }

    /// Networks side by side, as one that answers with the mean of their logits.
    pub fn joined(parts: impl ExactSizeIterator<Item = Self>) -> Self {
        let share = 1.0 / parts.len().max(1) as f32;
        let mut joined = Self { towers: Vec::new(), dense: Vec::new(), offset: 0.0 };
        for part in parts {
            joined.towers.extend(part.towers);
            joined.dense.extend(part.dense.iter().map(|weight| weight * share));
            joined.offset += part.offset * share;
        }
        joined
    }

    /// How many numbers an embedding has.
    pub const fn embedding(&self) -> usize {
        self.dense.len()
    }
}

impl Network {
    /// With given weights, on a device.
    pub fn new(recipe: &Recipe, weights: &Weights, device: &Device) -> Self {
        let towers = weights.towers.iter().map(|stages| convolutions(recipe, stages, device)).collect();
        let size = weights.embedding();
        let mut dense = LinearConfig::new(size, 1).init(device);
        dense.weight = parameter(TensorData::new(weights.dense.clone(), [size, 1]), device);
        dense.bias = Some(parameter(TensorData::new(vec![weights.offset], [1]), device));
        Self { towers, dense }
    }

    /// The embeddings of pictures, pictures x channels x pitches x columns.
    pub fn embed(&self, pictures: Tensor<4>) -> Tensor<2> {
        let embed = |convolutions: &Vec<Conv2d>| {
            let mut seen = pictures.clone();
            for (convolution, stage) in convolutions.iter().zip(&STAGES) {
                let made = relu(convolution.forward(seen.clone()));
                seen = if stage.added { seen + made } else { made };
            }
            let seen: Tensor<3> = seen.flatten(2, 3);
            let (mean, most) = (seen.clone().mean_dim(2), seen.max_dim(2));
            Tensor::cat(vec![mean, most], 1).flatten(1, 2)
        };
        Tensor::cat(self.towers.iter().map(embed).collect(), 1)
    }

    /// The logits of embeddings, pictures x 1.
    pub fn logits(&self, embeddings: Tensor<2>) -> Tensor<2> {
        self.dense.forward(embeddings)
    }

    /// What it has learned.
    pub fn weights(&self) -> Weights {
        let learned = |convolution: &Conv2d| {
            let bias = convolution.bias.as_ref().map(|bias| numbers(bias.val())).unwrap_or_default();
            (numbers(convolution.weight.val()), bias)
        };
        let offset = self.dense.bias.as_ref().map(|bias| numbers(bias.val())).unwrap_or_default();
        Weights {
            towers: self.towers.iter().map(|tower| tower.iter().map(learned).collect()).collect(),
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

/// The convolutions of a tower, with its weights.
fn convolutions(recipe: &Recipe, stages: &[(Vec<f32>, Vec<f32>)], device: &Device) -> Vec<Conv2d> {
    let (_, rows, _) = recipe.shape();
    Weights::ends(recipe.channels.len())
        .zip(stages)
        .map(|((inputs, outputs, stage), (weight, bias))| {
            let [height, width] = stage.kernel(rows);
            let padding = stage.padding();
            let mut convolution = Conv2dConfig::new([inputs, outputs], [height, width])
                .with_stride([1, stage.stride])
                .with_dilation([1, stage.dilation])
                .with_padding(PaddingConfig2d::Explicit(0, padding, 0, padding))
                .init(device);
            let shape = [outputs, inputs, height, width];
            convolution.weight = parameter(TensorData::new(weight.clone(), shape), device);
            convolution.bias = Some(parameter(TensorData::new(bias.clone(), [outputs]), device));
            convolution
        })
        .collect()
}

fn parameter<const D: usize>(data: TensorData, device: &Device) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::from_data(data, device))
}

/// The numbers of a tensor, in order.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
