"""Inverse document frequencies of units and of pairs of units, as a small table that is shipped with the model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .text import NONE, cut


def grams(text: str) -> set[str]:
    """Units, and pairs of units with nothing that ends a clause or a list item between them."""
    t = cut(text)
    pairs = (t.units[u] + t.units[u + 1] for u in range(len(t) - 1) if t.gaps[u + 1] == NONE)
    return {*t.units, *pairs}


@dataclass(frozen=True)
class Idf:
    """`of(gram)` is ln((N + 1) / (df + 1)) / ln(N + 1): 1 for a gram that no document has, 0 for one that all have."""

    documents: int
    df: dict[str, int]

    def of(self, gram: str) -> float:
        """Weight of a gram."""
        top = math.log(self.documents + 1)
        return (top - math.log(self.df.get(gram, 0) + 1)) / top

    def bond(self, first: str, second: str) -> float:
        """How much oftener two units stand together than by chance, from -1 to 1.

        ln((N + 1) (df(pair) + 1) / ((df(first) + 1) (df(second) + 1))) / ln(N + 1), cut off at -1 and 1.
        """
        log = lambda gram: math.log(self.df.get(gram, 0) + 1)  # noqa: E731
        top = math.log(self.documents + 1)
        return min(max((top + log(first + second) - log(first) - log(second)) / top, -1.0), 1.0)

    def text(self) -> str:
        """The file: the number of documents, then `gram<TAB>df` in the order of grams."""
        lines = [str(self.documents), *(f"{gram}\t{self.df[gram]}" for gram in sorted(self.df))]
        return "\n".join(lines) + "\n"

    @staticmethod
    def parse(text: str) -> Idf:
        """Reads what `text` wrote."""
        head, *lines = text.splitlines()
        pairs = (line.split("\t") for line in lines)
        return Idf(int(head), {gram: int(df) for gram, df in pairs})


def count(texts: Iterable[str], at_least: int) -> Idf:
    """Counts documents; grams in fewer than `at_least` of them are left out: they weigh what unseen ones do."""
    df: Counter[str] = Counter()
    documents = 0
    for text in texts:
        df.update(grams(text))
        documents += 1
    return Idf(documents, {gram: n for gram, n in df.items() if n >= at_least})
