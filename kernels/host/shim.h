// CUDA C++ on the processor: the threads of a block are fibers that take turns, blocks run one after another.
//
// Fibers are begun by ucontext and then switched by _setjmp and _longjmp, which ask the system for nothing; they are
// kept from block to block. A fiber runs until it waits: for its block at __syncthreads, for its warp at a warp function. This shows whether
// kernels compute the right thing and whether all threads reach their barriers; it does not show races, which
// compute-sanitizer does on a device.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>
#include <setjmp.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __host__
#define __shared__ static
#define __launch_bounds__(...)
#define __restrict__
#define __align__(bytes) alignas(bytes)

struct dim3 { unsigned x = 1, y = 1, z = 1; };
struct int2 { int x, y; };
struct uint4 { unsigned x, y, z, w; };

namespace host {

struct Fiber {
    ucontext_t context;
    jmp_buf place;
    std::unique_ptr<char[]> stack;
    dim3 thread;
    bool begun = false, done = false;
};

// Where threads wait for each other. Those that have ended are not waited for.
struct Barrier {
    int alive = 0, here = 0;
    unsigned passed = 0;
    void open() { if (here && here >= alive) { here = 0; passed++; } }
};

struct Block {
    std::vector<std::unique_ptr<Fiber>> fibers;
    jmp_buf scheduler;
    int current = 0, threads = 0;
    Barrier all;
    std::vector<Barrier> warps;
    std::vector<uint64_t> exchange; // a value of each thread
    std::vector<char> shared;
    const std::function<void()>* kernel = nullptr;
};

inline Block block;
inline dim3 block_index, block_size, grid_size;

inline Fiber& fiber() { return *block.fibers[block.current]; }
inline void yield() {
    if (!_setjmp(fiber().place)) _longjmp(block.scheduler, 1);
}
inline Barrier& warp() { return block.warps[block.current / 32]; }
inline int warp_first() { return block.current / 32 * 32; }
inline int warp_last() { return std::min(warp_first() + 32, block.threads); }

inline void enter() {
    for (;;) {
        (*block.kernel)();
        fiber().done = true;
        for (Barrier* barrier : {&block.all, &warp()}) { barrier->alive--; barrier->open(); }
        yield();
    }
}

// Lets a fiber run until it waits or ends.
inline void resume(int index) {
    block.current = index;
    if (_setjmp(block.scheduler)) return;
    Fiber& it = fiber();
    if (it.begun) _longjmp(it.place, 1);
    it.begun = true;
    setcontext(&it.context);
}

inline void wait(Barrier& barrier) {
    unsigned before = barrier.passed;
    barrier.here++;
    barrier.open();
    while (barrier.passed == before) yield();
}

// Gives every thread of the warp what `collect` makes of the values of all.
template <typename Collect> auto exchange(uint64_t value, Collect collect) {
    block.exchange[block.current] = value;
    wait(warp());
    auto result = collect(&block.exchange[warp_first()], warp_last() - warp_first());
    wait(warp());
    return result;
}

// Runs a kernel. Memory that a launch does not write is poisoned, so that nothing relies on it.
inline void launch(dim3 grid, dim3 size, size_t shared, const std::function<void()>& kernel) {
    static const size_t STACK = 128 << 10;
    size_t threads = (size_t)size.x * size.y * size.z;
    block_size = size;
    grid_size = grid;
    block.kernel = &kernel;
    block.exchange.assign(threads, 0);
    block.warps.resize((threads + 31) / 32);
    while (block.fibers.size() < threads) {
        block.fibers.push_back(std::make_unique<Fiber>());
        Fiber& it = *block.fibers.back();
        it.stack.reset(new char[STACK]);
        getcontext(&it.context);
        it.context.uc_stack.ss_sp = it.stack.get();
        it.context.uc_stack.ss_size = STACK;
        it.context.uc_link = nullptr;
        makecontext(&it.context, enter, 0);
    }
    block.threads = (int)threads;
    for (unsigned z = 0; z < grid.z; z++) for (unsigned y = 0; y < grid.y; y++) for (unsigned x = 0; x < grid.x; x++) {
        block_index = {x, y, z};
        block.shared.assign(shared + 16, (char)0xa5);
        block.all = {(int)threads};
        for (size_t i = 0; i < block.warps.size(); i++) block.warps[i] = {(int)std::min<size_t>(32, threads - 32 * i)};
        for (size_t i = 0; i < threads; i++) {
            Fiber& it = *block.fibers[i];
            it.thread = {(unsigned)(i % size.x), (unsigned)(i / size.x % size.y), (unsigned)(i / size.x / size.y)};
            it.done = false;
        }
        for (size_t left = threads; left;) {
            left = 0;
            for (size_t i = 0; i < threads; i++) {
                if (block.fibers[i]->done) continue;
                resume((int)i);
                left += !block.fibers[i]->done;
            }
        }
    }
}

} // namespace host

#define threadIdx (host::fiber().thread)
#define blockIdx host::block_index
#define blockDim host::block_size
#define gridDim host::grid_size
#define SHARED_MEMORY(name) u32* name = (u32*)(((uintptr_t)host::block.shared.data() + 15) & ~(uintptr_t)15)

inline void __syncthreads() { host::wait(host::block.all); }
inline void __syncwarp() { host::wait(host::warp()); }

template <typename A, typename B> auto min(A a, B b) { return b < a ? (std::common_type_t<A, B>)b : (std::common_type_t<A, B>)a; }
template <typename A, typename B> auto max(A a, B b) { return a < b ? (std::common_type_t<A, B>)b : (std::common_type_t<A, B>)a; }

inline unsigned __float_as_uint(float value) { unsigned bits; memcpy(&bits, &value, 4); return bits; }
inline float __uint_as_float(unsigned bits) { float value; memcpy(&value, &bits, 4); return value; }
inline long long __double_as_longlong(double value) { long long bits; memcpy(&bits, &value, 8); return bits; }
inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline int __popc(unsigned word) { return __builtin_popcount(word); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
inline unsigned __vmaxu2(unsigned a, unsigned b) { return max(a >> 16, b >> 16) << 16 | max(a & 0xffff, b & 0xffff); }

inline unsigned __vminu2(unsigned a, unsigned b) { return min(a >> 16, b >> 16) << 16 | min(a & 0xffff, b & 0xffff); }

inline unsigned __ballot_sync(unsigned, int predicate) {
    return host::exchange(predicate != 0, [](uint64_t* all, int count) {
        unsigned ballot = 0;
        for (int i = 0; i < count; i++) ballot |= (unsigned)all[i] << i;
        return ballot;
    });
}
inline unsigned __reduce_max_sync(unsigned, unsigned value) {
    return host::exchange(value, [](uint64_t* all, int count) {
        uint64_t top = 0;
        for (int i = 0; i < count; i++) top = max(top, all[i]);
        return (unsigned)top;
    });
}
template <typename T> T __shfl_sync(unsigned, T value, int from) {
    return (T)host::exchange((uint64_t)value, [=](uint64_t* all, int) { return all[from]; });
}
template <typename T> T __shfl_xor_sync(unsigned, T value, int mask) {
    static_assert(sizeof(T) <= 8);
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    int own = host::block.current % 32;
    bits = host::exchange(bits, [=](uint64_t* all, int) { return all[own ^ mask]; });
    memcpy(&value, &bits, sizeof value);
    return value;
}

// Fibers do not interrupt each other.
template <typename T> T atomicAdd(T* at, T value) { T old = *at; *at += value; return old; }
template <typename T> T atomicMax(T* at, T value) { T old = *at; *at = max(old, value); return old; }
