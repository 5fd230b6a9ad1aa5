//! The events of one track.

use midly::{EventIter, MetaMessage, MidiMessage, TrackEventKind};

use super::super::TimeSignature;
use super::repair::{Repaired, repair};

/// The events that matter for notes and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// `pitch` may be above 127 in a damaged file.
    NoteOn {
        channel: u8,
        pitch: u8,
        velocity: u8,
    },
    NoteOff {
        channel: u8,
        pitch: u8,
    },
    /// Microseconds a quarter.
    Tempo(u32),
    TimeSignature(TimeSignature),
}

/// What was repaired in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Harm {
    pub(super) clipped: u64,
    pub(super) system: u64,
    pub(super) long_numbers: u64,
    pub(super) bad_meta: u64,
}

/// How the walk over a track ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walked {
    /// Time of the last event, in ticks from the track's beginning.
    pub(super) end: u64,
    /// Whether there was an End of Track.
    pub(super) ended: bool,
    /// Bytes that were not read.
    pub(super) unread: usize,
    /// Where an event begins that is beyond repair.
    pub(super) damaged_at: Option<usize>,
}

/// Calls `on` with each event of a track and its time in ticks from the track's beginning.
///
/// The MIDI crate reads with its strictness on and so stops at the first fault instead of hiding
/// it; that one event is then looked at by [`repair`], and the crate reads on behind it.
pub(super) fn walk(data: &[u8], harm: &mut Harm, mut on: impl FnMut(u64, Event)) -> Walked {
    let mut tick = 0u64;
    let mut running = None;
    let mut at = 0;
    'faults: while at < data.len() {
        let mut events = EventIter::new(&data[at..]);
        *events.running_status_mut() = running;
        loop {
            let begin = data.len() - events.unread().len();
            match events.next() {
                Some(Ok(event)) => {
                    // The crate ends running status at meta and system messages, players do not.
                    running = events.running_status().or(running);
                    *events.running_status_mut() = running;
                    tick = tick.saturating_add(u64::from(event.delta.as_int()));
                    if event.kind == TrackEventKind::Meta(MetaMessage::EndOfTrack) {
                        return Walked { end: tick, ended: true, unread: events.unread().len(), damaged_at: None };
                    }
                    if let Some(event) = understand(&event.kind) {
                        on(tick, event);
                    }
                }
                Some(Err(_)) => {
                    let Some(repaired) = repair(&data[begin..], &mut running, harm) else {
                        let unread = data.len() - begin;
                        return Walked { end: tick, ended: false, unread, damaged_at: Some(begin) };
                    };
                    let Repaired { delta, length, event } = repaired;
                    tick = tick.saturating_add(u64::from(delta));
                    at = begin + length;
                    if let Some(event) = event {
                        on(tick, event);
                    }
                    continue 'faults;
                }
                None => break 'faults,
            }
        }
    }
    Walked { end: tick, ended: false, unread: 0, damaged_at: None }
}

/// What an event means for notes and time, if anything.
pub(super) fn understand(kind: &TrackEventKind<'_>) -> Option<Event> {
    Some(match *kind {
        TrackEventKind::Midi { channel, message } => {
            let channel = channel.as_int();
            match message {
                MidiMessage::NoteOn { key, vel } if vel > 0 => {
                    Event::NoteOn { channel, pitch: key.as_int(), velocity: vel.as_int() }
                }
                MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => {
                    Event::NoteOff { channel, pitch: key.as_int() }
                }
                _ => return None,
            }
        }
        TrackEventKind::Meta(MetaMessage::Tempo(microseconds)) => Event::Tempo(microseconds.as_int()),
        TrackEventKind::Meta(MetaMessage::TimeSignature(numerator, denominator_power, ..)) => {
            Event::TimeSignature(TimeSignature { numerator, denominator_power })
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(data: &[u8]) -> (Vec<(u64, Event)>, Walked, Harm) {
        let (mut events, mut harm) = (Vec::new(), Harm::default());
        let walked = walk(data, &mut harm, |tick, event| events.push((tick, event)));
        (events, walked, harm)
    }

    const ON: Event = Event::NoteOn { channel: 0, pitch: 60, velocity: 64 };
    const OFF: Event = Event::NoteOff { channel: 0, pitch: 60 };

    #[test]
    fn running_status_holds_over_meta_and_system_messages() {
        let data =
            [0, 0x90, 60, 64, 5, 0xFF, 1, 1, b'x', 5, 60, 0, 0, 0xF0, 1, 0xF7, 1, 60, 64, 1, 60, 0, 0, 0xFF, 0x2F, 0];
        let (events, end, harm) = walked(&data);
        assert_eq!(events, [(0, ON), (10, OFF), (11, ON), (12, OFF)]);
        assert_eq!(end, Walked { end: 12, ended: true, unread: 0, damaged_at: None });
        assert_eq!(harm, Harm::default());
    }

    #[test]
    fn goes_on_behind_a_repaired_event() {
        let (events, end, harm) = walked(&[0, 0x90, 60, 64, 3, 0xF8, 2, 60, 0, 0, 0xB0, 7, 0xFF, 0, 0xFF, 0x2F, 0]);
        assert_eq!(events, [(0, ON), (5, OFF)]);
        assert!(end.ended);
        assert_eq!(harm, Harm { system: 1, clipped: 1, ..Harm::default() });
    }

    #[test]
    fn stops_where_nothing_can_be_told() {
        let (events, end, _) = walked(&[0, 0x90, 60, 64, 7, 0xFF, 0x51, 3, 1]);
        assert_eq!(events, [(0, ON)]);
        assert_eq!(end, Walked { end: 0, ended: false, unread: 5, damaged_at: Some(4) });
        let (events, end, _) = walked(&[0, 60, 64]);
        assert_eq!((events.len(), end.damaged_at), (0, Some(0)));
    }

    #[test]
    fn ends_at_end_of_track() {
        let (events, end, _) = walked(&[9, 0xFF, 0x2F, 0, 0, 0x90, 60, 64]);
        assert_eq!((events.len(), end.end, end.unread), (0, 9, 4));
    }
}
