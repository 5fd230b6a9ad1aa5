// The correlation of soft pictures by Fourier transform, and the brightest lag of each pair.
//
// Spectra lie with the pitch axis innermost. A pair is multiplied and transformed back along pitch a few frequencies
// at a time, and the rows that are wanted written, two together, as the real and imaginary parts of one line; lines are
// transformed back in time and searched in registers. So the rows cross memory once in each direction, where
// multiplying, transforming back and searching one after the other take five crossings; and of 256 transpositions
// those that are not wanted do not at all.
#pragma once
#include "held.cuh"

// Frequencies in time of a block that multiplies.
#define LINES 8

// A soft picture: its runs of equal pixels are those from `first` on, in order of row and time.
struct Picture {
    u32 first;
    u32 runs;
    u32 rows;
    u32 columns;
    int low;
    float energy;
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
    // The same as short lines want them; for sizes that have such kernels only.
    const Complex* short_roots_in_pitch;
    const Complex* short_roots_in_time;
};

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

// Where the lines of a pair are: `room` rows of them at most, two a line.
__device__ inline Complex* lines_of_pair(Complex* lines, u64 pair, u32 room, u32 columns) {
    return lines + pair * ((room + 1) / 2) * columns;
}

// Writes a frequency of two rows of real numbers as those of the line a + b i.
__device__ inline void put_two(Complex* line, u32 columns, u32 frequency, Complex a, Complex b) {
    line[frequency] = {a.re - b.im, a.im + b.re};
    if (frequency && frequency < columns / 2) line[columns - frequency] = {a.re + b.im, b.re - a.im};
}

// Multiplies the spectra of fragment blockIdx.z with those of `each` exemplars from blockIdx.y * each on, at frequencies
// from blockIdx.x * LINES on, transforms the products back along pitch, and writes the rows that are wanted.
extern "C" __global__ void multiply(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, u32 each,
    Sizes sizes, const Complex* x, const Complex* k, Wanted wanted, u32 room, Complex* lines) {
    SHARED_MEMORY(memory);
    Line<0> line = line_of<0>((float*)memory, sizes.rows, sizes.roots_in_pitch);
    u32 frequencies = sizes.columns / 2 + 1, f = min(blockIdx.x * LINES + threadIdx.x / line.eighth(), frequencies - 1);
    Complex own[8];
    for (u32 i = 0; i < 8; i++)
        own[i] = x[((u64)blockIdx.z * frequencies + f) * line.length() + line.thread + i * line.eighth()];
    const Picture fragment = fragments[blockIdx.z];
    u32 last = min((blockIdx.y + 1) * each, exemplar_count);
    for (u32 exemplar = blockIdx.y * each; exemplar < last; exemplar++) {
        const Complex* theirs = k + ((u64)exemplar * frequencies + f) * line.length() + line.thread;
        Complex v[8];
        for (u32 i = 0; i < 8; i++) v[i] = own[i] * conjugate(theirs[i * line.eighth()]);
        transform<true>(line, v);
        __syncthreads();
        u32 to = place(line.thread);
        for (u32 i = 0; i < 8; i++) line.put(to ^ place(i * line.eighth()), v[i]);
        __syncthreads();
        RowLags lags(fragment, exemplars[exemplar], wanted);
        // Neighbouring threads write neighbouring frequencies.
        u32 frequency = blockIdx.x * LINES + threadIdx.x % LINES;
        Complex* out = lines_of_pair(lines, (u64)blockIdx.z * exemplar_count + exemplar, room, sizes.columns);
        const float* from = (float*)memory + threadIdx.x % LINES * line_stride(line.length());
        auto row = [&](int lag) {
            u32 at = place((u32)(lags.first + lag) & (line.length() - 1));
            return lag < lags.count ? Complex{from[at], from[line.length() + at]} : Complex{0.0f, 0.0f};
        };
        if (frequency < frequencies)
            for (int two = threadIdx.x / LINES; 2 * two < lags.count; two += blockDim.x / LINES)
                put_two(out + (u64)two * sizes.columns, sizes.columns, frequency, row(2 * two), row(2 * two + 1));
    }
}

