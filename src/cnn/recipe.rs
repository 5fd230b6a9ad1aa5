//! How a fragment becomes what a network of ours sees, and how its answer is read.

use std::cell::LazyCell;

use ndarray::{Array3, ArrayViewMut3};
use serde::{Deserialize, Serialize};

use super::intervals::{self, Drawn, Group};
use crate::alteration::Alteration;
use crate::bank::Label;
use crate::note::{Fragment, Note};
use crate::roll::{Ink, Rendering};

/// How a network of ours is fed and read. It is written into the metadata of the network's ONNX file, under
/// [`KEY`](Self::KEY), as JSON.
///
/// # What the network's file looks like
/// One input, [`INPUT`](Self::INPUT), of 32-bit floating-point numbers: `[N, channels, pitches, columns]`, the pictures of
/// [`draw`](Self::draw). The batch N is dynamic.
///
/// The first output, [`LOGIT`](Self::LOGIT), is `[N, 1]`: the logit of the second label against the first. A network
/// with a [`Familiarity`] has a second output, [`EMBEDDING`](Self::EMBEDDING), `[N, dimensions]`.
///
/// # What is seen
/// A picture shows `quarters` of time and `pitches` semitones about the fragment's [anchors](Self::time): what lies beyond
/// is cut off, what is not filled is dark. Row 0 is the lowest pitch, column 0 the earliest. Values are 0 and 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The version of this form; [`VERSION`](Self::VERSION).
    pub version: u32,
    /// The width of the picture, in quarters.
    pub quarters: u32,
    /// Columns a quarter.
    pub columns_per_quarter: u32,
    /// The height of the picture, in semitones.
    pub pitches: u32,
    /// What each channel shows.
    pub channels: Vec<Channel>,
    /// Which time of the fragment lies where in the picture.
    pub time: TimeAnchor,
    /// Which pitch of the fragment lies in the middle of the picture.
    pub pitch: PitchAnchor,
    /// What the output tells apart: its logit is that of the second label against the first.
    pub labels: [Label; 2],
    /// The logit is divided by this before the sigmoid, so that probabilities mean what they say (temperature scaling:
    /// Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017).
    pub temperature: f64,
    /// How it is told whether the network has seen anything like a fragment; none where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<Familiarity>,
}

/// What a channel of the picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Notes from onset to offset.
    Sustain,
    /// The onset's column alone.
    Onset,
    /// Intervals instead of pitches, so that a melody looks the same wherever it lies: what is seen from each *group* of notes
    /// that begin in one column. The highest of them lies in the middle row, `pitches / 2`, and what is farther from it
    /// than the picture reaches, at its edge.
    ///
    /// 0: in each column what sounds there, of what began with the last group or before it. Other numbers k: in the
    /// group's column all notes of the k-th group after it, or before it where k is negative.
    Interval(i8),
}

/// Which time of the fragment lies where in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeAnchor {
    /// The middle of the fragment in the middle of the picture; by half a column to the right of it where one has an odd
    /// number of columns and the other has not.
    Centre,
    /// The beginning of the fragment at the left.
    Start,
}

/// Which pitch of the fragment lies in the middle of the picture, which is row `pitches / 2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PitchAnchor {
    /// Half of the way from the lowest to the highest, rounded down.
    Range,
    /// The lower median of the notes.
    Median,
    /// Always this MIDI note number, so that the network sees absolute pitch.
    Fixed(u8),
}

/// How it is told whether the network has seen anything like a fragment: by the distance of its embedding to that of
/// training pictures, as in Lee, Lee, Lee, Shin, "A simple unified framework for detecting out-of-distribution samples
/// and adversarial attacks" (NeurIPS 2018), with a diagonal covariance, and any number of centres.
///
/// The distance is the least over the centres of the root mean square, over the dimensions, of (embedding - centre) /
/// scale. Up to `near` the network's opinion counts in full, from `far` on it counts nothing, in between in proportion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Familiarity {
    /// Points near which training pictures lie: the mean of each label, or any other; at least one, each with a number
    /// for every dimension.
    pub centres: Vec<Vec<f32>>,
    /// The spread of each dimension about its centre; above 0.
    pub scale: Vec<f32>,
    /// The greatest distance of what is as usual: say the 99th percentile of held-out pictures.
    pub near: f64,
    /// The least distance of what is altogether strange; above `near`.
    pub far: f64,
    /// The least confidence, |2 p - 1| of the probability p after temperature scaling, with which the opinion counts;
    /// from 0 to less than 1.
    #[serde(default)]
    pub least_confidence: f64,
}

