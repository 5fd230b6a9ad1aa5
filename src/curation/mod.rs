//! Knowing a bank: what each exemplar does, which are doubles or contradict each other, and how well it judges.
//!
//! Nothing here changes a bank; [`Editor`](crate::bank::Editor) does.

mod check;
mod doubles;
mod evaluation;
mod groups;
mod left_out;
mod phrases;
mod suggest;
mod thresholds;

pub use check::{Contradiction, Findings, Hub, check, fingerprint};
pub use doubles::{DoubleGroup, doubles};
pub use evaluation::{Evaluation, Usefulness, fold};
pub use groups::{GroupBy, groups};
pub use left_out::{LeftOut, leave_one_out};
pub use phrases::{LONGEST_PHRASE, SHORTEST_PHRASE, phrases};
pub use suggest::{Candidate, Reason, Suggestion, suggest};
pub use thresholds::{Calibrated, LOWEST_THRESHOLD, calibrated};
