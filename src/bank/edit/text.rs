//! Changes to the text of a `bank.ron` that leave the rest of it as it is: comments, order, layout.
//!
//! RON's own serialiser would write everything anew. So the text is cut into tokens, the value that a path leads to is
//! found among them, and only its bytes are replaced. A path names fields of structs and keys of maps, from the outside
//! inwards: `settings`, `good_threshold`, or `exemplars`, `good/a.mid`.

use std::ops::Range;

/// Fields whose value is a map, so that it is begun as one.
const MAPS: [&str; 1] = ["exemplars"];

/// The text of the value at a path, if there is one.
///
/// # Errors
/// What is not understood.
pub fn get<'t>(text: &'t str, path: &[&str]) -> Result<Option<&'t str>, String> {
    let document = Document::new(text)?;
    let mut open = document.top()?;
    for (depth, part) in path.iter().enumerate() {
        let Some(entry) = document.find(open, part)? else { return Ok(None) };
        if depth + 1 == path.len() {
            return Ok(Some(&text[document.bytes(&entry.value)]));
        }
        open = document.opening(&entry.value)?;
    }
    Ok(None)
}

/// The text with another value at a path; without the entry when there is no value.
///
/// # Errors
/// What is not understood.
pub fn put(text: &str, path: &[&str], value: Option<&str>) -> Result<String, String> {
    let document = Document::new(text)?;
    let mut open = document.top()?;
    for (depth, part) in path.iter().enumerate() {
        let rest = &path[depth + 1..];
        match (document.find(open, part)?, value) {
            (Some(entry), Some(value)) if rest.is_empty() => {
                let at = document.bytes(&entry.value);
                return Ok(format!("{}{value}{}", &text[..at.start], &text[at.end..]));
            }
            (Some(entry), None) if rest.is_empty() => return Ok(document.without(&entry)),
            (Some(entry), _) => open = document.opening(&entry.value)?,
            (None, Some(value)) => return document.with(open, part, &nested(part, rest, value)),
            (None, None) => return Ok(text.to_owned()),
        }
    }
    Ok(text.to_owned())
}

/// The text with another last part of a path: what is known of it goes by another name, and stays where it is.
///
/// # Errors
/// What is not understood.
pub fn rename(text: &str, path: &[&str], name: &str) -> Result<String, String> {
    let document = Document::new(text)?;
    let mut open = document.top()?;
    for (depth, part) in path.iter().enumerate() {
        let Some(entry) = document.find(open, part)? else { break };
        if depth + 1 == path.len() {
            let Token { start, end, .. } = document.tokens[entry.key];
            return Ok(format!("{}{}{}", &text[..start], document.key(open, name), &text[end..]));
        }
        open = document.opening(&entry.value)?;
    }
    Ok(text.to_owned())
}

/// A string as RON writes it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            sign if sign.is_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(sign))),
            sign => quoted.push(sign),
        }
    }
    quoted + "\""
}

