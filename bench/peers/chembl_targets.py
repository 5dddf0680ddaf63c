"""RDKit and onnxruntime against strata-drug in turns: ChEMBL's multitask model on the same molecules.

Usage: python chembl_targets.py STRATA_DRUG MODELS_DIR MODEL.onnx FILE.smi [ROUNDS [PEER_THREADS]]
Strata's time, on two threads, is of the whole program (`rank`: reading, model, writing the table); the peer's is of its loop alone, its process
and model being ready. Prints one JSON line a round and tool, then the ratio of the medians and how far the numbers differ.
"""
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator

rdBase.DisableLog("rdApp.*")

TARGET = "CHEMBL203"


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def peer(session, generator, smiles):
    names = [output.name for output in session.get_outputs()]
    column, found = names.index(TARGET), []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            found.append(None)
            continue
        bits = numpy.zeros((1024,), dtype=numpy.float32)
        DataStructs.ConvertToNumpyArray(generator.GetFingerprint(mol), bits)
        found.append(float(session.run(None, {"input": bits})[column][0]))
    return found


def ours(program, models, path, out):
    subprocess.run([program, "rank", path, "--target", TARGET, "--out", out, "--models-dir", models, "--threads", "2",
                    "--overwrite", "-q"], check=True)


def main():
    program, models, model, path = sys.argv[1:5]
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    smiles = [line.split()[0] for line in open(path) if line.strip()]
    options = onnxruntime.SessionOptions()
    # More threads slow it down: its operators are too small to share out, and waiting threads spin.
    options.intra_op_num_threads = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    peer(session, generator, smiles[:20])
    lines = {"python": [], "strata": []}
    out = os.path.join(tempfile.mkdtemp(), "out.csv")
    for number in range(rounds):
        for tool in ("python", "strata") if number % 2 == 0 else ("strata", "python"):
            who = resource.RUSAGE_SELF if tool == "python" else resource.RUSAGE_CHILDREN
            wall, before = time.perf_counter(), cpu(who)
            if tool == "python":
                expected = peer(session, generator, smiles)
            else:
                ours(program, models, path, out)
            wall, used = time.perf_counter() - wall, cpu(who) - before
            lines[tool].append((wall, used))
            print(json.dumps({"tool": tool, "round": number, "molecules": len(smiles), "wall_s": round(wall, 3),
                              "processor_us_per_molecule": round(used * 1e6 / len(smiles), 1)}), flush=True)
    found = {}
    for row in csv.DictReader(open(out)):
        given = next(iter(row.values()))
        found[given] = float(row["activity"]) if row["activity"] else None
    pairs = [(value, found.get(text)) for text, value in zip(smiles, expected)]
    differences = sorted(abs(a - b) for a, b in pairs if a is not None and b is not None)
    median = {tool: [statistics.median(values) for values in zip(*rows)] for tool, rows in lines.items()}
    print(json.dumps({"what": "chembl-targets", "molecules": len(smiles), "outputs": 798, "threads": {"strata": 2, "python": options.intra_op_num_threads},
                      "wall_ratio": round(median["python"][0] / median["strata"][0], 1),
                      "processor_ratio": round(median["python"][1] / median["strata"][1], 1),
                      "molecules_per_second": {tool: round(len(smiles) / median[tool][0]) for tool in median},
                      "compared": len(differences), "largest_difference": round(differences[-1], 6),
                      "above_1e-3": sum(value > 1e-3 for value in differences),
                      "median_difference": differences[len(differences) // 2],
                      "readable_by_one_only": sum((a is None) != (b is None) for a, b in pairs)}))


main()
