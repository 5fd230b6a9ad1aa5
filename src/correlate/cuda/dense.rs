//! Soft pictures: peaks of tables of pairs by Fourier transform.

use std::f64::consts::TAU;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytemuck::{Pod, Zeroable};
use cudarc::driver::CudaStream;

use super::argument::{Argument, Shape, SizesTable, WindowsTable};
use super::device::Fault;
use super::lane::{Lane, Memory, Parcel};
use crate::correlate::{Normalisation, Offset, Peak, Prepared, WindowPeak};
use crate::roll::PianoRoll;

/// Padded sizes are powers of two from these on: a block has a warp at least.
const LEAST: u32 = 32;
/// The most rows and columns of a padded picture: a line has an eighth as many threads.
const MOST_ROWS: u32 = 512;
const MOST_COLUMNS: u32 = 4096;
/// Frequencies of a block that multiplies; `LINES` of the kernels.
const LINES: u32 = 8;
/// Exemplars that a block multiplies with one fragment, at most, and blocks that there should be for each
/// multiprocessor.
const EACH: u32 = 8;
const BLOCKS: u32 = 12;
/// Threads of blocks that have several lines; and where lines are short.
const THREADS: u32 = 256;
const SHORT_THREADS: u32 = 128;
/// Bytes of lines that are written before they are read again: they should stay in the second-level cache.
const AT_ONCE: u64 = 48 << 20;
/// Tiles that are worked on at the same time, so that the end of one does not leave the device idle.
const BESIDE: u64 = 3;
/// Lines that the same threads look at one after another, where they are short.
const ROUNDS: u32 = 2;

/// Every transposition of rolls that are in reach of each other.
const ALL: (i32, i32) = (-1000, 1000);
/// Runs of the pictures of one side, at most.
const MOST_RUNS: usize = 1 << 30;
/// Sums of windows that are sent at a time, at most: half a gigabyte.
const MOST_SUMS: usize = 1 << 26;

/// A soft picture on the device.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Picture {
    first: u32,
    runs: u32,
    rows: u32,
    columns: u32,
    low: i32,
    energy: f32,
}

/// A run of equal pixels.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Run {
    start: u16,
    end: u16,
    row: u32,
    value: f32,
}

/// Padded rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    rows: u32,
    columns: u32,
}

impl Size {
    /// For all pairs of two sets; `None` when one is too large.
    fn of(fragments: &[&Prepared], exemplars: &[&Prepared]) -> Option<Self> {
        let most = |rolls: &[&Prepared], size: fn(&PianoRoll) -> u32| rolls.iter().map(|it| size(it.roll())).max();
        let padded = |size, limit| {
            let length = most(fragments, size)?.checked_add(most(exemplars, size)?)? - 1;
            Some(length.checked_next_power_of_two()?.max(LEAST)).filter(|&length| length <= limit)
        };
        let rows = padded(|roll| roll.rows().max(1) as u32, MOST_ROWS)?;
        let columns = padded(|roll| roll.columns().max(1), MOST_COLUMNS)?;
        Some(Self { rows, columns })
    }

    /// The kernel that multiplies: some are made for one length.
    fn multiply(self) -> &'static str {
        match self.rows {
            128 => "multiply_128",
            256 => "multiply_256",
            _ => "multiply",
        }
    }

    /// The kernel that finds peaks, or the best of windows.
    fn find(self, windows: bool) -> &'static str {
        match self.columns {
            512 if windows => "find_windows_512",
            _ if windows => "find_windows",
            512 => "find_peaks_512",
            1024 => "find_peaks_1024",
            2048 => "find_peaks_2048",
            _ => "find_peaks",
        }
    }

    /// Values of a thread of the kernels that multiply and find peaks, where there are such for short lines.
    fn short_rows(self) -> Option<u32> {
        values_of_a_thread(self.rows).filter(|_| self.rows <= 256)
    }

    fn short_columns(self, windows: bool) -> Option<u32> {
        values_of_a_thread(self.columns).filter(|_| self.columns == 512 || self.columns > 512 && !windows)
    }

    fn frequencies(self) -> u32 {
        self.columns / 2 + 1
    }

    /// Bytes of so many rows of a pair, two a line.
    fn lines(self, rows: u32) -> u64 {
        u64::from(rows.div_ceil(2)) * u64::from(self.columns) * 8
    }

    /// Bytes of a spectrum.
    fn spectrum(self) -> u64 {
        u64::from(self.frequencies()) * u64::from(self.rows) * 8
    }

    /// Bytes of shared memory for lines.
    fn shared(length: u32, lines: u32) -> u32 {
        lines * (2 * length + 4) * 4
    }

    /// The same for short lines.
    fn shared_short(length: u32, lines: u32) -> u32 {
        lines * (length + values_of_a_thread(length).unwrap_or(0) + 16) * 8
    }
}

