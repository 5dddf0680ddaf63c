"""Writes a `Forecaster` as ONNX without a batch axis, its block boundaries named, and compares it with torch."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .network import Forecaster

IR, OPSET = 8, 17
INPUTS, OUTPUTS = ("input", "input_surface"), ("output", "output_surface")
TOLERANCE = 1e-4  # of a field's standard deviation


class Unbatched(nn.Module):
    """The network as the file has it: one state without a batch axis; and what goes from block to block."""

    def __init__(self, model: Forecaster):
        super().__init__()
        self.model = model
        self.names: list[str] = []

    def forward(self, upper: Tensor, surface: Tensor) -> tuple[Tensor, ...]:
        """Outputs, then the tensors of `names`."""
        self.names, cuts = [], []

        def keep(name: str, tensor: Tensor) -> None:
            self.names.append(name)
            cuts.append(tensor)

        later, later_surface = self.model(upper[None], surface[None], keep)
        return later[0], later_surface[0], *cuts


@contextlib.contextmanager
def each_weight_its_own():
    """Weights that hold nothing look all alike; the exporter must not take them for one."""
    passes = torch._C
    merge = passes._jit_pass_onnx_deduplicate_initializers
    passes._jit_pass_onnx_deduplicate_initializers = lambda graph, weights, training: weights
    try:
        yield
    finally:
        passes._jit_pass_onnx_deduplicate_initializers = merge


def traced(model: Forecaster) -> onnx.ModelProto:
    """The graph with weights as inputs, from a copy that holds none: nothing is computed, whatever the size."""
    empty = Unbatched(copy.deepcopy(model).to("meta").eval())
    for module in empty.modules():
        module._non_persistent_buffers_set = set()  # so that they become inputs too
    s = model.sizes
    upper = torch.empty(s.variables, s.levels, s.latitudes, s.longitudes, device="meta")
    surface = torch.empty(s.surface, s.latitudes, s.longitudes, device="meta")
    with torch.no_grad(), each_weight_its_own():
        empty(upper, surface)
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                empty, (upper, surface), file, export_params=False, input_names=list(INPUTS),
                output_names=[*OUTPUTS, *empty.names], opset_version=OPSET, do_constant_folding=False, dynamo=False,
            )  # fmt: skip
    return onnx.load_from_string(file.getvalue())


def to_onnx(model: Forecaster, name: str) -> onnx.ModelProto:
    """The model's file. Tensors named `block_N_output`, `downsample_output`, … are where it can be cut."""
    source = traced(model)
    graph = source.graph
    weights = {f"model.{key}": value for key, value in [*model.named_parameters(), *model.named_buffers()]}
    constants, tables = list(graph.initializer), {}
    for port in graph.input:
        if port.name not in INPUTS:
            array = np.ascontiguousarray(weights[port.name].detach().numpy())
            if array.dtype == np.int64:  # tables of places: many blocks have the same
                tables[port.name] = tables.get((array.shape, array.tobytes()), port.name)
                if tables[port.name] != port.name:
                    continue
                tables[array.shape, array.tobytes()] = port.name
            constants.append(numpy_helper.from_array(array, port.name))
    for node in graph.node:
        node.ClearField("name")
        node.input[:] = [tables.get(name, name) for name in node.input]
    s = model.sizes
    shapes = ((s.variables, s.levels, s.latitudes, s.longitudes), (s.surface, s.latitudes, s.longitudes))
    ports = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in zip(names, shapes, strict=True)]
        for names in (INPUTS, OUTPUTS)
    ]
    made = helper.make_graph(list(graph.node), name, ports[0], ports[1], constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opsets, producer_name="strata-training", ir_version=IR)


def session(file: bytes | str | Path, threads: int = 1):
    """An ONNX Runtime session on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    source = str(file) if isinstance(file, Path) else file
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@torch.no_grad()
def answer(model: Forecaster, upper: np.ndarray, surface: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the file should say, by torch."""
    later, later_surface = model(torch.from_numpy(upper)[None], torch.from_numpy(surface)[None])
    return later[0].numpy(), later_surface[0].numpy()


def gap(model: Forecaster, file: bytes, states: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Largest difference of ONNX Runtime from torch, in standard deviations of each field; refuses one over 1e-4."""
    run, found = session(file), 0.0
    scales = (model.sd_upper.numpy(), model.sd_surface.numpy())
    for state in states:
        said = run.run(None, dict(zip(INPUTS, state, strict=True)))
        for its, right, scale in zip(said, answer(model, *state), scales, strict=True):
            found = max(found, float((np.abs(its - right) / scale).max()))
    if not found <= TOLERANCE:
        raise ValueError(f"ONNX Runtime is {found:.1e} standard deviations from torch")
    return found
