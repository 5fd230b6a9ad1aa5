//! What a line of a stream asks for.

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::input::Limits;
use crate::note::Note;

/// Base64 as it is commonly written, with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A line that was read.
#[derive(Debug)]
pub struct Request {
    /// The line's number.
    pub line: u64,
    /// Whatever the line calls itself, as it was written; also of a broken line, if it comes before what is broken.
    pub id: Option<Box<RawValue>>,
    /// What it asks for, or what is wrong with it.
    pub asked: Result<Asked, String>,
}

/// What a line asks for: the bank to be read again, or the verdict on some music.
#[derive(Debug)]
pub enum Asked {
    /// The bank to be read again.
    Reload,
    /// Music in the line, times in ticks of [`TICKS_PER_QUARTER`](crate::note::TICKS_PER_QUARTER).
    Notes(Vec<Note>),
    /// Music in a file.
    File(PathBuf),
    /// Music in the line, as the bytes of a MIDI file.
    Midi(Vec<u8>),
}

impl Request {
    /// Reads a line.
    pub fn read(line: u64, bytes: &[u8], limits: &Limits) -> Self {
        let mut id = None;
        let asked = asked(bytes, limits, &mut id);
        Self { line, id, asked }
    }

    /// Of a line that was not kept.
    pub fn too_long(line: u64, limit: u32) -> Self {
        let error = format!("the line is longer than the limit of {limit} bytes; --max-line raises it");
        Self { line, id: None, asked: Err(error) }
    }

    /// Whether it asks for the bank to be read again.
    pub fn is_reload(&self) -> bool {
        matches!(self.asked, Ok(Asked::Reload))
    }
}

fn asked(line: &[u8], limits: &Limits, id: &mut Option<Box<RawValue>>) -> Result<Asked, String> {
    // What Windows puts at the beginning of a text.
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("the line is not UTF-8 text (byte {})", error.valid_up_to() + 1))?;
    if text.trim_ascii().is_empty() {
        return Err("the line is empty; write a JSON object".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let fields = Fields { id, most_notes: limits.notes };
    let (notes, file, midi, reload) =
        fields.deserialize(&mut json).and_then(|fields| json.end().map(|()| fields)).map_err(|error| told(&error))?;
    let music = match (notes, file, midi) {
        (None, None, None) => None,
        (Some(notes), None, None) if notes.is_empty() => {
            return Err("notes: there are none; give at least one".to_owned());
        }
        (Some(notes), None, None) => Some(Asked::Notes(notes)),
        (None, Some(file), None) => Some(Asked::File(file.into())),
        (None, None, Some(midi)) => {
            let bytes = BASE64.decode(midi).map_err(|error| format!("midi: not Base64: {error}"))?;
            Some(Asked::Midi(bytes))
        }
        _ => return Err("more than one of notes, file and midi; give one of them".to_owned()),
    };
    match (music, reload) {
        (Some(music), None) => Ok(music),
        (None, Some(true)) => Ok(Asked::Reload),
        (None, Some(false)) => Err("reload can only be true; leave it out".to_owned()),
        (Some(_), Some(_)) => Err("music and reload in one line; give each a line of its own".to_owned()),
        (None, None) => Err("nothing to judge; give notes, file or midi".to_owned()),
    }
}

/// An error in JSON with its column: the line is always the first here.
fn told(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    let not_json = if error.is_data() { "" } else { "not JSON: " };
    format!("{not_json}{what} (column {})", error.column())
}

/// Reads the members of a line; the id is kept even if another member is broken.
struct Fields<'a> {
    id: &'a mut Option<Box<RawValue>>,
    most_notes: u64,
}

/// Notes, file, midi, reload.
type Members = (Option<Vec<Note>>, Option<String>, Option<String>, Option<bool>);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Members;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object such as {\"id\": 1, \"notes\": [[60, 0, 1]]}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let Self { id, most_notes } = self;
        let (mut notes, mut file, mut midi, mut reload) = Members::default();
        // A key that cannot be taken is told when the whole object was read, so that an id after it is known.
        let mut wrong = None;
        while let Some(key) = map.next_key::<String>()? {
            let twice = match key.as_str() {
                "id" => id.replace(map.next_value()?).is_some(),
                "notes" => notes.replace(map.next_value_seed(Notes { most: most_notes })?).is_some(),
                "file" => file.replace(map.next_value()?).is_some(),
                "midi" => midi.replace(map.next_value()?).is_some(),
                "reload" => reload.replace(map.next_value()?).is_some(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    wrong.get_or_insert(format!("{key:?} is none of id, notes, file, midi and reload"));
                    false
                }
            };
            if twice {
                wrong.get_or_insert(format!("{key} is there twice"));
            }
        }
        wrong.map_or(Ok((notes, file, midi, reload)), |wrong| Err(A::Error::custom(wrong)))
    }
}

/// Reads notes.
struct Notes {
    most: u64,
}

