"""Makes the golden files of COCO average precision with pycocotools: python make_coco.py ../golden

Needs numpy and pycocotools. Each file holds ground truth and detections as COCO JSON, pycocotools' 12
numbers, and AP and AP50 of each class.
"""

import contextlib
import copy
import io
import json
import pathlib
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def box(rng, side, least, most):
    w, h = rng.uniform(least, most, 2)
    return [round(float(v), 2) for v in (rng.uniform(0, side - w), rng.uniform(0, side - h), w, h)]


def near(rng, bbox, spread):
    x, y, w, h = bbox
    dx, dy, dw, dh = rng.normal(0, spread, 4)
    return [round(float(v), 2) for v in (x + dx * w, y + dy * h, w * np.exp(dw), h * np.exp(dh))]


def make(rng, images, classes, crowds, ties, dense):
    truth, found = [], []
    # Identifiers with gaps and out of order.
    image_ids = [int(i) for i in rng.permutation(np.arange(images) * 3 + 5)]
    class_ids = [2 * c + 1 for c in range(classes)]
    for image in image_ids:
        for _ in range(int(rng.integers(0, 7))):
            most = float(rng.choice([30, 90, 240]))
            bbox = box(rng, 320, most * 0.2, most)
            area = round(bbox[2] * bbox[3] * (float(rng.uniform(0.4, 1)) if crowds else 1.0), 2)
            crowd = int(crowds and rng.random() < 0.25)
            truth.append({"id": len(truth) + 1, "image_id": image, "bbox": bbox, "area": area,
                          # The last class has no ground truth.
                          "category_id": int(rng.choice(class_ids[:-1])), "iscrowd": crowd})
            for _ in range(int(rng.integers(0, 4)) + 3 * crowd):
                found.append({"image_id": image, "bbox": near(rng, bbox, 0.06),
                              "category_id": truth[-1]["category_id"] if rng.random() < 0.9 else
                              int(rng.choice(class_ids)), "score": float(rng.uniform(0.3, 1))})
        for _ in range(int(rng.integers(0, 4)) + dense):
            found.append({"image_id": image, "bbox": box(rng, 320, 5, 120),
                          "category_id": int(rng.choice(class_ids)) if not dense else class_ids[0],
                          "score": float(rng.uniform(0, 0.7))})
    for one in found:
        one["score"] = round(one["score"], 1 if ties else 4)
    order = rng.permutation(len(found))
    return {"images": [{"id": i, "file_name": f"{i}.jpg", "width": 320, "height": 320} for i in image_ids],
            "categories": [{"id": i, "name": f"class {i}"} for i in class_ids],
            "annotations": truth}, [found[i] for i in order]


def evaluate(gt, dt):
    coco = COCO()
    coco.dataset = copy.deepcopy(gt)
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(copy.deepcopy(dt)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"]

    def mean(part):
        part = part[part > -1]
        return float(part.mean()) if part.size else -1.0

    per_class = [{"id": int(c), "ap": mean(precision[:, :, k, 0, 2]), "ap50": mean(precision[0, :, k, 0, 2])}
                 for k, c in enumerate(run.params.catIds)]
    return [float(v) for v in run.stats], per_class


for name, settings in {
    "plain": dict(seed=1, images=16, classes=4, crowds=False, ties=False, dense=0),
    "crowds": dict(seed=2, images=24, classes=3, crowds=True, ties=False, dense=0),
    "ties": dict(seed=3, images=6, classes=3, crowds=True, ties=True, dense=110),
}.items():
    gt, dt = make(np.random.default_rng(settings.pop("seed")), **settings)
    stats, per_class = evaluate(gt, dt)
    path = pathlib.Path(sys.argv[1]) / f"coco_{name}.json"
    path.write_text(json.dumps({"gt": gt, "dt": dt, "stats": stats, "per_class": per_class},
                               separators=(",", ":")) + "\n")
    print(name, len(gt["annotations"]), len(dt), [round(v, 4) for v in stats])
