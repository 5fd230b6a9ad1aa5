//! Writes fragments as Standard MIDI Files.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use num_integer::gcd;

use crate::error::{Error, Origin, Result};
use crate::notation::{Meter, Score};
use crate::note::{Fragment, Note};

/// The division that is written when it is exact: what most programs expect.
const USUAL_DIVISION: u32 = 480;

/// The division that times are rounded to when they fit no other: 2^6 x 3^2 x 5 x 7.
const FINE_DIVISION: u32 = 20_160;

/// The longest time between two events of a track, in ticks.
const LONGEST_DELTA: u64 = (1 << 28) - 1;

/// The most tracks with notes; one more has the tempo.
const MOST_TRACKS: usize = 65_534;

/// The longest text that is written, in bytes; more is cut off.
const LONGEST_TEXT: usize = 65_535;

/// What a file says beside its notes. Empty texts are not written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heading {
    /// The name of the piece.
    pub title: String,
    /// Who wrote it.
    pub composer: String,
    /// Where it is from.
    pub source: String,
    /// Who may do what with it.
    pub copyright: String,
    /// Quarters a minute. Outside 3.6 to 60,000,000 the nearest that a file can say is written;
    /// 0 and what is no number stand for 120.
    pub tempo: f64,
    /// Where each meter begins, in ticks of the fragment from where its
    /// [lead](Fragment::lead) begins; what begins after the last note is not written. Without any,
    /// nothing is written, which means 4/4.
    pub meters: Vec<(u64, Meter)>,
}

impl From<&Score> for Heading {
    fn from(score: &Score) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            title: text(&score.title),
            composer: text(&score.composer),
            source: text(&score.source),
            copyright: text(&score.licence),
            tempo: score.tempo,
            meters: score.meter_changes(),
        }
    }
}

/// A fragment as the bytes of a Standard MIDI File, the same bytes each time.
///
/// Notes of one track make a file of format 0. Notes of several make one of format 1: tempo, meter
/// and texts in a first track of their own, then the tracks in their order, numbered without gaps
/// (beyond 65,534 the others share the last). The silence that led to the fragment where it was
/// taken from is written too, so that bar lines stay where they were.
///
/// The division is 480 ticks a quarter if that is exact, else the fragment's own, if need be
/// divided by what all times have in common. If more than 32,767 is left, times are rounded to
/// the nearest 1/20,160 of a quarter, which is at most 1/40,320 of a quarter off.
///
/// ```
/// let fragment = judge::Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 1.0, 1.0)])?;
/// let heading = judge::smf::Heading { title: "A third".into(), tempo: 90.0, ..Default::default() };
/// let bytes = judge::smf::write(&fragment, &heading)?;
/// assert!(bytes.starts_with(b"MThd"));
/// # Ok::<(), judge::Error>(())
/// ```
///
/// # Errors
/// [`Error::Malformed`] when a track would be longer than the 4 GiB that a file can hold.
pub fn write(fragment: &Fragment, heading: &Heading) -> Result<Vec<u8>> {
    let scale = Scale::of(fragment);
    let mut numbers: Vec<u16> = fragment.notes().iter().map(|note| note.track).collect();
    numbers.sort_unstable();
    numbers.dedup();

    let mut tracks = vec![Track::default()];
    tracks[0].head(heading);
    for &(start, meter) in heading.meters.iter().filter(|(start, _)| *start <= fragment.lead() + fragment.ticks()) {
        let unit = meter.unit().trailing_zeros() as u8;
        tracks[0].meta(scale.ticks(start), MetaMessage::TimeSignature(meter.beats(), unit, 24, 8));
    }
    if numbers.len() > 1 {
        tracks.resize_with(1 + numbers.len().min(MOST_TRACKS), Track::default);
    }
    let last = tracks.len() - 1;
    for note in fragment.notes() {
        let track = numbers.binary_search(&note.track).map_or(0, |index| (index + 1).min(last));
        tracks[track].note(note, fragment.lead(), &scale);
    }

    let format = if last == 0 { Format::SingleTrack } else { Format::Parallel };
    let timing = Timing::Metrical(u15::new(scale.division));
    let tracks = tracks.into_iter().map(Track::finish).collect();
    let mut bytes = Vec::new();
    Smf { header: Header::new(format, timing), tracks }.write_std(&mut bytes).map_err(|error| Error::Malformed {
        origin: Origin::Memory,
        problem: format!("cannot be written as a MIDI file: {error}"),
    })?;
    Ok(bytes)
}

/// From ticks of a fragment to ticks of a file.
struct Scale {
    division: u16,
    /// File ticks a fragment tick, as a fraction.
    numerator: u128,
    denominator: u128,
}

