//! The picture of a roll.

use super::axes::{PitchAxis, TimeAxis};
use super::canvas::{Drawing, printable};
use super::panel::{Swatch, draw, headline, legend, mark_items};
use super::spans::Layers;
use super::{Overlay, Tone, theme};
use crate::roll::PianoRoll;

/// A roll in its axes, perhaps with another one laid on it.
///
/// ```
/// use judge::report::picture::RollPicture;
/// use judge::{Fragment, PianoRoll};
///
/// let roll = PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 4.0)])?, 12);
/// let drawing = RollPicture { quarters_per_bar: Some(4.0), ..RollPicture::new("one note", &roll) }.drawing();
/// assert!(drawing.png()?.starts_with(b"\x89PNG"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RollPicture<'a> {
    /// What it is called.
    pub title: String,
    /// What else there is to say.
    pub subtitle: Option<String>,
    /// What is shown.
    pub roll: &'a PianoRoll,
    /// What is laid on it.
    pub overlay: Option<Overlay<'a>>,
    /// The length of a bar, in quarters; without, the time axis counts quarters.
    pub quarters_per_bar: Option<f64>,
    /// The quarter of the time axis at which the roll's first column begins.
    pub start: f64,
}

impl<'a> RollPicture<'a> {
    /// A roll alone, from quarter 0 on.
    pub fn new(title: impl Into<String>, roll: &'a PianoRoll) -> Self {
        Self { title: title.into(), subtitle: None, roll, overlay: None, quarters_per_bar: None, start: 0.0 }
    }

    /// Lays it out: 900 points wide, more when the music is long.
    pub fn drawing(&self) -> Drawing {
        let layers = Layers::new(self.roll, self.overlay.as_ref());
        let resolution = self.roll.resolution();
        let time = TimeAxis::new(theme::GUTTER, layers.columns, resolution, self.start, self.quarters_per_bar);
        let mut drawing =
            Drawing::new(printable(&self.title), time.right + theme::MARGIN, theme::MARGIN, theme::BACKGROUND);
        let top = headline(&mut drawing, &self.title, self.subtitle.as_deref());
        let pitch = PitchAxis::new(layers.rows, top, 400.0);
        let tone = self.overlay.as_ref().map_or(Tone::Neutral, |overlay| overlay.tone);
        draw(&mut drawing, &time, &pitch, &layers, tone);
        time.draw_labels(&mut drawing, pitch.bottom());
        drawing.height = pitch.bottom() + theme::LABEL + 8.0;
        if let Some(overlay) = &self.overlay {
            drawing.height += 26.0;
            let share = format!("both: {:.0} % of the fragment", (layers.share * 100.0).floor());
            let mut items = vec![
                (Swatch::Fragment, "fragment".to_owned()),
                (Swatch::Exemplar(tone), overlay.name.clone()),
                (Swatch::Overlap(tone), share),
            ];
            items.extend(mark_items(layers.marks.iter(), tone));
            let baseline = drawing.height - 2.0;
            legend(&mut drawing, time.left, time.right, baseline, &items);
        }
        drawing.height = (drawing.height + theme::MARGIN * 0.75).ceil();
        drawing
    }
}