// The same for short lines.
template <u32 ROWS>
__device__ void multiply_short(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, u32 each,
    const Sizes& sizes, const Complex* x, const Complex* k, const Wanted& wanted, u32 room, Complex* lines) {
    typedef ShortLine<ROWS> Short;
    SHARED_MEMORY(memory);
    u32 own_line = threadIdx.x / Short::THREADS, thread = threadIdx.x % Short::THREADS;
    Short line = {(Complex*)memory + short_line_start(Short::ROOM, own_line), thread, sizes.short_roots_in_pitch};
    u32 frequencies = sizes.columns / 2 + 1, f = min(blockIdx.x * LINES + own_line, frequencies - 1);
    Complex own[Short::VALUES];
#pragma unroll
    for (u32 i = 0; i < Short::VALUES; i++)
        own[i] = x[((u64)blockIdx.z * frequencies + f) * ROWS + thread + i * Short::THREADS];
    const Picture fragment = fragments[blockIdx.z];
    u32 last = min((blockIdx.y + 1) * each, exemplar_count);
    for (u32 exemplar = blockIdx.y * each; exemplar < last; exemplar++) {
        const Complex* theirs = k + ((u64)exemplar * frequencies + f) * ROWS + thread;
        Complex v[Short::VALUES];
#pragma unroll
        for (u32 i = 0; i < Short::VALUES; i++) v[i] = own[i] * conjugate(theirs[i * Short::THREADS]);
        // What the last exemplar left has been read.
        __syncthreads();
        line.template transform<true>(v);
        __syncwarp();
#pragma unroll
        for (u32 i = 0; i < Short::VALUES; i++) line.own[thread + i * Short::THREADS] = v[i];
        __syncthreads();
        RowLags lags(fragment, exemplars[exemplar], wanted);
        // Neighbouring threads write neighbouring frequencies.
        u32 frequency = blockIdx.x * LINES + threadIdx.x % LINES, twos = (u32)(lags.count + 1) / 2;
        if (frequency >= frequencies) continue;
        bool mirrored = frequency && frequency < sizes.columns / 2;
        const Complex* from = (Complex*)memory + short_line_start(Short::ROOM, threadIdx.x % LINES);
        Complex* out = lines_of_pair(lines, (u64)blockIdx.z * exemplar_count + exemplar, room, sizes.columns);
        Complex* up = out + threadIdx.x / LINES * sizes.columns + frequency;
        Complex* down = up + sizes.columns - 2 * frequency;
        u32 lag = lags.first + 2 * (threadIdx.x / LINES);
#pragma unroll 4
        for (u32 two = threadIdx.x / LINES; two < twos; two += Short::THREADS) {
            Complex a = from[lag & (ROWS - 1)], b = from[(lag + 1) & (ROWS - 1)];
            // The second row of the last may be one that is not wanted: it is not looked at.
            *up = {a.re - b.im, a.im + b.re};
            if (mirrored) *down = {a.re + b.im, b.re - a.im};
            lag += 2 * Short::THREADS;
            up += Short::THREADS * sizes.columns;
            down += Short::THREADS * sizes.columns;
        }
    }
}

#define MULTIPLY(name, rows, blocks)                                                                                          \
    extern "C" __global__ void __launch_bounds__(LINES * rows / 16, blocks) name(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, u32 each, \
        Sizes sizes, const Complex* x, const Complex* k, Wanted wanted, u32 room, Complex* lines) {                   \
        multiply_short<rows>(fragments, exemplars, exemplar_count, each, sizes, x, k, wanted, room, lines);           \
    }
// The lengths of music: up to five and ten octaves.
MULTIPLY(multiply_128, 128, 10)
MULTIPLY(multiply_256, 256, 5)

