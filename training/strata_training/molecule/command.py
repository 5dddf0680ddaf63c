"""`python -m strata_training molecule-encoder` and `NAME-graph`: the encoder, and property models with heads on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .tasks import TASKS

NAMES = ("molecule-encoder", *(f"{name}-graph" for name in TASKS))


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
    parser.add_argument("--work", type=Path, default=root / "target" / "molecule-encoder", help="corpus and checkpoints")
    parser.add_argument("--out", type=Path, default=root / "shared-models", help="where model folders go")
    parser.add_argument("--featurise", help="command of the Rust featuriser (default: cargo run of the example)")
    given = parser.parse_args(arguments)
    featurise = given.featurise.split() if given.featurise else None
    options = Options(data_folder(given.data), given.out, "rust", featurise, compare=False, workspace=root)
    try:
        if given.name == "molecule-encoder":
            encoder(options, given.work)
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
