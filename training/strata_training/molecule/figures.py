"""What was measured with the shipped encoder, for its README (`molecule-compare` and the `NAME-graph` models make it again)."""

from __future__ import annotations

COMPARISON: list[str] = []
