"""A small feature backbone for memory banks, taught by a public one.

The teacher is MobileNetV2 (Apache-2.0): its maps `layer2` (192 x 28 x 28) and `layer3` (576 x 14 x 14) are what the
student's maps, through a linear layer that is thrown away afterwards, learn to say. Nothing is labelled. Pictures
are crops of conveyor-belt photographs and renders, and procedural textures; no picture of the magnetic tiles on
which the figures are measured is used.

The student takes uint8 RGB `(N, 224, 224, 3)` and gives `layer2` (96 channels, stride 8) and `layer3` (160, stride 16).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .augment import Sample
from .textures import HELD_OUT, TRAIN, rubber, steel, wood

SIDE = 224
LAYERS = {"layer2": (96, 192), "layer3": (160, 576)}


class Block(nn.Sequential):
    """Convolution, norm, ReLU."""

    def __init__(self, inside: int, outside: int, kernel: int = 3, stride: int = 1):
        conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = Block(width, width), Block(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape as `x`."""
        return x + self.second(self.first(x))


class Backbone(nn.Module):
    """The student."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(Block(3, 16, stride=2), Block(16, 32, stride=2), Block(32, 32))
        self.middle = nn.Sequential(Block(32, 64, stride=2), Residual(64))
        self.deep = nn.Sequential(Block(64, 128, stride=2), Residual(128))
        self.layer2 = nn.Conv2d(64, LAYERS["layer2"][0], 1)
        self.layer3 = nn.Conv2d(128, LAYERS["layer3"][0], 1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`image` uint8 (N, H, W, 3), RGB."""
        x = image.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        x = self.middle(self.stem(x))
        return self.layer2(x), self.layer3(self.deep(x))


def teacher(path: Path, threads: int = 1):
    """The teacher as a function: pictures to its two maps."""
    import onnx
    import onnxruntime

    # Without the classifier behind the maps, which takes one picture only.
    part = onnx.utils.Extractor(onnx.load(path)).extract_model(["image"], list(LAYERS))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(part.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def say(pictures: np.ndarray) -> list[np.ndarray]:
        return session.run(list(LAYERS), {"image": pictures})

    return say


def texture(rng: np.random.Generator) -> np.ndarray:
    """A procedural surface, RGB."""
    family = TRAIN if rng.random() < 0.5 else HELD_OUT
    shape = (SIDE, SIDE)
    kind = rng.integers(5)
    if kind == 0:
        made = rubber(rng, family, shape)[..., None] * rng.uniform(0.2, 0.6, 3)
    elif kind == 1:
        made = steel(rng, family, shape) * rng.uniform(0.3, 0.7, 3)
    elif kind == 2:
        made = wood(rng, family, shape)[..., None] * rng.uniform(0.2, 0.7, 3)
    else:
        base = family.noise(rng, shape, rng.uniform(4, 80), int(rng.integers(1, 4)))
        made = (rng.uniform(0.2, 0.7) * (1 + rng.uniform(0.03, 0.5) * base))[..., None] * rng.uniform(0.7, 1.3, 3)
    picture = (made.clip(0, 1) * 255).astype(np.uint8)
    for _ in range(rng.integers(0, 5)):  # spots, scratches, cracks
        shade = tuple(int(v) for v in rng.integers(0, 256) * np.ones(3))
        at = tuple(int(v) for v in rng.integers(0, SIDE, 2))
        if rng.random() < 0.5:
            axes = tuple(int(v) for v in rng.integers(1, 14, 2))
            cv2.ellipse(picture, at, axes, float(rng.uniform(0, 180)), 0, 360, shade, -1, cv2.LINE_AA)
        else:
            points = np.cumsum(np.concatenate([[at], rng.normal(0, 9, (8, 2))]), 0).round().astype(np.int32)
            cv2.polylines(picture, [points], False, shade, int(rng.integers(1, 4)), cv2.LINE_AA)
    return picture


def crop(rng: np.random.Generator, samples: list[Sample]) -> np.ndarray:
    """A random part of a random picture, turned and recoloured at random, RGB."""
    image = samples[rng.integers(len(samples))].image
    height, width = image.shape[:2]
    side = int(min(height, width) * rng.uniform(0.25, 1.0))
    y, x = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    part = image[y : y + side, x : x + side, ::-1]
    return cv2.resize(np.ascontiguousarray(part), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def picture(rng: np.random.Generator, samples: list[Sample]) -> np.ndarray:
    """One training picture, RGB uint8."""
    made = texture(rng) if rng.random() < 0.3 else crop(rng, samples)
    made = np.rot90(made, rng.integers(4))
    if rng.random() < 0.5:
        made = made[:, ::-1]
    made = made.astype(np.float32)
    if rng.random() < 0.4:
        made = np.repeat(made.mean(2, keepdims=True), 3, 2)
    made = (made - 110) * rng.uniform(0.6, 1.5) + 110 + rng.uniform(-50, 50)
    if rng.random() < 0.3:
        made = cv2.GaussianBlur(np.ascontiguousarray(made), (0, 0), float(rng.uniform(0.5, 2.0)))
    if rng.random() < 0.3:
        made = made + rng.normal(0, rng.uniform(2, 12), made.shape)
    return made.clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Lessons:
    """Settings of a run."""

    steps: int = 450
    batch: int = 32
    rate: float = 2e-3
    seed: int = 0


def distil(teacher_path: Path, samples: list[Sample], lessons: Lessons, work: Path) -> Backbone:
    """Trains the student; writes a checkpoint every 50 steps."""
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(lessons.seed)
    rng = np.random.default_rng(lessons.seed)
    say = teacher(teacher_path)
    student = Backbone().to(memory_format=torch.channels_last)
    heads = nn.ModuleList(nn.Conv2d(mine, theirs, 1) for mine, theirs in LAYERS.values())
    first = say(np.stack([picture(rng, samples) for _ in range(64)]))
    scales = [(torch.from_numpy(m.mean((0, 2, 3))), torch.from_numpy(m.std((0, 2, 3)) + 1e-2)) for m in first]
    optimiser = torch.optim.AdamW([*student.parameters(), *heads.parameters()], lr=lessons.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lessons.rate, total_steps=lessons.steps, pct_start=0.08)
    started, mean = time.time(), 0.0
    for step in range(lessons.steps):
        pictures = np.stack([picture(rng, samples) for _ in range(lessons.batch)])
        targets = say(pictures)
        student.train()
        loss = 0.0
        for made, head, target, (centre, spread) in zip(student(torch.from_numpy(pictures)), heads, targets, scales):
            wanted = (torch.from_numpy(target) - centre[:, None, None]) / spread[:, None, None]
            loss = loss + F.smooth_l1_loss(head(made), wanted, beta=1.0)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        mean = float(loss.detach()) if step == 0 else 0.95 * mean + 0.05 * float(loss.detach())
        if step % 50 == 49 or step == lessons.steps - 1:
            torch.save(student.state_dict(), work / "features.pt")
            print(f"step {step} loss {mean:.4f} {time.time() - started:.0f} s", flush=True)
    return student.eval()


def to_onnx(student: Backbone, path: Path) -> None:
    """Opset 17, open batch, height and width."""
    import warnings

    axes = {"image": {0: "N", 1: "H", 2: "W"}}
    axes |= {name: {0: "N", 2: f"{name}_h", 3: f"{name}_w"} for name in LAYERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            student.to(memory_format=torch.contiguous_format).eval(),
            (torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8),),
            str(path),
            input_names=["image"],
            output_names=list(LAYERS),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
