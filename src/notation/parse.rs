//! Text to [`Score`].

use crate::error::Result;
use crate::note::{Note, TICKS_PER_QUARTER};

use super::{Meter, Place, Score};

/// The longest single note, in quarters: keeps sums of lengths far from overflow.
const LONGEST: u64 = 100_000;

/// Reads a piece in the [notation](crate::notation) of this module.
///
/// ```
/// let text = "title: Frère Jacques\nvoice: C4:1 D4 E4 C4 | C4 D4 E4 C4";
/// let fragment = judge::notation::parse(text)?.fragment()?;
/// assert_eq!(fragment.notes().len(), 8);
///
/// let problem = judge::notation::parse("voice: C4:1 D4 E4 H4").unwrap_err().to_string();
/// assert_eq!(problem, "notes in memory: line 1, column 19: \"H4\" is not a note such as C#4:1/2, a rest r or a tie ~");
/// # Ok::<(), judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Malformed`](crate::Error::Malformed) with line, column and what is wrong there.
pub fn parse(text: &str) -> Result<Score> {
    let mut score = Score {
        title: None,
        composer: None,
        source: None,
        licence: None,
        comment: None,
        meters: Vec::new(),
        tempo: f64::NAN,
        bars: Vec::new(),
        voices: Vec::new(),
    };
    let mut voices = Vec::new();
    for entry in entries(text)? {
        let Entry { name, place, .. } = entry;
        let slot = match name {
            "title" => &mut score.title,
            "composer" => &mut score.composer,
            "source" => &mut score.source,
            "licence" => &mut score.licence,
            "comment" => &mut score.comment,
            "meter" => {
                once(score.meters.is_empty(), &entry)?;
                for word in entry.text().split_whitespace() {
                    score.meters.push(word.parse().map_err(|error| place.error(error))?);
                }
                if score.meters.is_empty() {
                    return Err(place.error("a meter is missing, such as 4/4"));
                }
                continue;
            }
            "tempo" => {
                once(score.tempo.is_nan(), &entry)?;
                let tempo = entry.text().parse().ok().filter(|tempo| (4.0..=1000.0).contains(tempo));
                score.tempo =
                    tempo.ok_or_else(|| place.error("a tempo is a number from 4 to 1000, in quarters a minute"))?;
                continue;
            }
            "voice" => {
                voices.push(entry);
                continue;
            }
            _ => {
                let known = "title, composer, source, licence, comment, meter, tempo and voice";
                return Err(place.error(format!("{name:?} is not the name of a line; there are {known}")));
            }
        };
        once(slot.is_none(), &entry)?;
        *slot = Some(entry.text());
    }
    if score.meters.is_empty() {
        score.meters.push(Meter::default());
    }
    if score.tempo.is_nan() {
        score.tempo = 120.0;
    }
    if voices.is_empty() {
        let last = Place { line: text.lines().count().max(1), column: 1 };
        return Err(last.error("the piece has no line that begins with \"voice:\""));
    }
    for (index, entry) in voices.iter().enumerate() {
        let voice = Voice::read(entry, &score, index)?;
        if index == 0 {
            score.bars = voice.bars;
        } else if voice.bars != score.bars {
            return Err(entry.place.error(unlike_bars(&voice.bars, &score.bars)));
        }
        score.voices.push(voice.notes);
    }
    if score.has_anacrusis() {
        let silence = score.meter(0).ticks() - score.bars[0];
        score.voices.iter_mut().flatten().for_each(|note| note.onset += silence);
    }
    Ok(score)
}

fn once(first: bool, entry: &Entry<'_>) -> Result<()> {
    if first { Ok(()) } else { Err(entry.place.error(format!("a second line {:?}; join the two", entry.name))) }
}

fn unlike_bars(bars: &[u64], first: &[u64]) -> String {
    match bars.iter().zip(first).position(|(a, b)| a != b) {
        Some(bar) => {
            let (here, there) = (quarters(bars[bar]), quarters(first[bar]));
            format!("bar {} has {here} in this voice, but {there} in the first", bar + 1)
        }
        None => format!("this voice has {} bars, but the first has {}", bars.len(), first.len()),
    }
}

