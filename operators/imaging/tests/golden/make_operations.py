"""Writes operations.txt: what scipy, numpy and google-deepmind/surface-distance give.

    python make_operations.py PATH_OF_SURFACE_DISTANCE_CHECKOUT > operations.txt

Masks come from the generator in `mask`, which the test repeats. The package surface-distance
(https://github.com/google-deepmind/surface-distance, commit 2791a735) names numpy and scipy
functions that are gone; they are put back below.
"""

import sys

import numpy as np
import scipy
from scipy import ndimage

np.bool = bool
np.Inf = np.inf
for name in ("filters", "morphology"):
    setattr(ndimage, name, ndimage)
sys.path.insert(0, sys.argv[1])
import surface_distance as sd  # noqa: E402
from surface_distance.lookup_tables import (  # noqa: E402
    create_table_neighbour_code_to_surface_area as surfel_areas,
)


def mask(shape_zyx, seed, threshold):
    """Noise, summed over 3 x 3 x 3 neighbours (zero outside), above a threshold."""
    state, out = seed, np.empty(int(np.prod(shape_zyx)), np.int64)
    for i in range(out.size):
        state = (state * 1664525 + 1013904223) % 2**32
        out[i] = state >> 24
    noise = out.reshape(shape_zyx)
    return ndimage.convolve(noise, np.ones((3, 3, 3), int), mode="constant") > threshold


print(f"# make_operations.py, numpy {np.__version__}, scipy {scipy.__version__}, surface-distance 2791a735")

SHAPE = (9, 10, 11)
for seed, threshold in ((1, 3700), (2, 3400), (3, 2600)):
    m = mask(SHAPE, seed, threshold)
    for connectivity in (1, 2, 3):
        labels, n = ndimage.label(m, ndimage.generate_binary_structure(3, connectivity))
        sizes = np.bincount(labels.ravel())[1:]
        print("components", seed, threshold, connectivity, n, *sizes)

for seed, threshold, spacing in (
    (1, 3500, (1, 1, 1)),
    (2, 3400, (2.5, 0.8, 0.8)),
    (3, 3600, (0.7, 1.9, 1.2)),
):
    a, b = mask(SHAPE, seed, threshold), mask(SHAPE, seed + 10, threshold)
    distances = sd.compute_surface_distances(a, b, spacing)
    forward, backward = sd.compute_average_surface_distance(distances)
    areas = [distances[k].sum() for k in ("surfel_areas_gt", "surfel_areas_pred")]
    assd = (forward * areas[0] + backward * areas[1]) / sum(areas)
    print(
        "surface", seed, threshold, *spacing,
        repr(float(sd.compute_dice_coefficient(a, b))),
        *(repr(float(sd.compute_surface_dice_at_tolerance(distances, t))) for t in (0.5, 1.0, 2.0)),
        *(repr(float(sd.compute_robust_hausdorff(distances, p))) for p in (50, 95, 100)),
        repr(float(assd)),
    )

# Bit 4 z + 2 y + x in place of the package's 128 >> (4 z + 2 y + x).
table = surfel_areas((2.5, 0.8, 1.1))
print("surfels", *(f"{table[int(f'{code:08b}'[::-1], 2)]:.12g}" for code in range(256)))

values = np.array([-3.5, 10, 2, 7, 7, 0.25, -1, 100, 42, 5])
print("percentiles", *(repr(float(np.percentile(values, p))) for p in (0, 0.5, 25, 50, 77, 99.5, 100)))
