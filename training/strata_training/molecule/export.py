"""Writes the encoder, and property models with heads on it, as ONNX.

Inputs are those of a D-MPNN: atoms and directed bonds of all molecules of a batch one after the other; property
models take feature rows too. Matrices are float16 in the file and become float32 when the session is made; the
networks are rounded (`halve`) before anything is measured on them, so that figures are those of the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ..export import IR, OPSET, OPSET_ML
from ..features import DIM
from .encoder import Encoder, Size
from .graph import ATOM_DIM, BOND_DIM, Graphs, onnx_inputs, pack
from .tune import Tuned

GRAPH_INPUTS = (
    ("f_atoms", TensorProto.FLOAT, ["atoms", ATOM_DIM]),
    ("f_bonds", TensorProto.FLOAT, ["bonds", ATOM_DIM + BOND_DIM]),
    ("bond_source", TensorProto.INT64, ["bonds"]),
    ("bond_target", TensorProto.INT64, ["bonds"]),
    ("bond_reverse", TensorProto.INT64, ["bonds"]),
    ("atom_mol", TensorProto.INT64, ["atoms"]),
)


def halve(network: nn.Module) -> None:
    """Rounds every matrix to what float16 holds."""
    with torch.no_grad():
        for weight in network.parameters():
            if weight.dim() > 1:
                weight.copy_(weight.half().float())


class Graph:
    """Nodes and constants of an ONNX graph under construction."""

    def __init__(self, prefix: str) -> None:
        self.prefix, self.nodes, self.constants = prefix, [], []

    def node(self, kind: str, inputs: list[str], output: str | None = None, **attributes) -> str:
        """Adds a node with one output; returns its name."""
        name = output or f"{self.prefix}{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, value, name: str | None = None) -> str:
        """Adds a constant; returns its name."""
        name = self.prefix + (name or f"c{len(self.constants)}")
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def matrix(self, value: np.ndarray, name: str | None = None) -> str:
        """Adds a matrix as float16 and its cast, which is folded when the session is made."""
        half = self.constant(value.astype(np.float16), name)
        return self.node("Cast", [half], to=TensorProto.FLOAT)

    def integers(self, *values: int) -> str:
        """Adds a vector of integers."""
        return self.constant(np.array(values, np.int64))


def _weights(layer: nn.Linear) -> np.ndarray:
    return layer.weight.detach().numpy().T


def embed(graph: Graph, encoder: Encoder, output: str | None = None) -> str:
    """Nodes from the six graph inputs to the embedding; molecules are counted by the last atom's."""
    size = encoder.size
    width, one, axis = graph.integers(size.hidden), graph.integers(1), graph.integers(0)
    zero = numpy_helper.from_array(np.zeros(1, np.float32))

    def zeros(rows: str) -> str:
        shape = graph.node("Concat", [rows, width], axis=0)
        return graph.node("ConstantOfShape", [shape], value=zero)

    def column(name: str) -> str:
        return graph.node("Unsqueeze", [name, one])

    def added(start: str, index: str, rows: str) -> str:
        return graph.node("ScatterND", [start, index, rows], reduction="add")

    atoms = graph.node("Slice", [graph.node("Shape", ["f_atoms"]), axis, one])
    last = graph.node("ReduceMax", ["atom_mol"], keepdims=1)
    molecules = graph.node("Add", [last, one])
    target, member, no_atoms = column("bond_target"), column("atom_mol"), zeros(atoms)
    first = np.concatenate([_weights(encoder.atom_in), _weights(encoder.bond_in)])
    start = graph.node("MatMul", ["f_bonds", graph.matrix(first, "first")])
    state = graph.node("Relu", [start])
    for number, step in enumerate(encoder.steps):
        into = graph.node("Gather", [added(no_atoms, target, state), "bond_source"])
        back = graph.node("Gather", [state, "bond_reverse"])
        said = graph.node("MatMul", [graph.node("Sub", [into, back]), graph.matrix(_weights(step), f"step_{number}")])
        state = graph.node("Relu", [graph.node("Add", [start, said])])
    bias = graph.constant(encoder.atom_own.bias.detach().numpy(), "own_bias")
    own = graph.node("Gemm", ["f_atoms", graph.matrix(_weights(encoder.atom_own), "own"), bias])
    ends = added(no_atoms, target, state)
    heard = graph.node("MatMul", [ends, graph.matrix(_weights(encoder.atom_out), "out")])
    vectors = graph.node("Relu", [graph.node("Add", [own, heard])])
    total = added(zeros(molecules), member, vectors)
    shape = graph.node("Concat", [molecules, one], axis=0)
    ones_shape = graph.node("Concat", [atoms, one], axis=0)
    ones = graph.node("ConstantOfShape", [ones_shape], value=numpy_helper.from_array(np.ones(1, np.float32)))
    counts = added(graph.node("ConstantOfShape", [shape], value=zero), member, ones)
    mean = graph.node("Div", [total, counts])
    scaled = graph.node("Div", [total, graph.constant(np.float32(size.usual_atoms), "usual_atoms")])
    both = graph.node("Concat", [mean, scaled], axis=1)
    bias = graph.constant(encoder.pool.bias.detach().numpy(), "pool_bias")
    pooled = graph.node("Gemm", [both, graph.matrix(_weights(encoder.pool), "pool"), bias])
    return graph.node("Relu", [pooled], output)


