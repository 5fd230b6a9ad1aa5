//! The exemplars that are most like a fragment, without looking at those that cannot be.
//!
//! Exemplars are taken in chunks. Each gets an upper bound on its similarity: first from the
//! energies alone (brightness is at most the lesser energy, so the cosine is at most the root of
//! their ratio), then from the ink of its pitches ([`super::bound`]). Those that may reach the
//! floor, which is the least similarity that is still wanted, are computed exactly, the most
//! promising first, and raise it. An exemplar is passed over only when its bound is *below* the
//! floor, so ties are kept and the answer is the same, to the last bit, as without skipping.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::bound::{Bounder, Most};
use super::comparer::{Comparer, cosine};
use super::shelf::Shelf;
use crate::alteration::Alteration;
use crate::correlate::sparse::kernel::Kernel;
use crate::correlate::{Prepared, Processor};
use crate::roll::PianoRoll;

/// The first chunk, and the largest: chunks double, since early on the floor rises fast.
const CHUNKS: (usize, usize) = (16, 2048);

/// Shorter shelves are searched by one thread.
const SHARD: usize = 1024;

/// What is searched.
pub(crate) struct Task<'a> {
    /// The exemplars.
    pub shelf: &'a Shelf,
    /// How they are compared.
    pub comparer: &'a Comparer,
    /// The fragment.
    pub fragment: &'a Prepared,
    /// The side (0 or 1) and the weight of an exemplar.
    pub exemplar: &'a (dyn Fn(usize) -> (usize, f64) + Sync),
    /// Draws an exemplar that does not fit the shelf.
    pub draw: &'a (dyn Fn(usize, &Alteration) -> PianoRoll + Sync),
    /// How many are wanted of each side.
    pub top: usize,
    /// Similarities below these are not wanted, by side.
    pub floors: Floors,
    /// Whether to look at every exemplar all the same.
    pub exhaustive: bool,
}

/// Least similarities that are wanted, by side, and whether one that reaches it ends the search.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Floors {
    /// The floors.
    pub least: [f64; 2],
    /// Whether any exemplar of a side that reaches its floor is enough.
    pub any: bool,
}

/// The most similar exemplars of each side, best first: index and similarity. Ties are in order of
/// index.
pub(crate) type Best = [Vec<(usize, f64)>; 2];

/// Searches the shelf, on all threads when it is long.
pub(crate) fn search(task: &Task<'_>) -> Best {
    let shared = Shared { floors: task.floors.least.map(|floor| AtomicU64::new(floor.to_bits())) };
    let len = task.shelf.len();
    let shards = if len < 2 * SHARD { 1 } else { (len / SHARD).min(4 * rayon::current_num_threads()) };
    if shards == 1 {
        return Shard::new(task, &shared).search(0..len);
    }
    let bounds = |shard: usize| len * shard / shards;
    let found: Vec<Best> = (0..shards)
        .into_par_iter()
        .map(|shard| Shard::new(task, &shared).search(bounds(shard)..bounds(shard + 1)))
        .collect();
    let mut best = Best::default();
    for (side, best) in best.iter_mut().enumerate() {
        best.extend(found.iter().flat_map(|found| &found[side]));
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(task.top);
    }
    best
}

/// The similarity to every exemplar of the shelf, in order, on this thread.
pub(crate) fn similarities(task: &Task<'_>) -> Vec<f64> {
    let shared = Shared { floors: Default::default() };
    let mut shard = Shard::new(task, &shared);
    (0..task.shelf.len()).map(|index| shard.similarity(index)).collect()
}

/// Floors that all threads raise. Similarities are not negative, so their bits are in their order.
struct Shared {
    floors: [AtomicU64; 2],
}

impl Shared {
    fn get(&self, side: usize) -> f64 {
        f64::from_bits(self.floors[side].load(Ordering::Relaxed))
    }

    fn raise(&self, side: usize, floor: f64) {
        self.floors[side].fetch_max(floor.to_bits(), Ordering::Relaxed);
    }
}

/// One thread's part of a search.
struct Shard<'a> {
    task: &'a Task<'a>,
    shared: &'a Shared,
    kernel: Kernel,
    bounder: Bounder,
    energy: f64,
    best: Best,
    /// What each alteration may reach with the exemplar at hand, stretch by mirror.
    reach: Vec<f64>,
    most: Vec<Most>,
}

/// An exemplar that may reach the floor, and where its alterations' bounds are.
struct Candidate {
    index: usize,
    bound: f64,
    reach: usize,
}

impl<'a> Shard<'a> {
    fn new(task: &'a Task<'a>, shared: &'a Shared) -> Self {
        let mut kernel = Kernel::new(Processor::best());
        kernel.load(task.fragment.roll());
        let bounder = Bounder::new(task.fragment.roll());
        let energy = task.fragment.roll().energy();
        let most = vec![Most::default(); task.shelf.stretches()];
        Self { task, shared, kernel, bounder, energy, best: Best::default(), reach: Vec::new(), most }
    }

