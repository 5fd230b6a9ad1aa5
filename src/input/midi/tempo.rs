//! Ticks to seconds.

/// 120 beats a minute, which holds before the first tempo event.
const DEFAULT_TEMPO: u32 = 500_000;

/// The tempo events of all tracks.
#[derive(Debug, Default)]
pub(super) struct TempoMap {
    /// Time in fractions of a quarter, and microseconds a quarter from there on.
    tempi: Vec<(u64, u32)>,
    events: usize,
    zeros: usize,
}

impl TempoMap {
    pub(super) fn add(&mut self, time: u64, microseconds: u32) {
        self.events += 1;
        if microseconds == 0 {
            self.zeros += 1;
        } else {
            self.tempi.push((time, microseconds));
        }
    }

    /// The tempo is as at the beginning of a file from there on.
    pub(super) fn restart(&mut self, time: u64) {
        self.tempi.push((time, DEFAULT_TEMPO));
    }

    /// How many tempo events there are.
    pub(super) fn changes(&self) -> usize {
        self.events
    }

    /// How many of them say that a quarter lasts no time; they are left out.
    pub(super) fn zeros(&self) -> usize {
        self.zeros
    }

    /// From the beginning to `end`, of whose fractions `quarter` make a quarter.
    pub(super) fn seconds(&mut self, end: u64, quarter: u32) -> f64 {
        // Stable: of two at one time the one that is read later holds.
        self.tempi.sort_by_key(|&(time, _)| time);
        let (mut total, mut since, mut tempo) = (0u128, 0, DEFAULT_TEMPO);
        for (time, next) in self.tempi.iter().copied().chain([(end, 0)]) {
            let time = time.min(end);
            total += u128::from(time - since) * u128::from(tempo);
            (since, tempo) = (time, next);
        }
        total as f64 / f64::from(quarter) / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_up_the_tempi_of_all_tracks() {
        let mut map = TempoMap::default();
        assert_eq!(map.seconds(960, 480), 1.0);
        map.add(1440, 250_000);
        map.add(480, 1_000_000);
        map.add(480, 2_000_000);
        map.add(480, 0);
        // One quarter at 0.5 s, two at 2 s, one at 0.25 s.
        assert_eq!(map.seconds(1920, 480), 4.75);
        assert_eq!(map.seconds(480, 480), 0.5);
        assert_eq!((map.changes(), map.zeros()), (4, 1));
    }
}
