"""Write maps.csv: PyRadiomics' voxel-based extraction on a small synthetic image.

usage: python make_maps.py > maps.csv

The image is made from a 32-bit linear congruential generator so that the test builds the same
voxels (tests/maps.rs). Lines are `variant,grid,shape;origin` for the grid of the result and
`variant,column,values`, one value a voxel of the region in C order.

Voxels are done one at a time (voxelBatch: 1): where PyRadiomics does many together and one of
them lacks a direction that another has, JointAverage is NaN there and MCC fails for all of them
(the variant one-batch).
"""
import logging
import warnings

import numpy as np
import SimpleITK as sitk
import radiomics
from radiomics import featureextractor

warnings.filterwarnings("ignore")
radiomics.setVerbosity(logging.CRITICAL)

SHAPE_ZYX = (8, 12, 14)
SPACING_XYZ_MM = (0.8, 1.1, 2.5)
ORIGIN_XYZ_MM = (-10.0, 20.0, 5.0)


def synthetic():
    count, state, values = int(np.prod(SHAPE_ZYX)), 12345, []
    for _ in range(2 * count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 16)
    values = np.array(values, dtype=np.float64)
    z, y, x = np.indices(SHAPE_ZYX)
    # Quarters, so that sums are exact and flat neighbourhoods are flat in any order of summing.
    image = np.floor(values[:count].reshape(SHAPE_ZYX) / 512) / 4 + 6 * z - 2 * x - 9
    image[(y < 3) & (x < 6)] = 17.25
    speckle = values[count:].reshape(SHAPE_ZYX)
    # Touches two borders, has holes, a thin part and voxels on their own.
    inside = ((z - 2) / 3.2) ** 2 + ((y - 2) / 3.4) ** 2 + ((x - 3) / 3.2) ** 2 <= 1
    inside &= speckle > 44000
    inside |= (z == 5) & (y == 6) & (x < 7)
    inside[7, 9, 10] = True
    return image, inside.astype(np.uint8)


ORIGINAL = {"Original": {}}
DERIVED = {"Wavelet": {}, "LoG": {"sigma": [2.0]}, "Square": {}, "Gradient": {"binWidth": 2}}
FEW = {"firstorder": ["Mean", "Skewness", "Entropy"], "glcm": ["Contrast", "Idn"]}
VOXEL = ["kernelRadius", "maskedKernel", "initValue", "voxelBatch"]
ALL = ["firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm"]
TWO = ["firstorder", "glcm"]
VARIANTS = {
    "masked-1": (ALL, {"kernelRadius": 1, "initValue": float("nan")}),
    "masked-2": (ALL, {"kernelRadius": 2, "initValue": 0}),
    "unmasked-1": (ALL, {"kernelRadius": 1, "maskedKernel": False, "initValue": float("nan")}),
    "unmasked-2": (TWO, {"kernelRadius": 2, "maskedKernel": False, "initValue": 0}),
    "in-plane": (ALL, {"kernelRadius": 1, "force2D": True, "force2Ddimension": 0}),
    "in-plane-y": (TWO, {"kernelRadius": 2, "force2D": True, "force2Ddimension": 1,
                         "maskedKernel": False, "voxelArrayShift": 30}),
    "count": (TWO, {"kernelRadius": 1, "binCount": 5}),
    "ordered": (["glcm"], {"kernelRadius": 1, "symmetricalGLCM": False, "distances": [1, 2]}),
    "weighted": (["glcm"], {"kernelRadius": 2, "weightingNorm": "euclidean",
                             "initValue": float("nan")}),
    # Farther than the image is long along any axis.
    "wide": (["firstorder"], {"kernelRadius": 20, "maskedKernel": False}),
    "one-batch": (["glcm"], {"kernelRadius": 1, "voxelBatch": 10**6, "initValue": float("nan")}),
    "derived": (FEW, {"kernelRadius": 1}),
    "derived-unmasked": (FEW, {"kernelRadius": 1, "maskedKernel": False}),
}

array, inside = synthetic()
image, mask = sitk.GetImageFromArray(array), sitk.GetImageFromArray(inside)
for volume in (image, mask):
    volume.SetSpacing(SPACING_XYZ_MM)
    volume.SetOrigin(ORIGIN_XYZ_MM)

print(f"# PyRadiomics (pyradiomics-bhklab) 3.1.4, numpy {np.__version__}, "
      f"SimpleITK {sitk.Version.VersionString()}")
print("variant,column,values")
for variant, (classes, settings) in VARIANTS.items():
    extractor = featureextractor.RadiomicsFeatureExtractor(
        {"imageType": DERIVED if classes is FEW else ORIGINAL,
         "featureClass": classes if classes is FEW else {name: None for name in classes},
         "setting": {"binWidth": 4, "additionalInfo": False,
                     **{k: v for k, v in settings.items() if k not in VOXEL}},
         "voxelSetting": {"voxelBatch": 1,
                          **{k: v for k, v in settings.items() if k in VOXEL}}})
    maps = extractor.execute(image, mask, voxelBased=True)
    grid = None
    for column, volume in maps.items():
        corner = mask.TransformPhysicalPointToIndex(volume.GetOrigin())
        if grid is None:
            grid = (volume.GetSize()[::-1], volume.GetOrigin()[::-1])
            print(f"{variant},grid,{';'.join(f'{v:.10g}' for part in grid for v in part)}")
        values = sitk.GetArrayFromImage(volume)
        slices = tuple(slice(i, i + n) for i, n in zip(corner[::-1], values.shape))
        here = inside[slices] > 0
        outside = values[~here]
        initial = settings.get("initValue", 0)
        assert np.all(np.isnan(outside) if np.isnan(initial) else outside == initial), column
        numbers = ";".join(f"{v + 0:.8g}" for v in values[here])
        print(f"{variant},{column},{numbers}")
