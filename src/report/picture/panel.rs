//! A roll, with what is laid on it, in its axes; and the words around it.

use super::axes::{PitchAxis, TimeAxis};
use super::canvas::{Anchor, Area, Colour, Drawing, fit, text_width};
use super::spans::{Layers, Span};
use super::theme::{self, ink};
use super::{Marks, Tone};

/// Draws the axes' background and the layers on it.
pub fn draw(drawing: &mut Drawing, time: &TimeAxis, pitch: &PitchAxis, layers: &Layers, tone: Tone) {
    draw_grid(drawing, time, pitch);
    draw_layers(drawing, time, pitch, layers, tone);
    if let Some(marks) = &layers.marks {
        marks.draw(drawing, time, pitch, tone);
    }
}

/// Rows, keys, beats and bars.
pub fn draw_grid(drawing: &mut Drawing, time: &TimeAxis, pitch: &PitchAxis) {
    pitch.draw(drawing, time.left, time.right);
    time.draw_lines(drawing, pitch.top, pitch.bottom());
}

/// The notes.
pub fn draw_layers(drawing: &mut Drawing, time: &TimeAxis, pitch: &PitchAxis, layers: &Layers, tone: Tone) {
    let ink = ink(tone);
    let boxes = |spans: &[Span]| boxes(spans, time, pitch);
    for (area, value) in boxes(&layers.fragment) {
        drawing.pane(area, corner(&area), theme::FRAGMENT, shade(value));
    }
    let exemplar = boxes(&layers.exemplar);
    for (area, value) in &exemplar {
        drawing.pane(*area, corner(area), ink.rim, shade(*value));
    }
    for (area, value) in exemplar.iter().filter(|(area, _)| has_body(area)) {
        drawing.pane(area.grown(-RIM), corner(area) - 1.0, ink.body, shade(*value));
    }
    let overlap = boxes(&layers.overlap);
    if pitch.row >= 5.0 {
        for (area, value) in &overlap {
            drawing.pane(area.grown(4.0), 6.0, ink.overlap, 0.10 * shade(*value));
        }
        for (area, value) in &overlap {
            drawing.pane(area.grown(2.0), 4.0, ink.overlap, 0.20 * shade(*value));
        }
    }
    for (area, value) in &overlap {
        drawing.pane(*area, corner(area), ink.overlap, shade(*value));
    }
}

/// Thickness of an exemplar's rim.
const RIM: f64 = 1.5;

fn has_body(area: &Area) -> bool {
    area.width.min(area.height) >= 3.0 * RIM
}

fn corner(area: &Area) -> f64 {
    let side = area.width.min(area.height);
    if side >= 6.0 { (side / 4.0).min(2.5) } else { 0.0 }
}

/// The opacity of a pixel: even a weak one is seen.
fn shade(value: f32) -> f64 {
    0.2 + 0.8 * f64::from(value.clamp(0.0, 1.0))
}

/// Where spans are on the drawing. Spans that fall on the same half points are united, so their
/// number is bounded by the drawing's size and not by the music's.
fn boxes(spans: &[Span], time: &TimeAxis, pitch: &PitchAxis) -> Vec<(Area, f32)> {
    let mut boxes: Vec<(Area, f32)> = Vec::new();
    let mut row = None;
    let gap = if pitch.row >= 6.0 { 0.5 } else { 0.0 };
    for span in spans {
        let mut left = time.column(span.start);
        let right = time.column(span.end).max(left + 1.0);
        // Sixteen shades are as many as the eye tells apart here.
        let value = (span.value * 16.0).ceil() / 16.0;
        if row == Some(span.row)
            && let Some((last, brightest)) = boxes.last_mut()
            && left <= last.right()
        {
            if right <= last.right() {
                *brightest = brightest.max(value);
                continue;
            }
            if *brightest == value {
                last.width = right - last.x;
                continue;
            }
            left = last.right();
        }
        row = Some(span.row);
        let (top, bottom) = (pitch.y(span.row) + gap, pitch.y(span.row - 1) - gap);
        boxes.push((Area::between(left, top, right, bottom.max(top + 1.0)), value));
    }
    boxes
}

/// How a thing of the picture looks in its legend.
#[derive(Clone, Copy)]
pub enum Swatch {
    /// A note of the fragment.
    Fragment,
    /// A note of an exemplar.
    Exemplar(Tone),
    /// Where both sound.
    Overlap(Tone),
    /// The mark of a note that the exemplar lacks.
    Added,
    /// The mark of a note that the fragment lacks.
    Missing(Tone),
    /// The mark of a note that is matched elsewhere.
    Moved(Tone),
    /// A curve.
    Curve(Tone),
    /// A threshold.
    Threshold,
}

