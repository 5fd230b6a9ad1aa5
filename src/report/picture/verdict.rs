//! The picture of a verdict.

use super::axes::{PitchAxis, TimeAxis};
use super::canvas::{Anchor, Area, Drawing, Shape, Text, fit, printable, text_width};
use super::panel::{Swatch, draw, legend, mark_items};
use super::spans::Layers;
use super::theme::{self, ink};
use super::{Overlay, Tone};
use crate::judge::{Judge, Judgement, Match};
use crate::note::Fragment;
use crate::report::words;
use crate::roll::PianoRoll;
use crate::similarity::AlteredExemplar;

/// One match of a verdict.
#[derive(Debug, Clone)]
pub struct MatchPanel<'a> {
    /// The exemplar where it is brightest.
    pub overlay: Overlay<'a>,
    /// Its similarity, 0 to 1.
    pub similarity: f64,
    /// What was done to the exemplar, as in "+5 semitones, 3/2 as long"; may be empty.
    pub placement: String,
}

/// A verdict with what explains it: the fragment with its best good match above, and with its best
/// bad match below, on one time axis.
#[derive(Debug, Clone)]
pub struct MatchPicture<'a> {
    /// What the fragment is called.
    pub title: String,
    /// The verdict.
    pub verdict: Tone,
    /// Its score, 0 to 1.
    pub score: f64,
    /// The fragment.
    pub roll: &'a PianoRoll,
    /// The best good match.
    pub good: Option<MatchPanel<'a>>,
    /// The best bad match.
    pub bad: Option<MatchPanel<'a>>,
    /// The length of a bar, in quarters; without, the time axis counts quarters.
    pub quarters_per_bar: Option<f64>,
    /// The quarter of the time axis at which the fragment's first column begins.
    pub start: f64,
}

impl MatchPicture<'_> {
    /// Lays it out: 900 points wide, more when the music is long.
    pub fn drawing(&self) -> Drawing {
        let matches: Vec<_> = [&self.good, &self.bad].into_iter().flatten().collect();
        let mut panels: Vec<_> =
            matches.iter().map(|it| (Some(*it), Layers::new(self.roll, Some(&it.overlay)))).collect();
        if panels.is_empty() {
            panels.push((None, Layers::new(self.roll, None)));
        }
        let columns = panels
            .iter()
            .fold((0, 1), |(first, last), (_, layers)| (layers.columns.0.min(first), layers.columns.1.max(last)));
        let resolution = self.roll.resolution();
        let time = TimeAxis::new(theme::GUTTER, columns, resolution, self.start, self.quarters_per_bar);
        let mut drawing =
            Drawing::new(printable(&self.title), time.right + theme::MARGIN, theme::MARGIN, theme::BACKGROUND);
        let mut y = self.headline(&mut drawing);
        let most = 560.0 / panels.len() as f64;
        // The rows of both panels have one height, so the fragment looks the same in both.
        let row = panels.iter().map(|(_, layers)| PitchAxis::new(layers.rows, 0.0, most).row).fold(18.0, f64::min);
        for (index, (found, layers)) in panels.iter().enumerate() {
            y += if index == 0 { 0.0 } else { 14.0 };
            caption(&mut drawing, &time, y + theme::CAPTION, *found);
            let pitch = PitchAxis { row, ..PitchAxis::new(layers.rows, y + theme::CAPTION + 10.0, most) };
            let tone = found.map_or(Tone::Neutral, |it| it.overlay.tone);
            draw(&mut drawing, &time, &pitch, layers, tone);
            y = pitch.bottom();
        }
        time.draw_labels(&mut drawing, y);
        drawing.height = y + theme::LABEL + 8.0;
        if !matches.is_empty() {
            drawing.height += 26.0;
            let mut items = vec![(Swatch::Fragment, "fragment".to_owned())];
            for it in &matches {
                let tone = it.overlay.tone;
                items.push((Swatch::Exemplar(tone), format!("{} exemplar", tone.name())));
                items.push((Swatch::Overlap(tone), "both".to_owned()));
            }
            let tone = matches[0].overlay.tone;
            items.extend(mark_items(panels.iter().filter_map(|(_, layers)| layers.marks.as_ref()), tone));
            let baseline = drawing.height - 2.0;
            legend(&mut drawing, time.left, time.right, baseline, &items);
        }
        drawing.height = (drawing.height + theme::MARGIN * 0.75).ceil();
        drawing
    }

    /// The verdict on a plate of its colour, then the title. Returns the height that they take.
    fn headline(&self, drawing: &mut Drawing) -> f64 {
        let baseline = theme::MARGIN + theme::TITLE * 0.9;
        let words = format!("{} {}", self.verdict.name(), two_decimals(self.score));
        let plate = Area {
            x: theme::MARGIN,
            y: baseline - theme::TITLE,
            width: text_width(&words, 15.0) + 20.0,
            height: theme::TITLE * 1.4,
        };
        drawing.pane(plate, 5.0, ink(self.verdict).rim, 1.0);
        drawing.shapes.push(Shape::Text(Text {
            x: plate.x + plate.width / 2.0,
            y: baseline - 0.5,
            text: words,
            size: 15.0,
            anchor: Anchor::Middle,
            colour: theme::BACKGROUND,
            bold: true,
        }));
        let left = plate.right() + 14.0;
        let title = fit(&self.title, theme::TITLE, drawing.width - theme::MARGIN - left);
        drawing.heading((left, baseline), theme::TITLE, theme::TEXT, title);
        plate.bottom() + 16.0
    }
}

