//! Networks in ONNX files: ours, and image classifiers from elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayViewMut3;
use rayon::prelude::*;
use rten::{DataType, Dimension, Model, NodeId, RunOptions, ThreadPool, Value, ValueType};
use rten_tensor::Layout as _;

use super::picture;
use super::recipe::{Recipe, RecipeProblem};
use crate::bank::{Answers, Bank, MOST_PIXELS, NetworkOptions, Picture, PixelValues};
use crate::contain::contained;
use crate::error::{Error, NetworkProblem, Origin, Result};
use crate::onnx::{self, Loaded, Outline, name, one_line};
use crate::scorer::{Candidate, Opinion, Scorer};

/// Height and width of pictures where the network leaves them open.
const SIZE: usize = 128;

/// A network that tells how probable it is that a fragment is good. Open it once, and share it between threads.
///
/// # Networks of ours
/// A file with a [`Recipe`] in its metadata says itself how fragments are drawn, what it answers with, and what it is
/// familiar with.
///
/// # Networks from elsewhere
/// Any image classifier that has one input of 32-bit floating-point pictures, of 1 or 3 channels (3 are given the same
/// picture) and any size, `[N, channels, height, width]` as PyTorch exports them, or `[N, height, width, channels]` as
/// Keras does. The second dimension is that of the channels if it is 1 or 3, else the last one. Sizes that are left open
/// are those of [`NetworkOptions::size`].
///
/// The first output is `[N]`, `[N, 1]`, or `[N, K]` (dimensions of 1 after that do not matter). A network of one output
/// tells of two classes: the probability of class 1 is the output, or its sigmoid. Of K outputs each is the probability of
/// a class, or becomes it by a softmax; an even chance of 1/K says nothing then.
///
/// Whether outputs are probabilities already is told from the operator that makes them: a sigmoid or a softmax. A network of
/// several outputs that are made by an operator that can give anything gives probabilities if, of three pictures that it is
/// tried with, they are from 0 to 1 and add up to 1 within 1/1000; else they are taken for logits, and so is a single one. [`NetworkOptions::answers`] says it where that is wrong.
///
/// Each picture is computed by itself, on one thread, so an opinion is the same whatever it is asked about with; many are
/// computed side by side.
///
/// A network is a program. What is obviously endless or boundless in a file is refused, but one that was made to harm can
/// still take time and memory: open those that you trust.
///
/// ```no_run
/// use std::sync::Arc;
/// use judge::{Judge, cnn::Network};
///
/// let network = Network::open("model.onnx", Default::default())?;
/// let judge = Judge::starter().with_scorer(Arc::new(network), 0.3)?;
/// # Ok::<(), judge::Error>(())
/// ```
pub struct Network {
    path: PathBuf,
    model: Model,
    /// One for each thread that pictures are computed on.
    lanes: Vec<Arc<ThreadPool>>,
    input: NodeId,
    /// How many pictures are given at a time: 1, unless the network insists.
    batch: usize,
    kind: Kind,
}

enum Kind {
    Own(Own),
    Foreign(Foreign),
}

/// What is asked of a network of ours.
struct Own {
    recipe: Recipe,
    logit: NodeId,
    embedding: Option<NodeId>,
    least_confidence: f64,
}

/// What is asked of a network from elsewhere.
struct Foreign {
    output: NodeId,
    picture: Picture,
    layout: Layout,
    values: PixelValues,
    /// Class 1 where it is none.
    good: Option<usize>,
    /// Known once it was tried.
    answers: Option<Answers>,
    least_confidence: f64,
}

