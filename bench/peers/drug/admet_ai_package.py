"""The Python package `admet-ai` against `strata-drug admet` on the same molecules, in turns; and where they differ, why.

    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 python admet_ai_package.py STRATA_DRUG MODELS_DIR UNION.smi[.gz] [MOLECULES] [ROUNDS] [FEATURIZE]

Needs admet-ai 1.4.0 (Chemprop 1.6.1, the same ten checkpoints), descriptastorus 2.8, RDKit and torch. Two threads each: torch's, and
the package's two processes for descriptors; its caches are emptied before each round and its start is not counted, ours is.
FEATURIZE is strata-chem's example `featurize`: with it the descriptors of molecules in the tail are compared. Prints one JSON object.
"""
import contextlib
import csv
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
import numpy as np
import torch
from admet_ai import ADMETModel
from chemfunc.molecular_fingerprints import compute_rdkit_fingerprint
from chemprop.data import data as chemprop_data
from descriptastorus.descriptors import rdNormalizedDescriptors
from rdkit import Chem, RDLogger

SEED = 20261126
CLASS_LIMIT, REGRESSION_LIMIT = 1e-3, 0.02


def sample(path, count):
    with gzip.open(path, "rt") if str(path).endswith(".gz") else open(path) as lines:
        smiles = [line.split()[0] for line in lines if line.strip()]
    random.Random(SEED).shuffle(smiles)
    chosen = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        if mol is not None and mol.GetNumAtoms() > 0 and text not in chosen:
            chosen.append(text)
        if len(chosen) == count:
            return chosen
    return chosen


def theirs(model, smiles):
    chemprop_data.SMILES_TO_MOL.clear()
    chemprop_data.SMILES_TO_GRAPH.clear()
    start = (time.perf_counter(), os.times())
    table = model.predict(smiles)
    end = os.times()
    cpu = sum(end[:4]) - sum(start[1][:4])
    return table, time.perf_counter() - start[0], cpu


def ours(binary, models, source, out):
    start = (time.perf_counter(), os.times())
    command = [binary, "admet", source, "--out", out, "--models-dir", models, "--threads", "2", "--overwrite", "-q"]
    subprocess.run(command, check=True)
    end = os.times()
    return time.perf_counter() - start[0], end[2] + end[3] - start[1][2] - start[1][3]


def explain(smiles, rows, featurize, columns):
    """Descriptors that differ by more than 1e-3 on these molecules, with how often."""
    made = subprocess.run([featurize, "rdkit2d-normalized-200/1"], input="\n".join(smiles[r] for r in rows).encode() + b"\n",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    with tempfile.TemporaryFile() as file:
        file.write(made)
        file.seek(0)
        mine = np.load(file)
    found = {}
    for row, features in zip(rows, mine):
        other = compute_rdkit_fingerprint(Chem.MolFromSmiles(smiles[row]))
        for column in np.nonzero(np.abs(features - other) > 1e-3)[0]:
            found[columns[column]] = found.get(columns[column], 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def main():
    binary, models, path = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    featurize = sys.argv[6] if len(sys.argv) > 6 else None
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(2)
    smiles = sample(path, count)
    # Chemprop says on standard output what it loads.
    with contextlib.redirect_stdout(sys.stderr):
        model = ADMETModel(drugbank_path=None)
    work = Path(tempfile.mkdtemp())
    source, out = str(work / "in.smi"), str(work / "out.csv")
    Path(source).write_text("".join(f"{text} m{number}\n" for number, text in enumerate(smiles)))
    times = []
    for number in range(rounds):
        table, seconds, cpu = theirs(model, smiles)
        mine, own_cpu = ours(binary, models, source, out)
        times.append({"round": number, "admet_ai_s": round(seconds, 3), "admet_ai_cpu_s": round(cpu, 3), "strata_s": round(mine, 3),
                      "strata_cpu_s": round(own_cpu, 3)})
        print(times[-1], file=sys.stderr)
    with open(out, newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(smiles) and len(table) == len(smiles)
    failed = [r["error_code"] for r in rows if r["error_code"]]
    result = {"bench": "admet-ai", "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "molecules": len(smiles), "seed": SEED,
              "failed": failed, "times": times}
    for key in ("s", "cpu_s"):
        ratio = [t[f"admet_ai_{key}"] / t[f"strata_{key}"] for t in times]
        result[f"ratio_{key}"] = round(statistics.median(ratio), 2)
    result["strata_molecules_per_s"] = round(len(smiles) / statistics.median(t["strata_s"] for t in times), 1)
    result["admet_ai_molecules_per_s"] = round(len(smiles) / statistics.median(t["admet_ai_s"] for t in times), 2)
    tail = set()
    for kind, tasks, scalers in zip(("classification", "regression"), model.task_lists, model.scaler_lists):
        scale = np.ones(len(tasks)) if scalers[0] is None else np.mean([s.stds for s in scalers], axis=0).astype(float)
        own = np.array([[float(r[t]) if r[t] else np.nan for t in tasks] for r in rows])
        difference = np.abs(own - table[tasks].to_numpy(float)) / scale
        limit = CLASS_LIMIT if kind == "classification" else REGRESSION_LIMIT
        tail |= set(np.nonzero((difference > limit).any(axis=1))[0].tolist())
        result[kind] = {"values": difference.size, "missing": int(np.isnan(difference).sum()), "median": float(np.nanmedian(difference)),
                        "p99": float(np.nanquantile(difference, 0.99)), "largest": float(np.nanmax(difference)),
                        "share_within": float(np.nanmean(difference <= limit)), "limit": limit}
    result["tail_molecules"] = [smiles[row] for row in sorted(tail)]
    if featurize:
        columns = [name for name, _ in rdNormalizedDescriptors.RDKit2DNormalized().columns]
        result["descriptors_in_the_tail"] = explain(smiles, sorted(tail), featurize, columns) if tail else {}
    print(json.dumps(result, indent=2, default=str))


if __name__ == "__main__":
    main()