/// How long the parts of a table of soft pictures take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub spectra: Duration,
    pub correlate: Duration,
}

/// What the transpositions and the sizes of a table are, on the device.
struct Table {
    size: Size,
    sizes: SizesTable,
    fragments: u64,
    exemplars: u64,
    wanted: (i32, i32),
    /// Transpositions of a pair, at most.
    room: u32,
    windows: Option<WindowsTable>,
}

/// The brightest lag of every fragment (row) with every exemplar, at transpositions within a range if there is one;
/// `None` when a picture is too large. A pair without any lag in reach has no peak.
pub(super) fn peaks(
    lane: &mut Lane,
    fragments: &[&Prepared],
    exemplars: &[&Prepared],
    transpositions: Option<RangeInclusive<i32>>,
    times: &mut Times,
) -> Result<Option<Vec<Vec<Option<Peak>>>>, Fault> {
    let wanted = wanted(transpositions);
    all(lane, (fragments, exemplars), wanted, None, times, |x, k, rank, _| {
        peak(fragments[x].roll(), exemplars[k].roll(), wanted, rank)
    })
}

/// The same by the brightness normalised by the window that is covered: the most similar lag.
pub(super) fn window_peaks(
    lane: &mut Lane,
    fragments: &[&Prepared],
    exemplars: &[&Prepared],
    transpositions: Option<RangeInclusive<i32>>,
    (fragment_is_query, normalisation): (bool, Normalisation),
    times: &mut Times,
) -> Result<Option<Vec<Vec<Option<WindowPeak>>>>, Fault> {
    let wanted = wanted(transpositions);
    let windowing = Windowing { fragment_is_query, normalisation };
    all(lane, (fragments, exemplars), wanted, Some(windowing), times, |x, k, rank, sums| {
        let (x, k) = (fragments[x].roll(), exemplars[k].roll());
        windowing.window_peak(x, k, &peak(x, k, wanted, rank)?, sums?)
    })
}

fn wanted(transpositions: Option<RangeInclusive<i32>>) -> (i32, i32) {
    transpositions.map_or(ALL, |range| (*range.start().clamp(&ALL.0, &ALL.1), *range.end().clamp(&ALL.0, &ALL.1)))
}