/// How an input is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    channels_last: bool,
    channels: usize,
    height: usize,
    width: usize,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Network {
    /// Reads a network, and tries it.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Option`] for an option that the network does not take;
    /// [`Error::Network`] when the file is no ONNX network, has other inputs or outputs than are needed, an operator that
    /// cannot be run, a recipe of another version, or answers with what is not a number.
    pub fn open(path: impl AsRef<Path>, options: NetworkOptions) -> Result<Self> {
        let path = path.as_ref();
        options.check()?;
        let Loaded { model, outline, .. } = onnx::load(path)?;
        let wrong = |problem: NetworkProblem| Error::Network { origin: Origin::from(path), problem };
        let &[input] = model.input_ids() else {
            return Err(wrong(shape(format!("it has {} inputs; give a network with one", model.input_ids().len()))));
        };
        if let Some(dtype) = model.node_info(input).and_then(|info| info.dtype())
            && dtype != ValueType::Tensor(DataType::Float)
        {
            return Err(wrong(shape("its input is not of 32-bit floating-point numbers; export it with such".into())));
        }
        let dimensions = model.node_info(input).and_then(|info| info.shape()).unwrap_or_default();
        let batch = match dimensions.first() {
            Some(Dimension::Fixed(batch)) => *batch,
            _ => 1,
        };
        if !(1..=1024).contains(&batch) {
            return Err(wrong(shape(format!(
                "it takes {batch} pictures at a time; export it with a batch of any size"
            ))));
        }
        let recipe = model.metadata().get(Recipe::KEY).map(Recipe::from_json);
        let kind = match recipe {
            Some(Ok(recipe)) => Own::new(recipe, &model, &dimensions, options).map(Kind::Own),
            Some(Err(RecipeProblem::Version(found))) => {
                Err(wrong(NetworkProblem::RecipeVersion { found, known: Recipe::VERSION }))
            }
            Some(Err(RecipeProblem::Unreadable(reason))) => {
                Err(wrong(NetworkProblem::Recipe { reason: one_line(&reason) }))
            }
            None => Foreign::new(&model, &outline, &dimensions, options).map(Kind::Foreign),
        };
        let kind = kind.map_err(|error| error.from_origin(path))?;
        let lanes = (0..rayon::current_num_threads()).map(|_| Arc::new(ThreadPool::with_num_threads(1))).collect();
        let mut network = Self { path: path.to_owned(), model, lanes, input, batch, kind };
        network.try_out().map_err(|error| error.from_origin(path))?;
        Ok(network)
    }

    /// The network that a bank's settings name, with its weight.
    ///
    /// # Errors
    /// As [`Bank::network_path`] and [`open`](Self::open).
    pub fn of_bank(bank: &Bank) -> Result<Option<(Self, f64)>> {
        match (bank.network_path()?, &bank.settings().cnn) {
            (Some(path), Some(settings)) => Ok(Some((Self::open(path, settings.options)?, settings.weight))),
            _ => Ok(None),
        }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its recipe, if it is one of ours.
    pub fn recipe(&self) -> Option<&Recipe> {
        match &self.kind {
            Kind::Own(own) => Some(&own.recipe),
            Kind::Foreign(_) => None,
        }
    }

    /// What it is shown of a candidate.
    pub fn picture(&self) -> Picture {
        match &self.kind {
            Kind::Own(_) => Picture::Roll,
            Kind::Foreign(foreign) => foreign.picture,
        }
    }

    /// Asks about three pictures of dark and bright pixels: a network that cannot be run or answers otherwise than it should
    /// is found out at once, and whether it gives probabilities. None of them is all of one value, which some networks
    /// divide by the spread of.
    fn try_out(&mut self) -> Result<()> {
        let length = self.length();
        let pixel = |which: usize, index: usize| match which {
            0 => f32::from(u8::from((index / 5).is_multiple_of(3))),
            1 => (index % 2) as f32,
            _ => (index * 7 % 10) as f32 / 10.0,
        };
        let lane = &self.lanes[0];
        let answer = |which: usize| {
            let answers = lane.run(|| self.answer(lane, (0..length).map(|index| pixel(which, index)).collect()))?;
            answers.iter().try_for_each(|values| finite(values)).map(|()| answers)
        };
        let told = (0..3).map(answer).collect::<Result<Vec<_>>>()?;
        match &mut self.kind {
            Kind::Own(own) => told.iter().try_for_each(|outputs| own.check(outputs)),
            Kind::Foreign(foreign) => foreign.settle(&told.concat()),
        }
    }

    /// How many values a picture has.
    fn length(&self) -> usize {
        match &self.kind {
            Kind::Own(Own { recipe, .. }) => {
                let (channels, rows, columns) = recipe.shape();
                channels * rows * columns
            }
            Kind::Foreign(Foreign { layout, .. }) => layout.channels * layout.height * layout.width,
        }
    }

    /// What the network answers to a picture: the outputs that are asked for.
    fn answer(&self, lane: &Arc<ThreadPool>, mut picture: Vec<f32>) -> Result<Vec<Vec<f32>>> {
        let failed = |problem: NetworkProblem| Error::Network { origin: Origin::Memory, problem };
        let length = picture.len();
        picture.reserve_exact(length * (self.batch - 1));
        for _ in 1..self.batch {
            picture.extend_from_within(..length);
        }
        let (shape_of_input, outputs) = match &self.kind {
            Kind::Own(own) => {
                let (channels, rows, columns) = own.recipe.shape();
                let outputs = [Some(own.logit), own.embedding].into_iter().flatten().collect();
                ([self.batch, channels, rows, columns], outputs)
            }
            Kind::Foreign(Foreign { layout, output, .. }) => {
                let Layout { channels_last, channels, height, width } = *layout;
                let inner = if channels_last { [height, width, channels] } else { [channels, height, width] };
                ([self.batch, inner[0], inner[1], inner[2]], vec![*output])
            }
        };
        let reason = |error: &dyn fmt::Display| failed(NetworkProblem::Run { reason: one_line(&error.to_string()) });
        let input = Value::from_shape(shape_of_input, picture).map_err(|error| reason(&error))?;
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(lane)));
        let values = match contained(|| self.model.run(vec![(self.input, input.into())], &outputs, Some(options))) {
            Some(Ok(values)) => values,
            Some(Err(error)) => return Err(reason(&error)),
            None => return Err(reason(&"it panicked")),
        };
        let first = |value: Value| {
            let tensor = value.into_tensor::<f32>().ok_or_else(|| {
                failed(shape("its output is not of floating-point numbers; export it with such".into()))
            })?;
            let (sizes, mut data) = (tensor.shape().to_vec(), tensor.into_data());
            let one = data.len() / self.batch;
            if sizes.first() != Some(&self.batch) || sizes.iter().skip(2).any(|size| *size != 1) || one == 0 {
                let what = format!(
                    "its output has the shape {sizes:?}; give a network that classifies images: [N, 1] or [N, K]"
                );
                return Err(failed(shape(what)));
            }
            data.truncate(one);
            Ok(data)
        };
        values.into_iter().map(first).collect()
    }

    /// The opinion on a candidate.
    fn opinion(&self, lane: &Arc<ThreadPool>, candidate: &Candidate<'_>) -> Result<Opinion> {
        let mut picture = vec![0.0; self.length()];
        match &self.kind {
            Kind::Own(own) => {
                if let Ok(view) = ArrayViewMut3::from_shape(own.recipe.shape(), &mut picture) {
                    own.recipe.draw_into(candidate.fragment, view);
                }
                let mut told = self.answer(lane, picture)?.into_iter();
                own.opinion(&told.next().unwrap_or_default(), told.next().as_deref())
            }
            Kind::Foreign(foreign) => {
                foreign.draw(candidate, &mut picture)?;
                foreign.opinion(&self.answer(lane, picture)?.remove(0))
            }
        }
    }
}

