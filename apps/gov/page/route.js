// Route: a hotline case to its department, with what speaks for it.

import { postJson } from "./api.js";
import { $, announce, el, problemBox, showProblem } from "./dom.js";
import { both, percent, t } from "./words.js";

export class Route {
  constructor(state, { asker, reader }) {
    Object.assign(this, { state, asker, reader, found: null });
    $("route-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
    $("route-scenario").addEventListener("change", () => this.showScenario());
  }

  enter() {}

  leave() {
    return true;
  }

  forget() {
    this.found = null;
    this.draw();
  }

  redraw() {
    const before = $("route-scenario").value;
    const { scenarios } = this;
    $("route-scenario").replaceChildren(...scenarios.map((one) => el("option", { value: one.name, text: both(one.title) })));
    if (scenarios.some(({ name }) => name === before)) $("route-scenario").value = before;
    $("route-scenario-row").hidden = scenarios.length < 2;
    this.showScenario();
    this.draw();
  }

  get scenarios() {
    return this.state.scenarios.filter(({ mode }) => mode === "route");
  }

  get chosen() {
    const { scenarios } = this;
    return scenarios.find(({ name }) => name === $("route-scenario").value) ?? scenarios[0];
  }

  showScenario() {
    const one = this.chosen;
    $("route-about").textContent = one ? both(one.description).replace(/\n/g, "") : "";
    const missing = this.state.server && !one ? { key: "route.none" } : one && !one.ready ? { key: "ask.notready", remedy: one.reason } : null;
    $("route-state").replaceChildren(...(missing ? [problemBox(missing)] : []));
    $("route-go").disabled = !one;
    const fill = (text) => () => {
      $("case").value = text;
      this.go();
    };
    const examples = (one?.examples ?? []).map((text) => el("li", {}, el("button", { type: "button", class: "example", lang: "zh-CN", text, onclick: fill(text) })));
    $("route-examples").replaceChildren(...examples);
    $("route-examples").parentElement.hidden = examples.length === 0;
  }

  async go() {
    const text = $("case").value.trim();
    $("route-problems").replaceChildren();
    if (!text) {
      showProblem($("route-problems"), { key: "route.nothing" }, $("case"));
      $("case").focus();
      return;
    }
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    $("route-note").textContent = t("route.busy");
    try {
      const body = { text, scenario: this.chosen?.name, asker: this.asker.body };
      this.found = await postJson("/v1/route", body, stop.signal);
      this.draw();
      announce(t(this.found.fallback ? "route.said.fallback" : "route.said", { department: this.found.department }));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.found = null;
      this.draw();
      showProblem($("route-problems"), error, $("route-go"));
    }
  }

  draw() {
    $("route-note").textContent = "";
    const { found } = this;
    if (!found) {
      $("route-result").replaceChildren();
      return;
    }
    const first = found.proposals[0];
    const head = el(
      "div",
      { class: `decision ${found.fallback ? "fallback" : "sure"}` },
      el("p", { class: "soft small", text: t(found.fallback ? "route.fallback" : "route.department") }),
      el("p", { class: "department", lang: "zh-CN", text: found.department }),
      first ? el("p", { class: "soft small", text: t("route.best", { n: percent(first.confidence) }) }) : el("p", { class: "soft small", text: t("route.noneseen") }),
    );
    const masked = el("div", {}, el("h3", { text: t("route.masked") }), el("blockquote", { lang: "zh-CN" }, ...maskedNodes(found.text)));
    const proposals = found.proposals.map((one, at) => this.proposal(one, at));
    const list = proposals.length > 0 ? el("div", {}, el("h3", { text: t("route.proposals") }), el("ol", { class: "proposals" }, ...proposals)) : null;
    $("route-result").replaceChildren(el("div", { class: "card route-card" }, head, ...[list, masked].filter(Boolean)));
  }

  proposal(one, at) {
    const bar = el("i");
    bar.style.width = `${Math.round(100 * one.confidence)}%`;
    const evidence = one.evidence.map((each) =>
      el("li", {}, el("button", { type: "button", class: "name", lang: "zh-CN", text: each.title || each.doc_id, onclick: () => this.reader.open({ doc_id: each.doc_id, title: each.title }) }), el("span", { class: "soft small", text: each.score.toFixed(3) })));
    const fold = el("details", {}, el("summary", { class: "small", text: t("route.evidence", { n: evidence.length }) }), el("ul", { class: "evidence" }, ...evidence));
    fold.open = at === 0;
    return el(
      "li",
      {},
      el("p", { class: "row" }, el("b", { lang: "zh-CN", text: one.department }), one.phone ? el("span", { class: "soft small", text: t("route.phone", { phone: one.phone }) }) : null, el("span", { class: "push figure", text: percent(one.confidence) })),
      el("div", { class: "bar", "aria-hidden": "true" }, bar),
      evidence.length > 0 ? fold : null,
    );
  }
}

/// A masked text, what stands for personal data set off.
function maskedNodes(text) {
  return text.split(/(［[^［］]{1,8}］)/).map((part, i) => (i % 2 === 1 ? el("span", { class: "masked", text: part }) : part));
}
