"""What a frozen vector is worth: the same perceptron on ours, on untrained ones, on MolCLR's and on descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..config import ModelSpec
from ..features import COUNTS
from ..network import NetworkSettings, scaling_of, train_network
from ..parity import session
from ..split import Split
from .build import figure
from .encoder import Encoder
from .graph import Graphs
from .release import vectors

SETTINGS = NetworkSettings(hidden=128, epochs=40, batch=32, dropout=0.2)


@dataclass(frozen=True)
class Comparison:
    """A task's figure on the test part for each kind of vector."""

    task: str
    metric: str
    test: dict[str, float]
    spread: dict[str, float]


def molclr(smiles: list[str], model: Path, batch: int = 64) -> np.ndarray:
    """MolCLR's vectors: atoms by number and chiral tag, bonds by type and direction, hydrogens implicit."""
    from rdkit import Chem

    types = Chem.rdchem.BondType
    kinds = {types.SINGLE: 0, types.DOUBLE: 1, types.TRIPLE: 2, types.AROMATIC: 3}
    directions = {Chem.rdchem.BondDir.ENDUPRIGHT: 1, Chem.rdchem.BondDir.ENDDOWNRIGHT: 2}
    opened, out = session(model.read_bytes()), []
    for at in range(0, len(smiles), batch):
        atoms, tags, ends, bonds, owner = [], [], [], [], []
        for number, text in enumerate(smiles[at : at + batch]):
            mol, first = Chem.MolFromSmiles(text), len(atoms)
            for atom in mol.GetAtoms():
                atoms.append(atom.GetAtomicNum() - 1)
                tags.append(min(int(atom.GetChiralTag()), 2))
                owner.append(number)
            for bond in mol.GetBonds():
                pair = (first + bond.GetBeginAtomIdx(), first + bond.GetEndAtomIdx())
                own = (kinds[bond.GetBondType()], directions.get(bond.GetBondDir(), 0))
                ends += [pair, pair[::-1]]
                bonds += [own, own]
        given = {"atom_type": atoms, "chirality": tags, "batch": owner}
        inputs = {name: np.array(values, np.int64) for name, values in given.items()}
        inputs["edge_index"] = np.array(ends, np.int64).reshape(-1, 2).T.copy()
        inputs["edge_attr"] = np.array(bonds, np.int64).reshape(-1, 2)
        out.append(opened.run(["embedding"], inputs)[0])
    return np.concatenate(out)


def perceptrons(spec: ModelSpec, x: np.ndarray, targets: np.ndarray, split: Split) -> tuple[float, float]:
    """Test figure of the mean of the seeds' perceptrons, and the standard deviation of their own figures."""
    scaling = scaling_of(x[split.train], 0, 0.0)
    each = []
    for seed in spec.seeds:
        network = train_network(x[split.train], targets[split.train], scaling, SETTINGS, spec.regression, seed)
        each.append(network.predict(x[split.test]))
    truth = targets[split.test]
    alone = [figure(spec, truth, one) for one in each]
    return figure(spec, truth, np.mean(each, axis=0)), float(np.std(alone, ddof=1))


@dataclass
class Task:
    """A benchmark with its features."""

    spec: ModelSpec
    smiles: list[str]
    targets: np.ndarray
    split: Split
    graphs: Graphs
    features: np.ndarray


def compare(task: Task, encoder: Encoder, molclr_model: Path | None) -> Comparison:
    """The four kinds of vectors on one benchmark."""
    rows = np.arange(len(task.smiles))
    torch.manual_seed(0)
    kinds = {
        "descriptors alone": task.features[:, COUNTS:],
        "this encoder": vectors(encoder, task.graphs, rows),
        "the same, untrained": vectors(Encoder(encoder.size), task.graphs, rows),
    }
    if molclr_model is not None:
        kinds["MolCLR (GCN)"] = molclr(task.smiles, molclr_model)
    kinds["this encoder and descriptors"] = np.concatenate([kinds["this encoder"], kinds["descriptors alone"]], axis=1)
    made = {name: perceptrons(task.spec, x, task.targets, task.split) for name, x in kinds.items()}
    return Comparison(
        task=task.spec.dataset,
        metric="RMSE" if task.spec.regression else "ROC-AUC",
        test={name: value for name, (value, _) in made.items()},
        spread={name: spread for name, (_, spread) in made.items()},
    )
