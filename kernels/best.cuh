// From brightness to the best few exemplars of each side. Similarities are computed by the same steps, in double
// precision and without contraction, as on the processor, so they are the same to the last bit.
#pragma once
#include "bound.cuh"

// How the exemplars of a bank stand to the figures that are correlated.
struct Shelf {
    const u32* places;     // exemplar by stretch: which figure; ~0 where there is none
    const Figure* figures;
    const u16* groups;     // of each figure
    const double* weights; // of each exemplar
    const u8* sides;       // of each exemplar: 0 or 1
    const double* alterations; // stretch by mirror: what each counts
    const u8* inverted;    // by mirror: 0 or 1
    u32 exemplars, stretches, mirrors, figure_count, group_count;
};

__device__ inline double cosine(double brightness, double root) { return root > 0.0 ? min(brightness / root, 1.0) : 0.0; }

__device__ inline double root_of(u32 fragment, u32 exemplar) { return sqrt((double)fragment * (double)exemplar); }

// What similarity an exemplar can have under a stretch, upright (0) or inverted (1).
__device__ inline double reach(u32 most, u32 inverted, u32 fragment, u32 exemplar) {
    u32 common = inverted ? most >> 16 : most & 0xffff;
    return cosine(common < UNBOUNDED ? common : min(fragment, exemplar), root_of(fragment, exemplar));
}

// For each fragment (blockIdx.y) and exemplar the most that its similarity can be.
extern "C" __global__ void bound_similarities(Shelf shelf, const Figure* fragments, const u32* most, double* values) {
    u32 energy = fragments[blockIdx.y].energy;
    for (u32 e = blockIdx.x * blockDim.x + threadIdx.x; e < shelf.exemplars; e += gridDim.x * blockDim.x) {
        u64 answer = (u64)blockIdx.y * shelf.exemplars + e;
        double bound = 0.0;
        for (u32 stretch = 0; stretch < shelf.stretches; stretch++) {
            u32 place = shelf.places[e * shelf.stretches + stretch];
            if (place == ~0u) continue;
            u32 common = most[answer * shelf.stretches + stretch], theirs = shelf.figures[place].energy;
            const double reaches[2] = {reach(common, 0, energy, theirs), reach(common, 1, energy, theirs)};
            for (u32 mirror = 0; mirror < shelf.mirrors; mirror++)
                bound = max(bound, shelf.weights[e] *
                    (shelf.alterations[stretch * shelf.mirrors + mirror] * reaches[shelf.inverted[mirror]]));
        }
        values[answer] = bound;
    }
}

// Lists under which alterations exemplars may reach the floor of their side: for each view (a fragment and a mirror)
// and group of figures a task, `buckets` says which; `counts` is zero at first.
extern "C" __global__ void list_candidates(Shelf shelf, const Figure* fragments, const u32* most, const double* floors,
    const u32* buckets, const Task* tasks, u32* counts, u32* list) {
    u32 energy = fragments[blockIdx.y].energy;
    for (u32 e = blockIdx.x * blockDim.x + threadIdx.x; e < shelf.exemplars; e += gridDim.x * blockDim.x) {
        double floor = floors[blockIdx.y * 2 + shelf.sides[e]];
        for (u32 stretch = 0; stretch < shelf.stretches; stretch++) {
            u32 place = shelf.places[e * shelf.stretches + stretch];
            if (place == ~0u) continue;
            u32 common = most[((u64)blockIdx.y * shelf.exemplars + e) * shelf.stretches + stretch];
            u32 theirs = shelf.figures[place].energy;
            const double reaches[2] = {reach(common, 0, energy, theirs), reach(common, 1, energy, theirs)};
            for (u32 mirror = 0; mirror < shelf.mirrors; mirror++) {
                double bound = shelf.weights[e] *
                    (shelf.alterations[stretch * shelf.mirrors + mirror] * reaches[shelf.inverted[mirror]]);
                if (bound < floor) continue;
                u32 task = buckets[(blockIdx.y * shelf.mirrors + mirror) * shelf.group_count + shelf.groups[place]];
                list[tasks[task].first + atomicAdd(&counts[task], 1u)] = place;
            }
        }
    }
}

