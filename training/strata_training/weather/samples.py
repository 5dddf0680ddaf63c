"""Writes `datasets/weather`: a state of a member that no model has seen, what became of it, the climatology."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
from scipy.io import netcdf_file

from . import planet

EVERY = 12  # hours between states of the truth
README = """# A state of the idealised dry planet, and what became of it

Not Earth weather: states of a simulated planet without water, seasons or mountains. They are our own simulation with
the package `dinosaur` (`training/strata_training/weather/`, Apache-2.0), from a member of it that no model was trained
on. The form of the models' graph was settled with them (`shared-models/dry-planet-24/README.md`, weaknesses), so errors
here are no independent test; the models' figures are from another seed. Classic NetCDF, float32, SI units, latitudes from
north to south, longitudes from 0 E.

| file | times | what |
| --- | --- | --- |
| `analysis.nc` | {start} | z, t, u, v on 925 850 700 500 300 250 200 hPa and sp; z is geopotential, m2 s-2 |
| `truth.nc` | {count} | the simulation every {every} h after it, to {last} h |
| `climatology.nc` | 1 | mean over time and longitude of the training members |

The planet has no calendar: years begin with 0001-01-01 only because files want a date. Made again with
`python -m strata_training dry-planet` (another card computes other weather of the same climate; `training/README.md`).
"""
LONG = {"z": "geopotential", "t": "temperature", "u": "eastward wind", "v": "northward wind", "sp": "surface pressure"}


def times(count: int) -> list[str]:
    """Of the start and of the truth."""
    begin = datetime.datetime(1, 1, 1)
    return [(begin + datetime.timedelta(hours=EVERY * n)).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
            for n in range(count + 1)]  # fmt: skip


def write_netcdf(path: Path, states: np.ndarray, hours: list[int]) -> None:
    """States (time, fields, latitude, longitude) as classic NetCDF after CF."""
    with netcdf_file(path, "w") as file:
        file.Conventions, file.planet = "CF-1.8", planet.NAME
        file.title = "idealised dry planet, not Earth weather"
        coordinates = {
            "time": (np.array(hours, "i4"), "hours since 0001-01-01 00:00:00", "time"),
            "level": (np.array(planet.LEVELS, "f4"), "hPa", "air_pressure"),
            "latitude": (planet.latitudes().astype("f8"), "degrees_north", "latitude"),
            "longitude": (planet.longitudes().astype("f8"), "degrees_east", "longitude"),
        }
        for name, (values, unit, standard) in coordinates.items():
            file.createDimension(name, len(values))
            variable = file.createVariable(name, values.dtype, (name,))
            variable[:] = values
            variable.units, variable.standard_name = unit, standard
        file.variables["time"].calendar = "proleptic_gregorian"
        upper, surface = zip(*(planet.split(np.ascontiguousarray(state)) for state in states), strict=True)
        for names, arrays, dimensions in (
            (planet.UPPER, np.stack(upper), ("time", "level", "latitude", "longitude")),
            (planet.SURFACE, np.stack(surface), ("time", "latitude", "longitude")),
        ):
            for place, name in enumerate(names):
                variable = file.createVariable(name, "f4", dimensions)
                variable[:] = arrays[:, place]
                variable.units, variable.long_name = planet.UNITS[name], LONG[name]


def write(results: Path, folder: Path) -> None:
    """All files of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(results / "sample.npz") as arrays:
        states, zonal = arrays["states"][:: EVERY // 6], arrays["climatology"]
    climatology = np.repeat(zonal[:, :, None], planet.LONGITUDES, 2).astype(np.float32)
    hours = [EVERY * n for n in range(len(states))]
    write_netcdf(folder / "analysis.nc", states[:1], hours[:1])
    write_netcdf(folder / "truth.nc", states[1:], hours[1:])
    write_netcdf(folder / "climatology.nc", climatology[None], hours[:1])
    text = README.format(start=times(0)[0], count=len(states) - 1, every=EVERY, last=hours[-1])
    (folder / "README.md").write_text(text)
