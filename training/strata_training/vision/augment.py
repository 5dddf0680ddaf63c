"""Pictures with boxes, cached in memory, and what training does to them.

A `Sample` holds a BGR uint8 picture and boxes (n, 5) as class, x1, y1, x2, y2 in pixels. `draw` makes one training
picture of a wanted size: a mosaic of four or a single one, each scaled, shifted, flipped, turned by quarter turns,
with its colours shifted. A box of which less than a quarter stays in the picture is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

KEEP = 0.25
PAD = 114


@dataclass
class Sample:
    """A picture and what is in it."""

    image: np.ndarray
    boxes: np.ndarray
    name: str = ""


@dataclass(frozen=True)
class Augment:
    """How strongly pictures are changed."""

    mosaic: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    flip: bool = True
    flip_vertical: bool = True
    quarter_turns: float = 0.0
    hue: float = 0.015
    saturation: float = 0.5
    value: float = 0.4
    blur: float = 0.0


def read_yolo(images: Path, labels: Path, size: int) -> list[Sample]:
    """Pictures of a folder, stretched to `size` squares, with their YOLO labels."""
    samples = []
    for path in sorted(images.iterdir()):
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError(f"{path} cannot be read as a picture")
        if image.shape[:2] != (size, size):
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        samples.append(Sample(image, read_labels(labels / f"{path.stem}.txt", size), path.stem))
    return samples


def read_labels(path: Path, size: int) -> np.ndarray:
    """A YOLO label file as (n, 5): class, x1, y1, x2, y2 in pixels of a square of `size`."""
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()] if path.is_file() else []
    table = np.array([[float(v) for v in row[:5]] for row in rows], np.float32).reshape(-1, 5)
    centre, half = table[:, 1:3], table[:, 3:5] / 2
    corners = np.concatenate([centre - half, centre + half], 1).clip(0, 1) * size
    return np.concatenate([table[:, :1], corners], 1).astype(np.float32)


def repeat_weights(samples: list[Sample], classes: int, most: float = 2.5) -> np.ndarray:
    """Chance of each picture to be drawn: more for pictures with rare classes (Gupta et al., LVIS, 2019)."""
    has = np.zeros((len(samples), classes), bool)
    for i, sample in enumerate(samples):
        has[i, sample.boxes[:, 0].astype(int)] = True
    share = has.mean(0).clip(1e-6)
    factor = np.sqrt(0.5 / share).clip(1.0, most)
    weight = np.where(has, factor, 1.0).max(1)
    return weight / weight.sum()


def clip(boxes: np.ndarray, x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """Boxes cut to a window; those of which too little stays, or that are under 2 pixels, are dropped."""
    cut = boxes.copy()
    cut[:, [1, 3]] = cut[:, [1, 3]].clip(x1, x2)
    cut[:, [2, 4]] = cut[:, [2, 4]].clip(y1, y2)
    size = cut[:, 3:] - cut[:, 1:3]
    whole = boxes[:, 3:] - boxes[:, 1:3]
    keep = (size.prod(1) >= KEEP * whole.prod(1)) & (size.min(1) >= 2.0)
    return cut[keep]


def turn(image: np.ndarray, boxes: np.ndarray, augment: Augment, rng: np.random.Generator):
    """Flips and quarter turns."""
    height, width = image.shape[:2]
    boxes = boxes.copy()
    if augment.flip and rng.random() < 0.5:
        image = image[:, ::-1]
        boxes[:, [1, 3]] = width - boxes[:, [3, 1]]
    if augment.flip_vertical and rng.random() < 0.5:
        image = image[::-1]
        boxes[:, [2, 4]] = height - boxes[:, [4, 2]]
    if rng.random() < augment.quarter_turns:
        image = image.transpose(1, 0, 2)
        boxes = boxes[:, [0, 2, 1, 4, 3]]
    return image, boxes


def recolour(image: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Shifts hue, stretches saturation and brightness, by tables."""
    gains = rng.uniform(-1, 1, 3) * (augment.hue, augment.saturation, augment.value) + 1
    ramp = np.arange(256, dtype=np.float32)
    hue = ((ramp * gains[0]) % 180).astype(np.uint8)
    saturation = (ramp * gains[1]).clip(0, 255).astype(np.uint8)
    value = (ramp * gains[2]).clip(0, 255).astype(np.uint8)
    h, s, v = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    merged = cv2.merge([cv2.LUT(h, hue), cv2.LUT(s, saturation), cv2.LUT(v, value)])
    return cv2.cvtColor(merged, cv2.COLOR_HSV2BGR)


