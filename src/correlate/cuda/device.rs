//! The device: asked for once, then kept. What it says of itself, its kernels, its memory.
//!
//! `cudarc` panics when a library or a function is missing, and formatting its errors calls the driver: so the
//! library, then the functions, then the devices are asked for first, and errors are told by their number's name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use cudarc::driver::sys::{self, CUdevice_attribute as Attribute, CUfunction_attribute_enum as FunctionAttribute};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, LaunchConfig,
    PinnedHostSlice, result,
};
use cudarc::nvrtc::Ptx;

use super::Absent;

/// The kernels as they were compiled for each compute capability, the newest first.
const MODULES: [((i32, i32), &str); 2] = [
    ((9, 0), include_str!("../../../kernels/ptx/compute_90.ptx")),
    ((8, 0), include_str!("../../../kernels/ptx/compute_80.ptx")),
];

/// Every kernel that is launched.
const KERNELS: [&str; 25] = [
    "draw_images",
    "divide_tasks",
    "brightest_bytes_near",
    "brightest_halves_near",
    "brightest_bytes",
    "brightest_halves",
    "brightest_words",
    "places_bytes",
    "places_halves",
    "places_words",
    "bound_by_ink",
    "find_promising",
    "list_candidates",
    "list_found",
    "weigh_all",
    "weigh_listed",
    "find_best",
    "transform_in_time",
    "transform_in_pitch",
    "multiply",
    "multiply_128",
    "multiply_256",
    "find_peaks",
    "find_peaks_512",
    "find_peaks_2048",
];

/// The functions of the driver that are called, here and by `cudarc` for us.
const SYMBOLS: [&str; 31] = [
    "cuInit",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetName",
    "cuDeviceGetAttribute",
    "cuDevicePrimaryCtxRetain",
    "cuDevicePrimaryCtxRelease_v2",
    "cuCtxGetCurrent",
    "cuCtxSetCurrent",
    "cuMemGetInfo_v2",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
    "cuEventCreate",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuEventDestroy_v2",
    "cuMemAllocAsync",
    "cuMemFreeAsync",
    "cuMemHostAlloc",
    "cuMemFreeHost",
    "cuMemsetD8Async",
    "cuMemcpyHtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",
    "cuModuleLoadData",
    "cuModuleGetFunction",
    "cuFuncGetAttribute",
    "cuFuncSetAttribute",
    "cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags",
    "cuLaunchKernel",
];

/// A graphics processor, ready to be used from any thread.
pub(super) struct Device {
    context: Arc<CudaContext>,
    kernels: BTreeMap<&'static str, CudaFunction>,
    pub name: String,
    /// Its compute capability.
    pub capability: (i32, i32),
    pub multiprocessors: u32,
    /// Shared memory that a block may have, in bytes.
    pub shared: u32,
}

/// A call of the driver that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is not enough memory on the device.
    OutOfMemory,
    /// Anything else.
    Driver(sys::CUresult),
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        match error.0 {
            sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Self::OutOfMemory,
            other => Self::Driver(other),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("the memory of the graphics processor is full"),
            Self::Driver(code) => write!(f, "the graphics processor failed with {code:?}"),
        }
    }
}

fn refused(action: &'static str) -> impl Fn(DriverError) -> Absent {
    move |error| Absent::Refused { action, code: format!("{:?}", error.0) }
}

