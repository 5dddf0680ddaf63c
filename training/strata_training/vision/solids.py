"""Solids that lie on a belt, as height fields: stones, lumps, drill rods, timber, steel sheets.

A `Solid` is a patch seen from above: height in pixels over its foot, albedo (BGR, 0 to 1), gloss, and a mask. One
metre of belt is `METRE` pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .textures import Family, pick, steel, wood

METRE = 256
CLASSES = ("lump", "rod", "timber", "sheet")


@dataclass
class Solid:
    """A patch: height (h, w), albedo (h, w, 3), gloss, mask (h, w)."""

    height: np.ndarray
    albedo: np.ndarray
    gloss: float
    mask: np.ndarray


def grid(side_x: float, side_y: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of a patch's pixels from its middle, in pixels."""
    w, h = int(np.ceil(side_x)) | 1, int(np.ceil(side_y)) | 1
    y, x = np.mgrid[:h, :w].astype(np.float32)
    return x - w // 2, y - h // 2


def stone(rng: np.random.Generator, family: Family, radius: float) -> np.ndarray:
    """Height of a stone: what random planes leave of a dome."""
    x, y = grid(2.2 * radius, 2.2 * radius)
    stretch, turn = rng.uniform(0.75, 1.3), rng.uniform(0, np.pi)
    u = (x * np.cos(turn) + y * np.sin(turn)) / radius * stretch
    v = (y * np.cos(turn) - x * np.sin(turn)) / radius / stretch
    height = 0.85 * np.sqrt((1.0 - u * u - v * v).clip(0)) if family.roundness > 0.5 else np.full_like(u, 0.9)
    for angle in np.sort(rng.uniform(0, 2 * np.pi, rng.integers(*family.facets))):
        slope, reach = rng.uniform(0.4, 2.4), rng.uniform(0.72, 1.0)
        height = np.minimum(height, slope * (reach - u * np.cos(angle) - v * np.sin(angle)))
    top = rng.uniform(0.45, 0.8)
    height = np.minimum(height, top + 0.3 * (u * rng.normal() + v * rng.normal()))
    return (height.clip(0) * radius * rng.uniform(0.7, 1.1)).astype(np.float32)


def lump(rng: np.random.Generator, family: Family, ore: tuple) -> Solid:
    """An oversize lump: 0.22 to 0.45 m, of the load's own stone or of country rock."""
    radius = rng.uniform(0.11, 0.225) * METRE
    height = stone(rng, family, radius)
    mask = height > 0.05 * radius
    height += np.where(mask, family.noise(rng, height.shape, 9.0) * 0.8, 0).astype(np.float32)
    own = rng.random() < 0.55
    colour = pick(rng, (ore[1],)) * rng.uniform(1.0, 1.5) if own else pick(rng, tuple(o[1] for o in family.ores))
    shade = 1 + 0.10 * family.noise(rng, height.shape, 14.0) + 0.06 * rng.standard_normal(height.shape)
    albedo = (colour[None, None] * shade[..., None]).clip(0.02, 0.95).astype(np.float32)
    return Solid(height * mask, albedo, ore[2] if own else 0.08, mask)


def rod(rng: np.random.Generator, family: Family, _ore: tuple) -> Solid:
    """A drill rod or rock bolt: 0.4 to 1.3 m by 22 to 55 mm; some with a plate, a thread or a bend."""
    length, width = rng.uniform(0.4, 1.3) * METRE, rng.uniform(0.022, 0.055) * METRE
    plate = rng.random() < 0.3
    side = width * (rng.uniform(2.4, 4.0) if plate else 1.0)
    x, y = grid(side + 14, length + 6)
    bend = rng.uniform(-5, 5) * (y / length * 2) ** 2 if rng.random() < 0.5 else 0.0
    u = x - bend
    inside = (np.abs(u) < width / 2) & (np.abs(y) < length / 2)
    height = np.sqrt((width**2 / 4 - u**2).clip(0)) * 1.6 + width * 0.3
    if rng.random() < 0.6:
        height += 0.5 * np.sin(y * 2 * np.pi / rng.uniform(4.0, 7.0) + 0.6 * u)
    if plate:
        at = y - (length / 2 - side * 0.6) * rng.choice([-1, 1])
        square = (np.abs(u) < side / 2) & (np.abs(at) < side / 2)
        height = np.where(inside, height, 4.0)
        inside = inside | square
    colour = pick(rng, family.steels)
    albedo = colour[None, None] * steel(rng, family, height.shape)
    return Solid((height * inside).astype(np.float32), albedo.clip(0.02, 0.95), rng.uniform(0.2, 0.8), inside)