    fn search(mut self, range: std::ops::Range<usize>) -> Best {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut chunk = CHUNKS.0;
        let mut next = range.start;
        while next < range.end && !self.is_decided() {
            let end = range.end.min(next + chunk);
            chunk = (2 * chunk).min(CHUNKS.1);
            candidates.clear();
            self.reach.clear();
            for index in next..end {
                self.consider(index, &mut candidates);
            }
            next = end;
            if !self.task.exhaustive {
                candidates.sort_unstable_by(|a, b| b.bound.total_cmp(&a.bound).then(a.index.cmp(&b.index)));
            }
            for candidate in &candidates {
                self.evaluate(candidate);
                if self.is_decided() {
                    break;
                }
            }
        }
        self.best
    }

    /// Whether nothing more is wanted.
    fn is_decided(&self) -> bool {
        self.task.floors.any && self.best.iter().any(|best| !best.is_empty())
    }

    /// Bounds an exemplar, and keeps it if it may reach the floor.
    fn consider(&mut self, index: usize, candidates: &mut Vec<Candidate>) {
        let shelf = self.task.shelf;
        let (side, weight) = (self.task.exemplar)(index);
        let floor = self.shared.get(side);
        let reach = self.reach.len();
        if self.task.exhaustive {
            self.reach.resize(reach + shelf.stretches() * shelf.mirrors().len(), f64::INFINITY);
            candidates.push(Candidate { index, bound: f64::INFINITY, reach });
            return;
        }
        // From the energies alone; mirrored alterations count no more than those that are not.
        let may = |stretch: usize| {
            shelf.energy(index, stretch).is_none_or(|energy| {
                let energy = f64::from(energy);
                weight * (shelf.weight(stretch, 0) * cosine(self.energy.min(energy), self.energy, energy)) >= floor
            })
        };
        if !(0..shelf.stretches()).any(may) {
            return;
        }
        let bounded = self.bounder.bound(shelf.inks(index), &mut self.most);
        let mut bound: f64 = 0.0;
        for stretch in 0..shelf.stretches() {
            let energy = shelf.energy(index, stretch).map(f64::from);
            // For upright and for inverted pictures; a bound of u16::MAX may have saturated.
            let similarity = self.most[stretch].map(|most| match energy {
                Some(energy) if bounded && most < u16::MAX => cosine(most.into(), self.energy, energy),
                Some(energy) => cosine(self.energy.min(energy), self.energy, energy),
                None => 1.0,
            });
            for (mirror, &(inverted, _)) in shelf.mirrors().iter().enumerate() {
                let reach = weight * (shelf.weight(stretch, mirror) * similarity[usize::from(inverted)]);
                self.reach.push(reach);
                bound = bound.max(reach);
            }
        }
        if bound >= floor {
            candidates.push(Candidate { index, bound, reach });
        } else {
            self.reach.truncate(reach);
        }
    }

    /// The similarity to an exemplar, whatever it is.
    fn similarity(&mut self, index: usize) -> f64 {
        let mut candidates = Vec::new();
        self.reach.clear();
        // A bound on the only alteration would not save anything.
        if self.task.exhaustive || self.task.shelf.stretches() * self.task.shelf.mirrors().len() == 1 {
            self.reach.resize(self.task.shelf.stretches() * self.task.shelf.mirrors().len(), f64::INFINITY);
        } else {
            self.consider(index, &mut candidates);
        }
        self.greatest(index, 0, 0.0)
    }

    /// The greatest similarity under the alterations that may reach `floor`.
    fn greatest(&mut self, index: usize, reach: usize, floor: f64) -> f64 {
        let Task { shelf, comparer, fragment, draw, .. } = *self.task;
        let (_, weight) = (self.task.exemplar)(index);
        let mirrors = shelf.mirrors().len();
        let mut similarity: f64 = 0.0;
        for (place, &reach) in self.reach[reach..][..shelf.stretches() * mirrors].iter().enumerate() {
            if reach < floor || reach <= similarity {
                continue;
            }
            let place = (index, place / mirrors, place % mirrors);
            let drawn = |alteration: &Alteration| draw(index, alteration);
            let found = shelf.similarity(&mut self.kernel, comparer, fragment, place, drawn);
            similarity = similarity.max(weight * found);
        }
        similarity
    }

    /// Computes an exemplar's similarity, as far as it may reach the floor, and keeps it if it does.
    fn evaluate(&mut self, candidate: &Candidate) {
        let index = candidate.index;
        let (side, _) = (self.task.exemplar)(index);
        let floor = if self.task.exhaustive { self.task.floors.least[side] } else { self.shared.get(side) };
        if candidate.bound < floor {
            return;
        }
        let similarity = self.greatest(index, candidate.reach, floor);
        if similarity < floor {
            return;
        }
        let best = &mut self.best[side];
        let place =
            best.partition_point(|&(other, known)| known > similarity || (known == similarity && other < index));
        if place < self.task.top {
            best.insert(place, (index, similarity));
            best.truncate(self.task.top);
            if let Some(last) = best.get(self.task.top - 1) {
                self.shared.raise(side, last.1);
            }
        }
    }
}
