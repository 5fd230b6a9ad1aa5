// Images of ink so far: for each row of a fragment how many of its pixels before a time are lit.
//
// S[x][c] is the ink of row x in the units of time before c: 0 left of the picture, the whole ink
// of the row right of it. A note of an exemplar from s to e, laid t later on row x, has
// S[x][t + e] - S[x][t + s] pixels in common with it: the sum over its notes is the brightness, with
// no plane to add to and no running sums.
//
// A word holds the ink of 1, 2 or 4 neighbouring rows, as the whole number that has them for its
// digits (base 2^32, 2^16 or 2^8), modulo 2^32. Sums and differences of such numbers are those of all
// digits at once, borrows and carries included, so plain additions do for packed ones: whatever happens
// on the way, a result whose digits are all from 0 to the base less one has exactly those digits.
// Words begin at every row, since transpositions move by one.
#pragma once
#include "figure.cuh"

// The ink of a row before `time`, in units of the grid.
__device__ static u32 ink_before(const Figure& fragment, const Note* notes, const Image& image, int row, int time) {
    if (row < 0 || row >= (int)image.rows) return 0;
    u32 own = image.mirror & 1 ? image.rows - 1 - row : row;
    u32 ink = 0;
    // Notes are in order of rows.
    u32 low = 0, high = fragment.notes;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (notes[middle].row < own) low = middle + 1; else high = middle;
    }
    for (u32 i = low; i < fragment.notes && notes[i].row == own; i++) {
        int start = notes[i].start / image.grid, end = notes[i].end / image.grid;
        if (image.mirror & 2) {
            int swapped = image.columns - end;
            end = image.columns - start;
            start = swapped;
        }
        int until = min(time, end);
        if (until > start) ink += until - start;
    }
    return ink;
}

// One block an image, or several where images are few.
extern "C" __global__ void draw_images(const Image* images, u32 count, const Figure* fragments, const Note* notes, u32* words) {
    for (u32 index = blockIdx.y; index < count; index += gridDim.y) {
        const Image image = images[index];
        const Figure fragment = fragments[image.fragment];
        u32 stride = image_stride(image), bits = 32 / image.lanes;
        u64 all = (u64)image_planes(image) * stride;
        for (u64 cell = blockIdx.x * blockDim.x + threadIdx.x; cell < all; cell += gridDim.x * blockDim.x) {
            int plane = (int)(cell / stride), time = (int)(cell % stride) - MARGIN;
            u32 word = 0;
            for (u32 lane = 0; lane < image.lanes; lane++) {
                int row = plane + (int)lane - (int)(image.lanes - 1);
                word += ink_before(fragment, notes + fragment.first, image, row, time) << (bits * lane);
            }
            words[image.first + cell] = word;
        }
    }
}
