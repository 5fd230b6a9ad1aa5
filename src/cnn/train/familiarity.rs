//! What a network has seen, so that it can be told when something is altogether strange to it.

use super::network::Answers;
use crate::cnn::Familiarity;

/// This part of all pictures that it has learned from or was stopped by counts as usual.
const USUAL: f64 = 0.99;
/// So many times as far off as that, a picture is altogether strange.
const STRANGE: f64 = 2.0;
/// Below this confidence an opinion says nothing: even one of next to no weight would put into an order of chance what the
/// exemplars score alike.
const LEAST_CONFIDENCE: f64 = 0.1;
/// The least spread of a dimension, as a part of the greatest: one that never moves in training tells nothing of how strange
/// something is, but must not be divided by.
const LEAST_SPREAD: f32 = 0.05;

/// Centres are the mean embeddings of each side; the spread is about them. `seen` and `held_out` have embeddings of pictures,
/// and which of them are good.
pub fn familiarity(seen: (&Answers, &[bool]), held_out: &Answers) -> Familiarity {
    let size = seen.0.embeddings.len() / seen.0.logits.len().max(1);
    let rows = |answers: &Answers| answers.embeddings.chunks(size.max(1)).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let (embeddings, good) = (rows(seen.0), seen.1);
    let centre = |side: bool| -> Vec<f32> {
        let of_side: Vec<_> =
            embeddings.iter().zip(good).filter(|(_, good)| **good == side).map(|(it, _)| it).collect();
        let mean = |dimension: usize| of_side.iter().map(|it| f64::from(it[dimension])).sum::<f64>();
        (0..size).map(|dimension| (mean(dimension) / of_side.len().max(1) as f64) as f32).collect()
    };
    let centres = vec![centre(false), centre(true)];
    let spread = |dimension: usize| {
        let off = |(it, good): (&Vec<f32>, &bool)| f64::from(it[dimension] - centres[usize::from(*good)][dimension]);
        let squares: f64 = embeddings.iter().zip(good).map(off).map(|off| off * off).sum();
        (squares / embeddings.len().max(1) as f64).sqrt() as f32
    };
    let spreads: Vec<f32> = (0..size).map(spread).collect();
    let widest = spreads.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let scale = spreads.iter().map(|spread| spread.max(LEAST_SPREAD * widest)).collect();
    let mut familiarity = Familiarity { centres, scale, near: 0.0, far: 1.0, least_confidence: LEAST_CONFIDENCE };
    let mut distances: Vec<f64> = rows(held_out).iter().chain(&embeddings).map(|it| familiarity.distance(it)).collect();
    distances.sort_by(f64::total_cmp);
    let usual = ((distances.len() as f64 * USUAL) as usize).min(distances.len().saturating_sub(1));
    familiarity.near = distances.get(usual).copied().unwrap_or(1.0);
    familiarity.far = (STRANGE * familiarity.near).max(f64::MIN_POSITIVE);
    familiarity
}
