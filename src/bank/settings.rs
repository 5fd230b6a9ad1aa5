//! `bank.ron`: the settings of a bank and what is known of its exemplars.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::NetworkSettings;
use crate::alteration::Alterations;
use crate::error::{Error, Result};
use crate::roll::{DEFAULT_RESOLUTION, MAX_RESOLUTION, Rendering};
use crate::similarity::{AlterationWeights, Extent, Measure};
use crate::verdict::Thresholds;

/// The version of `bank.ron` that this crate writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// The content of `bank.ron`. Everything is optional; what is missing has its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BankFile {
    /// The version of the form; at most [`VERSION`].
    pub version: u32,
    /// How fragments are judged.
    pub settings: Settings,
    /// What is known of single exemplars, by their path in the bank: `good/name.mid`.
    pub exemplars: BTreeMap<String, Details>,
    /// Pairs of exemplars that are no doubles of each other, whatever they look like.
    pub distinct: Vec<(String, String)>,
    /// What the thresholds were computed from, if they were.
    pub calibration: Option<Calibration>,
}

impl Default for BankFile {
    fn default() -> Self {
        let (settings, exemplars) = (Settings::default(), BTreeMap::new());
        Self { version: VERSION, settings, exemplars, distinct: Vec::new(), calibration: None }
    }
}

/// What the thresholds of a bank were computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The share of exemplars of the other side that was allowed to reach a threshold, 0 to 1.
    pub veto_error: f64,
    /// How many good exemplars there were.
    pub good: usize,
    /// How many bad exemplars there were.
    pub bad: usize,
    /// A checksum of their names and notes, which tells whether the bank has changed since.
    pub exemplars: String,
}

/// How fragments are judged by a bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// From which similarity to a good exemplar on a fragment is good.
    pub good_threshold: f64,
    /// From which similarity to a bad exemplar on a fragment is vetoed.
    pub bad_threshold: f64,
    /// How likeness is measured.
    pub measure: Measure,
    /// Whether fragments and exemplars are compared as wholes, or one is looked for in the other.
    pub extent: Extent,
    /// Which alterations of the exemplars are searched.
    pub alterations: Alterations,
    /// What each alteration counts in the full measure.
    pub weights: AlterationWeights,
    /// The lowest and the highest transposition that is searched, in semitones; none for all.
    pub transpositions: Option<(i32, i32)>,
    /// Columns a quarter.
    pub resolution: u32,
    /// Whether drum notes are drawn too.
    pub drums: bool,
    /// Whether the bank may do without good or without bad exemplars.
    pub one_sided: bool,
    /// A network whose opinion is blended into the score, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnn: Option<NetworkSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            good_threshold: 0.7,
            bad_threshold: 0.7,
            measure: Measure::default(),
            extent: Extent::default(),
            alterations: Alterations::default(),
            weights: AlterationWeights::default(),
            transpositions: None,
            resolution: DEFAULT_RESOLUTION,
            drums: false,
            one_sided: false,
            cnn: None,
        }
    }
}

impl Settings {
    /// The thresholds.
    ///
    /// # Errors
    /// [`Error::Option`] when they are not similarities.
    pub fn thresholds(&self) -> Result<Thresholds> {
        Thresholds::new(self.good_threshold, self.bad_threshold)
    }

    /// Says what is out of range, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        self.thresholds().map_err(|error| error.to_string())?;
        if !(1..=MAX_RESOLUTION).contains(&self.resolution) {
            return Err(format!("resolution {} is not 1 to {MAX_RESOLUTION} columns", self.resolution));
        }
        if self.transpositions.is_some_and(|(low, high)| low > high) {
            return Err("transpositions do not run from a lower to a higher number of semitones".into());
        }
        if [self.weights.mirrored, self.weights.octave_of_stretch].iter().any(|weight| !(0.0..=1.0).contains(weight)) {
            return Err("the weights of alterations are not all 0 to 1".into());
        }
        self.cnn.as_ref().map_or(Ok(()), NetworkSettings::check)
    }

    /// How fragments are drawn.
    pub fn rendering(&self) -> Rendering {
        Rendering { resolution: self.resolution, ..Rendering::default() }
    }
}

