// What the kernels share: rolls as notes, the tables of work, and words of packed lanes.
//
// The same text is compiled for the device and, through host/shim.h, for the processor, where the
// property suite holds it to the reference.
#pragma once

#ifdef __CUDACC__
// Memory that is shared by a block, of the size that the launch says.
#define SHARED_MEMORY(name) extern __shared__ __align__(16) u32 name[]
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

// Lags of a warp are 32 side by side; a lane has up to this many of them, 32 apart.
#define MOST_ROWS 3
// Columns beside an image that repeat its edge, so that no lag of a tile reads outside of it.
#define MARGIN (32 * MOST_ROWS)
// Warps of a block that correlates, at most.
#define MOST_WARPS 8
// Notes of an exemplar that a warp keeps in shared memory; of more it keeps as many at a time.
#define STAGED 96

// A roll of zeros and ones: its notes are those from `first` on, in order of row and time.
struct Figure {
    u32 first;
    u32 notes;
    u32 energy;   // lit pixels
    u32 columns;  // width
    u32 rows;     // height
    int low;      // the pitch of the lowest row
    u32 below;    // where in a table of bytes it is told for each row how many notes are below it; for few notes only
};

// A note: [start, end) in columns, and its row counted from the lowest.
struct Note {
    u16 start;
    u16 end;
    u32 row;
};

// The image of a fragment, perhaps mirrored, on one time grid; see image.cuh.
struct Image {
    u64 first;    // where it begins, in words
    u32 fragment; // whose it is
    u32 mirror;   // 1: upside down, 2: backwards
    u32 grid;     // columns a unit of time
    u32 lanes;    // 1, 2 or 4 a word
    u32 columns;  // width in units of time
    u32 rows;
};

// Exemplars to be laid on an image: `count` of them at most, their numbers from `first` on in a list, or
// `first`, `first` + 1 ... where there is no list.
struct Task {
    u32 image;
    u32 first;
    u32 count;
    u32 view; // the row of the answers
};

// Words between the rows of an image.
__device__ inline u32 image_stride(const Image& image) { return image.columns + 2 * MARGIN; }

// Rows of an image: those that a word of lanes can begin at.
__device__ inline u32 image_planes(const Image& image) { return image.rows + image.lanes - 1; }
