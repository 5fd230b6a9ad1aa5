//! What the first bytes of a file look like.

use super::midi::find;
use crate::audio::Container;

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// MIDI data.
    Midi,
    /// MIDI data in a RIFF file of form RMID.
    Riff,
    /// Sound.
    Sound(Container),
}

/// How far a header is looked for that is not at the beginning, to tell the user where it is.
const HEADER_SEARCH: usize = 4096;

/// What the bytes are; if nothing that can be read, what is wrong and what to do.
pub(super) fn sniff(bytes: &[u8]) -> Result<Found, String> {
    match bytes {
        [] => return Err("the file is empty; give a MIDI file or a recording".into()),
        [b'M', b'T', b'h', b'd', ..] => return Ok(Found::Midi),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'R', b'M', b'I', b'D', ..] => return Ok(Found::Riff),
        _ => {}
    }
    if let Some(container) = sound(bytes) {
        return Ok(Found::Sound(container));
    }
    if let Some((what, remedy)) = other(bytes) {
        return Err(format!("this looks like {what}; MIDI files and recordings are read: {remedy}"));
    }
    // Not taken as MIDI: a header that far in may belong to something within another file.
    if let Some(at) = find(b"MThd", &bytes[..bytes.len().min(HEADER_SEARCH)]) {
        return Err(format!("no MIDI header at the beginning, but at byte {at}; cut off what is before it"));
    }
    Err("this is no MIDI file, which would begin with MThd, and no recording of a known kind; export it anew".into())
}

/// The kind of file that sound is in.
pub(super) fn sound(bytes: &[u8]) -> Option<Container> {
    Some(match bytes {
        [b'R', b'I', b'F', b'F' | b'X', _, _, _, _, b'W', b'A', b'V', b'E', ..] => Container::Wav,
        [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', b'F' | b'C', ..] => Container::Aiff,
        [b'f', b'L', b'a', b'C', ..] => Container::Flac,
        [b'O', b'g', b'g', b'S', ..] => Container::Ogg,
        [b'I', b'D', b'3', rest @ ..] => match after_tag(rest) {
            Some([b'f', b'L', b'a', b'C', ..]) => Container::Flac,
            _ => Container::Mp3,
        },
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Container::Mp4,
        // MPEG frame sync with a layer and a bit rate that exist.
        [0xFF, second, third, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 && third & 0xF0 != 0xF0 => {
            Container::Mp3
        }
        _ => return None,
    })
}

/// What follows an ID3 tag, from its fourth byte on.
fn after_tag(rest: &[u8]) -> Option<&[u8]> {
    let size = rest.get(3..7)?.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7F));
    rest.get(7 + size..)
}

fn other(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const EXPORT: &str = "export it as a standard MIDI file";
    const CONVERT: &str = "convert it to WAV or FLAC";
    Some(match bytes {
        [b'S', b'M', b'F', b'2', b'C', b'L', b'I', b'P', ..] => ("a MIDI 2.0 clip", EXPORT),
        [0xF0, .., 0xF7] => ("a system exclusive dump", "it holds settings of an instrument, no notes"),
        [b'R', b'F', b'6', b'4', ..] => ("an RF64 recording", CONVERT),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => ("a Matroska or WebM recording", CONVERT),
        [b'.', b's', b'n', b'd', ..] => ("an AU recording", CONVERT),
        [b'P', b'K', 3, 4, ..] => ("a zip archive", "unpack it first"),
        [0x1F, 0x8B, ..] => ("a gzip archive", "unpack it first"),
        [b'R', b'I', b'F', b'F', ..] => ("a RIFF file of another form than RMID", EXPORT),
        _ => {
            let text = bytes[..bytes.len().min(512)].trim_ascii_start();
            let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
            let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
            if begins(b"<!doctype html") || begins(b"<html") {
                ("a web page", "the download may have failed")
            } else if begins(b"<?xml") || begins(b"<score") {
                ("an XML file", EXPORT)
            } else if is_text(text) {
                ("a text file", EXPORT)
            } else {
                return None;
            }
        }
    })
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|&byte| byte >= 0x80 || !byte.is_ascii_control() || byte.is_ascii_whitespace())
        && String::from_utf8_lossy(bytes).chars().filter(|&c| c == char::REPLACEMENT_CHARACTER).count() < 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_midi_from_others() {
        assert_eq!(sniff(b"MThd"), Ok(Found::Midi));
        assert_eq!(sniff(b"RIFF\0\0\0\0RMIDdata"), Ok(Found::Riff));
        for (bytes, container) in [
            (&b"RIFF\0\0\0\0WAVEfmt "[..], Container::Wav),
            (b"FORM\0\0\0\0AIFF", Container::Aiff),
            (b"fLaC", Container::Flac),
            (b"ID3\x04\0\0\0\0\0\x02..fLaC", Container::Flac),
            (b"OggS", Container::Ogg),
            (b"ID3\x04", Container::Mp3),
            (b"\xFF\xFB\x90\x64", Container::Mp3),
            (b"\0\0\0\x20ftypM4A ", Container::Mp4),
        ] {
            assert_eq!(sniff(bytes), Ok(Found::Sound(container)));
        }
        let said = |bytes: &[u8]| sniff(bytes).unwrap_err();
        assert!(said(b"RF64").contains("RF64") && said(b"\x1A\x45\xDF\xA3").contains("WebM"));
        assert!(said(b" <!DOCTYPE HTML>").contains("a web page"));
        assert!(said(b"X:1\nT:Tune\n").contains("a text file"));
        assert!(said(b"").contains("empty"));
        assert!(said(b"\0\0garbage\0MThd\0").contains("at byte 10"));
        assert!(said(b"mthd\0\0").contains("no MIDI file"));
        assert!(said(b"\0").contains("no MIDI file"));
    }
}
