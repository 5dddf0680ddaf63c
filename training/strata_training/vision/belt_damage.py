"""The belt-damage detector: its data, its plan, and what is measured on the valid pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch

from .augment import Augment, Drawer, Sample, read_yolo, repeat_weights, to_batch
from .card import Figure
from .coco import average_precision, find
from .network import Detector
from .release import Task, precision_figures, release
from .train import Phase, Plan, train

NAMES = ["hole", "impact damage", "puncture", "tear", "wear"]
OWN_SIZE = 416  # of the files
SIZE = 480  # of the model's input; punctures are under 8 pixels wide at the pictures' own 416

EARLY = Augment(mosaic=0.75, scale=(0.7, 1.5), shift=0.1, quarter_turns=0.2, blur=0.05)
MIDDLE = Augment(mosaic=0.5, scale=(0.8, 1.4), shift=0.1, quarter_turns=0.1, blur=0.05)
LATE = Augment(scale=(0.9, 1.15), shift=0.04, saturation=0.3, value=0.25)
FROZEN = 9  # the stem and the first stage

PLAN = Plan(
    classes=len(NAMES),
    phases=(
        Phase(26, (288, 320, 352), EARLY),
        Phase(11, (384, 416, 448, 480), MIDDLE, frozen=FROZEN),
        Phase(6, (SIZE,), LATE, with_l1=True, frozen=FROZEN),
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
    drawer = Drawer(train_set, repeat_weights(train_set, plan.classes))
    first = plan.phases[0]
    images, _ = to_batch([drawer.draw(i, first.sizes[0], first.augment) for i in range(64)])
    model.restore_norm(images)

    def watch(epoch: int, averaged: Detector) -> str:
        if epoch % 6 != 5:
            return ""
        size = SIZE if epoch >= plan.phases[0].epochs else plan.phases[0].sizes[1]
        result = average_precision(valid_set, find(averaged, valid_set, size), NAMES)
        classes = " ".join(f"{name} {a:.3f}/{b:.3f}" for name, (a, b) in result.by_class.items())
        return f"valid mAP50 {result.map50:.4f} mAP50-95 {result.map50_95:.4f} ({classes})"

    return train(model, train_set, plan, work, watch)


DATASET = "conveyor-belt defects (F. Navarrete)"
SPLIT = "the data's own train / valid"


def figures(data: Path, model: Detector) -> list[Figure]:
    """COCO precision on the valid pictures, with and without near-duplicates of train pictures."""
    train_set, valid_set = load(data)
    found = find(model, valid_set, SIZE)
    known = copies(data / "train/images", data / "valid/images", train_set, valid_set)
    kept = [i for i, s in enumerate(valid_set) if s.name not in known]
    rows = precision_figures(DATASET, SPLIT, average_precision(valid_set, found, NAMES), "all valid pictures", True)
    clean = average_precision([valid_set[i] for i in kept], [found[i] for i in kept], NAMES)
    note = f"without {len(known)} valid pictures that equal a train picture byte by byte or in the 16 x 16 average hash"
    return rows + precision_figures(DATASET, SPLIT, clean, note, False)


def task(model: Detector, epochs: int, version: str) -> Task:
    """What the card says."""
    return Task(
        name="belt-damage",
        title="Conveyor-belt damage detector",
        description="Finds holes, impact damage, punctures, tears and wear on the surface of conveyor belts in "
        "photographs.",
        size=SIZE,
        names=NAMES,
        names_zh=["孔洞", "冲击损伤", "刺穿", "撕裂", "磨损"],
        confidence=0.25,
        version=version,
        revision="YOLOX-nano COCO weights sha256 695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
        training={
            "data": f"{DATASET}, 811 train pictures of 416 x 416",
            "licence": "MIT (the data's repository; its pictures carry no licence of their own)",
            "split": SPLIT,
            "seeds": [PLAN.seed],
            "rows": 811,
            "script": "python -m strata_training belt-damage",
        },
        made=[
            "Start: YOLOX-nano trained on COCO (Megvii, Apache-2.0); only the class layers are new.",
            f"Data: {DATASET}, "
            "github.com/FernandoN23/Implementation-of-Object-Detection-for-Conveyor-Belt-Defect-Detection; "
            "811 of its 1,621 train pictures, 461 valid pictures for the figures.",
            f"Training: {epochs} epochs on two processor cores (SimOTA, generalised IoU, averaged weights, mosaic "
            f"early, plain pictures late), pictures of 288 to 480 pixels, the last epochs at {SIZE}; rare classes "
            "drawn more often.",
            "The weights are the average at the last epoch. Valid pictures were looked at every six epochs to follow "
            f"the run, and once after 40 epochs (mAP50 0.8126, mAP50-95 0.4209); the input size of {SIZE} was chosen "
            "with punctures in mind after such a look, and the number of epochs was set by the time there was. No "
            "weights were chosen by valid pictures.",
            "Figures: boxes from a score of 0.001, suppressed class by class at IoU 0.65, at most 100 a "
            "picture, pycocotools.",
        ],
        weaknesses=[
            "Punctures are a few pixels wide and are found worst.",
            "Many pictures of the data show the same few belts: on another site expect less than these figures.",
            "Wear and tear have no sharp border; people who labelled the pictures drew it in different places.",
        ],
    )


def publish(data: Path, start: Path, model: Detector, out: Path, epochs: int, version: str = "1.0.0") -> None:
    """Measures and writes the model's folder."""
    rows = figures(data, model)
    for row in rows:
        print(f"{row.metric} {row.value:.4f} n {row.n} {row.note}")
    _, valid_set = load(data)
    release(task(model, epochs, version), model, start, valid_set[:9], rows, out)