/// A value wrapped into what is still missing on the way to it.
fn nested(above: &str, rest: &[&str], value: &str) -> String {
    let Some((part, rest)) = rest.split_first() else { return value.to_owned() };
    let inner = nested(part, rest, value);
    if MAPS.contains(&above) { format!("{{{}: {inner}}}", quoted(part)) } else { format!("({part}: {inner})") }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Colon,
    Comma,
    /// A literal or a name.
    Word,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// An entry of a struct or a map; ranges are of tokens.
#[derive(Debug)]
struct Entry {
    key: usize,
    value: Range<usize>,
    /// The comma after it, if there is one.
    comma: Option<usize>,
}

struct Document<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Document<'t> {
    fn new(text: &'t str) -> Result<Self, String> {
        Ok(Self { text, tokens: tokens(text)? })
    }

    fn token(&self, index: usize) -> Result<Token, String> {
        self.tokens.get(index).copied().ok_or_else(|| "it ends too early".to_owned())
    }

    fn text_of(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start..token.end])
    }

    fn bytes(&self, tokens: &Range<usize>) -> Range<usize> {
        self.tokens[tokens.start].start..self.tokens[tokens.end - 1].end
    }

    /// The bracket that opens the outermost struct, after what is said of extensions.
    fn top(&self) -> Result<usize, String> {
        let mut at = 0;
        while self.text_of(at).starts_with('#') {
            while self.token(at)?.kind != Kind::Close {
                at += 1;
            }
            while self.text_of(at) != "]" {
                at += 1;
                self.token(at)?;
            }
            at += 1;
        }
        self.opening(&(at..self.tokens.len()))
    }

    /// The bracket that opens a value, perhaps after the name of its type.
    fn opening(&self, value: &Range<usize>) -> Result<usize, String> {
        let opens = |at: usize| at < value.end && self.tokens.get(at).is_some_and(|token| token.kind == Kind::Open);
        [value.start, value.start + 1]
            .into_iter()
            .find(|&at| opens(at))
            .ok_or_else(|| "a value is not of the form that is expected".to_owned())
    }

    /// The entries after an opening bracket, and the bracket that closes.
    fn entries(&self, open: usize) -> Result<(Vec<Entry>, usize), String> {
        let mut entries = Vec::new();
        let mut at = open + 1;
        while self.token(at)?.kind != Kind::Close {
            if self.token(at)?.kind != Kind::Word || self.token(at + 1)?.kind != Kind::Colon {
                return Err(format!("{:?} is not followed by a colon and a value", self.text_of(at)));
            }
            let (key, start) = (at, at + 2);
            let mut depth = 0;
            at = start;
            loop {
                match self.token(at)?.kind {
                    Kind::Comma | Kind::Close if depth == 0 => break,
                    Kind::Open => depth += 1,
                    Kind::Close => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
            if at == start {
                return Err(format!("{:?} has no value", self.text_of(key)));
            }
            let comma = (self.token(at)?.kind == Kind::Comma).then_some(at);
            entries.push(Entry { key, value: start..at, comma });
            at += usize::from(comma.is_some());
        }
        Ok((entries, at))
    }

    fn find(&self, open: usize, part: &str) -> Result<Option<Entry>, String> {
        let is_map = self.text_of(open) == "{";
        let is_it = |entry: &Entry| {
            let key = self.text_of(entry.key);
            if is_map {
                ron::from_str::<String>(key).is_ok_and(|key| key == part)
            } else {
                key.strip_prefix("r#").unwrap_or(key) == part
            }
        };
        Ok(self.entries(open)?.0.into_iter().find(is_it))
    }

    /// A key of a struct or map.
    fn key(&self, open: usize, name: &str) -> String {
        if self.text_of(open) == "{" { quoted(name) } else { name.to_owned() }
    }

    /// The text without an entry, its comma, the comments that stand with it (after it on its line, and on lines of
    /// their own directly above), and the lines that it leaves empty.
    fn without(&self, entry: &Entry) -> String {
        let mut start = self.tokens[entry.key].start;
        let mut end = self.tokens[entry.comma.unwrap_or(entry.value.end - 1)].end;
        let after = self.text[end..].trim_start_matches([' ', '\t']);
        let line_end = self.text[end..].find('\n').map_or(self.text.len(), |length| end + length);
        if after.starts_with("//") {
            end = line_end;
        }
        let after = self.text[end..].trim_start_matches([' ', '\t']);
        let before = self.text[..start].trim_end_matches([' ', '\t']);
        if before.ends_with('\n') && after.starts_with(['\n', '\r']) {
            start = before.len();
            end = self.text.len() - after.trim_start_matches('\r').len() + 1;
            let tokens_end = entry.key.checked_sub(1).map_or(0, |before| self.tokens[before].end);
            while let Some(above) = self.text[tokens_end..start].strip_suffix('\n') {
                let line = above.rfind('\n').map(|at| &above[at + 1..]);
                match line {
                    Some(line) if line.trim_start().starts_with("//") => start -= line.len() + 1,
                    _ => break,
                }
            }
        } else {
            end = self.text.len() - after.len();
        }
        format!("{}{}", &self.text[..start], &self.text[end..])
    }

    /// The text with one more entry at the end of a struct or map.
    fn with(&self, open: usize, key: &str, value: &str) -> Result<String, String> {
        let (entries, close) = self.entries(open)?;
        let key = self.key(open, key);
        let line_end = if self.text.contains("\r\n") { "\r\n" } else { "\n" };
        let (open, close) = (self.tokens[open], self.tokens[close]);
        let spread = self.text[open.end..close.start].contains('\n');
        let indent = |at: usize| {
            let line = &self.text[self.text[..at].rfind('\n').map_or(0, |end| end + 1)..];
            &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
        };
        let mut text = self.text.to_owned();
        match entries.last() {
            Some(last) => {
                let end = self.tokens[last.comma.unwrap_or(last.value.end - 1)].end;
                let comma = if last.comma.is_some() { "" } else { "," };
                if spread {
                    // After what is said of the last entry on its line.
                    let line = self.text[end..].find('\n').map_or(end, |length| end + length).min(close.start);
                    let line = if line == close.start { end } else { line };
                    let line = end + self.text[end..line].trim_end_matches('\r').len();
                    text.insert_str(line, &format!("{line_end}{}{key}: {value},", indent(self.tokens[last.key].start)));
                } else {
                    text.insert_str(end, &format!(" {key}: {value}"));
                }
                text.insert_str(end, comma);
            }
            None if spread => {
                let outer = indent(close.start);
                let line = self.text[..close.start].trim_end_matches([' ', '\t']).len();
                if self.text[..line].ends_with('\n') {
                    text.insert_str(line, &format!("{outer}    {key}: {value},{line_end}"));
                } else {
                    text.insert_str(close.start, &format!("{line_end}{outer}    {key}: {value},{line_end}{outer}"));
                }
            }
            None => text.insert_str(open.end, &format!("{key}: {value}")),
        }
        Ok(text)
    }
}

/// Cuts a text into tokens; white space and comments are between them.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (kind, length) = match bytes[at] {
            sign if sign.is_ascii_whitespace() => (None, 1),
            b'/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            b'/' if rest.starts_with("/*") => (None, comment(rest)?),
            b'(' | b'[' | b'{' => (Some(Kind::Open), 1),
            b')' | b']' | b'}' => (Some(Kind::Close), 1),
            b':' => (Some(Kind::Colon), 1),
            b',' => (Some(Kind::Comma), 1),
            b'"' => (Some(Kind::Word), string(rest, b'"')?),
            b'\'' => (Some(Kind::Word), string(rest, b'\'')?),
            b'r' if rest[1..].trim_start_matches('#').starts_with('"') => (Some(Kind::Word), raw_string(rest)?),
            _ => (Some(Kind::Word), word(rest)),
        };
        tokens.extend(kind.map(|kind| Token { kind, start: at, end: at + length }));
        at += length;
    }
    Ok(tokens)
}

