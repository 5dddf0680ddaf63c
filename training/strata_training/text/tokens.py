"""The tokeniser `han-bigram/1`: characters of Chinese and words of letters and digits, and pairs of neighbours.

A text is normalised (Unicode NFKC, then lower case) and cut into units: a character of a script written without
spaces is a unit of its own, a run of letters and digits of the others is one unit, all else separates. Tokens are the
units, and every two units with nothing between them joined together. Tables of code points are written out, so that
another program makes exactly the same tokens.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

TOKENIZER = "han-bigram/1"

# 〇, kana, Han with extension A, Hangul, compatibility ideographs that NFKC leaves, extensions B to H.
SINGLE = (
    "\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af"
)
# ASCII, then Latin, Greek and Cyrillic letters.
WORD = (
    "0-9a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u0373\u0376\u0377\u037b-\u037d\u0386\u0388-\u03ff"
    "\u0400-\u0481\u048a-\u052f"
)
LONGEST = 32  # characters of a word; what is longer is cut into words of this many

_UNITS = re.compile(f"[{SINGLE}]|[{WORD}]{{1,{LONGEST}}}")


def normalise(text: str) -> str:
    """NFKC, then lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def units(text: str) -> list[tuple[str, int, int]]:
    """The units of an already normalised text, with their places."""
    return [(m.group(), m.start(), m.end()) for m in _UNITS.finditer(text)]


def tokens(text: str) -> list[str]:
    """Units, each followed by the pair it ends, in the order of the text."""
    made, before, end = [], None, -1
    for unit, start, stop in units(normalise(text)):
        made.append(unit)
        if start == end:
            made.append(before + unit)
        before, end = unit, stop
    return made


PADDING, UNKNOWN = 0, 1


@dataclass(frozen=True)
class Vocabulary:
    """Tokens by id; the file has one a line, and its first two lines are not tokens."""

    lines: list[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {token: i for i, token in enumerate(self.lines) if i > UNKNOWN})

    @staticmethod
    def of(found: list[str]) -> Vocabulary:
        """With ids from 2 in the order given."""
        return Vocabulary(["[PAD]", "[UNK]", *found])

    @staticmethod
    def read(path: Path) -> Vocabulary:
        """From its file."""
        return Vocabulary(path.read_text(encoding="utf-8").splitlines())

    def file(self) -> bytes:
        """Its file."""
        return ("\n".join(self.lines) + "\n").encode()

    def __len__(self) -> int:
        return len(self.lines)

    def ids(self, text: str, most: int | None = None) -> list[int]:
        """Known tokens, each once, in the order of the text; `[UNKNOWN]` where there is none."""
        known = self._ids
        made = list(dict.fromkeys(known[token] for token in tokens(text) if token in known))[:most]
        return made or [UNKNOWN]
