//! What it costs to ask a bank about a fragment, by question, size of the bank, size of the fragment
//! and threads: `cargo bench --bench bank`.
//!
//! The music is the starter bank's, or the first folder of `JUDGE_BENCH_MUSIC` (see `support`), and
//! variations of it; half of a bank is good, half is bad; alterations and thresholds are the default
//! ones. One thread unless it is said otherwise.

mod support;

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use judge::bank::Settings;
use judge::correlate::Planner;
use judge::similarity::{Comparer, Gallery, Measure};
use judge::{Draft, Edit, Fragment, Judge, Note};
use rayon::ThreadPool;
use support::{Random, questions, threads, varied};

/// Fragments that are asked about.
const QUESTIONS: usize = 32;

fn music() -> Vec<Fragment> {
    support::collections().swap_remove(0).1
}

/// By the correlation measure, unless it is said otherwise: it is what skipping, edits and the devices speed up.
fn judge(music: &[Fragment], size: usize) -> Judge {
    with(music, size, Settings { measure: Measure::Correlation, ..Settings::default() })
}

fn with(music: &[Fragment], size: usize, settings: Settings) -> Judge {
    let bank = support::bank(varied(music, size)).with_settings(settings).expect("they are in range");
    Judge::new(bank, Planner::default()).expect("both sides are there")
}

/// With thresholds that hardly anything reaches, so that verdicts cost the bounds and little else.
fn certain(music: &[Fragment], size: usize) -> Judge {
    let measure = Measure::Correlation;
    with(music, size, Settings { good_threshold: 1.0, bad_threshold: 1.0, measure, ..Settings::default() })
}

/// Measures `count` questions that are asked on some threads.
fn ask(
    group: &mut BenchmarkGroup<'_, WallTime>,
    threads: &ThreadPool,
    id: BenchmarkId,
    count: usize,
    mut questions: impl FnMut() -> f64 + Send,
) {
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(id, |b| b.iter(|| threads.install(&mut questions)));
}

fn scores(judge: &Judge, fragments: &[Fragment]) -> f64 {
    fragments.iter().map(|fragment| judge.score(black_box(fragment)).score).sum()
}

fn by_bank_size(c: &mut Criterion) {
    let music = music();
    let asked = questions(&music, QUESTIONS);
    let one = threads(1);
    for size in [100, 300, music.len().max(101), 3_000, 10_000, 30_000, 100_000] {
        let mut judge = judge(&music, size);
        let mut group = c.benchmark_group("bank size");
        group.sample_size(10);
        ask(&mut group, &one, BenchmarkId::new("best match", size), QUESTIONS, || scores(&judge, &asked));
        let full = with(&music, size, Settings::default());
        ask(&mut group, &one, BenchmarkId::new("best match, full measure", size), QUESTIONS, || scores(&full, &asked));
        let certain = certain(&music, size);
        let bounds = || asked.iter().filter(|it| certain.verdict(black_box(it)) == judge::Verdict::Good).count();
        ask(&mut group, &one, BenchmarkId::new("bounds alone", size), QUESTIONS, || bounds() as f64);
        let verdicts = || asked.iter().filter(|it| judge.verdict(black_box(it)) == judge::Verdict::Good).count();
        ask(&mut group, &one, BenchmarkId::new("verdict", size), QUESTIONS, || verdicts() as f64);
        if size >= 30_000 {
            for count in [1, 2] {
                let id = BenchmarkId::new(format!("best match, {count} threads"), size);
                ask(&mut group, &threads(count), id, QUESTIONS, || scores(&judge, &asked));
            }
        } else {
            judge = judge.exhaustive(true);
            let id = BenchmarkId::new("exhaustive", size);
            ask(&mut group, &one, id, QUESTIONS, || scores(&judge, &asked));
        }
    }
}

/// A fragment of so many notes: as many others, one after the other, as it takes.
fn of_notes(music: &[Fragment], count: usize, random: &mut Random) -> Fragment {
    let mut notes: Vec<(u8, f64, f64)> = Vec::new();
    while notes.len() < count {
        let end = notes.iter().fold(0.0, |end: f64, note| end.max(note.1 + note.2)).ceil();
        let next = &music[random.below(music.len() as u64) as usize];
        let note = |note: &Note| (note.pitch, end + next.to_quarters(note.onset), next.to_quarters(note.duration));
        notes.extend(next.notes().iter().map(note));
    }
    notes.truncate(count);
    Fragment::from_quarters(&notes).expect("it is made of notes")
}

fn by_fragment_size(c: &mut Criterion) {
    let music = music();
    let skipping = judge(&music, music.len());
    let exhaustive = judge(&music, music.len()).exhaustive(true);
    let mut group = c.benchmark_group("fragment size");
    group.sample_size(10);
    let one = threads(1);
    let mut random = Random(7);
    for size in [4, 8, 16, 32, 64, 128, 256] {
        let asked: Vec<_> = (0..8).map(|_| of_notes(&music, size, &mut random)).collect();
        ask(&mut group, &one, BenchmarkId::new("best match", size), asked.len(), || scores(&skipping, &asked));
        ask(&mut group, &one, BenchmarkId::new("exhaustive", size), asked.len(), || scores(&exhaustive, &asked));
    }
}

