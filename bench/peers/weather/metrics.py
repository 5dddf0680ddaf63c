"""Deterministic metrics, anomaly correlation and zonal spectra with xarray, as WeatherBench 2 computes them, against ours.

    python metrics.py BENCH_METRICS [--fields 1000] [--rounds 5]      # pip install xarray numpy

BENCH_METRICS is target/release/examples/bench_metrics. Both measure the same fields (121 x 240, 32 bits, in memory) in turns, on the
same two cores; files are read before the clocks start. WeatherBench 2 is not on PyPI: the formulas are its definitions, each written
with the xarray operations that it uses (weights by sine differences, `weighted().mean`, `numpy.fft.rfft`), whole arrays at a time and,
as the faster of the two, in chunks of 50 times that stay in the cache. Prints JSON with the medians and the figures of both.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import xarray as xr

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side

ROWS, COLUMNS, RADIUS = 121, 240, 6367500.0
SPACE = ["latitude", "longitude"]


def make(pairs, seed=0):
    """Smooth fields with waves of many lengths, near 5500 gpm."""
    rng = np.random.default_rng(seed)
    lats, lons = np.linspace(90, -90, ROWS), np.arange(COLUMNS) * 1.5
    base = 5500 + 300 * np.cos(2 * np.deg2rad(lats))[:, None] + 0 * lons
    k = np.arange(COLUMNS // 2 + 1)
    def draw(count):
        waves = rng.normal(size=(count, ROWS, len(k), 2)) @ [1, 1j] / (1 + k) ** 1.5 * COLUMNS * 20
        return np.fft.irfft(waves, COLUMNS, axis=-1)
    fields = np.empty((1 + 2 * pairs, ROWS, COLUMNS), "<f4")
    fields[0] = base
    for at in range(pairs):
        truth = draw(1)[0]
        fields[1 + 2 * at] = base + 0.8 * truth + 0.5 * draw(1)[0]
        fields[2 + 2 * at] = base + truth
    return fields, lats, lons


def spatial_mean(values, weights):
    return values.weighted(weights).mean(SPACE, skipna=False)


def scores(forecast, truth, usual, weights):
    error = forecast - truth
    fa, oa = forecast - usual, truth - usual
    ff, oo = spatial_mean(fa**2, weights), spatial_mean(oa**2, weights)
    fo, f, o = spatial_mean(fa * oa, weights), spatial_mean(fa, weights), spatial_mean(oa, weights)
    return xr.Dataset({
        "bias": spatial_mean(error, weights), "mae": spatial_mean(abs(error), weights), "mse": spatial_mean(error**2, weights),
        "acc": fo / np.sqrt(ff * oo), "acc_centred": (fo - f * o) / np.sqrt((ff - f**2) * (oo - o**2)),
        "activity": ff - f**2, "truth_activity": oo - o**2,
    })


def spectrum(values):
    def power(x):
        waves = np.fft.rfft(x, axis=-1, norm="forward")
        return np.real(waves * np.conj(waves)) * np.concatenate([[1], np.full(waves.shape[-1] - 1, 2)])
    out = xr.apply_ufunc(power, values, input_core_dims=[["longitude"]], output_core_dims=[["wave"]])
    return (out * 2 * np.pi * RADIUS * np.cos(np.deg2rad(values.latitude))).mean("time").transpose("latitude", "wave")


def peer(fields, lats, lons, chunk):
    coords = {"time": np.arange(len(fields) // 2), "latitude": lats, "longitude": lons}
    forecast = xr.DataArray(fields[1::2], coords, ["time", *SPACE])
    truth = xr.DataArray(fields[2::2], coords, ["time", *SPACE])
    usual = xr.DataArray(fields[0], {n: coords[n] for n in SPACE}, SPACE)
    wall, cpu = time.perf_counter(), time.process_time()
    edges = np.concatenate([[np.pi / 2], np.deg2rad((lats[:-1] + lats[1:]) / 2), [-np.pi / 2]])
    weights = xr.DataArray(-np.diff(np.sin(edges)), {"latitude": lats}, ["latitude"])
    weights = weights / weights.mean()
    parts, spectra = [], []
    for start in range(0, len(coords["time"]), chunk):
        at = slice(start, start + chunk)
        f, o = forecast.isel(time=at), truth.isel(time=at)
        parts.append(scores(f, o, usual, weights))
        spectra.append((f.sizes["time"], spectrum(f), spectrum(o)))
    mean = xr.concat(parts, "time").mean("time")
    total = sum(n for n, _, _ in spectra)
    rows = [sum(n * part[which].values for n, *part in spectra)[ROWS // 4, 5] / total for which in (0, 1)]
    figures = {n: float(mean[n]) for n in ("mae", "bias", "acc", "acc_centred")}
    figures |= {"rmse": float(mean.mse) ** 0.5, "activity": float(mean.activity) ** 0.5, "truth_activity": float(mean.truth_activity) ** 0.5,
                "spectrum_forecast": float(rows[0]), "spectrum_truth": float(rows[1])}
    return figures | {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def as_side(path, pairs, answers):
    """A side of the suite `weather`, on the first pairs of a file."""
    # The chunks in which it is fastest.
    chunk = min(pairs, 50)
    lats, lons = np.linspace(90, -90, ROWS), np.arange(COLUMNS) * 1.5
    fields = np.fromfile(path, "<f4", count=(1 + 2 * pairs) * ROWS * COLUMNS).reshape(-1, ROWS, COLUMNS)
    figures = peer(fields, lats, lons, chunk)
    took = {"seconds": figures.pop("wall"), "cpu_seconds": figures.pop("cpu")}
    names = ("rmse", "mae", "bias", "acc", "acc_centred", "activity", "truth_activity", "spectrum_forecast", "spectrum_truth")
    side.write_answers(answers, (figures[name] for name in names))
    side.report(items=pairs, **took)


def main():
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))[0].tofile(sys.argv[3])
        return
    if sys.argv[1] == "side":
        as_side(sys.argv[2], int(sys.argv[3]), sys.argv[4])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--fields", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    fields, lats, lons = make(args.fields)
    runs = {"strata": [], "strata, 1 thread": [], "xarray": [], "xarray in chunks": []}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "fields.f32"
        fields.tofile(path)
        for _ in range(args.rounds):
            for name, threads in (("strata", "2"), ("strata, 1 thread", "1")):
                done = subprocess.run([args.program, path, str(ROWS), str(COLUMNS), threads], check=True, capture_output=True)
                runs[name].append(json.loads(done.stderr))
            runs["xarray"].append(peer(fields, lats, lons, args.fields))
            runs["xarray in chunks"].append(peer(fields, lats, lons, 50))
    median = lambda name, what: statistics.median(run[what] for run in runs[name])
    report = {name: {what: round(median(name, what), 4) for what in ("wall", "cpu")} for name in runs}
    best = min(median("xarray", "wall"), median("xarray in chunks", "wall"))
    report["wall ratio"] = round(best / median("strata", "wall"), 1)
    report["cpu ratio"] = round(min(median("xarray", "cpu"), median("xarray in chunks", "cpu")) / median("strata", "cpu"), 1)
    ours, theirs = runs["strata"][0], runs["xarray"][0]
    figures = [name for name in theirs if name not in ("wall", "cpu")]
    report["figures"] = {name: [ours[name], theirs[name]] for name in figures}
    report["largest relative difference"] = max(abs(ours[n] - theirs[n]) / abs(theirs[n]) for n in figures)
    report["fields"], report["numpy"], report["xarray version"] = args.fields, np.__version__, xr.__version__
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
