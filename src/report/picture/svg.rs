//! Drawings as SVG.

use std::fmt::Write;

use base64::Engine;

use super::canvas::{Anchor, Area, Colour, Drawing, Line, Pixels, Shape, Text, printable};

/// Fonts that the common systems have, the plainest at the end.
const FONTS: &str = "ui-sans-serif, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

impl Drawing {
    /// The drawing as a standalone SVG document.
    pub fn svg(&self) -> String {
        let (width, height) = (Number(self.width.max(0.0)), Number(self.height.max(0.0)));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"{FONTS}\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
            Escaped(&self.title),
            Hex(self.background),
        );
        // Writing to a string cannot fail.
        let _ = self.write_shapes(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn write_shapes(&self, svg: &mut String) -> std::fmt::Result {
        // Rectangles of one look that follow each other share a group, which halves the document.
        let mut group = None;
        for shape in &self.shapes {
            let look = match shape {
                Shape::Rectangle { fill, opacity, radius, .. } => Some((*fill, *opacity, *radius)),
                _ => None,
            };
            if group.is_some() && group != look {
                svg.push_str("</g>\n");
            }
            match shape {
                Shape::Rectangle { area, radius, fill, opacity } => {
                    if group != look {
                        write!(svg, "<g fill=\"{}\"", Hex(*fill))?;
                        if *opacity < 1.0 {
                            write!(svg, " fill-opacity=\"{}\"", Number(*opacity))?;
                        }
                        svg.push_str(">\n");
                    }
                    write!(svg, "<rect x=\"{}\" y=\"{}\"", Number(area.x), Number(area.y))?;
                    let (width, height) = (Number(area.width.max(0.0)), Number(area.height.max(0.0)));
                    write!(svg, " width=\"{width}\" height=\"{height}\"")?;
                    if *radius > 0.0 {
                        write!(svg, " rx=\"{}\"", Number(*radius))?;
                    }
                    svg.push_str("/>\n");
                }
                Shape::Under { points, base, fill, opacity } => {
                    if let (Some(first), Some(last)) = (points.first(), points.last()) {
                        write!(svg, "<path fill=\"{}\" fill-opacity=\"{}\" d=\"M", Hex(*fill), Number(*opacity))?;
                        write_points(svg, [&(first.0, *base)].into_iter().chain(points).chain([&(last.0, *base)]))?;
                        svg.push_str("Z\"/>\n");
                    }
                }
                Shape::Image { area, pixels } => write_image(svg, area, pixels)?,
                Shape::Line(line) => write_line(svg, line)?,
                Shape::Text(text) => write_text(svg, text)?,
            }
            group = look;
        }
        if group.is_some() {
            svg.push_str("</g>\n");
        }
        Ok(())
    }
}

fn write_image(svg: &mut String, area: &Area, pixels: &Pixels) -> std::fmt::Result {
    let (x, y, width, height) = (Number(area.x), Number(area.y), Number(area.width), Number(area.height));
    write!(svg, "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\"")?;
    svg.push_str(" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,");
    // Encoding in memory does not fail.
    let png = super::png::encode(pixels).unwrap_or_default();
    base64::engine::general_purpose::STANDARD.encode_string(png, svg);
    svg.push_str("\"/>\n");
    Ok(())
}

fn write_line(svg: &mut String, line: &Line) -> std::fmt::Result {
    let (colour, thickness) = (Hex(line.colour), Number(line.thickness));
    write!(svg, "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thickness}\" stroke-linejoin=\"round\"")?;
    if let Some(dash) = line.dash {
        write!(svg, " stroke-dasharray=\"{}\"", Number(dash))?;
    }
    svg.push_str(" points=\"");
    write_points(svg, line.points.iter())?;
    svg.push_str("\"/>\n");
    Ok(())
}

fn write_points<'a>(svg: &mut String, points: impl Iterator<Item = &'a (f64, f64)>) -> std::fmt::Result {
    for (index, &(x, y)) in points.enumerate() {
        write!(svg, "{}{},{}", if index == 0 { "" } else { " " }, Number(x), Number(y))?;
    }
    Ok(())
}

fn write_text(svg: &mut String, text: &Text) -> std::fmt::Result {
    let (x, y, size, fill) = (Number(text.x), Number(text.y), Number(text.size), Hex(text.colour));
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.bold { " font-weight=\"600\"" } else { "" };
    let words = Escaped(&text.text);
    writeln!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{fill}\"{anchor}{weight}>{words}</text>")
}

/// A number with at most two decimals; 0 for what is none.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        // Adding 0 turns -0 into 0.
        if rounded.is_finite() { (rounded + 0.0).fmt(f) } else { f.write_str("0") }
    }
}

struct Hex(Colour);

impl std::fmt::Display for Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0.channels;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Text as XML takes it.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in printable(self.0).chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
