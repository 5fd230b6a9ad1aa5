//! The RIFF wrapper of RMID files.

use super::super::Warning;
use crate::error::{Error, Origin, Result};

/// The MIDI data within a RIFF file of form RMID: its first chunk `data`.
pub(in crate::input) fn unwrap_riff<'a>(bytes: &'a [u8], origin: &Origin) -> Result<(&'a [u8], Vec<Warning>)> {
    let mut at = 12;
    while let Some((head, rest)) = bytes.get(at..).and_then(|rest| rest.split_first_chunk::<8>()) {
        let [i, d, e, n, length @ ..] = *head;
        let length = u64::from(u32::from_le_bytes(length));
        let here = rest.len() as u64;
        if [i, d, e, n] == *b"data" {
            let missing = length.saturating_sub(here);
            let warnings = (missing > 0).then_some(Warning::WrapperCutShort { missing });
            let data = if missing > 0 { rest } else { &rest[..length as usize] };
            return Ok((data, warnings.into_iter().collect()));
        }
        // Chunks are padded to an even length.
        at = bytes.len() - rest.len() + length.next_multiple_of(2).min(here) as usize;
    }
    let problem = "a RIFF file of form RMID without MIDI data in it; export it as a standard MIDI file".into();
    Err(Error::Malformed { origin: origin.clone(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_data() {
        let data = |bytes: &'static [u8]| unwrap_riff(bytes, &Origin::Memory);
        let (midi, warnings) = data(b"RIFF\x10\0\0\0RMIDINFO\x01\0\0\0x\0data\x02\0\0\0abc").unwrap();
        assert_eq!((midi, warnings.len()), (&b"ab"[..], 0));
        let (midi, warnings) = data(b"RIFF\x10\0\0\0RMIDdata\xFF\xFF\xFF\xFFabc").unwrap();
        assert_eq!(
            (midi, &warnings[..]),
            (&b"abc"[..], &[Warning::WrapperCutShort { missing: u64::from(u32::MAX) - 3 }][..])
        );
        assert!(data(b"RIFF\x10\0\0\0RMID").is_err());
        assert!(data(b"RIFF\x10\0\0\0RMIDjunk\xFF\xFF\xFF\xFFdata").is_err());
    }
}
