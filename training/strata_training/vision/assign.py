"""SimOTA: which cells of the grid learn which object (Ge et al., YOLOX, 2021).

A cell is a candidate for an object when its middle lies within 2.5 strides of the object's middle, or inside its
box. Each object takes the `k` cheapest candidates, k being the sum of its ten best IoUs (at least one); the cost is
the classification loss plus three times -log IoU, and far more where the cell's middle is not in both the box and
the central square. A cell wanted by several objects goes to the one it is cheapest for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

RADIUS = 2.5
FAR = 1e5


@dataclass(frozen=True)
class Assignment:
    """Cells that learn an object: their indices, the object of each, and the IoU each has now."""

    cells: torch.Tensor
    objects: torch.Tensor
    iou: torch.Tensor


def pairwise_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """IoU of every box of `a` (n, 4) with every box of `b` (m, 4), corners."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a = (a[:, 2:] - a[:, :2]).prod(-1)
    area_b = (b[:, 2:] - b[:, :2]).prod(-1)
    return inter / (area_a[:, None] + area_b[None] - inter).clamp(min=1e-9)


@torch.no_grad()
def assign(
    boxes: torch.Tensor, scores: torch.Tensor, truth: torch.Tensor, grid: tuple[torch.Tensor, torch.Tensor]
) -> Assignment:
    """Assigns the objects of one picture.

    `boxes` (cells, 4) as predicted, `scores` (cells, 1 + classes) logits of objectness and classes, `truth`
    (objects, 5) as class, x1, y1, x2, y2, `grid` what `network.cells` gives.
    """
    empty = torch.zeros(0, dtype=torch.long)
    if len(truth) == 0:
        return Assignment(empty, empty, torch.zeros(0))
    corner, stride = grid
    middle = (corner + 0.5) * stride
    low, high = truth[:, None, 1:3], truth[:, None, 3:5]
    in_box = ((middle > low) & (middle < high)).all(-1)
    in_centre = ((middle - (low + high) / 2).abs() < RADIUS * stride).all(-1)
    candidates = (in_box | in_centre).any(0).nonzero()[:, 0]
    if len(candidates) == 0:
        return Assignment(empty, empty, torch.zeros(0))
    both = (in_box & in_centre)[:, candidates]
    iou = pairwise_iou(truth[:, 1:], boxes[candidates])
    chance = scores[candidates].sigmoid()
    chance = (chance[:, :1] * chance[:, 1:]).sqrt().clamp(1e-6, 1 - 1e-6)
    # Binary cross-entropy against the one-hot class, over all classes.
    negative = -(1 - chance).log()
    classes = truth[:, 0].long()
    cost_class = negative.sum(1)[None] + (-chance.log() - negative).t()[classes]
    cost = cost_class + 3.0 * -(iou + 1e-8).log() + FAR * (~both)
    best = iou.topk(min(10, iou.shape[1]), dim=1).values.sum(1)
    wanted = torch.zeros_like(iou, dtype=torch.bool)
    for i, k in enumerate(best.int().clamp(min=1).tolist()):
        wanted[i, cost[i].topk(min(k, cost.shape[1]), largest=False).indices] = True
    shared = wanted.sum(0) > 1
    if shared.any():
        winner = torch.where(wanted, cost, torch.full_like(cost, float("inf")))[:, shared].argmin(0)
        wanted[:, shared] = F.one_hot(winner, len(truth)).t().bool()
    taken = wanted.any(0)
    objects = wanted[:, taken].float().argmax(0)
    return Assignment(candidates[taken], objects, iou[objects, taken.nonzero()[:, 0]])