impl Scorer for Network {
    fn opinions(&self, candidates: &[Candidate<'_>]) -> Result<Vec<Opinion>> {
        let ask = |lane: &Arc<ThreadPool>, candidates: &[Candidate<'_>]| -> Result<Vec<Opinion>> {
            lane.run(|| candidates.iter().map(|candidate| self.opinion(lane, candidate)).collect())
        };
        if candidates.len() < 2 {
            // Threads that ask about one each do not wait for each other.
            let lane = rayon::current_thread_index().unwrap_or(0) % self.lanes.len();
            return ask(&self.lanes[lane], candidates);
        }
        let parts = candidates.par_chunks(candidates.len().div_ceil(self.lanes.len())).with_max_len(1);
        let told: Vec<_> = parts.zip(&self.lanes).map(|(part, lane)| ask(lane, part)).collect::<Result<_>>()?;
        Ok(told.concat())
    }

    fn quarters(&self) -> Option<f64> {
        self.recipe().map(|recipe| f64::from(recipe.quarters))
    }
}

fn shape(what: String) -> NetworkProblem {
    NetworkProblem::Shape { what }
}

/// A shape as it is told.
fn told(dimensions: &[Dimension]) -> String {
    let one = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => size.to_string(),
        Dimension::Symbolic(name) => one_line(name),
    };
    format!("[{}]", dimensions.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Refuses what is not a number.
fn finite(values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => {
            let problem = NetworkProblem::NotFinite { answer: value.to_string() };
            Err(Error::Network { origin: Origin::Memory, problem })
        }
        None => Ok(()),
    }
}

impl Own {
    fn new(recipe: Recipe, model: &Model, dimensions: &[Dimension], options: NetworkOptions) -> Result<Self> {
        let wrong = |what: String| Error::Network { origin: Origin::Memory, problem: shape(what) };
        let NetworkOptions { picture, good, size, values, answers, least_confidence } = options;
        let given = [picture.is_some(), good.is_some(), size.is_some(), values.is_some(), answers.is_some()];
        if let Some((name, _)) =
            ["picture", "good", "size", "values", "outputs"].into_iter().zip(given).find(|(_, given)| *given)
        {
            let expected = "for a network that says itself how it is asked; leave it out";
            return Err(Error::Option { name: "option of the cnn", value: name.to_owned(), expected });
        }
        let (channels, rows, columns) = recipe.shape();
        let fits =
            |(dimension, size): (&Dimension, usize)| !matches!(dimension, Dimension::Fixed(fixed) if *fixed != size);
        if dimensions.len() != 4 || !dimensions[1..].iter().zip([channels, rows, columns]).all(fits) {
            let (has, wants) = (told(dimensions), format!("[N, {channels}, {rows}, {columns}]"));
            return Err(wrong(format!("its input is {has}, and its recipe says {wants}; train it anew")));
        }
        let output = |wanted: &str| model.output_ids().iter().copied().find(|&id| name(model, id) == wanted);
        let missing =
            |wanted: &str| wrong(format!("it has no output {wanted:?}, of which its recipe tells; train it anew"));
        let logit = output(Recipe::LOGIT).ok_or_else(|| missing(Recipe::LOGIT))?;
        let embedding = match &recipe.familiarity {
            Some(_) => Some(output(Recipe::EMBEDDING).ok_or_else(|| missing(Recipe::EMBEDDING))?),
            None => None,
        };
        let least = recipe.familiarity.as_ref().map_or(0.0, |familiarity| familiarity.least_confidence);
        Ok(Self { least_confidence: least_confidence.unwrap_or(least), recipe, logit, embedding })
    }

