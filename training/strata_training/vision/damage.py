"""Damage of a bare belt's surface, for sample pictures: tears, holes, gouges, stains."""

from __future__ import annotations

import cv2
import numpy as np

from .belt_scene import Strip
from .textures import Family


def _blend(strip: Strip, weight: np.ndarray, albedo: np.ndarray, height: float) -> None:
    """Mixes another surface in where `weight` (0 to 1) says so."""
    strip.albedo[:] = strip.albedo * (1 - weight[..., None]) + albedo * weight[..., None]
    strip.height[:] = strip.height + height * weight


def _drawn(shape: tuple[int, int], points: np.ndarray, width: int, closed: bool = False) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    points = points.round().astype(np.int32)[None]
    if closed:
        cv2.fillPoly(canvas, points, 255, cv2.LINE_AA)
    else:
        cv2.polylines(canvas, points, False, 255, width, cv2.LINE_AA)
    return canvas.astype(np.float32) / 255


def tear(rng: np.random.Generator, strip: Strip, x: float, y: float, length: float) -> None:
    """A rip along the running direction: a dark gap between raised, pale edges."""
    steps = 24
    along = np.linspace(-0.5, 0.5, steps) * length
    points = np.stack([x + np.cumsum(rng.normal(0, 1.6, steps)), y + along], 1)
    gap = np.zeros(strip.height.shape, np.float32)
    for (a, b), width in zip(zip(points[:-1], points[1:]), 2 + 6 * np.sin(np.linspace(0, np.pi, steps - 1))):
        gap = np.maximum(gap, _drawn(strip.height.shape, np.stack([a, b]), int(width)))
    rim = cv2.dilate(gap, np.ones((7, 7))) - gap
    _blend(strip, rim * 0.5, strip.albedo * 1.35, 3.0)
    _blend(strip, gap, np.full(3, 0.012, np.float32), -9.0)


def hole(rng: np.random.Generator, strip: Strip, x: float, y: float, radius: float) -> None:
    """A hole with a frayed rim and a thread or two of the carcass across it."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    reach = radius * (1 + 0.16 * rng.standard_normal(40))
    points = np.stack([x + reach * np.cos(angle), y + 0.75 * reach * np.sin(angle)], 1)
    inside = _drawn(strip.height.shape, points, 1, closed=True)
    rim = cv2.dilate(inside, np.ones((9, 9))) - inside
    _blend(strip, rim * 0.6, strip.albedo * 1.4 + 0.02, 2.5)
    _blend(strip, inside, np.full(3, 0.01, np.float32), -12.0)
    for _ in range(3):
        a, b = points[rng.integers(40)], points[rng.integers(40)]
        thread = _drawn(strip.height.shape, np.stack([a, (a + b) / 2 + rng.normal(0, 3, 2)]), 1)
        _blend(strip, thread * 0.8, np.array([0.35, 0.4, 0.42], np.float32), 6.0)


def gouge(rng: np.random.Generator, strip: Strip, x: float, y: float, length: float) -> None:
    """A shallow cut of the cover that shows the paler layer below."""
    steps = 16
    turn = rng.uniform(-0.9, 0.9)
    along = np.linspace(-0.5, 0.5, steps) * length
    points = np.stack([x + along * np.sin(turn) + rng.normal(0, 1.5, steps), y + along * np.cos(turn)], 1)
    cut = cv2.GaussianBlur(_drawn(strip.height.shape, points, 9), (0, 0), 1.2)
    ragged = (cut * (0.6 + 0.5 * rng.random(cut.shape).astype(np.float32))).clip(0, 1)
    _blend(strip, ragged, np.array([0.30, 0.36, 0.40], np.float32), -3.0)


def stain(rng: np.random.Generator, family: Family, strip: Strip, where: tuple[float, float], radius: float) -> None:
    """Oil or water: darker, glossier."""
    y, x = np.mgrid[: strip.height.shape[0], : strip.height.shape[1]].astype(np.float32)
    edge = np.hypot(x - where[0], y - where[1]) / radius + 0.25 * family.noise(rng, strip.height.shape, 20.0)
    wet = ((1.1 - edge) * 4).clip(0, 1)
    _blend(strip, wet * 0.75, strip.albedo * 0.3, 0.0)
    strip.gloss[:] = np.maximum(strip.gloss, wet * 0.9)
