"""What a run leaves behind for the release: weights, figures, a few states of an unseen member."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .data import Statistics, Weather
from .export import INPUTS, session, to_onnx
from .network import Forecaster
from .train import SIZES

SAMPLE_DAYS = 5


def weights(folder: Path, model: Forecaster, hours: int) -> None:
    """All parameters and buffers of a model."""
    arrays = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    np.savez(folder / f"dry-planet-{hours}.npz", **arrays)


def model(folder: Path, hours: int) -> Forecaster:
    """A trained model."""
    made = Forecaster(SIZES)
    with np.load(folder / f"dry-planet-{hours}.npz") as arrays:
        made.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return made.eval()


def statistics(folder: Path, models: dict[int, Forecaster]) -> Statistics:
    """The statistics of the training members, as models and sample have them."""
    flat = {
        hours: {name: torch.cat([getattr(m, f"{name}_upper").flatten(), getattr(m, f"{name}_surface").flatten()])
                for name in ("mean", "sd", "change")}
        for hours, m in models.items()
    }
    any_of = next(iter(flat.values()))
    with np.load(folder / "sample.npz") as arrays:
        climatology = torch.from_numpy(arrays["climatology"])
    return Statistics(any_of["mean"], any_of["sd"], {h: f["change"] for h, f in flat.items()}, climatology)


class Served(nn.Module):
    """A model as its file answers: by ONNX Runtime, state by state."""

    def __init__(self, made: Forecaster):
        super().__init__()
        self.run = session(to_onnx(made, "served").SerializeToString(), threads=2)

    def forward(self, upper: Tensor, surface: Tensor) -> tuple[Tensor, Tensor]:
        """Batches, as `Forecaster`."""
        pairs = zip(upper.numpy(), surface.numpy(), strict=True)
        said = [self.run.run(None, dict(zip(INPUTS, map(np.ascontiguousarray, pair), strict=True))) for pair in pairs]
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*said, strict=True))


def sample(folder: Path, data: Weather, found: Statistics) -> None:
    """Five days of the last test member, every six hours from the first, and the climatology."""
    states = data.six[data.plan.members - 1, : 4 * SAMPLE_DAYS + 1].cpu().numpy()
    np.savez(folder / "sample.npz", states=states, climatology=found.climatology.cpu().numpy())
