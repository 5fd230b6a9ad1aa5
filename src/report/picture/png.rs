//! Drawings as PNG.

use std::io;

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::primitives::Rectangle;

use super::canvas::{Anchor, Area, Colour, Drawing, Line, Pixels, Shape, Text};
use super::glyphs::Letters;

/// The widest PNG, in pixels.
pub const MAX_PNG_WIDTH: u32 = 4000;

/// The highest PNG, in pixels.
pub const MAX_PNG_HEIGHT: u32 = 2000;

/// Pixels a point, so that screens with fine pixels show it sharply; less where the picture would
/// become too large.
const SCALE: f64 = 2.0;

impl Drawing {
    /// Width and height in pixels of the PNG.
    pub fn png_size(&self) -> (u32, u32) {
        let scale = self.scale();
        let pixels = |length: f64, most: u32| ((length * scale).round() as u32).clamp(1, most);
        (pixels(self.width, MAX_PNG_WIDTH), pixels(self.height, MAX_PNG_HEIGHT))
    }

    fn scale(&self) -> f64 {
        let fitting = |length: f64, most: u32| if length > 0.0 { f64::from(most) / length } else { SCALE };
        SCALE.min(fitting(self.width, MAX_PNG_WIDTH)).min(fitting(self.height, MAX_PNG_HEIGHT))
    }

    /// The drawing as a PNG file: two pixels a point, at most [`MAX_PNG_WIDTH`] x
    /// [`MAX_PNG_HEIGHT`]. Its letters are those of ISO 8859-1; others are question marks.
    ///
    /// # Errors
    /// What the encoder cannot do; it is not expected to fail in memory.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let raster = self.raster();
        encode(&Pixels { width: raster.width, height: raster.height, pixels: raster.pixels })
    }

    fn raster(&self) -> Raster {
        let (width, height) = self.png_size();
        let background = self.background.channels;
        let pixels = vec![background; width as usize * height as usize];
        let mut raster = Raster { width: width as usize, height: height as usize, pixels, scale: self.scale() };
        for shape in &self.shapes {
            match shape {
                Shape::Rectangle { area, radius, fill, opacity } => raster.rectangle(area, *radius, *fill, *opacity),
                Shape::Under { points, base, fill, opacity } => raster.under(points, *base, *fill, *opacity),
                Shape::Image { area, pixels } => raster.image(area, pixels),
                Shape::Line(line) => raster.line(line),
                Shape::Text(text) => raster.text(text),
            }
        }
        raster
    }
}

/// Pixels as a PNG file.
pub(super) fn encode(pixels: &Pixels) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels.width as u32, pixels.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(io::Error::from)?;
    writer.write_image_data(pixels.pixels.as_flattened()).map_err(io::Error::from)?;
    writer.finish().map_err(io::Error::from)?;
    Ok(file)
}

/// The pixels of a picture, row by row from the top.
struct Raster {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
    scale: f64,
}

impl Raster {
    fn blend(&mut self, x: usize, y: usize, colour: Colour, share: f64) {
        if x < self.width && y < self.height && share > 0.0 {
            let pixel = &mut self.pixels[y * self.width + x];
            for (below, above) in pixel.iter_mut().zip(colour.channels) {
                *below = (f64::from(*below) + (f64::from(above) - f64::from(*below)) * share.min(1.0)).round() as u8;
            }
        }
    }

    /// The pixels from one coordinate to another that are in the picture.
    fn within(from: f64, to: f64, most: usize) -> std::ops::Range<usize> {
        // Casts saturate, and take NaN as 0.
        let (from, to) = (from.floor().max(0.0) as usize, to.ceil().max(0.0) as usize);
        from.min(most)..to.min(most)
    }

    fn rectangle(&mut self, area: &Area, radius: f64, fill: Colour, opacity: f64) {
        let edge = |at: f64| (at * self.scale).round().clamp(0.0, 1e6);
        let (left, top, right, bottom) = (edge(area.x), edge(area.y), edge(area.right()), edge(area.bottom()));
        let radius = (radius * self.scale).min((right - left) / 2.0).min((bottom - top) / 2.0);
        if radius < 1.0 && opacity >= 1.0 {
            let size = Size::new((right - left).max(0.0) as u32, (bottom - top).max(0.0) as u32);
            let [red, green, blue] = fill.channels;
            let rectangle = Rectangle::new(Point::new(left as i32, top as i32), size);
            // Drawing in memory cannot fail.
            let _ = self.fill_solid(&rectangle, Rgb888::new(red, green, blue));
            return;
        }
        for y in Self::within(top, bottom, self.height) {
            for x in Self::within(left, right, self.width) {
                // How far the pixel's middle is inside the arc of the nearest corner.
                let (cx, cy) = (x as f64 + 0.5, y as f64 + 0.5);
                let dx = (left + radius - cx).max(cx - right + radius).max(0.0);
                let dy = (top + radius - cy).max(cy - bottom + radius).max(0.0);
                let share = if radius < 1.0 { 1.0 } else { (radius - dx.hypot(dy) + 0.5).clamp(0.0, 1.0) };
                self.blend(x, y, fill, share * opacity);
            }
        }
    }

