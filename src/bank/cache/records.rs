//! The bytes of the cache.
//!
//! Numbers are little-endian; a *varint* has seven bits a byte, the lowest first, and the highest bit
//! set in all bytes but the last.
//!
//! | part | content |
//! |---|---|
//! | magic | 16 bytes |
//! | form | u32 |
//! | checksum | u32, CRC-32 of all that follows |
//! | length | u64, bytes of what follows |
//! | key | what the notes depend on beside the files: the version of the crate, the read options |
//! | records | one a file, to the end |
//!
//! A record is the path in the bank (varint length, bytes), the size (varint), the times of
//! modification and change (i64, nanoseconds from 1970), and the length in bytes (varint) of the
//! fragment: ticks a quarter, then for each note the ticks from the last onset, the duration, the
//! track (varints), pitch, velocity and channel (bytes).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::input::{Limits, ReadOptions};
use crate::note::{Fragment, Note};

/// The version of the form of these bytes; it is in the name of the file too.
pub(super) const FORM: u32 = 1;

/// To be raised whenever the same file may be read as other notes than before.
const READING: u32 = 2;

const MAGIC: &[u8; 16] = b"judge exemplars\n";

/// The bytes before those that the checksum is of.
const UNCHECKED: usize = MAGIC.len() + 4 + 4;

/// By what it is told that a file is the same as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    modified: i64,
    /// When the file's content, name or rights were last changed, which no program can set back:
    /// unpacking an archive may bring another content of the same size and time. 0 where the
    /// operating system does not tell.
    changed: i64,
}

impl Stamp {
    /// Of a regular file, if its times can be told.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        if !metadata.is_file() {
            return None;
        }
        let modified = nanoseconds(metadata.modified().ok()?)?;
        Some(Self { size: metadata.len(), modified, changed: changed(metadata)? })
    }

    /// Whether the file was last modified some time before `now`: a later change is sure to have
    /// another time.
    pub fn settled(&self, now: SystemTime) -> bool {
        // The coarsest file systems in use count time in steps of two seconds.
        nanoseconds(now).is_some_and(|now| self.modified.saturating_add(2_000_000_000) <= now)
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<i64> {
    use std::os::unix::fs::MetadataExt;
    metadata.ctime().checked_mul(1_000_000_000)?.checked_add(metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_: &Metadata) -> Option<i64> {
    Some(0)
}

fn nanoseconds(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|before| -before),
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// What the file was like.
    pub stamp: Stamp,
    /// The whole record.
    pub bytes: &'a [u8],
    fragment: &'a [u8],
}

impl Record<'_> {
    /// The notes of the file, if they are a fragment within the limits.
    pub fn fragment(&self, limits: &Limits) -> Option<Fragment> {
        // The shortest note takes six bytes.
        let most = usize::try_from(limits.notes).unwrap_or(usize::MAX);
        let mut notes = Vec::with_capacity(most.min(self.fragment.len() / 6));
        let mut rest = self.fragment;
        let ticks_per_quarter = u32::try_from(varint(&mut rest)?).ok()?;
        let mut onset = 0u64;
        while !rest.is_empty() {
            if notes.len() == most {
                return None;
            }
            onset = onset.checked_add(varint(&mut rest)?)?;
            let duration = varint(&mut rest)?;
            let track = u16::try_from(varint(&mut rest)?).ok()?;
            let [pitch, velocity, channel] = array(&mut rest)?;
            notes.push(Note { onset, duration, pitch, velocity, channel, track });
        }
        notes.shrink_to_fit();
        Fragment::new(notes, ticks_per_quarter).ok()
    }
}

