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

    __device__ float rank_scale() const { return 1.0f; }

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

#define FIND_WINDOWS(name, find, bounds)                                                                              \
    extern "C" __global__ void bounds name(const Picture* fragments, const Picture* exemplars, u32 exemplar_count,    \
        Sizes sizes, Wanted wanted, u32 room, const Complex* lines, float scale, u64* peaks, Windows windows) {       \
        Window window(windows, fragments[blockIdx.z], exemplars[blockIdx.y], blockIdx.z, blockIdx.y, scale);          \
        find(fragments, exemplars, exemplar_count, sizes, wanted, room, lines, peaks, window);                        \
    }
FIND_WINDOWS(find_windows, find_peaks_of<0>, )
// Longer short lines would want more registers than there are.
FIND_WINDOWS(find_windows_512, find_peaks_short<512>, __launch_bounds__(128))
