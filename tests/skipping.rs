//! Skipping what cannot win changes no answer: verdicts, scores, matches and placements are the same
//! to the last bit as when every exemplar is compared, and as when each is drawn and compared by
//! itself.

mod support;

use std::fs;
use std::path::Path;

use judge::bank::Label;
use judge::correlate::Planner;
use judge::similarity::{Comparer, Gallery, Measure};
use judge::smf::{self, Heading};
use judge::{Alterations, Bank, Draft, Edit, Fragment, Judge, Note, Ratio};
use proptest::prelude::*;
use tempfile::TempDir;

/// So many exemplars of each side the full measure examines; of more, only the most promising.
const EXAMINED: usize = 10;

/// The same bank judged in three ways: with skipping, without, and each exemplar by itself.
fn three_ways(open: impl Fn() -> Bank, measure: Measure) -> Vec<Judge> {
    let comparer = Comparer { measure, ..open().comparer(Planner::default()) };
    // All transpositions, but as a limit, which the shelf of outlines does not serve.
    let drawn = Comparer { transpositions: Some(-500..=500), ..comparer.clone() };
    let judge = |comparer: &Comparer| Judge::with_comparer(open(), comparer.clone()).top(2);
    let mut judges = vec![judge(&comparer), judge(&comparer).exhaustive(true)];
    let bank = open();
    if measure == Measure::Correlation || [Label::Good, Label::Bad].iter().all(|&side| bank.count(side) <= EXAMINED) {
        judges.push(judge(&drawn));
    }
    judges
}

fn check(judges: &[Judge], fragment: &Fragment) {
    let expected = judges[judges.len() - 1].judge(fragment);
    for judge in judges {
        let found = judge.judge(fragment);
        assert_eq!(found, expected);
        let score = judge.score(fragment);
        assert_eq!((score.verdict, score.score), (expected.verdict, expected.score));
        assert_eq!(score.good, expected.good.first().map_or(0.0, |it| it.similarity));
        assert_eq!(score.bad, expected.bad.first().map_or(0.0, |it| it.similarity));
        assert_eq!(judge.verdict(fragment), expected.verdict);
    }
}

