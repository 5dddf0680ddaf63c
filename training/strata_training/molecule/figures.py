"""What was measured with the shipped encoder, for its README; `molecule-compare` and `NAME-graph` measure it again."""

from __future__ import annotations

COMPARISON: list[str] = []
