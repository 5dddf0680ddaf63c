"""`python -m strata_training NAME` for the text models."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..vision.command import data_root
from .data import MissingData, folder

NAMES = ("gov-retriever", "gov-router")


def main(arguments: list[str]) -> int:
    """Runs one of `NAMES`."""
    import torch

    from . import retriever, router

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    repository = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(prog="strata_training", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--data", help="folder with data/gov (default: STRATA_DATASETS, STRATA_SHARED)")
    parser.add_argument("--out", type=Path, default=repository / "shared-models", help="where model folders go")
    given = parser.parse_args(arguments)
    try:
        gov = folder(data_root(given.data))
        if given.name == "gov-router":
            router.run(gov, given.out)
        else:
            retriever.run(gov, given.out / given.name)
    except MissingData as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
