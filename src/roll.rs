//! The piano roll: a fragment as a picture, pitch upwards and time rightwards.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::alteration::Alteration;
use crate::error::{Error, Origin, Result};
use crate::note::{Fragment, Note};

/// Columns a quarter unless something else is asked for: sixteenths and triplets fall on columns.
pub const DEFAULT_RESOLUTION: u32 = 12;

/// The finest resolution, in columns a quarter.
pub const MAX_RESOLUTION: u32 = 960;

/// Which pixels of a note are lit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Ink {
    /// Every column from onset to offset: likeness is common sounding time (problem P3).
    #[default]
    Sustain,
    /// The onset's column alone: likeness counts coinciding onsets (problem P2, as in SIA).
    Onset,
}

/// How fragments are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rendering {
    /// Columns a quarter, 1 to [`MAX_RESOLUTION`].
    pub resolution: u32,
    /// Which pixels of a note are lit.
    pub ink: Ink,
}

impl Default for Rendering {
    fn default() -> Self {
        Self { resolution: DEFAULT_RESOLUTION, ink: Ink::Sustain }
    }
}

impl Rendering {
    /// Draws a fragment, altered: the note times are stretched and rounded to columns, then the
    /// picture is mirrored.
    ///
    /// The column of an onset or offset is quarters x resolution, rounded half up; a note is at
    /// least one column long; notes of one pitch that touch or overlap are united. Inversion
    /// mirrors about the first note, so pitches may leave 0..=127.
    ///
    /// A resolution outside its range is taken as the nearest bound.
    pub fn draw(&self, fragment: &Fragment, alteration: &Alteration) -> PianoRoll {
        let span = |note: &Note| self.span(fragment, note, alteration);
        let columns = fragment.notes().iter().map(|note| span(note).1).max().unwrap_or(0);
        let axis = i16::from(fragment.notes()[0].pitch);
        let runs = fragment.notes().iter().map(|note| {
            let (mut start, mut end) = span(note);
            if alteration.retrograde {
                (start, end) = (columns - end, columns - start);
            }
            if self.ink == Ink::Onset {
                end = start + 1;
            }
            let pitch = i16::from(note.pitch);
            Run { pitch: if alteration.inverted { 2 * axis - pitch } else { pitch }, start, end, value: 1.0 }
        });
        PianoRoll::from_runs(runs.collect(), columns, self.resolution())
    }

    /// The column where a note begins and the one after its last, when it is stretched: a note is at least a column wide.
    pub(crate) fn span(&self, fragment: &Fragment, note: &Note, alteration: &Alteration) -> (u32, u32) {
        let scale = u128::from(self.resolution()) * u128::from(alteration.stretch.numerator());
        let quarter = u128::from(fragment.ticks_per_quarter()) * u128::from(alteration.stretch.denominator());
        // Round half up in whole numbers: floor((2 t s + q) / 2 q).
        let column = |ticks: u64| ((2 * u128::from(ticks) * scale + quarter) / (2 * quarter)) as u32;
        let start = column(note.onset);
        (start, column(note.end()).max(start + 1))
    }

    fn resolution(&self) -> u32 {
        self.resolution.clamp(1, MAX_RESOLUTION)
    }
}

/// Neighbouring pixels of one row that have the same value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// The row: a MIDI note number, or beyond that range after an inversion.
    pub pitch: i16,
    /// The first column.
    pub start: u32,
    /// The column after the last; greater than `start`.
    pub end: u32,
    /// Brightness of each pixel, above 0, at most 1.
    pub value: f32,
}

impl Run {
    /// How many columns it covers.
    pub const fn columns(&self) -> u32 {
        self.end - self.start
    }
}

/// The image of a fragment: rows are pitches, columns are time, values are 0 to 1.
///
/// It is kept as the runs of its lit pixels, in order of row and column and disjoint, which is
/// exact, small, and what the sparse correlator works on; [`image`](Self::image) unpacks it.
#[derive(Debug, Clone, PartialEq)]
pub struct PianoRoll {
    runs: Vec<Run>,
    columns: u32,
    resolution: u32,
    low: i16,
    high: i16,
    energy: f64,
    binary: bool,
}