/// Banks that are searched in several chunks and shards; of some exemplars the weight is 0.
#[test]
fn on_banks_of_more_than_a_chunk() {
    let mut state = 1u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut line = move || {
        let (mut pitch, mut now) = (55 + random(14) as u8, 0.0);
        let count = 3 + random(6);
        let note = |_| {
            pitch = (pitch + random(9) as u8 - 4).clamp(40, 90);
            let duration = [0.5, 0.5, 1.0, 1.5][random(4) as usize];
            now += duration;
            (pitch, now - duration, duration)
        };
        (0..count).map(note).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = (0..2_700).map(|_| line()).collect();
    let others: Vec<_> = (0..4).map(|_| line()).collect();
    for len in [2_700, 1_500] {
        all.truncate(len);
        let folder = TempDir::new().unwrap();
        let mut details = String::new();
        for (index, notes) in all.iter().enumerate() {
            let side = ["good", "good", "bad"][index % 3];
            fs::create_dir_all(folder.path().join(side)).unwrap();
            let name = format!("{side}/{index:04}.mid");
            let fragment = Fragment::from_quarters(notes).unwrap();
            fs::write(folder.path().join(&name), smf::write(&fragment, &Heading::default()).unwrap()).unwrap();
            details += &format!("\"{name}\": (weight: {}),", [1.0, 0.9, 0.0, 1.0, 0.5][index % 5]);
        }
        let settings = format!("(settings: (good_threshold: 0.93, bad_threshold: 0.95), exemplars: {{{details}}})");
        fs::write(folder.path().join("bank.ron"), settings).unwrap();
        for measure in MEASURES {
            let judge = || {
                let bank = Bank::open(folder.path()).unwrap();
                let comparer = Comparer { measure, ..bank.comparer(Planner::default()) };
                // More are told than the full measure examines by itself.
                Judge::with_comparer(bank, comparer).top(12)
            };
            let judges = [judge(), judge().exhaustive(true)];
            // Some are exemplars: of the first chunk, of the second, and of the last shard.
            for notes in others.iter().chain([5, 700, len - 2].map(|index| &all[index])) {
                check(&judges, &Fragment::from_quarters(notes).unwrap());
            }
        }
    }
}

const MEASURES: [Measure; 2] = [Measure::Correlation, Measure::Full];

#[test]
fn on_the_starter_bank() {
    for measure in MEASURES {
        starter_bank(measure);
    }
}

fn starter_bank(measure: Measure) {
    let judges = three_ways(Bank::starter, measure);
    let fragments = Path::new(env!("CARGO_MANIFEST_DIR")).join("fragments");
    for folder in ["candidates", "good", "bad"] {
        for file in
            judge::input::expand([fragments.join(folder)]).into_iter().step_by(if folder == "good" { 14 } else { 9 })
        {
            let judge::input::Input::File(path) = file.unwrap() else { continue };
            let piece = judge::input::read_file(&path, &Default::default()).unwrap();
            check(&judges, &piece.into_fragment().unwrap());
        }
    }
    check(&judges, &support::melody());
}

/// Music of all sizes: short and long, one pitch and the whole range, fine and coarse.
fn music() -> impl Strategy<Value = Vec<(u8, f64, f64)>> {
    let grid = prop_oneof![3 => Just(0.5), 1 => Just(1.0 / 3.0), 1 => Just(40.0), 1 => Just(0.07)];
    let range = prop_oneof![1 => Just((60u8, 60u8)), 4 => Just((55, 75)), 1 => Just((30, 90)), 1 => Just((0, 127))];
    (grid, range).prop_flat_map(|(grid, (low, high))| {
        prop::collection::vec((low..=high, 0u32..24, 1u32..8), 1..12).prop_map(move |notes| {
            notes.into_iter().map(|(p, o, d)| (p, f64::from(o) * grid, f64::from(d) * grid)).collect()
        })
    })
}

/// A change of some note, by numbers that fit any draft.
fn edit(draft: &Draft<'_>, (kind, index, pitch, onset, duration): (u8, usize, u8, u64, u64)) -> Edit {
    let quarter = u64::from(draft.fragment().ticks_per_quarter());
    let index = index % draft.notes().len();
    let note = Note { pitch, onset: onset * quarter / 4, duration: duration * quarter / 8, ..draft.notes()[index] };
    match kind {
        0 => Edit::Add(note),
        1 if draft.notes().len() > 1 => Edit::Remove(index),
        2 => Edit::Replace(index, note),
        _ => Edit::Replace(index, Note { pitch, ..draft.notes()[index] }),
    }
}

#[test]
fn drafts_refuse_what_is_no_edit() {
    let judge = Judge::starter();
    let mut draft = Draft::new(&judge, &Fragment::from_quarters(&[(60, 0.0, 1.0)]).unwrap());
    let (score, note) = (draft.score(), draft.notes()[0]);
    for edit in [Edit::Remove(1), Edit::Replace(1, note), Edit::Remove(0), Edit::Add(Note { pitch: 128, ..note })] {
        assert!(draft.consider(edit).is_err() && draft.apply(edit).is_err());
    }
    assert_eq!((draft.score(), draft.notes()), (score, &[note][..]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn in_drafts(
        exemplars in prop::collection::vec((music(), any::<bool>()), 2..20),
        fragment in music(),
        full in any::<bool>(),
        edits in prop::collection::vec((0u8..5, 0usize..99, 0u8..128, 0u64..80, 0u64..20, any::<bool>()), 1..24),
    ) {
        let fragment = Fragment::from_quarters(&fragment).unwrap();
        let open = || {
            let named = exemplars.iter().enumerate().map(|(index, (notes, good))| {
                let side = if index == 0 || (*good && index > 1) { "good" } else { "bad" };
                (format!("{side}/{index}"), Fragment::from_quarters(notes).unwrap())
            });
            Bank::from_fragments(named).unwrap()
        };
        for judge in three_ways(open, MEASURES[usize::from(full)]) {
            let mut draft = Draft::new(&judge, &fragment);
            for &(kind, index, pitch, onset, duration, apply) in &edits {
                let edit = edit(&draft, (kind, index, pitch, onset, duration));
                // Made without being considered, and after that.
                let mut unseen = draft.clone();
                let considered = draft.consider(edit).unwrap();
                let mut changed = draft.clone();
                prop_assert_eq!(unseen.apply(edit).unwrap(), considered);
                prop_assert_eq!(changed.apply(edit).unwrap(), considered);
                prop_assert_eq!(judge.score(changed.fragment()), considered);
                prop_assert_eq!(draft.consider_many(&[edit, edit]).unwrap(), [considered; 2]);
                if apply {
                    draft = if duration % 2 == 0 { changed } else { unseen };
                }
            }
        }
    }

    #[test]
    fn on_random_banks(
        exemplars in prop::collection::vec((music(), any::<bool>(), 0.2f64..1.0), 2..24),
        thresholds in (0.2f64..1.0, 0.2f64..1.0),
        fragment in music(),
        copied in 0usize..24,
    ) {
        let folder = TempDir::new().unwrap();
        let mut details = String::new();
        for (index, (notes, good, weight)) in exemplars.iter().enumerate() {
            let side = if *good || index == 0 { "good" } else { "bad" };
            fs::create_dir_all(folder.path().join(side)).unwrap();
            let name = format!("{side}/{index:02}.mid");
            let fragment = Fragment::from_quarters(notes).unwrap();
            fs::write(folder.path().join(&name), smf::write(&fragment, &Heading::default()).unwrap()).unwrap();
            details += &format!("\"{name}\": (weight: {weight}),");
        }
        let settings = format!(
            "(settings: (one_sided: true, good_threshold: {}, bad_threshold: {}), exemplars: {{{details}}})",
            thresholds.0, thresholds.1
        );
        fs::write(folder.path().join("bank.ron"), settings).unwrap();
        let fragment = Fragment::from_quarters(&fragment).unwrap();
        // An exemplar itself, moved: many ties and certain matches.
        let copy = &exemplars[copied % exemplars.len()].0;
        let moved: Vec<_> = copy.iter().map(|&(p, o, d)| ((p + 3).min(127), o * 2.0, d * 2.0)).collect();
        let moved = Fragment::from_quarters(&moved).unwrap();
        for measure in MEASURES {
            let judges = three_ways(|| Bank::open(folder.path()).unwrap(), measure);
            check(&judges, &fragment);
            check(&judges, &moved);
        }
    }

    #[test]
    fn in_tables(fragments in prop::collection::vec(music(), 2..10), full in any::<bool>()) {
        let fragments: Vec<_> = fragments.iter().map(|notes| Fragment::from_quarters(notes).unwrap()).collect();
        let comparer = Comparer { measure: MEASURES[usize::from(full)], ..Comparer::default() };
        let drawn = Comparer { transpositions: Some(-500..=500), ..comparer.clone() };
        let tables = [(&comparer, false), (&comparer, true), (&drawn, false)]
            .map(|(comparer, exhaustive)| Gallery::new(comparer, fragments.iter().collect(), exhaustive));
        for fragment in &fragments {
            let [skipping, exhaustive, each] = [0, 1, 2].map(|table| tables[table].similarities(fragment));
            prop_assert_eq!(&skipping, &each);
            prop_assert_eq!(&exhaustive, &each);
        }
    }

    #[test]
    fn in_tables_of_which_one_half_is_computed(
        fragments in prop::collection::vec(music(), 2..10),
        inversion in any::<bool>(),
        retrograde in any::<bool>(),
        stretches in prop_oneof![Just(vec![Ratio::ONE]), Just(vec![Ratio::ONE, Ratio::new(3, 2).unwrap()])],
    ) {
        let fragments: Vec<_> = fragments.iter().map(|notes| Fragment::from_quarters(notes).unwrap()).collect();
        let alterations = Alterations { stretches, inversion, retrograde };
        let comparer = Comparer { alterations, measure: Measure::Correlation, ..Comparer::default() };
        let gallery = Gallery::new(&comparer, fragments.iter().collect(), false);
        let table = gallery.table(|| ());
        for (index, fragment) in fragments.iter().enumerate() {
            prop_assert_eq!(table.row(index).collect::<Vec<_>>(), gallery.similarities(fragment));
        }
    }
}