@dataclass
class Drawer:
    """Draws training pictures from a list of samples."""

    samples: list[Sample]
    weights: np.ndarray
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def draw(self, index: int, size: int, augment: Augment) -> Sample:
        """One training picture of `size` squares around sample `index`."""
        mosaic = self.rng.random() < augment.mosaic
        made = self._mosaic(index, size, augment) if mosaic else self._single(index, size, augment)
        made.image = recolour(np.ascontiguousarray(made.image), augment, self.rng)
        if self.rng.random() < augment.blur:
            made.image = cv2.GaussianBlur(made.image, (0, 0), self.rng.uniform(0.4, 1.2))
        return made

    def _single(self, index: int, size: int, augment: Augment) -> Sample:
        sample = self.samples[index]
        image, boxes = turn(sample.image, sample.boxes, augment, self.rng)
        scale = size / max(image.shape[:2]) * self.rng.uniform(*augment.scale)
        x, y = (self.rng.uniform(-1, 1, 2) * augment.shift + 0.5) * size - np.array(image.shape[1::-1]) * scale / 2
        return self._place(image, boxes, (scale, x, y), size)

    def _place(self, image: np.ndarray, boxes: np.ndarray, where: tuple[float, float, float], size: int) -> Sample:
        scale, x, y = where
        height, width = (max(2, round(side * scale)) for side in image.shape[:2])
        method = cv2.INTER_AREA if scale < 0.8 else cv2.INTER_LINEAR
        small = cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=method)
        x, y = round(x), round(y)
        x1, y1, x2, y2 = max(x, 0), max(y, 0), min(x + width, size), min(y + height, size)
        made = np.full((size, size, 3), PAD, np.uint8)
        if x2 > x1 and y2 > y1:
            made[y1:y2, x1:x2] = small[y1 - y : y2 - y, x1 - x : x2 - x]
        moved = boxes.copy()
        moved[:, [1, 3]] = moved[:, [1, 3]] * (width / image.shape[1]) + x
        moved[:, [2, 4]] = moved[:, [2, 4]] * (height / image.shape[0]) + y
        return Sample(made, clip(moved, 0, 0, size, size))

    def _mosaic(self, index: int, size: int, augment: Augment) -> Sample:
        others = self.rng.choice(len(self.samples), 3, p=self.weights)
        cx, cy = self.rng.uniform(0.3, 0.7, 2) * size
        canvas = np.full((size, size, 3), PAD, np.uint8)
        kept = []
        for corner, i in enumerate([index, *others]):
            sample = self.samples[i]
            image, boxes = turn(sample.image, sample.boxes, augment, self.rng)
            scale = size / max(image.shape[:2]) * self.rng.uniform(*augment.scale) * 0.8
            height, width = image.shape[0] * scale, image.shape[1] * scale
            left, top = corner % 2 == 0, corner < 2
            # The picture's corner meets the mosaic's middle.
            x, y = (cx - width if left else cx), (cy - height if top else cy)
            window = (0, int(cx)) if left else (int(cx), size), (0, int(cy)) if top else (int(cy), size)
            placed = self._place(image, boxes, (scale, x, y), size)
            (x1, x2), (y1, y2) = window
            canvas[y1:y2, x1:x2] = placed.image[y1:y2, x1:x2]
            kept.append(clip(placed.boxes, x1, y1, x2, y2))
        return Sample(canvas, np.concatenate(kept))


def to_batch(samples: list[Sample]):
    """Pictures as a float tensor (N, 3, H, W), channels last in memory, and their boxes as tensors."""
    import torch

    stack = np.stack([s.image for s in samples])
    images = torch.from_numpy(stack).permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.channels_last)
    return images, [torch.from_numpy(np.ascontiguousarray(s.boxes, np.float32)) for s in samples]
