//! The optional score of a network.
//!
//! What exemplars cannot say one by one, a small network can learn from the whole bank. Its opinion is blended into the
//! [score](crate::Judgement::score) by a weight; the [verdict](crate::Verdict) stays that of the exemplars.
//!
//! [`Recipe`] says how a fragment becomes what a network of ours sees, and how its answer is read; it travels in the
//! network's file.

mod recipe;

pub use recipe::{Channel, Familiarity, PitchAnchor, Recipe, RecipeProblem, TimeAnchor};
