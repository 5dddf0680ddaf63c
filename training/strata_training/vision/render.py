"""Rendered pictures of conveyor belts with foreign objects, for training, held-out figures and samples."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache

import numpy as np

from .augment import Sample
from .belt_scene import Content, Load, make_load, make_strip
from .camera import LENGTH, Conditions, make_view, photograph
from .solids import CLASSES, METRE
from .textures import HELD_OUT, TRAIN, Family, generator

SHAPES = ((416, 416), (416, 312), (416, 234), (416, 234))
LOADS = 14
CHUNK = 8


@lru_cache(maxsize=None)
def loads(family_name: str) -> tuple[Load, ...]:
    """The family's fields of stones, made once a process."""
    family = TRAIN if family_name == "train" else HELD_OUT
    return tuple(make_load(generator(family, 7, i), family, 1500) for i in range(LOADS))


def scene(rng: np.random.Generator, family: Family, clean: bool) -> tuple[Content, Conditions]:
    """Random content and conditions of a still."""
    fill = 0.0 if rng.random() < 0.22 else rng.uniform(0.3, 0.95)
    count = 0 if clean else int(rng.choice([1, 2, 3, 4], p=[0.4, 0.35, 0.17, 0.08]))
    kinds = rng.choice(CLASSES, count)
    places = LENGTH / 2 + rng.uniform(-0.62, 0.62, count) * METRE * 1.5
    content = Content(
        objects=tuple((str(k), float(y)) for k, y in zip(kinds, places)),
        fill=float(fill),
        off_centre=float(rng.normal(0, 0.05)),
        burial=float(rng.choice([0.0, 0.5, 0.9], p=[0.3, 0.5, 0.2])),
    )
    strength = rng.random(3) ** 1.3
    conditions = Conditions(*map(float, strength), belt_shift=float(rng.normal(0, 0.04)))
    return content, conditions


def still(family: Family, seed: int, clean: bool = False) -> Sample:
    """One picture. The same family and seed give the same picture."""
    rng = generator(family, seed)
    load = loads(family.name)[rng.integers(LOADS)]
    content, conditions = scene(rng, family, clean)
    view = make_view(rng, family, SHAPES[rng.integers(len(SHAPES))], conditions)
    strip = make_strip(rng, family, load, LENGTH, content)
    made = photograph(rng, view, strip, strip.shade(view.light, view.ambient), 0.0)
    made.name = f"{family.name}-{seed}"
    return made


def _many(job: tuple[str, int, int, float]) -> list[Sample]:
    family_name, first, count, clean_share = job
    import cv2

    cv2.setNumThreads(1)
    family = TRAIN if family_name == "train" else HELD_OUT
    made = []
    for seed in range(first, first + count):
        clean = np.random.default_rng((seed, 99)).random() < clean_share
        made.append(still(family, seed, clean))
    return made


def stills(family: Family, first: int, count: int, clean_share: float = 0.1, workers: int = 1) -> list[Sample]:
    """Pictures of seeds `first` to `first + count`."""
    jobs = [(family.name, s, min(CHUNK, first + count - s), clean_share) for s in range(first, first + count, CHUNK)]
    if workers <= 1:
        return [sample for job in jobs for sample in _many(job)]
    with ProcessPoolExecutor(workers) as pool:
        return [sample for part in pool.map(_many, jobs) for sample in part]
