//! A bank on the device: many fragments against all exemplars at once, the best few of each told.
//!
//! As on the processor, exemplars that cannot be among the best are passed over: bounds from the ink of the pitches
//! ([`similarity::bound`](crate::similarity)) are computed for all, the most promising are correlated first, and the
//! least of what is wanted of them is the floor for the rest. The device computes bounds and similarities by the same
//! steps in double precision as the processor, so the answers are the same to the last bit.
//!
//! Fragments come in batches as large as the free memory allows, on two lanes in turn: while the device works on one,
//! the next is laid out and the last one's answers are read.

use std::sync::{Mutex, PoisonError};

use super::argument::{InksTable, ShelfTable};
use super::device::{Device, Fault};
use super::lane::{Lane, Memory, Parcel, Resident};
use super::layout::{Figures, Layout};
use super::round::{Exemplars, Lists, Round, Wanted};
use super::{Absent, WARPS};
use crate::correlate::sparse::outline::Outline;
use crate::roll::PianoRoll;

/// The most fragments of a batch.
const MOST_AT_ONCE: usize = 256;
/// The device's `find_best` is made for few.
const MOST_WANTED: usize = 64;
/// Exemplars of each side that are correlated first: one of so many, but at least and at most so many.
const SEEDS: (usize, usize, usize) = (256, 4, 32);
/// Stretches whose ink lies side by side.
const SIDE_BY_SIDE: usize = 8;

/// What stands on a shelf.
pub(crate) trait ShelfSource {
    /// How many exemplars, and stretches of each.
    fn size(&self) -> (usize, usize);
    /// An exemplar under a stretch, unmirrored, if it has an outline.
    fn outline(&self, exemplar: usize, stretch: usize) -> Option<Outline<'_>>;
    /// The lit rows of an exemplar from the lowest, and their ink, row by stretch.
    fn ink(&self, exemplar: usize) -> (&[u8], &[u16]);
    /// Which mirrors are searched: inverted, retrograde.
    fn mirrors(&self) -> &[(bool, bool)];
    /// What an alteration counts.
    fn weight(&self, stretch: usize, mirror: usize) -> f64;
}

/// Exemplars on the device.
pub(crate) struct CudaShelf {
    device: &'static Device,
    pub(super) exemplars: Exemplars,
    tables: Resident,
    pub(super) table: ShelfTable,
    pub(super) inks: InksTable,
    mirrors: Vec<u32>,
    /// Exemplars that could not be put on it.
    pub unfit: Vec<usize>,
    lanes: Mutex<[Option<Lane>; 2]>,
}

/// What is wanted of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    /// How many exemplars of each side.
    pub top: usize,
    /// The least similarity that is wanted, by side.
    pub least: [f64; 2],
    /// Whether every exemplar is correlated all the same.
    pub exhaustive: bool,
}

/// The best exemplars of each side: index and similarity.
type Best = [Vec<(usize, f64)>; 2];

/// Where the parts of the scratch memory are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scratch {
    pub brightest: u64,
    pub values: u64,
    pub most: u64,
    pub bounds: u64,
    pub list: u64,
    pub counts: u64,
    pub floors: u64,
    pub seeds: u64,
    /// Indices, then similarities: what is fetched.
    pub indices: u64,
    pub best: u64,
}

