// Brightness normalised by the window that a query covers, as on the processor (Lewis, "Fast normalized
// cross-correlation", 1995: the energies of all windows from a table of sums).
#pragma once
#include "dense.cuh"

// What windows are cut from: either the exemplars, or the fragments.
struct Windows {
    // Squared pixels below a row and before a column, (rows + 1) times (columns + 1) of each target.
    const double* sums;
    // Where the sums of each target begin.
    const u64* firsts;
    u32 fragment_is_query;
    u32 covered; // whether the share of the query that is covered counts as much as the cosine
};

// The windows of a pair.
struct Window {
    const double* sums;
    int rows, columns;
    int low, query_rows, query_columns;
    int direction; // the way in which windows move when the exemplar does
    float query;   // energy
    float least;   // brightness that rounding may leave where nothing meets
    float scale;
    bool covered;

    __device__ Window(const Windows& all, const Picture& x, const Picture& k, u32 fragment, u32 exemplar, float scale)
        : direction(all.fragment_is_query ? -1 : 1), scale(scale), covered(all.covered) {
        const Picture& asked = all.fragment_is_query ? x : k;
        const Picture& target = all.fragment_is_query ? k : x;
        sums = all.sums + all.firsts[all.fragment_is_query ? exemplar : fragment];
        rows = target.rows;
        columns = target.columns;
        low = asked.low - target.low;
        query_rows = asked.rows;
        query_columns = asked.columns;
        query = asked.energy;
        least = 1e-6f * (sqrtf(x.energy) * sqrtf(k.energy));
    }

    __device__ float similarity(float value, int transposition, int shift) const {
        float brightness = value * scale;
        if (!(brightness > least)) return 0.0f;
        int column = direction * shift, row = low + direction * transposition;
        int start = max(min(column, columns), 0), end = max(min(column + query_columns, columns), 0);
        int below = max(min(row, rows), 0), above = max(min(row + query_rows, rows), 0);
        const double* lower = sums + (u64)below * (columns + 1);
        const double* upper = sums + (u64)above * (columns + 1);
        float window = (float)((upper[end] - upper[start]) - (lower[end] - lower[start]));
        if (!(window > 0.0f)) return 0.0f;
        float cosine = brightness / (sqrtf(query) * sqrtf(window));
        return min(covered ? sqrtf(cosine * brightness / query) : cosine, 1.0f);
    }

    // Of all values of two rows that a thread has.
    template <u32 COUNT>
    __device__ void normalise(Complex* v, u32 thread, u32 apart, u32 columns_of_line, const Best& best, int lag) const {
#pragma unroll
        for (u32 i = 0; i < COUNT; i++) {
            int shift = (int)(thread + i * apart);
            if (shift >= (int)best.before) shift -= (int)columns_of_line;
            v[i].re = similarity(v[i].re, best.lowest + lag, shift);
            v[i].im = similarity(v[i].im, best.lowest + lag + 1, shift);
        }
    }
};

// As `find_peaks_of`, for the most similar lag.
extern "C" __global__ void find_windows(const Picture* fragments, const Picture* exemplars, u32 exemplar_count, Sizes sizes,
    Wanted wanted, u32 room, const Complex* lines, float scale, u64* peaks, Windows windows) {
    SHARED_MEMORY(memory);
    Line<0> line = line_of<0>((float*)memory, sizes.columns, sizes.roots_in_time);
    u32 threads = line.eighth(), two = blockIdx.x * (blockDim.x / threads) + threadIdx.x / threads;
    const Picture fragment = fragments[blockIdx.z], exemplar = exemplars[blockIdx.y];
    RowLags lags(fragment, exemplar, wanted);
    u64 pair = (u64)blockIdx.z * exemplar_count + blockIdx.y;
    const Complex* from = lines_of_pair((Complex*)lines, pair, room, sizes.columns) + (u64)two * sizes.columns;
    bool there = 2 * (int)two < lags.count;
    Complex v[8];
    for (u32 i = 0; i < 8; i++) v[i] = there ? from[line.thread + i * threads] : Complex{0.0f, 0.0f};
    transform<true>(line, v);
    Best best(fragment, exemplar, lags, sizes.columns, 1.0f, peaks[pair]);
    Window window(windows, fragment, exemplar, blockIdx.z, blockIdx.y, scale);
    window.normalise<8>(v, line.thread, threads, sizes.columns, best, 2 * (int)two);
    best.look<8>(v, line.thread, threads, sizes.columns, 2 * (int)two);
    best.tell(&peaks[pair]);
}

// As `find_peaks_short`, for lines of 512 values: longer ones would want more registers than there are.
extern "C" __global__ void __launch_bounds__(128) find_windows_512(const Picture* fragments, const Picture* exemplars,
    u32 exemplar_count, Sizes sizes, Wanted wanted, u32 room, const Complex* lines, float scale, u64* peaks, Windows windows) {
    const u32 COLUMNS = 512;
    typedef ShortLine<COLUMNS> Short;
    SHARED_MEMORY(memory);
    u32 beside = blockDim.x / Short::THREADS, own_line = threadIdx.x / Short::THREADS, thread = threadIdx.x % Short::THREADS;
    Short line = {(Complex*)memory + own_line * Short::ROOM, thread, sizes.short_roots_in_time};
    const Picture fragment = fragments[blockIdx.z], exemplar = exemplars[blockIdx.y];
    RowLags lags(fragment, exemplar, wanted);
    u64 pair = (u64)blockIdx.z * exemplar_count + blockIdx.y;
    const Complex* from = lines_of_pair((Complex*)lines, pair, room, COLUMNS) + thread;
    Best best(fragment, exemplar, lags, COLUMNS, 1.0f, peaks[pair]);
    Window window(windows, fragment, exemplar, blockIdx.z, blockIdx.y, scale);
    for (u32 first = blockIdx.x * beside; 2 * (int)first < best.count; first += gridDim.x * beside) {
        u32 two = first + own_line;
        bool there = 2 * (int)two < best.count;
        Complex v[Short::VALUES];
#pragma unroll
        for (u32 i = 0; i < Short::VALUES; i++)
            v[i] = there ? from[(u64)two * COLUMNS + i * Short::THREADS] : Complex{0.0f, 0.0f};
        __syncwarp();
        line.template transform<true>(v);
        window.normalise<Short::VALUES>(v, thread, Short::THREADS, COLUMNS, best, 2 * (int)two);
        best.look<Short::VALUES>(v, thread, Short::THREADS, COLUMNS, 2 * (int)two);
    }
    best.tell(&peaks[pair]);
}