/// What `read` makes of the best of every fragment (row) and exemplar, given their indices, the rank, and the sums of the
/// target where there are windows.
fn all<T: Clone>(
    lane: &mut Lane,
    (fragments, exemplars): (&[&Prepared], &[&Prepared]),
    wanted: (i32, i32),
    windowing: Option<Windowing>,
    times: &mut Times,
    read: impl Fn(usize, usize, u64, Option<&Sums>) -> T,
) -> Result<Option<Vec<Vec<T>>>, Fault> {
    let Some(size) = Size::of(fragments, exemplars) else { return Ok(None) };
    let most = u64::from(size.rows);
    let room = ((i64::from(wanted.1) - i64::from(wanted.0) + 1).clamp(1, most as i64)) as u32;
    // Spectra of all exemplars, if there is memory for them, and of as many fragments.
    let fit = (lane.device.unused() as u64 / 2).saturating_sub(size.lines(room)) / size.spectrum() / 2;
    let longest = fragments.iter().chain(exemplars).map(|it| it.roll().runs().len()).max().unwrap_or(0);
    // Counted before any is made.
    let sums = windowing
        .map_or(1, |it| it.targets(fragments, exemplars).iter().map(|it| Sums::size(it.roll())).max().unwrap_or(1));
    let at_once = (fit as usize).min(MOST_RUNS / longest.max(1)).min(MOST_SUMS / sums).clamp(1, 4096);
    let mut found = vec![Vec::with_capacity(exemplars.len()); fragments.len()];
    for (turn, (part, rows)) in fragments.chunks(at_once).zip(found.chunks_mut(at_once)).enumerate() {
        for (across, exemplars) in exemplars.chunks(at_once).enumerate() {
            let firsts = (turn * at_once, across * at_once);
            // Not by rayon: whoever waits for its threads may be waited for by one that wants the lane.
            let sums = windowing.map(|it| -> Vec<_> {
                it.targets(part, exemplars).iter().map(|target| Sums::of(target.roll())).collect()
            });
            let windows = windowing.zip(sums.as_deref());
            let answers = table(lane, size, (part, exemplars), (wanted, room), windows, times)?;
            for ((x, row), ranks) in rows.iter_mut().enumerate().zip(answers.chunks_exact(exemplars.len())) {
                row.extend(ranks.iter().enumerate().map(|(k, &rank)| {
                    let sums = windows.map(|(it, sums)| &sums[if it.fragment_is_query { k } else { x }]);
                    read(firsts.0 + x, firsts.1 + k, rank, sums)
                }));
            }
        }
    }
    Ok(Some(found))
}

fn peak(x: &PianoRoll, k: &PianoRoll, wanted: (i32, i32), rank: u64) -> Option<Peak> {
    let meet = (i32::from(x.low()) - i32::from(k.high())).max(wanted.0)
        <= (i32::from(x.high()) - i32::from(k.low())).min(wanted.1);
    if x.is_dark() || k.is_dark() || !meet {
        return None;
    }
    let brightness = f32::from_bits((rank >> 32) as u32);
    let (up, along) = (1023 - (rank >> 22 & 1023) as i32, (1 << 20) - 1 - (rank >> 2 & ((1 << 20) - 1)) as i64);
    let transposition = if rank & 2 > 0 { up } else { -up };
    let shift = if rank & 1 > 0 { along } else { -along };
    Some(Peak { offset: Offset { transposition, shift }, brightness: brightness.into() })
}

/// The sums of the squared pixels below a row and before a column.
struct Sums {
    rows: i64,
    columns: i64,
    /// Row by row, one more than the picture has each way.
    sums: Vec<f64>,
}

impl Sums {
    /// How many there are of a picture.
    fn size(roll: &PianoRoll) -> usize {
        (roll.rows() + 1) * (roll.columns() as usize + 1)
    }

    fn of(roll: &PianoRoll) -> Self {
        let (rows, columns) = (roll.rows(), roll.columns() as usize);
        let width = columns + 1;
        let mut sums = vec![0.0; (rows + 1) * width];
        for run in roll.runs() {
            let row = ((run.pitch - roll.low()) as usize + 1) * width;
            sums[row + run.start as usize + 1..=row + run.end as usize].fill(f64::from(run.value).powi(2));
        }
        for row in 1..=rows {
            let mut before = 0.0;
            for column in 1..width {
                before += sums[row * width + column];
                sums[row * width + column] = before + sums[(row - 1) * width + column];
            }
        }
        Self { rows: rows as i64, columns: columns as i64, sums }
    }

    /// The energy of a window, clipped to the picture.
    fn window(&self, rows: Range<i64>, columns: Range<i64>) -> f64 {
        let at = |row: i64, column: i64| {
            self.sums[(row.clamp(0, self.rows) * (self.columns + 1) + column.clamp(0, self.columns)) as usize]
        };
        (at(rows.end, columns.end) - at(rows.end, columns.start))
            - (at(rows.start, columns.end) - at(rows.start, columns.start))
    }
}

/// What brightness is normalised by.
#[derive(Debug, Clone, Copy)]
struct Windowing {
    fragment_is_query: bool,
    normalisation: Normalisation,
}

