//! The header, and the walk over the chunks after it.
//!
//! Done here and not by the MIDI crate, because what is skipped or cut short must be known.

use super::super::{Division, Warning};
use super::find;

const END_OF_TRACK: &[u8] = &[0xFF, 0x2F, 0x00];

/// The header of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: u16,
    pub(super) tracks: u16,
    pub(super) division: Division,
}

impl Header {
    /// The header at the beginning of `bytes`, and the chunks after it; or what is wrong and what
    /// to do.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, Chunks<'_>), String> {
        const REMEDY: &str = "get the file again, or export it anew";
        let Some((length, body)) = bytes.get(4..).and_then(|rest| rest.split_first_chunk::<4>()) else {
            return Err(format!("the file ends within its header; {REMEDY}"));
        };
        let length = u32::from_be_bytes(*length) as usize;
        let (true, Some(&[f, ormat, t, racks, d, ivision])) = (body.len() >= length, body.first_chunk::<6>()) else {
            return Err(format!("a header of {length} bytes, of which the file has {}; {REMEDY}", body.len()));
        };
        if length < 6 {
            return Err(format!("a header of {length} bytes, which needs 6; {REMEDY}"));
        }
        let header = Self {
            format: u16::from_be_bytes([f, ormat]),
            tracks: u16::from_be_bytes([t, racks]),
            division: Division::from_bits(u16::from_be_bytes([d, ivision])),
        };
        Ok((header, Chunks::new(bytes, 8 + length, header.tracks)))
    }

    pub(super) fn warn(&self, warnings: &mut Vec<Warning>) {
        if self.format > 2 {
            warnings.push(Warning::UnknownFormat { format: self.format });
        }
        match self.division {
            division if division.unit().is_none() => warnings.push(Warning::NoTicks),
            Division::Timecode { frames, .. } if ![24, 25, 29, 30].contains(&frames) => {
                warnings.push(Warning::OddFrameRate { frames });
            }
            _ => {}
        }
    }
}

/// The bytes of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track<'a> {
    pub(super) data: &'a [u8],
    /// Where they begin.
    pub(super) at: usize,
    /// How many more there should be after the end of the file.
    pub(super) missing: u64,
}

/// The tracks of a file in order; afterwards what was found besides them.
#[derive(Debug)]
pub(super) struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    declared: u16,
    tracks: usize,
    cut_short: Option<(usize, u64)>,
    wrong_lengths: usize,
    first_wrong_length: usize,
    other_chunks: usize,
    other_bytes: u64,
    stray_bytes: u64,
    second_header: Option<usize>,
}

impl<'a> Chunks<'a> {
    fn new(bytes: &'a [u8], at: usize, declared: u16) -> Self {
        Self {
            bytes,
            at,
            declared,
            tracks: 0,
            cut_short: None,
            wrong_lengths: 0,
            first_wrong_length: 0,
            other_chunks: 0,
            other_bytes: 0,
            stray_bytes: 0,
            second_header: None,
        }
    }

    /// The id of the chunk at a place, the beginning of its data, and the end that it claims.
    fn head(&self, at: usize) -> Option<([u8; 4], usize, usize)> {
        let &[i, d, en, t, length @ ..] = self.bytes.get(at..)?.first_chunk::<8>()?;
        let end = (at + 8).saturating_add(u32::from_be_bytes(length) as usize);
        Some(([i, d, en, t], at + 8, end))
    }

    /// Whether a chunk begins there, as far as can be told. Of a chunk that is no track only one
    /// that lies within the file is believed.
    fn is_chunk(&self, at: usize) -> bool {
        self.head(at).is_some_and(|(id, _, end)| match &id {
            b"MTrk" | b"MThd" => true,
            _ => id.iter().all(|byte| (b' '..=b'~').contains(byte)) && end <= self.bytes.len(),
        })
    }

    fn find_track(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        find(b"MTrk", rest).map_or(self.bytes.len(), |found| from + found)
    }