impl Device {
    /// The first device.
    pub fn get() -> Result<&'static Self, Absent> {
        static DEVICE: OnceLock<Result<Device, Absent>> = OnceLock::new();
        DEVICE.get_or_init(Self::open).as_ref().map_err(Clone::clone)
    }

    #[allow(unsafe_code, reason = "asking a library for its functions, and saying who orders the work")]
    fn open() -> Result<Self, Absent> {
        // SAFETY: loading the driver's library runs its own initialisers, which is what it is for.
        if !unsafe { sys::is_culib_present() } {
            return Err(Absent::NoDriver);
        }
        // SAFETY: the library is there; the addresses are not called through this type.
        let library = unsafe { sys::culib() };
        for symbol in SYMBOLS {
            if unsafe { library.get::<unsafe extern "C" fn()>(symbol.as_bytes()) }.is_err() {
                return Err(Absent::OldDriver { symbol });
            }
        }
        match CudaContext::device_count() {
            Ok(count) if count > 0 => {}
            Ok(_) | Err(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)) => return Err(Absent::NoDevice),
            Err(error) => return Err(refused("counting the devices")(error)),
        }
        let context = CudaContext::new(0).map_err(refused("opening the device"))?;
        // SAFETY: memory is written before it is used elsewhere, and each stream uses its own.
        unsafe { context.disable_event_tracking() };
        let name = context.name().map_err(refused("asking for the device's name"))?;
        let ask = |attribute| context.attribute(attribute).map_err(refused("asking for the device's limits"));
        let (major, minor) = (
            ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        );
        let Some((_, ptx)) = MODULES.into_iter().find(|(least, _)| (major, minor) >= *least) else {
            return Err(Absent::OldDevice { name, major, minor });
        };
        let module = context.load_module(Ptx::from_src(ptx)).map_err(refused("loading the kernels"))?;
        let shared = ask(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        let mut kernels = BTreeMap::new();
        for kernel in KERNELS {
            let function = module.load_function(kernel).map_err(refused("finding a kernel"))?;
            let fixed = function.shared_size_bytes().unwrap_or(0);
            function
                .set_attribute(FunctionAttribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared - fixed)
                .map_err(refused("asking for shared memory"))?;
            kernels.insert(kernel, function);
        }
        let multiprocessors = ask(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)? as u32;
        Ok(Self { context, kernels, name, capability: (major, minor), multiprocessors, shared: shared as u32 })
    }

    /// Memory that is not in use, in bytes.
    pub fn unused(&self) -> usize {
        self.context.mem_get_info().map_or(0, |(unused, _)| unused)
    }

    /// How many blocks of a kernel a multiprocessor holds at once.
    pub fn blocks(&self, kernel: &str, threads: u32, shared: u32) -> u32 {
        let blocks =
            self.kernels[kernel].occupancy_max_active_blocks_per_multiprocessor(threads, shared as usize, None);
        blocks.unwrap_or(1).max(1)
    }

    /// A lane for work: its own order, its own memory.
    pub fn lane(&'static self) -> Result<Lane, Fault> {
        let stream = self.context.new_stream()?;
        Ok(Lane { device: self, stream, sides: Vec::new(), memory: [const { None }; 3], up: None, down: None })
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Memory of a lane, by what it is for. It grows when more is asked for and is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Memory {
    /// What comes from the host.
    Parcel,
    /// What is computed on the way.
    Scratch,
    /// Images, whose size changes from one batch to the next.
    Images,
}

/// Work that is done in order, beside that of other lanes.
pub(super) struct Lane {
    pub device: &'static Device,
    pub stream: Arc<CudaStream>,
    /// For work that may be done beside that of the lane.
    sides: Vec<Arc<CudaStream>>,
    memory: [Option<CudaSlice<u8>>; 3],
    /// Host memory that the device reads and writes by itself.
    up: Option<PinnedHostSlice<u8>>,
    down: Option<PinnedHostSlice<u8>>,
}

impl Lane {
    /// At least so many bytes of memory, as an address on the device. What it holds is not known.
    pub fn reserve(&mut self, memory: Memory, bytes: u64) -> Result<u64, Fault> {
        let slot = &mut self.memory[memory as usize];
        if slot.as_ref().is_none_or(|slice| (slice.len() as u64) < bytes) {
            // Given back first, so that both need not fit.
            *slot = None;
            *slot = Some(allocate(&self.stream, bytes)?);
        }
        Ok(slot.as_ref().map_or(0, |slice| address(slice, &self.stream)))
    }

    /// Gives all memory of the device back.
    pub fn give_back(&mut self) {
        self.memory = [const { None }; 3];
    }

    /// Sends a parcel to the device; gives its address. What was asked for before must have been answered.
    pub fn send(&mut self, parcel: &Parcel) -> Result<u64, Fault> {
        let bytes = &parcel.bytes;
        let to = self.reserve(Memory::Parcel, bytes.len() as u64)?;
        grow_pinned(&self.device.context, &mut self.up, bytes.len())?;
        let Some(up) = &mut self.up else { return Err(Fault::OutOfMemory) };
        // The last parcel must have left.
        self.stream.synchronize()?;
        up.as_mut_slice()?[..bytes.len()].copy_from_slice(bytes);
        copy(&self.stream, Direction::Up { from: up, to }, bytes.len())?;
        Ok(to)
    }

    /// Asks for bytes from the device.
    pub fn ask(&mut self, from: u64, bytes: usize) -> Result<(), Fault> {
        grow_pinned(&self.device.context, &mut self.down, bytes)?;
        let Some(down) = &mut self.down else { return Err(Fault::OutOfMemory) };
        copy(&self.stream, Direction::Down { from, to: down }, bytes)
    }

    /// Waits for what was asked for.
    pub fn answer(&mut self, bytes: usize) -> Result<&[u8], Fault> {
        self.stream.synchronize()?;
        let Some(down) = &self.down else { return Err(Fault::OutOfMemory) };
        Ok(&down.as_slice()?[..bytes])
    }

    /// Sets bytes on the device to zero.
    pub fn clear(&self, at: u64, bytes: u64) -> Result<(), Fault> {
        clear(&self.stream, at, bytes)
    }

    /// Does pieces of work that do not wait for each other, but for what was there before; what comes afterwards waits
    /// for all of them.
    pub fn side_by_side<T>(
        &mut self,
        pieces: &[T],
        work: impl Fn(&Self, &Arc<CudaStream>, &T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while self.sides.len() + 1 < pieces.len() {
            self.sides.push(self.device.context.new_stream()?);
        }
        let sides = &self.sides[..pieces.len().saturating_sub(1)];
        for side in sides {
            side.join(&self.stream)?;
        }
        for (turn, piece) in pieces.iter().enumerate() {
            work(self, if turn == 0 { &self.stream } else { &sides[turn - 1] }, piece)?;
        }
        for side in sides {
            self.stream.join(side)?;
        }
        Ok(())
    }

    /// Launches a kernel in the order of the lane.
    ///
    /// # Safety
    /// As [`launch_on`](Self::launch_on).
    #[allow(unsafe_code, reason = "what a kernel does with its arguments cannot be checked")]
    pub unsafe fn launch(&self, kernel: &str, shape: Shape, arguments: &[Argument]) -> Result<(), Fault> {
        // SAFETY: as the caller says.
        unsafe { self.launch_on(&self.stream, kernel, shape, arguments) }
    }

    /// Launches a kernel.
    ///
    /// # Safety
    /// The arguments must be those that the kernel of this name takes, in number and type, and addresses in them
    /// must be of as much memory of this device as it uses.
    #[allow(unsafe_code, reason = "what a kernel does with its arguments cannot be checked")]
    pub unsafe fn launch_on(
        &self,
        stream: &Arc<CudaStream>,
        kernel: &str,
        shape: Shape,
        arguments: &[Argument],
    ) -> Result<(), Fault> {
        use cudarc::driver::PushKernelArg;
        let (x, y, z) = shape.blocks;
        if x == 0 || y == 0 || z == 0 {
            return Ok(());
        }
        let mut builder = stream.launch_builder(&self.device.kernels[kernel]);
        for argument in arguments {
            match argument {
                Argument::Word(word) => builder.arg(word),
                Argument::Long(long) => builder.arg(long),
                Argument::Shelf(shelf) => builder.arg(shelf),
                Argument::Inks(inks) => builder.arg(inks),
                Argument::Sizes(sizes) => builder.arg(sizes),
                Argument::Pair(pair) => builder.arg(pair),
                Argument::Real(real) => builder.arg(real),
            };
        }
        let config =
            LaunchConfig { grid_dim: (x, y, z), block_dim: (shape.threads, 1, 1), shared_mem_bytes: shape.shared };
        // SAFETY: as the caller says.
        unsafe { builder.launch(config) }?;
        Ok(())
    }
}

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
}

// SAFETY: they are laid out as in C and made of addresses and numbers.
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for ShelfTable {}
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for InksTable {}
#[allow(unsafe_code, reason = "a promise about their layout")]
unsafe impl DeviceRepr for SizesTable {}

/// Arrays that travel together.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    bytes: Vec<u8>,
}

