//! Pictures of sound: what is told of each moment, with time in seconds.

use ndarray::ArrayView2;

use super::axes::{is_natural, snapped};
use super::canvas::{Anchor, Area, Colour, Drawing, Pixels, printable, text_width};
use super::panel::headline;
use super::theme;
use crate::note::pitch_name;

/// Height of the picture within its axes.
const HEIGHT: f64 = 400.0;
/// Most pixels across and up; more frames or bins share a pixel, of which the brightest is seen.
const MOST: (usize, usize) = (1600, 800);

/// What the rows of a picture are, the lowest first.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Frequencies in hertz.
    Hertz(Vec<f64>),
    /// Semitones from a MIDI note number on.
    Pitches(u8),
    /// The twelve pitch classes from C on.
    Classes,
    /// Numbered from 0.
    Numbered,
}

/// A note that is marked on a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarkedNote {
    /// Its row's MIDI note number.
    pub pitch: u8,
    /// When it starts, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
}

/// Values over time, as shades.
#[derive(Debug, Clone)]
pub struct SoundPicture<'a> {
    /// What it is called.
    pub title: String,
    /// What else there is to say.
    pub subtitle: Option<String>,
    /// Rows x frames, from 0 (dark) to 1 (bright).
    pub values: ArrayView2<'a, f32>,
    /// What the rows are.
    pub rows: Rows,
    /// Frames a second; the first is centred on second 0.
    pub rate: f64,
    /// Notes that are marked, where the rows are pitches.
    pub notes: Vec<MarkedNote>,
}

impl SoundPicture<'_> {
    /// Lays it out.
    pub fn drawing(&self) -> Drawing {
        let (rows, frames) = self.values.dim();
        let time = SecondsAxis::new(frames as f64 / self.rate);
        let (mut drawing, plot) = frame(&self.title, self.subtitle.as_deref(), &time);
        let (wide, high) = (frames.clamp(1, MOST.0), rows.clamp(1, MOST.1));
        let brightest = |x: usize, y: usize| {
            let part = |at: usize, of: usize, parts: usize| at * of / parts..((at + 1) * of).div_ceil(parts);
            let cells = self.values.slice(ndarray::s![part(y, rows, high), part(x, frames, wide)]);
            cells.iter().copied().fold(0.0, f32::max)
        };
        let shades = (0..high).rev().flat_map(|y| (0..wide).map(move |x| (x, y)));
        let pixels = shades.map(|(x, y)| shade(brightest(x, y)).channels).collect();
        drawing.image(plot, Pixels { width: wide, height: high, pixels });
        let row = plot.height / rows.max(1) as f64;
        for (at, label) in self.ticks() {
            let y = plot.bottom() - (at + 0.5) * row;
            tick(&mut drawing, &plot, y, &label);
        }
        if let Rows::Pitches(lowest) = self.rows {
            for note in &self.notes {
                let above = f64::from(note.pitch) - f64::from(lowest);
                let (left, right) = (time.x(note.start), time.x(note.end));
                let (top, bottom) = (plot.bottom() - (above + 1.0) * row, plot.bottom() - above * row);
                let corners = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
                drawing.line(corners, theme::TEXT, 1.0, None);
            }
        }
        time.draw(&mut drawing, &plot);
        drawing
    }

    /// Rows that get a name.
    fn ticks(&self) -> Vec<(f64, String)> {
        let rows = self.values.nrows();
        match &self.rows {
            Rows::Hertz(frequencies) => hertz_ticks(frequencies),
            Rows::Pitches(lowest) => {
                let named = |row: &usize| (usize::from(*lowest) + row).is_multiple_of(12);
                let name = |row: usize| pitch_name((usize::from(*lowest) + row).min(127) as u8);
                (0..rows).filter(named).map(|row| (row as f64, name(row))).collect()
            }
            Rows::Classes => {
                let name = |row: i32| pitch_name(60 + row as u8).trim_end_matches('4').to_owned();
                (0..12).filter(|row| is_natural(*row)).map(|row| (f64::from(row), name(row))).collect()
            }
            Rows::Numbered => (0..rows).step_by(5).map(|row| (row as f64, row.to_string())).collect(),
        }
    }
}

