//! A search loop: evolves a phrase, one note at a time, until the starter bank likes it.
//!
//! `cargo run --release --example compose -- OUT [SEED]` begins with four bars of notes drawn at random, and writes them
//! and what becomes of them into the folder OUT, as MIDI and as pictures. The same seed gives the same phrase.
//!
//! The search is simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983). A step considers some single edits of the
//! phrase side by side, and takes the best of them if it is an improvement, or, the less likely the colder it is, if it is
//! none. At the end the best of *all* single edits is taken until none helps.
//!
//! What it climbs is the score, with two things added that a composer would ask for:
//! - **a variation, not a copy**: from a similarity of [`KINDRED`] on, more of it counts against the phrase;
//! - **a line that can be sung**: rests and wide leaps cost a little ([`roughness`]). The edits themselves keep to one
//!   scale, to a range of an octave and a half, and to one note at a time, and leave the ending alone: a long tonic.

#[path = "../benches/support/mod.rs"]
mod support;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use judge::note::TICKS_PER_QUARTER;
use judge::report::{picture, words};
use judge::smf::{self, Heading};
use judge::{Draft, Edit, Fragment, Judge, Judgement, Note, Score};
use support::Random;

/// From which similarity to a good exemplar on a phrase is more of a copy than a variation.
const KINDRED: f64 = 0.76;

/// Steps of the annealing, and edits that are considered in each.
const STEPS: u32 = 3000;
const EDITS: usize = 6;

/// How much worse a step may be and still be taken with a chance of 1 in e: at first and at last.
const HOT: f64 = 0.02;
const COLD: f64 = 0.000_5;

/// The grid on which notes begin and end.
const EIGHTH: u64 = TICKS_PER_QUARTER as u64 / 2;
/// The phrase is four bars of 4/4.
const LENGTH: u64 = 32 * EIGHTH;
/// The last note, the tonic, is a half.
const LAST: u64 = 4 * EIGHTH;
/// C major from G3 to C5, with middle C as the tonic.
const SCALE: [u8; 11] = [55, 57, 59, 60, 62, 64, 65, 67, 69, 71, 72];
const TONIC: u8 = 60;
/// The fewest notes.
const FEWEST: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (out, seed) = match &arguments[..] {
        [out] => (Path::new(out), 1),
        [out, seed] => (Path::new(out), seed.parse()?),
        _ => return Err("usage: compose OUT [SEED]".into()),
    };
    fs::create_dir_all(out)?;
    let judge = Judge::starter();
    let mut random = Random(seed);
    let start = Fragment::new(draw(&mut random), TICKS_PER_QUARTER)?;
    tell("start", &judge, &start, out)?;

    let began = Instant::now();
    let mut search = Search { draft: Draft::new(&judge, &start), considered: 0 };
    search.anneal(&mut random)?;
    search.polish()?;
    let seconds = began.elapsed().as_secs_f64();

    tell("end", &judge, search.draft.fragment(), out)?;
    let considered = search.considered;
    println!("{considered} edits considered in {seconds:.1} s: {:.0} a second", considered as f64 / seconds);
    Ok(())
}

/// Quarters of the scale at random, then the tonic.
fn draw(random: &mut Random) -> Vec<Note> {
    let onsets = (0..LENGTH - LAST).step_by(2 * EIGHTH as usize);
    let mut notes: Vec<_> = onsets.map(|onset| Note::new(pick(&SCALE, random), onset, 2 * EIGHTH)).collect();
    notes.push(Note::new(TONIC, LENGTH - LAST, LAST));
    notes
}

fn pick<T: Copy>(from: &[T], random: &mut Random) -> T {
    from[random.below(from.len() as u64) as usize]
}

/// A phrase on its way.
struct Search<'a> {
    draft: Draft<'a>,
    considered: usize,
}

impl Search<'_> {
    fn anneal(&mut self, random: &mut Random) -> judge::Result<()> {
        let mut worth = worth(self.draft.score(), self.draft.notes());
        for step in 0..STEPS {
            let heat = HOT * (COLD / HOT).powf(f64::from(step) / f64::from(STEPS));
            let edits: Vec<Edit> = (0..EDITS).filter_map(|_| some_edit(self.draft.notes(), random)).collect();
            let Some((edit, after)) = self.best(&edits)? else { continue };
            let chance = ((after - worth) / heat).exp();
            if random.below(1 << 32) as f64 / (1u64 << 32) as f64 <= chance {
                self.draft.apply(edit)?;
                worth = after;
            }
        }
        Ok(())
    }

    /// Takes the best of all single edits until none helps.
    fn polish(&mut self) -> judge::Result<()> {
        let mut worth = worth(self.draft.score(), self.draft.notes());
        while let Some((edit, after)) = self.best(&all_edits(self.draft.notes()))?
            && after > worth
        {
            self.draft.apply(edit)?;
            worth = after;
        }
        Ok(())
    }

    /// The best of some edits, the first of those that are worth the same.
    fn best(&mut self, edits: &[Edit]) -> judge::Result<Option<(Edit, f64)>> {
        self.considered += edits.len();
        let scores = self.draft.consider_many(edits)?;
        let mut best: Option<(Edit, f64)> = None;
        for (&edit, score) in edits.iter().zip(scores) {
            let worth = worth(score, &edited(self.draft.notes(), edit));
            if best.is_none_or(|(_, most)| worth > most) {
                best = Some((edit, worth));
            }
        }
        Ok(best)
    }
}

