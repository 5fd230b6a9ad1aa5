use proptest::prelude::*;

use super::*;

fn problem(text: &str) -> String {
    parse(text).and_then(|score| score.fragment()).unwrap_err().to_string().replace("notes in memory: ", "")
}

fn notes(text: &str) -> Vec<(u8, f64, f64)> {
    let fragment = parse(text).unwrap().fragment().unwrap();
    let quarters = |ticks| fragment.to_quarters(ticks);
    fragment.notes().iter().map(|note| (note.pitch, quarters(note.onset), quarters(note.duration))).collect()
}

#[test]
fn reads_the_lines_of_a_piece() {
    let text = "\u{feff}# about\ntitle: Élégie: one\n  and more\r\ncomposer: N. N.\nsource: s\nlicence: l\ncomment: c\n\
                meter: 3/4\ntempo: 90.5\n\nvoice: C4:1 D4 E4\n   # still the voice\n  | F4:3 |\nvoice: C3:3 | F2\n";
    let score = parse(text).unwrap();
    assert_eq!(score.title.as_deref(), Some("Élégie: one and more"));
    assert_eq!([&score.composer, &score.source, &score.licence].map(|s| s.as_deref().unwrap()), ["N. N.", "s", "l"]);
    assert_eq!((score.meters[0], score.tempo, score.bar_count()), (Meter::new(3, 4).unwrap(), 90.5, 2));
    let tracks: Vec<_> = score.voices.iter().map(|voice| (voice.len(), voice[0].track, voice[0].channel)).collect();
    assert_eq!(tracks, [(4, 0, 0), (2, 1, 1)]);
}

#[test]
fn reads_notes_chords_rests_ties_and_lengths() {
    assert_eq!(
        notes("voice: C4:1 r:0.5 [C#4 Eb4]:1/2 ~:1 Cb4:2/3 B#3:1/3 | F##4:1 Gbb4"),
        [
            (60, 0.0, 1.0),
            (61, 1.5, 1.5),
            (63, 1.5, 1.5),
            (59, 3.0, 2.0 / 3.0),
            (60, 11.0 / 3.0, 1.0 / 3.0),
            (67, 4.0, 1.0),
            (65, 5.0, 1.0)
        ]
    );
    assert_eq!(notes("voice: C-1:1 G9|").iter().map(|note| note.0).collect::<Vec<_>>(), [0, 127]);
}

#[test]
fn puts_an_anacrusis_at_the_end_of_its_bar() {
    let score = parse("meter: 6/8\nvoice: D4:1/2 | G4:3").unwrap();
    let fragment = score.fragment().unwrap();
    assert!(score.has_anacrusis());
    assert_eq!((fragment.to_quarters(fragment.lead()), fragment.quarters()), (2.5, 3.5));
}

#[test]
fn lets_meters_take_turns() {
    let score = parse("meter: 2/4 3/4\nvoice: C4:2 | C4:3 | C4:2 | C4:1").unwrap();
    let quarter = u64::from(TICKS_PER_QUARTER);
    let starts: Vec<_> = score.meter_changes().iter().map(|(start, _)| start / quarter).collect();
    assert_eq!((starts, score.bar_count()), (vec![0, 2, 5, 7], 4));
    assert!(parse("meter: 2/4 3/4\nvoice: C4:2 | C4:2 | C4:2").is_err());
}

#[test]
fn says_where_and_what_is_wrong() {
    for (text, expected) in [
        ("", "line 1, column 1: the piece has no line that begins with \"voice:\""),
        ("title\n", "line 1, column 1: a line is \"name: text\""),
        ("  C4:1", "line 1, column 1: an indented line continues the one before"),
        ("voise: C4:1", "line 1, column 1: \"voise\" is not the name of a line"),
        ("title: a\ntitle: b", "line 2, column 1: a second line \"title\""),
        ("meter: 4/3", "line 1, column 1: meter: \"4/3\" is not a meter"),
        ("meter:", "line 1, column 1: a meter is missing"),
        ("tempo: NaN", "line 1, column 1: a tempo is a number"),
        ("voice:", "line 1, column 1: the voice is empty"),
        ("voice: C4", "line 1, column 8: the first note of a voice needs a length"),
        ("voice: C:1", "line 1, column 8: \"C\" needs an octave"),
        ("voice: C4:1 É4", "line 1, column 13: \"É4\" is not a note"),
        ("voice: C+4:1", "line 1, column 8: \"C+4\" is not a note"),
        ("voice: C###4:1", "line 1, column 8: \"C###4\" has accidentals"),
        ("voice: Ab9:1", "line 1, column 8: \"Ab9\" is not between C-1 and G9"),
        ("voice: C4:1/11", "line 1, column 11: 1/11 is not a whole number"),
        ("voice: C4:1/0", "line 1, column 11: \"1/0\" is not a length"),
        ("voice: C4:+1", "line 1, column 11: \"+1\" is not a length"),
        ("voice: C4:.5", "line 1, column 11: \".5\" is not a length"),
        ("voice: C4:999999", "line 1, column 11: 999999 quarters are longer"),
        ("voice: ~:1", "line 1, column 8: a tie ~ has no note"),
        ("voice: [C4 E4:1", "line 1, column 8: a chord is closed by ]"),
        ("voice: [C4\n  E4]:1", "line 1, column 8: a chord is closed by ]"),
        ("voice: []:1", "line 1, column 9: a chord without notes"),
        ("voice: [C4 X4]:1", "line 1, column 12: \"X4\" is not a note"),
        ("voice: C4:4 | | C4", "line 1, column 15: a bar line with nothing before it"),
        ("voice: C4:5\n   |", "line 2, column 4: bar 1 has 5 quarters, but 4/4 makes 4 quarters"),
        ("voice: C4:1 | C4:7/2 | C4:4", "line 1, column 22: bar 2 has 7/2 quarters, but 4/4 makes 4 quarters"),
        (
            "voice: C4:4 | C4:2\nvoice: C4:4 | C4:1",
            "line 2, column 1: bar 2 has 1 quarter in this voice, but 2 quarters",
        ),
        ("voice: C4:4 | C4\nvoice: C4:4", "line 2, column 1: this voice has 1 bars, but the first has 2"),
        ("voice: r:4", "no notes to judge"),
    ] {
        let found = problem(text);
        assert!(found.starts_with(expected), "{text:?}: {found}");
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC*") {
        let _ = parse(&text).and_then(|score| score.fragment());
    }

    #[test]
    fn never_panics_on_what_is_nearly_right(
        text in "(meter: [0-9/ ]{0,4}\n)?(voice:( ?[A-Gr~\\[\\]|#b:/. 0-9é-]{0,5}){0,8}\n?[ #]?){1,3}",
    ) {
        let _ = parse(&text).and_then(|score| score.fragment());
    }
}
