//! One event that the strict parser refuses, read where its length is beyond doubt.

use super::events::{Event, Harm};

/// A repaired event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repaired {
    /// Ticks since the event before.
    pub(super) delta: u32,
    /// Its size in bytes, at least 1.
    pub(super) length: usize,
    /// What it means for notes and time, if anything.
    pub(super) event: Option<Event>,
}

/// Reads the event at the beginning of `data`, and counts what was wrong with it; nothing when
/// even its length is unknown.
pub(super) fn repair(data: &[u8], running: &mut Option<u8>, harm: &mut Harm) -> Option<Repaired> {
    let mut rest = data;
    let mut long = false;
    let delta = number(&mut rest, &mut long)?;
    if long {
        // The zeros in front are all that is wrong with it: the strict parser can read on behind
        // them, four bytes before the number's end.
        harm.long_numbers += 1;
        return Some(Repaired { delta: 0, length: data.len() - rest.len() - 4, event: None });
    }
    let status = match rest.first()? {
        &status if status >= 0x80 => {
            rest = &rest[1..];
            status
        }
        _ => (*running)?,
    };
    let mut event = None;
    let mut found = Harm::default();
    match status {
        0x80..=0xEF => {
            let count = if matches!(status >> 4, 0xC | 0xD) { 1 } else { 2 };
            let values = rest.split_off(..count)?;
            found.clipped = u64::from(values.iter().any(|&value| value > 127));
            event = channel_event(status, values);
            *running = Some(status);
        }
        0xF0 | 0xF7 => {
            let length = number(&mut rest, &mut long)?;
            rest.split_off(..length as usize)?;
        }
        0xFF => {
            rest.split_off_first()?;
            let length = number(&mut rest, &mut long)?;
            rest.split_off(..length as usize)?;
            found.bad_meta = 1;
        }
        // System messages: their lengths on the wire are defined.
        status => {
            let count = match status {
                0xF1 | 0xF3 => 1,
                0xF2 => 2,
                _ => 0,
            };
            rest.split_off(..count)?;
            found.system = 1;
        }
    }
    harm.clipped += found.clipped;
    harm.bad_meta += found.bad_meta;
    harm.system += found.system;
    harm.long_numbers += u64::from(long);
    Some(Repaired { delta, length: data.len() - rest.len(), event })
}

fn channel_event(status: u8, values: &[u8]) -> Option<Event> {
    let channel = status & 0x0F;
    match (status >> 4, values) {
        // The pitch is left as it is: a note that has none is dropped, not moved.
        (0x9, &[pitch, velocity]) if velocity > 0 => {
            Some(Event::NoteOn { channel, pitch, velocity: velocity.min(127) })
        }
        (0x8 | 0x9, &[pitch, _]) => Some(Event::NoteOff { channel, pitch }),
        _ => None,
    }
}

/// A number of variable length; one of more than 4 bytes is read if the last 4 hold it.
fn number(data: &mut &[u8], long: &mut bool) -> Option<u32> {
    let mut value = 0u32;
    for length in 1.. {
        let byte = *data.split_off_first()?;
        if value >= 1 << 21 {
            return None;
        }
        value = value << 7 | u32::from(byte & 0x7F);
        if byte < 0x80 {
            *long |= length > 4;
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(data: &[u8]) -> (Option<Repaired>, Harm) {
        let mut harm = Harm::default();
        (repair(data, &mut None, &mut harm), harm)
    }

    #[test]
    fn clips_values_but_no_pitch() {
        let event = Some(Event::NoteOn { channel: 1, pitch: 60, velocity: 127 });
        let (found, harm) = repaired(&[5, 0x91, 60, 200, 0]);
        assert_eq!(found, Some(Repaired { delta: 5, length: 4, event }));
        assert_eq!(harm.clipped, 1);
        let event = Some(Event::NoteOff { channel: 1, pitch: 130 });
        assert_eq!(repaired(&[5, 0x81, 130, 20]).0.unwrap().event, event);
    }

    #[test]
    fn reads_long_numbers_that_fit() {
        let (found, harm) = repaired(&[0x80, 0x80, 0x80, 0x80, 0x83, 0x60, 0xC0, 1]);
        assert_eq!(found, Some(Repaired { delta: 0, length: 2, event: None }));
        assert_eq!(harm.long_numbers, 1);
        assert_eq!(repaired(&[0x81, 0x80, 0x80, 0x80, 0x00, 0xC0, 1]).0, None);
        assert_eq!(repaired(&[0x80; 100]).0, None);
    }

    #[test]
    fn leaves_out_system_messages_and_bad_meta_events() {
        assert_eq!(repaired(&[1, 0xF2, 1, 2, 9]).0, Some(Repaired { delta: 1, length: 4, event: None }));
        assert_eq!(repaired(&[1, 0xFE, 9]).1.system, 1);
        // A key signature of one byte.
        let (found, harm) = repaired(&[1, 0xFF, 0x59, 1, 0, 9]);
        assert_eq!((found.unwrap().length, harm.bad_meta), (5, 1));
    }

    #[test]
    fn gives_up_at_the_end_and_without_a_status() {
        for data in [&[][..], &[0], &[0, 60, 60], &[0, 0x90, 60], &[0, 0xFF, 1, 9, 0], &[0, 0xF0, 0x81], &[0, 0xF3]] {
            assert_eq!(repaired(data).0, None, "{data:?}");
        }
    }
}
