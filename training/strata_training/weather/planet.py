"""The idealised dry planet: its grid, its levels, its variables, in the order in which every file has them.

A state is 29 fields of 32 x 64 points: geopotential, temperature, eastward and northward wind on seven pressure
levels, then surface pressure. SI units, latitudes from north to south, longitudes from 0 E eastwards.
"""

from __future__ import annotations

import numpy as np

NAME = "idealised-dry-planet"
LATITUDES, LONGITUDES = 32, 64
LEVELS = (925, 850, 700, 500, 300, 250, 200)  # hPa
UPPER = ("z", "t", "u", "v")
UNITS = {"z": "m2 s-2", "t": "K", "u": "m s-1", "v": "m s-1", "sp": "Pa"}
SURFACE = ("sp",)
FIELDS = len(UPPER) * len(LEVELS) + len(SURFACE)
NORTHWARD = UPPER.index("v")  # changes its sign where north and south are exchanged

# Those of the simulation: dry air and the Earth's radius and gravity.
GAS_CONSTANT = 1004 * 2 / 7
GRAVITY = 9.80616
RADIUS = 6.37122e6


def latitudes() -> np.ndarray:
    """Degrees north of the Gaussian grid, from north to south."""
    nodes, _ = np.polynomial.legendre.leggauss(LATITUDES)
    return np.rad2deg(np.arcsin(nodes))[::-1].copy()


def longitudes() -> np.ndarray:
    """Degrees east."""
    return np.arange(LONGITUDES) * (360.0 / LONGITUDES)


def weights() -> np.ndarray:
    """Area of each latitude's cells over their mean: sin(upper edge) - sin(lower edge), edges half-way."""
    degrees = latitudes()
    edges = np.concatenate([[90.0], (degrees[1:] + degrees[:-1]) / 2, [-90.0]])
    areas = -np.diff(np.sin(np.deg2rad(edges)))
    return areas / areas.mean()


def channel(variable: str, level: int | None = None) -> int:
    """Place of a field among a state's fields."""
    if level is None:
        return len(UPPER) * len(LEVELS) + SURFACE.index(variable)
    return UPPER.index(variable) * len(LEVELS) + LEVELS.index(level)


def channel_names() -> list[str]:
    """`z925`, …, `v200`, `sp`."""
    return [f"{v}{level}" for v in UPPER for level in LEVELS] + list(SURFACE)


def split(state):
    """A state's upper (…, 4, 7, 32, 64) and surface (…, 1, 32, 64) parts; numpy or torch."""
    upper = len(UPPER) * len(LEVELS)
    shape = (*state.shape[:-3], len(UPPER), len(LEVELS), *state.shape[-2:])
    return state[..., :upper, :, :].reshape(shape), state[..., upper:, :, :]
