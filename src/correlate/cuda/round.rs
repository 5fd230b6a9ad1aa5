//! Fragments against resident exemplars: images drawn, tasks divided, and one launch for each number of lanes.

use super::device::{Argument, Device, Fault, Lane, Memory, Parcel, Resident, Shape};
use super::layout::{Figure, Figures, Group, Image, LANES, Layout, Task, group};

/// Words of the images that are copied to shared memory, at most: more of them would leave a multiprocessor with few
/// warps. Larger ones are read through the first-level cache.
const ROOM: u64 = 24 << 10;
/// Bytes of shared memory that a warp needs for the notes at hand; `Stage` of the kernels.
const STAGE: u32 = 3 * 64 * 4;
/// Exemplars of a part of a task, at most: an image is copied once for each.
const MOST_PARTS: u64 = 256;

/// Exemplars that stay on the device, in groups.
pub(super) struct Exemplars {
    memory: Resident,
    notes: u64,
    pub figures: Vec<Figure>,
    pub groups: Vec<Group>,
    /// For each figure as it was handed over, where it is now.
    pub places: Vec<u32>,
}

impl Exemplars {
    pub fn new(lane: &Lane, figures: &Figures) -> Result<Self, Fault> {
        let (order, groups) = group(figures);
        let mut places = vec![0; order.len()];
        for (place, &index) in order.iter().enumerate() {
            places[index as usize] = place as u32;
        }
        let heads: Vec<_> = order.iter().map(|&index| figures.heads[index as usize]).collect();
        let mut parcel = Parcel::default();
        parcel.push(&heads);
        let notes = parcel.push(&figures.notes);
        let memory = Resident::new(lane, &parcel)?;
        Ok(Self { memory, notes, figures: heads, groups, places })
    }

    /// Where the figures are.
    pub fn address(&self) -> u64 {
        self.memory.address()
    }

    /// Bytes that they take.
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    fn notes(&self) -> u64 {
        self.memory.address() + self.notes
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// The greatest brightness, 32 bits for each view and figure.
    Brightest,
    /// The rank of the brightest lag, 64 bits for each view and figure.
    Places,
}

/// Where things of a round are on the device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub fragments: u64,
    pub notes: u64,
    images: u64,
    pub tasks: u64,
    pub buckets: u64,
    parts: u64,
    words: u64,
}

/// Lists of figures, where tasks do not name all of their group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists {
    pub counts: u64,
    pub list: u64,
}

/// Fragments that are laid out and sent to the device, their images drawn.
pub(super) struct Round {
    pub layout: Layout,
    pub at: Addresses,
    /// Threads of a block.
    threads: u32,
}

impl Round {
    /// `more` is sent along; the parcel's offsets become addresses by adding the one that is given besides.
    pub fn new(
        lane: &mut Lane,
        layout: Layout,
        fragments: &Figures,
        warps: u32,
        mut parcel: Parcel,
    ) -> Result<(Self, u64), Fault> {
        let heads = parcel.push(&fragments.heads);
        let notes = parcel.push(&fragments.notes);
        let images = parcel.push(&layout.images);
        let tasks = parcel.push(&layout.tasks);
        let buckets = parcel.push(&layout.buckets);
        // Written on the device.
        let parts = parcel.push(&vec![0u32; layout.tasks.len() + LANES.len()]);
        let base = lane.send(&parcel)?;
        let words = lane.reserve(Memory::Images, layout.words * 4)?;
        let at = Addresses {
            fragments: base + heads,
            notes: base + notes,
            images: base + images,
            tasks: base + tasks,
            buckets: base + buckets,
            parts: base + parts,
            words,
        };
        let round = Self { layout, at, threads: 32 * warps };
        round.draw(lane)?;
        Ok((round, base))
    }

