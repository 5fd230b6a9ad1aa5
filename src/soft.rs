//! Soft pictures of recordings: the salience of semitones in the grid of piano rolls.
//!
//! The engine judges recordings by the notes that are heard in them, since the full measure works on notes; a soft picture is
//! for those who want the correlation alone, without any decision about what is a note.

use ndarray::Array2;

use crate::audio::Salience;
use crate::error::{Error, Origin, Result};
use crate::roll::{MAX_RESOLUTION, PianoRoll};

/// Pixels darker than this are left dark.
const DARK: f32 = 0.25;
/// The share of a pixel that tells that a tone begins; the rest tells that it sounds.
const ONSET: f32 = 0.3;
/// Frames each way within which the loudest tone is full brightness: two seconds.
const NEARBY: usize = 172;
/// Frames in which a tone begins.
const RISE: usize = 5;

/// Draws the salience of a recording of `tempo` quarters a minute at `resolution` columns a quarter.
///
/// A pixel is the root of the strength over the greatest strength within two seconds, three tenths of it being what the
/// strength has gained within the last 60 ms; a column has the brightest of its frames.
///
/// ```
/// use judge::audio::{SAMPLE_RATE, Salience};
///
/// let a: Vec<f32> = (0..SAMPLE_RATE).map(|i| (i as f32 / 22_050.0 * 440.0 * std::f32::consts::TAU).sin()).collect();
/// let roll = judge::soft::draw(&Salience::of(&a)?, 120.0, 12)?;
/// assert_eq!((roll.columns(), roll.is_binary()), (24, false));
/// let brightest = roll.runs().iter().max_by(|a, b| a.value.total_cmp(&b.value)).unwrap();
/// assert_eq!(brightest.pitch, 69);
/// # Ok::<(), judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Unheard`] when no pixel is bright; [`Error::Option`] for a tempo that is not from 10 to 1,000.
pub fn draw(salience: &Salience, tempo: f64, resolution: u32) -> Result<PianoRoll> {
    if !(10.0..=1000.0).contains(&tempo) {
        let expected = "a number of quarters a minute from 10 to 1000";
        return Err(Error::Option { name: "tempo", value: tempo.to_string(), expected });
    }
    let resolution = resolution.clamp(1, MAX_RESOLUTION);
    let (frames, pitches) = salience.strength.dim();
    let a_frame = tempo / 60.0 / Salience::RATE * f64::from(resolution);
    let columns = ((frames.saturating_sub(1)) as f64 * a_frame).ceil() as usize;
    let strongest: Vec<f32> =
        salience.strength.outer_iter().map(|frame| frame.iter().copied().fold(0.0, f32::max)).collect();
    let overall = strongest.iter().copied().fold(0.0, f32::max);
    let mut image = Array2::<f32>::zeros((pitches, columns));
    for (frame, strengths) in salience.strength.outer_iter().enumerate() {
        let near = &strongest[frame.saturating_sub(NEARBY)..(frame + NEARBY).min(frames)];
        let full = near.iter().copied().fold(0.1 * overall, f32::max);
        let column = (frame as f64 * a_frame) as usize;
        if full <= 0.0 || column >= columns {
            continue;
        }
        let before = salience.strength.row(frame.saturating_sub(RISE));
        for (pitch, (&strength, &before)) in strengths.iter().zip(before).enumerate() {
            let rise = (strength - before).max(0.0);
            let pixel = (1.0 - ONSET) * (strength / full).sqrt() + ONSET * (rise / full).sqrt();
            if pixel >= DARK {
                let place = &mut image[[pitch, column]];
                *place = place.max(pixel.min(1.0));
            }
        }
    }
    PianoRoll::from_image(image.view(), i16::from(salience.lowest()), resolution).map_err(|error| match error {
        Error::Silent { .. } => Error::Unheard { origin: Origin::Memory },
        error => error,
    })
}