/// The record of a file.
pub fn record(path: &[u8], stamp: Stamp, fragment: &Fragment) -> Vec<u8> {
    let mut body = Vec::with_capacity(4 + fragment.notes().len() * 8);
    put_varint(&mut body, fragment.ticks_per_quarter().into());
    // The first onset is the lead.
    let mut last = 0;
    for note in fragment.notes() {
        let onset = fragment.lead() + note.onset;
        put_varint(&mut body, onset - last);
        put_varint(&mut body, note.duration);
        put_varint(&mut body, note.track.into());
        body.extend([note.pitch, note.velocity, note.channel]);
        last = onset;
    }
    let mut record = Vec::with_capacity(path.len() + body.len() + 24);
    put_varint(&mut record, path.len() as u64);
    record.extend(path);
    put_varint(&mut record, stamp.size);
    record.extend(stamp.modified.to_le_bytes());
    record.extend(stamp.changed.to_le_bytes());
    put_varint(&mut record, body.len() as u64);
    record.append(&mut body);
    record
}

/// A cache of records.
pub fn write(records: &[Cow<'_, [u8]>], options: &ReadOptions) -> Vec<u8> {
    let key = key(options);
    let length = key.len() + records.iter().map(|record| record.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(UNCHECKED + 8 + length);
    bytes.extend(MAGIC);
    bytes.extend(FORM.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((length as u64).to_le_bytes());
    bytes.extend(key);
    for record in records {
        bytes.extend_from_slice(record);
    }
    let checksum = crc32fast::hash(&bytes[UNCHECKED..]);
    bytes[UNCHECKED - 4..UNCHECKED].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The records of a cache by path; nothing if it is damaged, of another version, or of files that
/// were read in another way.
pub fn read<'a>(bytes: &'a [u8], options: &ReadOptions) -> Option<HashMap<&'a [u8], Record<'a>>> {
    let mut rest = bytes.strip_prefix(MAGIC)?;
    if u32::from_le_bytes(array(&mut rest)?) != FORM || u32::from_le_bytes(array(&mut rest)?) != crc32fast::hash(rest) {
        return None;
    }
    if u64::from_le_bytes(array(&mut rest)?) != rest.len() as u64 {
        return None;
    }
    let mut rest = rest.strip_prefix(&key(options)[..])?;
    // Records of single phrases take about 100 bytes.
    let mut records = HashMap::with_capacity(rest.len() / 100);
    while !rest.is_empty() {
        let whole = rest;
        let path = block(&mut rest)?;
        let size = varint(&mut rest)?;
        let modified = i64::from_le_bytes(array(&mut rest)?);
        let changed = i64::from_le_bytes(array(&mut rest)?);
        let fragment = block(&mut rest)?;
        let bytes = &whole[..whole.len() - rest.len()];
        records.insert(path, Record { stamp: Stamp { size, modified, changed }, bytes, fragment });
    }
    Some(records)
}

/// What the notes of a file depend on beside its bytes.
fn key(options: &ReadOptions) -> Vec<u8> {
    // Taken apart, so that a new option cannot be forgotten here.
    let ReadOptions { limits, drums, tempo, transcriber, keep_sound: _ } = options;
    let Limits { notes, quarters, seconds, bytes, audio_seconds } = limits;
    // 0 stands for none: no tempo is that.
    let tempo = tempo.map_or(0, f64::to_bits);
    let transcriber = transcriber.as_ref().map_or(0, |it| 1 << 32 | u64::from(it.checksum()));
    let mut key = READING.to_le_bytes().to_vec();
    for number in [*notes, *quarters, *seconds, *bytes, *audio_seconds, u64::from(*drums), tempo, transcriber] {
        key.extend(number.to_le_bytes());
    }
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    put_varint(&mut key, version.len() as u64);
    key.extend(version);
    key
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, more) = rest.split_first()?;
        *rest = more;
        let bits = u64::from(byte & 0x7F);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, more) = rest.split_first_chunk()?;
    *rest = more;
    Some(*taken)
}

fn block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (taken, more) = rest.split_at_checked(length)?;
    *rest = more;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAMP: Stamp = Stamp { size: 7, modified: -3, changed: i64::MAX };

    fn fragment(seed: u64) -> Fragment {
        let note = |i: u64| Note {
            onset: 5 + i / 3 * (seed + 1),
            duration: i * seed * 1000,
            pitch: (i * 9 % 128) as u8,
            velocity: 1 + (seed % 100) as u8,
            channel: (i % 16) as u8,
            track: (i * 7000) as u16,
        };
        Fragment::new((0..8).map(note).collect(), 1 + seed as u32).unwrap()
    }

    fn small() -> Vec<u8> {
        let records: Vec<_> =
            (0..3).map(|i| Cow::from(record(format!("good/{i}.mid").as_bytes(), STAMP, &fragment(i)))).collect();
        write(&records, &ReadOptions::default())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = small();
        let records = read(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!(records.len(), 3);
        for i in 0..3 {
            let record = records[format!("good/{i}.mid").as_bytes()];
            assert_eq!((record.stamp, record.fragment(&Limits::default())), (STAMP, Some(fragment(i))));
        }
        assert!(read(&bytes, &ReadOptions { drums: true, ..ReadOptions::default() }).is_none());
        let limits = Limits { notes: 3, ..Limits::default() };
        assert!(read(&bytes, &ReadOptions { limits, ..ReadOptions::default() }).is_none());
    }

    #[test]
    fn a_change_of_any_bit_and_a_loss_of_any_byte_are_noticed() {
        let bytes = small();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[index] ^= 1 << bit;
                assert!(read(&damaged, &ReadOptions::default()).is_none(), "byte {index}, bit {bit}");
            }
            assert!(read(&bytes[..index], &ReadOptions::default()).is_none(), "the first {index} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(read(&longer, &ReadOptions::default()).is_none());
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(varint(&mut &[0xFF; 11][..]), None);
        assert_eq!(varint(&mut &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02][..]), None);
        assert_eq!(block(&mut &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01][..]), None);
        for number in [0, 127, 128, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            assert_eq!(varint(&mut &bytes[..]), Some(number));
        }
    }

    proptest! {
        /// Even bytes whose checksum is right, which damage cannot bring about, do no harm.
        #[test]
        fn no_bytes_do_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
                            cut in 0usize..40) {
            let mut bytes = small();
            bytes.truncate(bytes.len() - cut);
            for (index, byte) in changes {
                let index = UNCHECKED + 8 + index.index(bytes.len() - UNCHECKED - 8);
                bytes[index] = byte;
            }
            let length = (bytes.len() - UNCHECKED - 8) as u64;
            bytes[UNCHECKED..UNCHECKED + 8].copy_from_slice(&length.to_le_bytes());
            let checksum = crc32fast::hash(&bytes[UNCHECKED..]);
            bytes[UNCHECKED - 4..UNCHECKED].copy_from_slice(&checksum.to_le_bytes());
            if let Some(records) = read(&bytes, &ReadOptions::default()) {
                for record in records.values() {
                    let _ = record.fragment(&Limits::default());
                }
            }
        }

        #[test]
        fn any_fragment_comes_back(
            notes in prop::collection::vec(
                (0u64..1 << 40, 0u64..1 << 40, 0u8..128, any::<u8>(), any::<u8>(), any::<u16>()), 1..20),
            ticks in 1u32..,
        ) {
            let notes = notes.into_iter().map(|(onset, duration, pitch, velocity, channel, track)| {
                Note { onset, duration, pitch, velocity, channel, track }
            });
            if let Ok(fragment) = Fragment::new(notes.collect(), ticks) {
                let bytes = write(&[Cow::from(record(b"x", STAMP, &fragment))], &ReadOptions::default());
                let found = read(&bytes, &ReadOptions::default()).unwrap()[&b"x"[..]].fragment(&Limits::default());
                prop_assert_eq!(found, Some(fragment));
            }
        }
    }
}