impl Parcel {
    /// Adds an array; gives where it begins.
    pub fn push<T: bytemuck::NoUninit>(&mut self, items: &[T]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytemuck::cast_slice(items));
        at
    }
}

/// Memory that stays on the device.
pub(super) struct Resident {
    slice: CudaSlice<u8>,
    stream: Arc<CudaStream>,
}

impl Resident {
    /// Sends a parcel to stay.
    pub fn new(lane: &Lane, parcel: &Parcel) -> Result<Self, Fault> {
        let mut slice = allocate(&lane.stream, parcel.bytes.len() as u64)?;
        lane.stream.memcpy_htod(&parcel.bytes, &mut slice)?;
        lane.stream.synchronize()?;
        Ok(Self { slice, stream: Arc::clone(&lane.stream) })
    }

    /// Where it is.
    pub fn address(&self) -> u64 {
        address(&self.slice, &self.stream)
    }

    /// Bytes that it takes.
    pub fn len(&self) -> usize {
        self.slice.len()
    }
}

#[allow(unsafe_code, reason = "memory that is not set yet: every user writes it before it is read")]
fn allocate(stream: &Arc<CudaStream>, bytes: u64) -> Result<CudaSlice<u8>, Fault> {
    // SAFETY: bytes of any value are bytes.
    Ok(unsafe { stream.alloc(usize::try_from(bytes.max(16)).map_err(|_| Fault::OutOfMemory)?) }?)
}

