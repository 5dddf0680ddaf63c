"""Figures of the reader: exact match and F1 on a set of examples, and those of the sentence BM25 ranks first."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from . import baseline, choose, features, score
from .data import Example
from .idf import Idf
from .network import Scorer
from .network import score as scores_of
from .targets import f1_of


@dataclass(frozen=True)
class Result:
    """Means over a set, in 0 to 1."""

    count: int
    f1: float
    exact: float
    baseline_f1: float
    baseline_exact: float
    best_possible: float
    milliseconds: float

    def line(self) -> str:
        """For people."""
        return (
            f"n {self.count}: F1 {self.f1:.4f} EM {self.exact:.4f}; BM25 sentence F1 {self.baseline_f1:.4f} "
            f"EM {self.baseline_exact:.4f}; best candidate {self.best_possible:.4f}; {self.milliseconds:.1f} ms"
        )


def answer(models: list[Scorer], read: features.Read) -> str:
    """The reader's answer, verbatim."""
    if not len(read.spans):
        return ""
    at, _ = choose.answer(scores_of(models, read.features), read.spans)
    first, last = read.characters[at]
    return read.text.raw[first:last]


def measure(models: list[Scorer], examples: list[Example], idf: Idf) -> Result:
    """Reads every passage and scores the answers by the official metric."""
    rows, spent = [], 0.0
    for example in examples:
        began = time.process_time()
        read = features.read(example.question, example.passage, idf)
        found = answer(models, read)
        spent += time.process_time() - began
        sentence = baseline.best_sentence(example.question, example.passage)
        known = list(example.answers)
        best = float(f1_of(read, example.answers).max(initial=0.0))
        rows.append(
            (
                score.f1(known, found),
                score.exact(known, found),
                score.f1(known, sentence),
                score.exact(known, sentence),
                best,
            )
        )
    means = np.mean(rows, 0)
    return Result(len(rows), *(float(m) for m in means), 1000.0 * spent / len(rows))
