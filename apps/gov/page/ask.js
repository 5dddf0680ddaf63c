// Ask: a question, the scenario that answers it, and the answers of this session, newest first.

import { Answer } from "./answer.js";
import { postJson } from "./api.js";
import { $, announce, el, problemBox, showProblem } from "./dom.js";
import { both, t } from "./words.js";

const MODES = ["ask", "guide"];

export class Ask {
  constructor(state, { asker, reader }) {
    Object.assign(this, { state, asker, reader });
    this.entries = [];
    this.scenario = null;
    $("ask-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.go($("question").value);
    });
    $("question").addEventListener("keydown", (event) => {
      // While a word is being composed, Enter takes the word.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.go($("question").value);
    });
    $("ask-clear").addEventListener("click", () => {
      this.forget();
      $("question").focus();
    });
  }

  enter() {}

  leave() {
    return true;
  }

  /// Answers of another key are not this one's to see; what waits for an answer gets the new key's.
  forget() {
    this.entries = this.entries.filter(({ reply, error }) => !reply && !error);
    this.draw();
  }

  redraw() {
    this.showScenarios();
    for (const entry of this.entries) entry.body = null;
    this.draw();
  }

  get scenarios() {
    return this.state.scenarios.filter(({ mode }) => MODES.includes(mode));
  }

  get chosen() {
    const { scenarios } = this;
    return scenarios.find(({ name }) => name === this.scenario) ?? scenarios.find(({ ready }) => ready) ?? scenarios[0];
  }

  showScenarios() {
    const { scenarios, chosen } = this;
    const option = (one) => {
      const input = el("input", { type: "radio", name: "scenario", value: one.name, id: `scenario-${one.name}` });
      input.checked = one === chosen;
      input.addEventListener("change", () => {
        this.scenario = one.name;
        this.showChosen();
      });
      return el("label", {}, input, el("span", { text: both(one.title) }), one.ready ? null : el("span", { class: "soft small", text: `（${t("absent")}）` }));
    };
    $("ask-scenarios").replaceChildren(...scenarios.map(option));
    $("ask-scenarios").parentElement.hidden = scenarios.length < 2;
    this.showChosen();
  }

  showChosen() {
    const one = this.chosen;
    $("ask-about").textContent = one ? both(one.description).replace(/\n/g, "") : "";
    $("ask-about-fold").hidden = !one;
    const why = one && !one.ready ? [el("p", { class: "warn small" }, t("ask.notready"), " ", el("span", { lang: "en", text: one.reason ?? "" }))] : [];
    const none = this.state.server && !one ? [el("p", { class: "warn", text: t("ask.none") })] : [];
    $("ask-state").replaceChildren(...why, ...none);
    $("ask-go").disabled = !one;
    const examples = (one?.examples ?? []).map((text) => el("li", {}, el("button", { type: "button", class: "example", lang: "zh-CN", text, onclick: () => this.try(text) })));
    $("ask-examples").replaceChildren(...examples);
    $("ask-examples-fold").hidden = examples.length === 0;
  }

  try(text) {
    $("question").value = text;
    this.go(text);
  }

  async go(question) {
    const text = question.trim();
    const one = this.chosen;
    $("ask-problems").replaceChildren();
    if (!text || !one) {
      if (!text) showProblem($("ask-problems"), { key: "ask.nothing" }, $("question"));
      $("question").focus();
      return;
    }
    const entry = { question: text, scenario: one, asker: this.asker.body, day: this.asker.day, stop: new AbortController(), open: true };
    for (const old of this.entries) {
      old.open = false;
      if (old.body) old.body.open = false;
    }
    this.entries.unshift(entry);
    // From now on the answers need the room.
    $("ask-examples-fold").open = false;
    this.draw();
    announce(t("ask.busy"));
    const asked = performance.now();
    try {
      const body = { question: text, scenario: one.name, asker: entry.asker };
      entry.reply = await postJson("/v1/ask", body, entry.stop.signal);
      entry.seconds = (performance.now() - asked) / 1000;
      entry.fresh = true;
      if ($("question").value.trim() === text) $("question").value = "";
    } catch (error) {
      if (error.name === "AbortError") return;
      entry.error = error;
      announce(t("ask.failed"));
    }
    entry.body = null;
    this.draw();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    entry.body?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  draw() {
    $("thread").replaceChildren(...this.entries.map((entry) => this.entry(entry)));
    $("thread-head").hidden = this.entries.length === 0;
    $("thread-count").textContent = t("ask.history", { n: this.entries.length });
  }

  entry(entry) {
    if (entry.body) return entry.body;
    const status = entry.error ? t("ask.failed") : !entry.reply ? t("ask.busy") : t(`outcome.${entry.reply.outcome}`);
    const tone = entry.error || entry.reply?.outcome === "refused" ? "warn" : entry.reply ? "good" : "soft";
    const head = el("summary", {}, el("h3", { lang: "zh-CN", text: entry.question }), el("span", { class: `small ${tone}`, text: status }));
    const body = el("div", { class: "entry-body" });
    const node = el("details", { class: "card entry" }, head, body);
    node.open = entry.open;
    node.addEventListener("toggle", () => {
      entry.open = node.open;
    });
    entry.body = node;
    if (entry.error) body.append(problemBox(entry.error), this.again(entry));
    else if (!entry.reply) body.append(this.waiting(entry));
    else {
      const answer = new Answer(entry, { state: this.state, reader: this.reader });
      body.append(answer.node);
      if (entry.fresh) {
        entry.fresh = false;
        answer.show();
      } else answer.showAll();
    }
    return node;
  }

  waiting(entry) {
    const stop = el("button", { type: "button", class: "quiet", text: t("ask.stop") });
    stop.addEventListener("click", () => {
      entry.stop.abort();
      this.entries = this.entries.filter((one) => one !== entry);
      this.draw();
      $("question").value ||= entry.question;
      $("question").focus();
    });
    return el("p", { class: "row soft waiting" }, el("i", { class: "dots", "aria-hidden": "true" }), t("ask.reading"), stop);
  }

  again(entry) {
    const button = el("button", { type: "button", text: t("again") });
    button.addEventListener("click", () => {
      this.entries = this.entries.filter((one) => one !== entry);
      this.go(entry.question);
    });
    return el("p", { class: "after" }, button);
  }
}
