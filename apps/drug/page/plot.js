// The axes of a plot of two values: a frame with round ticks, and where a value lies in it.

import { svg } from "./dom.js";

export const [WIDTH, HEIGHT, LEFT, BELOW, RIM] = [560, 400, 62, 50, 16];

/// A number with the digits a tick needs.
export const tick = (value) => String(Number(value.toPrecision(3))).replace("-", "\u2212");

/// About five round numbers from low to high.
function ticks(low, high) {
  const rough = (high - low) / 6;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((one) => one >= rough);
  const marks = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) marks.push(at * step);
  return marks;
}

/// The ends of values, with some room.
export function range(values) {
  const [low, high] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const room = high > low ? (high - low) * 0.04 : 0.5;
  return [low - room, high + room];
}

/// A frame for values from `across` and `up` (each low and high), with the names of the axes; and the place of a value.
export function frame({ across, up, x, y }) {
  const right = (value) => LEFT + ((value - across[0]) / (across[1] - across[0])) * (WIDTH - LEFT - RIM);
  const down = (value) => RIM + (1 - (value - up[0]) / (up[1] - up[0])) * (HEIGHT - BELOW - RIM);
  const group = svg("g", { "aria-hidden": "true" });
  for (const value of ticks(...across)) {
    group.append(svg("path", { class: "grid", d: `M${right(value)} ${RIM}V${HEIGHT - BELOW}` }), label(right(value), HEIGHT - BELOW + 18, "middle", tick(value)));
  }
  for (const value of ticks(...up)) {
    group.append(svg("path", { class: "grid", d: `M${LEFT} ${down(value)}H${WIDTH - RIM}` }), label(LEFT - 8, down(value) + 4, "end", tick(value)));
  }
  group.append(svg("path", { class: "axis", d: `M${LEFT} ${RIM}V${HEIGHT - BELOW}H${WIDTH - RIM}` }));
  group.append(label((LEFT + WIDTH - RIM) / 2, HEIGHT - 8, "middle", x, "title"));
  const side = label(0, 0, "middle", y, "title");
  side.setAttribute("transform", `translate(14 ${(RIM + HEIGHT - BELOW) / 2}) rotate(-90)`);
  group.append(side);
  return { group, right, down };
}

function label(x, y, anchor, text, kind = "") {
  return svg("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor, class: kind }, text);
}
