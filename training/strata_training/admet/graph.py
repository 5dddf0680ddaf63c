"""Chemprop's graph of molecules by RDKit: the six inputs beside the row of features (columns: `molecule/graph.py`)."""

from __future__ import annotations

import numpy as np

from ..molecule.graph import atom_kind, atom_row, bond_kind, bond_row


def inputs_of(smiles: list[str]) -> dict[str, np.ndarray]:
    """The graphs of molecules side by side."""
    from rdkit import Chem

    f_atoms, f_bonds, source, target, owner = [], [], [], [], []
    for number, text in enumerate(smiles):
        mol, first = Chem.MolFromSmiles(text), len(f_atoms)
        for atom in mol.GetAtoms():
            f_atoms.append(atom_row(atom_kind(atom)))
            owner.append(number)
        for bond in mol.GetBonds():
            own = bond_row(bond_kind(bond))
            ends = (first + bond.GetBeginAtomIdx(), first + bond.GetEndAtomIdx())
            for at, to in (ends, ends[::-1]):
                source.append(at)
                target.append(to)
                f_bonds.append(np.concatenate([f_atoms[at], own]))
    return {
        "f_atoms": np.array(f_atoms, np.float32).reshape(-1, 133),
        "f_bonds": np.array(f_bonds, np.float32).reshape(-1, 147),
        "bond_source": np.array(source, np.int64),
        "bond_target": np.array(target, np.int64),
        "bond_reverse": np.arange(len(source), dtype=np.int64) ^ 1,
        "atom_mol": np.array(owner, np.int64),
    }
