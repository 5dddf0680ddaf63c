"""RDKit and onnxruntime as one would put them together: the shipped models of molecules, and ChEMBL's multitask model.

Usage: python pipeline_side.py screen FILE COUNT THREADS MODELS_DIR MODELS ANSWERS
       python pipeline_side.py first SMILES MODELS_DIR MODELS
       python pipeline_side.py targets FILE COUNT MODEL.onnx ANSWERS
`screen` computes what `strata-drug screen` writes, but for the applicability domain: canonical SMILES, properties, QED, SA
score, PAINS and Brenk alerts, the features of the models' cards, predictions. Each of THREADS processes takes chunks of 256
molecules; processes are started before the clock is. Answers are those of the example `drug_side`.
"""
import multiprocessing
import os
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from common import Stopwatch, first_words, report, since_start, write_answers
from rdkit import Chem, RDConfig, rdBase
from rdkit.Chem import QED, Crippen, Descriptors, FilterCatalog, Lipinski, rdFingerprintGenerator

sys.path.append(os.path.join(RDConfig.RDContribDir, "SA_Score"))
import sascorer  # noqa: E402

sys.path.append(str(Path(__file__).parents[3] / "training"))
from strata_training.features import COUNTS, DESCRIPTORS, DIM, LIMIT  # noqa: E402

rdBase.DisableLog("rdApp.*")
CHUNK = 256
TARGETS_BITS = 1024


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Pipeline:
    def __init__(self, folder, names):
        self.models = []
        for name in names.split(","):
            card = tomllib.loads((Path(folder) / name / "card.toml").read_text())
            columns = [endpoint["columns"] for endpoint in card["endpoints"]]
            self.models.append((session(Path(folder) / name / card["variants"][0]["file"]), columns))
        params = FilterCatalog.FilterCatalogParams()
        for name in ("PAINS", "BRENK"):
            params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
        self.catalog = FilterCatalog.FilterCatalog(params)
        self.generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=COUNTS)
        self.functions = [dict(Descriptors.descList)[name] for name in DESCRIPTORS]

    def chunk(self, smiles):
        """Rows of predictions, None where a SMILES is refused; and the processor seconds they took."""
        before = time.process_time()
        good, rows = [], []
        features = np.empty((len(smiles), DIM), dtype=np.float32)
        for text in smiles:
            mol = Chem.MolFromSmiles(text)
            good.append(mol is not None)
            if mol is None:
                continue
            row = features[len(rows)]
            row[:COUNTS] = self.generator.GetCountFingerprintAsNumPy(mol)
            values = np.array([function(mol) for function in self.functions], dtype=np.float64)
            row[COUNTS:] = np.clip(np.where(np.isfinite(values), values, 0.0), -LIMIT, LIMIT)
            rows.append((Chem.MolToSmiles(mol), Descriptors.MolWt(mol), Crippen.MolLogP(mol), Descriptors.TPSA(mol),
                         Lipinski.NumHDonors(mol), Lipinski.NumHAcceptors(mol), QED.qed(mol), sascorer.calculateScore(mol),
                         [entry.GetDescription() for entry in self.catalog.GetMatches(mol)]))
        predicted = [[] for _ in rows]
        if rows:
            for model, columns in self.models:
                out = model.run(None, {"features": features[:len(rows)]})[0]
                for chosen in columns:
                    for row, value in zip(predicted, out[:, chosen].mean(axis=1)):
                        row.append(round(float(value), 6))
        found = iter(predicted)
        return [next(found) if one else None for one in good], time.process_time() - before


def start(folder, names):
    global PIPELINE
    PIPELINE = Pipeline(folder, names)


def work(smiles):
    return PIPELINE.chunk(smiles)


def screen(file, count, threads, folder, names, path):
    smiles = first_words(file, int(count))
    chunks = [smiles[at:at + CHUNK] for at in range(0, len(smiles), CHUNK)]
    if int(threads) == 1:
        start(folder, names)
        watch = Stopwatch()
        done = [work(chunk) for chunk in chunks]
        wall = watch.seconds()[0]
    else:
        with multiprocessing.get_context("fork").Pool(int(threads), start, (folder, names)) as pool:
            # Every process has its models before the clock starts.
            pool.map(work, [smiles[:4]] * int(threads) * 4, chunksize=1)
            watch = Stopwatch()
            done = pool.map(work, chunks, chunksize=1)
            wall = watch.seconds()[0]
    answers = [row for rows, _ in done for row in rows]
    write_answers(path, answers)
    report(len(smiles), (wall, sum(cpu for _, cpu in done)))


def first(smiles, folder, names):
    start(folder, names)
    work([smiles])
    report(1, None, first_answer_seconds=since_start())


def targets(file, count, model, path):
    smiles = first_words(file, int(count))
    running = session(model)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=TARGETS_BITS)
    answers, watch = [], Stopwatch()
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            answers.append(None)
            continue
        # The model takes one molecule a run.
        bits = generator.GetFingerprintAsNumPy(mol).astype(np.float32)
        answers.append(running.run(None, {"input": bits}))
    seconds = watch.seconds()
    write_answers(path, [row and [float(value[0]) for value in row] for row in answers])
    report(len(smiles), seconds)


if __name__ == "__main__":
    {"screen": screen, "first": first, "targets": targets}[sys.argv[1]](*sys.argv[2:])
