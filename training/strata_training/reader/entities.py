"""Typed entities of a passage, by patterns over the folded text. Patterns are within Rust's `regex` syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .text import Text

_N = r"[0-9一二三四五六七八九十百千万亿两〇零几数多余]"
TYPES: tuple[tuple[str, str], ...] = (
    (
        "date",
        r"(?:[0-9一二三四五六七八九〇零]{2,4}年)?[0-9一二三四五六七八九十]{1,3}月(?:[0-9一二三四五六七八九十]{1,3}[日号])?(?:[0-9]{1,2}[时点](?:[0-9]{1,2}分)?)?"
        r"|[0-9一二三四五六七八九〇零]{3,4}年(?:代|底|初|末|春季|夏季|秋季|冬季)?|[0-9一二三四五六七八九十]{1,3}世纪(?:[0-9]{2}年代)?"
        r"|[0-9]{1,2}[日号]",
    ),
    ("duration", _N + r"+(?:\.[0-9]+)?个?(?:工作日|小时|分钟|个月|星期|年|天|周|日|秒|月)(?:以内|内|以上|以下)?"),
    (
        "money",
        r"[0-9一二三四五六七八九十百千两]"
        + r"[0-9.,一二三四五六七八九十百千万亿多余]*(?:美|港|日|欧|新台|人民币)?[元圆]",
    ),
    ("percent", r"[0-9][0-9.]*[%‰]|百分之[一二三四五六七八九十百]+|[一二三四五六七八九0-9]成"),
    ("phone", r"[0-9]{3,4}-[0-9]{7,8}(?:-[0-9]+)?|1[0-9]{10}|400-?[0-9]{3,4}-?[0-9]{3,4}|(?:1|9)[0-9]{4}"),
    ("number", r"第?[0-9一二三四五六七八九十百千两][0-9.,:一二三四五六七八九十百千万亿多余]*[\u4e00-\u9fff]?"),
    ("title", r"《[^《》]{1,60}》"),
    ("quote", r"“[^“”]{1,60}”|「[^「」]{1,60}」|『[^『』]{1,60}』|\"[^\"]{1,60}\""),
    ("bracket", r"（[^（）]{1,40}）|\([^()]{1,40}\)"),
    ("person", r"[\u4e00-\u9fff]{1,6}·[\u4e00-\u9fff]{1,6}(?:·[\u4e00-\u9fff]{1,6})?"),
    ("latin", r"[a-z][a-z0-9.'&-]*(?: [a-z0-9][a-z0-9.'&-]*)*"),
)
PATTERNS = tuple(re.compile(pattern) for _, pattern in TYPES)
NAMES = tuple(name for name, _ in TYPES)


@dataclass(frozen=True)
class Entity:
    """An entity over the units `start..end`."""

    start: int
    end: int
    kind: int


def find(text: Text) -> list[Entity]:
    """Entities by type, in the order of the text; of different types they may lie over each other."""
    unit_at = {}
    for u, (s, e) in enumerate(zip(text.starts, text.ends)):
        for c in range(s, e):
            unit_at[c] = u
    found = []
    for kind, pattern in enumerate(PATTERNS):
        for match in pattern.finditer(text.folded):
            inside = [unit_at[c] for c in range(match.start(), match.end()) if c in unit_at]
            if inside:
                found.append(Entity(inside[0], inside[-1] + 1, kind))
    return found
