//! Where pitches and times are on a drawing, and how they are labelled.

use super::canvas::{Anchor, Area, Drawing, text_width};
use super::theme;
use crate::note::pitch_name;

/// To the nearest half point: a pixel of the PNG.
pub fn snapped(at: f64) -> f64 {
    (at * 2.0).round() / 2.0
}

/// The name of a row: that of its pitch, continued beyond the pitches of MIDI.
pub fn row_name(row: i32) -> String {
    match u8::try_from(row) {
        Ok(pitch) if pitch < 128 => pitch_name(pitch),
        // The letters of the same key in the octave from middle C on, without its number.
        _ => {
            let name = pitch_name(60 + row.rem_euclid(12) as u8);
            format!("{}{}", name.trim_end_matches('4'), row.div_euclid(12) - 1)
        }
    }
}

pub fn is_natural(row: i32) -> bool {
    matches!(row.rem_euclid(12), 0 | 2 | 4 | 5 | 7 | 9 | 11)
}

/// Rows upwards.
#[derive(Debug, Clone, Copy)]
pub struct PitchAxis {
    pub low: i32,
    pub high: i32,
    pub top: f64,
    /// Height of a row.
    pub row: f64,
}

impl PitchAxis {
    /// Rows of which as many fit into `height` as lie between two pitches and a margin, at least an
    /// octave.
    pub fn new((low, high): (i32, i32), top: f64, height: f64) -> Self {
        let (mut low, mut high) = (low - 1, high + 1);
        while high - low < 11 {
            high += 1;
            if high - low < 11 {
                low -= 1;
            }
        }
        let row = (height / f64::from(high - low + 1)).min(18.0);
        Self { low, high, top, row: if row > 2.0 { (row * 2.0).floor() / 2.0 } else { row } }
    }

    pub fn height(&self) -> f64 {
        snapped(f64::from(self.high - self.low + 1) * self.row)
    }

    pub fn bottom(&self) -> f64 {
        self.top + self.height()
    }

    /// The upper edge of a row.
    pub fn y(&self, row: i32) -> f64 {
        snapped(self.top + f64::from(self.high - row) * self.row)
    }

    /// The rows that get a name: all white keys if there is room, else as many Cs as there is.
    fn named(&self) -> Vec<i32> {
        if self.row >= 12.0 {
            return (self.low..=self.high).filter(|&row| is_natural(row)).collect();
        }
        let mut step = 12;
        while f64::from(step) * self.row < 16.0 {
            step *= 2;
        }
        let first = self.low + (60 - self.low).rem_euclid(step);
        (first..=self.high).step_by(step as usize).collect()
    }

    /// Draws the rows, the keyboard and the names.
    pub fn draw(&self, drawing: &mut Drawing, left: f64, right: f64) {
        drawing.rectangle(Area::between(left, self.top, right, self.bottom()), theme::NATURAL_ROW);
        if self.row >= 3.0 {
            for row in (self.low..=self.high).filter(|&row| !is_natural(row)) {
                drawing.rectangle(Area::between(left, self.y(row), right, self.y(row - 1)), theme::SHARP_ROW);
            }
        }
        let line = |y: f64| Area { x: left, y: y - 0.25, width: right - left, height: 0.5 };
        if self.row >= 6.0 {
            for row in (self.low..self.high).filter(|&row| is_natural(row) && is_natural(row + 1)) {
                drawing.rectangle(line(self.y(row)), theme::ROW_LINE);
            }
        }
        if self.row >= 4.0 {
            self.draw_keys(drawing, left);
        }
        for row in self.named() {
            if self.row < 3.0 {
                drawing.rectangle(line(self.y(row - 1)), theme::ROW_LINE);
            }
            let at = (left - theme::KEYS - 8.0, self.y(row) + self.row / 2.0 + theme::LABEL * 0.36);
            let colour = if row.rem_euclid(12) == 0 { theme::TEXT } else { theme::QUIET_TEXT };
            drawing.text(at, Anchor::End, theme::LABEL, colour, row_name(row));
        }
    }

