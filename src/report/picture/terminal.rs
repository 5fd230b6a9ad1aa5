//! Rolls drawn with characters.

use std::fmt::Write;

use super::axes::{is_natural, row_name};
use super::canvas::{fit, text_width};
use super::spans::{Layers, Span};
use super::{Overlay, Tone};
use crate::roll::PianoRoll;

/// Columns of the names of pitches, with the space after them.
const NAMES: usize = 5;

/// A picture must be at least this wide to have names of pitches.
const LEAST_NAMED: usize = 24;

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Dark,
    Fragment,
    Exemplar,
    Both,
}

impl Cell {
    /// Without colours, and where a cell shows one row, the glyph tells what it is.
    const fn glyph(self) -> char {
        match self {
            Self::Dark => ' ',
            Self::Fragment => '▒',
            Self::Exemplar => '─',
            Self::Both => '█',
        }
    }

    /// One of the 256 colours that terminals agree on.
    const fn colour(self, tone: Tone) -> u8 {
        match (self, tone) {
            (Self::Dark, _) => PAPER,
            (Self::Fragment, _) => 68,
            (Self::Exemplar, Tone::Good) => 36,
            (Self::Exemplar, Tone::Bad) => 166,
            (Self::Exemplar, Tone::Neutral) => 140,
            (Self::Both, Tone::Good) => 158,
            (Self::Both, Tone::Bad) => 223,
            (Self::Both, Tone::Neutral) => 231,
        }
    }
}

/// The colour behind the rolls: the same on light and dark terminals, for it is part of the picture.
const PAPER: u8 = 234;
const RULE: u8 = 240;

/// Draws a roll, perhaps with another one laid on it, in at most `columns` x `rows` characters.
///
/// A pitch is one line if there are enough of them; otherwise a line shows two pixels, which may
/// stand for several pitches. With `colour`, ANSI escapes for 256 colours are used; without, the
/// glyphs alone tell what sounds: `▒` the fragment, `─` the exemplar, `█` both. The last lines are
/// the time in quarters and, with an overlay, what the glyphs mean. Lines end with `\n`.
///
/// ```
/// use judge::report::picture::terminal;
/// use judge::{Fragment, PianoRoll};
///
/// let roll = PianoRoll::of(&Fragment::from_quarters(&[(60, 0.0, 2.0), (62, 2.0, 2.0)])?, 12);
/// let picture = terminal(&roll, None, 30, 8, false);
/// assert_eq!(picture.lines().next().map(str::trim_end), Some("D4   ┊           ████████████"));
/// # Ok::<(), judge::Error>(())
/// ```
pub fn terminal(roll: &PianoRoll, overlay: Option<&Overlay<'_>>, columns: usize, rows: usize, colour: bool) -> String {
    let columns = columns.clamp(1, 4000);
    let layers = Layers::new(roll, overlay);
    let names = if columns >= LEAST_NAMED { NAMES } else { 0 };
    let time = Time::new(&layers, roll.resolution(), columns - names);
    let lines = rows.clamp(1, 1000).saturating_sub(if overlay.is_some() { 2 } else { 1 }).max(1);
    let grid = Grid::new(&layers, &time, lines, overlay.is_none() || colour);
    let paint = Paint { tone: overlay.map_or(Tone::Neutral, |it| it.tone), colour, alone: overlay.is_none() };

    let mut text = String::new();
    for line in 0..grid.lines() {
        if names > 0 {
            let name: String = grid.name(line).chars().take(NAMES - 1).collect();
            text += &format!("{name:<NAMES$}");
        }
        paint.line(&mut text, &grid, &time, line);
        text.push('\n');
    }
    text += &" ".repeat(names);
    text += time.labels().trim_end();
    text.push('\n');
    if let Some(overlay) = overlay {
        text += &paint.legend(overlay, columns);
        text.push('\n');
    }
    text
}

/// Which columns of the roll a cell shows: a whole number of cells makes a quarter, or of quarters
/// a cell, so that beats fall on edges of cells.
struct Time {
    cells: usize,
    cells_a_quarter: f64,
    cells_a_column: f64,
    first: i64,
    /// The first column, in quarters.
    start: f64,
}

