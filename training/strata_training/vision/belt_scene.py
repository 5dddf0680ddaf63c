"""A stretch of loaded belt as maps in its own plane: heights, albedo, gloss, and which pixel belongs to which object.

The belt's plane has x across (one metre of width is `METRE` pixels) and y along the running direction. Everything on
it is a height field, so shading, cast shadows and burial of objects under ore come from one rule: the higher surface
is seen. `Strip.shade` gives the lit picture of the whole stretch; `camera` looks at parts of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from .solids import CLASSES, MAKERS, METRE, Solid, stone, turned
from .textures import Family, pick, rubber

SEEN = 0.35  # least visible share of an object that is labelled


@dataclass
class Load:
    """A field of stones as wide as the belt: height and albedo, to be cropped and mirrored."""

    height: np.ndarray
    albedo: np.ndarray
    ore: tuple


@dataclass
class Placed:
    """An object on a strip: its class, and how many pixels of the plane it would fill if nothing lay on it."""

    kind: int
    pixels: int


@dataclass
class Strip:
    """Maps of a stretch of belt, (length, METRE)."""

    height: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    owner: np.ndarray  # 0: none, k: object k - 1
    objects: list[Placed] = field(default_factory=list)

    def put(self, solid: Solid, x: int, y: int, owner: int = 0, sink: float = 0.0) -> int:
        """Lays a solid with its patch's corner at x, y, sunk by `sink`; returns the pixels it fills."""
        h, w = solid.mask.shape
        x1, y1 = max(x, 0), max(y, 0)
        x2, y2 = min(x + w, self.height.shape[1]), min(y + h, self.height.shape[0])
        if x2 <= x1 or y2 <= y1:
            return 0
        part, window = (slice(y1 - y, y2 - y), slice(x1 - x, x2 - x)), (slice(y1, y2), slice(x1, x2))
        mask = solid.mask[part]
        if not mask.any():
            return 0
        # It rests on what lies under its middle.
        rest = float(np.percentile(self.height[window][mask], 60)) - sink
        top = solid.height[part] + rest
        wins = mask & (top > self.height[window])
        self.height[window][wins] = top[wins]
        self.albedo[window][wins] = solid.albedo[part][wins]
        self.gloss[window][wins] = solid.gloss
        if owner:
            self.owner[window][wins] = owner
        else:
            self.owner[window][wins] = 0
        return int(mask.sum())

    def shade(self, light: np.ndarray, ambient: float) -> np.ndarray:
        """Lit picture (length, METRE, 3), 0 to about 1.5: Lambert, a highlight, and cast shadows."""
        dx = cv2.Sobel(self.height, cv2.CV_32F, 1, 0, scale=1 / 8)
        dy = cv2.Sobel(self.height, cv2.CV_32F, 0, 1, scale=1 / 8)
        norm = 1 / np.sqrt(1 + dx * dx + dy * dy)
        facing = ((-dx * light[0] - dy * light[1] + light[2]) * norm).clip(0)
        half = light + np.array([0, 0, 1], np.float32)
        half /= np.linalg.norm(half)
        shine = (((-dx * half[0] - dy * half[1] + half[2]) * norm).clip(0) ** 24) * self.gloss * 0.5
        shadow = np.ones_like(self.height)
        flat = float(np.hypot(light[0], light[1]))
        if flat > 0.05:
            for step in (2.0, 4.0, 7.0, 11.0, 16.0, 24.0):
                matrix = np.array([[1, 0, -light[0] / flat * step], [0, 1, -light[1] / flat * step]], np.float32)
                toward = cv2.warpAffine(
                    self.height, matrix, self.height.shape[::-1], borderMode=cv2.BORDER_REPLICATE
                )
                shadow = np.minimum(shadow, 1 - ((toward - self.height - step * light[2] / flat) / 3).clip(0, 0.8))
        # Hollows between stones see less of the sky.
        open_sky = 1 + ((self.height - cv2.blur(self.height, (15, 15))) / 14).clip(-0.55, 0.25)
        lit = ambient * open_sky + (1 - ambient) * facing * cv2.blur(shadow, (3, 3)) * 1.25
        return self.albedo * lit[..., None] + (shine * shadow)[..., None]