/// One value over time, as a curve.
#[derive(Debug, Clone)]
pub struct CurvePicture<'a> {
    /// What it is called.
    pub title: String,
    /// What else there is to say.
    pub subtitle: Option<String>,
    /// The values, not negative.
    pub values: &'a [f32],
    /// Values a second; the first is that of second 0.
    pub rate: f64,
    /// Moments that are marked, in seconds.
    pub moments: Vec<f64>,
}

impl CurvePicture<'_> {
    /// Lays it out.
    pub fn drawing(&self) -> Drawing {
        let time = SecondsAxis::new(self.values.len() as f64 / self.rate);
        let (mut drawing, plot) = frame(&self.title, self.subtitle.as_deref(), &time);
        drawing.rectangle(plot, theme::NATURAL_ROW);
        for &moment in &self.moments {
            drawing.line(
                vec![(time.x(moment), plot.y), (time.x(moment), plot.bottom())],
                theme::BAR_LINE,
                1.0,
                Some(4.0),
            );
        }
        let most = self.values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let step = self.values.len().div_ceil(MOST.0).max(1);
        let points: Vec<_> = self
            .values
            .chunks(step)
            .enumerate()
            .map(|(index, values)| {
                let value = values.iter().copied().fold(0.0, f32::max) / most;
                (time.x((index * step) as f64 / self.rate), plot.bottom() - f64::from(value) * (plot.height - 12.0))
            })
            .collect();
        drawing.under(points.clone(), plot.bottom(), theme::FRAGMENT, 0.35);
        drawing.line(points, theme::FRAGMENT, 1.5, None);
        for part in [0.0, 0.5, 1.0] {
            let y = plot.bottom() - part * (plot.height - 12.0);
            tick(&mut drawing, &plot, y, &format!("{:.1}", part * f64::from(most)));
        }
        time.draw(&mut drawing, &plot);
        drawing
    }
}

/// A drawing with its headline, and where its content goes.
fn frame(title: &str, subtitle: Option<&str>, time: &SecondsAxis) -> (Drawing, Area) {
    let width = time.right + theme::MARGIN;
    let mut drawing = Drawing::new(printable(title), width, theme::MARGIN, theme::BACKGROUND);
    let top = headline(&mut drawing, title, subtitle);
    let plot = Area::between(theme::GUTTER, top, time.right, top + HEIGHT);
    drawing.height = (plot.bottom() + theme::LABEL + 8.0 + theme::MARGIN * 0.75).ceil();
    (drawing, plot)
}

fn tick(drawing: &mut Drawing, plot: &Area, y: f64, label: &str) {
    let line = Area { x: plot.x - 5.0, y: snapped(y) - 0.25, width: 4.0, height: 0.5 };
    drawing.rectangle(line, theme::QUIET_TEXT);
    let at = (plot.x - 9.0, y + theme::LABEL * 0.36);
    drawing.text(at, Anchor::End, theme::LABEL, theme::QUIET_TEXT, label);
}

/// The rows nearest to round frequencies, none too near to another.
fn hertz_ticks(frequencies: &[f64]) -> Vec<(f64, String)> {
    const ROUND: [f64; 14] =
        [0.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 8000.0, 10_000.0, 16_000.0];
    let apart = frequencies.len() as f64 * 16.0 / HEIGHT;
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for hertz in ROUND {
        let above = frequencies.partition_point(|frequency| *frequency < hertz);
        if above == frequencies.len() || (above == 0 && frequencies[0] > hertz) {
            continue;
        }
        let at = match above.checked_sub(1) {
            Some(below) => {
                let span = frequencies[above] - frequencies[below];
                below as f64 + (hertz - frequencies[below]) / span
            }
            None => 0.0,
        };
        if ticks.last().is_none_or(|(last, _)| at - last >= apart) {
            let label = if hertz < 1000.0 { format!("{hertz} Hz") } else { format!("{} kHz", hertz / 1000.0) };
            ticks.push((at, label));
        }
    }
    ticks
}

