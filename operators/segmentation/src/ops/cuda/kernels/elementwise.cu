// The leaky rectifier and the gated sum. One thread an element.

extern "C" __global__ void leaky_relu(const float *x, i64 length, float slope, float *y) {
    i64 i = element();
    if (i < length) y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
}

// At zero the slope, as in PyTorch.
extern "C" __global__ void leaky_relu_gradient(const float *x, const float *grad_y, i64 length,
                                               float slope, float *grad_x) {
    i64 i = element();
    if (i < length) grad_x[i] = x[i] > 0.0f ? grad_y[i] : slope * grad_y[i];
}

// Where the gate is zero, `y` is `x` to the bit, whatever is in `a`.
extern "C" __global__ void gated_add(const float *x, const float *a, const float *gate, i64 length,
                                     float *y) {
    i64 i = element();
    if (i < length) y[i] = gate[0] == 0.0f ? x[i] : x[i] + gate[0] * a[i];
}

extern "C" __global__ void scale_by(const float *x, const float *factor, i64 length, float *y) {
    i64 i = element();
    if (i < length) y[i] = factor[0] * x[i];
}
