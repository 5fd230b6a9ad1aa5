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
    const u8* below;      // for each row how many notes are on lower ones; where there are no more than STAGED
    u32 count;
    int rows, columns;    // of the exemplar, in units of time
    int over_rows, over_columns;
    int stride;
    float reciprocal;     // of the grid
    int lowest;           // the lowest transposition

    // A multiple of the grid, of 16 bits, in its units: half a column more is far more than what is lost to rounding.
    __device__ int units(u32 column) const { return (int)(((float)column + 0.5f) * reciprocal); }
};

// A warp's notes at hand: where in the image the ink before their start (x) and end (y) is, in bytes, for the lag of
// lane 0 and row 0 of the exemplar; and their rows, which rise.
struct Stage {
    int2 at[STAGED];
    int row[STAGED];
};

// Puts notes from `next` on on the stage, those that lags from `first` on can meet, until it is full; moves `next`, and
// gives how many there are. `kept` has a bit for each note that was put there.
template <u32 ROWS>
__device__ u32 put_on_stage(Stage* stage, const Pair& pair, u32& next, int first, u32 (&kept)[STAGED / 32]) {
    u32 lane = threadIdx.x % 32, count = 0;
    __syncwarp();
#pragma unroll
    for (u32 turn = 0; turn < STAGED / 32; turn++) {
        kept[turn] = 0;
        if (next >= pair.count) continue;
        bool meets = false;
        int2 at;
        int row = 0;
        if (next + lane < pair.count) {
            const Note note = pair.notes[next + lane];
            int start = first + pair.units(note.start), end = first + pair.units(note.end);
            row = note.row;
            meets = start < pair.over_columns && end + (int)(32 * ROWS) > 1;
            // Beyond the picture nothing changes.
            int base = row * pair.stride + MARGIN;
            at.x = 4 * (base + max(start, -(int)(32 * ROWS)));
            at.y = 4 * (base + min(end, pair.over_columns));
        }
        u32 those = __ballot_sync(~0u, meets), place = count + __popc(those & ((1u << lane) - 1));
        if (meets) {
            stage->at[place] = at;
            stage->row[place] = row;
        }
        kept[turn] = those;
        count += __popc(those);
        next += 32;
    }
    __syncwarp();
    return count;
}

// How many of the notes that were kept are on rows below `row`, from how many there are at all.
__device__ inline u32 kept_below(const Pair& pair, const u32 (&kept)[STAGED / 32], int row) {
    u32 all = pair.below[min(max(row, 0), pair.rows)];
    // So many ones; all of them where there are 32.
    u32 count = __popc(kept[0] & (u32)((1ull << min(all, 32u)) - 1));
    if (pair.count > 32)
#pragma unroll
        for (u32 turn = 1; turn < STAGED / 32; turn++)
            count += __popc(kept[turn] & (u32)((1ull << min(max(all, 32 * turn) - 32 * turn, 32u)) - 1));
    return count;
}

// How many notes on the stage are on rows below `row`.
__device__ inline u32 notes_below(const Stage* stage, u32 count, int row) {
    u32 low = 0, high = count;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (stage->row[middle] < row) low = middle + 1; else high = middle;
    }
    return low;
}

// Adds the notes on the stage to the sums of lags of one word.
template <u32 ROWS>
__device__ void gather(u32 (&sums)[ROWS], const u32* base, const Stage* stage, u32 begin, u32 end) {
    // Other warps fill the time until what is asked for comes: unrolled, the loop only takes registers.
#pragma unroll 1
    for (u32 i = begin; i < end; i++) {
        const int2 at = stage->at[i];
        const u32* starts = (const u32*)((const char*)base + at.x);
        const u32* ends = (const u32*)((const char*)base + at.y);
#pragma unroll
        for (u32 row = 0; row < ROWS; row++) sums[row] += ends[32 * row] - starts[32 * row];
    }
}

