"""Cards of the two ADMET-AI models, their golden examples and the reference set of percentiles."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np

from .checkpoints import ADDRESS, REVISION, SHA256

FEATURISER = "chemprop-v1-graph/1+rdkit2d-normalized-200/1"
QUANTILES = 201
# Of the models' training sets, those that are MoleculeNet's too: task and file.
KNOWN = {
    "classification": {"BBB_Martins": "BBBP.csv", "Tox21": "tox21.csv", "ClinTox": "clintox.csv"},
    "regression": {
        "Lipophilicity_AstraZeneca": "Lipophilicity.csv",
        "Solubility_AqSolDB": "delaney-processed.csv",
        "HydrationFreeEnergy_FreeSolv": "SAMPL.csv",
    },
}
PORTS = (
    ("f_atoms", "float32", '["atoms", 133]', "Chemprop v1 atom features, atoms of all molecules one after the other"),
    ("f_bonds", "float32", '["bonds", 147]', "the source atom's 133 features, then 14 of the bond; two directed bonds a bond"),
    ("bond_source", "int64", '["bonds"]', "atom each directed bond leaves"),
    ("bond_target", "int64", '["bonds"]', "atom it enters"),
    ("bond_reverse", "int64", '["bonds"]', "number of the same bond the other way"),
    ("atom_mol", "int64", '["atoms"]', "number of the molecule of each atom, from 0, ascending"),
    ("features", "float32", '["mols", 200]', "200 of RDKit's descriptors as fractions of a reference population"),
)


def endpoints() -> list[dict[str, str]]:
    """The table of endpoints, in its order."""
    lines = Path(__file__).with_name("endpoints.tsv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines[1:], delimiter="\t"))


def file_entry(path: Path, role: str) -> str:
    """A `[[files]]` table."""
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    return f'[[files]]\npath = "{path.name}"\nbytes = {len(raw)}\nsha256 = "{digest}"\nrole = "{role}"\n'


def golden(path: Path, smiles: list[str], inputs: dict[str, np.ndarray], predictions: np.ndarray) -> None:
    """Writes `golden.json`: inputs and what the reference network makes of them."""
    def array(value: np.ndarray) -> dict:
        data = value.ravel().tolist()
        if value.dtype.kind == "f":
            data = [int(x) if float(x).is_integer() else float(f"{x:.8g}") for x in data]
        return {"shape": list(value.shape), "data": data}

    example = {
        "smiles": smiles,
        "inputs": {name: array(value) for name, value in inputs.items()},
        "outputs": {"predictions": array(predictions.astype(np.float32))},
    }
    path.write_text(json.dumps(example, separators=(",", ":")) + "\n", encoding="utf-8")


def reference(table: Path, tasks: list[str], out: Path) -> int:
    """Writes quantiles of predictions as a reference set: `table` is what `strata-drug screen` wrote for it."""
    with table.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if not row["error_code"]]
    values = {task: np.array([float(row[task]) for row in rows]) for task in tasks}
    at = np.linspace(0, 1, QUANTILES)
    columns = {task: np.quantile(v, at) for task, v in values.items()}
    with out.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(tasks)
        for row in range(QUANTILES):
            writer.writerow([f"{columns[task][row]:.5g}" for task in tasks])
    return len(rows)


def domain(kind: str, data: Path, out: Path) -> int:
    """Writes fingerprints of the training molecules that MoleculeNet's files hold; returns how many."""
    from rdkit import Chem, RDLogger
    from rdkit.Chem import rdFingerprintGenerator

    from ..domain import encode

    RDLogger.DisableLog("rdApp.*")
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    names, masks, on_bits = [], [], []
    for number, (name, file) in enumerate(KNOWN[kind].items()):
        names.append(name)
        with (data / file).open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                mol = Chem.MolFromSmiles(row["smiles"])
                if mol is not None:
                    masks.append(1 << number)
                    on_bits.append(list(generator.GetFingerprint(mol).GetOnBits()))
    out.write_bytes(encode(names, masks, on_bits))
    return len(masks)