impl Scale {
    fn of(fragment: &Fragment) -> Self {
        let own = fragment.ticks_per_quarter();
        let times = fragment.notes().iter().flat_map(|note| [note.onset + fragment.lead(), note.duration]);
        let common = times.fold(u64::from(own), gcd);
        // The fragment's times are multiples of 1/needed of a quarter, and of no coarser part.
        let needed = u64::from(own) / common;
        let division = if u64::from(USUAL_DIVISION).is_multiple_of(needed) {
            USUAL_DIVISION
        } else if own <= u32::from(u15::max_value().as_int()) {
            own
        } else {
            u32::try_from(needed).ok().filter(|&n| n <= u32::from(u15::max_value().as_int())).unwrap_or(FINE_DIVISION)
        };
        // All of the divisions above are below 2^15.
        Self { division: division as u16, numerator: u128::from(division), denominator: u128::from(own) }
    }

    /// Rounds half up.
    fn ticks(&self, ticks: u64) -> u64 {
        let scaled = (2 * u128::from(ticks) * self.numerator + self.denominator) / (2 * self.denominator);
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

/// What sounds or is said at one tick comes in this order, so that a note that is struck again is
/// released first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Head,
    Release,
    Strike,
    ReleaseAtOnce,
}

/// The events of a track with their times, in any order.
#[derive(Default)]
struct Track<'a> {
    events: Vec<(u64, Rank, TrackEventKind<'a>)>,
}

impl<'a> Track<'a> {
    fn head(&mut self, heading: &'a Heading) {
        let texts = [
            (&heading.title, MetaMessage::TrackName as fn(&'a [u8]) -> MetaMessage<'a>),
            (&heading.composer, MetaMessage::Text),
            (&heading.source, MetaMessage::Text),
            (&heading.copyright, MetaMessage::Copyright),
        ];
        for (text, message) in texts {
            if !text.is_empty() {
                let end = text.floor_char_boundary(LONGEST_TEXT);
                self.meta(0, message(&text.as_bytes()[..end]));
            }
        }
        let tempo = if heading.tempo > 0.0 { heading.tempo } else { 120.0 };
        let microseconds = (60e6 / tempo).round().clamp(1.0, f64::from(u24::max_value().as_int()));
        self.meta(0, MetaMessage::Tempo(u24::new(microseconds as u32)));
    }

    fn meta(&mut self, time: u64, message: MetaMessage<'a>) {
        self.events.push((time, Rank::Head, TrackEventKind::Meta(message)));
    }

    fn note(&mut self, note: &Note, lead: u64, scale: &Scale) {
        let (start, end) = (scale.ticks(lead + note.onset), scale.ticks(lead + note.end()));
        let channel = u4::new(note.channel.min(15));
        let key = u7::new(note.pitch);
        let mut push = |time, rank, message| self.events.push((time, rank, TrackEventKind::Midi { channel, message }));
        push(start, Rank::Strike, MidiMessage::NoteOn { key, vel: u7::new(note.velocity.clamp(1, 127)) });
        let rank = if start == end { Rank::ReleaseAtOnce } else { Rank::Release };
        push(end, rank, MidiMessage::NoteOff { key, vel: u7::new(64) });
    }

    /// Puts the events in order, and empty texts into gaps that are too long.
    fn finish(mut self) -> Vec<TrackEvent<'a>> {
        self.events.sort_by_key(|&(time, rank, _)| (time, rank));
        let mut events = Vec::with_capacity(self.events.len() + 1);
        let mut now = 0;
        for (time, _, kind) in self.events {
            let mut gap = time - now;
            while gap > LONGEST_DELTA {
                let filler = TrackEventKind::Meta(MetaMessage::Text(b""));
                events.push(TrackEvent { delta: u28::max_value(), kind: filler });
                gap -= LONGEST_DELTA;
            }
            events.push(TrackEvent { delta: u28::new(gap as u32), kind });
            now = time;
        }
        events.push(TrackEvent { delta: u28::new(0), kind: TrackEventKind::Meta(MetaMessage::EndOfTrack) });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{MAX_QUARTERS, TICKS_PER_QUARTER};
    use proptest::prelude::*;

    type Times = Vec<(u8, u64, u64)>;

    /// Division, and pitch, onset and end of the notes of each track.
    fn read(bytes: &[u8]) -> (u16, Vec<Times>) {
        let smf = Smf::parse(bytes).unwrap();
        let Timing::Metrical(division) = smf.header.timing else { panic!("no division") };
        let notes = |track: &Vec<TrackEvent<'_>>| {
            let (mut now, mut notes, mut open) = (0, Times::new(), Times::new());
            for event in track {
                now += u64::from(event.delta.as_int());
                match event.kind {
                    TrackEventKind::Midi { message: MidiMessage::NoteOn { key, .. }, .. } => {
                        open.push((key.as_int(), now, 0));
                    }
                    TrackEventKind::Midi { message: MidiMessage::NoteOff { key, .. }, .. } => {
                        let index = open.iter().position(|note| note.0 == key.as_int()).unwrap();
                        let (pitch, start, _) = open.remove(index);
                        notes.push((pitch, start, now));
                    }
                    _ => {}
                }
            }
            assert!(open.is_empty());
            notes.sort();
            notes
        };
        (division.as_int(), smf.tracks.iter().map(notes).collect())
    }

