"""Features of candidate spans: how well each, and what stands around it, fits the question.

`NAMES` gives the order. All are float32, most between 0 and 1; counts are logarithms of one plus the count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import candidates, entities
from .brackets import CLOSERS, OPENERS, trimmed
from .grams import Grams, locate
from .idf import Idf
from .names import CUES, DECAYS, EXPECTED, FAR, KINDS, LASTS, NAMES, NEAR, SURNAMES, WORDS
from .question import TYPES, Question, ask
from .text import CLAUSE, NONE, SENTENCE, Text, cut, is_digit


def decayed(mass: np.ndarray, text: Text, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """For each unit edge, matched weight before it and after it, fading with distance, sentences apart halved."""
    n = len(text)
    before, after = np.zeros(n + 1), np.zeros(n + 1)
    for u in range(1, n + 1):
        before[u] = (before[u - 1] * (0.5 if text.gaps[u - 1] == SENTENCE else 1.0) + mass[u]) * decay
    for u in range(n - 1, -1, -1):
        after[u] = (after[u + 1] * (0.5 if text.gaps[u + 1] == SENTENCE else 1.0) + mass[u + 1]) * decay
    return before, after


def aligned(question: Question, text: Text) -> tuple[np.ndarray, np.ndarray]:
    """For each unit edge: units before it equal to those before the question word; after it, to those after it."""
    asked, (left, right), n = question.text.units, question.word, len(text)
    before, after = np.zeros(n + 1), np.zeros(n + 1)
    for u in range(n + 1):
        k = 0
        while k < min(u, left) and text.units[u - 1 - k] == asked[left - 1 - k]:
            k += 1
        before[u] = k
        k = 0
        while u + k < n and right + k < len(asked) and text.units[u + k] == asked[right + k]:
            k += 1
        after[u] = k
    return before, after


@dataclass(frozen=True)
class Read:
    """A passage read for one question: candidates as unit ranges and characters, and their features."""

    text: Text
    spans: np.ndarray  # [C, 2] units
    characters: np.ndarray  # [C, 2]
    features: np.ndarray  # [C, F] float32


def edge_flags(text: Text, cues, before: bool) -> np.ndarray:
    """[P + 1, classes]: class of the unit before each edge (or after it), and marks in the gap."""
    n = len(text)
    out = np.zeros((n + 1, len(cues) + 5))
    for u in range(n + 1):
        unit = text.units[u - 1] if before and u > 0 else text.units[u] if not before and u < n else ""
        gap = text.between(u)
        if unit and text.gaps[u] == NONE:
            for k, (_, chars) in enumerate(cues):
                out[u, k] = unit in chars
        marks = (
            text.gaps[u] == SENTENCE,
            text.gaps[u] == CLAUSE,
            ":" in gap or "：" in gap,
            any(c in (OPENERS if before else CLOSERS) or c == '"' for c in gap),
            "、" in gap,
        )
        out[u, len(cues) :] = marks
    return out


def prefix(flags: np.ndarray) -> np.ndarray:
    """Sums before each edge."""
    return np.concatenate([np.zeros((1, *flags.shape[1:])), np.cumsum(flags, 0)])


def occurrences(text: Text, words: tuple[str, ...]) -> np.ndarray:
    """[P + 1] of sums: units at which one of the words begins."""
    flags = np.zeros(len(text))
    at = {s: u for u, s in enumerate(text.starts)}
    for word in words:
        place = text.folded.find(word)
        while place >= 0:
            if place in at:
                flags[at[place]] = 1
            place = text.folded.find(word, place + 1)
    return prefix(flags)


def entity_features(text: Text, found: list[entities.Entity], types, s, e) -> list[np.ndarray]:
    """Which entity a candidate is, which it has, and whether that is what the question expects."""
    n, kinds = len(text), len(KINDS)
    is_kind = np.zeros((kinds, len(s)))
    ends = np.full((kinds, n + 1), n + 9, np.int32)
    sizes = np.zeros((kinds, n))
    for x in found:
        sizes[x.kind, x.start : x.end] = 1
        for u in range(x.start, -1, -1):
            if ends[x.kind, u] <= x.end:
                break
            ends[x.kind, u] = x.end
    row = {(int(a), int(b)): c for c, (a, b) in enumerate(zip(s, e))}
    for x in found:
        if (x.start, x.end) in row:
            is_kind[x.kind, row[x.start, x.end]] = 1.0
    has_kind = (ends[:, s] <= e).astype(float)
    wanted = {k for t, (name, _) in enumerate(TYPES) if types[t] for k in EXPECTED.get(name, ())}
    rows = [k for k, name in enumerate(KINDS) if name in wanted]
    none = np.zeros(len(s))
    expected = np.full(len(s), float(bool(rows)))
    is_it = is_kind[rows].max(0) if rows else none
    has_it = has_kind[rows].max(0) if rows else none
    covered = prefix(sizes[rows].max(0) if rows else np.zeros(n))
    share = (covered[e] - covered[s]) / (e - s)
    return [*is_kind, *has_kind, expected, is_it, has_it, share]


def compute(question: Question, text: Text, idf: Idf) -> Read:
    """Candidates of a passage and their features."""
    lay = candidates.layout(text)
    found = entities.find(text)
    run = candidates.matched(question, text)
    spans = np.array(candidates.spans(text, lay, found, run), np.int64).reshape(-1, 2)
    characters = np.array([trimmed(text, a, b) for a, b in spans], np.int64).reshape(-1, 2)
    if not len(spans):
        return Read(text, spans, characters, np.zeros((0, len(NAMES)), np.float32))
    rows = _rows(question, text, idf, lay, found, run, spans)
    return Read(text, spans, characters, np.stack(rows, 1).astype(np.float32))


@dataclass(frozen=True)
class Place:
    """Where candidates lie: unit edges, edges of the clauses and sentences they touch, and which these are."""

    s: np.ndarray
    e: np.ndarray
    cs: np.ndarray
    ce: np.ndarray
    ss: np.ndarray
    se: np.ndarray
    clauses: np.ndarray  # clauses reached over, less one
    first: np.ndarray  # first and last sentence
    last: np.ndarray


def place(lay: candidates.Layout, spans: np.ndarray) -> Place:
    """Looks up clauses and sentences of candidates."""
    s, e = spans[:, 0], spans[:, 1]
    clauses, sentences = np.array(lay.clauses), np.array(lay.sentences)
    clause_of, sentence_of = np.array(lay.clause_of), np.array(lay.sentence_of)
    c0, c1, t0, t1 = clause_of[s], clause_of[e - 1], sentence_of[s], sentence_of[e - 1]
    return Place(s, e, clauses[c0, 0], clauses[c1, 1], sentences[t0, 0], sentences[t1, 1], c1 - c0, t0, t1)


def cover_features(grams: Grams, lay: candidates.Layout, at: Place, n: int) -> list[np.ndarray]:
    """Shares of the question found in windows, and how the candidate's sentences stand among all sentences."""
    s, e = at.s, at.e
    sentences = np.array(lay.sentences)
    by_sentence = grams.cover(sentences[:, 0], sentences[:, 1])
    order = np.empty(len(by_sentence))
    order[np.argsort(-by_sentence, kind="stable")] = np.arange(len(by_sentence))
    padded = np.concatenate([[0.0], by_sentence, [0.0]])
    out = [grams.cover(s, e)]
    out += [grams.cover(np.maximum(s - size, 0), s) for size in (NEAR, FAR)]
    out += [grams.cover(e, np.minimum(e + size, n)) for size in (NEAR, FAR)]
    out += [grams.cover(at.cs, at.ce), grams.cover(at.ss, at.se), grams.cover_outside(at.ss, s, e, at.se)]
    out += [padded[at.first], padded[at.last + 2]]
    best = np.array([by_sentence[a : b + 1].max() for a, b in zip(at.first, at.last)])
    ranks = np.array([order[a : b + 1].min() for a, b in zip(at.first, at.last)])
    top = by_sentence.argmax()
    out += [
        best / max(float(by_sentence.max()), 1e-9),
        1.0 / (1.0 + ranks),
        ((at.first <= top) & (top <= at.last)) * 1.0,
    ]
    return out + [grams.cover(s, e, grams.pair), grams.cover(at.ss, at.se, grams.pair)]