// A brightness and a lag in one number, the greater the better: the brightness, then the smaller absolute transposition
// and shift, upwards, later. Negative ones count as 0.
__device__ inline u64 soft_rank(float brightness, int transposition, int shift) {
    u32 up = transposition < 0 ? -transposition : transposition, along = shift < 0 ? -shift : shift;
    u32 bits = __float_as_uint(max(brightness, 0.0f));
    return (u64)bits << 32 | (1023 - up) << 22 | ((1u << 20) - 1 - along) << 2 | (u32)(transposition > 0) << 1
        | (u32)(shift > 0);
}

// The best lag of a pair that a thread has seen.
struct Best {
    u32 before, after; // shifts are those of columns below the one, and beyond the other
    int lowest;        // the transposition of the first row lag
    int count;         // of row lags
    float scale;
    u32 known;         // brightness below which nothing need be ranked
    u64 rank;

    __device__ Best(const Picture& x, const Picture& k, const RowLags& lags, u32 columns, float scale, u64 peak)
        : before(x.columns), after(columns - k.columns), lowest(lags.first + x.low - k.low), count(lags.count),
          // What was found so far, by whichever blocks are done.
          scale(scale), known((u32)(peak >> 32)), rank(0) {}

    // Looks at two rows, from row lag `lag` on: the thread has COUNT of a line, at columns `thread` + i * `apart`.
    template <u32 COUNT> __device__ void look(Complex* v, u32 thread, u32 apart, u32 columns, int lag) {
        bool there[2] = {lag < count, lag + 1 < count};
        float top = 0.0f;
#pragma unroll
        for (u32 i = 0; i < COUNT; i++) {
            u32 shift = thread + i * apart;
            bool within = shift < before || shift > after;
            if (!within || !there[0]) v[i].re = -1e30f;
            if (!within || !there[1]) v[i].im = -1e30f;
            top = max(top, max(v[i].re, v[i].im));
        }
        // First the greatest value of the warp; only those that have it are ranked.
        u32 warp_top = __reduce_max_sync(~0u, __float_as_uint(top));
        u32 brightness = __float_as_uint(__uint_as_float(warp_top) * scale);
        if (brightness < known) return;
        known = brightness;
        if (__float_as_uint(top) != warp_top) return;
#pragma unroll
        for (u32 i = 0; i < COUNT; i++) {
            int shift = (int)(thread + i * apart);
            if (shift >= (int)before) shift -= (int)columns;
            // Where nothing is above 0, all that is there is 0.
            if (v[i].re == top || (top == 0.0f && v[i].re > -1e29f)) rank = max(rank, soft_rank(top * scale, lowest + lag, shift));
            if (v[i].im == top || (top == 0.0f && v[i].im > -1e29f)) rank = max(rank, soft_rank(top * scale, lowest + lag + 1, shift));
        }
    }

    // Of the whole block.
    __device__ void tell(u64* peak) {
        __shared__ u64 tops[32];
        for (int apart = 16; apart; apart /= 2) rank = max(rank, __shfl_xor_sync(~0u, rank, apart));
        if (threadIdx.x % 32 == 0) tops[threadIdx.x / 32] = rank;
        __syncthreads();
        if (threadIdx.x) return;
        for (u32 i = 1; i < (blockDim.x + 31) / 32; i++) rank = max(rank, tops[i]);
        if (rank) atomicMax(peak, rank);
    }
};

// Ranks lags by their brightness, which values are when multiplied.
struct Bright {
    float scale;

    __device__ float rank_scale() const { return scale; }
    template <u32 COUNT> __device__ void normalise(Complex*, u32, u32, u32, const Best&, int) const {}
};

