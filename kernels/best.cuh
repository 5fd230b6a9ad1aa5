// From brightness to the best few exemplars of each side. Similarities are computed by the same steps, in double
// precision and without contraction, as on the processor, so they are the same to the last bit.
#pragma once
#include "bound.cuh"

__device__ inline double cosine(double brightness, double root) { return root > 0.0 ? min(brightness / root, 1.0) : 0.0; }

__device__ inline double root_of(u32 fragment, u32 exemplar) { return sqrt((double)fragment * (double)exemplar); }

// What similarity an exemplar can have under a stretch, upright (0) or inverted (1).
__device__ inline double reach(u32 most, u32 inverted, u32 fragment, u32 exemplar) {
    u32 common = inverted ? most >> 16 : most & 0xffff;
    return cosine(common < UNBOUNDED ? common : min(fragment, exemplar), root_of(fragment, exemplar));
}

// The similarity under an alteration, weighted.
__device__ inline double weighted(const Shelf& shelf, u32 e, u32 stretch, u32 mirror, double similarity) {
    return shelf.weights[e] * (shelf.alterations[stretch * shelf.mirrors + mirror] * similarity);
}

// Puts a figure on the list of its view (a fragment and a mirror) and group.
__device__ inline void put(const Shelf& shelf, u32 view, u32 place, const u32* buckets, const Task* tasks, u32* counts, u32* list) {
    u32 task = buckets[view * shelf.group_count + shelf.groups[place]];
    list[tasks[task].first + atomicAdd(&counts[task], 1u)] = place;
}

// Lists under which alterations exemplars may reach the floor of their side; `counts` is zero at first.
extern "C" __global__ void list_candidates(Shelf shelf, const Figure* fragments, const u32* most, const float* bounds,
    const double* floors, const u32* buckets, const Task* tasks, u32* counts, u32* list) {
    u32 energy = fragments[blockIdx.y].energy;
    for (u32 e = blockIdx.x * blockDim.x + threadIdx.x; e < shelf.exemplars; e += gridDim.x * blockDim.x) {
        double floor = floors[blockIdx.y * 2 + shelf.sides[e]];
        if (bounds[(u64)blockIdx.y * shelf.exemplars + e] < floor) continue;
        for (u32 stretch = 0; stretch < shelf.stretches; stretch++) {
            u32 theirs = shelf.energies[e * shelf.stretches + stretch];
            if (!theirs) continue;
            u32 common = most[((u64)blockIdx.y * shelf.exemplars + e) * shelf.stretches + stretch];
            const double reaches[2] = {reach(common, 0, energy, theirs), reach(common, 1, energy, theirs)};
            for (u32 mirror = 0; mirror < shelf.mirrors; mirror++)
                if (weighted(shelf, e, stretch, mirror, reaches[shelf.inverted[mirror]]) >= floor)
                    put(shelf, blockIdx.y * shelf.mirrors + mirror, shelf.places[e * shelf.stretches + stretch], buckets,
                        tasks, counts, list);
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
        put(shelf, blockIdx.y * shelf.mirrors + mirror, place, buckets, tasks, counts, list);
    }
}

// For each fragment (blockIdx.y) and exemplar the greatest similarity, of all brightnesses.
extern "C" __global__ void weigh_all(Shelf shelf, const Figure* fragments, const u32* brightest, u64 width, double* values) {
    u32 energy = fragments[blockIdx.y].energy;
    for (u32 e = blockIdx.x * blockDim.x + threadIdx.x; e < shelf.exemplars; e += gridDim.x * blockDim.x) {
        double best = 0.0;
        for (u32 stretch = 0; stretch < shelf.stretches; stretch++) {
            u32 theirs = shelf.energies[e * shelf.stretches + stretch];
            if (!theirs) continue;
            u32 place = shelf.places[e * shelf.stretches + stretch];
            double root = root_of(energy, theirs);
            for (u32 mirror = 0; mirror < shelf.mirrors; mirror++) {
                u32 brightness = brightest[(blockIdx.y * shelf.mirrors + mirror) * width + place];
                best = max(best, weighted(shelf, e, stretch, mirror, cosine(brightness, root)));
            }
        }
        values[(u64)blockIdx.y * shelf.exemplars + e] = best;
    }
}

// Raises the similarities of exemplars to those under the alterations that are listed: a warp a task.
extern "C" __global__ void weigh_listed(Shelf shelf, const Figure* fragments, const Task* tasks, const u32* counts, u32 count,
    const u32* list, const u32* brightest, double* values) {
    for (u32 t = (blockIdx.x * blockDim.x + threadIdx.x) / 32; t < count; t += gridDim.x * blockDim.x / 32) {
        const Task task = tasks[t];
        u32 fragment = task.view / shelf.mirrors, mirror = task.view % shelf.mirrors;
        for (u32 i = task.first + threadIdx.x % 32; i < task.first + counts[t]; i += 32) {
            u32 owner = shelf.owners[list[i]], e = owner / shelf.stretches;
            double root = root_of(fragments[fragment].energy, shelf.energies[owner]);
            double similarity = weighted(shelf, e, owner % shelf.stretches, mirror, cosine(brightest[i], root));
            // Similarities are not negative: their bits are in their order.
            atomicMax((u64*)&values[(u64)fragment * shelf.exemplars + e], (u64)__double_as_longlong(similarity));
        }
    }
}

// The greatest values of each fragment (blockIdx.y) and side (blockIdx.x), best first, ties in order of exemplars, of
// those that have figures; ~0 where there are no more. Where `floors` is wanted it is the last of them, or `least` of the side where that is more.
extern "C" __global__ void find_best(Shelf shelf, const double* values, u32 wanted, u32* indices, double* best,
    const double* least, double* floors) {
    __shared__ double tops[1024];
    __shared__ u32 places[1024];
    const double* own = values + (u64)blockIdx.y * shelf.exemplars;
    u32 answer = blockIdx.y * 2 + blockIdx.x;
    double last = 1e30;
    u32 last_place = 0;
    for (u32 rank = 0; rank < wanted; rank++) {
        double top = -1.0;
        u32 place = ~0u;
        for (u32 e = threadIdx.x; e < shelf.exemplars; e += blockDim.x) {
            double value = own[e];
            bool after = value < last || (value == last && e > last_place);
            if (value > top && after && shelf.sides[e] == blockIdx.x && shelf.energies[e * shelf.stretches]) { top = value; place = e; }
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

// Promising exemplars of each side: the greatest of those that are the greatest of a thread.
extern "C" __global__ void find_promising(Shelf shelf, const float* bounds, u32 wanted, u32* indices) {
    __shared__ u64 tops[1024];
    const float* own = bounds + (u64)blockIdx.y * shelf.exemplars;
    // The bound, then the exemplar.
    u64 mine = 0;
    for (u32 e = threadIdx.x; e < shelf.exemplars; e += blockDim.x)
        if (shelf.sides[e] == blockIdx.x) mine = max(mine, (u64)__float_as_uint(own[e]) << 32 | e);
    for (u32 rank = 0; rank < wanted; rank++) {
        tops[threadIdx.x] = mine;
        __syncthreads();
        for (u32 half = blockDim.x / 2; half; half /= 2) {
            if (threadIdx.x < half) tops[threadIdx.x] = max(tops[threadIdx.x], tops[threadIdx.x + half]);
            __syncthreads();
        }
        u64 top = tops[0];
        __syncthreads();
        if (mine == top) mine = 0;
        if (!threadIdx.x) indices[(blockIdx.y * 2 + blockIdx.x) * wanted + rank] = top ? (u32)top : ~0u;
    }
}
