// What the pitches of an exemplar let it have in common with a fragment, at most: for each transposition the sum over
// the rows that meet of the lesser ink of the two; the greatest over the transpositions. A warp an exemplar, a lane
// a transposition, eight stretches at a time.
#pragma once
#include "figure.cuh"

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

// For each fragment (blockIdx.y), exemplar and stretch: the most common pixels upright (lower half) and inverted.
extern "C" __global__ void bound_by_ink(const Figure* fragments, const Note* notes, const u32* firsts, const u8* rows,
    const u16* ink, u32 padded, u32 exemplars, u32 stretches, u32* most) {
    // The fragment's ink by row, dark rows on both sides.
    __shared__ u32 own[4 * TALLEST];
    const Figure fragment = fragments[blockIdx.y];
    for (u32 i = threadIdx.x; i < 4 * TALLEST; i += blockDim.x) own[i] = 0;
    __syncthreads();
    for (u32 i = threadIdx.x; i < fragment.notes; i += blockDim.x) {
        const Note note = notes[fragment.first + i];
        atomicAdd(&own[TALLEST + note.row], (u32)note.end - note.start);
    }
    __syncthreads();
    u32 lane = threadIdx.x % 32;
    for (u32 e = (blockIdx.x * blockDim.x + threadIdx.x) / 32; e < exemplars; e += gridDim.x * blockDim.x / 32) {
        u32 first = firsts[e], end = firsts[e + 1];
        u32 last = end > first ? rows[end - 1] : 0;
        u32* answer = most + ((u64)blockIdx.y * exemplars + e) * stretches;
        for (u32 stretch = 0; stretch < stretches; stretch += 8) {
            u32 upright[8] = {}, inverted[8] = {};
            for (u32 lowest = 0; lowest < fragment.rows + last; lowest += 32) {
                u32 up[8] = {}, down[8] = {};
                for (u32 i = first; i < end; i++) {
                    u32 row = rows[i];
                    const uint4 eight = *(const uint4*)(ink + (u64)i * padded + stretch);
                    const u32 pairs[4] = {eight.x, eight.y, eight.z, eight.w};
                    u32 met = own[TALLEST + lowest + lane - (last - row)];
                    u32 mirrored = own[TALLEST + lowest + lane - row];
#pragma unroll
                    for (u32 k = 0; k < 8; k++) {
                        u32 theirs = k % 2 ? pairs[k / 2] >> 16 : pairs[k / 2] & 0xffff;
                        up[k] += min(met, theirs);
                        down[k] += min(mirrored, theirs);
                    }
                }
#pragma unroll
                for (u32 k = 0; k < 8; k++) {
                    upright[k] = max(upright[k], up[k]);
                    inverted[k] = max(inverted[k], down[k]);
                }
            }
#pragma unroll
            for (u32 k = 0; k < 8; k++) {
                u32 up = __reduce_max_sync(~0u, upright[k]), down = __reduce_max_sync(~0u, inverted[k]);
                if (lane == k && stretch + k < stretches)
                    answer[stretch + k] = end > first ? min(up, UNBOUNDED) | min(down, UNBOUNDED) << 16 : ~0u;
            }
        }
    }
}