/// A length in words, exactly.
fn quarters(ticks: u64) -> String {
    let whole = u64::from(TICKS_PER_QUARTER);
    let (mut a, mut b) = (ticks, whole);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    match (ticks / a, whole / a) {
        (1, 1) => "1 quarter".into(),
        (n, 1) => format!("{n} quarters"),
        (n, d) => format!("{n}/{d} quarters"),
    }
}

/// A line of a file with those that continue it.
struct Entry<'a> {
    name: &'a str,
    place: Place,
    /// The text of each line and where it begins.
    lines: Vec<(Place, &'a str)>,
}

impl Entry<'_> {
    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

fn entries(text: &str) -> Result<Vec<Entry<'_>>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let place = Place { line: index + 1, column: 1 };
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if line.starts_with(char::is_whitespace) {
            let Some(last) = entries.last_mut() else {
                return Err(place.error("an indented line continues the one before, but there is none"));
            };
            last.lines.push((place, line));
            continue;
        }
        let Some((name, rest)) = line.split_once(':') else {
            return Err(place.error("a line is \"name: text\"; begin it with a space to continue the line before"));
        };
        let column = name.chars().count() + 2;
        entries.push(Entry { name: name.trim_end(), place, lines: vec![(Place { column, ..place }, rest)] });
    }
    Ok(entries)
}

/// Splits a line of a voice at spaces and bar lines; a chord is one word.
fn words(place: Place, line: &str) -> impl Iterator<Item = (Place, &str)> {
    let mut rest = line;
    let mut column = place.column;
    std::iter::from_fn(move || {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        let chord = if trimmed.starts_with('[') { trimmed.find(']').unwrap_or(0) } else { 0 };
        let ends = |c: char| c.is_whitespace() || c == '|';
        let end = match trimmed.chars().next()? {
            '|' => 1,
            _ => chord + trimmed[chord..].find(ends).unwrap_or(trimmed.len() - chord),
        };
        let word = (Place { column, ..place }, &trimmed[..end]);
        column += word.1.chars().count();
        rest = &trimmed[end..];
        Some(word)
    })
}

/// One voice while it is read.
struct Voice {
    notes: Vec<Note>,
    bars: Vec<u64>,
    /// How many of the last notes a tie prolongs.
    tied: usize,
    /// The length in force; 0 before the first.
    length: u64,
    now: u64,
    bar_start: u64,
    /// A bar that is too short unless it is the last.
    short: Option<(Place, String)>,
}

impl Voice {
    fn read(entry: &Entry<'_>, score: &Score, index: usize) -> Result<Self> {
        let mut voice =
            Self { notes: Vec::new(), bars: Vec::new(), tied: 0, length: 0, now: 0, bar_start: 0, short: None };
        let mut last = entry.place;
        for (place, word) in entry.lines.iter().flat_map(|&(place, line)| words(place, line)) {
            last = place;
            if word == "|" {
                voice.close_bar(place, score)?;
            } else {
                voice.sound(place, word)?;
            }
        }
        if voice.now > voice.bar_start {
            voice.close_bar(last, score)?;
        }
        if voice.bars.is_empty() {
            return Err(last.error("the voice is empty"));
        }
        // Channel 9 is for drums; more than 15 voices share.
        let channel = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15][index % 15];
        for note in &mut voice.notes {
            (note.channel, note.track) = (channel, u16::try_from(index).unwrap_or(u16::MAX));
        }
        Ok(voice)
    }

    fn close_bar(&mut self, place: Place, score: &Score) -> Result<()> {
        let (length, meter) = (self.now - self.bar_start, score.meter(self.bars.len()));
        if length == 0 {
            return Err(place.error("a bar line with nothing before it"));
        }
        if length != meter.ticks() {
            let (has, full) = (quarters(length), quarters(meter.ticks()));
            let problem = format!("bar {} has {has}, but {meter} makes {full}", self.bars.len() + 1);
            if length > meter.ticks() {
                return Err(place.error(problem));
            }
            self.short = Some((place, problem)).filter(|_| !self.bars.is_empty());
        }
        self.bars.push(length);
        self.bar_start = self.now;
        Ok(())
    }

    fn sound(&mut self, place: Place, word: &str) -> Result<()> {
        if let Some((place, problem)) = self.short.take() {
            return Err(place.error(problem));
        }
        let (head, length) = match word.split_once(':') {
            Some((head, length)) => (head, Some((length, head.chars().count() + 1))),
            None => (word, None),
        };
        if let Some((text, offset)) = length {
            let place = Place { column: place.column + offset, ..place };
            self.length = read_length(text).map_err(|problem| place.error(problem))?;
        }
        let pitches = match head {
            "r" | "~" => Vec::new(),
            _ => match head.strip_prefix('[') {
                Some(chord) => {
                    let Some(chord) = chord.strip_suffix(']') else {
                        return Err(place.error("a chord is closed by ] on its line, as in [C4 E4]:2"));
                    };
                    let place = Place { column: place.column + 1, ..place };
                    let pitches = words(place, chord).map(|(place, word)| read_pitch(place, word));
                    let pitches = pitches.collect::<Result<Vec<_>>>()?;
                    if pitches.is_empty() {
                        return Err(place.error("a chord without notes; a rest is r"));
                    }
                    pitches
                }
                None => vec![read_pitch(place, head)?],
            },
        };
        if self.length == 0 {
            return Err(place.error("the first note of a voice needs a length, as in C4:1"));
        }
        if head == "~" {
            let first = self.notes.len() - self.tied;
            if self.tied == 0 {
                return Err(place.error("a tie ~ has no note before it"));
            }
            self.notes[first..].iter_mut().for_each(|note| note.duration += self.length);
        } else {
            self.tied = pitches.len();
            self.notes.extend(pitches.into_iter().map(|pitch| Note::new(pitch, self.now, self.length)));
        }
        self.now += self.length;
        Ok(())
    }
}

