"""Renders the sample pictures and the clip of `datasets/mining/`. The same seeds give the same files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from . import avi, damage
from .belt_scene import Content, Strip, make_load, make_strip
from .camera import LENGTH, Conditions, Pose, View, make_view, photograph
from .solids import METRE
from .textures import HELD_OUT, TRAIN, Family, generator

EASY = Conditions(dust=0.15, blur=0.15, dark=0.1)
MOST_BYTES = 60_000
CLIP_FPS = 5
CLIP_SECONDS = 22
CLIP_QUALITY = 60
CLIP_SPEED = 150.0  # pixels of the plane a second: 0.59 m/s


def save(path: Path, image: np.ndarray, quality: int = 88) -> None:
    """A JPEG of at most 60 kB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while quality > 30:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if len(coded) <= MOST_BYTES:
            break
        quality -= 6
    path.write_bytes(coded.tobytes())


def _calm(view: View, noise: float = 0.006) -> View:
    view.noise, view.quality, view.jitter = noise, 95, min(view.jitter, 0.4)
    return view


def foreign_objects(folder: Path) -> None:
    """One picture a class, with the textures the detector was not trained on."""
    for i, kind in enumerate(("lump", "rod", "timber", "sheet")):
        rng = generator(HELD_OUT, 500, i)
        load = make_load(rng, HELD_OUT, 1500)
        content = Content(objects=((kind, LENGTH / 2 - 20),), fill=0.6 + 0.05 * i, burial=0.0)
        pose = Pose(pitch=(0, 18, 30, 8)[i], roll=(0, 2, -2, 0)[i], yaw=(2, -6, 5, 90)[i], share=0.72)
        view = _calm(make_view(rng, HELD_OUT, (640, 480), EASY, pose))
        strip = make_strip(rng, HELD_OUT, load, LENGTH, content)
        save(folder / f"{kind}.jpg", photograph(rng, view, strip, strip.shade(view.light, view.ambient), 0.0).image)


def bare(rng: np.random.Generator, family: Family) -> Strip:
    """An empty belt."""
    return make_strip(rng, family, make_load(rng, family, 300), LENGTH, Content(fill=0.0, stray=False))


def damaged(folder: Path) -> None:
    """Two empty belts with drawn damage."""
    for i, name in enumerate(("tear", "hole")):
        rng = generator(TRAIN, 600, i)
        strip = bare(rng, TRAIN)
        if name == "tear":
            damage.tear(rng, strip, METRE * 0.55, LENGTH * 0.5, 190)
        else:
            damage.hole(rng, strip, METRE * 0.42, LENGTH * 0.5, 26)
        view = _calm(make_view(rng, TRAIN, (640, 640), EASY, Pose(pitch=12, yaw=3, share=0.85)))
        save(folder / f"{name}.jpg", photograph(rng, view, strip, strip.shade(view.light, view.ambient), 0.0).image)


def surface(folder: Path) -> None:
    """Twelve normal close-ups of one belt's surface and four with something wrong, by one camera."""
    rng = generator(TRAIN, 700)
    length = 17 * 300 + LENGTH
    belt = make_strip(rng, TRAIN, make_load(rng, TRAIN, 300), length, Content(fill=0.0, stray=False))
    pose = Pose(share=1.9)
    view = _calm(make_view(rng, TRAIN, (256, 256), Conditions(dust=0.1, blur=0.0, dark=0.0, tilt=0.0), pose))
    view.motion = 0
    middle = lambda i: (METRE * 0.5, i * 300 + LENGTH / 2)  # noqa: E731
    x, y = middle(12)
    damage.tear(rng, belt, x + 8, y, 70)
    x, y = middle(13)
    damage.hole(rng, belt, x - 15, y + 6, 13)
    x, y = middle(14)
    damage.gouge(rng, belt, x + 12, y - 8, 60)
    damage.stain(rng, TRAIN, belt, middle(15), 24)
    lit = belt.shade(view.light, view.ambient)
    for i in range(16):
        name = f"normal/{i + 1:02}" if i < 12 else f"anomalous/{('tear', 'hole', 'gouge', 'stain')[i - 12]}"
        shot = photograph(rng, view, belt, lit * rng.uniform(0.96, 1.04), float(i * 300), labels=False)
        save(folder / f"{name}.jpg", shot.image)


