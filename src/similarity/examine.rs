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
    proposals: &[Proposal],
) -> Option<Examined> {
    Aligner::lend(|aligner| {
        let [query_is_first, query_is_second] = [Extent::Contained, Extent::Containing].map(|it| it == extent);
        let mut best = (f64::NEG_INFINITY, usize::MAX);
        let mut picture: f64 = 0.0;
        // The query is the first side: what sounds besides it plays no role.
        let side = |aligner: &mut Aligner, of_fragment: bool, sequence: &Sequence, stretch: f64, inverted: bool| {
            let side = if of_fragment != query_is_second { &mut aligner.first } else { &mut aligner.second };
            side.load(sequence, stretch, inverted);
        };
        side(aligner, true, fragment, 1.0, false);
        let (mut transpositions, mut chains) =
            (Vec::with_capacity(proposals.len()), Vec::with_capacity(proposals.len()));
        for (at, Proposal { alteration, .. }) in proposals.iter().enumerate() {
            // Those of one alteration are aligned together.
            if proposals[..at].iter().any(|before| before.alteration == *alteration) {
                continue;
            }
            let alike = || proposals.iter().enumerate().skip(at).filter(|(_, it)| it.alteration == *alteration);
            let exemplar = exemplar.get(alteration.retrograde);
            side(aligner, false, exemplar, alteration.stretch.as_f64(), alteration.inverted);
            let (x, k) = (f64::from(aligner.first.weight()), f64::from(aligner.second.weight()));
            let (common, scale) = match query_is_first || query_is_second {
                true => (Common::First, x),
                false => (Common::Both, (x * k).sqrt()),
            };
            transpositions.clear();
            transpositions
                .extend(alike().map(|(_, it)| if query_is_second { -it.transposition } else { it.transposition }));
            aligner.values(Processor::best(), &transpositions, common, &mut chains);
            // What is greatest is greatest when weighed too, and weighing takes powers.
            let correlation = alike().fold(0.0, |most: f64, (_, it)| most.max(it.correlation));
            picture = picture.max(weights.weigh(alteration, correlation));
            let (mut chain, mut place) = (f64::NEG_INFINITY, at);
            for ((at, _), &value) in alike().zip(&chains) {
                let value = (f64::from(value) / scale).min(1.0);
                if value > chain {
                    (chain, place) = (value, at);
                }
            }
            let notes = weights.weigh(alteration, chain);
            // Of those that are worth the same the most promising, which comes first.
            if notes > best.0 || notes == best.0 && place < best.1 {
                best = (notes, place);
            }
        }
        let (notes, at) = best;
        let proposal = *proposals.get(at)?;
        let likeness = if aligner.fits() { NOTES * notes + (1.0 - NOTES) * picture } else { picture };
        Some(Examined { likeness, notes, picture, proposal })
    })
}
