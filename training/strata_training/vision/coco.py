"""Finds boxes with a trained detector and measures COCO average precision with pycocotools."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from .augment import PAD, Sample, to_batch
from .network import Detector, decode, flatten

LOWEST = 0.001
MOST = 100
IOU = 0.65  # of suppression, class by class


@dataclass
class Found:
    """Boxes of one picture: (n, 4) corners in its pixels, scores (n,), classes (n,)."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


def suppress(boxes: np.ndarray, scores: np.ndarray, limit: float) -> np.ndarray:
    """Indices kept by greedy non-maximum suppression, best first."""
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        inter = (high - low).clip(0).prod(1)
        iou = inter / np.maximum(area[best] + area[rest] - inter, 1e-9)
        order = rest[iou <= limit]
    return np.array(kept, int)


def choose(boxes: np.ndarray, scores: np.ndarray, lowest: float, iou: float) -> Found:
    """Every class of every cell above `lowest`, suppressed class by class. `scores` (cells, classes)."""
    cell, kind = np.nonzero(scores > lowest)
    value = scores[cell, kind]
    if len(value) > 3000:
        best = np.argpartition(-value, 3000)[:3000]
        cell, kind, value = cell[best], kind[best], value[best]
    corners = boxes[cell]
    # Classes far apart, so that one pass suppresses within classes only.
    kept = suppress(corners + kind[:, None] * 10_000.0, value, iou)[:MOST]
    return Found(corners[kept], value[kept], kind[kept])


@torch.no_grad()
def find(model: Detector, samples: list[Sample], size: int, lowest: float = LOWEST, iou: float = IOU) -> list[Found]:
    """Boxes in every sample, in its own pixels: letterboxed to `size`, top left, padded with grey."""
    model.eval()
    results = []
    for start in range(0, len(samples), 16):
        part = samples[start : start + 16]
        scales = [size / max(s.image.shape[:2]) for s in part]
        images, _ = to_batch([letterbox(s, size) for s in part])
        flat = flatten(model(images))
        boxes = decode(flat, size, size).numpy()
        chance = flat[..., 4:].sigmoid()
        scores = (chance[..., :1] * chance[..., 1:]).numpy()
        for sample, scale, b, s in zip(part, scales, boxes, scores):
            found = choose(b / scale, s, lowest, iou)
            height, width = sample.image.shape[:2]
            found.boxes = found.boxes.clip(0, [width, height, width, height])
            results.append(found)
    return results


def letterbox(sample: Sample, size: int) -> Sample:
    """The picture in the top left corner of a grey square."""
    height, width = sample.image.shape[:2]
    if (height, width) == (size, size):
        return sample
    scale = size / max(height, width)
    small = cv2.resize(sample.image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
    made = np.full((size, size, 3), PAD, np.uint8)
    made[: small.shape[0], : small.shape[1]] = small
    return Sample(made, sample.boxes * np.array([1, scale, scale, scale, scale], np.float32))


@dataclass(frozen=True)
class Precision:
    """Average precision: over classes, and by class as (AP50, AP50-95)."""

    map50: float
    map50_95: float
    by_class: dict[str, tuple[float, float]]
    images: int


def average_precision(samples: list[Sample], found: list[Found], names: list[str]) -> Precision:
    """COCO's average precision (area all, 100 boxes a picture), by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, images, results = [], [], []
    for i, (sample, f) in enumerate(zip(samples, found), 1):
        images.append({"id": i, "height": sample.image.shape[0], "width": sample.image.shape[1]})
        for kind, x1, y1, x2, y2 in sample.boxes.tolist():
            box = [x1, y1, x2 - x1, y2 - y1]
            row = {"id": len(truth) + 1, "image_id": i, "category_id": int(kind) + 1, "bbox": box}
            truth.append({**row, "area": box[2] * box[3], "iscrowd": 0})
        for (x1, y1, x2, y2), score, kind in zip(f.boxes.tolist(), f.scores.tolist(), f.classes.tolist()):
            row = {"image_id": i, "category_id": kind + 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
            results.append(row)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        categories = [{"id": k + 1, "name": name} for k, name in enumerate(names)]
        coco.dataset = {"images": images, "annotations": truth, "categories": categories, "info": {}}
        coco.createIndex()
        if not results:
            return Precision(0.0, 0.0, {name: (0.0, 0.0) for name in names}, len(samples))
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    # precision: IoU threshold, recall, class, area, boxes a picture.
    table = evaluation.eval["precision"][:, :, :, 0, 2]

    def mean(values: np.ndarray) -> float:
        values = values[values > -1]
        return float(values.mean()) if values.size else float("nan")

    by_class = {name: (mean(table[0, :, k]), mean(table[:, :, k])) for k, name in enumerate(names)}
    return Precision(mean(table[0]), mean(table), by_class, len(samples))
