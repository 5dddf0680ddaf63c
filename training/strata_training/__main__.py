"""`python -m strata_training NAME|all`: trains models and writes their folders under shared-models/."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Before numpy: one thread, so that sums are added in the same order on every machine.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

from .admet import command as admet  # noqa: E402
from .molecule import command as molecule  # noqa: E402
from .reader import command as reader  # noqa: E402
from .text import command as text  # noqa: E402
from .vision import command as vision  # noqa: E402
from .weather import command as weather  # noqa: E402


def main() -> int:
    """Parses the command line and builds the named models."""
    if len(sys.argv) > 1 and sys.argv[1] in admet.NAMES:
        return admet.main(sys.argv[1:])
    if len(sys.argv) > 1 and sys.argv[1] in vision.NAMES:
        return vision.main(sys.argv[1:])
    if len(sys.argv) > 1 and sys.argv[1] in text.NAMES:
        return text.main(sys.argv[1:])
    if len(sys.argv) > 1 and sys.argv[1] in reader.NAMES:
        return reader.main(sys.argv[1:])
    if len(sys.argv) > 1 and sys.argv[1] in weather.NAMES:
        return weather.main(sys.argv[1:])
    if len(sys.argv) > 1 and sys.argv[1] in molecule.NAMES:
        return molecule.main(sys.argv[1:])
    # Here, so that a vision model can be trained where RDKit and LightGBM are not installed.
    from .config import SPECS
    from .data import DataError, data_folder
    from .pipeline import Options, build
    from .rust import FeaturiserError

    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(prog="strata_training", description=__doc__)
    names = [*SPECS, "all", *molecule.NAMES, *admet.NAMES, *vision.NAMES, *text.NAMES, *reader.NAMES, *weather.NAMES]
    parser.add_argument("name", choices=names, help="model to train (`all`: those of molecules)")
    parser.add_argument("--data", help="folder of the MoleculeNet files (default: STRATA_DATASETS, else the cache)")
    parser.add_argument("--out", type=Path, default=root / "shared-models", help="where model folders go")
    parser.add_argument("--features", choices=["rust", "rdkit"], default="rust", help="who computes the features")
    parser.add_argument("--featurise", help="command of the Rust featuriser (default: cargo run of the example)")
    parser.add_argument("--compare", action="store_true", help="also compare with features made by RDKit")
    given = parser.parse_args()
    options = Options(
        data=data_folder(given.data),
        out=given.out,
        features=given.features,
        featurise=given.featurise.split() if given.featurise else None,
        compare=given.compare,
        workspace=root,
    )
    try:
        for name in SPECS if given.name == "all" else [given.name]:
            build(SPECS[name], options)
    except (DataError, FeaturiserError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
