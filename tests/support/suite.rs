//! One property suite for every correlator: each is held to the reference, which is the definition.

#![allow(dead_code, reason = "each test crate uses a part")]

use judge::correlate::{Correlator, Lags, Prepared, Reference, Search};
use judge::{Alteration, Fragment, Ink, PianoRoll, Rendering};
use ndarray::Array2;
use proptest::prelude::*;

/// Notes on a grid that is now coarse, now fine, over a range that is now narrow, now whole.
pub fn notes() -> impl Strategy<Value = Vec<(u8, f64, f64)>> {
    let grid = prop_oneof![Just(1.0), Just(0.5), Just(0.25), Just(1.0 / 3.0), Just(1.0 / 12.0), Just(0.013)];
    let range = prop_oneof![Just((60u8, 60u8)), Just((60, 72)), Just((40, 90)), Just((0, 127))];
    (grid, range).prop_flat_map(|(grid, (low, high))| {
        let note = (low..=high, 0u32..40, 0u32..9);
        prop::collection::vec(note, 1..14).prop_map(move |notes| {
            notes.into_iter().map(|(p, o, d)| (p, f64::from(o) * grid, f64::from(d) * grid)).collect()
        })
    })
}

pub fn symbolic() -> impl Strategy<Value = PianoRoll> {
    let ink = prop_oneof![Just(Ink::Sustain), Just(Ink::Onset)];
    (notes(), prop_oneof![Just(1u32), Just(4), Just(12)], ink, any::<bool>(), any::<bool>()).prop_map(
        |(notes, resolution, ink, inverted, retrograde)| {
            let fragment = Fragment::from_quarters(&notes).unwrap();
            let roll =
                Rendering { resolution, ink }.draw(&fragment, &Alteration { inverted, retrograde, ..Alteration::NONE });
            // The reference looks at every pixel of every lag.
            roll.slice(0, 70)
        },
    )
}

pub fn weighted() -> impl Strategy<Value = PianoRoll> {
    (1usize..9, 1usize..24, 0i16..100).prop_flat_map(|(rows, columns, low)| {
        let pixel = prop_oneof![Just(0.0f32), Just(0.5), Just(1.0), 0.0f32..1.0];
        prop::collection::vec(pixel, rows * columns).prop_filter_map("dark", move |mut pixels| {
            pixels[0] = 0.75;
            PianoRoll::from_image(Array2::from_shape_vec((rows, columns), pixels).unwrap().view(), low, 12).ok()
        })
    })
}

/// Whether a brightness agrees with the reference's: exactly on zeros and ones, else relatively.
fn agrees(found: f64, expected: f64, exact: bool, scale: f64) -> bool {
    if exact { found == expected } else { (found - expected).abs() <= 1e-4 * scale.max(expected) }
}

pub fn check(correlator: &dyn Correlator, x: &PianoRoll, k: &PianoRoll, search: &Search) -> Result<(), TestCaseError> {
    let exact = x.is_binary() && k.is_binary();
    let scale = (x.energy() * k.energy()).sqrt();
    let (x, k) = (Prepared::new(x.clone()), Prepared::new(k.clone()));
    let expected = Reference.peak(&x, &k, search);
    let found = correlator.peak(&x, &k, search);
    prop_assert_eq!(found.is_some(), expected.is_some());
    let (Some(found), Some(expected)) = (found, expected) else { return Ok(()) };
    prop_assert!(agrees(found.brightness, expected.brightness, exact, scale), "{:?} {:?}", found, expected);
    if exact {
        prop_assert_eq!(found.offset, expected.offset);
    } else {
        // Where several lags are as bright, rounding may choose another: it must be one of them.
        let there = Reference::brightness(x.roll(), k.roll(), found.offset.transposition, found.offset.shift);
        prop_assert!(agrees(there, expected.brightness, false, scale));
    }
    let brightest = correlator.brightest(&x, &k, search);
    prop_assert!(agrees(brightest, expected.brightness, exact, scale), "{} {:?}", brightest, expected);

    let each = correlator.brightest_each(&x, &[&k, &x, &k], search);
    prop_assert_eq!(each.len(), 3);
    for brightest in [each[0], each[2]] {
        prop_assert!(agrees(brightest, expected.brightness, exact, scale), "{} {:?}", brightest, expected);
    }

    // The best of each transposition.
    let (lowest, tops) = correlator.brightest_by_transposition(&x, &k, search);
    let (expected_lowest, expected_tops) = Reference.brightest_by_transposition(&x, &k, search);
    prop_assert_eq!((lowest, tops.len()), (expected_lowest, expected_tops.len()));
    for (found, expected) in tops.into_iter().zip(expected_tops) {
        prop_assert!(agrees(found, expected, exact, scale), "{} {}", found, expected);
    }

    // The plane, a margin beyond where the pictures meet included.
    let lags = search.lags(x.roll(), k.roll()).unwrap();
    let wider = Lags { lowest: lags.lowest - 2, highest: lags.highest + 1, first: lags.first - 3, last: lags.last + 2 };
    let expected = Reference.overlap(&x, &k, &wider);
    let found = correlator.overlap(&x, &k, &wider);
    prop_assert_eq!(found.lags, expected.lags);
    for (found, expected) in found.values.iter().zip(&expected.values) {
        prop_assert!(agrees((*found).into(), (*expected).into(), exact, scale), "{} {}", found, expected);
    }
    Ok(())
}