impl Time {
    fn new(layers: &Layers, resolution: u32, room: usize) -> Self {
        let resolution = f64::from(resolution.max(1));
        let (first, last) = layers.columns;
        let quarters = (last - first) as f64 / resolution;
        let fits = |cells_a_quarter: &f64| (quarters * cells_a_quarter).ceil() <= room as f64;
        let mut cells_a_quarter = [24.0, 16.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0].into_iter().find(fits).unwrap_or(1.0);
        // Below one cell a quarter: 2, 3, 4, 6, 8, 12 ... quarters a cell.
        let mut doubled = 1.0;
        while !fits(&cells_a_quarter) && doubled < 1e12 {
            doubled *= 2.0;
            cells_a_quarter = [1.0 / doubled, 2.0 / (3.0 * doubled)].into_iter().find(fits).unwrap_or(0.5 / doubled);
        }
        // A note must not be wider than it is high by far.
        let cells_a_quarter = cells_a_quarter.min(12.0);
        let cells = ((quarters * cells_a_quarter).ceil() as usize).clamp(1, room.max(1));
        let cells_a_column = cells_a_quarter / resolution;
        Self { cells, cells_a_quarter, cells_a_column, first, start: first as f64 / resolution }
    }

    /// The cells of a span: at least one, and none that it fills by less than half otherwise.
    fn cells_of(&self, span: &Span) -> std::ops::Range<usize> {
        let cell = |column: i64| ((column - self.first) as f64 * self.cells_a_column).round() as usize;
        let start = cell(span.start).min(self.cells - 1);
        start..cell(span.end).clamp(start + 1, self.cells)
    }

    /// Quarters between two labels: as few as the labels leave room for.
    fn step(&self) -> f64 {
        let widest = format!("{}", (self.start + self.cells as f64 / self.cells_a_quarter).ceil()).len().max(3);
        let mut step = (1.0 / self.cells_a_quarter).max(1.0).round();
        while step * self.cells_a_quarter < widest as f64 + 4.0 {
            step *= 2.0;
        }
        step
    }

    /// The labelled quarters and their cells.
    fn ticks(&self) -> Vec<(usize, f64)> {
        let step = self.step();
        let first = (self.start / step).ceil();
        let cell = |quarter: f64| ((quarter - self.start) * self.cells_a_quarter).round() as usize;
        let ticks = (0..=self.cells).map(|index| (first + index as f64) * step);
        ticks.map(|quarter| (cell(quarter), quarter)).take_while(|&(cell, _)| cell < self.cells).collect()
    }

    fn labels(&self) -> String {
        let mut labels = String::new();
        for (cell, quarter) in self.ticks() {
            let label = format!("{}", quarter + 0.0);
            let free = cell.checked_sub(labels.len()).filter(|_| cell + label.len() <= self.cells);
            if let Some(free) = free {
                labels += &" ".repeat(free);
                labels += &label;
            }
        }
        if labels.len() + " quarters".len() <= self.cells {
            labels += " quarters";
        }
        labels
    }
}

/// The cells, and which rows of the roll they are.
struct Grid {
    cells: Vec<Cell>,
    width: usize,
    /// Rows of cells; two of them make a line when `halves`.
    height: usize,
    halves: bool,
    highest: i32,
    /// Rows of the roll that a row of cells shows.
    pitches: i32,
}

impl Grid {
    fn new(layers: &Layers, time: &Time, lines: usize, may_halve: bool) -> Self {
        let (low, highest) = layers.rows;
        let rows = (highest - low + 1).max(1) as usize;
        let halves = may_halve && rows > lines;
        let room = if halves { 2 * lines } else { lines };
        let pitches = rows.div_ceil(room);
        let height = rows.div_ceil(pitches);
        let cells = vec![Cell::Dark; height * time.cells];
        let mut grid = Self { cells, width: time.cells, height, halves, highest, pitches: pitches as i32 };
        grid.paint(&layers.fragment, time, Cell::Fragment);
        grid.paint(&layers.exemplar, time, Cell::Exemplar);
        grid.paint(&layers.overlap, time, Cell::Both);
        grid
    }

    fn paint(&mut self, spans: &[Span], time: &Time, cell: Cell) {
        for span in spans {
            let row = ((self.highest - span.row) / self.pitches) as usize;
            let cells = time.cells_of(span);
            self.cells[row * self.width + cells.start..row * self.width + cells.end].fill(cell);
        }
    }

