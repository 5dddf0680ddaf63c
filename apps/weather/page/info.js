// What there is: forecasts that are served, models to run, files that could not be read, scenarios.

import { $, el, served } from "./dom.js";
import { fullName, utc } from "./names.js";
import { lang, t } from "./words.js";

export class Info {
  /// `onshow(model, run)` when a run is to be shown.
  constructor(state, { onshow }) {
    Object.assign(this, { state, onshow });
  }

  enter() {}

  leave() {}

  redraw() {
    const { models, families, troubles, scenarios } = this.state;
    const part = (key, tiles) =>
      el("section", {}, el("h3", { text: t(key) }), tiles.length > 0 ? el("div", { class: "tiles" }, ...tiles) : el("p", { class: "soft", text: t("info.none") }));
    $("info-body").replaceChildren(
      part("info.runs", models.flatMap((model) => model.runs.map((run) => this.run(model, run)))),
      part("info.families", families.map((one) => this.family(one))),
      ...(troubles.length > 0 ? [part("info.troubles", troubles.map((one) => el("div", { class: "card" }, el("h4", { text: one.file }), served("p", one.why, { class: "small" }))))] : []),
      part("info.scenarios", scenarios.map((one) => this.scenario(one))),
    );
  }

  run(model, run) {
    const bases = run.variables.map((one) => fullName(one.name)).join(", ");
    const rows = [
      [t("info.planet"), model.planet],
      [t("info.steps"), t("info.steps.of", { n: run.steps.length, last: String(run.steps.at(-1)) })],
      [t("info.members"), String(run.members)],
      [t("info.grid"), served("span", run.grid)],
      [t("info.variables"), bases],
      [t("info.files"), served("span", run.files.join(", "))],
    ];
    if (run.about.source) rows.push([t("info.source"), served("span", run.about.source)]);
    if (run.about.history) rows.push([t("info.history"), served("span", run.about.history)]);
    const show = el("button", { type: "button", text: t("jobs.show"), onclick: () => this.onshow(model.name, run.run) });
    return el("div", { class: "card" }, el("h4", { text: model.earth ? `${model.name} · ${utc(run.run)}` : model.name }), facts(rows), show);
  }

  family(one) {
    if (one.trouble) return el("div", { class: "card" }, el("h4", { text: one.name }), served("p", one.trouble, { class: "small" }));
    const rows = [[t("info.planet"), one.planet], [t("info.steps"), one.steps.map((step) => `${step} h`).join(", ")], [t("info.licence"), served("span", one.licence)]];
    return el("div", { class: "card" }, el("h4", { text: one.name }), facts(rows));
  }

  scenario(one) {
    const zh = lang() === "zh";
    const about = el("p", { class: "small about", text: zh ? one.description_zh : one.description });
    const rows = [[t("info.model"), one.family], [t("info.steps"), `${one.steps} h`], [t("info.members"), String(one.members)]];
    return el("div", { class: "card" }, el("h4", { text: `${zh ? one.title_zh : one.title}` }), el("code", { text: `${one.name} ${one.version}` }), about, facts(rows));
  }
}

const facts = (rows) => el("dl", { class: "facts" }, ...rows.flatMap(([name, value]) => [el("dt", { text: name }), el("dd", {}, value)]));
