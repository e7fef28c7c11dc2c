"""Time a list of cases on one thread and on two, taking turns, the process pinned to as many cores.

usage: python lists.py --renalflow target/release/renalflow --shared ../shared [--rounds 6]

Each list names one case many times, by links of different names, since rows of one file are read
once. The tables of both are compared byte for byte. For the scale, two processes that only compute
SHA-512 are timed against one: what the second core gives at most.
"""

import argparse
import hashlib
import os
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

CASES = [
    ("STS_002", "original", 40),
    ("STS_001", "original", 20),
    ("STS_002", "filters", 20),
    ("STS_001", "filters", 8),
]


def list_of(case: Path, count: int, folder: Path) -> Path:
    rows = ["Image,Mask\n"]
    for i in range(count):
        place = folder / f"{case.name}_{i}"
        place.mkdir()
        for name in ("image.nii.gz", "mask.nii.gz"):
            (place / name).symlink_to(case / name)
        rows.append(f"{place}/image.nii.gz,{place}/mask.nii.gz\n")
    path = folder / "cases.csv"
    path.write_text("".join(rows))
    return path


def run(command: Path, params: Path, cases: Path, threads: int, table: Path) -> float:
    cores = set(sorted(os.sched_getaffinity(0))[:threads])
    start = time.perf_counter()
    subprocess.run(
        [command, "radiomics", "--params", params, cases, "--quiet", "-j", str(threads), "-o", table],
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return time.perf_counter() - start


def hashing(core: int) -> int:
    os.sched_setaffinity(0, {core})
    data, done, end = bytes(1 << 20), 0, time.perf_counter() + 1.0
    while time.perf_counter() < end:
        hashlib.sha512(data).digest()
        done += 1
    return done


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--renalflow", type=Path, required=True)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    print("case     params    cases  one thread  two threads  ratio")
    for case, params, count in CASES:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            folder = Path(folder)
            cases = list_of((options.shared / "data/sts" / case).resolve(), count, folder)
            file = options.shared / f"reference/pyradiomics/params/{params}.yaml"
            best = {1: float("inf"), 2: float("inf")}
            tables = {}
            for _ in range(options.rounds):
                for threads in best:
                    table = folder / f"{threads}.csv"
                    best[threads] = min(best[threads], run(options.renalflow, file, cases, threads, table))
                    tables[threads] = table.read_bytes()
            assert tables[1] == tables[2], "the tables differ"
        one, two = (1e3 * best[threads] / count for threads in (1, 2))
        print(f"{case:<8} {params:<9} {count:>5}  {one:>7.2f} ms  {two:>8.2f} ms  {one / two:>5.2f}")
    cores = sorted(os.sched_getaffinity(0))[:2]
    with ProcessPoolExecutor(2) as pool:
        alone = max(pool.submit(hashing, cores[0]).result() for _ in range(3))
        both = max(sum(pool.map(hashing, cores)) for _ in range(3))
    print(f"SHA-512 on two cores: {both / alone:.2f} times one")


if __name__ == "__main__":
    main()
