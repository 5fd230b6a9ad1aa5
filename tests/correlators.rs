//! Every correlator that runs on the processor is held to the reference by one property suite.

mod support;

use judge::correlate::{BackendChoice, Fft, Planner, Processor, Sparse};
use proptest::prelude::*;

suite!(sparse_on_any_processor, Sparse::on(Processor::ANY), 64);
suite!(
    sparse_on_the_second_best,
    Sparse::on(Processor::available().into_iter().rev().nth(1).unwrap_or(Processor::ANY)),
    64
);
suite!(sparse_on_the_best, Sparse::default(), 64);
suite!(fft, Fft, 64);
suite!(planner, Planner::new(BackendChoice::Auto), 64);
