"""Packs coastlines and borders for maps: `python3 make_coastlines.py world-atlas/ coastlines.bin`.

Reads `land-50m.json` and `countries-50m.json` of the npm package world-atlas 2.0.2 (`npm pack world-atlas`), which is
Natural Earth 1:50 million as TopoJSON. Needs Python alone. Lines are simplified by Douglas and Peucker, small islands left
out. The file, all of it deflated (zlib):

    "STRCOAST" u8 version=1, varint rings, varint borders; then for each line: varint points, and each point's
    longitude and latitude in hundredths of a degree as zigzag varints, differences from the point before.

Rings are land (outer and inner) and closed; where they cross 180 E their longitudes go on beyond. Their edges along 180 E and
90 S are no coast. Borders are lines between two
countries.
"""

import json
import sys
import zlib
from pathlib import Path

TOLERANCE = 0.02  # degrees
SMALLEST = 0.01  # square degrees


def arcs(topology):
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    out = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        out.append(points)
    return out


def line(indices, lines):
    points = []
    for at in indices:
        part = lines[at] if at >= 0 else lines[~at][::-1]
        points += part[1:] if points else part
    return points


def geometries(geometry):
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from geometries(part)
    elif geometry["type"] == "Polygon":
        yield geometry["arcs"]
    elif geometry["type"] == "MultiPolygon":
        yield from geometry["arcs"]


def simplified(points, tolerance):
    """Douglas and Peucker, without recursion."""
    keep = [False] * len(points)
    keep[0] = keep[-1] = True
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        (x0, y0), (x1, y1) = points[first], points[last]
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        most, where = 0.0, None
        for at in range(first + 1, last):
            px, py = points[at][0] - x0, points[at][1] - y0
            t = min(1.0, max(0.0, (px * dx + py * dy) / length)) if length else 0.0
            apart = (px - t * dx) ** 2 + (py - t * dy) ** 2
            if apart > most:
                most, where = apart, at
        if where is not None and most > tolerance * tolerance:
            keep[where] = True
            stack += [(first, where), (where, last)]
    return [point for point, kept in zip(points, keep) if kept]


def ring_simplified(points):
    # A ring's ends are one point: it is cut where it is farthest from there.
    x0, y0 = points[0]
    far = max(range(len(points)), key=lambda at: (points[at][0] - x0) ** 2 + (points[at][1] - y0) ** 2)
    return simplified(points[: far + 1], TOLERANCE) + simplified(points[far:], TOLERANCE)[1:]


def unwrapped(points):
    """A ring without jumps at 180 E, most of it between 180 W and 180 E; one around a pole goes on along 90 S."""
    out, before, turns = [], None, 0
    for x, y in points:
        if before is not None:
            turns -= round((x - before) / 360) * 360
        before = x
        out.append((x + turns, y))
    if abs(out[-1][0] - out[0][0]) > 180:
        out += [(out[-1][0], -90.0), (out[0][0], -90.0), out[0]]
    middle = (min(x for x, _ in out) + max(x for x, _ in out)) / 2
    shift = round(middle / 360) * 360
    return [(x - shift, y) for x, y in out]


def area(points):
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:]))) / 2


def varint(value, out):
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def packed(points, out):
    whole = []
    for x, y in points:
        point = (round(x * 100), round(y * 100))
        if not whole or whole[-1] != point:
            whole.append(point)
    varint(len(whole), out)
    before = (0, 0)
    for point in whole:
        for value, last in zip(point, before):
            step = value - last
            varint(step * 2 if step >= 0 else -step * 2 - 1, out)
        before = point
    return len(whole)


source, target = Path(sys.argv[1]), Path(sys.argv[2])
land = json.loads((source / "land-50m.json").read_text())
lines = arcs(land)
rings = [line(ring, lines) for polygon in geometries(land["objects"]["land"]) for ring in polygon]
# What lies wholly at the pole is the sheet's edge.
rings = [unwrapped(ring) for ring in rings if max(y for _, y in ring) > -89.9]
rings = [ring_simplified(ring) for ring in rings if area(ring) >= SMALLEST]
rings = [ring for ring in rings if len(ring) >= 4]

countries = json.loads((source / "countries-50m.json").read_text())
uses = {}
for number, country in enumerate(countries["objects"]["countries"]["geometries"]):
    for polygon in geometries(country):
        for ring in polygon:
            for at in ring:
                uses.setdefault(at if at >= 0 else ~at, set()).add(number)
lines = arcs(countries)
borders = [simplified(lines[at], TOLERANCE) for at, users in sorted(uses.items()) if len(users) > 1]

out = bytearray()
varint(len(rings), out)
varint(len(borders), out)
count = sum(packed(points, out) for points in rings + borders)
data = zlib.compress(b"STRCOAST\x01" + bytes(out), 9)
target.write_bytes(data)
print(f"{len(rings)} rings, {len(borders)} borders, {count} points, {len(data)} bytes")
