//! The correlator: pairs, and tables of them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::device::{Device, Fault, Lane, Memory, Parcel};
use super::layout::{Figures, Layout, unrank};
use super::round::{Exemplars, Round, Wanted};
use super::{Absent, WARPS};
use crate::correlate::{Backend, Correlator, Lags, Offset, Overlap, Peak, Prepared, Search, Sparse};

/// Bytes of answers that are asked for at a time.
const ANSWERS: usize = 256 << 20;

/// Exact correlation on a graphics processor: for many pairs at a time.
///
/// It computes peaks of rolls of zeros and ones over all offsets. All else is handed to [`Sparse`], and so is
/// everything after a failure of the device, with a warning in the log: a correlator always answers.
#[derive(Debug, Clone, Copy)]
pub struct Cuda {
    device: &'static Device,
    warps: u32,
}

/// How long the parts of a table take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Measured {
    /// Pairs that were correlated.
    pub pairs: u64,
    /// Laying out the work, on the processor.
    pub lay_out: Duration,
    /// Sending the fragments and drawing their images.
    pub draw: Duration,
    /// The correlation alone.
    pub correlate: Duration,
    /// Fetching all answers.
    pub fetch: Duration,
}

/// Work waits here for its turn; it is kept for its memory.
static LANE: Mutex<Option<Lane>> = Mutex::new(None);

/// Lends the lane for pairs.
fn with_lane<R>(device: &'static Device, work: impl FnOnce(&mut Lane) -> Result<R, Fault>) -> Result<R, Fault> {
    let mut slot = LANE.lock().unwrap_or_else(PoisonError::into_inner);
    let lane = match &mut *slot {
        Some(lane) => lane,
        empty => empty.insert(device.lane()?),
    };
    let result = work(lane);
    if result.is_err() {
        *slot = None;
    }
    result
}

impl Cuda {
    /// The first device.
    ///
    /// # Errors
    /// Why there is none, or none that can be used.
    pub fn new() -> Result<Self, Absent> {
        Ok(Self { device: Device::get()?, warps: WARPS })
    }

    /// The same with blocks of so many warps (1 to 10) instead of what is fastest: the answers are the same.
    #[must_use]
    pub fn with_warps(self, warps: u32) -> Self {
        Self { warps: warps.clamp(1, WARPS), ..self }
    }

    /// What the device is called.
    pub fn name(&self) -> &str {
        &self.device.name
    }

    /// Its compute capability, such as (9, 0).
    pub fn capability(&self) -> (i32, i32) {
        self.device.capability
    }

    /// How many multiprocessors it has.
    pub fn multiprocessors(&self) -> u32 {
        self.device.multiprocessors
    }

    /// The brightest lag of every fragment (row) with every exemplar, over all offsets: as [`Correlator::peak`] one
    /// by one, for far less.
    pub fn peaks(&self, fragments: &[&Prepared], exemplars: &[&Prepared]) -> Vec<Vec<Option<Peak>>> {
        let search = Search::default();
        self.table(fragments, exemplars, Wanted::Places, |x, k, grid, answer| match answer {
            Some(rank) => {
                let (brightness, transposition, shift) = unrank(rank)?;
                let offset = Offset { transposition, shift: shift * i64::from(grid) };
                Some(Peak { offset, brightness: f64::from(brightness) * f64::from(grid) })
            }
            None => Sparse::default().peak(x, k, &search),
        })
    }

    /// The greatest brightness of every fragment (row) with every exemplar, over all offsets.
    pub fn brightest_table(&self, fragments: &[&Prepared], exemplars: &[&Prepared]) -> Vec<Vec<f64>> {
        let search = Search::default();
        self.table(fragments, exemplars, Wanted::Brightest, |x, k, _, answer| match answer {
            Some(brightness) => brightness as f64,
            None => Sparse::default().brightest(x, k, &search),
        })
    }

    /// Times the greatest brightness of every fragment, mirrored in each of the four ways, with every exemplar, part by
    /// part: for benchmarks. `repeats` times; the least of each part is told.
    ///
    /// # Errors
    /// What the driver says, in words.
    pub fn measure(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        repeats: u32,
    ) -> std::result::Result<Measured, String> {
        let (figures, _) = gather(exemplars);
        let (batch, _) = gather(fragments);
        let mut least = Measured { pairs: 4 * (figures.len() * batch.len()) as u64, ..Measured::default() };
        let result = with_lane(self.device, |lane| {
            let resident = Exemplars::new(lane, &figures)?;
            let bytes = least.pairs as usize * 4;
            for repeat in 0..=repeats {
                let start = Instant::now();
                let layout = Layout::new(&batch, &[0, 1, 2, 3], &resident.groups, false);
                let answers = lane.reserve(Memory::Scratch, bytes as u64)?;
                let laid_out = Instant::now();
                let (round, _) = Round::new(lane, layout, &batch, self.warps, Parcel::default())?;
                lane.stream.synchronize().map_err(Fault::from)?;
                let drawn = Instant::now();
                round.correlate(lane, &resident, None, Wanted::Brightest, answers)?;
                lane.stream.synchronize().map_err(Fault::from)?;
                let correlated = Instant::now();
                lane.ask(answers, bytes)?;
                lane.answer(bytes)?;
                let fetched = Instant::now();
                // The first time memory is asked for.
                if repeat > 0 {
                    let times = [laid_out - start, drawn - laid_out, correlated - drawn, fetched - correlated];
                    let known = [&mut least.lay_out, &mut least.draw, &mut least.correlate, &mut least.fetch];
                    for (known, time) in known.into_iter().zip(times) {
                        *known = if known.is_zero() { time } else { time.min(*known) };
                    }
                }
            }
            Ok(())
        });
        result.map(|()| least).map_err(|fault| fault.to_string())
    }

