//! What crosses the pictures' modules.

use super::axes::{PitchAxis, TimeAxis};
use super::*;
use crate::note::Fragment;

fn roll(notes: &[(u8, f64, f64)]) -> PianoRoll {
    PianoRoll::of(&Fragment::from_quarters(notes).unwrap(), 12)
}

/// Width, height and pixels of a PNG.
fn decode(drawing: &Drawing) -> (u32, u32, Vec<[u8; 3]>) {
    let file = drawing.png().unwrap();
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (::png::ColorType::Rgb, ::png::BitDepth::Eight));
    (info.width, info.height, bytes.as_chunks().0.to_vec())
}

/// Whether tags are nested, attributes quoted and texts escaped.
fn is_well_formed(xml: &str) -> bool {
    let escaped = |text: &str| {
        let entity = |rest: &&str| ["lt;", "gt;", "amp;", "quot;", "#39;"].iter().any(|name| rest.starts_with(name));
        !text.contains('<') && text.split('&').skip(1).all(|rest| entity(&rest))
    };
    let mut open = Vec::new();
    let mut rest = xml.trim_end();
    while let Some(start) = rest.find('<') {
        let Some(end) = rest.find('>') else { return false };
        let (text, tag) = (&rest[..start], &rest[start + 1..end]);
        if !escaped(text) || (open.is_empty() && !text.is_empty()) || tag.matches('"').count() % 2 == 1 {
            return false;
        }
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        rest = &rest[end + 1..];
    }
    open.is_empty() && rest.is_empty()
}

/// All that holds of any drawing.
fn check(drawing: &Drawing) {
    let svg = drawing.svg();
    assert!(is_well_formed(&svg), "{}", &svg[..svg.len().min(2000)]);
    assert!(svg.len() < 40 << 20);
    assert!(!svg.contains("NaN") && !svg.contains("inf\""));
    let (width, height, pixels) = decode(drawing);
    assert_eq!((width, height), drawing.png_size());
    assert!(width <= MAX_PNG_WIDTH && height <= MAX_PNG_HEIGHT);
    assert!(drawing.width <= 2000.0 && drawing.height <= 1000.0, "{} x {}", drawing.width, drawing.height);
    // Nothing touches the edges.
    let background = drawing.background.channels;
    let (width, last) = (width as usize, pixels.len() - width as usize);
    assert!(pixels[..width].iter().chain(&pixels[last..]).all(|&pixel| pixel == background));
    assert!(pixels.iter().step_by(width).chain(pixels[width - 1..].iter().step_by(width)).all(|&it| it == background));
    texts_are_apart(drawing);
}

/// No text covers another, or leaves the drawing.
fn texts_are_apart(drawing: &Drawing) {
    let place = |shape: &Shape| {
        let Shape::Text(text) = shape else { return None };
        let width = canvas::text_width(&text.text, text.size);
        let left = match text.anchor {
            Anchor::Start => text.x,
            Anchor::Middle => text.x - width / 2.0,
            Anchor::End => text.x - width,
        };
        let area = Area { x: left, y: text.y - text.size * 0.75, width, height: text.size * 0.75 };
        assert!(left >= 0.0 && area.right() <= drawing.width && text.y <= drawing.height, "{text:?}");
        Some((area, text.text.clone()))
    };
    let places: Vec<_> = drawing.shapes.iter().filter_map(place).collect();
    for (index, (a, left)) in places.iter().enumerate() {
        for (b, right) in &places[index + 1..] {
            let beside = a.right() <= b.x || b.right() <= a.x;
            assert!(beside || a.bottom() <= b.y || b.bottom() <= a.y, "{left:?} covers {right:?}");
        }
    }
}

#[test]
fn well_formed_is_told_from_broken() {
    assert!(is_well_formed("<a><b x=\"1\"/>t &amp; u</a>\n"));
    for xml in ["<a>", "<a></b>", "<a>&</a>", "<a x=\"1></a>", "<a></a>x", "x<a></a>"] {
        assert!(!is_well_formed(xml), "{xml}");
    }
}

#[test]
fn the_overlap_is_bright_where_both_sound() {
    let (fragment, exemplar) = (roll(&[(60, 0.0, 2.0)]), roll(&[(57, 0.0, 2.0)]));
    for tone in [Tone::Good, Tone::Bad, Tone::Neutral] {
        let overlay = Overlay::new("exemplar", &exemplar, tone).placed(3, 12);
        let drawing = RollPicture { overlay: Some(overlay), ..RollPicture::new("t", &fragment) }.drawing();
        check(&drawing);
        let Some(Shape::Rectangle { area, .. }) =
            drawing.shapes.iter().find(|shape| matches!(shape, Shape::Rectangle { .. }))
        else {
            panic!("the rows' background comes first");
        };
        let time = TimeAxis::new(theme::GUTTER, (0, 36), 12, 0.0, None);
        let pitch = PitchAxis::new((60, 60), area.y, 400.0);
        let (width, _, pixels) = decode(&drawing);
        let at = |quarter: f64| {
            let (x, y) = (time.x(quarter) * 2.0, (pitch.y(60) + pitch.row / 2.0) * 2.0);
            Colour { channels: pixels[y as usize * width as usize + x as usize] }
        };
        assert_eq!(at(0.5), theme::FRAGMENT);
        assert_eq!(at(1.5), theme::ink(tone).overlap);
        assert_eq!(at(2.5), theme::ink(tone).body);
        assert_ne!(at(3.5), theme::FRAGMENT);
    }
}

