"""`python -m strata_training NAME` for the vision models and the sample pictures."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

NAMES = ("belt-damage", "belt-foreign-object", "mining-features", "mining-samples")
DEFECTS = "data/mining/conveyor_belt_defects"
TILES = "data/mining/magnetic_tile"
YOLOX = "models/mining/yolox_nano/yolox_nano.onnx"
MOBILENET = "models/mining/mobilenet_v2/mobilenet_v2_features_fp32.onnx"


class MissingData(Exception):
    """A file or folder that training needs is not there."""


def need(root: Path | None, inside: str) -> Path:
    """A path under the data folder; says what is missing and how to name the folder."""
    if root is None:
        raise MissingData(f"name the folder that has {inside} with --data, STRATA_DATASETS or STRATA_SHARED")
    path = root / inside
    if not path.exists():
        raise MissingData(f"{path} is missing (--data, STRATA_DATASETS or STRATA_SHARED names the folder it is in)")
    return path


def data_root(given: str | None) -> Path | None:
    """The folder from `--data`, STRATA_DATASETS or STRATA_SHARED."""
    name = given or os.environ.get("STRATA_DATASETS") or os.environ.get("STRATA_SHARED")
    return Path(name) if name else None


def train_belt_damage(root: Path | None, out: Path, work: Path) -> None:
    """Trains, measures, writes `belt-damage`."""
    from . import belt_damage as task
    from .train import last, replicate

    data, start = need(root, DEFECTS), need(root, YOLOX)
    replicate(lambda: task.run(data, start, work), 2)
    task.publish(data, start, last(start, work, task.PLAN), out, task.PLAN.epochs)


def train_foreign_object(root: Path | None, out: Path, work: Path) -> None:
    """Renders, trains, measures, writes `belt-foreign-object`."""
    from . import foreign_object as task
    from .train import last, replicate

    start = need(root, YOLOX)
    train_set, held = task.data()
    replicate(lambda: task.run(start, work, task.PLAN, train_set, []), 2)
    task.publish(start, last(start, work, task.PLAN), held, out, task.PLAN.epochs)


def train_features(root: Path | None, out: Path, work: Path) -> None:
    """Teaches, measures, writes `mining-features`."""
    from . import belt_damage, feature_release, features
    from .foreign_object import HELD_COUNT
    from .render import stills
    from .textures import HELD_OUT

    data, tiles, teacher = need(root, DEFECTS), need(root, TILES), need(root, MOBILENET)
    samples = belt_damage.load(data)[0] + stills(HELD_OUT, 0, HELD_COUNT, 0.12, 2)
    student = features.distil(teacher, samples, features.Lessons(), work)
    feature_release.publish(student, teacher, tiles, samples[0], out)


def main(arguments: list[str]) -> int:
    """Runs one of `NAMES`."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    repository = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(prog="strata_training", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--data", help="folder with data/mining and models/mining (default: STRATA_DATASETS, "
    "STRATA_SHARED)")
    parser.add_argument("--out", type=Path, help="where folders go (default: shared-models, or datasets/mining)")
    parser.add_argument("--work", type=Path, help="folder of checkpoints (default: training/.work/NAME); a run "
    "goes on there")
    given = parser.parse_args(arguments)
    work = given.work or repository / "training" / ".work" / given.name
    models = given.out or repository / "shared-models"
    try:
        root = data_root(given.data)
        if given.name == "belt-damage":
            train_belt_damage(root, models, work)
        elif given.name == "belt-foreign-object":
            train_foreign_object(root, models, work)
        elif given.name == "mining-features":
            train_features(root, models, work)
        else:
            from . import samples

            samples.main(given.out or repository / "datasets" / "mining")
    except MissingData as error:
        print(f"error: {error}")
        return 1
    return 0
