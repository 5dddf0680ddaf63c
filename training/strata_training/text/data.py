"""Reads statutes, questions, service items, and the sets that are for tests only."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

GOV = "data/gov"
TUNING_SHARE = 0.1


class MissingData(Exception):
    """A file that training needs is not there."""


@dataclass(frozen=True)
class Record:
    """What is retrieved: an article, a service item, a policy document, a paragraph."""

    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text, as the encoder and the lexical index see a record of one passage."""
        return f"{self.title}。{self.text}" if self.title else self.text


@dataclass(frozen=True)
class Question:
    """A question, the places of the records that answer it, and a lay answer where there is one."""

    text: str
    relevant: list[int]
    answer: str = ""


@dataclass(frozen=True)
class Tests:
    """A set of questions over records of its own."""

    records: list[Record]
    questions: list[Question]


def folder(root: Path | None) -> Path:
    """The folder of the government sets inside the data folder."""
    if root is None:
        raise MissingData(f"name the folder that has {GOV} with --data, STRATA_DATASETS or STRATA_SHARED")
    path = root / GOV
    if not path.is_dir():
        raise MissingData(f"{path} is missing (--data, STRATA_DATASETS or STRATA_SHARED names the folder it is in)")
    return path


def _open(path: Path):
    if not path.exists():
        raise MissingData(f"{path} is missing")
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")


def _rows(path: Path) -> list[dict]:
    with _open(path) as lines:
        return [json.loads(line) for line in lines if line.strip()]


def statutes(gov: Path) -> list[Record]:
    """The articles; an article's place in the list is its id."""
    rows = _rows(gov / "stard" / "corpus.jsonl.gz")
    if any(row["id"] != place for place, row in enumerate(rows)):
        raise MissingData("stard/corpus.jsonl.gz: ids are not the lines' numbers")
    return [Record(row["name"], row["text"]) for row in rows]


def questions(gov: Path, part: str) -> list[Question]:
    """Lay questions with the articles that answer them: `train` or `dev`."""
    rows = _rows(gov / "stard" / f"queries.{part}.jsonl")
    return [Question(row["question"], row["relevant"], row.get("answer") or "") for row in rows]


def tuning_split(count: int, seed: int) -> tuple[list[int], list[int]]:
    """Places to train on, and the tenth that settles weights and epochs."""
    order = np.random.default_rng(seed).permutation(count)
    held = int(TUNING_SHARE * count)
    return sorted(order[held:].tolist()), sorted(order[:held].tolist())


def service_rows(gov: Path) -> list[dict]:
    """Guangdong service items as they are."""
    return _rows(gov / "guangdong" / "service_items.jsonl")


def service_items(gov: Path) -> list[Record]:
    """Guangdong service items: the name, and what the guide says about it."""
    made = {}
    for row in service_rows(gov):
        said = [f"{row['DEPT_NAME']}{row['TASK_TYPE_TEXT']}", row.get("parentCatalogName"), row.get("accept_standard")]
        said += [" ".join(_listed(row.get(key))) for key in ("theme_category", "service_object_name", "material_intro")]
        text = "。".join(part for part in said if part and part != "无")
        made[row["TASK_NAME"], row["DEPT_NAME"]] = Record(row["TASK_NAME"], text)
    return list(made.values())


def _listed(field) -> list[str]:
    if isinstance(field, list):
        return [str(item) for item in field]
    return [] if field is None else [str(field).strip("[]").replace("'", "")]


def policies(gov: Path) -> Tests:
    """NCP policy documents with their questions: for tests only."""
    rows = _rows(gov / "ncp_policies" / "docs.jsonl")
    place = {row["docid"]: i for i, row in enumerate(rows)}
    records = [split_title(row["text"]) for row in rows]
    asked = _rows(gov / "ncp_policies" / "qa.dev.jsonl")
    return Tests(records, [Question(row["question"], [place[row["docid"]]], row["answer"]) for row in asked])


def split_title(text: str) -> Record:
    """A text whose title is its beginning, up to the first space or end of a sentence (4 to 80 characters)."""
    start = text.lstrip()
    ends = [place for place, c in enumerate(start[:81]) if c.isspace() or c in "。！？"]
    if not ends or ends[0] < 4:
        return Record("", text)
    return Record(start[: ends[0]], start[ends[0] :].lstrip())


def paragraphs(gov: Path, part: str) -> Tests:
    """CMRC paragraphs with their questions: `trial` or `dev` (for tests only)."""
    with _open(gov / "cmrc2018" / f"cmrc2018_{part}.json") as file:
        found = [p for entry in json.load(file)["data"] for p in entry["paragraphs"]]
    asked = [Question(qa["question"], [place]) for place, p in enumerate(found) for qa in p["qas"]]
    return Tests([Record("", p["context"]) for p in found], asked)
