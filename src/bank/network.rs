//! How a network is asked, as plain data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The network of a bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// The ONNX file: its path in the bank.
    pub model: String,
    /// How much its opinion counts, 0 to 1.
    #[serde(default = "NetworkSettings::default_weight")]
    pub weight: f64,
    /// How it is asked.
    #[serde(default)]
    pub options: NetworkOptions,
}

impl NetworkSettings {
    /// How much the opinion of a network counts unless something else is said.
    pub const WEIGHT: f64 = 0.5;

    const fn default_weight() -> f64 {
        Self::WEIGHT
    }

    /// Says what is out of range, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.weight) {
            return Err(format!("the weight of the cnn, {}, is not 0 to 1", self.weight));
        }
        self.options.check().map_err(|error| error.to_string())
    }
}

/// How a network is asked; what is none is found out from the network, or has its default. A network with a
/// [recipe](crate::cnn::Recipe) says everything itself but `least_confidence`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkOptions {
    /// What is drawn of a fragment; [`Picture::Roll`] by default.
    pub picture: Option<Picture>,
    /// Which class means good, counted from 0. A network of one output tells the probability of class 1. By default it
    /// is class 1 of two; of more it must be said.
    pub good: Option<usize>,
    /// Height and width of the picture in pixels, where the network leaves that open; 128 x 128 by default.
    pub size: Option<(usize, usize)>,
    /// The values of dark and of bright pixels; from 0 to 1 by default.
    pub values: Option<PixelValues>,
    /// What the network answers with.
    pub answers: Option<Answers>,
    /// The least [confidence](crate::Opinion::confidence), |2 p - 1| of two classes, with which the opinion counts, from 0
    /// to less than 1; 0 by default.
    pub least_confidence: Option<f64>,
}

/// The values of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum PixelValues {
    /// From the value of dark pixels to that of bright ones, as 0 to 255.
    Range(f32, f32),
    /// 0 to 1, less the mean and over the spread of each channel in ImageNet: what torchvision's networks are trained on.
    ImageNet,
}

impl PixelValues {
    /// The values of dark and bright pixels in a channel.
    pub fn of_channel(self, channel: usize) -> (f32, f32) {
        const MEANS: [f32; 3] = [0.485, 0.456, 0.406];
        const SPREADS: [f32; 3] = [0.229, 0.224, 0.225];
        match self {
            Self::Range(dark, bright) => (dark, bright),
            Self::ImageNet => {
                let (mean, spread) = (MEANS[channel % 3], SPREADS[channel % 3]);
                (-mean / spread, (1.0 - mean) / spread)
            }
        }
    }
}

/// What a network answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answers {
    /// Numbers of any size, to be made probabilities by a softmax, or a sigmoid of a single one.
    Logits,
    /// Probabilities.
    Probabilities,
}

/// What is drawn of a fragment for a network from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Picture {
    /// The piano roll: all 128 pitches, the highest at the top, and the whole of the fragment's time.
    Roll,
    /// Of a recording: the spectrum.
    Spectrogram,
    /// Of a recording: the spectrum in 128 mel bands.
    Mel,
    /// Of a recording: the constant-Q transform.
    Cqt,
    /// Of a recording: twenty mel-frequency cepstral coefficients.
    Mfcc,
    /// Of a recording: how strongly each pitch class sounds.
    Chroma,
    /// Of a recording: how much begins at each time, as a filled curve.
    Onset,
}

impl Picture {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Roll, Self::Spectrogram, Self::Mel, Self::Cqt, Self::Mfcc, Self::Chroma, Self::Onset];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Roll => "roll",
            Self::Spectrogram => "spectrogram",
            Self::Mel => "mel",
            Self::Cqt => "cqt",
            Self::Mfcc => "mfcc",
            Self::Chroma => "chroma",
            Self::Onset => "onset",
        }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Picture {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let expected = "roll, spectrogram, mel, cqt, mfcc, chroma or onset";
        let found = Self::ALL.into_iter().find(|picture| picture.name() == text);
        found.ok_or_else(|| Error::Option { name: "picture", value: text.to_owned(), expected })
    }
}

/// The greatest height and width of a picture for a network.
pub const MOST_PIXELS: usize = 4096;

impl NetworkOptions {
    /// Says which value is out of range.
    ///
    /// # Errors
    /// [`Error::Option`].
    pub fn check(&self) -> Result<()> {
        if let Some((height, width)) = self.size
            && [height, width].iter().any(|side| !(1..=MOST_PIXELS).contains(side))
        {
            let expected = "a height and width of 1 to 4096 pixels each";
            return Err(Error::Option {
                name: "size of the cnn's picture",
                value: format!("{height}x{width}"),
                expected,
            });
        }
        if let Some(PixelValues::Range(dark, bright)) = self.values
            && !(dark.is_finite() && bright.is_finite() && dark != bright)
        {
            let expected = "two different numbers";
            return Err(Error::Option {
                name: "values of the cnn's pixels",
                value: format!("{dark}..{bright}"),
                expected,
            });
        }
        if let Some(least) = self.least_confidence.filter(|least| !(0.0..1.0).contains(least)) {
            let expected = "a number from 0 to less than 1";
            return Err(Error::Option { name: "least confidence of the cnn", value: least.to_string(), expected });
        }
        Ok(())
    }
}
