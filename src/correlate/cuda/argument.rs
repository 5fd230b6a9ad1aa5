//! What a launch says: blocks and arguments, as the kernels take them.

use cudarc::driver::DeviceRepr;

/// Blocks, threads of each, and bytes of shared memory of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub blocks: (u32, u32, u32),
    pub threads: u32,
    pub shared: u32,
}

/// An argument of a kernel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Argument {
    Word(u32),
    /// A number of 64 bits, or an address.
    Long(u64),
    Shelf(ShelfTable),
    Inks(InksTable),
    Sizes(SizesTable),
    Windows(WindowsTable),
    /// Two numbers of 32 bits.
    Pair([u32; 2]),
    Real(f32),
}

/// `Shelf` of the kernels.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct ShelfTable {
    pub places: u64,
    pub energies: u64,
    pub owners: u64,
    pub groups: u64,
    pub weights: u64,
    pub sides: u64,
    pub alterations: u64,
    pub most_weights: u64,
    pub inverted: u64,
    pub exemplars: u32,
    pub stretches: u32,
    pub mirrors: u32,
    pub group_count: u32,
}

/// `Inks` of the kernels.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct InksTable {
    pub firsts: u64,
    pub rows: u64,
    pub ink: u64,
    pub padded: u32,
    pub unused: u32,
}

/// `Sizes` of the kernels.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct SizesTable {
    pub rows: u32,
    pub columns: u32,
    pub roots_in_pitch: u64,
    pub roots_in_time: u64,
    pub short_roots_in_pitch: u64,
    pub short_roots_in_time: u64,
}

/// `Windows` of the kernels.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(super) struct WindowsTable {
    pub sums: u64,
    pub firsts: u64,
    pub fragment_is_query: u32,
    pub covered: u32,
}

// SAFETY: they are laid out as in C and made of addresses and numbers.
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for ShelfTable {}
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for InksTable {}
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for SizesTable {}
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for WindowsTable {}
