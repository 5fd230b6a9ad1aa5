// A stand-in for the CUDA driver library: enough of it for the program's own path (load, copy, launch, copy back) to
// run on the processor, with the kernels compiled in through shim.h.
//
//   c++ -std=c++20 -O1 -fPIC -shared -o DIR/libcuda.so.1 kernels/host/driver.cpp
//   LD_LIBRARY_PATH=DIR cargo test --test cuda
//
// With -DOLD it lacks a function. STAND_IN_MEMORY in the environment limits the memory of the device, in bytes; STAND_IN_DEVICES=0 leaves no device.
#include "shim.h"
#include "../judge.cu"

#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

// Calls a kernel with arguments as cuLaunchKernel has them: a pointer to each.
template <typename... Args, size_t... I>
static void call(void (*kernel)(Args...), void** arguments, std::index_sequence<I...>) {
    kernel(*(std::remove_cv_t<Args>*)arguments[I]...);
}
typedef std::function<void(void**)> Kernel;
template <typename... Args> static Kernel wrapped(void (*kernel)(Args...)) {
    return [kernel](void** arguments) { call(kernel, arguments, std::index_sequence_for<Args...>()); };
}

static std::map<std::string, Kernel>& kernels() {
#define KERNEL(name) {#name, wrapped(name)}
    static std::map<std::string, Kernel> all = {
        KERNEL(draw_images), KERNEL(brightest_bytes_near), KERNEL(brightest_halves_near), KERNEL(brightest_bytes),
        KERNEL(brightest_halves), KERNEL(brightest_words), KERNEL(places_bytes), KERNEL(places_halves), KERNEL(places_words), KERNEL(divide_tasks), KERNEL(bound_by_ink), KERNEL(list_candidates), KERNEL(list_found), KERNEL(weigh_all), KERNEL(weigh_listed), KERNEL(find_best), KERNEL(find_promising),
        KERNEL(transform_in_time), KERNEL(transform_in_pitch), KERNEL(multiply), KERNEL(multiply_128), KERNEL(multiply_256),
        KERNEL(find_peaks), KERNEL(find_peaks_512), KERNEL(find_peaks_1024), KERNEL(find_peaks_2048),
        KERNEL(find_windows), KERNEL(find_windows_512),
    };
    return all;
}

static std::recursive_mutex lock;
static std::map<void*, size_t> allocated;
static size_t in_use = 0;

static size_t setting(const char* name, size_t otherwise) {
    const char* value = getenv(name);
    return value ? strtoull(value, nullptr, 10) : otherwise;
}
static size_t memory() { return setting("STAND_IN_MEMORY", (size_t)1 << 30); }

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, NOT_FOUND = 500 };

static int allocate(void** at, size_t bytes) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    if (in_use + bytes > memory()) return OUT_OF_MEMORY;
    *at = malloc(bytes + !bytes);
    // What is not written is not zero.
    memset(*at, 0xa5, bytes);
    allocated[*at] = bytes;
    in_use += bytes;
    return SUCCESS;
}
static int release(void* at) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    auto found = allocated.find(at);
    if (found == allocated.end()) return at ? INVALID_VALUE : SUCCESS;
    in_use -= found->second;
    allocated.erase(found);
    free(at);
    return SUCCESS;
}

#define API extern "C" __attribute__((visibility("default"))) int
typedef void* Handle;
static Handle handle() { static char one; return &one; }