impl<'de> DeserializeSeed<'de> for Notes {
    type Value = Vec<Note>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Note>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Notes {
    type Value = Vec<Note>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of notes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Note>, A::Error> {
        let mut notes = Vec::new();
        while let Some(note) = list.next_element_seed(OneNote)? {
            if notes.len() as u64 >= self.most {
                return Err(A::Error::custom(format!(
                    "more notes than the limit of {}; --max-notes raises it",
                    self.most
                )));
            }
            notes.push(note);
        }
        Ok(notes)
    }
}

/// Reads a note.
struct OneNote;

impl<'de> DeserializeSeed<'de> for OneNote {
    type Value = Note;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Note, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OneNote {
    type Value = Note;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[pitch, onset, duration] or [pitch, onset, duration, velocity], all of them numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Note, A::Error> {
        let (mut numbers, mut count) = ([0.0; 4], 0);
        while let Some(number) = list.next_element::<f64>()? {
            if count == numbers.len() {
                return Err(A::Error::invalid_length(count + 1, &self));
            }
            numbers[count] = number;
            count += 1;
        }
        if count < 3 {
            return Err(A::Error::invalid_length(count, &self));
        }
        let [pitch, onset, duration, velocity] = numbers;
        let whole = |what: &str, number: f64, least: u8| {
            if number.fract() == 0.0 && (f64::from(least)..=127.0).contains(&number) {
                Ok(number as u8)
            } else {
                Err(A::Error::custom(format!("{what} {number} is not a whole number from {least} to 127")))
            }
        };
        let note = Note::from_quarters(whole("pitch", pitch, 0)?, onset, duration).map_err(|error| match error {
            crate::Error::Malformed { problem, .. } => A::Error::custom(problem),
            error => A::Error::custom(error),
        })?;
        Ok(if count == 4 { Note { velocity: whole("velocity", velocity, 1)?, ..note } } else { note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Option<String>, Result<Asked, String>) {
        let Request { id, asked, .. } = Request::read(1, line.as_bytes(), &Limits::default());
        (id.map(|id| id.get().to_owned()), asked)
    }

    #[test]
    fn any_json_is_an_id_and_stays_as_it_is() {
        for id in ["7", "1.0", "12345678901234567890123", "\"a\\u0062\"", "null", "{\"b\": 1, \"a\": [2]}", "[ ]"] {
            let (told, asked) = read(&format!("{{\"id\": {id}, \"notes\": [[60, 0, 1, 99]]}}"));
            assert_eq!(told.as_deref(), Some(id));
            let Ok(Asked::Notes(notes)) = asked else { panic!("{asked:?}") };
            assert_eq!((notes[0].pitch, notes[0].duration, notes[0].velocity), (60, 40_320, 99));
        }
        assert!(matches!(read("\u{FEFF}{\"file\": \"a.mid\"}\r"), (None, Ok(Asked::File(_)))));
        assert!(matches!(read("{\"reload\": true}"), (None, Ok(Asked::Reload))));
        for midi in ["TVRoZA==", "TVRoZA"] {
            let (_, asked) = read(&format!("{{\"midi\": \"{midi}\"}}"));
            assert!(matches!(asked, Ok(Asked::Midi(bytes)) if bytes == b"MThd"));
        }
    }

    #[test]
    fn the_id_of_a_broken_line_is_told_where_it_can_be_read() {
        for (line, id, error) in [
            ("{\"id\": 7, \"notes\": [[60, 0,", Some("7"), "not JSON: EOF while parsing a value"),
            ("{\"id\": 7, \"notes\": 5}", Some("7"), "invalid type: integer `5`, expected a list of notes"),
            ("{\"other\": [1], \"id\": [7]}", Some("[7]"), "\"other\" is none of id, notes, file, midi and reload"),
            ("{\"id\": 7, \"id\": 8, \"file\": \"a\"}", Some("8"), "id is there twice"),
            ("{\"id\": 7} x", Some("7"), "not JSON: trailing characters"),
            ("{\"id\": nan}", None, "not JSON: "),
            ("", None, "the line is empty; write a JSON object"),
        ] {
            let (told, asked) = read(line);
            let asked = asked.unwrap_err();
            assert_eq!(told.as_deref(), id, "{line}");
            assert!(asked.contains(error), "{line}: {asked}");
        }
    }

    #[test]
    fn what_cannot_be_a_note_is_refused() {
        for note in [
            "[]",
            "[60]",
            "[60, 0]",
            "[60, 0, 1, 80, 1]",
            "[60, 0, \"1\"]",
            "60",
            "[-1, 0, 1]",
            "[128, 0, 1]",
            "[60.5, 0, 1]",
            "[60, -1, 1]",
            "[60, 0, -1]",
            "[60, 0, 1e300]",
            "[60, 0, 1e999]",
            "[60, 0, 1, 0]",
            "[60, 0, 1, 128]",
            "[60, 0, null]",
        ] {
            let (_, asked) = read(&format!("{{\"notes\": [{note}]}}"));
            assert!(asked.is_err(), "{note}");
        }
        let few = Limits { notes: 2, ..Limits::default() };
        let three = b"{\"notes\": [[60, 0, 1], [60, 1, 1], [60, 2, 1]]}";
        assert!(Request::read(1, three, &few).asked.unwrap_err().contains("--max-notes raises it"));
    }
}
