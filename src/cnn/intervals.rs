//! Pictures of intervals: what is seen from each note of what comes before, with and after it.

use ndarray::{ArrayViewMut2, s};

/// A note in columns of a picture, some of which may lie beyond its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drawn {
    pub pitch: i32,
    pub start: i64,
    pub end: i64,
}

impl Drawn {
    /// Lights what is seen of it, in a row.
    pub(super) fn light(&self, channel: &mut ArrayViewMut2<'_, f32>, row: i32) {
        let (rows, columns) = channel.dim();
        let place = |column: i64| column.clamp(0, columns as i64) as usize;
        let (start, end) = (place(self.start), place(self.end));
        if (0..rows as i32).contains(&row) && start < end {
            channel.slice_mut(s![row, start..end]).fill(1.0);
        }
    }
}

/// Notes that begin in one column.
#[derive(Debug)]
pub(super) struct Group<'a> {
    notes: &'a [Drawn],
    start: i64,
    highest: i32,
}

impl<'a> Group<'a> {
    /// All groups of notes that are in order of time.
    pub(super) fn all(notes: &'a [Drawn]) -> Vec<Self> {
        let group = |notes: &'a [Drawn]| {
            let highest = notes.iter().map(|note| note.pitch).max().unwrap_or(0);
            Self { notes, start: notes[0].start, highest }
        };
        notes.chunk_by(|a, b| a.start == b.start).map(group).collect()
    }

    /// The row of a note as seen from here.
    fn row(&self, channel: &ArrayViewMut2<'_, f32>, note: &Drawn) -> i32 {
        let rows = channel.nrows() as i32;
        (rows / 2 + note.pitch - self.highest).clamp(0, rows - 1)
    }
}

/// In each group's column, the notes of the group that comes so many after it.
pub(super) fn neighbours(groups: &[Group<'_>], away: i64, channel: &mut ArrayViewMut2<'_, f32>) {
    let columns = channel.ncols() as i64;
    for (index, group) in (0..).zip(groups) {
        let start = group.start;
        let Some(others) = usize::try_from(index + away).ok().and_then(|index| groups.get(index)) else { continue };
        if (0..columns).contains(&start) {
            for other in others.notes {
                Drawn { start, end: start + 1, ..*other }.light(channel, group.row(channel, other));
            }
        }
    }
}

/// In each column what sounds there, as seen from the group that began last.
pub(super) fn sounding(groups: &[Group<'_>], channel: &mut ArrayViewMut2<'_, f32>) {
    let columns = channel.ncols() as i64;
    // What ends before the picture or begins after it is not looked at, however long a piece is.
    let from = groups.partition_point(|group| group.start <= 0).saturating_sub(1);
    for (own, notes) in groups.iter().enumerate().take_while(|(_, group)| group.start < columns) {
        for note in notes.notes.iter().filter(|note| note.end > 0) {
            for (index, group) in groups.iter().enumerate().skip(own.max(from)) {
                if group.start >= note.end.min(columns) {
                    break;
                }
                let end = groups.get(index + 1).map_or(note.end, |next| next.start.min(note.end));
                Drawn { start: group.start, end, ..*note }.light(channel, group.row(channel, note));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// A chord, whose upper note is held under what follows, and a leap beyond the picture.
    const NOTES: [Drawn; 4] = [
        Drawn { pitch: 60, start: -1, end: 1 },
        Drawn { pitch: 64, start: -1, end: 4 },
        Drawn { pitch: 65, start: 1, end: 2 },
        Drawn { pitch: 80, start: 3, end: 9 },
    ];

    fn lit(draw: impl Fn(&mut ArrayViewMut2<'_, f32>)) -> Vec<(usize, usize)> {
        let mut picture = Array2::zeros((11, 5));
        draw(&mut picture.view_mut());
        picture.indexed_iter().filter(|(_, value)| **value > 0.0).map(|(place, _)| place).collect()
    }

    #[test]
    fn what_sounds_is_seen_from_the_highest_that_began_last() {
        // From 64: 60 and itself. From 65: 64, until it ends after the next has begun. From 80: itself, and 64 at the edge.
        let seen = [(0, 3), (1, 0), (4, 1), (4, 2), (5, 0), (5, 1), (5, 3), (5, 4)];
        assert_eq!(lit(|channel| sounding(&Group::all(&NOTES), channel)), seen);
    }

    #[test]
    fn neighbours_are_seen_from_each_group_in_the_picture() {
        // From 65: the chord; from 80: 65, far below.
        assert_eq!(lit(|channel| neighbours(&Group::all(&NOTES), -1, channel)), [(0, 1), (0, 3), (4, 1)]);
        assert_eq!(lit(|channel| neighbours(&Group::all(&NOTES), 1, channel)), [(10, 1)]);
        assert_eq!(lit(|channel| neighbours(&Group::all(&NOTES), -2, channel)), [(0, 3)]);
        assert_eq!(lit(|channel| neighbours(&Group::all(&NOTES), 3, channel)), []);
    }
}
