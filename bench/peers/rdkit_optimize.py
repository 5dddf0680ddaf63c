"""RDKit's word on the results of bench_optimize: is every best molecule one, is it as like its start, is it as good?

Usage: python rdkit_optimize.py BEST.tsv
BEST.tsv holds task, similarity asked for, start, its value, best, its value, its similarity. Prints one JSON line a
task: molecules that RDKit refuses, largest differences of value and similarity from ours, improvement and success as
RDKit computes them.
"""
import json
import os
import statistics
import sys

from rdkit import Chem, DataStructs, RDConfig, rdBase
from rdkit.Chem import QED, Crippen, rdFingerprintGenerator

sys.path.append(os.path.join(RDConfig.RDContribDir, "SA_Score"))
import sascorer  # noqa: E402

rdBase.DisableLog("rdApp.*")
MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def penalised(mol):
    largest = max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)
    return Crippen.MolLogP(mol) - sascorer.calculateScore(mol) - max(0, largest - 6)


def main():
    tasks = {}
    for line in open(sys.argv[1]):
        name, asked, start, before, best, after, like = line.rstrip("\n").split("\t")
        task = tasks.setdefault((name, asked), {"refused": 0, "gains": [], "value": 0.0, "like": 0.0, "success": 0})
        a, b = Chem.MolFromSmiles(start), Chem.MolFromSmiles(best)
        if a is None or b is None:
            task["refused"] += 1
            continue
        value = QED.qed if name.startswith("QED") else penalised
        x, y = value(a), value(b)
        similarity = DataStructs.TanimotoSimilarity(MORGAN.GetFingerprint(a), MORGAN.GetFingerprint(b))
        task["gains"].append(y - x)
        task["value"] = max(task["value"], abs(x - float(before)), abs(y - float(after)))
        task["like"] = max(task["like"], abs(similarity - float(like)))
        enough = y >= 0.9 if name.startswith("QED") else y > x
        task["success"] += enough and similarity >= float(asked)
    for (name, asked), task in tasks.items():
        count = len(task["gains"])
        print(json.dumps({
            "what": name, "similarity": float(asked), "molecules": count, "refused": task["refused"],
            "improvement_mean": round(statistics.mean(task["gains"]), 3), "success": round(task["success"] / count, 3),
            "largest_difference_of_value": round(task["value"], 6),
            "largest_difference_of_similarity": round(task["like"], 9),
        }))


if __name__ == "__main__":
    main()
