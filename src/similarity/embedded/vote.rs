//! Where a tune may lie: votes of pairs of notes for a transposition and a start.

use super::texture::Texture;
use super::{Place, Way};

/// Bins of time in a quarter: thirds of it are rounded, so that neighbouring bins count too.
pub(super) const BINS: f64 = 8.0;

/// Starts that are counted at a time, which fit the first-level cache.
const BLOCK: usize = 1 << 13;

/// Of longer tunes so many notes vote, evenly spread: time is bounded by the music's length alone.
const VOTERS: usize = 64;

/// All votes of a tune; twice as many fit 16 bits.
const VOTES: f64 = 15_000.0;

/// A place with fewer of the votes is not followed.
const FEWEST: f64 = 0.3;

/// The bin of a time in quarters.
pub(super) fn bin(onset: f64) -> i64 {
    (onset * BINS + 0.5).floor() as i64
}

/// The class of a duration in quarters: the power of 2 below it, from 1/16 to 8, counted from 0.
pub(super) fn class(duration: f64) -> u32 {
    (duration.max(1.0 / 16.0).log2().floor() as i32 + 4).clamp(0, 7) as u32
}

/// The classes of durations that stand for a duration, a bit each: a tremolo does not vote for long notes.
fn classes_near(duration: f64) -> u8 {
    ((0b11111 << class(duration)) >> 2) as u8
}

/// The places with most votes.
pub(super) struct Shortlist {
    keep: usize,
    places: Vec<Place>,
    bar: f64,
}

impl Shortlist {
    pub(super) fn new(keep: usize) -> Self {
        Self { keep, places: Vec::new(), bar: 0.0 }
    }

    fn push(&mut self, place: Place) {
        /// Starts that are nearer, in quarters, are followed once.
        const APART: f64 = 0.4;
        if place.votes <= self.bar {
            return;
        }
        if let Some(last) = self.places.last_mut()
            && (last.way, last.transposition) == (place.way, place.transposition)
            && (place.start - last.start).abs() < APART
        {
            if place.votes > last.votes {
                *last = place;
            }
            return;
        }
        if self.places.len() >= 4 * self.keep {
            self.shrink();
        }
        self.places.push(place);
    }

    fn shrink(&mut self) {
        self.places.sort_by(Place::order);
        self.places.truncate(self.keep);
        if self.places.len() == self.keep {
            self.bar = self.places.last().map_or(0.0, |last| last.votes);
        }
    }

    /// The places, the most promising first.
    pub(super) fn take(mut self) -> Vec<Place> {
        self.shrink();
        self.places
    }
}

/// Memory for the counts, used again for each alteration.
pub(super) struct Ballot {
    counts: Vec<u16>,
    voters: Vec<Voter>,
    /// The first bins of the blocks in which there may be votes.
    blocks: Vec<i64>,
}

/// A note of the tune, and how many votes it has.
struct Voter {
    pitch: i32,
    bin: i64,
    classes: u8,
    votes: u16,
}

impl Default for Ballot {
    fn default() -> Self {
        Self { counts: vec![0; BLOCK + 2], voters: Vec::new(), blocks: Vec::new() }
    }
}

