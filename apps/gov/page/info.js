// About: the index, the scenarios and the models, and where they come from.

import { getJson } from "./api.js";
import { $, el, served, showProblem } from "./dom.js";
import { modelFacts } from "./origin.js";
import { both, day, has, number, t } from "./words.js";

const stateChip = (ready, key) => el("span", { class: `badge ${ready ? "in_force" : "amended"}`, text: t(key) });

export class Info {
  constructor(state) {
    this.state = state;
  }

  async enter() {
    this.redraw();
    try {
      // Models and the index change while the page is open.
      const [server, index] = await Promise.all([getJson("/v1/server"), getJson("/v1/index")]);
      Object.assign(this.state, { server, index });
      $("info-problems").replaceChildren();
      this.redraw();
    } catch (error) {
      showProblem($("info-problems"), error, $("info-title"));
    }
  }

  leave() {
    return true;
  }

  forget() {
    $("info-body").replaceChildren();
  }

  redraw() {
    const { server, index, scenarios } = this.state;
    if (!server) return;
    const part = (key, ...nodes) => el("section", {}, el("h3", { text: t(key) }), ...nodes);
    const tiles = (nodes) => el("div", { class: "tiles" }, ...nodes);
    const docs = server.docs === false ? null : part("info.api", el("p", {}, t("info.api.about"), " ", el("a", { href: "/docs", text: "/docs" })));
    $("info-body").replaceChildren(
      ...[
        index ? part("info.index", this.index(index)) : null,
        part("info.scenarios", tiles(scenarios.map((one) => this.scenario(one)))),
        part("info.models", server.models.length > 0 ? tiles(server.models.map((one) => this.model(one))) : el("p", { class: "soft", text: t("info.nomodels") })),
        docs,
      ].filter(Boolean),
    );
  }

  index(index) {
    const own = index.departments.includes("*") ? t("info.everything") : index.departments.join("、") || t("info.public");
    const figures = [
      ["info.documents", number(index.documents)],
      ["info.retriever", index.retriever ?? t("info.words")],
      ["info.generation", index.generation],
      ["info.departments", own],
      ["info.today", day(index.today)],
    ];
    return el("dl", { class: "figures card" }, ...figures.map(([key, value]) => el("div", {}, el("dt", { text: t(key) }), el("dd", { text: value }))));
  }

  model(one) {
    const key = has(`state.${one.state}`) ? `state.${one.state}` : "state.waiting";
    const head = el("h4", {}, one.name, el("span", { class: "soft small", text: one.version }), stateChip(one.state === "ready", key));
    const reason = one.reason ? served("p", one.reason, { class: "warn small" }) : null;
    return el("div", { class: "card" }, head, reason, one.provenance ? modelFacts(one.provenance) : null);
  }

  scenario(one) {
    const head = el("h4", {}, both(one.title), stateChip(one.ready, one.ready ? "state.ready" : "absent"));
    const name = el("p", { class: "small soft" }, el("code", { text: `${one.name} ${one.version}` }), ` · ${t(`mode.${one.mode}`)} · SHA-256 `, el("code", { title: one.sha256, text: one.sha256.slice(0, 12) }));
    const reason = one.reason ? served("p", one.reason, { class: "warn small" }) : null;
    const text = el("pre", { tabindex: "0" });
    const file = el("details", {}, el("summary", { text: t("info.toml") }), text);
    file.addEventListener("toggle", async () => {
      if (!file.open || text.textContent) return;
      try {
        text.textContent = (await getJson(`/v1/scenarios/${encodeURIComponent(one.name)}`)).toml;
      } catch (error) {
        showProblem($("info-problems"), error, file.querySelector("summary"));
      }
    });
    return el("div", { class: "card" }, head, name, el("p", { class: "about", text: both(one.description).replace(/([^\x00-\x7f])\n/g, "$1").replace(/\n/g, " ") }), reason, file);
  }
}
