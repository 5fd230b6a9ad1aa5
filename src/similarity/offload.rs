//! When a shelf is put on a graphics processor: once, where it is worth it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::device::DeviceShelf;
use super::shelf::Shelf;
use crate::correlate::{Planner, SearchPlan};

/// A shelf's place on a graphics processor, empty at first.
#[derive(Debug, Default)]
pub(crate) struct Offload {
    device: OnceLock<Option<DeviceShelf>>,
    /// Nanoseconds that searches on the processor are estimated to have taken so far.
    searched: AtomicU64,
}

impl Offload {
    /// The shelf on the graphics processor, where so many fragments are worth it, or all so far would have been: a
    /// search loop asks little at a time, but often.
    pub(crate) fn device(
        &self,
        planner: Planner,
        shelf: &Shelf,
        fragments: usize,
        side_and_weight: &dyn Fn(usize) -> (usize, f64),
    ) -> Option<&DeviceShelf> {
        let there = self.device.get().is_some_and(Option::is_some);
        let alterations = shelf.stretches() * shelf.mirrors().len();
        let plan = SearchPlan::new(shelf.len(), fragments, there, alterations);
        let searched = Duration::from_nanos(self.searched.load(Ordering::Relaxed));
        if !planner.may_use_device(plan, searched) {
            self.searched.fetch_add(plan.processor as u64, Ordering::Relaxed);
            return None;
        }
        let open = || {
            log::info!("{fragments} fragments by {} exemplars, after {searched:?} of searches: {plan:?}", shelf.len());
            DeviceShelf::open(shelf, side_and_weight)
        };
        self.device.get_or_init(open).as_ref()
    }
}
