"""Check with nibabel and SimpleITK what `renalflow_imaging::nifti` writes.

    cargo test --release -p renalflow-imaging --test formats -- --ignored write_for_other_readers
    python check_nifti_writing.py FOLDER

The test prints FOLDER (or takes it from RENALFLOW_NIFTI_CHECK). Both readers must find the
voxels, the voxel type and the grid that the test wrote, whose formulas are repeated here.
If all agree, the header of `i16.nii` is kept as `nifti_header.hex`, which a test pins.

Run with nibabel 5.4.2 and SimpleITK 2.5.7, which agreed.
"""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk

folder = Path(sys.argv[1])
print("nibabel", nib.__version__, "SimpleITK", sitk.Version_VersionString())

SHAPE_ZYX = (2, 3, 4)
SPACING_XYZ = np.array([0.5, 0.75, 3.0])
ORIGIN_LPS = np.array([-100.5, 42.25, -7.0])
SIN, COS = 0.5, 0.75**0.5
DIRECTION_LPS = np.array([[COS, -SIN, 0], [SIN, COS, 0], [0, 0, -1.0]])

ramp = np.arange(24)
EXPECTED = {
    "i16": (ramp * 1000 - 12000).astype(np.int16),
    "f32": (ramp.astype(np.float32) * np.float32(0.1) - np.float32(1)).astype(np.float32),
    "f64": ramp * 0.1 - 1.0,
    "u8": np.where(ramp == 5, 255, ramp).astype(np.uint8),
    "u16": np.where(ramp == 5, 256, ramp).astype(np.uint16),
}

affine_ras = np.eye(4)
affine_ras[:3, :3] = DIRECTION_LPS * SPACING_XYZ
affine_ras[:3, 3] = ORIGIN_LPS
affine_ras[:2] *= -1

for name, flat in EXPECTED.items():
    voxels = flat.reshape(SHAPE_ZYX)
    for ending in (".nii", ".nii.gz"):
        path = folder / (name + ending)
        image = sitk.ReadImage(str(path))
        read = sitk.GetArrayFromImage(image)
        assert read.dtype == voxels.dtype and np.array_equal(read, voxels), path
        np.testing.assert_allclose(image.GetSpacing(), SPACING_XYZ, rtol=1e-7)
        np.testing.assert_allclose(image.GetOrigin(), ORIGIN_LPS, rtol=1e-7)
        np.testing.assert_allclose(
            np.reshape(image.GetDirection(), (3, 3)), DIRECTION_LPS, atol=1e-7
        )

        image = nib.load(path)
        header = image.header
        assert header.get_data_dtype() == voxels.dtype, path
        assert np.array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), voxels), path
        assert np.array_equal(image.affine, affine_ras.astype(np.float32)), path
        assert header.get_sform(coded=True)[1] == 1 and header.get_qform(coded=True)[1] == 1
        np.testing.assert_allclose(header.get_qform(), affine_ras, atol=1e-5)
        assert header.get_xyzt_units()[0] == "mm"
        assert image.dataobj.slope == 1 and image.dataobj.inter == 0
        report = nib.Nifti1Header.diagnose_binaryblock(header.binaryblock)
        assert not report, report
        print("agrees:", path.name)

header = (folder / "i16.nii").read_bytes()[:352].hex()
lines = [header[i : i + 64] for i in range(0, len(header), 64)]
(Path(__file__).parent / "nifti_header.hex").write_text("\n".join(lines) + "\n")
