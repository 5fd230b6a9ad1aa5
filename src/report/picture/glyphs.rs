//! Letters of any size from fonts of one size.
//!
//! The fonts that come with `embedded-graphics` are bitmaps. A text is set in the largest one,
//! enlarged fourfold with rounded corners, and sampled down to the size asked for, so that its
//! edges have shades in between.

use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::iso_8859_1::{FONT_9X18_BOLD, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::text::{Baseline, Text};

/// Letters that are drawn at most; no picture is wide enough for more.
const MAX_LETTERS: usize = 1000;

/// Times that a bitmap is enlarged.
const ENLARGED: f64 = 4.0;

/// A text as a bitmap, four times its font's size.
pub struct Letters {
    mask: Mask,
    /// The height of the font that counts as its size, and where the baseline is, in its pixels.
    em: f64,
    baseline: f64,
}

impl Letters {
    pub fn new(text: &str, bold: bool) -> Self {
        let font: &MonoFont<'_> = if bold { &FONT_9X18_BOLD } else { &FONT_10X20 };
        let text: String = text.chars().flat_map(plain).take(MAX_LETTERS).collect();
        let letter = font.character_size;
        let mut mask = Mask::new(letter.width as usize * text.chars().count(), letter.height as usize);
        let style = MonoTextStyle::new(font, BinaryColor::On);
        // Drawing on a mask cannot fail.
        let _ = Text::with_baseline(&text, Point::zero(), style, Baseline::Top).draw(&mut mask);
        // The advance of a letter is 0.6 of the size, as in most fonts of equal widths.
        Self { em: f64::from(letter.width) / 0.6, baseline: f64::from(font.baseline), mask: mask.doubled().doubled() }
    }

    /// Width in pixels at a size.
    pub fn width(&self, size: f64) -> f64 {
        self.mask.width as f64 / ENLARGED * size / self.em
    }

    /// Calls `paint` with column, row and coverage (0 to 1) of each pixel that the text touches,
    /// and that is in a picture of `width` x `height`, with the baseline's left end at (`left`,
    /// `baseline`).
    pub fn paint(
        &self,
        (left, baseline): (f64, f64),
        size: f64,
        (width, height): (usize, usize),
        mut paint: impl FnMut(usize, usize, f64),
    ) {
        const SAMPLES: usize = 4;
        let scale = size / self.em;
        let top = baseline - (self.baseline + 1.0) * scale;
        let (right, bottom) = (left + self.width(size), top + self.mask.height as f64 / ENLARGED * scale);
        if !(scale > 0.0 && scale.is_finite() && left.is_finite() && top.is_finite()) {
            return;
        }
        let lit = |x: f64, y: f64| {
            let (x, y) = ((x - left) * ENLARGED / scale, (y - top) * ENLARGED / scale);
            x >= 0.0 && y >= 0.0 && self.mask.get(x as usize, y as usize)
        };
        // Casts saturate, so what is left of the picture or above it is 0.
        for row in top.floor() as usize..(bottom.ceil() as usize).min(height) {
            for column in left.floor() as usize..(right.ceil() as usize).min(width) {
                let mut hits = 0;
                for sample in 0..SAMPLES * SAMPLES {
                    let within = |index: usize| (index as f64 + 0.5) / SAMPLES as f64;
                    let (dx, dy) = (within(sample % SAMPLES), within(sample / SAMPLES));
                    hits += usize::from(lit(column as f64 + dx, row as f64 + dy));
                }
                if hits > 0 {
                    paint(column, row, hits as f64 / (SAMPLES * SAMPLES) as f64);
                }
            }
        }
    }
}

/// The nearest characters that the fonts have; they show a question mark for the rest.
fn plain(c: char) -> impl Iterator<Item = char> {
    let text = match c {
        '\u{2018}' | '\u{2019}' => "'",
        '\u{201c}' | '\u{201d}' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2026}' => "...",
        '\u{266d}' => "b",
        '\u{266f}' => "#",
        '\t' | '\n' | '\r' => " ",
        _ => "",
    };
    text.chars().chain(text.is_empty().then_some(c))
}

struct Mask {
    width: usize,
    height: usize,
    pixels: Vec<bool>,
}

impl Mask {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![false; width * height] }
    }

    fn get(&self, x: usize, y: usize) -> bool {
        x < self.width && y < self.height && self.pixels[y * self.width + x]
    }

    /// Twice as large; a corner between two equal neighbours is rounded off (Scale2x, by Andrea
    /// Mazzoleni).
    fn doubled(&self) -> Self {
        let mut doubled = Self::new(2 * self.width, 2 * self.height);
        for y in 0..self.height {
            for x in 0..self.width {
                let above = y > 0 && self.get(x, y - 1);
                let left = x > 0 && self.get(x - 1, y);
                let (right, below) = (self.get(x + 1, y), self.get(x, y + 1));
                let own = self.get(x, y);
                let corner = |beside: bool, over: bool, across: bool, under: bool| {
                    if beside == over && beside != under && over != across { beside } else { own }
                };
                let at = 2 * y * doubled.width + 2 * x;
                doubled.pixels[at] = corner(left, above, right, below);
                doubled.pixels[at + 1] = corner(right, above, left, below);
                doubled.pixels[at + doubled.width] = corner(left, below, right, above);
                doubled.pixels[at + doubled.width + 1] = corner(right, below, left, above);
            }
        }
        doubled
    }
}

impl OriginDimensions for Mask {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Mask {
    type Color = BinaryColor;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Self::Error> {
        for Pixel(point, colour) in pixels {
            if let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y))
                && x < self.width
                && y < self.height
            {
                self.pixels[y * self.width + x] = colour.is_on();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(text: &str, size: f64) -> f64 {
        let mut sum = 0.0;
        Letters::new(text, false).paint((0.0, size), size, (4000, 100), |_, _, share| sum += share);
        sum
    }

    #[test]
    fn letters_grow_with_their_size() {
        let (small, large) = (coverage("judge", 12.0), coverage("judge", 24.0));
        assert!((large / small - 4.0).abs() < 0.3, "{small} {large}");
        assert!((Letters::new("judge", false).width(20.0) - 60.0).abs() < 1e-9);
    }

    #[test]
    fn any_text_and_size_is_taken() {
        for text in ["", "音楽", "\u{0}\n", "é…–♯", &"x".repeat(100_000)] {
            for size in [0.0, -1.0, 1e-3, 12.0, f64::NAN] {
                assert!(coverage(text, size).is_finite());
            }
        }
        assert!(coverage("音", 20.0) > 0.0, "a sign stands for what the font lacks");
    }
}
