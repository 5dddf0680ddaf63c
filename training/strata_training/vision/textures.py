"""Procedural textures for rendered belts: two families that share no generator, palette or seed.

`TRAIN` textures are sums of smoothed lattice noise; `HELD_OUT` textures are cellular (distances to scattered
points) and directional. A detector trained on the first is measured on the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Colour = tuple[float, float, float]


def lattice(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 3) -> np.ndarray:
    """Smooth noise of mean 0 and deviation about 1: random lattices, enlarged and summed, each half as coarse."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        small = rng.standard_normal((int(height / size) + 3, int(width / size) + 3)).astype(np.float32)
        large = cv2.resize(small, None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
        total += large[:height, :width] * 0.6**octave
    return total / max(float(total.std()), 1e-6)


def cellular(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 2) -> np.ndarray:
    """Cellular noise of mean 0 and deviation 1: distance to the nearest of scattered points."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = max(cell / 2.2**octave, 2.0)
        count = max(int(height * width / size**2), 2)
        marks = np.full(shape, 255, np.uint8)
        marks[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
        total += cv2.distanceTransform(marks, cv2.DIST_L2, 3) / size * 0.7**octave
    total -= total.mean()
    return total / max(float(total.std()), 1e-6)


def stretched(noise, rng: np.random.Generator, shape: tuple[int, int], cell: float, ratio: float) -> np.ndarray:
    """Noise drawn out along the rows' direction: streaks, grain, scratches."""
    height, width = shape
    small = noise(rng, (max(int(height / ratio), 4), width), cell)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Family:
    """A set of generators and palettes (BGR, 0 to 1)."""

    name: str
    noise: object
    ores: tuple[tuple[str, Colour, float], ...]  # name, colour, gloss
    rubbers: tuple[Colour, ...]
    woods: tuple[Colour, ...]
    steels: tuple[Colour, ...]
    floors: tuple[Colour, ...]
    facets: tuple[int, int]  # planes that cut a stone
    roundness: float
    salt: int  # keeps seeds of the families apart


TRAIN = Family(
    name="train",
    noise=lattice,
    ores=(
        ("coal", (0.09, 0.085, 0.08), 0.5),
        ("dull coal", (0.15, 0.145, 0.14), 0.15),
        ("haematite", (0.16, 0.20, 0.36), 0.1),
        ("limestone", (0.36, 0.40, 0.42), 0.05),
        ("copper ore", (0.25, 0.28, 0.275), 0.12),
    ),
    rubbers=((0.17, 0.16, 0.16), (0.26, 0.25, 0.24), (0.33, 0.31, 0.29), (0.22, 0.24, 0.27)),
    woods=((0.30, 0.46, 0.62), (0.22, 0.35, 0.50), (0.40, 0.50, 0.58), (0.16, 0.24, 0.33)),
    steels=((0.50, 0.50, 0.49), (0.30, 0.33, 0.37), (0.12, 0.18, 0.28), (0.62, 0.62, 0.60)),
    floors=((0.20, 0.21, 0.22), (0.30, 0.32, 0.34), (0.16, 0.20, 0.24)),
    facets=(7, 11),
    roundness=0.35,
    salt=1,
)

HELD_OUT = Family(
    name="held-out",
    noise=cellular,
    ores=(
        ("anthracite", (0.12, 0.11, 0.10), 0.65),
        ("magnetite", (0.22, 0.21, 0.20), 0.3),
        ("laterite", (0.14, 0.27, 0.45), 0.05),
        ("phosphate", (0.31, 0.38, 0.42), 0.03),
    ),
    rubbers=((0.20, 0.20, 0.19), (0.29, 0.27, 0.27), (0.24, 0.22, 0.20)),
    woods=((0.26, 0.40, 0.56), (0.36, 0.52, 0.66), (0.20, 0.28, 0.40)),
    steels=((0.44, 0.44, 0.42), (0.24, 0.28, 0.33), (0.15, 0.21, 0.31)),
    floors=((0.24, 0.25, 0.25), (0.18, 0.21, 0.26)),
    facets=(9, 15),
    roundness=0.6,
    salt=2,
)


def generator(family: Family, *seed: int) -> np.random.Generator:
    """Random numbers of one render; no seed of one family gives the numbers of another."""
    return np.random.default_rng((family.salt, *seed))


def pick(rng: np.random.Generator, colours: tuple, spread: float = 0.05) -> np.ndarray:
    """One of some colours, a little off."""
    colour = np.array(colours[rng.integers(len(colours))], np.float32)
    shade = rng.uniform(1 - spread, 1 + spread, 3) * rng.uniform(0.85, 1.2)
    return (colour * shade).clip(0.02, 0.95).astype(np.float32)


def wood(rng: np.random.Generator, family: Family, shape: tuple[int, int]) -> np.ndarray:
    """Grain along the rows' direction: albedo factor around 1."""
    grain = stretched(family.noise, rng, shape, 5.0, 18.0)
    rings = np.sin(np.linspace(0, rng.uniform(8, 30), shape[1], dtype=np.float32)[None] + 1.2 * grain)
    return (1 + 0.13 * rings + 0.10 * grain).clip(0.4, 1.6)


def rubber(rng: np.random.Generator, family: Family, shape: tuple[int, int]) -> np.ndarray:
    """A worn belt: streaks along the running direction, stains, scratches. Albedo factor around 1."""
    streaks = stretched(family.noise, rng, shape, 7.0, 30.0)
    stains = family.noise(rng, shape, 60.0)
    fine = rng.standard_normal(shape).astype(np.float32)
    made = 1 + rng.uniform(0.04, 0.14) * streaks + rng.uniform(0.03, 0.12) * stains + 0.03 * fine
    for _ in range(rng.integers(0, 8)):
        x, y = rng.integers(0, shape[1]), rng.integers(0, shape[0])
        end = (int(x + rng.normal(0, 6)), int(y + rng.uniform(40, 300)))
        cv2.line(made, (int(x), int(y)), end, float(rng.uniform(0.7, 1.35)), 1, cv2.LINE_AA)
    return made.clip(0.3, 1.8).astype(np.float32)


def steel(rng: np.random.Generator, family: Family, shape: tuple[int, int]) -> np.ndarray:
    """Rolled or rusty steel, three channels: albedo factor around 1."""
    smooth = 1 + 0.05 * stretched(family.noise, rng, shape, 4.0, 12.0)[..., None]
    rust = (family.noise(rng, shape, 22.0) > rng.uniform(0.2, 2.2))[..., None].astype(np.float32)
    rust = cv2.GaussianBlur(rust, (0, 0), 1.5)[..., None]
    return (smooth * (1 - rust) + rust * np.array([0.45, 0.7, 1.05], np.float32)).astype(np.float32)
