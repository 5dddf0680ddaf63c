"""Chemprop's graph of molecules by RDKit: the six inputs beside the row of features (columns: strata-chem's `chemprop` module)."""

from __future__ import annotations

import numpy as np

CHARGES = (-1, -2, 1, 2, 0)


def one_hot(value: int, known: tuple[int, ...]) -> list[float]:
    """A place for each known value and one behind them for any other."""
    places = [0.0] * (len(known) + 1)
    places[known.index(value) if value in known else -1] = 1.0
    return places


def inputs_of(smiles: list[str]) -> dict[str, np.ndarray]:
    """The graphs of molecules side by side."""
    from rdkit import Chem

    hybrids, kinds = Chem.HybridizationType, Chem.BondType
    shapes = tuple(int(h) for h in (hybrids.SP, hybrids.SP2, hybrids.SP3, hybrids.SP3D, hybrids.SP3D2))
    f_atoms, f_bonds, source, target, owner = [], [], [], [], []
    for number, text in enumerate(smiles):
        mol, first = Chem.MolFromSmiles(text), len(f_atoms)
        for atom in mol.GetAtoms():
            f_atoms.append(
                one_hot(atom.GetAtomicNum() - 1, tuple(range(100)))
                + one_hot(atom.GetTotalDegree(), tuple(range(6)))
                + one_hot(atom.GetFormalCharge(), CHARGES)
                + one_hot(int(atom.GetChiralTag()), tuple(range(4)))
                + one_hot(int(atom.GetTotalNumHs()), tuple(range(5)))
                + one_hot(int(atom.GetHybridization()), shapes)
                + [float(atom.GetIsAromatic()), atom.GetMass() * 0.01]
            )
            owner.append(number)
        for bond in mol.GetBonds():
            kind = bond.GetBondType()
            own = [0.0, *(float(kind == k) for k in (kinds.SINGLE, kinds.DOUBLE, kinds.TRIPLE, kinds.AROMATIC))]
            own += [float(bond.GetIsConjugated()), float(bond.IsInRing())] + one_hot(int(bond.GetStereo()), tuple(range(6)))
            ends = (first + bond.GetBeginAtomIdx(), first + bond.GetEndAtomIdx())
            for at, to in (ends, ends[::-1]):
                source.append(at)
                target.append(to)
                f_bonds.append(f_atoms[at] + own)
    return {
        "f_atoms": np.array(f_atoms, np.float32).reshape(-1, 133),
        "f_bonds": np.array(f_bonds, np.float32).reshape(-1, 147),
        "bond_source": np.array(source, np.int64),
        "bond_target": np.array(target, np.int64),
        "bond_reverse": np.arange(len(source), dtype=np.int64) ^ 1,
        "atom_mol": np.array(owner, np.int64),
    }
