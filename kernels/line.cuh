// Fourier transforms of lines of a power of two of complex numbers, in shared memory.
//
// Stockham's method with radix 8 (and 4 or 2 at last), after Govindaraju and others, "High performance discrete Fourier
// transforms on graphics processors" (2008), section 4: a thread has 8 values in registers at a time, and values lie in
// their final order at the end. Real and imaginary parts lie apart, with a gap after every 8 values, so that neither
// the steps of 8 of the first pass nor the rows of the others compete for banks. Transforms are not scaled.
#pragma once
#include "figure.cuh"

struct Complex {
    float re, im;
};
__device__ inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
__device__ inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
__device__ inline Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
__device__ inline Complex conjugate(Complex a) { return {a.re, -a.im}; }
// Times i for inverse transforms, times -i for others.
template <bool INVERSE> __device__ inline Complex turned(Complex a) {
    return INVERSE ? Complex{-a.im, a.re} : Complex{a.im, -a.re};
}

// Where a value of a line lies.
__device__ inline u32 padded(u32 index) { return index + index / 8; }
// Floats between lines: what padding takes, and an odd number of banks further.
__device__ inline u32 line_stride(u32 length) { return length + length / 8 + 1; }

template <bool INVERSE> __device__ inline void transform_2(Complex& a, Complex& b) {
    Complex sum = a + b;
    b = a - b;
    a = sum;
}

template <bool INVERSE> __device__ inline void transform_4(Complex* v) {
    transform_2<INVERSE>(v[0], v[2]);
    transform_2<INVERSE>(v[1], v[3]);
    v[3] = turned<INVERSE>(v[3]);
    transform_2<INVERSE>(v[0], v[1]);
    transform_2<INVERSE>(v[2], v[3]);
    Complex second = v[1];
    v[1] = v[2];
    v[2] = second;
}

template <bool INVERSE> __device__ inline void transform_8(Complex* v) {
    const float half = 0.70710678118654752f;
    Complex even[4] = {v[0], v[2], v[4], v[6]}, odd[4] = {v[1], v[3], v[5], v[7]};
    transform_4<INVERSE>(even);
    transform_4<INVERSE>(odd);
    Complex one = turned<INVERSE>(odd[1]), three = turned<INVERSE>(odd[3]);
    odd[1] = {(odd[1].re + one.re) * half, (odd[1].im + one.im) * half};
    odd[2] = turned<INVERSE>(odd[2]);
    odd[3] = {(three.re - odd[3].re) * half, (three.im - odd[3].im) * half};
    for (u32 k = 0; k < 4; k++) {
        v[k] = even[k] + odd[k];
        v[k + 4] = even[k] - odd[k];
    }
}

// A thread's share of a line: values `place` + r * length / 8. Lines are shorter than 8 nowhere.
struct Line {
    float* re;
    float* im;
    u32 length;
    u32 eighth;           // of the length
    u32 place;         // which thread of the line
    const Complex* roots; // e^(-2 pi i k / length) for k below the length
};

// One pass of a radix; `v` are the thread's 8 values, `shift` the logarithm of the product of the radices of the passes
// before. With a radix below 8 the thread has several butterflies, an eighth of the length apart.
template <bool INVERSE, u32 RADIX> __device__ inline void pass(const Line& line, Complex* v, u32 shift) {
    u32 step = (line.length / RADIX) >> shift;
#pragma unroll
    for (u32 turn = 0; turn < 8 / RADIX; turn++) {
        u32 within = (line.place + turn * line.eighth) & ((1u << shift) - 1);
        Complex own[RADIX];
#pragma unroll
        for (u32 r = 0; r < RADIX; r++) {
            own[r] = v[turn + r * (8 / RADIX)];
            if (r && shift) {
                Complex root = line.roots[r * within * step];
                own[r] = own[r] * (INVERSE ? conjugate(root) : root);
            }
        }
        if (RADIX == 8) transform_8<INVERSE>(own);
        else if (RADIX == 4) transform_4<INVERSE>(own);
        else transform_2<INVERSE>(own[0], own[1]);
#pragma unroll
        for (u32 r = 0; r < RADIX; r++) v[turn + r * (8 / RADIX)] = own[r];
    }
}

// Where a thread's value belongs after a pass of a radix.
template <u32 RADIX> __device__ inline u32 target(const Line& line, u32 index, u32 shift) {
    u32 turn = index % (8 / RADIX), r = index / (8 / RADIX);
    u32 butterfly = line.place + turn * line.eighth, within = butterfly & ((1u << shift) - 1);
    return (butterfly - within) * RADIX + within + (r << shift);
}

template <bool INVERSE, u32 RADIX> __device__ inline void pass_and_exchange(const Line& line, Complex* v, u32 shift) {
    pass<INVERSE, RADIX>(line, v, shift);
    if (RADIX << shift == line.length) return;
    __syncthreads();
#pragma unroll
    for (u32 i = 0; i < 8; i++) {
        u32 at = padded(target<RADIX>(line, i, shift));
        line.re[at] = v[i].re;
        line.im[at] = v[i].im;
    }
    __syncthreads();
#pragma unroll
    for (u32 i = 0; i < 8; i++) {
        u32 at = padded(line.place + i * line.eighth);
        v[i] = {line.re[at], line.im[at]};
    }
}

// Transforms a line: `v` are the thread's values before and after it. Afterwards they are in the order in which
// `result_place` numbers them. All threads of the block must call it, with lines of one length.
template <bool INVERSE> __device__ inline void transform(const Line& line, Complex* v) {
    u32 shift = 0;
    for (; 8u << shift <= line.length; shift += 3) pass_and_exchange<INVERSE, 8>(line, v, shift);
    if (4u << shift == line.length) pass_and_exchange<INVERSE, 4>(line, v, shift);
    else if (2u << shift == line.length) pass_and_exchange<INVERSE, 2>(line, v, shift);
}

// Which value of the line a thread's value is after the transform: the last pass has each butterfly spread over the
// whole line, so they are as far apart as before it.
__device__ inline u32 result_place(const Line& line, u32 index) { return line.place + index * line.eighth; }
