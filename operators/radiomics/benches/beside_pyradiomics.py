"""Time renalflow beside PyRadiomics: files in, features out, on one pinned core, in one run.

usage: python beside_pyradiomics.py --renalflow target/release/renalflow --shared ../shared [--rounds 5]

Needs PyRadiomics, nibabel and numpy. Each round runs both, one after the other; the best round
of each counts. For renalflow it is the whole process that is timed, from its start to the table
in a file; for PyRadiomics, `execute` alone, with the interpreter and its imports already there.
The KiTS19 case has its real mask and simulated intensities (tissue means and noise), in the
full volume.
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
from radiomics import featureextractor  # noqa: E402

logging.getLogger("radiomics").setLevel(logging.CRITICAL)


def simulate(mask_path: Path, folder: Path) -> tuple[Path, Path]:
    """A CT for a real mask, and the mask with the tumour as label 1."""
    volume = nibabel.load(mask_path)
    labels = np.asanyarray(volume.dataobj).astype(np.uint8)
    noise = np.random.default_rng(19)
    ct = noise.normal(0.0, 15.0, labels.shape).astype(np.float32)
    ct += np.choose(labels, [-20.0, 180.0, 90.0]).astype(np.float32)
    # Air around the body: a frame of the slices, which is what most of a CT is.
    across = int(np.argmin(labels.shape))
    for axis in {0, 1, 2} - {across}:
        edge = [slice(None)] * 3
        for side in (slice(0, 60), slice(-60, None)):
            edge[axis] = side
            ct[tuple(edge)] = -1000.0
    image, tumour = folder / "image.nii.gz", folder / "mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.rint(ct).astype(np.int16), volume.affine), image)
    nibabel.save(nibabel.Nifti1Image((labels == 2).astype(np.uint8), volume.affine), tumour)
    return image, tumour


def peer(params: Path, image: Path, mask: Path) -> tuple[float, dict]:
    extractor = featureextractor.RadiomicsFeatureExtractor(str(params))
    start = time.perf_counter()
    result = extractor.execute(str(image), str(mask))
    return time.perf_counter() - start, result


def ours(command: Path, params: Path, image: Path, mask: Path, jobs: int) -> float:
    """Seconds."""
    # PyRadiomics writes nothing, so that ours does not wait for a disk either.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        arguments = [command, "radiomics", "--params", params, image, mask, "--quiet"]
        arguments += ["-j", str(jobs), "-o", f"{folder}/features.csv"]
        start = time.perf_counter()
        subprocess.run(arguments, check=True)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--renalflow", type=Path, required=True)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kits", nargs="*", default=["case_00092"], help="KiTS19 cases")
    parser.add_argument("--only-kits", action="store_true", help="leave the other cases out")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    params = {
        name: options.shared / f"reference/pyradiomics/params/{name}.yaml"
        for name in ("original", "filters")
    }

    print(f"{'case':<12}{'voxels':>8}  {'params':<9}{'features':>8}"
          f"{'PyRadiomics':>13}{'renalflow':>11}{'ratio':>7}")

    def row(case, name, image, mask, rounds):
        best_peer, best_ours, result = 1e9, 1e9, {}
        for _ in range(rounds):
            os.sched_setaffinity(0, cores[:1])
            seconds, result = peer(params[name], image, mask)
            best_peer = min(best_peer, seconds)
            os.sched_setaffinity(0, cores[: options.threads])
            for _ in range(3):
                seconds = ours(options.renalflow, params[name], image, mask, options.threads)
                best_ours = min(best_ours, seconds)
        voxels = result["diagnostics_Mask-original_VoxelNum"]
        features = sum(not key.startswith("diagnostics") for key in result)
        print(f"{case:<12}{voxels:>8}  {name:<9}{features:>8}{best_peer:>11.3f} s"
              f"{best_ours * 1e3:>8.1f} ms{best_peer / best_ours:>7.1f}", flush=True)

    for name in () if options.only_kits else ("original", "filters"):
        for case in ("STS_002", "STS_001"):
            folder = options.shared / "data/sts" / case
            row(case, name, folder / "image.nii.gz", folder / "mask.nii.gz", options.rounds)
    for case in options.kits:
        mask_path = options.shared / f"data/kits19/{case}/segmentation.nii.gz"
        with tempfile.TemporaryDirectory() as folder:
            image, mask = simulate(mask_path, Path(folder))
            row(case, "original", image, mask, 1)


if __name__ == "__main__":
    main()