def context_features(
    question: Question, text: Text, grams: Grams, mass: np.ndarray, run, at: Place
) -> list[np.ndarray]:
    """Matched words before and after: fading with distance, in unbroken runs, on the side the question has them."""
    s, e, n = at.s, at.e, len(text)
    out = []
    for decay in DECAYS:
        before, after = decayed(mass, text, decay)
        out += [before[s], after[e]]
    first, second = np.log1p(run[0]), np.log1p(run[1])
    out += [first[s], second[e], second[s], first[e]]
    left, right = aligned(question, text)
    out += [np.log1p(left)[s], np.log1p(right)[e]]
    on_left, on_right = (grams.side < 0) * 1.0, (grams.side > 0) * 1.0
    low, high = np.maximum(s - FAR, 0), np.minimum(e + FAR, n)
    out += [grams.cover(low, s, on_left), grams.cover(e, high, on_right)]
    return out + [grams.cover(e, high, on_left), grams.cover(low, s, on_right)]


def edge_features(text: Text, at: Place) -> list[np.ndarray]:
    """Classes of the units outside the edges, of the last unit, of the first one; the share of numbers."""
    s, e, n = at.s, at.e, len(text)
    out = list(edge_flags(text, CUES, True)[s].T) + list(edge_flags(text, CUES, False)[e].T)
    last = [text.units[u - 1] for u in e]
    out += [np.array([float(u in chars) for u in last]) for _, chars in LASTS]
    size = e - s
    out.append(np.array([float(text.units[a] in SURNAMES and 2 <= k <= 4) for a, k in zip(s, size)]))
    opened = np.array([float(text.gaps[u] == SENTENCE or "(" in text.between(u)) for u in range(n + 1)])
    out.append(np.array([float(is_numeral(text.units[u])) for u in s]) * opened[s])
    digit = prefix(np.array([float(is_digit(u[0])) for u in text.units]))
    return [*out, (digit[e] - digit[s]) / size]


