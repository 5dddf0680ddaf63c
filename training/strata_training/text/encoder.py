"""The encoder: a vector a token, added up and brought to length one; and its start by latent semantic analysis.

A token's weight is the length of its vector. A record's vector needs one pass over a table and no multiplication of
matrices, which is what lets two processor cores embed thousands of articles a second.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
import torch
from torch.nn import functional

from .lexical import counts
from .tokens import UNKNOWN

Ids = list[np.ndarray]


def _upright(basis: np.ndarray) -> np.ndarray:
    """Columns of length one at right angles, by Cholesky of their products."""
    wide = basis.astype(np.float64)
    upper = np.linalg.cholesky(wide.T @ wide + 1e-9 * np.trace(wide.T @ wide) / wide.shape[1] * np.eye(wide.shape[1])).T
    return np.linalg.solve(upper.T, wide.T).T.astype(np.float32)


def latent(matrix: sparse.csr_matrix, width: int, seed: int, rounds: int = 3) -> np.ndarray:
    """Right singular vectors of the `width` largest values, by a randomised range finder (Halko et al. 2011)."""
    rng = np.random.default_rng(seed)
    across = matrix.T.tocsr()
    basis = rng.standard_normal((matrix.shape[1], width + 16)).astype(np.float32)
    for _ in range(rounds):
        basis = _upright(across @ _upright(matrix @ basis))
    small = across @ _upright(matrix @ basis)
    values, vectors = np.linalg.eigh((small.T @ small).astype(np.float64))
    top = np.argsort(-values)[:width]
    return (small @ vectors[:, top] / np.sqrt(np.maximum(values[top], 1e-9))).astype(np.float32)


def inverse_frequency(tf: sparse.csr_matrix) -> np.ndarray:
    """Logarithm of how rare each token is."""
    df = np.asarray((tf > 0).sum(0)).ravel()
    return (np.log((tf.shape[0] + 1) / (df + 1)) + 0.1).astype(np.float32)


def start(bags: Ids, size: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The first table, and tokens' rarity: half what a token occurs with, half a random vector of its own.

    The random half keeps tokens apart that occur in the same articles, so that vectors begin as a lexical match, too.
    """
    tf = counts(bags, size)
    rare = inverse_frequency(tf)
    matrix = tf.copy()
    matrix.data = np.ones_like(matrix.data) * rare[matrix.indices]
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    matrix = (sparse.diags(1 / np.maximum(norm, 1e-9)).astype(np.float32) @ matrix).tocsr()
    topics = latent(matrix, width, seed)
    topics /= np.maximum(np.linalg.norm(topics, axis=1, keepdims=True), 1e-6)
    own = np.random.default_rng(seed + 1).standard_normal((size, width)).astype(np.float32) / np.sqrt(width)
    table = (topics + own) * np.float32(np.sqrt(0.5)) * rare[:, None]
    table[:UNKNOWN] = 0
    return table, rare


class Encoder(torch.nn.Module):
    """Sum of the tokens' vectors, of length one."""

    def __init__(self, table: np.ndarray):
        super().__init__()
        weight = torch.from_numpy(np.array(table, np.float32))
        self.table = torch.nn.EmbeddingBag.from_pretrained(weight, freeze=False, mode="sum", sparse=True)

    def forward(self, bags: Ids) -> torch.Tensor:
        """A row a bag."""
        begins = np.concatenate([[0], np.cumsum([len(bag) for bag in bags])[:-1]])
        flat = np.concatenate(bags).astype(np.int64)
        return functional.normalize(self.table(torch.from_numpy(flat), torch.from_numpy(begins)), dim=1)

    @torch.no_grad()
    def embed(self, bags: Ids, step: int = 2000) -> np.ndarray:
        """All bags, some at a time."""
        return np.concatenate([self(bags[i : i + step]).numpy() for i in range(0, len(bags), step)])

    def numpy(self) -> np.ndarray:
        """The table."""
        return self.table.weight.detach().numpy()
