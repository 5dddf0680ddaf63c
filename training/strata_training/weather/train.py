"""Trains the dry planet's four models, each starting from the next longer one's weights."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from . import planet
from .data import Sampler, Statistics, Weather, weights
from .network import Forecaster, Sizes

STEPS = (24, 6, 3, 1)  # hours, in the order of training

SIZES = Sizes(
    latitudes=planet.LATITUDES,
    longitudes=planet.LONGITUDES,
    levels=len(planet.LEVELS),
    variables=len(planet.UPPER),
    surface=len(planet.SURFACE),
    constants=2,
    patch=(1, 2, 2),
    window=(2, 4, 8),
    width=64,
    heads=(2, 4),
    depths=(2, 2, 2, 2),
    mlp=2,
    residual=True,
    lifted=True,
)


@dataclass(frozen=True)
class Lesson:
    """One stage of training; `seconds` cuts `steps` to what the machine can do in that time (0: no limit)."""

    hours: int
    steps: int
    ahead: int = 1
    rate: float = 1e-3
    batch: int = 64
    seconds: float = 0.0
    seed: int = 0


def plan(seconds: float, scale: float = 1.0, batch: int = 64) -> list[Lesson]:
    """All lessons; `scale` shortens them (for a small machine), `seconds` limits them together."""
    table = [  # hours, steps, steps ahead, rate, share of the time
        (24, 16000, 1, 1.5e-3, 0.40),
        (24, 3000, 2, 2e-4, 0.15),
        (6, 7000, 1, 8e-4, 0.18),
        (6, 1000, 2, 1.5e-4, 0.05),
        (3, 4000, 1, 6e-4, 0.11),
        (1, 4000, 1, 6e-4, 0.11),
    ]
    return [
        Lesson(hours, max(2, int(steps * scale)), ahead, rate, batch, seconds * share, place)
        for place, (hours, steps, ahead, rate, share) in enumerate(table)
    ]


def constant_maps() -> Tensor:
    """Sine and cosine of the latitude: what the network cannot see in the fields."""
    radians = np.deg2rad(planet.latitudes())
    maps = np.stack([np.sin(radians), np.cos(radians)]).astype(np.float32)
    return torch.from_numpy(maps)[:, :, None].expand(-1, -1, planet.LONGITUDES)


def set_statistics(model: Forecaster, found: Statistics, hours: int) -> None:
    """Puts means, standard deviations and the changes of a step into the graph."""
    for name, values in (("mean", found.mean), ("sd", found.sd), ("change", found.change[hours])):
        upper = values[:-1].reshape(len(planet.UPPER), len(planet.LEVELS), 1, 1)
        getattr(model, f"{name}_upper").copy_(upper)
        getattr(model, f"{name}_surface").copy_(values[-1:].reshape(1, 1, 1))
    model.maps.copy_(constant_maps())


def step(model: nn.Module, state: Tensor) -> Tensor:
    """A state (batch, 29, 32, 64) one step of the model later."""
    upper, surface = model(*planet.split(state))
    return torch.cat([upper.flatten(1, 2), surface], 1)


def compiled(model: Forecaster, states: Tensor) -> nn.Module:
    """The model compiled for the GPU, or as it is where the compiled one answers otherwise.

    Not a formality: by all signs the compiled network of torch 2.11 once lacked one of two rolls, and weights were
    learned for a network that nobody had written (`Sizes.lifted` is that network).
    """
    fast = torch.compile(model)
    with torch.autocast("cuda", torch.bfloat16):
        right, found = step(model, states).detach(), step(fast, states).detach()
    gap = float((found - right).norm() / (right - states).norm())
    print(f"the compiled network is {gap:.1e} from the plain one", flush=True)
    return fast if gap < 0.05 else model


class Average:
    """Exponential average of weights, quick at first."""

    def __init__(self, model: nn.Module, keep: float):
        self.keep, self.count = keep, 0
        self.parameters = [p.detach().clone() for p in model.parameters()]

    def update(self, model: nn.Module) -> None:
        """After each step."""
        self.count += 1
        keep = min(self.keep, (1 + self.count) / (10 + self.count))
        torch._foreach_lerp_(self.parameters, [p.detach() for p in model.parameters()], 1 - keep)

    def copy_to(self, model: nn.Module) -> None:
        """Gives `model` the averaged weights."""
        for mine, its in zip(self.parameters, model.parameters(), strict=True):
            its.data.copy_(mine)


def factor(done: float) -> float:
    """Of the learning rate: a short rise, then a half cosine to 1 %."""
    rise = 0.03
    return done / rise if done < rise else 0.01 + 0.99 * (1 + np.cos(np.pi * (done - rise) / (1 - rise))) / 2


def learn(lesson: Lesson, model: Forecaster, forward: nn.Module, data: Weather, found: Statistics) -> list[dict]:
    """Trains `model` in place and leaves averaged weights; `forward` is `model`, perhaps compiled. The loss's curve.

    The loss is the squared error in units of the change's standard deviation, weighted by area, the same for all
    fields but surface pressure, the only field of its kind, which counts as seven.
    """
    device = data.six.device
    stretch, lag = data.stretch(lesson.hours)
    generator = torch.Generator().manual_seed(lesson.seed)
    sampler = Sampler(stretch, lag, data.train, lesson.batch, lesson.ahead, generator)
    fields = torch.ones(planet.FIELDS, device=device)
    fields[-1] = len(planet.LEVELS)
    scale = (fields / fields.mean()).sqrt() / found.change[lesson.hours]
    area = weights(device)
    decayed = [p for p in model.parameters() if p.ndim == 2]
    plain = [p for p in model.parameters() if p.ndim != 2]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=lesson.rate, betas=(0.9, 0.98), fused=device.type == "cuda")
    average = Average(model, 0.998)
    low = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")
    curve, total, began, timed = [], lesson.steps, time.monotonic(), None
    number = 0
    while number < total:
        states = sampler.draw()
        for group in optimizer.param_groups:
            group["lr"] = lesson.rate * factor(number / total)
        state, loss = states[0], 0.0
        for right in states[1:]:
            with low:
                state = step(forward, state)
            loss = loss + (((state - right) * scale[:, None, None]) ** 2 * area).mean() / lesson.ahead
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update(model)
        number += 1
        if lesson.seconds and number in (10, 60):
            value = float(loss.detach())  # waits for the device
            now = time.monotonic()
            if timed is not None:
                each = (now - timed) / 50
                total = min(lesson.steps, number + max(1, int((lesson.seconds - (now - began)) / each)))
            timed = now
        if number % max(1, lesson.steps // 40) == 0 or number == total:
            value = float(loss.detach())
            if not np.isfinite(value):
                raise FloatingPointError(f"{lesson.hours} h: the loss is {value}")
            curve.append({"step": number, "loss": round(value, 5), "seconds": round(time.monotonic() - began, 1)})
    average.copy_to(model)
    taken = time.monotonic() - began
    print(f"{lesson.hours} h, {lesson.ahead} ahead: {number} steps, {taken:.0f} s, {curve[-1]}", flush=True)
    return curve