impl CudaShelf {
    /// Sends exemplars to the device, with the side (0 or 1) and the weight of each.
    pub fn new(source: &dyn ShelfSource, side_and_weight: &dyn Fn(usize) -> (usize, f64)) -> Result<Self, Refusal> {
        let device = Device::get().map_err(Refusal::Absent)?;
        let lane = Lane::new(device)?;
        let (count, stretches) = source.size();
        let mut figures = Figures::default();
        let (mut which, mut unfit) = (vec![u32::MAX; count * stretches], Vec::new());
        let padded = stretches.next_multiple_of(SIDE_BY_SIDE);
        let (mut firsts, mut rows, mut ink) = (vec![0u32], Vec::new(), Vec::<u16>::new());
        for exemplar in 0..count {
            let outlines: Option<Vec<_>> = (0..stretches).map(|stretch| source.outline(exemplar, stretch)).collect();
            match outlines {
                None => unfit.push(exemplar),
                Some(outlines) => {
                    for (stretch, outline) in outlines.iter().enumerate() {
                        which[exemplar * stretches + stretch] = figures.len() as u32;
                        if !figures.push_outline(outline) {
                            return Err(Refusal::Fault(Fault::OutOfMemory));
                        }
                    }
                    let (lit, own) = source.ink(exemplar);
                    rows.extend_from_slice(lit);
                    for own in own.chunks(stretches) {
                        ink.extend_from_slice(own);
                        ink.resize(ink.len().next_multiple_of(padded), 0);
                    }
                }
            }
            firsts.push(rows.len() as u32);
        }
        let exemplars = Exemplars::new(&lane, &figures)?;
        let (mut energies, mut owners) = (vec![0; which.len()], vec![0; exemplars.figures.len()]);
        for (owner, place) in which.iter_mut().enumerate() {
            if let Some(&moved) = exemplars.places.get(*place as usize) {
                *place = moved;
                energies[owner] = exemplars.figures[moved as usize].energy;
                owners[moved as usize] = owner as u32;
            }
        }
        let groups: Vec<u32> = exemplars
            .groups
            .iter()
            .enumerate()
            .flat_map(|(number, group)| std::iter::repeat_n(number as u32, group.count as usize))
            .collect();
        let mirrors = source.mirrors();
        let (sides, weights): (Vec<u8>, Vec<f64>) = (0..count)
            .map(|exemplar| {
                let (side, weight) = side_and_weight(exemplar);
                (side as u8, weight)
            })
            .unzip();
        let alterations: Vec<f64> = (0..stretches)
            .flat_map(|stretch| (0..mirrors.len()).map(move |mirror| source.weight(stretch, mirror)))
            .collect();
        let most_weights: Vec<f32> = (0..stretches)
            .flat_map(|stretch| [false, true].map(|inverted| (stretch, inverted)))
            .map(|(stretch, inverted)| {
                let these = (0..mirrors.len()).filter(|&mirror| mirrors[mirror].0 == inverted);
                these.map(|mirror| source.weight(stretch, mirror) as f32).fold(0.0, f32::max)
            })
            .collect();
        let inverted: Vec<u8> = mirrors.iter().map(|&(inverted, _)| inverted.into()).collect();
        let mut parcel = Parcel::default();
        let offsets = [
            parcel.push(&which),
            parcel.push(&energies),
            parcel.push(&owners),
            parcel.push(&groups),
            parcel.push(&weights),
            parcel.push(&sides),
            parcel.push(&alterations),
            parcel.push(&most_weights),
            parcel.push(&inverted),
            parcel.push(&firsts),
            parcel.push(&rows),
            parcel.push(&ink),
        ];
        let tables = Resident::new(&lane, &parcel)?;
        let [places, energies, owners, groups, weights, sides, alterations, most_weights, inverted, firsts, rows, ink] =
            offsets.map(|offset| tables.address() + offset);
        let table = ShelfTable {
            places,
            energies,
            owners,
            groups,
            weights,
            sides,
            alterations,
            most_weights,
            inverted,
            exemplars: count as u32,
            stretches: stretches as u32,
            mirrors: mirrors.len() as u32,
            group_count: exemplars.groups.len() as u32,
        };
        let mirrors = mirrors.iter().map(|&(inverted, backwards)| u32::from(inverted) + 2 * u32::from(backwards));
        Ok(Self {
            device,
            table,
            inks: InksTable { firsts, rows, ink, padded: padded as u32, unused: 0 },
            mirrors: mirrors.collect(),
            unfit,
            lanes: Mutex::new([Some(lane), None]),
            exemplars,
            tables,
        })
    }

    /// Bytes of the device that it takes.
    pub fn bytes(&self) -> usize {
        self.tables.len() + self.exemplars.len()
    }

    /// The similarities of each fragment to all exemplars, 0 to those that are not on the device; `None` for a fragment
    /// that does not fit the kernels.
    pub fn similarities(&self, fragments: &[&PianoRoll]) -> Result<Vec<Option<Vec<f64>>>, Fault> {
        let count = self.table.exemplars as usize;
        self.on_lanes(fragments, None, |bytes, rows| {
            let values = bytes.chunks_exact(8).map(bytemuck::pod_read_unaligned::<f64>).collect::<Vec<_>>();
            rows.extend(values.chunks_exact(count).map(<[f64]>::to_vec));
        })
    }

    /// The best exemplars for each fragment; `None` for one that does not fit the kernels, or when more are wanted
    /// than the device looks for.
    pub fn best(&self, fragments: &[&PianoRoll], query: Query) -> Result<Vec<Option<Best>>, Fault> {
        if query.top > MOST_WANTED {
            return Ok(vec![None; fragments.len()]);
        }
        self.on_lanes(fragments, Some(query), |bytes, found| read_best(bytes, query, found))
    }

