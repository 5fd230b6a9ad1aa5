//! The bytes of the levels: what likeness unrelated tunes reach with each exemplar of a bank.
//!
//! Numbers are little-endian.
//!
//! | part | content |
//! |---|---|
//! | magic | 16 bytes |
//! | form | u32 |
//! | checksum | u32, CRC-32 of all that follows |
//! | key | u64: what the levels depend on beside the exemplars |
//! | records | fingerprint (u64), mean and spread (f64), one an exemplar, by fingerprint, to the end |

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::note::Fragment;
use crate::similarity::Level;

/// The version of the form of these bytes; it is in the name of the file too.
pub(super) const FORM: u32 = 1;

const MAGIC: &[u8; 16] = b"judge levels   \n";

/// The bytes of a record.
const RECORD: u64 = 24;

/// The bytes before those that the checksum is of.
const UNCHECKED: usize = MAGIC.len() + 4 + 4;

/// By what it is told that an exemplar has the same notes. The hash may be another one in other builds of this crate; then
/// levels are found out again.
pub fn fingerprint(fragment: &Fragment) -> u64 {
    let mut hasher = DefaultHasher::new();
    fragment.ticks_per_quarter().hash(&mut hasher);
    for note in fragment.notes() {
        (note.pitch, note.onset, note.duration).hash(&mut hasher);
    }
    hasher.finish()
}

/// How many levels a cache of so many bytes has.
pub fn count(bytes: u64) -> u64 {
    bytes.saturating_sub(UNCHECKED as u64 + 8) / RECORD
}

/// A cache of levels, by fingerprint.
pub fn write(levels: &BTreeMap<u64, Level>, key: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(UNCHECKED + 8 + RECORD as usize * levels.len());
    bytes.extend(MAGIC);
    bytes.extend(FORM.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(key.to_le_bytes());
    for (fingerprint, level) in levels {
        bytes.extend(fingerprint.to_le_bytes());
        bytes.extend(level.mean.to_le_bytes());
        bytes.extend(level.spread.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes[UNCHECKED..]);
    bytes[UNCHECKED - 4..UNCHECKED].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The levels of a cache; nothing if it is damaged, of another version, or found out in another way.
pub fn read(bytes: &[u8], key: u64) -> Option<HashMap<u64, Level>> {
    let (form, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    if u32::from_le_bytes(*form) != FORM || u32::from_le_bytes(*checksum) != crc32fast::hash(rest) {
        return None;
    }
    let (of, rest) = rest.split_first_chunk()?;
    let (numbers, []) = rest.as_chunks::<8>() else { return None };
    let (records, []) = numbers.as_chunks::<3>() else { return None };
    if u64::from_le_bytes(*of) != key {
        return None;
    }
    let level = |&[fingerprint, mean, spread]: &[[u8; 8]; 3]| {
        let level = Level { mean: f64::from_le_bytes(mean), spread: f64::from_le_bytes(spread) };
        level.can_be().then_some((u64::from_le_bytes(fingerprint), level))
    };
    records.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some() -> BTreeMap<u64, Level> {
        (0..20).map(|it| (it << 60 | it, Level { mean: 0.01 * it as f64, spread: 0.05 })).collect()
    }

    #[test]
    fn what_is_written_is_read_under_its_key_alone() {
        let bytes = write(&some(), 7);
        assert_eq!((count(bytes.len() as u64), count(3)), (20, 0));
        assert_eq!(read(&bytes, 7), Some(some().into_iter().collect()));
        assert_eq!(read(&bytes, 8), None);
        assert_eq!(read(&write(&BTreeMap::new(), 7), 7), Some(HashMap::new()));
        let mut odd = some();
        odd.insert(3, Level { mean: f64::NAN, spread: 0.05 });
        assert_eq!(read(&write(&odd, 7), 7), None);
    }

    #[test]
    fn fingerprints_are_of_notes() {
        let fragment = |notes: &[(u8, f64, f64)]| fingerprint(&Fragment::from_quarters(notes).unwrap());
        let one = fragment(&[(60, 0.0, 1.0), (62, 1.0, 1.0)]);
        assert_eq!(one, fragment(&[(60, 0.0, 1.0), (62, 1.0, 1.0)]));
        for other in [(63, 1.0, 1.0), (62, 1.5, 1.0), (62, 1.0, 2.0)] {
            assert_ne!(one, fragment(&[(60, 0.0, 1.0), other]));
        }
    }

    proptest! {
        #[test]
        fn damage_is_noticed(place in any::<prop::sample::Index>(), bit in 0..8, cut in any::<bool>()) {
            let mut bytes = write(&some(), 7);
            let place = place.index(bytes.len());
            if cut {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 1u8 << bit;
            }
            prop_assert_eq!(read(&bytes, 7), None);
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut whole = write(&some(), 7);
            whole.truncate(UNCHECKED);
            whole.extend(&bytes);
            let checksum = crc32fast::hash(&bytes);
            whole[UNCHECKED - 4..UNCHECKED].copy_from_slice(&checksum.to_le_bytes());
            let _ = read(&whole, 7);
        }
    }
}
