//! The optional score of a network.
//!
//! What exemplars cannot say one by one, a small network can learn from the whole bank. A [`Network`] is a
//! [`Scorer`](crate::Scorer): its [opinion](crate::Opinion) is blended into the [score](crate::Judgement::score) by a
//! weight. It lifts no veto, and the [verdict](crate::Verdict) stays that of the exemplars.
//!
//! [`Recipe`] says how a fragment becomes what a network of ours sees, and how its answer is read; it travels in the
//! network's file. Networks from elsewhere see a picture of whatever size they take.

mod intervals;
#[cfg(feature = "onnx")]
mod network;
#[cfg(not(feature = "onnx"))]
#[path = "no_network.rs"]
mod network;
#[cfg(feature = "onnx")]
mod picture;
mod recipe;
#[cfg(feature = "train")]
pub mod train;

pub use network::Network;
pub use recipe::{Channel, Familiarity, PitchAnchor, Recipe, RecipeProblem, TimeAnchor};

pub use crate::bank::{Answers, NetworkOptions, NetworkSettings, Picture, PixelValues};
