"""The ONNX graph of the message passing network equals the reference, on random weights."""

import numpy as np
import pytest

pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")

from strata_training.admet import card, network
from strata_training.admet.checkpoints import SHA256, Member


def member(seed: int, scaled: bool) -> Member:
    rng = np.random.default_rng(seed)

    def weight(*shape):
        return (rng.standard_normal(shape) * 0.05).astype(np.float32)

    weights = {
        network.W_IN: weight(300, 147),
        network.W_HIDDEN: weight(300, 300),
        network.W_OUT: weight(300, 433),
        network.B_OUT: weight(300),
        "readout.1.weight": weight(300, 500),
        "readout.1.bias": weight(300),
        "readout.4.weight": weight(2, 300),
        "readout.4.bias": weight(2),
    }
    scale = np.array([2.0, 3.0], np.float32) if scaled else None
    return Member(weights, ["a", "b"], scale, scale)


def inputs() -> dict[str, np.ndarray]:
    """Two molecules: a chain of three atoms, and an atom alone."""
    rng = np.random.default_rng(0)
    ends = [(0, 1), (1, 0), (1, 2), (2, 1)]
    return {
        "f_atoms": rng.random((4, 133), np.float32),
        "f_bonds": rng.random((4, 147), np.float32),
        "bond_source": np.array([a for a, _ in ends], np.int64),
        "bond_target": np.array([b for _, b in ends], np.int64),
        "bond_reverse": np.array([1, 0, 3, 2], np.int64),
        "atom_mol": np.array([0, 0, 0, 1], np.int64),
        "features": rng.random((2, 200), np.float32),
    }


@pytest.mark.parametrize("scaled", [False, True])
def test_graph_equals_reference(scaled):
    members = [member(seed, scaled) for seed in range(2)]
    session = onnxruntime.InferenceSession(network.onnx_model(members).SerializeToString())
    given = inputs()
    expected = np.mean([network.forward(one, given) for one in members], axis=0)
    assert np.abs(session.run(None, given)[0] - expected).max() < 1e-5


def test_every_endpoint_has_a_group_and_a_unit():
    table = card.endpoints()
    assert len(table) == 41
    assert {row["group"] for row in table} == {"Absorption", "Distribution", "Metabolism", "Excretion", "Toxicity"}
    assert all(row["unit"] and row["task"] in ("classification", "regression") for row in table)
    assert [len(files) for files in SHA256.values()] == [5, 5]
