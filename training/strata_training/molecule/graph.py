"""Atom and bond features of the D-MPNN's input (Chemprop, version 1), by RDKit, and packed batches of graphs.

| columns of an atom | what |
| --- | --- |
| 0..100 | atomic number 1 to 100, then any other |
| 101..107 | bonds 0 to 5, then more |
| 108..113 | formal charge -1, -2, 1, 2, 0, then any other |
| 114..118 | chiral tag 0 to 3, then any other |
| 119..124 | hydrogens 0 to 4, then more |
| 125..130 | hybridisation SP, SP2, SP3, SP3D, SP3D2, then any other |
| 131, 132 | aromatic; mass / 100 |

A directed bond has its source atom's 133 columns, then 14: no bond, single, double, triple, aromatic, conjugated, in
a ring, stereo 0 to 5, then any other. The two directions of a bond are neighbours: the reverse of b is b XOR 1.

Few kinds of atoms exist, so a corpus keeps a table of kinds and a number an atom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ATOM_DIM, BOND_DIM = 133, 14
FEATURISER = "chemprop-v1-graph/1"

_CHARGES = (-1, -2, 1, 2, 0)


def _place(value: int, choices: tuple[int, ...]) -> int:
    return choices.index(value) if value in choices else len(choices)


def atom_kind(atom) -> tuple:
    """What the atom's 133 columns say, as numbers of the columns that are one, and its mass / 100."""
    from rdkit import Chem

    hybrids = Chem.rdchem.HybridizationType
    order = (hybrids.SP, hybrids.SP2, hybrids.SP3, hybrids.SP3D, hybrids.SP3D2)
    number = atom.GetAtomicNum()
    hybrid = atom.GetHybridization()
    return (
        number - 1 if 1 <= number <= 100 else 100,
        101 + _place(atom.GetTotalDegree(), (0, 1, 2, 3, 4, 5)),
        108 + _place(atom.GetFormalCharge(), _CHARGES),
        114 + _place(int(atom.GetChiralTag()), (0, 1, 2, 3)),
        119 + _place(int(atom.GetTotalNumHs()), (0, 1, 2, 3, 4)),
        125 + (order.index(hybrid) if hybrid in order else len(order)),
        bool(atom.GetIsAromatic()),
        atom.GetMass() * 0.01,
    )


def atom_row(kind: tuple) -> np.ndarray:
    """The 133 columns."""
    row = np.zeros(ATOM_DIM, np.float32)
    row[list(kind[:6])] = 1.0
    row[131], row[132] = float(kind[6]), kind[7]
    return row


def bond_kind(bond) -> tuple:
    """What the bond's 14 columns say, as numbers of the columns that are one."""
    from rdkit import Chem

    types = Chem.rdchem.BondType
    order = (types.SINGLE, types.DOUBLE, types.TRIPLE, types.AROMATIC)
    kind = bond.GetBondType()
    on = [1 + order.index(kind)] if kind in order else []
    if bond.GetIsConjugated():
        on.append(5)
    if bond.IsInRing():
        on.append(6)
    on.append(7 + _place(int(bond.GetStereo()), (0, 1, 2, 3, 4, 5)))
    return tuple(on)


def bond_row(kind: tuple) -> np.ndarray:
    """The 14 columns."""
    row = np.zeros(BOND_DIM, np.float32)
    row[list(kind)] = 1.0
    return row


@dataclass
class Graphs:
    """Molecules as numbers of kinds; `atom_start[i]..atom_start[i + 1]` are molecule i's atoms, bonds likewise.

    A bond is kept once: `ends[b]` are its two atoms, counted within the molecule.
    """

    atoms: np.ndarray
    atom_start: np.ndarray
    bonds: np.ndarray
    ends: np.ndarray
    bond_start: np.ndarray
    atom_table: np.ndarray
    bond_table: np.ndarray

    def __len__(self) -> int:
        return len(self.atom_start) - 1


def graphs_of(molecules) -> Graphs:
    """Graphs of RDKit molecules."""
    atom_kinds: dict[tuple, int] = {}
    bond_kinds: dict[tuple, int] = {}
    atoms, bonds, ends, atom_start, bond_start = [], [], [], [0], [0]
    for mol in molecules:
        for atom in mol.GetAtoms():
            atoms.append(atom_kinds.setdefault(atom_kind(atom), len(atom_kinds)))
        for bond in mol.GetBonds():
            first, second = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            bonds.append((first, second, bond_kinds.setdefault(bond_kind(bond), len(bond_kinds))))
        # In the order of atom pairs.
        here = sorted(bonds[bond_start[-1] :])
        bonds[bond_start[-1] :] = here
        ends += [pair[:2] for pair in here]
        atom_start.append(len(atoms))
        bond_start.append(len(bonds))
    return Graphs(
        atoms=np.array(atoms, np.int32),
        atom_start=np.array(atom_start, np.int64),
        bonds=np.array([bond[2] for bond in bonds], np.int32),
        ends=np.array(ends, np.int32).reshape(-1, 2),
        bond_start=np.array(bond_start, np.int64),
        atom_table=np.array([atom_row(kind) for kind in atom_kinds], np.float32).reshape(-1, ATOM_DIM),
        bond_table=np.array([bond_row(kind) for kind in bond_kinds], np.float32).reshape(-1, BOND_DIM),
    )


def graphs_of_smiles(smiles: list[str]) -> Graphs:
    """Graphs of SMILES that RDKit can read."""
    from rdkit import Chem

    return graphs_of(Chem.MolFromSmiles(text) for text in smiles)


@dataclass
class Packed:
    """A batch: atoms and directed bonds of its molecules one after the other."""

    atoms: np.ndarray
    bonds: np.ndarray
    source: np.ndarray
    target: np.ndarray
    atom_mol: np.ndarray
    molecules: int


def ranges(start: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all that belongs to `rows`, and how many each has."""
    counts = start[rows + 1] - start[rows]
    offset = np.repeat(start[rows] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return np.arange(counts.sum()) + offset, counts


def pack(graphs: Graphs, rows: np.ndarray) -> Packed:
    """The molecules `rows` as one batch."""
    at, counts = ranges(graphs.atom_start, rows)
    bond_at, bond_counts = ranges(graphs.bond_start, rows)
    first_atom = np.concatenate([[0], np.cumsum(counts)[:-1]])
    ends = graphs.ends[bond_at] + np.repeat(first_atom, bond_counts)[:, None]
    return Packed(
        atoms=graphs.atoms[at].astype(np.int64),
        bonds=np.repeat(graphs.bonds[bond_at], 2).astype(np.int64),
        source=ends.reshape(-1).astype(np.int64),
        target=ends[:, ::-1].reshape(-1).astype(np.int64),
        atom_mol=np.repeat(np.arange(len(rows)), counts),
        molecules=len(rows),
    )


def onnx_inputs(graphs: Graphs, batch: Packed) -> dict[str, np.ndarray]:
    """The six inputs of a graph network's ONNX file."""
    atoms = graphs.atom_table[batch.atoms]
    return {
        "f_atoms": atoms,
        "f_bonds": np.concatenate([atoms[batch.source], graphs.bond_table[batch.bonds]], axis=1),
        "bond_source": batch.source,
        "bond_target": batch.target,
        "bond_reverse": np.arange(len(batch.bonds), dtype=np.int64) ^ 1,
        "atom_mol": batch.atom_mol.astype(np.int64),
    }