impl Ballot {
    /// Counts the votes of a tune under an alteration, and shortlists the best places.
    pub(super) fn vote(
        &mut self,
        (way, Way { weight, tones, .. }): (usize, &Way),
        texture: &Texture,
        allowed: impl Fn(i32) -> bool,
        shortlist: &mut Shortlist,
    ) {
        let count = tones.len().min(VOTERS);
        let chosen = || (0..count).map(|k| &tones[k * tones.len() / count]);
        let total: f64 = chosen().map(|tone| tone.length().sqrt()).sum();
        self.voters.clear();
        self.voters.extend(chosen().map(|tone| Voter {
            pitch: tone.pitch,
            bin: bin(tone.onset),
            classes: classes_near(tone.duration),
            votes: (tone.length().sqrt() / total * VOTES).ceil() as u16,
        }));
        let Self { counts, voters, blocks } = self;
        let pitches = || voters.iter().map(|voter| voter.pitch);
        let (Some(low), Some(high)) = (pitches().min(), pitches().max()) else {
            return;
        };
        let (lowest, highest) = texture.pitch_range();
        let span = voters.iter().map(|voter| voter.bin).max().unwrap_or(0);
        // The music may begin after the tune, by a quarter of that.
        let (first, last) = (-span / 4, texture.tones().last().map_or(0, |tone| bin(tone.onset)));
        let is_silent = |block: i64| {
            let from = texture.tones().partition_point(|tone| bin(tone.onset) < block);
            texture.tones().get(from).is_none_or(|tone| bin(tone.onset) > block + span + BLOCK as i64)
        };
        blocks.clear();
        blocks.extend((first..=last).step_by(BLOCK).filter(|&block| !is_silent(block)));
        for transposition in (lowest - high..=highest - low).filter(|&transposition| allowed(transposition)) {
            let there = |voter: &&Voter| !texture.bins_of(voter.pitch + transposition).0.is_empty();
            let reach: f64 = voters.iter().filter(there).map(|voter| f64::from(voter.votes)).sum();
            let scale = weight / VOTES;
            let least = |shortlist: &Shortlist| (shortlist.bar / scale).max(FEWEST * VOTES);
            if reach <= least(shortlist) {
                continue;
            }
            for &block in blocks.iter() {
                let length = BLOCK.min((last - block + 1) as usize);
                let counts = &mut counts[..length + 2];
                if !count_block(counts, voters, texture, transposition, block) {
                    continue;
                }
                peaks(counts, least(shortlist), |at, votes| {
                    let votes = (f64::from(votes) * scale).min(*weight);
                    let start = (block + at as i64) as f64 / BINS;
                    shortlist.push(Place { votes, way, transposition, start });
                    least(shortlist)
                });
            }
        }
    }
}

/// Counts the votes for starts from bin `block` on, the first in `counts[1]`; whether there are any.
fn count_block(counts: &mut [u16], voters: &[Voter], texture: &Texture, transposition: i32, block: i64) -> bool {
    counts.fill(0);
    let length = counts.len() as i64 - 2;
    let mut any = false;
    for voter in voters {
        let (bins, classes) = texture.bins_of(voter.pitch + transposition);
        let first = block + voter.bin;
        let from = bins.partition_point(|&bin| i64::from(bin) < first);
        let until = from + bins[from..].partition_point(|&bin| i64::from(bin) < first + length);
        for (&bin, &classes) in bins[from..until].iter().zip(&classes[from..until]) {
            let count = &mut counts[(i64::from(bin) - first) as usize + 1];
            *count = count.saturating_add(if classes & voter.classes == 0 { 0 } else { voter.votes });
        }
        any |= from < until;
    }
    any
}

/// Hands starts with more votes than `bar` to `each`, which raises it. Votes for the same start may be
/// rounded to either of two neighbouring bins.
fn peaks(counts: &[u16], bar: f64, mut each: impl FnMut(usize, u16) -> f64) {
    /// Bins that are looked at together.
    const STEP: usize = 64;
    let whole = |bar: f64| bar.min(f64::from(u16::MAX)) as u16;
    let mut bar = whole(bar);
    let votes = |around: &[u16]| around[1].saturating_add(around[0].max(around[2]));
    for start in (0..counts.len() - 2).step_by(STEP) {
        let around = &counts[start..(start + STEP + 2).min(counts.len())];
        let most = around.windows(3).fold(0, |most, three| most.max(votes(three)));
        if most <= bar {
            continue;
        }
        for (at, three) in around.windows(3).enumerate() {
            let votes = votes(three);
            if votes > bar {
                bar = whole(each(start + at, votes));
            }
        }
    }
}
