"""Simulates the dry planet: primitive equations on the sphere, T31 with eight sigma layers, Held-Suarez forcing.

The equations are solved by the package `dinosaur` (Apache-2.0), all members at once, on a GPU where JAX finds one.
Held and Suarez (1994), Bulletin of the American Meteorological Society 75: Newtonian relaxation of the temperature
to a zonally symmetric state, Rayleigh friction near the ground, no seasons, no day and night, no sea, no land.

Each member begins at rest with its own perturbation of the surface pressure, is spun up, then written every six
hours, and at last every hour. Members are told apart by `fold_in(PRNGKey(seed), member)`: the same seed and member
begin alike everywhere, but the flow is chaotic, so that other hardware gives other weather of the same climate.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import planet

LAYERS = 8
STEP_MINUTES = 30
DAY_CHUNK = 10  # days simulated by one call of the compiled function


@dataclass(frozen=True)
class Plan:
    """How much is simulated. `seconds` cuts `days` to what the machine can do in that time; 0: no limit."""

    members: int = 64
    train: int = 48  # members 0 … train-1
    valid: int = 6  # the next; the rest are for tests
    spinup_days: int = 200
    days: int = 300
    hourly_days: int = 16
    seed: int = 2026
    seconds: float = 0.0


@dataclass(frozen=True)
class Core:
    """Compiled parts of the simulation, each over all members."""

    start: Callable
    six_hourly: Callable
    hourly: Callable


def interpolate(temperature, u, v, surface_pressure, centres, xp):
    """Fields on `planet.LEVELS` from sigma layers (layer first), with the geopotential.

    Linear in the logarithm of pressure, constant beyond the lowest centre; the geopotential is the hydrostatic
    integral of just that temperature, R T d ln p upwards from 0 at the ground. `xp` is numpy or jax.numpy.
    """
    log_centres = xp.log(xp.asarray(centres))
    layers = len(centres)
    steps = 0.5 * (temperature[:-1] + temperature[1:]) * xp.diff(log_centres)[:, None, None]
    lowest = -temperature[-1:] * log_centres[-1]
    above = xp.cumsum(steps[::-1], axis=0)[::-1]
    heights = planet.GAS_CONSTANT * xp.concatenate([lowest + above, lowest], axis=0)

    targets = xp.asarray(np.array(planet.LEVELS, np.float32) * 100)
    place = xp.log(targets[:, None, None] / surface_pressure[None])
    below = xp.clip(xp.sum(place[:, None] > log_centres[None, :, None, None], axis=1), 1, layers - 1)
    low, high = log_centres[below], log_centres[below - 1]
    share = xp.clip((place - high) / (low - high), 0.0, 1.0)

    def at(field):
        lower = xp.take_along_axis(field, below, axis=0)
        return lower + (1 - share) * (xp.take_along_axis(field, below - 1, axis=0) - lower)

    here = at(temperature)
    middle = 0.5 * (here + xp.take_along_axis(temperature, below, axis=0))
    geopotential = xp.take_along_axis(heights, below, axis=0) + planet.GAS_CONSTANT * middle * (low - place)
    return xp.concatenate([geopotential, here, at(u), at(v), surface_pressure[None]], axis=0)


def core(seed: int) -> Core:
    """Builds the simulation; needs jax and dinosaur."""
    import jax
    import jax.numpy as jnp
    from dinosaur import (
        coordinate_systems,
        held_suarez,
        primitive_equations,
        primitive_equations_states,
        scales,
        sigma_coordinates,
        spherical_harmonic,
        time_integration,
    )

    units = scales.units
    grid = spherical_harmonic.Grid.T31()
    shown = spherical_harmonic.Grid.TL31()  # the same 31 waves on 64 x 32 points
    vertical = sigma_coordinates.SigmaCoordinates.equidistant(LAYERS)
    coords = coordinate_systems.CoordinateSystem(grid, vertical)
    specs = primitive_equations.PrimitiveEquationsSpecs.from_si()
    rest, features = primitive_equations_states.isothermal_rest_atmosphere(
        coords, specs, p0=1e5 * units.pascal, p1=5e3 * units.pascal
    )
    reference = features["ref_temp_nodal" if "ref_temp_nodal" in features else "ref_temperatures"]
    equations = time_integration.compose_equations(
        [
            primitive_equations.PrimitiveEquations(
                reference, grid.to_modal(features["orography"]), coords, specs
            ),
            held_suarez.HeldSuarezForcingSigma(coords, specs, reference),
        ]
    )
    step = specs.nondimensionalize(STEP_MINUTES * units.minute)
    # Held and Suarez damp the smallest scale within 0.1 day.
    damping = time_integration.horizontal_diffusion_step_filter(
        grid, step, tau=specs.nondimensionalize(0.1 * units.day), order=4
    )
    advance = time_integration.step_with_filters(time_integration.imex_rk_sil3(equations, step), [damping])
    speed = float(specs.dimensionalize(1.0, units.meter / units.second).magnitude)
    pascal = float(specs.dimensionalize(1.0, units.pascal).magnitude)
    kelvin = float(specs.dimensionalize(1.0, units.degK).magnitude)

    def north_first(nodal):
        return jnp.swapaxes(nodal, -1, -2)[..., ::-1, :]

    def fields(state):
        u, v = spherical_harmonic.vor_div_to_uv_nodal(shown, state.vorticity, state.divergence)
        warmth = shown.to_nodal(state.temperature_variation) + reference[:, None, None]
        pressure = jnp.exp(shown.to_nodal(state.log_surface_pressure))[0] * pascal
        parts = [north_first(part) for part in (warmth * kelvin, u * speed, v * speed, pressure)]
        return interpolate(*parts, vertical.centers, jnp).astype(jnp.float32)

    def run(outputs, inner):
        over = time_integration.trajectory_from_step(advance, outputs, inner, post_process_fn=fields)
        return jax.jit(jax.vmap(over))

    def start(members):
        keys = jax.vmap(lambda m: jax.random.fold_in(jax.random.PRNGKey(seed), m))(jnp.arange(members))
        return jax.jit(jax.vmap(rest))(keys)

    hour = 60 // STEP_MINUTES
    return Core(start, run(4 * DAY_CHUNK, 6 * hour), run(24, hour))


def store(folder: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A new array in a file."""
    return np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=shape)


