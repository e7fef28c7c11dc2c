// Dice with cross-entropy (softmax) or binary cross-entropy (sigmoid); formulas in
// kernels/loss/mod.rs. Bits say to which channels a voxel belongs.

#define IGNORED (1ull << 63)
#define UNKNOWN (1ull << 62)
#define SOFTMAX 0

// The channels of a label as bits.
static __device__ u64 bits_of(unsigned label, const u64 *table, i64 labels, i64 ignore) {
    if ((i64)label == ignore) return IGNORED;
    return (i64)label < labels ? table[label] : UNKNOWN;
}

static __device__ float probability(int head, float logit, float largest, float total) {
    if (head == SOFTMAX) return expf(logit - largest) / total;
    float e = expf(-fabsf(logit));
    return (logit > 0.0f ? 1.0f : e) / (1.0f + e);
}

// Largest logit of a voxel and the sum of the exponentials below it.
static __device__ void softmax_of(const float *logits, i64 channels, i64 voxels, float *largest,
                                  float *total) {
    float most = logits[0];
    for (i64 c = 1; c < channels; ++c) {
        float logit = logits[c * voxels];
        most = logit > most ? logit : most;
    }
    float sum = 0.0f;
    for (i64 c = 0; c < channels; ++c) sum += expf(logits[c * voxels] - most);
    *largest = most;
    *total = sum;
}

// Entropy and voxels that count, of each part of each sample: `out` [samples][parts][2].
// Also what the overlaps need of each voxel, `bits`, `largest` and `total` [samples][voxels]
// (the last two for softmax only), and the first voxel of each part with an unknown label, or -1.
extern "C" __global__ void loss_entropy(int head, const float *logits, const unsigned *labels,
                                        const u64 *table, i64 table_length, i64 ignore,
                                        i64 channels, i64 voxels, i64 parts, u64 *bits,
                                        float *largest, float *total, double *out, i64 *unknown) {
    __shared__ i64 first_unknown[THREADS];
    Span span = block_span(voxels, parts);
    logits += span.row * channels * voxels;
    i64 before = span.row * voxels;
    float entropy = 0.0f, counted = 0.0f;
    i64 bad = -1;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) {
        u64 member = bits_of(labels[before + i], table, table_length, ignore);
        if (member == UNKNOWN) {
            if (bad < 0) bad = i;
            member = IGNORED;
        }
        bits[before + i] = member;
        if (head == SOFTMAX) {
            float most, sum;
            softmax_of(logits + i, channels, voxels, &most, &sum);
            largest[before + i] = most;
            total[before + i] = sum;
            if (member != IGNORED)
                entropy += logf(sum) + most - logits[(__ffsll((i64)member) - 1) * voxels + i];
        } else if (member != IGNORED) {
            for (i64 c = 0; c < channels; ++c) {
                float logit = logits[c * voxels + i];
                float above = logit < 0.0f ? 0.0f : logit;
                float inside = (float)(member >> c & 1ull);
                entropy += above - logit * inside + log1pf(expf(-fabsf(logit)));
            }
        }
        if (member != IGNORED) counted += 1.0f;
    }
    double entropies = block_sum((double)entropy);
    double count = block_sum((double)counted);
    first_unknown[threadIdx.x] = bad;
    __syncthreads();
    if (threadIdx.x == 0) {
        i64 at = -1;
        for (int thread = 0; thread < THREADS; ++thread) {
            i64 other = first_unknown[thread];
            if (other >= 0 && (at < 0 || other < at)) at = other;
        }
        out[(i64)blockIdx.x * 2] = entropies;
        out[(i64)blockIdx.x * 2 + 1] = count;
        unknown[blockIdx.x] = at < 0 ? -1 : (i64)labels[before + at];
    }
}

// `sum(p t)`, `sum(p)` and `sum(t)` of each part of each channel of each sample: `out`
// [samples][channels][parts][3].
extern "C" __global__ void loss_overlaps(int head, const float *logits, const u64 *bits,
                                         const float *largest, const float *total, i64 channels,
                                         i64 voxels, i64 parts, double *out) {
    Span span = block_span(voxels, parts);
    i64 before = span.row / channels * voxels;
    i64 channel = span.row % channels;
    logits += span.row * voxels;
    float common = 0.0f, predicted = 0.0f, target = 0.0f;
    for (i64 i = span.start + threadIdx.x; i < span.end; i += THREADS) {
        u64 member = bits[before + i];
        if (member == IGNORED) continue;
        float most = head == SOFTMAX ? largest[before + i] : 0.0f;
        float sum = head == SOFTMAX ? total[before + i] : 1.0f;
        float p = probability(head, logits[i], most, sum);
        float t = (float)(member >> channel & 1ull);
        common += p * t;
        predicted += p;
        target += t;
    }
    double all_common = block_sum((double)common);
    double all_predicted = block_sum((double)predicted);
    double all_target = block_sum((double)target);
    if (threadIdx.x == 0) {
        out[(i64)blockIdx.x * 3] = all_common;
        out[(i64)blockIdx.x * 3 + 1] = all_predicted;
        out[(i64)blockIdx.x * 3 + 2] = all_target;
    }
}

// The gradient to the logits. `lines` [samples][channels][2] is `slope` and `offset` of the
// gradient of Dice to `p`, `entropy` that of the mean entropy. One thread a voxel.
extern "C" __global__ void loss_gradient(int head, const float *logits, const unsigned *labels,
                                         const u64 *table, i64 table_length, i64 ignore,
                                         const float *lines, float entropy, i64 samples,
                                         i64 channels, i64 voxels, float *grad) {
    i64 at = element();
    if (at >= samples * voxels) return;
    i64 sample = at / voxels;
    logits += sample * channels * voxels + at % voxels;
    grad += sample * channels * voxels + at % voxels;
    lines += sample * channels * 2;
    u64 member = bits_of(labels[at], table, table_length, ignore);
    if (member == IGNORED || member == UNKNOWN) {
        for (i64 c = 0; c < channels; ++c) grad[c * voxels] = 0.0f;
        return;
    }
    float most = 0.0f, sum = 1.0f, weighted = 0.0f;
    if (head == SOFTMAX) {
        softmax_of(logits, channels, voxels, &most, &sum);
        for (i64 c = 0; c < channels; ++c) {
            float t = (float)(member >> c & 1ull);
            float p = probability(head, logits[c * voxels], most, sum);
            weighted += p * (lines[2 * c] * t + lines[2 * c + 1]);
        }
    }
    for (i64 c = 0; c < channels; ++c) {
        float t = (float)(member >> c & 1ull);
        float p = probability(head, logits[c * voxels], most, sum);
        float g = lines[2 * c] * t + lines[2 * c + 1];
        float dice = head == SOFTMAX ? p * (g - weighted) : p * (1.0f - p) * g;
        grad[c * voxels] = dice + entropy * (p - t);
    }
}
