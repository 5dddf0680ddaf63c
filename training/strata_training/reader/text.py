"""Text as the reader sees it: characters folded one by one, units, and the gaps that end clauses and sentences.

Everything here is small enough to be written again, exactly, in another language: no Unicode tables beyond the ranges
of `is_letter`, no normalisation that moves an offset.
"""

from __future__ import annotations

from dataclasses import dataclass

NONE, ENUMERATION, CLAUSE, SENTENCE = range(4)
ENDERS = frozenset("。！？!?\n\r")
CLAUSES = frozenset("，,；;：:")
SPACES = frozenset(" \t\u00a0\u3000")
JOINERS = frozenset(".-'&/@_")  # join letters and digits on both sides into one unit
DIGIT_JOINERS = frozenset(",:")  # join digits only
RANGES = (
    (0x00C0, 0x024F),
    (0x0370, 0x03FF),
    (0x0400, 0x04FF),
    (0x3007, 0x3007),
    (0x3040, 0x30FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0x20000, 0x323AF),
)


# One character for one: full-width forms become ASCII but for marks that end clauses; ASCII letters become small.
FOLDED = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，；：！？"}
FOLDED |= {code: chr(code - 0xFEE0).lower() for code in range(0xFF21, 0xFF3B)}
FOLDED |= {ord(char): char.lower() for char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def is_ascii_word(char: str) -> bool:
    """A small ASCII letter or a digit, after folding."""
    return "a" <= char <= "z" or "0" <= char <= "9"


def is_digit(char: str) -> bool:
    """An ASCII digit."""
    return "0" <= char <= "9"


def is_letter(char: str) -> bool:
    """A character that is a unit by itself."""
    code = ord(char)
    if 0x4E00 <= code <= 0x9FFF:
        return True
    return any(low <= code <= high for low, high in RANGES)


@dataclass(frozen=True)
class Text:
    """A text cut into units. `gaps[u]` is the class of what lies before unit `u`; `gaps[len]` is SENTENCE."""

    raw: str
    folded: str
    units: list[str]
    starts: list[int]  # in characters
    ends: list[int]
    gaps: list[int]

    def __len__(self) -> int:
        return len(self.units)

    def between(self, unit: int) -> str:
        """The characters between unit - 1 and `unit`; at the ends, what comes before or after all units."""
        start = self.ends[unit - 1] if unit > 0 else 0
        end = self.starts[unit] if unit < len(self.units) else len(self.folded)
        return self.folded[start:end]


def word_end(folded: str, start: int) -> int:
    """End of the run of ASCII letters and digits that begins at `start`, joined parts and a percent sign included."""
    end, n = start + 1, len(folded)
    while end < n:
        char = folded[end]
        if is_ascii_word(char):
            end += 1
        elif end + 1 < n and is_ascii_word(folded[end + 1]) and char in JOINERS:
            end += 2
        elif end + 1 < n and char in DIGIT_JOINERS and is_digit(folded[end - 1]) and is_digit(folded[end + 1]):
            end += 2
        else:
            break
    if end < n and folded[end] in "%‰℃" and is_digit(folded[end - 1]):
        end += 1
    return end


def gap_class(gap: str, before: str, after: str, rest: str) -> int:
    """Class of the characters between two units; `rest` is what follows the unit after the gap."""
    found, space = NONE, False
    for char in gap:
        if char in ENDERS:
            return SENTENCE
        if char in CLAUSES:
            found = max(found, CLAUSE)
        elif char == "、":
            found = max(found, ENUMERATION)
        space = space or char in SPACES
    if not space:
        return found
    # Documents that lost their line breaks have a space there; a space beside a Latin word is just a space.
    if not is_ascii_word(before[-1]) and not is_ascii_word(after[0]):
        return SENTENCE
    numbered = len(after) <= 2 and is_digit(after[0]) and rest[:1] in (".", "、", ")")
    return SENTENCE if numbered and rest[:1] else found


def cut(raw: str) -> Text:
    """Cuts a text into units."""
    folded = raw.translate(FOLDED)
    starts, ends, at = [], [], 0
    while at < len(folded):
        if is_ascii_word(folded[at]):
            end = word_end(folded, at)
        elif is_letter(folded[at]):
            end = at + 1
        else:
            at += 1
            continue
        starts.append(at)
        ends.append(end)
        at = end
    units = [folded[s:e] for s, e in zip(starts, ends)]
    gaps = [SENTENCE]
    for u in range(1, len(units)):
        if starts[u] == ends[u - 1]:
            gaps.append(NONE)
            continue
        rest = folded[ends[u] : ends[u] + 1]
        gaps.append(gap_class(folded[ends[u - 1] : starts[u]], units[u - 1], units[u], rest))
    return Text(raw, folded, units, starts, ends, [*gaps, SENTENCE] if units else [SENTENCE])
