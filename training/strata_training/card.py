"""Writes `card.toml` (for the program) and `README.md` (for people) of a trained model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .config import ModelSpec
from .conformal import Conformal
from .data import Data
from .evaluate import SPLIT, Figure
from .features import DIM, FEATURISER
from .parity import TOLERANCE, Parity
from .split import DESCRIPTION, Split

DATA_LICENCE = "MIT (MoleculeNet, as distributed with DeepChem)"


@dataclass(frozen=True)
class GraphPart:
    """Heads on the molecule encoder, blended with the trees and perceptrons."""

    weight: float
    hidden: int
    epochs: int
    whole: bool
    # [name, dtype, shape, meaning] of the graph's inputs.
    inputs: tuple[tuple[str, str, list, str], ...]
    featuriser: str
    encoder: str
    # Figures on the valid part by weight, which chose it; and the test part's, for the README.
    trials: tuple[tuple[str, float, float], ...]
    metric: str
    # 95 % interval of the blend's test figure less that of trees and perceptron, the same rows drawn for both.
    difference: tuple[float, float]


@dataclass(frozen=True)
class Result:
    """Everything about a trained model that its card states."""

    spec: ModelSpec
    data: Data
    split: Split
    figures: list[Figure]
    featuriser_hash: str
    features_by: str
    interval: Conformal | None
    thresholds: list[float | None]
    parity: Parity
    trees: int
    graph: GraphPart | None = None

    @property
    def name(self) -> str:
        """Name of the model: its specification's, or that of its sibling that reads graphs too."""
        return self.spec.name if self.graph is None else f"{self.spec.name}-graph"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    return repr(float(np.format_float_positional(value, precision=5, fractional=False)))


def _table(name: str, pairs: list[tuple[str, str]]) -> str:
    return "\n".join([name, *(f"{key} = {value}" for key, value in pairs)]) + "\n"


def _files(folder: Path, name: str) -> list[str]:
    out = []
    for path, role in [(f"{name}.onnx", "model"), ("domain.bin", "domain"), ("golden.json", "golden")]:
        raw = (folder / path).read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        pairs = [("path", _text(path)), ("bytes", str(len(raw))), ("sha256", _text(digest)), ("role", _text(role))]
        out.append(_table("[[files]]", pairs))
    return out


def _endpoints(result: Result) -> list[str]:
    spec, out = result.spec, []
    seeds = len(spec.seeds)
    for t, task in enumerate(spec.tasks):
        pairs = [
            ("name", _text(task.name)),
            ("title", _text(task.title)),
            ("unit", _text(spec.unit or "probability")),
            ("task", _text("regression" if spec.regression else "classification")),
            ("output", _text("predictions")),
            ("columns", str(list(range(t * seeds, (t + 1) * seeds)))),
        ]
        if result.thresholds[t] is not None:
            pairs.append(("threshold", _number(result.thresholds[t])))
        if task.higher_is_better is not None:
            pairs.append(("higher_is_better", str(task.higher_is_better).lower()))
        out.append(_table("[[endpoints]]", pairs))
        if result.interval is not None:
            interval = [("q90", _number(result.interval.q90)), ("floor", _number(result.interval.floor))]
            out.append(_table("[endpoints.conformal]", interval))
    return out


def _figures(result: Result) -> list[str]:
    return [
        _table(
            "[[figures]]",
            [
                ("dataset", _text(result.spec.dataset)),
                ("split", _text(SPLIT)),
                ("seed", str(figure.seed)),
                ("metric", _text(figure.metric)),
                ("value", _number(figure.value)),
                ("n", str(figure.n)),
                ("note", _text(figure.note)),
            ],
        )
        for figure in result.figures
    ]


def _rows(result: Result) -> str:
    return "N" if result.graph is None else "molecules"


def _title(result: Result) -> str:
    return result.spec.title if result.graph is None else f"{result.spec.title}, with the molecule encoder"


def _featuriser(result: Result) -> str:
    return FEATURISER if result.graph is None else f"{result.graph.featuriser}+{FEATURISER}"


def _graph_inputs(result: Result) -> list[str]:
    if result.graph is None:
        return []
    out = []
    for name, dtype, shape, meaning in result.graph.inputs:
        pairs = [("name", _text(name)), ("dtype", _text(dtype)), ("shape", json.dumps(shape))]
        out.append(_table("[[inputs]]", [*pairs, ("meaning", _text(meaning))]))
    return out


