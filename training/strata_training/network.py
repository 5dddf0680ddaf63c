"""A small perceptron (one hidden layer) in numpy: the tree ensemble's second opinion.

Trees cannot extrapolate and split one feature at a time; a perceptron over the same features errs
differently, so the mean of both is better than either, at a few microseconds a molecule. Written out here
rather than taken from a framework because labels of a multi-task set are missing here and there (the loss
skips them), and so that the result depends on nothing but the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NetworkSettings:
    """How a member's perceptron is trained."""

    hidden: int = 64
    epochs: int = 40
    learning_rate: float = 2e-3
    decay: float = 1e-2
    dropout: float = 0.3
    batch: int = 64
    # A fingerprint bit is used if at least this share of the training rows has it.
    min_share: float = 0.02


@dataclass(frozen=True)
class Scaling:
    """Which features the perceptron sees, and `clip((x - mean) * scale, -limit, limit)` of them."""

    columns: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    limit: float = 4.0

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Scaled inputs in float32, as the exported graph computes them."""
        x = (features[:, self.columns] - self.mean) * self.scale
        return np.clip(x, -self.limit, self.limit)


def scaling_of(features: np.ndarray, counts: int, min_share: float) -> Scaling:
    """Columns and scales from training rows; the first `counts` columns are fingerprint counts."""
    present = (features[:, :counts] > 0).mean(axis=0)
    bits = np.nonzero((present >= min_share) & (present <= 1.0 - 1e-9))[0]
    described = features[:, counts:].astype(np.float64)
    spread = described.std(axis=0)
    useful = np.nonzero(spread > 1e-6)[0]
    columns = np.concatenate([bits, counts + useful])
    mean = np.concatenate([np.zeros(len(bits)), described.mean(axis=0)[useful]])
    # Counts keep their zero, which is what most of them are; half weight keeps 1000 bits from
    # drowning 100 descriptors.
    scale = np.concatenate([np.full(len(bits), 0.5), 1.0 / spread[useful]])
    return Scaling(columns, mean.astype(np.float32), scale.astype(np.float32))


@dataclass
class Network:
    """Weights of a trained perceptron; `predict` gives the margin (or the value, for regression)."""

    scaling: Scaling
    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """One column a task."""
        hidden = np.maximum(self.scaling.apply(features) @ self.w1 + self.b1, 0.0)
        return hidden @ self.w2 + self.b2


def _gradient(output: np.ndarray, target: np.ndarray, regression: bool) -> np.ndarray:
    """Derivative of the mean loss by the output; missing targets (NaN) weigh nothing."""
    known = ~np.isnan(target)
    filled = np.where(known, target, 0.0)
    fitted = output if regression else 1.0 / (1.0 + np.exp(-output))
    return np.where(known, fitted - filled, 0.0) / len(output)


def train_network(
    features: np.ndarray, targets: np.ndarray, scaling: Scaling, settings: NetworkSettings, regression: bool, seed: int
) -> Network:
    """Adam with decoupled weight decay, dropout and a cosine learning rate."""
    rng = np.random.default_rng(seed)
    x = scaling.apply(features).astype(np.float32)
    y = targets.astype(np.float32)
    centre, spread = np.zeros(y.shape[1], np.float32), np.ones(y.shape[1], np.float32)
    if regression:
        centre, spread = np.nanmean(y, axis=0), np.nanstd(y, axis=0)
        y = (y - centre) / spread
    inputs, hidden, tasks = x.shape[1], settings.hidden, y.shape[1]
    weights = [
        (rng.standard_normal((inputs, hidden)) * np.sqrt(2.0 / inputs)).astype(np.float32),
        np.zeros(hidden, np.float32),
        (rng.standard_normal((hidden, tasks)) * np.sqrt(1.0 / hidden)).astype(np.float32),
        np.zeros(tasks, np.float32),
    ]
    if not regression:
        base = np.clip(np.nanmean(y, axis=0), 1e-3, 1 - 1e-3)
        weights[3] = np.log(base / (1 - base)).astype(np.float32)
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    steps = settings.epochs * int(np.ceil(len(x) / settings.batch))
    step = 0
    for _ in range(settings.epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), settings.batch):
            rows = order[start : start + settings.batch]
            rate = settings.learning_rate * 0.5 * (1.0 + np.cos(np.pi * step / steps))
            step += 1
            xb = x[rows]
            pre = xb @ weights[0] + weights[1]
            keep = (rng.random(pre.shape, dtype=np.float32) >= settings.dropout) / np.float32(1.0 - settings.dropout)
            act = np.maximum(pre, 0.0) * keep
            grad = _gradient(act @ weights[2] + weights[3], y[rows], regression).astype(np.float32)
            back = (grad @ weights[2].T) * keep * (pre > 0)
            gradients = [xb.T @ back, back.sum(axis=0), act.T @ grad, grad.sum(axis=0)]
            for i, g in enumerate(gradients):
                first[i] += 0.1 * (g - first[i])
                second[i] += 0.001 * (g * g - second[i])
                move = (first[i] / (1 - 0.9**step)) / (np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8)
                if weights[i].ndim == 2:
                    weights[i] *= np.float32(1.0 - rate * settings.decay)
                weights[i] -= (rate * move).astype(np.float32)
    w2 = (weights[2] * spread).astype(np.float32)
    b2 = (weights[3] * spread + centre).astype(np.float32)
    # Shipped as float16, which halves the file; rounded here, so that figures are those of the file.
    w1 = weights[0].astype(np.float16).astype(np.float32)
    return Network(scaling, w1, weights[1], w2, b2)
