"""Writes `card.toml` of the weather models: the dry planet's four and the four public ones that are only described."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from ..vision.card import Figure, table, value
from . import planet

PANGU_LEVELS = (1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50)
PANGU_BYTES = 1_181_711_187
PANGU_SHA256 = {
    24: "613a5c140a1399abcaffb4dbce32af373a1f5f56c515704f5be61925bb9fdcfd",
    6: "8a4c022a7dd65fdc235757ba907574bc9a1fc0223a2ea4a4800961a52f475e97",
    3: "57533942f1c8b3f02b8d9ac26e89852ebdf9682cdc66edd7402f536c0778699a",
    1: "179e5029c453ae459dfd52f14610a6c5f5ad39f1371985744ea0ce6c546fda2a",
}
# The weather centre's mirror has the two that its own program uses; the other two are at Hugging Face.
PANGU_URL = {
    hours: f"https://get.ecmwf.int/repository/test-data/ai-models/pangu-weather/pangu_weather_{hours}.onnx"
    if hours in (24, 6)
    else f"https://huggingface.co/NickGeneva/earth_ai/resolve/main/pangu/pangu_weather_{hours}.onnx"
    for hours in PANGU_SHA256
}
PANGU_PUBLISHED = (("z500", 134.5, 296.7), ("t850", 1.14, 1.79), ("2t", 1.05, 1.53), ("10u", 1.61, 2.53))


@dataclass(frozen=True)
class Grid:
    """Grid and fields of a family of models."""

    family: str
    planet: str
    kind: str
    latitudes: int
    longitudes: int
    variables: tuple[str, ...]
    levels: tuple[int, ...]
    surface: tuple[str, ...]


DRY = Grid(
    "dry-planet", planet.NAME, "gaussian", planet.LATITUDES, planet.LONGITUDES, planet.UPPER, planet.LEVELS,
    planet.SURFACE,
)  # fmt: skip
PANGU = Grid(
    "pangu-weather", "earth", "regular", 721, 1440, ("z", "q", "t", "u", "v"), PANGU_LEVELS,
    ("msl", "10u", "10v", "2t"),
)  # fmt: skip
UNITS = planet.UNITS | {"q": "kg kg-1", "msl": "Pa", "10u": "m s-1", "10v": "m s-1", "2t": "K"}


@dataclass
class Model:
    """What a card says; a file is its path, size, SHA-256, role and perhaps address."""

    name: str
    title: str
    description: str
    version: str
    licence: str
    source: dict
    hours: int
    grid: Grid
    files: list[dict]
    training: dict
    figures: list[Figure] = field(default_factory=list)
    tolerance: float | None = None


def digest(folder: Path, path: str, role: str) -> dict:
    """A file that is there."""
    raw = (folder / path).read_bytes()
    return {"path": path, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), "role": role}


def ports(grid: Grid, when: str) -> list[dict]:
    """Both ports, as input (`when` empty) or output."""
    side = "output" if when else "input"
    cells = [grid.latitudes, grid.longitudes]
    upper = ", ".join(grid.variables)
    levels = " ".join(map(str, grid.levels))
    order = "latitudes from north to south, longitudes from 0 E eastwards"
    return [
        {
            "name": side,
            "dtype": "float32",
            "shape": [len(grid.variables), len(grid.levels), *cells],
            "unit": ", ".join(UNITS[v] for v in grid.variables),
            "meaning": f"{upper} at {levels} hPa{when}; {order}",
        },
        {
            "name": f"{side}_surface",
            "dtype": "float32",
            "shape": [len(grid.surface), *cells],
            "unit": ", ".join(UNITS[v] for v in grid.surface),
            "meaning": f"{', '.join(grid.surface)}{when}; {order}",
        },
    ]


def toml(model: Model) -> str:
    """The card."""
    grid = model.grid
    head = {"name": model.name, "layer": "foundation", "kind": "prediction", "task": "forecast"}
    head |= {"title": model.title, "description": model.description}
    head |= {"version": model.version, "licence": model.licence}
    parts = ["\n".join(f"{key} = {value(item)}" for key, item in head.items()) + "\n", table("[source]", model.source)]
    parts += [table("[[files]]", file) for file in model.files]
    parts += [table("[[inputs]]", port) for port in ports(grid, "")]
    parts += [table("[[outputs]]", port) for port in ports(grid, f", {model.hours} h later")]
    kit = {"kit": "earth/1", "family": grid.family, "planet": grid.planet, "step_hours": model.hours}
    parts.append(table("[preprocess]", kit))
    cells = {"kind": grid.kind, "latitudes": grid.latitudes, "longitudes": grid.longitudes}
    parts.append(table("[preprocess.grid]", cells))
    upper = {"input": "input", "output": "output", "axes": ["variable", "level", "latitude", "longitude"]}
    upper |= {"variables": list(grid.variables), "levels": list(grid.levels)}
    surface = {"input": "input_surface", "output": "output_surface", "axes": ["variable", "latitude", "longitude"]}
    parts += [table("[[preprocess.ports]]", port) for port in (upper, surface | {"variables": list(grid.surface)})]
    parts.append(table("[postprocess]", {"head": "forecast"}))
    file = model.files[0]["path"]
    parts.append(table("[[variants]]", {"name": "fp32", "file": file, "precision": "fp32", "latency": "balanced"}))
    parts.append(table("[training]", model.training))
    for f in model.figures:
        pairs = {"dataset": f.dataset, "split": f.split, "seed": f.seed, "metric": f.metric}
        pairs |= {"value": round(float(f.value), 5)} | ({"n": f.n} if f.n else {}) | {"note": f.note}
        parts.append(table("[[figures]]", pairs))
    if model.tolerance is not None:
        parts.append(table("[golden]", {"file": "golden.json", "tolerance": model.tolerance}))
    return "\n".join(parts)


def pangu(hours: int) -> Model:
    """The public facts of one Pangu-Weather file; the user fetches it, and its licence forbids commercial use."""
    file = {"path": f"pangu_weather_{hours}.onnx", "bytes": PANGU_BYTES, "sha256": PANGU_SHA256[hours], "role": "model"}
    made = Model(
        name=f"pangu-weather-{hours}",
        title=f"Pangu-Weather, {hours} h",
        description=f"The Earth's weather {hours} h later, at 0.25 degrees, 13 pressure levels and the surface (Bi et "
        "al. 2023, Nature 619). Not part of Strata: its weights are for non-commercial use, and the user fetches them.",
        version="1.0.0",
        licence="CC-BY-NC-SA-4.0",
        source={"url": "https://github.com/198808xc/Pangu-Weather", "revision": "72bdd990"},
        hours=hours,
        grid=PANGU,
        files=[file | {"url": PANGU_URL[hours]}],
        training={"data": "ERA5 reanalysis, 1979 to 2017 (as published)", "licence": "Copernicus licence",
                  "split": "2019 valid, 2018 test (as published)"},
    )  # fmt: skip
    if hours == 24:
        for name, three, five in PANGU_PUBLISHED:
            for days, error in ((3, three), (5, five)):
                note = f"published, not measured here; {name} at {days} d, with the other steps' models"
                made.figures.append(Figure("ERA5", "2018, as published", f"RMSE {name} {days} d", error, 0, note))
    return made


def write_pangu(out: Path) -> None:
    """The four cards."""
    for hours in PANGU_SHA256:
        model = pangu(hours)
        (out / model.name).mkdir(parents=True, exist_ok=True)
        (out / model.name / "card.toml").write_text(toml(model), encoding="utf-8")
