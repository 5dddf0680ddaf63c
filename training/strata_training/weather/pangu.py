"""Writes a network of Pangu-Weather's published sizes with seeded random weights, for timing and memory.

It has the ports, shapes and operators of a network that may not be shipped, and forecasts nothing. As in the
published files, position biases stand in the file expanded, with the masks of shifted windows added: a gigabyte.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch

from .export import to_onnx
from .network import Attention, Forecaster, Sizes

SCALES = {
    "full": Sizes(),
    # Whole windows fit around 90 and 45 columns of tokens.
    "half": Sizes(latitudes=181, longitudes=360, window=(2, 6, 9)),
    "tiny": Sizes(latitudes=33, longitudes=64, window=(2, 2, 4), width=32, heads=(2, 4)),
}
# Mean, standard deviation of plausible fields, so that answers stay plausible: z q t u v; msl 10u 10v 2t.
UPPER = ((6e4, 5e4), (2e-3, 3e-3), (250.0, 25.0), (5.0, 12.0), (0.0, 9.0))
SURFACE = ((1.01e5, 1e3), (0.0, 5.0), (0.0, 5.0), (278.0, 20.0))


def build(sizes: Sizes, seed: int, expand: bool = True) -> Forecaster:
    """A network with seeded random weights and masks, its biases expanded."""
    torch.manual_seed(seed)
    model = Forecaster(sizes).eval()
    for name, values in (("upper", UPPER), ("surface", SURFACE)):
        for place, (mean, deviation) in enumerate(values):
            getattr(model, f"mean_{name}")[place] = mean
            getattr(model, f"sd_{name}")[place] = deviation
    model.maps.normal_()
    if expand:
        for module in model.modules():
            if isinstance(module, Attention):
                module.expand()
    return model


def write(folder: Path, scale: str, seed: int) -> Path:
    """`pangu-SCALE.onnx`, in one file as the published ones."""
    folder.mkdir(parents=True, exist_ok=True)
    model = build(SCALES[scale], seed)
    path = folder / f"pangu-{scale}.onnx"
    onnx.save(to_onnx(model, f"pangu-{scale}"), path)
    weights = sum(p.numel() for p in model.parameters())
    print(f"{path}: {path.stat().st_size:,} bytes, {weights:,} weights and expanded biases")
    return path
