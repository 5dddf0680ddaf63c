// The result of a search for better analogues: the Pareto plot, the chosen one beside its start, and a grid of
// structures with their changed atoms marked.

import { request } from "./api.js";
import { parseCsv } from "./csv.js";
import { $, announce, el, save } from "./dom.js";
import { Pareto } from "./pareto.js";
import { showDrawing } from "./table.js";
import { number, t } from "./words.js";

/// Structures shown before "Show more", and with each press of it.
const PAGE = 24;
/// Columns that are no values of a molecule.
const OWN = ["rank", "smiles", "start", "fitness", "goals_met", "pareto_front", "similarity", "steps", "move", "parent_smiles", "derivation", "changed_atoms"];

const short = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(4))).replace("-", "\u2212") : "–");

/// Rows by column; what is a number everywhere but in the texts becomes one.
function rowsOf(csv) {
  const [head, ...records] = parseCsv(csv);
  const texts = ["smiles", "start", "move", "parent_smiles", "derivation", "changed_atoms"];
  const typed = (name, text) => (texts.includes(name) ? text : text === "" ? null : Number(text));
  const rows = records.map((record) => Object.fromEntries(head.map((name, at) => [name, typed(name, record[at] ?? "")])));
  // Columns of models that did not run hold nothing.
  return { rows, values: head.filter((name) => !OWN.includes(name) && rows.some((row) => row[name] !== null)) };
}

export class Analogues {
  constructor(place) {
    this.place = place;
    this.job = null;
  }

  /// Fetches a job's result and shows it.
  async show(job, { name, quiet = false }) {
    this.csv = await (await request(`/v1/jobs/${encodeURIComponent(job.id)}/files/result.csv`)).text();
    Object.assign(this, { job, name, ...rowsOf(this.csv), shown: PAGE });
    this.starts = job.summary?.starts ?? [];
    this.chosen = this.rows[0] ?? null;
    this.draw();
    announce($("analogues-note").textContent);
    if (quiet) return;
    this.place.scrollIntoView({ block: "start" });
    this.place.focus({ preventScroll: true });
  }

  /// The goals first, then the rest.
  get axes() {
    const asked = this.goals.filter((name) => this.values.includes(name));
    return [...new Set([...(this.job.summary?.axes ?? []), ...asked, "similarity", "fitness", ...this.values])].filter(
      (axis) => this.values.includes(axis) || ["similarity", "fitness"].includes(axis),
    );
  }

  get goals() {
    return (this.job.params?.goal ?? []).map((goal) => goal.split("=")[0]);
  }

  /// What cards say of a molecule: the goals, or what the scenario looks at.
  get told() {
    const axes = this.job.summary?.axes ?? [];
    return [...new Set([...this.goals, ...axes])].filter((name) => this.values.includes(name)).slice(0, 6);
  }

  draw() {
    if (!this.job) return;
    const { summary } = this.job;
    this.place.hidden = false;
    const counts = [["scored", "scored"], ["within_limits", "within"], ["front", "front"]];
    const note = counts.map(([field, key]) => summary?.[field] !== undefined && t(`analogues.${key}`, { n: summary[field] }));
    const stem = this.name.replace(/\.smi$/, "");
    const report = async () => save(await (await request(`/v1/jobs/${encodeURIComponent(this.job.id)}/files/report.html`)).blob(), `${stem}-report.html`);
    const head = el(
      "div",
      { class: "results-head" },
      el(
        "div",
        {},
        el("h2", { id: "analogues-title", text: t("analogues.title", { name: stem }) }),
        el("p", { id: "analogues-note", class: "soft", text: note.filter(Boolean).join(" · ") }),
      ),
      el(
        "div",
        { class: "row results-tools" },
        el("button", { type: "button", id: "analogues-csv", text: t("csv"), onclick: () => save(new Blob([this.csv], { type: "text/csv;charset=utf-8" }), `${stem}-analogues.csv`) }),
        el("button", { type: "button", text: t("analogues.report"), onclick: report }),
      ),
    );
    if (this.rows.length === 0) {
      this.place.replaceChildren(head, el("p", { text: t("analogues.none") }));
      return;
    }
    this.plot = new Pareto({ points: this.points(), axes: this.axes, onpick: (row) => this.choose(row) });
    this.side = el("div", { class: "chosen", role: "group", tabindex: 0, "aria-label": t("analogues.chosen") });
    this.grid = el("ul", { class: "analogues-grid", "aria-label": t("analogues.grid") });
    this.more = el("button", { type: "button", class: "quiet", onclick: () => this.grow() });
    this.place.replaceChildren(
      head,
      el("div", { class: "front card" }, this.plot.figure, this.side),
      el("h3", { class: "grid-title", text: t("analogues.grid") }),
      el("p", { class: "soft small", text: t("analogues.marked") }),
      this.grid,
      this.more,
    );
    this.cards = new Map();
    this.fill();
    this.choose(this.chosen, { quiet: true });
  }

  points() {
    const at = (row) => ({ similarity: row.similarity, fitness: row.fitness, ...Object.fromEntries(this.values.map((name) => [name, row[name]])) });
    const starts = this.starts.map((start) => ({ row: null, start: true, at: { ...start.values, similarity: 1 } }));
    const rows = this.rows.map((row) => ({ row, front: row.pareto_front === 1, label: t("analogues.rank", { n: row.rank }), at: at(row) }));
    return [...starts, ...rows];
  }

