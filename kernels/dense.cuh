// The correlation of soft pictures by Fourier transform, and the brightest lag of each pair.
//
// Spectra lie with the pitch axis innermost. A pair is multiplied and transformed back along pitch a few frequencies
// at a time, and the rows that are wanted written; then two rows at a time, as the real and imaginary parts of one line,
// are transformed back in time and searched in registers. So the rows cross memory once in each direction, where
// multiplying, transforming back and searching one after the other take five crossings; and of 256 transpositions
// those that are not wanted do not at all.
#pragma once
#include "line.cuh"

// Frequencies in time of a block that multiplies.
#define LINES 8

// A soft picture: its runs of equal pixels are those from `first` on, in order of row and time.
struct Picture {
    u32 first;
    u32 runs;
    u32 rows;
    u32 columns;
    int low;
};

struct Run {
    u16 start;
    u16 end;
    u32 row;
    float value;
};

// Sizes that are common to all pictures of a launch: powers of two, at least 16 and 32.
struct Sizes {
    u32 rows;
    u32 columns;
    const Complex* roots_in_pitch;
    const Complex* roots_in_time;
};

// Values between rows of a pair: whole cache lines.
__device__ inline u32 row_stride(u32 columns) { return (columns / 2 + 1 + 15) / 16 * 16; }

// Where a pair's wanted transpositions begin, and where they end.
struct Wanted {
    int lowest, highest;
};

template <u32 LENGTH> __device__ inline Line<LENGTH> line_of(float* memory, u32 runtime_length, const Complex* roots) {
    u32 length = LENGTH ? LENGTH : runtime_length, threads = length / 8;
    float* re = memory + threadIdx.x / threads * line_stride(length);
    return {re, re + length, length, threadIdx.x % threads, roots};
}

// Draws two rows of a picture as the parts of one line and transforms it in time: blockIdx.x is the pair of rows,
// blockIdx.y the picture. The spectra of the rows are told apart by their symmetry, and written frequency by row.
extern "C" __global__ void transform_in_time(const Picture* pictures, const Run* runs, Sizes sizes, Complex* spectra) {
    SHARED_MEMORY(memory);
    Line<0> line = line_of<0>((float*)memory, sizes.columns, sizes.roots_in_time);
    const Picture picture = pictures[blockIdx.y];
    const Run* own = runs + picture.first;
    for (u32 i = line.thread; i < sizes.columns; i += sizes.columns / 8) line.put(i, {0.0f, 0.0f});
    __syncthreads();
    u32 begin = 0;
    for (u32 high = picture.runs; begin < high;) {
        u32 middle = (begin + high) / 2;
        if (own[middle].row < 2 * blockIdx.x) begin = middle + 1; else high = middle;
    }
    for (u32 i = begin + line.thread; i < picture.runs && own[i].row <= 2 * blockIdx.x + 1; i += sizes.columns / 8) {
        float* part = own[i].row % 2 ? line.im : line.re;
        for (u32 column = own[i].start; column < own[i].end; column++) part[place(column)] = own[i].value;
    }
    __syncthreads();
    Complex v[8];
    for (u32 i = 0; i < 8; i++) v[i] = line.get(place(line.thread + i * line.eighth()));
    transform<false>(line, v);
    __syncthreads();
    for (u32 i = 0; i < 8; i++) line.put(place(line.thread + i * line.eighth()), v[i]);
    __syncthreads();
    u32 frequencies = sizes.columns / 2 + 1;
    for (u32 f = line.thread; f < frequencies; f += sizes.columns / 8) {
        Complex z = line.get(place(f)), mirrored = conjugate(line.get(place(f ? sizes.columns - f : 0)));
        Complex even = {(z.re + mirrored.re) * 0.5f, (z.im + mirrored.im) * 0.5f};
        Complex odd = {(z.im - mirrored.im) * 0.5f, (mirrored.re - z.re) * 0.5f};
        Complex* at = spectra + ((u64)blockIdx.y * frequencies + f) * sizes.rows + 2 * blockIdx.x;
        at[0] = even;
        at[1] = odd;
    }
}