impl Windowing {
    /// What windows are cut from.
    fn targets<'a, 'b>(self, fragments: &'a [&'b Prepared], exemplars: &'a [&'b Prepared]) -> &'a [&'b Prepared] {
        if self.fragment_is_query { exemplars } else { fragments }
    }

    /// Adds what the kernels need of the targets; where it is in the parcel.
    fn push(self, targets: &[Sums], parcel: &mut Parcel) -> WindowsTable {
        let starts = targets.iter().scan(0u64, |next, target| {
            let start = *next;
            *next += target.sums.len() as u64;
            Some(start)
        });
        let firsts = parcel.push(&starts.collect::<Vec<_>>());
        let sums = parcel.push_all(targets.iter().map(|target| &target.sums[..]));
        let covered = u32::from(self.normalisation == Normalisation::Covered);
        WindowsTable { sums, firsts, fragment_is_query: self.fragment_is_query.into(), covered }
    }

    /// What a peak of similarities says; `None` where nothing meets.
    fn window_peak(self, x: &PianoRoll, k: &PianoRoll, peak: &Peak, sums: &Sums) -> Option<WindowPeak> {
        let Peak { offset, brightness: similarity } = *peak;
        let (asked, target, direction) = if self.fragment_is_query { (x, k, -1) } else { (k, x, 1) };
        let row = i64::from(asked.low()) - i64::from(target.low()) + direction * i64::from(offset.transposition);
        let column = direction * offset.shift;
        let (rows, columns) = (row..row + asked.rows() as i64, column..column + i64::from(asked.columns()));
        let brightness = self.normalisation.brightness(similarity, asked.energy(), sums.window(rows, columns));
        (similarity > 0.0).then_some(WindowPeak { similarity, brightness, offset })
    }
}

fn root(length: u32, k: u32) -> [f32; 2] {
    let angle = -TAU * f64::from(k) / f64::from(length);
    [angle.cos() as f32, angle.sin() as f32]
}

fn roots(length: u32) -> Vec<[f32; 2]> {
    (0..length).map(|k| root(length, k)).collect()
}

/// Values of a thread of a short line; `ShortLine` of the kernels. `None` where there are none of this length.
fn values_of_a_thread(length: u32) -> Option<u32> {
    match length {
        128 | 256 | 512 => Some(16),
        1024 => Some(32),
        _ => None,
    }
}

/// Those by which short lines are turned: of each thread, for each value.
fn short_roots(length: u32) -> Vec<[f32; 2]> {
    let values = values_of_a_thread(length).unwrap_or(0);
    let threads = length.checked_div(values).unwrap_or(0);
    (0..values).flat_map(|k| (0..threads).map(move |t| root(length, k * t))).collect()
}

fn gather(rolls: &[&Prepared], pictures: &mut Vec<Picture>, runs: &mut Vec<Run>) {
    for roll in rolls.iter().map(|it| it.roll()) {
        let first = runs.len() as u32;
        runs.extend(roll.runs().iter().map(|run| {
            let row = (run.pitch - roll.low()) as u32;
            Run { start: run.start as u16, end: run.end as u16, row, value: run.value }
        }));
        let (rows, columns) = (roll.rows() as u32, roll.columns());
        pictures.push(Picture {
            first,
            runs: runs.len() as u32 - first,
            rows,
            columns,
            low: roll.low().into(),
            energy: roll.energy() as f32,
        });
    }
}

