"""The foreign-object detector: trained on rendered belts alone, measured on renders of other seeds and textures."""

from __future__ import annotations

from pathlib import Path

import torch

from .augment import Augment, Drawer, Sample, repeat_weights, to_batch
from .belt_scene import Content, make_strip
from .camera import LENGTH, Conditions, make_view, photograph
from .card import Figure
from .coco import average_precision, find
from .network import Detector
from .release import Task, precision_figures, release
from .render import LOADS, SHAPES, loads, stills
from .solids import CLASSES, METRE
from .textures import HELD_OUT, TRAIN, generator
from .train import Phase, Plan, train

NAMES = list(CLASSES)
SIZE = 416
CONFIDENCE = 0.4
TRAIN_COUNT, HELD_COUNT = 2400, 400
CLEAN_BELTS, CLEAN_FRAMES = 30, 20
FPS = 5
FROZEN = 9

EARLY = Augment(mosaic=0.3, scale=(0.75, 1.35), shift=0.12, quarter_turns=0.3, hue=0.03, blur=0.1)
LATE = Augment(scale=(0.85, 1.15), shift=0.06, quarter_turns=0.2, hue=0.02, saturation=0.4, value=0.3)

PLAN = Plan(
    classes=len(NAMES),
    pictures_per_epoch=1200,
    phases=(
        Phase(6, (288, 320, 352), EARLY, frozen=FROZEN),
        Phase(1, (SIZE,), LATE, with_l1=True, frozen=FROZEN),
    ),
)


def run(start: Path, work: Path, plan: Plan, train_set: list[Sample], watched: list[Sample]) -> Detector:
    """Trains from the public weights; `watched` (renders of the training textures) only reports."""
    torch.manual_seed(plan.seed)
    model = Detector(start, plan.classes)
    drawer = Drawer(train_set, repeat_weights(train_set, plan.classes))
    images, _ = to_batch([drawer.draw(i, 320, EARLY) for i in range(64)])
    model.restore_norm(images)

    def watch(epoch: int, averaged: Detector) -> str:
        if epoch % 4 != 3 or not watched:
            return ""
        result = average_precision(watched, find(averaged, watched, SIZE), NAMES)
        return f"watched mAP50 {result.map50:.4f} mAP50-95 {result.map50_95:.4f}"

    return train(model, train_set, plan, work, watch)


def clean_belt(seed: int, frames: int) -> list[Sample]:
    """A running belt without foreign objects, in pictures `FPS` a second, textures of the held-out family."""
    rng = generator(HELD_OUT, 3, seed)
    load = loads(HELD_OUT.name)[rng.integers(LOADS)]
    step = rng.uniform(0.3, 2.0) * METRE / FPS
    length = LENGTH + int(step * frames) + 2
    content = Content(fill=0.0 if rng.random() < 0.2 else float(rng.uniform(0.3, 0.95)))
    view = make_view(rng, HELD_OUT, SHAPES[rng.integers(len(SHAPES))], Conditions(*map(float, rng.random(3) ** 1.3)))
    strip = make_strip(rng, HELD_OUT, load, length, content)
    lit = strip.shade(view.light, view.ambient)
    return [photograph(rng, view, strip, lit, length - LENGTH - 1 - step * k, labels=False) for k in range(frames)]


def false_alarms(model: Detector, belts: int, frames: int, confidence: float) -> tuple[int, int, int]:
    """Frames of clean belts with a detection at or above `confidence`, all frames, and belts with such a frame."""
    wrong, bad_belts = 0, 0
    for seed in range(belts):
        found = find(model, clean_belt(seed, frames), SIZE, confidence)
        here = sum(len(f.scores) > 0 for f in found)
        wrong, bad_belts = wrong + here, bad_belts + (here > 0)
    return wrong, belts * frames, bad_belts


DATASET = "rendered conveyor belts"
SPLIT = "held-out renders: other seeds, other texture generators and palettes"


def figures(model: Detector, held: list[Sample]) -> list[Figure]:
    """Precision on held-out renders, and false alarms on clean ones."""
    result = average_precision(held, find(model, held, SIZE), NAMES)
    rows = precision_figures(DATASET, SPLIT, result, "all classes", True)
    wrong, frames, belts = false_alarms(model, CLEAN_BELTS, CLEAN_FRAMES, CONFIDENCE)
    note = (
        f"{wrong} of {frames} rendered frames without an object had a detection of at least {CONFIDENCE:g}, on "
        f"{belts} of "
        f"{CLEAN_BELTS} belts; times {3600 * FPS} frames of an hour at {FPS} a second; no tracking, no rule"
    )
    value = wrong / frames * 3600 * FPS
    return [*rows, Figure(DATASET, SPLIT, "alarming frames per clean hour", value, frames, note)]


def task(epochs: int, version: str) -> Task:
    """What the card says."""
    return Task(
        name="belt-foreign-object",
        title="Foreign objects on conveyor belts (synthetic)",
        description="Finds oversize lumps, rods (drill rods, rock bolts), timber and steel sheets on loaded or "
        "empty belts. "
        "Synthetic-trained; no field accuracy claimed.",
        size=SIZE,
        names=NAMES,
        names_zh=["大块", "锚杆", "木料", "铁板"],
        confidence=CONFIDENCE,
        version=version,
        revision=f"renderer in training/strata_training/vision, train seeds 0 to {TRAIN_COUNT - 1}",
        training={
            "data": f"{TRAIN_COUNT} belts rendered by training/strata_training/vision (no photographs)",
            "licence": "Apache-2.0 (rendered by this project)",
            "split": SPLIT,
            "seeds": [PLAN.seed],
            "rows": TRAIN_COUNT,
            "script": "python -m strata_training belt-foreign-object",
        },
        made=[
            "Start: YOLOX-nano trained on COCO (Megvii, Apache-2.0); only the class layers are new.",
            f"Data: {TRAIN_COUNT} renders; belts, ore, objects are height fields lit by one lamp, with shadows, "
            "burial under "
            "ore, dust, blur, motion, noise, tilted cameras. A tenth shows no object.",
            f"Held out: {HELD_COUNT} renders of a second family of textures (cellular instead of lattice noise, other "
            "palettes, rounder stones) and other seeds. The renderer of shapes is the same.",
            f"Training: {epochs} epochs of {PLAN.pictures_per_epoch} pictures on two processor cores. Last "
            "weights taken; "
            "nothing was chosen by the held-out renders.",
        ],
        weaknesses=[
            "Synthetic-trained; no field accuracy claimed. Before use, measure on pictures of the belt in question.",
            "Rendered objects are simpler than real ones: no cables, tools, nets, clothing, crushed steel.",
            "An oversize lump of the load's own stone, half buried, is the hardest case.",
            "The false alarms were counted on rendered belts; water, people, belt joints and lamps of a real "
            "site are missing.",
        ],
    )


def data(workers: int = 2) -> tuple[list[Sample], list[Sample]]:
    """Train and held-out renders."""
    return stills(TRAIN, 0, TRAIN_COUNT, 0.12, workers), stills(HELD_OUT, 0, HELD_COUNT, 0.12, workers)


def publish(start: Path, model: Detector, held: list[Sample], out: Path, epochs: int, version: str = "1.0.0") -> None:
    """Measures and writes the model's folder."""
    rows = figures(model, held)
    for row in rows:
        print(f"{row.metric} {row.value:.4f} n {row.n} {row.note}")
    release(task(epochs, version), model, start, held[:9], rows, out)
