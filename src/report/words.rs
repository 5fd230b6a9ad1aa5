//! Placements in plain words.

use crate::alteration::{Alteration, Ratio};
use crate::find::Occurrence;
use crate::scorer::{Abstention, Opinion};
use crate::similarity::{Explanation, Likeness, Placement};

/// What is done to an exemplar, as "5 semitones higher, 3/2 as long, upside down", or "as it is".
pub fn placement(placement: &Placement) -> String {
    let Alteration { stretch, inverted, retrograde } = placement.alteration;
    let transposition = placement.offset.transposition;
    let mut parts = Vec::new();
    if transposition != 0 {
        let semitones = if transposition.abs() == 1 { "semitone" } else { "semitones" };
        let direction = if transposition > 0 { "higher" } else { "lower" };
        parts.push(format!("{} {semitones} {direction}", transposition.abs()));
    }
    if stretch != Ratio::ONE {
        parts.push(match (stretch.numerator(), stretch.denominator()) {
            (2, 1) => "twice as long".to_owned(),
            (1, 2) => "half as long".to_owned(),
            (times, 1) => format!("{times} times as long"),
            _ => format!("{stretch} as long"),
        });
    }
    if inverted {
        parts.push("upside down".to_owned());
    }
    if retrograde {
        parts.push("backwards".to_owned());
    }
    if parts.is_empty() { "as it is".to_owned() } else { parts.join(", ") }
}

/// What the opinion of a network means and counts, as "good; it counts 0.24 of the score", or why it counts nothing.
pub fn opinion(opinion: &Opinion, weight: f64, vetoed: bool) -> String {
    let share = weight * opinion.vote().abs();
    let side = if opinion.vote() < 0.0 { "rather bad" } else { "rather good" };
    match opinion.abstention {
        Some(Abstention::Unsure) => "it abstains: it cannot tell good from bad here".to_owned(),
        Some(Abstention::Unfamiliar) => "it abstains: it has seen nothing like this".to_owned(),
        None if vetoed && opinion.vote() > 0.0 => format!("{side}, which counts nothing against a veto"),
        None => format!("{side}, which counts {share:.2} of the score"),
    }
}

/// A number of quarters with at most two decimals.
pub fn quarters(quarters: f64) -> String {
    let text = format!("{quarters:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// How an exemplar is laid on, as "5 semitones higher, from quarter 2": counted from the first onsets.
pub fn laid(likeness: &Likeness) -> String {
    format!("{}, from quarter {}", placement(&likeness.placement), quarters(likeness.shift))
}

/// What a likeness consists of, as "14 of 16 notes match, 1 of them altered; 2 are missing, 3 added; stretched at
/// quarter 4".
pub fn explanation(explanation: &Explanation) -> String {
    let Explanation { matched, altered, missing, added, stretched } = explanation;
    let notes = matched.len() + missing.len();
    let mut text = format!("{} of {notes} notes match", matched.len());
    if !altered.is_empty() {
        text += &format!(", {} of them altered in pitch", altered.len());
    }
    text += &format!("; {} missing, {} added", missing.len(), added.len());
    const TOLD: usize = 4;
    let places: Vec<_> = stretched.iter().take(TOLD).map(|it| quarters(it.at)).collect();
    if !places.is_empty() {
        let more = if stretched.len() > TOLD { " and more" } else { "" };
        text += &format!("; other times from quarter {}{more}", places.join(", "));
    }
    text
}

/// An occurrence, as "quarters 12 to 16: 0.87, 2 semitones lower".
pub fn occurrence(occurrence: &Occurrence) -> String {
    let Occurrence { start, end, similarity, placement: placed, .. } = occurrence;
    let placed = placement(placed);
    format!("quarters {} to {}: {similarity:.2}, {placed}", quarters(*start), quarters(*end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::Offset;

    #[test]
    fn placements_are_told_in_plain_words() {
        let told = |transposition, stretch: &str, inverted, retrograde| {
            let alteration = Alteration { stretch: stretch.parse().unwrap(), inverted, retrograde };
            placement(&Placement { alteration, offset: Offset { transposition, shift: 0 } })
        };
        assert_eq!(told(0, "1", false, false), "as it is");
        assert_eq!(told(-1, "2", false, true), "1 semitone lower, twice as long, backwards");
        assert_eq!(told(7, "2/3", true, false), "7 semitones higher, 2/3 as long, upside down");
    }

    #[test]
    fn quarters_have_no_idle_decimals() {
        assert_eq!([0.0, -0.001, 1.0, 2.5, 1.0 / 3.0].map(quarters), ["0", "0", "1", "2.5", "0.33"]);
    }
}