pub fn searches() -> impl Strategy<Value = Search> {
    prop_oneof![
        3 => Just(Search::default()),
        1 => (-12i32..2, 0i32..12).prop_map(|(low, high)| Search { transpositions: Some(low..=high), shifts: None }),
        1 => (-30i64..9, 0i64..30).prop_map(|(first, last)| Search { transpositions: None, shifts: Some(first..=last) }),
    ]
}

/// Many rows each, lit throughout, near one another or far apart.
pub fn tall() -> impl Strategy<Value = PianoRoll> {
    (24usize..80, 1usize..12, 0i16..60, any::<u64>(), any::<bool>()).prop_map(|(rows, columns, low, seed, soft)| {
        let mut state = seed | 1;
        let mut image = Array2::from_shape_simple_fn((rows, columns), || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if soft { (state >> 40) as f32 / (1 << 24) as f32 } else { f32::from((state >> 40) % 3 > 0) }
        });
        image[[0, 0]] = 1.0;
        image[[rows - 1, columns - 1]] = 1.0;
        PianoRoll::from_image(image.view(), low, 12).unwrap()
    })
}

/// Fewer transpositions, or shifts, than rows or columns: what else is there must not wrap onto them.
pub fn narrow() -> impl Strategy<Value = Search> {
    let transpositions = (-40i32..40, 0i32..6).prop_map(|(low, more)| low..=low + more);
    let shifts = (-10i64..10, 0i64..4).prop_map(|(first, more)| first..=first + more);
    (transpositions, prop::option::weighted(0.3, shifts))
        .prop_map(|(transpositions, shifts)| Search { transpositions: Some(transpositions), shifts })
}

/// Stamps the suite for a correlator: `$cases` random rolls of each kind. With attributes for every test.
#[macro_export]
macro_rules! suite {
    ($name:ident, $correlator:expr, $cases:expr $(, #[$attribute:meta])?) => {
        mod $name {
            use super::*;
            use judge::correlate::Search;
            use judge::{Fragment, PianoRoll};
            use $crate::support::suite::{check, narrow, searches, symbolic, tall, weighted};
            use $crate::support::{chorale, melody};

            proptest! {
                #![proptest_config(ProptestConfig::with_cases($cases))]

                #[test]
                $(#[$attribute])?
                fn random_rolls(x in symbolic(), k in symbolic(), search in searches()) {
                    check(&$correlator, &x, &k, &search)?;
                }

                #[test]
                $(#[$attribute])?
                fn weighted_rolls(x in weighted(), k in weighted(), search in searches()) {
                    check(&$correlator, &x, &k, &search)?;
                }

                #[test]
                $(#[$attribute])?
                fn weighted_against_symbolic(x in weighted(), k in symbolic()) {
                    check(&$correlator, &x, &k, &Search::default())?;
                }

                #[test]
                $(#[$attribute])?
                fn few_lags_of_tall_rolls(x in tall(), k in tall(), search in narrow()) {
                    check(&$correlator, &x, &k, &search)?;
                }
            }

            #[test]
            $(#[$attribute])?
            fn real_rolls() {
                for (x, k) in [(melody(), chorale()), (chorale(), melody()), (melody(), melody())] {
                    for resolution in [2, 3] {
                        let (x, k) = (PianoRoll::of(&x, resolution), PianoRoll::of(&k, resolution));
                        check(&$correlator, &x, &k, &Search::default()).unwrap();
                    }
                }
            }

            #[test]
            $(#[$attribute])?
            fn extremes() {
                let roll = |notes: &[(u8, f64, f64)]| PianoRoll::of(&Fragment::from_quarters(notes).unwrap(), 4);
                let one_note = roll(&[(60, 0.0, 1.0)]);
                let one_column = roll(&[(0, 0.0, 0.0), (127, 0.0, 0.0), (64, 0.0, 0.0)]);
                let whole_range = roll(&(0..128).map(|p| (p, f64::from(p) / 16.0, 1.0)).collect::<Vec<_>>());
                let all = [one_note, one_column, whole_range];
                for x in &all {
                    for k in &all {
                        check(&$correlator, x, k, &Search::default()).unwrap();
                    }
                }
                // Few notes far apart, on and off the grid of the others.
                let scattered = roll(&[(60, 0.0, 0.5), (67, 90.0, 2.0), (60, 120.25, 0.25), (62, 121.0, 9.0)]);
                let level = roll(&[(60, 0.0, 50.0), (67, 100.0, 0.25)]);
                for x in [&scattered, &level] {
                    for k in all.iter().take(2).chain([&scattered, &level]) {
                        check(&$correlator, x, k, &Search::default()).unwrap();
                        let few = Search { transpositions: Some(-3..=5), shifts: None };
                        check(&$correlator, x, k, &few).unwrap();
                    }
                }
                // Nothing to be found: no lag in reach, or a dark picture.
                let far = Search { transpositions: Some(300..=310), shifts: None };
                check(&$correlator, &all[0], &all[1], &far).unwrap();
                let dark = roll(&[(60, 0.0, 1.0), (60, 9.0, 1.0)]).slice(8, 12);
                check(&$correlator, &dark, &all[0], &Search::default()).unwrap();
                // They meet, but no pixels do.
                let beside = Search { transpositions: Some(1..=3), shifts: None };
                check(&$correlator, &roll(&[(60, 0.0, 1.0), (70, 1.0, 1.0)]), &all[0], &beside).unwrap();
            }
        }
    };
}
