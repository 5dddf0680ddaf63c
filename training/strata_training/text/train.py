"""Trains the encoder: each query must find its record among those of the batch and hard ones beside them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from .encoder import Encoder
from .evaluate import best
from .examples import Pair, Pool
from .lexical import Lexical


@dataclass(frozen=True)
class Plan:
    """Settings; they came from runs that held out a quarter of the train questions, never from dev."""

    size: int = 80_000
    width: int = 256
    steps: int = 700
    rate: float = 2e-3
    temperature: float = 0.2
    asked: int = 96
    answers: int = 32
    made: int = 128
    hard: int = 50  # records a question that hard ones are drawn from
    refreshed: int = 300  # steps
    seed: int = 0
    longest: int = 512  # tokens of one text


class Hard:
    """For each train question the records that BM25, or the encoder as it is now, wrongly likes best."""

    def __init__(self, pool: Pool, lexical: Lexical, fit: list[int], plan: Plan):
        self.pool, self.fit, self.plan = pool, fit, plan
        self.lexical = {place: self._best(lexical.score(pool.questions[place].text)[0], place) for place in fit}
        self.dense: dict[int, np.ndarray] = {}

    def _best(self, scores: np.ndarray, place: int) -> np.ndarray:
        scores = np.array(scores)
        scores[self.pool.questions[place].relevant] = -np.inf
        return best(scores, self.plan.hard)

    def refresh(self, encoder: Encoder) -> None:
        """Looks again with the encoder."""
        vectors = encoder.embed(self.pool.bags)
        asked = encoder.embed([self.pool.asked[place] for place in self.fit])
        for place, vector in zip(self.fit, asked, strict=True):
            self.dense[place] = self._best(vectors @ vector, place)

    def draw(self, place: int) -> int:
        """One of them."""
        found = self.lexical if self.pool.rng.random() < 0.4 else self.dense
        return int(self.pool.rng.choice(found[place]))


def batch(pool: Pool, hard: Hard, plan: Plan) -> tuple[list[Pair], list[int]]:
    """Pairs of one step, and the hard records."""
    rng = pool.rng
    pairs, others = [], []
    for place in rng.choice(hard.fit, plan.asked, replace=plan.asked > len(hard.fit)):
        pairs.append(pool.asked_pair(int(place), answer=False))
        others.append(hard.draw(int(place)))
    for place in rng.choice(hard.fit, plan.answers, replace=plan.answers > len(hard.fit)):
        pairs.append(pool.asked_pair(int(place), answer=True))
    pairs += [pool.made_pair() for _ in range(plan.made)]
    return pairs, others


def loss(encoder: Encoder, pool: Pool, pairs: list[Pair], others: list[int], temperature: float) -> torch.Tensor:
    """Cross-entropy of each query's own record; other right answers of it do not count as wrong ones."""
    queries = encoder([pair.query for pair in pairs])
    found = encoder([pair.bag for pair in pairs] + [pool.cut(pool.bags[record]) for record in others])
    records = [pair.record for pair in pairs] + others
    scores = queries @ found.T / temperature
    right = [[row != col and r in pair.right for col, r in enumerate(records)] for row, pair in enumerate(pairs)]
    scores = scores.masked_fill(torch.tensor(right), -1e4)
    return functional.cross_entropy(scores, torch.arange(len(pairs)))


def train(encoder: Encoder, pool: Pool, hard: Hard, plan: Plan) -> None:
    """Runs the plan; a cosine rate down to a twentieth."""
    torch.manual_seed(plan.seed)
    optimiser = torch.optim.SparseAdam(list(encoder.parameters()), lr=plan.rate)
    began, total = time.process_time(), 0.0
    for step in range(plan.steps):
        if step % plan.refreshed == 0:
            hard.refresh(encoder)
        turn = 0.5 * (1 + math.cos(math.pi * step / plan.steps))
        optimiser.param_groups[0]["lr"] = plan.rate * (0.05 + 0.95 * turn)
        pairs, others = batch(pool, hard, plan)
        value = loss(encoder, pool, pairs, others, plan.temperature)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        total += value.item()
        if (step + 1) % 100 == 0:
            spent = time.process_time() - began
            print(f"step {step + 1} of {plan.steps}: loss {total / 100:.4f}, {spent:.0f} s of processor", flush=True)
            total = 0.0
