//! Rolls and work as the kernels see them, and how work is laid out: plain data, decided before anything is
//! computed.
//!
//! The structures are those of `kernels/figure.cuh`, field by field.

use std::cmp::Reverse;
use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use num_integer::gcd;

use crate::correlate::sparse::outline::{Outline, Span};
use crate::roll::PianoRoll;

/// Columns beside an image; `MARGIN` of the kernels.
const MARGIN: u32 = 96;
/// Notes that a warp has at hand; `STAGED` of the kernels.
const STAGED: u32 = 96;
/// The tallest roll that the kernels take.
const MOST_ROWS: usize = 128;

/// A roll of zeros and ones: where its notes are, and its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Figure {
    pub first: u32,
    pub notes: u32,
    pub energy: u32,
    pub columns: u32,
    pub rows: u32,
    pub low: i32,
    pub below: u32,
}

/// A note of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct FigureNote {
    pub start: u16,
    pub end: u16,
    pub row: u32,
}

/// An image of ink so far that is to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Image {
    pub first: u64,
    pub fragment: u32,
    pub mirror: u32,
    pub grid: u32,
    pub lanes: u32,
    pub columns: u32,
    pub rows: u32,
}

/// Exemplars to be laid on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Task {
    pub image: u32,
    pub first: u32,
    pub count: u32,
    pub view: u32,
}

/// Whether a roll is so near to the range of MIDI (inversions leave it by an octave or ten) that every transposition of
/// one such roll to another fits into a rank.
pub(super) fn is_in_reach(roll: &PianoRoll) -> bool {
    roll.low() >= -256 && roll.high() < 512
}

/// Many figures, and the grid of each.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub heads: Vec<Figure>,
    pub notes: Vec<FigureNote>,
    /// For each row of a figure of few notes, and after the last, how many notes are on lower ones.
    pub below: Vec<u8>,
    pub grids: Vec<u32>,
}

impl Figures {
    /// Adds a roll; false, and nothing added, when the kernels cannot take it.
    pub fn push(&mut self, roll: &PianoRoll) -> bool {
        let fits = roll.rows() <= MOST_ROWS && u16::try_from(roll.columns()).is_ok() && is_in_reach(roll);
        if !roll.is_binary() || roll.is_dark() || !fits {
            return false;
        }
        let spans = roll.runs().iter().map(|run| {
            let row = (run.pitch - roll.low()) as u32;
            FigureNote { start: run.start as u16, end: run.end as u16, row }
        });
        self.add(roll.columns(), roll.rows() as u32, roll.energy() as u32, roll.low().into(), spans)
    }

    /// Adds an outline, drawn upright and forwards.
    pub fn push_outline(&mut self, outline: &Outline<'_>) -> bool {
        let spans =
            outline.spans().into_iter().map(|Span { row, start, end }| FigureNote { start, end, row: row.into() });
        let head = outline.head;
        self.add(head.columns.into(), head.rows.into(), head.energy, 0, spans)
    }

    fn add(&mut self, columns: u32, rows: u32, energy: u32, low: i32, notes: impl Iterator<Item = FigureNote>) -> bool {
        let Ok(first) = u32::try_from(self.notes.len()) else { return false };
        let mut grid = columns;
        self.notes.extend(notes.inspect(|note| grid = gcd(gcd(grid, note.start.into()), note.end.into())));
        let own = &self.notes[first as usize..];
        let (notes, below) = (own.len() as u32, self.below.len() as u32);
        if notes <= STAGED {
            self.below.extend((0..=rows).map(|row| own.partition_point(|note| note.row < row) as u8));
        }
        self.heads.push(Figure { first, notes, energy, columns, rows, low, below });
        self.grids.push(grid);
        true
    }

    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Some that follow each other.
    pub fn part(&self, range: Range<usize>) -> Self {
        let heads = &self.heads[range.clone()];
        let first = heads.first().map_or(0, |head| head.first);
        let end = heads.last().map_or(0, |head| head.first + head.notes);
        Self {
            heads: heads.iter().map(|head| Figure { first: head.first - first, ..*head }).collect(),
            notes: self.notes[first as usize..end as usize].to_vec(),
            // Of exemplars alone.
            below: Vec::new(),
            grids: self.grids[range].to_vec(),
        }
    }
}

/// Figures that follow each other, of one grid, of energies that fit into as many lanes, and with few or with many
/// notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub first: u32,
    pub count: u32,
    pub grid: u32,
    /// Whether they have more notes than a warp has at hand at once.
    pub long: bool,
    /// The greatest energy.
    pub most: u32,
}

