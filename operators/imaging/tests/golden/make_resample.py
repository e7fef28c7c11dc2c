"""Writes resample.txt: what SimpleITK's ResampleImageFilter gives on small volumes.

    python make_resample.py > resample.txt

One case a block: a line `case NAME`, the two grids, then one line an interpolator. Grids are
`shape_zyx spacing_zyx_mm origin_xyz_mm direction(row-major)`. Source voxels are 16-bit, from
the generator in `voxels`, which the test repeats.
"""

import numpy as np
import SimpleITK as sitk

OUTSIDE = -77.0
INTERPOLATORS = {
    "nearest": sitk.sitkNearestNeighbor,
    "linear": sitk.sitkLinear,
    "cubic": sitk.sitkBSpline,
}


def voxels(shape_zyx):
    state, out = 1, np.empty(int(np.prod(shape_zyx)), np.int16)
    for i in range(out.size):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = (state >> 20) - 1024
    return out.reshape(shape_zyx)


def rotation(axis, degrees):
    axis = np.array(axis, float) / np.linalg.norm(axis)
    k = np.cross(np.eye(3), axis)
    t = np.radians(degrees)
    return np.eye(3) - np.sin(t) * k + (1 - np.cos(t)) * k @ k


IDENTITY = np.eye(3)
TILTED = rotation([1, 2, 3], 20)
SWAPPED = np.array([[0, 0, -1.0], [-1, 0, 0], [0, 1, 0]])

# name: source (shape, spacing, origin, direction), target (the same)
CASES = {
    "upright_finer": (
        ([4, 5, 22], [2.5, 0.8, 0.8], [-10, 5, 3], IDENTITY),
        ([7, 6, 13], [1.3, 0.7, 1.25], [-10.1, 5.2, 2.9], IDENTITY),
    ),
    "reaches_beyond": (
        ([6, 5, 7], [1, 1, 1], [0, 0, 0], IDENTITY),
        ([9, 8, 9], [0.9, 0.9, 1.1], [-1.3, -0.9, -1.0], IDENTITY),
    ),
    "both_tilted": (
        ([20, 6, 5], [0.9, 1.1, 1.3], [1, 2, 3], TILTED),
        ([11, 5, 6], [1.5, 1.2, 1.0], [1.2, 2.3, 3.1], TILTED),
    ),
    "one_tilted": (
        ([6, 7, 8], [1.5, 1.0, 0.8], [-3, 2, 1], IDENTITY),
        ([6, 7, 8], [1.2, 1.0, 0.9], [-2, 1.5, 0.5], TILTED),
    ),
    "axes_swapped": (
        ([5, 6, 7], [2.0, 1.0, 1.5], [4, -2, 6], SWAPPED),
        ([6, 7, 8], [0.9, 1.4, 0.8], [-5.3, -8.1, 5.9], IDENTITY),
    ),
    "one_slice": (
        ([1, 6, 7], [5.0, 1.0, 1.0], [0, 0, 0], IDENTITY),
        ([3, 5, 6], [2.0, 1.1, 1.1], [0.2, 0.1, -2.0], IDENTITY),
    ),
    "two_slices": (
        ([2, 4, 19], [5.0, 1.0, 1.0], [0, 0, 0], IDENTITY),
        # Not beyond the second slice: there ITK mirrors to index -1 and reads whatever is there.
        ([5, 5, 9], [1.2, 0.9, 2.1], [0.2, 0.1, -1.0], IDENTITY),
    ),
    "halves": (
        ([4, 5, 6], [1, 1, 1], [0, 0, 0], IDENTITY),
        ([8, 10, 12], [0.5, 0.5, 0.5], [0, 0, 0], IDENTITY),
    ),
}


def line(grid):
    shape, spacing, origin, direction = grid
    numbers = [*shape, *spacing, *origin, *np.asarray(direction).ravel()]
    return " ".join(repr(float(v)) for v in numbers)


def image(array, grid):
    _, spacing, origin, direction = grid
    out = sitk.GetImageFromArray(array)
    out.SetSpacing([float(s) for s in spacing[::-1]])
    out.SetOrigin([float(o) for o in origin])
    out.SetDirection(np.asarray(direction, float).ravel().tolist())
    return out


print(f"# make_resample.py, SimpleITK {sitk.Version.VersionString()}, numpy {np.__version__}")
for name, (source, target) in CASES.items():
    reference = image(np.zeros(target[0], np.uint8), target)
    moving = image(voxels(source[0]), source)
    print("case", name)
    print("source", line(source))
    print("target", line(target))
    for kind, interpolator in INTERPOLATORS.items():
        result = sitk.Resample(
            moving, reference, sitk.Transform(), interpolator, OUTSIDE, sitk.sitkFloat64
        )
        values = sitk.GetArrayFromImage(result).ravel()
        print(kind, " ".join(f"{v:.10g}" for v in values))