#[test]
fn an_empty_overlap_is_nowhere_bright() {
    let (fragment, exemplar) = (roll(&[(60, 0.0, 2.0)]), roll(&[(61, 0.0, 2.0)]));
    let overlay = Overlay::new("beside", &exemplar, Tone::Good);
    let drawing = RollPicture { overlay: Some(overlay.clone()), ..RollPicture::new("t", &fragment) }.drawing();
    check(&drawing);
    let bright =
        |shape: &&Shape| matches!(shape, Shape::Rectangle { fill, .. } if *fill == theme::ink(Tone::Good).overlap);
    // The legend's sample and its glow.
    assert_eq!(drawing.shapes.iter().filter(bright).count(), 2);
    assert!(drawing.svg().contains("both: 0 % of the fragment"));
    assert!(!terminal(&fragment, Some(&overlay), 60, 10, false).lines().rev().skip(1).any(|line| line.contains('█')));
}

const NASTY: &str = "<a href=\"x\">&'\u{0}\u{1b}[31m\n音楽\u{202e}Ünïcödé</a> and so on and on and on and on and on/\
                     and/on/and/on/and/on/until/it/is/much/too/long/for/any/picture/of/a/sensible/width/fragment.mid";

#[test]
fn any_music_has_a_bounded_picture() {
    let one = roll(&[(60, 0.0, 1.0)]);
    let instant = roll(&[(0, 0.0, 0.0)]);
    let all: Vec<_> = (0..128).map(|pitch| (pitch, f64::from(pitch), 1.0)).collect();
    let all = roll(&all);
    let many: Vec<_> = (0..60_000_u32).map(|i| ((i * 7 % 128) as u8, f64::from(i) / 3.5, 0.2)).collect();
    let many = roll(&many);
    assert!(many.columns() >= 200_000);
    let dark = all.slice(0, 0);
    let faint = PianoRoll::from_image(ndarray::array![[0.1, 0.9, 0.5], [0.0, 1.0, 1e-9]].view(), -300, 0).unwrap();
    let rolls = [&one, &instant, &all, &many, &dark, &faint];
    let places = [(0, 0), (-200, -500), (i32::MAX, i64::MAX), (i32::MIN, i64::MIN)];
    for (index, fragment) in rolls.into_iter().enumerate() {
        check(&RollPicture::new("", fragment).drawing());
        let exemplar = rolls[(index + 3) % rolls.len()];
        for (transposition, shift) in places {
            let overlay = Overlay::new(NASTY, exemplar, Tone::Bad).placed(transposition, shift);
            let picture = RollPicture {
                subtitle: Some(NASTY.into()),
                overlay: Some(overlay.clone()),
                quarters_per_bar: Some(3.5),
                start: f64::MAX,
                ..RollPicture::new(NASTY, fragment)
            };
            check(&picture.drawing());
            for (columns, rows) in [(0, 0), (1, 1), (10, 3), (80, 24), (usize::MAX, usize::MAX)] {
                for colour in [false, true] {
                    fits(&terminal(fragment, Some(&overlay), columns, rows, colour), columns, rows);
                    fits(&terminal(fragment, None, columns, rows, colour), columns, rows);
                }
            }
        }
    }
}

