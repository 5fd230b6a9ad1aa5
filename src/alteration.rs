//! What may be done to an exemplar's picture before it is laid on a fragment.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A positive ratio of two whole numbers in lowest terms, from 1/8 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// 1, which leaves everything as long as it was.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator / denominator` in lowest terms; `None` outside 1/8 to 8 and for terms above 10,000.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if numerator == 0 || denominator == 0 || numerator > 10_000 || denominator > 10_000 {
            return None;
        }
        if numerator > 8 * denominator || denominator > 8 * numerator {
            return None;
        }
        let divisor = gcd(numerator, denominator);
        Some(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// The upper term.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The lower term.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// As a floating-point number.
    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// The ratio that undoes this one.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self { numerator: self.denominator, denominator: self.numerator }
    }

    /// How far from 1, the same for a ratio and its inverse: at least 1.
    fn distance(self) -> f64 {
        self.as_f64().max(self.inverse().as_f64())
    }
}

/// `num_integer`'s is not `const`.
const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => self.numerator.fmt(f),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

impl FromStr for Ratio {
    type Err = Error;

    /// Reads `3/2`, `2`, or `0.5`.
    fn from_str(text: &str) -> Result<Self> {
        let parsed = match text.trim().split_once('/') {
            Some((numerator, denominator)) => {
                numerator.trim().parse().ok().zip(denominator.trim().parse().ok()).and_then(|(n, d)| Self::new(n, d))
            }
            None => text.trim().parse::<f64>().ok().filter(|x| (0.0..=8.0).contains(x)).and_then(|x| {
                let thousandths = (x * 1000.0).round();
                if (thousandths - x * 1000.0).abs() > 1e-6 {
                    return None;
                }
                let divisor = gcd(thousandths as u32, 1000);
                Self::new(thousandths as u32 / divisor, 1000 / divisor)
            }),
        };
        parsed.ok_or_else(|| Error::Option {
            name: "stretch",
            value: text.to_owned(),
            expected: "a ratio from 1/8 to 8, such as 2/3",
        })
    }
}

impl TryFrom<String> for Ratio {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Ratio> for String {
    fn from(ratio: Ratio) -> Self {
        ratio.to_string()
    }
}

/// What is done to a picture before it is laid on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alteration {
    /// Every time is multiplied by this.
    pub stretch: Ratio,
    /// Mirrored in pitch about the first note (the lowest, where several begin together).
    pub inverted: bool,
    /// Mirrored in time.
    pub retrograde: bool,
}

impl Default for Alteration {
    fn default() -> Self {
        Self::NONE
    }
}

impl Alteration {
    /// Nothing is done.
    pub const NONE: Self = Self { stretch: Ratio::ONE, inverted: false, retrograde: false };

    /// Upright and forwards, at another speed.
    pub const fn stretched(stretch: Ratio) -> Self {
        Self { stretch, ..Self::NONE }
    }

    /// Whether it is mirrored in pitch or in time.
    pub fn is_mirrored(&self) -> bool {
        self.inverted || self.retrograde
    }

    /// The plainer alteration first: fewer mirrors, inversion before retrograde, a stretch nearer
    /// to 1, the shorter of a ratio and its inverse.
    pub fn cmp_plainness(&self, other: &Self) -> Ordering {
        let mirrors = |a: &Self| (u8::from(a.inverted) + u8::from(a.retrograde), a.retrograde);
        mirrors(self)
            .cmp(&mirrors(other))
            .then(self.stretch.distance().total_cmp(&other.stretch.distance()))
            .then(self.stretch.as_f64().total_cmp(&other.stretch.as_f64()))
    }
}

impl fmt::Display for Alteration {
    /// "as it is", or for example "inverted, 3/2 as long".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.inverted {
            parts.push("inverted".to_owned());
        }
        if self.retrograde {
            parts.push("backwards".to_owned());
        }
        if self.stretch != Ratio::ONE {
            parts.push(format!("{} as long", self.stretch));
        }
        if parts.is_empty() { f.write_str("as it is") } else { f.write_str(&parts.join(", ")) }
    }
}

/// The alterations to search: each stretch, with and without each mirror that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alterations {
    /// Stretch ratios; an empty list counts as `[1]`.
    pub stretches: Vec<Ratio>,
    /// Whether upside-down pictures are tried too.
    pub inversion: bool,
    /// Whether backward pictures are tried too.
    pub retrograde: bool,
}

impl Default for Alterations {
    /// Stretches 1/2, 2/3, 3/4, 1, 4/3, 3/2, 2; inversion and retrograde.
    fn default() -> Self {
        const TERMS: [(u32, u32); 7] = [(1, 2), (2, 3), (3, 4), (1, 1), (4, 3), (3, 2), (2, 1)];
        Self {
            stretches: TERMS.iter().filter_map(|&(n, d)| Ratio::new(n, d)).collect(),
            inversion: true,
            retrograde: true,
        }
    }
}

impl Alterations {
    /// Only the picture as it is.
    pub fn none() -> Self {
        Self { stretches: vec![Ratio::ONE], inversion: false, retrograde: false }
    }

    /// Every alteration of the set once, the plainest first.
    pub fn list(&self) -> Vec<Alteration> {
        let stretches = if self.stretches.is_empty() { &[Ratio::ONE][..] } else { &self.stretches };
        let mut list = Vec::new();
        for &stretch in stretches {
            for inverted in [false, true] {
                for retrograde in [false, true] {
                    if (self.inversion || !inverted) && (self.retrograde || !retrograde) {
                        list.push(Alteration { stretch, inverted, retrograde });
                    }
                }
            }
        }
        list.sort_by(Alteration::cmp_plainness);
        list.dedup();
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_read_and_written() {
        for (text, expected) in [("1/2", "1/2"), ("4/6", "2/3"), ("1.5", "3/2"), ("2", "2"), (" 0.75 ", "3/4")] {
            assert_eq!(text.parse::<Ratio>().unwrap().to_string(), expected);
        }
        for text in ["", "0", "-1", "1/0", "9", "1/9", "x", "1/", "nan", "inf", "0.3333333", "99999999999/1"] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_plainest_comes_first_and_nothing_twice() {
        let mut set = Alterations::default();
        set.stretches.push(Ratio::ONE);
        let list = set.list();
        assert_eq!(list.len(), 28);
        assert_eq!(list[0], Alteration::NONE);
        assert!(list.windows(2).all(|pair| pair[0].cmp_plainness(&pair[1]) == Ordering::Less));
        assert_eq!(Alterations::none().list(), [Alteration::NONE]);
    }

    #[test]
    fn is_told_in_words() {
        let alteration = Alteration { stretch: Ratio::new(3, 2).unwrap(), inverted: true, retrograde: false };
        assert_eq!(alteration.to_string(), "inverted, 3/2 as long");
        assert_eq!(Alteration::NONE.to_string(), "as it is");
    }
}
