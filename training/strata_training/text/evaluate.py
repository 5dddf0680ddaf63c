"""Retrieval figures: lexical, dense, and the two fused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .data import Question, Record
from .lexical import Bags, Lexical

Embed = Callable[[list[str]], np.ndarray]
WAYS = ("lexical", "dense", "convex", "rrf")


@dataclass(frozen=True)
class Fusion:
    """Convex fusion; the lexical score weighs the more, the more of the question the best record holds word by word."""

    slope: float = 2.0
    offset: float = -0.25
    low: float = 0.15
    high: float = 0.85

    def weight(self, coverage: float) -> float:
        """Weight of the lexical score."""
        return float(np.clip(self.slope * coverage + self.offset, self.low, self.high))

    def fuse(self, lexical: np.ndarray, dense: np.ndarray, coverage: float) -> np.ndarray:
        """Lexical as a part of its best, dense as the cosine."""
        weight = self.weight(coverage)
        return weight * lexical / max(float(lexical.max()), 1e-9) + (1 - weight) * dense


def best(scores: np.ndarray, depth: int) -> np.ndarray:
    """Places of the best `depth`, records of the same score in the order of their places."""
    top = np.argpartition(-scores, depth)[:depth] if len(scores) > depth else np.arange(len(scores))
    return top[np.lexsort((top, -scores[top]))]


def reciprocal_ranks(scores: np.ndarray, depth: int = 1000) -> np.ndarray:
    """1 / (60 + rank) of the best `depth`, 0 of the others."""
    made = np.zeros(len(scores))
    top = best(scores, depth)
    made[top] = 1 / (60 + np.arange(1, len(top) + 1))
    return made


class Retriever:
    """Records with their lexical index and the vectors of their passages."""

    def __init__(self, records: list[Record], embed: Embed, bags: Bags | None = None):
        self.records, self.embed = records, embed
        self.lexical = Lexical(records, bags)
        self.vectors = embed(self._texts(0))

    def _texts(self, start: int) -> list[str]:
        """What the encoder sees of the passages, from a record on."""
        pairs = zip(self.records[start:], self.lexical.cut[start:], strict=True)
        return [Record(record.title, part).whole for record, cut in pairs for part in cut]

    def among(self, records: list[Record]) -> Retriever:
        """With more records behind those it has."""
        made = object.__new__(Retriever)
        made.records, made.embed = [*self.records, *records], self.embed
        made.lexical = Lexical(made.records, self.lexical.bags)
        made.vectors = np.concatenate([self.vectors, self.embed(made._texts(len(self.records)))])
        return made

    def signals(self, questions: list[Question]) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """Lexical scores, dense scores and coverage, a question at a time."""
        asked = self.embed([question.text for question in questions])
        for question, vector in zip(questions, asked, strict=True):
            lexical, coverage = self.lexical.score(question.text)
            yield lexical, np.maximum.reduceat(self.vectors @ vector, self.lexical.first), coverage


@dataclass
class Ranks:
    """Figures of one way of ranking, a value a question."""

    mrr: list[float]
    first: list[float]  # whether the first record is a right one
    recall: dict[int, list[float]]

    @staticmethod
    def new() -> Ranks:
        return Ranks([], [], {1: [], 10: [], 100: []})

    def add(self, scores: np.ndarray, relevant: list[int]) -> None:
        """One question's ranking; records of the same score in the order of their places."""
        top = best(scores, 100)
        hit = np.isin(top, relevant)
        first = np.flatnonzero(hit[:10])
        self.mrr.append(1 / (first[0] + 1) if len(first) else 0.0)
        self.first.append(float(hit[0]))
        for depth, values in self.recall.items():
            values.append(float(hit[:depth].sum()) / len(set(relevant)))

    def means(self, of: np.ndarray | None = None) -> dict[str, float]:
        """MRR@10 and recalls, of all questions or of some."""
        pick = lambda values: float(np.mean(np.array(values)[of] if of is not None else values))  # noqa: E731
        return {
            "MRR@10": pick(self.mrr),
            "hit@1": pick(self.first),
            **{f"R@{depth}": pick(v) for depth, v in self.recall.items()},
        }


def measure(retriever: Retriever, questions: list[Question], fusion: Fusion) -> dict[str, Ranks]:
    """All four ways over the same questions."""
    made = {way: Ranks.new() for way in WAYS}
    for question, (lexical, dense, coverage) in zip(questions, retriever.signals(questions), strict=True):
        made["lexical"].add(lexical, question.relevant)
        made["dense"].add(dense, question.relevant)
        made["convex"].add(fusion.fuse(lexical, dense, coverage), question.relevant)
        made["rrf"].add(reciprocal_ranks(lexical) + reciprocal_ranks(dense), question.relevant)
    return made


def tune(sets: list[tuple[Retriever, list[Question]]]) -> tuple[Fusion, float]:
    """The slope and offset with the best mean of MRR@10 over `sets`; and that mean."""
    grid = [Fusion(slope, offset) for slope in (0.0, 1.0, 1.5, 2.0, 2.5, 3.0) for offset in _offsets(slope)]
    found = {fusion: [] for fusion in grid}
    for retriever, questions in sets:
        ranks = {fusion: Ranks.new() for fusion in grid}
        for question, (lexical, dense, coverage) in zip(questions, retriever.signals(questions), strict=True):
            # The best 1,000 of either: the others cannot come among ten.
            keep = np.union1d(best(lexical, 1000), best(dense, 1000))
            relevant = np.flatnonzero(np.isin(keep, question.relevant))
            for fusion in grid:
                scores = fusion.fuse(lexical[keep], dense[keep], coverage)
                hits = [1 + int((scores > scores[place]).sum()) for place in relevant]
                first = min(hits, default=11)
                ranks[fusion].mrr.append(1 / first if first <= 10 else 0.0)
        for fusion in grid:
            found[fusion].append(float(np.mean(ranks[fusion].mrr)))
    chosen = max(grid, key=lambda fusion: np.mean(found[fusion]))
    return chosen, float(np.mean(found[chosen]))


def _offsets(slope: float) -> list[float]:
    if slope == 0.0:
        return [0.15, 0.2, 0.3, 0.4, 0.5, 0.7]
    return [-0.6, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0]