/// Time rightwards, in seconds.
struct SecondsAxis {
    right: f64,
    seconds: f64,
}

impl SecondsAxis {
    fn new(seconds: f64) -> Self {
        let seconds = if seconds.is_finite() { seconds.clamp(0.1, 1e6) } else { 0.1 };
        let width = (seconds * 12.0).clamp(theme::PLOT, theme::MAX_PLOT).round();
        Self { right: theme::GUTTER + width, seconds }
    }

    fn x(&self, second: f64) -> f64 {
        let share = (second / self.seconds).clamp(0.0, 1.0);
        theme::GUTTER + share * (self.right - theme::GUTTER)
    }

    /// Writes the numbers below the content.
    fn draw(&self, drawing: &mut Drawing, plot: &Area) {
        const APART: f64 = 48.0;
        let room = self.right - theme::GUTTER;
        let step = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
        let step = step.into_iter().find(|step| step / self.seconds * room >= APART).unwrap_or(self.seconds);
        let baseline = plot.bottom() + theme::LABEL + 5.0;
        drawing.text((plot.x - 9.0, baseline), Anchor::End, theme::LABEL, theme::QUIET_TEXT, "seconds");
        let mut index = 0.0;
        while index * step <= self.seconds {
            let second = index * step;
            let label = if step < 1.0 { format!("{second:.1}") } else { format!("{second:.0}") };
            let (x, half) = (self.x(second), text_width(&label, theme::LABEL) / 2.0);
            drawing.rectangle(Area { x: x - 0.25, y: plot.bottom(), width: 0.5, height: 4.0 }, theme::QUIET_TEXT);
            if x + half <= self.right + theme::MARGIN - 4.0 {
                drawing.text((x.max(plot.x + half), baseline), Anchor::Middle, theme::LABEL, theme::QUIET_TEXT, label);
            }
            index += 1.0;
        }
    }
}

/// Darkness, through blue and green, to light: brighter all the way, so that it is read without colours too.
fn shade(value: f32) -> Colour {
    const STOPS: [[f32; 3]; 5] =
        [[15.0, 20.0, 29.0], [38.0, 54.0, 116.0], [32.0, 122.0, 142.0], [92.0, 196.0, 126.0], [250.0, 243.0, 178.0]];
    let value = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let below = (value as usize).min(STOPS.len() - 2);
    let share = value - below as f32;
    let mix = |channel: usize| {
        let (a, b) = (STOPS[below][channel], STOPS[below + 1][channel]);
        (a + (b - a) * share).round() as u8
    };
    Colour { channels: [mix(0), mix(1), mix(2)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn sound_of_any_size_is_drawn_in_both_forms() {
        for (rows, frames) in [(1, 1), (12, 40), (1025, 5000)] {
            let values = Array2::from_shape_fn((rows, frames), |(row, frame)| ((row + frame) % 7) as f32 / 6.0);
            for kind in
                [Rows::Hertz((0..rows).map(|row| row as f64 * 10.0).collect()), Rows::Pitches(24), Rows::Numbered]
            {
                let picture = SoundPicture {
                    title: "sound".into(),
                    subtitle: None,
                    values: values.view(),
                    rows: kind,
                    rate: 43.0,
                    notes: vec![MarkedNote { pitch: 24, start: 0.0, end: 0.1 }],
                };
                let drawing = picture.drawing();
                assert!(drawing.png().unwrap().starts_with(b"\x89PNG"));
                assert!(drawing.svg().contains("data:image/png;base64,"));
            }
        }
    }

    #[test]
    fn round_frequencies_are_named_and_do_not_touch() {
        let linear: Vec<f64> = (0..1025).map(|bin| f64::from(bin) * 10.77).collect();
        let ticks = hertz_ticks(&linear);
        assert!(ticks.iter().any(|(_, label)| label == "10 kHz") && ticks.len() > 4);
        assert!(ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 40.0));
        assert!(hertz_ticks(&[]).is_empty());
    }
}
