// Maximum and mean over windows without padding. One thread an element of the result; gradients
// gather over the windows that hold a voxel, in the order of the windows.

struct Pool {
    int input[3];
    int kernel[3];
    int stride[3];
    int output[3];
};

static __device__ Pool pool_of(const int *shape) {
    Pool pool;
    for (int axis = 0; axis < 3; ++axis) {
        pool.input[axis] = shape[axis];
        pool.kernel[axis] = shape[3 + axis];
        pool.stride[axis] = shape[6 + axis];
        pool.output[axis] = shape[9 + axis];
    }
    return pool;
}

// Row (sample and channel) and position of an element.
struct Place {
    i64 row;
    int at[3];
};

static __device__ Place place_of(i64 index, const int *extents) {
    Place place;
    place.at[2] = (int)(index % extents[2]);
    index /= extents[2];
    place.at[1] = (int)(index % extents[1]);
    index /= extents[1];
    place.at[0] = (int)(index % extents[0]);
    place.row = index / extents[0];
    return place;
}

static __device__ i64 volume(const int *extents) {
    return (i64)extents[0] * extents[1] * extents[2];
}

// Where a voxel lies in its row.
static __device__ i64 offset_of(const int *extents, int z, int y, int x) {
    return ((i64)z * extents[1] + y) * extents[2] + x;
}

// The first voxel of a window that holds its maximum. A NaN counts as largest.
static __device__ i64 argmax(const Pool &pool, const float *x, int oz, int oy, int ox) {
    int z0 = oz * pool.stride[0], y0 = oy * pool.stride[1], x0 = ox * pool.stride[2];
    i64 best = offset_of(pool.input, z0, y0, x0);
    float value = x[best];
    for (int z = z0; z < z0 + pool.kernel[0]; ++z)
        for (int y = y0; y < y0 + pool.kernel[1]; ++y)
            for (int w = x0; w < x0 + pool.kernel[2]; ++w) {
                i64 voxel = offset_of(pool.input, z, y, w);
                float v = x[voxel];
                if (v > value || (v != v && value == value)) {
                    best = voxel;
                    value = v;
                }
            }
    return best;
}

extern "C" __global__ void max_pool(const float *x, const int *shape, i64 length, float *y) {
    i64 i = element();
    if (i >= length) return;
    Pool pool = pool_of(shape);
    Place out = place_of(i, pool.output);
    x += out.row * volume(pool.input);
    y[i] = x[argmax(pool, x, out.at[0], out.at[1], out.at[2])];
}

extern "C" __global__ void mean_pool(const float *x, const int *shape, i64 length, float scale,
                                     float *y) {
    i64 i = element();
    if (i >= length) return;
    Pool pool = pool_of(shape);
    Place out = place_of(i, pool.output);
    x += out.row * volume(pool.input);
    int z0 = out.at[0] * pool.stride[0], y0 = out.at[1] * pool.stride[1];
    int x0 = out.at[2] * pool.stride[2];
    float sum = 0.0f;
    for (int z = z0; z < z0 + pool.kernel[0]; ++z)
        for (int r = y0; r < y0 + pool.kernel[1]; ++r)
            for (int w = x0; w < x0 + pool.kernel[2]; ++w) sum += x[offset_of(pool.input, z, r, w)];
    y[i] = sum * scale;
}

// The windows that hold position `at`: the first, and one past the last.
struct Windows {
    int first;
    int end;
};

static __device__ Windows windows_of(const Pool &pool, int axis, int at) {
    Windows windows;
    int before = at - pool.kernel[axis] + 1;
    windows.first = before <= 0 ? 0 : (before + pool.stride[axis] - 1) / pool.stride[axis];
    int last = at / pool.stride[axis];
    windows.end = (last < pool.output[axis] - 1 ? last : pool.output[axis] - 1) + 1;
    return windows;
}

extern "C" __global__ void max_pool_gradient(const float *x, const float *grad_y, const int *shape,
                                             i64 length, float *grad_x) {
    i64 i = element();
    if (i >= length) return;
    Pool pool = pool_of(shape);
    Place in = place_of(i, pool.input);
    x += in.row * volume(pool.input);
    grad_y += in.row * volume(pool.output);
    i64 own = offset_of(pool.input, in.at[0], in.at[1], in.at[2]);
    Windows wz = windows_of(pool, 0, in.at[0]), wy = windows_of(pool, 1, in.at[1]);
    Windows wx = windows_of(pool, 2, in.at[2]);
    float sum = 0.0f;
    for (int z = wz.first; z < wz.end; ++z)
        for (int y = wy.first; y < wy.end; ++y)
            for (int w = wx.first; w < wx.end; ++w)
                if (argmax(pool, x, z, y, w) == own) sum += grad_y[offset_of(pool.output, z, y, w)];
    grad_x[i] = sum;
}

extern "C" __global__ void mean_pool_gradient(const float *grad_y, const int *shape, i64 length,
                                              float scale, float *grad_x) {
    i64 i = element();
    if (i >= length) return;
    Pool pool = pool_of(shape);
    Place in = place_of(i, pool.input);
    grad_y += in.row * volume(pool.output);
    Windows wz = windows_of(pool, 0, in.at[0]), wy = windows_of(pool, 1, in.at[1]);
    Windows wx = windows_of(pool, 2, in.at[2]);
    float sum = 0.0f;
    for (int z = wz.first; z < wz.end; ++z)
        for (int y = wy.first; y < wy.end; ++y)
            for (int w = wx.first; w < wx.end; ++w)
                sum += grad_y[offset_of(pool.output, z, y, w)] * scale;
    grad_x[i] = sum;
}
