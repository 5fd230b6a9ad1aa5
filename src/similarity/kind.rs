//! What kind of music a fragment is, by how its pitch classes follow each other.
//!
//! It knows nothing of rhythm, register or of any order beyond a few onsets, so it is weak evidence, and for one thing
//! only: it moves the *score* of fragments that resemble nothing in the bank, where likeness is chance, and never the
//! verdict. Of 52 rated pieces, on which it was chosen, judged by banks made of the others, it ranks as listeners do
//! with a Spearman correlation of .67 in one division into fifths and .52 +- .07 in others, where the likeness of
//! pictures alone has -.35.
//!
//! A [`Profile`] is the share of each succession of two pitch classes among all successions, up to [`REACH`] onsets
//! apart. Such transition profiles tell keys and styles apart (Huron and Veltman, "A cognitive approach to medieval
//! mode", 2006; Temperley, "Music and Probability", 2007). Two are compared by their Bhattacharyya coefficient
//! ("On a measure of divergence between two statistical populations", 1943), the sum of the square roots of the
//! products of shares, in the best of the twelve transpositions: the roots give weight to what a piece does seldom or
//! never. Some music is close to everything, so coefficients are compared by how far they stand out on both sides,
//! among those of the exemplar and among those of the fragment (S-norm, as Shum et al., "Unsupervised speaker
//! adaptation based on the cosine similarity for text-independent speaker verification", 2010).

use super::cohort::Level;
use crate::correlate::{Processor, Work};
use crate::note::Fragment;

/// Notes that begin within 1/16 quarter of the first of them begin together.
const TOGETHER_PER_QUARTER: u64 = 16;

/// How many onsets later a pitch class still follows. On human ratings 2 to 8 do equally well, 4 best.
const REACH: usize = 4;

/// With so many onsets, or exemplars of the smaller side, half is believed of what they say.
const HALF_BELIEVED: f64 = 4.0;

/// A spread of coefficients below this is taken for this.
const LEAST_SPREAD: f64 = 0.02;

/// How many exemplars of each side are asked, so that the cost is bounded.
const ASKED: usize = 128;

/// With fewer exemplars than this there is nothing to stand out from.
const FEWEST: usize = 3;

const CLASSES: usize = 12;

/// How often each pitch class follows each, in row `12 * before + after`.
type Flow = [f32; CLASSES * CLASSES];

/// How the pitch classes of a fragment follow each other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    /// Square roots of shares; the squares sum to 1, or to 0 where all notes begin together.
    flow: Flow,
    /// How often an onset follows another.
    steps: usize,
}

impl Profile {
    /// Of a fragment. A chord counts as much as a single note, and a unison once.
    pub(crate) fn new(fragment: &Fragment) -> Self {
        let groups = groups(fragment);
        let mut counts = [0.0; CLASSES * CLASSES];
        for (at, before) in groups.iter().enumerate() {
            let mut after = [0.0; CLASSES];
            for group in groups.iter().skip(at + 1).take(REACH) {
                after.iter_mut().zip(group).for_each(|(sum, share)| *sum += share);
            }
            for (counts, share) in counts.chunks_exact_mut(CLASSES).zip(before).filter(|(_, share)| **share > 0.0) {
                counts.iter_mut().zip(after).for_each(|(count, after)| *count += share * after);
            }
        }
        let steps = groups.len() - 1;
        let total = if steps > 0 { counts.iter().sum::<f64>() } else { 1.0 };
        Self { flow: counts.map(|count| (count / total).sqrt() as f32), steps }
    }
}

