// The brightest lag of exemplars on images of ink so far, a warp an exemplar.
//
// A lane has up to MOST_ROWS lags, 32 apart, in registers, one word of transpositions at a time. For
// each note of the exemplar on rows that this word reaches it adds two words of the image for each
// lag: neighbouring lanes read neighbouring words, so no two compete for a bank. Nothing is written
// but the result.
#pragma once
#include "image.cuh"

// The greatest so far of each digit of the words that were seen.
template <u32 LANES> struct Tops;

template <> struct Tops<4> {
    u32 odd = 0, even = 0;
    // As halves of a word the upper byte decides; what is below it does no harm.
    __device__ void see(u32 word) { odd = __vmaxu2(odd, word); even = __vmaxu2(even, word << 8); }
    __device__ u32 greatest() const {
        u32 both = __vmaxu2(odd, even);
        return max(both >> 24, both >> 8 & 0xff);
    }
};

template <> struct Tops<2> {
    u32 both = 0;
    __device__ void see(u32 word) { both = __vmaxu2(both, word); }
    __device__ u32 greatest() const { return max(both >> 16, both & 0xffff); }
};

template <> struct Tops<1> {
    u32 top = 0;
    __device__ void see(u32 word) { top = max(top, word); }
    __device__ u32 greatest() const { return top; }
};

// A brightness and a lag in one number, the greater the better: the brightness (24 bits), then the smaller
// absolute transposition (10), the smaller absolute shift (28), upwards, later.
__device__ inline u64 rank_of(u32 brightness, int transposition, int shift) {
    u32 up = transposition < 0 ? -transposition : transposition, along = shift < 0 ? -shift : shift;
    return (u64)brightness << 40 | (u64)(1023 - up) << 30 | (u64)((1u << 28) - 1 - along) << 2
        | (u32)(transposition > 0) << 1 | (u32)(shift > 0);
}

// A pair: an exemplar, and the image that it is laid on.
struct Pair {
    const Note* notes;
    u32 count;
    int rows, columns;    // of the exemplar, in units of time
    int over_rows, over_columns;
    u32 stride;
    u32 grid;
    int lowest;           // the lowest transposition
};

// A warp's notes at hand: where in the image the ink before their start and end is, for row 0 of the lag of lane 0.
struct Stage {
    int start[STAGED], end[STAGED];
    int row[STAGED];
};

// Puts notes `from`.. of an exemplar on the stage for lags from `first` on.
template <u32 ROWS> __device__ void put_on_stage(Stage* stage, const Pair& pair, u32 from, int first) {
    __syncwarp();
    for (u32 i = threadIdx.x % 32; i < STAGED && from + i < pair.count; i += 32) {
        const Note note = pair.notes[from + i];
        int row = (int)note.row * (int)pair.stride + MARGIN;
        int start = first + (int)(note.start / pair.grid), end = first + (int)(note.end / pair.grid);
        // Beyond the picture nothing changes.
        stage->start[i] = row + min(max(start, -(int)(32 * ROWS)), pair.over_columns);
        stage->end[i] = row + min(max(end, -(int)(32 * ROWS)), pair.over_columns);
        stage->row[i] = note.row;
    }
    __syncwarp();
}

