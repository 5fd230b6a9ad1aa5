//! The full measure of a pair: what the correlation proposes is examined note by note.
//!
//! ```text
//! likeness = 3/4 max over proposals of weigh(alteration, chain) + 1/4 max over proposals of weigh(alteration, cosine)
//! ```
//!
//! where chain is the [alignment](super::chain), made comparable as the cosine is: by the root of both weights for
//! wholes, by the weight of the query when it is looked for in the other. The picture and the notes err in different
//! places: the picture minds the beat and polyphony, the chain forgives ornaments and rests.

use super::chain::{Aligner, Common};
use super::proposal::Proposal;
use super::sequence::{Sequence, Sequences};
use super::{AlterationWeights, Extent};
use crate::correlate::Processor;

/// The share of the alignment in the likeness.
const NOTES: f64 = 0.75;

/// How alike two fragments are, not yet read against what unrelated music reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Examined {
    /// 0 to 1.
    pub likeness: f64,
    /// The share of both weights that the best chain pairs, 0 to 1, weighted.
    pub notes: f64,
    /// The best correlation, weighted.
    pub picture: f64,
    /// The proposal whose chain is worth most.
    pub proposal: Proposal,
}

/// Examines the proposals of a pair; `None` when there are none.
pub(crate) fn examine(
    extent: Extent,
    weights: &AlterationWeights,
    fragment: &Sequence,
    exemplar: &Sequences<'_>,
    proposals: impl Iterator<Item = Proposal>,
) -> Option<Examined> {
    Aligner::lend(|aligner| {
        let [query_is_first, query_is_second] = [Extent::Contained, Extent::Containing].map(|it| it == extent);
        let mut best: Option<(f64, Proposal)> = None;
        let mut picture: f64 = 0.0;
        let mut loaded = None;
        // The query is the first side: what sounds besides it plays no role.
        let load = |aligner: &mut Aligner, of_fragment: bool, proposal: &Proposal| {
            let alteration = proposal.alteration;
            let (sequence, stretch, inverted) = if of_fragment {
                (fragment, 1.0, false)
            } else {
                (exemplar.get(alteration.retrograde), alteration.stretch.as_f64(), alteration.inverted)
            };
            let side = if of_fragment != query_is_second { &mut aligner.first } else { &mut aligner.second };
            side.load(sequence, stretch, inverted);
        };
        for proposal in proposals {
            picture = picture.max(weights.weigh(&proposal.alteration, proposal.correlation));
            if loaded.is_none() {
                load(aligner, true, &proposal);
            }
            if loaded != Some(proposal.alteration) {
                load(aligner, false, &proposal);
                loaded = Some(proposal.alteration);
            }
            let (x, k) = (f64::from(aligner.first.weight()), f64::from(aligner.second.weight()));
            let (common, scale, up) = if query_is_first || query_is_second {
                (Common::First, x, if query_is_second { -proposal.transposition } else { proposal.transposition })
            } else {
                (Common::Both, (x * k).sqrt(), proposal.transposition)
            };
            let chain = f64::from(aligner.value(Processor::best(), up, common)) / scale;
            let notes = weights.weigh(&proposal.alteration, chain.min(1.0));
            if best.is_none_or(|(most, _)| notes > most) {
                best = Some((notes, proposal));
            }
        }
        let (notes, proposal) = best?;
        let likeness = if aligner.fits() { NOTES * notes + (1.0 - NOTES) * picture } else { picture };
        Some(Examined { likeness, notes, picture, proposal })
    })
}
