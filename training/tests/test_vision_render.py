"""The renderer repeats itself, keeps its families apart, and labels what can be seen."""

import struct

import cv2
import numpy as np
import pytest

from strata_training.vision import avi, render
from strata_training.vision.augment import Augment, Drawer, Sample, clip, repeat_weights
from strata_training.vision.coco import Found, average_precision, suppress
from strata_training.vision.textures import HELD_OUT, TRAIN


@pytest.fixture(autouse=True)
def few_loads(monkeypatch):
    monkeypatch.setattr(render, "LOADS", 1)
    render.loads.cache_clear()
    yield
    render.loads.cache_clear()


def test_a_seed_gives_the_same_picture_and_another_family_another():
    first, again, other = render.still(TRAIN, 5), render.still(TRAIN, 5), render.still(HELD_OUT, 5)
    assert np.array_equal(first.image, again.image) and np.array_equal(first.boxes, again.boxes)
    assert first.image.shape != other.image.shape or not np.array_equal(first.image, other.image)
    assert not {o[0] for o in TRAIN.ores} & {o[0] for o in HELD_OUT.ores}


def test_boxes_lie_in_the_picture_and_clean_belts_have_none():
    seen = 0
    for seed in range(6):
        sample = render.still(TRAIN, seed)
        height, width = sample.image.shape[:2]
        seen += len(sample.boxes)
        assert (sample.boxes[:, 1:] >= 0).all()
        assert (sample.boxes[:, 3] <= width).all() and (sample.boxes[:, 4] <= height).all()
        assert (sample.boxes[:, 3:] > sample.boxes[:, 1:3]).all()
    assert seen > 0
    assert len(render.still(TRAIN, 1, clean=True).boxes) == 0


def test_augmentation_moves_boxes_with_their_objects():
    image = np.full((100, 100, 3), 20, np.uint8)
    image[30:50, 60:90] = 240
    samples = [Sample(image, np.array([[0, 60, 30, 90, 50]], np.float32))]
    drawer = Drawer(samples, repeat_weights(samples, 1), np.random.default_rng(2))
    plain = {"hue": 0.0, "saturation": 0.0, "value": 0.0}
    settings = [Augment(scale=(0.6, 1.4), shift=0.1, quarter_turns=0.5, **plain), Augment(mosaic=1.0, **plain)]
    for augment in settings:
        for _ in range(20):
            made = drawer.draw(0, 96, augment)
            bright = np.zeros((96, 96), bool)
            for _, x1, y1, x2, y2 in made.boxes.round().astype(int):
                bright[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = True
                assert (made.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2] > 150).all()


def test_boxes_cut_to_a_sliver_are_dropped():
    boxes = np.array([[0, -80, 0, 20, 40], [1, -10, 0, 30, 40]], np.float32)
    assert clip(boxes, 0, 0, 100, 100).tolist() == [[1, 0, 0, 30, 40]]


def test_perfect_boxes_have_precision_one_and_doubles_are_suppressed():
    image = np.zeros((100, 100, 3), np.uint8)
    truth = np.array([[0, 10, 10, 40, 40], [1, 50, 50, 90, 90]], np.float32)
    found = Found(truth[:, 1:].copy(), np.array([0.9, 0.8]), np.array([0, 1]))
    result = average_precision([Sample(image, truth)], [found], ["a", "b"])
    assert result.map50 == pytest.approx(1.0) and result.map50_95 == pytest.approx(1.0)
    swapped = Found(found.boxes, found.scores, np.array([1, 0]))
    assert average_precision([Sample(image, truth)], [swapped], ["a", "b"]).map50 == 0.0
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], float)
    assert suppress(boxes, np.array([0.5, 0.9, 0.1]), 0.5).tolist() == [1, 2]


def test_the_avi_file_has_its_frames_where_its_index_says(tmp_path):
    frames = [cv2.imencode(".jpg", np.full((8, 16, 3), v, np.uint8))[1].tobytes() for v in (0, 100, 200)]
    path = tmp_path / "a.avi"
    avi.write(path, frames, (16, 8), 5)
    raw = path.read_bytes()
    assert struct.unpack("<I", raw[4:8])[0] == len(raw) - 8
    movie, index = raw.index(b"movi"), raw.index(b"idx1") + 8
    for i, frame in enumerate(frames):
        tag, _, offset, size = struct.unpack("<4sIII", raw[index + 16 * i : index + 16 * i + 16])
        at = movie + offset
        assert tag == b"00dc" and raw[at : at + 4] == b"00dc" and size == len(frame)
        assert raw[at + 8 : at + 8 + size] == frame
