//! Pictures for networks from elsewhere, of any size: row 0 is the top, values are from 0 (dark) to 1 (bright).
//!
//! A pixel is the mean of what it covers, so that nothing that is thinner than a pixel is lost.

use ndarray::{Array2, ArrayView2};

use crate::alteration::Alteration;
use crate::error::{NetworkProblem, Result};
use crate::note::Fragment;
use crate::roll::Rendering;

/// MIDI note numbers.
const PITCHES: usize = 128;

/// The piano roll of a fragment: all 128 pitches, the highest at the top, and the whole of its time.
pub(super) fn roll(fragment: &Fragment, (height, width): (usize, usize)) -> Array2<f32> {
    let roll = Rendering::default().draw(fragment, &Alteration::NONE);
    let columns = f64::from(roll.columns().max(1));
    let mut picture = Array2::<f64>::zeros((height, width));
    for run in roll.runs() {
        let across = Span::of(f64::from(run.start) / columns, f64::from(run.end) / columns, width);
        let top = (PITCHES as f64 - 1.0 - f64::from(run.pitch)) / PITCHES as f64;
        let down = Span::of(top, top + 1.0 / PITCHES as f64, height);
        for (y, row_share) in down.pixels() {
            for (x, column_share) in across.pixels() {
                picture[[y, x]] += row_share * column_share * f64::from(run.value);
            }
        }
    }
    picture.mapv(|value| value.min(1.0) as f32)
}

/// Rows (the lowest first) x frames in another size, the lowest row at the bottom. A single row is drawn as a curve,
/// filled to the bottom.
pub(super) fn scaled(values: ArrayView2<'_, f32>, (height, width): (usize, usize)) -> Array2<f32> {
    let (rows, frames) = values.dim();
    if rows == 0 || frames == 0 {
        return Array2::zeros((height, width));
    }
    let mut narrow = Array2::<f64>::zeros((rows, width));
    for x in 0..width {
        let span = Span::of(x as f64 / width as f64, (x + 1) as f64 / width as f64, frames);
        let whole: f64 = span.pixels().map(|(_, share)| share).sum();
        for (frame, share) in span.pixels() {
            for (row, value) in values.column(frame).iter().enumerate() {
                narrow[[row, x]] += f64::from(*value) * share / whole;
            }
        }
    }
    if rows == 1 {
        return Array2::from_shape_fn((height, width), |(y, x)| {
            let above = narrow[[0, x]] * height as f64 - (height - 1 - y) as f64;
            above.clamp(0.0, 1.0) as f32
        });
    }
    let mut picture = Array2::zeros((height, width));
    for (y, mut line) in picture.outer_iter_mut().rev().enumerate() {
        let span = Span::of(y as f64 / height as f64, (y + 1) as f64 / height as f64, rows);
        let whole: f64 = span.pixels().map(|(_, share)| share).sum();
        for (x, pixel) in line.iter_mut().enumerate() {
            let sum: f64 = span.pixels().map(|(row, share)| narrow[[row, x]] * share).sum();
            *pixel = (sum / whole) as f32;
        }
    }
    picture
}

/// A stretch of a line of pixels.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: f64,
    to: f64,
    count: usize,
}

impl Span {
    /// From and to in shares of the line, which has `count` pixels.
    fn of(from: f64, to: f64, count: usize) -> Self {
        Self { from: from * count as f64, to: to * count as f64, count }
    }

    /// The pixels that it touches, each with the share of it that is covered.
    fn pixels(self) -> impl Iterator<Item = (usize, f64)> {
        let last = (self.to.ceil() as usize).min(self.count);
        (self.from as usize..last).filter_map(move |pixel| {
            let covered = self.to.min((pixel + 1) as f64) - self.from.max(pixel as f64);
            (covered > 0.0).then_some((pixel, covered))
        })
    }
}

/// The picture of a sound, if there is one.
#[cfg(feature = "audio")]
pub(super) fn sound(picture: crate::bank::Picture, samples: Option<&[f32]>) -> Result<Array2<f32>> {
    use crate::analysis::{Signal, View};
    use crate::bank::Picture;
    let view = match picture {
        Picture::Spectrogram | Picture::Roll => View::Spectrogram,
        Picture::Mel => View::Mel,
        Picture::Cqt => View::ConstantQ,
        Picture::Mfcc => View::Mfcc,
        Picture::Chroma => View::Chroma,
        Picture::Onset => View::Onset,
    };
    let samples = samples.ok_or_else(|| no_sound(picture))?;
    view.of(Signal::new(samples, crate::audio::SAMPLE_RATE)?)
}

/// There are no recordings in this build.
#[cfg(not(feature = "audio"))]
pub(super) fn sound(picture: crate::bank::Picture, _: Option<&[f32]>) -> Result<Array2<f32>> {
    Err(no_sound(picture))
}

fn no_sound(picture: crate::bank::Picture) -> crate::Error {
    let problem = NetworkProblem::NoSound { picture: picture.name() };
    crate::Error::Network { origin: crate::Origin::Memory, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_of_128_pitches_is_the_piano_roll_itself() {
        let fragment =
            Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 2.0), (64, 2.0, 1.0), (127, 3.5, 0.5)]).unwrap();
        let picture = roll(&fragment, (128, 48));
        assert_eq!(picture.sum(), 12.0 + 24.0 + 6.0);
        assert_eq!(
            (picture[[127 - 60, 0]], picture[[127 - 60, 12]], picture[[127 - 64, 12]], picture[[0, 47]]),
            (1.0, 0.0, 1.0, 1.0)
        );
    }

    #[test]
    fn ink_is_kept_in_every_size() {
        let fragment =
            Fragment::from_quarters(&[(0, 0.0, 0.1), (60, 0.0, 3.0), (64, 1.0, 2.0), (127, 40.0, 1.0)]).unwrap();
        let share = |size: (usize, usize)| {
            let picture = roll(&fragment, size);
            assert!(picture.iter().all(|value| (0.0..=1.0).contains(value)));
            picture.iter().map(|value| f64::from(*value)).sum::<f64>() / (size.0 * size.1) as f64
        };
        let exact = share((128, 492));
        for size in [(224, 224), (299, 299), (1, 1), (32, 7), (128, 128)] {
            assert!((share(size) - exact).abs() < 1e-6, "{size:?}");
        }
    }

    #[test]
    fn values_are_scaled_and_upright() {
        let values = ndarray::array![[0.0f32, 1.0], [0.5, 0.5]];
        assert_eq!(scaled(values.view(), (2, 2)), ndarray::array![[0.5, 0.5], [0.0, 1.0]]);
        assert_eq!(scaled(values.view(), (1, 1)), ndarray::array![[0.5]]);
        assert_eq!(scaled(values.view(), (4, 1)), ndarray::array![[0.5], [0.5], [0.5], [0.5]]);
        // A curve.
        let curve = ndarray::array![[0.0f32, 0.5, 1.0]];
        assert_eq!(scaled(curve.view(), (2, 3)), ndarray::array![[0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]);
        assert_eq!(scaled(Array2::zeros((5, 0)).view(), (2, 2)).sum(), 0.0);
    }
}
