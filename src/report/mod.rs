//! What is found, told to people: words and pictures.

pub mod picture;
pub mod words;