/// A terminal's picture is no larger than asked for, and without escapes when its colours are left out.
fn fits(text: &str, columns: usize, rows: usize) {
    let mut plain = String::new();
    for (index, part) in text.split("\u{1b}[").enumerate() {
        plain += if index == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(plain.lines().count() <= rows.max(3));
    for line in plain.lines() {
        let width: usize =
            line.chars().map(|c| if u32::from(c) >= 0x1100 && !"█▒─▄▀┊\u{fffd}".contains(c) { 2 } else { 1 }).sum();
        assert!(width <= columns.max(1), "{width} > {columns}: {line}");
    }
}

#[test]
fn verdicts_have_one_or_two_panels_or_none() {
    let (fragment, low, high) = (roll(&[(60, 0.0, 4.0)]), roll(&[(20, 0.0, 90.0)]), roll(&[(100, 0.0, 2.0)]));
    let panel = |name: &str, roll, tone, similarity| MatchPanel {
        overlay: Overlay::new(name, roll, tone).placed(0, -7),
        similarity,
        placement: "inverted, 3/2 as long, +5 semitones, and more words than there is room for in a caption".into(),
    };
    let good = panel("good/a.mid", &low, Tone::Good, 0.914);
    let bad = panel(NASTY, &high, Tone::Bad, f64::NAN);
    for (good, bad) in [(None, None), (Some(&good), None), (None, Some(&bad)), (Some(&good), Some(&bad))] {
        let picture = MatchPicture {
            title: NASTY.into(),
            verdict: Tone::Good,
            score: 0.874,
            roll: &fragment,
            good: good.cloned(),
            bad: bad.cloned(),
            quarters_per_bar: Some(4.0),
            start: 0.0,
        };
        let drawing = picture.drawing();
        check(&drawing);
        let svg = drawing.svg();
        assert!(svg.contains("good 0.87"));
        assert_eq!(svg.contains("similarity 0.91"), good.is_some());
        assert_eq!(svg.contains("nothing in the bank"), good.is_none() && bad.is_none());
    }
}

#[test]
fn scans_take_any_curve() {
    let piece = roll(&[(60, 0.0, 4.0), (72, 60.0, 4.0)]);
    let times: Vec<f64> = (0..100_000).map(|index| f64::from(index) / 1000.0).collect();
    let wave: Vec<f64> = times.iter().map(|time| time.sin()).collect();
    let odd = [f64::NAN, f64::INFINITY, -1.0, 2.0, 0.5];
    let mark = |start, end| Mark { start, end, name: NASTY.into(), tone: Tone::Good };
    let mut marks: Vec<_> = (0..50).map(|index| mark(f64::from(index), f64::from(index) + 3.0)).collect();
    marks.extend([mark(f64::NAN, 1.0), mark(9.0, 2.0), mark(-10.0, -5.0), mark(0.0, 1e300), mark(5.0, 5.0)]);
    let lists: [(&[f64], &[f64]); 5] =
        [(&times, &wave), (&[], &[]), (&[1.0], &[0.9]), (&odd, &odd), (&[3.0, 1.0, 2.0], &[1.0, 0.0, 1.0])];
    for (times, values) in lists {
        for (good_threshold, bad_threshold) in [(0.7, 0.7), (0.5, 0.9), (0.0, 0.0), (1.0, 1.0), (f64::NAN, 7.0)] {
            let picture = ScanPicture {
                title: NASTY.into(),
                subtitle: Some("subtitle".into()),
                piece: &piece,
                times,
                good: values,
                bad: &wave,
                good_threshold,
                bad_threshold,
                marks: &marks,
                quarters_per_bar: None,
                start: 0.0,
            };
            let drawing = picture.drawing();
            check(&drawing);
            let points = |shape: &Shape| if let Shape::Line(line) = shape { line.points.len() } else { 0 };
            assert!(drawing.shapes.iter().map(points).max().unwrap_or(0) < 4001);
        }
    }
}

#[test]
fn any_drawing_can_be_written() {
    let mut drawing = Drawing::new("t", f64::NAN, f64::INFINITY, theme::BACKGROUND);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e300, 1e300, 0.0] {
        drawing.pane(Area { x: value, y: 0.0, width: value, height: 3.0 }, value, theme::TEXT, value);
        drawing.line(vec![(0.0, value), (value, 3.0)], theme::TEXT, value, Some(value));
        drawing.under(vec![(0.0, value), (value, 3.0)], value, theme::TEXT, value);
        drawing.text((value, 1.0), Anchor::Middle, value, theme::TEXT, "text");
    }
    for (width, height) in [(f64::NAN, f64::INFINITY), (0.0, -1.0), (1e9, 1.0), (300.0, 200.0)] {
        (drawing.width, drawing.height) = (width, height);
        let (width, height, pixels) = decode(&drawing);
        assert_eq!((width, height), drawing.png_size());
        assert_eq!(pixels.len(), width as usize * height as usize);
        assert!(is_well_formed(&drawing.svg()));
    }
}

#[test]
fn a_terminal_tells_what_sounds_with_and_without_colour() {
    let (fragment, exemplar) = (roll(&[(60, 0.0, 2.0)]), roll(&[(60, 0.0, 2.0)]));
    let overlay = Overlay::new("good/a.mid", &exemplar, Tone::Good).placed(0, 12);
    let plain = terminal(&fragment, Some(&overlay), 60, 10, false);
    let expected = "C4   ▒▒▒▒▒▒▒▒▒▒▒▒████████████────────────\n     \
                    0           1           2 quarters\n██ both  ▒▒ fragment  ── good/a.mid\n";
    assert_eq!(plain, expected);
    let coloured = terminal(&fragment, Some(&overlay), 60, 10, true);
    assert!(coloured.starts_with("C4   \u{1b}[38;5;68;48;5;234m▒"));
    // Each line ends in the terminal's own colours.
    assert!(coloured.lines().take(1).all(|line| line.ends_with("\u{1b}[0m")));
}
