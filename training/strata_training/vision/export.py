"""Writes a trained detector back into the graph it was built from, and shows that the file says the same.

The structure is the public graph's; weights are replaced, the head has other classes, the batch (`N`) and the
picture's height and width (`H`, `W`, multiples of 32) are open. Open sizes let the golden example be a picture of
64 x 64, so that it stays small; the card names the size the model was trained for.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from .network import Detector, flatten

IR = 8
TOLERANCE = 1e-4
GOLDEN_SIZE = 64
GOLDEN_TOLERANCE = 5e-4  # other processors add in another order


def to_onnx(model: Detector, graph_path: Path, name: str) -> onnx.ModelProto:
    """The graph with `model`'s weights; `model` must be trained (with norms) or folded already."""
    folded = copy.deepcopy(model).eval()
    folded.fold_norm()
    source = onnx.load(graph_path)
    graph = source.graph
    trained = {}
    for step, (weight, bias) in folded.weight_names.items():
        conv = folded.convs[step]
        trained[weight] = conv.weight.detach().numpy()
        trained[bias] = conv.bias.detach().numpy()
    width = 5 + folded.classes
    shapes = {n.input[1] for n in graph.node if n.op_type == "Reshape"}
    constants = []
    for tensor in graph.initializer:
        if tensor.name in shapes:
            value = np.array([0, width, -1], np.int64)  # 0 keeps the batch
        else:
            value = np.ascontiguousarray(trained.get(tensor.name, numpy_helper.to_array(tensor)))
        constants.append(numpy_helper.from_array(value, tensor.name))
    made = helper.make_graph(
        list(graph.node),
        name,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", "A", width])],
        constants,
    )
    opsets = [helper.make_opsetid("", source.opset_import[0].version)]
    result = helper.make_model(made, opset_imports=opsets, producer_name="strata-training", ir_version=IR)
    onnx.checker.check_model(result)
    return result


@torch.no_grad()
def answer(model: Detector, images: np.ndarray) -> np.ndarray:
    """What the ONNX output should be, by torch with norms unfolded: scores after the sigmoid."""
    flat = flatten(model.eval()(torch.from_numpy(images).float()))
    return torch.cat([flat[..., :4], flat[..., 4:].sigmoid()], -1).numpy()


def session(model: bytes, threads: int = 1):
    """An ONNX Runtime session on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@dataclass(frozen=True)
class Parity:
    """Largest absolute differences between the file and torch: of boxes (in strides) and of scores."""

    boxes: float
    scores: float

    def check(self, name: str) -> None:
        """Refuses a file whose answers are not the trained ones."""
        if self.scores > TOLERANCE or self.boxes > GOLDEN_TOLERANCE:
            raise ValueError(f"{name}: ONNX Runtime is {self.boxes:.1e} (boxes), {self.scores:.1e} (scores) from torch")


def parity(model: Detector, file: bytes, images: np.ndarray) -> Parity:
    """Compares with batches of 1 and of 3."""
    s = session(file)
    boxes = scores = 0.0
    for size in (1, 3):
        for start in range(0, len(images) - size + 1, size):
            part = np.ascontiguousarray(images[start : start + size], np.float32)
            gap = np.abs(s.run(None, {"images": part})[0] - answer(model, part))
            boxes, scores = max(boxes, float(gap[..., :4].max())), max(scores, float(gap[..., 4:].max()))
    return Parity(boxes, scores)


def number(value: float):
    """A float32 with as few digits as bring it back."""
    value = float(np.format_float_positional(np.float32(value), unique=True))
    return int(value) if value == int(value) else value


def array(values: np.ndarray) -> dict:
    """An array as the golden example has it: shape and numbers, rows first."""
    flat = values.ravel()
    integers = np.issubdtype(values.dtype, np.integer)
    data = [int(v) for v in flat] if integers else [number(v) for v in flat]
    return {"shape": list(values.shape), "data": data}


def golden(inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> str:
    """The golden example: `inputs` and what torch (not the ONNX file) says."""
    example = {
        "inputs": {name: array(value) for name, value in inputs.items()},
        "outputs": {name: array(value.astype(np.float32)) for name, value in outputs.items()},
        "tolerance": GOLDEN_TOLERANCE,
    }
    return json.dumps(example, separators=(",", ":"))


def detector_golden(model: Detector, picture: np.ndarray) -> str:
    """The golden example of a detector, from a BGR picture shrunk to 64 x 64."""
    import cv2

    small = cv2.resize(picture, (GOLDEN_SIZE, GOLDEN_SIZE), interpolation=cv2.INTER_AREA)
    images = np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32)
    return golden({"images": images}, {"output": answer(model, images)})
