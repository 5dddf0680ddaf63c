"""A camera over a belt: frame, rollers and floor around it, perspective, light, dust, blur, noise.

`View` holds what stays the same while the belt runs (place of the camera, surroundings, light); `photograph` takes
one picture of a shaded strip at an offset, with boxes of the objects seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .augment import Sample
from .belt_scene import SEEN, Strip
from .solids import METRE
from .textures import Family, pick

AROUND = 3  # the plane is three belt widths wide
LENGTH = 1150  # and this many pixels long


@dataclass
class View:
    """A camera and its surroundings."""

    size: tuple[int, int]  # width, height of the picture
    to_picture: np.ndarray  # homography from the plane to the picture
    surroundings: np.ndarray  # (LENGTH, AROUND * METRE, 3), lit
    belt_x: int  # where the belt begins in the plane
    light: np.ndarray
    ambient: float
    lamp: np.ndarray  # (height, width) brightness of the picture
    tint: np.ndarray
    dust: np.ndarray  # (height, width) haze, 0 to 1
    dust_colour: np.ndarray
    defocus: float
    motion: int
    noise: float
    jitter: float
    gamma: float
    quality: int


@dataclass(frozen=True)
class Conditions:
    """How bad it is: 0 is a clean lens in good light, 1 as bad as it gets."""

    dust: float = 0.5
    blur: float = 0.5
    dark: float = 0.5
    tilt: float = 1.0
    belt_shift: float = 0.0  # the belt's place in its frame, in belt widths: a deviated belt


@dataclass(frozen=True)
class Pose:
    """Where the camera is: angles in degrees, and the share of the picture that the belt's width takes."""

    pitch: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    share: float = 0.7


def random_pose(rng: np.random.Generator, tilt: float) -> Pose:
    """Anything from straight above to a look along the belt; now and then the belt runs across the picture."""
    pitch, roll, yaw = rng.uniform(0, 48) * tilt, rng.normal(0, 4) * tilt, rng.normal(0, 9) * tilt
    if rng.random() < 0.2 * tilt:
        yaw += rng.choice([-90, 90])
        pitch *= 0.4
    return Pose(float(pitch), float(roll), float(yaw), float(rng.uniform(0.45, 0.95)))


def homography(size: tuple[int, int], pose: Pose) -> np.ndarray:
    """From the plane's pixels to the picture's: a pinhole camera that looks at the belt's middle."""
    width, height = size
    focal = 1.1 * max(size)
    distance = focal * METRE / (pose.share * min(width, height * 1.3))
    (cp, sp), (cr, sr), (cy, sy) = (
        (np.cos(a), np.sin(a)) for a in np.radians([pose.pitch, pose.roll, pose.yaw])
    )
    turn = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    turn = turn @ np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    place = np.array([[1, 0, -AROUND * METRE / 2], [0, 1, -LENGTH / 2], [0, 0, 0]], float)
    rays = turn @ place
    rays[2] += distance * np.array([0, 0, 1])
    inside = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return inside @ rays