    /// Refuses outputs of other lengths than the recipe says.
    fn check(&self, outputs: &[Vec<f32>]) -> Result<()> {
        let dimensions = self.recipe.familiarity.as_ref().map(|familiarity| familiarity.scale.len());
        let wanted = [(Recipe::LOGIT, Some(1)), (Recipe::EMBEDDING, dimensions)];
        for ((name, wanted), output) in wanted.into_iter().zip(outputs) {
            if wanted.is_some_and(|wanted| wanted != output.len()) {
                let (wanted, found) = (wanted.unwrap_or_default(), output.len());
                let what = format!("its output {name:?} has {found} values a picture, and not {wanted}; train it anew");
                return Err(Error::Network { origin: Origin::Memory, problem: shape(what) });
            }
        }
        Ok(())
    }

    fn opinion(&self, logit: &[f32], embedding: Option<&[f32]>) -> Result<Opinion> {
        finite(logit)?;
        let logit = logit.first().copied().unwrap_or_default();
        let familiarity = match (&self.recipe.familiarity, embedding) {
            (Some(familiarity), Some(embedding)) => {
                finite(embedding)?;
                familiarity.share(familiarity.distance(embedding))
            }
            _ => 1.0,
        };
        Ok(Opinion::new(self.recipe.probability(logit.into())).weighed(familiarity, self.least_confidence))
    }
}

impl Foreign {
    fn new(model: &Model, outline: &Outline, dimensions: &[Dimension], options: NetworkOptions) -> Result<Self> {
        let wrong = |what: String| Error::Network { origin: Origin::Memory, problem: shape(what) };
        let layout = Layout::of(dimensions, options.size).map_err(wrong)?;
        let &[output, ..] = model.output_ids() else {
            return Err(wrong("it has no output; give a network that classifies images".into()));
        };
        let answers = options.answers.or(match outline.made_by(name(model, output)) {
            Some("Sigmoid" | "HardSigmoid" | "Softmax") => Some(Answers::Probabilities),
            // The softmax of the logarithms of probabilities is the probabilities.
            Some("LogSoftmax" | "Gemm" | "MatMul" | "Conv" | "Add") => Some(Answers::Logits),
            _ => None,
        });
        Ok(Self {
            output,
            picture: options.picture.unwrap_or(Picture::Roll),
            layout,
            values: options.values.unwrap_or(PixelValues::Range(0.0, 1.0)),
            good: options.good,
            answers,
            least_confidence: options.least_confidence.unwrap_or(0.0),
        })
    }

