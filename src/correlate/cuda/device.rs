//! The device: asked for once, then kept. What it says of itself, its kernels, its memory.
//!
//! `cudarc` panics when a library or a function is missing, and formatting its errors calls the driver: so the
//! library, then the functions, then the devices are asked for first, and errors are told by their number's name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use cudarc::driver::sys::{self, CUdevice_attribute as Attribute, CUfunction_attribute_enum as FunctionAttribute};
use cudarc::driver::{CudaContext, CudaFunction, DriverError};
use cudarc::nvrtc::Ptx;

use super::Absent;

/// The kernels as they were compiled for each compute capability, the newest first.
const MODULES: [((i32, i32), &str); 2] = [
    ((9, 0), include_str!("../../../kernels/ptx/compute_90.ptx")),
    ((8, 0), include_str!("../../../kernels/ptx/compute_80.ptx")),
];

/// Every kernel that is launched.
const KERNELS: [&str; 28] = [
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
    "find_peaks_1024",
    "find_peaks_2048",
    "find_windows",
    "find_windows_512",
];

/// The functions of the driver that are called, here and by `cudarc` for us.
const SYMBOLS: [&str; 33] = [
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
    "cuMemAlloc_v2",
    "cuMemFree_v2",
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
    pub context: Arc<CudaContext>,
    pub kernels: BTreeMap<&'static str, CudaFunction>,
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
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", &self.name).finish_non_exhaustive()
    }
}