def surroundings(rng: np.random.Generator, family: Family) -> np.ndarray:
    """Floor, steel frame and rollers beside the belt."""
    half = (LENGTH // 2, AROUND * METRE // 2)
    floor = pick(rng, family.floors)
    shade = 1 + 0.10 * family.noise(rng, half, 20.0) + 0.06 * rng.standard_normal(half)
    ore = pick(rng, tuple(o[1] for o in family.ores))
    # Spilt ore, thicker towards the belt.
    x = np.abs(np.arange(half[1]) / half[1] - 0.5)[None] * AROUND
    spill = (family.noise(rng, half, 26.0) + 0.5 * family.noise(rng, half, 5.0) - x + rng.uniform(-1.5, 1.0)).clip(0, 1)
    grain = 1 + 0.25 * rng.standard_normal(half)
    mixed = floor * (shade * (1 - spill))[..., None] + ore * (grain * spill)[..., None]
    made = cv2.resize(mixed.astype(np.float32), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    colour = pick(rng, family.steels) * rng.uniform(0.4, 1.0)
    beam, gap = rng.integers(8, 30), rng.integers(4, 40)
    for x in (METRE - gap - beam, 2 * METRE + gap):
        made[:, x : x + beam] = colour * (0.8 + 0.4 * np.sin(np.linspace(0, np.pi, beam)))[None, :, None]
    pitch, phase, thick = rng.integers(200, 420), rng.integers(0, 300), rng.integers(14, 30)
    round_shade = (0.35 + 0.9 * np.sin(np.linspace(0, np.pi, thick)))[:, None, None]
    for y in range(-phase, LENGTH, int(pitch)):
        y1, y2 = max(y, 0), min(y + int(thick), LENGTH)
        if y2 > y1:
            made[y1:y2, METRE - gap : 2 * METRE + gap] = (colour * round_shade)[y1 - y : y2 - y]
            made[y1:y2, METRE - gap - beam - 20 : METRE - gap - beam] = colour * 0.7
            made[y1:y2, 2 * METRE + gap + beam : 2 * METRE + gap + beam + 20] = colour * 0.7
    return made.astype(np.float32)


def make_view(
    rng: np.random.Generator, family: Family, size: tuple[int, int], conditions: Conditions, pose: Pose | None = None
) -> View:
    """A camera over a belt under the given conditions, at a random place unless one is given."""
    width, height = size
    angle, rise = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 0.95)
    flat = np.sqrt(1 - rise**2)
    light = np.array([flat * np.cos(angle), flat * np.sin(angle), rise], np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.1, 0.9) * height
    reach = rng.uniform(0.5, 1.6) * width
    lamp = 0.55 + 0.75 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * reach**2))
    lamp *= 1 - rng.uniform(0, 0.5) * (((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) * 1.6)
    exposure = rng.uniform(0.9, 1.9) * (1 - rng.uniform(0, 0.6) * conditions.dark)
    haze = (0.5 + 0.35 * family.noise(rng, (height, width), 110.0)).clip(0, 1)
    around = surroundings(rng, family) * (0.5 + 0.6 * light[2])
    return View(
        size=size,
        to_picture=homography(size, pose or random_pose(rng, conditions.tilt)),
        surroundings=around,
        belt_x=int(METRE * (1 + conditions.belt_shift)),
        light=light,
        ambient=rng.uniform(0.25, 0.6),
        lamp=(lamp * exposure).astype(np.float32),
        tint=(1 + rng.normal(0, 0.035, 3)).astype(np.float32),
        dust=(haze * rng.uniform(0, 0.55) * conditions.dust).astype(np.float32),
        dust_colour=(rng.uniform(0.35, 0.8) * (1 + rng.normal(0, 0.05, 3))).astype(np.float32),
        defocus=rng.uniform(0, 1.5) * conditions.blur,
        motion=int(rng.uniform(0, 10) * conditions.blur),
        noise=rng.uniform(0.003, 0.03),
        jitter=rng.uniform(0, 1.5) * conditions.blur,
        gamma=rng.uniform(0.75, 1.15),
        quality=int(rng.integers(55, 96)),
    )


def photograph(
    rng: np.random.Generator, view: View, strip: Strip, lit: np.ndarray, offset: float, labels: bool = True
) -> Sample:
    """A picture of the part of `strip` that begins at `offset` (pixels of the plane), and its boxes."""
    start = int(offset)
    window = slice(start, start + LENGTH)
    belt = lit[window]
    if view.motion > 1:
        belt = cv2.blur(belt, (1, view.motion))
    plane = view.surroundings.copy()
    columns = slice(view.belt_x, view.belt_x + METRE)
    plane[: len(belt), columns] = belt
    shift = np.array([[1, 0, rng.normal(0, 1) * view.jitter], [0, 1, rng.normal(0, 1) * view.jitter], [0, 0, 1]])
    matrix = shift @ view.to_picture @ np.array([[1, 0, 0], [0, 1, start - offset], [0, 0, 1.0]])
    flags = cv2.INTER_LINEAR
    seen = cv2.warpPerspective(plane, matrix, view.size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    seen = seen * view.lamp[..., None] * view.tint
    haze = view.dust[..., None]
    seen = seen * (1 - haze) + view.dust_colour * haze * view.lamp.mean()
    if view.defocus > 0.25:
        seen = cv2.GaussianBlur(seen, (0, 0), view.defocus)
    # Shoulder instead of clipping: lamps do not burn out at once.
    seen = 1 - np.exp(-1.35 * seen.clip(0))
    seen = seen**view.gamma + view.noise * rng.standard_normal(seen.shape).astype(np.float32)
    image = (seen.clip(0, 1) * 255).astype(np.uint8)
    image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, view.quality])[1], cv2.IMREAD_COLOR)
    return Sample(image, _boxes(view, strip, matrix, window) if labels else np.zeros((0, 5), np.float32))


def _boxes(view: View, strip: Strip, matrix: np.ndarray, window: slice) -> np.ndarray:
    """Boxes of objects of which enough is seen: not buried, not outside the picture, not too small."""
    rows = []
    owner = strip.owner[window]
    present = [k for k in np.unique(owner) if k]
    if not present:
        return np.zeros((0, 5), np.float32)
    plane = np.zeros((LENGTH, AROUND * METRE), np.uint8)
    plane[: len(owner), view.belt_x : view.belt_x + METRE] = owner
    seen = cv2.warpPerspective(plane, matrix, view.size, flags=cv2.INTER_NEAREST)
    for k in present:
        placed = strip.objects[k - 1]
        y, x = np.nonzero(plane == k)
        if len(x) < SEEN * placed.pixels:
            continue
        at = np.stack([x, y, np.ones_like(x)]).astype(float)
        px, py, pz = matrix @ at
        inside = (px / pz >= 0) & (px / pz < view.size[0]) & (py / pz >= 0) & (py / pz < view.size[1])
        py, px = np.nonzero(seen == k)
        if inside.mean() < SEEN or len(px) < 25:
            continue
        # Single pixels that stick out of what ore left of it do not widen the box.
        x1, x2 = np.percentile(px, [0.5, 99.5])
        y1, y2 = np.percentile(py, [0.5, 99.5])
        if max(x2 - x1, y2 - y1) >= 8:
            rows.append([placed.kind, x1, y1, x2 + 1, y2 + 1])
    return np.array(rows, np.float32).reshape(-1, 5)
