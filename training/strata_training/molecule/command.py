"""`python -m strata_training molecule-encoder`, `NAME-graph`, `molecule-compare`: the encoder and what stands on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .tasks import TASKS

NAMES = ("molecule-encoder", "molecule-compare", *(f"{name}-graph" for name in TASKS))


def main(arguments: list[str]) -> int:
    """Runs one of `NAMES`."""
    import torch

    from ..data import DataError, data_folder
    from ..pipeline import Options
    from ..rust import FeaturiserError
    from .build import build

    torch.set_num_threads(1)
    root = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(prog="strata_training", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--data", help="folder with the MoleculeNet files, and for the encoder RDKit's test data")
    work = root / "target" / "molecule-encoder"
    parser.add_argument("--work", type=Path, default=work, help="corpus and checkpoints")
    parser.add_argument("--out", type=Path, default=root / "shared-models", help="where model folders go")
    parser.add_argument("--featurise", help="command of the Rust featuriser (default: cargo run of the example)")
    parser.add_argument("--molclr", type=Path, help="molclr_gcn.onnx, to compare with")
    parser.add_argument("--tasks", default="esol,freesolv,bbbp", help="what to compare on")
    given = parser.parse_args(arguments)
    featurise = given.featurise.split() if given.featurise else None
    options = Options(data_folder(given.data), given.out, "rust", featurise, compare=False, workspace=root)
    try:
        if given.name == "molecule-encoder":
            encoder(options, given.work)
        elif given.name == "molecule-compare":
            comparison(options, given.tasks.split(","), given.molclr)
        else:
            build(given.name.removesuffix("-graph"), options)
    except (DataError, FeaturiserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def encoder(options, work: Path) -> None:
    """Corpus, pre-training, release."""
    from ..rust import RustFeaturiser
    from .corpus import corpus
    from .export import halve
    from .figures import COMPARISON
    from .graph import FEATURISER
    from .pretrain import Plan, pretrain
    from .release import NAME, Release, write

    rust = RustFeaturiser(options.workspace, options.featurise)
    molecules = corpus(options.data, work, rust.features)
    plan = Plan()
    network, left_out = pretrain(molecules, work, plan=plan)
    halve(network)
    release = Release(network, plan, molecules, left_out, rust.hash_of(FEATURISER), COMPARISON)
    write(release, options.out / NAME)


def comparison(options, tasks: list[str], molclr: Path | None) -> None:
    """Prints the README's table of frozen vectors."""
    import numpy as np

    from ..data import load
    from ..pipeline import _features
    from ..split import murcko, scaffold_split
    from .compare import Task, compare
    from .export import read_encoder
    from .graph import graphs_of_smiles
    from .release import NAME

    encoder = read_encoder(options.out / NAME / f"{NAME}.onnx")
    made = []
    for name in tasks:
        data = load(TASKS[name], options.data)
        split = scaffold_split([murcko(text) for text in data.smiles])
        features, _, _ = _features(data, options)
        task = Task(TASKS[name], data.smiles, data.targets, split, graphs_of_smiles(data.smiles), np.asarray(features))
        made.append(compare(task, encoder, molclr))
    print("| vectors | " + " | ".join(f"{one.task} {one.metric}" for one in made) + " |")
    print("| --- |" + " --- |" * len(made))
    for kind in made[0].test:
        print(f"| {kind} | " + " | ".join(f"{one.test[kind]:.3f} (sd {one.spread[kind]:.3f})" for one in made) + " |")
