// Instance normalisation with the leaky rectifier after it; formulas in kernels/norm.rs.
// A row is one channel of one sample.

// Mean and sum of squared deviations of each part of each row: `out` [rows][parts][2].
extern "C" __global__ void norm_moments(const float *x, i64 voxels, i64 parts, double *out) {
    Span span = block_span(voxels, parts);
    x += span.row * voxels;
    double count = (double)(span.end - span.start);
    // Taken from one of the values, so that a large mean costs no digits.
    float pivot = x[span.start];
    float sum = 0.0f;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) sum += x[i] - pivot;
    double mean = (double)pivot + block_sum((double)sum) / count;
    float center = (float)mean;
    float squares = 0.0f;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS)
        squares += (x[i] - center) * (x[i] - center);
    double total = block_sum((double)squares);
    if (threadIdx.x == 0) {
        // The deviations were taken from the rounded mean.
        double shift = mean - (double)center;
        double corrected = total - count * shift * shift;
        out[(span.row * parts + span.part) * 2] = mean;
        // Written so that a NaN stays one.
        out[(span.row * parts + span.part) * 2 + 1] = corrected < 0.0 ? 0.0 : corrected;
    }
}

// Merge the parts of a row in order (Chan, Golub and LeVeque): `statistics` [rows][2], mean and
// 1 / sqrt(variance + eps). One thread a row.
extern "C" __global__ void norm_statistics(const double *moments, i64 rows, i64 voxels, i64 parts,
                                           double eps, float *statistics) {
    i64 row = element();
    if (row >= rows) return;
    double count = 0.0, mean = 0.0, squares = 0.0;
    for (i64 part = 0; part < parts; ++part) {
        i64 start = part * PART;
        double more = (double)((start + PART < voxels ? start + PART : voxels) - start);
        double shift = moments[(row * parts + part) * 2] - mean;
        double all = count + more;
        mean += shift * (more / all);
        squares += moments[(row * parts + part) * 2 + 1] + shift * shift * (count * more / all);
        count = all;
    }
    statistics[row * 2] = (float)mean;
    statistics[row * 2 + 1] = (float)(1.0 / sqrt(squares / count + eps));
}

// What normalises a row.
struct Line {
    float mean;
    float inverse;
    float gamma;
    float beta;
};

static __device__ Line line_of(const float *statistics, const float *gamma, const float *beta,
                               i64 row, i64 channels) {
    Line line;
    line.mean = statistics[row * 2];
    line.inverse = statistics[row * 2 + 1];
    line.gamma = gamma[row % channels];
    line.beta = beta[row % channels];
    return line;
}

extern "C" __global__ void norm_forward(const float *x, const float *statistics,
                                        const float *gamma, const float *beta, i64 channels,
                                        i64 voxels, i64 parts, float slope, float *y) {
    Span span = block_span(voxels, parts);
    Line line = line_of(statistics, gamma, beta, span.row, channels);
    x += span.row * voxels;
    y += span.row * voxels;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) {
        float z = (x[i] - line.mean) * line.inverse * line.gamma + line.beta;
        y[i] = z > 0.0f ? z : slope * z;
    }
}

// `sum(d)` and `sum(d h)` of each part of each row: `out` [rows][parts][2].
extern "C" __global__ void norm_gradient_parts(const float *x, const float *grad_y,
                                               const float *statistics, const float *gamma,
                                               const float *beta, i64 channels, i64 voxels,
                                               i64 parts, float slope, double *out) {
    Span span = block_span(voxels, parts);
    Line line = line_of(statistics, gamma, beta, span.row, channels);
    x += span.row * voxels;
    grad_y += span.row * voxels;
    float sum = 0.0f, product = 0.0f;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) {
        float h = (x[i] - line.mean) * line.inverse;
        float d = h * line.gamma + line.beta > 0.0f ? grad_y[i] : slope * grad_y[i];
        sum += d;
        product += d * h;
    }
    double all = block_sum((double)sum);
    double products = block_sum((double)product);
    if (threadIdx.x == 0) {
        out[(span.row * parts + span.part) * 2] = all;
        out[(span.row * parts + span.part) * 2 + 1] = products;
    }
}

// `sums` [rows][2] of norm_gradient_parts, its parts added up.
extern "C" __global__ void norm_gradient_input(const float *x, const float *grad_y,
                                               const float *statistics, const float *gamma,
                                               const float *beta, const double *sums, i64 channels,
                                               i64 voxels, i64 parts, float slope, float *grad_x) {
    Span span = block_span(voxels, parts);
    Line line = line_of(statistics, gamma, beta, span.row, channels);
    x += span.row * voxels;
    grad_y += span.row * voxels;
    grad_x += span.row * voxels;
    float mean_d = (float)(sums[span.row * 2] / (double)voxels);
    float mean_dh = (float)(sums[span.row * 2 + 1] / (double)voxels);
    float scale = line.gamma * line.inverse;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) {
        float h = (x[i] - line.mean) * line.inverse;
        float d = h * line.gamma + line.beta > 0.0f ? grad_y[i] : slope * grad_y[i];
        grad_x[i] = scale * (d - mean_d - h * mean_dh);
    }
}

// The gradients of gamma and beta: samples added in order. One thread a channel.
extern "C" __global__ void norm_gradient_affine(const double *sums, i64 samples, i64 channels,
                                                float *grad_gamma, float *grad_beta) {
    i64 channel = element();
    if (channel >= channels) return;
    double gamma = 0.0, beta = 0.0;
    for (i64 sample = 0; sample < samples; ++sample) {
        beta += sums[(sample * channels + channel) * 2];
        gamma += sums[(sample * channels + channel) * 2 + 1];
    }
    grad_gamma[channel] = (float)gamma;
    grad_beta[channel] = (float)beta;
}