/// The share of each pitch class among the pitches that begin together, in order of time. Never empty.
fn groups(fragment: &Fragment) -> Vec<[f64; CLASSES]> {
    let quarter = u64::from(fragment.ticks_per_quarter());
    let mut groups = Vec::new();
    let mut rest = fragment.notes();
    while let Some(first) = rest.first() {
        let together = |onset: u64| (onset - first.onset) * TOGETHER_PER_QUARTER <= quarter;
        let (group, later) = rest.split_at(rest.iter().take_while(|note| together(note.onset)).count());
        rest = later;
        let mut pitches = group.iter().fold(0u128, |pitches, note| pitches | 1 << note.pitch);
        let share = 1.0 / f64::from(pitches.count_ones());
        let mut shares = [0.0; CLASSES];
        while pitches != 0 {
            shares[pitches.trailing_zeros() as usize % CLASSES] += share;
            pitches &= pitches - 1;
        }
        groups.push(shares);
    }
    groups
}

/// A profile in all transpositions, to be compared with many.
struct Transposed {
    flows: Box<[Flow; CLASSES]>,
}

impl Transposed {
    fn new(profile: &Profile) -> Self {
        let mut flows = Box::new([[0.0; CLASSES * CLASSES]; CLASSES]);
        for (by, flow) in flows.iter_mut().enumerate() {
            for (row, flow) in flow.chunks_exact_mut(CLASSES).enumerate() {
                let from = (row + by) % CLASSES * CLASSES;
                flow.copy_from_slice(&profile.flow[from..from + CLASSES]);
                flow.rotate_left(by);
            }
        }
        Self { flows }
    }

    /// The Bhattacharyya coefficient with each profile in the best transposition, 0 to 1.
    fn kinds(&self, profiles: &[Profile], processor: Processor) -> Vec<f64> {
        processor.run(Compare { flows: &self.flows, profiles })
    }
}

struct Compare<'a> {
    flows: &'a [Flow; CLASSES],
    profiles: &'a [Profile],
}

impl Work for Compare<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let mut kinds = Vec::with_capacity(self.profiles.len());
        for profile in self.profiles {
            let mut best = 0.0;
            for flow in self.flows {
                best = product(flow, &profile.flow).max(best);
            }
            kinds.push(f64::from(best).min(1.0));
        }
        kinds
    }
}

/// The scalar product, in the same order on every processor.
#[inline(always)]
fn product(a: &Flow, b: &Flow) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// What kinds of music the exemplars of a bank are.
///
/// Of a side with more than [`ASKED`] exemplars so many are asked, evenly spaced in the order of the bank. Their
/// weights do not count. All sums are taken in that order, so nothing depends on threads.
#[derive(Debug, Clone)]
pub(crate) struct Kinds {
    profiles: Vec<Profile>,
    /// The side of each, 0 good and 1 bad.
    sides: Vec<usize>,
    /// What coefficients each has with the others.
    levels: Vec<Level>,
    /// The place of each among all that were given.
    places: Vec<usize>,
}

