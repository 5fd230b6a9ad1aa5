//! judge

pub mod alteration;
pub mod error;
pub mod input;
pub mod note;
pub mod roll;

pub use alteration::{Alteration, Alterations, Ratio};
pub use error::{Error, Origin, Result};
pub use note::{Fragment, Note, pitch_name};
pub use roll::{Ink, PianoRoll, Rendering};
