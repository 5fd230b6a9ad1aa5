//! Fragments against resident exemplars: images drawn, tasks divided, and one launch for each number of lanes.

use super::argument::{Argument, Shape};
use super::device::{Device, Fault};
use super::lane::{Lane, Memory, Parcel, Resident};
use super::layout::{Class, Figure, Figures, Group, Image, Layout, Task, group};

/// Bytes of shared memory that a warp needs for the notes at hand; `Stage` of the kernels.
const STAGE: u32 = 3 * 96 * 4;
/// Shared memory that kernels have besides, at most.
const BESIDES: u32 = 1 << 10;
/// Exemplars of a part of a task, at most: an image is copied for each part, but the last ones keep few blocks busy.
const LARGEST_PART: u64 = 64;

/// Exemplars that stay on the device, in groups.
pub(super) struct Exemplars {
    memory: Resident,
    notes: u64,
    below: u64,
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
        let below = parcel.push(&figures.below);
        let memory = Resident::new(lane, &parcel)?;
        Ok(Self { memory, notes, below, figures: heads, groups, places })
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

impl Wanted {
    /// Bytes of an answer.
    pub fn size(self) -> usize {
        match self {
            Self::Brightest => 4,
            Self::Places => 8,
        }
    }

    /// Reads an answer.
    pub fn read(self, bytes: &[u8]) -> u64 {
        match self {
            Self::Brightest => bytemuck::pod_read_unaligned::<u32>(bytes).into(),
            Self::Places => bytemuck::pod_read_unaligned(bytes),
        }
    }
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
    /// What is in the parcel is sent along; its offsets become addresses by adding the one that is given besides.
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
        let parts = parcel.push(&vec![0u32; layout.tasks.len() + 2 * layout.classes.len()]);
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
        let blocks = (longest.div_ceil(256).min(64) as u32, count.min(1 << 15), 1);
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
        lane: &mut Lane,
        exemplars: &Exemplars,
        lists: Option<Lists>,
        wanted: Wanted,
        answers: u64,
    ) -> Result<(), Fault> {
        // Those with the largest images first: what few blocks take long over is done beside the rest.
        let classes: Vec<_> = self.layout.classes.iter().enumerate().rev().collect();
        lane.dealt_out(classes.len(), classes, |lane, stream, (turn, class)| {
            let first = class.tasks.start as u64;
            let tasks = self.at.tasks + first * size_of::<Task>() as u64;
            // Two more than there are tasks, for each class.
            let parts = self.at.parts + 4 * (first + 2 * turn as u64);
            let counts = lists.map_or(0, |lists| lists.counts + 4 * first);
            let count = class.tasks.len() as u32;
            let (kernel, shape) = self.shape(lane.device, class, wanted);
            let pairs: u64 = self.layout.tasks[class.tasks.clone()].iter().map(|task| u64::from(task.count)).sum();
            let warps = u64::from(shape.threads / 32);
            let part = (pairs / (u64::from(shape.blocks.0) * 8)).clamp(warps, LARGEST_PART) as u32;
            let parts_at_most = (pairs / u64::from(part)).min(1 << 30) as u32 + count;
            let shape = Shape { blocks: (shape.blocks.0.min(parts_at_most), 1, 1), ..shape };
            let dividing = Shape { blocks: (1, 1, 1), threads: count.next_power_of_two().clamp(32, 1024), shared: 0 };
            let divide = [
                Argument::Long(tasks),
                Argument::Word(count),
                Argument::Long(counts),
                Argument::Word(part),
                Argument::Long(parts),
            ];
            // SAFETY: tasks, counts and parts of this class are as many; parts have two more.
            unsafe { lane.launch_on(stream, "divide_tasks", dividing, &divide) }?;
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
                Argument::Long(exemplars.memory.address() + exemplars.below),
                Argument::Long(brightest),
                Argument::Long(places),
                Argument::Long(exemplars.figures.len() as u64),
            ];
            // SAFETY: the answers have room for every view and figure; all else is as the layout says.
            unsafe { lane.launch_on(stream, kernel, shape, &arguments) }
        })
    }

    /// The kernel for a class, and as many blocks as the device holds at once.
    fn shape(&self, device: &Device, class: &Class, wanted: Wanted) -> (&'static str, Shape) {
        let threads = self.threads;
        let stages = threads / 32 * STAGE;
        let room =
            class.room.map(|words| stages + 4 * words as u32).filter(|&shared| shared + BESIDES <= device.shared);
        let (kernel, shared) = match (wanted, room) {
            (Wanted::Brightest, Some(shared)) if class.lanes < NEAR.len() => (NEAR[class.lanes], shared),
            (Wanted::Brightest, _) => (FAR[class.lanes], stages),
            (Wanted::Places, _) => (PLACES[class.lanes], stages),
        };
        let blocks = device.multiprocessors * device.blocks(kernel, threads, shared);
        (kernel, Shape { blocks: (blocks, 1, 1), threads, shared })
    }
}

/// Kernels by digits of a word: with images in shared memory, with images where they lie, and those that tell places.
const NEAR: [&str; 2] = ["brightest_bytes_near", "brightest_halves_near"];
const FAR: [&str; 3] = ["brightest_bytes", "brightest_halves", "brightest_words"];
const PLACES: [&str; 3] = ["places_bytes", "places_halves", "places_words"];
