"""YOLOX-nano as a trainable torch module, built from its ONNX graph.

The public weights exist as ONNX with batch normalisation folded into the convolutions. `Detector` reads that
graph and keeps its structure: convolutions become `Conv2d` (with the stored weights), `Sigmoid` followed by `Mul`
becomes SiLU, everything behind the last sigmoids (which turn logits into scores) is cut off, so that training sees
logits. `restore_norm` puts a BatchNorm behind every folded convolution, with statistics measured on data so that
the function is unchanged at first; `fold_norm` takes them out again for the export.

Input: BGR, 0 to 255, float32 `(N, 3, H, W)` with H and W multiples of 32. Output of `forward`: one tensor for
each stride (8, 16, 32) of shape `(N, 5 + classes, H / stride, W / stride)`: x, y, log w, log h (in units of the
stride, from the cell's corner), objectness logit, class logits.
"""

from __future__ import annotations

import math
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

STRIDES = (8, 16, 32)


def attributes(node: onnx.NodeProto) -> dict:
    """A node's attributes as plain values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def is_score(weight_name: str) -> bool:
    """Whether a convolution's weight belongs to the last layer of the head (these carry no norm)."""
    return "_preds." in weight_name


class Detector(nn.Module):
    """The graph's nodes in order, as `(operation, inputs, output, parameters)` steps."""

    def __init__(self, graph_path: Path, classes: int):
        super().__init__()
        graph = onnx.load(graph_path).graph
        weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
        self.classes = classes
        self.convs = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        self.steps: list[tuple] = []
        self.outputs: list[str] = []
        self.weight_names: dict[str, tuple[str, str]] = {}
        self.frozen = 0  # steps at the beginning that learn no more
        sigmoids: dict[str, str] = {}  # output of a sigmoid -> what went in
        for node in graph.node:
            a, inputs, output = attributes(node), list(node.input), node.output[0]
            if node.op_type == "Conv":
                self._add_convolution(node, weights, classes)
            elif node.op_type == "Sigmoid":
                sigmoids[output] = inputs[0]
            elif node.op_type == "Mul":
                logits = next(sigmoids[i] for i in inputs if i in sigmoids)
                self.steps.append(("silu", [logits], output, None))
            elif node.op_type == "Add":
                self.steps.append(("add", inputs, output, None))
            elif node.op_type == "MaxPool":
                self.steps.append(("pool", inputs, output, a["kernel_shape"][0]))
            elif node.op_type == "Resize":
                self.steps.append(("upsample", inputs[:1], output, None))
            elif node.op_type == "Concat" and a["axis"] == 1:
                if not self.steps:  # the eight slices in front of the first convolution
                    self.steps.append(("focus", ["images"], output, None))
                    continue
                inside = [sigmoids.get(i, i) for i in inputs]
                self.steps.append(("concat", inside, output, None))
                if inside != inputs:
                    self.outputs.append(output)
            elif node.op_type not in ("Slice", "Concat", "Reshape", "Transpose"):
                raise ValueError(f"{graph_path}: cannot train through a {node.op_type}")
        if len(self.outputs) != len(STRIDES):
            raise ValueError(f"{graph_path}: {len(self.outputs)} heads, expected {len(STRIDES)}")

    def _add_convolution(self, node, weights: dict, classes: int) -> None:
        a, name = attributes(node), node.output[0]
        weight, bias = weights[node.input[1]], weights[node.input[2]]
        if "cls_preds" in node.input[1]:
            # Other classes than the stored ones: small random weights, and a prior of 1 % a class.
            weight = torch.randn(classes, *weight.shape[1:]) * 0.01
            bias = torch.full((classes,), -math.log(99.0))
        conv = nn.Conv2d(
            weight.shape[1] * a["group"],
            weight.shape[0],
            a["kernel_shape"],
            a["strides"],
            a["pads"][:2],
            groups=a["group"],
        )
        conv.weight.data, conv.bias.data = weight, bias
        self.convs[name] = conv
        self.weight_names[name] = (node.input[1], node.input[2])
        self.steps.append(("conv", [node.input[0]], name, is_score(node.input[1])))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Logits by stride."""
        values = {"images": images}
        with torch.no_grad():
            self._run(self.steps[: self.frozen], values)
        self._run(self.steps[self.frozen :], values)
        return [values[name] for name in self.outputs]

    def _run(self, steps: list[tuple], values: dict[str, torch.Tensor]) -> None:
        for kind, inputs, output, extra in steps:
            x = values[inputs[0]]
            if kind == "conv":
                x = self.convs[output](x)
                if output in self.norms:
                    x = self.norms[output](x)
            elif kind == "silu":
                x = F.silu(x)
            elif kind == "add":
                x = x + values[inputs[1]]
            elif kind == "pool":
                x = F.max_pool2d(x, extra, stride=1, padding=extra // 2)
            elif kind == "upsample":
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            elif kind == "focus":
                even, odd = x[..., ::2, :], x[..., 1::2, :]
                x = torch.cat([even[..., ::2], odd[..., ::2], even[..., 1::2], odd[..., 1::2]], 1)
            else:
                x = torch.cat([values[i] for i in inputs], 1)
            values[output] = x

    @torch.no_grad()
    def restore_norm(self, images: torch.Tensor, momentum: float = 0.03, eps: float = 1e-3) -> None:
        """Puts a BatchNorm behind every convolution but the last ones; the function on `images` stays the same."""
        self.eval()
        measured: dict[str, tuple] = {}

        def watch(name: str):
            def hook(_module, _inputs, out):
                measured[name] = (out.mean((0, 2, 3)), out.var((0, 2, 3), unbiased=False))

            return hook

        inner = [o for kind, _, o, last in self.steps if kind == "conv" and not last]
        hooks = [self.convs[name].register_forward_hook(watch(name)) for name in inner]
        self(images)
        for hook in hooks:
            hook.remove()
        for name in inner:
            conv, (mean, var) = self.convs[name], measured[name]
            norm = nn.BatchNorm2d(conv.out_channels, eps=eps, momentum=momentum)
            norm.running_mean.copy_(mean - conv.bias)
            norm.running_var.copy_(var)
            norm.weight.copy_((var + eps).sqrt())
            norm.bias.copy_(mean)
            conv.bias = None
            self.norms[name] = norm

    def empty_norm(self, momentum: float = 0.03, eps: float = 1e-3) -> None:
        """The structure `restore_norm` leaves, for loading a checkpoint."""
        for kind, _, name, last in self.steps:
            if kind == "conv" and not last:
                self.convs[name].bias = None
                self.norms[name] = nn.BatchNorm2d(self.convs[name].out_channels, eps=eps, momentum=momentum)

    def fold_norm(self) -> None:
        """Folds every BatchNorm back into its convolution."""
        self._fold(list(self.norms))

    @torch.no_grad()
    def _fold(self, names: list[str]) -> None:
        for name in names:
            conv, norm = self.convs[name], self.norms[name]
            # In double precision, rounded once.
            scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            conv.weight.copy_(conv.weight.double() * scale[:, None, None, None])
            conv.bias = nn.Parameter((norm.bias.double() - norm.running_mean.double() * scale).float())
            del self.norms[name]

    def freeze(self, convolutions: int) -> None:
        """Folds the first convolutions and stops their learning: they work on the largest maps and cost the most."""
        names = [output for kind, _, output, _ in self.steps if kind == "conv"][: convolutions + 1]
        self._fold([name for name in names[:-1] if name in self.norms])
        for name in names[:-1]:
            self.convs[name].requires_grad_(False)
        self.frozen = [output for _, _, output, _ in self.steps].index(names[-1])

    def parameter_count(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())


def flatten(levels: list[torch.Tensor]) -> torch.Tensor:
    """Heads of all strides as `(N, cells, 5 + classes)`, in the order of the ONNX output."""
    return torch.cat([level.flatten(2) for level in levels], 2).transpose(1, 2)


def cells(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Corner of every cell in units of its stride `(cells, 2)` as x, y, and its stride `(cells, 1)`."""
    corners, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        corners.append(torch.stack([x.flatten(), y.flatten()], 1))
        strides.append(torch.full((y.numel(), 1), float(stride)))
    return torch.cat(corners).float(), torch.cat(strides)


def decode(flat: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Boxes `(N, cells, 4)` as x1, y1, x2, y2 in pixels of the input."""
    corner, stride = cells(height, width)
    centre = (flat[..., :2] + corner) * stride
    half = flat[..., 2:4].clamp(max=8.0).exp() * stride / 2
    return torch.cat([centre - half, centre + half], -1)