def simulate(plan: Plan, folder: Path) -> dict:
    """Writes `six.npy` and `hourly.npy` (member, time, field, latitude, longitude) and `plan.json`; gives the last."""
    import jax

    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    made = core(plan.seed)
    state, _ = jax.block_until_ready(made.six_hourly(made.start(plan.members)))
    ready = time.monotonic()
    print(f"simulation compiled in {ready - began:.0f} s on {jax.devices()[0]}", flush=True)
    for _ in range(plan.spinup_days // DAY_CHUNK - 1):
        state, _ = made.six_hourly(state)
    jax.block_until_ready(state)
    rate = (time.monotonic() - ready) / max(1, plan.spinup_days - DAY_CHUNK)
    chunks = plan.days // DAY_CHUNK
    if plan.seconds:
        left = plan.seconds - (time.monotonic() - began) - plan.hourly_days * rate * 1.5 - 15
        chunks = max(1, min(chunks, int(left / (rate * 1.15 * DAY_CHUNK))))
    print(f"{rate:.3f} s a day of {plan.members} members; {chunks * DAY_CHUNK} days follow", flush=True)

    shape = (planet.FIELDS, planet.LATITUDES, planet.LONGITUDES)
    six = store(folder, "six", (plan.members, chunks * DAY_CHUNK * 4, *shape))
    for chunk in range(chunks):
        state, made_fields = made.six_hourly(state)
        six[:, chunk * DAY_CHUNK * 4 : (chunk + 1) * DAY_CHUNK * 4] = np.asarray(made_fields)
    hourly = store(folder, "hourly", (plan.members, plan.hourly_days * 24, *shape))
    for day in range(plan.hourly_days):
        state, made_fields = made.hourly(state)
        hourly[:, day * 24 : (day + 1) * 24] = np.asarray(made_fields)
    if not np.isfinite(hourly[:, -1]).all():
        raise FloatingPointError("the simulation is no longer finite")
    facts = asdict(plan) | {"days": chunks * DAY_CHUNK, "device": str(jax.devices()[0])}
    facts["simulation_seconds"] = round(time.monotonic() - began, 1)
    (folder / "plan.json").write_text(json.dumps(facts))
    return facts