    fn draw_keys(&self, drawing: &mut Drawing, left: f64) {
        let (start, end) = (left - theme::KEYS - 2.0, left - 2.0);
        drawing.rectangle(Area::between(start, self.top, end, self.bottom()), theme::NATURAL_KEY);
        // Two white keys meet at the edge of their rows or behind the black key between them.
        for row in self.low..=self.high {
            let gap = match (is_natural(row), is_natural(row + 1)) {
                (true, true) if row < self.high => self.y(row),
                (false, _) => self.y(row) + self.row / 2.0,
                _ => continue,
            };
            drawing.rectangle(Area { x: start, y: gap - 0.25, width: end - start, height: 0.5 }, theme::SHARP_KEY);
        }
        for row in (self.low..=self.high).filter(|&row| !is_natural(row)) {
            let key = Area::between(start, self.y(row), start + theme::KEYS * 0.6, self.y(row - 1));
            drawing.rectangle(key, theme::SHARP_KEY);
        }
    }
}

/// Time rightwards, in quarters.
#[derive(Debug, Clone, Copy)]
pub struct TimeAxis {
    pub left: f64,
    pub right: f64,
    /// The times at the left and the right edge.
    first: f64,
    last: f64,
    /// The quarter at which column 0 begins.
    start: f64,
    resolution: f64,
    per_bar: Option<f64>,
}

/// A vertical line of the grid.
struct GridLine {
    x: f64,
    strong: bool,
    label: Option<String>,
}

impl TimeAxis {
    /// Points from an edge to the first and to the last column.
    const PADDING: f64 = 6.0;
    /// Points between lines, and between labels at least.
    const RULED: f64 = 7.0;
    const LABELLED: f64 = 44.0;

    /// An axis for columns, of which `resolution` make a quarter and the first begins at quarter
    /// `start`, with as much room to the right of `left` as their number asks for.
    pub fn new(left: f64, columns: (i64, i64), resolution: u32, start: f64, per_bar: Option<f64>) -> Self {
        let resolution = f64::from(resolution.max(1));
        let start = if start.is_finite() { start.clamp(-1e9, 1e9) } else { 0.0 };
        let per_bar = per_bar.filter(|quarters| (0.25..=1e4).contains(quarters));
        let (first, last) = (start + columns.0 as f64 / resolution, start + columns.1 as f64 / resolution);
        // A short fragment must not look like a long one.
        let last = last.max(first + 4.0);
        let width = ((last - first) * 4.0).clamp(theme::PLOT, theme::MAX_PLOT);
        Self { left, right: left + width.round(), first, last, start, resolution, per_bar }
    }

    fn points_a_quarter(&self) -> f64 {
        (self.right - self.left - 2.0 * Self::PADDING) / (self.last - self.first)
    }

    /// Where a time is, in quarters.
    pub fn x(&self, quarter: f64) -> f64 {
        self.left + Self::PADDING + (quarter - self.first) * self.points_a_quarter()
    }

    /// Where a time is, in quarters from where column 0 begins.
    pub fn quarter(&self, quarter: f64) -> f64 {
        self.x(self.start + quarter)
    }

    /// Where a column begins, to the half point.
    pub fn column(&self, column: i64) -> f64 {
        snapped(self.x(self.start + column as f64 / self.resolution))
    }

