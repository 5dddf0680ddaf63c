"""`python -m strata_training admet-ai`: checkpoints to ONNX, compared with PyTorch, and the cards."""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = ("admet-ai",)
GOLDEN = ["CC(=O)Oc1ccccc1C(=O)O", "C/C=C/C(=O)N[C@@H](C)CO", "C", "[Na+].CC(=O)[O-]"]
CHECKED = ["CN1CCC[C@H]1c1cccnc1", "O=C1CN=C(c2ccccc2)c2cc(Cl)ccc2N1", "CC(C)NCC(O)COc1cccc2ccccc12", *GOLDEN]
TOLERANCE = 1e-5


def inputs_of(smiles: list[str], featurise: list[str], root: Path) -> dict:
    """The seven inputs: graphs by RDKit, rows by the program's own featuriser."""
    import numpy as np

    from . import graph
    from .card import FEATURISER

    inputs = graph.inputs_of(smiles)
    with tempfile.TemporaryFile() as made:
        text = "".join(f"{one}\n" for one in smiles).encode()
        subprocess.run([*featurise, FEATURISER.split("+", 1)[1]], input=text, stdout=made, cwd=root, check=True)
        made.seek(0)
        inputs["features"] = np.load(made)
    return inputs


def convert(kind: str, given: argparse.Namespace, root: Path) -> None:
    """One ensemble: its ONNX file, compared with the reference network, and its folder."""
    import numpy as np
    import onnx
    import onnxruntime

    from . import card, checkpoints, network

    members = [checkpoints.read(checkpoints.find(kind, n, given.source, given.work)) for n in range(5)]
    model = network.onnx_model(members)
    onnx.checker.check_model(model)
    given.work.mkdir(parents=True, exist_ok=True)
    path = given.work / f"admet-ai-{kind}.onnx"
    path.write_bytes(model.SerializeToString())
    scale = 1.0 if members[0].sd is None else np.mean([member.sd for member in members], axis=0)

    def expected(inputs: dict) -> np.ndarray:
        return np.mean([network.forward(member, inputs) for member in members], axis=0)

    inputs = inputs_of(CHECKED, given.featurise, root)
    for file in [path, *([given.onnx / f"admet_ai_{kind}_ensemble5.onnx"] if given.onnx else [])]:
        session = onnxruntime.InferenceSession(file)
        worst = float((np.abs(session.run(None, inputs)[0] - expected(inputs)) / scale).max())
        print(f"{file.name}: at most {worst:.1e} from PyTorch (standard deviations for regressions)")
        if not worst <= TOLERANCE:
            raise SystemExit(f"{file} differs from the checkpoints by more than {TOLERANCE}")
    shipped = given.onnx / f"admet_ai_{kind}_ensemble5.onnx" if given.onnx else path
    raw = shipped.read_bytes()
    folder = given.out / f"admet-ai-{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    inputs = inputs_of(GOLDEN, given.featurise, root)
    card.golden(folder / "golden.json", GOLDEN, inputs, expected(inputs))
    if given.reference:
        rows = card.reference(given.reference, members[0].tasks, folder / "reference.csv")
        print(f"{folder / 'reference.csv'}: quantiles of {rows} molecules")
    if given.data:
        count = card.domain(kind, given.data, folder / "domain.bin")
        print(f"{folder / 'domain.bin'}: {count} molecules")
    hashed = subprocess.run([*given.featurise, card.FEATURISER, "--hash"], capture_output=True, text=True, cwd=root, check=True)
    file = (shipped.name, len(raw), hashlib.sha256(raw).hexdigest())
    text = card.card(kind, members[0].tasks, folder, file, hashed.stdout.split()[0])
    (folder / "card.toml").write_text(text, encoding="utf-8")
    print(f"wrote {folder}; its ONNX file is {shipped}")


def main(arguments: list[str]) -> int:
    """Parses the command line and converts both ensembles."""
    root = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(prog="strata_training", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--from", dest="source", type=Path, help="folder that holds the checkpoints (default: their addresses)")
    parser.add_argument("--onnx", type=Path, help="folder of ONNX files made before: they are checked, and the cards name them")
    parser.add_argument("--reference", type=Path, help="what `strata-drug screen` predicted for a reference set: its quantiles are kept")
    parser.add_argument("--data", type=Path, help="folder of MoleculeNet's files, for the molecules of the models' domain")
    parser.add_argument("--work", type=Path, default=root / "target" / "admet-ai", help="where checkpoints and ONNX files go")
    parser.add_argument("--out", type=Path, default=root / "shared-models", help="where the models' folders are")
    cargo = "cargo run --quiet --release -p strata-chem --example featurize --"
    parser.add_argument("--featurise", type=str.split, default=cargo.split(), help="command of the Rust featuriser")
    given = parser.parse_args(arguments)
    from .checkpoints import CheckpointError

    try:
        for kind in ("classification", "regression"):
            convert(kind, given, root)
    except CheckpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
