//! The arguments for the optional network.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;

use crate::bank::{Answers, Bank, NetworkOptions, NetworkSettings, Picture, PixelValues};
use crate::cnn::Network;
use crate::error::{Error, Result};
use crate::judge::Judge;

/// Whose opinion is blended into the score.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network (optional; what bank.ron says of one is the default)")]
pub struct CnnArgs {
    /// Blend the opinion of this network into the score; none: not that of the bank either
    #[arg(long, value_name = "ONNX")]
    pub cnn: Option<PathBuf>,
    /// How much its opinion counts, 0 to 1 [default: 0.5]
    #[arg(long, value_name = "W", value_parser = share)]
    pub cnn_weight: Option<f64>,
    /// Which of its classes means good, counted from 0 [default: 1 of two]
    #[arg(long, value_name = "CLASS")]
    pub cnn_good: Option<usize>,
    /// What is drawn for it: roll, or of recordings spectrogram, mel, cqt, mfcc, chroma or onset [default: roll]
    #[arg(long, value_name = "PICTURE", value_parser = Picture::from_str)]
    pub cnn_picture: Option<Picture>,
    /// Height and width of its pictures, as 128x128, where it leaves that open
    #[arg(long, value_name = "HxW", value_parser = size)]
    pub cnn_size: Option<(usize, usize)>,
    /// The values of dark and bright pixels, as 0..255, or imagenet: as networks of torchvision want them [default: 0..1]
    #[arg(long, value_name = "DARK..BRIGHT", allow_hyphen_values = true, value_parser = values)]
    pub cnn_values: Option<PixelValues>,
    /// What it answers with: logits or probabilities; told from the network when not given
    #[arg(long, value_name = "KIND", value_parser = answers)]
    pub cnn_outputs: Option<Answers>,
    /// The least confidence, |2 p - 1| of two classes, with which its opinion counts [default: 0, or what the network says]
    #[arg(long, value_name = "C", value_parser = confidence)]
    pub cnn_confidence: Option<f64>,
}

fn number<N: FromStr>(text: &str, expected: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is not {expected}"))
}

fn share(text: &str) -> Result<f64, String> {
    let expected = "a number from 0 to 1";
    let share = number(text, expected)?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(format!("{text:?} is not {expected}")) }
}

fn confidence(text: &str) -> Result<f64, String> {
    let least = number(text, "a number from 0 to less than 1")?;
    let options = NetworkOptions { least_confidence: Some(least), ..NetworkOptions::default() };
    options.check().map(|()| least).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let expected = "a height and width in pixels, as 128x128";
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    let size = (number(height, expected)?, number(width, expected)?);
    let options = NetworkOptions { size: Some(size), ..NetworkOptions::default() };
    options.check().map(|()| size).map_err(|error| error.to_string())
}

fn values(text: &str) -> Result<PixelValues, String> {
    if text == "imagenet" {
        return Ok(PixelValues::ImageNet);
    }
    let expected = "two different numbers, as 0..255, or imagenet";
    let (dark, bright) = text.split_once("..").ok_or_else(|| format!("{text:?} is not {expected}"))?;
    let values = PixelValues::Range(number(dark, expected)?, number(bright, expected)?);
    let options = NetworkOptions { values: Some(values), ..NetworkOptions::default() };
    options.check().map(|()| values).map_err(|error| error.to_string())
}

fn answers(text: &str) -> Result<Answers, String> {
    match text {
        "logits" => Ok(Answers::Logits),
        "probabilities" => Ok(Answers::Probabilities),
        _ => Err(format!("{text:?} is not logits or probabilities")),
    }
}

/// A network that was asked for, and how much it counts.
#[derive(Debug)]
pub struct Asked {
    network: Network,
    weight: f64,
}

impl CnnArgs {
    /// The network that is asked: what was given, and for what was not what the bank says.
    ///
    /// # Errors
    /// As [`Network::open`] and [`Bank::network_path`]; [`Error::Option`] for options of a network where there is none.
    pub fn network(&self, bank: &Bank) -> Result<Option<Asked>> {
        let (path, settings) = match &self.cnn {
            Some(none) if none == Path::new("none") => return Ok(None),
            Some(path) => (path.clone(), None),
            None => match bank.network_path()? {
                Some(path) => (path, bank.settings().cnn.as_ref()),
                None => return self.without_network().map(|()| None),
            },
        };
        let said = settings.map(|settings| settings.options).unwrap_or_default();
        let options = NetworkOptions {
            picture: self.cnn_picture.or(said.picture),
            good: self.cnn_good.or(said.good),
            size: self.cnn_size.or(said.size),
            values: self.cnn_values.or(said.values),
            answers: self.cnn_outputs.or(said.answers),
            least_confidence: self.cnn_confidence.or(said.least_confidence),
        };
        let weight = settings.map_or(NetworkSettings::WEIGHT, |settings| settings.weight);
        let network = Network::open(path, options)?;
        log::info!("asking {}", network.path().display());
        Ok(Some(Asked { network, weight: self.cnn_weight.unwrap_or(weight) }))
    }

    /// Refuses options of a network where there is none.
    fn without_network(&self) -> Result<()> {
        let given = [
            (self.cnn_weight.is_some(), "--cnn-weight"),
            (self.cnn_good.is_some(), "--cnn-good"),
            (self.cnn_picture.is_some(), "--cnn-picture"),
            (self.cnn_size.is_some(), "--cnn-size"),
            (self.cnn_values.is_some(), "--cnn-values"),
            (self.cnn_outputs.is_some(), "--cnn-outputs"),
            (self.cnn_confidence.is_some(), "--cnn-confidence"),
        ];
        match given.into_iter().find(|(given, _)| *given) {
            Some((_, name)) => {
                let expected = "for a bank without a network; give one: --cnn MODEL.onnx";
                Err(Error::Option { name: "option", value: name.to_owned(), expected })
            }
            None => Ok(()),
        }
    }
}

impl Asked {
    /// Whether it looks at sound, which is then kept when recordings are read.
    pub fn listens(&self) -> bool {
        self.network.picture() != Picture::Roll
    }

    /// Has a judge blend its opinions in.
    pub fn advise(self, judge: Judge) -> Result<Judge> {
        judge.with_scorer(Arc::new(self.network), self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        assert_eq!((size("96x128"), size("64")), (Ok((96, 128)), Ok((64, 64))));
        assert_eq!(values("-1..1"), Ok(PixelValues::Range(-1.0, 1.0)));
        assert_eq!(values("imagenet"), Ok(PixelValues::ImageNet));
        assert_eq!((share("0.3"), confidence("0")), (Ok(0.3), Ok(0.0)));
        for text in ["", "0x4", "axb", "5000", "-1x3"] {
            assert!(size(text).is_err(), "{text}");
        }
        for text in ["", "1..1", "0..inf", "NaN..1", "1"] {
            assert!(values(text).is_err(), "{text}");
        }
        assert!(share("1.1").is_err() && share("NaN").is_err() && confidence("1").is_err());
    }
}
