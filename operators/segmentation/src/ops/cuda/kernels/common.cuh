// What every topic shares; stands before each of them.
//
// Sums are deterministic: a part of fixed length for each block, a tree of fixed shape within it,
// parts added in a fixed order afterwards. No atomics. Compiled without contraction of products
// and sums, so that forward and backward passes agree on which side of zero a value lies.

typedef long long i64;
typedef unsigned long long u64;

// Threads of a block; kernels.rs launches as many.
#define THREADS 256
// Elements that one block reduces; kernels.rs counts the parts by it.
#define PART 16384

// The sum over the threads of a block, the same for all of them.
static __device__ double block_sum(double value) {
    __shared__ double values[THREADS];
    int thread = threadIdx.x;
    values[thread] = value;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (thread < half) values[thread] += values[thread + half];
        __syncthreads();
    }
    double total = values[0];
    __syncthreads();
    return total;
}

// The first and the last but one element of the block's part.
struct Span {
    i64 row;
    i64 part;
    i64 start;
    i64 end;
};

// Blocks are numbered row by row, `parts` to a row of `length` elements.
static __device__ Span block_span(i64 length, i64 parts) {
    Span span;
    span.row = (i64)blockIdx.x / parts;
    span.part = (i64)blockIdx.x % parts;
    span.start = span.part * PART;
    span.end = span.start + PART < length ? span.start + PART : length;
    return span;
}

// The element of a kernel that has one thread for each.
static __device__ i64 element() { return (i64)blockIdx.x * THREADS + threadIdx.x; }