def make_load(rng: np.random.Generator, family: Family, length: int) -> Load:
    """A field of stones of one ore: fines first, then ever larger stones."""
    ore = family.ores[rng.integers(len(family.ores))]
    colour = pick(rng, (ore[1],))
    shape = (length, METRE)
    height = 1.2 * family.noise(rng, shape, 10.0) + 2.0 * family.noise(rng, shape, 70.0)
    height += 0.5 * rng.standard_normal(shape)
    shade = 1 + 0.12 * family.noise(rng, shape, 5.0) + 0.10 * rng.standard_normal(shape)
    load = Strip(
        height.astype(np.float32),
        (colour[None, None] * shade[..., None]).clip(0.01, 0.95).astype(np.float32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.uint8),
    )
    largest = rng.uniform(5, 17)
    moulds = [stone(rng, family, 16.0) for _ in range(24)]
    radii = np.sort(largest * rng.beta(1.2, 2.5, int(0.55 * length * METRE / (largest * 0.5) ** 2 / 3)) + 1.8)
    for radius in radii:
        mould = moulds[rng.integers(len(moulds))]
        side = max(int(2.2 * radius), 3)
        patch = cv2.resize(mould, (side, side), interpolation=cv2.INTER_AREA) * (radius / 16.0)
        patch = np.rot90(patch, rng.integers(4))
        tone = colour * rng.uniform(0.75, 1.35) * (1 + rng.normal(0, 0.03, 3))
        mask = patch > 0.1 * radius
        albedo = np.broadcast_to(tone.astype(np.float32).clip(0.01, 0.95), (*patch.shape, 3))
        x, y = rng.integers(-side // 2, METRE), rng.integers(-side // 2, length)
        load.put(Solid(np.ascontiguousarray(patch), albedo, 0.0, mask), int(x), int(y), sink=0.35 * radius)
    return Load(load.height, load.albedo, ore)


@dataclass(frozen=True)
class Content:
    """What lies on a belt: where objects are (class, y along the strip), and how much load."""

    objects: tuple[tuple[str, float], ...] = ()
    fill: float = 0.7  # share of the width that is covered; 0 is an empty belt
    off_centre: float = 0.0  # the load's middle, in belt widths from the belt's
    stray: bool = True  # stones and dust on the bare parts
    burial: float = 0.5  # how often and how deep objects are covered


def make_strip(rng: np.random.Generator, family: Family, load: Load, length: int, content: Content) -> Strip:
    """A belt with its load and objects."""
    shape = (length, METRE)
    colour = pick(rng, family.rubbers)
    albedo = colour[None, None] * rubber(rng, family, shape)[..., None]
    for _ in range(rng.poisson(length / 2500)):  # splices
        y = rng.integers(0, length)
        cv2.line(albedo, (0, int(y)), (METRE, int(y + rng.normal(0, 20))), (colour * 0.6).tolist(), 2, cv2.LINE_AA)
    strip = Strip(
        np.zeros(shape, np.float32),
        albedo.clip(0.01, 0.95).astype(np.float32),
        np.full(shape, rng.uniform(0.0, 0.25), np.float32),
        np.zeros(shape, np.uint8),
    )
    across = (np.arange(METRE, dtype=np.float32) / METRE - 0.5)[None]
    _lay_load(rng, family, strip, load, across, content)
    for kind, y in content.objects:
        _lay_object(rng, family, strip, load, (kind, y), content)
    return strip


def _window(rng: np.random.Generator, load: Load, length: int) -> tuple[np.ndarray, np.ndarray]:
    """A random part of the load, mirrored at random, repeated with mirrored ends where it is too short."""
    height, albedo = load.height, load.albedo
    if rng.random() < 0.5:
        height, albedo = height[:, ::-1], albedo[:, ::-1]
    start = int(rng.integers(0, len(height)))
    rows = (start + np.arange(length)) % (2 * len(height))
    rows = np.where(rows < len(height), rows, 2 * len(height) - 1 - rows)
    return height[rows], albedo[rows]


def _lay_load(rng, family: Family, strip: Strip, load: Load, across: np.ndarray, content: Content) -> None:
    length = len(strip.height)
    height, albedo = _window(rng, load, length)
    y = np.linspace(0, length / METRE, length, dtype=np.float32)[:, None]
    wander = 0.03 * np.sin(y * rng.uniform(1, 3) + rng.uniform(0, 6)) + 0.02 * family.noise(rng, (length, 1), 60.0)
    half = content.fill / 2 * (1 + 0.10 * family.noise(rng, (length, 1), 120.0))
    from_middle = np.abs(across - content.off_centre - wander)
    heap = (1 - from_middle / np.maximum(half, 1e-3)) * METRE * rng.uniform(0.10, 0.22) * (content.fill > 0)
    top = np.minimum(heap, METRE * 0.12) + height - 2.0
    wins = (top > 0.8) & (heap > -6) & (content.stray or content.fill > 0)
    # A thin film of fines on the bare belt, and stray stones.
    film = cv2.GaussianBlur(((height > 5.5) & (rng.random() < 0.6) & content.stray).astype(np.float32), (0, 0), 0.7)
    stray = (film > 0.5) & ~wins & (family.noise(rng, strip.height.shape, 40.0) > rng.uniform(0.3, 2.0))
    patchy = rng.uniform(0, 0.5) * content.stray, family.noise(rng, strip.height.shape, 50.0)
    dusty = patchy[0] * (0.5 + 0.5 * patchy[1]).clip(0, 1)[..., None]
    strip.albedo[:] = strip.albedo * (1 - dusty) + load.albedo.mean((0, 1)) * dusty
    for mask, level in ((stray, height - 3.0), (wins, top)):
        strip.height[mask] = level[mask]
        strip.albedo[mask] = albedo[mask]
        strip.gloss[mask] = load.ore[2]


def _lay_object(rng, family: Family, strip: Strip, load: Load, what: tuple[str, float], content: Content) -> None:
    kind, y = what
    solid = turned(MAKERS[kind](rng, family, load.ore), rng.uniform(0, 360))
    h, w = solid.mask.shape
    if w > METRE * 1.02:  # it would hang over both edges: lie along the belt
        solid = turned(solid, 90)
        h, w = solid.mask.shape
    x = METRE * (0.5 + rng.normal(0, 0.14)) - w / 2
    x = float(np.clip(x, -0.04 * METRE, max(METRE * 1.04 - w, 0)))
    owner = len(strip.objects) + 1
    sink = rng.uniform(0, 0.5) * float(np.median(solid.height[solid.mask])) * content.burial
    pixels = strip.put(solid, int(x), int(y - h / 2), owner, sink)
    strip.objects.append(Placed(CLASSES.index(kind), pixels))
    if content.fill <= 0 or rng.random() > content.burial:
        return
    # Ore that fell on it: patches of the load over parts of it.
    height, albedo = _window(rng, load, h)
    for _ in range(rng.integers(1, 4)):
        cx, cy, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.12, 0.3) * max(min(w, h), 50)
        gy, gx = np.mgrid[:h, :w].astype(np.float32)
        inside = np.hypot(gx - cx, gy - cy) < r * (1 + 0.25 * family.noise(rng, (h, w), 10.0))
        cover = Solid(
            (height[:, :w] if w <= METRE else np.pad(height, ((0, 0), (0, w - METRE)), "edge")) + 4.0,
            albedo[:, :w] if w <= METRE else np.pad(albedo, ((0, 0), (0, w - METRE), (0, 0)), "edge"),
            load.ore[2],
            inside,
        )
        strip.put(cover, int(x), int(y - h / 2))