    /// What follows from what it answered when it was tried.
    fn settle(&mut self, told: &[Vec<f32>]) -> Result<()> {
        let wrong = |what: String| Err(Error::Network { origin: Origin::Memory, problem: shape(what) });
        let outputs = told.iter().map(Vec::len).max().unwrap_or(0);
        let classes = outputs.max(2);
        let probabilities = |told: &Vec<f32>| {
            told.iter().all(|value| (0.0..=1.0).contains(value)) && (told.iter().sum::<f32>() - 1.0).abs() < 1e-3
        };
        if self.answers.is_none() {
            let all = outputs > 1 && told.iter().all(probabilities);
            self.answers = Some(if all { Answers::Probabilities } else { Answers::Logits });
        }
        match self.good {
            None if classes > 2 => {
                wrong(format!("it tells {classes} classes apart; say which means good, counted from 0: --cnn-good N"))
            }
            Some(good) if good >= classes => wrong(format!(
                "it tells {classes} classes apart, and there is no class {good}; they are counted from 0"
            )),
            _ => Ok(()),
        }
    }

    /// Draws a candidate.
    fn draw(&self, candidate: &Candidate<'_>, into: &mut [f32]) -> Result<()> {
        let Layout { channels_last, channels, height, width } = self.layout;
        let drawn = match self.picture {
            Picture::Roll => picture::roll(candidate.fragment, (height, width)),
            other => picture::scaled(picture::sound(other, candidate.sound)?.view(), (height, width)),
        };
        for channel in 0..channels {
            let (dark, bright) = self.values.of_channel(channel);
            for (index, value) in drawn.iter().enumerate() {
                let place = if channels_last { index * channels + channel } else { channel * height * width + index };
                into[place] = dark + value * (bright - dark);
            }
        }
        Ok(())
    }

