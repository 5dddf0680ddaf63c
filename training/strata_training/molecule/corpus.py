"""The molecules the encoder is pre-trained on, and what it learns to say about them: all of it from structure alone.

Sources, all free to use: RDKit's test pairs drawn from PubChem (public domain; the file BSD-3), NCI's open set (public
domain), NCI's AIDS antiviral screen (public domain) and Tox21 (NIH, public domain). Labels are never read. A molecule
of any benchmark's valid or test part is left out, also as another stereo form, as a salt, or as the largest part of a
mixture.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import find_file, load
from ..features import COUNTS
from ..split import murcko, scaffold_split
from .graph import Graphs, graphs_of_smiles
from .tasks import TASKS

PAIRS, NCI = "100kPCS_fragment.csv.gz", "first_5K.smi"
MAX_ATOMS = 100
PATHS = 1024


@dataclass
class Corpus:
    """Molecules and what is to be predicted: bits (fingerprints of three kinds) and descriptors."""

    smiles: list[str]
    graphs: Graphs
    bits: np.ndarray
    described: np.ndarray
    counts: dict[str, int]


def raw_smiles(folder: Path) -> Iterator[tuple[str, str]]:
    """(source, SMILES) of all sources, as the files give them."""
    with gzip.open(find_file(folder, PAIRS), "rt", encoding="utf-8") as handle:
        for line in handle:
            for text in dict.fromkeys(line.split()):
                yield "PubChem", text
    for line in find_file(folder, NCI).read_text(encoding="utf-8").splitlines():
        if line.split():
            yield "NCI", line.split()[0]
    for source, name in (("NCI AIDS screen", "HIV.csv"), ("Tox21", "tox21.csv")):
        with find_file(folder, name).open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                yield source, row["smiles"]


def identities(mol) -> set[str]:
    """SMILES without stereo of the molecule and of its largest fragment: what counts as the same molecule."""
    from rdkit import Chem

    whole = Chem.MolToSmiles(mol, isomericSmiles=False)
    parts = whole.split(".")
    if len(parts) == 1:
        return {whole}
    fragments = Chem.GetMolFrags(mol, asMols=True, sanitizeFrags=False)
    largest = max(fragments, key=lambda fragment: fragment.GetNumHeavyAtoms())
    return {whole, Chem.MolToSmiles(largest, isomericSmiles=False)}


def held_out(folder: Path) -> set[str]:
    """Identities of all molecules in the valid and test parts of the eight benchmarks."""
    from rdkit import Chem

    out: set[str] = set()
    for task in TASKS.values():
        data = load(task, folder)
        split = scaffold_split([murcko(text) for text in data.smiles])
        for row in (*split.valid, *split.test):
            out |= identities(Chem.MolFromSmiles(data.smiles[row]))
    return out


def molecules(folder: Path) -> tuple[list[str], dict[str, int]]:
    """Canonical SMILES, each once, in the order of the sources; and how many were left out, for which reason."""
    from rdkit import Chem, RDLogger

    RDLogger.DisableLog("rdApp.*")
    barred = held_out(folder)
    counts = {"benchmark molecules held out": 0, "unreadable or too large": 0, "identities held out": len(barred)}
    seen: dict[str, None] = {}
    for source, text in raw_smiles(folder):
        mol = Chem.MolFromSmiles(text)
        if mol is None or not 1 <= mol.GetNumAtoms() <= MAX_ATOMS:
            counts["unreadable or too large"] += 1
            continue
        canonical = Chem.MolToSmiles(mol)
        if canonical in seen:
            continue
        if identities(mol) & barred:
            counts["benchmark molecules held out"] += 1
            continue
        seen[canonical] = None
        counts[source] = counts.get(source, 0) + 1
    return list(seen), counts


def path_bits(mol) -> np.ndarray:
    """Atom pairs and topological torsions, folded: what a radius-2 fingerprint doesn't see."""
    from rdkit.Chem import rdFingerprintGenerator as made

    if not _GENERATORS:
        _GENERATORS.append(made.GetAtomPairGenerator(fpSize=PATHS, maxDistance=12))
        _GENERATORS.append(made.GetTopologicalTorsionGenerator(fpSize=PATHS))
    return np.concatenate([generator.GetFingerprintAsNumPy(mol) for generator in _GENERATORS])


_GENERATORS: list = []


def normalised(described: np.ndarray) -> np.ndarray:
    """Descriptors by rank to a normal distribution, so that no outlier rules the loss; ties share their mean rank."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    out = np.empty(described.shape, np.float16)
    for column in range(described.shape[1]):
        ranks = rankdata(described[:, column], method="average")
        values = ndtri(ranks / (len(ranks) + 1))
        spread = values.std()
        out[:, column] = (values - values.mean()) / spread if spread > 0.05 else 0.0
    return out


def corpus(folder: Path, work: Path, features) -> Corpus:
    """The corpus, from `work` if an earlier run left it there. `features` gives rows as property models read them."""
    from rdkit import Chem

    path = work / "corpus.npz"
    if not path.is_file():
        work.mkdir(parents=True, exist_ok=True)
        smiles, counts = molecules(folder)
        print(f"  corpus: {len(smiles)} molecules, {counts}", flush=True)
        graphs = graphs_of_smiles(smiles)
        paths = np.packbits(np.stack([path_bits(Chem.MolFromSmiles(text)) for text in smiles]), axis=1)
        rows = [features(smiles[at : at + 10_000]) for at in range(0, len(smiles), 10_000)]
        circles = np.concatenate([np.packbits(block[:, :COUNTS] > 0, axis=1) for block in rows])
        described = normalised(np.concatenate([block[:, COUNTS:] for block in rows]))
        np.savez(
            path,
            smiles=np.array(smiles),
            bits=np.concatenate([circles, paths], axis=1),
            described=described,
            counts=np.array(list(counts.items()), dtype=object).astype(str),
            **{f"graph_{name}": value for name, value in vars(graphs).items()},
        )
    kept = np.load(path)
    return Corpus(
        smiles=kept["smiles"].tolist(),
        graphs=Graphs(**{name[6:]: kept[name] for name in kept.files if name.startswith("graph_")}),
        bits=kept["bits"],
        described=kept["described"],
        counts={name: int(value) for name, value in kept["counts"]},
    )


def digest(smiles: list[str]) -> str:
    """SHA-256 of the molecules in order: names the corpus on the card."""
    return hashlib.sha256("\n".join(smiles).encode()).hexdigest()
