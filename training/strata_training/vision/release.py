"""From a trained detector to the files of its folder: ONNX, golden example, card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import card
from .augment import Sample, to_batch
from .coco import IOU, Precision, letterbox
from .export import GOLDEN_TOLERANCE, detector_golden, parity, to_onnx
from .network import Detector


@dataclass(frozen=True)
class Task:
    """What a detector is for, as its card says it."""

    name: str
    title: str
    description: str
    size: int
    names: list[str]
    names_zh: list[str]
    confidence: float
    training: dict
    made: list[str]
    weaknesses: list[str]
    revision: str
    version: str = "1.0.0"


def precision_figures(dataset: str, split: str, result: Precision, note: str, by_class: bool) -> list[card.Figure]:
    """mAP50 and mAP50-95, and the same by class."""
    rows = [("mAP50", result.map50, note), ("mAP50-95", result.map50_95, note)]
    if by_class:
        for name, (ap50, ap) in result.by_class.items():
            rows += [("AP50", ap50, name), ("AP50-95", ap, name)]
    return [card.Figure(dataset, split, metric, value, result.images, text) for metric, value, text in rows]


def release(task: Task, model: Detector, start: Path, samples: list[Sample], figures: list[card.Figure], out: Path):
    """Writes the folder; `samples` are pictures for the comparison with ONNX Runtime, the first makes the example."""
    file = to_onnx(model, start, task.name).SerializeToString()
    images, _ = to_batch([letterbox(s, task.size) for s in samples[:9]])
    same = parity(model, file, np.ascontiguousarray(images.numpy()))
    same.check(task.name)
    inputs, outputs = card.detector_ports(task.size, len(task.names))
    head = {"head": "yolox", "classes": task.names, "classes_zh": task.names_zh, "strides": [8, 16, 32]}
    made = card.Model(
        name=task.name,
        task="object-detection",
        title=task.title,
        description=task.description,
        version=task.version,
        revision=task.revision,
        inputs=inputs,
        outputs=outputs,
        preprocess=card.detector_preprocess(task.size),
        postprocess=head | {"confidence": task.confidence, "iou": IOU},
        training=task.training,
        figures=figures,
        tolerance=GOLDEN_TOLERANCE,
        made=[*task.made, f"Parameters: {model.parameter_count():,} before the norms are folded."],
        weaknesses=task.weaknesses,
        parity=f"ONNX Runtime gives the scores torch gives within {same.scores:.1e} and the boxes within "
        f"{same.boxes:.1e} "
        f"strides, on {len(images)} pictures, one by one and three at a time.",
    )
    card.write(made, out / task.name, file, detector_golden(model, samples[0].image))
    print(f"{task.name}: {len(file)} bytes, parity: scores {same.scores:.1e}, boxes {same.boxes:.1e} strides")