/// What is climbed.
fn worth(score: Score, notes: &[Note]) -> f64 {
    // The score rises with the similarity, by no more than twice as much.
    score.score - 3.0 * (score.good - KINDRED).max(0.0) - roughness(notes)
}

/// What is hard to sing: a hundredth for a quarter of rest, and for each semitone that a leap is wider than a fifth.
fn roughness(notes: &[Note]) -> f64 {
    let between = notes.windows(2).map(|pair| {
        let rest = pair[1].onset.saturating_sub(pair[0].end()) as f64 / f64::from(TICKS_PER_QUARTER);
        rest + f64::from(pair[0].pitch.abs_diff(pair[1].pitch).saturating_sub(7))
    });
    0.01 * between.sum::<f64>()
}

/// The notes after an edit, in order of time.
fn edited(notes: &[Note], edit: Edit) -> Vec<Note> {
    let mut notes = notes.to_vec();
    match edit {
        Edit::Add(note) => notes.push(note),
        Edit::Replace(index, note) => notes[index] = note,
        Edit::Remove(index) => drop(notes.remove(index)),
    }
    notes.sort_by_key(|note| note.onset);
    notes
}

/// The places of the notes in order of time: an added note comes last in a draft, whenever it sounds.
fn in_time(notes: &[Note]) -> Vec<usize> {
    let mut places: Vec<_> = (0..notes.len()).collect();
    places.sort_by_key(|&place| notes[place].onset);
    places
}

/// All that may be done to one note. The first one stays where it begins, and the last one is left alone.
fn all_edits(notes: &[Note]) -> Vec<Edit> {
    let places = in_time(notes);
    let mut edits = Vec::new();
    for (at, pair) in places.windows(2).enumerate() {
        let (place, note, next) = (pair[0], notes[pair[0]], notes[pair[1]].onset);
        let before = if at > 0 { notes[places[at - 1]].end() } else { note.onset };
        edits.extend(
            SCALE
                .iter()
                .filter(|&&pitch| pitch != note.pitch)
                .map(|&pitch| Edit::Replace(place, Note { pitch, ..note })),
        );
        // Every other beginning and end in the room that it has.
        for onset in (before..next).step_by(EIGHTH as usize) {
            for end in (onset + EIGHTH..=next).step_by(EIGHTH as usize) {
                if (onset, end) != (note.onset, note.end()) && (at > 0 || onset == note.onset) {
                    edits.push(Edit::Replace(place, Note { onset, duration: end - onset, ..note }));
                }
            }
        }
        if at > 0 && notes.len() > FEWEST {
            edits.push(Edit::Remove(place));
        }
        // Every note that the rest after it has room for.
        for onset in (note.end()..next).step_by(EIGHTH as usize) {
            for end in (onset + EIGHTH..=next).step_by(EIGHTH as usize) {
                edits
                    .extend(SCALE.iter().map(|&pitch| Edit::Add(Note { pitch, onset, duration: end - onset, ..note })));
            }
        }
    }
    edits
}

/// One of them at random, each kind of edit of each note as likely; nothing where that kind cannot be.
fn some_edit(notes: &[Note], random: &mut Random) -> Option<Edit> {
    let kind = random.below(4);
    let of_kind = |edit: &Edit| match (edit, kind) {
        (Edit::Replace(place, note), 0) => note.pitch != notes[*place].pitch,
        (Edit::Replace(place, note), 1) => note.pitch == notes[*place].pitch,
        (Edit::Remove(_), 2) | (Edit::Add(_), 3) => true,
        _ => false,
    };
    let edits: Vec<_> = all_edits(notes).into_iter().filter(of_kind).collect();
    (!edits.is_empty()).then(|| pick(&edits, random))
}

/// Prints the verdict on a phrase, and writes the phrase and its picture.
fn tell(name: &str, judge: &Judge, phrase: &Fragment, out: &Path) -> Result<(), Box<dyn Error>> {
    let judgement = judge.judge(phrase);
    let Judgement { verdict, score, good, bad, .. } = &judgement;
    println!("{name}: {verdict}, score {score:.2}");
    for it in good.iter().take(1).chain(bad.iter().take(1)) {
        println!("  {:.2}  {}, {}", it.similarity, it.exemplar, words::laid(&it.likeness));
    }
    if let Some(it) = good.first() {
        let exemplar = &judge.bank().exemplars()[it.index].fragment;
        println!("  {}.", words::explanation(&judge.comparer().explain(phrase, exemplar, &it.likeness)));
    }
    let heading = Heading { title: format!("compose: {name}"), tempo: 100.0, ..Heading::default() };
    fs::write(out.join(format!("{name}.mid")), smf::write(phrase, &heading)?)?;
    let drawing = picture::judged(name, judge, phrase, &judgement, Some(4.0));
    Ok(fs::write(out.join(format!("{name}.png")), drawing.png()?)?)
}
