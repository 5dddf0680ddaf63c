"""Writes tests/golden/metrics.json and tests/golden/cluster.json.

Figures from scikit-learn and RDKit's ML.Scoring on labels and scores made by a fixed generator; Butina clusters,
MaxMin and leader picks from RDKit on ECFP4 of the drugs in datasets/demo-library.smi.

Usage: python make_metrics.py   (needs rdkit, scikit-learn, numpy)
"""
import json
import pathlib

import numpy as np
from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import rdFingerprintGenerator
from rdkit.ML.Cluster import Butina
from rdkit.ML.Scoring import Scoring
from rdkit.SimDivFilters import rdSimDivPickers
from sklearn import metrics

RDLogger.DisableLog("rdApp.*")
here = pathlib.Path(__file__).resolve().parent
golden = here.parent / "golden"


def case(name, n, share, decimals, seed):
    random = np.random.default_rng(seed)
    labels = (random.random(n) < share).astype(int)
    scores = random.normal(size=n) + labels * 1.1
    if decimals is not None:
        scores = np.round(scores, decimals)
    out = {"name": name, "labels": labels.tolist(), "scores": scores.tolist(),
           "roc_auc": metrics.roc_auc_score(labels, scores),
           "pr_auc": metrics.average_precision_score(labels, scores)}
    if decimals is None:  # RDKit's figures depend on the order of tied rows
        rows = [[labels[i]] for i in np.argsort(-scores)]
        out["bedroc"] = Scoring.CalcBEDROC(rows, 0, 20.0)
        out["ef1"], out["ef5"] = Scoring.CalcEnrichment(rows, 0, [0.01, 0.05])
    return out


random = np.random.default_rng(5)
truth = random.normal(size=120) * 2 - 3
guess = truth + random.normal(size=120) * 0.8
regression = {"labels": truth.tolist(), "predictions": guess.tolist(),
              "rmse": metrics.root_mean_squared_error(truth, guess),
              "mae": metrics.mean_absolute_error(truth, guess), "r2": metrics.r2_score(truth, guess)}
cases = [case("plain", 300, 0.1, None, 1), case("rare", 450, 0.02, None, 2), case("half", 200, 0.5, None, 3),
         case("ties", 300, 0.2, 1, 4), case("many ties", 300, 0.2, 0, 5)]
(golden / "metrics.json").write_text(json.dumps({"classification": cases, "regression": regression}) + "\n")

library = here.parents[3] / "datasets" / "demo-library.smi"
generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
smiles = [line.split()[0] for line in library.read_text().splitlines()[:260] if line.split()]
molecules = [mol for mol in map(Chem.MolFromSmiles, smiles) if mol is not None]
prints = [generator.GetFingerprint(mol) for mol in molecules]
distances = []
for row in range(len(prints)):
    distances.extend(1 - s for s in DataStructs.BulkTanimotoSimilarity(prints[row], prints[:row]))
butina = {str(cutoff): Butina.ClusterData(distances, len(prints), cutoff, isDistData=True)
          for cutoff in (0.2, 0.4, 0.6, 0.8)}
first = [3]
picks = list(rdSimDivPickers.MaxMinPicker().LazyBitVectorPick(prints, len(prints), 40, first, 7))
spread = []
for at in range(1, len(picks)):
    near = DataStructs.BulkTanimotoSimilarity(prints[picks[at]], [prints[p] for p in picks[:at]])
    spread.append(1 - max(near))
leaders = {str(cutoff): list(rdSimDivPickers.LeaderPicker().LazyBitVectorPick(prints, len(prints), cutoff))
           for cutoff in (0.3, 0.6)}
(golden / "cluster.json").write_text(json.dumps({
    "bits": 1024, "fingerprints": [list(fp.GetOnBits()) for fp in prints], "butina": butina,
    "maxmin": {"first": first, "spread": spread}, "leaders": leaders}, separators=(",", ":")) + "\n")
