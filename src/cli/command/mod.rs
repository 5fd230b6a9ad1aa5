//! One file for each command.

pub mod bank;
pub mod compare;
pub mod doctor;
pub mod find;
pub mod inspect;
pub mod judge;
pub mod matrix;
pub mod render;
#[cfg(feature = "audio")]
mod render_sound;
pub mod scan;
pub mod stream;
pub mod train;
