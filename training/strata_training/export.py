"""Writes an ensemble as ONNX: one TreeEnsembleRegressor a (task, seed), one pair of Gemm for all perceptrons.

One node a member is faster than one node with many targets, and deadlines are honoured between nodes.
LightGBM decides `x <= threshold` with double thresholds; features are float32, so a threshold is rounded
down to the next float32, which decides every float32 feature the same way. The blend's weights are folded
into leaves and into the second layer.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .features import DIM
from .members import Ensemble

OPSET, OPSET_ML, IR = 17, 3, 8


def floor_float32(value: float) -> np.float32:
    """Largest float32 not above `value`."""
    rounded = np.float32(value)
    return np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > value else rounded


def tree_attributes(booster, weight: float) -> dict:
    """Attributes of a TreeEnsembleRegressor equal to `weight * booster`."""
    a: dict[str, list] = {
        key: []
        for key in (
            "nodes_treeids nodes_nodeids nodes_featureids nodes_values nodes_modes nodes_truenodeids "
            "nodes_falsenodeids target_treeids target_nodeids target_ids target_weights"
        ).split()
    }
    for tree_id, tree in enumerate(booster.dump_model()["tree_info"]):
        next_id = 0

        def walk(node: dict) -> int:
            nonlocal next_id
            own, next_id = next_id, next_id + 1
            at = len(a["nodes_treeids"])
            leaf = "split_feature" not in node
            if not leaf and (node["decision_type"] != "<=" or node["missing_type"] != "None"):
                raise ValueError(f"cannot export a split {node['decision_type']!r} with missing {node['missing_type']}")
            a["nodes_treeids"].append(tree_id)
            a["nodes_nodeids"].append(own)
            a["nodes_featureids"].append(0 if leaf else node["split_feature"])
            a["nodes_values"].append(0.0 if leaf else float(floor_float32(node["threshold"])))
            a["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            a["nodes_truenodeids"].append(0)
            a["nodes_falsenodeids"].append(0)
            if leaf:
                a["target_treeids"].append(tree_id)
                a["target_nodeids"].append(own)
                a["target_ids"].append(0)
                a["target_weights"].append(weight * node["leaf_value"])
            else:
                a["nodes_truenodeids"][at] = walk(node["left_child"])
                a["nodes_falsenodeids"][at] = walk(node["right_child"])
            return own

        walk(tree["tree_structure"])
    return a


def _network_nodes(ensemble: Ensemble) -> tuple[list, list]:
    """Gather, scale, clip, Gemm, Relu, Gemm for the perceptrons of all members at once."""
    networks = [member.network for member in ensemble.members]
    seeds, tasks = len(networks), len(ensemble.spec.tasks)
    scaling = networks[0].scaling
    hidden = networks[0].w1.shape[1]
    w1 = np.concatenate([n.w1 for n in networks], axis=1)
    b1 = np.concatenate([n.b1 for n in networks])
    w2 = np.zeros((seeds * hidden, tasks * seeds), np.float32)
    b2 = np.zeros(tasks * seeds, np.float32)
    weight = np.float32(ensemble.spec.network_weight)
    for s, network in enumerate(networks):
        for t in range(tasks):
            w2[s * hidden : (s + 1) * hidden, t * seeds + s] = weight * network.w2[:, t]
            b2[t * seeds + s] = weight * network.b2[t]
    constants = {
        "nn_columns": scaling.columns.astype(np.int64),
        "nn_mean": scaling.mean,
        "nn_scale": scaling.scale,
        "nn_low": np.array(-scaling.limit, np.float32),
        "nn_high": np.array(scaling.limit, np.float32),
        "nn_w1_half": w1.astype(np.float16),
        "nn_b1": b1,
        "nn_w2": w2,
        "nn_b2": b2,
    }
    nodes = [
        helper.make_node("Gather", ["features", "nn_columns"], ["nn_x"], axis=1),
        helper.make_node("Sub", ["nn_x", "nn_mean"], ["nn_centred"]),
        helper.make_node("Mul", ["nn_centred", "nn_scale"], ["nn_scaled"]),
        helper.make_node("Clip", ["nn_scaled", "nn_low", "nn_high"], ["nn_in"]),
        # Folded once, when the session is made.
        helper.make_node("Cast", ["nn_w1_half"], ["nn_w1"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["nn_in", "nn_w1", "nn_b1"], ["nn_pre"]),
        helper.make_node("Relu", ["nn_pre"], ["nn_hidden"]),
        helper.make_node("Gemm", ["nn_hidden", "nn_w2", "nn_b2"], ["nn_out"]),
    ]
    return nodes, [numpy_helper.from_array(value, name) for name, value in constants.items()]


def to_onnx(ensemble: Ensemble) -> onnx.ModelProto:
    """The whole ensemble as one graph: `features [N, DIM]` to `predictions [N, tasks * seeds]`."""
    spec = ensemble.spec
    seeds, tasks = len(ensemble.members), len(spec.tasks)
    has_network = spec.network_weight > 0
    nodes, constants, columns = [], [], []
    for t in range(tasks):
        for s, member in enumerate(ensemble.members):
            name = f"trees_{t}_{s}"
            attributes = tree_attributes(member.boosters[t], 1.0 - spec.network_weight)
            nodes.append(
                helper.make_node(
                    "TreeEnsembleRegressor",
                    ["features"],
                    [name],
                    domain="ai.onnx.ml",
                    n_targets=1,
                    aggregate_function="SUM",
                    post_transform="NONE",
                    **attributes,
                )
            )
            columns.append(name)
    last = "predictions"
    trees_out = "trees" if has_network or not spec.regression else last
    nodes.append(helper.make_node("Concat", columns, [trees_out], axis=1))
    margin = trees_out
    if has_network:
        more, weights = _network_nodes(ensemble)
        nodes += more
        constants += weights
        margin = last if spec.regression else "margins"
        nodes.append(helper.make_node("Add", [trees_out, "nn_out"], [margin]))
    if not spec.regression:
        nodes.append(helper.make_node("Sigmoid", [margin], [last]))
    graph = helper.make_graph(
        nodes,
        spec.name,
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", DIM])],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["N", tasks * seeds])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="strata-training", ir_version=IR)
    onnx.checker.check_model(model)
    return model
