"""pycocotools, and torchmetrics: the peers of `bench_scores coco` and `bench_scores ranking`, and the files that both read.

    python metrics.py make-coco IMAGES TRUTH.json FOUND.json
    python metrics.py make-ranking SCORES SCORES.f32 LABELS.u8
    python metrics.py coco TRUTH.json FOUND.json ANSWERS
    python metrics.py ranking SCORES.f32 LABELS.u8 THREADS ANSWERS
"""

import contextlib
import io
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side

CLASSES = 20


def make_coco(images, truth, found, seed=8):
    """Pictures of 640 x 640 with 8 things each, a tenth of them crowds; for each thing two detections near it, and four of nothing."""
    rng = np.random.default_rng(seed)
    count = images * 8
    size = rng.choice([20.0, 60.0, 180.0], (count, 1)) * rng.uniform(0.5, 1.5, (count, 2))
    boxes = np.round(np.hstack([rng.uniform(0, 640 - size), size]), 2)
    classes, crowds = rng.integers(1, CLASSES + 1, count), rng.random(count) < 0.1
    things = [{"id": at + 1, "image_id": at // 8 + 1, "category_id": int(classes[at]), "bbox": boxes[at].tolist(),
               "area": round(float(boxes[at, 2] * boxes[at, 3]), 2), "iscrowd": int(crowds[at])} for at in range(count)]
    near = np.repeat(boxes, 2, axis=0)
    near[:, :2] += rng.normal(0, 0.15, (count * 2, 2)) * near[:, 2:]
    near[:, 2:] *= np.exp(rng.normal(0, 0.15, (count * 2, 2)))
    stray = np.hstack([rng.uniform(0, 400, (images * 4, 2)), rng.uniform(5, 200, (images * 4, 2))])
    labels = np.concatenate([np.repeat(classes, 2), rng.integers(1, CLASSES + 1, images * 4)])
    owners = np.concatenate([np.repeat(np.arange(count) // 8, 2), np.repeat(np.arange(images), 4)]) + 1
    scores = np.round(np.concatenate([rng.beta(4, 2, count * 2), rng.beta(2, 4, images * 4)]), 4)
    guesses = [{"image_id": int(owner), "category_id": int(label), "bbox": np.round(box, 2).tolist(), "score": float(score)}
               for owner, label, box, score in zip(owners, labels, np.vstack([near, stray]), scores, strict=True)]
    pictures = [{"id": at + 1, "file_name": f"{at + 1}.jpg", "width": 640, "height": 640} for at in range(images)]
    names = [{"id": at, "name": f"class {at}"} for at in range(1, CLASSES + 1)]
    truth.write_text(json.dumps({"info": {}, "images": pictures, "categories": names, "annotations": things}))
    found.write_text(json.dumps(guesses))


def make_ranking(count, scores, labels, seed=8):
    """Scores with ties, a tenth of them of anomalous ones."""
    rng = np.random.default_rng(seed)
    anomalous = rng.random(count) < 0.1
    np.round(rng.normal(anomalous * 1.5, 1), 3).astype("<f4").tofile(scores)
    anomalous.astype("u1").tofile(labels)


def coco(truth, found, answers):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    watch = side.Watch()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(truth)
        run = COCOeval(truth, truth.loadRes(found), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    took = watch.took()
    side.write_answers(answers, map(float, run.stats))
    side.report(items=len(truth.imgs), **took)


def ranking(scores, labels, threads, answers):
    import torch
    from torchmetrics.functional.classification import binary_auroc, binary_average_precision

    torch.set_num_threads(int(threads))
    scores = torch.from_numpy(np.fromfile(scores, "<f4"))
    labels = torch.from_numpy(np.fromfile(labels, "u1")).long()
    # Numbers beyond 0 to 1 are taken for logits and squeezed, which would make ties of neighbours.
    scores = (scores - scores.min()) / (scores.max() - scores.min())
    watch = side.Watch()
    figures = [binary_auroc(scores, labels), binary_average_precision(scores, labels)]
    took = watch.took()
    side.write_answers(answers, map(float, figures))
    side.report(items=len(scores), **took)


def main():
    what, *rest = sys.argv[1:]
    if what.startswith("make"):
        count, *files = rest
        for file in map(pathlib.Path, files):
            file.parent.mkdir(parents=True, exist_ok=True)
        (make_coco if what == "make-coco" else make_ranking)(int(count), *map(pathlib.Path, files))
    else:
        {"coco": coco, "ranking": ranking}[what](*rest)


if __name__ == "__main__":
    main()
