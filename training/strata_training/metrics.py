"""Figures of merit, as the field defines them; each takes truth and prediction and returns one number."""

from __future__ import annotations

import math

import numpy as np


def rmse(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Root mean squared error, in the unit of the values."""
    return float(np.sqrt(np.mean((np.asarray(truth) - np.asarray(predicted)) ** 2)))


def mae(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of the values."""
    return float(np.mean(np.abs(np.asarray(truth) - np.asarray(predicted))))


def r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination; 0 is the mean's own figure, negative is worse."""
    truth = np.asarray(truth, dtype=float)
    residual = float(np.sum((truth - np.asarray(predicted)) ** 2))
    total = float(np.sum((truth - truth.mean()) ** 2))
    return 1.0 - residual / total


def roc_auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve; ties count a half. NaN when one class is missing."""
    truth = np.asarray(truth) > 0.5
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if positives == 0 or negatives == 0:
        return math.nan
    _, inverse, counts = np.unique(np.asarray(score), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_rank = ends - (counts - 1) / 2.0
    ranks = mean_rank[inverse]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def pr_auc(truth: np.ndarray, score: np.ndarray) -> float:
    """Average precision (area under the precision-recall curve by steps); ties are taken together."""
    truth = np.asarray(truth) > 0.5
    positives = int(truth.sum())
    if positives == 0:
        return math.nan
    score = np.asarray(score)
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(truth[order])
    last_of_tie = np.append(np.nonzero(np.diff(score[order]))[0], len(score) - 1)
    found = hits[last_of_tie]
    precision = found / (last_of_tie + 1)
    gained = np.diff(np.concatenate([[0], found]))
    return float(np.sum(precision * gained) / positives)


def enrichment_factor(truth: np.ndarray, score: np.ndarray, fraction: float = 0.01) -> float:
    """EF: share of actives among the best ceil(fraction * N), over the share in all. Ties by row order."""
    truth = np.asarray(truth) > 0.5
    top = math.ceil(fraction * len(truth))
    order = np.argsort(-np.asarray(score), kind="stable")
    return float(truth[order[:top]].mean() / truth.mean())


def bedroc(truth: np.ndarray, score: np.ndarray, alpha: float = 20.0) -> float:
    """Boltzmann-enhanced discrimination of ROC (Truchon and Bayly 2007); 1 is a perfect early ranking."""
    truth = np.asarray(truth) > 0.5
    total, actives = len(truth), int(truth.sum())
    order = np.argsort(-np.asarray(score), kind="stable")
    ranks = np.nonzero(truth[order])[0] + 1
    rie = np.exp(-alpha * ranks / total).mean() / ((1 - math.exp(-alpha)) / (math.exp(alpha / total) - 1) / total)
    ratio = actives / total
    best = (1 - math.exp(-alpha * ratio)) / (ratio * (1 - math.exp(-alpha)))
    worst = (1 - math.exp(alpha * ratio)) / (ratio * (1 - math.exp(alpha)))
    return float((rie - worst) / (best - worst))


def brier(truth: np.ndarray, probability: np.ndarray) -> float:
    """Mean squared error of probabilities; 0 is best."""
    return float(np.mean((np.asarray(truth, dtype=float) - np.asarray(probability)) ** 2))


def expected_calibration_error(truth: np.ndarray, probability: np.ndarray, bins: int = 10) -> float:
    """Mean gap between stated and found share of positives over equal-width bins, weighted by their size."""
    truth = np.asarray(truth, dtype=float)
    probability = np.asarray(probability, dtype=float)
    index = np.minimum((probability * bins).astype(int), bins - 1)
    gap = 0.0
    for b in range(bins):
        rows = index == b
        if rows.any():
            gap += rows.mean() * abs(truth[rows].mean() - probability[rows].mean())
    return float(gap)