    fn track(&mut self, start: usize, claimed: usize) -> Track<'a> {
        let size = self.bytes.len();
        let trusted = claimed <= size
            && (claimed == size || self.is_chunk(claimed) || self.bytes[start..claimed].ends_with(END_OF_TRACK));
        let mut missing = 0;
        self.at = if trusted { claimed } else { self.find_track(start) };
        if !trusted && self.at == size && claimed > size {
            missing = (claimed - size) as u64;
            self.cut_short = Some((self.tracks, missing));
        } else if !trusted {
            if self.wrong_lengths == 0 {
                self.first_wrong_length = self.tracks;
            }
            self.wrong_lengths += 1;
        }
        self.tracks += 1;
        Track { data: &self.bytes[start..self.at], at: start, missing }
    }

    pub(super) fn warn(&self, header: &Header, warnings: &mut Vec<Warning>) {
        if self.tracks != usize::from(header.tracks) {
            warnings.push(Warning::TrackCount { declared: header.tracks, found: self.tracks });
        }
        if let Some((track, missing)) = self.cut_short {
            warnings.push(Warning::CutShort { track, missing });
        }
        if self.wrong_lengths > 0 {
            warnings.push(Warning::WrongLength { tracks: self.wrong_lengths, first: self.first_wrong_length });
        }
        if self.other_chunks > 0 {
            warnings.push(Warning::OtherChunks { chunks: self.other_chunks, bytes: self.other_bytes });
        }
        if self.stray_bytes > 0 {
            warnings.push(Warning::StrayBytes { bytes: self.stray_bytes });
        }
        if let Some(at) = self.second_header {
            warnings.push(Warning::SecondHeader { at, bytes: (self.bytes.len() - at) as u64 });
        }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Track<'a>;

    fn next(&mut self) -> Option<Track<'a>> {
        while self.at < self.bytes.len() {
            match self.head(self.at) {
                Some(([b'M', b'T', b'r', b'k'], start, claimed)) => return Some(self.track(start, claimed)),
                // Another file: its times and divisions are not those of this one.
                Some(([b'M', b'T', b'h', b'd'], ..)) => {
                    self.second_header = Some(self.at);
                    self.at = self.bytes.len();
                }
                Some((_, _, end)) if self.is_chunk(self.at) => {
                    self.other_chunks += 1;
                    self.other_bytes += (end - self.at) as u64;
                    self.at = end;
                }
                _ => {
                    // Behind a complete file, what looks like tracks are old disk blocks of it.
                    let complete = self.tracks >= usize::from(self.declared);
                    let next = if complete { self.bytes.len() } else { self.find_track(self.at + 1) };
                    self.stray_bytes += (next - self.at) as u64;
                    self.at = next;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks(body: &[u8]) -> (Vec<usize>, Vec<Warning>) {
        tracks_of(body, 9)
    }

    fn tracks_of(body: &[u8], declared: u16) -> (Vec<usize>, Vec<Warning>) {
        let mut chunks = Chunks::new(body, 0, declared);
        let lengths: Vec<usize> = chunks.by_ref().map(|track| track.data.len()).collect();
        let mut warnings = Vec::new();
        let header = Header { format: 1, tracks: lengths.len() as u16, division: Division::from_bits(1) };
        chunks.warn(&header, &mut warnings);
        (lengths, warnings)
    }

    #[test]
    fn trusts_lengths_that_fit() {
        assert_eq!(tracks(b"MTrk\0\0\0\x02abMTrk\0\0\0\x01c"), (vec![2, 1], vec![]));
        let stray = vec![Warning::StrayBytes { bytes: 1 }];
        assert_eq!(tracks(b"MTrk\0\0\0\x04\0\xFF\x2F\0\0MTrk\0\0\0\0"), (vec![4, 0], stray));
    }

    #[test]
    fn leaves_repeats_behind_a_complete_file() {
        let body = b"MTrk\0\0\0\x04\0\xFF\x2F\0\0\0\0MTrk\0\0\0\0";
        assert_eq!(tracks_of(body, 1), (vec![4], vec![Warning::StrayBytes { bytes: 11 }]));
        assert_eq!(tracks_of(body, 2), (vec![4, 0], vec![Warning::StrayBytes { bytes: 3 }]));
    }

    #[test]
    fn finds_the_next_track_when_a_length_is_wrong() {
        let wrong = vec![Warning::WrongLength { tracks: 1, first: 0 }];
        assert_eq!(tracks(b"MTrk\0\0\0\x02ab\0\x01MTrk\0\0\0\x01c"), (vec![4, 1], wrong.clone()));
        assert_eq!(tracks(b"MTrk\xFF\0\0\x02abMTrk\0\0\0\x01c"), (vec![2, 1], wrong));
    }

    #[test]
    fn tells_what_is_missing_or_foreign() {
        let cut = vec![Warning::CutShort { track: 0, missing: 7 }];
        assert_eq!(tracks(b"MTrk\0\0\0\x09ab"), (vec![2], cut));
        let other = vec![Warning::OtherChunks { chunks: 1, bytes: 9 }];
        assert_eq!(tracks(b"XFIH\0\0\0\x01aMTrk\0\0\0\0"), (vec![0], other));
        // A foreign chunk that is too long must not swallow the tracks after it.
        let stray = vec![Warning::StrayBytes { bytes: 9 }];
        assert_eq!(tracks(b"XFIH\xFF\0\0\x01aMTrk\0\0\0\0"), (vec![0], stray));
        let second = vec![Warning::SecondHeader { at: 8, bytes: 9 }];
        assert_eq!(tracks(b"MTrk\0\0\0\0MThd\0\0\0\x01a"), (vec![0], second));
    }

    #[test]
    fn refuses_headers_that_say_nothing() {
        for bytes in [&b"MThd"[..], b"MThd\0\0\0", b"MThd\0\0\0\x06\0\0\0\0\0", b"MThd\x06\0\0\0\0\0\0\x01\x01\xE0MTrk"]
        {
            assert!(Header::read(bytes).is_err(), "{bytes:?}");
        }
        assert!(Header::read(b"MThd\0\0\0\x05\0\0\0\x01\x01\xE0").unwrap_err().contains("needs 6"));
        let (header, _) = Header::read(b"MThd\0\0\0\x06\0\x01\0\x02\x01\xE0").unwrap();
        assert_eq!(header, Header { format: 1, tracks: 2, division: Division::Metrical { ticks: 480 } });
    }
}
