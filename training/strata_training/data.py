"""Reads a MoleculeNet file: which rows count, and what was left out."""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .config import ModelSpec


class DataError(RuntimeError):
    """A data file is missing or isn't what the specification says."""


@dataclass(frozen=True)
class Data:
    """Rows that parse, in the file's order, with one target column an endpoint (NaN: not measured)."""

    smiles: list[str]
    targets: np.ndarray
    dropped: list[str]
    duplicates: int
    sha256: str


def data_folder(given: str | None) -> Path:
    """Folder of the MoleculeNet files: the argument, else STRATA_DATASETS, else the cache's own."""
    if given:
        return Path(given)
    if os.environ.get("STRATA_DATASETS"):
        return Path(os.environ["STRATA_DATASETS"])
    cache = os.environ.get("STRATA_CACHE")
    if cache is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "strata"
    return Path(cache) / "datasets"


def find_file(folder: Path, name: str) -> Path:
    """The file itself, directly in the folder or in one below it."""
    for candidate in [folder / name, *sorted(folder.glob(f"*/{name}"))]:
        if candidate.is_file():
            return candidate
    raise DataError(
        f"{name} is not in {folder}: fetch it with `cargo xtask datasets fetch`, or name its folder with --data"
    )


def load(spec: ModelSpec, folder: Path) -> Data:
    """All rows RDKit can read. Duplicates stay, as in the published splits; salts stay as given."""
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    path = find_file(folder, spec.file)
    smiles: list[str] = []
    targets: list[list[float]] = []
    dropped: list[str] = []
    canonical: set[str] = set()
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        wanted = [spec.smiles_column, *(task.column for task in spec.tasks)]
        missing = [name for name in wanted if name not in (reader.fieldnames or [])]
        if missing:
            raise DataError(f"{path} has no column {missing[0]!r}; it has {reader.fieldnames}")
        for row in reader:
            text = (row[spec.smiles_column] or "").strip()
            mol = Chem.MolFromSmiles(text) if text else None
            if mol is None or mol.GetNumAtoms() == 0:
                dropped.append(text)
                continue
            smiles.append(text)
            canonical.add(Chem.MolToSmiles(mol))
            targets.append([float(row[task.column]) if row[task.column].strip() else np.nan for task in spec.tasks])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Data(smiles, np.array(targets), dropped, len(smiles) - len(canonical), digest)
