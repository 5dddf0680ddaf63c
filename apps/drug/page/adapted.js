// A model that was made of measurements: its figures on the molecules set aside, a plot of them, what was left out, and
// the model's folder to take away.

import { request } from "./api.js";
import { parseCsv } from "./csv.js";
import { $, announce, el, save, served, showProblem, svg } from "./dom.js";
import { frame, HEIGHT, range, tick, WIDTH } from "./plot.js";
import { number, t } from "./words.js";
import { zip } from "./zip.js";

/// Rows listed of those left out, and of the molecules set aside.
const LISTED = 200;

const digits = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(4))).replace("-", "\u2212") : "–");
const file = (job, name) => request(`/v1/jobs/${encodeURIComponent(job.id)}/files/${encodeURIComponent(name)}`);

/// The figure that a job's card tells.
export function mainFigure(summary) {
  const figure = summary.figures?.[0];
  return figure ? `${figure.metric} ${digits(figure.value)}` : null;
}

/// Points of a ROC curve from the lowest to the highest share called positive; rows of one score are one step.
export function rocOf(rows) {
  const sorted = [...rows].sort((a, b) => b.predicted - a.predicted);
  const positives = rows.filter((row) => row.measured > 0.5).length;
  const negatives = rows.length - positives;
  const points = [[0, 0]];
  let [hits, misses] = [0, 0];
  sorted.forEach((row, at) => {
    if (row.measured > 0.5) hits += 1;
    else misses += 1;
    if (sorted[at + 1]?.predicted !== row.predicted) points.push([misses / negatives, hits / positives]);
  });
  return points;
}

export class Adapted {
  constructor(place) {
    this.place = place;
    this.job = null;
  }

  /// Fetches a job's molecules that were set aside and shows what came out.
  async show(job, { quiet = false } = {}) {
    const [head, ...records] = parseCsv(await (await file(job, "held-out.csv")).text());
    const value = (name, text) => (name === "smiles" ? text : Number(text));
    this.rows = records.map((record) => Object.fromEntries(head.map((name, at) => [name, value(name, record[at])])));
    this.job = job;
    this.draw();
    announce($("adapted-note").textContent);
    if (quiet) return;
    this.place.scrollIntoView({ block: "start" });
    this.place.focus({ preventScroll: true });
  }

  draw() {
    if (!this.job) return;
    const { summary } = this.job;
    this.place.hidden = false;
    const [train, test] = summary.parts;
    const note = [t("adapted.parts", { train, test }), summary.split, `${t("adapted.head")} ${summary.chosen}`];
    const take = el("button", { type: "button", id: "adapted-zip", text: t("adapted.zip"), onclick: () => this.take(take) });
    this.failed = el("div", { "aria-live": "assertive" });
    this.place.replaceChildren(
      el(
        "div",
        { class: "results-head" },
        el(
          "div",
          {},
          el("h2", { id: "adapted-title", text: t("adapted.title", { name: summary.name }) }),
          el("p", { id: "adapted-note", class: "soft", text: note.join(" · ") }),
        ),
        el("div", { class: "row results-tools" }, take),
      ),
      this.failed,
      el("div", { class: "front card" }, this.figure(), el("div", { class: "chosen figures" }, this.table(), ...this.remarks())),
      this.leftOut(),
      this.tried(),
      this.aside(),
    );
  }

  /// Predicted against measured, or the ROC curve.
  figure() {
    const classes = this.job.summary.task === "classification";
    const { picture, text } = classes ? this.roc() : this.scatter();
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", text);
    const caption = t(classes ? "adapted.roc.caption" : "adapted.scatter.caption");
    return el("figure", {}, el("div", { class: "pareto" }, picture), el("figcaption", { class: "soft small", text: caption }));
  }

