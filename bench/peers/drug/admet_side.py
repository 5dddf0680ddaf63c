"""The Python package admet-ai on molecules: its two ensembles, 41 endpoints.

Usage: TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 python admet_side.py FILE COUNT THREADS CARDS_DIR ANSWERS
Torch has THREADS threads, the package as many processes for its descriptors. Its start and the loading of its models are
not in the figures; its caches are empty. Answers are the endpoints in the order of our cards.
"""
import contextlib
import os
import sys
import time
import tomllib
from pathlib import Path

os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
import numpy
import torch

# Chemprop 1.6 asks for names that numpy 2 keeps elsewhere.
numpy.VisibleDeprecationWarning = numpy.exceptions.VisibleDeprecationWarning
from admet_ai import ADMETModel  # noqa: E402
from common import finite, first_words, report, since_start, write_answers  # noqa: E402
from rdkit import RDLogger  # noqa: E402

CARDS = ("admet-ai-classification", "admet-ai-regression")


def cpu():
    return sum(os.times()[:4])


def main():
    file, count, threads, folder, path = sys.argv[1:6]
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(int(threads))
    smiles = first_words(file, int(count))
    names = []
    for name in CARDS:
        card = tomllib.loads((Path(folder) / name / "card.toml").read_text())
        names += [endpoint["name"] for endpoint in card["endpoints"]]
    # What it loads it says on standard output.
    with contextlib.redirect_stdout(sys.stderr):
        model = ADMETModel(drugbank_path=None, num_workers=int(threads))
        opened = since_start()
        wall, before = time.perf_counter(), cpu()
        table = model.predict(smiles)
        seconds = (time.perf_counter() - wall, cpu() - before)
    rows = {smiles: values for smiles, values in zip(table.index, table[names].to_numpy(float))}
    write_answers(path, [[finite(v) for v in rows[text]] if text in rows else None for text in smiles])
    report(len(smiles), seconds, models_open_seconds=opened)


if __name__ == "__main__":
    main()
