// Search: passages by words, meaning, article or 发文字号, with their scores.

import { postJson } from "./api.js";
import { card } from "./citation.js";
import { $, announce, el, showProblem } from "./dom.js";
import { day, t } from "./words.js";

export const KINDS = ["law", "notice", "service-guide", "hotline-case", "encyclopaedia", "other"];

const score = (value) => (typeof value === "number" ? value.toFixed(3) : "—");

export class Search {
  constructor(state, { asker, reader }) {
    Object.assign(this, { state, asker, reader, found: null, chosen: new Set() });
    $("search-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
    for (const id of ["search-history", "search-top"]) $(id).addEventListener("change", () => this.again());
  }

  enter() {
    if (matchMedia("(min-width: 700px)").matches && !$("query").value) $("query").focus();
  }

  leave() {
    return true;
  }

  forget() {
    this.found = null;
    this.draw();
  }

  redraw() {
    const kind = (name) => {
      const input = el("input", { type: "checkbox", value: name });
      input.checked = this.chosen.has(name);
      input.addEventListener("change", () => {
        if (input.checked) this.chosen.add(name);
        else this.chosen.delete(name);
        this.again();
      });
      return el("label", { class: "check" }, input, el("span", { text: t(`kind.${name}`) }));
    };
    $("search-kinds").replaceChildren(...KINDS.map(kind));
    this.draw();
  }

  /// With other settings, where something was looked for already.
  again() {
    if (this.found) this.go();
  }

  async go() {
    const query = $("query").value.trim();
    $("search-problems").replaceChildren();
    if (!query) {
      showProblem($("search-problems"), { key: "search.nothing" }, $("query"));
      $("query").focus();
      return;
    }
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    $("search-note").textContent = t("search.busy");
    try {
      const body = { query, top: Number($("search-top").value), history: $("search-history").checked, kinds: [...this.chosen], asker: this.asker.body };
      const reply = await postJson("/v1/search", body, stop.signal);
      this.found = { query, reply };
      this.draw();
      announce($("search-note").textContent);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.found = null;
      this.draw();
      showProblem($("search-problems"), error, $("search-go"));
    }
  }

  draw() {
    const { found } = this;
    const { passages = [], exact = 0, as_of: asOf } = found?.reply ?? {};
    $("search-note").textContent = found ? t(passages.length > 0 ? "search.found" : "search.none", { n: passages.length, day: day(asOf) }) : "";
    $("search-list").replaceChildren(...passages.map((passage, at) => this.item(passage, at < exact)));
  }

  item(passage, exact) {
    const extra = exact ? [el("span", { class: "badge exact", text: t("search.exact") })] : [];
    const node = card(passage, { open: (one) => this.reader.open(one), extra });
    const scores = [["search.score", passage.score], ["search.lexical", passage.lexical], ["search.dense", passage.dense]];
    const list = el("dl", { class: "scores" }, ...scores.flatMap(([key, value]) => [el("dt", { text: t(key) }), el("dd", { text: score(value) })]));
    node.classList.add("card");
    node.append(list);
    return node;
  }
}
