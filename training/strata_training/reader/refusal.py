"""Fits when to refuse: a logistic model of three signals, and a threshold for an index from questions it cannot answer.

Fitted on questions over indexes that hold their document and over others that do not: CMRC trial, STARD train,
service items, small talk (part `tune`). Measured, never fitted, on the policy index: its own questions must be
answered, CMRC dev questions and small talk (part `test`) refused.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import data, synthetic
from .signals import NAMES, Index

SEED = 7
QUESTIONS, OTHERS = 300, 600
REFUSED = 0.95  # share of the off-topic lines that the threshold refuses


@dataclass(frozen=True)
class Rows:
    """Signals of questions, whether each can be answered, and the kind of each."""

    signals: np.ndarray
    answerable: np.ndarray
    kinds: np.ndarray


@dataclass(frozen=True)
class Logistic:
    """z = intercept + weights · signals; the probability of an answer is 1 / (1 + exp(-z))."""

    weights: np.ndarray
    intercept: float

    def z(self, signals: np.ndarray) -> np.ndarray:
        """Log-odds of an answer."""
        return np.asarray(signals) @ self.weights + self.intercept


def small_talk(path: Path, split: str) -> list[str]:
    """Lines of `datasets/gov/smalltalk.jsonl`."""
    return [row["text"] for row in data.lines(path) if row["split"] == split]


class Collector:
    """Gathers signals of questions by kind."""

    def __init__(self):
        self.rows: list[tuple[tuple[float, ...], bool, str]] = []

    def add(self, index: Index, questions: list[str], kind: str, answerable: bool) -> None:
        """Asks `questions` of an index."""
        self.rows += [(index.signals(question).values, answerable, kind) for question in questions]

    def result(self) -> Rows:
        """All rows."""
        signals, answerable, kinds = zip(*self.rows)
        return Rows(np.array(signals), np.array(answerable), np.array(kinds))


def tuning_rows(root: Path, talk: list[str]) -> Rows:
    """Every set of questions over its own index, and over the two others."""
    rng = random.Random(SEED)
    trial, articles = data.cmrc(root, "trial"), data.statutes(root)
    lay = rng.sample(data.stard_train(root), QUESTIONS)
    wanted = [a for row in lay for a in row["relevant"]] + rng.sample(range(len(articles)), OTHERS)
    services = synthetic.service_examples(root, random.Random(SEED), OTHERS)
    indexes = {
        "encyclopaedia": Index(sorted({e.passage for e in trial})),
        "statutes": Index([f"{articles[a]['name']}。{articles[a]['text']}" for a in dict.fromkeys(wanted)]),
        "services": Index([e.passage for e in services]),
    }
    questions = {
        "encyclopaedia": [e.question for e in rng.sample(trial, QUESTIONS)],
        "statutes": [row["question"] for row in lay],
        "services": [e.question for e in services[:QUESTIONS]],
    }
    rows = Collector()
    for name, index in indexes.items():
        for own, asked in questions.items():
            rows.add(index, asked, f"{own} over {name}", own == name)
        rows.add(index, talk, f"small talk over {name}", False)
    return rows.result()


def fit(rows: Rows) -> Logistic:
    """Logistic regression by Newton's method; every kind weighs the same, answerable and not alike."""
    kinds = {kind: (rows.kinds == kind).sum() for kind in set(rows.kinds.tolist())}
    weight = np.array([1.0 / kinds[kind] for kind in rows.kinds.tolist()])
    for label in (True, False):
        weight[rows.answerable == label] /= weight[rows.answerable == label].sum()
    x = np.hstack([rows.signals, np.ones((len(rows.signals), 1))])
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(x @ beta)))
        slope = x.T @ (weight * (rows.answerable - p))
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(curve, slope)
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return Logistic(beta[:-1], float(beta[-1]))


def threshold(model: Logistic, index: Index, off_topic: list[str], refused: float = REFUSED) -> float:
    """The z of an index below which a question is refused: the quantile of what lines off its topic reach there."""
    return float(np.quantile(model.z(np.array([index.signals(line).values for line in off_topic])), refused))


def curve(z: np.ndarray, answerable: np.ndarray) -> list[tuple[float, float, float]]:
    """Threshold, share of the unanswerable refused, share of the answerable refused: at each percent of the latter."""
    own, other = np.sort(z[answerable]), z[~answerable]
    found = []
    for percent in range(21):
        at = float(np.quantile(own, percent / 100))
        found.append((at, float((other < at).mean()), float((own < at).mean())))
    return found


def report(root: Path, talk: Path) -> dict:
    """Fits, sets the threshold of the policy index, measures there."""
    tune = small_talk(talk, "tune")
    rows = tuning_rows(root, tune)
    model = fit(rows)
    policies = Index([d["text"] for d in data.lines(root / "ncp_policies/docs.jsonl")])
    at = threshold(model, policies, tune)
    tests = {
        "policy questions": [e.question for e in data.policies(root)],
        "CMRC dev questions": [e.question for e in data.cmrc(root, "dev")],
        "small talk, test": small_talk(talk, "test"),
    }
    z = {kind: model.z(np.array([policies.signals(q).values for q in asked])) for kind, asked in tests.items()}
    return {
        "signals": NAMES,
        "weights": [round(float(w), 4) for w in model.weights],
        "intercept": round(model.intercept, 4),
        "threshold": round(at, 4),
        "refused": {kind: round(float((value < at).mean()), 4) for kind, value in z.items()},
        "refused_at_z_0": {kind: round(float((value < 0).mean()), 4) for kind, value in z.items()},
        "tuning_refused_at_z_0": {
            kind: round(float((model.z(rows.signals[rows.kinds == kind]) < 0).mean()), 4)
            for kind in sorted(set(rows.kinds.tolist()))
        },
        "curve": curve(
            np.concatenate(list(z.values())),
            np.concatenate([np.full(len(v), k == "policy questions") for k, v in z.items()]),
        ),
    }


def main(root: Path, talk: Path) -> None:
    """Prints the report."""
    print(json.dumps(report(root, talk), ensure_ascii=False, indent=1))