    fn image(&mut self, area: &Area, pixels: &Pixels) {
        let edge = |at: f64| (at * self.scale).round().clamp(0.0, 1e6);
        let (left, top, right, bottom) = (edge(area.x), edge(area.y), edge(area.right()), edge(area.bottom()));
        let place = |at: usize, from: f64, to: f64, count: usize| {
            let share = (at as f64 + 0.5 - from) / (to - from).max(1.0);
            ((share * count as f64).max(0.0) as usize).min(count.saturating_sub(1))
        };
        for y in Self::within(top, bottom, self.height) {
            let row = place(y, top, bottom, pixels.height) * pixels.width;
            for x in Self::within(left, right, self.width) {
                if let Some(&pixel) = pixels.pixels.get(row + place(x, left, right, pixels.width)) {
                    self.pixels[y * self.width + x] = pixel;
                }
            }
        }
    }

    fn under(&mut self, points: &[(f64, f64)], base: f64, fill: Colour, opacity: f64) {
        let base = base * self.scale;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (self.device(pair[0]), self.device(pair[1]));
            // A pixel belongs to the segment that its middle is under.
            for x in Self::within((x0 - 0.5).ceil(), x1 - 0.5, self.width) {
                let middle = x as f64 + 0.5;
                let edge = y0 + (y1 - y0) * ((middle - x0) / (x1 - x0)).clamp(0.0, 1.0);
                let (top, bottom) = (edge.min(base), edge.max(base));
                for y in Self::within(top, bottom, self.height) {
                    let share = (y as f64 + 1.0).min(bottom) - (y as f64).max(top);
                    self.blend(x, y, fill, share * opacity);
                }
            }
        }
    }

    fn device(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (x * self.scale, y * self.scale)
    }

    fn line(&mut self, line: &Line) {
        let half = (line.thickness * self.scale).max(1.0) / 2.0;
        for pair in line.points.windows(2) {
            let (from, to) = (self.device(pair[0]), self.device(pair[1]));
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let Some(dash) = line.dash.map(|dash| (dash * self.scale).max(1.0)).filter(|_| length < 1e5) else {
                self.segment(from, to, half, line.colour);
                continue;
            };
            let along = |at: f64| {
                let share = (at / length).min(1.0);
                (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
            };
            let mut at = 0.0;
            while at < length {
                self.segment(along(at), along(at + dash), half, line.colour);
                at += 2.0 * dash;
            }
        }
    }

    /// A straight line with flat ends.
    fn segment(&mut self, from: (f64, f64), to: (f64, f64), half: f64, colour: Colour) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy);
        if !(length > 0.0 && length.is_finite()) {
            return;
        }
        for y in Self::within(from.1.min(to.1) - half, from.1.max(to.1) + half, self.height) {
            for x in Self::within(from.0.min(to.0) - half, from.0.max(to.0) + half, self.width) {
                let (px, py) = (x as f64 + 0.5 - from.0, y as f64 + 0.5 - from.1);
                let across = (px * dy - py * dx).abs() / length;
                let beyond = ((px * dx + py * dy) / length - length / 2.0).abs() - length / 2.0;
                let share = (half + 0.5 - across).clamp(0.0, 1.0) * (0.5 - beyond).clamp(0.0, 1.0);
                self.blend(x, y, colour, share);
            }
        }
    }

    fn text(&mut self, text: &Text) {
        let size = (text.size * self.scale).min(400.0);
        let letters = Letters::new(&text.text, text.bold);
        let (x, y) = self.device((text.x, text.y));
        let left = match text.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - letters.width(size) / 2.0,
            Anchor::End => x - letters.width(size),
        };
        letters.paint((left.round(), y.round()), size, (self.width, self.height), |x, y, share| {
            self.blend(x, y, text.colour, share);
        });
    }
}

impl OriginDimensions for Raster {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Raster {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Self::Error> {
        for Pixel(point, colour) in pixels {
            if let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y))
                && x < self.width
                && y < self.height
            {
                self.pixels[y * self.width + x] = [colour.r(), colour.g(), colour.b()];
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Self::Error> {
        let range = |start: i32, length: u32, most: usize| {
            let start = i64::from(start);
            let bound = |at: i64| usize::try_from(at.max(0)).unwrap_or(most).min(most);
            bound(start)..bound(start + i64::from(length))
        };
        let columns = range(area.top_left.x, area.size.width, self.width);
        for y in range(area.top_left.y, area.size.height, self.height) {
            let row = y * self.width;
            self.pixels[row + columns.start..row + columns.end].fill([colour.r(), colour.g(), colour.b()]);
        }
        Ok(())
    }
}
