//! What a thread keeps between pairs: plans and buffers.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::num_traits::{AsPrimitive, Float};
use rustfft::{Fft, FftDirection, FftNum, FftPlanner};

use super::spectrum::{Slots, Spectra};

/// Plans for longer transforms are made anew each time: making one is little beside using it, and
/// its factors are as long as the transform.
const LONGEST_KEPT_PLAN: usize = 1 << 16;

/// Buffers of more values than this are given back after use.
const LARGEST_KEPT_BUFFER: usize = 1 << 20;

/// A precision to compute in.
pub(in crate::correlate) trait Precision: FftNum + Float + AsPrimitive<f64> + Debug {
    fn of(value: f32) -> Self;

    /// Where a roll keeps its spectra of this precision.
    fn slots(spectra: &mut Spectra) -> &mut Slots<Self>;

    /// Lends the calling thread's pool. `work` must not ask for it again.
    fn with_pool<R>(work: impl FnOnce(&mut Pool<Self>) -> R) -> R;
}

macro_rules! precision {
    ($type:ty, $slots:ident) => {
        impl Precision for $type {
            fn of(value: f32) -> Self {
                value.into()
            }

            fn slots(spectra: &mut Spectra) -> &mut Slots<Self> {
                &mut spectra.$slots
            }

            fn with_pool<R>(work: impl FnOnce(&mut Pool<Self>) -> R) -> R {
                thread_local! {
                    static POOL: RefCell<Pool<$type>> = RefCell::new(Pool::new());
                }
                POOL.with_borrow_mut(|pool| {
                    let result = work(pool);
                    pool.give_back();
                    result
                })
            }
        }
    };
}
precision!(f32, single);
precision!(f64, double);

/// Plans and buffers of one thread.
pub(in crate::correlate) struct Pool<T: FftNum> {
    planner: FftPlanner<T>,
    /// What a transform needs besides its data.
    pub(super) scratch: Vec<Complex<T>>,
    /// A few frequencies of a product, or a few rows of a picture.
    pub(super) block: Vec<Complex<T>>,
    /// The rows of a product.
    pub(super) lines: Vec<Complex<T>>,
    /// The most that each transposition can reach.
    pub(super) bounds: Vec<f64>,
    /// Pairs of transpositions, the most promising first, with that promise.
    pub(super) order: Vec<(usize, f64)>,
}

impl<T: FftNum> Pool<T> {
    fn new() -> Self {
        Self {
            planner: FftPlanner::new(),
            scratch: Vec::new(),
            block: Vec::new(),
            lines: Vec::new(),
            bounds: Vec::new(),
            order: Vec::new(),
        }
    }

    /// A plan, with scratch space made ready for it.
    pub(super) fn plan(&mut self, length: usize, direction: FftDirection) -> Arc<dyn Fft<T>> {
        let plan = if length <= LONGEST_KEPT_PLAN {
            self.planner.plan_fft(length, direction)
        } else {
            FftPlanner::new().plan_fft(length, direction)
        };
        let needed = plan.get_inplace_scratch_len();
        if self.scratch.len() < needed {
            self.scratch.resize(needed, zero());
        }
        plan
    }

    fn give_back(&mut self) {
        for buffer in [&mut self.scratch, &mut self.block, &mut self.lines] {
            if buffer.capacity() > LARGEST_KEPT_BUFFER {
                *buffer = Vec::new();
            }
        }
    }
}

pub(super) fn zero<T: FftNum>() -> Complex<T> {
    Complex::new(T::zero(), T::zero())
}

/// At least `length` values of a buffer; what they hold is left over from earlier use.
pub(super) fn used<T: FftNum>(buffer: &mut Vec<Complex<T>>, length: usize) -> &mut [Complex<T>] {
    if buffer.len() < length {
        buffer.resize(length, zero());
    }
    &mut buffer[..length]
}
