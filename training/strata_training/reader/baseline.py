"""The answer a reader has to beat: the sentence that BM25 ranks first."""

from __future__ import annotations

import math
from collections import Counter

from .text import SENTENCE, cut

K1, B = 1.2, 0.75


def bigrams(text: str) -> list[str]:
    """Pairs of neighbouring units."""
    units = cut(text).units
    return [a + b for a, b in zip(units, units[1:])]


def best_sentence(question: str, passage: str) -> str:
    """The passage's sentence with the highest BM25 over pairs of units; the first of equals."""
    text = cut(passage)
    edges = [u for u in range(len(text) + 1) if text.gaps[u] == SENTENCE]
    sentences = [passage[text.starts[a] : text.ends[b - 1]] for a, b in zip(edges, edges[1:]) if b > a]
    if not sentences:
        return ""
    counts = [Counter(bigrams(sentence)) for sentence in sentences]
    df = Counter(gram for count in counts for gram in count)
    mean = max(sum(sum(c.values()) for c in counts) / len(counts), 1.0)
    asked = set(bigrams(question))

    def bm25(count: Counter) -> float:
        length = sum(count.values())
        total = 0.0
        for gram in asked & set(count):
            idf = math.log(1 + (len(counts) - df[gram] + 0.5) / (df[gram] + 0.5))
            total += idf * count[gram] * (K1 + 1) / (count[gram] + K1 * (1 - B + B * length / mean))
        return total

    scores = [bm25(count) for count in counts]
    return sentences[scores.index(max(scores))]
