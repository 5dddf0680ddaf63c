"""Measures the four models on members that no step and no choice came from.

Errors are area-weighted; anomalies are from the climatology of the training members, their mean over time and
longitude. A lead is reached by the longest steps first (24, 6, 3, 1 h), as the forecasting program does it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from . import planet
from .data import NAMES, Statistics, Weather, weights
from .network import Forecaster
from .train import STEPS, step

Models = dict[int, Forecaster]
LONG = [6, 12, 18, 24, 30, 36, *range(48, 241, 24)]  # hours
SHORT = [1, 2, 3, 6, 12, 18, 24]
SHOWN = ("z500", "t850", "u250", "v250", "sp")


@dataclass
class Scores:
    """Sums over forecasts by lead: squared errors of model, persistence, climatology; anomaly correlations."""

    leads: list[int]
    squares: dict[str, Tensor] = field(default_factory=dict)  # (lead, 29)
    correlation: list[Tensor] = field(default_factory=list)  # (forecast, lead, shown)
    count: int = 0

    def table(self) -> dict:
        """RMSE by who forecasts, then lead, then field; mean ACC of the fields shown."""
        made = {"leads": self.leads, "forecasts": self.count, "fields": NAMES}
        for name, squares in self.squares.items():
            made[f"rmse_{name}"] = np.round((squares / self.count).sqrt().cpu().numpy().astype(float), 5).tolist()
        together = torch.cat(self.correlation)
        means = np.round(together.mean(0).numpy().astype(float), 4)
        made["acc"] = {name: means[:, place].tolist() for place, name in enumerate(SHOWN)}
        return made


def advance(model: Forecaster, state: Tensor, part: int = 256) -> Tensor:
    """One step, in parts that fit the memory."""
    return torch.cat([step(model, some) for some in state.split(part)])


def greedy(models: Models, hours: int) -> list[int]:
    """The steps to a lead, longest first."""
    made = []
    for size in sorted(models, reverse=True):
        made += [size] * (hours // size)
        hours %= size
    return made


def starts(stretch: Tensor, members: range, every: int, ahead: int) -> tuple[Tensor, Tensor]:
    """Members and times from which forecasts start."""
    times = torch.arange(0, stretch.shape[1] - ahead, every)
    member = torch.arange(members.start, members.stop)
    return member.repeat_interleave(len(times)), times.repeat(len(member))


def correlations(forecast: Tensor, truth: Tensor, climatology: Tensor, area: Tensor) -> Tensor:
    """Uncentred anomaly correlations (forecast, shown)."""
    columns = []
    for name in SHOWN:
        c = NAMES.index(name)
        f, o = forecast[:, c] - climatology[c][:, None], truth[:, c] - climatology[c][:, None]
        product, ff, oo = ((a * b * area).mean((1, 2)) for a, b in ((f, o), (f, f), (o, o)))
        columns.append(product / (ff * oo).sqrt())
    return torch.stack(columns, 1)


@torch.no_grad()
def score(models: Models, stretch: Tensor, every_hours: int, members: range, leads: list[int], found: Statistics,
          spacing: int, route=None) -> Scores:
    """Forecasts from states `spacing` times apart; the stretch has a state every `every_hours` hours.

    `route` gives a lead's parent and last step; by default the greedy aggregation's.
    """
    route = route or (lambda lead: (lead - greedy(models, lead)[-1], greedy(models, lead)[-1]))
    member, first = starts(stretch, members, spacing, leads[-1] // every_hours)
    scores, area = Scores(leads), weights(stretch.device)
    names = ("model", "persistence", "climatology")
    scores.squares = {n: torch.zeros(len(leads), planet.FIELDS, device=stretch.device) for n in names}
    for some in torch.arange(len(member)).split(256):
        m, t = member[some].to(stretch.device), first[some].to(stretch.device)
        start = stretch[m, t]
        live = {0: start}
        rows = []
        for place, lead in enumerate(leads):
            state = reach(models, live, lead, route)
            truth = stretch[m, t + lead // every_hours]
            rivals = (state, start, found.climatology[None, :, :, None])
            for name, rival in zip(names, rivals, strict=True):
                scores.squares[name][place] += ((rival - truth) ** 2 * area).mean((2, 3)).sum(0)
            rows.append(correlations(state, truth, found.climatology, area).cpu())
            needed = {parent for later in leads[place + 1 :] for parent in parents(later, route)}
            live = {hour: kept for hour, kept in live.items() if hour in needed}
        scores.correlation.append(torch.stack(rows, 1))
        scores.count += len(some)
    return scores


def parents(lead: int, route) -> list[int]:
    """The hours through which a lead is reached."""
    made = []
    while lead:
        made.append(lead)
        lead = route(lead)[0]
    return [*made, 0]


def reach(models: Models, live: dict[int, Tensor], lead: int, route) -> Tensor:
    """The state at `lead`, from the nearest live state on its way; keeps what it passes."""
    if lead not in live:
        parent, size = route(lead)
        live[lead] = advance(models[size], reach(models, live, parent, route))
    return live[lead]


def horizon(correlation: np.ndarray, leads: list[int], least: float = 0.6) -> float:
    """Days until the mean correlation falls below `least`; beyond the last lead, the last lead."""
    mean = np.concatenate([[1.0], correlation.mean(0)])
    days = np.concatenate([[0.0], np.array(leads) / 24])
    under = np.flatnonzero(mean < least)
    if not len(under):
        return float(days[-1])
    place = under[0]
    share = (mean[place - 1] - least) / (mean[place - 1] - mean[place])
    return float(days[place - 1] + share * (days[place] - days[place - 1]))


def bootstrap(correlation: np.ndarray, leads: list[int], cluster: int = 5, draws: int = 1000) -> list[float]:
    """The horizon and its 95 % interval, resampling runs of `cluster` successive forecasts."""
    rng = np.random.default_rng(0)
    runs = [correlation[i : i + cluster] for i in range(0, len(correlation), cluster)]
    found = [
        horizon(np.concatenate([runs[i] for i in rng.integers(0, len(runs), len(runs))]), leads) for _ in range(draws)
    ]
    return [horizon(correlation, leads), *(float(q) for q in np.quantile(found, [0.025, 0.975]))]


def spectrum(state: Tensor) -> Tensor:
    """Kinetic energy at 250 hPa by zonal wavenumber, between 30 and 60 degrees of either hemisphere."""
    degrees = np.abs(planet.latitudes())
    rows = torch.tensor(np.flatnonzero((degrees > 30) & (degrees < 60)), device=state.device)
    total = 0.0
    for name in ("u250", "v250"):
        waves = torch.fft.rfft(state[:, NAMES.index(name)].index_select(1, rows), norm="forward").abs() ** 2
        total = total + waves.mean((0, 1))
    return total


@torch.no_grad()
def rollout(model: Forecaster, data: Weather, found: Statistics, days: int = 100) -> dict:
    """A hundred days by 24 h steps: drift of global means, variance, spectra, against the simulation's own."""
    area = weights(data.six.device)
    member, first = starts(data.six, data.test, max(1, data.six.shape[1] // 2), 1)
    state = data.six[member.to(area.device), first.to(area.device)]
    every = data.six[data.test.start : data.test.stop, :: 4].flatten(0, 1)
    climatology = found.climatology[None, :, :, None]

    def facts(states: Tensor) -> dict:
        deviation = states - climatology
        return {
            "mean": {n: round(float((states[:, NAMES.index(n)] * area).mean()), 3) for n in SHOWN},
            "anomaly_sd": {n: round(float((deviation[:, NAMES.index(n)] ** 2 * area).mean().sqrt()), 4) for n in SHOWN},
            "spectrum_250": [float(f"{value:.4g}") for value in spectrum(states)],
        }

    made: dict = {"forecasts": len(member), "truth": facts(every), "days": {}}
    jet = 0.0
    for day in range(1, days + 1):
        state = advance(model, state)
        if day in (1, 2, 5, 10, 20, 50, 75, 100) or day == days:
            made["days"][day] = facts(state)
        if day > days // 2:
            jet = jet + state.mean((0, 3)) / (days - days // 2)
    gap = ((jet - found.climatology) ** 2 * area[:, 0]).mean(1).sqrt()
    made["late_zonal_mean_rmse"] = {n: round(float(gap[NAMES.index(n)]), 4) for n in SHOWN}
    made["finite"] = bool(torch.isfinite(state).all())
    return made


def chosen(model: Forecaster, hours: int, data: Weather, found: Statistics) -> float:
    """What weights are chosen by, on valid members: mean error over five steps, in units of a field's deviation."""
    stretch, lag = data.stretch(hours)
    leads = [hours * n for n in range(1, 6)]
    scores = score({hours: model}, stretch, hours // lag, data.valid, leads, found, 12)
    return float(((scores.squares["model"] / scores.count).sqrt() / found.sd).mean())


def all_figures(models: Models, data: Weather, found: Statistics) -> dict:
    """Everything the cards say."""
    long = score(models, data.six, 6, data.test, LONG, found, 8)
    together = torch.cat(long.correlation).numpy()
    made = {"six_hourly": long.table(), "hourly": {}, "horizon": {}}
    for place, name in enumerate(SHOWN):
        made["horizon"][name] = [round(v, 3) for v in bootstrap(together[..., place], long.leads)]
    made["hourly"]["greedy"] = score(models, data.hourly, 1, data.test, SHORT, found, 12).table()
    for size in STEPS[1:]:
        alone = [h for h in SHORT if h % size == 0]
        scores = score(models, data.hourly, 1, data.test, alone, found, 12, lambda lead, s=size: (lead - s, s))
        made["hourly"][f"{size} h alone"] = scores.table()
    made["rollout"] = rollout(models[24], data, found, 100)
    return made