/// The ranks of all pairs.
fn table(
    lane: &mut Lane,
    size: Size,
    (fragments, exemplars): (&[&Prepared], &[&Prepared]),
    (wanted, room): ((i32, i32), u32),
    windowing: Option<(Windowing, &[Sums])>,
    times: &mut Times,
) -> Result<Vec<u64>, Fault> {
    let start = Instant::now();
    let (mut pictures, mut runs) = (Vec::new(), Vec::new());
    gather(fragments, &mut pictures, &mut runs);
    gather(exemplars, &mut pictures, &mut runs);
    let mut parcel = Parcel::default();
    let offsets = [
        parcel.push(&pictures),
        parcel.push(&runs),
        parcel.push(&roots(size.rows)),
        parcel.push(&roots(size.columns)),
        parcel.push(&short_roots(size.rows)),
        parcel.push(&short_roots(size.columns)),
    ];
    let windows = windowing.map(|(it, sums)| it.push(sums, &mut parcel));
    let base = lane.send(&parcel)?;
    let windows = windows.map(|it| WindowsTable { sums: base + it.sums, firsts: base + it.firsts, ..it });
    let [pictures, runs, in_pitch, in_time, short_in_pitch, short_in_time] = offsets.map(|offset| base + offset);
    let sizes = SizesTable {
        rows: size.rows,
        columns: size.columns,
        roots_in_pitch: in_pitch,
        roots_in_time: in_time,
        short_roots_in_pitch: short_in_pitch,
        short_roots_in_time: short_in_time,
    };
    let count = fragments.len() + exemplars.len();
    let spectra = lane.reserve(Memory::Images, count as u64 * size.spectrum())?;
    let pairs = fragments.len() * exemplars.len();
    let of_pair = size.lines(room);
    let at_once = (AT_ONCE / BESIDE / of_pair).max(1).min(pairs as u64);
    // As many exemplars as a block takes, then as many fragments as fit besides.
    let tile = at_once.min(u64::from(2 * EACH)).min(exemplars.len() as u64);
    let beside = (at_once / tile).clamp(1, fragments.len() as u64);
    let tiles: Vec<_> = (0..fragments.len())
        .step_by(beside as usize)
        .flat_map(|left| (0..exemplars.len()).step_by(tile as usize).map(move |right| (left, right)))
        .map(|(left, right)| {
            let (left_end, right_end) = (left + beside as usize, right + tile as usize);
            (left..left_end.min(fragments.len()), right..right_end.min(exemplars.len()))
        })
        .collect();
    let scratch = lane.reserve(Memory::Scratch, BESIDE * tile * beside * of_pair + pairs as u64 * 8 + 16)?;
    let (lines, ranks) = (scratch + (pairs as u64 * 8).next_multiple_of(16), scratch);
    lane.clear(ranks, pairs as u64 * 8)?;
    let table = Table {
        size,
        sizes,
        fragments: pictures,
        exemplars: pictures + (fragments.len() * size_of::<Picture>()) as u64,
        wanted,
        room,
        windows,
    };
    table.transform(lane, (pictures, runs), spectra, count)?;
    lane.stream.synchronize()?;
    times.spectra += start.elapsed();
    let start = Instant::now();
    let of_exemplars = spectra + fragments.len() as u64 * size.spectrum();
    lane.dealt_out(BESIDE as usize, tiles.iter().enumerate(), |lane, stream, (turn, (left, right))| {
        // The kernels write to a table as wide as the part of the exemplars, so the ranks of a part lie together.
        let place = ranks + 8 * (left.start * exemplars.len() + left.len() * right.start) as u64;
        let lines = lines + turn as u64 % BESIDE * tile * beside * of_pair;
        table.correlate(lane, stream, (left.clone(), right.clone()), (spectra, of_exemplars), lines, place)
    })?;
    lane.ask(ranks, pairs * 8)?;
    let answers: Vec<u64> = lane.answer(pairs * 8)?.chunks_exact(8).map(bytemuck::pod_read_unaligned).collect();
    times.correlate += start.elapsed();
    let mut ranks = vec![0; pairs];
    let places = tiles.into_iter().flat_map(|(left, right)| left.flat_map(move |x| right.clone().map(move |k| (x, k))));
    for ((x, k), answer) in places.zip(answers) {
        ranks[x * exemplars.len() + k] = answer;
    }
    Ok(ranks)
}