impl PianoRoll {
    /// Draws a fragment as it is, with sustained ink at `resolution` columns a quarter.
    ///
    /// ```
    /// use judge::{Fragment, PianoRoll};
    /// let roll = PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 2.0)])?, 12);
    /// assert_eq!((roll.columns(), roll.low(), roll.high(), roll.energy()), (36, 60, 64, 36.0));
    /// # Ok::<(), judge::Error>(())
    /// ```
    pub fn of(fragment: &Fragment, resolution: u32) -> Self {
        Rendering { resolution, ..Rendering::default() }.draw(fragment, &Alteration::NONE)
    }

    /// Packs an image of any values from 0 to 1; row 0 is pitch `low`, columns are time at
    /// `resolution` columns a quarter.
    ///
    /// # Errors
    /// [`Error::Silent`] when no pixel is lit; [`Error::Malformed`] when a value is not in 0..=1
    /// or the image has more than 512 rows or 2^28 columns.
    pub fn from_image(image: ArrayView2<'_, f32>, low: i16, resolution: u32) -> Result<Self> {
        let malformed = |problem: String| Error::Malformed { origin: Origin::Memory, problem };
        let (rows, columns) = image.dim();
        if rows > 512 || columns > 1 << 28 || i32::from(low) + rows as i32 > i32::from(i16::MAX) {
            return Err(malformed(format!("an image of {rows} x {columns} pixels is too large for a piano roll")));
        }
        let mut runs: Vec<Run> = Vec::new();
        for (row, pixels) in image.outer_iter().enumerate() {
            let pitch = low + row as i16;
            for (column, &value) in pixels.iter().enumerate() {
                if !(0.0..=1.0).contains(&value) {
                    return Err(malformed(format!("pixel value {value} is not in 0 to 1")));
                }
                if value > 0.0 {
                    runs.push(Run { pitch, start: column as u32, end: column as u32 + 1, value });
                }
            }
        }
        if runs.is_empty() {
            return Err(Error::Silent { origin: Origin::Memory, drum_notes: 0 });
        }
        Ok(Self::from_runs(runs, columns as u32, resolution))
    }

    /// Sorts the runs and unites those that touch or overlap with the same value. Overlapping runs
    /// of one row must have the same value.
    fn from_runs(mut runs: Vec<Run>, columns: u32, resolution: u32) -> Self {
        runs.sort_unstable_by_key(|run| (run.pitch, run.start, run.end));
        runs.dedup_by(|next, last| {
            let unite = next.pitch == last.pitch && next.start <= last.end && next.value == last.value;
            if unite {
                last.end = last.end.max(next.end);
            }
            unite
        });
        Self {
            columns,
            resolution,
            low: runs.first().map_or(0, |run| run.pitch),
            high: runs.last().map_or(0, |run| run.pitch),
            energy: runs.iter().map(|run| f64::from(run.value) * f64::from(run.value) * f64::from(run.columns())).sum(),
            binary: runs.iter().all(|run| run.value == 1.0),
            runs,
        }
    }

    /// The columns `start..end` alone, with `start` as the new column 0. May be dark.
    #[must_use]
    pub fn slice(&self, start: u32, end: u32) -> Self {
        let end = end.min(self.columns).max(start);
        let runs = self.runs.iter().filter(|run| run.start < end && run.end > start).map(|run| Run {
            start: run.start.max(start) - start,
            end: run.end.min(end) - start,
            ..*run
        });
        Self::from_runs(runs.collect(), end - start, self.resolution)
    }

    /// The runs of lit pixels, in order of row and column, disjoint.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Width in columns.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// Columns a quarter.
    pub fn resolution(&self) -> u32 {
        self.resolution
    }

    /// The lowest row with a lit pixel; 0 when dark.
    pub fn low(&self) -> i16 {
        self.low
    }

    /// The highest row with a lit pixel; 0 when dark.
    pub fn high(&self) -> i16 {
        self.high
    }