// All lags from `first` on that a warp has in its registers, of an exemplar that is on the stage as a whole.
// `see(word, shift, transposition of its lowest digit)` is called for each.
template <u32 LANES, u32 ROWS, typename See>
__device__ void correlate_tile(const u32* image, Stage* stage, const Pair& pair, int first, See see) {
    int lane = threadIdx.x % 32;
    int words = (int)((u32)(pair.rows + pair.over_rows - 1 + (int)LANES - 1) / LANES);
    u32 next = 0, kept[STAGED / 32];
    put_on_stage<ROWS>(stage, pair, next, first, kept);
    // The word of row 0 of the exemplar at the lowest transposition begins so many rows below the picture.
    int below = (int)LANES - pair.rows;
    for (int group = 0; group < words; group += 32) {
        // Each lane looks for the notes of a word, those that meet the picture at some of its transpositions.
        int plane = below + (int)LANES * (group + lane);
        u32 own_begin = kept_below(pair, kept, -plane);
        u32 own_end = kept_below(pair, kept, pair.over_rows + (int)LANES - 1 - plane);
        int here = min(32, words - group);
        for (int word = 0; word < here; word++) {
            u32 begin = __shfl_sync(~0u, own_begin, word), end = __shfl_sync(~0u, own_end, word);
            int lowest = (int)LANES * (group + word);
            u32 sums[ROWS] = {};
            gather<ROWS>(sums, image + ((below + lowest) * pair.stride + lane), stage, begin, end);
#pragma unroll
            for (u32 row = 0; row < ROWS; row++) see(sums[row], first + lane + 32 * (int)row, pair.lowest + lowest);
        }
    }
}

// The same of an exemplar with more notes, some at a time.
template <u32 LANES, typename See>
__device__ void correlate_long_tile(const u32* image, Stage* stage, const Pair& pair, int first, See see) {
    int lane = threadIdx.x % 32;
    int below = (int)LANES - pair.rows;
    for (int lowest = 0; lowest < pair.rows + pair.over_rows - 1; lowest += LANES) {
        u32 sums[MOST_ROWS] = {};
        for (u32 next = 0; next < pair.count;) {
            u32 kept[STAGED / 32], count = put_on_stage<MOST_ROWS>(stage, pair, next, first, kept);
            u32 begin = notes_below(stage, count, -below - lowest);
            u32 end = notes_below(stage, count, pair.over_rows + (int)LANES - 1 - below - lowest);
            gather<MOST_ROWS>(sums, image + ((below + lowest) * pair.stride + lane), stage, begin, end);
        }
#pragma unroll
        for (u32 row = 0; row < MOST_ROWS; row++) see(sums[row], first + lane + 32 * (int)row, pair.lowest + lowest);
    }
}

// All lags of a pair. With FEW variants the code is smaller; with ALL exemplars may have any number of notes.
template <u32 LANES, bool FEW, bool ALL, typename See>
__device__ void correlate_pair(const u32* image, Stage* stage, const Pair& pair, See see) {
    static_assert(MOST_ROWS == 3, "a variant for each number of rows");
    bool whole = !ALL || pair.count <= STAGED;
    for (int first = 1 - pair.columns; first < pair.over_columns;) {
        // The last tile need not be a large one.
        int left = pair.over_columns - first;
        int rows = FEW || !whole || left > 64 ? 3 : left > 32 ? 2 : 1;
        if (!whole) correlate_long_tile<LANES>(image, stage, pair, first, see);
        else if (FEW || rows == 3) correlate_tile<LANES, 3>(image, stage, pair, first, see);
        else if (!FEW && rows == 2) correlate_tile<LANES, 2>(image, stage, pair, first, see);
        else if (!FEW) correlate_tile<LANES, 1>(image, stage, pair, first, see);
        first += 32 * rows;
    }
}

// Where the answers for the exemplars go: the greatest brightness of each, or the rank of its brightest lag. Views have
// rows of them, unless there is a list.
struct Answers {
    u32* brightest;
    u64* places;
};

