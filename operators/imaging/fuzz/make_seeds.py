"""Write small files to start fuzzing from into seeds/.

Run with numpy, nibabel 5, SimpleITK 2.5 and pydicom 3:

    python make_seeds.py

For slices and segmentations in DICOM take ../tests/golden/dicom.
"""

import itertools
import pathlib

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset

HERE = pathlib.Path(__file__).parent / "seeds"


def nifti():
    folder = HERE / "nifti"
    folder.mkdir(parents=True, exist_ok=True)
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    kinds = itertools.product(
        [nibabel.Nifti1Image, nibabel.Nifti2Image],
        [np.uint8, np.int16, np.float32, np.float64],
        [0, 1],
    )
    for kind, dtype, is_packed in kinds:
        voxels = np.arange(24, dtype=dtype).reshape(4, 3, 2)
        image = kind(voxels, affine)
        # The fuzz target packs what follows an odd first byte.
        name = f"{kind.__name__}-{np.dtype(dtype).name}-{is_packed}"
        (folder / name).write_bytes(bytes([is_packed]) + image.to_bytes())


def nrrd():
    folder = HERE / "nrrd"
    folder.mkdir(parents=True, exist_ok=True)
    for dtype, is_packed in itertools.product([np.uint8, np.int16, np.float32], [False, True]):
        image = sitk.GetImageFromArray(np.arange(24, dtype=dtype).reshape(2, 3, 4))
        image.SetSpacing((1.0, 2.0, 3.0))
        path = folder / f"{np.dtype(dtype).name}-{int(is_packed)}.nrrd"
        sitk.WriteImage(image, str(path), is_packed)


def rtstruct():
    folder = HERE / "dicom"
    folder.mkdir(parents=True, exist_ok=True)
    name = Dataset()
    name.ROINumber = 1
    name.ROIName = "tumour"
    contour = Dataset()
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.NumberOfContourPoints = 4
    contour.ContourData = [1, 1, 3, 5, 1, 3, 5, 5, 3, 1, 5, 3]
    contours = Dataset()
    contours.ReferencedROINumber = 1
    contours.ContourSequence = [contour]
    structures = Dataset()
    structures.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    structures.SOPInstanceUID = "1.2.3.4"
    structures.Modality = "RTSTRUCT"
    structures.FrameOfReferenceUID = "1.2.3"
    structures.StructureSetROISequence = [name]
    structures.ROIContourSequence = [contours]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = structures.SOPClassUID
    meta.MediaStorageSOPInstanceUID = structures.SOPInstanceUID
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    structures.file_meta = meta
    structures.save_as(folder / "rtstruct.dcm", enforce_file_format=True)


nifti()
nrrd()
rtstruct()
