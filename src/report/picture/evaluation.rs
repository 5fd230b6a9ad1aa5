//! The picture of an evaluation: how like the exemplars of a bank are to each other.

use super::Tone;
use super::axes::snapped;
use super::canvas::{Anchor, Area, Drawing};
use super::panel::headline;
use super::theme::{self, ink};

/// How many similarities are counted together: 0 to 1 in so many steps.
const BINS: usize = 50;
/// Height of a panel.
const PANEL: f64 = 190.0;

/// How similar exemplars are to the nearest of a side, each left out in turn.
#[derive(Debug, Clone)]
pub struct Spread<'a> {
    /// The side.
    pub side: Tone,
    /// The similarities of the good exemplars, 0 to 1.
    pub good: &'a [f64],
    /// The similarities of the bad exemplars, 0 to 1.
    pub bad: &'a [f64],
    /// From which similarity on a fragment is of that side.
    pub threshold: f64,
}

/// Histograms of similarities, a panel for each side: good exemplars upwards, bad ones downwards.
#[derive(Debug, Clone)]
pub struct EvaluationPicture<'a> {
    /// What the bank is called.
    pub title: String,
    /// What else there is to say.
    pub subtitle: Option<String>,
    /// The panels.
    pub spreads: &'a [Spread<'a>],
}

impl EvaluationPicture<'_> {
    /// Lays it out, 900 points wide.
    pub fn drawing(&self) -> Drawing {
        let mut drawing = Drawing::new(self.title.clone(), 900.0, theme::MARGIN, theme::BACKGROUND);
        let mut y = headline(&mut drawing, &self.title, self.subtitle.as_deref());
        for spread in self.spreads {
            let words = format!("Similarity to the nearest other {} exemplar", spread.side.name());
            drawing.heading((theme::GUTTER, y + theme::CAPTION), theme::CAPTION, ink(spread.side).rim, words);
            let area = Area::between(theme::GUTTER, y + 24.0, drawing.width - theme::MARGIN, y + 24.0 + PANEL);
            panel(&mut drawing, &area, spread);
            y = area.bottom() + theme::LABEL + 26.0;
        }
        drawing.height = y.ceil();
        drawing
    }
}

fn panel(drawing: &mut Drawing, area: &Area, spread: &Spread<'_>) {
    let [good, bad] = [spread.good, spread.bad].map(counts);
    let most = good.iter().chain(&bad).copied().max().unwrap_or(0).max(1);
    // A square root: among the many that are unlike, the few that are alike matter.
    let height = |count: usize| (count as f64 / most as f64).sqrt() * (area.height / 2.0 - 6.0);
    let middle = snapped(area.y + area.height / 2.0);
    let x = |similarity: f64| snapped(area.x + area.width * similarity.clamp(0.0, 1.0));
    drawing.rectangle(*area, theme::NATURAL_ROW);
    for step in 0..=10 {
        let (value, strong) = (f64::from(step) / 10.0, step % 5 == 0);
        let colour = if strong { theme::BAR_LINE } else { theme::BEAT_LINE };
        drawing.rectangle(Area { x: x(value) - 0.25, y: area.y, width: 0.5, height: area.height }, colour);
        let at = (x(value), area.bottom() + theme::LABEL + 5.0);
        drawing.text(at, Anchor::Middle, theme::LABEL, theme::QUIET_TEXT, format!("{value}"));
    }
    for (tone, counts) in [(Tone::Good, &good), (Tone::Bad, &bad)] {
        for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (left, right) = (x(bin as f64 / BINS as f64) + 1.0, x((bin + 1) as f64 / BINS as f64) - 1.0);
            let (top, bottom) = match tone {
                Tone::Bad => (middle + 1.0, middle + 1.0 + height(count)),
                _ => (middle - 1.0 - height(count), middle - 1.0),
            };
            drawing.pane(Area::between(left, snapped(top), right, snapped(bottom)), 1.0, ink(tone).rim, 0.9);
        }
    }
    drawing.rectangle(Area { x: area.x, y: middle - 0.5, width: area.width, height: 1.0 }, theme::BAR_LINE);
    for (tone, values, y) in [(Tone::Good, spread.good, area.y + 16.0), (Tone::Bad, spread.bad, area.bottom() - 8.0)] {
        let reached = values.iter().filter(|value| **value >= spread.threshold).count();
        let words = format!("{reached} of {} {} ones reach it", values.len(), tone.name());
        let (at, anchor) = if spread.threshold < 0.75 {
            (x(spread.threshold) + 8.0, Anchor::Start)
        } else {
            (x(spread.threshold) - 8.0, Anchor::End)
        };
        drawing.text((at, y), anchor, theme::LABEL, ink(tone).rim, words);
    }
    let at = x(spread.threshold);
    drawing.line(vec![(at, area.y - 4.0), (at, area.bottom())], ink(spread.side).overlap, 1.5, Some(4.0));
    let words = format!("threshold {:.2}", spread.threshold);
    drawing.text((at, area.y - 7.0), Anchor::Middle, theme::LABEL, theme::TEXT, words);
}

/// How many similarities fall into each step.
fn counts(values: &[f64]) -> [usize; BINS] {
    let mut counts = [0; BINS];
    for value in values.iter().filter(|value| !value.is_nan()) {
        counts[((value.clamp(0.0, 1.0) * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_similarity_is_counted() {
        let counted = counts(&[0.0, 0.019, 0.02, 0.5, 1.0, 1.2, -1.0, f64::NAN]);
        assert_eq!(counted.iter().sum::<usize>(), 7);
        assert_eq!((counted[0], counted[1], counted[25], counted[49]), (3, 1, 1, 2));
    }

    #[test]
    fn empty_sides_are_drawn() {
        let spreads = [Spread { side: Tone::Bad, good: &[], bad: &[], threshold: f64::NAN }];
        let picture = EvaluationPicture { title: "empty".into(), subtitle: None, spreads: &spreads };
        assert!(picture.drawing().svg().contains("0 of 0 good ones"));
    }
}
