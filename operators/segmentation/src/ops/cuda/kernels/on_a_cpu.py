"""The CUDA kernels beside PyTorch, without a GPU: each source is compiled as C++ with a thread of
the CPU for each thread of a block, one block after the other.

    python on_a_cpu.py            # needs torch and g++ with C++20

Blocks have 8 threads and 512 elements here instead of 256 and 16384, so that a thread adds as
many numbers as on a card. What this cannot see: cuDNN, launches from Rust, races between warps.
"""

import ctypes
import math
import pathlib
import re
import subprocess
import tempfile

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
TOPICS = ["elementwise", "loss", "norm", "pool", "sums", "upsample"]
THREADS, PART = 8, 512
LIMIT = 1e-5
NAN = float("nan")

PRELUDE = r"""
#include <barrier>
#include <cmath>
#include <thread>
#include <vector>
using std::sqrt;
#define __global__
#define __device__
#define __shared__ static
#define __ffsll __builtin_ffsll
struct Dim { int x; };
static thread_local Dim threadIdx;
static Dim blockIdx;
static std::barrier<> *at_barrier;
#define __syncthreads() at_barrier->arrive_and_wait()
template <class F> static void emulate(long long blocks, int threads, F kernel) {
    std::barrier<> barrier(threads);
    at_barrier = &barrier;
    std::vector<std::thread> all;
    for (int thread = 0; thread < threads; thread++)
        all.emplace_back([&, thread] {
            threadIdx.x = thread;
            for (long long block = 0; block < blocks; block++) {
                if (thread == 0) blockIdx.x = (int)block;
                barrier.arrive_and_wait();
                kernel();
                barrier.arrive_and_wait();
            }
        });
    for (auto &one : all) one.join();
}
"""


def library(topic, folder):
    common = (HERE / "common.cuh").read_text()
    common = re.sub(r"#define THREADS \d+", f"#define THREADS {THREADS}", common)
    common = re.sub(r"#define PART \d+", f"#define PART {PART}", common)
    text = PRELUDE + common + (HERE / f"{topic}.cu").read_text()
    for name, parameters in re.findall(r'extern "C" __global__ void (\w+)\((.*?)\)\s*{', text, re.S):
        names = ", ".join(re.search(r"(\w+)$", p.strip()).group(1) for p in parameters.split(","))
        text += f"""
extern "C" void launch_{name}(long long blocks_, {parameters}) {{
    emulate(blocks_, THREADS, [=] {{ {name}({names}); }});
}}"""
    source, target = folder / f"{topic}.cpp", folder / f"{topic}.so"
    source.write_text(text)
    subprocess.run(["g++", "-std=c++20", "-O1", "-ffp-contract=off", "-w", "-shared", "-fPIC",
                    "-pthread", "-o", target, source], check=True)
    return ctypes.CDLL(str(target))