    /// Has fragments worked on in batches; `read` makes something of the answers for each batch.
    fn on_lanes<T: Clone>(
        &self,
        fragments: &[&PianoRoll],
        query: Option<Query>,
        read: impl Fn(&[u8], &mut Vec<T>),
    ) -> Result<Vec<Option<T>>, Fault> {
        if self.exemplars.figures.is_empty() {
            return Ok(vec![None; fragments.len()]);
        }
        let mut figures = Figures::default();
        let fits: Vec<bool> = fragments.iter().map(|roll| figures.push(roll)).collect();
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let held: u64 = lanes.iter().flatten().map(Lane::held).sum();
        let mut at_once = self.at_once(&figures, held);
        let found = loop {
            match self.batches(&mut lanes, &figures, at_once, query, &read) {
                Err(Fault::OutOfMemory) if at_once > 1 => {
                    log::warn!("the memory of the graphics processor is full: smaller batches");
                    for lane in lanes.iter_mut().flatten() {
                        lane.give_back();
                    }
                    at_once /= 2;
                }
                other => break other,
            }
        };
        if found.is_err() {
            *lanes = [const { None }; 2];
        }
        let mut found = found?.into_iter();
        Ok(fits.into_iter().map(|fits| if fits { found.next() } else { None }).collect())
    }

    /// How many fragments fit into the free memory of the device, on both lanes, and what these hold already.
    fn at_once(&self, figures: &Figures, held: u64) -> usize {
        let views = self.mirrors.len() as u64;
        let longest = figures.heads.iter().map(|head| (u64::from(head.columns) + 192) * u64::from(head.rows + 3) * 4);
        let images = longest.max().unwrap_or(0) * views * self.exemplars.groups.len() as u64;
        let of_figures = views * self.exemplars.figures.len() as u64 * 8;
        let of_exemplars = u64::from(self.table.exemplars) * (12 + 4 * u64::from(self.table.stretches));
        let each = images + of_figures + of_exemplars;
        let fit = ((self.device.unused() as u64 + held) * 4 / 5 / 2 / each.max(1)) as usize;
        // Places in lists are numbers of 32 bits.
        let most = (u64::from(u32::MAX) / (of_figures / 8).max(1)) as usize;
        fit.min(most).clamp(1, MOST_AT_ONCE)
    }

    fn batches<T>(
        &self,
        lanes: &mut [Option<Lane>; 2],
        figures: &Figures,
        at_once: usize,
        query: Option<Query>,
        read: &impl Fn(&[u8], &mut Vec<T>),
    ) -> Result<Vec<T>, Fault> {
        let mut found = Vec::with_capacity(figures.len());
        // The bytes that each lane was asked for.
        let mut pending: [Option<usize>; 2] = [None, None];
        // Two batches at least, so that both lanes have work.
        let at_once = if figures.len() > 32 { at_once.min(figures.len().div_ceil(2)) } else { at_once };
        let batches = figures.len().div_ceil(at_once);
        for batch in 0..batches {
            let turn = batch % 2;
            let lane = match &mut lanes[turn] {
                Some(lane) => lane,
                empty => empty.insert(Lane::new(self.device)?),
            };
            if let Some(bytes) = pending[turn].take() {
                read(lane.answer(bytes)?, &mut found);
            }
            let batch = figures.part(batch * at_once..figures.len().min((batch + 1) * at_once));
            pending[turn] = Some(self.start(lane, &batch, query)?);
        }
        for turn in [batches % 2, (batches + 1) % 2] {
            if let (Some(lane), Some(bytes)) = (&mut lanes[turn], pending[turn].take()) {
                read(lane.answer(bytes)?, &mut found);
            }
        }
        Ok(found)
    }

    /// Puts all work for a batch on a lane, without a query for all similarities; gives how many bytes are asked for.
    fn start(&self, lane: &mut Lane, batch: &Figures, query: Option<Query>) -> Result<usize, Fault> {
        let exhaustive = query.is_none_or(|query| query.exhaustive);
        let layout = Layout::new(batch, &self.mirrors, &self.exemplars.groups, !exhaustive);
        let (fragments, tasks) = (batch.len(), layout.tasks.len());
        let mut parcel = Parcel::default();
        let least = parcel.push(&query.map_or([0.0; 2], |query| query.least));
        let (round, base) = Round::new(lane, layout, batch, WARPS, parcel)?;
        let least = base + least;
        let wanted = query.map_or(1, |query| query.top.max(1));
        let (of, least_seeds, most_seeds) = SEEDS;
        let seeds = (self.table.exemplars as usize / of).clamp(least_seeds, most_seeds).max(wanted);
        let seeds = if exhaustive { 0 } else { seeds };
        let (scratch, bytes) = self.scratch(lane, fragments, tasks, wanted, seeds, exhaustive)?;
        if exhaustive {
            round.correlate(lane, &self.exemplars, None, Wanted::Brightest, scratch.brightest)?;
            self.weigh_all(lane, &round, &scratch, fragments)?;
        } else {
            self.skip(lane, &round, &scratch, (fragments, tasks), (wanted, seeds), least)?;
        }
        if query.is_none() {
            let bytes = 8 * fragments * self.table.exemplars as usize;
            lane.ask(scratch.values, bytes)?;
            return Ok(bytes);
        }
        self.find_best(lane, fragments, &scratch, wanted, (0, 0))?;
        lane.ask(scratch.indices, bytes)?;
        Ok(bytes)
    }

