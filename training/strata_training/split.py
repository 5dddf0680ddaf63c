"""Deterministic scaffold split: the same molecules always land in the same parts.

The rule, exactly: a molecule's group is its Bemis-Murcko scaffold as RDKit's canonical SMILES without
chirality (all acyclic molecules share the empty scaffold). Groups are ordered by size, largest first, and
among equals by the row number of their first member, later rows first: the order of DeepChem's
ScaffoldSplitter, and the one published tables use. (With earlier rows first, the test parts of BBBP and BACE
hold a single class, because those files are sorted by label.) Each group goes
whole to `train` if it still fits into 80 % of the rows, else to `valid` if train and valid together then stay
within 90 %, else to `test`. No random number is involved, so there is no seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DESCRIPTION = "scaffold deterministic 80/10/10"


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts, ascending."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def murcko(smiles: str) -> str:
    """Murcko scaffold of one parseable SMILES, as a SMILES without chirality."""
    from rdkit.Chem.Scaffolds import MurckoScaffold

    return MurckoScaffold.MurckoScaffoldSmiles(smiles=smiles, includeChirality=False)


def scaffold_groups(scaffolds: list[str]) -> list[list[int]]:
    """Rows by scaffold: largest group first, among equals the one whose first row comes later."""
    groups: dict[str, list[int]] = {}
    for row, scaffold in enumerate(scaffolds):
        groups.setdefault(scaffold, []).append(row)
    return sorted(groups.values(), key=lambda rows: (-len(rows), -rows[0]))


def scaffold_split(scaffolds: list[str], train: float = 0.8, valid: float = 0.1) -> Split:
    """Split rows by scaffold; see the head of this file for the rule."""
    n = len(scaffolds)
    # A whisker more, so that 0.1 x 30 is 3 whatever the last bit of the product says.
    train_limit = train * n + 1e-9
    valid_limit = (train + valid) * n + 1e-9
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for rows in scaffold_groups(scaffolds):
        if len(parts[0]) + len(rows) <= train_limit:
            parts[0].extend(rows)
        elif len(parts[0]) + len(parts[1]) + len(rows) <= valid_limit:
            parts[1].extend(rows)
        else:
            parts[2].extend(rows)
    return Split(*(np.array(sorted(part), dtype=np.int64) for part in parts))


def scaffold_folds(scaffolds: list[str], rows: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Fold number of each of `rows`, whole scaffolds together, sizes balanced; used to choose settings."""
    rng = np.random.default_rng(seed)
    groups = scaffold_groups([scaffolds[row] for row in rows])
    order = rng.permutation(len(groups))
    fold_of = np.empty(len(rows), dtype=np.int64)
    sizes = np.zeros(folds, dtype=np.int64)
    # Large groups first into the emptiest fold; the permutation decides among equals.
    for at in sorted(order, key=lambda g: -len(groups[g])):
        fold = int(np.argmin(sizes))
        fold_of[groups[at]] = fold
        sizes[fold] += len(groups[at])
    return fold_of
