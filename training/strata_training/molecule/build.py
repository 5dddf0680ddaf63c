"""A shipped property model's sibling that reads graphs too: its trees and perceptrons, blended with encoder heads."""

from __future__ import annotations

import hashlib
import pickle
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
from ..pipeline import Options, _features, cache_folder, calibrated, golden_rows, trained
from ..rust import RustFeaturiser
from ..split import Split, murcko, scaffold_split
from . import encoder as encoder_module
from . import graph, tune
from .export import blended_onnx, halve, margins_model, read_encoder, run
from .graph import FEATURISER as GRAPH
from .graph import graphs_of_smiles, onnx_inputs, pack
from .release import INPUTS, NAME, golden
from .settings import Tuning
from .tasks import TASKS, TRIED
from .tune import Rows, Tuned

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Trial:
    """A blend and its figures on the valid and on the test part."""

    weight: float
    valid: float
    test: float


def figure(spec: ModelSpec, targets: np.ndarray, margins: np.ndarray) -> float:
    """RMSE of the members' mean, or ROC-AUC of their mean probability, averaged over tasks."""
    answers = margins if spec.regression else 1.0 / (1.0 + np.exp(-margins))
    mean = answers.reshape(len(margins), len(spec.tasks), -1).mean(axis=2)
    return rmse(targets[:, 0], mean[:, 0]) if spec.regression else mean_auc(targets, mean)


def trials(spec: ModelSpec, targets: np.ndarray, rows: np.ndarray, by_graph: np.ndarray, parts) -> list[Trial]:
    """Each weight's figures; `rows` and `by_graph` are margins of all molecules."""
    out = []
    for weight in WEIGHTS:
        blend = (1 - weight) * rows + weight * by_graph
        out.append(Trial(weight, *(figure(spec, targets[part], blend[part]) for part in parts)))
    return out


def difference(spec: ModelSpec, targets: np.ndarray, first: np.ndarray, second: np.ndarray, draws: int = 1000):
    """95 % interval of `second`'s figure less `first`'s, both on the same rows drawn with replacement."""
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        rows = rng.integers(0, len(targets), len(targets))
        found.append(figure(spec, targets[rows], second[rows]) - figure(spec, targets[rows], first[rows]))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def best(spec: ModelSpec, tried: list[Trial]) -> Trial:
    """The blend that is best on the valid part; among equals the one with less graph."""
    sign = 1.0 if spec.regression else -1.0
    return min(tried, key=lambda trial: (sign * trial.valid, trial.weight))


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


def tuned_once(spec: ModelSpec, encoder: Path, data: Rows, tuning: Tuning) -> Tuned:
    """Heads of an earlier run with the same rows, settings, encoder and code, else new ones."""
    digest = hashlib.sha256(repr((spec.name, spec.seeds, tuning)).encode())
    for part in (data.features[data.train], data.targets[data.train], data.graphs.atoms, data.graphs.ends):
        digest.update(np.ascontiguousarray(part).tobytes())
    for source in (encoder, *(Path(module.__file__) for module in (tune, graph, encoder_module))):
        digest.update(source.read_bytes())
    kept = cache_folder() / f"{digest.hexdigest()}.heads"
    if kept.is_file():
        print(f"  {spec.name}: heads of an earlier run", flush=True)
        return pickle.loads(kept.read_bytes())
    made = tune.tune(spec, read_encoder(encoder), data, tuning)
    halve(made.encoder)
    halve(made.heads)
    kept.write_bytes(pickle.dumps(made))
    return made


@dataclass(frozen=True)
class Chosen:
    """The way of tuning and the blend that are best on the valid part, and all that was tried."""

    tuning: Tuning
    tuned: Tuned
    trial: Trial
    tried: list[tuple[str, float, float]]
    margins: np.ndarray


