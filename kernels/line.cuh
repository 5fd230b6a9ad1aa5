// Fourier transforms of lines of a power of two of complex numbers, in shared memory.
//
// Stockham's method with radix 8 (and 4 or 2 at last), after Govindaraju and others, "High performance discrete Fourier
// transforms on graphics processors" (2008), section 4: a thread has 8 values in registers at a time, and values lie in
// their final order at the end. Real and imaginary parts lie apart. Transforms are not scaled.
#pragma once
#include "figure.cuh"

// Aligned, so that both parts are read at once.
struct __align__(8) Complex {
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

// Where a value of a line lies: bits of its number are added to lower ones, without carries, so that 32 values that
// follow each other, or are 8 apart, or are 8 times 4 at a distance of 64, lie in different banks. Numbers that have no
// bits in common may be placed one by one: place(a + b) = place(a) ^ place(b).
__device__ inline u32 place(u32 index) { return index ^ (index >> 5 & 7) ^ (index >> 3 & 24); }
// Floats between lines: neighbouring ones lie 4 banks apart.
__device__ inline u32 line_stride(u32 length) { return 2 * length + 4; }

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

// A thread's share of a line: values `thread` + r * length / 8. Lines are as long as LENGTH says, or, where that is 0,
// as is known when the kernel runs.
template <u32 LENGTH> struct Line {
    float* re;
    float* im;
    u32 runtime_length;
    u32 thread;           // which of the line
    const Complex* roots; // e^(-2 pi i k / length) for k below the length

    __device__ u32 length() const { return LENGTH ? LENGTH : runtime_length; }
    __device__ u32 eighth() const { return length() / 8; }
    __device__ void put(u32 at, Complex value) const {
        re[at] = value.re;
        im[at] = value.im;
    }
    __device__ Complex get(u32 at) const { return {re[at], im[at]}; }
};

// One pass of a radix; `v` are the thread's 8 values, `shift` the logarithm of the product of the radices of the passes
// before. With a radix below 8 the thread has several butterflies, an eighth of the length apart.
template <bool INVERSE, u32 RADIX, u32 LENGTH>
__device__ inline void pass(const Line<LENGTH>& line, Complex* v, u32 shift) {
    u32 step = (line.length() / RADIX) >> shift;
#pragma unroll
    for (u32 turn = 0; turn < 8 / RADIX; turn++) {
        u32 root = ((line.thread + turn * line.eighth()) & ((1u << shift) - 1)) * step;
        Complex own[RADIX];
#pragma unroll
        for (u32 r = 0; r < RADIX; r++) {
            own[r] = v[turn + r * (8 / RADIX)];
            if (r && shift) {
                Complex factor = line.roots[r * root];
                own[r] = own[r] * (INVERSE ? conjugate(factor) : factor);
            }
        }
        if (RADIX == 8) transform_8<INVERSE>(own);
        else if (RADIX == 4) transform_4<INVERSE>(own);
        else transform_2<INVERSE>(own[0], own[1]);
#pragma unroll
        for (u32 r = 0; r < RADIX; r++) v[turn + r * (8 / RADIX)] = own[r];
    }
}

// A pass of radix 8 that is not the last, and the exchange of values after it.
template <bool INVERSE, u32 LENGTH>
__device__ inline void pass_and_exchange(const Line<LENGTH>& line, Complex* v, u32 shift) {
    pass<INVERSE, 8>(line, v, shift);
    __syncthreads();
    u32 within = line.thread & ((1u << shift) - 1), to = place((line.thread - within) * 8 + within);
#pragma unroll
    for (u32 r = 0; r < 8; r++) line.put(to ^ place(r << shift), v[r]);
    __syncthreads();
    u32 from = place(line.thread);
#pragma unroll
    for (u32 r = 0; r < 8; r++) v[r] = line.get(from ^ place(r * line.eighth()));
}

// Transforms a line: `v` are the thread's values before and after it, in the same order, since the last pass spreads
// each butterfly over the whole line. All threads of the block must call it, with lines of one length.
template <bool INVERSE, u32 LENGTH> __device__ inline void transform(const Line<LENGTH>& line, Complex* v) {
    u32 shift = 0;
#pragma unroll
    for (; 8u << shift < line.length(); shift += 3) pass_and_exchange<INVERSE>(line, v, shift);
    if (8u << shift == line.length()) pass<INVERSE, 8>(line, v, shift);
    else if (4u << shift == line.length()) pass<INVERSE, 4>(line, v, shift);
    else pass<INVERSE, 2>(line, v, shift);
}
