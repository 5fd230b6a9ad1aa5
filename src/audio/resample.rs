//! Mono sound of any rate brought to the one rate that is worked with.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, ResampleError, Resampler, ResamplerConstructionError,
    SincInterpolationParameters, WindowFunction,
};

use super::SAMPLE_RATE;

/// Frames that are resampled at a time, at 44.1 kHz: the block of the Fourier transform, which makes the filter as steep as
/// that of librosa (a millionth of the norm lies between the two).
const CHUNK: usize = 640;

/// Blocks of a Fourier transform that are larger than this are not worth it: the rates have too little in common.
const LARGEST_BLOCK: u32 = 1 << 15;

/// What can go wrong in the resampler, none of which does with the sizes that are asked for here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Construction(#[from] ResamplerConstructionError),
    #[error(transparent)]
    Resampling(#[from] ResampleError),
    #[error("a buffer is too short")]
    Buffer,
}

/// A stream of samples that is resampled chunk by chunk.
pub(super) struct Stream {
    /// None where the rate is right already.
    resampler: Option<Box<dyn Resampler<f32>>>,
    rate: u32,
    /// What has not been resampled yet.
    waiting: Vec<f32>,
    chunk: Vec<f32>,
    /// Output that is still to be left out, since the resampler's filter has it come late.
    delay: usize,
    /// How many samples came in.
    taken: u64,
    /// All that came out.
    out: Vec<f32>,
}

impl Stream {
    /// From a rate in hertz; room for `expected` samples of output is made.
    pub(super) fn new(rate: u32, expected: usize) -> Result<Self, Failure> {
        let resampler: Option<Box<dyn Resampler<f32>>> = if rate == SAMPLE_RATE {
            None
        } else if rate / num_integer::gcd(rate, SAMPLE_RATE) <= LARGEST_BLOCK {
            let (from, to) = (rate as usize, SAMPLE_RATE as usize);
            let chunk = (CHUNK * from).div_ceil(44_100).max(CHUNK);
            let window = WindowFunction::BlackmanHarris2;
            Some(Box::new(Fft::new_custom(from, to, chunk, 1, 1, window, FixedSync::Both)?))
        } else {
            let ratio = f64::from(SAMPLE_RATE) / f64::from(rate);
            let parameters = SincInterpolationParameters::default();
            Some(Box::new(Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input)?))
        };
        let delay = resampler.as_ref().map_or(0, |resampler| resampler.output_delay());
        let out = Vec::with_capacity(expected);
        Ok(Self { resampler, rate, waiting: Vec::new(), chunk: Vec::new(), delay, taken: 0, out })
    }

    /// Takes more samples.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), Failure> {
        self.taken += samples.len() as u64;
        let Some(resampler) = &mut self.resampler else {
            self.out.extend_from_slice(samples);
            return Ok(());
        };
        self.waiting.extend_from_slice(samples);
        let mut used = 0;
        while self.waiting.len() - used >= resampler.input_frames_next() {
            let next = &self.waiting[used..];
            used += step(resampler.as_mut(), next, &mut self.chunk, &mut self.delay, &mut self.out)?;
        }
        self.waiting.drain(..used);
        Ok(())
    }

    /// How many seconds came in.
    pub(super) fn seconds(&self) -> f64 {
        self.taken as f64 / f64::from(self.rate)
    }

    /// All samples at [`SAMPLE_RATE`].
    pub(super) fn finish(mut self) -> Result<Vec<f32>, Failure> {
        let length = (u128::from(self.taken) * u128::from(SAMPLE_RATE)).div_ceil(u128::from(self.rate)) as usize;
        if let Some(resampler) = &mut self.resampler {
            // Silence drives out what is still in the filter.
            let mut rest = std::mem::take(&mut self.waiting);
            while self.out.len() < length {
                rest.resize(rest.len().max(resampler.input_frames_next()), 0.0);
                step(resampler.as_mut(), &rest, &mut self.chunk, &mut self.delay, &mut self.out)?;
                rest.clear();
            }
        }
        self.out.truncate(length);
        Ok(self.out)
    }
}

/// Resamples a chunk; tells how many samples it used.
fn step(
    resampler: &mut dyn Resampler<f32>,
    samples: &[f32],
    chunk: &mut Vec<f32>,
    delay: &mut usize,
    out: &mut Vec<f32>,
) -> Result<usize, Failure> {
    let frames = resampler.output_frames_next();
    chunk.resize(frames, 0.0);
    let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|_| Failure::Buffer)?;
    let mut output = InterleavedSlice::new_mut(chunk, 1, frames).map_err(|_| Failure::Buffer)?;
    let (used, made) = resampler.process_into_buffer(&input, &mut output, None)?;
    let late = made.min(*delay);
    *delay -= late;
    out.extend_from_slice(&chunk[late..made]);
    Ok(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let turn = |i: u32| f64::from(i) / f64::from(rate) * hertz * std::f64::consts::TAU;
        (0..(f64::from(rate) * seconds) as u32).map(|i| turn(i).sin() as f32).collect()
    }

    #[test]
    fn a_sine_of_any_rate_stays_where_and_what_it_is() {
        let wanted = sine(SAMPLE_RATE, 440.0, 0.5);
        for rate in [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000, 22_051, 44_099] {
            let samples = sine(rate, 440.0, 0.5);
            let mut stream = Stream::new(rate, 0).unwrap();
            for part in samples.chunks(999) {
                stream.push(part).unwrap();
            }
            let out = stream.finish().unwrap();
            assert!(out.len().abs_diff(wanted.len()) <= 3, "{rate}: {} samples", out.len());
            let middle = 2000..9000;
            let off = middle.map(|i| (out[i] - wanted[i]).abs()).fold(0.0, f32::max);
            // The filter's delay is told in whole samples, so that one sample at most may be lost.
            let most = if rate.is_multiple_of(SAMPLE_RATE) { 1e-3 } else { 0.13 };
            assert!(off < most, "{rate}: off by {off}");
        }
    }

    #[test]
    fn little_and_nothing_stay_that() {
        assert!(Stream::new(44_100, 0).unwrap().finish().unwrap().is_empty());
        let mut stream = Stream::new(48_000, 0).unwrap();
        stream.push(&[0.5]).unwrap();
        assert_eq!(stream.finish().unwrap().len(), 1);
    }
}
