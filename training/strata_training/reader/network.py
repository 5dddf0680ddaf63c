"""The scorer: small perceptrons over the features of a candidate, one a seed, whose scores are averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

LIMIT = 5.0  # scaled features are clipped here


@dataclass(frozen=True)
class Settings:
    """How one perceptron is trained."""

    hidden: int = 64
    epochs: int = 14
    rate: float = 2e-3
    decay: float = 2e-2
    dropout: float = 0.3
    temperature: float = 0.1  # of the soft target
    expected: float = 0.5  # weight of the expected F1 against the soft target
    keep: int = 96  # candidates of a passage in one step
    batch: int = 16


@dataclass(frozen=True)
class Item:
    """One question: features of its candidates, their F1, and the weight of the example."""

    features: np.ndarray
    f1: np.ndarray
    weight: float


class Scorer(nn.Module):
    """Scales, clips, two hidden layers, one score."""

    def __init__(self, mean: np.ndarray, deviation: np.ndarray, settings: Settings):
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("scale", torch.from_numpy((1.0 / deviation).astype(np.float32)))
        self.first = nn.Linear(len(mean), settings.hidden)
        self.second = nn.Linear(settings.hidden, settings.hidden)
        self.last = nn.Linear(settings.hidden, 1)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """`[C, F]` to `[C]`."""
        x = ((features - self.mean) * self.scale).clamp(-LIMIT, LIMIT)
        x = self.dropout(torch.relu(self.first(x)))
        return self.last(self.dropout(torch.relu(self.second(x)))).squeeze(-1)


def sample(f1: np.ndarray, keep: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The best candidates and some of the rest, with the logarithm of how many each of these stands for."""
    if len(f1) <= keep:
        return np.arange(len(f1)), np.zeros(len(f1), np.float32)
    order = np.argsort(-f1, kind="stable")
    best, rest = order[: keep // 4], order[keep // 4 :]
    drawn = rng.choice(rest, keep - len(best), replace=False)
    weights = np.zeros(keep, np.float32)
    weights[len(best) :] = np.log(len(rest) / len(drawn))
    return np.concatenate([best, drawn]), weights


def loss_of(scores: torch.Tensor, f1: torch.Tensor, weights: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Cross-entropy with a softmax of F1, and the logarithm of the expected F1; `weights` correct for sampling."""
    logs = scores - torch.logsumexp(scores + weights, 0)
    target = torch.softmax(f1 / settings.temperature + weights, 0)
    soft = (target * logs).sum()
    expected = torch.logsumexp(logs + weights + torch.log(f1.clamp_min(1e-6)), 0)
    return -(1.0 - settings.expected) * soft - settings.expected * expected


def train(items: list[Item], settings: Settings, seed: int) -> Scorer:
    """Trains one perceptron; the same items, settings and seed give the same weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    some = np.concatenate([item.features[::4] for item in items]).astype(np.float64)
    model = Scorer(some.mean(0), some.std(0) + 1e-2, settings)
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=settings.decay)
    per_epoch = len(items) // settings.batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * per_epoch)
    for _ in range(settings.epochs):
        order = rng.permutation(len(items))
        for step in range(per_epoch):
            batch = [items[k] for k in order[step * settings.batch : (step + 1) * settings.batch]]
            drawn = [sample(item.f1, settings.keep, rng) for item in batch]
            features = np.concatenate([item.features[rows] for item, (rows, _) in zip(batch, drawn)])
            scores = model(torch.from_numpy(features)).split([len(rows) for rows, _ in drawn])
            total = torch.zeros(())
            for item, (rows, weights), own in zip(batch, drawn, scores):
                f1 = torch.from_numpy(item.f1[rows].astype(np.float32))
                total = total + item.weight * loss_of(own, f1, torch.from_numpy(weights), settings)
            optimiser.zero_grad()
            (total / settings.batch).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def score(models: list[Scorer], features: np.ndarray) -> np.ndarray:
    """Mean score of the candidates."""
    x = torch.from_numpy(features.astype(np.float32))
    return (sum(model(x) for model in models) / len(models)).numpy()
