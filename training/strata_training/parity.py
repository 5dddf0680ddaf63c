"""Runs the written ONNX file, compares it with what was trained, and times it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import numpy as np

from .members import Ensemble

TOLERANCE = 1e-4


def session(model: bytes):
    """One thread, as a worker of the screen runs it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: bytes, features: np.ndarray, batch: int = 256) -> np.ndarray:
    """Predictions of the ONNX file, in batches."""
    s = session(model)
    parts = [s.run(None, {"features": features[i : i + batch]})[0] for i in range(0, len(features), batch)]
    return np.concatenate(parts)


@dataclass(frozen=True)
class Parity:
    """Largest absolute difference, over how many molecules, and how many of them beyond the tolerance."""

    largest: float
    rows: int
    beyond: int


def compare(expected: np.ndarray, found: np.ndarray) -> Parity:
    """Differences by row."""
    gap = np.abs(expected - found).max(axis=1)
    return Parity(float(gap.max()), len(gap), int((gap > TOLERANCE).sum()))


def microseconds(model: bytes, features: np.ndarray, batch: int = 256, repeats: int = 7) -> float:
    """CPU microseconds a molecule, least of several runs (the machine may be busy with other work)."""
    s = session(model)
    block = np.ascontiguousarray(features[np.arange(batch) % len(features)])
    times = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(4):
            s.run(None, {"features": block})
        times.append((time.process_time() - start) / 4 / batch * 1e6)
    return min(times)


def golden(ensemble: Ensemble, smiles: list[str], features: np.ndarray) -> str:
    """The golden example: features in, what the trained ensemble (not the ONNX file) says out."""
    expected = ensemble.predict(features)
    numbers = [int(v) if v == int(v) else float(np.format_float_positional(v)) for v in features.ravel()]
    return json.dumps(
        {
            "smiles": smiles,
            "inputs": {"features": {"shape": list(features.shape), "data": numbers}},
            "outputs": {
                "predictions": {
                    "shape": list(expected.shape),
                    "data": [round(float(v), 7) for v in expected.ravel()],
                }
            },
            "tolerance": TOLERANCE,
        },
        separators=(",", ":"),
    )
