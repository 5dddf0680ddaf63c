"""Spans that may be the answer: runs of clauses, and pieces of them between cue words, entities and matched words."""

from __future__ import annotations

from dataclasses import dataclass

from .entities import Entity
from .question import Question
from .text import CLAUSE, SENTENCE, SPACES, Text

AFTER = frozenset("为是由在于向到至称叫有括以用被将对从与和及或即给了的名让")  # a piece may begin after these
BEFORE = frozenset("的了等是为在由于和与及或后前时以将被中上下有对")  # a piece may end before these
MAX_CLAUSES = 16  # of a run that begins and ends with a sentence
MAX_FREE = 5  # clauses of any other run
MAX_UNITS = 220
MAX_PIECE = 3  # clauses that a piece may reach over


@dataclass(frozen=True)
class Layout:
    """Clauses and sentences of a text as unit ranges, and the one each unit is in."""

    clauses: list[tuple[int, int]]
    clause_of: list[int]
    sentences: list[tuple[int, int]]
    sentence_of: list[int]


def ranges(text: Text, least: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Unit ranges between gaps of at least this class, and the range each unit is in."""
    edges = [u for u in range(len(text) + 1) if text.gaps[u] >= least]
    found = list(zip(edges, edges[1:]))
    return found, [at for at, (s, e) in enumerate(found) for _ in range(s, e)]


def layout(text: Text) -> Layout:
    """The layout of a text."""
    if not len(text):
        return Layout([], [], [], [])
    return Layout(*ranges(text, CLAUSE), *ranges(text, SENTENCE))


def clause_runs(text: Text, lay: Layout) -> list[tuple[int, int]]:
    """Runs of whole clauses: short ones anywhere, long ones only of whole sentences."""
    found = []
    for first, (start, _) in enumerate(lay.clauses):
        for last in range(first, min(first + MAX_CLAUSES, len(lay.clauses))):
            end = lay.clauses[last][1]
            whole = text.gaps[start] == SENTENCE and text.gaps[end] == SENTENCE
            if end - start > MAX_UNITS:
                break
            if last - first < MAX_FREE or whole:
                found.append((start, end))
    return found


def matched(question: Question, text: Text) -> tuple[list[int], list[int]]:
    """For each unit edge, how many units before it, and after it, stand in the same order in the question."""
    places: dict[str, list[int]] = {}
    for at, unit in enumerate(question.text.units):
        places.setdefault(unit, []).append(at)
    n = len(text)
    before, after = [0] * (n + 1), [0] * (n + 1)
    above: dict[int, int] = {}
    for u in range(n):
        above = {q: above.get(q - 1, 0) + 1 for q in places.get(text.units[u], ())}
        before[u + 1] = max(above.values(), default=0)
    above = {}
    for u in range(n - 1, -1, -1):
        above = {q: above.get(q + 1, 0) + 1 for q in places.get(text.units[u], ())}
        after[u] = max(above.values(), default=0)
    return before, after


def edges(text: Text, entities: list[Entity], run: tuple[list[int], list[int]]) -> tuple[list[bool], list[bool]]:
    """Where a piece may begin and where one may end, as flags over the unit edges."""
    n = len(text)
    begin, end = [False] * (n + 1), [False] * (n + 1)
    before, after = run
    for u in range(n + 1):
        # Any mark between two units but a space: a comma, a bracket, a quotation mark.
        mark = u in (0, n) or any(char not in SPACES for char in text.between(u))
        # Words of the question, two units or more, that end here, or that begin here.
        closes = before[u] >= 2 and (u == n or before[u + 1] <= before[u])
        opens = after[u] >= 2 and (u == 0 or after[u - 1] <= after[u])
        begin[u] = mark or closes or (u > 0 and text.units[u - 1] in AFTER)
        end[u] = mark or opens or (u < n and text.units[u] in BEFORE)
    for entity in entities:
        begin[entity.start] = end[entity.end] = True
    return begin, end


def pieces(text: Text, lay: Layout, flags: tuple[list[bool], list[bool]]) -> list[tuple[int, int]]:
    """Pieces: inside one clause from any begin to any end; further only from a begin to the end of a clause."""
    begin, end = flags
    found = []
    for first, (start, stop) in enumerate(lay.clauses):
        begins = [u for u in range(start, stop) if begin[u]]
        ends = [u for u in range(start + 1, stop + 1) if end[u] or u == stop]
        found += [(b, e) for b in begins for e in ends if e > b]
        for last in range(first + 1, min(first + MAX_PIECE, len(lay.clauses))):
            if text.gaps[lay.clauses[last][0]] == SENTENCE:
                break
            further = lay.clauses[last][1]
            found += [(b, further) for b in begins if further - b <= MAX_UNITS]
    return found


def spans(text: Text, lay: Layout, entities: list[Entity], run: tuple[list[int], list[int]]) -> list[tuple[int, int]]:
    """All candidates, each once, in the order of the text."""
    found = set(clause_runs(text, lay)) | set(pieces(text, lay, edges(text, entities, run)))
    found |= {(e.start, e.end) for e in entities}
    return sorted(found)