    /// Correlates what may be among the best, the most promising first.
    fn skip(
        &self,
        lane: &mut Lane,
        round: &Round,
        scratch: &Scratch,
        (fragments, tasks): (usize, usize),
        (wanted, seeds): (usize, usize),
        least: u64,
    ) -> Result<(), Fault> {
        let lists = Lists { counts: scratch.counts, list: scratch.list };
        let correlate = |lane: &mut Lane| {
            round.correlate(lane, &self.exemplars, Some(lists), Wanted::Brightest, scratch.brightest)?;
            self.weigh_listed(lane, round, scratch, tasks)
        };
        lane.clear(scratch.values, 8 * fragments as u64 * u64::from(self.table.exemplars))?;
        lane.clear(scratch.counts, 4 * tasks as u64)?;
        self.bound(lane, round, scratch, fragments)?;
        self.find_promising(lane, fragments, scratch, seeds)?;
        self.list_found(lane, round, scratch, fragments, seeds)?;
        correlate(lane)?;
        self.find_best(lane, fragments, scratch, wanted, (least, scratch.floors))?;
        lane.clear(scratch.counts, 4 * tasks as u64)?;
        self.list_candidates(lane, round, scratch, fragments)?;
        correlate(lane)
    }

    fn scratch(
        &self,
        lane: &mut Lane,
        fragments: usize,
        tasks: usize,
        wanted: usize,
        seeds: usize,
        exhaustive: bool,
    ) -> Result<(Scratch, usize), Fault> {
        let mut end = 0u64;
        let mut part = |count: usize, size: usize| {
            let at = end;
            end = (end + (count * size) as u64).next_multiple_of(16);
            at
        };
        let answers = fragments * self.mirrors.len() * self.exemplars.figures.len();
        let exemplars = fragments * self.table.exemplars as usize;
        let listed = if exhaustive { 0 } else { answers };
        let brightest = part(answers, 4);
        let values = part(exemplars, 8);
        let most = part(if exhaustive { 0 } else { exemplars * self.table.stretches as usize }, 4);
        let bounds = part(if exhaustive { 0 } else { exemplars }, 4);
        let list = part(listed, 4);
        let counts = part(tasks, 4);
        let floors = part(2 * fragments, 8);
        let seed_indices = part(2 * fragments * seeds, 4);
        let indices = part(2 * fragments * wanted, 4);
        let best = part(2 * fragments * wanted, 8);
        let bytes = (end - indices) as usize;
        let base = lane.reserve(Memory::Scratch, end)?;
        let scratch = Scratch {
            brightest: base + brightest,
            values: base + values,
            most: base + most,
            bounds: base + bounds,
            list: base + list,
            counts: base + counts,
            floors: base + floors,
            seeds: base + seed_indices,
            indices: base + indices,
            best: base + best,
        };
        Ok((scratch, bytes))
    }
}

/// Reads the answers for a batch: indices, then similarities, of both sides of each fragment.
fn read_best(bytes: &[u8], query: Query, found: &mut Vec<Best>) {
    let wanted = query.top.max(1);
    // The indices are padded to 16 bytes.
    let indices_of = |fragments: usize| (8 * wanted * fragments).next_multiple_of(16);
    let fragments = (0..).take_while(|&it| indices_of(it) + 16 * wanted * it <= bytes.len()).last().unwrap_or(0);
    let (indices, values) = bytes.split_at(indices_of(fragments));
    let indices = indices.chunks_exact(4).map(bytemuck::pod_read_unaligned::<u32>);
    let values = values.chunks_exact(8).map(bytemuck::pod_read_unaligned::<f64>);
    let all: Vec<_> = indices.zip(values).take(2 * wanted * fragments).collect();
    for both in all.chunks_exact(2 * wanted) {
        let mut best = Best::default();
        for (side, found) in both.chunks_exact(wanted).enumerate() {
            let these = found.iter().filter(|it| it.0 != u32::MAX && it.1 >= query.least[side]);
            best[side] = these.take(query.top).map(|&(index, value)| (index as usize, value)).collect();
        }
        found.push(best);
    }
}

/// Why exemplars cannot be put on the device.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is none.
    #[error(transparent)]
    Absent(Absent),
    /// It failed.
    #[error("{0}")]
    Fault(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
