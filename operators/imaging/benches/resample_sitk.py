"""Times the criterion bench `resample` and SimpleITK on the same task, side by side.

    python operators/imaging/benches/resample_sitk.py [--threads 2] [--rounds 5]

Needs numpy and SimpleITK. Builds and runs the bench, then SimpleITK, and prints a Markdown
table. Both read the same 16-bit voxels, [160, 512, 512] at 2.5 x 0.8 x 0.8 mm, and write
32-bit floats (nearest: 16-bit integers) on the same grid of 1.25 mm; both times are from an
image in memory to an image in memory. The best round counts, since other work on the machine
only ever adds. The values are compared by tests, here only time is taken.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import numpy as np
import SimpleITK as sitk

ROOT = pathlib.Path(__file__).resolve().parents[3]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

SHAPE_ZYX, SPACING_XYZ, NEW_MM = (160, 512, 512), (0.8, 0.8, 2.5), 1.25
CASES = {
    "nearest": (sitk.sitkNearestNeighbor, sitk.sitkInt16),
    "linear": (sitk.sitkLinear, sitk.sitkFloat32),
    "cubic": (sitk.sitkBSpline, sitk.sitkFloat32),
    "linear_f64": (sitk.sitkLinear, sitk.sitkFloat64),
    "cubic_f64": (sitk.sitkBSpline, sitk.sitkFloat64),
}


def bench(threads):
    env = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    command = ["cargo", "bench", "-p", "renalflow-imaging", "--bench", "resample"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    seconds = {}
    for name in CASES:
        path = TARGET / "criterion" / "resample" / name / "new" / "sample.json"
        sample = json.loads(path.read_text())
        seconds[name] = min(t / n for t, n in zip(sample["times"], sample["iters"])) / 1e9
    return seconds


def ct():
    """The values of `ct` in resample.rs: a linear congruential generator, 2**16 at a time."""
    n, block = int(np.prod(SHAPE_ZYX)), 1 << 16
    a, c = [np.uint32(1)], [np.uint32(0)]
    state, add = 1, 0
    for _ in range(block):
        add = (add * 1664525 + 1013904223) % 2**32
        state = state * 1664525 % 2**32
        a.append(np.uint32(state))
        c.append(np.uint32(add))
    a, c = np.array(a[1:]), np.array(c[1:])
    out, seed = np.empty(n, np.int16), np.uint32(1)
    for start in range(0, n, block):
        states = a * seed + c
        out[start : start + block] = (states >> 20).astype(np.int16) - 1024
        seed = states[-1]
    image = sitk.GetImageFromArray(out.reshape(SHAPE_ZYX))
    image.SetSpacing(SPACING_XYZ)
    return image


def simpleitk(threads, rounds):
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    image = ct()
    size = [int(np.ceil(n * s / NEW_MM - 1e-6)) for n, s in zip(image.GetSize(), SPACING_XYZ)]
    origin = [
        ((n - 1) * s - (m - 1) * NEW_MM) / 2 for n, s, m in zip(image.GetSize(), SPACING_XYZ, size)
    ]
    seconds = {}
    for name, (interpolator, pixel) in CASES.items():
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            sitk.Resample(
                image, size, sitk.Transform(), interpolator, origin, [NEW_MM] * 3,
                image.GetDirection(), 0.0, pixel,
            )
            times.append(time.perf_counter() - start)
        seconds[name] = min(times)
    return seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours, theirs = bench(options.threads), simpleitk(options.threads, options.rounds)
    print(f"SimpleITK {sitk.Version.VersionString()}, {options.threads} threads, best of the rounds\n")
    print("| interpolation | renalflow | SimpleITK | ratio |\n|---|---|---|---|")
    for name in CASES:
        print(f"| {name} | {ours[name]:.3f} s | {theirs[name]:.3f} s | {theirs[name] / ours[name]:.1f} |")


if __name__ == "__main__":
    main()