impl Kinds {
    /// Of exemplars, each with its side: 0 good, 1 bad.
    ///
    /// On one thread: this happens once, while others wait, and a thread that waited for parallel work here could be
    /// handed a task that waits for this. It takes 10 ms at most.
    pub(crate) fn new<'a>(exemplars: impl IntoIterator<Item = (&'a Fragment, usize)>) -> Self {
        let mut exemplars: Vec<_> = exemplars.into_iter().enumerate().collect();
        let mut counts = [0; 2];
        exemplars.iter().for_each(|&(_, (_, side))| counts[side] += 1);
        let mut seen = [0; 2];
        exemplars.retain(|&(_, (_, side))| {
            seen[side] += 1;
            (seen[side] - 1) * ASKED % counts[side] < ASKED
        });

        let profiles: Vec<_> = exemplars.iter().map(|(_, (fragment, _))| Profile::new(fragment)).collect();
        let processor = Processor::best();
        let level = |(index, profile): (usize, &Profile)| {
            let mut others = Transposed::new(profile).kinds(&profiles, processor);
            others.remove(index);
            level(&others)
        };
        let levels = profiles.iter().enumerate().map(level).collect();
        let (places, sides) = exemplars.into_iter().map(|(place, (_, side))| (place, side)).unzip();
        Self { levels, sides, profiles, places }
    }

    /// To which side the kind of a fragment leans: above -1 (bad), below 1 (good).
    ///
    /// It is 0 where nothing can be said: of notes that all begin together, or by fewer than three exemplars or those
    /// of one side only. Few onsets, in the fragment or an exemplar, and few exemplars draw it to 0. It takes about
    /// 9 us by 80 exemplars and 23 us by 256, the most that are asked.
    pub(crate) fn lean(&self, fragment: &Fragment) -> f64 {
        self.lean_of(&Profile::new(fragment))
    }

    /// [`lean`](Self::lean) of each exemplar that is asked by the others: its place among those that were given, and its
    /// lean. The others are given the levels that they have without it.
    pub(crate) fn leave_one_out(&self) -> Vec<(usize, f64)> {
        let processor = Processor::best();
        let table: Vec<_> =
            self.profiles.iter().map(|profile| Transposed::new(profile).kinds(&self.profiles, processor)).collect();
        let others = |out: usize| (0..self.profiles.len()).filter(move |&index| index != out);
        let without = |out: usize| Self {
            profiles: others(out).map(|index| self.profiles[index].clone()).collect(),
            sides: others(out).map(|index| self.sides[index]).collect(),
            levels: others(out)
                .map(|index| {
                    let kinds: Vec<_> = others(out).filter(|&it| it != index).map(|it| table[index][it]).collect();
                    level(&kinds)
                })
                .collect(),
            places: Vec::new(),
        };
        let lean = |(out, &place): (usize, &usize)| (place, without(out).lean_of(&self.profiles[out]));
        self.places.iter().enumerate().map(lean).collect()
    }

    fn lean_of(&self, profile: &Profile) -> f64 {
        let bad: usize = self.sides.iter().sum();
        let few = bad.min(self.sides.len() - bad);
        if self.sides.len() < FEWEST || few == 0 || profile.steps == 0 {
            return 0.0;
        }
        let kinds = Transposed::new(profile).kinds(&self.profiles, Processor::best());
        let here = level(&kinds);
        let mut highest = [f64::NEG_INFINITY; 2];
        for (index, kind) in kinds.into_iter().enumerate() {
            let standing = (self.levels[index].standing(kind) + here.standing(kind)) / 2.0;
            let highest = &mut highest[self.sides[index]];
            *highest = highest.max(standing * belief(self.profiles[index].steps));
        }
        ((highest[0] - highest[1]) / 2.0).tanh() * belief(profile.steps) * belief(few)
    }
}

/// How much is believed of what `count` observations say, 0 to below 1.
fn belief(count: usize) -> f64 {
    count as f64 / (count as f64 + HALF_BELIEVED)
}

