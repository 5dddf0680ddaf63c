// Charts through time as SVG: a line, or the quantiles of an ensemble; arrows for the wind's direction.

import { ticks } from "./colours.js";
import { el, svg } from "./dom.js";
import { t } from "./words.js";

const WIDTH = 372;
const HEIGHT = 104;
const LEFT = 40;
const RIGHT = 6;
const TOP = 6;
const BOTTOM = 18;

/// The value that a share of sorted values lies below, linear between them.
function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return low + 1 < sorted.length ? sorted[low] * (1 - (at - low)) + sorted[low + 1] * (at - low) : sorted[low];
}

/// A chart of `{title, hours, series, days: {begin, earth}, now, zero, onstep}`; each series is a member's values, null where
/// missing. Gives `{node, move(hours)}`.
export function fanChart(chart, extra = 0) {
  const { title, hours, series, days, zero } = chart;
  const there = series.flat().filter((value) => value !== null);
  let [least, most] = there.length > 0 ? [Math.min(...there), Math.max(...there)] : [0, 1];
  if (zero) least = 0;
  if (most - least < 1) [least, most] = [least - (zero ? 0 : 0.5), most + 0.5];
  const pad = (most - least) * 0.06;
  [least, most] = [zero ? 0 : least - pad, most + pad];
  const [first, last] = [hours[0], hours.at(-1)];
  const x = (hour) => LEFT + ((hour - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((most - value) / (most - least)) * (HEIGHT - TOP - BOTTOM);
  const height = HEIGHT + extra;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": title });
  for (const tick of ticks(least, most, 4)) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }));
    const label = svg("text", { x: LEFT - 5, y: y(tick) + 3.5, "text-anchor": "end" });
    label.textContent = String(Math.round(tick * 100) / 100);
    picture.append(label);
  }
  dayLines(picture, { first, last, x, days, height });
  draw(picture, { hours, series, x, y });
  const cursor = svg("line", { class: "now", y1: TOP, y2: HEIGHT - BOTTOM });
  picture.append(cursor);
  const move = (hour) => {
    const inside = hour >= first && hour <= last;
    cursor.setAttribute("visibility", inside ? "visible" : "hidden");
    cursor.setAttribute("x1", x(hour));
    cursor.setAttribute("x2", x(hour));
  };
  move(chart.now ?? first);
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    chart.onstep?.(first + ((at - LEFT) / (WIDTH - LEFT - RIGHT)) * (last - first));
  });
  const node = el("figure", { class: "chart" }, el("figcaption", { text: title }));
  node.append(picture);
  return { node, picture, move, x };
}

/// Begins of days: dates on Earth, else days of the model; named as often as there is room.
function dayLines(picture, { first, last, x, days, height }) {
  const offset = days.earth ? (days.begin / 3600) % 24 : 0;
  const begins = [];
  for (let hour = Math.ceil((first + offset) / 24) * 24 - offset; hour <= last; hour += 24) begins.push(hour);
  const every = Math.ceil(begins.length / 8);
  for (const [n, hour] of begins.entries()) {
    picture.append(svg("line", { class: "day", x1: x(hour), x2: x(hour), y1: TOP, y2: HEIGHT - BOTTOM }));
    if (n % every !== 0 || x(hour) > WIDTH - 24) continue;
    const date = new Date((days.begin + hour * 3600) * 1000);
    const label = svg("text", { x: x(hour), y: height - 4, "text-anchor": "middle" });
    label.textContent = days.earth ? `${date.getUTCMonth() + 1}/${date.getUTCDate()}` : `${Math.round(hour / 24)} d`;
    picture.append(label);
  }
}

function draw(picture, { hours, series, x, y }) {
  const line = (values, kind) => {
    let path = "";
    let pen = false;
    for (const [at, value] of values.entries()) {
      if (value === null || value !== value) pen = false;
      else {
        path += `${pen ? "L" : "M"}${x(hours[at]).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = true;
      }
    }
    picture.append(svg("path", { class: kind, d: path }));
  };
  if (series.length < 3) {
    for (const values of series) line(values, "line");
    return;
  }
  const sorted = hours.map((_, at) => {
    const values = series.map((values) => values[at]);
    return values.includes(null) ? null : values.sort((a, b) => a - b);
  });
  const band = (low, high, kind) => {
    const there = sorted.flatMap((values, at) => (values ? [[x(hours[at]), values]] : []));
    const edge = (share) => there.map(([px, values]) => `${px.toFixed(1)} ${y(quantile(values, share)).toFixed(1)}`);
    if (there.length > 1) picture.append(svg("path", { class: kind, d: `M${[...edge(high), ...edge(low).reverse()].join("L")}Z` }));
  };
  band(0.1, 0.9, "wide");
  band(0.25, 0.75, "narrow");
  line(sorted.map((values) => (values ? quantile(values, 0.5) : null)), "middle");
  line(series[0], "control");
}

/// A chart of a wind's speed with arrows that show where it blows to.
export function windChart(chart, directions) {
  const drawn = fanChart(chart, 18);
  const { hours } = chart;
  const every = Math.max(1, Math.ceil(hours.length / 22));
  for (let at = 0; at < hours.length; at += every) {
    const direction = directions[at];
    if (direction === null) continue;
    const turn = `translate(${drawn.x(hours[at]).toFixed(1)} ${HEIGHT - BOTTOM + 10}) rotate(${(direction + 180).toFixed(0)})`;
    drawn.picture.append(svg("path", { class: "arrow", d: "M0 6V-6M-3 -2 0 -6 3 -2", transform: turn }));
  }
  drawn.picture.setAttribute("aria-label", `${chart.title}; ${t("var.wind_direction")}`);
  return drawn;
}
