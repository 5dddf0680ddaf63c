"""Measures the feature backbone beside its teacher and writes its folder."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import torch

from . import card
from .augment import Sample
from .export import GOLDEN_TOLERANCE, TOLERANCE, golden, session
from .features import LAYERS, SIDE, Backbone, Lessons, teacher, to_onnx
from .patchcore import magnetic_tiles, measure

NAME = "mining-features"
GOLDEN_SIDE = 32
DATASET = "magnetic tiles (Huang, Qiu, Yuan 2020)"


def by_file(file: bytes):
    """The written file as a function from pictures to maps."""
    s = session(file)
    return lambda pictures: s.run(list(LAYERS), {"image": np.ascontiguousarray(pictures)})


@torch.no_grad()
def by_torch(student: Backbone, pictures: np.ndarray) -> list[np.ndarray]:
    """The trained module as the same function."""
    return [m.numpy() for m in student.eval()(torch.from_numpy(np.ascontiguousarray(pictures)))]


def milliseconds(function, picture: np.ndarray) -> float:
    """Processor time a picture, least of several runs."""
    times = []
    for _ in range(9):
        start = time.process_time()
        function(picture)
        times.append(time.process_time() - start)
    return min(times) * 1e3


def figures(file: bytes, teacher_path: Path, tiles: Path) -> tuple[list[card.Figure], str]:
    """Image AUROC of PatchCore on the tiles with this file and with the teacher, and what the test was."""
    split = magnetic_tiles(tiles)
    count = len(split.normal) + len(split.defective)
    what = (
        f"seed 0: {len(split.bank)} of MT_Free (80 %) in the bank; test {len(split.normal)} other MT_Free and "
        f"{len(split.defective)} defective tiles with a mask that is not empty"
    )
    rows = []
    for note, function in (("this model", by_file(file)), ("MobileNetV2, its teacher", teacher(teacher_path))):
        value = measure(function, split, SIDE)
        text = f"{note}; PatchCore, 3 x 3 pooling, greedy coreset of 4,000 patches"
        rows.append(card.Figure(DATASET, what, "image AUROC", value, count, text))
        print(f"image AUROC {value:.4f} {note}", flush=True)
    return rows, what


def publish(
    student: Backbone, teacher_path: Path, tiles: Path, sample: Sample, out: Path, version: str = "1.0.0"
) -> None:
    """Exports, compares, measures, writes."""
    folder = out / NAME
    folder.mkdir(parents=True, exist_ok=True)
    to_onnx(student, folder / f"{NAME}.onnx")
    file = (folder / f"{NAME}.onnx").read_bytes()
    rgb = np.ascontiguousarray(cv2.resize(sample.image, (SIDE, SIDE))[..., ::-1])
    pictures = np.stack([rgb, rgb[::-1], rgb[:, ::-1]])
    pairs = zip(by_file(file)(pictures), by_torch(student, pictures))
    largest = max(float(np.abs(a - b).max()) for a, b in pairs)
    if largest > TOLERANCE:
        raise ValueError(f"{NAME}: ONNX Runtime is {largest:.1e} from torch, allowed are {TOLERANCE:g}")
    rows, what = figures(file, teacher_path, tiles)
    mine, theirs = milliseconds(by_file(file), pictures[:1]), milliseconds(teacher(teacher_path), pictures[:1])
    print(f"ms a picture {mine:.1f}, teacher {theirs:.1f}; parity {largest:.1e}")
    parameters = sum(p.numel() for p in student.parameters())
    ports = []
    for name, stride in zip(LAYERS, (8, 16)):
        width, side = LAYERS[name][0], SIDE // stride
        meaning = f"feature map of stride {stride}"
        port = {"name": name, "dtype": "float32", "shape": ["N", width, side, side], "meaning": meaning, "unit": "1"}
        ports.append(port)
    image = {
        "name": "image",
        "dtype": "uint8",
        "shape": ["N", SIDE, SIDE, 3],
        "meaning": "pictures, red green blue; the file also takes other multiples of 16",
        "unit": "grey levels, 0 to 255",
    }
    small = np.ascontiguousarray(cv2.resize(rgb, (GOLDEN_SIDE, GOLDEN_SIDE), interpolation=cv2.INTER_AREA)[None])
    example = golden({"image": small}, dict(zip(LAYERS, by_torch(student, small))))
    model = card.Model(
        name=NAME,
        task="feature-extraction",
        title="Surface features for memory banks",
        description="Two feature maps of a picture for memory banks of normal surfaces (PatchCore and the like), small "
        "and fast on processors.",
        version=version,
        revision="teacher MobileNetV2 sha256 81415d99c652f8b0e5dbb2d02100386a1e70535836658bb56b5eb866a676d906",
        inputs=[image],
        outputs=ports,
        preprocess={
            "kit": "vision/1",
            "width": SIDE,
            "height": SIDE,
            "fit": "stretch",
            "pad": 114,
            "channels": "rgb",
            "layout": "nhwc",
            "dtype": "uint8",
            "scale": 1.0,
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
            "interpolation": "bilinear",
        },
        postprocess={"head": "features", "layers": list(LAYERS), "neighbourhood": 3},
        training={
            "data": "crops of conveyor-belt photographs (F. Navarrete's train pictures), renders, procedural "
            "textures; no labels",
            "licence": "MIT (photographs' repository), Apache-2.0 (renders, teacher)",
            "split": what,
            "seeds": [0],
            "script": f"python -m strata_training {NAME}",
        },
        figures=rows,
        tolerance=GOLDEN_TOLERANCE,
        made=[
            f"{parameters:,} parameters, plain 3 x 3 convolutions; taught to say what MobileNetV2 (Apache-2.0) "
            "says at two "
            f"depths, through linear layers that were thrown away: {Lessons().steps} steps of {Lessons().batch} "
            "pictures.",
            "Pictures: 811 conveyor-belt photographs and 400 rendered belts in random crops, and procedural "
            "textures with "
            "spots and scratches; grey, blurred, noisy, turned at random. No picture of the magnetic tiles was used.",
        ],
        weaknesses=[
            "It has seen belts and textures only; on other things its features mean less than a general backbone's.",
            "At 224 x 224 a defect of a few pixels is gone: look at large pictures in tiles.",
        ],
        parity=f"ONNX Runtime gives what torch gives within {largest:.1e}. One thread of the machine it was "
        "made on takes "
        f"{mine:.1f} ms of processor time a picture, its teacher (up to the same maps) {theirs:.1f} ms.",
    )
    card.write(model, folder, file, example)
