"""Single-query search, FPSim2 against strata-chem, query by query in turn on the same fingerprints and core.

FPSim2's engine is in memory with n_workers=1 and gets a ready fingerprint (no parsing); its search function is also
timed alone ("core"), without the Python around it. Hits and scores of both are compared for every query. FPSim2 is
timed in CPU seconds and strata-chem in wall seconds: on a busy machine that favours FPSim2.

Usage:
  python fpsim2_search.py make SMILES_FILE FOLDER     # writes union.fp and union.h5 (needs rdkit, FPSim2)
  python fpsim2_search.py run FOLDER BENCH_SEARCH [QUERIES]
BENCH_SEARCH is target/release/examples/bench_search.
"""
import gzip
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

BITS = 2048


def make(smiles_file, folder):
    from FPSim2.io import create_db_file
    from rdkit import Chem, RDLogger
    from rdkit.Chem import rdFingerprintGenerator
    RDLogger.DisableLog("rdApp.*")
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    opener = gzip.open if str(smiles_file).endswith(".gz") else open
    good = []
    with opener(smiles_file, "rt") as lines, open(folder / "union.fp", "wb") as out:
        for line in lines:
            smiles = line.split()[0] if line.split() else ""
            mol = Chem.MolFromSmiles(smiles)
            if mol is None or mol.GetNumAtoms() == 0:
                continue
            bits = generator.GetFingerprintAsNumPy(mol)
            out.write(np.packbits(bits, bitorder="little").tobytes())
            good.append((smiles, len(good)))
    create_db_file(good, str(folder / "union.h5"), "smiles", "Morgan", {"radius": 2, "fpSize": BITS})


def run(folder, program, count):
    from FPSim2 import FPSim2Engine
    from FPSim2.FPSim2lib import GenericSearch
    from FPSim2.io.chem import get_bounds_range
    from rdkit import DataStructs
    engine = FPSim2Engine(str(folder / "union.h5"))
    words = np.fromfile(folder / "union.fp", dtype="<u8").reshape(-1, BITS // 64)
    ours = subprocess.Popen([program, str(folder / "union.fp"), "--serve"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, bufsize=1)
    print(ours.stdout.readline().strip())
    rows = [(7 + at * 2_999) % len(words) for at in range(count)]

    def fingerprint(row):
        bits = np.unpackbits(words[row].view(np.uint8), bitorder="little")
        print_ = DataStructs.ExplicitBitVect(BITS)
        print_.SetBitsFromList(np.flatnonzero(bits).tolist())
        return print_

    def ask(command):
        ours.stdin.write(command + "\n")
        ours.stdin.flush()
        nanoseconds, hits, total = ours.stdout.readline().split()
        return int(nanoseconds) / 1e6, int(hits), float(total)

    for name, command, call, threshold, k in [
        ("threshold 0.7", "within 0.7", lambda fp: engine.similarity(fp, 0.7, n_workers=1), 0.7, 0),
        ("top 100", "top 100", lambda fp: engine.top_k(fp, 100, 0.0, n_workers=1), 0.0, 100),
    ]:
        theirs, core, mine, different = [], [], [], 0
        for row in rows:
            fp = fingerprint(row)
            start = time.thread_time()
            found = call(fp)
            theirs.append((time.thread_time() - start) * 1e3)
            query = engine.load_query(fp)
            bounds = get_bounds_range(query, threshold, None, None, engine.popcnt_bins, "tanimoto")
            start = time.thread_time()
            GenericSearch(query, engine.fps, threshold, k, 0, *bounds)
            core.append((time.thread_time() - start) * 1e3)
            milliseconds, hits, total = ask(f"{command} {row}")
            mine.append(milliseconds)
            coefficients = found["coeff"].astype(float)
            if hits != len(coefficients) or abs(total - coefficients.sum()) > 1e-4 * max(1, hits):
                different += 1
        for label, values in [("FPSim2", theirs), ("FPSim2 core", core), ("strata-chem", mine)]:
            print(f"{name:14} {label:12} median {statistics.median(values):8.3f} ms  mean {statistics.fmean(values):8.3f} ms")
        print(f"{name:14} ratio to core: median {statistics.median(core) / statistics.median(mine):.1f}x, "
              f"mean {statistics.fmean(core) / statistics.fmean(mine):.1f}x; queries whose hits differ: {different} of {count}")
    ours.stdin.close()
    ours.wait()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        run(pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 200)