def timber(rng: np.random.Generator, family: Family, _ore: tuple) -> Solid:
    """A prop, sleeper or board: 0.4 to 1.2 m by 60 to 170 mm, round or sawn, some with broken ends."""
    length, width = rng.uniform(0.4, 1.2) * METRE, rng.uniform(0.06, 0.17) * METRE
    x, y = grid(width + 6, length + 12)
    end = length / 2 + 0.12 * width * rng.normal(size=2)
    jag = rng.uniform(0, 5) * np.sin(x * rng.uniform(0.3, 1.2) + rng.uniform(0, 6))
    taper = 1 - rng.uniform(0, 0.15) * (y / length + 0.5)
    inside = (np.abs(x) < width / 2 * taper) & (y < end[0] + jag) & (y > -end[1] + jag)
    round_prop = rng.random() < 0.5
    height = np.sqrt((width**2 / 4 - x**2).clip(0)) * 1.3 + 3 if round_prop else np.full_like(x, rng.uniform(8, 22))
    colour = pick(rng, family.woods)
    albedo = colour[None, None] * wood(rng, family, height.shape)[..., None]
    for _ in range(rng.integers(0, 3)):
        at = (int(rng.uniform(0.2, 0.8) * x.shape[1]), int(rng.uniform(0.1, 0.9) * x.shape[0]))
        cv2.ellipse(albedo, at, (3, 5), 0, 0, 360, (colour * 0.45).tolist(), -1, cv2.LINE_AA)
    return Solid((height * inside).astype(np.float32), albedo.clip(0.02, 0.95).astype(np.float32), 0.05, inside)


def sheet(rng: np.random.Generator, family: Family, _ore: tuple) -> Solid:
    """A steel sheet or plate: 0.25 to 0.7 m, a cut or torn polygon, flat, bent or corrugated."""
    long, short = rng.uniform(0.3, 0.7) * METRE, rng.uniform(0.2, 0.45) * METRE
    x, y = grid(short + 8, long + 8)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * 0.94 + rng.normal(0, 0.09, (4, 2))
    outline = ((corners * [short / 2, long / 2]) + [x.shape[1] / 2, x.shape[0] / 2]).round().astype(np.int32)
    mask = np.zeros(x.shape, np.uint8)
    cv2.fillPoly(mask, [outline], 1)
    height = 6 + rng.uniform(0, 14) * (x / short * rng.normal() + y / long * rng.normal())
    if rng.random() < 0.35:
        height = height + rng.uniform(1.5, 3.5) * np.sin(x * 2 * np.pi / rng.uniform(9, 20))
    elif rng.random() < 0.5:
        height = height + rng.uniform(0.05, 0.5) * np.abs(y * np.cos(rng.uniform(-1, 1)) + x * 0.5)
    colour = pick(rng, family.steels)
    albedo = colour[None, None] * steel(rng, family, x.shape)
    inside = mask.astype(bool)
    return Solid((height.clip(3) * inside).astype(np.float32), albedo.clip(0.02, 0.95), rng.uniform(0.3, 1.0), inside)


MAKERS = {"lump": lump, "rod": rod, "timber": timber, "sheet": sheet}


def turned(solid: Solid, degrees: float) -> Solid:
    """The solid turned about its middle."""
    h, w = solid.mask.shape
    side = int(np.ceil(np.hypot(h, w))) | 1
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    matrix[:, 2] += (side - w) / 2, (side - h) / 2
    warp = lambda a, how: cv2.warpAffine(a, matrix, (side, side), flags=how)  # noqa: E731
    mask = warp(solid.mask.astype(np.uint8), cv2.INTER_NEAREST).astype(bool)
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    height, albedo = warp(solid.height, cv2.INTER_LINEAR), warp(solid.albedo, cv2.INTER_LINEAR)
    return Solid(height[cut] * mask[cut], albedo[cut], solid.gloss, mask[cut])
