"""Characters of a span of units: brackets and quotation marks at its edges are not torn apart."""

from __future__ import annotations

from .text import Text

CLOSERS = {")": "(", "》": "《", "”": "“", "」": "「", "』": "『", "〉": "〈", "]": "["}
OPENERS = {o: c for c, o in CLOSERS.items()}


def trimmed(text: Text, start: int, end: int) -> tuple[int, int]:
    """Characters of a span: a bracket or quotation mark at its edge comes along when its other half is inside."""
    first, last = text.starts[start], text.ends[end - 1]
    while last < len(text.folded) and text.folded[last] in CLOSERS:
        inside = text.folded[first:last]
        if inside.count(CLOSERS[text.folded[last]]) <= inside.count(text.folded[last]):
            break
        last += 1
    while first > 0 and text.folded[first - 1] in OPENERS:
        inside = text.folded[first:last]
        if inside.count(OPENERS[text.folded[first - 1]]) <= inside.count(text.folded[first - 1]):
            break
        first -= 1
    opener, closer = text.folded[first - 1 : first], text.folded[last : last + 1]
    if opener and opener in "《“「『" and OPENERS[opener] == closer:
        return first - 1, last + 1
    return first, last
