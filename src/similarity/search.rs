//! The exemplars that are most like a fragment, without looking at those that cannot be.
//!
//! Exemplars are taken in chunks. Each gets an upper bound on its similarity: first from the
//! energies alone (brightness is at most the lesser energy, so the cosine is at most the root of
//! their ratio), then from the ink of its pitches ([`super::bound`]). Those that may reach the
//! floor, which is the least similarity that is still wanted, are computed exactly, the most
//! promising first, and raise it. In the first chunk, where the floor is still low, each exemplar is
//! computed at once under its most promising alteration, while what its pitches allow is at hand:
//! the others then have a floor to reach that is nearly the last. An exemplar is passed over only
//! when its bound is *below* the floor, so ties are kept and the answer is the same, to the last
//! bit, as without skipping.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::evaluator::{Evaluator, Exemplars, Known};
use crate::correlate::Prepared;

/// The first chunk, and all later ones. The first is large enough that what is best in it lets most others be passed over.
const CHUNKS: (usize, usize) = (1024, 2048);

/// Shorter shelves are searched by one thread.
const SHARD: usize = 1024;

/// What is searched.
pub(crate) struct Task<'a> {
    /// The exemplars.
    pub exemplars: Exemplars<'a>,
    /// The side (0 or 1) and the weight of an exemplar.
    pub side: &'a (dyn Fn(usize) -> (usize, f64) + Sync),
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

/// Searches the shelf for a fragment, on all threads when it is long.
pub(crate) fn search(task: &Task<'_>, fragment: &Prepared) -> Best {
    let shared = Shared { floors: task.floors.least.map(|floor| AtomicU64::new(floor.to_bits())) };
    let len = task.exemplars.shelf.len();
    let search =
        |range| task.exemplars.evaluate(fragment, |evaluator| Shard::new(task, &shared).search(evaluator, range));
    if len < 2 * SHARD {
        return search(0..len);
    }
    // At first the floor rises fast: that need not be done by each thread.
    let first = SHARD / 2;
    let mut best = search(0..first);
    if task.floors.any && best.iter().any(|best| !best.is_empty()) {
        return best;
    }
    let shards = ((len - first) / SHARD).min(8 * rayon::current_num_threads());
    let bounds = |shard: usize| first + (len - first) * shard / shards;
    let found: Vec<Best> =
        (0..shards).into_par_iter().with_max_len(1).map(|it| search(bounds(it)..bounds(it + 1))).collect();
    for (side, best) in best.iter_mut().enumerate() {
        best.extend(found.iter().flat_map(|found| &found[side]));
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(task.top);
    }
    best
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
    best: Best,
    /// Whether candidates are looked at while they are collected.
    glances: bool,
    /// What each alteration of the candidates at hand may reach.
    reach: Vec<f64>,
}

/// An exemplar that may reach the floor, and where its alterations' bounds are.
struct Candidate {
    /// What it may reach under the alterations that are not known.
    bound: f64,
    index: u32,
    /// The first of them.
    reach: u32,
    known: Known,
}

impl<'a> Shard<'a> {
    fn new(task: &'a Task<'a>, shared: &'a Shared) -> Self {
        Self { task, shared, best: Best::default(), glances: false, reach: Vec::new() }
    }

    fn search(mut self, evaluator: &mut Evaluator<'_>, range: Range<usize>) -> Best {
        let mut candidates: Vec<Candidate> = Vec::new();
        let (mut chunk, later) = CHUNKS;
        let mut next = range.start;
        while next < range.end && !self.is_decided() {
            let end = range.end.min(next + chunk);
            chunk = later;
            candidates.clear();
            self.reach.clear();
            self.glances = next == 0;
            for index in next..end {
                candidates.extend(self.consider(evaluator, index));
                if self.is_decided() {
                    return self.best;
                }
            }
            next = end;
            if !self.task.exhaustive {
                // Bounds are not negative, so their bits are in their order.
                candidates.sort_unstable_by_key(|it| (Reverse(it.bound.to_bits()), it.index));
            }
            for candidate in &candidates {
                self.evaluate(evaluator, candidate);
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

    /// Bounds an exemplar; nothing if it cannot reach the floor. At first its similarity under the alteration that may
    /// reach most is computed as well, and it is nothing if no other can.
    fn consider(&mut self, evaluator: &mut Evaluator<'_>, index: usize) -> Option<Candidate> {
        let shelf = self.task.exemplars.shelf;
        let first = self.reach.len();
        if self.task.exhaustive {
            self.reach.resize(first + shelf.stretches() * shelf.mirrors().len(), f64::INFINITY);
            let (bound, known) = (f64::INFINITY, Known::NOTHING);
            return Some(Candidate { bound, index: index as u32, reach: first as u32, known });
        }
        let (side, weight) = (self.task.side)(index);
        let floor = self.shared.get(side);
        let bound = evaluator.bound(index, weight, floor, &mut self.reach)?;
        if !self.glances {
            return Some(Candidate { bound, index: index as u32, reach: first as u32, known: Known::NOTHING });
        }
        let known = evaluator.glance(index, weight, &self.reach[first..], floor);
        self.keep(index, side, known.similarity, floor);
        // What is known need not be looked at again.
        let reach = &self.reach[first..];
        let (before, after) = reach.split_at(known.alteration.unwrap_or(reach.len()));
        let most = |reach: &[f64]| reach.iter().fold(0.0, |most: f64, &it| if it > most { it } else { most });
        let bound = most(before).max(most(after.get(1..).unwrap_or_default()));
        if bound < self.shared.get(side) {
            self.reach.truncate(first);
            return None;
        }
        Some(Candidate { bound, index: index as u32, reach: first as u32, known })
    }

    /// Computes an exemplar's similarity, as far as it may reach the floor, and keeps it if it does.
    fn evaluate(&mut self, evaluator: &mut Evaluator<'_>, candidate: &Candidate) {
        let index = candidate.index as usize;
        let (side, weight) = (self.task.side)(index);
        let floor = if self.task.exhaustive { self.task.floors.least[side] } else { self.shared.get(side) };
        if candidate.bound >= floor {
            let similarity = evaluator.greatest(index, weight, self.reach_of(candidate), floor, candidate.known);
            self.keep(index, side, similarity, floor);
        }
    }

    /// What the alterations of a candidate may reach.
    fn reach_of(&self, candidate: &Candidate) -> &[f64] {
        let shelf = self.task.exemplars.shelf;
        &self.reach[candidate.reach as usize..][..shelf.stretches() * shelf.mirrors().len()]
    }

    /// Keeps a similarity of an exemplar if it reaches the floor and is among the best, in the place of what was known
    /// of it, which is not more.
    fn keep(&mut self, index: usize, side: usize, similarity: f64, floor: f64) {
        if similarity < floor {
            return;
        }
        let best = &mut self.best[side];
        best.retain(|it| it.0 != index);
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