  scatter() {
    const ends = range(this.rows.flatMap(({ measured, predicted }) => [measured, predicted]));
    const [x, y] = [t("adapted.measured"), t("adapted.predicted")];
    const { group, right, down } = frame({ across: ends, up: ends, x, y });
    const kept = (value) => Math.min(ends[1], Math.max(ends[0], value));
    const diagonal = svg("path", { class: "axis", d: `M${right(ends[0])} ${down(ends[0])}L${right(ends[1])} ${down(ends[1])}` });
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, group, diagonal);
    for (const row of this.rows) {
      const at = right(row.measured);
      if (Number.isFinite(row.lo)) picture.append(svg("path", { class: "whisker", d: `M${at} ${down(kept(row.lo))}V${down(kept(row.hi))}` }));
    }
    for (const row of this.rows) {
      const missed = row.measured < row.lo || row.measured > row.hi;
      const words = `${row.smiles}: ${x} ${tick(row.measured)}, ${y} ${tick(row.predicted)}`;
      picture.append(svg("circle", { cx: right(row.measured).toFixed(1), cy: down(row.predicted).toFixed(1), r: 4, class: missed ? "measured out" : "measured" }, svg("title", {}, words)));
    }
    return { picture, text: t("adapted.scatter", { n: this.rows.length }) };
  }

  roc() {
    const points = rocOf(this.rows);
    const { group, right, down } = frame({ across: [0, 1], up: [0, 1], x: t("adapted.false"), y: t("adapted.true") });
    const path = points.map(([x, y], at) => `${at === 0 ? "M" : "L"}${right(x).toFixed(1)} ${down(y).toFixed(1)}`).join("");
    const diagonal = svg("path", { class: "axis", "stroke-dasharray": "4 4", d: `M${right(0)} ${down(0)}L${right(1)} ${down(1)}` });
    const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}` }, group, diagonal, svg("path", { class: "curve", d: path }));
    return { picture, text: t("adapted.roc", { n: this.rows.length }) };
  }

  table() {
    const head = [["adapted.figure", ""], ["adapted.value", "n"], ["adapted.interval", "n"], ["adapted.nothing", "n"]];
    const lines = this.job.summary.figures.map(({ metric, value, interval, baseline }) =>
      el(
        "tr",
        {},
        el("th", { scope: "row", text: named(metric) }),
        el("td", { class: "n strong", text: digits(value) }),
        el("td", { class: "n", text: interval ? `${digits(interval[0])} … ${digits(interval[1])}` : "" }),
        el("td", { class: "n", text: baseline === undefined ? "" : digits(baseline) }),
      ),
    );
    const columns = head.map(([key, kind]) => el("th", { scope: "col", class: kind, text: t(key) }));
    return el("table", {}, el("thead", {}, el("tr", {}, ...columns)), el("tbody", {}, ...lines));
  }

  remarks() {
    const { summary } = this.job;
    const lines = [t("adapted.rows", { rows: summary.rows, molecules: summary.molecules, merged: summary.merged }), t("adapted.trained", { n: summary.trained_on })];
    if (summary.classes) lines.push(t("adapted.classes", { positive: summary.classes[1], negative: summary.classes[0] }));
    if (summary.encoder) lines.push(t("adapted.encoder", { name: summary.encoder.split(" (")[0] }));
    const own = lines.map((text) => el("p", { class: "small", text }));
    const use = el("code", { class: "command", text: `strata-drug screen LIBRARY --models ${summary.name} --models-dir FOLDER --out OUT.csv` });
    return [...own, ...summary.notes.map((text) => served("p", text, { class: "small warn" })), el("p", { class: "small", text: t("adapted.use") }), use];
  }

  leftOut() {
    const { dropped, conflicts } = this.job.summary;
    if (dropped.length + conflicts.length === 0) return null;
    const rows = dropped.slice(0, LISTED).map(({ row, id, reason, detail }) => [number(row), id, reason, detail]);
    const more = dropped.length > LISTED ? el("p", { class: "soft small", text: t("adapted.more", { n: dropped.length - LISTED }) }) : null;
    const said = conflicts.slice(0, LISTED).map((text) => el("li", { text }));
    return el(
      "details",
      { class: "card", open: dropped.length > 0 && dropped.length <= 12 },
      el("summary", { text: t("adapted.left", { n: dropped.length, conflicts: conflicts.length }) }),
      rows.length > 0 ? plain(["adapted.row", "adapted.id", "adapted.reason", "adapted.detail"], rows) : null,
      more,
      said.length > 0 ? el("p", { class: "small", text: t("adapted.conflicts") }) : null,
      said.length > 0 ? el("ul", { class: "small said" }, ...said) : null,
    );
  }

  tried() {
    const rows = [...this.job.summary.candidates].sort((a, b) => a[1] - b[1]).map(([name, loss]) => [name, digits(loss)]);
    return el("details", { class: "card" }, el("summary", { text: t("adapted.tried", { n: rows.length }) }), plain(["adapted.blend", "adapted.error"], rows));
  }

  aside() {
    const off = (row) => Math.abs(row.measured - row.predicted);
    const sorted = [...this.rows].sort((a, b) => off(b) - off(a)).slice(0, LISTED);
    const rows = sorted.map((row) => [row.smiles, digits(row.measured), digits(row.predicted), Number.isFinite(row.lo) ? `${digits(row.lo)} … ${digits(row.hi)}` : ""]);
    const heads = ["adapted.smiles", "adapted.measured", "adapted.predicted", "adapted.ninety"];
    return el("details", { class: "card" }, el("summary", { text: t("adapted.aside", { n: this.rows.length }) }), plain(heads, rows));
  }

  /// The model's folder as one file.
  async take(button) {
    button.disabled = true;
    try {
      const { name } = this.job.summary;
      const files = await Promise.all(
        this.job.files.map(async (one) => ({ name: `${name}/${one.name}`, bytes: new Uint8Array(await (await file(this.job, one.name)).arrayBuffer()) })),
      );
      save(zip(files), `${name}.zip`);
      this.failed.replaceChildren();
    } catch (error) {
      showProblem(this.failed, error, button);
    } finally {
      button.disabled = false;
    }
  }
}

/// Words for figures that have no usual name.
const named = (metric) => ({ "coverage of 90 % intervals": t("adapted.coverage"), "mean width of 90 % intervals": t("adapted.width"), "log loss": t("adapted.logloss"), Spearman: t("adapted.spearman") })[metric] ?? metric;

function plain(heads, rows) {
  const head = el("tr", {}, ...heads.map((key) => el("th", { scope: "col", text: t(key) })));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((text) => el("td", { text }))));
  return el("div", { class: "wide", tabindex: 0, role: "group", "aria-label": t(heads[0]) }, el("table", { class: "plain small" }, el("thead", {}, head), el("tbody", {}, ...body)));
}
