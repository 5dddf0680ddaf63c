"""FPSim2's side: a database of fingerprints made, and the hundred most similar molecules found in it.

Usage: python fpsim2_side.py make FILE COUNT DATABASE.h5
       python fpsim2_side.py search DATABASE.h5 FILE QUERIES THREADS ANSWERS
The engine is in memory. It has no call for several queries at once, so that they are asked one by one in both of our cases.
"""
import sys
import time

from common import Stopwatch, first_words, percentile, report, since_start, write_answers

BITS = 2048


def make(file, count, path):
    from FPSim2.io import create_db_file
    from rdkit import Chem, RDLogger
    RDLogger.DisableLog("rdApp.*")
    good = []
    for number, text in enumerate(first_words(file, int(count))):
        mol = Chem.MolFromSmiles(text)
        if mol is not None and mol.GetNumAtoms():
            good.append((text, number))
    create_db_file(good, path, "smiles", "Morgan", {"radius": 2, "fpSize": BITS})


def search(path, file, queries, threads, answers):
    from FPSim2 import FPSim2Engine
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator
    engine = FPSim2Engine(path)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in first_words(file, int(queries))]
    found, each, first = [], [], None
    watch = Stopwatch()
    for fingerprint in prints:
        start = time.perf_counter()
        found.append(engine.top_k(fingerprint, 100, 0.0, n_workers=int(threads)))
        each.append((time.perf_counter() - start) * 1e3)
        first = first or since_start()
    seconds = watch.seconds()
    write_answers(answers, [sorted((float(score) for score in hits["coeff"]), reverse=True) for hits in found])
    molecules = len(engine.fps)
    report(len(prints), seconds, first_answer_seconds=first, molecules=molecules,
           ns_a_comparison=seconds[0] * 1e9 / (molecules * len(prints)), p50_ms=percentile(each, 0.5),
           p95_ms=percentile(each, 0.95), p99_ms=percentile(each, 0.99))


if __name__ == "__main__":
    {"make": make, "search": search}[sys.argv[1]](*sys.argv[2:])
