"""Write the small DICOM series and segmentations of `dicom/`.

Five CT slices of 7 rows and 10 columns, turned by 30 degrees about z, with file names that
run against their positions; every second one RLE-compressed. Two segmentations by highdicom:
`seg_binary.dcm` (two overlapping segments, empty frames left out) and `seg_labelmap.dcm`.
The values are formulas, repeated in `formats/dicom_objects.rs`.

Made with highdicom 0.28.2, pydicom 3.0.2:
    pip install highdicom==0.28.2 && python make_dicom.py
"""

from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RLELossless

OUT = Path(__file__).parent / "dicom"
ROOT = "1.2.826.0.1.3680043.10.1474."
SLICES, ROWS, COLUMNS = 5, 7, 10
SIN, COS = 0.5, 0.75**0.5


def uid(*parts):
    return ROOT + ".".join(str(part) for part in parts)


def stored(z):
    """12-bit unsigned values; the image is stored - 1024."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return (1000 + 100 * z + 10 * y + x).astype(np.uint16)


def slice_(z):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid(3, z + 1)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = uid(3, z + 1)
    ds.StudyInstanceUID = uid(1)
    ds.SeriesInstanceUID = uid(2)
    ds.FrameOfReferenceUID = uid(4)
    ds.PatientID = "phantom"
    ds.PatientName = "Phantom"
    ds.PatientBirthDate = ""
    ds.PatientSex = ""
    ds.StudyID = "1"
    ds.StudyDate = "20200101"
    ds.StudyTime = "000000"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    ds.Modality = "CT"
    ds.SeriesDescription = "made by make_dicom.py"
    ds.SeriesNumber = 1
    ds.InstanceNumber = SLICES - z
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    # Rows 0.8 mm apart, columns 0.5 mm: the standard writes rows first.
    ds.PixelSpacing = [0.8, 0.5]
    ds.SliceThickness = 5.0
    ds.ImageOrientationPatient = [f"{v:.8f}" for v in (COS, SIN, 0, -SIN, COS, 0)]
    ds.ImagePositionPatient = [-12.5, 30.25, 100.0 + 2.5 * z]
    ds.PositionReferenceIndicator = ""
    ds.Rows, ds.Columns = ROWS, COLUMNS
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
    ds.PixelData = stored(z).tobytes()
    if z % 2:
        ds.compress(RLELossless, generate_instance_uid=False)
    return ds


def masks():
    """Segments 1 and 2 of the grid; segment 2 lies partly inside segment 1."""
    z, y, x = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    one = (z >= 1) & (z <= 3) & (y >= 1) & (y <= 5) & (x >= 2) & (x <= 7)
    two = (z >= 2) & (z <= 3) & (x + y >= 9)
    return np.stack([one, two], axis=-1)


def describe(number, label):
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Kidney,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )


def segmentation(slices, pixels, kind, number):
    return hd.seg.Segmentation(
        source_images=slices,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[describe(1, "kidney"), describe(2, "tumour")],
        series_instance_uid=uid(5, number),
        series_number=number,
        sop_instance_uid=uid(6, number),
        instance_number=1,
        manufacturer="made by make_dicom.py",
        manufacturer_model_name="none",
        software_versions="1",
        device_serial_number="1",
    )


def main():
    OUT.mkdir(exist_ok=True)
    slices = [slice_(z) for z in range(SLICES)]
    for z, ds in enumerate(slices):
        ds.save_as(OUT / f"slice_{SLICES - z}.dcm", enforce_file_format=True)
    both = masks()
    binary = segmentation(slices, both.astype(np.uint8), "BINARY", 100)
    binary.save_as(OUT / "seg_binary.dcm")
    labels = np.where(both[..., 1], 2, both[..., 0]).astype(np.uint8)
    segmentation(slices, labels, "LABELMAP", 101).save_as(OUT / "seg_labelmap.dcm")
    fractional = segmentation(slices, both.astype(np.float32), "FRACTIONAL", 102)
    fractional.save_as(OUT / "seg_fractional.dcm")
    for path in sorted(OUT.glob("*.dcm")):
        ds = pydicom.dcmread(path)
        print(path.name, path.stat().st_size, ds.get("NumberOfFrames", 1), ds.file_meta.TransferSyntaxUID.name)


if __name__ == "__main__":
    main()
