"""The question's units and pairs of units, and where a passage has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .idf import Idf
from .names import PAIR
from .question import Question
from .text import NONE, Text


@dataclass(frozen=True)
class Grams:
    """The question's units and pairs: `weights [G]`, `ends [G, P + 1]` the first end at or after each unit edge."""

    weights: np.ndarray
    ends: np.ndarray
    pair: np.ndarray
    side: np.ndarray  # -1 left of the question word, 1 right of it

    def cover(self, start: np.ndarray, end: np.ndarray, only: np.ndarray | None = None) -> np.ndarray:
        """Share of the weight of grams found in `start..end`, of what the passage has at all."""
        weights = self.weights if only is None else self.weights * only
        total = float(weights.sum())
        if total <= 0:
            return np.zeros(len(start))
        return (weights[:, None] * (self.ends[:, start] <= end)).sum(0) / total

    def cover_outside(self, start, inner_start, inner_end, end) -> np.ndarray:
        """The same for `start..inner_start` and `inner_end..end` together."""
        total = float(self.weights.sum())
        if total <= 0:
            return np.zeros(len(start))
        there = (self.ends[:, start] <= inner_start) | (self.ends[:, inner_end] <= end)
        return (self.weights[:, None] * there).sum(0) / total


def question_grams(question: Question, idf: Idf) -> list[tuple[tuple[str, ...], float, int]]:
    """Distinct content units and pairs of neighbouring content units: gram, weight, side of the question word."""
    found: dict[tuple[str, ...], tuple[float, int]] = {}
    units, content = question.text.units, question.content
    for u, unit in enumerate(units):
        side = -1 if u < question.word[0] else 1
        if content[u]:
            found.setdefault((unit,), (idf.of(unit), side))
        if u + 1 < len(units) and content[u] and content[u + 1] and question.text.gaps[u + 1] == NONE:
            pair = (unit, units[u + 1])
            found.setdefault(pair, (PAIR * idf.of(unit + units[u + 1]), side))
    return [(gram, *value) for gram, value in found.items()]


def locate(question: Question, text: Text, idf: Idf) -> tuple[Grams, np.ndarray, float]:
    """Grams of the question that the passage has, the matched weight that ends at each unit, and the share found."""
    places: dict[tuple[str, ...], list[int]] = {}
    n = len(text)
    for u in range(n):
        places.setdefault((text.units[u],), []).append(u + 1)
        if u + 1 < n and text.gaps[u + 1] == NONE:
            places.setdefault((text.units[u], text.units[u + 1]), []).append(u + 2)
    grams = question_grams(question, idf)
    all_weight = sum(weight for _, weight, _ in grams)
    here = [g for g in grams if g[0] in places]
    mass = np.zeros(n + 1)
    ends = np.full((len(here), n + 1), n + 9, np.int32)
    for row, (gram, weight, _) in enumerate(here):
        last = 0
        for end in places[gram]:
            first = end - len(gram)
            ends[row, last : first + 1] = end
            last = first + 1
            mass[end] += weight / len(places[gram])
    weights = np.array([g[1] for g in here])
    total = float(weights.sum()) if here else 0.0
    pair = np.array([len(g[0]) == 2 for g in here], float)
    side = np.array([g[2] for g in here])
    if total > 0:
        mass /= total
    return Grams(weights, ends, pair, side), mass, total / all_weight if all_weight > 0 else 0.0