impl Default for Recipe {
    /// Four bars of 4/4 time by 48 semitones, sustained and onset ink, centred.
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            quarters: 16,
            columns_per_quarter: 6,
            pitches: 48,
            channels: vec![Channel::Sustain, Channel::Onset],
            time: TimeAnchor::Centre,
            pitch: PitchAnchor::Range,
            labels: [Label::Bad, Label::Good],
            temperature: 1.0,
            familiarity: None,
        }
    }
}

impl Recipe {
    /// The version of recipes that this crate writes and reads.
    pub const VERSION: u32 = 1;
    /// The key of the recipe in the metadata of an ONNX file (`metadata_props`). A network without it is not one of ours.
    pub const KEY: &'static str = "judge.recipe";
    /// The name of the input.
    pub const INPUT: &'static str = "picture";
    /// The name of the output that tells good from bad.
    pub const LOGIT: &'static str = "logit";
    /// The name of the output by which familiarity is told.
    pub const EMBEDDING: &'static str = "embedding";

    /// Most values of a picture.
    const MOST_VALUES: u64 = 1 << 22;
    /// Most numbers in the centres of a [`Familiarity`].
    const MOST_CENTRES: usize = 1 << 20;

    /// Columns of the picture.
    pub fn columns(&self) -> usize {
        self.quarters as usize * self.columns_per_quarter as usize
    }

