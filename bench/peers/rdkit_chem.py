"""RDKit against strata-chem in turns: parse, canonical SMILES and ECFP4 on the same molecules.

Usage: python rdkit_chem.py BENCH_CHEM_BINARY FILE.smi [ROUNDS]
Prints one JSON line a round and tool, and the ratio of the medians last.
"""
import json
import resource
import statistics
import subprocess
import sys
import time

from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator

rdBase.DisableLog("rdApp.*")


def rdkit_round(smiles, generator):
    times = [0.0, 0.0, 0.0]
    for text in smiles:
        t0 = time.process_time()
        mol = Chem.MolFromSmiles(text)
        t1 = time.process_time()
        if mol is None:
            continue
        Chem.MolToSmiles(mol)
        t2 = time.process_time()
        generator.GetFingerprint(mol)
        t3 = time.process_time()
        times[0] += t1 - t0
        times[1] += t2 - t1
        times[2] += t3 - t2
    return [t * 1e6 / len(smiles) for t in times]


def cpu(after, before):
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    binary, path = sys.argv[1], sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    smiles = open(path).read().split("\n")
    smiles = [s for s in smiles if s]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    ours, theirs = [], []
    for r in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = subprocess.run([binary, path, "1"], capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        row = json.loads(line)
        row["round"] = r
        row["cpu_us"] = round(cpu(after, before) * 1e6 / len(smiles), 2)
        print(json.dumps(row))
        ours.append(row["cpu_us"])
        p, c, f = rdkit_round(smiles, generator)
        theirs.append(p + c + f)
        print(json.dumps({"tool": "rdkit", "round": r, "molecules": len(smiles),
                          "parse_us": round(p, 2), "canonical_us": round(c, 2),
                          "ecfp4_us": round(f, 2), "total_us": round(p + c + f, 2)}))
    a, b = statistics.median(ours), statistics.median(theirs)
    print(json.dumps({"strata_us": a, "rdkit_us": round(b, 2), "ratio": round(b / a, 2)}))


if __name__ == "__main__":
    main()
