"""Reads the data sets: CMRC 2018, the policy questions (figures only), Guangdong's service items, STARD."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Example:
    """A question, the passage that answers it, and its answers."""

    question: str
    passage: str
    answers: tuple[str, ...]
    source: str
    group: int = 0  # passage or document: folds never part one


def lines(path: Path) -> list[dict]:
    """A JSON-lines file, gzip or not."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")
    with opened as file:
        return [json.loads(line) for line in file]


def cmrc(root: Path, part: str) -> list[Example]:
    """CMRC 2018, `trial` or `dev`."""
    data = json.loads((root / f"cmrc2018/cmrc2018_{part}.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [p for article in data for p in article["paragraphs"]]
    return [
        Example(q["question"], p["context"], tuple(dict.fromkeys(a["text"] for a in q["answers"])), f"cmrc-{part}", at)
        for at, p in enumerate(paragraphs)
        for q in p["qas"]
    ]


def policies(root: Path) -> list[Example]:
    """The policy questions with their whole document: for figures, never for training."""
    docs = {d["docid"]: (at, d["text"]) for at, d in enumerate(lines(root / "ncp_policies/docs.jsonl"))}
    rows = lines(root / "ncp_policies/qa.dev.jsonl")
    return [Example(r["question"], docs[r["docid"]][1], (r["answer"],), "ncp-dev", docs[r["docid"]][0]) for r in rows]


def statutes(root: Path) -> list[dict]:
    """Articles: `id`, `name`, `text`."""
    return lines(root / "stard/corpus.jsonl.gz")


def stard_train(root: Path) -> list[dict]:
    """Lay questions with their articles and a lay answer."""
    return lines(root / "stard/queries.train.jsonl")


def services(root: Path) -> list[dict]:
    """Guangdong's service items."""
    return lines(root / "guangdong/service_items.jsonl")
