"""Exact match and F1 of CMRC 2018: punctuation left out, F1 over the longest common contiguous run of tokens.

Tokens are those of the official script: a Chinese character each, and words of the rest. The script cuts the rest with
NLTK's word tokeniser; here a word is a run of letters and digits (with inner points, commas and apostrophes), and any
other character is one by itself, which is the same but for English contractions.
"""

from __future__ import annotations

import re

DROPPED = frozenset("-:_*^/\\~`+=，。：？！“”；’《》…·、「」（）－～『』")
WORD = re.compile(r"[^\W_]+(?:[.,'][^\W_]+)*|\S")


def bare(text: str) -> str:
    """Lower case, without the punctuation the script drops."""
    return "".join(char for char in text.lower().strip() if char not in DROPPED)


def tokens(text: str) -> list[str]:
    """Tokens of a text for F1."""
    found, rest = [], ""
    for char in bare(text):
        if "\u4e00" <= char <= "\u9fa5":
            found += [*WORD.findall(rest), char]
            rest = ""
        else:
            rest += char
    return found + WORD.findall(rest)


def longest_common(a: list[str], b: list[str]) -> int:
    """Length of the longest contiguous run that both have."""
    best, above = 0, [0] * (len(b) + 1)
    for x in a:
        row = [0] * (len(b) + 1)
        for j, y in enumerate(b):
            if x == y:
                row[j + 1] = above[j] + 1
                best = max(best, row[j + 1])
        above = row
    return best


def f1_tokens(answer: list[str], prediction: list[str]) -> float:
    """F1 of one prediction against one answer, both as tokens."""
    common = longest_common(answer, prediction) if answer and prediction else 0
    return 2.0 * common / (len(answer) + len(prediction)) if common else 0.0


def f1(answers: list[str], prediction: str) -> float:
    """Best F1 over the answers."""
    predicted = tokens(prediction)
    return max(f1_tokens(tokens(answer), predicted) for answer in answers)


def exact(answers: list[str], prediction: str) -> float:
    """1 where the prediction equals an answer, punctuation apart."""
    return float(any(bare(answer) == bare(prediction) for answer in answers))