// Transforms all frequencies of pictures along pitch, in place.
extern "C" __global__ void transform_in_pitch(Sizes sizes, Complex* spectra, u32 lines) {
    SHARED_MEMORY(memory);
    Line<0> line = line_of<0>((float*)memory, sizes.rows, sizes.roots_in_pitch);
    u32 index = blockIdx.x * (blockDim.x / (sizes.rows / 8)) + threadIdx.x / (sizes.rows / 8);
    Complex* own = spectra + (u64)min(index, lines - 1) * sizes.rows;
    Complex v[8];
    for (u32 i = 0; i < 8; i++) v[i] = own[line.thread + i * line.eighth()];
    // The last block may have lines to spare, which compute the last one again: all have read it before it is written.
    transform<false>(line, v);
    __syncthreads();
    if (index < lines)
        for (u32 i = 0; i < 8; i++) own[line.thread + i * line.eighth()] = v[i];
}

// The lowest row lag that is wanted of a pair, and how many: those at which rows meet.
struct RowLags {
    int first, count;
    __device__ RowLags(const Picture& x, const Picture& k, const Wanted& wanted) {
        int apart = x.low - k.low;
        first = max(wanted.lowest - apart, 1 - (int)k.rows);
        int last = min(wanted.highest - apart, (int)x.rows - 1);
        count = max(last - first + 1, 0);
    }
};

// Multiplies the spectra of fragment blockIdx.z with those of `each` exemplars from blockIdx.y * each on, at frequencies
// from blockIdx.x * LINES on, transforms the products back along pitch, and writes the rows that are wanted: pair by
// `room` rows by frequency.
template <u32 ROWS>
__device__ void multiply_lines(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, u32 each,
    const Sizes& sizes, const Complex* x, const Complex* k, const Wanted& wanted, u32 room, Complex* rows) {
    SHARED_MEMORY(memory);
    Line<ROWS> line = line_of<ROWS>((float*)memory, sizes.rows, sizes.roots_in_pitch);
    u32 frequencies = sizes.columns / 2 + 1, f = min(blockIdx.x * LINES + threadIdx.x / line.eighth(), frequencies - 1);
    Complex own[8];
#pragma unroll
    for (u32 i = 0; i < 8; i++)
        own[i] = x[((u64)blockIdx.z * frequencies + f) * line.length() + line.thread + i * line.eighth()];
    const Picture fragment = fragments[blockIdx.z];
    u32 last = min((blockIdx.y + 1) * each, exemplar_count);
    for (u32 exemplar = blockIdx.y * each; exemplar < last; exemplar++) {
        const Complex* theirs = k + ((u64)exemplar * frequencies + f) * line.length() + line.thread;
        Complex v[8];
#pragma unroll
        for (u32 i = 0; i < 8; i++) v[i] = own[i] * conjugate(theirs[i * line.eighth()]);
        transform<true>(line, v);
        __syncthreads();
        u32 to = place(line.thread);
#pragma unroll
        for (u32 i = 0; i < 8; i++) line.put(to ^ place(i * line.eighth()), v[i]);
        __syncthreads();
        RowLags lags(fragment, exemplars[exemplar], wanted);
        // Neighbouring threads write neighbouring frequencies.
        u32 frequency = blockIdx.x * LINES + threadIdx.x % LINES;
        u32 stride = row_stride(sizes.columns);
        Complex* out = rows + ((u64)blockIdx.z * exemplar_count + exemplar) * room * stride + frequency;
        const float* from = (float*)memory + threadIdx.x % LINES * line_stride(line.length());
        if (frequency < frequencies)
            for (int lag = threadIdx.x / LINES; lag < lags.count; lag += blockDim.x / LINES) {
                u32 at = place((u32)(lags.first + lag) & (line.length() - 1));
                out[(u32)lag * stride] = {from[at], from[line.length() + at]};
            }
    }
}

#define MULTIPLY(name, rows_or_0)                                                                                     \
    extern "C" __global__ void name(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, u32 each, \
        Sizes sizes, const Complex* x, const Complex* k, Wanted wanted, u32 room, Complex* rows) {                    \
        multiply_lines<rows_or_0>(fragments, exemplars, exemplar_count, each, sizes, x, k, wanted, room, rows);       \
    }
MULTIPLY(multiply, 0)
// The lengths of music: up to five and ten octaves.
MULTIPLY(multiply_128, 128)
MULTIPLY(multiply_256, 256)

// A brightness and a lag in one number, the greater the better: the brightness, then the smaller absolute transposition
// and shift, upwards, later. Negative ones count as 0.
__device__ inline u64 soft_rank(float brightness, int transposition, int shift) {
    u32 up = transposition < 0 ? -transposition : transposition, along = shift < 0 ? -shift : shift;
    u32 bits = __float_as_uint(max(brightness, 0.0f));
    return (u64)bits << 32 | (1023 - up) << 22 | ((1u << 20) - 1 - along) << 2 | (u32)(transposition > 0) << 1
        | (u32)(shift > 0);
}