/// Digits of a word, the most first. A brightness of so many units of time must fit into a digit.
pub(super) const LANES: [u32; 3] = [4, 2, 1];

/// Words of images, from small to large, up to which they are copied to shared memory: launches are by size, so that
/// one large image does not take from all others the room for more blocks.
pub(super) const ROOMS: [u64; 3] = [8 << 10, 16 << 10, 24 << 10];

/// Work of one launch: images of so many digits a word, and of a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class {
    /// Which of [`LANES`].
    pub lanes: usize,
    /// The words of the largest image, where all may be copied to shared memory.
    pub room: Option<u64>,
    /// Which tasks.
    pub tasks: Range<usize>,
}

/// How many digits a word can have.
fn lanes(most: u32, grid: u32) -> usize {
    match most / grid {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        _ => 2,
    }
}

/// Sorts figures into groups: gives the order, the largest of each group first, and the groups in it.
pub(super) fn group(figures: &Figures) -> (Vec<u32>, Vec<Group>) {
    let key = |index: u32| {
        let (head, grid) = (&figures.heads[index as usize], figures.grids[index as usize]);
        ((grid, lanes(head.energy, grid), head.notes > STAGED), Reverse(head.energy), index)
    };
    let mut order: Vec<u32> = (0..figures.len() as u32).collect();
    order.sort_unstable_by_key(|&index| key(index));
    let same = |a: &u32, b: &u32| key(*a).0 == key(*b).0;
    let mut first = 0;
    let groups = order
        .chunk_by(same)
        .map(|here| {
            let most = here.iter().map(|&index| figures.heads[index as usize].energy).max().unwrap_or(0);
            let (grid, _, long) = key(here[0]).0;
            let group = Group { first, count: here.len() as u32, grid, long, most };
            first += group.count;
            group
        })
        .collect();
    (order, groups)
}

/// What is to be computed for some fragments: every view of each (a fragment and a mirror) against every
/// group of figures.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub images: Vec<Image>,
    /// Words of all images.
    pub words: u64,
    /// Class by class.
    pub tasks: Vec<Task>,
    pub classes: Vec<Class>,
    /// For each view and group which task it is.
    pub buckets: Vec<u32>,
}

impl Layout {
    /// `mirrors` are those that each fragment is drawn with. With `listed` the tasks have room for their figures
    /// in a list, else they name all figures of the group.
    pub fn new(fragments: &Figures, mirrors: &[u32], groups: &[Group], listed: bool) -> Self {
        let mut layout = Self::default();
        let mut tasks = vec![Vec::<(Task, usize)>::new(); LANES.len() * (ROOMS.len() + 1)];
        let mut first = 0;
        for (index, (head, &own)) in fragments.heads.iter().zip(&fragments.grids).enumerate() {
            for (turn, &mirror) in mirrors.iter().enumerate() {
                let view = (index * mirrors.len() + turn) as u32;
                let drawn = layout.images.len();
                for (place, group) in groups.iter().enumerate() {
                    let grid = gcd(own, group.grid);
                    let class = lanes(head.energy.min(group.most), grid);
                    let image = layout.image(drawn, index as u32, head, mirror, grid, LANES[class]);
                    let start = if listed { first } else { group.first };
                    first += if listed { group.count } else { 0 };
                    let task = Task { image, first: start, count: group.count, view };
                    let words = layout.images[image as usize].words();
                    let size = ROOMS.iter().position(|&room| words <= room && !group.long).unwrap_or(ROOMS.len());
                    tasks[class * (ROOMS.len() + 1) + size].push((task, view as usize * groups.len() + place));
                }
            }
        }
        layout.buckets = vec![0; fragments.len() * mirrors.len() * groups.len()];
        for (class, mut tasks) in tasks.into_iter().enumerate().filter(|(_, tasks)| !tasks.is_empty()) {
            // What takes long comes first, so that all are done at about the same time.
            tasks.sort_by_cached_key(|(task, _)| Reverse(layout.images[task.image as usize].words()));
            let (first, mut largest) = (layout.tasks.len(), 0);
            for (task, bucket) in tasks {
                layout.buckets[bucket] = layout.tasks.len() as u32;
                layout.tasks.push(task);
                largest = layout.images[task.image as usize].words().max(largest);
            }
            let (lanes, size) = (class / (ROOMS.len() + 1), class % (ROOMS.len() + 1));
            let room = (size < ROOMS.len()).then_some(largest);
            layout.classes.push(Class { lanes, room, tasks: first..layout.tasks.len() });
        }
        layout
    }

