//! Samples and their rate.

use crate::error::{Error, Result};

/// The highest sample rate, in hertz.
const MAX_SAMPLE_RATE: u32 = 1_000_000;

/// Mono samples and their sample rate.
#[derive(Debug, Clone, Copy)]
pub struct Signal<'a> {
    samples: &'a [f32],
    sample_rate: u32,
}

impl<'a> Signal<'a> {
    /// Mono `samples`, nominally in [-1, 1], at `sample_rate` hertz. That the samples are finite is for the caller to
    /// see to: what is not a number makes frames that are not numbers.
    ///
    /// # Errors
    /// [`Error::Option`] for a sample rate of 0 or above 1 MHz.
    pub fn new(samples: &'a [f32], sample_rate: u32) -> Result<Self> {
        check_rate(sample_rate)?;
        Ok(Self { samples, sample_rate })
    }

    /// The samples.
    pub fn samples(&self) -> &'a [f32] {
        self.samples
    }

    /// The sample rate, in hertz. Never 0.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// The duration, in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }
}

/// Refuses a sample rate that is none.
pub(super) fn check_rate(sample_rate: u32) -> Result<()> {
    if (1..=MAX_SAMPLE_RATE).contains(&sample_rate) {
        return Ok(());
    }
    Err(Error::Option { name: "sample rate", value: sample_rate.to_string(), expected: "between 1 and 1000000 hertz" })
}