impl Table {
    /// The spectra of all pictures.
    #[allow(unsafe_code, reason = "launches")]
    fn transform(&self, lane: &Lane, (pictures, runs): (u64, u64), spectra: u64, count: usize) -> Result<(), Fault> {
        let Size { rows, columns } = self.size;
        let shape =
            Shape { blocks: (rows / 2, count as u32, 1), threads: columns / 8, shared: Size::shared(columns, 1) };
        let arguments =
            [Argument::Long(pictures), Argument::Long(runs), Argument::Sizes(self.sizes), Argument::Long(spectra)];
        let lines = count as u32 * self.size.frequencies();
        let beside = (THREADS / (rows / 8)).max(1);
        let in_pitch = Shape {
            blocks: (lines.div_ceil(beside), 1, 1),
            threads: beside * rows / 8,
            shared: Size::shared(rows, beside),
        };
        // SAFETY: there is memory for the spectra of as many pictures, and the runs lie within their size.
        unsafe {
            lane.launch("transform_in_time", shape, &arguments)?;
            let arguments = [Argument::Sizes(self.sizes), Argument::Long(spectra), Argument::Word(lines)];
            lane.launch("transform_in_pitch", in_pitch, &arguments)
        }
    }

    /// Some fragments with some exemplars; the ranks go to a table of their own.
    #[allow(unsafe_code, reason = "launches")]
    fn correlate(
        &self,
        lane: &Lane,
        stream: &Arc<CudaStream>,
        (left, right): (Range<usize>, Range<usize>),
        (x, k): (u64, u64),
        lines: u64,
        ranks: u64,
    ) -> Result<(), Fault> {
        let size = self.size;
        let at = |base: u64, index: usize, bytes: u64| base + index as u64 * bytes;
        let fragments = at(self.fragments, left.start, size_of::<Picture>() as u64);
        let exemplars = at(self.exemplars, right.start, size_of::<Picture>() as u64);
        let (across, along) = (right.len() as u32, left.len() as u32);
        let (lowest, highest) = (self.wanted.0 as u32, self.wanted.1 as u32);
        let parts = size.frequencies().div_ceil(LINES);
        let each = (parts * across * along / (BLOCKS * lane.device.multiprocessors)).clamp(1, EACH);
        let multiply = [
            Argument::Long(fragments),
            Argument::Long(exemplars),
            Argument::Word(across),
            Argument::Word(each),
            Argument::Sizes(self.sizes),
            Argument::Long(at(x, left.start, size.spectrum())),
            Argument::Long(at(k, right.start, size.spectrum())),
            Argument::Pair([lowest, highest]),
            Argument::Word(self.room),
            Argument::Long(lines),
        ];
        let blocks = (parts, across.div_ceil(each), along);
        let shape = match size.short_rows() {
            Some(values) => {
                Shape { blocks, threads: LINES * size.rows / values, shared: Size::shared_short(size.rows, LINES) }
            }
            None => Shape { blocks, threads: LINES * size.rows / 8, shared: Size::shared(size.rows, LINES) },
        };
        let mut find = vec![
            Argument::Long(fragments),
            Argument::Long(exemplars),
            Argument::Word(across),
            Argument::Sizes(self.sizes),
            Argument::Pair([lowest, highest]),
            Argument::Word(self.room),
            Argument::Long(lines),
            Argument::Real(1.0 / (size.rows as f32 * size.columns as f32)),
            Argument::Long(ranks),
        ];
        if let Some(windows) = self.windows {
            let first = if windows.fragment_is_query > 0 { right.start } else { left.start };
            find.push(Argument::Windows(WindowsTable { firsts: at(windows.firsts, first, 8), ..windows }));
        }
        let twos = self.room.div_ceil(2);
        let find_shape = match size.short_columns(self.windows.is_some()) {
            Some(values) => {
                let beside = SHORT_THREADS / (size.columns / values);
                Shape {
                    blocks: (twos.div_ceil(beside * ROUNDS), across, along),
                    threads: SHORT_THREADS,
                    shared: Size::shared_short(size.columns, beside),
                }
            }
            None => {
                let beside = (THREADS / (size.columns / 8)).max(1);
                Shape {
                    blocks: (twos.div_ceil(beside), across, along),
                    threads: beside * size.columns / 8,
                    shared: Size::shared(size.columns, beside),
                }
            }
        };
        // SAFETY: lines have room for the wanted rows of as many pairs, ranks for one of each.
        unsafe {
            lane.launch_on(stream, size.multiply(), shape, &multiply)?;
            lane.launch_on(stream, size.find(self.windows.is_some()), find_shape, &find)
        }
    }
}
