"""The detector's loss: generalised IoU, objectness and class cross-entropy, late in training L1 on the raw box."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .assign import assign
from .network import cells, decode, flatten

BOX_WEIGHT = 5.0


def generalised_iou(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU and generalised IoU of boxes row by row (n, 4), corners."""
    inter = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    union = (a[:, 2:] - a[:, :2]).prod(-1) + (b[:, 2:] - b[:, :2]).prod(-1) - inter
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1)
    iou = inter / union.clamp(min=1e-9)
    return iou, iou - (hull - union) / hull.clamp(min=1e-9)


def raw_targets(truth: torch.Tensor, corner: torch.Tensor, stride: torch.Tensor) -> torch.Tensor:
    """What the head should say for boxes (n, 4) at cells: the inverse of `network.decode`."""
    centre = (truth[:, :2] + truth[:, 2:]) / 2 / stride - corner
    size = ((truth[:, 2:] - truth[:, :2]) / stride).clamp(min=1e-4).log()
    return torch.cat([centre, size], 1)


def detection_loss(levels: list[torch.Tensor], truths: list[torch.Tensor], with_l1: bool) -> dict[str, torch.Tensor]:
    """Loss by part, each divided by the number of assigned cells, and their sum as `total`.

    `truths`: a picture each, (objects, 5) as class, x1, y1, x2, y2 in pixels of the input.
    """
    height, width = levels[0].shape[2] * 8, levels[0].shape[3] * 8
    flat = flatten(levels).float()
    boxes = decode(flat, height, width)
    grid = cells(height, width)
    objectness_target = torch.zeros(flat.shape[:2])
    at, box_target, class_target = [], [], []
    for n, truth in enumerate(truths):
        found = assign(boxes[n].detach(), flat[n, :, 4:].detach(), truth, grid)
        objectness_target[n, found.cells] = 1.0
        at.append(torch.stack([torch.full_like(found.cells, n), found.cells], 1))
        box_target.append(truth[found.objects, 1:])
        one_hot = F.one_hot(truth[found.objects, 0].long(), flat.shape[2] - 5).float()
        class_target.append(one_hot * found.iou[:, None])
    at, box_target, class_target = torch.cat(at), torch.cat(box_target), torch.cat(class_target)
    count = max(len(at), 1)
    chosen = flat[at[:, 0], at[:, 1]]
    _, generalised = generalised_iou(boxes[at[:, 0], at[:, 1]], box_target)
    parts = {
        "box": BOX_WEIGHT * (1 - generalised).sum() / count,
        "objectness": F.binary_cross_entropy_with_logits(flat[..., 4], objectness_target, reduction="sum") / count,
        "class": F.binary_cross_entropy_with_logits(chosen[:, 5:], class_target, reduction="sum") / count,
    }
    if with_l1:
        corner, stride = grid
        target = raw_targets(box_target, corner[at[:, 1]], stride[at[:, 1]])
        parts["l1"] = (chosen[:, :4] - target).abs().sum() / count
    parts["total"] = sum(parts.values())
    return parts