/// `C#4` to a MIDI note number.
fn read_pitch(place: Place, word: &str) -> Result<u8> {
    let unlike = || place.error(format!("{word:?} is not a note such as C#4:1/2, a rest r or a tie ~"));
    let class = match word.chars().next() {
        Some('C') => 0,
        Some('D') => 2,
        Some('E') => 4,
        Some('F') => 5,
        Some('G') => 7,
        Some('A') => 9,
        Some('B') => 11,
        _ => return Err(unlike()),
    };
    let rest = &word[1..];
    let octave = rest.trim_start_matches(['#', 'b']);
    let altered: i32 = match &rest[..rest.len() - octave.len()] {
        "" => 0,
        "#" => 1,
        "##" => 2,
        "b" => -1,
        "bb" => -2,
        _ => return Err(place.error(format!("{word:?} has accidentals other than # ## b bb"))),
    };
    if octave.is_empty() {
        return Err(place.error(format!("{word:?} needs an octave, as in {word}4")));
    }
    let octave = match octave.as_bytes() {
        [digit @ b'0'..=b'9'] => i32::from(digit - b'0'),
        b"-1" => -1,
        _ => return Err(unlike()),
    };
    match u8::try_from(12 * (octave + 1) + class + altered) {
        Ok(pitch) if pitch < 128 => Ok(pitch),
        _ => Err(place.error(format!("{word:?} is not between C-1 and G9"))),
    }
}

/// `2`, `1.5` or `3/2` quarters to ticks.
fn read_length(text: &str) -> Result<u64, String> {
    let unlike = || format!("{text:?} is not a length in quarters, such as 2, 1.5 or 1/3");
    let number = |digits: &str| match digits.parse::<u64>() {
        // `parse` alone would take a plus sign; nine digits keep the products below in range.
        Ok(number) if digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number),
        _ => Err(unlike()),
    };
    let (numerator, denominator) = if let Some((numerator, denominator)) = text.split_once('/') {
        (number(numerator)?, number(denominator)?)
    } else if let Some((whole, decimals)) = text.split_once('.') {
        let scale = 10_u64.pow(number(decimals).map(|_| decimals.len() as u32)?);
        (number(whole)? * scale + number(decimals)?, scale)
    } else {
        (number(text)?, 1)
    };
    if numerator == 0 || denominator == 0 {
        return Err(unlike());
    }
    // Up to 10^18 x 40,320: more than 64 bits.
    let ticks = u128::from(numerator) * u128::from(TICKS_PER_QUARTER);
    if !ticks.is_multiple_of(u128::from(denominator)) {
        return Err(format!("{text} is not a whole number of the {TICKS_PER_QUARTER} ticks of a quarter"));
    }
    match u64::try_from(ticks / u128::from(denominator)) {
        Ok(ticks) if ticks <= LONGEST * u64::from(TICKS_PER_QUARTER) => Ok(ticks),
        _ => Err(format!("{text} quarters are longer than {LONGEST}")),
    }
}
