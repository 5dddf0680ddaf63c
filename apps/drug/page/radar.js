// A molecule's profile as a radar chart. The axes show plain values over a fixed range, with the
// range that is usual for oral drugs as a band: no axis claims that outside is better.

import { endpointTitle, write } from "./columns.js";
import { svg } from "./dom.js";
import { t } from "./words.js";

// [column, label, centre, rim, usual from, usual to, digits]. The ranges are named in `radar.refs`.
const PROPERTIES = [
  ["MolWt", "MW", 0, 700, 150, 500, 0],
  ["MolLogP", "logP", -3, 8, -0.7, 5, 1],
  ["TPSA", "TPSA", 0, 200, 20, 130, 0],
  ["NumHDonors", "HBD", 0, 8, 0, 5, 0],
  ["NumHAcceptors", "HBA", 0, 15, 0, 10, 0],
  ["QED", "QED", 0, 1, 0.5, 1, 2],
  ["SA", "SA", 1, 10, 1, 6, 1],
];

const REGRESSIONS = {
  ESOL: [-9, 2, -6, 0],
  Lipophilicity: [-3, 6, 1, 3],
};

/// Most predictions that are drawn: more axes than a dozen cannot be read.
const PREDICTIONS = 6;

const CENTRE = { x: 210, y: 158 };
const RADIUS = 104;
/// The lower ends lie on a small ring: in the centre itself, one could not tell one axis from another.
const INNER = 0.14;

/// The axes of a row: `{name, label, text, at, from, to, range}`, positions from 0 (centre) to 1.
function axesOf(result, row) {
  const axes = [];
  const add = (name, label, [low, high, from, to], column) => {
    const value = row.values[name];
    if (typeof value !== "number") return;
    const place = (x) => Math.min(1, Math.max(0, (x - low) / (high - low)));
    const open = from === undefined;
    axes.push({
      label,
      text: write(column, value),
      at: place(value),
      from: open ? 0 : place(from),
      to: open ? 1 : place(to),
      // Of probabilities the caption says it once.
      range: open || column.probability ? null : `${label} ${t("radar.range", { from: write({}, from), to: write({}, to) })}`,
      full: column.full ?? label,
    });
  };
  for (const [name, label, low, high, from, to, digits] of PROPERTIES) {
    add(name, label, [low, high, from, to], { digits });
  }
  const chosen = result.endpoints.filter(({ name }) => result.main.includes(name));
  for (const endpoint of chosen.slice(0, PREDICTIONS)) {
    const { name } = endpoint;
    const full = endpointTitle(endpoint);
    if (endpoint.task === "classification") {
      const better = endpoint.higher_is_better;
      const band = better === undefined ? [] : better ? [0.5, 1] : [0, 0.5];
      add(name, name, [0, 1, ...band], { probability: true, full });
    } else if (REGRESSIONS[name]) {
      add(name, name === "Lipophilicity" ? "logD" : "logS", REGRESSIONS[name], { digits: 1, full });
    }
  }
  return axes;
}

const point = (turn, share) => {
  const angle = turn * 2 * Math.PI - Math.PI / 2;
  const far = RADIUS * (INNER + (1 - INNER) * share);
  return [CENTRE.x + Math.cos(angle) * far, CENTRE.y + Math.sin(angle) * far];
};

const path = (points) => `M${points.map((p) => p.map((x) => x.toFixed(1)).join(" ")).join("L")}Z`;

/// The chart and its caption's ranges, or null where there are too few values.
export function radar(result, row, name) {
  const axes = axesOf(result, row);
  if (axes.length < 3) return null;
  const turn = (index) => index / axes.length;
  const ring = (share) => path(axes.map((_, index) => point(turn(index), share(index))));
  const said = axes.map((axis) => `${axis.full} ${axis.text}`).join(", ");
  const chart = svg(
    "svg",
    { viewBox: "0 0 420 316", class: "radar", role: "img", "aria-label": `${t("radar.title", { name })}: ${said}` },
  );
  // The band is what lies between two outlines: the inner one is cut out.
  const band = `${ring((i) => axes[i].to)}${ring((i) => axes[i].from)}`;
  chart.append(svg("path", { d: band, class: "band", "fill-rule": "evenodd" }));
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    chart.append(svg("path", { d: ring(() => share), class: share === 1 ? "rim" : "ring" }));
  }
  axes.forEach((_, index) => {
    const [[x1, y1], [x, y]] = [point(turn(index), 0), point(turn(index), 1)];
    chart.append(svg("line", { x1: x1.toFixed(1), y1: y1.toFixed(1), x2: x.toFixed(1), y2: y.toFixed(1), class: "ring" }));
  });
  chart.append(svg("path", { d: ring((i) => axes[i].at), class: "shape" }));
  axes.forEach((axis, index) => {
    const [x, y] = point(turn(index), axis.at);
    const outside = axis.at < axis.from - 1e-9 || axis.at > axis.to + 1e-9;
    chart.append(svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: outside ? 4.5 : 3.2, class: outside ? "dot out" : "dot" }));
    chart.append(label(axis, turn(index), outside));
  });
  return { chart, ranges: axes.map((axis) => axis.range).filter(Boolean).join(", ") };
}

function label(axis, turn, outside) {
  const [x, y] = point(turn, 1.12);
  const side = Math.cos(turn * 2 * Math.PI - Math.PI / 2);
  const anchor = Math.abs(side) < 0.15 ? "middle" : side > 0 ? "start" : "end";
  // Two lines: above the rim they end at the point, below it they begin there.
  const down = Math.sin(turn * 2 * Math.PI - Math.PI / 2);
  const shift = down < -0.7 ? -12 : down > 0.7 ? 10 : 0;
  const text = svg("text", { x: x.toFixed(1), y: (y + shift).toFixed(1), "text-anchor": anchor });
  const name = svg("tspan", { x: x.toFixed(1), class: "name" });
  name.textContent = axis.label;
  const value = svg("tspan", { x: x.toFixed(1), dy: 13, class: outside ? "value out" : "value" });
  value.textContent = axis.text;
  text.append(name, value);
  return text;
}
