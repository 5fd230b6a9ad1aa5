//! Notes from a transcription network that the user brings: Basic Pitch, or any of the same interface.
//!
//! Bittner, Bosch, Rubinstein, Meseguer-Brocal, Ewert: "A lightweight instrument-agnostic model for polyphonic note
//! transcription and multipitch estimation" (ICASSP 2022). The network hears two seconds at a time; the windows overlap,
//! and what it says of their edges is left out.

mod notes;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use rten::{Dimension, Model, NodeId, RunOptions, ThreadPool, Value};

use super::{HeardNote, SAMPLE_RATE};
use crate::contain::contained;
use crate::error::{Error, Origin, Result};
use crate::onnx::{self, Loaded, name};

/// Samples that the network hears at a time.
const WINDOW: usize = 43_844;
/// Frames that it tells of them.
const FRAMES: usize = 172;
/// Samples from one frame to the next.
const HOP: usize = 256;
/// Frames that are left out at each end of a window.
const EDGE: usize = 15;
/// Frames of a window that count, and the samples from one window to the next.
const KEPT: usize = FRAMES - 2 * EDGE;
const STEP: usize = WINDOW - 2 * EDGE * HOP;
/// Pitches, from the lowest key of a piano.
const PITCHES: usize = 88;
const LOWEST: u8 = 21;
/// Contours have three bins a semitone.
const BINS: usize = 3 * PITCHES;

/// A network that hears notes; open it once, and share it between threads.
pub struct Transcriber {
    model: Model,
    threads: Arc<ThreadPool>,
    input: NodeId,
    note: NodeId,
    onset: NodeId,
    contour: NodeId,
    checksum: u32,
}

/// What the network says of each frame, from 0 to 1. Frame f begins at [`seconds`](Self::seconds).
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// Whether a note sounds: frames x 88 pitches, the lowest being MIDI note number 21.
    pub note: Array2<f32>,
    /// Whether one begins: frames x 88 pitches.
    pub onset: Array2<f32>,
    /// What pitch sounds: frames x 264 thirds of a semitone. Empty where it was not asked for.
    pub contour: Array2<f32>,
}

impl Activations {
    /// When a frame begins. The published code counts frames of 256 samples and takes back 10 ms a window; this is the
    /// same but for the rounding, which it leaves to a constant.
    pub fn seconds(frame: usize) -> f64 {
        (frame / KEPT * STEP + frame % KEPT * HOP) as f64 / f64::from(SAMPLE_RATE)
    }
}

impl fmt::Debug for Transcriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcriber").field("checksum", &self.checksum).finish_non_exhaustive()
    }
}

impl PartialEq for Transcriber {
    /// Whether they were read from the same bytes.
    fn eq(&self, other: &Self) -> bool {
        self.checksum == other.checksum
    }
}