fn word(text: &str) -> usize {
    let ends = |sign: char| sign.is_whitespace() || "()[]{}:,\"'/".contains(sign);
    let first = text.chars().next().map_or(1, char::len_utf8);
    text[first..].find(ends).map_or(text.len(), |length| first + length)
}

/// The length of a string or character, with its quotes.
fn string(text: &str, quote: u8) -> Result<usize, String> {
    let mut escaped = false;
    for (at, &sign) in text.as_bytes().iter().enumerate().skip(1) {
        match sign {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            sign if sign == quote => return Ok(at + 1),
            _ => {}
        }
    }
    Err("a string does not end".into())
}

fn raw_string(text: &str) -> Result<usize, String> {
    let hashes = text[1..].bytes().take_while(|&sign| sign == b'#').count();
    let (begin, end) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
    let length = text[begin..].find(&end).ok_or("a string does not end")?;
    Ok(begin + length + end.len())
}

/// The length of a comment, in which there may be others.
fn comment(text: &str) -> Result<usize, String> {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < text.len() {
        match &text.as_bytes()[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Ok(at);
        }
    }
    Err("a comment does not end".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\
#![enable(implicit_some)]
// My bank.
( // the beginning
    settings: (
        good_threshold: 0.7, // since May
        /* was /* once */ 0.6 */
        bad_threshold: 0.6
    ),
    exemplars: {
        \"good/a \\\"b\\\".mid\": (weight: 0.5, source: \"a, (b): c // no comment\"), // loved
        r#\"bad/x.mid\"#: (span: (4, 8.5)),
    },
)
";

    fn put(text: &str, path: &[&str], value: Option<&str>) -> String {
        super::put(text, path, value).unwrap()
    }

    #[test]
    fn values_are_found() {
        let get = |path: &[&str]| get(TEXT, path).unwrap();
        assert_eq!(get(&["settings", "good_threshold"]), Some("0.7"));
        assert_eq!(get(&["settings", "measure"]), None);
        assert_eq!(get(&["exemplars", "good/a \"b\".mid", "source"]), Some("\"a, (b): c // no comment\""));
        assert_eq!(get(&["exemplars", "bad/x.mid", "span"]), Some("(4, 8.5)"));
        assert_eq!(get(&["exemplars", "bad/x"]), None);
    }

    #[test]
    fn only_what_is_meant_changes() {
        let changed = put(TEXT, &["settings", "good_threshold"], Some("0.65"));
        assert_eq!(changed, TEXT.replace("0.7,", "0.65,"));
        let changed = put(TEXT, &["settings", "measure"], Some("Correlation"));
        let expected = "bad_threshold: 0.6,\n        measure: Correlation,\n    ),";
        assert_eq!(changed, TEXT.replace("bad_threshold: 0.6\n    ),", expected));
        let changed = put(TEXT, &["exemplars", "bad/y.mid"], Some("(weight: 0)"));
        let expected = "(span: (4, 8.5)),\n        \"bad/y.mid\": (weight: 0),\n";
        assert_eq!(changed, TEXT.replace("(span: (4, 8.5)),\n", expected));
        let changed = put(TEXT, &["exemplars", "bad/x.mid"], None);
        assert_eq!(changed, TEXT.replace("        r#\"bad/x.mid\"#: (span: (4, 8.5)),\n", ""));
        let changed = put(TEXT, &["exemplars", "bad/x.mid", "weight"], Some("1"));
        assert_eq!(changed, TEXT.replace("(4, 8.5))", "(4, 8.5), weight: 1)"));
    }

    #[test]
    fn comments_go_with_what_they_stand_at() {
        let text = "(exemplars: {\r\n    // of my youth\r\n    \"a\": /* soft */ 1, // loved\r\n    // hated\r\n    \"b\": 2,\r\n})";
        assert_eq!(put(text, &["exemplars", "a"], None), "(exemplars: {\r\n    // hated\r\n    \"b\": 2,\r\n})");
        let added = put(text, &["exemplars", "c"], Some("3"));
        assert_eq!(added, text.replace("2,\r\n", "2,\r\n    \"c\": 3,\r\n"));
        assert_eq!(rename(text, &["exemplars", "a"], "c").unwrap(), text.replace("\"a\"", "\"c\""));
        assert_eq!(rename(text, &["exemplars", "z"], "c").unwrap(), text);
        assert_eq!(put("(r#a: 1)", &["a"], Some("2")), "(r#a: 2)");
    }

    #[test]
    fn what_is_missing_is_begun() {
        assert_eq!(
            put("()", &["exemplars", "good/a.mid"], Some("(weight: 0)")),
            "(exemplars: {\"good/a.mid\": (weight: 0)})"
        );
        assert_eq!(put("(\n)\n", &["settings", "drums"], Some("true")), "(\n    settings: (drums: true),\n)\n");
        assert_eq!(put("(a: 1)", &["b"], Some("2")), "(a: 1, b: 2)");
        assert_eq!(put("(a: 1, b: 2)", &["a"], None), "(b: 2)");
        assert_eq!(put("(a: 1,\n b: 2)", &["c"], Some("3")), "(a: 1,\n b: 2,\n c: 3,)");
        assert_eq!(put("()", &["a"], None), "()");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for text in ["", "(", "(a", "(a:", "(a: \"", "(a: 1 /*", "5", "(1, 2)", "#![", "(a: r#\"x\")", "(a:)"] {
            assert!(super::put(text, &["b"], Some("1")).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-c(){}\\[\\]:,\"'#/*r\\\\ \n\u{e9}]{0,40}", value in "[a-z]{1,4}") {
            let _ = super::put(&text, &["a", "b"], Some(&value));
            let _ = super::put(&text, &["a"], None);
            let _ = rename(&text, &["a"], &value);
        }

        #[test]
        fn strings_are_read_as_they_were(text in any::<String>()) {
            prop_assert_eq!(ron::from_str::<String>(&quoted(&text)).unwrap(), text);
        }

        #[test]
        fn what_is_put_is_there_and_can_be_taken_back(
            keys in prop::collection::vec("[a-d/.\"\\\\\n]{1,3}", 1..8),
            spread in any::<bool>(),
        ) {
            let mut text = if spread { "(\n    exemplars: {\n    },\n)\n" } else { "(exemplars: {})" }.to_owned();
            let mut known = std::collections::BTreeMap::new();
            for (index, key) in keys.iter().enumerate() {
                let value = index.to_string();
                text = put(&text, &["exemplars", key], Some(&value));
                known.insert(key.clone(), value);
                #[derive(serde::Deserialize)]
                struct File { exemplars: std::collections::BTreeMap<String, u32> }
                let file: File = ron::from_str(&text).unwrap();
                let read: std::collections::BTreeMap<_, _> =
                    file.exemplars.into_iter().map(|(key, value)| (key, value.to_string())).collect();
                prop_assert_eq!(&read, &known);
            }
            for key in known.keys() {
                text = put(&text, &["exemplars", key], None);
                prop_assert_eq!(get(&text, &["exemplars", key]).unwrap(), None);
            }
            ron::from_str::<ron::Value>(&text).unwrap();
        }
    }
}