def geometry(folder: Path) -> None:
    """A belt that runs in the middle of its rollers, one that has moved aside, one that spills its load."""
    kinds = (("centred", 0.0, 0.6, 0.0), ("deviated", 0.13, 0.55, 0.0), ("overflowing", 0.0, 1.0, 0.2))
    for i, (name, shift, fill, off_centre) in enumerate(kinds):
        rng = generator(TRAIN, 800)  # the same place each time
        conditions = Conditions(dust=0.1, blur=0.1, dark=0.0, tilt=0.0, belt_shift=shift)
        view = _calm(make_view(rng, TRAIN, (640, 480), conditions, Pose(share=0.6)))
        rng = generator(TRAIN, 801, i)
        load = make_load(generator(TRAIN, 802), TRAIN, 1500)
        strip = make_strip(rng, TRAIN, load, LENGTH, Content(fill=fill, off_centre=off_centre, burial=0.0))
        lit = strip.shade(view.light, view.ambient)
        if name == "overflowing":
            _spill(rng, view, lit)
        save(folder / f"{name}.jpg", photograph(rng, view, strip, lit, 0.0).image)


def _spill(rng: np.random.Generator, view: View, lit: np.ndarray) -> None:
    """Ore beside the belt's right edge, over frame and rollers."""
    x = view.belt_x + METRE
    reach = 45 + 24 * TRAIN.noise(rng, (LENGTH, 1), 90.0)
    covered = np.arange(130)[None] < reach + 6 * TRAIN.noise(rng, (LENGTH, 130), 6.0)
    block = view.surroundings[:, x : x + 130]
    block[:] = np.where(covered[..., None], lit[:, 90:220] * 0.9, block)


def clip(path: Path) -> list[int]:
    """A running belt on which a piece of timber and later a steel sheet come by. Returns boxes a frame."""
    rng = generator(HELD_OUT, 900)
    load = make_load(rng, HELD_OUT, 1500)
    length = int(CLIP_SPEED * CLIP_SECONDS) + LENGTH + 10
    places = tuple((kind, length - LENGTH / 2 - CLIP_SPEED * t) for kind, t in (("timber", 6.5), ("sheet", 15.5)))
    content = Content(objects=places, fill=0.62, burial=0.0)
    strip = make_strip(rng, HELD_OUT, load, length, content)
    conditions = Conditions(dust=0.2, blur=0.2, dark=0.1)
    view = _calm(make_view(rng, HELD_OUT, (640, 360), conditions, Pose(pitch=26, yaw=3, share=0.8)), noise=0.0)
    lit = strip.shade(view.light, view.ambient)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = []
    counts = []
    for frame in range(CLIP_FPS * CLIP_SECONDS):
        # The belt runs towards the camera: what is far in the strip comes later.
        offset = length - LENGTH - 1 - CLIP_SPEED * frame / CLIP_FPS
        shot = photograph(rng, view, strip, lit, offset)
        counts.append(len(shot.boxes))
        frames.append(cv2.imencode(".jpg", shot.image, [cv2.IMWRITE_JPEG_QUALITY, CLIP_QUALITY])[1].tobytes())
    avi.write(path, frames, view.size, CLIP_FPS)
    return counts


def main(folder: Path) -> None:
    """Everything in `datasets/mining/` but its README."""
    foreign_objects(folder / "foreign-object")
    damaged(folder / "belt-damage")
    surface(folder / "surface")
    geometry(folder / "belt")
    counts = clip(folder / "foreign-object.avi")
    print("clip: boxes a frame", "".join(map(str, counts)))