    /// Rows from the lowest to the highest lit one; 0 when dark.
    pub fn rows(&self) -> usize {
        if self.is_dark() { 0 } else { (i32::from(self.high) - i32::from(self.low) + 1) as usize }
    }

    /// Sum of the squared pixels; for a roll of zeros and ones the number of lit pixels.
    pub fn energy(&self) -> f64 {
        self.energy
    }

    /// Whether no pixel is lit.
    pub fn is_dark(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether every lit pixel is 1, so that all sums of products are whole numbers.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// A time in columns, in quarters.
    pub fn to_quarters(&self, columns: i64) -> f64 {
        columns as f64 / f64::from(self.resolution)
    }

    /// The pixels, `rows()` x `columns()`; row 0 is [`low`](Self::low).
    pub fn image(&self) -> Array2<f32> {
        let mut image = Array2::zeros((self.rows(), self.columns as usize));
        for run in &self.runs {
            let row = (run.pitch - self.low) as usize;
            image.slice_mut(ndarray::s![row, run.start as usize..run.end as usize]).fill(run.value);
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alteration::Ratio;

    fn runs(roll: &PianoRoll) -> Vec<(i16, u32, u32)> {
        roll.runs().iter().map(|run| (run.pitch, run.start, run.end)).collect()
    }

    #[test]
    fn rounds_half_up_and_lights_at_least_one_column() {
        // At 12 columns and 24 ticks a quarter, one tick is half a column.
        let fragment = Fragment::new(vec![Note::new(60, 0, 1), Note::new(61, 1, 0), Note::new(62, 2, 3)], 24).unwrap();
        assert_eq!(runs(&PianoRoll::of(&fragment, 12)), [(60, 0, 1), (61, 1, 2), (62, 1, 3)]);
    }

    #[test]
    fn unites_notes_of_one_pitch() {
        let notes = [(60, 0.0, 2.0), (60, 1.0, 2.0), (60, 3.0, 1.0), (62, 0.0, 1.0)];
        let roll = PianoRoll::of(&Fragment::from_quarters(&notes).unwrap(), 4);
        assert_eq!(runs(&roll), [(60, 0, 16), (62, 0, 4)]);
        assert_eq!(roll.energy(), 20.0);
        assert_eq!(roll.image().sum(), 20.0);
    }

    #[test]
    fn alters_the_picture() {
        let fragment = Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 2.0)]).unwrap();
        let draw = |ink, alteration| Rendering { resolution: 4, ink }.draw(&fragment, &alteration);
        let alteration = Alteration { stretch: Ratio::new(3, 2).unwrap(), inverted: true, retrograde: true };
        assert_eq!(runs(&draw(Ink::Sustain, alteration)), [(56, 0, 12), (60, 12, 18)]);
        assert_eq!(runs(&draw(Ink::Onset, alteration)), [(56, 0, 1), (60, 12, 13)]);
        assert_eq!(draw(Ink::Onset, Alteration::NONE).energy(), 2.0);
    }

    #[test]
    fn packs_and_unpacks_images() {
        let image = ndarray::array![[0.0, 0.5, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0], [0.25, 0.0, 0.0, 0.0]];
        let roll = PianoRoll::from_image(image.view(), 40, 12).unwrap();
        assert_eq!(roll.image(), image);
        assert_eq!((roll.low(), roll.high(), roll.runs().len()), (40, 42, 3));
        assert!(!roll.is_binary());
        assert!(PianoRoll::from_image(ndarray::array![[0.0]].view(), 0, 12).is_err());
        assert!(PianoRoll::from_image(ndarray::array![[f32::NAN]].view(), 0, 12).is_err());
        assert!(PianoRoll::from_image(ndarray::array![[1.5]].view(), 0, 12).is_err());
    }

    #[test]
    fn slices_in_time() {
        let roll = PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 4.0), (62, 6.0, 1.0)]).unwrap(), 1);
        assert_eq!(runs(&roll.slice(2, 5)), [(60, 0, 2)]);
        assert_eq!(roll.slice(2, 5).columns(), 3);
        assert!(roll.slice(4, 6).is_dark());
        assert_eq!(roll.slice(4, 6).rows(), 0);
    }
}
