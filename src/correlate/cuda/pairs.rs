//! The correlator: pairs, and tables of them.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use num_integer::gcd;
use rayon::prelude::*;

use super::device::{Device, Fault};
use super::lane::{Lane, Memory, Parcel};
use super::layout::{Figures, Layout, is_in_reach, unrank};
use super::round::{Exemplars, Round, Wanted};
use super::{Absent, WARPS, dense};
use crate::correlate::{
    Backend, Correlator, Lags, Normalisation, Offset, Overlap, Peak, Prepared, Search, Sparse, WindowPeak,
    best_in_window,
};
use crate::roll::PianoRoll;

/// Bytes of answers that are asked for at a time.
const ANSWERS: usize = 256 << 20;

/// Exact correlation on a graphics processor: for many pairs at a time.
///
/// It computes peaks: of rolls of zeros and ones over all offsets from their notes, of soft pictures, at any
/// transpositions, by Fourier transform. All else is handed to [`Sparse`], and so is everything after a failure of the
/// device, with a warning in the log: a correlator always answers.
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

/// Lends the lane for pairs. The work must not wait for the threads of rayon, which may be waiting for the lane.
fn with_lane<R>(device: &'static Device, work: impl FnOnce(&mut Lane) -> Result<R, Fault>) -> Result<R, Fault> {
    let mut slot = LANE.lock().unwrap_or_else(PoisonError::into_inner);
    let lane = match &mut *slot {
        Some(lane) => lane,
        empty => empty.insert(Lane::new(device)?),
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

    /// The same with blocks of so many warps (1 to 8) instead of what is fastest: the answers are the same.
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

    /// Bytes of its memory that are not in use.
    pub fn unused_memory(&self) -> usize {
        self.device.unused()
    }

    /// The brightest lag of every fragment (row) with every exemplar, at transpositions within a range or at all: as
    /// [`Correlator::peak`] one by one, for far less.
    pub fn peaks(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        transpositions: Option<RangeInclusive<i32>>,
    ) -> Vec<Vec<Option<Peak>>> {
        let mut known = vec![vec![None; exemplars.len()]; fragments.len()];
        self.fill_soft(fragments, exemplars, &mut known, |lane, x, k| {
            dense::peaks(lane, x, k, transpositions.clone(), &mut dense::Times::default())
        });
        let search = Search { transpositions, shifts: None };
        let mut rows = if search.is_exhaustive() {
            self.table(fragments, exemplars, Wanted::Places, |grid, rank| {
                let peak = unrank(rank).map(|(brightness, transposition, shift)| {
                    let offset = Offset { transposition, shift: shift * i64::from(grid) };
                    Peak { offset, brightness: f64::from(brightness) * f64::from(grid) }
                });
                Some(peak)
            })
        } else {
            vec![vec![None; exemplars.len()]; fragments.len()]
        };
        for (row, soft) in rows.iter_mut().zip(known) {
            row.iter_mut().zip(soft).for_each(|(answer, soft)| *answer = soft.or(*answer));
        }
        complete(rows, fragments, exemplars, |x, k| Sparse::default().peak(x, k, &search))
    }

    /// The most similar placement of every fragment (row) with every exemplar, at transpositions within a range or at all,
    /// by the brightness normalised by the window that the query covers: like [`best_in_window`] one by one, for far less.
    ///
    /// `fragment_is_query` says which is looked for in the other. Pairs of which a picture is soft are computed on the
    /// device, in single precision, and brightness that rounding may have made (a millionth of the pictures'
    /// energies) counts as dark; among equal similarities the brightness does not matter. All else, and what is too large,
    /// is computed by [`Sparse`].
    pub fn window_peaks(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        fragment_is_query: bool,
        normalisation: Normalisation,
        transpositions: Option<RangeInclusive<i32>>,
    ) -> Vec<Vec<Option<WindowPeak>>> {
        let mut known = vec![vec![None; exemplars.len()]; fragments.len()];
        self.fill_soft(fragments, exemplars, &mut known, |lane, x, k| {
            let how = (fragment_is_query, normalisation);
            dense::window_peaks(lane, x, k, transpositions.clone(), how, &mut dense::Times::default())
        });
        let search = Search { transpositions: transpositions.clone(), shifts: None };
        complete(known, fragments, exemplars, |x, k| {
            best_in_window(&Sparse::default(), (x, k), fragment_is_query, normalisation, &search, 0.0)
        })
    }

    /// The greatest brightness of every fragment (row) with every exemplar, over all offsets; 0 where nothing meets.
    pub fn brightest_table(&self, fragments: &[&Prepared], exemplars: &[&Prepared]) -> Vec<Vec<f64>> {
        if fragments.iter().chain(exemplars).any(|it| is_soft(it.roll())) {
            let brightness = |peak: Option<Peak>| peak.map_or(0.0, |peak| peak.brightness);
            let peaks = self.peaks(fragments, exemplars, None);
            return peaks.into_iter().map(|row| row.into_iter().map(brightness).collect()).collect();
        }
        let rows = self.table(fragments, exemplars, Wanted::Brightest, |_, brightness| Some(brightness as f64));
        complete(rows, fragments, exemplars, |x, k| Sparse::default().brightest(x, k, &Search::default()))
    }

    /// Fills in the pairs of which one picture is soft, as far as the device can take them.
    fn fill_soft<T>(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        known: &mut [Vec<Option<Option<T>>>],
        work: impl Fn(&mut Lane, &[&Prepared], &[&Prepared]) -> Result<Option<Vec<Vec<Option<T>>>>, Fault>,
    ) {
        let which = |rolls: &[&Prepared], soft: bool| -> Vec<usize> {
            let wanted = |roll: &PianoRoll| !roll.is_dark() && is_in_reach(roll) && is_soft(roll) == soft;
            (0..rolls.len()).filter(|&index| wanted(rolls[index].roll())).collect()
        };
        for (rows, columns) in
            [(true, true), (true, false), (false, true)].map(|(x, k)| (which(fragments, x), which(exemplars, k)))
        {
            if rows.is_empty() || columns.is_empty() {
                continue;
            }
            let (x, k) = (pick(fragments, &rows), pick(exemplars, &columns));
            match with_lane(self.device, |lane| work(lane, &x, &k)) {
                Ok(Some(found)) => {
                    for (&row, found) in rows.iter().zip(found) {
                        columns.iter().zip(found).for_each(|(&column, peak)| known[row][column] = Some(peak));
                    }
                }
                // Too large: the processor's.
                Ok(None) => {}
                Err(fault) => log::warn!("{fault}: the correlation goes on without it"),
            }
        }
    }

    /// Times peaks of soft pictures: seconds for the spectra, and for all pairs with the spectra at hand. For benchmarks.
    ///
    /// # Errors
    /// What the driver says, in words.
    pub fn measure_soft(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        transpositions: Option<RangeInclusive<i32>>,
    ) -> Result<(Duration, Duration), String> {
        let mut times = dense::Times::default();
        let found = with_lane(self.device, |lane| dense::peaks(lane, fragments, exemplars, transpositions, &mut times));
        measured(found)?;
        Ok((times.spectra, times.correlate))
    }

    /// Times [`window_peaks`](Self::window_peaks) of soft pictures, with the spectra at hand. For benchmarks.
    ///
    /// # Errors
    /// What the driver says, in words.
    pub fn measure_windows(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        transpositions: Option<RangeInclusive<i32>>,
    ) -> Result<Duration, String> {
        let mut times = dense::Times::default();
        let how = (true, Normalisation::Cosine);
        let found = with_lane(self.device, |lane| {
            dense::window_peaks(lane, fragments, exemplars, transpositions, how, &mut times)
        });
        measured(found)?;
        Ok(times.correlate)
    }

    /// Times the greatest brightness of every fragment, mirrored in each of the four ways, with every exemplar, part by
    /// part: for benchmarks. `repeats` times; the least of each part is told.
    ///
    /// # Errors
    /// What the driver says, in words.
    pub fn measure(&self, fragments: &[&Prepared], exemplars: &[&Prepared], repeats: u32) -> Result<Measured, String> {
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

    /// Asks for all pairs; `read` makes something of the grid of a pair and the device's answer. Nothing is there for
    /// pairs that the kernels cannot take.
    fn table<T: Clone>(
        &self,
        fragments: &[&Prepared],
        exemplars: &[&Prepared],
        wanted: Wanted,
        read: impl Fn(u32, u64) -> Option<T>,
    ) -> Vec<Vec<Option<T>>> {
        let (figures, fit) = gather(exemplars);
        let mut rows = vec![vec![None; exemplars.len()]; fragments.len()];
        if figures.len() == 0 {
            return rows;
        }
        let found = with_lane(self.device, |lane| {
            let resident = Exemplars::new(lane, &figures)?;
            let size = wanted.size();
            let mut at_once = (ANSWERS / (size * figures.len())).clamp(1, 4096);
            let mut done = 0;
            while done < fragments.len() {
                let part = done..fragments.len().min(done + at_once);
                let (batch, fits) = gather(&fragments[part.clone()]);
                let answers = match self.ask(lane, &resident, &batch, wanted) {
                    Err(Fault::OutOfMemory) if at_once > 1 => {
                        lane.give_back();
                        at_once /= 2;
                        continue;
                    }
                    other => other?,
                };
                let mut answers = answers.chunks_exact(size * figures.len());
                for (row, own) in rows[part.clone()].iter_mut().zip(fits).filter_map(|(row, fits)| Some((row, fits?))) {
                    let Some(answers) = answers.next() else { break };
                    for (cell, place) in
                        row.iter_mut().zip(&fit).filter_map(|(cell, fit)| Some((cell, (*fit)? as usize)))
                    {
                        let grid = gcd(batch.grids[own as usize], figures.grids[place]);
                        let bytes = &answers[resident.places[place] as usize * size..][..size];
                        *cell = read(grid, wanted.read(bytes));
                    }
                }
                done = part.end;
            }
            Ok(())
        });
        if let Err(fault) = found {
            log::warn!("{fault}: the correlation goes on without it");
        }
        rows
    }

    /// The answers for all fragments and figures, in the order of the figures on the device.
    fn ask(&self, lane: &mut Lane, exemplars: &Exemplars, batch: &Figures, wanted: Wanted) -> Result<Vec<u8>, Fault> {
        if batch.len() == 0 || exemplars.figures.is_empty() {
            return Ok(Vec::new());
        }
        let layout = Layout::new(batch, &[0], &exemplars.groups, false);
        let (round, _) = Round::new(lane, layout, batch, self.warps, Parcel::default())?;
        let bytes = batch.len() * exemplars.figures.len() * wanted.size();
        let answers = lane.reserve(Memory::Scratch, bytes as u64)?;
        round.correlate(lane, exemplars, None, wanted, answers)?;
        lane.ask(answers, bytes)?;
        Ok(lane.answer(bytes)?.to_vec())
    }
}

/// What kept soft pictures from being measured, in words.
fn measured<T>(found: Result<Option<T>, Fault>) -> Result<T, String> {
    found.map_err(|fault| fault.to_string())?.ok_or_else(|| "the pictures are too large".into())
}

/// Whether sums of a picture's pixels are not whole numbers.
fn is_soft(roll: &PianoRoll) -> bool {
    !roll.is_binary()
}

fn pick<'a>(rolls: &[&'a Prepared], which: &[usize]) -> Vec<&'a Prepared> {
    which.iter().map(|&index| rolls[index]).collect()
}

/// Computes what is not there.
fn complete<T: Send>(
    rows: Vec<Vec<Option<T>>>,
    fragments: &[&Prepared],
    exemplars: &[&Prepared],
    compute: impl Fn(&Prepared, &Prepared) -> T + Sync,
) -> Vec<Vec<T>> {
    let row = |(row, x): (Vec<Option<T>>, &&Prepared)| {
        row.into_iter().zip(exemplars).map(|(cell, k)| cell.unwrap_or_else(|| compute(x, k))).collect()
    };
    rows.into_par_iter().zip(fragments).map(row).collect()
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
        if search.shifts.is_some() {
            return Sparse::default().peak(fragment, exemplar, search);
        }
        self.peaks(&[fragment], &[exemplar], search.transpositions.clone()).pop()?.pop()?
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