    /// The shape of a picture: channels, pitches, columns.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.channels.len(), self.pitches as usize, self.columns())
    }

    /// The picture of a fragment: channels x pitches x columns.
    ///
    /// ```
    /// use judge::cnn::Recipe;
    /// use judge::Fragment;
    ///
    /// let recipe = Recipe { quarters: 4, columns_per_quarter: 2, pitches: 12, ..Recipe::default() };
    /// let third = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)])?;
    /// let picture = recipe.draw(&third);
    /// assert_eq!(picture.dim(), (2, 12, 8)); // sustained and onsets
    /// // Two quarters in the middle of four: columns 2 to 5. The middle of the pitches, 62, is row 6.
    /// assert_eq!((picture[[0, 4, 2]], picture[[0, 4, 3]], picture[[0, 8, 4]]), (1.0, 1.0, 1.0));
    /// assert_eq!((picture.sum(), picture[[1, 4, 2]]), (6.0, 1.0));
    /// # Ok::<(), judge::Error>(())
    /// ```
    pub fn draw(&self, fragment: &Fragment) -> Array3<f32> {
        let mut picture = Array3::zeros(self.shape());
        self.draw_into(fragment, picture.view_mut());
        picture
    }

    /// [`draw`](Self::draw) into a picture of the [shape](Self::shape) that is dark.
    pub fn draw_into(&self, fragment: &Fragment, picture: ArrayViewMut3<'_, f32>) {
        self.draw_moved(fragment, (0, 0), picture);
    }

    /// The same, moved so many semitones upwards and columns to the right; what enters from beyond the edges is seen.
    /// Intervals stay as they are when they are moved upwards.
    pub(crate) fn draw_moved(&self, fragment: &Fragment, (up, later): (i32, i64), mut picture: ArrayViewMut3<'_, f32>) {
        let columns = picture.dim().2 as i64;
        let rendering = Rendering { resolution: self.columns_per_quarter, ink: Ink::Sustain };
        let span = |note: &Note| {
            let (start, end) = rendering.span(fragment, note, &Alteration::NONE);
            Drawn { pitch: note.pitch.into(), start: start.into(), end: end.into() }
        };
        let mut notes: Vec<Drawn> = fragment.notes().iter().map(span).collect();
        let width = notes.iter().map(|note| note.end).max().unwrap_or(0);
        let first = match self.time {
            TimeAnchor::Centre => (width - columns).div_euclid(2),
            TimeAnchor::Start => 0,
        } - later;
        for note in &mut notes {
            (note.start, note.end) = (note.start - first, note.end - first);
        }
        let groups = LazyCell::new(|| Group::all(&notes));
        let lowest = self.middle(fragment) - (self.pitches / 2) as i32 - up;
        for (mut channel, kind) in picture.outer_iter_mut().zip(&self.channels) {
            match kind {
                Channel::Sustain => notes.iter().for_each(|note| note.light(&mut channel, note.pitch - lowest)),
                Channel::Onset => notes
                    .iter()
                    .for_each(|note| Drawn { end: note.start + 1, ..*note }.light(&mut channel, note.pitch - lowest)),
                Channel::Interval(0) => intervals::sounding(&groups, &mut channel),
                Channel::Interval(away) => intervals::neighbours(&groups, (*away).into(), &mut channel),
            }
        }
    }

    /// The pitch in the middle of the picture.
    fn middle(&self, fragment: &Fragment) -> i32 {
        match self.pitch {
            PitchAnchor::Range => {
                let (low, high) = fragment.pitch_range();
                (i32::from(low) + i32::from(high)) / 2
            }
            PitchAnchor::Median => {
                let mut pitches: Vec<_> = fragment.notes().iter().map(|note| note.pitch).collect();
                pitches.sort_unstable();
                pitches.get((pitches.len().max(1) - 1) / 2).copied().map_or(60, i32::from)
            }
            PitchAnchor::Fixed(pitch) => i32::from(pitch),
        }
    }

    /// The probability that a fragment is good, by the network's logit.
    ///
    /// ```
    /// use judge::cnn::Recipe;
    /// let recipe = Recipe { temperature: 2.0, ..Recipe::default() };
    /// assert_eq!(recipe.probability(0.0), 0.5);
    /// assert!((recipe.probability(2.0) - 0.731).abs() < 1e-3);
    /// ```
    pub fn probability(&self, logit: f64) -> f64 {
        let towards_good = if self.labels[1] == Label::Good { logit } else { -logit };
        1.0 / (1.0 + (-towards_good / self.temperature).exp())
    }

    /// The recipe as it is written into metadata: JSON.
    pub fn to_json(&self) -> String {
        // Neither keys nor numbers of a recipe can fail: numbers that are none become null.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a recipe from metadata.
    ///
    /// # Errors
    /// What is wrong with it: that it is of another version, cannot be read, or has values that make no sense.
    pub fn from_json(text: &str) -> Result<Self, RecipeProblem> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let unreadable = |error: serde_json::Error| RecipeProblem::Unreadable(error.to_string());
        let Versioned { version } = serde_json::from_str(text).map_err(unreadable)?;
        if version != Self::VERSION {
            return Err(RecipeProblem::Version(version));
        }
        let recipe: Self = serde_json::from_str(text).map_err(unreadable)?;
        recipe.check().map_err(RecipeProblem::Unreadable)?;
        Ok(recipe)
    }

    /// Says which value makes no sense, if any.
    ///
    /// # Errors
    /// What is wrong, as part of a sentence.
    pub fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: u64, range: std::ops::RangeInclusive<u64>| {
            let (least, most) = (range.start(), range.end());
            if range.contains(&value) { Ok(()) } else { Err(format!("{name} is {value}, and not {least} to {most}")) }
        };
        within("quarters", self.quarters.into(), 1..=4096)?;
        within("columns_per_quarter", self.columns_per_quarter.into(), 1..=96)?;
        within("pitches", self.pitches.into(), 1..=256)?;
        within("the number of channels", self.channels.len() as u64, 1..=16)?;
        for channel in &self.channels {
            if let Channel::Interval(away) = channel {
                within("how many groups of notes an interval reaches", away.unsigned_abs().into(), 0..=16)?;
            }
        }
        let values = [self.channels.len() as u64, self.pitches.into(), self.columns() as u64].iter().product();
        within("the number of values of a picture", values, 1..=Self::MOST_VALUES)?;
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(format!("temperature {} is not above 0", self.temperature));
        }
        if self.labels[0] == self.labels[1] {
            return Err("both labels are the same".into());
        }
        self.familiarity.as_ref().map_or(Ok(()), Familiarity::check)
    }
}

