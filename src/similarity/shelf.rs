//! Many exemplars, kept small and close together for search.

use rayon::prelude::*;

use super::bound::Inks;
use super::comparer::Comparer;
use crate::alteration::{Alteration, Alterations, Ratio};
use crate::correlate::sparse::outline::{Change, Outline, OutlineHead, trace};
use crate::note::Fragment;

/// Exemplars are traced in blocks of this many.
const BLOCK: usize = 256;

/// The outlines of many exemplars under every stretch, and the ink of their pitches.
///
/// Mirrored alterations need no outlines of their own: the kernel reads those that are there
/// backwards or upside down.
#[derive(Debug)]
pub(crate) struct Shelf {
    stretches: Vec<Ratio>,
    /// Which mirrors are searched: inverted, retrograde; none first.
    mirrors: Vec<(bool, bool)>,
    /// What each alteration counts, stretch by mirror, and 1 / that.
    weights: Vec<f64>,
    inverse_weights: Vec<f64>,
    /// The greatest of them for each stretch, upright and inverted.
    most_weights: Vec<[f64; 2]>,
    blocks: Vec<Block>,
    len: usize,
}

/// Up to [`BLOCK`] exemplars.
#[derive(Debug, Default)]
struct Block {
    /// Exemplar by stretch; `None` when its roll has no outline.
    traces: Vec<Option<Trace>>,
    /// Of each of them the energy, and 1 / its root; 0 where there is no outline. Apart because most exemplars of a search
    /// are not looked at further.
    energies: Vec<u32>,
    inverse_roots: Vec<f32>,
    changes: Vec<Change>,
    inks: Inks,
    /// The lowest pitch of each exemplar as it is and upside down.
    lows: Vec<[i16; 2]>,
}

/// An outline's head, and where its changes are in the block.
#[derive(Debug, Clone, Copy)]
struct Trace {
    head: OutlineHead,
    first: u32,
    count: u32,
}