  grow() {
    const first = this.shown;
    this.shown += PAGE;
    this.fill();
    this.cards.get(this.rows[first])?.querySelector("button").focus();
  }

  fill() {
    for (const row of this.rows.slice(0, this.shown)) {
      if (this.cards.has(row)) continue;
      const card = this.card(row);
      this.cards.set(row, card);
      this.grid.append(card);
    }
    this.more.hidden = this.shown >= this.rows.length;
    this.more.textContent = t("analogues.more", { n: Math.min(PAGE, this.rows.length - this.shown), all: this.rows.length });
  }

  card(row) {
    const name = t("analogues.rank", { n: row.rank });
    const image = el("img", { class: "drawing", alt: "" });
    showDrawing(image, row.smiles, undefined, row.changed_atoms);
    const facts = ["similarity", ...this.told].map((value) =>
      el("div", {}, el("dt", { text: value === "similarity" ? t("pareto.similarity") : value }), el("dd", { text: short(row[value]) })),
    );
    const act = () => {
      this.choose(row);
      this.side.scrollIntoView({ block: "nearest" });
    };
    const head = el("button", { type: "button", class: "pick", "aria-pressed": "false", onclick: act }, name);
    return el(
      "li",
      { class: "card analogue", "data-rank": row.rank },
      el("div", { class: "row" }, head, row.pareto_front === 1 && el("span", { class: "on-front", text: t("pareto.front") }), el("b", { class: "push n", title: t("pareto.fitness"), text: row.fitness.toFixed(3) })),
      image,
      el("dl", { class: "facts" }, ...facts),
      el("p", { class: "way soft small", lang: "en", text: row.derivation }),
    );
  }

  choose(row, { quiet = false } = {}) {
    if (!row) return;
    this.chosen = row;
    this.plot.pick(row);
    for (const [own, card] of this.cards) {
      card.classList.toggle("chosen-card", own === row);
      card.querySelector("button").setAttribute("aria-pressed", String(own === row));
    }
    this.stop?.abort();
    this.stop = new AbortController();
    this.side.replaceChildren(...this.about(row, this.stop.signal));
    if (!quiet) announce(`${t("analogues.rank", { n: row.rank })}: ${row.smiles}`);
  }

  about(row, signal) {
    const start = this.starts.find((one) => one.name === row.start || one.smiles === row.start) ?? (this.starts.length === 1 ? this.starts[0] : null);
    const rank = t("analogues.rank", { n: row.rank });
    const picture = (smiles, atoms, caption) => {
      const image = el("img", { class: "drawing", alt: `${caption}: ${smiles}` });
      showDrawing(image, smiles, signal, atoms);
      return el("figure", {}, image, el("figcaption", { class: "soft small", text: caption }));
    };
    const pair = el(
      "div",
      { class: "pair" },
      start && picture(start.smiles, "", start.name && start.name !== start.smiles ? t("analogues.start.of", { name: start.name }) : t("analogues.start")),
      picture(row.smiles, row.changed_atoms, rank),
    );
    const line = (label, before, after, strong = false) =>
      el(
        "tr",
        {},
        el("th", { scope: "row", text: label, class: strong ? "strong" : "" }),
        el("td", { class: "n", text: before }),
        el("td", { class: "n", text: after }),
      );
    const goals = this.told;
    const rest = this.values.filter((value) => !goals.includes(value));
    const value = (name) => line(name, start ? short(start.values?.[name]) : "–", short(row[name]), goals.includes(name));
    const head = ["detail.property", "analogues.start", "analogues.this"].map((key, at) => el("th", { scope: "col", class: at > 0 ? "n" : "", text: t(key) }));
    const table = el(
      "table",
      { class: "small" },
      el("thead", {}, el("tr", {}, ...head)),
      el("tbody", {}, line(t("pareto.fitness"), "", row.fitness.toFixed(3)), line(t("pareto.similarity"), "1", short(row.similarity)), ...goals.map(value), ...rest.map(value)),
    );
    const steps = row.derivation ? row.derivation.split(" > ") : [];
    return [
      el("h3", { text: rank }),
      pair,
      el("p", { class: "smiles-line" }, el("code", { text: row.smiles })),
      el("h4", { text: t("analogues.way", { n: steps.length }) }),
      el("ol", { class: "steps small" }, ...steps.map((step) => el("li", { lang: "en", text: step }))),
      el("div", { class: "wide" }, table),
    ];
  }
}

/// The lines of a job's card about a search.
export function afterSearch(summary) {
  const best = summary.best?.[0];
  return [
    t("analogues.scored", { n: summary.scored }),
    t("analogues.front", { n: summary.front }),
    best && t("analogues.best", { n: best.fitness.toFixed(3) }),
  ];
}

/// What a search was asked for, in brief.
export function askedOf(params) {
  const parts = [...(params.goal ?? []), params.scenario, params.similarity > 0 && `${t("pareto.similarity")} ≥ ${number(params.similarity)}`];
  return parts.filter(Boolean).join(", ");
}
