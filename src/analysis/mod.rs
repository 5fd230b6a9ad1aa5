//! Analysis of audio samples: spectrograms, pitch, chroma, onsets and beats.
//!
//! Every method is defined as in librosa 0.11 (McFee et al., *librosa: Audio and music signal analysis in Python*,
//! SciPy 2015) with its default parameters, so that figures can be compared with the literature; where we differ, the
//! method says so. Samples are mono, nominally in [-1, 1], and finite. Sample rates and frequencies are in hertz.
//!
//! A time-frequency array has the shape `[bins, frames]`; the values of a frame lie together in memory (column-major
//! order). Frame *i* is centred on sample `i * hop`, beyond both ends the signal is taken to be zero, and there are
//! `1 + samples / hop` frames; an empty signal has none.
//!
//! ```
//! use judge::analysis::{ConstantQ, ConstantQSettings, Signal};
//!
//! let samples: Vec<f32> = (0..22_050).map(|i| (i as f32 * 440.0 * std::f32::consts::TAU / 22_050.0).sin()).collect();
//! let signal = Signal::new(&samples, 22_050)?;
//! let transform = ConstantQ::new(signal.sample_rate(), ConstantQSettings::default())?;
//! let picture = transform.magnitude(signal.samples()); // 84 semitones from C1
//! assert_eq!(picture.dim(), (84, 44));
//! let loudest = (0..84).max_by(|&a, &b| picture[(a, 20)].total_cmp(&picture[(b, 20)])).unwrap();
//! assert_eq!(loudest, 45); // A4
//! # Ok::<(), judge::Error>(())
//! ```

mod decibel;
mod decimate;
mod filterbank;
mod kernel;
mod signal;
mod view;

pub mod beat;
pub mod chroma;
pub mod cqt;
pub mod hpss;
pub mod mel;
pub mod onset;
pub mod spectral;
pub mod stft;
pub mod tuning;

pub use cqt::{ConstantQ, ConstantQSettings};
pub use decibel::{Reference, amplitude_to_db, power_to_db};
pub use realfft::num_complex::Complex32;
pub use signal::Signal;
pub use stft::Stft;
pub use view::View;
