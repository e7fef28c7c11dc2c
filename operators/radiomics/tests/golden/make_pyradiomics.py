"""Write PyRadiomics' values on small synthetic regions, for settings and features that its
defaults leave out.

usage: python make_pyradiomics.py firstorder shape glcm > pyradiomics.csv
       python make_pyradiomics.py glrlm glszm gldm > pyradiomics_sizes.csv
       python make_pyradiomics.py ngtdm shape2D > pyradiomics_ngtdm_shape2d.csv

The regions are made from a 32-bit linear congruential generator so that the tests build the
same voxels (tests/golden_values.rs, tests/golden_sizes.rs,
tests/golden_ngtdm_shape2d.rs).
"""
import logging
import sys
import warnings

import numpy as np
import SimpleITK as sitk
import radiomics
from radiomics import (firstorder, glcm, gldm, glrlm, glszm, imageoperations, ngtdm, shape,
                       shape2D)

warnings.filterwarnings("ignore")
radiomics.setVerbosity(logging.CRITICAL)

CLASSES = {
    "firstorder": firstorder.RadiomicsFirstOrder,
    "shape": shape.RadiomicsShape,
    "glcm": glcm.RadiomicsGLCM,
    "glrlm": glrlm.RadiomicsGLRLM,
    "glszm": glszm.RadiomicsGLSZM,
    "gldm": gldm.RadiomicsGLDM,
    "ngtdm": ngtdm.RadiomicsNGTDM,
    "shape2D": shape2D.RadiomicsShape2D,
}
CLASSES = {name: CLASSES[name] for name in sys.argv[1:]}
SPACING_XYZ_MM = (0.8, 1.1, 2.5)
SHAPE_ZYX = (7, 9, 11)


def noise(count):
    state, values = 12345, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 16)
    return np.array(values, dtype=np.float64)


def synthetic(region):
    count = int(np.prod(SHAPE_ZYX))
    values = noise(2 * count)
    image = (values[:count] / 256.0 - 100.0).reshape(SHAPE_ZYX)
    speckle = values[count:].reshape(SHAPE_ZYX)
    z, y, x = np.indices(SHAPE_ZYX)
    if region == "ellipsoid":  # with holes, touching no border
        inside = ((z - 3) / 2.5) ** 2 + ((y - 4) / 3.5) ** 2 + ((x - 5) / 4.5) ** 2 <= 1
        inside &= speckle > 6554
    elif region == "scattered":  # many parts, ambiguous cubes, touching every border
        inside = speckle < 22000
    elif region == "slice":
        inside = (z == 2) & (speckle > 20000)
    elif region == "flat":
        inside = ((z - 3) ** 2 + (y - 4) ** 2 + (x - 5) ** 2) <= 8
        image = np.full(SHAPE_ZYX, -37.5)
    elif region == "sparse":  # hardly a voxel beside another, lines with gaps
        inside = (z % 2 == 0) & (y % 3 == 0) & (x % 2 == 0) & (speckle > 30000)
    elif region == "pair":  # two voxels, on a line along one direction only
        inside = (z == y) & (x == 4) & ((z == 1) | (z == 4))
    elif region == "slice_y":
        inside = (y == 8) & (speckle > 20000)
    elif region == "slice_x":
        inside = (x == 0) & (speckle > 35000)
    elif region == "disc":  # with holes
        inside = (z == 3) & (((y - 4) / 4) ** 2 + ((x - 5) / 5) ** 2 <= 1) & (speckle > 6554)
    return image, inside.astype(np.uint8)


def extract(image, mask, settings, left_out=()):
    image, mask = sitk.GetImageFromArray(image), sitk.GetImageFromArray(mask)
    for volume in (image, mask):
        volume.SetSpacing(SPACING_XYZ_MM)
    box, _ = imageoperations.checkMask(image, mask, label=1)
    image, mask = imageoperations.cropToTumorMask(image, mask, box)
    for name, feature_class in CLASSES.items():
        if name in left_out:
            continue
        features = feature_class(image, mask, label=1, **settings)
        # By name, so that those off by default are computed too.
        for feature in feature_class.getFeatureNames():
            features.enableFeatureByName(feature)
        for feature, value in sorted(features.execute().items()):
            yield name, feature, float(np.squeeze(np.real(value)))


VARIANTS = {
    "default": {},
    "narrow": {"binWidth": 3.7, "voxelArrayShift": 300},
    "count": {"binCount": 16},
    "ordered": {"symmetricalGLCM": False},
    "manhattan": {"weightingNorm": "manhattan"},
    "euclidean": {"weightingNorm": "euclidean"},
    "infinity": {"weightingNorm": "infinity"},
    "no_weighting": {"weightingNorm": "no_weighting"},
    "far": {"distances": [1, 3]},
    "in_plane": {"force2D": True, "force2Ddimension": 0},
    "in_plane_y": {"force2D": True, "force2Ddimension": 1},
}
REGIONS = ["ellipsoid", "scattered", "slice", "flat"]
if "gldm" in CLASSES:
    del VARIANTS["ordered"]
    VARIANTS["in_plane_x"] = {"force2D": True, "force2Ddimension": 2}
    VARIANTS["in_plane_weighted"] = {"force2D": True, "weightingNorm": "euclidean"}
    VARIANTS["alpha"] = {"gldm_a": 2}
    VARIANTS["alpha_far"] = {"gldm_a": 1, "distances": [1, 2, 4], "binWidth": 3.7}
    REGIONS += ["sparse", "pair"]

if "ngtdm" in CLASSES:
    VARIANTS = {
        **{name: VARIANTS[name] for name in ("default", "narrow", "count", "far", "in_plane",
                                             "in_plane_y")},
        "in_plane_x": {"force2D": True, "force2Ddimension": 2},
        "ring": {"distances": [2]},
        "wide": {"distances": [1, 2, 3], "binWidth": 3.7},
        "in_plane_far": {"distances": [2, 3, 7], "force2D": True, "force2Ddimension": 1},
    }
    REGIONS += ["sparse", "pair", "slice_y", "slice_x", "disc"]
# Planar regions with the settings that say so.
PLANAR = {("slice", "in_plane"), ("disc", "in_plane"), ("slice_y", "in_plane_y"),
          ("slice_x", "in_plane_x")}

print(f"# PyRadiomics (pyradiomics-bhklab) 3.1.4, numpy {np.__version__}, "
      f"SimpleITK {sitk.Version.VersionString()}")
print("region,variant,class,feature,value")
for region in REGIONS:
    image, mask = synthetic(region)
    for variant, settings in VARIANTS.items():
        left_out = [] if (region, variant) in PLANAR else ["shape2D"]
        for name, feature, value in extract(image, mask, settings, left_out):
            if name == "shape" and variant != "default":
                continue  # shape reads no intensity
            print(f"{region},{variant},{name},{feature},{value!r}")
for name, feature_class in CLASSES.items():
    for feature, off in sorted(feature_class.getFeatureNames().items()):
        print(f"names,{'off' if off else 'on'},{name},{feature},")