// All lags from `first` on that a warp has in its registers. `see(word, shift, transposition of its lowest digit)`
// is called for each.
template <u32 LANES, u32 ROWS, typename See>
__device__ void correlate_tile(const u32* image, Stage* stage, const Pair& pair, int first, See see) {
    int lane = threadIdx.x % 32;
    int transpositions = pair.rows + pair.over_rows - 1;
    bool whole = pair.count <= STAGED;
    if (whole) put_on_stage<ROWS>(stage, pair, 0, first);
    for (int lowest = 0; lowest < transpositions; lowest += LANES) {
        // A note on row r meets the rows of the image from this plane + r on; those in the picture:
        int plane = lowest - (pair.rows - 1) + (int)(LANES - 1);
        int least = -plane, most = pair.over_rows + (int)(LANES - 2) - plane;
        const u32* base = image + (long long)plane * (int)pair.stride + lane;
        u32 sums[ROWS] = {};
        for (u32 from = 0; from < pair.count; from += STAGED) {
            if (!whole) put_on_stage<ROWS>(stage, pair, from, first);
            u32 here = min(pair.count - from, (u32)STAGED), begin = 0, end = 0;
            // Notes are in order of rows.
            for (u32 i = 0; i < here; i += 32) {
                bool there = i + lane < here;
                int row = there ? stage->row[i + lane] : 0;
                begin += __popc(__ballot_sync(~0u, there && row < least));
                end += __popc(__ballot_sync(~0u, there && row <= most));
            }
#pragma unroll 2
            for (u32 i = begin; i < end; i++) {
                const u32* starts = base + stage->start[i];
                const u32* ends = base + stage->end[i];
#pragma unroll
                for (u32 row = 0; row < ROWS; row++) sums[row] += ends[32 * row] - starts[32 * row];
            }
        }
#pragma unroll
        for (u32 row = 0; row < ROWS; row++) see(sums[row], first + lane + 32 * (int)row, pair.lowest + lowest);
    }
}

// All lags of a pair.
template <u32 LANES, typename See>
__device__ void correlate_pair(const u32* image, Stage* stage, const Pair& pair, See see) {
    int first = 1 - pair.columns;
    int lags = pair.columns + pair.over_columns - 1;
    if (lags <= 32) correlate_tile<LANES, 1>(image, stage, pair, first, see);
    else if (lags <= 64) correlate_tile<LANES, 2>(image, stage, pair, first, see);
    else if (lags <= 96) correlate_tile<LANES, 3>(image, stage, pair, first, see);
    else for (; first < pair.over_columns; first += 32 * MOST_ROWS)
        correlate_tile<LANES, MOST_ROWS>(image, stage, pair, first, see);
}

// What a launch computes. Two of the three kinds of answers are not wanted and null.
struct Answers {
    u32* brightest; // for each view and exemplar the greatest brightness
    u64* places;    // for each view and exemplar the rank of its brightest lag
    u64 width;      // answers between views
};

template <u32 LANES, bool PLACES>
__device__ void correlate_one(const u32* words, Stage* stage, const Image& image, int over_low, const Figure& figure,
    const Note* notes, const Answers& answers, u64 answer) {
    Pair pair;
    pair.notes = notes + figure.first;
    pair.count = figure.notes;
    pair.rows = figure.rows;
    pair.columns = figure.columns / image.grid;
    pair.over_rows = image.rows;
    pair.over_columns = image.columns;
    pair.stride = image_stride(image);
    pair.grid = image.grid;
    pair.lowest = over_low - (figure.low + (int)figure.rows - 1);
    u32 lane = threadIdx.x % 32;
    if (PLACES) {
        u64 best = 0;
        correlate_pair<LANES>(words, stage, pair, [&](u32 word, int shift, int transposition) {
            for (u32 digit = 0; digit < LANES; digit++) {
                u32 brightness = LANES == 1 ? word : word >> (32 / LANES * digit) & ((1u << (32 / LANES % 32)) - 1);
                if (brightness && brightness >= best >> 40) {
                    u64 rank = rank_of(brightness, transposition + (int)digit, shift);
                    if (rank > best) best = rank;
                }
            }
        });
        for (int apart = 16; apart; apart /= 2) {
            u64 other = __shfl_xor_sync(~0u, best, apart);
            if (other > best) best = other;
        }
        if (!lane) answers.places[answer] = best;
    } else {
        Tops<LANES> tops;
        correlate_pair<LANES>(words, stage, pair, [&](u32 word, int, int) { tops.see(word); });
        u32 top = __reduce_max_sync(~0u, tops.greatest());
        if (!lane) answers.brightest[answer] = top * image.grid;
    }
}

// The exemplars of a part of a task, each warp its own.
template <u32 LANES, bool PLACES>
__device__ void correlate_part(const u32* words, Stage* stage, const Image& image, int over_low, const Task& task,
    u32 begin, u32 end, const u32* list, const Figure* exemplars, const Note* notes, const Answers& answers) {
    for (u32 i = begin + threadIdx.x / 32; i < end; i += blockDim.x / 32) {
        u32 number = list ? list[task.first + i] : task.first + i;
        correlate_one<LANES, PLACES>(
            words, stage, image, over_low, exemplars[number], notes, answers, task.view * answers.width + number);
    }
}

