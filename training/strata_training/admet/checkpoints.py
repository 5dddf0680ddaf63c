"""The ten public checkpoints of ADMET-AI (MIT): where they are, and what is in one."""

from __future__ import annotations

import argparse
import hashlib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REVISION = "9c8430862b2afd997ff1d314b30bda4418fa9b33"
ADDRESS = f"https://raw.githubusercontent.com/swansonk14/admet_ai/{REVISION}/admet_ai/resources/models/{{}}/model_{{}}.pt"
SHA256 = {
    "classification": (
        "48ed42c3ec284b027dbc054ceae76b0520eb9aff8bf0b3e37b26a446ee537137",
        "52a6bdac71c851ea8325c4860e913d3ed79017dd03b3d40116481dd6e1a48433",
        "28be5980c28b2618da25fa6dbabc7f92ede130c675c66b75b259d4beb2d449cb",
        "6a34383cd726e51aa8f87ba3d65debba448a43ffee9b1f8dfdaf42d034b7b187",
        "766dffd5317e575752758444eccca96181d50a9cd47eb5faf0b46b5081b23c0c",
    ),
    "regression": (
        "2b6093958103bf0876f75599a94aee6ec7848ac4bed22b39201e63071833cdfe",
        "7ef5ab57bc28c2b3ed13b08ddf8e6a201135abd98456c0eef3b4af1baad71254",
        "7e68e5b08587f6fe99cc794bd37e359a9bed28b2d95486ed50016be85c1ac42d",
        "cd5e074bb000ce615673448333a92ce71fdda05d72b0bf2d4caedb881841c341",
        "0142b80c70f175a1275cce98904658d17cabafa42cdfe197ecc090d7c11d9640",
    ),
}


class CheckpointError(Exception):
    """A checkpoint is not there or not what it should be."""


@dataclass
class Member:
    """One network: its weights by Chemprop's names, its tasks, and the scale of a regression."""

    weights: dict[str, np.ndarray]
    tasks: list[str]
    mean: np.ndarray | None
    sd: np.ndarray | None


def find(kind: str, number: int, folder: Path | None, cache: Path) -> Path:
    """A checkpoint below `folder`, in the cache, or from its address; always checked."""
    wanted = SHA256[kind][number]
    kept = cache / f"{wanted}.pt"
    candidates = [kept, *(sorted(folder.rglob("*.pt")) if folder else [])]
    for path in candidates:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wanted:
            return path
    address = ADDRESS.format(f"admet_{kind}", number)
    try:
        with urllib.request.urlopen(address, timeout=60) as reply:
            found = reply.read()
    except OSError as error:
        raise CheckpointError(f"cannot fetch {address}: {error}; name a folder that holds it with --from") from error
    if hashlib.sha256(found).hexdigest() != wanted:
        raise CheckpointError(f"{address} is not the file with SHA-256 {wanted}")
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(found)
    return kept


def read(path: Path) -> Member:
    """Reads a checkpoint without running code of it."""
    import torch

    # The names under which NumPy 1 wrote its arrays.
    arrays = np._core.multiarray
    safe = [argparse.Namespace, np.ndarray, np.dtype, type(np.dtype("float64")), type(np.dtype("int64"))]
    safe += [(arrays._reconstruct, "numpy.core.multiarray._reconstruct"), (arrays.scalar, "numpy.core.multiarray.scalar")]
    with torch.serialization.safe_globals(safe):
        state = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name: value.numpy() for name, value in state["state_dict"].items()}
    args, scale = state["args"], state["data_scaler"]
    if (args.depth, args.hidden_size, args.aggregation) != (3, 300, "mean") or args.bias or args.activation != "ReLU":
        raise CheckpointError(f"{path} is another network than this converter knows")
    return Member(
        weights=weights,
        tasks=list(args.task_names),
        mean=None if scale is None else np.asarray(scale["means"], np.float32),
        sd=None if scale is None else np.asarray(scale["stds"], np.float32),
    )
