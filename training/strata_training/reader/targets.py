"""F1 of every candidate of a passage against the answers, without comparing each text by itself."""

from __future__ import annotations

import numpy as np

from . import score
from .features import Read


def f1_of(read: Read, answers: tuple[str, ...]) -> np.ndarray:
    """[C] best F1 over the answers, by the official metric."""
    raw = read.text.raw
    # Tokens of the whole passage, and for each character the first token that starts at it or later.
    marks = np.zeros(len(raw) + 1, np.int64)
    passage: list[str] = []
    at = 0
    while at < len(raw):
        end = at + 1
        if not "\u4e00" <= raw[at] <= "\u9fa5":
            while end < len(raw) and not "\u4e00" <= raw[end] <= "\u9fa5":
                end += 1
        found = score.tokens(raw[at:end])
        low = raw[at:end].lower()
        place = 0
        begins = []
        for token in found:
            place = max(low.find(token, place), place)
            begins.append(at + place)
            place += 1
        for c in range(at, end):
            marks[c] = len(passage) + sum(b < c for b in begins)
        passage += found
        at = end
    marks[len(raw)] = len(passage)
    first, last = marks[read.characters[:, 0]], marks[read.characters[:, 1]]
    best = np.zeros(len(read.spans))
    for answer in answers:
        asked = score.tokens(answer)
        if asked:
            best = np.maximum(best, against(passage, asked, first, last))
    return best


def against(passage: list[str], answer: list[str], first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """F1 of the token ranges `first..last` of the passage against one answer."""
    n = len(passage)
    # common[p]: longest run that begins at token p of the passage and stands anywhere in the answer.
    common = np.zeros(n + 1, np.int64)
    below: dict[int, int] = {}
    places: dict[str, list[int]] = {}
    for q, token in enumerate(answer):
        places.setdefault(token, []).append(q)
    for p in range(n - 1, -1, -1):
        below = {q: below.get(q + 1, 0) + 1 for q in places.get(passage[p], ())}
        common[p] = max(below.values(), default=0)
    out = np.zeros(len(first))
    for c, (a, b) in enumerate(zip(first, last)):
        if b > a:
            out[c] = np.minimum(common[a:b], np.arange(b - a, 0, -1)).max()
    return 2.0 * out / np.maximum(last - first + len(answer), 1)
