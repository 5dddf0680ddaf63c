// Check: a draft's citations, each with what is wrong with it and the right text beside.

import { postJson, Problem } from "./api.js";
import { units } from "./characters.js";
import { card } from "./citation.js";
import { compare } from "./diff.js";
import { $, announce, el, problemBox, showProblem } from "./dom.js";
import { both, size, t } from "./words.js";

/// Longest draft, in bytes.
const LONGEST = 4 << 20;
const TONES = { right: "good", "unknown-work": "soft", "not-yet": "warn", amended: "warn" };
const SIGNS = { good: "✓", soft: "?", warn: "!", bad: "✕" };
const tone = (verdict) => TONES[verdict] ?? "bad";

export class Check {
  constructor(state, { asker, reader }) {
    Object.assign(this, { state, asker, reader, found: null });
    $("check-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
    $("draft-file").addEventListener("change", () => {
      this.take($("draft-file").files);
      $("draft-file").value = "";
    });
    $("check-wrong").addEventListener("change", () => this.draw());
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
    const one = this.state.scenarios.find(({ mode }) => mode === "check");
    $("check-about").textContent = one ? both(one.description).replace(/\n/g, "") : "";
    const missing = this.state.server && !one ? { key: "check.off" } : one && !one.ready ? { key: "ask.notready", remedy: one.reason } : null;
    $("check-state").replaceChildren(...(missing ? [problemBox(missing)] : []));
    $("check-go").disabled = !one;
    const examples = (one?.examples ?? []).map((text) => el("li", {}, el("button", { type: "button", class: "example", lang: "zh-CN", text, onclick: () => this.add(text) })));
    $("check-examples").replaceChildren(...examples);
    $("check-examples").parentElement.hidden = examples.length === 0;
    this.draw();
  }

  add(text) {
    $("draft").value = text;
    this.go();
  }

  /// A text file becomes the draft. Older files of offices are not UTF-8.
  async take(files) {
    const [file] = files;
    if (!file) return;
    $("check-problems").replaceChildren();
    if (file.size > LONGEST) {
      showProblem($("check-problems"), new Problem({ key: "check.large", vars: { name: file.name, limit: size(LONGEST) } }), $("draft-file"));
      return;
    }
    const bytes = await file.arrayBuffer();
    const text = decoded(bytes);
    if (text === null) {
      showProblem($("check-problems"), new Problem({ key: "check.notext", vars: { name: file.name } }), $("draft-file"));
      return;
    }
    $("draft").value = text;
    this.go();
  }

  async go() {
    // As it was: places are counted in what is sent.
    const text = $("draft").value;
    $("check-problems").replaceChildren();
    if (!text.trim()) {
      showProblem($("check-problems"), { key: "check.nothing" }, $("draft"));
      $("draft").focus();
      return;
    }
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    $("check-note").textContent = t("check.busy");
    try {
      const { findings } = await postJson("/v1/check", { text, asker: this.asker.body }, stop.signal);
      this.found = { text, findings };
      $("check-wrong").checked = false;
      this.draw();
      announce($("check-note").textContent);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.found = null;
      this.draw();
      showProblem($("check-problems"), error, $("check-go"));
    }
  }

  draw() {
    const { found } = this;
    $("check-result").hidden = !found;
    if (!found) {
      $("check-note").textContent = "";
      return;
    }
    const { findings } = found;
    const wrong = findings.filter(({ verdict }) => verdict !== "right").length;
    $("check-note").textContent = findings.length === 0 ? t("check.none") : t("check.found", { n: findings.length, wrong });
    const shown = findings.map((finding, at) => [finding, at + 1]).filter(([{ verdict }]) => !$("check-wrong").checked || verdict !== "right");
    $("findings").replaceChildren(...shown.map(([finding, n]) => this.finding(finding, n)));
    $("draft-marked").replaceChildren(...this.marks());
    $("check-wrong").parentElement.hidden = wrong === findings.length || findings.length === 0;
  }

  /// The draft, its citations as links to their findings. A citation of several articles has a finding for each.
  marks() {
    const { text, findings } = this.found;
    const ranges = units(text, findings.map(({ char_start: start, char_end: end, verdict }, at) => ({ start, end, verdict, n: at + 1 })));
    const places = new Map();
    for (const range of ranges) {
      const key = `${range.start}-${range.end}`;
      places.set(key, [...(places.get(key) ?? []), range]);
    }
    const parts = [];
    let at = 0;
    for (const group of places.values()) {
      const [{ start, end }] = group;
      if (start < at) continue;
      const worst = ["bad", "warn", "soft", "good"].find((one) => group.some(({ verdict }) => tone(verdict) === one));
      const go = () => this.show(group.find(({ verdict }) => tone(verdict) === worst).n);
      const numbers = group.map(({ n }) => n).join(",");
      parts.push(text.slice(at, start), link(worst, go, text.slice(start, end), `${SIGNS[worst]}${numbers}`));
      at = end;
    }
    parts.push(text.slice(at));
    return parts;
  }

  show(n) {
    const there = () => document.querySelector(`#findings [data-n="${n}"]`);
    if (!there()) {
      $("check-wrong").checked = false;
      this.draw();
    }
    there().scrollIntoView({ block: "center" });
    there().focus({ preventScroll: true });
  }

  finding(finding, n) {
    const kind = tone(finding.verdict);
    const verdict = el("span", { class: `badge verdict ${kind}` }, el("span", { "aria-hidden": "true", text: `${SIGNS[kind]} ` }), t(`verdict.${finding.verdict}`));
    const names = el("div", { class: "names" }, el("b", { lang: "zh-CN", text: finding.text }), verdict);
    const head = el("div", { class: "source-head" }, el("b", { class: "number", text: String(n) }), names);
    // The verdict says it already where all is right.
    const message = finding.verdict === "right" ? null : el("p", { lang: "zh-CN", text: finding.message });
    const { source, quote } = finding;
    const parts = [head, message];
    const same = quote && source?.quote === quote;
    if (quote && source && !same) parts.push(...this.beside(quote, source, finding.verdict));
    else if (quote && !same) parts.push(labelled("check.quote", el("blockquote", { lang: "zh-CN", text: quote })));
    if (source) parts.push(el("ul", { class: "sources" }, card(source, { open: (one) => this.reader.open(one), quote: !quote || same })));
    return el("li", { class: `card finding ${kind}`, "data-n": String(n), tabindex: "-1" }, ...parts.filter(Boolean));
  }

  beside(quote, source, verdict) {
    const compared = ["right", "wrong-article"].includes(verdict) ? null : compare(quote, source.quote);
    const runs = (list, tags) => list.map(({ text, kind }) => (tags[kind] ? el(tags[kind], { class: kind, text }) : text));
    const left = compared ? runs(compared.quote, { wrong: "del" }) : [quote];
    const right = compared ? runs(compared.source, { missing: "ins", around: "span" }) : [source.quote];
    return [labelled("check.quote", el("blockquote", { lang: "zh-CN" }, ...left)), labelled("check.source", el("blockquote", { lang: "zh-CN" }, ...right))];
  }
}

/// A citation within the draft. No button, as that would not break with the line.
function link(kind, go, text, mark) {
  const node = el("span", { class: `found ${kind}`, role: "button", tabindex: "0", onclick: go }, text, el("sup", { text: mark }));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    go();
  });
  return node;
}

const labelled = (key, node) => el("div", { class: "labelled" }, el("p", { class: "soft small", text: t(key) }), node);

function decoded(bytes) {
  for (const encoding of ["utf-8", "gb18030"]) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      // Zeros are in no text, but in nearly everything else.
      return text.includes("\0") ? null : text;
    } catch {
      // Another encoding, or no text.
    }
  }
  return null;
}
