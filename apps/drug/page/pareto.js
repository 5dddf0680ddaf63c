// A scatter plot of analogues over two of their values, the Pareto front in colour. Points are chosen by
// pointer or keyboard: arrow keys move along the horizontal axis.

import { el, svg } from "./dom.js";
import { frame as framed, HEIGHT, range, tick, WIDTH } from "./plot.js";
import { t } from "./words.js";

export class Pareto {
  /// `points` are `{row, front, label, start, at: {axis: value}}`; `onpick(row)` when one is chosen.
  constructor({ points, axes, onpick }) {
    Object.assign(this, { points, axes, onpick });
    [this.x, this.y] = [axes[0], axes[1] ?? axes[0]];
    this.place = el("div", { class: "pareto" });
    this.figure = el("figure", {}, this.choosers(), this.place, el("figcaption", { class: "soft small", text: t("pareto.caption") }));
    this.draw();
  }

  choosers() {
    const chooser = (end) => {
      const options = this.axes.map((axis) => el("option", { value: axis, text: name(axis), selected: axis === this[end] }));
      const onchange = (event) => {
        this[end] = event.target.value;
        this.draw();
      };
      return el("label", {}, el("span", { text: t(`pareto.${end}`) }), el("select", { onchange }, ...options));
    };
    return el("div", { class: "row axes" }, chooser("x"), chooser("y"));
  }

  draw() {
    const value = (point, axis) => point.at[axis];
    const shown = this.points.filter((point) => [this.x, this.y].every((axis) => Number.isFinite(value(point, axis))));
    this.dots = [];
    if (shown.length === 0) {
      this.place.replaceChildren(el("p", { text: t("pareto.none") }));
      return;
    }
    const across = range(shown.map((point) => value(point, this.x)));
    const up = range(shown.map((point) => value(point, this.y)));
    const { group: frame, right, down } = framed({ across, up, x: name(this.x), y: name(this.y) });
    const list = svg("g", { role: "listbox", "aria-label": t("pareto.points", { x: name(this.x), y: name(this.y) }), "aria-orientation": "horizontal" });
    // The front lies above the others; along the axis is how the keys move.
    const found = shown.map((point) => ({ point, x: right(value(point, this.x)), y: down(value(point, this.y)) }));
    for (const { point, x, y } of found.filter((one) => one.point.start)) {
      frame.append(svg("path", { class: "start", d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12` }));
    }
    const rows = found.filter((one) => one.point.row).sort((a, b) => a.x - b.x || b.y - a.y);
    for (const { point, x, y } of [...rows.filter((one) => !one.point.front), ...rows.filter((one) => one.point.front)]) {
      const text = `${point.label}, ${name(this.x)} ${tick(value(point, this.x))}, ${name(this.y)} ${tick(value(point, this.y))}${point.front ? `, ${t("pareto.front")}` : ""}`;
      const dot = svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: point.front ? 6 : 4, class: point.front ? "point front" : "point", role: "option", tabindex: -1, "aria-selected": "false", "aria-label": text });
      dot.append(svg("title", {}, text));
      dot.addEventListener("click", () => this.pick(point.row, { tell: true }));
      list.append(dot);
      this.dots.push({ dot, row: point.row, x });
    }
    this.dots.sort((a, b) => a.x - b.x);
    list.addEventListener("keydown", (event) => this.key(event));
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": t("pareto.title") });
    picture.append(frame, list);
    this.list = list;
    this.place.replaceChildren(picture);
    this.mark(this.row ?? this.dots[0]?.row);
  }

  key(event) {
    const at = this.dots.findIndex(({ row }) => row === this.row);
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = this.dots[Math.min(this.dots.length - 1, Math.max(0, at + step))];
    this.pick(next.row, { tell: true });
    this.dots.find(({ row }) => row === next.row)?.dot.focus();
  }

  /// Marks a row; with `tell` whoever made the plot hears of it.
  pick(row, { tell = false } = {}) {
    this.mark(row);
    if (tell) this.onpick(row);
  }

  mark(row) {
    this.row = row;
    const here = this.dots.some((one) => one.row === row);
    this.dots.forEach(({ dot, row: own }, at) => {
      const chosen = own === row;
      dot.setAttribute("aria-selected", String(chosen));
      // One point takes part in the order of the Tab key.
      dot.setAttribute("tabindex", chosen || (!here && at === 0) ? 0 : -1);
    });
  }
}

const name = (axis) => (axis === "similarity" ? t("pareto.similarity") : axis === "fitness" ? t("pareto.fitness") : axis);
