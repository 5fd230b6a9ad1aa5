//! From brightness to a number from 0 to 1 that can be compared.
//!
//! | extent | correlation measure |
//! |---|---|
//! | [`Whole`](Extent::Whole) | B / sqrt(E(X) E(K)), the cosine of the two pictures |
//! | [`Contained`](Extent::Contained), [`Containing`](Extent::Containing) | B / sqrt(E(Q) E(W)), the cosine of the query's picture and the window of the other that it covers |
//!
//! B is the brightness of a placement, E the energy (sum of squared pixels). The window W is the
//! box of the query, its rows and columns, laid on the other picture: dense music makes bright
//! windows, so it does not match everything (Lewis, "Fast normalized cross-correlation", 1995; the
//! same as OpenCV's `TM_CCORR_NORMED`). Dark pictures and windows give 0.
//!
//! The [full measure](Measure::Full) examines note by note what the correlation proposes, weighs each alteration by how
//! much likeness it leaves to the ear ([`AlterationWeights`]), and reads what it finds against what unrelated tunes reach.
//! [`Comparer::likeness`] compares two fragments by either measure, [`Comparer::explain`] tells which notes are alike.

mod bound;
mod calibration;
mod chain;
mod cohort;
mod comparer;
#[cfg_attr(not(feature = "cuda"), path = "without_device.rs")]
mod device;
pub mod embedded;
mod evaluator;
mod examine;
mod explain;
mod full;
mod gallery;
mod kind;
mod offload;
mod proposal;
mod search;
mod sequence;
pub(crate) mod shelf;
mod store;
mod tracker;
pub mod voice;
mod weights;

pub use crate::correlate::{Normalisation, WindowPeak, best_in_window, windowed_rows};
pub(crate) use cohort::{KnownLevels, Level};
pub use comparer::{AlteredExemplar, Comparer, Likeness, Placement};
pub(crate) use device::DeviceShelf;
pub(crate) use evaluator::Exemplars;
pub use explain::{Explanation, Stretched};
pub(crate) use full::{Found, Full, Subject};
pub use gallery::{Gallery, Table};
pub(crate) use kind::Kinds;
pub(crate) use offload::Offload;
pub(crate) use search::{Best, Floors, Task, search};
pub(crate) use store::Store;
pub(crate) use tracker::{Difference, Purpose, Tracker};
pub use weights::AlterationWeights;

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The question that is asked of two pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Extent {
    /// Are they alike as a whole?
    #[default]
    Whole,
    /// Is the fragment contained in the exemplar?
    Contained,
    /// Is the exemplar contained in the fragment?
    Containing,
}

impl FromStr for Extent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "whole" => Ok(Self::Whole),
            "contained" => Ok(Self::Contained),
            "containing" => Ok(Self::Containing),
            _ => Err(Error::Option {
                name: "extent",
                value: text.to_owned(),
                expected: "whole, contained or containing",
            }),
        }
    }
}

/// How likeness is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Measure {
    /// Normalised brightness alone.
    Correlation,
    /// What agrees best with listeners and scholars.
    #[default]
    Full,
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "correlation" => Ok(Self::Correlation),
            "full" => Ok(Self::Full),
            _ => Err(Error::Option { name: "measure", value: text.to_owned(), expected: "correlation or full" }),
        }
    }
}
