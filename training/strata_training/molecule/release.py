"""Writes `shared-models/molecule-encoder`: the ONNX file, its golden example, card and README."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..parity import TOLERANCE, session
from ..vision.card import table, value
from .corpus import Corpus, digest
from .encoder import Encoder, collect
from .export import encoder_onnx, run
from .graph import ATOM_DIM, BOND_DIM, FEATURISER, Graphs, graphs_of_smiles, onnx_inputs, pack
from .pretrain import Plan

NAME = "molecule-encoder"
TITLE = "Molecule encoder"
DESCRIPTION = (
    "A vector of 512 numbers for a molecule, by message passing over its directed bonds; pre-trained without labels on "
    "public-domain molecules. Input of property heads, of similarity and of clustering."
)
# Drawn by hand: small, charged, a salt, stereo, a metal complex, no bond at all, and drugs.
GOLDEN = (
    "C",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[C@H](N)C(=O)[O-].[Na+]",
    "F/C=C/F",
    "N[Pt](N)(Cl)Cl",
    "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "CN1CCC[C@H]1c1cccnc1",
    "FS(F)(F)(F)(F)F",
)

INPUTS = (
    ("f_atoms", "float32", ["atoms", ATOM_DIM], "an atom's features, molecules one after the other"),
    ("f_bonds", "float32", ["bonds", ATOM_DIM + BOND_DIM], "a directed bond: its source atom's features, its own 14"),
    ("bond_source", "int64", ["bonds"], "the atom a directed bond leaves"),
    ("bond_target", "int64", ["bonds"], "the atom it enters"),
    ("bond_reverse", "int64", ["bonds"], "number of the same bond the other way"),
    ("atom_mol", "int64", ["atoms"], "number of each atom's molecule, from 0, ascending, none left out"),
)

WEAKNESSES = (
    "138,060 molecules are few (published encoders saw millions): on unusual chemistry it knows little more than its "
    "fingerprint.",
    "It learns fingerprints and computed descriptors, so that a vector holds much of what those say; its measured use "
    "beside them is in the table above.",
    "No 3D structure; several fragments are one graph whose atoms are added up.",
    "Numbers are not negative and many are 0; cosines between unlike molecules are well above 0. Centre before use as "
    "a similarity.",
)


@dataclass
class Release:
    """What the card states."""

    encoder: Encoder
    plan: Plan
    corpus: Corpus
    left_out: dict[str, float]
    featuriser_hash: str
    # Rows of the README's table: what the vectors are good for.
    comparison: list[str]


def vectors(encoder: Encoder, graphs: Graphs, rows: np.ndarray) -> np.ndarray:
    """Embeddings by PyTorch."""
    both = torch.from_numpy(collect(encoder, graphs, rows))
    with torch.no_grad():
        return torch.relu(encoder.pool(both)).numpy()


def _array(values: np.ndarray) -> dict:
    numbers = [int(v) if v == int(v) else float(np.format_float_positional(v, precision=7)) for v in values.ravel()]
    return {"shape": list(values.shape), "data": numbers}


def golden(smiles: list[str], inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> str:
    """The golden example: inputs by RDKit, and what the network (not the ONNX file) says."""
    return json.dumps(
        {
            "smiles": smiles,
            "inputs": {name: _array(values) for name, values in inputs.items()},
            "outputs": {name: _array(values) for name, values in outputs.items()},
            "tolerance": TOLERANCE,
        },
        separators=(",", ":"),
    )


def card_toml(release: Release, files: list[tuple[str, str, bytes]]) -> str:
    """The card."""
    head = {"name": NAME, "layer": "foundation", "kind": "scientific", "task": "embedding", "title": TITLE}
    head |= {"description": DESCRIPTION, "version": "1.0.0", "licence": "Apache-2.0"}
    corpus = f"molecules sha256 {digest(release.corpus.smiles)}"
    parts = ["\n".join(f"{key} = {value(item)}" for key, item in head.items()) + "\n"]
    parts.append(table("[source]", {"url": "trained by training/", "revision": corpus}))
    for path, role, raw in files:
        sha256 = hashlib.sha256(raw).hexdigest()
        parts.append(table("[[files]]", {"path": path, "bytes": len(raw), "sha256": sha256, "role": role}))
    for name, dtype, shape, meaning in INPUTS:
        parts.append(table("[[inputs]]", {"name": name, "dtype": dtype, "shape": shape, "meaning": meaning}))
    length = release.encoder.size.embedding
    port = {"name": "embedding", "dtype": "float32", "shape": ["molecules", length]}
    parts.append(table("[[outputs]]", port | {"meaning": "vector of the molecule", "unit": "1"}))
    parts.append(table("[preprocess]", {"featuriser": FEATURISER, "featuriser_hash": release.featuriser_hash}))
    variant = {"name": "fp32", "file": f"{NAME}.onnx", "precision": "fp32", "latency": "balanced"}
    training = {
        "data": "PubChem (RDKit's test pairs), NCI open set, NCI AIDS antiviral screen, Tox21; no labels",
        "licence": "public domain (PubChem, NCI, NIH); the file of the pairs BSD-3-Clause",
        "split": "valid and test molecules of eight MoleculeNet benchmarks left out, also as salts and stereo forms",
        "seeds": [release.plan.seed],
        "rows": len(release.corpus.smiles) - release.plan.watched,
        "script": f"python -m strata_training {NAME}",
    }
    parts += [table("[[variants]]", variant), table("[training]", training)]
    for name, figure in release.left_out.items():
        pairs = {"dataset": "left-out molecules of the corpus", "split": "random", "seed": release.plan.seed}
        pairs |= {"metric": f"pre-training loss, {name}", "value": round(figure, 4), "n": release.plan.watched}
        parts.append(table("[[figures]]", pairs | {"note": "15 % of atoms hidden"}))
    parts.append(table("[golden]", {"file": "golden.json", "tolerance": TOLERANCE}))
    return "\n".join(parts)


def readme(release: Release, parity: str) -> str:
    """The card for people."""
    counts = release.corpus.counts
    sources = ", ".join(f"{name} {counts[name]:,}" for name in ("PubChem", "NCI", "NCI AIDS screen", "Tox21"))
    size, plan = release.encoder.size, release.plan
    weights = sum(weight.numel() for weight in release.encoder.parameters())
    loss = ", ".join(f"{name} {figure:.4f}" for name, figure in release.left_out.items())
    lines = [
        f"# {TITLE}",
        "",
        DESCRIPTION,
        "",
        "## How it was made",
        "",
        f"- Molecules: {len(release.corpus.smiles):,}, each once ({sources}); all public domain, no label was read. "
        f"{counts['benchmark molecules held out']:,} were left out because they, their largest fragment or another "
        "stereo form of them is in the valid or test part (deterministic scaffold split) of ESOL, FreeSolv, "
        "Lipophilicity, BBBP, BACE, ClinTox, Tox21 or HIV.",
        f"- Network: directed message passing, {size.steps} steps with weights of their own, {size.hidden} wide; mean "
        f"and sum of atoms to {size.embedding} numbers; {weights:,} weights, matrices as float16 in the file.",
        "- Lesson: 15 % of a molecule's atoms are hidden; from what is left the network says 2,048 bits of ECFP4, "
        "1,024 of atom pairs, 1,024 of torsions, 110 descriptors (by rank to a normal distribution), and which kind "
        f"the hidden atoms are. {plan.epochs} epochs, batches of {plan.batch}, seed {plan.seed}.",
        f"- Losses on {plan.watched:,} molecules left out at random: {loss}.",
        "- Licence of the weights: Apache-2.0.",
        f"- Again: `cargo xtask train {NAME}`, or `python -m strata_training {NAME}` in `training/`.",
        "",
        "## What it is good for",
        "",
        *release.comparison,
        "",
        parity,
        "",
        "## Weaknesses",
        "",
    ]
    return "\n".join([*lines, *(f"- {line}" for line in WEAKNESSES)]) + "\n"


def write(release: Release, folder: Path) -> None:
    """All files of the folder; figures are of the file that ships."""
    raw = encoder_onnx(release.encoder).SerializeToString()
    some = list(release.corpus.smiles[:: max(1, len(release.corpus.smiles) // 2000)])
    graphs = graphs_of_smiles(some)
    rows = np.arange(len(some))
    gap = np.abs(run(raw, graphs, None, rows) - vectors(release.encoder, graphs, rows)).max()
    examples = graphs_of_smiles(list(GOLDEN))
    own = np.arange(len(GOLDEN))
    inputs = onnx_inputs(examples, pack(examples, own))
    found = session(raw).run(None, inputs)[0]
    wanted = vectors(release.encoder, examples, own)
    if np.abs(found - wanted).max() > TOLERANCE or gap > TOLERANCE:
        raise RuntimeError(f"the ONNX file differs from the network by {gap:.1e}")
    text = golden(list(GOLDEN), inputs, {"embedding": wanted}) + "\n"
    files = [(f"{NAME}.onnx", "model", raw), ("golden.json", "golden", text.encode())]
    folder.mkdir(parents=True, exist_ok=True)
    for path, _, content in files:
        (folder / path).write_bytes(content)
    parity = f"The ONNX file gives what the trained network gives within {gap:.1e} on {len(some):,} molecules."
    (folder / "card.toml").write_text(card_toml(release, files), encoding="utf-8")
    (folder / "README.md").write_text(readme(release, parity), encoding="utf-8")
