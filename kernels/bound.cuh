// What the pitches of an exemplar let it have in common with a fragment, at most: for each transposition the sum over
// the rows that meet of the lesser ink of the two; the greatest over the transpositions. A warp an exemplar, a lane
// a transposition, eight stretches at a time.
#pragma once
#include "shelf.cuh"

// More common pixels than this are not told: no bound.
#define UNBOUNDED 0xffffu
// Rows of a roll, at most.
#define TALLEST 128

// The lit rows of many exemplars: those of exemplar e are `rows[firsts[e]..firsts[e + 1]]`, counted from the lowest,
// and for each its ink under every stretch, `padded` (a multiple of 8) numbers a row. An exemplar without rows cannot
// be bounded.
struct Inks {
    const u32* firsts;
    const u8* rows;
    const u16* ink;
    u32 padded;
};

// The greatest half of each lane, of the whole warp.
__device__ inline void greatest_halves(u32 halves, u32& lower, u32& upper) {
    lower = __reduce_max_sync(~0u, halves & 0xffff);
    upper = __reduce_max_sync(~0u, halves >> 16);
}

// For each fragment (blockIdx.y), exemplar and stretch: the most common pixels upright (lower half) and inverted; and for
// each exemplar the most that its similarity can be, a hair more, in single precision: to find the most promising, and
// to pass over most of the others.
extern "C" __global__ void bound_by_ink(
    Shelf shelf, Inks inks, const Figure* fragments, const Note* notes, u32* most, float* bounds) {
    // The fragment's ink by row, dark rows on both sides; twice in a word.
    __shared__ u32 own[4 * TALLEST];
    const Figure fragment = fragments[blockIdx.y];
    // Sums of halves of words must not run over.
    bool fits = fragment.energy < UNBOUNDED;
    for (u32 i = threadIdx.x; i < 4 * TALLEST; i += blockDim.x) own[i] = 0;
    __syncthreads();
    for (u32 i = threadIdx.x; i < fragment.notes && fits; i += blockDim.x) {
        const Note note = notes[fragment.first + i];
        atomicAdd(&own[TALLEST + note.row], ((u32)note.end - note.start) * 0x10001u);
    }
    __syncthreads();
    u32 lane = threadIdx.x % 32;
    for (u32 e = (blockIdx.x * blockDim.x + threadIdx.x) / 32; e < shelf.exemplars; e += gridDim.x * blockDim.x / 32) {
        u32 first = inks.firsts[e], end = inks.firsts[e + 1];
        u32 last = end > first ? inks.rows[end - 1] : 0;
        bool bounded = fits && end > first;
        u64 answer = (u64)blockIdx.y * shelf.exemplars + e;
        float bound = 0.0f;
        for (u32 stretch = 0; stretch < shelf.stretches; stretch += 8) {
            // Two stretches a word.
            u32 upright[4] = {}, inverted[4] = {};
            for (u32 lowest = 0; bounded && lowest < fragment.rows + last; lowest += 32) {
                u32 up[4] = {}, down[4] = {};
                for (u32 i = first; i < end; i++) {
                    u32 row = inks.rows[i];
                    const uint4 eight = *(const uint4*)(inks.ink + (u64)i * inks.padded + stretch);
                    const u32 theirs[4] = {eight.x, eight.y, eight.z, eight.w};
                    u32 met = own[TALLEST + lowest + lane - (last - row)];
                    u32 mirrored = own[TALLEST + lowest + lane - row];
#pragma unroll
                    for (u32 k = 0; k < 4; k++) {
                        up[k] += __vminu2(met, theirs[k]);
                        down[k] += __vminu2(mirrored, theirs[k]);
                    }
                }
#pragma unroll
                for (u32 k = 0; k < 4; k++) {
                    upright[k] = __vmaxu2(upright[k], up[k]);
                    inverted[k] = __vmaxu2(inverted[k], down[k]);
                }
            }
            u32 mine = ~0u;
#pragma unroll
            for (u32 k = 0; k < 4; k++) {
                u32 up[2], down[2];
                greatest_halves(upright[k], up[0], up[1]);
                greatest_halves(inverted[k], down[0], down[1]);
                for (u32 half = 0; half < 2; half++)
                    if (lane == 2 * k + half && bounded) mine = up[half] | down[half] << 16;
            }
            if (lane < 8 && stretch + lane < shelf.stretches) {
                most[answer * shelf.stretches + stretch + lane] = mine;
                u32 theirs = shelf.energies[e * shelf.stretches + stretch + lane];
                if (theirs) {
                    u32 least = min(fragment.energy, theirs);
                    float up = min(mine & 0xffff, least), down = min(mine >> 16, least);
                    // Where all of it is UNBOUNDED, the lesser energy bounds.
                    if (mine == ~0u) up = down = least;
                    const float* weights = shelf.most_weights + 2 * (stretch + lane);
                    bound = max(bound, max(up * weights[0], down * weights[1]) * rsqrtf((float)fragment.energy * theirs));
                }
            }
        }
        u32 top = __reduce_max_sync(~0u, __float_as_uint(bound));
        // What is too small for single precision is not nothing.
        float weight = shelf.weights[e] > 0.0 ? max((float)shelf.weights[e], 1e-30f) : 0.0f;
        if (!lane) bounds[answer] = weight > 0.0f ? max(__uint_as_float(top) * weight * 1.00001f, 1e-30f) : 0.0f;
    }
}