impl Swatch {
    fn draw(self, drawing: &mut Drawing, x: f64, baseline: f64) {
        let area = Area { x, y: baseline - 9.0, width: SWATCH, height: 10.0 };
        let note = |drawing: &mut Drawing, area: Area, colour: Colour| drawing.pane(area, corner(&area), colour, 1.0);
        match self {
            Self::Fragment => note(drawing, area, theme::FRAGMENT),
            Self::Exemplar(tone) => {
                note(drawing, area, ink(tone).rim);
                note(drawing, area.grown(-RIM), ink(tone).body);
            }
            Self::Overlap(tone) => {
                drawing.pane(area.grown(2.0), 4.0, ink(tone).overlap, 0.22);
                note(drawing, area, ink(tone).overlap);
            }
            Self::Added | Self::Missing(_) | Self::Moved(_) => {
                let (x, y) = (x + SWATCH / 2.0, baseline - 4.0);
                let mut line = |dx: f64, dy: f64, colour| {
                    drawing.line(vec![(x - dx, y - dy), (x + dx, y + dy)], colour, 1.5, None);
                };
                match self {
                    Self::Missing(tone) => line(3.5, 0.0, ink(tone).rim),
                    Self::Moved(tone) => {
                        line(0.0, 5.0, ink(tone).overlap);
                        for (y, colour) in [(y - 5.0, ink(tone).overlap), (y + 5.0, ink(tone).rim)] {
                            drawing.pane(Area::between(x - 2.5, y - 2.5, x + 2.5, y + 2.5), 2.5, colour, 1.0);
                        }
                    }
                    _ => {
                        line(3.5, 0.0, theme::TEXT);
                        line(0.0, 3.5, theme::TEXT);
                    }
                }
            }
            Self::Curve(tone) => {
                drawing.line(vec![(x, baseline - 4.0), (x + SWATCH, baseline - 4.0)], ink(tone).rim, 2.0, None);
            }
            Self::Threshold => {
                let points = vec![(x, baseline - 4.0), (x + SWATCH, baseline - 4.0)];
                drawing.line(points, theme::QUIET_TEXT, 1.0, Some(3.0));
            }
        }
    }
}

const SWATCH: f64 = 22.0;

/// What the marks on a picture mean, for those that are there.
pub fn mark_items<'a>(marks: impl Iterator<Item = &'a Marks> + Clone, tone: Tone) -> Vec<(Swatch, String)> {
    let any = |has: fn(&Marks) -> bool| marks.clone().any(has);
    let items = [
        (any(|it| !it.added.is_empty()), Swatch::Added, "added"),
        (any(|it| !it.missing.is_empty()), Swatch::Missing(tone), "missing"),
        (any(|it| !it.moved.is_empty()), Swatch::Moved(tone), "altered"),
    ];
    items.into_iter().filter(|item| item.0).map(|(_, swatch, name)| (swatch, name.to_owned())).collect()
}

/// Draws a legend on one line, the names cut to share the room.
pub fn legend(drawing: &mut Drawing, left: f64, right: f64, baseline: f64, items: &[(Swatch, String)]) {
    let between = if items.len() > 6 { 16.0 } else { 22.0 };
    let entry = |name: &str| SWATCH + 7.0 + text_width(name, theme::LABEL) + between;
    let mut room = right - left;
    let mut x = left;
    for (index, (swatch, name)) in items.iter().enumerate() {
        // What those that follow need comes first: they are the short ones.
        let rest: f64 = items[index + 1..].iter().map(|(_, name)| entry(name).min(room / items.len() as f64)).sum();
        let name = fit(name, theme::LABEL, room - rest - SWATCH - 7.0);
        swatch.draw(drawing, x, baseline);
        drawing.text((x + SWATCH + 7.0, baseline), Anchor::Start, theme::LABEL, theme::QUIET_TEXT, name.as_str());
        let width = entry(&name);
        (x, room) = (x + width, room - width);
    }
}

/// The drawing's title, and a line below it; returns the height that they take.
pub fn headline(drawing: &mut Drawing, title: &str, subtitle: Option<&str>) -> f64 {
    let room = drawing.width - 2.0 * theme::MARGIN;
    let mut y = theme::MARGIN + theme::TITLE * 0.8;
    drawing.heading((theme::MARGIN, y), theme::TITLE, theme::TEXT, fit(title, theme::TITLE, room));
    if let Some(subtitle) = subtitle {
        y += theme::CAPTION + 8.0;
        let subtitle = fit(subtitle, theme::CAPTION, room);
        drawing.text((theme::MARGIN, y), Anchor::Start, theme::CAPTION, theme::QUIET_TEXT, subtitle);
    }
    y + 16.0
}
