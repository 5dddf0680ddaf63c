"""Writes `card.toml` and `README.md` of a vision model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    dataset: str
    split: str
    metric: str
    value: float
    n: int
    note: str
    seed: int = 0


@dataclass
class Model:
    """What a vision model's card says beside its files."""

    name: str
    task: str
    title: str
    description: str
    version: str
    revision: str
    inputs: list[dict]
    outputs: list[dict]
    preprocess: dict
    postprocess: dict
    training: dict
    figures: list[Figure]
    tolerance: float
    made: list[str] = field(default_factory=list)  # README: how it was made
    weaknesses: list[str] = field(default_factory=list)
    parity: str = ""


def value(item) -> str:
    """A TOML value."""
    if isinstance(item, bool):
        return str(item).lower()
    if isinstance(item, float):
        return repr(item)
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(value(v) for v in item) + "]"
    return json.dumps(item, ensure_ascii=False)


def table(header: str, pairs: dict) -> str:
    """A TOML table."""
    return "\n".join([header, *(f"{key} = {value(item)}" for key, item in pairs.items())]) + "\n"


def card_toml(model: Model, folder: Path) -> str:
    """The card; the files it names must already be in `folder`."""
    keys = ("name", "task", "title", "description", "version")
    head = {key: getattr(model, key) for key in keys}
    head = {"name": head.pop("name"), "layer": "foundation", "kind": "vision", **head, "licence": "Apache-2.0"}
    parts = ["\n".join(f"{key} = {value(item)}" for key, item in head.items()) + "\n"]
    parts.append(table("[source]", {"url": "trained by training/", "revision": model.revision}))
    for path, role in ((f"{model.name}.onnx", "model"), ("golden.json", "golden")):
        raw = (folder / path).read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        parts.append(table("[[files]]", {"path": path, "bytes": len(raw), "sha256": digest, "role": role}))
    parts += [table("[[inputs]]", port) for port in model.inputs]
    parts += [table("[[outputs]]", port) for port in model.outputs]
    parts += [table("[preprocess]", model.preprocess), table("[postprocess]", model.postprocess)]
    variant = {"name": "fp32", "file": f"{model.name}.onnx", "precision": "fp32", "latency": "balanced"}
    parts += [table("[[variants]]", variant), table("[training]", model.training)]
    for f in model.figures:
        pairs = {"dataset": f.dataset, "split": f.split, "seed": f.seed, "metric": f.metric}
        parts.append(table("[[figures]]", pairs | {"value": round(float(f.value), 5), "n": f.n, "note": f.note}))
    parts.append(table("[golden]", {"file": "golden.json", "tolerance": model.tolerance}))
    return "\n".join(parts)


def readme(model: Model) -> str:
    """The card for people."""
    rows = ["| metric | value | n | data | of |", "| --- | --- | --- | --- | --- |"]
    for f in model.figures:
        rows.append(f"| {f.metric} | {f.value:.4g} | {f.n} | {f.dataset}, {f.split} | {f.note} |")
    lines = [f"# {model.title}", "", model.description, "", "## How it was made", ""]
    lines += [f"- {line}" for line in model.made]
    again = f"- Again: `cargo xtask train {model.name}`, or `python -m strata_training {model.name}` in `training/`."
    lines += [again, "", "## Figures", "", *rows, "", model.parity, "", "## Weaknesses", ""]
    lines += [f"- {line}" for line in model.weaknesses]
    return "\n".join(lines) + "\n"


def write(model: Model, folder: Path, onnx_file: bytes, golden: str) -> None:
    """All files of the model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{model.name}.onnx").write_bytes(onnx_file)
    (folder / "golden.json").write_text(golden)
    (folder / "card.toml").write_text(card_toml(model, folder))
    (folder / "README.md").write_text(readme(model))


def detector_ports(size: int, classes: int) -> tuple[list[dict], list[dict]]:
    """Input and output of a YOLOX detector."""
    cells = sum((size // stride) ** 2 for stride in (8, 16, 32))
    image = {
        "name": "images",
        "dtype": "float32",
        "shape": ["N", 3, size, size],
        "meaning": "pictures, blue green red, letterboxed at the top left; the file also takes other multiples "
        f"of 32 than {size}",
        "unit": "grey levels, 0 to 255",
    }
    output = {
        "name": "output",
        "dtype": "float32",
        "shape": ["N", cells, 5 + classes],
        "meaning": "a row a cell of the strides 8, 16, 32: x and y from the cell's corner and log width and height, "
        "in strides; objectness; a probability a class",
        "unit": "1",
    }
    return [image], [output]


def detector_preprocess(size: int) -> dict:
    """The kit's table for YOLOX."""
    return {
        "kit": "vision/1",
        "width": size,
        "height": size,
        "fit": "letterbox-top-left",
        "rounding": "nearest",
        "pad": 114,
        "channels": "bgr",
        "layout": "nchw",
        "dtype": "float32",
        "scale": 1.0,
        "mean": [0.0, 0.0, 0.0],
        "std": [1.0, 1.0, 1.0],
        "interpolation": "bilinear",
    }