/// What is known of an exemplar beyond its notes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Details {
    /// Its similarities are multiplied by this, 0 to 1.
    pub weight: f64,
    /// The part of the file that is the exemplar, from and to in quarters from the beginning of
    /// the file; none for all of it.
    pub span: Option<(f64, f64)>,
    /// Where the music comes from.
    pub source: String,
    /// Under which licence it may be used.
    pub licence: String,
}

impl Default for Details {
    fn default() -> Self {
        Self { weight: 1.0, span: None, source: String::new(), licence: String::new() }
    }
}

impl BankFile {
    /// Reads the text of a `bank.ron`; `path` is only told in errors.
    ///
    /// # Errors
    /// [`Error::Bank`] with line and column where it cannot be read, and with the value that is
    /// out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let wrong = |problem: String| Error::Bank { path: path.to_owned(), problem };
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let file: Self = options.from_str(text).map_err(|error| {
            let at = error.span.start;
            wrong(format!("line {}, column {}: {}", at.line, at.col, error.code))
        })?;
        if file.version == 0 || file.version > VERSION {
            return Err(wrong(format!("version {} is not known; this program reads up to {VERSION}", file.version)));
        }
        file.settings.check().map_err(wrong)?;
        for (name, details) in &file.exemplars {
            if !(0.0..=1.0).contains(&details.weight) {
                return Err(wrong(format!("{name}: weight {} is not 0 to 1", details.weight)));
            }
            if details.span.is_some_and(|(from, to)| !(from >= 0.0 && to > from && to.is_finite())) {
                return Err(wrong(format!("{name}: the span does not run from a time to a later one, in quarters")));
            }
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{NetworkOptions, Picture, PixelValues};

    fn parse(text: &str) -> Result<BankFile> {
        BankFile::parse(text, Path::new("bank.ron"))
    }

    #[test]
    fn everything_is_optional() {
        assert_eq!(parse("()").unwrap(), BankFile::default());
        let file = parse(
            r#"(settings: (bad_threshold: 0.6, transpositions: (-12, 12), alterations: (stretches: ["1", "1/2"])),
                exemplars: {"good/a.mid": (weight: 0.5, span: (4, 8.5))})"#,
        )
        .unwrap();
        assert_eq!(file.settings.bad_threshold, 0.6);
        assert_eq!(file.settings.transpositions, Some((-12, 12)));
        assert_eq!(file.exemplars["good/a.mid"].span, Some((4.0, 8.5)));
    }

    #[test]
    fn a_network_may_be_named() {
        let cnn = |text: &str| parse(&format!("(settings: (cnn: ({text})))")).unwrap().settings.cnn.unwrap();
        let plain = cnn(r#"model: "a.onnx""#);
        assert_eq!((plain.model.as_str(), plain.weight, plain.options), ("a.onnx", 0.5, NetworkOptions::default()));
        let full = cnn(
            r#"model: "a.onnx", weight: 0.2, options: (picture: Mel, good: 2, size: (96, 128), values: Range(0, 255),
            answers: Logits, least_confidence: 0.1)"#,
        );
        assert_eq!(
            (full.options.picture, full.options.values),
            (Some(Picture::Mel), Some(PixelValues::Range(0.0, 255.0)))
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let file = BankFile { exemplars: [("bad/x.mid".into(), Details::default())].into(), ..BankFile::default() };
        let text = ron::ser::to_string_pretty(&file, ron::ser::PrettyConfig::default()).unwrap();
        assert_eq!(parse(&text).unwrap(), file);
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert!(message("(\n  settings: (good: 1)\n)").starts_with("bank.ron: line 2, column "));
        assert!(message("(version: 2)").contains("version 2 is not known"));
        assert!(message("(settings: (good_threshold: 1.5))").contains("good threshold"));
        assert!(message("(settings: (resolution: 0))").contains("resolution 0"));
        assert!(message(r#"(exemplars: {"good/a.mid": (weight: 2)})"#).contains("weight 2"));
        assert!(message(r#"(exemplars: {"good/a.mid": (span: (4, 4))})"#).contains("span"));
        assert!(message(r#"(settings: (alterations: (stretches: ["x"])))"#).contains("line 1"));
        assert!(message("(settings: (transpositions: (12, -12)))").contains("transpositions"));
        assert!(message("").contains("line 1, column 1"));
        assert!(message(r#"(settings: (cnn: (model: "a.onnx", weight: 1.5)))"#).contains("weight of the cnn"));
        assert!(message(r#"(settings: (cnn: (weight: 0.5)))"#).contains("model"));
    }
}