/// Why a recipe cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeProblem {
    /// It is of this version, and not of [`Recipe::VERSION`].
    Version(u32),
    /// What is wrong with it.
    Unreadable(String),
}

impl Familiarity {
    fn check(&self) -> Result<(), String> {
        let dimensions = self.scale.len();
        if dimensions == 0 || self.centres.is_empty() {
            return Err("familiarity has no dimensions or no centres".into());
        }
        if self.centres.iter().any(|centre| centre.len() != dimensions) {
            return Err(format!("not all centres of familiarity have {dimensions} dimensions, as scale has"));
        }
        if dimensions.saturating_mul(self.centres.len()) > Recipe::MOST_CENTRES {
            return Err(format!("the centres of familiarity have more than {} numbers", Recipe::MOST_CENTRES));
        }
        if self.scale.iter().any(|scale| !(*scale > 0.0 && scale.is_finite())) {
            return Err("a scale of familiarity is not above 0".into());
        }
        if self.centres.iter().flatten().any(|value| !value.is_finite()) {
            return Err("a centre of familiarity is not a number".into());
        }
        if !(self.near >= 0.0 && self.far > self.near && self.far.is_finite()) {
            return Err(format!("familiarity does not run from near ({}) to far ({})", self.near, self.far));
        }
        if !(0.0..1.0).contains(&self.least_confidence) {
            return Err(format!("the least confidence {} is not from 0 to less than 1", self.least_confidence));
        }
        Ok(())
    }

    /// How far an embedding lies from the nearest centre; infinity where it is not a number or has other dimensions.
    pub fn distance(&self, embedding: &[f32]) -> f64 {
        if embedding.len() != self.scale.len() {
            return f64::INFINITY;
        }
        let from = |centre: &Vec<f32>| {
            let squares = embedding.iter().zip(centre).zip(&self.scale).map(|((value, centre), scale)| {
                let off = (f64::from(*value) - f64::from(*centre)) / f64::from(*scale);
                off * off
            });
            (squares.sum::<f64>() / embedding.len() as f64).sqrt()
        };
        self.centres.iter().map(from).fold(f64::INFINITY, f64::min)
    }

