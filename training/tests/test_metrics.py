"""Metrics against values worked out by hand, and against RDKit's BEDROC."""

import numpy as np
import pytest

from strata_training import metrics
from strata_training.conformal import best_threshold, calibrate


def test_roc_auc_counts_ties_half():
    assert metrics.roc_auc([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert np.isnan(metrics.roc_auc([1, 1], [0.1, 0.2]))


def test_pr_auc_is_average_precision():
    assert metrics.pr_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.pr_auc([1, 0, 0, 0], [0.2, 0.2, 0.2, 0.2]) == 0.25


def test_regression_metrics():
    truth, found = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0])
    assert metrics.rmse(truth, found) == pytest.approx((4 / 3) ** 0.5)
    assert metrics.mae(truth, found) == pytest.approx(2 / 3)
    assert metrics.r2(truth, found) == -1.0


def test_enrichment_takes_the_ceiling():
    truth = np.array([1] + [0] * 149)
    score = -np.arange(150.0)
    assert metrics.enrichment_factor(truth, score, 0.01) == pytest.approx(0.5 * 150)


def test_bedroc_agrees_with_rdkit():
    scoring = pytest.importorskip("rdkit.ML.Scoring.Scoring")
    rng = np.random.default_rng(3)
    truth = (rng.random(500) < 0.05).astype(float)
    score = rng.random(500) + 0.3 * truth
    ranked = [[int(truth[i])] for i in np.argsort(-score)]
    assert metrics.bedroc(truth, score) == pytest.approx(scoring.CalcBEDROC(ranked, 0, 20.0), abs=1e-9)


def test_calibration_error_of_an_honest_and_a_boasting_forecast():
    truth = np.array([0.0] * 5 + [1.0] * 5)
    assert metrics.expected_calibration_error(truth, np.full(10, 0.5)) == pytest.approx(0.0)
    assert metrics.expected_calibration_error(truth, np.full(10, 1.0)) == pytest.approx(0.5)
    assert metrics.brier(truth, np.full(10, 0.5)) == 0.25


def test_intervals_cover_what_they_promise():
    rng = np.random.default_rng(0)
    sd = rng.uniform(0.1, 0.5, 4000)
    truth = rng.normal(0, 2 * sd)
    mean = np.zeros(4000)
    interval = calibrate(truth[:2000], mean[:2000], sd[:2000])
    assert 0.87 < interval.covered(truth[2000:], mean[2000:], sd[2000:]) < 0.93


def test_threshold_separates_what_can_be_separated():
    assert best_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.4, 0.9])) == pytest.approx(0.3)