def choose(spec: ModelSpec, encoder: Path, data: Rows, by_rows: np.ndarray, split: Split) -> Chosen:
    """Tries the task's ways of tuning, each in all blends; prints them."""
    found, tried = None, []
    sign = 1.0 if spec.regression else -1.0
    for tuning in TRIED[spec.name]:
        words = "whole encoder tuned" if tuning.encoder_share > 0 else "last layer tuned"
        tuned = tuned_once(spec, encoder, data, tuning)
        by_graph = tuned.margins(data.graphs, data.features, np.arange(len(data.targets)))
        own = trials(spec, data.targets, by_rows, by_graph, (split.valid, split.test))
        for trial in own:
            print(f"  {spec.name}: {words}, weight {trial.weight:g}: {trial.valid:.4f} {trial.test:.4f}", flush=True)
        names = {0.0: "trees and perceptron", 1.0: f"graph heads alone, {words}"}
        tried += [
            (names.get(trial.weight, f"blend, {trial.weight:g} graph, {words}"), trial.valid, trial.test)
            for trial in own
            if trial.weight > 0 or not tried
        ]
        top = best(spec, own)
        if found is None or sign * top.valid < sign * found.trial.valid:
            found = Chosen(tuning, tuned, top, tried, by_graph)
    return found


def build(name: str, options: Options) -> Result | None:
    """Trains and writes the sibling `name`-graph; prints what came out. None where the graph does not help."""
    spec = TASKS[name]
    path = options.out / NAME / f"{NAME}.onnx"
    if not path.is_file():
        raise DataError(
            f"{path} is missing: train it first (`cargo xtask train {NAME}`), or name its folder with --out"
        )
    data = load(spec, options.data)
    split = scaffold_split([murcko(text) for text in data.smiles])
    features, maker, _ = _features(data, options)
    both = RustFeaturiser(options.workspace, options.featurise).hash_of(f"{GRAPH}+{FEATURISER}")
    by_features = rows_model(spec, options, features, data.targets, split.train)
    graphs, everything = graphs_of_smiles(data.smiles), np.arange(len(data.smiles))
    stopped = margins_model(by_features, spec.regression).SerializeToString()
    by_rows = parity.run(stopped, features)
    chosen = choose(spec, path, Rows(graphs, features, data.targets, split.train), by_rows, split)
    tuning, weight = chosen.tuning, chosen.trial.weight
    print(f"  {name}: chosen on valid: {tuning}, weight {weight:g}", flush=True)
    if weight == 0:
        print(f"  {name}: the graph does not help; nothing is written", flush=True)
        return None
    raw = blended_onnx(by_features, chosen.tuned, weight, spec.regression).SerializeToString()
    shipped = run(raw, graphs, features, everything)
    expected = (1 - weight) * by_rows + weight * chosen.margins
    test = split.test
    gap = difference(spec, data.targets[test], by_rows[test], expected[test])
    if not spec.regression:
        expected = 1.0 / (1.0 + np.exp(-expected))
    interval, thresholds = calibrated(spec, data.targets[split.valid], shipped[split.valid])
    result = Result(
        spec=spec,
        data=data,
        split=split,
        figures=figures(spec, data.targets[split.test], shipped[split.test], interval),
        featuriser_hash=both,
        features_by=maker,
        interval=interval,
        thresholds=thresholds,
        parity=parity.compare(expected, shipped),
        trees=trees_in(by_features),
        graph=GraphPart(
            weight=weight,
            hidden=tuning.hidden,
            epochs=tuning.epochs,
            whole=tuning.encoder_share > 0,
            inputs=INPUTS,
            featuriser=GRAPH,
            encoder=f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}…",
            trials=tuple(chosen.tried),
            metric="RMSE" if spec.regression else "ROC-AUC",
            difference=gap,
        ),
    )
    rows = golden_rows(split, data.smiles)
    inputs = {**onnx_inputs(graphs, pack(graphs, rows)), "features": features[rows]}
    example = golden([data.smiles[row] for row in rows], inputs, {"predictions": expected[rows]})
    _write(result, options.out / result.name, raw, example)
    same = result.parity
    parity_words = f"ONNX against trained: {same.largest:.1e} over {same.rows}"
    print(f"  {result.name}: {len(raw) / 1e6:.2f} MB; {parity_words}", flush=True)
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