    /// Asks for all pairs; `read` makes something of a pair, the grid of both, and the device's answer, if there is one.
    fn table<T>(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        wanted: Wanted,
        read: impl Fn(&Prepared, &Prepared, u32, Option<u64>) -> T,
    ) -> Vec<Vec<T>> {
        let (figures, fit) = gather(exemplars);
        let found = with_lane(self.device, |lane| {
            let resident = Exemplars::new(lane, &figures)?;
            let size = match wanted {
                Wanted::Brightest => 4,
                Wanted::Places => 8,
            };
            let at_once = (ANSWERS / (size * figures.len().max(1))).clamp(1, 4096);
            let mut rows = Vec::with_capacity(fragments.len());
            for fragments in fragments.chunks(at_once) {
                let (batch, fits) = gather(fragments);
                let answers = self.ask(lane, &resident, &batch, wanted)?;
                let mut answers = answers.chunks_exact(size * figures.len().max(1));
                for (x, fits) in fragments.iter().zip(fits) {
                    let row = fits.and_then(|own| answers.next().map(|row| (row, batch.grids[own as usize])));
                    let pair = |(k, place): (&&Prepared, &Option<u32>)| {
                        let answer = row.zip(*place).map(|((row, own), place)| {
                            let at = resident.places[place as usize] as usize * size;
                            let grid = num_integer::gcd(own, figures.grids[place as usize]);
                            let bytes = &row[at..at + size];
                            let value = match wanted {
                                Wanted::Brightest => u64::from(bytemuck::pod_read_unaligned::<u32>(bytes)),
                                Wanted::Places => bytemuck::pod_read_unaligned::<u64>(bytes),
                            };
                            (grid, value)
                        });
                        read(x, k, answer.map_or(1, |it| it.0), answer.map(|it| it.1))
                    };
                    rows.push(exemplars.iter().zip(&fit).map(pair).collect());
                }
            }
            Ok(rows)
        });
        found.unwrap_or_else(|fault| {
            log::warn!("{fault}: the correlation goes on without it");
            let row = |x: &&Prepared| exemplars.iter().map(|k| read(x, k, 1, None)).collect();
            fragments.iter().map(row).collect()
        })
    }

    /// The answers for all fragments and figures, in the order of the figures on the device.
    fn ask(&self, lane: &mut Lane, exemplars: &Exemplars, batch: &Figures, wanted: Wanted) -> Result<Vec<u8>, Fault> {
        if batch.len() == 0 || exemplars.figures.is_empty() {
            return Ok(Vec::new());
        }
        let layout = Layout::new(batch, &[0], &exemplars.groups, false);
        let (round, _) = Round::new(lane, layout, batch, self.warps, Parcel::default())?;
        let size = match wanted {
            Wanted::Brightest => 4,
            Wanted::Places => 8,
        };
        let bytes = batch.len() * exemplars.figures.len() * size;
        let answers = lane.reserve(Memory::Scratch, bytes as u64)?;
        round.correlate(lane, exemplars, None, wanted, answers)?;
        lane.ask(answers, bytes)?;
        Ok(lane.answer(bytes)?.to_vec())
    }
}

/// The rolls that fit the kernels, and for each roll which of them it is.
fn gather(rolls: &[&Prepared]) -> (Figures, Vec<Option<u32>>) {
    let mut figures = Figures::default();
    let place = |roll: &&Prepared| {
        let place = figures.len() as u32;
        figures.push(roll.roll()).then_some(place)
    };
    let places = rolls.iter().map(place).collect();
    (figures, places)
}

impl Correlator for Cuda {
    fn backend(&self) -> Backend {
        Backend::Cuda
    }

    fn overlap(&self, fragment: &Prepared, exemplar: &Prepared, lags: &Lags) -> Overlap {
        Sparse::default().overlap(fragment, exemplar, lags)
    }

    fn peak(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> Option<Peak> {
        if !search.is_exhaustive() {
            return Sparse::default().peak(fragment, exemplar, search);
        }
        self.peaks(&[fragment], &[exemplar]).pop()?.pop()?
    }

    fn brightest(&self, fragment: &Prepared, exemplar: &Prepared, search: &Search) -> f64 {
        self.brightest_each(fragment, &[exemplar], search).pop().unwrap_or(0.0)
    }

    fn brightest_each(&self, fragment: &Prepared, exemplars: &[&Prepared], search: &Search) -> Vec<f64> {
        if !search.is_exhaustive() {
            return Sparse::default().brightest_each(fragment, exemplars, search);
        }
        self.brightest_table(&[fragment], exemplars).pop().unwrap_or_default()
    }
}