def card_toml(result: Result, folder: Path) -> str:
    """The card; the files it names must already be in `folder`."""
    spec = result.spec
    columns = len(spec.tasks) * len(spec.seeds)
    single = "regression" if spec.regression else "binary-classification"
    kind = single if len(spec.tasks) == 1 else "multitask-classification"
    head = [
        ("name", _text(result.name)),
        ("layer", _text("foundation")),
        ("kind", _text("scientific")),
        ("task", _text(kind)),
        ("title", _text(_title(result))),
        ("description", _text(spec.description)),
        ("version", _text("1.0.0")),
        ("licence", _text("Apache-2.0")),
    ]
    outputs = "a value" if spec.regression else "a probability"
    parts = [
        "\n".join(f"{key} = {value}" for key, value in head) + "\n",
        _table(
            "[source]",
            [("url", _text("trained by training/")), ("revision", _text(f"data sha256 {result.data.sha256}"))],
        ),
        *_files(folder, result.name),
        *_graph_inputs(result),
        _table(
            "[[inputs]]",
            [
                ("name", _text("features")),
                ("dtype", _text("float32")),
                ("shape", f'["{_rows(result)}", {DIM}]'),
                ("meaning", _text("2048 folded ECFP4 counts, then 110 descriptors under RDKit's names")),
                ("unit", _text("1")),
            ],
        ),
        _table(
            "[[outputs]]",
            [
                ("name", _text("predictions")),
                ("dtype", _text("float32")),
                ("shape", f'["{_rows(result)}", {columns}]'),
                ("meaning", _text(f"{outputs} a task and seed: column = task * {len(spec.seeds)} + seed")),
                ("unit", _text(spec.unit or "1")),
            ],
        ),
        *_endpoints(result),
        _table(
            "[preprocess]",
            [("featuriser", _text(_featuriser(result))), ("featuriser_hash", _text(result.featuriser_hash))],
        ),
        _table(
            "[postprocess]",
            [("mean_over", _text("seeds")), ("sd", _text("sample (divided by the number of seeds less one)"))],
        ),
        _table(
            "[[variants]]",
            [
                ("name", _text("fp32")),
                ("file", _text(f"{result.name}.onnx")),
                ("precision", _text("fp32")),
                ("latency", _text("balanced")),
            ],
        ),
        _table(
            "[training]",
            [
                ("data", _text(f"{spec.dataset}: {spec.provenance}")),
                ("licence", _text(DATA_LICENCE)),
                ("split", _text(DESCRIPTION)),
                ("seeds", str(list(spec.seeds))),
                ("rows", str(len(result.split.train))),
                ("script", _text(f"python -m strata_training {result.name}")),
            ],
        ),
        *_figures(result),
        _table("[golden]", [("file", _text("golden.json")), ("tolerance", repr(TOLERANCE))]),
    ]
    return "\n".join(parts)


def _figure_rows(result: Result) -> str:
    lines = ["| metric | value | n | of |", "| --- | --- | --- | --- |"]
    for figure in result.figures:
        seed = f" (seed {figure.seed})" if "one seed" in figure.note else ""
        lines.append(f"| {figure.metric} | {figure.value:.4g} | {figure.n} | {figure.note}{seed} |")
    return "\n".join(lines)


def _graph_lines(result: Result) -> str:
    part = result.graph
    if part is None:
        return ""
    reach = "all of the encoder below them" if part.whole else "the encoder's last layer"
    where = "" if result.spec.regression else ", before the sigmoid"
    return f"""- Graph part: {len(result.spec.seeds)} heads of {part.hidden} hidden units on the molecule encoder
  ({part.encoder}) and the descriptors, {part.epochs} epochs; {reach} went on
  learning with them. Head s leaves out the rows that member s leaves out.
  Blend: {1 - part.weight:g} trees and perceptron, {part.weight:g} graph{where}.
"""


def _graph_maker(result: Result) -> str:
    return "" if result.graph is None else "; graphs by RDKit"


def _graph_table(result: Result) -> str:
    part = result.graph
    if part is None:
        return ""
    lines = [f"| answer | {part.metric}, valid part (which chose) | {part.metric}, test part |", "| --- | --- | --- |"]
    lines += [f"| {name} | {valid:.4f} | {test:.4f} |" for name, valid, test in part.trials]
    text = "\n".join(lines)
    low, high = part.difference
    held = "; it holds 0" if low <= 0 <= high else ""
    return f"""
Parts and blends beside each other:

{text}

The shipped blend less trees and perceptron on the test part: 95 % interval {low:+.4f} to {high:+.4f} (rows drawn
again with replacement, the same for both){held}.
"""


def readme(result: Result) -> str:
    """A model card for people."""
    spec, data, split, same = result.spec, result.data, result.split, result.parity
    dropped = f"{len(data.dropped)} rows that RDKit cannot read were left out" if data.dropped else "every row was read"
    members = "gradient-boosted trees (LightGBM)"
    if spec.network_weight > 0:
        weights = f"{1 - spec.network_weight:g} : {spec.network_weight:g}"
        members += f" and a perceptron\n  with {spec.network.hidden} hidden units, blended {weights}"
        members += "" if spec.regression else " before the sigmoid"
    chosen = "interval widths" if spec.regression else "class thresholds"
    seeds = ", ".join(map(str, spec.seeds))
    weaknesses = "\n".join(f"- {line}" for line in spec.weaknesses)
    return f"""# {_title(result)}

{spec.description}

## How it was made

- Data: {spec.dataset}, {spec.provenance}.
  {len(data.smiles)} molecules; {dropped}; {data.duplicates} molecules occur
  more than once and were kept, salts were kept as given, so that figures compare with published ones.
- Licence of the data: {DATA_LICENCE}. Licence of the model: Apache-2.0.
- Split: {DESCRIPTION} in DeepChem's order
  ({len(split.train)} train, {len(split.valid)} valid, {len(split.test)} test): whole Murcko scaffolds, without
  chirality, the most frequent ones for training, the rarest for the test.
- Model: {len(spec.seeds)} members (seeds {seeds}), each {members}; {result.trees} trees in all.
  A member leaves out its own tenth of the training rows. The answer is the mean of the members, the
  uncertainty their standard deviation. Nothing was trained on the valid part (it chose settings and
  {chosen}) or on the test part.
{_graph_lines(result)}- Features: {_featuriser(result)}, computed by {result.features_by}{_graph_maker(result)}.
- Again: `cargo xtask train {result.name}`, or `python -m strata_training {result.name}` in `training/`.

## Figures on the test part

{_figure_rows(result)}
{_graph_table(result)}
The ONNX file gives what the trained members give within {same.largest:.1e} on all {same.rows} molecules
of the data ({same.beyond} of them beyond {TOLERANCE:g}).

## Weaknesses

{weaknesses}
- Rare scaffolds are harder than these molecules' average: look at `nn_tanimoto`, the similarity to the nearest
  training molecule. Below about 0.3 a prediction is a guess.
"""
