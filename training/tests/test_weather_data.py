"""The dry planet: its grid, its pressure levels, its symmetries, how leads are reached, and that it keeps its air."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import netcdf_file

from strata_training.weather import card, evaluate, planet, release, samples, simulate
from strata_training.weather.data import NAMES, Sampler, mirror
from strata_training.weather.network import Forecaster
from strata_training.weather.train import SIZES, constant_maps, factor, step

REPOSITORY = Path(__file__).parents[2]


def test_grid_goes_from_north_to_south_and_its_weights_are_areas():
    degrees = planet.latitudes()
    assert (np.diff(degrees) < 0).all()
    assert degrees[0] == pytest.approx(85.7606, abs=1e-4)
    assert planet.weights().mean() == pytest.approx(1)
    assert np.allclose(planet.weights(), planet.weights()[::-1])
    assert (planet.weights() * np.sin(np.deg2rad(degrees)) ** 2).mean() == pytest.approx(1 / 3, abs=2e-3)


def test_an_isothermal_column_has_the_geopotential_of_the_barometric_formula():
    centres = (np.arange(8) + 0.5) / 8
    temperature = np.full((8, 2, 3), 250.0)
    wind = np.arange(8.0)[:, None, None] * np.ones((1, 2, 3))
    pressure = np.linspace(95_000, 104_000, 6).reshape(2, 3)
    fields = simulate.interpolate(temperature, wind, -wind, pressure, centres, np)
    assert fields.shape == (planet.FIELDS, 2, 3)
    for level in planet.LEVELS:
        right = planet.GAS_CONSTANT * 250 * np.log(pressure / (level * 100))
        assert np.allclose(fields[planet.channel("z", level)], right, rtol=1e-6, atol=1e-6)
        assert np.allclose(fields[planet.channel("t", level)], 250)
        assert np.allclose(fields[planet.channel("v", level)], -fields[planet.channel("u", level)])
    assert (fields[planet.channel("sp")] == pressure).all()
    # At a centre, a layer's own wind; below the lowest, the lowest layer's.
    at_centre = simulate.interpolate(temperature, wind, wind, np.full((2, 3), 85_000 / centres[6]), centres, np)
    assert np.allclose(at_centre[planet.channel("u", 850)], 6)
    low = simulate.interpolate(temperature, wind, wind, np.full((2, 3), 95_000.0), centres, np)
    assert np.allclose(low[planet.channel("u", 925)], 7)


def test_mirrored_twice_is_the_same_and_only_the_northward_wind_turns():
    state = torch.randn(2, planet.FIELDS, 32, 64)
    assert torch.equal(mirror(mirror(state)), state)
    v, u = NAMES.index("v500"), NAMES.index("u500")
    assert torch.equal(mirror(state)[:, v], -state[:, v].flip(-2))
    assert torch.equal(mirror(state)[:, u], state[:, u].flip(-2))


def test_drawn_states_follow_each_other():
    time = torch.arange(10.0)[None, :, None, None, None].expand(3, 10, planet.FIELDS, 32, 64)
    sampler = Sampler(time, 2, range(1, 3), 16, 2, torch.Generator().manual_seed(0))
    first, second, third = (state[:, 0].mean((1, 2)) for state in sampler.draw())
    assert torch.equal(second - first, torch.full((16,), 2.0))
    assert torch.equal(third - first, torch.full((16,), 4.0))
    assert first.unique().numel() > 2


def test_leads_are_reached_by_the_longest_steps():
    models = {24: None, 6: None, 3: None, 1: None}
    assert evaluate.greedy(models, 56) == [24, 24, 6, 1, 1]
    assert evaluate.greedy(models, 23) == [6, 6, 6, 3, 1, 1]


def test_horizon_is_where_the_correlation_falls_below():
    leads = [24, 48, 72]
    assert evaluate.horizon(np.array([[0.9, 0.7, 0.5]]), leads) == pytest.approx(2.5)
    assert evaluate.horizon(np.array([[0.9, 0.8, 0.7]]), leads) == 3
    middle, low, high = evaluate.bootstrap(np.array([[0.9, 0.7, 0.5], [0.9, 0.8, 0.6]] * 20), leads)
    assert low <= middle <= high


def test_persistence_scores_as_persistence():
    class Still(torch.nn.Module):
        def forward(self, upper, surface):
            return upper, surface

    walk = torch.randn(2, 12, planet.FIELDS, 32, 64, generator=torch.Generator().manual_seed(2)).cumsum(1)
    from strata_training.weather.data import Statistics

    found = Statistics(torch.zeros(29), torch.ones(29), {}, torch.zeros(29, 32))
    table = evaluate.score({24: Still(), 6: Still()}, walk, 6, range(2), [6, 24, 36], found, 1).table()
    assert table["rmse_model"] == table["rmse_persistence"]
    assert table["rmse_model"][0][0] == pytest.approx(1, rel=0.05)
    assert table["rmse_model"][1][0] == pytest.approx(2, rel=0.05)


def test_learning_rate_rises_and_falls():
    assert factor(0) == 0
    assert factor(0.03) == pytest.approx(1)
    assert factor(1) == pytest.approx(0.01)


def test_a_new_network_changes_nothing_much():
    model = Forecaster(SIZES)
    model.maps.copy_(constant_maps())
    with torch.no_grad():
        state = torch.randn(1, planet.FIELDS, 32, 64)
        assert (step(model, state) - state).abs().mean() < 1


def test_card_of_the_public_files_names_their_grid_and_licence():
    import tomllib

    text = tomllib.loads(card.toml(card.pangu(6)))
    assert text["licence"] == "CC-BY-NC-SA-4.0"
    assert text["preprocess"]["step_hours"] == 6
    assert text["preprocess"]["ports"][0]["levels"][0] == 1000
    assert text["inputs"][0]["shape"] == [5, 13, 721, 1440]


def test_times_are_whole_and_begin_in_year_one():
    assert samples.times(2) == ["0001-01-01T00:00:00", "0001-01-01T12:00:00", "0001-01-02T00:00:00"]


@pytest.mark.parametrize("hours", [24, 6, 3, 1])
def test_shipped_files_give_their_golden_example(hours):
    from strata_training.weather import export

    folder = REPOSITORY / "shared-models" / f"dry-planet-{hours}"
    example = json.loads((folder / "golden.json").read_text())
    read = lambda part: np.array(part["data"], np.float32).reshape(part["shape"])
    run = export.session((folder / f"dry-planet-{hours}.onnx").read_bytes())
    said = run.run(None, {name: read(part) for name, part in example["inputs"].items()})
    for values, name in zip(said, export.OUTPUTS, strict=True):
        assert np.abs(values - read(example["outputs"][name])).max() < release.TOLERANCE


def test_shipped_sample_is_forecast_better_than_by_persistence():
    from strata_training.weather import export

    def read(name: str, time: int) -> list[np.ndarray]:
        with netcdf_file(REPOSITORY / "datasets" / "weather" / f"{name}.nc", mmap=False) as file:
            fields = {v: file.variables[v][time].astype(np.float32) for v in (*planet.UPPER, *planet.SURFACE)}
        return [np.stack([fields[v] for v in part]) for part in (planet.UPPER, planet.SURFACE)]

    start = dict(zip(export.INPUTS, read("analysis", 0), strict=True))
    run = export.session((REPOSITORY / "shared-models/dry-planet-24/dry-planet-24.onnx").read_bytes())
    upper, surface = run.run(None, start)
    right = read("truth", 1)
    for said, truth, first in zip((upper, surface), right, start.values(), strict=True):
        error, still = (((part - truth) ** 2).mean((-2, -1)) for part in (said, first))
        assert (error < 0.2 * still).all()


def test_the_simulation_keeps_its_air():
    pytest.importorskip("jax")
    pytest.importorskip("dinosaur")
    core = simulate.core(5)
    _, fields = core.hourly(core.start(2))
    fields = np.asarray(fields)
    assert fields.shape == (2, 24, planet.FIELDS, 32, 64)
    pressure = (fields[:, :, -1].mean(-1) * planet.weights()).mean(-1)
    assert np.abs(pressure / pressure[:, :1] - 1).max() < 1e-4
    assert not np.allclose(fields[0, 0, -1], fields[1, 0, -1]), "members begin alike"
