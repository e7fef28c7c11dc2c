"""The columns that PyRadiomics makes of parameter files, in their order.

Run with pyradiomics-bhklab 3.1.4 (scikit-image, trimesh and scipy beside it):

    python make_columns.py > columns.txt

Each block starts with `=== ` and a parameter file in one line of JSON; a column a line follows.
"""

import json
import logging
import tempfile

import numpy as np
import radiomics
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

FILES = [
    {
        "imageType": {
            "Wavelet": {"level": 2},
            "Original": {},
            "LoG": {"sigma": [1, 2.5]},
            "Gradient": {"binWidth": 5},
            "SquareRoot": {},
        },
        "featureClass": {
            "ngtdm": None,
            "shape": ["Sphericity", "Elongation"],
            "firstorder": [],
            "glcm": ["Idm", "Id", "Idm", "Contrast"],
            "gldm": [],
        },
    },
    {"setting": {"force2D": True}},
    {
        "imageType": {"LBP2D": {}, "Wavelet": {"force2D": True, "force2Ddimension": 1}},
        "featureClass": {"glszm": [], "glrlm": [], "shape": []},
    },
]


def main():
    radiomics.setVerbosity(60)
    logging.disable(logging.CRITICAL)
    shape_zyx = (9, 10, 11)
    rng = np.random.default_rng(0)
    image = sitk.GetImageFromArray(rng.integers(0, 100, shape_zyx).astype(np.int16))
    for parameters in FILES:
        region = np.zeros(shape_zyx, np.uint8)
        # Planar shape asks for a region of one slice.
        depth = slice(4, 5) if parameters.get("setting", {}).get("force2D") else slice(2, 7)
        region[depth, 2:8, 3:9] = 1
        mask = sitk.GetImageFromArray(region)
        text = json.dumps(parameters)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            extractor = RadiomicsFeatureExtractor(file.name)
        print("===", text)
        for column in extractor.execute(image, mask):
            if not column.startswith("diagnostics"):
                print(column)


main()