    fn grid(&self) -> Vec<GridLine> {
        let unit = self.per_bar.unwrap_or(1.0);
        let wide_enough = |least: f64, mut step: f64| {
            while step * unit * self.points_a_quarter() < least {
                step *= 2.0;
            }
            step
        };
        let widest = |quarter: f64| text_width(&format!("{:.0}", quarter / unit), theme::LABEL) + 20.0;
        let labelled = wide_enough(Self::LABELLED.max(widest(self.first)).max(widest(self.last)), 1.0);
        let ruled = wide_enough(Self::RULED, 1.0);
        let beats = if ruled == 1.0 && self.points_a_quarter() >= Self::RULED { unit.ceil() as i32 } else { 1 };
        let (first, last) = ((self.first / (unit * ruled)).floor() as i64, (self.last / (unit * ruled)).ceil() as i64);
        let mut lines = Vec::new();
        for index in first..=last {
            let number = index as f64 * ruled;
            let label = (number % labelled == 0.0).then(|| match self.per_bar {
                Some(_) => format!("{}", number + 1.0),
                None => format!("{number}"),
            });
            let strong = self.per_bar.is_some() || label.is_some();
            lines.push((number * unit, strong, label));
            lines.extend((1..beats).map(|beat| (number * unit + f64::from(beat), false, None)));
        }
        let inside = |quarter: f64| quarter > self.first - 1e-6 && quarter < self.last + 1e-6;
        let line = |(quarter, strong, label)| GridLine { x: snapped(self.x(quarter)), strong, label };
        lines.into_iter().filter(|line| inside(line.0)).map(line).collect()
    }

    /// Draws beats and bars between two heights.
    pub fn draw_lines(&self, drawing: &mut Drawing, top: f64, bottom: f64) {
        for strong in [false, true] {
            let colour = if strong { theme::BAR_LINE } else { theme::BEAT_LINE };
            for line in self.grid().iter().filter(|line| line.strong == strong) {
                drawing.rectangle(Area { x: line.x - 0.25, y: top, width: 0.5, height: bottom - top }, colour);
            }
        }
    }

    /// Writes the numbers, with `top` above them.
    pub fn draw_labels(&self, drawing: &mut Drawing, top: f64) {
        let baseline = top + theme::LABEL + 5.0;
        let name = if self.per_bar.is_some() { "bar" } else { "quarter" };
        drawing.text((self.left - 10.0, baseline), Anchor::End, theme::LABEL, theme::QUIET_TEXT, name);
        for line in self.grid() {
            let Some(label) = line.label else { continue };
            let half = text_width(&label, theme::LABEL) / 2.0;
            // A number must not run into the axis's name, or out of the drawing.
            if line.x - half >= self.left - 8.0 && line.x + half <= self.right + theme::MARGIN - 4.0 {
                drawing.rectangle(Area { x: line.x - 0.25, y: top, width: 0.5, height: 4.0 }, theme::BAR_LINE);
                drawing.text((line.x, baseline), Anchor::Middle, theme::LABEL, theme::QUIET_TEXT, label);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_names_beyond_midi() {
        assert_eq!([-1, 0, 127, 128, 143, -13].map(row_name), ["B-2", "C-1", "G9", "G#9", "B10", "B-3"]);
    }

    #[test]
    fn labels_do_not_touch() {
        for (columns, resolution) in [((0, 1), 12), ((-48, 480), 12), ((0, 200_000), 12), ((-(1 << 40), 1 << 40), 1)] {
            for per_bar in [None, Some(4.0), Some(3.5), Some(0.0), Some(f64::NAN)] {
                let axis = TimeAxis::new(76.0, columns, resolution, 0.5, per_bar);
                let grid = axis.grid();
                assert!(grid.len() < 400, "{}", grid.len());
                let span = |line: &GridLine| {
                    let half = text_width(line.label.as_ref()?, theme::LABEL) / 2.0;
                    Some((line.x - half, line.x + half))
                };
                let labels: Vec<_> = grid.iter().filter_map(span).collect();
                assert!(!labels.is_empty());
                assert!(labels.windows(2).all(|pair| pair[1].0 - pair[0].1 >= 8.0), "{columns:?} {per_bar:?}");
            }
        }
    }

    #[test]
    fn an_octave_is_shown_at_least() {
        let axis = PitchAxis::new((60, 60), 0.0, 400.0);
        assert_eq!(axis.high - axis.low, 11);
        assert!(axis.named().contains(&60));
        let axis = PitchAxis::new((-127, 254), 0.0, 400.0);
        assert!(axis.height() <= 400.5);
        assert!(axis.named().windows(2).all(|pair| f64::from(pair[1] - pair[0]) * axis.row >= 16.0));
    }
}
