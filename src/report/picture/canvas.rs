//! The drawing that pictures are laid out on, and that is then written in some format.

/// A colour, without transparency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Red, green and blue, 0 to 255.
    pub channels: [u8; 3],
}

impl Colour {
    /// A colour from `0xRRGGBB`.
    pub const fn rgb(hex: u32) -> Self {
        Self { channels: [(hex >> 16) as u8, (hex >> 8) as u8, hex as u8] }
    }
}

/// A rectangle of the drawing, in points; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// The left edge.
    pub x: f64,
    /// The top edge.
    pub y: f64,
    /// From the left edge to the right one.
    pub width: f64,
    /// From the top edge to the bottom one.
    pub height: f64,
}

impl Area {
    /// The rectangle between two opposite corners.
    pub fn between(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { x: left, y: top, width: right - left, height: bottom - top }
    }

    /// The right edge.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The bottom edge.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The same rectangle with each edge `by` further out; further in when negative.
    #[must_use]
    pub fn grown(&self, by: f64) -> Self {
        Self::between(self.x - by, self.y - by, self.right() + by, self.bottom() + by)
    }
}

/// Which point of a text its position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The left end of the baseline.
    Start,
    /// The middle of the baseline.
    Middle,
    /// The right end of the baseline.
    End,
}

/// A line through points.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The points, as `(x, y)`.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub colour: Colour,
    /// Its thickness.
    pub thickness: f64,
    /// Length of each dash and of each gap; a full line without.
    pub dash: Option<f64>,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Where its anchor is.
    pub x: f64,
    /// Where its baseline is.
    pub y: f64,
    /// What it says.
    pub text: String,
    /// Height of the font.
    pub size: f64,
    /// Which of its points is at `x`.
    pub anchor: Anchor,
    /// Its colour.
    pub colour: Colour,
    /// Whether it is bold.
    pub bold: bool,
}

/// A picture of pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Red, green and blue of each, row by row from the top.
    pub pixels: Vec<[u8; 3]>,
}

/// One thing on a drawing.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A picture of pixels, stretched over an area without smoothing.
    Image {
        /// Where it is.
        area: Area,
        /// What it shows.
        pixels: Pixels,
    },
    /// A filled rectangle.
    Rectangle {
        /// Where it is.
        area: Area,
        /// Radius of its corners; 0 for square ones.
        radius: f64,
        /// Its colour.
        fill: Colour,
        /// 0 (nothing is seen of it) to 1.
        opacity: f64,
    },
    /// What is between a line, drawn from left to right, and a horizontal line.
    Under {
        /// The line's points, as `(x, y)`, from left to right.
        points: Vec<(f64, f64)>,
        /// Where the horizontal line is.
        base: f64,
        /// Its colour.
        fill: Colour,
        /// 0 (nothing is seen of it) to 1.
        opacity: f64,
    },
    /// A line.
    Line(Line),
    /// A text.
    Text(Text),
}

/// Shapes, the first at the bottom, on a background.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// What it shows, for those who cannot see it.
    pub title: String,
    /// Width in points. A point is a pixel of an SVG shown in its own size, two of a PNG.
    pub width: f64,
    /// Height in points.
    pub height: f64,
    /// The colour where no shape is.
    pub background: Colour,
    /// What is on it.
    pub shapes: Vec<Shape>,
}

impl Drawing {
    /// An empty drawing.
    pub fn new(title: impl Into<String>, width: f64, height: f64, background: Colour) -> Self {
        Self { title: title.into(), width, height, background, shapes: Vec::new() }
    }

    /// Adds an opaque rectangle.
    pub fn rectangle(&mut self, area: Area, fill: Colour) {
        self.shapes.push(Shape::Rectangle { area, radius: 0.0, fill, opacity: 1.0 });
    }

    /// Adds a picture of pixels, stretched over an area.
    pub fn image(&mut self, area: Area, pixels: Pixels) {
        self.shapes.push(Shape::Image { area, pixels });
    }

    /// Adds a rectangle with round corners that what is below shines through.
    pub fn pane(&mut self, area: Area, radius: f64, fill: Colour, opacity: f64) {
        self.shapes.push(Shape::Rectangle { area, radius, fill, opacity });
    }

    /// Adds what is between a line, drawn from left to right, and a horizontal line.
    pub fn under(&mut self, points: Vec<(f64, f64)>, base: f64, fill: Colour, opacity: f64) {
        self.shapes.push(Shape::Under { points, base, fill, opacity });
    }

    /// Adds a line through points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, colour: Colour, thickness: f64, dash: Option<f64>) {
        self.shapes.push(Shape::Line(Line { points, colour, thickness, dash }));
    }

    /// Adds a text, unless it is empty.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: f64, colour: Colour, text: impl Into<String>) {
        self.write(Text { x, y, text: text.into(), size, anchor, colour, bold: false });
    }

    /// Adds a bold text that begins at a point, unless it is empty.
    pub fn heading(&mut self, (x, y): (f64, f64), size: f64, colour: Colour, text: impl Into<String>) {
        self.write(Text { x, y, text: text.into(), size, anchor: Anchor::Start, colour, bold: true });
    }

    fn write(&mut self, text: Text) {
        if !text.text.is_empty() {
            self.shapes.push(Shape::Text(text));
        }
    }
}

/// The width that a text needs, whichever format it is written in.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    // 0.6 is the advance of the PNG's fonts; an SVG's sans-serif is narrower. From the first
    // Hangul letters on, most scripts are as wide as high.
    text.chars().map(|c| if u32::from(c) < 0x1100 { 0.6 } else { 1.0 }).sum::<f64>() * size
}

/// A text on one line that is no wider than `width`: its middle is left out where it has to be, for
/// the beginning and the end of a path tell most.
pub(super) fn fit(text: &str, size: f64, width: f64) -> String {
    let text = printable(text);
    if text_width(&text, size) <= width {
        return text;
    }
    let characters: Vec<char> = text.chars().collect();
    let within = |mut room: f64, characters: &mut dyn Iterator<Item = &char>| {
        let fits = |c: &&char| {
            room -= text_width(c.encode_utf8(&mut [0; 4]), size);
            room >= 0.0
        };
        characters.take_while(fits).count()
    };
    let room = width - text_width("...", size);
    let tail = within(room * 0.6, &mut characters.iter().rev());
    let head = within(room * 0.4, &mut characters.iter());
    if tail == 0 {
        return String::new();
    }
    characters[..head].iter().chain(&['.'; 3]).chain(&characters[characters.len() - tail..]).collect()
}

/// The text without what would act on a terminal or is refused by XML: control characters, marks of
/// writing direction, characters that are none.
pub(super) fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_to_their_width() {
        assert_eq!(fit("short.mid", 10.0, 60.0), "short.mid");
        let cut = fit("a/very/long/path/of/folders/to/ode-to-joy.mid", 10.0, 150.0);
        assert!(text_width(&cut, 10.0) <= 150.0 && cut.starts_with("a/") && cut.ends_with("joy.mid"), "{cut}");
        assert!(text_width(&fit("音楽音楽音楽音楽音楽音楽", 10.0, 90.0), 10.0) <= 90.0);
        for width in [-1.0, 0.0, 1.0, 18.0, f64::NAN] {
            assert_eq!(fit("anything", 10.0, width), "");
        }
    }

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{202e}c\u{ffff}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}");
    }
}