/// The picture of a judgement, as `judge FILE --picture` draws it: the best good and the best bad match.
///
/// ```
/// use judge::{Fragment, Judge, report::picture};
///
/// let judge = Judge::starter();
/// let phrase = Fragment::from_quarters(&[(60, 0.0, 1.0), (62, 1.0, 1.0), (64, 2.0, 1.0), (60, 3.0, 1.0)])?;
/// let drawing = picture::judged("a phrase", &judge, &phrase, &judge.judge(&phrase), Some(4.0));
/// assert!(drawing.svg().contains("a phrase"));
/// # Ok::<(), judge::Error>(())
/// ```
pub fn judged(
    title: impl Into<String>,
    judge: &Judge,
    fragment: &Fragment,
    judgement: &Judgement,
    quarters_per_bar: Option<f64>,
) -> Drawing {
    let best = [&judgement.good, &judgement.bad].map(|matches| matches.first());
    let [of_good, of_bad] = best.map(|it| judge.altered(it?.index));
    let roll = judge.comparer().fragment(fragment);
    MatchPicture {
        title: title.into(),
        verdict: judgement.verdict.into(),
        score: judgement.score,
        roll: roll.roll(),
        good: best[0].zip(of_good.as_deref()).and_then(|(it, altered)| panel(judge, fragment, it, altered)),
        bad: best[1].zip(of_bad.as_deref()).and_then(|(it, altered)| panel(judge, fragment, it, altered)),
        quarters_per_bar,
        start: fragment.to_quarters(fragment.lead()),
    }
    .drawing()
}

/// A match, with its exemplar under every alteration.
fn panel<'a>(judge: &Judge, fragment: &Fragment, it: &Match, altered: &'a AlteredExemplar) -> Option<MatchPanel<'a>> {
    let exemplar = &judge.bank().exemplars()[it.index];
    let overlay = Overlay::laid(altered, &it.likeness, &it.exemplar, exemplar.label.into())?;
    let overlay = overlay.explained(judge.comparer(), fragment, &exemplar.fragment, &it.likeness);
    let placement = it.likeness.placement;
    Some(MatchPanel { overlay, similarity: it.similarity, placement: words::placement(&placement) })
}

fn two_decimals(value: f64) -> String {
    if value.is_finite() { format!("{:.2}", value.clamp(0.0, 1.0)) } else { "?".into() }
}

fn caption(drawing: &mut Drawing, time: &TimeAxis, baseline: f64, found: Option<&MatchPanel<'_>>) {
    let (size, room) = (theme::CAPTION, time.right - time.left);
    let Some(found) = found else {
        let words = "nothing in the bank resembles it";
        drawing.text((time.left, baseline), Anchor::Start, size, theme::QUIET_TEXT, words);
        return;
    };
    let mut words = format!("similarity {}", two_decimals(found.similarity));
    if !found.placement.is_empty() {
        words += &format!("  \u{b7}  {}", found.placement);
    }
    let words = fit(&words, size, room * 0.6);
    let name = fit(&found.overlay.name, size, room - text_width(&words, size) - 20.0);
    drawing.heading((time.left, baseline), size, ink(found.overlay.tone).rim, name);
    drawing.text((time.right, baseline), Anchor::End, size, theme::TEXT, words);
}
