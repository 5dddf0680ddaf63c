"""BM25 over characters, words and neighbouring pairs, of records and of their passages."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from .data import Record
from .tokens import tokens

PASSAGE, OVERLAP = 250, 125  # characters
_SENTENCE = re.compile(r"[^。！？；\n]*[。！？；\n]|[^。！？；\n]+")


def passages(text: str, size: int = PASSAGE, overlap: int = OVERLAP) -> list[str]:
    """Whole sentences up to `size` characters; each repeats up to `overlap` of the one before."""
    if len(text) <= size:
        return [text]
    parts = [part for part in _SENTENCE.findall(text) if part.strip()]
    made, begin = [], 0
    while begin < len(parts):
        end, length = begin, 0
        while end < len(parts) and (end == begin or length + len(parts[end]) <= size):
            length += len(parts[end])
            end += 1
        made.append("".join(parts[begin:end]))
        if end == len(parts):
            break
        following, again = end, 0
        while following > begin + 1 and again + len(parts[following - 1]) <= overlap:
            following -= 1
            again += len(parts[following])
        begin = following
    return made or [text]


@dataclass(frozen=True)
class Settings:
    """Parameters of BM25 and the share of the best passage in a record's score."""

    k1: float = 0.9
    b: float = 0.75
    passage: float = 0.3


def counts(bags: list[np.ndarray], width: int) -> sparse.csr_matrix:
    """How often each token is in each bag."""
    ends = np.concatenate([[0], np.cumsum([len(bag) for bag in bags])])
    places = np.concatenate(bags) if bags else np.zeros(0, np.int64)
    made = sparse.csr_matrix((np.ones(len(places), np.float32), places, ends), (len(bags), width))
    made.sum_duplicates()
    return made


def weighted(tf: sparse.csr_matrix, idf: np.ndarray, average: float, settings: Settings) -> sparse.csc_matrix:
    """BM25's term weights."""
    lengths = np.asarray(tf.sum(1)).ravel()
    norm = settings.k1 * (1 - settings.b + settings.b * lengths / average)
    made = tf.copy()
    rows = np.repeat(np.arange(tf.shape[0]), np.diff(tf.indptr))
    made.data = made.data * (settings.k1 + 1) / (made.data + norm[rows]) * idf[made.indices]
    return made.tocsc()


class Bags:
    """Texts as token numbers; remembers them, for several indexes share most of their records."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self._known: dict[str, np.ndarray] = {}

    def of(self, text: str) -> np.ndarray:
        """Token numbers of a text, in order."""
        found = self._known.get(text)
        if found is None:
            made = [self.ids.setdefault(token, len(self.ids)) for token in tokens(text)]
            found = self._known[text] = np.array(made, np.int32)
        return found


class Lexical:
    """An index of records; a record's score is that of the whole, and of its best passage where it has several."""

    def __init__(self, records: list[Record], bags: Bags | None = None, settings: Settings | None = None):
        self.settings, self.bags = settings or Settings(), bags or Bags()
        self.cut = [passages(record.text) for record in records]
        self.first = np.concatenate([[0], np.cumsum([len(cut) for cut in self.cut])[:-1]])
        whole = [self.bags.of(record.whole) for record in records]
        self._several = np.flatnonzero([len(cut) > 1 for cut in self.cut])
        parts = [self.bags.of(part) for place in self._several for part in self.cut[place]]
        self._part_first = np.cumsum([0, *(len(self.cut[place]) for place in self._several)])[:-1]
        width = len(self.bags.ids)
        tf, tf_parts = counts(whole, width), counts(parts, width)
        self.size = len(records)
        df = np.asarray((tf > 0).sum(0)).ravel()
        self.idf = self._idf(df).astype(np.float32)
        self._whole = weighted(tf, self.idf, float(tf.sum()) / max(1, self.size), self.settings)
        self._parts = weighted(tf_parts, self.idf, float(tf_parts.sum()) / max(1, len(parts)), self.settings)

    def _idf(self, df):
        return np.log(1 + (self.size - df + 0.5) / (df + 0.5))

    def score(self, question: str) -> tuple[np.ndarray, float]:
        """A score for each record, and the part of what this question could score that the best one has."""
        asked: dict[int, int] = {}
        limit = 0.0
        for token in tokens(question):
            place = self.bags.ids.get(token, len(self.idf))
            known = place < len(self.idf)
            limit += float(self.idf[place] if known else self._idf(0)) * (self.settings.k1 + 1)
            if known:
                asked[place] = asked.get(place, 0) + 1
        places, times = np.array(list(asked), np.int64), np.array(list(asked.values()), np.float32)
        made = self._whole[:, places] @ times
        if len(self._several):
            best = np.maximum.reduceat(self._parts[:, places] @ times, self._part_first)
            share = self.settings.passage
            made[self._several] = (1 - share) * made[self._several] + share * best
        return made, float(made.max() / limit) if limit else 0.0
