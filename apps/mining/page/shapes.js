// Zones over a picture: the SVG of areas and lines in shares of its width and height.

import { svg } from "./dom.js";

/// The points of a zone.
export const pointsOf = (zone) => zone.polygon ?? zone.line ?? [];

/// The zones in shares of the picture: those in pixels are divided by its size.
export function relative(zones, width, height) {
  const share = ([x, y]) => [x / width, y / height];
  return zones.map((zone) => {
    if (zone.units !== "px") return zone;
    const { units, ...rest } = zone;
    if (zone.polygon) return { ...rest, polygon: zone.polygon.map(share) };
    return { ...rest, line: zone.line.map(share) };
  });
}

/// Draws zones into an SVG whose picture is 1 wide and 1 high.
export function drawZones(into, zones, chosen) {
  into.setAttribute("viewBox", "0 0 1 1");
  into.setAttribute("preserveAspectRatio", "none");
  const shapes = zones.map((zone) => {
    const kind = `zone-shape${zone.shared ? " shared" : ""}${zone === chosen ? " chosen" : ""}`;
    if (zone.line) {
      const [[x1, y1], [x2, y2]] = zone.line;
      return svg("line", { class: kind, x1, y1, x2, y2 });
    }
    return svg("polygon", { class: kind, points: pointsOf(zone).map(([x, y]) => `${x},${y}`).join(" ") });
  });
  into.replaceChildren(...shapes);
}
