"""A plain PatchCore (Roth et al., 2022), to compare feature backbones: image AUROC on magnetic tiles.

Patches: each layer's map averaged over 3 x 3, deeper layers enlarged to the first one's size, concatenated. The bank
is a greedy coreset of a random tenth of the normal patches. A picture's score is the distance of its farthest patch,
weighted by one less the softmax of the distances to that patch's neighbours in the bank.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F

NEIGHBOURS = 9
Features = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Split:
    """Paths: normal pictures of the bank, normal and defective pictures of the test."""

    bank: list[Path]
    normal: list[Path]
    defective: list[Path]


def magnetic_tiles(data: Path, seed: int = 0) -> Split:
    """80 % of MT_Free for the bank; the other 20 % and every defective tile with a mask that is not empty to test."""
    free = sorted(data.glob("MT_Free/*.jpg"))
    order = np.random.default_rng(seed).permutation(len(free))
    cut = round(0.8 * len(free))
    defective = []
    for path in sorted(data.glob("MT_*/*.jpg")):
        if path.parent.name == "MT_Free":
            continue
        mask = cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
        if mask is not None and mask.max() > 0:
            defective.append(path)
    return Split([free[i] for i in order[:cut]], [free[i] for i in order[cut:]], defective)


def read(paths: list[Path], side: int) -> np.ndarray:
    """RGB pictures stretched to squares."""
    made = []
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        made.append(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)[..., ::-1])
    return np.stack(made)


def patches(features: Features, pictures: np.ndarray) -> torch.Tensor:
    """Patch vectors (N, cells, D)."""
    parts = []
    for start in range(0, len(pictures), 8):
        maps = [torch.from_numpy(m) for m in features(np.ascontiguousarray(pictures[start : start + 8]))]
        pooled = [F.avg_pool2d(m, 3, 1, 1) for m in maps]
        size = pooled[0].shape[2:]
        joined = [pooled[0], *(F.interpolate(m, size, mode="bilinear") for m in pooled[1:])]
        parts.append(torch.cat(joined, 1).flatten(2).transpose(1, 2))
    return torch.cat(parts)


def coreset(vectors: torch.Tensor, size: int, seed: int = 0) -> torch.Tensor:
    """Indices of a greedy k-centre choice, distances taken in 64 random projections."""
    generator = torch.Generator().manual_seed(seed)
    flat = vectors @ torch.randn(vectors.shape[1], 64, generator=generator) / 8.0
    chosen = [0]
    nearest = (flat - flat[0]).square().sum(1)
    for _ in range(size - 1):
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (flat - flat[chosen[-1]]).square().sum(1))
    return torch.tensor(chosen)


def score(bank: torch.Tensor, picture: torch.Tensor) -> float:
    """Image score of one picture's patches (cells, D)."""
    distance, at = torch.cdist(picture, bank).min(1)
    worst = int(distance.argmax())
    around = torch.cdist(bank[at[worst]][None], bank)[0].topk(NEIGHBOURS, largest=False).indices
    near = torch.cdist(picture[worst][None], bank[around])[0]
    weight = 1 - torch.softmax(near, 0)[0]
    return float(distance[worst] * weight)


def auroc(normal: np.ndarray, anomalous: np.ndarray) -> float:
    """Chance that an anomalous score is above a normal one, ties half."""
    order = np.concatenate([normal, anomalous])
    from scipy.stats import rankdata

    ranks = rankdata(order)[len(normal) :]
    return float((ranks.sum() - len(anomalous) * (len(anomalous) + 1) / 2) / (len(normal) * len(anomalous)))


def measure(features: Features, split: Split, side: int, size: int = 4000, seed: int = 0) -> float:
    """Image AUROC of a backbone."""
    generator = np.random.default_rng(seed)
    kept = []
    for start in range(0, len(split.bank), 64):
        flat = patches(features, read(split.bank[start : start + 64], side)).flatten(0, 1)
        kept.append(flat[generator.choice(len(flat), len(flat) // 10, replace=False)])
    pool = torch.cat(kept)
    bank = pool[coreset(pool, size)]
    results = []
    for paths in (split.normal, split.defective):
        scores = []
        for start in range(0, len(paths), 32):
            scores += [score(bank, p) for p in patches(features, read(paths[start : start + 32], side))]
        results.append(np.array(scores))
    return auroc(*results)
