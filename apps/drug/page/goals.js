// The goals of a search: what shall rise, fall or lie in a range.

import { Problem } from "./api.js";
import { $, el } from "./dom.js";
import { endpointTitle } from "./columns.js";
import { has, t } from "./words.js";

/// What is computed without a model.
const COMPUTED = ["QED", "penalized_logP", "SA", "MolWt", "MolLogP", "TPSA", "NumHDonors", "NumHAcceptors"];
/// What a list begins with, and what the next goal is likely to be.
const FIRST = { name: "QED", wanted: "max", low: "", high: "", weight: "" };

export class Goals {
  constructor() {
    this.endpoints = [];
    this.goals = [{ ...FIRST }];
    $("goal-add").addEventListener("click", () => {
      const used = new Set(this.goals.map(({ name }) => name));
      const name = [...COMPUTED, ...this.endpoints.map((one) => one.name)].find((one) => !used.has(one)) ?? "QED";
      this.goals.push({ ...FIRST, name });
      this.draw();
      $("goals").lastElementChild.querySelector("select").focus();
    });
    this.draw();
  }

  /// Takes what the server's models predict: `{name, title, model}`.
  offer(endpoints) {
    this.endpoints = endpoints;
    this.draw();
  }

  set(goals) {
    this.goals = goals.map((goal) => ({ ...FIRST, ...goal }));
    this.draw();
  }

  /// The models that the goals need.
  get models() {
    const needed = this.goals.map(({ name }) => this.endpoints.find((one) => one.name === name)?.model);
    return [...new Set(needed.filter(Boolean))];
  }

  /// The goals as the server takes them. A range without its ends is a problem.
  texts() {
    return this.goals.map(({ name, wanted, low, high, weight }) => {
      const last = weight.trim() === "" ? "" : `:${weight.trim()}`;
      if (wanted !== "range") return `${name}=${wanted}${last}`;
      const ends = [low, high].map((end) => Number.parseFloat(end));
      if (!ends.every(Number.isFinite) || ends[0] > ends[1]) throw new Problem({ key: "goals.range", vars: { name } });
      return `${name}=${ends[0]}..${ends[1]}${last}`;
    });
  }

  draw() {
    $("goals").replaceChildren(...this.goals.map((goal, at) => this.line(goal, at)));
  }

  line(goal, at) {
    const n = at + 1;
    const keep = (field, then) => (event) => {
      goal[field] = event.target.value;
      then?.();
    };
    const option = ({ name, title }) => el("option", { value: name, text: title, selected: name === goal.name });
    const computed = COMPUTED.map((name) => {
      const about = has(`about.${name}`) ? ` · ${t(`about.${name}`)}` : "";
      return option({ name, title: name + about });
    });
    const predicted = this.endpoints.map((one) => option({ name: one.name, title: endpointTitle(one) }));
    const names = el(
      "select",
      { "aria-label": t("goals.property", { n }), onchange: keep("name"), class: "goal-name" },
      el("optgroup", { label: t("goals.computed") }, ...computed),
      predicted.length > 0 && el("optgroup", { label: t("goals.predicted") }, ...predicted),
    );
    const kinds = ["max", "min", "range"].map((kind) => el("option", { value: kind, text: t(kind === "range" ? "goals.range.short" : `goals.${kind}`), selected: kind === goal.wanted }));
    const redraw = () => {
      this.draw();
      $("goals").children[at].querySelectorAll("select")[1].focus();
    };
    const number = (field, key) =>
      el("input", { type: "number", step: "any", value: goal[field], "aria-label": t(key, { n }), placeholder: t(`${key}.short`), oninput: keep(field) });
    const remove = () => {
      this.goals.splice(at, 1);
      this.draw();
      $("goal-add").focus();
    };
    return el(
      "li",
      { class: "goal" },
      names,
      el("select", { "aria-label": t("goals.wanted", { n }), onchange: keep("wanted", redraw) }, ...kinds),
      goal.wanted === "range" && number("low", "goals.low"),
      goal.wanted === "range" && number("high", "goals.high"),
      number("weight", "goals.weight"),
      el("button", { type: "button", class: "quiet", "aria-label": t("goals.remove", { n }), title: t("goals.remove", { n }), onclick: remove }, "×"),
    );
  }
}
