"""Writes the scorer as one ONNX graph and compares it with torch.

`features [N, F]` (candidates of one passage, or of several one after another) to `scores [N]`.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .network import LIMIT, Scorer, score

OPSET, IR = 17, 8
TOLERANCE = 1e-4


def to_onnx(models: list[Scorer], name: str) -> onnx.ModelProto:
    """One graph for all seeds: a joint first layer, a second one a seed, and the mean of the scores."""
    tell = lambda tensor: tensor.detach().numpy()  # noqa: E731
    width = models[0].first.in_features
    hidden = models[0].first.out_features
    constants = {
        "mean": tell(models[0].mean),
        "scale": tell(models[0].scale),
        "low": np.array(-LIMIT, np.float32),
        "high": np.array(LIMIT, np.float32),
        "w1": np.concatenate([tell(m.first.weight).T for m in models], 1),
        "b1": np.concatenate([tell(m.first.bias) for m in models]),
        "parts": np.full(len(models), hidden, np.int64),
        "w3": np.concatenate([tell(m.last.weight).T for m in models]) / np.float32(len(models)),
        "b3": (sum(tell(m.last.bias) for m in models) / len(models)).astype(np.float32),
        "flat": np.array([-1], np.int64),
    }
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["x"]),
        helper.make_node("Gemm", ["x", "w1", "b1"], ["pre"]),
        helper.make_node("Relu", ["pre"], ["hidden"]),
        helper.make_node("Split", ["hidden", "parts"], [f"part_{k}" for k in range(len(models))], axis=1),
    ]
    for k, model in enumerate(models):
        constants |= {f"w2_{k}": np.ascontiguousarray(tell(model.second.weight).T), f"b2_{k}": tell(model.second.bias)}
        nodes.append(helper.make_node("Gemm", [f"part_{k}", f"w2_{k}", f"b2_{k}"], [f"pre_{k}"]))
        nodes.append(helper.make_node("Relu", [f"pre_{k}"], [f"hidden_{k}"]))
    nodes += [
        helper.make_node("Concat", [f"hidden_{k}" for k in range(len(models))], ["joined"], axis=1),
        helper.make_node("Gemm", ["joined", "w3", "b3"], ["column"]),
        helper.make_node("Reshape", ["column", "flat"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(np.ascontiguousarray(value), key) for key, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, producer_name="strata-training", ir_version=IR)
    onnx.checker.check_model(made)
    return made


def session(file: bytes):
    """An ONNX Runtime session on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def parity(models: list[Scorer], file: bytes, passages: list[np.ndarray]) -> float:
    """Largest difference between the file's scores and torch's."""
    run = session(file)
    gaps = [np.abs(run.run(None, {"features": x})[0] - score(models, x)).max() for x in passages if len(x)]
    return float(max(gaps))