    fn lines(&self) -> usize {
        if self.halves { self.height.div_ceil(2) } else { self.height }
    }

    fn at(&self, row: usize, column: usize) -> Cell {
        self.cells.get(row * self.width + column).copied().filter(|_| row < self.height).unwrap_or(Cell::Dark)
    }

    /// The name of a line: of its pitch if that is a white key, of the C among its pitches, or of
    /// its highest pitch at both ends.
    fn name(&self, line: usize) -> String {
        let pitches = self.pitches * if self.halves { 2 } else { 1 };
        let high = self.highest - line as i32 * pitches;
        if pitches == 1 {
            return if is_natural(high) { row_name(high) } else { String::new() };
        }
        match (high - pitches + 1..=high).find(|row| row.rem_euclid(12) == 0) {
            Some(row) => row_name(row),
            None if line == 0 => row_name(high),
            None => String::new(),
        }
    }
}

/// How cells are written.
struct Paint {
    tone: Tone,
    colour: bool,
    /// Whether there is nothing but the fragment, which is then as bright as can be.
    alone: bool,
}

impl Paint {
    fn cell(&self, cell: Cell) -> Cell {
        if self.alone && cell == Cell::Fragment { Cell::Both } else { cell }
    }

    fn hue(&self, cell: Cell) -> u8 {
        if self.alone && cell != Cell::Dark { 110 } else { cell.colour(self.tone) }
    }

    fn line(&self, text: &mut String, grid: &Grid, time: &Time, line: usize) {
        let ticks = time.ticks();
        let mut ticks = ticks.iter().map(|tick| tick.0).peekable();
        let mut last = None;
        for column in 0..grid.width {
            let rule = ticks.next_if_eq(&column).is_some();
            let (glyph, front, back) = if grid.halves {
                let (above, below) = (grid.at(2 * line, column), grid.at(2 * line + 1, column));
                self.halves(above, below, rule)
            } else {
                let cell = self.cell(grid.at(line, column));
                let dark = cell == Cell::Dark && rule;
                let front = if dark { RULE } else { self.hue(cell) };
                (if dark { '┊' } else { cell.glyph() }, front, PAPER)
            };
            // The front of a space is not seen.
            let front = last.filter(|_| glyph == ' ').map_or(front, |(front, _)| front);
            if self.colour && last != Some((front, back)) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\x1b[38;5;{front};48;5;{back}m");
                last = Some((front, back));
            }
            text.push(glyph);
        }
        if self.colour {
            text.push_str("\x1b[0m");
        }
    }

    fn halves(&self, above: Cell, below: Cell, rule: bool) -> (char, u8, u8) {
        match (above == Cell::Dark, below == Cell::Dark) {
            (true, true) => (if rule { '┊' } else { ' ' }, RULE, PAPER),
            (true, false) => ('▄', self.hue(below), PAPER),
            (false, true) => ('▀', self.hue(above), PAPER),
            (false, false) if self.hue(above) == self.hue(below) => ('█', self.hue(above), PAPER),
            (false, false) => ('▀', self.hue(above), self.hue(below)),
        }
    }

    fn legend(&self, overlay: &Overlay<'_>, columns: usize) -> String {
        let mut legend = String::new();
        let mut room = columns;
        let tone = format!("{} exemplar", self.tone.name());
        let name = if overlay.name.is_empty() { &tone } else { &overlay.name };
        for (cell, words) in [(Cell::Both, "both"), (Cell::Fragment, "fragment"), (Cell::Exemplar, name)] {
            // The width of a text is counted in cells of 0.6 of its size; wide letters take two.
            let size = 1.0 / 0.6;
            let words = fit(words, size, (room as f64 - 5.0) + 1e-6);
            if words.is_empty() {
                break;
            }
            let sample = String::from(cell.glyph()).repeat(2);
            let sample = match self.colour {
                true => format!("\x1b[38;5;{};48;5;{PAPER}m{sample}\x1b[0m", self.hue(cell)),
                false => sample,
            };
            legend += &format!("{}{sample} {words}", if legend.is_empty() { "" } else { "  " });
            room = room.saturating_sub(5 + text_width(&words, size).ceil() as usize);
        }
        legend
    }
}