fn address(slice: &CudaSlice<u8>, stream: &CudaStream) -> u64 {
    slice.device_ptr(stream).0
}

#[allow(unsafe_code, reason = "pinned memory is not set at first: bytes of any value are bytes")]
fn grow_pinned(context: &Arc<CudaContext>, slot: &mut Option<PinnedHostSlice<u8>>, bytes: usize) -> Result<(), Fault> {
    if slot.as_ref().is_none_or(|slice| slice.len() < bytes) {
        *slot = None;
        // Not write-combined, which is slow to read back.
        *slot = Some(unsafe { context.alloc_pinned_with_flags(bytes.next_power_of_two().max(1 << 12), 0) }?);
    }
    Ok(())
}

/// Which way bytes go between a pinned buffer and an address on the device.
enum Direction<'a> {
    Up { from: &'a PinnedHostSlice<u8>, to: u64 },
    Down { from: u64, to: &'a mut PinnedHostSlice<u8> },
}

#[allow(unsafe_code, reason = "a part of a pinned buffer, whose length is checked here")]
fn copy(stream: &Arc<CudaStream>, direction: Direction<'_>, bytes: usize) -> Result<(), Fault> {
    stream.context().bind_to_thread()?;
    // SAFETY: lanes hand over addresses of as many bytes; they wait before they use the host's again.
    match direction {
        Direction::Up { from, to } => {
            unsafe { result::memcpy_htod_async(to, &from.as_slice()?[..bytes], stream.cu_stream()) }?
        }
        Direction::Down { from, to } => {
            unsafe { result::memcpy_dtoh_async(&mut to.as_mut_slice()?[..bytes], from, stream.cu_stream()) }?
        }
    }
    Ok(())
}

#[allow(unsafe_code, reason = "the driver takes an address")]
fn clear(stream: &Arc<CudaStream>, at: u64, bytes: u64) -> Result<(), Fault> {
    stream.context().bind_to_thread()?;
    // SAFETY: lanes hand over addresses of as many bytes.
    unsafe { result::memset_d8_async(at, 0, bytes as usize, stream.cu_stream()) }?;
    Ok(())
}
