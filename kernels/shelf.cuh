// A bank on the device, as the kernels see it.
#pragma once
#include "figure.cuh"

// How the exemplars of a bank stand to the figures that are correlated. Tables by exemplar and stretch have 0 or ~0
// where there is no figure.
struct Shelf {
    const u32* places;         // exemplar by stretch: which figure
    const u32* energies;       // exemplar by stretch: its lit pixels
    const u32* owners;         // of each figure: exemplar x stretches + stretch
    const u32* groups;         // of each figure
    const double* weights;     // of each exemplar
    const u8* sides;           // of each exemplar: 0 or 1
    const double* alterations; // stretch by mirror: what each counts
    const float* most_weights; // stretch, then upright or inverted: the greatest of them
    const u8* inverted;        // by mirror: 0 or 1
    u32 exemplars, stretches, mirrors, group_count;
};