    /// How much the opinion on a picture at a distance counts, 0 to 1.
    pub fn share(&self, distance: f64) -> f64 {
        let share = (self.far - distance) / (self.far - self.near);
        // What is not a number is strange.
        if share > 0.0 { share.min(1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lit(recipe: &Recipe, notes: &[(u8, f64, f64)], channel: usize) -> Vec<(usize, usize)> {
        let picture = recipe.draw(&Fragment::from_quarters(notes).unwrap());
        let channel = picture.index_axis(ndarray::Axis(0), channel);
        channel.indexed_iter().filter(|(_, value)| **value > 0.0).map(|(place, _)| place).collect()
    }

    #[test]
    fn pictures_are_centred_and_cut_off() {
        let recipe = Recipe { quarters: 4, columns_per_quarter: 1, pitches: 5, ..Recipe::default() };
        // Shorter, by an odd number of columns; the middle row is 2.
        assert_eq!(lit(&recipe, &[(60, 0.0, 1.0)], 0), [(2, 2)]);
        assert_eq!(lit(&recipe, &[(60, 0.0, 1.0), (61, 1.0, 1.0)], 0), [(2, 1), (3, 2)]);
        // Longer and higher: what is in the middle is seen.
        assert_eq!(
            lit(&recipe, &[(50, 0.0, 1.0), (60, 1.0, 4.0), (70, 5.0, 1.0)], 0),
            [(2, 0), (2, 1), (2, 2), (2, 3)]
        );
        assert_eq!(lit(&recipe, &[(50, 0.0, 1.0), (60, 1.0, 4.0), (70, 5.0, 1.0)], 1), [(2, 0)]);
        // Extremes of pitch and time.
        assert_eq!(lit(&recipe, &[(0, 0.0, 0.0), (127, 1e6, 1.0)], 0), []);
        assert_eq!(lit(&recipe, &[(127, 0.0, 0.0)], 1), [(2, 2)]);
    }

    #[test]
    fn anchors_are_as_they_are_called() {
        let notes = [(60, 0.0, 1.0), (60, 1.0, 1.0), (64, 2.0, 1.0)];
        let recipe = Recipe { quarters: 4, columns_per_quarter: 1, pitches: 8, ..Recipe::default() };
        let start = Recipe { time: TimeAnchor::Start, pitch: PitchAnchor::Median, ..recipe.clone() };
        assert_eq!(lit(&start, &notes, 1), [(4, 0), (4, 1)], "64 lies just above the eight rows");
        let fixed = Recipe { time: TimeAnchor::Start, pitch: PitchAnchor::Fixed(61), ..recipe };
        assert_eq!(lit(&fixed, &notes, 1), [(3, 0), (3, 1), (7, 2)]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let familiarity = Familiarity {
            centres: vec![vec![0.1, 0.2], vec![-3.5, 7.0]],
            scale: vec![0.3, 1.0],
            near: 1.7,
            far: 2.6,
            least_confidence: 0.0,
        };
        let recipe = Recipe {
            temperature: 1.37,
            pitch: PitchAnchor::Fixed(60),
            familiarity: Some(familiarity),
            ..Recipe::default()
        };
        assert_eq!(Recipe::from_json(&recipe.to_json()), Ok(recipe));
        assert_eq!(Recipe::from_json(&Recipe::default().to_json()), Ok(Recipe::default()));
    }

    #[test]
    fn other_versions_and_nonsense_are_refused() {
        let text = Recipe::default().to_json();
        assert_eq!(
            Recipe::from_json(&text.replace("\"version\":1", "\"version\":2,\"new\":0")),
            Err(RecipeProblem::Version(2))
        );
        for (old, new) in [
            ("\"pitches\":48", "\"pitches\":0"),
            ("\"quarters\":16", "\"quarters\":4000000000"),
            ("\"temperature\":1.0", "\"temperature\":-1.0"),
            ("\"temperature\":1.0", "\"temperature\":null"),
            ("[\"bad\",\"good\"]", "[\"good\",\"good\"]"),
            ("[\"sustain\",\"onset\"]", "[]"),
            ("\"pitches\":48", "\"pitches\":48,\"colour\":3"),
            ("}", ",\"familiarity\":{\"centres\":[[1.0]],\"scale\":[1.0,2.0],\"near\":1.0,\"far\":2.0}}"),
            ("}", ",\"familiarity\":{\"centres\":[[1.0]],\"scale\":[1.0],\"near\":2.0,\"far\":2.0}}"),
            ("}", ""),
        ] {
            assert!(text.contains(old));
            let result = Recipe::from_json(&text.replace(old, new));
            assert!(matches!(result, Err(RecipeProblem::Unreadable(_))), "{new}: {result:?}");
        }
    }

    #[test]
    fn familiarity_falls_with_distance() {
        let familiarity = Familiarity {
            centres: vec![vec![0.0, 0.0], vec![10.0, 0.0]],
            scale: vec![1.0, 2.0],
            near: 1.0,
            far: 2.0,
            least_confidence: 0.0,
        };
        assert_eq!(familiarity.distance(&[9.0, 2.0]), 1.0);
        assert_eq!(familiarity.distance(&[f32::NAN, 0.0]), f64::INFINITY);
        assert_eq!(familiarity.distance(&[0.0]), f64::INFINITY);
        let shares = [0.5, 1.0, 1.5, 2.0, 3.0, f64::INFINITY, f64::NAN].map(|distance| familiarity.share(distance));
        assert_eq!(shares, [1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]);
    }
}