def is_numeral(unit: str) -> bool:
    """What an item of a list is numbered with."""
    return unit in "一二三四五六七八九十" or (len(unit) <= 2 and all(is_digit(char) for char in unit))


def word_features(text: Text, at: Place) -> list[np.ndarray]:
    """Whether words of a group begin inside the candidate; for the first three groups, in the four units before it."""
    out, before = [], []
    for number, (_, words) in enumerate(WORDS):
        sums = occurrences(text, words)
        out.append((sums[at.e] - sums[at.s] > 0) * 1.0)
        if number < 3:
            before.append((sums[at.s] - sums[np.maximum(at.s - 4, 0)] > 0) * 1.0)
    return out + before


def shape_features(text: Text, at: Place, idf: Idf) -> list[np.ndarray]:
    """Length, parts, edges, place, the mean weight of units, and whether a colon is inside."""
    s, e, n, gaps = at.s, at.e, len(text), np.array(text.gaps)
    between = [text.between(u) for u in range(n + 1)]
    enumerations = prefix(np.array([float("、" in gap) for gap in between]))
    colons = prefix(np.array([float(":" in gap or "：" in gap) for gap in between]))
    out = [
        np.log(e - s),
        np.log1p(at.clauses),
        np.log1p(at.last - at.first),
        np.log1p(enumerations[e] - enumerations[s + 1]),
    ]
    out += [
        (gaps[s] == SENTENCE) * 1.0,
        (gaps[e] == SENTENCE) * 1.0,
        (gaps[s] >= CLAUSE) * 1.0,
        (gaps[e] >= CLAUSE) * 1.0,
    ]
    weight = prefix(np.array([idf.of(unit) for unit in text.units]))
    out += [s / n, (at.first == 0) * 1.0, (weight[e] - weight[s]) / (e - s), (colons[e] - colons[s + 1] > 0) * 1.0]
    # A high bond between the units on both sides of an edge says that the edge cuts a word.
    bonds = np.array(
        [idf.bond(*text.units[u - 1 : u + 1]) if 0 < u < n and text.gaps[u] == NONE else -1.0 for u in range(n + 1)]
    )
    return [*out, bonds[s], bonds[e]]


def _rows(question, text, idf, lay, found, run, spans) -> list[np.ndarray]:
    """All features, in the order of `NAMES`."""
    at = place(lay, spans)
    grams, mass, share_found = locate(question, text, idf)
    one = np.ones(len(spans))
    return [
        *cover_features(grams, lay, at, len(text)),
        *context_features(question, text, grams, mass, run, at),
        *focus_features(question, text, at),
        *entity_features(text, found, question.types, at.s, at.e),
        *edge_features(text, at),
        *word_features(text, at),
        *shape_features(text, at, idf),
        share_found * one,
        np.log1p(len(question.text)) * one,
        np.log1p(len(text)) * one,
        *(float(t) * one for t in question.types),
    ]


def focus_features(question: Question, text: Text, at: Place) -> list[np.ndarray]:
    """Where the noun asked about stands: inside, near, as the last unit, in the sentence."""
    s, e, ss, se = at.s, at.e, at.ss, at.se
    focus, n = question.focus, len(text)
    if not focus:
        return [np.zeros(len(s))] * 5
    ends = np.full((len(focus), n + 1), n + 9, np.int32)
    for row, unit in enumerate(focus):
        for u in range(n - 1, -1, -1):
            ends[row, u] = u + 1 if text.units[u] == unit else ends[row, u + 1]
    share = lambda a, b: (ends[:, a] <= b).mean(0)  # noqa: E731
    last = np.array([float(text.units[b - 1] == focus[-1]) for b in e])
    return [share(s, e), share(np.maximum(s - NEAR, 0), s), share(e, np.minimum(e + NEAR, n)), last, share(ss, se)]


def read(question: str, passage: str, idf: Idf) -> Read:
    """Reads a passage for a question."""
    return compute(ask(question), cut(passage), idf)
