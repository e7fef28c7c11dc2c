"""Time maps beside PyRadiomics' voxel-based extraction, and compare their values, in one run.

usage: python maps_beside_pyradiomics.py --renalflow target/release/renalflow --shared ../shared [--rounds 3]

Needs PyRadiomics and nibabel. The case is PyRadiomics' own brain1; one pinned core. Each round
runs both, one after the other; the best round of each counts. For renalflow it is the whole
process that is timed, from its start to the maps on the disk; for PyRadiomics, `execute` alone.

The difference is the largest over all maps and voxels of the region, divided by the larger of
the value and a thousandth of the map's largest: a value that is nothing but rounding is not
compared with another. Voxels that are NaN in PyRadiomics alone are counted and left out
(`docs/how-to/voxel-maps.md` says why they are); NaN in renalflow alone makes it infinite.
PyRadiomics does --batch voxels at a time.
"""

import argparse
import logging
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ.setdefault(variable, "1")
warnings.filterwarnings("ignore")

import nibabel  # noqa: E402
import SimpleITK as sitk  # noqa: E402
from radiomics import featureextractor  # noqa: E402

logging.getLogger("radiomics").setLevel(logging.CRITICAL)

PARAMETERS = """\
imageType: {{Original: {{}}}}
featureClass: {{{classes}}}
setting: {{binWidth: 25}}
voxelSetting: {{kernelRadius: {radius}, maskedKernel: true, initValue: nan, voxelBatch: {batch}}}
"""


def difference(peer: dict, folder: Path) -> tuple[int, float, str]:
    """How many maps both have, and the largest relative difference with the map it is in."""
    largest, where, maps = 0.0, "-", 0
    for name, image in peer.items():
        if not isinstance(image, sitk.Image):
            continue
        path = folder / f"{name}.nii.gz"
        if not path.exists():
            print(f"  {name}: only PyRadiomics has it")
            continue
        # nibabel hands out [x, y, z].
        ours = np.asanyarray(nibabel.load(path).dataobj).T
        theirs = sitk.GetArrayFromImage(image)
        maps += 1
        if (np.isnan(ours) & ~np.isnan(theirs)).any():
            largest, where = float("inf"), name
            continue
        missing = int((np.isnan(theirs) & ~np.isnan(ours)).sum())
        if missing:
            print(f"  {name}: PyRadiomics has NaN at {missing} of {(~np.isnan(ours)).sum()} voxels")
        if np.isnan(theirs).all():
            continue
        scale = np.maximum(np.abs(theirs), 1e-3 * np.nanmax(np.abs(theirs)))
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.nanmax(np.where(scale > 0, np.abs(ours - theirs) / scale, 0.0))
        if off > largest:
            largest, where = float(off), name
    return maps, largest, where


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--renalflow", type=Path, required=True)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=500)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    image = options.shared / "data/pyradiomics/brain1_image.nrrd"
    mask = options.shared / "data/pyradiomics/brain1_label.nrrd"

    for classes in ("firstorder", "glcm"):
        for radius in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                params = Path(folder, "params.yaml")
                params.write_text(PARAMETERS.format(classes=f"{classes}: ", radius=radius, batch=options.batch))
                maps = Path(folder, "maps")
                best_peer, best_ours, result = 1e9, 1e9, {}
                for _ in range(options.rounds):
                    extractor = featureextractor.RadiomicsFeatureExtractor(str(params))
                    start = time.perf_counter()
                    result = extractor.execute(str(image), str(mask), voxelBased=True)
                    best_peer = min(best_peer, time.perf_counter() - start)
                    for _ in range(3):
                        command = [options.renalflow, "radiomics", "--params", params, image, mask]
                        command += ["--maps", maps, "--quiet", "-j", "1"]
                        start = time.perf_counter()
                        subprocess.run(command, check=True)
                        best_ours = min(best_ours, time.perf_counter() - start)
                count, largest, where = difference(result, maps)
                print(f"{classes:<11} radius {radius} {count:>3} maps  "
                      f"PyRadiomics {best_peer:>8.3f} s  renalflow {best_ours * 1e3:>8.1f} ms  "
                      f"ratio {best_peer / best_ours:>6.1f}  difference {largest:.1e} ({where})",
                      flush=True)


if __name__ == "__main__":
    main()