def card(kind: str, tasks: list[str], folder: Path, model: tuple[str, int, str], hash_: str) -> str:
    """The text of `card.toml`. `model` is the ONNX file's name, size and SHA-256; it lies elsewhere."""
    known = {row["id"]: row for row in endpoints()}
    name = f"admet-ai-{kind}"
    title = "probabilities of 31 properties" if kind == "classification" else "10 measured properties"
    what = "multitask-classification" if kind == "classification" else "multitask-regression"
    file, size, digest = model
    out = f'''# ADMET-AI's published ensemble of five networks: {title}. Written by training/strata_training/admet.
name = "{name}"
layer = "foundation"
kind = "scientific"
task = "{what}"
title = "ADMET-AI: {title}"
description = """
Ensemble of five directed message passing networks with 200 descriptors (Swanson et al., Bioinformatics 2024, 40, btae416), trained
on data sets of Therapeutics Data Commons. The ONNX file was made for this project from the five published checkpoints, whose
addresses and digests are under [postprocess]; it is not published anywhere: bring it with `models fetch --from DIR`, or make
one from the checkpoints with `cargo xtask train admet-ai`. Each output is the mean of the five; their spread is not kept.
Percentiles: see README.md.
"""
version = "1.0.0"
licence = "MIT"

[source]
url = "https://github.com/swansonk14/admet_ai"
revision = "{REVISION}"

[[files]]
path = "{file}"
bytes = {size}
sha256 = "{digest}"
role = "model"

'''
    out += file_entry(folder / "golden.json", "golden") + "\n"
    if (folder / "reference.csv").is_file():
        out += file_entry(folder / "reference.csv", "other") + "\n"
    if (folder / "domain.bin").is_file():
        out += file_entry(folder / "domain.bin", "domain") + "\n"
    for port, dtype, shape, meaning in PORTS:
        out += f'[[inputs]]\nname = "{port}"\ndtype = "{dtype}"\nshape = {shape}\nmeaning = "{meaning}"\n\n'
    unit = "a probability a task" if kind == "classification" else "a value a task, in the unit of its endpoint"
    out += f'[[outputs]]\nname = "predictions"\ndtype = "float32"\nshape = ["mols", {len(tasks)}]\nmeaning = "{unit}"\n\n'
    for number, task in enumerate(tasks):
        row = known[task]
        species = f" ({row['species']})" if row["species"] else ""
        out += f'[[endpoints]]\nname = "{task}"\ntitle = "{row["title"]}{species}"\nunit = "{row["unit"]}"\ntask = "{row["task"]}"\n'
        out += f'output = "predictions"\ncolumns = [{number}]\n'
        if row["higher_is_better"]:
            out += f"higher_is_better = {row['higher_is_better']}\n"
        out += "\n"
    out += f'[preprocess]\nfeaturiser = "{FEATURISER}"\nfeaturiser_hash = "{hash_}"\n\n[postprocess]\nmean_over = "members"\n'
    if (folder / "reference.csv").is_file():
        out += 'reference = "reference.csv"\n'
    out += "\n[postprocess.groups]\n"
    for group in ("Absorption", "Distribution", "Metabolism", "Excretion", "Toxicity"):
        inside = [row["id"] for row in endpoints() if row["group"] == group and row["id"] in tasks]
        if inside:
            out += f"{group} = {json.dumps(inside)}\n"
    for number, digest in enumerate(SHA256[kind]):
        address = ADDRESS.format(f"admet_{kind}", number)
        out += f'\n[[postprocess.checkpoints]]\nurl = "{address}"\nsha256 = "{digest}"\n'
    rows = "; ".join(f"{task} {known[task]['rows']}" for task in tasks)
    out += f'''
[[variants]]
name = "fp32"
file = "{file}"
precision = "fp32"
latency = "balanced"

[training]
data = "Therapeutics Data Commons, molecules a task: {rows}"
licence = "MIT (ADMET-AI's weights); the data sets' own licences"

[golden]
file = "golden.json"
tolerance = {"0.0001" if kind == "classification" else "0.001"}
'''
    return out
