"""What a search says about whether the index can answer a question: a few figures that have no scale of their own."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from .question import ask
from .text import NONE, cut

K1, B = 0.9, 0.75
PASSAGE, OVERLAP = 250, 125
NAMES = ("coverage", "content_share", "evidence")


def tokens(text: str) -> list[str]:
    """Units, and pairs of units that no mark parts, in the order of the text."""
    t = cut(text)
    found = []
    for u, unit in enumerate(t.units):
        found.append(unit)
        if u + 1 < len(t) and t.gaps[u + 1] == NONE:
            found.append(unit + t.units[u + 1])
    return found


def passages(text: str) -> list[str]:
    """Sentences packed up to PASSAGE characters; the next one begins with the last sentences of the one before."""
    marks = [at + 1 for at, char in enumerate(text) if char in "。！？；\n"]
    edges = sorted({0, *marks, len(text)})
    sentences = [text[a:b] for a, b in zip(edges, edges[1:])]
    found, first = [], 0
    while first < len(sentences):
        last, size = first, len(sentences[first])
        while last + 1 < len(sentences) and size + len(sentences[last + 1]) <= PASSAGE:
            last += 1
            size += len(sentences[last])
        found.append("".join(sentences[first : last + 1]))
        if last + 1 >= len(sentences):
            break
        again, kept = last + 1, 0
        while again - 1 > first and kept + len(sentences[again - 1]) <= OVERLAP:
            again -= 1
            kept += len(sentences[again])
        first = again
    return found


def content_tokens(question: str) -> set[str]:
    """Tokens of the question made of content units only: no question word, no stop unit."""
    asked = ask(question)
    found = set()
    for u, unit in enumerate(asked.text.units):
        if asked.content[u]:
            found.add(unit)
            if u + 1 < len(asked.text) and asked.content[u + 1] and asked.text.gaps[u + 1] == NONE:
                found.add(unit + asked.text.units[u + 1])
    return found


@dataclass(frozen=True)
class Signals:
    """The figures of one question, in the order of `NAMES`, and where they are from."""

    values: tuple[float, ...]
    record: int
    passage: str


class Index:
    """BM25 over records: units and pairs in one bag; enough of an index to try the signals with."""

    def __init__(self, records: list[str]):
        self.records = records
        self.postings: dict[str, list[tuple[int, int]]] = {}
        lengths = np.zeros(len(records))
        for at, record in enumerate(records):
            found = tokens(record)
            lengths[at] = len(found)
            for token, count in Counter(found).items():
                self.postings.setdefault(token, []).append((at, count))
        self.norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1.0))

    def idf(self, token: str) -> float:
        """BM25's; of an unseen token that of df = 0."""
        df = len(self.postings.get(token, ()))
        return math.log(1 + (len(self.records) - df + 0.5) / (df + 0.5))

    def scores(self, question: str, without: int | None = None) -> np.ndarray:
        """BM25 of every record; `without` is left out, as if the index did not hold it."""
        out = np.zeros(len(self.records))
        for token, times in Counter(tokens(question)).items():
            idf = self.idf(token)
            for record, count in self.postings.get(token, ()):
                out[record] += times * idf * count * (K1 + 1) / (count + self.norm[record])
        if without is not None:
            out[without] = -1.0
        return out

    def signals(self, question: str, without: int | None = None) -> Signals:
        """The figures of a question."""
        scores = self.scores(question, without)
        top = int(scores.argmax())
        asked = Counter(tokens(question))
        most = sum(times * self.idf(token) for token, times in asked.items()) * (K1 + 1)
        weights = {token: self.idf(token) for token in asked}

        def found(passage: str) -> float:
            there = set(tokens(passage))
            return sum(weight for token, weight in weights.items() if token in there)

        best = max(passages(self.records[top]), key=found, default="")
        # A token that no record has weighs 1: what is found is counted in such tokens, whatever the index's size.
        full = math.log(1 + (len(self.records) + 0.5) / 0.5)
        there = set(tokens(best))
        content = {token: self.idf(token) / full for token in content_tokens(question)}
        matched = sum(weight for token, weight in content.items() if token in there)
        values = (
            float(scores[top]) / most if most > 0 else 0.0,
            matched / sum(content.values()) if content else 0.0,
            math.log1p(matched),
        )
        return Signals(values, top, best)