    /// The image of a view on a grid, drawn once; those of the view are from `drawn` on.
    fn image(&mut self, drawn: usize, fragment: u32, head: &Figure, mirror: u32, grid: u32, lanes: u32) -> u32 {
        let known = self.images[drawn..].iter().position(|it| it.grid == grid && it.lanes == lanes);
        let place = known.map(|place| drawn + place).unwrap_or_else(|| {
            let (columns, rows) = (head.columns / grid, head.rows);
            let image = Image { first: self.words, fragment, mirror, grid, lanes, columns, rows };
            self.words += image.words();
            self.images.push(image);
            self.images.len() - 1
        });
        place as u32
    }
}

impl Image {
    /// Words that it takes.
    pub fn words(&self) -> u64 {
        u64::from(self.rows + self.lanes - 1) * u64::from(self.columns + 2 * MARGIN)
    }
}

/// What a rank of the kernels says: brightness in units of the grid, transposition and shift; `None` where nothing
/// meets.
pub(super) fn unrank(rank: u64) -> Option<(u32, i32, i64)> {
    let brightness = (rank >> 40) as u32;
    let (up, along) = (1023 - (rank >> 30 & 1023) as i32, ((1 << 28) - 1 - (rank >> 2 & ((1 << 28) - 1))) as i64);
    let (transposition, shift) = (if rank & 2 > 0 { up } else { -up }, if rank & 1 > 0 { along } else { -along });
    (brightness > 0).then_some((brightness, transposition, shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Fragment;

    fn figures(rolls: &[&[(u8, f64, f64)]]) -> Figures {
        let mut figures = Figures::default();
        for notes in rolls {
            assert!(figures.push(&PianoRoll::of(&Fragment::from_quarters(notes).unwrap(), 12)));
        }
        figures
    }

    #[test]
    fn groups_have_one_grid_and_fit_their_lanes() {
        let figures =
            figures(&[&[(60, 0.0, 1.0)], &[(60, 0.0, 0.5)], &[(60, 0.0, 300.0), (62, 0.0, 1.0)], &[(60, 0.0, 1.0)]]);
        let (order, groups) = group(&figures);
        assert_eq!(order, [1, 0, 3, 2]);
        let expected = [(0, 1, 6, 6), (1, 2, 12, 12), (3, 1, 12, 3612)].map(|(first, count, grid, most)| Group {
            first,
            count,
            grid,
            long: false,
            most,
        });
        assert_eq!(groups, expected);
    }

    #[test]
    fn every_view_has_a_task_for_every_group_and_shares_images() {
        let exemplars = figures(&[&[(60, 0.0, 1.0)], &[(60, 0.0, 0.5)], &[(60, 0.0, 1.0 / 3.0)]]);
        let fragments = figures(&[&[(60, 0.0, 2.0)], &[(60, 0.0, 900.0)]]);
        let (_, groups) = group(&exemplars);
        let layout = Layout::new(&fragments, &[0, 3], &groups, true);
        assert_eq!(layout.tasks.len(), 2 * 2 * 3);
        let mut buckets = layout.buckets.clone();
        buckets.sort_unstable();
        assert_eq!(buckets, (0..12).collect::<Vec<_>>());
        // Lists do not overlap.
        let mut ranges: Vec<_> = layout.tasks.iter().map(|task| (task.first, task.first + task.count)).collect();
        ranges.sort_unstable();
        assert!(ranges.windows(2).all(|pair| pair[0].1 == pair[1].0));
        // The grids are 4, 6 and 12, in bytes since one of each pair is dim.
        assert_eq!(layout.images.len(), 2 * 2 * 3);
        assert!(layout.classes.iter().all(|class| class.lanes == 0));
        assert_eq!(layout.classes.iter().map(|class| class.tasks.len()).sum::<usize>(), 12);
        let again = Layout::new(&fragments, &[0], &[groups[0], groups[0]], false);
        assert_eq!(again.images.len(), 2);
    }

    #[test]
    fn ranks_are_read_back() {
        let rank = |b: u64, d: i64, t: i64| {
            b << 40
                | (1023 - d.unsigned_abs()) << 30
                | ((1 << 28) - 1 - t.unsigned_abs()) << 2
                | u64::from(d > 0) << 1
                | u64::from(t > 0)
        };
        for (b, d, t) in [(1, 0, 0), (77, -5, 1234), (8_000_000, 381, -65_000), (3, 12, 0)] {
            assert_eq!(unrank(rank(b, d, t)), Some((b as u32, d as i32, t)));
        }
        assert_eq!(unrank(0), None);
    }
}
