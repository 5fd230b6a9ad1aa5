//! The picture of a scan: a piece, and its likeness along time.

use super::Tone;
use super::axes::{PitchAxis, TimeAxis, snapped};
use super::canvas::{Anchor, Area, Drawing, fit, printable, text_width};
use super::panel::{Swatch, draw_grid, draw_layers, headline, legend};
use super::spans::Layers;
use super::theme::{self, ink};
use crate::roll::PianoRoll;

/// A stretch of the piece that is pointed out.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Where it begins, in quarters of the time axis.
    pub start: f64,
    /// Where it ends, in quarters of the time axis.
    pub end: f64,
    /// What it is called.
    pub name: String,
    /// What it stands for.
    pub tone: Tone,
}

/// A piece, and below it how much it resembles the good and the bad exemplars at each time.
#[derive(Debug, Clone)]
pub struct ScanPicture<'a> {
    /// What the piece is called.
    pub title: String,
    /// What else there is to say.
    pub subtitle: Option<String>,
    /// The piece.
    pub piece: &'a PianoRoll,
    /// Times in quarters, rising.
    pub times: &'a [f64],
    /// Similarity to a good exemplar at each time, 0 to 1.
    pub good: &'a [f64],
    /// Similarity to a bad exemplar at each time, 0 to 1.
    pub bad: &'a [f64],
    /// The similarity from which on it is good.
    pub good_threshold: f64,
    /// The similarity from which on it is bad.
    pub bad_threshold: f64,
    /// What is pointed out.
    pub marks: &'a [Mark],
    /// The length of a bar, in quarters; without, the time axis counts quarters.
    pub quarters_per_bar: Option<f64>,
    /// The quarter of the time axis at which the piece's first column begins.
    pub start: f64,
}

/// Room at the right for the thresholds' names.
const NAMES: f64 = 62.0;
/// Height of the curves' panel.
const CURVES: f64 = 150.0;
/// Height of a line of marks' names, and the most lines of them.
const LANE: f64 = 17.0;
const LANES: usize = 3;

impl ScanPicture<'_> {
    /// Lays it out: 900 points wide, more when the piece is long. Where several times fall on one
    /// pixel, the highest similarity is shown.
    pub fn drawing(&self) -> Drawing {
        let layers = Layers::new(self.piece, None);
        let resolution = self.piece.resolution();
        let mut time = TimeAxis::new(theme::GUTTER, layers.columns, resolution, self.start, self.quarters_per_bar);
        let width = time.right + theme::MARGIN;
        time.right -= NAMES;
        let mut drawing = Drawing::new(printable(&self.title), width, theme::MARGIN, theme::BACKGROUND);
        let top = headline(&mut drawing, &self.title, self.subtitle.as_deref());

        let names = place_names(self.marks, &time);
        let lanes = names.iter().map(|name| name.lane + 1).max().unwrap_or(0);
        let pitch = PitchAxis::new(layers.rows, top + lanes as f64 * LANE, 280.0);
        let curves = Area::between(time.left, pitch.bottom() + 14.0, time.right, pitch.bottom() + 14.0 + CURVES);

        draw_grid(&mut drawing, &time, &pitch);
        draw_scale(&mut drawing, &curves);
        time.draw_lines(&mut drawing, curves.y, curves.bottom());
        for mark in self.marks {
            if let Some((left, right)) = extent(mark, &time) {
                let colour = ink(mark.tone).rim;
                drawing.pane(Area::between(left, pitch.top, right, pitch.bottom()), 0.0, colour, 0.2);
                drawing.pane(Area::between(left, curves.y, right, curves.bottom()), 0.0, colour, 0.1);
                drawing.rectangle(Area::between(left, pitch.top - 2.0, right, pitch.top), colour);
            }
        }
        draw_layers(&mut drawing, &time, &pitch, &layers, Tone::Neutral);
        for name in names {
            let baseline = pitch.top - 6.0 - name.lane as f64 * LANE;
            if let Some(x) = name.leader {
                drawing.line(vec![(x, baseline + 3.0), (x, pitch.top)], ink(name.tone).rim, 0.5, None);
            }
            drawing.text((name.x, baseline), Anchor::Start, theme::LABEL, ink(name.tone).rim, name.text);
        }
        for (tone, values) in [(Tone::Good, self.good), (Tone::Bad, self.bad)] {
            self.draw_curve(&mut drawing, &time, &curves, tone, values);
        }
        self.draw_thresholds(&mut drawing, &curves);

        time.draw_labels(&mut drawing, curves.bottom());
        drawing.height = curves.bottom() + theme::LABEL + 34.0;
        let items = [
            (Swatch::Curve(Tone::Good), "likeness to good".to_owned()),
            (Swatch::Curve(Tone::Bad), "likeness to bad".to_owned()),
            (Swatch::Threshold, "threshold".to_owned()),
        ];
        let baseline = drawing.height - 2.0;
        legend(&mut drawing, time.left, time.right, baseline, &items);
        drawing.height = (drawing.height + theme::MARGIN * 0.75).ceil();
        drawing
    }

    fn threshold(&self, tone: Tone) -> f64 {
        if tone == Tone::Bad { self.bad_threshold } else { self.good_threshold }
    }

    fn draw_curve(&self, drawing: &mut Drawing, time: &TimeAxis, area: &Area, tone: Tone, values: &[f64]) {
        let mut points: Vec<(f64, f64)> = self
            .times
            .iter()
            .zip(values)
            .filter(|(time, value)| time.is_finite() && value.is_finite())
            .map(|(&quarter, &value)| (snapped(time.x(quarter)), height(area, value)))
            .filter(|(x, _)| (area.x..=area.right()).contains(x))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|next, last| {
            let same = next.0 == last.0;
            if same {
                last.1 = last.1.min(next.1);
            }
            same
        });
        if let [only] = points[..] {
            points = vec![(only.0 - 1.0, only.1), (only.0 + 1.0, only.1)];
        }
        if points.is_empty() {
            return;
        }
        let colour = ink(tone).rim;
        let level = height(area, self.threshold(tone));
        drawing.under(points.clone(), area.bottom(), colour, 0.07);
        drawing.under(above(&points, level), level, colour, 0.6);
        drawing.line(points, colour, 1.5, None);
    }

    fn draw_thresholds(&self, drawing: &mut Drawing, area: &Area) {
        let tones = [Tone::Good, Tone::Bad].map(|tone| (tone, self.threshold(tone)));
        let mut labels: Vec<(f64, Tone, f64)> = Vec::new();
        for (tone, threshold) in tones.into_iter().filter(|(_, threshold)| threshold.is_finite()) {
            let y = snapped(height(area, threshold));
            drawing.line(vec![(area.x, y), (area.right(), y)], ink(tone).rim, 1.0, Some(3.0));
            labels.push((y, tone, threshold));
        }
        // Names of thresholds that are close move apart.
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let [upper, lower] = &mut labels[..] {
            let missing = (theme::LABEL + 3.0 - (lower.0 - upper.0)).max(0.0);
            upper.0 -= missing / 2.0;
            lower.0 += missing / 2.0;
        }
        for (y, tone, threshold) in labels {
            let at = (area.right() + 8.0, y + theme::LABEL * 0.36);
            drawing.text(at, Anchor::Start, theme::LABEL, ink(tone).rim, format!("{} {threshold:.2}", tone.name()));
        }
    }
}

