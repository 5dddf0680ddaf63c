"""The belt-damage detector: its data, its plan, and what is measured on the valid pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch

from .augment import Augment, Sample, read_yolo
from .coco import average_precision, find
from .network import Detector
from .train import Phase, Plan, train

NAMES = ["hole", "impact damage", "puncture", "tear", "wear"]
OWN_SIZE = 416  # of the files
SIZE = 480  # of the model's input; punctures are under 8 pixels wide at the pictures' own 416

EARLY = Augment(mosaic=0.75, scale=(0.7, 1.5), shift=0.1, quarter_turns=0.2, blur=0.05)
MIDDLE = Augment(mosaic=0.5, scale=(0.8, 1.4), shift=0.1, quarter_turns=0.1, blur=0.05)
LATE = Augment(scale=(0.9, 1.15), shift=0.04, saturation=0.3, value=0.25)

PLAN = Plan(
    classes=len(NAMES),
    phases=(
        Phase(26, (288, 320, 352), EARLY),
        Phase(18, (384, 416, 448, 480), MIDDLE),
        Phase(13, (SIZE,), LATE, with_l1=True),
    ),
)


def average_hash(image: np.ndarray) -> bytes:
    """16 x 16 average hash of a BGR picture: what of the shrunk grey picture is above its mean."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (16, 16), interpolation=cv2.INTER_AREA)
    return np.packbits(grey > grey.mean()).tobytes()


def copies(train_folder: Path, valid_folder: Path, train_set: list[Sample], valid_set: list[Sample]) -> set[str]:
    """Names of valid pictures that are byte-identical to a train picture or share its average hash."""
    hashes = {average_hash(s.image) for s in train_set}
    digests = {hashlib.sha256(p.read_bytes()).digest() for p in train_folder.iterdir()}
    same = {p.stem for p in valid_folder.iterdir() if hashlib.sha256(p.read_bytes()).digest() in digests}
    return same | {s.name for s in valid_set if average_hash(s.image) in hashes}


def load(data: Path) -> tuple[list[Sample], list[Sample]]:
    """Train and valid pictures, as squares of their own size."""
    parts = []
    for part in ("train", "valid"):
        parts.append(read_yolo(data / part / "images", data / part / "labels", OWN_SIZE))
    return parts[0], parts[1]


def run(data: Path, start: Path, work: Path, plan: Plan = PLAN) -> Detector:
    """Trains from the public weights, reporting on the valid pictures now and then."""
    train_set, valid_set = load(data)
    torch.manual_seed(plan.seed)
    model = Detector(start, plan.classes)
    from .augment import Drawer, repeat_weights, to_batch

    drawer = Drawer(train_set, repeat_weights(train_set, plan.classes))
    first = plan.phases[0]
    images, _ = to_batch([drawer.draw(i, first.sizes[0], first.augment) for i in range(64)])
    model.restore_norm(images)

    def watch(epoch: int, averaged: Detector) -> str:
        if epoch % 6 != 5 and epoch != plan.epochs - 1:
            return ""
        size = SIZE if epoch >= plan.phases[0].epochs else plan.phases[0].sizes[1]
        result = average_precision(valid_set, find(averaged, valid_set, size), NAMES)
        classes = " ".join(f"{name} {a:.3f}/{b:.3f}" for name, (a, b) in result.by_class.items())
        return f"valid mAP50 {result.map50:.4f} mAP50-95 {result.map50_95:.4f} ({classes})"

    return train(model, train_set, plan, work, watch)