impl Transcriber {
    /// Reads a network in ONNX form.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Malformed`] when it is no network that can be run here, or
    /// one of another interface.
    pub fn open(path: &Path) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed { origin: Origin::from(path), problem };
        let Loaded { model, checksum, .. } = onnx::load(path).map_err(|error| match error {
            Error::Network { problem, .. } => malformed(format!("{problem}; a transcriber is nmp.onnx of Basic Pitch")),
            error => error,
        })?;
        let other = || malformed("its inputs and outputs are not those of Basic Pitch; give nmp.onnx".into());
        let input = match model.input_ids() {
            [input] if ends(&model, *input, &[WINDOW, 1]) => *input,
            _ => return Err(other()),
        };
        let of_width = |width: usize| {
            let mut ids = model.output_ids().to_vec();
            ids.retain(|&id| ends(&model, id, &[FRAMES, width]));
            // Published names end in a number: contours, notes, onsets.
            ids.sort_by_key(|&id| name(&model, id).to_lowercase());
            ids
        };
        let (mut pitched, contours) = (of_width(PITCHES), of_width(BINS));
        if let [first, _] = pitched[..]
            && name(&model, first).to_lowercase().contains("onset")
        {
            pitched.reverse();
        }
        let (&[note, onset], &[contour]) = (&pitched[..], &contours[..]) else { return Err(other()) };
        let threads = Arc::new(ThreadPool::with_num_threads(rayon::current_num_threads()));
        Ok(Self { model, threads, input, note, onset, contour, checksum })
    }

    /// By which it is told whether a network is the same as another.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// What the network says of samples at [`SAMPLE_RATE`].
    ///
    /// # Errors
    /// [`Error::Malformed`] when the network cannot be run.
    pub fn activations(&self, samples: &[f32]) -> Result<Activations> {
        let [note, onset, contour] =
            self.run(samples, [(self.note, PITCHES), (self.onset, PITCHES), (self.contour, BINS)])?;
        Ok(Activations { note, onset, contour })
    }

    /// The notes that are heard in samples at [`SAMPLE_RATE`], in order of time.
    ///
    /// # Errors
    /// As [`activations`](Self::activations).
    pub fn transcribe(&self, samples: &[f32]) -> Result<Vec<HeardNote>> {
        let [note, onset] = self.run(samples, [(self.note, PITCHES), (self.onset, PITCHES)])?;
        Ok(notes::create(&Activations { note, onset, contour: Array2::zeros((0, BINS)) }))
    }

    fn run<const N: usize>(&self, samples: &[f32], outputs: [(NodeId, usize); N]) -> Result<[Array2<f32>; N]> {
        let failed = |problem: String| Error::Malformed { origin: Origin::Memory, problem };
        // As published: so many frames for so many samples.
        let frames = (samples.len() as u128 * KEPT as u128 / STEP as u128) as usize;
        let mut told = outputs.map(|(_, width)| Array2::zeros((frames, width)));
        let before = EDGE * HOP;
        for (window, first) in (0..frames).step_by(KEPT).enumerate() {
            let mut heard = vec![0.0; WINDOW];
            let begin = window * STEP;
            let silent = before.saturating_sub(begin);
            let from = (begin + silent - before).min(samples.len());
            let to = (begin + WINDOW - before).min(samples.len());
            heard[silent..silent + to - from].copy_from_slice(&samples[from..to]);
            let input = Value::from_shape([1, WINDOW, 1], heard).map_err(|error| failed(error.to_string()))?;
            let options = RunOptions::default().with_thread_pool(Some(self.threads.clone()));
            let ids = outputs.map(|(id, _)| id);
            let values = contained(|| self.model.run(vec![(self.input, input.into())], &ids, Some(options)));
            let values = match values {
                Some(Ok(values)) => values,
                Some(Err(error)) => return Err(failed(format!("the transcriber cannot be run: {error}"))),
                None => return Err(failed("the transcriber cannot be run".into())),
            };
            for ((value, told), (_, width)) in values.into_iter().zip(&mut told).zip(outputs) {
                let ([_, rows, columns], data) =
                    value.into_shape_vec::<f32, 3>().map_err(|error| failed(error.to_string()))?;
                if (rows, columns) != (FRAMES, width) {
                    return Err(failed("the transcriber answers in another shape than it promises".into()));
                }
                let kept = &data[EDGE * width..];
                let last = (first + KEPT).min(frames);
                for (row, values) in (first..last).zip(kept.chunks_exact(width)) {
                    told.row_mut(row).iter_mut().zip(values).for_each(|(told, value)| *told = *value);
                }
            }
        }
        Ok(told)
    }
}

/// Whether the last dimensions of a value are these.
fn ends(model: &Model, id: NodeId, with: &[usize]) -> bool {
    let shape = model.node_info(id).and_then(|info| info.shape()).unwrap_or_default();
    shape.len() == with.len() + 1
        && shape[1..].iter().zip(with).all(|(found, wanted)| matches!(found, Dimension::Fixed(size) if size == wanted))
}

#[cfg(test)]
mod tests;
