"""Writes the folder of a text model: files, `card.toml`, `README.md`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from ..vision.card import Figure, table, value


@dataclass
class Model:
    """What the card says beside the files; `files` are path, role and content."""

    name: str
    task: str
    title: str
    description: str
    version: str
    licence: str
    files: list[tuple[str, str, bytes]]
    inputs: list[dict]
    outputs: list[dict]
    preprocess: dict
    postprocess: dict
    training: dict
    figures: list[Figure]
    tolerance: float
    batching: dict | None = None
    made: list[str] = field(default_factory=list)
    weaknesses: list[str] = field(default_factory=list)
    parity: str = ""


def card_toml(model: Model) -> str:
    """The card."""
    head = {"name": model.name, "layer": "foundation", "kind": "language", "task": model.task, "title": model.title}
    head |= {"description": model.description, "version": model.version, "licence": model.licence}
    parts = ["\n".join(f"{key} = {value(item)}" for key, item in head.items()) + "\n"]
    parts.append(table("[source]", {"url": "trained by training/"}))
    for path, role, raw in model.files:
        digest = hashlib.sha256(raw).hexdigest()
        parts.append(table("[[files]]", {"path": path, "bytes": len(raw), "sha256": digest, "role": role}))
    parts += [table("[[inputs]]", port) for port in model.inputs]
    parts += [table("[[outputs]]", port) for port in model.outputs]
    parts += [table("[preprocess]", model.preprocess)]
    if model.postprocess:
        parts.append(table("[postprocess]", model.postprocess))
    if model.batching:
        scalars = {key: item for key, item in model.batching.items() if key != "pad"}
        parts += [table("[batching]", scalars), table("[batching.pad]", model.batching["pad"])]
    variant = {"name": "int8", "file": f"{model.name}.onnx", "precision": "int8", "latency": "balanced"}
    parts += [table("[[variants]]", variant), table("[training]", model.training)]
    for f in model.figures:
        pairs = {"dataset": f.dataset, "split": f.split, "seed": f.seed, "metric": f.metric}
        parts.append(table("[[figures]]", pairs | {"value": round(float(f.value), 4), "n": f.n, "note": f.note}))
    parts.append(table("[golden]", {"file": "golden.json", "tolerance": model.tolerance}))
    return "\n".join(parts)


def readme(model: Model) -> str:
    """The card for people."""
    rows = ["| data | ranked by | metric | value | n |", "| --- | --- | --- | --- | --- |"]
    rows += [f"| {f.dataset}, {f.split} | {f.note} | {f.metric} | {f.value:.3f} | {f.n} |" for f in model.figures]
    lines = [f"# {model.title}", "", model.description, "", "## How it was made", ""]
    lines += [f"- {line}" for line in model.made]
    again = f"- Again: `cargo xtask train {model.name}`, or `python -m strata_training {model.name}` in `training/`."
    lines += [again, "", "## Figures", "", *rows, "", model.parity, "", "## Weaknesses", ""]
    return "\n".join([*lines, *(f"- {line}" for line in model.weaknesses)]) + "\n"


def write(model: Model, folder: Path) -> None:
    """All files of the model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, _, raw in model.files:
        (folder / path).write_bytes(raw)
    (folder / "card.toml").write_text(card_toml(model), encoding="utf-8")
    (folder / "README.md").write_text(readme(model), encoding="utf-8")
