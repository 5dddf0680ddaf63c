"""A shipped property model's sibling that reads graphs too: its trees and perceptrons, blended with encoder heads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from .. import domain, parity
from ..card import GraphPart, Result, card_toml, readme
from ..config import ModelSpec
from ..data import DataError, load
from ..evaluate import figures, mean_auc
from ..export import to_onnx
from ..features import FEATURISER, rdkit_bits
from ..metrics import rmse
from ..pipeline import Options, _features, calibrated, golden_rows, trained
from ..split import murcko, scaffold_split
from .export import blended_onnx, halve, margins_model, read_encoder, run
from .graph import FEATURISER as GRAPH
from .graph import graphs_of_smiles, onnx_inputs, pack
from .release import INPUTS, NAME, golden
from .settings import Tuning
from .tasks import CHOSEN, TASKS
from .tune import Rows, tune

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Trial:
    """A blend and its figures on the valid and on the test part."""

    weight: float
    valid: float
    test: float


def figure(spec: ModelSpec, targets: np.ndarray, margins: np.ndarray) -> float:
    """RMSE of the members' mean, or its ROC-AUC averaged over tasks."""
    mean = margins.reshape(len(margins), len(spec.tasks), -1).mean(axis=2)
    return rmse(targets[:, 0], mean[:, 0]) if spec.regression else mean_auc(targets, mean)


def trials(spec: ModelSpec, targets: np.ndarray, rows: np.ndarray, graph: np.ndarray, parts) -> list[Trial]:
    """Each weight's figures; `rows` and `graph` are margins of all molecules."""
    out = []
    for weight in WEIGHTS:
        blend = (1 - weight) * rows + weight * graph
        out.append(Trial(weight, *(figure(spec, targets[part], blend[part]) for part in parts)))
    return out


def best(spec: ModelSpec, tried: list[Trial]) -> Trial:
    """The blend that is best on the valid part; among equals the one with less graph."""
    sign = 1.0 if spec.regression else -1.0
    return min(tried, key=lambda trial: (sign * trial.valid, trial.weight))


def graph_hash(options: Options, rows_hash: str) -> str:
    """Hash of graph and rows together, as the screening program computes it."""
    from ..rust import RustFeaturiser

    own = RustFeaturiser(options.workspace, options.featurise).hash_of(GRAPH)
    return hashlib.sha256(f"{GRAPH}+{FEATURISER}\n{own}\n{rows_hash}".encode()).hexdigest()


def rows_model(spec: ModelSpec, options: Options, features: np.ndarray, targets: np.ndarray, train: np.ndarray):
    """The shipped trees and perceptrons as ONNX; a task that has no shipped model trains them."""
    shipped = options.out / spec.name / f"{spec.name}.onnx"
    if shipped.is_file():
        return onnx.load(shipped)
    return to_onnx(trained(spec, features, targets, train))


def trees_in(model: onnx.ModelProto) -> int:
    """Trees of all members together."""
    trees = 0
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_treeids":
                trees += len(set(attribute.ints))
    return trees


def build(name: str, options: Options, tuning: Tuning | None = None) -> Result:
    """Trains and writes the sibling `name`-graph; prints what came out."""
    spec, tuning = TASKS[name], tuning or CHOSEN.get(name, Tuning())
    path = options.out / NAME / f"{NAME}.onnx"
    if not path.is_file():
        raise DataError(
            f"{path} is missing: train it first (`cargo xtask train {NAME}`), or name its folder with --out"
        )
    data = load(spec, options.data)
    split = scaffold_split([murcko(text) for text in data.smiles])
    features, maker, digest = _features(data, options)
    by_features = rows_model(spec, options, features, data.targets, split.train)
    graphs, everything = graphs_of_smiles(data.smiles), np.arange(len(data.smiles))
    tuned = tune(spec, read_encoder(path), Rows(graphs, features, data.targets, split.train), tuning)
    halve(tuned.encoder)
    halve(tuned.heads)
    stopped = margins_model(by_features, spec.regression).SerializeToString()
    by_rows, by_graph = parity.run(stopped, features), tuned.margins(graphs, features, everything)
    tried = trials(spec, data.targets, by_rows, by_graph, (split.valid, split.test))
    chosen = best(spec, tried)
    for trial in tried:
        mark = " chosen" if trial == chosen else ""
        print(f"  {name}: weight {trial.weight:g} valid {trial.valid:.4f} test {trial.test:.4f}{mark}", flush=True)
    raw = blended_onnx(by_features, tuned, chosen.weight, spec.regression).SerializeToString()
    shipped = run(raw, graphs, features, everything)
    expected = (1 - chosen.weight) * by_rows + chosen.weight * by_graph
    if not spec.regression:
        expected = 1.0 / (1.0 + np.exp(-expected))
    interval, thresholds = calibrated(spec, data.targets[split.valid], shipped[split.valid])
    words = {0.0: "trees and perceptron", 1.0: "graph heads alone"}
    result = Result(
        spec=spec,
        data=data,
        split=split,
        figures=figures(spec, data.targets[split.test], shipped[split.test], interval),
        featuriser_hash=graph_hash(options, digest),
        features_by=maker,
        interval=interval,
        thresholds=thresholds,
        parity=parity.compare(expected, shipped),
        trees=trees_in(by_features),
        graph=GraphPart(
            weight=chosen.weight,
            hidden=tuning.hidden,
            epochs=tuning.epochs,
            whole=tuning.encoder_share > 0,
            inputs=INPUTS,
            featuriser=GRAPH,
            encoder=f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}…",
            trials=tuple((words.get(t.weight, f"blend, {t.weight:g} graph"), t.valid, t.test) for t in tried),
            metric="RMSE" if spec.regression else "ROC-AUC",
        ),
    )
    rows = golden_rows(split, data.smiles)
    inputs = {**onnx_inputs(graphs, pack(graphs, rows)), "features": features[rows]}
    example = golden([data.smiles[row] for row in rows], inputs, {"predictions": expected[rows]})
    _write(result, options.out / result.name, raw, example)
    same = result.parity
    gap = f"ONNX against trained: {same.largest:.1e} over {same.rows}"
    print(f"  {result.name}: {len(raw) / 1e6:.2f} MB; {gap}", flush=True)
    return result


def _write(result: Result, folder: Path, raw: bytes, example: str) -> None:
    data, train = result.data, result.split.train
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.name}.onnx").write_bytes(raw)
    masks = domain.masks_of(data.targets[train])
    bits = rdkit_bits([data.smiles[row] for row in train])
    (folder / "domain.bin").write_bytes(domain.encode([task.name for task in result.spec.tasks], masks, bits))
    (folder / "golden.json").write_text(example + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(result), encoding="utf-8")
    (folder / "card.toml").write_text(card_toml(result, folder), encoding="utf-8")
