"""Figures of an ensemble on rows it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import metrics
from .config import ModelSpec
from .conformal import Conformal

SPLIT = "scaffold deterministic 80/10/10, test"


@dataclass(frozen=True)
class Figure:
    """One number for the card."""

    metric: str
    value: float
    n: int
    note: str
    seed: int = 0


def by_task(predictions: np.ndarray, tasks: int) -> np.ndarray:
    """Rows x tasks x seeds."""
    return predictions.reshape(len(predictions), tasks, -1)


def _regression(spec: ModelSpec, truth: np.ndarray, seeds: np.ndarray, interval: Conformal) -> list[Figure]:
    mean, sd, n = seeds.mean(axis=1), seeds.std(axis=1, ddof=1), len(truth)
    note = f"mean of {seeds.shape[1]} seeds"
    width = float(np.mean(2 * interval.q90 * (sd + interval.floor)))
    covered = interval.covered(truth, mean, sd)
    out = [
        Figure("RMSE", metrics.rmse(truth, mean), n, note),
        Figure("MAE", metrics.mae(truth, mean), n, note),
        Figure("R2", metrics.r2(truth, mean), n, note),
        Figure("coverage of 90 % intervals", covered, n, "split conformal, calibrated on valid"),
        Figure("mean width of 90 % intervals", width, n, spec.unit or ""),
    ]
    for s, seed in enumerate(spec.seeds):
        out.append(Figure("RMSE", metrics.rmse(truth, seeds[:, s]), n, "one seed alone", seed))
    return out


def _classification(spec: ModelSpec, name: str, truth: np.ndarray, seeds: np.ndarray) -> list[Figure]:
    mean, n = seeds.mean(axis=1), len(truth)
    note = f"{name}, mean of {seeds.shape[1]} seeds, {int((truth > 0.5).sum())} positives"
    out = [
        Figure("ROC-AUC", metrics.roc_auc(truth, mean), n, note),
        Figure("PR-AUC", metrics.pr_auc(truth, mean), n, note),
        Figure("Brier", metrics.brier(truth, mean), n, note),
        Figure("ECE", metrics.expected_calibration_error(truth, mean), n, note),
    ]
    if spec.metric_fraction:
        out.append(Figure("EF1%", metrics.enrichment_factor(truth, mean, spec.metric_fraction), n, note))
        out.append(Figure("BEDROC", metrics.bedroc(truth, mean), n, note + ", alpha 20"))
    return out


def figures(
    spec: ModelSpec, targets: np.ndarray, predictions: np.ndarray, interval: Conformal | None
) -> list[Figure]:
    """All figures; classification models with several tasks begin with the mean over tasks."""
    seeds = by_task(predictions, len(spec.tasks))
    if interval is not None:
        return _regression(spec, targets[:, 0], seeds[:, 0], interval)
    out: list[Figure] = []
    for t, task in enumerate(spec.tasks):
        known = ~np.isnan(targets[:, t])
        out += _classification(spec, task.name, targets[known, t], seeds[known, t])
    members = [mean_auc(targets, seeds[:, :, s]) for s in range(seeds.shape[2])]
    if len(spec.tasks) > 1:
        note = f"mean over {len(spec.tasks)} tasks, mean of {seeds.shape[2]} seeds"
        out.insert(0, Figure("ROC-AUC", mean_auc(targets, seeds.mean(axis=2)), len(targets), note))
    out += [
        Figure("ROC-AUC", value, len(targets), "one seed alone, mean over tasks", spec.seeds[s])
        for s, value in enumerate(members)
    ]
    return [figure for figure in out if math.isfinite(figure.value)]


def mean_auc(targets: np.ndarray, scores: np.ndarray) -> float:
    """ROC-AUC averaged over tasks; missing labels and tasks of one class are left out."""
    values = []
    for t in range(targets.shape[1]):
        known = ~np.isnan(targets[:, t])
        values.append(metrics.roc_auc(targets[known, t], scores[known, t]))
    return float(np.nanmean(values))
