"""Writes the encoder as ONNX with a table of bytes, and shows that ONNX Runtime says what torch says."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

from .tokens import PADDING, Vocabulary

IR, OPSET = 8, 17
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Bytes:
    """A table in signed bytes, with a scale a row."""

    values: np.ndarray
    scales: np.ndarray

    @staticmethod
    def of(table: np.ndarray) -> Bytes:
        """Rounds each row to 255 levels of its largest value."""
        scales = np.abs(table).max(1) / 127
        values = np.rint(table / np.maximum(scales, 1e-12)[:, None]).astype(np.int8)
        return Bytes(values, scales.astype(np.float32))

    def table(self) -> np.ndarray:
        """What the bytes stand for."""
        return self.values.astype(np.float32) * self.scales[:, None]


def to_onnx(table: Bytes, name: str) -> bytes:
    """Token ids and mask in, a vector of length one out."""
    constants = {
        "table": table.values,
        "scales": table.scales,
        "middle": np.array([1], np.int64),
        "least": np.array(1e-12, np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["rows"], ["vectors"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "input_ids"], ["lengths"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["lengths", "mask"], ["weights"]),
        helper.make_node("Unsqueeze", ["weights", "middle"], ["across"]),
        helper.make_node("MatMul", ["across", "vectors"], ["sum"]),
        helper.make_node("Squeeze", ["sum", "middle"], ["flat"]),
        helper.make_node("ReduceL2", ["flat"], ["norm"], axes=[1], keepdims=1),
        helper.make_node("Max", ["norm", "least"], ["divisor"]),
        helper.make_node("Div", ["flat", "divisor"], ["sentence_embedding"]),
    ]
    made = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["N", table.values.shape[1]])
    return built(name, nodes, made, {key: numpy_helper.from_array(value, key) for key, value in constants.items()})


def built(name: str, nodes: list, made: onnx.ValueInfoProto, constants: dict[str, onnx.TensorProto]) -> bytes:
    """The file of a graph from token ids and mask to one output."""
    keys = ("input_ids", "attention_mask")
    given = [helper.make_tensor_value_info(key, TensorProto.INT64, ["N", "T"]) for key in keys]
    graph = helper.make_graph(nodes, name, given, [made], list(constants.values()))
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="strata-training", ir_version=IR)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def padded(bags: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows filled up with padding, and their mask."""
    width = max(len(bag) for bag in bags)
    ids = np.full((len(bags), width), PADDING, np.int64)
    for row, bag in enumerate(bags):
        ids[row, : len(bag)] = bag
    return ids, (np.arange(width)[None] < np.array([len(bag) for bag in bags])[:, None]).astype(np.int64)


@torch.no_grad()
def answer(table: Bytes, bags: list[list[int]]) -> np.ndarray:
    """What the file should say, by torch, a text at a time and without padding."""
    whole = torch.from_numpy(table.table())
    rows = [functional.normalize(whole[torch.tensor(bag)].sum(0), dim=0) for bag in bags]
    return torch.stack(rows).numpy()


def session(file: bytes, threads: int = 1):
    """An ONNX Runtime session on the processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def embed(run, bags: list[list[int]], rows: int = 64) -> np.ndarray:
    """Vectors by the file, texts of like length together."""
    order = np.argsort([len(bag) for bag in bags], kind="stable")
    made = None
    for begin in range(0, len(order), rows):
        some = order[begin : begin + rows]
        ids, mask = padded([bags[place] for place in some])
        vectors = run.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        if made is None:
            made = np.empty((len(bags), vectors.shape[1]), np.float32)
        made[some] = vectors
    return made


def gap(file: bytes, right: np.ndarray, bags: list[list[int]]) -> float:
    """Largest difference from torch, of texts one by one and of several in a batch; refuses one over 1e-4."""
    run = session(file)
    found = max(float(np.abs(embed(run, bags, rows) - right).max()) for rows in (1, 7, 64))
    if found > TOLERANCE:
        raise ValueError(f"ONNX Runtime is {found:.1e} from torch")
    return found


def per_second(file: bytes, bags: list[list[int]]) -> float:
    """Texts a second of processor time on one thread."""
    run = session(file)
    embed(run, bags[:256])
    began = time.process_time()
    embed(run, bags)
    return len(bags) / (time.process_time() - began)


def golden(output: str, whole: np.ndarray, bags: list[list[int]]) -> str:
    """The golden example; `whole` is what torch says."""
    ids, mask = padded(bags)
    array = lambda values, of: {"shape": list(values.shape), "data": [of(v) for v in values.ravel()]}  # noqa: E731
    example = {
        "inputs": {"input_ids": array(ids, int), "attention_mask": array(mask, int)},
        "outputs": {output: array(whole, lambda v: round(float(v), 7))},
        "tolerance": TOLERANCE,
    }
    return json.dumps(example, separators=(",", ":"))


def tokens_golden(vocabulary: Vocabulary, texts: list[str], most: int) -> str:
    """Texts with their tokens and ids, so that another program's tokeniser can be compared."""
    from .tokens import TOKENIZER, tokens

    rows = [{"text": text, "tokens": tokens(text), "ids": vocabulary.ids(text, most)} for text in texts]
    return json.dumps({"tokenizer": TOKENIZER, "max_tokens": most, "cases": rows}, ensure_ascii=False, indent=0) + "\n"