/// Where a similarity is in the curves' panel.
fn height(area: &Area, value: f64) -> f64 {
    area.bottom() - area.height * value.clamp(0.0, 1.0)
}

/// The line with everything below a level (y grows downwards) pressed onto it, and corners where it
/// crosses the level.
fn above(points: &[(f64, f64)], level: f64) -> Vec<(f64, f64)> {
    let mut pressed = Vec::with_capacity(points.len());
    for (index, &(x, y)) in points.iter().enumerate() {
        if let Some(&(x0, y0)) = index.checked_sub(1).and_then(|index| points.get(index))
            && (y0 < level) != (y < level)
        {
            pressed.push((x0 + (x - x0) * (level - y0) / (y - y0), level));
        }
        pressed.push((x, y.min(level)));
    }
    pressed
}

fn draw_scale(drawing: &mut Drawing, area: &Area) {
    drawing.rectangle(*area, theme::NATURAL_ROW);
    for quarter in 0..=4 {
        let value = f64::from(quarter) / 4.0;
        let y = snapped(height(area, value));
        let line = Area { x: area.x, y: y - 0.25, width: area.width, height: 0.5 };
        drawing.rectangle(line, theme::ROW_LINE);
        if quarter % 2 == 0 {
            let at = (area.x - 10.0, y + theme::LABEL * 0.36);
            drawing.text(at, Anchor::End, theme::LABEL, theme::QUIET_TEXT, format!("{value}"));
        }
    }
}

/// The left and the right edge of a mark, unless it is outside of the picture.
fn extent(mark: &Mark, time: &TimeAxis) -> Option<(f64, f64)> {
    if !(mark.start.is_finite() && mark.end.is_finite()) {
        return None;
    }
    let edge = |quarter: f64| snapped(time.x(quarter).clamp(time.left, time.right));
    let (left, right) = (edge(mark.start.min(mark.end)), edge(mark.start.max(mark.end)));
    (right > left || (left > time.left && left < time.right)).then_some((left, right.max(left + 1.0)))
}

/// The name of a mark above the piece, in the lowest line with room for it.
struct Name {
    x: f64,
    lane: usize,
    text: String,
    tone: Tone,
    /// Where a line leads from the name to its mark.
    leader: Option<f64>,
}

/// Names for as many marks as there is room for. The last ones are the lowest, so that no line that
/// leads to an earlier mark crosses a name.
fn place_names(marks: &[Mark], time: &TimeAxis) -> Vec<Name> {
    let mut placed: Vec<_> = marks.iter().filter_map(|mark| extent(mark, time).map(|(left, _)| (left, mark))).collect();
    placed.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut starts = [f64::INFINITY; LANES];
    let mut names = Vec::new();
    for (left, mark) in placed {
        let text = fit(&mark.name, theme::LABEL, 220.0);
        let width = text_width(&text, theme::LABEL);
        let x = left.min(time.right - width).max(time.left);
        if let Some(lane) = starts.iter().position(|&start| x + width + 12.0 <= start) {
            starts[..=lane].fill(x);
            let leader = (x == left && lane > 0).then_some(x + 0.5);
            names.push(Name { x, lane, text, tone: mark.tone, leader });
        }
    }
    names
}