// Lists every alteration of the exemplars that were found best of each fragment (blockIdx.y): `found` of both sides.
extern "C" __global__ void list_found(Shelf shelf, const u32* indices, u32 found, const u32* buckets, const Task* tasks,
    u32* counts, u32* list) {
    u32 alterations = shelf.stretches * shelf.mirrors;
    for (u32 i = threadIdx.x; i < 2 * found * alterations; i += blockDim.x) {
        u32 e = indices[blockIdx.y * 2 * found + i / alterations];
        if (e == ~0u) continue;
        u32 stretch = i % alterations / shelf.mirrors, mirror = i % shelf.mirrors;
        u32 place = shelf.places[e * shelf.stretches + stretch];
        if (place == ~0u) continue;
        u32 task = buckets[(blockIdx.y * shelf.mirrors + mirror) * shelf.group_count + shelf.groups[place]];
        list[tasks[task].first + atomicAdd(&counts[task], 1u)] = place;
    }
}

// For each fragment (blockIdx.y) and exemplar the greatest similarity of those brightnesses that are known, 0 where
// none is.
extern "C" __global__ void weigh(Shelf shelf, const Figure* fragments, const u32* brightest, double* values) {
    u32 energy = fragments[blockIdx.y].energy;
    for (u32 e = blockIdx.x * blockDim.x + threadIdx.x; e < shelf.exemplars; e += gridDim.x * blockDim.x) {
        double best = 0.0;
        for (u32 stretch = 0; stretch < shelf.stretches; stretch++) {
            u32 place = shelf.places[e * shelf.stretches + stretch];
            if (place == ~0u) continue;
            double root = root_of(energy, shelf.figures[place].energy);
            for (u32 mirror = 0; mirror < shelf.mirrors; mirror++) {
                u32 brightness = brightest[(u64)(blockIdx.y * shelf.mirrors + mirror) * shelf.figure_count + place];
                if (brightness)
                    best = max(best, shelf.weights[e] *
                        (shelf.alterations[stretch * shelf.mirrors + mirror] * cosine(brightness, root)));
            }
        }
        values[(u64)blockIdx.y * shelf.exemplars + e] = best;
    }
}

// The greatest values of each fragment (blockIdx.y) and side (blockIdx.x), best first, ties in order of exemplars;
// ~0 where there are no more. Where `floors` is wanted it is the last of them, or `least` of the side where that is more.
extern "C" __global__ void find_best(Shelf shelf, const double* values, u32 wanted, u32* indices, double* best,
    const double* least, double* floors) {
    __shared__ double tops[1024];
    __shared__ u32 places[1024];
    const double* own = values + (u64)blockIdx.y * shelf.exemplars;
    u32 answer = blockIdx.y * 2 + blockIdx.x;
    double last = 2.0;
    u32 last_place = 0;
    for (u32 rank = 0; rank < wanted; rank++) {
        double top = 0.0;
        u32 place = ~0u;
        for (u32 e = threadIdx.x; e < shelf.exemplars; e += blockDim.x) {
            double value = own[e];
            bool after = value < last || (value == last && e > last_place);
            if (value > top && after && shelf.sides[e] == blockIdx.x) { top = value; place = e; }
        }
        tops[threadIdx.x] = top;
        places[threadIdx.x] = place;
        __syncthreads();
        for (u32 half = blockDim.x / 2; half; half /= 2) {
            if (threadIdx.x < half) {
                double other = tops[threadIdx.x + half];
                u32 there = places[threadIdx.x + half];
                if (other > tops[threadIdx.x] || (other == tops[threadIdx.x] && there < places[threadIdx.x])) {
                    tops[threadIdx.x] = other;
                    places[threadIdx.x] = there;
                }
            }
            __syncthreads();
        }
        last = tops[0];
        last_place = places[0];
        __syncthreads();
        if (!threadIdx.x) {
            indices[answer * wanted + rank] = last_place;
            best[answer * wanted + rank] = last;
        }
    }
    if (floors && !threadIdx.x) floors[answer] = last_place == ~0u ? least[blockIdx.x] : max(last, least[blockIdx.x]);
}