    fn written(notes: &[Note], ticks_per_quarter: u32) -> (u16, Vec<Times>) {
        read(&write(&Fragment::new(notes.to_vec(), ticks_per_quarter).unwrap(), &Heading::default()).unwrap())
    }

    #[test]
    fn chooses_the_division() {
        let one = |duration, ticks_per_quarter| {
            let (division, tracks) = written(&[Note::new(60, 0, duration)], ticks_per_quarter);
            (division, tracks[0][0].2)
        };
        assert_eq!(one(20_160, TICKS_PER_QUARTER), (480, 240));
        assert_eq!(one(96, 96), (480, 480));
        assert_eq!(one(1, 96), (480, 5));
        assert_eq!(one(1, 960), (960, 1));
        assert_eq!(one(TICKS_PER_QUARTER as u64 / 7, TICKS_PER_QUARTER), (7, 1));
        assert_eq!(one(1, TICKS_PER_QUARTER), (20_160, 1));
        assert_eq!(one(u64::from(u32::MAX), u32::MAX), (480, 480));
        assert_eq!(one(MAX_QUARTERS * 40_320 - 1, TICKS_PER_QUARTER), (20_160, MAX_QUARTERS * 20_160));
    }

    #[test]
    fn keeps_tracks_lead_and_repeated_notes() {
        let on = |track, note: Note| Note { track, ..note };
        let notes = [
            on(9, Note::new(60, 480, 480)),
            on(9, Note::new(60, 960, 0)),
            on(9, Note::new(60, 960, 480)),
            on(4, Note::new(48, 960, 480)),
        ];
        let (division, tracks) = written(&notes, 480);
        assert_eq!(division, 480);
        assert_eq!(tracks, [vec![], vec![(48, 960, 1440)], vec![(60, 480, 960), (60, 960, 960), (60, 960, 1440)]]);
    }

    #[test]
    fn bridges_long_gaps() {
        let end = MAX_QUARTERS * 30_000;
        assert_eq!(written(&[Note::new(60, end - 1, 1)], 30_000).1, [[(60, end - 1, end)]]);
    }

    #[test]
    fn survives_what_a_file_cannot_say() {
        let odd = Note { velocity: 0, channel: 200, ..Note::new(127, 0, 0) };
        let notes: Vec<_> = (0..=u16::MAX).map(|track| Note { track, ..odd }).collect();
        let fragment = Fragment::new(notes, 1).unwrap();
        for tempo in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1e300] {
            let meters = vec![(u64::MAX, Meter::default()), (0, Meter::new(255, 128).unwrap())];
            let heading = Heading { title: "é".repeat(50_000), tempo, meters, ..Heading::default() };
            let bytes = write(&fragment, &heading).unwrap();
            assert_eq!(Smf::parse(&bytes).unwrap().tracks.len(), MOST_TRACKS + 1);
        }
    }

    #[test]
    fn writes_the_heading() {
        let text = "title: T\ncomposer: C\nsource: S\nlicence: L\nmeter: 3/4 2/4\ntempo: 90\nvoice: C4:1 | D4:2 | E4:3";
        let score = crate::notation::parse(text).unwrap();
        let bytes = write(&score.fragment().unwrap(), &Heading::from(&score)).unwrap();
        let smf = Smf::parse(&bytes).unwrap();
        let mut now = 0;
        let metas = smf.tracks[0].iter().filter_map(|event| {
            now += event.delta.as_int();
            match event.kind {
                TrackEventKind::Meta(message) => Some((now, message)),
                _ => None,
            }
        });
        let metas: Vec<_> = metas.collect();
        let expected = [
            (0, MetaMessage::TrackName(b"T")),
            (0, MetaMessage::Text(b"C")),
            (0, MetaMessage::Text(b"S")),
            (0, MetaMessage::Copyright(b"L")),
            (0, MetaMessage::Tempo(u24::new(666_667))),
            (0, MetaMessage::TimeSignature(3, 2, 24, 8)),
            (1440, MetaMessage::TimeSignature(2, 2, 24, 8)),
            (2400, MetaMessage::TimeSignature(3, 2, 24, 8)),
            (3840, MetaMessage::EndOfTrack),
        ];
        assert_eq!(metas, expected);
    }

    proptest! {
        #[test]
        fn is_exact_at_usual_divisions(
            notes in prop::collection::vec((0..128u8, 0..100_000u64, 0..5_000u64, 0..3u16), 1..40),
            division in prop::sample::select(vec![1u32, 24, 96, 120, 384, 480, 960, 1024, 20_160, 32_767]),
        ) {
            // Which of two notes of one pitch ends first is not told, so times are compared as a whole.
            let notes: Vec<_> = notes.iter().map(|&(pitch, onset, duration, track)| {
                Note { track, ..Note::new(pitch, onset, duration) }
            }).collect();
            let (written_division, tracks) = written(&notes, division);
            let mut found: Vec<_> = tracks.concat().iter().flat_map(|note| [note.1, note.2]).collect();
            let scale = u64::from(written_division);
            let mut expected: Vec<_> = notes.iter().flat_map(|note| [note.onset, note.end()])
                .map(|time| time * scale / u64::from(division)).collect();
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