API cuInit(unsigned) { return setting("STAND_IN_DEVICES", 1) ? SUCCESS : NO_DEVICE; }
API cuDriverGetVersion(int* version) { *version = 13000; return SUCCESS; }
API cuDeviceGetCount(int* count) { *count = (int)setting("STAND_IN_DEVICES", 1); return SUCCESS; }
API cuDeviceGet(int* device, int ordinal) { *device = ordinal; return ordinal ? INVALID_VALUE : SUCCESS; }
API cuDeviceGetName(char* name, int length, int) { snprintf(name, length, "stand-in on the processor"); return SUCCESS; }
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = memory(); return SUCCESS; }
API cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case 16: *value = 2; break;           // multiprocessors
        case 75: *value = 9; break;           // compute capability, major
        case 76: *value = 0; break;           // minor
        case 97: *value = 64 << 10; break;    // shared memory of a block, at most
        case 115: *value = 1; break;          // memory pools
        default: *value = 0;
    }
    return SUCCESS;
}
API cuDevicePrimaryCtxRetain(Handle* context, int) { *context = handle(); return SUCCESS; }
API cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API cuCtxGetCurrent(Handle* context) { *context = handle(); return SUCCESS; }
API cuCtxSetCurrent(Handle) { return SUCCESS; }
API cuCtxSynchronize() { return SUCCESS; }
API cuMemGetInfo_v2(size_t* unused, size_t* total) { *total = memory(); *unused = memory() - in_use; return SUCCESS; }
API cuStreamCreate(Handle* stream, unsigned) { *stream = handle(); return SUCCESS; }
API cuStreamDestroy_v2(Handle) { return SUCCESS; }
API cuStreamSynchronize(Handle) { return SUCCESS; }
API cuStreamWaitEvent(Handle, Handle, unsigned) { return SUCCESS; }
API cuEventCreate(Handle* event, unsigned) { *event = handle(); return SUCCESS; }
API cuEventRecord(Handle, Handle) { return SUCCESS; }
API cuEventSynchronize(Handle) { return SUCCESS; }
API cuEventQuery(Handle) { return SUCCESS; }
API cuEventElapsedTime(float* milliseconds, Handle, Handle) { *milliseconds = 1; return SUCCESS; }
API cuEventElapsedTime_v2(float* milliseconds, Handle, Handle) { *milliseconds = 1; return SUCCESS; }
API cuEventDestroy_v2(Handle) { return SUCCESS; }
API cuMemAllocAsync(void** at, size_t bytes, Handle) { return allocate(at, bytes); }
API cuMemFreeAsync(void* at, Handle) { return release(at); }
API cuMemAlloc_v2(void** at, size_t bytes) { return allocate(at, bytes); }
API cuMemFree_v2(void* at) { return release(at); }
API cuMemHostAlloc(void** at, size_t bytes, unsigned) { *at = malloc(bytes + !bytes); return SUCCESS; }
#ifndef OLD // a driver that lacks a function
API cuMemFreeHost(void* at) { free(at); return SUCCESS; }
#endif
API cuMemsetD8Async(void* at, unsigned char value, size_t bytes, Handle) { memset(at, value, bytes); return SUCCESS; }
API cuMemcpyHtoDAsync_v2(void* to, const void* from, size_t bytes, Handle) { memcpy(to, from, bytes); return SUCCESS; }
API cuMemcpyDtoHAsync_v2(void* to, const void* from, size_t bytes, Handle) { memcpy(to, from, bytes); return SUCCESS; }
API cuMemcpyDtoDAsync_v2(void* to, const void* from, size_t bytes, Handle) { memcpy(to, from, bytes); return SUCCESS; }
API cuModuleLoadData(Handle* module, const void*) { *module = handle(); return SUCCESS; }
API cuModuleUnload(Handle) { return SUCCESS; }
API cuModuleGetFunction(Handle* function, Handle, const char* name) {
    auto found = kernels().find(name);
    if (found == kernels().end()) return NOT_FOUND;
    *function = &found->second;
    return SUCCESS;
}
API cuFuncGetAttribute(int* value, int, Handle) { *value = 0; return SUCCESS; }
API cuFuncSetAttribute(Handle, int, int) { return SUCCESS; }
API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Handle, int, size_t) { *blocks = 2; return SUCCESS; }
API cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, Handle, int, size_t, unsigned) {
    *blocks = 2;
    return SUCCESS;
}
API cuLaunchKernel(Handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
    unsigned shared, Handle, void** arguments, void**) {
    std::lock_guard<std::recursive_mutex> guard(lock);
    host::launch({gx, gy, gz}, {bx, by, bz}, shared, [&] { (*(Kernel*)function)(arguments); });
    return SUCCESS;
}
static const char* name_of(int error) {
    switch (error) {
        case OUT_OF_MEMORY: return "CUDA_ERROR_OUT_OF_MEMORY";
        case NO_DEVICE: return "CUDA_ERROR_NO_DEVICE";
        case NOT_FOUND: return "CUDA_ERROR_NOT_FOUND";
        default: return "CUDA_ERROR_INVALID_VALUE";
    }
}
API cuGetErrorName(int error, const char** name) { *name = name_of(error); return SUCCESS; }
API cuGetErrorString(int error, const char** name) { *name = name_of(error); return SUCCESS; }
