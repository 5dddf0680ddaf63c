"""Writes the folder of the reader: graph, idf table, golden files, `card.toml`, `README.md`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ..vision.card import table, value
from .choose import BEST
from .names import NAMES

LICENCE = "CC-BY-SA-4.0"
TITLE = "Answer-span reader for Chinese government documents"
DESCRIPTION = (
    "Chooses the verbatim span of a passage that answers a question: clauses, sentences, lists, dates, amounts and "
    "names are candidates, each is scored by how it and its surroundings fit the question."
)
ROLES = {"idf.tsv": "other", "golden.json": "golden", "cases.json": "other"}
MADE = (
    "Candidates and features are rules (`training/strata_training/reader/`); three small perceptrons score them.",
    "Loss: half cross-entropy with a softmax of each candidate's F1, half the logarithm of the expected F1.",
    "Data: CMRC 2018 trial (1,002 questions, CC BY-SA 4.0, Cui et al. 2019), which gives the model its licence; "
    "questions made by rule over Guangdong's service items (MIT) and national statutes (free of copyright).",
    "Held out: a tenth of the passages of each. Settings were chosen on held-out folds of the same sets, which "
    "overlap with that tenth; 137 features without the bonds gave .613, .744 and .754 F1 there, with worse borders.",
    "CMRC dev and the policy questions (NCP) were never trained on and chose nothing; they were looked at with two "
    "early networks, and at the end.",
    "Answer: softmax over the candidates; among the best 40 the one with the highest expected F1, which is also the "
    "confidence.",
    "Metric: CMRC's own exact match and F1 (longest common run of characters, punctuation left out). "
    "The sentence BM25 ranks first is the answer to beat.",
)
WEAKNESSES = (
    "No language model: a paraphrase that shares no character with its passage is not understood.",
    "An exact match is rare: the border of the answer is often a word or a clause off.",
    "It always answers: whether there is an answer at all is decided by the search's signals, not here.",
    "Trained on encyclopaedia paragraphs and on questions made by rule: no question over policies was written by hand.",
    "Simplified Chinese; traditional characters match only themselves.",
)


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    dataset: str
    split: str
    metric: str
    value: float
    n: int
    note: str


def card(folder: Path, revision: str, figures: list[Figure], rows: int) -> str:
    """The card; the files it names must already be in `folder`."""
    name = folder.name
    head = {"name": name, "layer": "foundation", "kind": "language", "task": "extractive-question-answering"}
    head |= {"title": TITLE, "description": DESCRIPTION, "version": "1.0.0", "licence": LICENCE}
    parts = ["\n".join(f"{key} = {value(item)}" for key, item in head.items()) + "\n"]
    parts.append(table("[source]", {"url": "trained by training/", "revision": revision}))
    for path, role in {f"{name}.onnx": "model", **ROLES}.items():
        raw = (folder / path).read_bytes()
        pairs = {"path": path, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), "role": role}
        parts.append(table("[[files]]", pairs))
    width = len(NAMES)
    meaning = "a row a candidate span: the features of answer-spans/1 in the order of cases.json"
    parts.append(
        table(
            "[[inputs]]",
            {"name": "features", "dtype": "float32", "shape": ["N", width], "meaning": meaning, "unit": "1"},
        )
    )
    meaning = "a score a candidate; a softmax over the candidates of a passage makes probabilities"
    parts.append(
        table("[[outputs]]", {"name": "scores", "dtype": "float32", "shape": ["N"], "meaning": meaning, "unit": "1"})
    )
    digest = hashlib.sha256("\n".join(NAMES).encode()).hexdigest()
    parts.append(table("[preprocess]", {"featuriser": "answer-spans/1", "featuriser_hash": digest, "idf": "idf.tsv"}))
    parts.append(table("[postprocess]", {"decide": "expected-f1", "best": BEST}))
    variant = {"name": "fp32", "file": f"{name}.onnx", "precision": "fp32", "latency": "balanced"}
    parts.append(table("[[variants]]", variant))
    training = {
        "data": "CMRC 2018 trial; questions made by rule over Guangdong service items and national statutes",
        "licence": "CC BY-SA 4.0 (CMRC 2018); MIT (service items); statutes are free of copyright",
        "split": "a tenth of the passages held out by a hash of their number",
        "seeds": [0, 1, 2],
        "rows": rows,
        "script": f"python -m strata_training {name}",
    }
    parts.append(table("[training]", training))
    for f in figures:
        pairs = {"dataset": f.dataset, "split": f.split, "seed": 0, "metric": f.metric}
        parts.append(table("[[figures]]", pairs | {"value": round(f.value, 5), "n": f.n, "note": f.note}))
    parts.append(table("[golden]", {"file": "golden.json", "tolerance": 1e-4}))
    return "\n".join(parts)


def readme(name: str, figures: list[Figure], parity: str) -> str:
    """The card for people."""
    rows = ["| data | of | metric | value | n |", "| --- | --- | --- | --- | --- |"]
    rows += [f"| {f.dataset}, {f.split} | {f.note} | {f.metric} | {f.value:.4f} | {f.n} |" for f in figures]
    again = f"Again: `cargo xtask train {name} -- --data DIR`, with `data/gov` in DIR (or `STRATA_SHARED`)."
    lines = [f"# {TITLE}", "", DESCRIPTION, "", "Licence: CC BY-SA 4.0.", "", "## How it was made", ""]
    lines += [
        *(f"- {line}" for line in (*MADE, again)),
        "",
        "## Figures",
        "",
        *rows,
        "",
        parity,
        "",
        "## Weaknesses",
        "",
    ]
    return "\n".join([*lines, *(f"- {line}" for line in WEAKNESSES)]) + "\n"