def parts(length):
    return -(-length // PART)


def threads(length):
    return -(-length // THREADS)


def call(kernel, blocks, *arguments):
    """Integers are passed as i64, floats as float; tensors by address."""
    topic, name = kernel.split(".")
    converted = []
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            assert argument.is_contiguous()
            converted.append(ctypes.c_void_p(argument.data_ptr()))
        elif isinstance(argument, int):
            converted.append(ctypes.c_longlong(argument))
        elif isinstance(argument, float):
            converted.append(ctypes.c_float(argument))
        else:
            converted.append(argument)
    getattr(LIBRARIES[topic], f"launch_{name}")(ctypes.c_longlong(blocks), *converted)


def empty(*shape, dtype=torch.float32):
    return torch.full(shape, NAN, dtype=dtype) if dtype.is_floating_point else torch.zeros(
        shape, dtype=dtype)


def show(what, *pairs):
    off = []
    for ours, theirs in pairs:
        ours, theirs = ours.detach().double(), theirs.detach().double()
        off.append(float((ours - theirs).norm() / theirs.norm().clamp_min(1e-300)))
    print(what, *(f"{value:.1e}" for value in off))
    assert all(value < LIMIT for value in off), what


def sum_parts(values, rows, count, width):
    out = empty(rows * width, dtype=torch.float64)
    call("sums.sum_parts_f64", rows * width, values, count, width, out)
    return out


def norm(dims, eps=1e-5, slope=0.01):
    samples, channels = dims[:2]
    voxels, rows = math.prod(dims[2:]), samples * channels
    count = parts(voxels)
    x, gy = torch.randn(dims) * 3 + 1, torch.randn(dims)
    gamma, beta = torch.rand(channels) + 0.5, torch.randn(channels)
    moments = empty(rows, count, 2, dtype=torch.float64)
    statistics, y = empty(rows, 2), empty(*dims)
    call("norm.norm_moments", rows * count, x, voxels, count, moments)
    call("norm.norm_statistics", threads(rows), moments, rows, voxels, count,
         ctypes.c_double(eps), statistics)
    call("norm.norm_forward", rows * count, x, statistics, gamma, beta, channels, voxels, count,
         slope, y)
    partial = empty(rows, count, 2, dtype=torch.float64)
    call("norm.norm_gradient_parts", rows * count, x, gy, statistics, gamma, beta, channels,
         voxels, count, slope, partial)
    sums = sum_parts(partial, rows, count, 2)
    gx, g_gamma, g_beta = empty(*dims), empty(channels), empty(channels)
    call("norm.norm_gradient_input", rows * count, x, gy, statistics, gamma, beta, sums, channels,
         voxels, count, slope, gx)
    call("norm.norm_gradient_affine", threads(channels), sums, samples, channels, g_gamma, g_beta)
    xd, gd, bd = (t.double().requires_grad_() for t in (x, gamma, beta))
    wanted = F.leaky_relu(F.instance_norm(xd, weight=gd, bias=bd, eps=eps), slope)
    wanted.backward(gy.double())
    show(f"norm {dims}", (y, wanted), (gx, xd.grad), (g_gamma, gd.grad), (g_beta, bd.grad))


def elementwise(length=1000):
    x, a, gy, y = torch.randn(length), torch.randn(length), torch.randn(length), empty(length)
    gate, shut, blocks = torch.tensor([0.3]), torch.zeros(1), threads(length)
    call("elementwise.leaky_relu", blocks, x, length, 0.1, y)
    show("leaky_relu", (y, F.leaky_relu(x, 0.1)))
    call("elementwise.leaky_relu_gradient", blocks, x, gy, length, 0.1, y)
    show("leaky_relu_gradient", (y, torch.where(x > 0, gy, 0.1 * gy)))
    call("elementwise.gated_add", blocks, x, a, gate, length, y)
    show("gated_add", (y, x + 0.3 * a))
    call("elementwise.gated_add", blocks, x, a * math.inf, shut, length, y)
    assert torch.equal(y, x)
    call("elementwise.scale_by", blocks, gy, gate, length, y)
    show("scale_by", (y, 0.3 * gy))


def sums(length=5001):
    a, b, out = torch.randn(length), torch.randn(length) + 1, empty(1)
    a = a.abs()
    count = parts(length)
    partial = empty(count, dtype=torch.float64)
    call("sums.dot_parts", count, a, b, length, count, partial)
    call("sums.sum_parts_f32", 1, partial, count, 1, out)
    show("dot", (out, (a.double() @ b.double())[None]))
    for dtype, name in [(torch.float32, "f32"), (torch.float64, "f64")]:
        samples, channels = 2, 3
        x, bias = torch.randn(samples, channels, length, dtype=dtype), torch.randn(3, dtype=dtype)
        partial = empty(channels * samples * count, dtype=torch.float64)
        blocks = samples * channels * count
        call(f"sums.channel_parts_{name}", blocks, x, channels, samples, length, count, partial)
        total = sum_parts(partial, channels, samples * count, 1)
        show(f"channel_parts_{name}", (total, x.double().sum((0, 2))))
        y = x.clone()
        call(f"sums.add_bias_{name}", blocks, y, bias, channels, length, count)
        show(f"add_bias_{name}", (y, x + bias[None, :, None]))


def pool(size, kernel, stride):
    out = [(i - k) // s + 1 for i, k, s in zip(size, kernel, stride)]
    shape = torch.tensor([*size, *kernel, *stride, *out], dtype=torch.int32)
    x = torch.randn(2, 3, *size)
    x[0, 0, 0, 0, :2] = 9  # equal maxima
    scale = 1 / math.prod(kernel)
    for name, reference in [("max", F.max_pool3d), ("mean", F.avg_pool3d)]:
        xd = x.double().requires_grad_()
        wanted = reference(xd, kernel, stride)
        gy = torch.randn(wanted.shape)
        wanted.backward(gy.double())
        y, gx = empty(*wanted.shape), empty(*x.shape)
        last = [] if name == "max" else [scale]
        call(f"pool.{name}_pool", threads(y.numel()), x, shape, y.numel(), *last, y)
        first = [x] if name == "max" else []
        call(f"pool.{name}_pool_gradient", threads(x.numel()), *first, gy, shape, x.numel(),
             *last, gx)
        show(f"{name} pool {size} {kernel} {stride}", (y, wanted), (gx, xd.grad))


def taps(size, out, linear):
    """Low and high index and two weights of each output, as kernels/upsample.rs makes them."""
    low, high, weights = [], [], []
    for k in range(out):
        at = max((k + 0.5) * size / out - 0.5, 0) if linear else k * size // out
        low.append(min(int(at), size - 1))
        high.append(min(low[-1] + 1, size - 1) if linear else low[-1])
        weight = 0.0 if high[-1] == low[-1] else at - low[-1]
        weights += [1 - weight, weight]
    return low, high, weights


def resize(size, out):
    for mode in ["trilinear", "nearest"]:
        low, high, weights = zip(*(taps(i, o, mode == "trilinear") for i, o in zip(size, out)))
        indices = torch.tensor(sum(low, []) + sum(high, []), dtype=torch.int32)
        weights = torch.tensor(sum(weights, []))
        shape = torch.tensor([*size, *out], dtype=torch.int32)
        x = torch.randn(2, 3, *size)
        xd = x.double().requires_grad_()
        corners = {"align_corners": False} if mode == "trilinear" else {}
        wanted = F.interpolate(xd, size=out, mode=mode, **corners)
        gy = torch.randn(wanted.shape)
        wanted.backward(gy.double())
        y, gx = empty(*wanted.shape), empty(*x.shape)
        call("upsample.resize", threads(y.numel()), x, shape, indices, weights, y.numel(), y)
        call("upsample.resize_gradient", threads(x.numel()), gy, shape, indices, weights,
             x.numel(), gx)
        show(f"{mode} {size} {out}", (y, wanted), (gx, xd.grad))


def loss(head, logits, labels, table, ignore=255, smooth=1e-5):
    """The loss as ops/cuda/loss.rs puts it together, its gradient, and unknown labels."""
    samples, channels = logits.shape[:2]
    voxels = logits[0, 0].numel()
    count, code = parts(voxels), ctypes.c_int(head)
    table = torch.tensor(table)
    bits = empty(samples * voxels, dtype=torch.int64)
    largest, total = empty(samples * voxels), empty(samples * voxels)
    entropies = empty(samples * count * 2, dtype=torch.float64)
    unknown = empty(samples * count, dtype=torch.int64)
    call("loss.loss_entropy", samples * count, code, logits, labels, table, len(table), ignore,
         channels, voxels, count, bits, largest, total, entropies, unknown)
    overlaps = empty(samples * channels * count * 3, dtype=torch.float64)
    call("loss.loss_overlaps", samples * channels * count, code, logits, bits, largest, total,
         channels, voxels, count, overlaps)
    entropy, counted = sum_parts(entropies, 1, samples * count, 2)
    common, predicted, target = sum_parts(overlaps, samples * channels, count, 3).reshape(
        samples, channels, 3).unbind(2)
    first = 1 if head == 0 else 0
    terms = max(samples * (channels - first), 1)
    below = predicted + target + smooth
    dice = (2 * common + smooth) / below
    counted = max(float(counted) * (1 if head == 0 else channels), 1)
    lines = torch.stack([-2 / terms / below, dice / terms / below], 2).float().contiguous()
    lines[:, :first] = 0
    grad = empty(*logits.shape)
    call("loss.loss_gradient", threads(samples * voxels), code, logits, labels, table, len(table),
         ignore, lines, 1 / counted, samples, channels, voxels, grad)
    return entropy / counted - dice[:, first:].sum() / terms, grad, unknown


def losses(dims, smooth=1e-5):
    samples, channels = dims[:2]
    logits = torch.randn(dims) * 3
    labels = torch.randint(0, channels, (samples, *dims[2:])).to(torch.int32)
    labels[torch.rand(labels.shape) < 0.2] = 255
    kept = labels != 255
    classes = [1 << c for c in range(channels)]

    def dice(p, t):
        add = lambda values: values.flatten(2).sum(2)
        return (2 * add(p * t) + smooth) / (add(p) + add(t) + smooth)

    value, grad, unknown = loss(0, logits, labels, classes)
    assert (unknown == -1).all()
    ld = logits.double().requires_grad_()
    t = F.one_hot(torch.where(kept, labels, 0).long(), channels).movedim(-1, 1) * kept[:, None]
    entropy = -(torch.log_softmax(ld, 1) * t).sum() / kept.sum()
    wanted = entropy - dice(torch.softmax(ld, 1) * kept[:, None], t)[:, 1:].mean()
    wanted.backward()
    show(f"dice_ce {dims}", (value[None], wanted[None]), (grad, ld.grad))

    two = logits[:, :2].contiguous()
    three = torch.where(kept, labels % 3, 255).to(torch.int32)
    regions = [0b00, 0b01, 0b11]
    value, grad, _ = loss(1, two, three, regions)
    ld = two.double().requires_grad_()
    t = torch.stack([(three == 1) | (three == 2), three == 2], 1).double()
    inside = kept[:, None].expand_as(t)
    entropy = F.binary_cross_entropy_with_logits(ld, t, reduction="none")[inside].mean()
    wanted = entropy - dice(torch.sigmoid(ld) * inside, t).mean()
    wanted.backward()
    show(f"dice_bce {dims}", (value[None], wanted[None]), (grad, ld.grad))

    wrong = labels.clone()
    wrong.view(-1)[37], wrong.view(-1)[90] = 9, 11
    assert loss(0, logits, wrong, classes)[2].max() == 9
    infinite = torch.where(kept[:, None], logits, math.inf)
    for head, values, target, table in [(0, infinite, labels, classes), (0, logits * 1e30, labels,
                                        classes), (1, two * 1e30, three, regions)]:
        value, grad, _ = loss(head, values, target, table)
        assert value.isfinite() and grad.isfinite().all()


with tempfile.TemporaryDirectory() as folder:
    LIBRARIES = {topic: library(topic, pathlib.Path(folder)) for topic in TOPICS}
torch.manual_seed(0)
elementwise()
sums()
for dims in [(2, 3, 10, 13, 17), (2, 2, 3, 4, 5)]:
    norm(dims)
for case in [((5, 6, 7), (3, 2, 3), (1, 2, 2)), ((6, 6, 6), (2, 2, 2), (2, 2, 2)),
             ((7, 5, 4), (2, 3, 1), (3, 1, 2)), ((4, 4, 4), (4, 4, 4), (1, 1, 1))]:
    pool(*case)
for case in [((3, 4, 5), (7, 3, 9)), ((3, 4, 5), (2, 2, 2)), ((3, 4, 5), (1, 11, 4)),
             ((3, 4, 5), (3, 4, 5)), ((1, 2, 3), (4, 4, 6)), ((9, 8, 7), (3, 16, 2))]:
    resize(*case)
for dims in [(2, 3, 3, 5, 37), (1, 4, 9, 11, 13)]:
    losses(dims)
print("every kernel agrees")