    #[allow(unsafe_code, reason = "a launch")]
    fn draw(&self, lane: &Lane) -> Result<(), Fault> {
        let count = self.layout.images.len() as u32;
        let longest = self.layout.images.iter().map(Image::words).max().unwrap_or(0);
        let blocks = (longest.div_ceil(256).min(64) as u32, count.min(1 << 15));
        let arguments = [
            Argument::Long(self.at.images),
            Argument::Word(count),
            Argument::Long(self.at.fragments),
            Argument::Long(self.at.notes),
            Argument::Long(self.at.words),
        ];
        // SAFETY: the parcel has all of it, and the images have memory for their words.
        unsafe { lane.launch("draw_images", Shape { blocks, threads: 256, shared: 0 }, &arguments) }
    }

    /// Correlates: all figures of every task, or those that are listed.
    #[allow(unsafe_code, reason = "launches")]
    pub fn correlate(
        &self,
        lane: &Lane,
        exemplars: &Exemplars,
        lists: Option<Lists>,
        wanted: Wanted,
        answers: u64,
    ) -> Result<(), Fault> {
        for (class, range) in self.layout.classes.iter().enumerate() {
            if range.is_empty() {
                continue;
            }
            let offset = |at: u64, size: usize| at + (range.start * size) as u64;
            let tasks = offset(self.at.tasks, size_of::<Task>());
            let parts = offset(self.at.parts, 4) + 4 * class as u64;
            let counts = lists.map_or(0, |lists| offset(lists.counts, 4));
            let count = range.len() as u32;
            let room = self.layout.largest[class].min(ROOM);
            let room = if u64::from(lane.device.shared) < 4 * room + u64::from(self.stages()) + 1024 { 0 } else { room };
            let shape = self.shape(lane.device, class, wanted, room as u32);
            let pairs: u64 = self.layout.tasks[range.clone()].iter().map(|task| u64::from(task.count)).sum();
            // Enough parts for all blocks to be busy to the end.
            let warps = u64::from(self.threads / 32);
            let part = (pairs / (u64::from(shape.blocks.0) * 4)).clamp(warps, MOST_PARTS) as u32;
            let shape = Shape { blocks: (shape.blocks.0.min(pairs.min(1 << 30) as u32), 1), ..shape };
            let divide = [
                Argument::Long(tasks),
                Argument::Word(count),
                Argument::Long(counts),
                Argument::Word(part),
                Argument::Long(parts),
            ];
            // SAFETY: tasks, counts and parts of this class are as many; parts have one more.
            unsafe { lane.launch("divide_tasks", Shape { blocks: (1, 1), threads: count.next_power_of_two().clamp(32, 1024), shared: 0 }, &divide) }?;
            let (brightest, places) = match wanted {
                Wanted::Brightest => (answers, 0),
                Wanted::Places => (0, answers),
            };
            let arguments = [
                Argument::Long(tasks),
                Argument::Word(count),
                Argument::Long(parts),
                Argument::Word(part),
                Argument::Long(counts),
                Argument::Long(lists.map_or(0, |lists| lists.list)),
                Argument::Long(self.at.images),
                Argument::Long(self.at.words),
                Argument::Long(self.at.fragments),
                Argument::Long(exemplars.address()),
                Argument::Long(exemplars.notes()),
                Argument::Word(room as u32),
                Argument::Long(brightest),
                Argument::Long(places),
                Argument::Long(exemplars.figures.len() as u64),
            ];
            // SAFETY: the answers have room for every view and figure; all else is as the layout says.
            unsafe { lane.launch(kernel(class, wanted), shape, &arguments) }?;
        }
        Ok(())
    }

    /// Bytes of shared memory for the notes at hand of all warps.
    fn stages(&self) -> u32 {
        self.threads / 32 * STAGE
    }

    /// As many blocks as the device holds at once.
    fn shape(&self, device: &Device, class: usize, wanted: Wanted, room: u32) -> Shape {
        let shared = self.stages() + 4 * room;
        let blocks = device.multiprocessors * device.blocks(kernel(class, wanted), self.threads, shared);
        Shape { blocks: (blocks, 1), threads: self.threads, shared }
    }
}

fn kernel(class: usize, wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Brightest => ["brightest_bytes", "brightest_halves", "brightest_words"][class],
        Wanted::Places => ["places_bytes", "places_halves", "places_words"][class],
    }
}