    fn opinion(&self, outputs: &[f32]) -> Result<Opinion> {
        finite(outputs)?;
        let good = self.good.unwrap_or(1);
        let probability = match (outputs, self.answers.unwrap_or(Answers::Logits)) {
            (&[output], answers) => {
                let one = match answers {
                    Answers::Logits => 1.0 / (1.0 + (-f64::from(output)).exp()),
                    Answers::Probabilities => f64::from(output),
                };
                if good == 1 { one } else { 1.0 - one }
            }
            (outputs, Answers::Probabilities) => outputs.get(good).copied().map_or(0.0, f64::from),
            (outputs, Answers::Logits) => {
                let most = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let power = |output: &f32| f64::from(output - most).exp();
                outputs.get(good).map_or(0.0, power) / outputs.iter().map(power).sum::<f64>()
            }
        };
        if !(-0.01..=1.01).contains(&probability) {
            let what =
                format!("it answers {probability}, which is no probability; --cnn-outputs logits makes one of it");
            return Err(Error::Network { origin: Origin::Memory, problem: shape(what) });
        }
        let opinion = Opinion::new(probability.clamp(0.0, 1.0)).among(outputs.len());
        Ok(opinion.weighed(1.0, self.least_confidence))
    }
}

impl Layout {
    fn of(dimensions: &[Dimension], size: Option<(usize, usize)>) -> Result<Self, String> {
        let needed = "give a network for images, [N, channels, height, width] or [N, height, width, channels]";
        if dimensions.len() != 4 {
            return Err(format!("its input is {}; {needed}", told(dimensions)));
        }
        let fixed = |index: usize| match dimensions[index] {
            Dimension::Fixed(size) => Some(size),
            Dimension::Symbolic(_) => None,
        };
        let channels_last = match (fixed(1), fixed(3)) {
            (Some(1 | 3), _) => false,
            (_, Some(1 | 3)) => true,
            _ => return Err(format!("its input is {}, without 1 or 3 channels; {needed}", told(dimensions))),
        };
        let [channel, row, column] = if channels_last { [3, 1, 2] } else { [1, 2, 3] };
        let side = |index: usize, wanted: Option<usize>| match (fixed(index), wanted) {
            (Some(fixed), Some(wanted)) if fixed != wanted => Err(format!(
                "its pictures are {}, and not of the size that was asked for; leave --cnn-size out",
                told(dimensions)
            )),
            (Some(0), _) => Err(format!("its input is {}, which holds nothing; {needed}", told(dimensions))),
            (Some(fixed), _) if fixed > MOST_PIXELS => Err(format!(
                "its input is {}; pictures are at most {MOST_PIXELS} pixels high and wide",
                told(dimensions)
            )),
            (Some(fixed), _) => Ok(fixed),
            (None, wanted) => Ok(wanted.unwrap_or(SIZE)),
        };
        let (height, width) = (side(row, size.map(|size| size.0))?, side(column, size.map(|size| size.1))?);
        Ok(Self { channels_last, channels: fixed(channel).unwrap_or(1), height, width })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(sizes: [Option<usize>; 4], size: Option<(usize, usize)>) -> Result<Layout, String> {
        let dimension = |size: Option<usize>| size.map_or(Dimension::Symbolic("n".into()), Dimension::Fixed);
        Layout::of(&sizes.map(dimension), size)
    }

    #[test]
    fn layouts_are_told_from_shapes() {
        let made = |channels_last, channels, height, width| Ok(Layout { channels_last, channels, height, width });
        assert_eq!(layout([None, Some(3), Some(224), Some(224)], None), made(false, 3, 224, 224));
        assert_eq!(layout([None, Some(299), Some(299), Some(3)], None), made(true, 3, 299, 299));
        assert_eq!(layout([Some(1), Some(1), None, None], None), made(false, 1, 128, 128));
        assert_eq!(layout([None, None, None, Some(1)], Some((64, 96))), made(true, 1, 64, 96));
        assert_eq!(layout([None, Some(3), Some(3), Some(3)], None), made(false, 3, 3, 3));
        for (sizes, size, reason) in [
            ([None, Some(4), Some(224), Some(224)], None, "[n, 4, 224, 224], without 1 or 3 channels"),
            ([None, None, None, None], None, "without 1 or 3 channels"),
            ([None, Some(3), Some(224), Some(0)], None, "holds nothing"),
            ([None, Some(3), Some(224), Some(1 << 40)], None, "at most 4096"),
            ([None, Some(3), Some(224), Some(224)], Some((224, 128)), "--cnn-size"),
        ] {
            let error = layout(sizes, size).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(Layout::of(&[Dimension::Fixed(1)], None).unwrap_err().contains("its input is [1]"));
    }
}
