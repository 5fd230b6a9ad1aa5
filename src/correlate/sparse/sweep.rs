//! The peak of a pair with few notes far apart: breakpoint by breakpoint instead of shift by shift.
//!
//! Each transposition's overlap function is piecewise linear in the shift, with a breakpoint for
//! each pair of events; it is swept over its sorted breakpoints as Ukkonen, Lemström and Mäkinen
//! (2003) do. It costs by events, not by length.

use super::{Cell, Events};
use crate::correlate::{Lags, Offset, Peak};

/// A breakpoint: the transposition, the shift, and the change of slope there.
struct Breakpoint {
    transposition: i32,
    shift: i64,
    change: f64,
}

/// The preferred one of the brightest lags; the shifts of `lags` are not limited.
pub(super) fn peak(fragment: &Events, exemplar: &Events, lags: &Lags) -> Peak {
    let mut breakpoints = Vec::with_capacity(fragment.len() * exemplar.len());
    for k in &exemplar.list {
        for x in &fragment.list {
            let transposition = x.pitch - k.pitch;
            if (lags.lowest..=lags.highest).contains(&transposition) {
                let shift = i64::from(x.column) - i64::from(k.column);
                breakpoints.push(Breakpoint { transposition, shift, change: f64::impulse(x.step, k.step, 1) });
            }
        }
    }
    breakpoints.sort_unstable_by_key(|it| (it.transposition, it.shift));
    // Where nothing meets: no move, or the least that is searched.
    let nowhere = 0.clamp(lags.lowest, lags.highest);
    let mut best =
        Peak { offset: Offset { transposition: nowhere, shift: 0.clamp(lags.first, lags.last) }, brightness: 0.0 };
    for line in breakpoints.chunk_by(|a, b| a.transposition == b.transposition) {
        let (mut value, mut slope) = (0.0, 0.0);
        let mut last = line[0].shift;
        for breakpoint in line {
            let next: f64 = value + slope * (breakpoint.shift - last) as f64;
            // Between two breakpoints of one height the preferred shift may lie within.
            let level = slope.abs() < 1e-9;
            let shift = if level { 0.clamp(last, breakpoint.shift) } else { breakpoint.shift };
            let offset = Offset { transposition: breakpoint.transposition, shift };
            let peak = Peak { offset, brightness: next.max(0.0) };
            if peak.brightness > 0.0 && peak.beats(&best) {
                best = peak;
            }
            value = next;
            slope += breakpoint.change;
            last = breakpoint.shift;
        }
    }
    best
}
