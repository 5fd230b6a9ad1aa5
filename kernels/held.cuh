// Fourier transforms of lines whose length is a product of two radices that registers hold: one exchange of values
// through shared memory, among threads of one warp.
//
// The "four-step" method (Bailey, "FFTs in external or hierarchical memory", 1990, section 3) with n = t + THREADS * r:
// a thread has the VALUES values of one t and transforms them; values are turned by the root of their place; then
// a thread has, VALUES / THREADS times, those of all t, and transforms them. Nothing waits for a whole block.
#pragma once
#include "line.cuh"

// e^(-2 pi i k / 32), from a table that the compiler sees through when k is known.
__device__ constexpr Complex root_of_32(u32 k) {
    constexpr float cosines[9] = {1.0f, 0.98078528040323043f, 0.92387953251128674f, 0.83146961230254524f,
        0.70710678118654752f, 0.55557023301960222f, 0.38268343236508977f, 0.19509032201612827f, 0.0f};
    float re = k <= 8 ? cosines[k] : k <= 16 ? -cosines[16 - k] : k <= 24 ? -cosines[k - 16] : cosines[32 - k];
    float im = k <= 8 ? -cosines[8 - k] : k <= 16 ? -cosines[k - 8] : k <= 24 ? cosines[24 - k] : cosines[k - 24];
    return {re, im};
}

// A value turned by the k-th root of 32.
template <bool INVERSE> __device__ inline Complex turned_by(Complex value, u32 k) {
    const float half = 0.70710678118654752f;
    if (k == 0) return value;
    if (k == 8) return turned<INVERSE>(value);
    if (k == 4 || k == 12) {
        Complex turn = turned<INVERSE>(value);
        if (k == 4) return {(value.re + turn.re) * half, (value.im + turn.im) * half};
        return {(turn.re - value.re) * half, (turn.im - value.im) * half};
    }
    return value * (INVERSE ? conjugate(root_of_32(k)) : root_of_32(k));
}

// A transform in registers, the result in order.
template <bool INVERSE, u32 LENGTH> struct Held;
template <bool INVERSE> struct Held<INVERSE, 4> {
    __device__ static void transform(Complex* v) { transform_4<INVERSE>(v); }
};
template <bool INVERSE> struct Held<INVERSE, 8> {
    __device__ static void transform(Complex* v) { transform_8<INVERSE>(v); }
};
template <bool INVERSE, u32 LENGTH> struct Held {
    __device__ static void transform(Complex* v) {
        constexpr u32 OUTER = LENGTH == 16 ? 4 : 8, INNER = 4;
        Complex turned[LENGTH];
#pragma unroll
        for (u32 b = 0; b < INNER; b++) {
            Complex own[OUTER];
#pragma unroll
            for (u32 a = 0; a < OUTER; a++) own[a] = v[b + INNER * a];
            Held<INVERSE, OUTER>::transform(own);
#pragma unroll
            for (u32 k = 0; k < OUTER; k++) turned[k * INNER + b] = turned_by<INVERSE>(own[k], b * k * (32 / LENGTH));
        }
#pragma unroll
        for (u32 k = 0; k < OUTER; k++) {
            Held<INVERSE, INNER>::transform(turned + k * INNER);
#pragma unroll
            for (u32 j = 0; j < INNER; j++) v[k + OUTER * j] = turned[k * INNER + j];
        }
    }
};

// A line of 128 to 1,024 values, of which a thread has those at `thread` + r * THREADS, before and after.
//
// In shared memory a value more lies after each THREADS of them, so that neither those that threads put at a time nor
// those that they get share a bank, and offsets are known when this is compiled.
template <u32 LENGTH> struct ShortLine {
    static constexpr u32 VALUES = LENGTH <= 512 ? 16 : 32;
    static constexpr u32 THREADS = LENGTH / VALUES;
    static_assert(THREADS * VALUES == LENGTH && THREADS <= 2 * VALUES && THREADS <= 32);
    static constexpr u32 ROOM = LENGTH + VALUES;
    Complex* own;         // in shared memory
    u32 thread;           // which of the line
    const Complex* roots; // e^(-2 pi i k t / LENGTH) for t below THREADS, for each k below VALUES

    // Transforms the line. All threads of the warp must call it, and have finished with the line's memory.
    template <bool INVERSE> __device__ void transform(Complex* v) const {
        Held<INVERSE, VALUES>::transform(v);
#pragma unroll
        for (u32 k = 0; k < VALUES; k++) {
            Complex root = k ? roots[k * THREADS + thread] : Complex{1.0f, 0.0f};
            if (k) v[k] = v[k] * (INVERSE ? conjugate(root) : root);
            own[k * (THREADS + 1) + thread] = v[k];
        }
        __syncwarp();
        if (THREADS <= VALUES) {
#pragma unroll
            for (u32 turn = 0; turn < VALUES / THREADS; turn++) {
                Complex all[THREADS];
#pragma unroll
                for (u32 t = 0; t < THREADS; t++) all[t] = own[(thread + turn * THREADS) * (THREADS + 1) + t];
                Held<INVERSE, THREADS>::transform(all);
                // Value thread + turn * THREADS + j * VALUES is the thread's j * VALUES / THREADS + turn -th.
#pragma unroll
                for (u32 j = 0; j < THREADS; j++) v[j * (VALUES / THREADS) + turn] = all[j];
            }
        } else {
            // Two threads share what belongs together: one has the even results of it, one the odd ones.
            const Complex* all = own + thread % VALUES * (THREADS + 1);
            bool odd = thread >= VALUES;
#pragma unroll
            for (u32 t = 0; t < VALUES; t++) {
                Complex a = all[t], b = all[t + VALUES];
                v[t] = odd ? turned_by<INVERSE>(a - b, t * (32 / THREADS)) : a + b;
            }
            Held<INVERSE, VALUES>::transform(v);
        }
    }
};

// Where one of eight lines begins that take so much room each: values of one place of all of them, or of two places two
// apart, lie in different banks, and so do those of neighbouring lines that are worked on by half a warp.
__device__ inline u32 short_line_start(u32 room, u32 line) {
    return line * (room + 16) + (line & 1) * 8 + (line >> 1 & 1) + (line >> 2 & 1) * 4;
}
