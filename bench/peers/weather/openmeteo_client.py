"""Asks a running `strata-weather serve` through the public Open-Meteo client, and compares with direct interpolation.

    pip install openmeteo-requests openmeteo-sdk xarray netCDF4
    strata-weather serve --weather-data FOLDER        (a folder that holds FILE alone)
    python3 openmeteo_client.py http://127.0.0.1:8080 FILE.nc [POINTS]

FILE is the forecast that is served: NetCDF on latitudes and longitudes around the globe, with t, u and v at 850 hPa. For each random
point temperature, wind speed and wind direction at all hours are asked for as JSON and as FlatBuffers, and compared with NumPy's own
bilinear interpolation of the file; the largest differences and the times of requests are printed. Exits 1 above 1e-4 (of °C, m/s;
1e-2 ° for directions of winds above 1 m/s).
"""

import http.client
import json
import sys
import time
from urllib.parse import urlencode, urlsplit

import numpy as np
import openmeteo_requests
import xarray as xr

base, path = sys.argv[1], sys.argv[2]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
data = xr.open_dataset(path, decode_timedelta=True).isel(time=0)
if "number" in data.dims:
    data = data.isel(number=0)
data = data.sel(level=850)
lats, lons = data.latitude.values, data.longitude.values
steps = (data.prediction_timedelta.values / np.timedelta64(1, "h")).astype(float)
fields = {name: data[name].values.astype(np.float64) for name in "tuv"}
order = np.argsort(lats)


def series(name, lat, lon):
    """The value at each step, between the four points around."""
    low = int(np.searchsorted(lats[order], lat, side="right")) - 1
    low = min(max(low, 0), len(lats) - 2)
    a, b = order[low], order[low + 1]
    y = (lat - lats[a]) / (lats[b] - lats[a])
    width = 360 / len(lons)
    column = (lon - lons[0]) % 360 / width
    c, x = int(column) % len(lons), column % 1
    d = (c + 1) % len(lons)
    f = fields[name]
    return (f[:, a, c] * (1 - x) + f[:, a, d] * x) * (1 - y) + (f[:, b, c] * (1 - x) + f[:, b, d] * x) * y


def expected(lat, lon):
    hours = np.arange(steps[0], steps[-1] + 1)
    t, u, v = (np.interp(hours, steps, series(name, lat, lon)) for name in "tuv")
    return t - 273.15, np.hypot(u, v), np.degrees(np.arctan2(-u, -v)) % 360


begin = np.datetime64(str(data.time.values).replace(" ", "T")[:13], "h")
hour = lambda step: str(begin + np.timedelta64(int(step), "h")) + ":00"
names = ["temperature_850hPa", "wind_speed_850hPa", "wind_direction_850hPa"]
more = {"wind_speed_unit": "ms", "start_hour": hour(steps[0]), "end_hour": hour(steps[-1])}
client = openmeteo_requests.Client()
address = urlsplit(base)
plain = http.client.HTTPConnection(address.hostname, address.port)
random = np.random.default_rng(1)
worst = np.zeros((2, 3))
took = {"json": [], "flatbuffers": [], "flatbuffers, with the client": []}


def fetch(ask, kind):
    """A request on the kept connection, timed."""
    started = time.perf_counter()
    plain.request("GET", "/v1/forecast?" + urlencode(ask))
    body = plain.getresponse().read()
    took[kind].append(time.perf_counter() - started)
    return body


inside = np.abs(lats).max()
for _ in range(count):
    lat = round(float(np.degrees(np.arcsin(random.uniform(-1, 1)))), 4)
    lat = min(max(lat, -inside), inside)
    lon = round(float(random.uniform(-180, 180)), 4)
    want = expected(lat, lon)
    ask = {"latitude": lat, "longitude": lon, "hourly": ",".join(names), **more}
    body = fetch(ask, "json")
    fetch({**ask, "format": "flatbuffers"}, "flatbuffers")
    reply = json.loads(body)
    as_json = [np.array(reply["hourly"][name], float) for name in names]
    started = time.perf_counter()
    response = client.weather_api(base + "/v1/forecast", params={**ask, "hourly": names})[0]
    took["flatbuffers, with the client"].append(time.perf_counter() - started)
    hourly = response.Hourly()
    assert hourly.VariablesLength() == 3 and hourly.Interval() == 3600
    assert (hourly.TimeEnd() - hourly.Time()) // 3600 == len(want[0])
    as_flat = [hourly.Variables(at).ValuesAsNumpy().astype(float) for at in range(3)]
    for form, got in enumerate((as_json, as_flat)):
        for at in range(3):
            apart = np.abs(got[at] - want[at])
            if at == 2:
                apart = np.minimum(apart, 360 - apart)[want[1] > 1]
            worst[form, at] = max(worst[form, at], apart.max(initial=0))

print(f"{count} points, {len(want[0])} hours, {len(names)} variables")
for form, name in enumerate(("json", "flatbuffers")):
    print(f"{name}: largest differences", " ".join(f"{v} {w:.2e}" for v, w in zip(names, worst[form])))
for name, times in took.items():
    p50, p95, p99 = np.percentile(np.array(times) * 1000, (50, 95, 99))
    print(f"{name}: p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms")
sys.exit(int(worst[:, :2].max() > 1e-4 or worst[:, 2].max() > 1e-2))
