//! The steps of a search on the device, a launch each.

use super::argument::{Argument, Shape};
use super::device::Fault;
use super::lane::Lane;
use super::round::Round;
use super::shelf::{CudaShelf, Scratch};

impl CudaShelf {
    /// Blocks for work by exemplar, a thread each, and fragment.
    pub(super) fn by_exemplar(&self, fragments: usize, threads_each: u32) -> Shape {
        let blocks = (u64::from(self.table.exemplars) * u64::from(threads_each)).div_ceil(256).min(1 << 12) as u32;
        Shape { blocks: (blocks.max(1), fragments as u32, 1), threads: 256, shared: 0 }
    }

    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn bound(&self, lane: &Lane, round: &Round, scratch: &Scratch, fragments: usize) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Inks(self.inks),
            Argument::Long(round.at.fragments),
            Argument::Long(round.at.notes),
            Argument::Long(scratch.most),
            Argument::Long(scratch.bounds),
        ];
        // SAFETY: the tables are those of this shelf; the answers have room for every fragment and exemplar.
        unsafe { lane.launch("bound_by_ink", self.by_exemplar(fragments, 32), &arguments) }
    }

    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn list_candidates(
        &self,
        lane: &Lane,
        round: &Round,
        scratch: &Scratch,
        fragments: usize,
    ) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Long(round.at.fragments),
            Argument::Long(scratch.most),
            Argument::Long(scratch.bounds),
            Argument::Long(scratch.floors),
            Argument::Long(round.at.buckets),
            Argument::Long(round.at.tasks),
            Argument::Long(scratch.counts),
            Argument::Long(scratch.list),
        ];
        // SAFETY: each task's list has room for its group.
        unsafe { lane.launch("list_candidates", self.by_exemplar(fragments, 1), &arguments) }
    }

    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn list_found(
        &self,
        lane: &Lane,
        round: &Round,
        scratch: &Scratch,
        fragments: usize,
        seeds: usize,
    ) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Long(scratch.seeds),
            Argument::Word(seeds as u32),
            Argument::Long(round.at.buckets),
            Argument::Long(round.at.tasks),
            Argument::Long(scratch.counts),
            Argument::Long(scratch.list),
        ];
        // SAFETY: as for the candidates; an exemplar is found once at most.
        unsafe {
            lane.launch("list_found", Shape { blocks: (1, fragments as u32, 1), threads: 256, shared: 0 }, &arguments)
        }
    }

    /// The similarities of all exemplars, from the brightness of every view and figure.
    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn weigh_all(
        &self,
        lane: &Lane,
        round: &Round,
        scratch: &Scratch,
        fragments: usize,
    ) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Long(round.at.fragments),
            Argument::Long(scratch.brightest),
            Argument::Long(self.exemplars.figures.len() as u64),
            Argument::Long(scratch.values),
        ];
        // SAFETY: brightness is there for every view and figure.
        unsafe { lane.launch("weigh_all", self.by_exemplar(fragments, 1), &arguments) }
    }

    /// Raises similarities to those of the alterations that are listed.
    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn weigh_listed(
        &self,
        lane: &Lane,
        round: &Round,
        scratch: &Scratch,
        tasks: usize,
    ) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Long(round.at.fragments),
            Argument::Long(round.at.tasks),
            Argument::Long(scratch.counts),
            Argument::Word(tasks as u32),
            Argument::Long(scratch.list),
            Argument::Long(scratch.brightest),
            Argument::Long(scratch.values),
        ];
        let shape = Shape { blocks: (tasks.div_ceil(8).min(1 << 15) as u32, 1, 1), threads: 256, shared: 0 };
        // SAFETY: brightness is there for all that is listed.
        unsafe { lane.launch("weigh_listed", shape, &arguments) }
    }

    /// Blocks for a side of each fragment.
    pub(super) fn by_side(&self, fragments: usize) -> Shape {
        let threads = self.table.exemplars.next_power_of_two().clamp(32, 1024);
        Shape { blocks: (2, fragments as u32, 1), threads, shared: 0 }
    }

    /// The `wanted` most similar exemplars; with the least of each side, the floors.
    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn find_best(
        &self,
        lane: &Lane,
        fragments: usize,
        scratch: &Scratch,
        wanted: usize,
        (least, floors): (u64, u64),
    ) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Long(scratch.values),
            Argument::Word(wanted as u32),
            Argument::Long(scratch.indices),
            Argument::Long(scratch.best),
            Argument::Long(least),
            Argument::Long(floors),
        ];
        // SAFETY: the answers have room for as many of both sides of each fragment.
        unsafe { lane.launch("find_best", self.by_side(fragments), &arguments) }
    }

    /// The exemplars with the greatest bounds.
    #[allow(unsafe_code, reason = "a launch")]
    pub(super) fn find_promising(
        &self,
        lane: &Lane,
        fragments: usize,
        scratch: &Scratch,
        wanted: usize,
    ) -> Result<(), Fault> {
        let arguments = [
            Argument::Shelf(self.table),
            Argument::Long(scratch.bounds),
            Argument::Word(wanted as u32),
            Argument::Long(scratch.seeds),
        ];
        // SAFETY: as for the best.
        unsafe { lane.launch("find_promising", self.by_side(fragments), &arguments) }
    }
}
