"""YOLOX with onnxruntime and OpenCV, as its authors' demo does it: the peer of `strata-mining detect`.

    python yolox_opencv.py MODEL.onnx IMAGES... --workers 2 --intra 1 [--boxes OUT.jsonl]
    python yolox_opencv.py MODEL.onnx FOLDER --count 200 --workers 2 --answers ANSWERS

Decodes with cv2.imread, letterboxes with cv2.resize (bilinear, grey 114, top left), runs the model, decodes the
head with numpy and suppresses overlaps class by class. Prints one JSON line: images a second, CPU seconds, peak memory,
milliseconds a stage. `--workers` threads share the list, each with a session of `--intra` threads. With `--answers` it is a side of
the suite `mining`, on the first pictures of a folder.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import sys
import threading
import time

import cv2
import numpy as np
import onnxruntime as ort

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side  # noqa: E402

SIZE = 416
STRIDES = (8, 16, 32)


def grids() -> tuple[np.ndarray, np.ndarray]:
    """Cell positions and strides of all 3,549 anchors."""
    points, steps = [], []
    for stride in STRIDES:
        cells = SIZE // stride
        xv, yv = np.meshgrid(np.arange(cells), np.arange(cells))
        points.append(np.stack((xv, yv), 2).reshape(-1, 2))
        steps.append(np.full((cells * cells, 1), stride))
    return np.concatenate(points).astype(np.float32), np.concatenate(steps).astype(np.float32)


GRID, STRIDE = grids()


def preprocess(image: np.ndarray) -> tuple[np.ndarray, float]:
    """A picture as the model takes it, and the scale."""
    padded = np.full((SIZE, SIZE, 3), 114, dtype=np.uint8)
    ratio = min(SIZE / image.shape[0], SIZE / image.shape[1])
    height, width = int(image.shape[0] * ratio), int(image.shape[1] * ratio)
    padded[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32)[None], ratio


def nms(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """Greedy suppression of one class."""
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    order = np.argsort(-scores, kind="stable")
    keep = []
    while order.size:
        first, rest = order[0], order[1:]
        keep.append(int(first))
        width = np.maximum(0, np.minimum(x2[first], x2[rest]) - np.maximum(x1[first], x1[rest]))
        height = np.maximum(0, np.minimum(y2[first], y2[rest]) - np.maximum(y1[first], y1[rest]))
        shared = width * height
        order = rest[shared / (areas[first] + areas[rest] - shared) <= threshold]
    return keep


def postprocess(output: np.ndarray, ratio: float, conf: float, iou: float, size: tuple[int, int]) -> list[list[float]]:
    """Boxes of a picture of `size` (height, width), clipped to it: x1, y1, x2, y2, score, class."""
    output = output.copy()
    output[:, :2] = (output[:, :2] + GRID) * STRIDE
    output[:, 2:4] = np.exp(output[:, 2:4]) * STRIDE
    scores = output[:, 4:5] * output[:, 5:]
    classes = scores.argmax(1)
    best = scores[np.arange(len(scores)), classes]
    mask = best >= conf
    boxes, best, classes = output[mask, :4], best[mask], classes[mask]
    corners = np.empty_like(boxes)
    corners[:, :2] = boxes[:, :2] - boxes[:, 2:] / 2
    corners[:, 2:] = boxes[:, :2] + boxes[:, 2:] / 2
    corners /= ratio
    found = []
    for name in np.unique(classes):
        chosen = np.flatnonzero(classes == name)
        for at in nms(corners[chosen], best[chosen], iou):
            row = chosen[at]
            x1, y1, x2, y2 = corners[row].clip(0, [size[1], size[0], size[1], size[0]])
            found.append([float(x1), float(y1), float(x2), float(y2), float(best[row]), int(name)])
    return sorted(found, key=lambda row: -row[4])


def session(path: str, intra: int) -> ort.InferenceSession:
    """A session without spinning threads, as Strata's."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main() -> int:
    """Measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("images", nargs="+")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--intra", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--conf", type=float, default=0.25)
    parser.add_argument("--iou", type=float, default=0.45)
    parser.add_argument("--boxes")
    parser.add_argument("--count", type=int)
    parser.add_argument("--answers")
    given = parser.parse_args()
    if given.count:
        given.images = sorted(map(str, pathlib.Path(given.images[0]).iterdir()))[:given.count]
    cv2.setNumThreads(given.intra)
    sessions = [session(given.model, given.intra) for _ in range(given.workers)]
    name = sessions[0].get_inputs()[0].name
    results: list = [None] * len(given.images)
    stages = np.zeros(4)
    lock = threading.Lock()

    def work(worker: int) -> None:
        times = np.zeros(4)
        for at in range(worker, len(given.images), given.workers):
            t0 = time.perf_counter()
            image = cv2.imread(given.images[at])
            t1 = time.perf_counter()
            tensor, ratio = preprocess(image)
            t2 = time.perf_counter()
            output = sessions[worker].run(None, {name: tensor})[0][0]
            t3 = time.perf_counter()
            results[at] = postprocess(output, ratio, given.conf, given.iou, image.shape[:2])
            times += np.array([t1 - t0, t2 - t1, t3 - t2, time.perf_counter() - t3])
        with lock:
            stages[:] += times

    for one in sessions:
        one.run(None, {name: np.zeros((1, 3, SIZE, SIZE), np.float32)})
    first_answer = None
    if given.answers:
        image = cv2.imread(given.images[0])
        tensor, ratio = preprocess(image)
        postprocess(sessions[0].run(None, {name: tensor})[0][0], ratio, given.conf, given.iou, image.shape[:2])
        first_answer = side.since_start()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(given.rounds):
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(given.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    count = len(given.images) * given.rounds
    if given.boxes:
        with open(given.boxes, "w", encoding="utf-8") as out:
            for path, found in zip(given.images, results, strict=True):
                out.write(json.dumps({"image": path, "boxes": found}) + "\n")
    each = dict(zip(("decode", "prepare", "model", "boxes"), (stages / count * 1e3).round(3).tolist(), strict=True))
    if given.answers:
        side.write_answers(given.answers, ([[row[5], row[4], *row[:4]] for row in found] for found in results))
        side.report(items=count, seconds=wall, cpu_seconds=cpu, first_answer_seconds=first_answer,
                    model_seconds=stages[2] / given.workers, **{f"{stage}_ms": ms for stage, ms in each.items()})
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "program": "onnxruntime + OpenCV", "workers": given.workers, "intra_threads": given.intra, "images": count,
        "images_per_second": count / wall, "cpu_ms_per_image": cpu / count * 1e3, "peak_bytes": peak,
        "ms_per_image": each, "versions": {"onnxruntime": ort.__version__, "opencv": cv2.__version__, "numpy": np.__version__},
    }))
    return 0


if __name__ == "__main__":
    sys.exit(main())