/// Many at once, by threads: a bank and a batch of questions, and a table.
fn by_threads(c: &mut Criterion) {
    let music = music();
    let judge = judge(&music, music.len());
    let asked = questions(&music, 4 * QUESTIONS);
    let comparer = Comparer { measure: Measure::Correlation, ..Comparer::default() };
    let few: Vec<_> = music.iter().take(200).collect();
    let mut group = c.benchmark_group("threads");
    group.sample_size(20);
    for count in [1, 2] {
        let pool = threads(count);
        let batch = || judge.judge_many(&asked).iter().map(|it| it.score).sum();
        ask(&mut group, &pool, BenchmarkId::new("batch", count), asked.len(), batch);
        let gallery = Gallery::new(&comparer, few.clone(), true);
        let table = || gallery.table(|| ()).row(0).sum();
        ask(&mut group, &pool, BenchmarkId::new("table", count), few.len() * few.len(), table);
    }
}

/// Some change of one note: a pitch, a length, a place, a note more, a note less.
fn edit(draft: &Draft<'_>, random: &mut Random) -> Edit {
    let notes = draft.notes();
    let index = random.below(notes.len() as u64) as usize;
    let note = notes[index];
    let eighth = u64::from(draft.fragment().ticks_per_quarter()) / 2;
    let pitch = (note.pitch + random.below(9) as u8).clamp(4, 124) - 4;
    match random.below(6) {
        0 => Edit::Replace(index, Note { duration: (1 + random.below(4)) * eighth, ..note }),
        1 => Edit::Replace(index, Note { onset: note.onset / eighth * eighth + random.below(3) * eighth, ..note }),
        2 => Edit::Add(Note { pitch, onset: note.onset + eighth, duration: eighth, ..note }),
        3 if notes.len() > 4 => Edit::Remove(index),
        _ => Edit::Replace(index, Note { pitch, ..note }),
    }
}

fn edits(c: &mut Criterion) {
    let music = music();
    let judge = judge(&music, music.len());
    let asked = questions(&music, QUESTIONS);
    let mut group = c.benchmark_group("edit");
    group.sample_size(10);
    const EACH: usize = 8;
    const CONSIDERED: usize = 64;
    let count = EACH * asked.len();
    let one = threads(1);
    let drafts: Vec<_> = asked.iter().map(|fragment| Draft::new(&judge, fragment)).collect();
    // Each way the same edits: of the fragments as they are, and one after the other.
    let consider = |draft: &mut Draft<'_>, random: &mut Random| {
        (0..CONSIDERED).map(|_| draft.consider(edit(draft, random)).expect("it can be").score).sum::<f64>()
    };
    let apply = |draft: &mut Draft<'_>, random: &mut Random| {
        (0..EACH).map(|_| draft.apply(edit(draft, random)).expect("it can be").score).sum::<f64>()
    };
    group.throughput(Throughput::Elements((CONSIDERED * asked.len()) as u64));
    group.bench_function("considered", |b| {
        // Drafts that remember nothing of these edits.
        let look = |mut drafts: Vec<Draft<'_>>| {
            let mut random = Random(3);
            drafts.iter_mut().map(|draft| consider(draft, &mut random)).sum::<f64>()
        };
        b.iter_batched(|| drafts.clone(), look, BatchSize::LargeInput);
    });
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("applied", |b| {
        let walk = |mut drafts: Vec<Draft<'_>>| {
            let mut random = Random(3);
            drafts.iter_mut().map(|draft| apply(draft, &mut random)).sum::<f64>()
        };
        b.iter_batched(|| drafts.clone(), walk, BatchSize::LargeInput);
    });
    // As a search does it: an edit is made if it is no step back, and every eighth all the same, so that it goes on.
    const STEPS: usize = 32;
    let steps = STEPS * asked.len();
    let step = |draft: &mut Draft<'_>, random: &mut Random, step: usize| {
        let edit = edit(draft, random);
        let score = draft.consider(edit).expect("it can be").score;
        if score >= draft.score().score || step % 8 == 7 {
            draft.apply(edit).expect("it can be");
        }
        (edit, score)
    };
    group.throughput(Throughput::Elements(steps as u64));
    group.bench_function("searched", |b| {
        let search = |mut drafts: Vec<Draft<'_>>| {
            let mut random = Random(3);
            drafts.iter_mut().map(|draft| (0..STEPS).map(|it| step(draft, &mut random, it).1).sum::<f64>()).sum::<f64>()
        };
        b.iter_batched(|| drafts.clone(), search, BatchSize::LargeInput);
    });
    let mut random = Random(3);
    let (mut edited, mut searched) = (Vec::new(), Vec::new());
    for draft in &drafts {
        let mut walking = draft.clone();
        for _ in 0..EACH {
            walking.apply(edit(&walking, &mut random)).expect("it can be");
            edited.push(walking.fragment().clone());
        }
    }
    let mut random = Random(3);
    for draft in &drafts {
        let mut climbing = draft.clone();
        for it in 0..STEPS {
            let mut after = climbing.clone();
            let (edit, _) = step(&mut climbing, &mut random, it);
            after.apply(edit).expect("it can be");
            searched.push(after.fragment().clone());
        }
    }
    ask(&mut group, &one, BenchmarkId::from_parameter("anew"), count, || scores(&judge, &edited));
    ask(&mut group, &one, BenchmarkId::from_parameter("searched, anew"), steps, || scores(&judge, &searched));
    let judge = self::judge(&music, music.len()).exhaustive(true);
    ask(&mut group, &one, BenchmarkId::from_parameter("anew, exhaustive"), count, || scores(&judge, &edited));
    let id = BenchmarkId::from_parameter("searched, anew, exhaustive");
    ask(&mut group, &one, id, steps, || scores(&judge, &searched));
}

criterion_group!(benches, edits, by_threads, by_fragment_size, by_bank_size);
criterion_main!(benches);
