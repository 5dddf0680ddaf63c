"""Property heads: the encoder goes on learning with five heads on it, a head a seed.

Each head leaves out its own tenth of the training rows, the tenth that the member of the boosted trees with the same
seed leaves out; the encoder below them sees all of the training part. One pass of the encoder then serves five
heads, which an ensemble of five encoders would not allow.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..config import ModelSpec
from ..features import COUNTS
from ..members import FOLDS
from .encoder import Encoder, batch_of, collect
from .graph import Graphs, pack
from .settings import Tuning


class Heads(nn.Module):
    """All heads as two layers: head s has its own block of hidden units. Out: molecules x (tasks * seeds)."""

    def __init__(self, inputs: int, hidden: int, tasks: int, seeds: int, dropout: float) -> None:
        super().__init__()
        self.tasks, self.seeds = tasks, seeds
        self.first = nn.Linear(inputs, hidden * seeds)
        self.last = nn.Parameter(torch.randn(seeds, hidden, tasks) * hidden**-0.5)
        self.bias = nn.Parameter(torch.zeros(tasks, seeds))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Molecules x tasks x seeds."""
        hidden = torch.relu(self.first(self.dropout(x)))
        hidden = self.dropout(hidden).view(len(x), self.seeds, -1)
        return torch.einsum("nsh,sht->nts", hidden, self.last) + self.bias


@dataclass
class Scale:
    """Descriptors as the heads see them: `clip((x - mean) * scale, -4, 4)`."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    limit: float = 4.0

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Scaled descriptors of feature rows."""
        x = (features[:, self.columns] - self.mean) * self.scale
        return np.clip(x, -self.limit, self.limit).astype(np.float32)


def scale_of(features: np.ndarray) -> Scale:
    """From training rows."""
    described = features[:, COUNTS:].astype(np.float64)
    spread = described.std(axis=0)
    useful = np.nonzero(spread > 1e-6)[0]
    mean = described.mean(axis=0)[useful].astype(np.float32)
    return Scale(COUNTS + useful, mean, (1.0 / spread[useful]).astype(np.float32))


@dataclass
class Tuned:
    """Encoder, heads and what scales their inputs and outputs; `margins` is what the ONNX file computes too."""

    encoder: Encoder
    heads: Heads
    scale: Scale | None
    centre: np.ndarray
    spread: np.ndarray

    def margins(self, graphs: Graphs, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Rows x (tasks * seeds), column = task * seeds + seed; before the sigmoid of a classification."""
        both = torch.from_numpy(collect(self.encoder, graphs, rows))
        self.heads.eval()
        with torch.no_grad():
            x = torch.relu(self.encoder.pool(both))
            if self.scale is not None:
                x = torch.cat([x, torch.from_numpy(self.scale(features[rows]))], dim=1)
            out = self.heads(x).numpy()
        out = out * self.spread[None, :, None] + self.centre[None, :, None]
        return out.reshape(len(rows), -1)


def _loss(out: torch.Tensor, wanted: torch.Tensor, weight: torch.Tensor, regression: bool) -> torch.Tensor:
    wanted = wanted[:, :, None].expand_as(out)
    if regression:
        each = (out - wanted) ** 2
    else:
        each = nn.functional.binary_cross_entropy_with_logits(out, wanted, reduction="none")
    return (each * weight).sum() / weight.sum().clamp(min=1.0) * out.shape[2]


@dataclass
class Rows:
    """A task's molecules: graphs, feature rows and targets of all of them, and which are trained on."""

    graphs: Graphs
    features: np.ndarray
    targets: np.ndarray
    train: np.ndarray


def tune(spec: ModelSpec, start: Encoder, data: Rows, tuning: Tuning = Tuning()) -> Tuned:
    """Trains heads on the training part, from a copy of `start`."""
    torch.manual_seed(tuning.seed)
    rng = np.random.default_rng(tuning.seed)
    tasks, seeds, train = len(spec.tasks), len(spec.seeds), data.train
    encoder = copy.deepcopy(start).use(data.graphs)
    scale = scale_of(data.features[train]) if tuning.described else None
    width = encoder.size.embedding + (len(scale.columns) if scale is not None else 0)
    heads = Heads(width, tuning.hidden, tasks, seeds, tuning.dropout)
    known = ~np.isnan(data.targets)
    centre, spread = np.zeros(tasks, np.float32), np.ones(tasks, np.float32)
    if spec.regression:
        centre = np.nanmean(data.targets[train], axis=0).astype(np.float32)
        spread = np.nanstd(data.targets[train], axis=0).astype(np.float32)
    else:
        base = np.clip(np.nanmean(data.targets[train], axis=0), 1e-3, 1 - 1e-3)
        with torch.no_grad():
            heads.bias += torch.from_numpy(np.log(base / (1 - base)).astype(np.float32))[:, None]
    wanted = torch.from_numpy(np.where(known, (data.targets - centre) / spread, 0.0).astype(np.float32))
    # Weight of (row, task, seed): the label is known and the row is not of the tenth which that seed leaves out.
    fold = np.zeros(len(data.targets), np.int64)
    fold[train] = np.random.default_rng(0).permutation(len(train)) % FOLDS
    seen = np.stack([fold != seed % FOLDS for seed in spec.seeds], axis=1)
    weight = torch.from_numpy((known[:, :, None] & seen[:, None, :]).astype(np.float32))
    described = torch.from_numpy(scale(data.features)) if scale is not None else None

    whole = tuning.encoder_share > 0
    both = None if whole else torch.from_numpy(collect(encoder, data.graphs, np.arange(len(data.targets))))
    tuned = list(encoder.parameters()) if whole else list(encoder.pool.parameters())
    share = tuning.encoder_share if whole else 0.3
    optimiser = torch.optim.AdamW(
        [{"params": list(heads.parameters())}, {"params": tuned, "lr": tuning.rate * share}],
        lr=tuning.rate,
        weight_decay=tuning.decay,
    )
    total = tuning.epochs * -(-len(train) // tuning.batch)
    warm = max(1, total // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, 0.5 * (1 + np.cos(np.pi * step / total)))
    )
    heads.train()
    for _ in range(tuning.epochs):
        mixed = rng.permutation(train)
        for at in range(0, len(mixed), tuning.batch):
            rows = mixed[at : at + tuning.batch]
            x = encoder(batch_of(pack(data.graphs, rows))) if whole else torch.relu(encoder.pool(both[rows]))
            if described is not None:
                x = torch.cat([x, described[rows]], dim=1)
            loss = _loss(heads(x), wanted[rows], weight[rows], spec.regression)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*heads.parameters(), *tuned], 5.0)
            optimiser.step()
            schedule.step()
    return Tuned(encoder, heads, scale, centre, spread)
