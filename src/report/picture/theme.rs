//! Colours and sizes that all pictures share.
//!
//! The hues are those of Okabe and Ito's palette for every kind of colour vision: blue, bluish
//! green and vermilion. What the eye must not miss, the overlap, differs by lightness as well.

use super::Tone;
use super::canvas::Colour;

pub const BACKGROUND: Colour = Colour::rgb(0x0F_141D);
/// Rows of the white keys.
pub const NATURAL_ROW: Colour = Colour::rgb(0x18_2030);
/// Rows of the black keys.
pub const SHARP_ROW: Colour = Colour::rgb(0x12_1824);
/// The line between two rows of white keys.
pub const ROW_LINE: Colour = Colour::rgb(0x23_2D40);
pub const BEAT_LINE: Colour = Colour::rgb(0x25_2F43);
pub const BAR_LINE: Colour = Colour::rgb(0x3E_4B66);
pub const NATURAL_KEY: Colour = Colour::rgb(0x93_9EB3);
pub const SHARP_KEY: Colour = Colour::rgb(0x2A_3346);
pub const TEXT: Colour = Colour::rgb(0xEA_EFF7);
pub const QUIET_TEXT: Colour = Colour::rgb(0xA3_AFC4);
pub const FRAGMENT: Colour = Colour::rgb(0x5A_7EC0);

/// Colours of a tone.
pub struct Ink {
    /// The rim of an exemplar's notes, its curve, its name.
    pub rim: Colour,
    /// The body of an exemplar's notes.
    pub body: Colour,
    /// Where the fragment sounds too.
    pub overlap: Colour,
}

pub const fn ink(tone: Tone) -> Ink {
    match tone {
        Tone::Good => {
            Ink { rim: Colour::rgb(0x12_B88F), body: Colour::rgb(0x10_4D43), overlap: Colour::rgb(0xA8_FFE2) }
        }
        Tone::Bad => Ink { rim: Colour::rgb(0xEE_6238), body: Colour::rgb(0x5C_2A1F), overlap: Colour::rgb(0xFF_D9A8) },
        Tone::Neutral => {
            Ink { rim: Colour::rgb(0xB4_94E4), body: Colour::rgb(0x41_3461), overlap: Colour::rgb(0xF1_E6FF) }
        }
    }
}

/// Space around everything.
pub const MARGIN: f64 = 24.0;
/// From the left edge to the rolls: note names and the keyboard.
pub const GUTTER: f64 = 76.0;
/// Width of the keyboard.
pub const KEYS: f64 = 14.0;
/// Font sizes.
pub const TITLE: f64 = 18.0;
pub const CAPTION: f64 = 13.0;
pub const LABEL: f64 = 11.0;
/// Width of the rolls: what makes a picture of 900 points, and the most.
pub const PLOT: f64 = 900.0 - GUTTER - MARGIN;
pub const MAX_PLOT: f64 = 2000.0 - 2.0 * GUTTER;
