//! Correlation on NVIDIA graphics processors.
//!
//! The kernels are in `kernels/`, in CUDA C++, and are built in as PTX, which the driver compiles for the device at
//! hand; neither building nor running this crate needs anything of CUDA. Where there is no device, [`Cuda::new`] says
//! why.
//!
//! # Method
//! The fast path of [`Sparse`](super::Sparse) turned inside out. There each change of the exemplar adds to a plane of
//! second differences; here each lag gathers, from an image of the fragment's *ink so far*, what each note of the
//! exemplar covers: S\[row, end\] - S\[row, start\], the fragment's lit pixels between two times (the summed-area table
//! of Crow 1984, in one dimension). A warp takes an exemplar, its lanes the lags, its registers the sums; four
//! transpositions lie in a word, as digits. Nothing is scattered, so nothing can collide, and reads of neighbouring
//! lags are neighbours in memory.
//!
//! All rolls of zeros and ones of up to 128 rows and 65,535 columns are taken, and soft ones whose padded pictures have
//! at most 512 rows and 4,096 columns, within some octaves of the range of MIDI; the rest is left to the processor.

mod absent;
#[cfg(feature = "cuda")]
mod argument;
#[cfg(feature = "cuda")]
mod dense;
#[cfg(feature = "cuda")]
mod device;
#[cfg(feature = "cuda")]
mod lane;
#[cfg(feature = "cuda")]
mod layout;
#[cfg(feature = "cuda")]
mod pairs;
#[cfg(feature = "cuda")]
mod round;
#[cfg(feature = "cuda")]
mod shelf;
#[cfg(feature = "cuda")]
mod steps;
#[cfg(not(feature = "cuda"))]
mod without;

pub use absent::Absent;
#[cfg(feature = "cuda")]
pub use pairs::{Cuda, Measured};
#[cfg(feature = "cuda")]
pub(crate) use shelf::{CudaShelf, Query, ShelfSource};
#[cfg(not(feature = "cuda"))]
pub use without::Cuda;

/// Warps of a block: `MOST_WARPS` of the kernels.
#[cfg(feature = "cuda")]
const WARPS: u32 = 8;
