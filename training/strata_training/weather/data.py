"""Reads a simulation and hands out what training needs: statistics, climatology, random pairs of states."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import planet
from .simulate import Plan

HOURLY = (1, 3)  # steps learned from the hourly stretch; longer ones from the six-hourly one
NAMES = planet.channel_names()


@dataclass
class Weather:
    """A simulation: `six` and `hourly` are (member, time, field, latitude, longitude)."""

    plan: Plan
    six: Tensor
    hourly: Tensor
    facts: dict

    @property
    def train(self) -> range:
        """Members to learn from."""
        return range(self.plan.train)

    @property
    def valid(self) -> range:
        """Members by which weights are chosen."""
        return range(self.plan.train, self.plan.train + self.plan.valid)

    @property
    def test(self) -> range:
        """Members that are only measured on."""
        return range(self.plan.train + self.plan.valid, self.plan.members)

    def stretch(self, hours: int) -> tuple[Tensor, int]:
        """The data for steps of `hours`, and how many of its times a step is."""
        return (self.hourly, hours) if hours in HOURLY else (self.six, hours // 6)


def load(folder: Path, device: torch.device) -> Weather:
    """A simulation from its folder, onto `device`."""
    facts = json.loads((folder / "plan.json").read_text())
    known = {key: facts[key] for key in Plan.__dataclass_fields__}
    arrays = []
    for name in ("six", "hourly"):
        mapped = np.load(folder / f"{name}.npy", mmap_mode="r")
        whole = torch.empty(mapped.shape, dtype=torch.float32, device=device)
        for member in range(mapped.shape[0]):
            whole[member] = torch.from_numpy(np.array(mapped[member])).to(device)
        arrays.append(whole)
    return Weather(Plan(**known), *arrays, facts)


@dataclass
class Statistics:
    """Of the training members, a field: mean, standard deviation, that of the changes a step; climatology."""

    mean: Tensor  # (29,)
    sd: Tensor
    change: dict[int, Tensor]  # by hours
    climatology: Tensor  # (29, 32): the mean over time, members and longitudes


def weights(device: torch.device) -> Tensor:
    """Area weights as (32, 1)."""
    return torch.tensor(planet.weights(), dtype=torch.float32, device=device)[:, None]


def statistics(data: Weather, steps: tuple[int, ...]) -> Statistics:
    """Computes them, in parts, so that no copy of all the data is made."""
    area = weights(data.six.device)
    some = data.six[: data.plan.train]
    zonal = torch.stack([member.double().mean((0, 3)) for member in some]).mean(0)
    mean = (zonal * area[:, 0]).mean(1)
    square = torch.stack([((m - mean[:, None, None].float()) ** 2 * area).mean((0, 2, 3)) for m in some]).mean(0)
    change = {}
    for hours in steps:
        stretch, lag = data.stretch(hours)
        parts = [((m[lag:] - m[:-lag]) ** 2 * area).mean((0, 2, 3)) for m in stretch[: data.plan.train]]
        change[hours] = torch.stack(parts).mean(0).sqrt()
    return Statistics(mean.float(), square.sqrt(), change, zonal.float())


@dataclass
class Sampler:
    """Random sequences of states a step apart, turned around the axis and mirrored at the equator at random.

    The planet knows no longitude and no hemisphere, so that a turned or mirrored state is as good as the first.
    """

    stretch: Tensor
    lag: int
    members: range
    batch: int
    ahead: int
    generator: torch.Generator

    def draw(self) -> list[Tensor]:
        """`ahead` + 1 states, each (batch, 29, 32, 64)."""
        low, high = self.members.start, self.members.stop
        device = self.stretch.device

        def whole(least: int, most: int, many: int) -> Tensor:
            return torch.randint(least, most, (many,), generator=self.generator)

        member = whole(low, high, self.batch).to(device)
        first = whole(0, self.stretch.shape[1] - self.ahead * self.lag, self.batch).to(device)
        turn = int(whole(0, planet.LONGITUDES, 1))
        mirrored = (whole(0, 2, self.batch) == 1).to(device)[:, None, None, None]
        made = []
        for step in range(self.ahead + 1):
            state = self.stretch[member, first + step * self.lag].roll(turn, -1)
            made.append(torch.where(mirrored, mirror(state), state))
        return made


def mirror(state: Tensor) -> Tensor:
    """North and south exchanged; the northward wind changes its sign."""
    sign = torch.ones(planet.FIELDS, device=state.device)
    levels = len(planet.LEVELS)
    sign[planet.NORTHWARD * levels : (planet.NORTHWARD + 1) * levels] = -1
    return state.flip(-2) * sign[:, None, None]
