"""Writes kits19.txt: what numpy, scipy and surface-distance say of real masks, deformed.

    python make_kits19.py FOLDER_OF_SURFACE_DISTANCE FOLDER_OF_KITS19 > kits19.txt

The deformations are those of `deformed` in the test. The package surface-distance
(https://github.com/google-deepmind/surface-distance) names numpy and scipy functions that are
gone; they are put back below. One line a case, deformation and region:

    case deformation region dice surface_dice hd95_mm assd_mm reference_ml predicted_ml
    lesions_reference lesions_predicted
"""

import sys

import nibabel
import numpy as np
import scipy
from scipy import ndimage

np.bool = bool
np.Inf = np.inf
for name in ("filters", "morphology"):
    setattr(ndimage, name, ndimage)
sys.path.insert(0, sys.argv[1])
import surface_distance as sd  # noqa: E402

CASES = ("case_00004", "case_00010", "case_00007", "case_00003")
REGIONS = (
    ("kidney-and-masses", (1, 2), 1.0330772532390826),
    ("tumour", (2,), 1.1498198361434828),
    ("label-kidney", (1,), 1.0),
)


def shifted(labels, by):
    out = np.zeros_like(labels)
    source = tuple(slice(max(0, -n), labels.shape[a] - max(0, n)) for a, n in enumerate(by))
    target = tuple(slice(max(0, n), labels.shape[a] - max(0, -n)) for a, n in enumerate(by))
    out[target] = labels[source]
    return out


def deformed(labels, how):
    if how == "shift":
        return shifted(labels, (2, -3, 1))
    out = labels.copy()
    if how == "no-tumour":
        out[out == 2] = 1
    if how == "half-tumour":
        ys = np.nonzero((labels == 2).any(axis=(0, 2)))[0]
        half = out[:, : (ys[0] + ys[-1]) // 2]
        half[half == 2] = 1
        out[3:9, 4:10, 5:11] = 2
    return out


def number(value):
    return repr(float(value))


print(f"# make_kits19.py, numpy {np.__version__}, scipy {scipy.__version__}")
for case in CASES:
    image = nibabel.load(f"{sys.argv[2]}/{case}/segmentation.nii.gz")
    labels = np.asarray(image.dataobj).astype(np.uint8).transpose(2, 1, 0)
    spacing = tuple(float(z) for z in image.header.get_zooms()[::-1])
    for how in ("shift", "half-tumour", "no-tumour"):
        predicted = deformed(labels, how)
        for region, wanted, tolerance in REGIONS:
            a, b = np.isin(labels, wanted), np.isin(predicted, wanted)
            ml = np.prod(spacing) / 1000
            distances = sd.compute_surface_distances(a, b, spacing)
            forward, backward = sd.compute_average_surface_distance(distances)
            areas = [distances[k].sum() for k in ("surfel_areas_gt", "surfel_areas_pred")]
            assd = (forward * areas[0] + backward * areas[1]) / sum(areas) if min(areas) else np.inf
            counts = [ndimage.label(m, np.ones((3, 3, 3)))[1] for m in (a, b)]
            print(
                case, how, region,
                number(sd.compute_dice_coefficient(a, b)),
                number(sd.compute_surface_dice_at_tolerance(distances, tolerance)),
                number(sd.compute_robust_hausdorff(distances, 95)),
                number(assd),
                number(a.sum() * ml), number(b.sum() * ml),
                *counts,
            )
