//! The full measure as its users see it: what it is the same under, what it forgives, and that it can be climbed.

mod support;

use judge::bank::Settings;
use judge::correlate::Planner;
use judge::similarity::{Comparer, Extent};
use judge::{Alterations, Bank, Draft, Edit, Fragment, Judge, Note};
use proptest::prelude::*;

type Notes = Vec<(u8, f64, f64)>;

fn fragment(notes: &[(u8, f64, f64)]) -> Fragment {
    Fragment::from_quarters(notes).unwrap()
}

/// Lines and chords of a few bars.
fn music() -> impl Strategy<Value = Notes> {
    prop::collection::vec((48u8..84, 0u32..24, 1u32..6), 1..16)
        .prop_map(|notes| notes.into_iter().map(|(p, o, d)| (p, f64::from(o) / 2.0, f64::from(d) / 2.0)).collect())
}

fn similarity(comparer: &Comparer, a: &[(u8, f64, f64)], b: &[(u8, f64, f64)]) -> f64 {
    comparer.likeness(&fragment(a), &fragment(b)).map_or(0.0, |likeness| likeness.similarity)
}

const EXTENTS: [Extent; 3] = [Extent::Whole, Extent::Contained, Extent::Containing];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_copy_is_one_and_nothing_is_more(a in music(), b in music()) {
        for extent in EXTENTS {
            let comparer = Comparer { extent, ..Comparer::default() };
            let unlike = similarity(&comparer, &a, &b);
            prop_assert!((0.0..=1.0).contains(&unlike));
            let copy = similarity(&comparer, &a, &a);
            // In windows a copy of a few notes in chords may be followed in more ways than one.
            prop_assert!(extent != Extent::Whole || copy > 1.0 - 1e-6, "{}", copy);
            prop_assert!(copy >= unlike - 1e-9, "{:?} {} {}", extent, copy, unlike);
        }
    }

    #[test]
    fn transposing_both_changes_hardly_anything(a in music(), b in music(), up in 1u8..20) {
        let comparer = Comparer::default();
        let higher = |notes: &Notes| notes.iter().map(|&(p, o, d)| (p + up, o, d)).collect::<Notes>();
        let plain = similarity(&comparer, &a, &b);
        // The tunes that both are read against stay where they are, so other proposals may win ties with them.
        let moved = similarity(&comparer, &higher(&a), &higher(&b));
        prop_assert!((moved - plain).abs() < 0.05, "{} {}", moved, plain);
    }

    #[test]
    fn explanations_count_every_note_once(a in music(), b in music()) {
        for extent in EXTENTS {
            let comparer = Comparer { extent, ..Comparer::default() };
            let (a, b) = (fragment(&a), fragment(&b));
            let Some(likeness) = comparer.likeness(&a, &b) else { continue };
            let explanation = comparer.explain(&a, &b, &likeness);
            let sorted = |mut notes: Vec<usize>| { notes.sort_unstable(); notes };
            let ours = explanation.matched.iter().map(|it| it.0).chain(explanation.added.iter().copied()).collect();
            let theirs = explanation.matched.iter().map(|it| it.1).chain(explanation.missing.iter().copied()).collect();
            prop_assert_eq!(sorted(ours), (0..a.notes().len()).collect::<Vec<_>>());
            prop_assert_eq!(sorted(theirs), (0..b.notes().len()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn ornaments_rests_and_played_time_are_forgiven_and_another_rhythm_is_not() {
    let tune: Notes = [67, 64, 65, 67, 72, 71, 69, 67, 65, 64, 62, 60]
        .iter()
        .enumerate()
        .map(|(i, &pitch)| (pitch, i as f64, 1.0))
        .collect();
    let mut ornamented = tune.clone();
    ornamented[3].2 = 0.5;
    ornamented.push((69, 3.5, 0.5));
    let breath: Notes = tune.iter().map(|&(p, o, d)| (p, if o >= 6.0 { o + 0.5 } else { o }, d)).collect();
    let played: Notes = tune.iter().enumerate().map(|(i, &(p, o, d))| (p, o + [0.0, 0.04, 0.02][i % 3], d)).collect();
    let limping: Notes =
        tune.iter().enumerate().map(|(i, &(p, o, d))| (p, o + [0.0, 0.5, -0.4, 0.3][i % 4], d)).collect();
    let comparer = Comparer::default();
    let like = |other: &Notes| similarity(&comparer, other, &tune);
    for forgiven in [&ornamented, &breath, &played] {
        assert!(like(forgiven) > 0.8, "{}", like(forgiven));
    }
    assert!(like(&limping) < 0.6, "{}", like(&limping));
}

#[test]
fn spread_chords_are_chords() {
    let chords: Notes = (0..6).flat_map(|i| [48, 55, 64].map(|pitch| (pitch + i % 4, f64::from(i), 1.0))).collect();
    let spread: Notes = chords.iter().enumerate().map(|(i, &(p, o, d))| (p, o + [0.06, 0.0, 0.03][i % 3], d)).collect();
    assert!(similarity(&Comparer::default(), &spread, &chords) > 0.9);
}

/// From noise to an exemplar by edits of one note each, in some order.
fn walk(judge: &Judge, target: &Fragment, seed: u64) -> Vec<f64> {
    let mut state = seed | 1;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let quarter = u64::from(target.ticks_per_quarter());
    let noise = target.notes().iter().map(|note| Note {
        pitch: 50 + below(30) as u8,
        onset: note.onset / quarter * quarter + below(4) * quarter / 4,
        duration: quarter / 4 * (1 + below(6)),
        ..*note
    });
    let noise = Fragment::new(noise.collect(), target.ticks_per_quarter()).unwrap();
    let mut draft = Draft::new(judge, &noise);
    let mut order: Vec<usize> = (0..target.notes().len()).collect();
    for place in (1..order.len()).rev() {
        order.swap(place, below(place as u64 + 1) as usize);
    }
    let lead = draft.fragment().lead();
    let mut scores = vec![draft.score().score];
    for index in order {
        let note = target.notes()[index];
        let edit = Edit::Replace(index, Note { onset: note.onset + lead, ..note });
        scores.push(draft.apply(edit).unwrap().score);
    }
    scores
}

/// The mean of many walks, by fifths of the way.
fn fifths(judge: &Judge, targets: &[Fragment]) -> Vec<f64> {
    let mut sums = vec![(0.0, 0u32); 6];
    for target in targets {
        for seed in [3, 77, 1234] {
            let scores = walk(judge, target, seed);
            let last = scores.len() - 1;
            for (step, score) in scores.into_iter().enumerate() {
                let (sum, count) = &mut sums[5 * step / last];
                *sum += score;
                *count += 1;
            }
        }
    }
    sums.into_iter().map(|(sum, count)| sum / f64::from(count)).collect()
}

#[test]
fn the_score_rises_on_the_way_to_a_good_exemplar_and_falls_on_the_way_to_a_bad_one() {
    let starter = Bank::starter();
    let lines = |side: &str| -> Vec<Fragment> {
        let of_side = starter.exemplars().iter().filter(|it| it.name.starts_with(side));
        of_side
            .filter(|it| (16..40).contains(&it.fragment.notes().len()))
            .step_by(7)
            .map(|it| it.fragment.clone())
            .collect()
    };
    // Plain alterations: a walk is long, and this is about its shape.
    let settings = Settings { alterations: Alterations::none(), ..starter.settings().clone() };
    let judge = Judge::new(Bank::starter().with_settings(settings).unwrap(), Planner::default()).unwrap();
    let up = fifths(&judge, &lines("good"));
    assert!(up.windows(2).all(|pair| pair[1] > pair[0]), "{up:?}");
    assert!(up[0] < 0.2 && up[5] > 0.95, "{up:?}");
    // Of a bad exemplar the score is lost before the veto closes, and nothing is left at the end.
    let down = fifths(&judge, &lines("bad"));
    assert!(down[4] < down[0] && down[5] < 0.02, "{down:?}");
}

/// What is found out once, when it is first needed, must not wait for work that waits for it.
#[test]
fn a_new_judge_may_be_asked_from_all_threads_at_once() {
    use rayon::prelude::*;
    use std::sync::mpsc;
    use std::time::Duration;

    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
        // Fewer than there are threads, so that some look for work.
        let fragments = [support::melody(), support::chorale(), fragment(&[(60, 0.0, 1.0), (67, 1.0, 1.0)])];
        for _ in 0..60 {
            pool.install(|| Judge::starter().judge_many(&fragments));
            let judge = Judge::starter();
            pool.install(|| fragments.par_iter().for_each(|it| assert!(judge.score(it).score >= 0.0)));
        }
        let _ = done.send(());
    });
    assert!(finished.recv_timeout(Duration::from_secs(60)).is_ok(), "the threads wait for each other");
}