template <u32 LANES, bool PLACES, bool ALL>
__device__ void correlate_one(const u32* words, Stage* stage, const Image& image, float reciprocal, int over_low,
    const Figure& figure, const Note* notes, const u8* below, const Answers& answers, u32 answer) {
    Pair pair;
    pair.notes = notes + figure.first;
    pair.count = figure.notes;
    pair.rows = figure.rows;
    pair.below = below + figure.below;
    pair.reciprocal = reciprocal;
    pair.columns = pair.units(figure.columns);
    pair.over_rows = image.rows;
    pair.over_columns = image.columns;
    pair.stride = image_stride(image);
    pair.lowest = over_low - (figure.low + (int)figure.rows - 1);
    u32 lane = threadIdx.x % 32;
    if (PLACES) {
        u64 best = 0;
        correlate_pair<LANES, true, ALL>(words, stage, pair, [&](u32 word, int shift, int transposition) {
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
        correlate_pair<LANES, LANES == 1, ALL>(words, stage, pair, [&](u32 word, int, int) { tops.see(word); });
        u32 top = __reduce_max_sync(~0u, tops.greatest());
        if (!lane) answers.brightest[answer] = top * image.grid;
    }
}

// The exemplars of a part of a task, each warp the next that is left.
template <u32 LANES, bool PLACES, bool ALL>
__device__ void correlate_part(const u32* words, Stage* stage, const Image& image, int over_low, u32 first,
    u32* next, u32 end, const u32* list, const Figure* exemplars, const Note* notes, const u8* below, const Answers& answers) {
    float reciprocal = 1.0f / (float)image.grid;
    for (;;) {
        u32 i = threadIdx.x % 32 ? 0 : atomicAdd(next, 1u);
        i = __shfl_sync(~0u, i, 0);
        if (i >= end) break;
        u32 number = list ? list[first + i] : first + i;
        // Answers for a list are in its order.
        correlate_one<LANES, PLACES, ALL>(
            words, stage, image, reciprocal, over_low, exemplars[number], notes, below, answers, list ? first + i : number);
    }
}

// Blocks take parts of `part` exemplars, each the next that is left, since their times differ: `parts` says at which
// part each task begins, then how many there are, then how many are taken.
// NEAR: every image is copied to shared memory, which has room for it, and no exemplar has more notes than are on the
// stage at once; else images are read where they lie.
template <u32 LANES, bool PLACES, bool NEAR>
__device__ void correlate_tasks(const Task* tasks, u32 count, u32* parts, u32 part, const u32* counts, const u32* list,
    const Image* images, const u32* words, const Figure* fragments, const Figure* exemplars, const Note* notes,
    const u8* below, Answers answers, u64 width) {
    SHARED_MEMORY(memory);
    __shared__ u32 taken, found, next;
    Stage* stage = (Stage*)memory + threadIdx.x / 32;
    u32* own = memory + blockDim.x / 32 * (sizeof(Stage) / 4);
    u32 held = ~0u;
    for (;;) {
        __syncthreads();
        if (!threadIdx.x) taken = atomicAdd(&parts[count + 1], 1u);
        __syncthreads();
        u32 here = taken;
        if (here >= parts[count]) break;
        if (threadIdx.x < 32) {
            // The last task that begins at this part or before, a 32nd of them at a time. (Of tasks that begin at the
            // same part the last one has it: the others are empty.)
            u32 low = 0;
            for (u32 span = count; span > 1;) {
                u32 step = (span + 31) / 32, at = threadIdx.x * step;
                u32 those = __ballot_sync(~0u, at < span && parts[low + at] <= here);
                at = (__popc(those) - 1) * step;
                low += at;
                span = min(step, span - at);
            }
            if (!threadIdx.x) {
                found = low;
                next = (here - parts[low]) * part;
            }
        }
        __syncthreads();
        const Task task = tasks[found];
        const Image image = images[task.image];
        u32 all = counts ? counts[found] : task.count;
        u32 end = min((here - parts[found] + 1) * part, all);
        int over_low = PLACES ? fragments[image.fragment].low : 0;
        const u32* theirs = words + image.first;
        if (NEAR && held != task.image) {
            u32 length = image_planes(image) * image_stride(image);
            for (u32 i = threadIdx.x; i < length; i += blockDim.x) own[i] = theirs[i];
            held = task.image;
            __syncthreads();
        }
        u64 row_begin = list ? 0 : task.view * width;
        Answers row = {PLACES ? nullptr : answers.brightest + row_begin, PLACES ? answers.places + row_begin : nullptr};
        correlate_part<LANES, PLACES, !NEAR>(
            NEAR ? own : theirs, stage, image, over_low, task.first, &next, end, list, exemplars, notes, below, row);
    }
}

#define CORRELATE(name, lanes, places, near)                                                                          \
    extern "C" __global__ void __launch_bounds__(32 * MOST_WARPS, places ? 1 : near ? 4 : 3) name(const Task* tasks, u32 count, u32* parts,               \
        u32 part, const u32* counts, const u32* list, const Image* images, const u32* words, const Figure* fragments, \
        const Figure* exemplars, const Note* notes, const u8* below, u32* brightest, u64* ranks, u64 width) {         \
        correlate_tasks<lanes, places, near>(tasks, count, parts, part, counts, list, images, words, fragments,       \
            exemplars, notes, below, Answers{brightest, ranks}, width);                                                      \
    }
CORRELATE(brightest_bytes_near, 4, false, true)
CORRELATE(brightest_halves_near, 2, false, true)
CORRELATE(brightest_bytes, 4, false, false)
CORRELATE(brightest_halves, 2, false, false)
CORRELATE(brightest_words, 1, false, false)
CORRELATE(places_bytes, 4, true, false)
CORRELATE(places_halves, 2, true, false)
CORRELATE(places_words, 1, true, false)

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
    if (threadIdx.x == blockDim.x - 1) {
        parts[count] = sums[threadIdx.x];
        parts[count + 1] = 0;
    }
}