impl Shelf {
    /// Draws and traces fragments under every alteration of a comparer.
    pub(crate) fn new<'a>(comparer: &Comparer, len: usize, fragment: impl Fn(usize) -> &'a Fragment + Sync) -> Self {
        let Alterations { stretches, inversion, retrograde } = comparer.alterations.clone();
        let mut stretches = if stretches.is_empty() { vec![Ratio::ONE] } else { stretches };
        stretches.sort_by(|a, b| Alteration::stretched(*a).cmp_plainness(&Alteration::stretched(*b)));
        stretches.dedup();
        let mirrors: Vec<_> = [(false, false), (true, false), (false, true), (true, true)]
            .into_iter()
            .filter(|&(inverted, backwards)| (inversion || !inverted) && (retrograde || !backwards))
            .collect();
        let alteration = |stretch, (inverted, retrograde)| Alteration { stretch, inverted, retrograde };
        let weights: Vec<f64> = stretches
            .iter()
            .flat_map(|&stretch| mirrors.iter().map(move |&mirror| comparer.weight(&alteration(stretch, mirror))))
            .collect();
        let most = |weights: &[f64]| {
            [false, true].map(|inverted| {
                let of_these = mirrors.iter().zip(weights).filter(|(mirror, _)| mirror.0 == inverted);
                of_these.fold(0.0, |most: f64, (_, &weight)| most.max(weight))
            })
        };
        let inverse_weights = weights.iter().map(|weight| 1.0 / weight).collect();
        let most_weights = weights.chunks(mirrors.len()).map(most).collect();
        let indices: Vec<_> = (0..len).collect();
        let blocks = indices
            .par_chunks(BLOCK)
            .map(|indices| {
                let mut block = Block::default();
                for &index in indices {
                    block.push(comparer, &stretches, fragment(index));
                }
                block.traces.shrink_to_fit();
                block.energies.shrink_to_fit();
                block.inverse_roots.shrink_to_fit();
                block.changes.shrink_to_fit();
                block.inks.shrink_to_fit();
                block.lows.shrink_to_fit();
                block
            })
            .collect();
        Self { stretches, mirrors, weights, inverse_weights, most_weights, blocks, len }
    }

    /// How many exemplars.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many stretches are searched.
    pub(crate) fn stretches(&self) -> usize {
        self.stretches.len()
    }

    /// Which mirrors are searched: inverted, retrograde.
    pub(crate) fn mirrors(&self) -> &[(bool, bool)] {
        &self.mirrors
    }

    /// The stretch and the mirror of an alteration, counted stretch by mirror.
    pub(crate) fn place(&self, alteration: usize) -> (usize, usize) {
        (alteration / self.mirrors.len(), alteration % self.mirrors.len())
    }

    /// What an alteration counts.
    pub(crate) fn weight(&self, stretch: usize, mirror: usize) -> f64 {
        self.weights[stretch * self.mirrors.len() + mirror]
    }

    /// 1 / what an alteration counts.
    pub(crate) fn inverse_weight(&self, stretch: usize, mirror: usize) -> f64 {
        self.inverse_weights[stretch * self.mirrors.len() + mirror]
    }

    /// The most that an alteration of a stretch counts, upright and inverted.
    pub(crate) fn most_weights(&self, stretch: usize) -> [f64; 2] {
        self.most_weights[stretch]
    }

    /// The alteration of a stretch and a mirror.
    pub(crate) fn alteration(&self, stretch: usize, mirror: usize) -> Alteration {
        let (inverted, retrograde) = self.mirrors[mirror];
        Alteration { stretch: self.stretches[stretch], inverted, retrograde }
    }

    /// The ink of an exemplar's pitches.
    pub(crate) fn inks(&self, index: usize) -> super::bound::Ink<'_> {
        self.blocks[index / BLOCK].inks.get(index % BLOCK, self.stretches.len())
    }

    /// An exemplar's outline under an alteration, if it has one.
    pub(crate) fn outline(&self, index: usize, stretch: usize, mirror: usize) -> Option<Outline<'_>> {
        let Trace { head, first, count } = self.trace(index, stretch)?;
        let (inverted, retrograde) = self.mirrors[mirror];
        let changes = &self.blocks[index / BLOCK].changes[first as usize..][..count as usize];
        Some(Outline { head, changes, inverted, retrograde })
    }

    /// The lowest pitch of an exemplar under an alteration.
    pub(crate) fn low(&self, index: usize, mirror: usize) -> i32 {
        self.blocks[index / BLOCK].lows[index % BLOCK][usize::from(self.mirrors[mirror].0)].into()
    }

    /// The energy of an exemplar under a stretch, if it has an outline.
    pub(crate) fn energy(&self, index: usize, stretch: usize) -> Option<u32> {
        Some(self.blocks[index / BLOCK].energies[self.in_block(index, stretch)]).filter(|&energy| energy > 0)
    }

    /// 1 / the root of that, in single precision.
    pub(crate) fn inverse_root(&self, index: usize, stretch: usize) -> Option<f32> {
        Some(self.blocks[index / BLOCK].inverse_roots[self.in_block(index, stretch)]).filter(|&root| root > 0.0)
    }

    fn trace(&self, index: usize, stretch: usize) -> Option<Trace> {
        self.blocks[index / BLOCK].traces[self.in_block(index, stretch)]
    }

    /// The place of an exemplar under a stretch in its block.
    fn in_block(&self, index: usize, stretch: usize) -> usize {
        index % BLOCK * self.stretches.len() + stretch
    }
}

impl Block {
    fn push(&mut self, comparer: &Comparer, stretches: &[Ratio], fragment: &Fragment) {
        let rolls: Vec<_> = stretches
            .iter()
            .map(|&stretch| comparer.rendering.draw(fragment, &Alteration::stretched(stretch)))
            .collect();
        for roll in &rolls {
            let first = self.changes.len();
            let head = trace(roll, &mut self.changes);
            let trace =
                head.map(|head| Trace { head, first: first as u32, count: (self.changes.len() - first) as u32 });
            self.traces.push(trace);
            let energy = head.map_or(0, |head| head.energy);
            self.energies.push(energy);
            self.inverse_roots.push(if energy > 0 { f64::from(energy).sqrt().recip() as f32 } else { 0.0 });
        }
        self.inks.push(&rolls);
        let axis = fragment.notes().first().map_or(0, |note| i16::from(note.pitch));
        self.lows.push(rolls.first().map_or([0; 2], |roll| [roll.low(), 2 * axis - roll.high()]));
    }
}