def read_encoder(path: Path) -> Encoder:
    """The encoder of an ONNX file that `encoder_onnx` wrote: heads start from the file that ships."""
    kept = {item.name: numpy_helper.to_array(item) for item in onnx.load(path).graph.initializer}
    steps = sum(name.startswith("step_") for name in kept)
    size = Size(kept["first"].shape[1], steps, kept["pool"].shape[1], float(kept["usual_atoms"]))
    encoder = Encoder(size)
    pairs = [
        (encoder.atom_in.weight, kept["first"][:ATOM_DIM].T),
        (encoder.bond_in.weight, kept["first"][ATOM_DIM:].T),
        *((step.weight, kept[f"step_{number}"].T) for number, step in enumerate(encoder.steps)),
        (encoder.atom_own.weight, kept["own"].T),
        (encoder.atom_own.bias, kept["own_bias"]),
        (encoder.atom_out.weight, kept["out"].T),
        (encoder.pool.weight, kept["pool"].T),
        (encoder.pool.bias, kept["pool_bias"]),
    ]
    with torch.no_grad():
        for weight, value in pairs:
            weight.copy_(torch.from_numpy(value.astype(np.float32)))
    return encoder


def heads(graph: Graph, tuned: Tuned, embedding: str, weight: float) -> str:
    """Nodes from the embedding and the feature rows to `weight` times the margins."""
    x = embedding
    if tuned.scale is not None:
        scale = tuned.scale
        taken = graph.node("Gather", ["features", graph.constant(scale.columns.astype(np.int64))], axis=1)
        centred = graph.node("Sub", [taken, graph.constant(scale.mean)])
        scaled = graph.node("Mul", [centred, graph.constant(scale.scale)])
        limit = np.float32(scale.limit)
        clipped = graph.node("Clip", [scaled, graph.constant(-limit), graph.constant(limit)])
        x = graph.node("Concat", [embedding, clipped], axis=1)
    own = tuned.heads
    first = graph.node("Gemm", [x, graph.matrix(_weights(own.first)), graph.constant(own.first.bias.detach().numpy())])
    # Blocks of one matrix: hidden units of head s reach only the columns of head s.
    last, seeds, tasks = own.last.detach().numpy(), own.seeds, own.tasks
    units = last.shape[1]
    block = np.zeros((seeds * units, tasks * seeds), np.float32)
    bias = np.empty(tasks * seeds, np.float32)
    for s in range(seeds):
        for t in range(tasks):
            block[s * units : (s + 1) * units, t * seeds + s] = weight * tuned.spread[t] * last[s, :, t]
            bias[t * seeds + s] = weight * (tuned.spread[t] * own.bias[t, s].item() + tuned.centre[t])
    return graph.node("Gemm", [graph.node("Relu", [first]), graph.constant(block), graph.constant(bias)])


def _finish(graph: onnx.GraphProto) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="strata-training", ir_version=IR)
    onnx.checker.check_model(model)
    return model


def encoder_onnx(encoder: Encoder) -> onnx.ModelProto:
    """The encoder alone: graphs to `embedding [molecules, length]`."""
    graph = Graph("")
    embed(graph, encoder, "embedding")
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["molecules", encoder.size.embedding])
    ins = [helper.make_tensor_value_info(*port) for port in GRAPH_INPUTS]
    return _finish(helper.make_graph(graph.nodes, "molecule_encoder", ins, [out], graph.constants))


def margins_model(model: onnx.ModelProto, regression: bool) -> onnx.ModelProto:
    """A property model that stops before its sigmoid; of a regression, the model itself."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    if not regression:
        last = out.graph.node.pop()
        if last.op_type != "Sigmoid":
            raise ValueError(f"expected the model to end in Sigmoid, found {last.op_type}")
        out.graph.output[0].name = last.input[0]
    return out


def blended_onnx(rows_model: onnx.ModelProto, tuned: Tuned, weight: float, regression: bool) -> onnx.ModelProto:
    """The trees and perceptrons of `rows_model`, blended with the heads: (1 - weight) : weight, before the sigmoid."""
    blend = Graph("graph_")
    ours = heads(blend, tuned, embed(blend, tuned.encoder), weight)
    rows = margins_model(rows_model, regression)
    nodes = list(rows.graph.node)
    # The last node made the predictions; now it makes margins, which may bear another name.
    margin = "rows_margins"
    nodes[-1].output[0] = margin
    share = blend.constant(np.float32(1.0 - weight))
    theirs = blend.node("Mul", [margin, share])
    last = blend.node("Add", [theirs, ours], "predictions" if regression else None)
    if not regression:
        blend.node("Sigmoid", [last], "predictions")
    ins = [helper.make_tensor_value_info(*port) for port in GRAPH_INPUTS]
    ins.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["molecules", DIM]))
    columns = tuned.heads.tasks * tuned.heads.seeds
    out = helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["molecules", columns])
    constants = [*rows.graph.initializer, *blend.constants]
    return _finish(helper.make_graph([*nodes, *blend.nodes], rows.graph.name, ins, [out], constants))


def run(model: bytes, graphs: Graphs, features: np.ndarray | None, rows: np.ndarray, batch: int = 64) -> np.ndarray:
    """The ONNX file's answer for the molecules `rows`, in batches, one thread."""
    from ..parity import session

    opened = session(model)
    out = []
    for at in range(0, len(rows), batch):
        part = rows[at : at + batch]
        inputs = onnx_inputs(graphs, pack(graphs, part))
        if features is not None:
            inputs["features"] = features[part]
        out.append(opened.run(None, inputs)[0])
    return np.concatenate(out)
