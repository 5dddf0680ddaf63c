"""Trains the members of a model: per seed, gradient-boosted trees and a small perceptron, blended.

Member s leaves out its own tenth of the training part and has its own bagging, feature and network seeds:
members differ in what they saw, so that their spread says something about unfamiliar molecules. The valid
part is never trained on; it sets the intervals' width and the class thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import ModelSpec
from .features import COUNTS
from .network import Network, Scaling, scaling_of, train_network

FOLDS = 10


@dataclass
class Member:
    """One seed's models: a LightGBM booster a task, and one perceptron for all tasks."""

    boosters: list
    network: Network | None


@dataclass
class Ensemble:
    """All members; `predict` returns rows x (tasks * seeds), column = task * seeds + seed."""

    spec: ModelSpec
    members: list[Member]

    def margins(self, features: np.ndarray) -> np.ndarray:
        """Blended raw margins (regression: the values)."""
        seeds, tasks = len(self.members), len(self.spec.tasks)
        out = np.empty((len(features), tasks * seeds))
        weight = self.spec.network_weight
        for s, member in enumerate(self.members):
            network = member.network.predict(features) if member.network else None
            for t in range(tasks):
                trees = member.boosters[t].predict(features, raw_score=True, num_threads=1)
                blended = trees if network is None else (1 - weight) * trees + weight * network[:, t]
                out[:, t * seeds + s] = blended
        return out

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Values, or probabilities, a column a (task, seed)."""
        margins = self.margins(features)
        return margins if self.spec.regression else 1.0 / (1.0 + np.exp(-margins))

    def trees(self) -> int:
        """Trees in all members together: what a prediction costs."""
        return sum(booster.num_trees() for member in self.members for booster in member.boosters)


def train_booster(spec: ModelSpec, features: np.ndarray, target: np.ndarray, rounds: int, seed: int):
    """One LightGBM booster; deterministic for its seed whatever the machine's number of cores."""
    import lightgbm

    parameters = {
        "objective": "regression" if spec.regression else "binary",
        "verbose": -1,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "use_missing": False,
        "max_bin": 63,
        "bagging_freq": 1,
        "seed": seed,
        **spec.trees,
    }
    data = lightgbm.Dataset(features, target, params=parameters)
    return lightgbm.train(parameters, data, rounds)


def train_member(
    spec: ModelSpec, features: np.ndarray, targets: np.ndarray, scaling: Scaling | None, seed: int
) -> Member:
    """One member, from the rows it is given."""
    boosters = []
    for t, task in enumerate(spec.tasks):
        known = ~np.isnan(targets[:, t])
        rounds = task.rounds or spec.rounds
        boosters.append(train_booster(spec, features[known], targets[known, t], rounds, seed))
    network = None
    if scaling is not None:
        network = train_network(features, targets, scaling, spec.network, spec.regression, seed)
    return Member(boosters, network)


def train_ensemble(
    spec: ModelSpec, features: np.ndarray, targets: np.ndarray, rows: np.ndarray
) -> Ensemble:
    """All members, from the rows of the training part."""
    fold = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    # One scaling for all members (it reads no labels), so that the graph scales its input once.
    blended = spec.network_weight > 0
    scaling = scaling_of(features[rows], COUNTS, spec.network.min_share) if blended else None
    members = []
    for seed in spec.seeds:
        kept = rows[fold != seed % FOLDS]
        members.append(train_member(spec, features[kept], targets[kept], scaling, seed))
        print(f"  {spec.name}: member {seed} trained on {len(kept)} rows", flush=True)
    return Ensemble(spec, members)