// Blocks take parts of `part` exemplars: `parts` says at which part each task begins, and at last how many there are.
// An image is copied to shared memory where it fits into `room` words; larger ones are read where they lie.
template <u32 LANES, bool PLACES>
__device__ void correlate_tasks(const Task* tasks, u32 count, const u32* parts, u32 part, const u32* counts, const u32* list,
    const Image* images, const u32* words, const Figure* fragments, const Figure* exemplars, const Note* notes,
    u32 room, Answers answers) {
    SHARED_MEMORY(memory);
    __shared__ u32 found;
    Stage* stage = (Stage*)memory + threadIdx.x / 32;
    u32* own = memory + blockDim.x / 32 * (sizeof(Stage) / 4);
    u32 held = ~0u;
    for (u32 here = blockIdx.x; here < parts[count]; here += gridDim.x) {
        __syncthreads();
        for (u32 i = threadIdx.x; i < count; i += blockDim.x)
            if (parts[i] <= here && here < parts[i + 1]) found = i;
        __syncthreads();
        const Task task = tasks[found];
        const Image image = images[task.image];
        u32 all = counts ? counts[found] : task.count;
        u32 begin = (here - parts[found]) * part, end = min(begin + part, all);
        int over_low = fragments[image.fragment].low;
        u64 length = (u64)image_planes(image) * image_stride(image);
        const u32* theirs = words + image.first;
        if (length <= room) {
            if (held != task.image) {
                for (u32 i = threadIdx.x; i < length; i += blockDim.x) own[i] = theirs[i];
                held = task.image;
                __syncthreads();
            }
            correlate_part<LANES, PLACES>(
                own, stage, image, over_low, task, begin, end, list, exemplars, notes, answers);
        } else {
            correlate_part<LANES, PLACES>(
                theirs, stage, image, over_low, task, begin, end, list, exemplars, notes, answers);
        }
    }
}

#define CORRELATE(name, lanes, places)                                                                               \
    extern "C" __global__ void name(const Task* tasks, u32 count, const u32* parts, u32 part, const u32* counts,     \
        const u32* list, const Image* images, const u32* words, const Figure* fragments, const Figure* exemplars,    \
        const Note* notes, u32 room, u32* brightest, u64* ranks, u64 width) {                                        \
        correlate_tasks<lanes, places>(tasks, count, parts, part, counts, list, images, words, fragments, exemplars, \
            notes, room, Answers{brightest, ranks, width});                                                          \
    }
CORRELATE(brightest_bytes, 4, false)
CORRELATE(brightest_halves, 2, false)
CORRELATE(brightest_words, 1, false)
CORRELATE(places_bytes, 4, true)
CORRELATE(places_halves, 2, true)
CORRELATE(places_words, 1, true)

// How many exemplars each task has is known on the device alone: where its parts begin. One block.
extern "C" __global__ void divide_tasks(const Task* tasks, u32 count, const u32* counts, u32 part, u32* parts) {
    __shared__ u32 sums[1024];
    u32 each = (count + blockDim.x - 1) / blockDim.x;
    u32 begin = min(threadIdx.x * each, count), end = min(begin + each, count);
    u32 own = 0;
    for (u32 i = begin; i < end; i++) own += ((counts ? counts[i] : tasks[i].count) + part - 1) / part;
    sums[threadIdx.x] = own;
    __syncthreads();
    for (u32 apart = 1; apart < blockDim.x; apart *= 2) {
        u32 before = threadIdx.x >= apart ? sums[threadIdx.x - apart] : 0;
        __syncthreads();
        sums[threadIdx.x] += before;
        __syncthreads();
    }
    u32 next = sums[threadIdx.x] - own;
    for (u32 i = begin; i < end; i++) {
        parts[i] = next;
        next += ((counts ? counts[i] : tasks[i].count) + part - 1) / part;
    }
    if (threadIdx.x == blockDim.x - 1) parts[count] = sums[threadIdx.x];
}