// Transforms lines of two rows back in time and finds the best lag: blockIdx.x is a group of lines, blockIdx.y the
// exemplar, blockIdx.z the fragment. `peaks` is zero at first. The measure says what is ranked.
template <u32 COLUMNS, typename Measure>
__device__ void find_peaks_of(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, const Sizes& sizes,
    const Wanted& wanted, u32 room, const Complex* lines, u64* peaks, const Measure& measure) {
    SHARED_MEMORY(memory);
    Line<COLUMNS> line = line_of<COLUMNS>((float*)memory, sizes.columns, sizes.roots_in_time);
    u32 columns = line.length(), threads = line.eighth(), two = blockIdx.x * (blockDim.x / threads) + threadIdx.x / threads;
    const Picture fragment = fragments[blockIdx.z], exemplar = exemplars[blockIdx.y];
    RowLags lags(fragment, exemplar, wanted);
    u64 pair = (u64)blockIdx.z * exemplar_count + blockIdx.y;
    const Complex* from = lines_of_pair((Complex*)lines, pair, room, columns) + (u64)two * columns;
    bool there = 2 * (int)two < lags.count;
    Complex v[8];
#pragma unroll
    for (u32 i = 0; i < 8; i++) v[i] = there ? from[line.thread + i * threads] : Complex{0.0f, 0.0f};
    transform<true>(line, v);
    Best best(fragment, exemplar, lags, columns, measure.rank_scale(), peaks[pair]);
    measure.template normalise<8>(v, line.thread, threads, columns, best, 2 * (int)two);
    best.look<8>(v, line.thread, threads, columns, 2 * (int)two);
    best.tell(&peaks[pair]);
}

// The same for short lines; what is left of a pair is looked at by the same threads.
template <u32 COLUMNS, typename Measure>
__device__ void find_peaks_short(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, const Sizes& sizes,
    const Wanted& wanted, u32 room, const Complex* lines, u64* peaks, const Measure& measure) {
    typedef ShortLine<COLUMNS> Short;
    SHARED_MEMORY(memory);
    u32 beside = blockDim.x / Short::THREADS, own_line = threadIdx.x / Short::THREADS, thread = threadIdx.x % Short::THREADS;
    Short line = {(Complex*)memory + own_line * Short::ROOM, thread, sizes.short_roots_in_time};
    const Picture fragment = fragments[blockIdx.z], exemplar = exemplars[blockIdx.y];
    RowLags lags(fragment, exemplar, wanted);
    u64 pair = (u64)blockIdx.z * exemplar_count + blockIdx.y;
    const Complex* from = lines_of_pair((Complex*)lines, pair, room, COLUMNS) + thread;
    Best best(fragment, exemplar, lags, COLUMNS, measure.rank_scale(), peaks[pair]);
    for (u32 first = blockIdx.x * beside; 2 * (int)first < best.count; first += gridDim.x * beside) {
        u32 two = first + own_line;
        bool there = 2 * (int)two < best.count;
        Complex v[Short::VALUES];
#pragma unroll
        for (u32 i = 0; i < Short::VALUES; i++)
            v[i] = there ? from[(u64)two * COLUMNS + i * Short::THREADS] : Complex{0.0f, 0.0f};
        __syncwarp();
        line.template transform<true>(v);
        measure.template normalise<Short::VALUES>(v, thread, Short::THREADS, COLUMNS, best, 2 * (int)two);
        best.look<Short::VALUES>(v, thread, Short::THREADS, COLUMNS, 2 * (int)two);
    }
    best.tell(&peaks[pair]);
}

#define FIND_PEAKS(name, find, bounds)                                                                                        \
    extern "C" __global__ void bounds name(const Picture* fragments, const Picture* exemplars, u32 exemplar_count,           \
        Sizes sizes, Wanted wanted, u32 room, const Complex* lines, float scale, u64* peaks) {                        \
        find(fragments, exemplars, exemplar_count, sizes, wanted, room, lines, peaks, Bright{scale});                       \
    }
FIND_PEAKS(find_peaks, find_peaks_of<0>, )
// Phrases, and pieces of half a minute and a minute.
FIND_PEAKS(find_peaks_512, find_peaks_short<512>, __launch_bounds__(128, 5))
FIND_PEAKS(find_peaks_1024, find_peaks_short<1024>, __launch_bounds__(128, 3))
FIND_PEAKS(find_peaks_2048, find_peaks_of<2048>, )