// Transforms rows of pairs back in time, two at a time, and finds the best lag: blockIdx.x is a group of row pairs,
// blockIdx.y the exemplar, blockIdx.z the fragment. `peaks` is zero at first.
template <u32 COLUMNS>
__device__ void find_peaks_of(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, const Sizes& sizes,
    const Wanted& wanted, u32 room, const Complex* rows, float scale, u64* peaks) {
    SHARED_MEMORY(memory);
    __shared__ u64 tops[32];
    Line<COLUMNS> line = line_of<COLUMNS>((float*)memory, sizes.columns, sizes.roots_in_time);
    u32 columns = line.length(), threads = line.eighth(), frequencies = columns / 2 + 1;
    const Picture fragment = fragments[blockIdx.z], exemplar = exemplars[blockIdx.y];
    RowLags lags(fragment, exemplar, wanted);
    int lag = 2 * (blockIdx.x * (blockDim.x / threads) + threadIdx.x / threads);
    u64 pair = (u64)blockIdx.z * exemplar_count + blockIdx.y;
    // What was found so far, by whichever blocks are done: what is less need not be ranked.
    u32 known = (u32)(peaks[pair] >> 32);
    const Complex* even = rows + (pair * room + lag) * row_stride(columns);
    const Complex* odd = even + row_stride(columns);
    Complex v[8];
#pragma unroll
    for (u32 i = 0; i < 8; i++) {
        u32 f = line.thread + i * threads;
        bool upper = f >= frequencies;
        u32 at = upper ? columns - f : f;
        Complex a = lag < lags.count ? even[at] : Complex{0.0f, 0.0f};
        Complex b = lag + 1 < lags.count ? odd[at] : Complex{0.0f, 0.0f};
        v[i] = upper ? Complex{a.re + b.im, b.re - a.im} : Complex{a.re - b.im, a.im + b.re};
    }
    transform<true>(line, v);
    // First the greatest value; only those that have it are ranked.
    bool there[2] = {lag < lags.count, lag + 1 < lags.count};
    float top = 0.0f;
#pragma unroll
    for (u32 i = 0; i < 8; i++) {
        u32 shift = line.thread + i * threads;
        bool within = shift < fragment.columns || shift + exemplar.columns > columns;
        if (!within || !there[0]) v[i].re = -1e30f;
        if (!within || !there[1]) v[i].im = -1e30f;
        top = max(top, max(v[i].re, v[i].im));
    }
    u32 warp_top = __reduce_max_sync(~0u, __float_as_uint(top));
    u64 best = 0;
    if (__float_as_uint(__uint_as_float(warp_top) * scale) >= known && __float_as_uint(top) == warp_top) {
        int transposition = lags.first + lag + fragment.low - exemplar.low;
#pragma unroll
        for (u32 i = 0; i < 8; i++) {
            int shift = (int)(line.thread + i * threads);
            if (shift >= (int)fragment.columns) shift -= (int)columns;
            // Where nothing is above 0, all that is there is 0.
            if (v[i].re == top || (top == 0.0f && v[i].re > -1e29f)) best = max(best, soft_rank(top * scale, transposition, shift));
            if (v[i].im == top || (top == 0.0f && v[i].im > -1e29f)) best = max(best, soft_rank(top * scale, transposition + 1, shift));
        }
    }
    for (int apart = 16; apart; apart /= 2) best = max(best, __shfl_xor_sync(~0u, best, apart));
    if (threadIdx.x % 32 == 0) tops[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (u32 i = 1; i < (blockDim.x + 31) / 32; i++) best = max(best, tops[i]);
        atomicMax(&peaks[pair], best);
    }
}

#define FIND_PEAKS(name, columns_or_0)                                                                                \
    extern "C" __global__ void name(const Picture* fragments, const Picture* exemplars, u32 exemplar_count,           \
        Sizes sizes, Wanted wanted, u32 room, const Complex* rows, float scale, u64* peaks) {                         \
        find_peaks_of<columns_or_0>(fragments, exemplars, exemplar_count, sizes, wanted, room, rows, scale, peaks);   \
    }
FIND_PEAKS(find_peaks, 0)
// Phrases, and pieces of a minute.
FIND_PEAKS(find_peaks_512, 512)
FIND_PEAKS(find_peaks_2048, 2048)
