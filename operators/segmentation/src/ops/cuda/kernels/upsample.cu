// Resizing, trilinear and nearest: two taps an output index along each axis, as the tables of
// kernels/upsample.rs. `low` and `high` [outputs] are input indices, `weights` [outputs][2]; the
// three axes one after the other. One thread an element of the result.

struct Taps {
    int input;
    int output;
    const int *low;
    const int *high;
    const float *weights;
};

struct Axes {
    Taps z;
    Taps y;
    Taps x;
};

static __device__ Taps taps_of(int input, int output, int before, const int *indices,
                               const float *weights, int outputs) {
    Taps taps;
    taps.input = input;
    taps.output = output;
    taps.low = indices + before;
    taps.high = indices + outputs + before;
    taps.weights = weights + 2 * before;
    return taps;
}

// `shape` [input z y x, output z y x]; `indices` the low ones of all axes, then the high ones.
static __device__ Axes axes_of(const int *shape, const int *indices, const float *weights) {
    int outputs = shape[3] + shape[4] + shape[5];
    Axes axes;
    axes.z = taps_of(shape[0], shape[3], 0, indices, weights, outputs);
    axes.y = taps_of(shape[1], shape[4], shape[3], indices, weights, outputs);
    axes.x = taps_of(shape[2], shape[5], shape[3] + shape[4], indices, weights, outputs);
    return axes;
}

// Input index and weight of tap 0 or 1 of an output.
static __device__ int index_of(const Taps &taps, int out, int tap) {
    return tap == 0 ? taps.low[out] : taps.high[out];
}

static __device__ float weight_of(const Taps &taps, int out, int tap) {
    return taps.weights[2 * out + tap];
}

extern "C" __global__ void resize(const float *x, const int *shape, const int *indices,
                                  const float *weights, i64 length, float *y) {
    i64 i = element();
    if (i >= length) return;
    Axes axes = axes_of(shape, indices, weights);
    int ox = (int)(i % axes.x.output);
    int oy = (int)(i / axes.x.output % axes.y.output);
    i64 slice = i / axes.x.output / axes.y.output;
    int oz = (int)(slice % axes.z.output);
    x += slice / axes.z.output * axes.z.input * axes.y.input * axes.x.input;
    float sum = 0.0f;
    for (int tx = 0; tx < 2; ++tx) {
        float wx = weight_of(axes.x, ox, tx);
        if (wx == 0.0f) continue;
        float column = 0.0f;
        for (int tz = 0; tz < 2; ++tz) {
            float wz = weight_of(axes.z, oz, tz);
            if (wz == 0.0f) continue;
            for (int ty = 0; ty < 2; ++ty) {
                float wy = weight_of(axes.y, oy, ty);
                if (wy == 0.0f) continue;
                i64 row = (i64)index_of(axes.z, oz, tz) * axes.y.input + index_of(axes.y, oy, ty);
                column += wz * wy * x[row * axes.x.input + index_of(axes.x, ox, tx)];
            }
        }
        sum += column * wx;
    }
    y[i] = sum;
}

// The first output that reads input `at` or one after it: low indices never fall.
static __device__ int first_reader(const Taps &taps, int at) {
    int low = 0, high = taps.output;
    while (low < high) {
        int middle = (low + high) / 2;
        if (taps.high[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The weight with which output `out` reads input `at`.
static __device__ float reads(const Taps &taps, int out, int at) {
    float weight = taps.low[out] == at ? weight_of(taps, out, 0) : 0.0f;
    return taps.high[out] == at ? weight + weight_of(taps, out, 1) : weight;
}

// The transpose of `resize`: outputs that read an input voxel, in their order.
extern "C" __global__ void resize_gradient(const float *grad_y, const int *shape,
                                           const int *indices, const float *weights, i64 length,
                                           float *grad_x) {
    i64 i = element();
    if (i >= length) return;
    Axes axes = axes_of(shape, indices, weights);
    int ix = (int)(i % axes.x.input);
    int iy = (int)(i / axes.x.input % axes.y.input);
    i64 slice = i / axes.x.input / axes.y.input;
    int iz = (int)(slice % axes.z.input);
    grad_y += slice / axes.z.input * axes.z.output * axes.y.output * axes.x.output;
    int z0 = first_reader(axes.z, iz), y0 = first_reader(axes.y, iy), x0 = first_reader(axes.x, ix);
    float sum = 0.0f;
    for (int z = z0; z < axes.z.output && axes.z.low[z] <= iz; ++z) {
        float wz = reads(axes.z, z, iz);
        for (int y = y0; y < axes.y.output && axes.y.low[y] <= iy; ++y) {
            float wzy = wz * reads(axes.y, y, iy);
            if (wzy == 0.0f) continue;
            float row = 0.0f;
            for (int x = x0; x < axes.x.output && axes.x.low[x] <= ix; ++x) {
                float wx = reads(axes.x, x, ix);
                if (wx != 0.0f)
                    row += grad_y[((i64)z * axes.y.output + y) * axes.x.output + x] * wx;
            }
            sum += wzy * row;
        }
    }
    grad_x[i] = sum;
}
