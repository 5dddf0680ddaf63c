"""From a data file to a finished model folder: features, split, members, figures, files."""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import domain, members, network, parity
from .card import Result, card_toml, readme
from .config import ModelSpec
from .conformal import Conformal, best_threshold, calibrate
from .data import Data, load
from .evaluate import by_task, figures
from .export import to_onnx
from .features import FEATURISER, rdkit_bits, rdkit_features
from .members import Ensemble
from .rust import RustFeaturiser
from .split import Split, murcko, scaffold_split

GOLDEN_ROWS = 8


@dataclass(frozen=True)
class Options:
    """Where data come from, where models go, who computes features."""

    data: Path
    out: Path
    features: str
    featurise: list[str] | None
    compare: bool
    workspace: Path


def cached(key: str, smiles: list[str], make) -> np.ndarray:
    """Features by maker and molecules; they take longer than the training."""
    digest = hashlib.sha256("\n".join([key, *smiles]).encode()).hexdigest()
    path = cache_folder() / f"{digest}.npz"
    if path.is_file():
        return np.load(path)["features"]
    values = make(smiles)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, features=values)
    part.replace(path)
    return values


def cache_folder() -> Path:
    """Where features and members of earlier runs are kept."""
    base = os.environ.get("STRATA_CACHE")
    if base is None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "strata"
    folder = Path(base) / "training"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def trained(spec: ModelSpec, features: np.ndarray, targets: np.ndarray, rows: np.ndarray) -> Ensemble:
    """Members of an earlier run with the same rows, settings and training code, else new ones: training is
    deterministic, so they are the same members."""
    digest = hashlib.sha256(repr((spec.trees, spec.rounds, spec.network, spec.network_weight, spec.seeds)).encode())
    for part in (np.ascontiguousarray(features[rows]), np.ascontiguousarray(targets[rows])):
        digest.update(part.tobytes())
    for module in (members, network):
        digest.update(Path(module.__file__).read_bytes())
    path = cache_folder() / f"{digest.hexdigest()}.members"
    if path.is_file():
        print(f"  {spec.name}: members of an earlier run with the same training rows", flush=True)
        return Ensemble(spec, pickle.loads(path.read_bytes()))
    ensemble = members.train_ensemble(spec, features, targets, rows)
    path.write_bytes(pickle.dumps(ensemble.members))
    return ensemble


def calibrated(
    spec: ModelSpec, targets: np.ndarray, predictions: np.ndarray
) -> tuple[Conformal | None, list[float | None]]:
    """Interval (regression) or class thresholds (classification) from the valid part."""
    seeds = by_task(predictions, len(spec.tasks))
    mean = seeds.mean(axis=2)
    if spec.regression:
        return calibrate(targets[:, 0], mean[:, 0], seeds[:, 0].std(axis=1, ddof=1)), [None]
    thresholds: list[float | None] = []
    for t in range(len(spec.tasks)):
        known = ~np.isnan(targets[:, t])
        truth = targets[known, t]
        both = 0 < truth.sum() < len(truth)
        thresholds.append(best_threshold(truth, mean[known, t]) if both else 0.5)
    return None, thresholds


def golden_rows(split: Split, smiles: list[str]) -> np.ndarray:
    """Test molecules spread over the file, none of them huge."""
    fit = [row for row in split.test if len(smiles[row]) <= 120]
    return np.array(fit)[np.linspace(0, len(fit) - 1, GOLDEN_ROWS).astype(int)]


def build(spec: ModelSpec, options: Options) -> Result:
    """Trains one model and writes its folder; prints what came out."""
    data = load(spec, options.data)
    print(f"{spec.name}: {len(data.smiles)} molecules, {len(data.dropped)} left out", flush=True)
    split = scaffold_split([murcko(text) for text in data.smiles])
    features, maker, digest = _features(data, options)
    ensemble = trained(spec, features, data.targets, split.train)
    raw = to_onnx(ensemble).SerializeToString()
    # Everything from here on is measured on the file that ships.
    shipped = parity.run(raw, features)
    interval, thresholds = calibrated(spec, data.targets[split.valid], shipped[split.valid])
    result = Result(
        spec=spec,
        data=data,
        split=split,
        figures=figures(spec, data.targets[split.test], shipped[split.test], interval),
        featuriser_hash=digest,
        features_by=maker,
        interval=interval,
        thresholds=thresholds,
        parity=parity.compare(ensemble.predict(features), shipped),
        trees=ensemble.trees(),
    )
    _write(result, options.out / spec.name, raw, ensemble, features)
    _report(result, raw, features)
    if options.compare:
        _compare_makers(ensemble, data, shipped)
    return result


def _features(data: Data, options: Options) -> tuple[np.ndarray, str, str]:
    """Features, who made them, and the featuriser's hash."""
    if options.features == "rdkit":
        return cached(f"rdkit {FEATURISER}", data.smiles, rdkit_features), "RDKit", "rdkit"
    rust = RustFeaturiser(options.workspace, options.featurise)
    digest = rust.hash()
    made = cached(f"rust {FEATURISER} {digest}", data.smiles, rust.features)
    return made, "the screening program's own featuriser", digest


def _write(result: Result, folder: Path, raw: bytes, ensemble: Ensemble, features: np.ndarray) -> None:
    spec, data, train = result.spec, result.data, result.split.train
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{spec.name}.onnx").write_bytes(raw)
    masks = domain.masks_of(data.targets[train])
    bits = rdkit_bits([data.smiles[row] for row in train])
    (folder / "domain.bin").write_bytes(domain.encode([task.name for task in spec.tasks], masks, bits))
    rows = golden_rows(result.split, data.smiles)
    golden = parity.golden(ensemble, [data.smiles[row] for row in rows], features[rows])
    (folder / "golden.json").write_text(golden + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(result), encoding="utf-8")
    (folder / "card.toml").write_text(card_toml(result, folder), encoding="utf-8")


def _report(result: Result, raw: bytes, features: np.ndarray) -> None:
    spec = result.spec
    for figure in result.figures:
        print(f"  {spec.name} {figure.metric} {figure.value:.4f} n={figure.n} {figure.note} seed {figure.seed}")
    cost = parity.microseconds(raw, features)
    same = result.parity
    print(
        f"  {spec.name}: {len(raw) / 1e6:.2f} MB, {result.trees} trees, {cost:.1f} us/molecule; "
        f"ONNX against trained: {same.largest:.1e} over {same.rows}, {same.beyond} beyond {parity.TOLERANCE:g}",
        flush=True,
    )


def _compare_makers(ensemble: Ensemble, data: Data, shipped: np.ndarray) -> None:
    """RDKit's features through the trained ensemble, against the shipped file on the shipped features."""
    reference = cached(f"rdkit {FEATURISER}", data.smiles, rdkit_features)
    predicted = ensemble.predict(reference)
    same = parity.compare(predicted, shipped)
    print(f"  RDKit to ensemble against featuriser to ONNX: {same.largest:.2e} over {same.rows}, {same.beyond} beyond")
    gap = np.abs(predicted - shipped).max(axis=1)
    for row in np.argsort(-gap)[:10]:
        if gap[row] > parity.TOLERANCE:
            print(f"    {gap[row]:.2e}  {data.smiles[row]}")