/// The mean and the spread; 0 and the least spread of nothing.
fn level(kinds: &[f64]) -> Level {
    let count = kinds.len().max(1) as f64;
    let mean = kinds.iter().sum::<f64>() / count;
    let variance = kinds.iter().map(|kind| (kind - mean).powi(2)).sum::<f64>() / count;
    Level { mean, spread: variance.sqrt().max(LEAST_SPREAD) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Note;
    use proptest::prelude::*;

    fn tune(pitches: &[u8]) -> Fragment {
        Fragment::new((0..).zip(pitches).map(|(at, &pitch)| Note::new(pitch, at, 1)).collect(), 1).unwrap()
    }

    /// Chords and lines, notes closer and farther apart than what counts as together.
    fn fragments() -> impl Strategy<Value = Fragment> {
        let note =
            (48u8..84, 0u64..400, 1u64..40).prop_map(|(pitch, onset, duration)| Note::new(pitch, onset, duration));
        prop::collection::vec(note, 1..40).prop_map(|notes| Fragment::new(notes, 40).unwrap())
    }

    fn transposed(fragment: &Fragment, by: u8) -> Fragment {
        let notes = fragment.notes().iter().map(|note| Note { pitch: note.pitch + by, ..*note }).collect();
        Fragment::new(notes, fragment.ticks_per_quarter()).unwrap()
    }

    fn kind(a: &Fragment, b: &Fragment) -> f64 {
        Transposed::new(&Profile::new(a)).kinds(&[Profile::new(b)], Processor::best())[0]
    }

    /// The definition, step by step.
    mod reference {
        use super::*;

        pub fn profile(fragment: &Fragment) -> ([[f64; 12]; 12], f64) {
            let mut groups: Vec<(f64, Vec<u8>)> = Vec::new();
            for note in fragment.notes() {
                let onset = fragment.to_quarters(note.onset);
                match groups.last_mut() {
                    Some((first, pitches)) if onset - *first <= 1.0 / 16.0 => pitches.push(note.pitch),
                    _ => groups.push((onset, vec![note.pitch])),
                }
            }
            for (_, pitches) in &mut groups {
                pitches.sort_unstable();
                pitches.dedup();
            }
            let mut flow = [[0.0; 12]; 12];
            for (at, (_, before)) in groups.iter().enumerate() {
                for (_, after) in groups.iter().skip(at + 1).take(4) {
                    for p in before {
                        for q in after {
                            flow[usize::from(p % 12)][usize::from(q % 12)] += 1.0 / (before.len() * after.len()) as f64;
                        }
                    }
                }
            }
            let total: f64 = flow.iter().flatten().sum();
            (
                flow.map(|row| row.map(|it| if total > 0.0 { (it / total).sqrt() } else { 0.0 })),
                groups.len() as f64 - 1.0,
            )
        }

        pub fn kind(a: &Fragment, b: &Fragment) -> f64 {
            let [(a, _), (b, _)] = [a, b].map(profile);
            let at = |r: usize| {
                (0..144).map(|i| (i / 12, i % 12)).map(|(p, q)| a[p][q] * b[(p + r) % 12][(q + r) % 12]).sum::<f64>()
            };
            (0..12).map(at).fold(0.0, f64::max)
        }

        fn mean_and_spread(values: &[f64]) -> (f64, f64) {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / values.len() as f64;
            (mean, variance.sqrt().max(0.02))
        }

        pub fn lean(fragment: &Fragment, exemplars: &[(Fragment, usize)]) -> f64 {
            let n = profile(fragment).1;
            let count = |side| exemplars.iter().filter(|it| it.1 == side).count();
            let few = count(0).min(count(1)) as f64;
            if exemplars.len() < 3 || few == 0.0 || n == 0.0 {
                return 0.0;
            }
            let kinds: Vec<_> = exemplars.iter().map(|(exemplar, _)| kind(fragment, exemplar)).collect();
            let (mean, spread) = mean_and_spread(&kinds);
            let mut highest = [f64::NEG_INFINITY; 2];
            for (j, (exemplar, side)) in exemplars.iter().enumerate() {
                let others: Vec<_> =
                    (0..exemplars.len()).filter(|&i| i != j).map(|i| kind(exemplar, &exemplars[i].0)).collect();
                let (mean_j, spread_j) = mean_and_spread(&others);
                let n_j = profile(exemplar).1;
                let z = ((kinds[j] - mean_j) / spread_j + (kinds[j] - mean) / spread) / 2.0 * n_j / (n_j + 4.0);
                highest[*side] = highest[*side].max(z);
            }
            ((highest[0] - highest[1]) / 2.0).tanh() * n / (n + 4.0) * few / (few + 4.0)
        }
    }

    fn kinds(exemplars: &[(Fragment, usize)]) -> Kinds {
        Kinds::new(exemplars.iter().map(|(fragment, side)| (fragment, *side)))
    }

    #[test]
    fn chords_count_as_much_as_single_notes() {
        // C and E together, E again a little later: one onset. Then G, a quarter later.
        let notes = vec![Note::new(60, 0, 4), Note::new(64, 0, 4), Note::new(64, 1, 4), Note::new(67, 16, 4)];
        let profile = Profile::new(&Fragment::new(notes, 16).unwrap());
        assert_eq!(profile.steps, 1);
        let half = 0.5f32.sqrt();
        assert_eq!([profile.flow[7], profile.flow[4 * 12 + 7]], [half; 2]);
        assert_eq!(profile.flow.iter().filter(|it| **it > 0.0).count(), 2);
    }

    #[test]
    fn says_nothing_without_grounds() {
        let (up, down, chord) = (tune(&[60, 62, 64, 65, 67]), tune(&[67, 66, 65, 64, 63]), {
            Fragment::from_quarters(&[(60, 0.0, 1.0), (64, 0.0, 1.0), (67, 0.03, 1.0)]).unwrap()
        });
        assert_eq!(Profile::new(&chord).flow, [0.0; 144]);
        let both = [(up.clone(), 0), (down.clone(), 1), (up.clone(), 0)];
        assert_eq!(kinds(&both).lean(&chord), 0.0);
        assert!(kinds(&both).lean(&up) > 0.0);
        assert!(kinds(&both).lean(&down) < 0.0);
        assert_eq!(kinds(&both[..2]).lean(&up), 0.0);
        for side in [0, 1] {
            assert_eq!(kinds(&[up.clone(), down.clone(), up.clone()].map(|it| (it, side))).lean(&up), 0.0);
        }
        assert_eq!(kinds(&[]).lean(&up), 0.0);
    }

    #[test]
    fn of_many_exemplars_some_are_asked_evenly() {
        let fragments: Vec<_> = (0..300).map(|at| tune(&[60, 60 + (at % 12) as u8, 62])).collect();
        let asked = |counts: [usize; 2]| {
            let of = |side: usize| fragments.iter().take(counts[side]).map(move |fragment| (fragment, side));
            let kinds = Kinds::new(of(0).chain(of(1)));
            [0, 1].map(|side| kinds.sides.iter().filter(|it| **it == side).count())
        };
        assert_eq!(asked([127, 128]), [127, 128]);
        assert_eq!(asked([129, 300]), [128, 128]);
    }

    proptest! {
        #[test]
        fn is_what_its_definition_says(
            fragment in fragments(),
            exemplars in prop::collection::vec((fragments(), 0usize..2), 1..7),
        ) {
            let expected = reference::lean(&fragment, &exemplars);
            let lean = kinds(&exemplars).lean(&fragment);
            prop_assert!(lean.abs() < 1.0);
            prop_assert!((lean - expected).abs() < 1e-4, "{lean} {expected}");
            let all = kinds(&exemplars);
            for (place, lean) in all.leave_one_out() {
                let mut others = exemplars.clone();
                let (left_out, _) = others.remove(place);
                prop_assert!((lean - kinds(&others).lean(&left_out)).abs() < 1e-9);
            }
            let turned: Vec<_> = exemplars.into_iter().map(|(exemplar, side)| (exemplar, 1 - side)).collect();
            prop_assert_eq!(kinds(&turned).lean(&fragment), -lean);
        }

        #[test]
        fn is_the_same_in_every_key(a in fragments(), b in fragments(), by in 0u8..44) {
            prop_assert!((kind(&a, &b) - reference::kind(&a, &b)).abs() < 1e-5);
            prop_assert!((kind(&a, &b) - kind(&b, &a)).abs() < 1e-5);
            prop_assert!((kind(&a, &transposed(&b, by)) - kind(&a, &b)).abs() < 1e-5);
            prop_assert!((0.0..=1.0).contains(&kind(&a, &b)));
            let itself = if Profile::new(&a).steps > 0 { 1.0 } else { 0.0 };
            prop_assert!((kind(&a, &transposed(&a, by)) - itself).abs() < 1e-5);
        }

        #[test]
        fn is_the_same_on_every_processor(fragments in prop::collection::vec(fragments(), 1..20)) {
            let profiles: Vec<_> = fragments.iter().map(Profile::new).collect();
            let transposed = Transposed::new(&profiles[0]);
            let plain = transposed.kinds(&profiles, Processor::ANY);
            for processor in Processor::available() {
                prop_assert_eq!(&transposed.kinds(&profiles, processor), &plain);
            }
        }
    }
}
