"""The ONNX file decides as LightGBM does, also for features that sit exactly on a threshold."""

import numpy as np
import pytest

from strata_training import domain, parity
from strata_training.config import ModelSpec, Task
from strata_training.export import floor_float32, to_onnx
from strata_training.features import COUNTS, DESCRIPTORS, DIM
from strata_training.members import train_ensemble
from strata_training.network import NetworkSettings


def _spec(regression: bool, network_weight: float) -> ModelSpec:
    tasks = (Task("a", "A", "A"),) if regression else (Task("a", "A", "A"), Task("b", "B", "B"))
    return ModelSpec(
        name="tiny",
        title="tiny",
        description="tiny",
        dataset="made here",
        file="none.csv",
        tasks=tasks,
        provenance="random numbers",
        weaknesses=(),
        unit="1" if regression else None,
        trees={"num_leaves": 7, "min_data_in_leaf": 5, "bagging_fraction": 0.8, "feature_fraction": 0.5},
        rounds=12,
        network=NetworkSettings(hidden=8, epochs=3),
        network_weight=network_weight,
        seeds=(0, 1),
    )


def _data(rows: int = 200):
    rng = np.random.default_rng(5)
    features = np.zeros((rows, DIM), np.float32)
    features[:, :40] = rng.poisson(0.7, (rows, 40))
    features[:, COUNTS:] = rng.normal(0, 3, (rows, DIM - COUNTS)).astype(np.float32)
    value = features[:, 0] + features[:, COUNTS] + 0.1 * rng.normal(size=rows)
    labels = np.stack([value > 0.5, features[:, 1] > 0], axis=1).astype(float)
    labels[::9, 1] = np.nan
    return features, value[:, None], labels


@pytest.mark.parametrize("regression", [True, False])
@pytest.mark.parametrize("network_weight", [0.0, 0.5])
def test_file_equals_ensemble(regression, network_weight):
    features, value, labels = _data()
    spec = _spec(regression, network_weight)
    ensemble = train_ensemble(spec, features, value if regression else labels, np.arange(150))
    found = parity.run(to_onnx(ensemble).SerializeToString(), features, batch=64)
    assert found.shape == (200, len(spec.tasks) * 2)
    assert parity.compare(ensemble.predict(features), found).largest < 1e-5
    assert found.std() > 0.01


def test_training_is_deterministic():
    features, value, _ = _data()
    files = [
        to_onnx(train_ensemble(_spec(True, 0.5), features, value, np.arange(150))).SerializeToString() for _ in range(2)
    ]
    assert files[0] == files[1]


def test_thresholds_on_features_do_not_flip():
    features, value, _ = _data()
    ensemble = train_ensemble(_spec(True, 0.0), features, value, np.arange(150))
    probes = []
    for tree in ensemble.members[0].boosters[0].dump_model()["tree_info"]:
        node = tree["tree_structure"]
        for near in (-1, 0, 1):
            row = features[0].copy()
            at = np.float32(node["threshold"])
            row[node["split_feature"]] = at if near == 0 else np.nextafter(at, np.float32(near * np.inf))
            probes.append(row)
    probes = np.stack(probes)
    found = parity.run(to_onnx(ensemble).SerializeToString(), probes)
    assert parity.compare(ensemble.predict(probes), found).largest < 1e-5


def test_floor_is_never_above():
    for value in (0.1, 1 / 3, -2.7, 1e-35, 12345.678):
        rounded = floor_float32(value)
        assert float(rounded) <= value < float(np.nextafter(rounded, np.float32(np.inf)))


def test_domain_joins_equal_fingerprints():
    raw = domain.encode(["x", "y"], [1, 2, 0, 2], [[0, 300], [0, 300], [5], [7]])
    assert raw[:8] == b"STRDOM01"
    tail = raw[8 + 12 + 2 * 3 :]
    assert tail == b"\x02\x00\x00\x00" + b"\x03\x00\x02\x00\xac\x02" + b"\x02\x00\x01\x07"


def test_descriptor_list_is_whole():
    assert len(DESCRIPTORS) == len(set(DESCRIPTORS)) == 110
    descriptors = pytest.importorskip("rdkit.Chem.Descriptors")
    assert set(DESCRIPTORS) <= {name for name, _ in descriptors.descList}
