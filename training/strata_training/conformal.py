"""Split-conformal intervals for regression: mean ± q90 * (sd + floor)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Conformal:
    """Factor and floor of the interval; the floor is in the endpoint's unit."""

    q90: float
    floor: float

    def covered(self, truth: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> float:
        """Share of rows whose truth lies inside the interval."""
        return float(np.mean(np.abs(truth - mean) <= self.q90 * (sd + self.floor)))


def calibrate(truth: np.ndarray, mean: np.ndarray, sd: np.ndarray, level: float = 0.9) -> Conformal:
    """From rows the members were not trained on. The floor is their median sd, so that members that
    happen to agree do not yield an interval of no width."""
    floor = float(np.median(sd))
    ratios = np.sort(np.abs(truth - mean) / (sd + floor))
    rank = min(len(ratios), math.ceil((len(ratios) + 1) * level))
    return Conformal(q90=float(ratios[rank - 1]), floor=floor)


def best_threshold(truth: np.ndarray, probability: np.ndarray) -> float:
    """Class threshold with the largest Matthews correlation, halfway between the scores around it."""
    truth = np.asarray(truth) > 0.5
    order = np.argsort(-probability, kind="stable")
    p, y = probability[order], truth[order]
    tp = np.cumsum(y)[:-1].astype(float)
    called = np.arange(1, len(y))
    fp = called - tp
    fn = y.sum() - tp
    tn = len(y) - called - fn
    scale = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    mcc = np.divide(tp * tn - fp * fn, scale, out=np.zeros_like(scale), where=scale > 0)
    mcc[p[:-1] == p[1:]] = -1.0
    at = int(np.argmax(mcc))
    return round(float((p[at] + p[at + 1]) / 2), 4)
