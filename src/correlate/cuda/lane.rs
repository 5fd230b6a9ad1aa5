//! Work that is done in order on the device, with the memory that it uses.

use std::sync::Arc;

use cudarc::driver::{
    CudaContext, CudaSlice, CudaStream, DevicePtr, LaunchConfig, PinnedHostSlice, PushKernelArg, result,
};

use super::argument::{Argument, Shape};
use super::device::{Device, Fault};

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
    /// With an order and memory of its own.
    pub fn new(device: &'static Device) -> Result<Self, Fault> {
        let stream = device.context.new_stream()?;
        Ok(Self { device, stream, sides: Vec::new(), memory: [const { None }; 3], up: None, down: None })
    }

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

    /// Bytes of the device's memory that it holds.
    pub fn held(&self) -> u64 {
        self.memory.iter().flatten().map(|slice| slice.len() as u64).sum()
    }

    /// Waits for all work, and gives all memory of the device back.
    pub fn give_back(&mut self) {
        // After a failure there is nothing to wait for.
        for stream in self.sides.iter().chain([&self.stream]) {
            let _ = stream.synchronize();
        }
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

    /// Deals pieces of work out to so many streams in turn; pieces of different streams do not wait for each other. All
    /// wait for what was there before, and what comes afterwards waits for all of them.
    pub fn dealt_out<T>(
        &mut self,
        streams: usize,
        pieces: impl IntoIterator<Item = T>,
        work: impl Fn(&Self, &Arc<CudaStream>, T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while self.sides.len() + 1 < streams {
            self.sides.push(self.device.context.new_stream()?);
        }
        let sides = &self.sides[..streams.saturating_sub(1)];
        for side in sides {
            side.join(&self.stream)?;
        }
        let all = std::iter::once(&self.stream).chain(sides).cycle();
        let done = pieces.into_iter().zip(all).try_for_each(|(piece, stream)| work(self, stream, piece));
        // After a failure too: what was begun uses memory that others may give back.
        for side in sides {
            self.stream.join(side)?;
        }
        done
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
                Argument::Windows(windows) => builder.arg(windows),
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

impl Drop for Lane {
    /// What is still being done uses the memory.
    fn drop(&mut self) {
        self.give_back();
    }
}

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

    /// Adds arrays as one.
    pub fn push_all<'a, T: bytemuck::NoUninit>(&mut self, arrays: impl Iterator<Item = &'a [T]>) -> u64 {
        let at = self.push::<T>(&[]);
        arrays.for_each(|items| self.bytes.extend_from_slice(bytemuck::cast_slice(items)));
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
