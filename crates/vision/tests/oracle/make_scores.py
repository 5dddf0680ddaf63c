"""Makes the golden file of anomaly metrics with scikit-learn and scipy: python make_scores.py ../golden

Needs numpy, scipy and scikit-learn. AUPRO follows its definition with the curve made of all thresholds:
mean overlap per 8-connected component against the false-positive rate of defect-free pixels, by
trapezoids to a rate of 0.3, the last one interpolated.
"""

import json
import pathlib
import sys

import numpy as np
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score


def flat(rng, count, decimals):
    labels = rng.random(count) < 0.3
    scores = np.round(rng.normal(labels * 0.8, 1.0), decimals).astype(np.float32)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(np.argmax(f1[:-1]))
    return {"scores": [float(v) for v in scores], "labels": [int(v) for v in labels],
            "auroc": float(roc_auc_score(labels, scores)),
            "average_precision": float(average_precision_score(labels, scores)),
            "f1": float(f1[best]), "threshold": float(thresholds[best])}


def aupro(maps, masks, limit):
    regions, free = [], []
    for scores, mask in zip(maps, masks):
        labelled, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [np.sort(scores[labelled == one]) for one in range(1, count + 1)]
        free.append(scores[~mask])
    free = np.sort(np.concatenate(free))
    thresholds = np.unique(np.concatenate([m.ravel() for m in maps]))[::-1]
    share = lambda values: 1 - np.searchsorted(values, thresholds, side="left") / len(values)
    fpr = np.concatenate([[0.0], share(free)])
    pro = np.concatenate([[0.0], np.mean([share(r) for r in regions], axis=0)])
    inside = fpr <= limit
    x, y = fpr[inside], pro[inside]
    if x[-1] < limit:
        nxt = len(x)
        y = np.append(y, y[-1] + (pro[nxt] - y[-1]) * (limit - x[-1]) / (fpr[nxt] - x[-1]))
        x = np.append(x, limit)
    return float(np.trapezoid(y, x) / limit), len(regions)


def pixels(rng, decimals):
    maps, masks = [], []
    for _ in range(4):
        noise = ndimage.gaussian_filter(rng.normal(size=(24, 31)), 1.5)
        mask = ndimage.gaussian_filter(rng.normal(size=(24, 31)), 1.2) > 0.32
        if len(maps) == 3:
            mask[:] = False
        maps.append(np.round(noise * 4 + mask * 1.2, decimals).astype(np.float32))
        masks.append(mask)
    value, regions = aupro(maps, masks, 0.3)
    all_scores = np.concatenate([m.ravel() for m in maps])
    all_labels = np.concatenate([m.ravel() for m in masks])
    return {"width": 31, "height": 24, "maps": [[float(v) for v in m.ravel()] for m in maps],
            "masks": [[int(v) for v in m.ravel()] for m in masks], "aupro": value, "regions": regions,
            "aupro_05": aupro(maps, masks, 0.05)[0], "auroc": float(roc_auc_score(all_labels, all_scores))}


rng = np.random.default_rng(11)
# Few decimals: many equal scores.
golden = {"flat": [flat(rng, 200, 4), flat(rng, 300, 1)], "pixels": [pixels(rng, 3), pixels(rng, 1)]}
path = pathlib.Path(sys.argv[1]) / "scores.json"
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print([f["auroc"] for f in golden["flat"]], [(p["aupro"], p["regions"]) for p in golden["pixels"]])
