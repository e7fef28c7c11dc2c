"""Write filters.csv (derived images) and wavelets.csv (every discrete wavelet).

    pip install pyradiomics-bhklab==3.1.4 SimpleITK==2.5.7 PyWavelets==1.9.0 \\
        scikit-image==0.26.0 trimesh==5.2.0 scipy==1.16.3
    python make_filters.py

scipy 1.17 dropped the spherical harmonics that PyRadiomics calls.

A line of filters.csv: case, key of the filter, name of the image, its values on the window in C
order. The lines `case,image,...` and `case,mask,...` are the inputs: a header of shape, spacing,
window (start, shape), and the voxels of the whole image, or of the mask on the window.
"""

import logging
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pywt
import SimpleITK as sitk
from radiomics import imageoperations as io

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
HERE = Path(__file__).parent
VERSIONS = ", ".join(
    f"{name} {version(name)}"
    for name in (
        "pyradiomics-bhklab", "SimpleITK", "PyWavelets", "scikit-image", "trimesh", "scipy", "numpy"
    )
)

# Shape, spacing, start and shape of the window (z, y, x), type. The second window touches the
# ends of the image, the third its beginning.
CASES = {
    "int16": ((11, 14, 13), (2.5, 0.8, 1.25), (3, 4, 5), (3, 3, 4), np.int16),
    "float64": ((10, 12, 16), (1.0, 1.5, 0.75), (7, 9, 12), (3, 3, 4), np.float64),
    "float32": ((9, 11, 10), (2.0, 1.0, 1.0), (0, 0, 1), (3, 3, 4), np.float32),
}

FILTERS = {
    "log": (io.getLoGImage, {"sigma": [1.0, 2.5]}),
    "wavelet": (io.getWaveletImage, {}),
    "wavelet_levels": (io.getWaveletImage, {"wavelet": "db4", "start_level": 1, "level": 2}),
    "wavelet_across_z": (io.getWaveletImage, {"wavelet": "haar", "level": 2, "force2D": True}),
    "wavelet_across_y": (
        io.getWaveletImage,
        {"wavelet": "bior1.3", "force2D": True, "force2Ddimension": 1},
    ),
    "wavelet_across_x": (
        io.getWaveletImage,
        {"wavelet": "sym4", "force2D": True, "force2Ddimension": 2},
    ),
    "square": (io.getSquareImage, {}),
    "squareroot": (io.getSquareRootImage, {}),
    "logarithm": (io.getLogarithmImage, {}),
    "exponential": (io.getExponentialImage, {}),
    "gradient": (io.getGradientImage, {}),
    "gradient_by_voxel": (io.getGradientImage, {"gradientUseSpacing": False}),
    "lbp2d": (io.getLBP2DImage, {}),
    "lbp2d_default": (io.getLBP2DImage, {"lbp2DMethod": "default", "lbp2DRadius": 1.1}),
    "lbp2d_ror": (io.getLBP2DImage, {"lbp2DMethod": "ror", "lbp2DSamples": 7}),
    "lbp2d_nri_uniform": (io.getLBP2DImage, {"lbp2DMethod": "nri_uniform", "lbp2DRadius": 2.0}),
    "lbp2d_var": (io.getLBP2DImage, {"lbp2DMethod": "var"}),
    "lbp2d_many": (io.getLBP2DImage, {"lbp2DSamples": 16, "lbp2DRadius": 2.5}),
    "lbp2d_across_y": (io.getLBP2DImage, {"force2D": True, "force2Ddimension": 1}),
    "lbp2d_across_x": (
        io.getLBP2DImage,
        {"force2D": True, "force2Ddimension": 2, "lbp2DMethod": "default"},
    ),
    "lbp3d": (io.getLBP3DImage, {}),
    "lbp3d_fine": (
        io.getLBP3DImage,
        {"lbp3DLevels": 3, "lbp3DIcosphereRadius": 1.5, "lbp3DIcosphereSubdivision": 2},
    ),
}


def voxels_of(shape, dtype, seed):
    """Waves, noise, and a flat part in which equal neighbours meet."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    values = 300 * np.sin(z / 2 + y / 3) * np.cos(x / 2) + rng.normal(0, 60, shape)
    values = np.round(values)
    values[(y + x) % 7 < 2] = -40
    if dtype == np.float64:
        values /= 8
    return values.astype(dtype)


def text(values):
    # Shortest digits that give the number back in its own type.
    return ",".join(str(v) for v in np.asarray(values).ravel())


def write_filters():
    lines = [f"# By make_filters.py with {VERSIONS}"]
    for seed, (case, (shape, spacing, start, size, dtype)) in enumerate(CASES.items()):
        voxels = voxels_of(shape, dtype, seed)
        window = tuple(slice(a, a + n) for a, n in zip(start, size))
        labels = np.zeros(shape, np.uint8)
        labels[window] = np.random.default_rng(seed).random(size) < 0.8
        header = [*shape, *spacing, *start, *size]
        lines.append(f"{case},image,{text(header)},{text(voxels)}")
        lines.append(f"{case},mask,{text(labels[window])}")
        image, mask = (sitk.GetImageFromArray(a) for a in (voxels, labels))
        for volume in (image, mask):
            volume.SetSpacing(spacing[::-1])
        for key, (derive, settings) in FILTERS.items():
            for derived, name, _ in derive(image, mask, **settings):
                values = sitk.GetArrayFromImage(derived)
                if key.startswith("lbp3d"):
                    values[labels == 0] = 0
                lines.append(f"{case},{key},{name},{text(values[window])}")
    (HERE / "filters.csv").write_text("\n".join(lines) + "\n")


def write_wavelets():
    """A signal shorter than most filters, as the x axis of an image that is flat along z, y."""
    signal = np.array([3.0, -1.5, 4.25, 0.0, 10.0, -7.0, 2.5, 1.0])
    lines = [f"# By make_filters.py with {VERSIONS}", f"signal,{text(signal)}"]
    for name in pywt.wavelist(kind="discrete"):
        for low, high in pywt.swt(signal, name, level=1):
            lines.append(f"{name},low,{text(low)}")
            lines.append(f"{name},high,{text(high)}")
    (HERE / "wavelets.csv").write_text("\n".join(lines) + "\n")


write_filters()
write_wavelets()
