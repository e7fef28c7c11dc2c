// Sums of parts, and sums and biases by channel.

// Sum `parts` numbers of each of `rows` rows, `width` numbers side by side: `in`
// [rows][parts][width], `out` [rows][width]. One block for each number of `out`.
static __device__ double sum_of_parts(const double *in, i64 parts, i64 width) {
    i64 row = (i64)blockIdx.x / width, column = (i64)blockIdx.x % width;
    double sum = 0.0;
    for (i64 part = threadIdx.x; part < parts; part += THREADS)
        sum += in[(row * parts + part) * width + column];
    return block_sum(sum);
}

extern "C" __global__ void sum_parts_f64(const double *in, i64 parts, i64 width, double *out) {
    double sum = sum_of_parts(in, parts, width);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

extern "C" __global__ void sum_parts_f32(const double *in, i64 parts, i64 width, float *out) {
    double sum = sum_of_parts(in, parts, width);
    if (threadIdx.x == 0) out[blockIdx.x] = (float)sum;
}

// Partial sums of `a b`: `out` [parts].
extern "C" __global__ void dot_parts(const float *a, const float *b, i64 length, i64 parts,
                                     double *out) {
    Span span = block_span(length, parts);
    float sum = 0.0f;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) sum += a[i] * b[i];
    double total = block_sum((double)sum);
    if (threadIdx.x == 0) out[span.part] = total;
}

// Partial sums of each channel over samples and voxels: `x` [samples][channels][voxels], `out`
// [channels][samples][parts].
template <typename T>
static __device__ void channel_parts(const T *x, i64 channels, i64 samples, i64 voxels, i64 parts,
                                     double *out) {
    Span span = block_span(voxels, parts);
    i64 sample = span.row / channels, channel = span.row % channels;
    x += span.row * voxels;
    T sum = 0;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) sum += x[i];
    double total = block_sum((double)sum);
    if (threadIdx.x == 0) out[(channel * samples + sample) * parts + span.part] = total;
}

extern "C" __global__ void channel_parts_f32(const float *x, i64 channels, i64 samples, i64 voxels,
                                             i64 parts, double *out) {
    channel_parts(x, channels, samples, voxels, parts, out);
}

extern "C" __global__ void channel_parts_f64(const double *x, i64 channels, i64 samples,
                                             i64 voxels, i64 parts, double *out) {
    channel_parts(x, channels, samples, voxels, parts, out);
}

// `y += bias` of its channel: `y` [samples][channels][voxels].
template <typename T>
static __device__ void add_bias(T *y, const T *bias, i64 channels, i64 voxels, i64 parts) {
    Span span = block_span(voxels, parts);
    y += span.row * voxels;
    T term = bias[span.row % channels];
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) y[i] += term;
}

extern "C" __global__ void add_bias_f32(float *y, const float *bias, i64 channels, i64 voxels,
                                        i64 parts) {
    add_bias(y, bias, channels, voxels, parts);
}

extern "C" __global__ void add_bias_f64(double *y, const double *bias, i64 channels, i64 voxels,
                                        i64 parts) {
    add_bias(y, bias, channels, voxels, parts);
}
