"""The encoder: directed message passing over bonds, then a vector of fixed length a molecule.

A directed bond begins as relu(W0 [source atom, bond]). A step gives it what the bonds into its source say, its own
reverse left out: h = relu(h0 + W_t m). Atoms collect the bonds that end in them; mean and sum over a molecule's atoms
go through one layer to the embedding. Sums of rows are products with sparse matrices, which is what makes a processor
fast enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from .graph import ATOM_DIM, BOND_DIM, Graphs, Packed, pack


@dataclass(frozen=True)
class Size:
    """How large the encoder is."""

    hidden: int = 384
    steps: int = 3
    embedding: int = 512
    # A sum over a molecule's atoms is divided by this, so that it is about as large as a mean.
    usual_atoms: float = 20.0


class _Product(torch.autograd.Function):
    """Sparse matrix times dense; the matrix has no gradient, its transpose is given."""

    @staticmethod
    def forward(ctx, matrix, transposed, dense):
        ctx.transposed = transposed
        return matrix @ dense

    @staticmethod
    def backward(ctx, gradient):
        return None, None, ctx.transposed @ gradient.contiguous()


@dataclass
class Sums:
    """A sparse 0/1 matrix and its transpose."""

    matrix: torch.Tensor
    transposed: torch.Tensor

    def __call__(self, dense: torch.Tensor) -> torch.Tensor:
        """Sums of rows of `dense`."""
        return _Product.apply(self.matrix, self.transposed, dense)


def _csr(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    order = np.argsort(rows, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    ones = torch.ones(len(rows))
    return torch.sparse_csr_tensor(torch.from_numpy(start), torch.from_numpy(columns[order]), ones, size=shape)


def sums(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Sums:
    """Row i of the result is the sum of the rows j of its argument with (i, j) among the pairs."""
    return Sums(_csr(rows, columns, shape), _csr(columns, rows, shape[::-1]))


@dataclass
class Batch:
    """Tensors of a packed batch."""

    atoms: torch.Tensor
    source: torch.Tensor
    bonds: torch.Tensor
    neighbours: Sums
    ends: Sums
    members: Sums
    sizes: torch.Tensor


def batch_of(packed: Packed) -> Batch:
    """Index work of a batch; none of it depends on weights."""
    atoms, bonds = len(packed.atoms), len(packed.bonds)
    # Bonds that end in each atom, as a list by atom: pairs (b, b') with target(b') = source(b), b' not b's reverse.
    order = np.argsort(packed.target, kind="stable")
    into = np.bincount(packed.target, minlength=atoms)
    start = np.concatenate([[0], np.cumsum(into)])
    counts = into[packed.source]
    first = np.repeat(np.arange(bonds), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    second = order[np.repeat(start[packed.source], counts) + within]
    keep = second != (first ^ 1)
    return Batch(
        atoms=torch.from_numpy(packed.atoms),
        source=torch.from_numpy(packed.source),
        bonds=torch.from_numpy(packed.bonds),
        neighbours=sums(first[keep], second[keep], (bonds, bonds)),
        ends=sums(packed.target, np.arange(bonds), (atoms, bonds)),
        members=sums(packed.atom_mol, np.arange(atoms), (packed.molecules, atoms)),
        sizes=torch.from_numpy(np.bincount(packed.atom_mol, minlength=packed.molecules)[:, None].astype(np.float32)),
    )


class Encoder(nn.Module):
    """Batches of molecules to embeddings."""

    def __init__(self, size: Size = Size()) -> None:
        super().__init__()
        self.size = size
        width = size.hidden
        self.atom_in = nn.Linear(ATOM_DIM, width, bias=False)
        self.bond_in = nn.Linear(BOND_DIM, width, bias=False)
        self.steps = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(size.steps))
        self.atom_own = nn.Linear(ATOM_DIM, width)
        self.atom_out = nn.Linear(width, width, bias=False)
        self.pool = nn.Linear(2 * width, size.embedding)
        self.register_buffer("atom_table", torch.zeros(1, ATOM_DIM), persistent=False)
        self.register_buffer("bond_table", torch.zeros(1, BOND_DIM), persistent=False)

    def use(self, graphs: Graphs) -> Encoder:
        """Reads kinds of atoms and bonds by these graphs' tables from now on."""
        self.atom_table = torch.from_numpy(graphs.atom_table)
        self.bond_table = torch.from_numpy(graphs.bond_table)
        return self

    def atom_vectors(self, batch: Batch, hidden: torch.Tensor | None = None) -> torch.Tensor:
        """A vector an atom. Atoms where `hidden` is true show nothing of themselves."""
        # The first layer of each kind once, then looked up: kinds are a few hundred, atoms thousands.
        own = (self.atom_table @ self.atom_own.weight.T)[batch.atoms]
        sent = (self.atom_table @ self.atom_in.weight.T)[batch.atoms]
        if hidden is not None:
            shown = (~hidden).float()[:, None]
            own, sent = own * shown, sent * shown
        start = sent[batch.source] + (self.bond_table @ self.bond_in.weight.T)[batch.bonds]
        state = torch.relu(start)
        for step in self.steps:
            state = torch.relu(start + step(batch.neighbours(state)))
        return torch.relu(own + self.atom_own.bias + self.atom_out(batch.ends(state)))

    def collected(self, batch: Batch, atoms: torch.Tensor) -> torch.Tensor:
        """Mean and sum over the atoms of each molecule."""
        total = batch.members(atoms)
        return torch.cat([total / batch.sizes, total / self.size.usual_atoms], dim=1)

    def pooled(self, batch: Batch, atoms: torch.Tensor) -> torch.Tensor:
        """The embedding, from the atoms' vectors."""
        return torch.relu(self.pool(self.collected(batch, atoms)))

    def forward(self, batch: Batch) -> torch.Tensor:
        """The embedding of each molecule."""
        return self.pooled(batch, self.atom_vectors(batch))


def collect(encoder: Encoder, graphs: Graphs, rows: np.ndarray, batch: int = 256) -> np.ndarray:
    """Means and sums of atoms' vectors of the molecules `rows`: all that the embedding is made of."""
    encoder.eval().use(graphs)
    out = []
    with torch.no_grad():
        for at in range(0, len(rows), batch):
            made = batch_of(pack(graphs, rows[at : at + batch]))
            out.append(encoder.collected(made, encoder.atom_vectors(made)).numpy())
    return np.concatenate(out)
