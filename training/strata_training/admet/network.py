"""The directed message passing network of Chemprop version 1: in PyTorch as the reference, and as an ONNX graph.

Inputs, as `graph.py` makes them: f_atoms, f_bonds, bond_source, bond_target, bond_reverse, atom_mol and
a row of features a molecule. Yang et al., J. Chem. Inf. Model. 2019, 59, 3370: messages live on directed bonds; a bond's
message is what arrives at its source less what its own reverse brings.
"""

from __future__ import annotations

import numpy as np

from .checkpoints import Member

W_IN, W_HIDDEN, W_OUT = "encoder.encoder.0.W_i.weight", "encoder.encoder.0.W_h.weight", "encoder.encoder.0.W_o.weight"
B_OUT = "encoder.encoder.0.W_o.bias"
STEPS = 2
OPSET, IR = 18, 9


def head(member: Member) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and biases of the feed-forward head, in order."""
    names = sorted({name.rsplit(".", 1)[0] for name in member.weights if name.startswith(("readout.", "ffn."))})
    names.sort(key=lambda name: int(name.rsplit(".", 1)[1]))
    return [(member.weights[f"{name}.weight"], member.weights[f"{name}.bias"]) for name in names]


def forward(member: Member, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The reference: one member's predictions, in 64 bits."""
    import torch

    at = {name: torch.from_numpy(value) for name, value in inputs.items()}
    weight = {name: torch.from_numpy(value).double() for name, value in member.weights.items()}
    atoms, molecules = len(at["f_atoms"]), len(at["features"])
    start = at["f_bonds"].double() @ weight[W_IN].T
    message = start.relu()

    def arriving(message):
        return torch.zeros(atoms, message.shape[1], dtype=message.dtype).index_add_(0, at["bond_target"], message)

    for _ in range(STEPS):
        less = arriving(message)[at["bond_source"]] - message[at["bond_reverse"]]
        message = (start + less @ weight[W_HIDDEN].T).relu()
    seen = torch.cat([at["f_atoms"].double(), arriving(message)], 1)
    hidden = (seen @ weight[W_OUT].T + weight[B_OUT]).relu()
    sums = torch.zeros(molecules, hidden.shape[1], dtype=hidden.dtype).index_add_(0, at["atom_mol"], hidden)
    count = torch.zeros(molecules, dtype=hidden.dtype).index_add_(0, at["atom_mol"], torch.ones(atoms, dtype=hidden.dtype))
    value = torch.cat([sums / count[:, None], at["features"].double()], 1)
    layers = head(member)
    for number, (w, b) in enumerate(layers):
        value = value @ torch.from_numpy(w).double().T + torch.from_numpy(b).double()
        value = value.relu() if number + 1 < len(layers) else value
    if member.sd is None:
        return value.sigmoid().numpy()
    return value.numpy() * member.sd + member.mean


class Graph:
    """An ONNX graph while it is put together."""

    def __init__(self) -> None:
        self.nodes, self.constants, self.number = [], [], 0

    def constant(self, name: str, value: np.ndarray) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, op: str, *inputs: str, to: str | None = None, **attributes) -> str:
        from onnx import helper

        self.number += 1
        to = to or f"t{self.number}"
        self.nodes.append(helper.make_node(op, list(inputs), [to], **attributes))
        return to


def onnx_model(members: list[Member]):
    """All members as one graph whose output is their mean."""
    from onnx import TensorProto, helper

    g = Graph()
    axis = g.constant("axis", np.array([1], np.int64))
    zero, one = g.constant("zero", np.zeros((1, 1), np.float32)), g.constant("one", np.ones((1, 1), np.float32))
    first, width = g.constant("first", np.array([0], np.int64)), g.constant("width", np.array([300], np.int64))
    atoms = g.add("Gather", g.add("Shape", "f_atoms"), first)
    molecules = g.add("Gather", g.add("Shape", "features"), first)
    no_atoms = g.add("Expand", zero, g.add("Concat", atoms, width, axis=0))
    no_molecules = g.add("Expand", zero, g.add("Concat", molecules, width, axis=0))
    target, owner = g.add("Unsqueeze", "bond_target", axis), g.add("Unsqueeze", "atom_mol", axis)
    ones = g.add("Expand", one, g.add("Concat", atoms, axis, axis=0))
    count = g.add("ScatterND", g.add("Expand", zero, g.add("Concat", molecules, axis, axis=0)), owner, ones, reduction="add")
    outputs = []
    for number, member in enumerate(members):
        def weight(name: str, value: np.ndarray, number=number) -> str:
            return g.constant(f"m{number}_{name}", np.ascontiguousarray(value, np.float32))

        w_hidden = weight("W_h", member.weights[W_HIDDEN].T)
        start = g.add("MatMul", "f_bonds", weight("W_i", member.weights[W_IN].T))
        message = g.add("Relu", start)
        for _ in range(STEPS):
            come = g.add("ScatterND", no_atoms, target, message, reduction="add")
            less = g.add("Sub", g.add("Gather", come, "bond_source"), g.add("Gather", message, "bond_reverse"))
            message = g.add("Relu", g.add("Add", start, g.add("MatMul", less, w_hidden)))
        come = g.add("ScatterND", no_atoms, target, message, reduction="add")
        hidden = g.add("MatMul", g.add("Concat", "f_atoms", come, axis=1), weight("W_o", member.weights[W_OUT].T))
        hidden = g.add("Relu", g.add("Add", hidden, weight("W_ob", member.weights[B_OUT])))
        mean = g.add("Div", g.add("ScatterND", no_molecules, owner, hidden, reduction="add"), count)
        value = g.add("Concat", mean, "features", axis=1)
        layers = head(member)
        for layer, (w, b) in enumerate(layers):
            value = g.add("Gemm", value, weight(f"r{layer}", w), weight(f"r{layer}b", b), transB=1)
            value = g.add("Relu", value) if layer + 1 < len(layers) else value
        if member.sd is None:
            value = g.add("Sigmoid", value)
        else:
            value = g.add("Add", g.add("Mul", value, weight("sd", member.sd)), weight("mu", member.mean))
        outputs.append(value)
    g.add("Mean", *outputs, to="predictions")
    number, whole = TensorProto.FLOAT, TensorProto.INT64
    info = helper.make_tensor_value_info
    ports = [info("f_atoms", number, ["atoms", 133]), info("f_bonds", number, ["bonds", 147])]
    ports += [info(name, whole, ["bonds"]) for name in ("bond_source", "bond_target", "bond_reverse")]
    ports += [info("atom_mol", whole, ["atoms"]), info("features", number, ["mols", 200])]
    result = [info("predictions", number, ["mols", len(members[0].tasks)])]
    graph = helper.make_graph(g.nodes, "admet_ai", ports, result, g.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
