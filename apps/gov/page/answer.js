// An answer: verbatim words with [n], the texts they are in, what those refer to, what else is relevant; or a refusal
// with what comes nearest. Below, copying and what the reader says of it.

import { card, chip, named } from "./citation.js";
import { announce, el } from "./dom.js";
import { Feedback } from "./feedback.js";
import { originBox } from "./origin.js";
import { reveal } from "./reveal.js";
import { both, day, duration, lang, percent, t } from "./words.js";

export class Answer {
  constructor(entry, { state, reader }) {
    Object.assign(this, { entry, state, reader, reply: entry.reply });
    const { outcome } = this.reply;
    this.node = el("div", { class: `answer ${outcome}` }, ...(outcome === "refused" ? this.refused() : this.answered()), this.foot());
  }

  /// Shows it bit by bit; a press anywhere in it shows the rest.
  async show() {
    const stop = new AbortController();
    const rest = () => stop.abort();
    this.node.setAttribute("aria-busy", "true");
    this.node.addEventListener("pointerdown", rest, { once: true });
    this.entry.stop.signal.addEventListener("abort", rest);
    await reveal(this.node, stop.signal);
    this.node.removeAttribute("aria-busy");
    const { outcome, citations, spans } = this.reply;
    if (outcome === "refused") announce(`${t("outcome.refused")} ${this.handoff()}`);
    else announce(t("answer.ready", { text: spans.map(({ text }) => text).join("；"), n: citations.length }));
  }

  showAll() {
    for (const part of this.node.querySelectorAll(".coming")) part.classList.remove("coming");
  }

  handoff() {
    const { refusal } = this.reply;
    return (lang() === "zh" ? refusal?.handoff_zh : refusal?.handoff_en) || refusal?.handoff_zh || "";
  }

  /// Opens a place as of the day of the answer.
  open(citation, spans = []) {
    this.reader.open(citation, { spans, asOf: this.reply.as_of });
  }

  spansOf(n) {
    return this.reply.spans.filter(({ citation }) => citation === n);
  }

  /// Whether the words of the answer are all there is of a citation: then they are not shown twice.
  isWhole(citation, n) {
    const [first, ...more] = this.spansOf(n);
    return more.length === 0 && first?.char_start === citation.char_start && first?.char_end === citation.char_end;
  }

  answered() {
    const { spans, citations, fields, service } = this.reply;
    const open = (n) => (citation) => this.open(citation, this.spansOf(n));
    const said = spans.map((span) => {
      const citation = citations[span.citation - 1];
      const mark = citation ? chip(String(span.citation), citation, open(span.citation)) : null;
      mark?.classList.add("coming");
      return el("p", { class: "said", lang: "zh-CN" }, el("span", { class: "coming letters", text: span.text }), mark);
    });
    const cards = citations.map((citation, i) =>
      card(citation, { open: open(i + 1), spans: this.spansOf(i + 1), n: i + 1, quote: !this.isWhole(citation, i + 1) }));
    const parts = [el("div", { class: "said-all" }, ...said), this.confidence()];
    if (fields?.length > 0) parts.push(this.fields(service, fields));
    parts.push(this.list("answer.sources", cards));
    return parts.concat(this.others());
  }

  refused() {
    const { related, refusal } = this.reply;
    const why = t(`refusal.${refusal?.code === "nothing-found" ? "nothing" : "not"}`);
    const box = el(
      "div",
      { class: "refusal coming" },
      el("p", {}, el("b", { text: why })),
      el("p", { class: "handoff", text: this.handoff() }),
      el("p", { class: "soft small", text: t("refusal.confidence", { n: percent(this.reply.confidence) }) }),
    );
    const nearest = related.map((citation) => card(citation, { open: (one) => this.open(one) }));
    return [box, nearest.length > 0 ? this.list("answer.nearest", nearest) : null].filter(Boolean);
  }

  others() {
    const { references, related } = this.reply;
    const cards = (all) => all.map((citation) => card(citation, { open: (one) => this.open(one) }));
    const parts = [];
    if (references.length > 0) parts.push(this.list("answer.references", cards(references)));
    if (related.length > 0) parts.push(this.fold("answer.related", cards(related)));
    return parts;
  }

  list(key, cards) {
    return el("section", { class: "coming" }, el("h4", { text: t(key) }), el("ul", { class: "sources" }, ...cards));
  }

  fold(key, cards) {
    const head = el("summary", {}, el("h4", { text: t(key) }), el("span", { class: "soft small", text: String(cards.length) }));
    return el("details", { class: "coming fold" }, head, el("ul", { class: "sources" }, ...cards));
  }

  confidence() {
    const { confidence, as_of: asOf } = this.reply;
    const { seconds } = this.entry;
    const parts = [t("answer.asof", { day: day(asOf) }), t("answer.confidence", { n: percent(confidence) }), both(this.entry.scenario.title), seconds ? t("answer.took", { time: duration(seconds) }) : ""];
    return el("p", { class: "soft small coming", text: parts.filter(Boolean).join(" · ") });
  }

  /// The fields of a service, each with a way to its place in the guide.
  fields(service, fields) {
    const [guide] = this.reply.citations;
    const row = (field) => {
      const place = { ...guide, path: [field.label], quote: field.text, char_start: field.char_start, char_end: field.char_end };
      const name = t("answer.field", { label: field.label });
      const there = guide ? el("button", { type: "button", class: "cite", "aria-label": name, title: name, text: "↗", onclick: () => this.open(place) }) : null;
      const asked = this.reply.spans.some((span) => span.char_start < field.char_end && field.char_start < span.char_end);
      return el("tr", { class: asked ? "asked" : null }, el("th", { scope: "row", text: field.label }), el("td", { text: field.text }), el("td", { class: "there" }, there));
    };
    return el("section", { class: "coming" }, el("h4", { lang: "zh-CN", text: service }), el("table", { class: "fields", lang: "zh-CN" }, el("tbody", {}, ...fields.map(row))));
  }

  foot() {
    const { reply } = this;
    const copied = el("span", { class: "good small", role: "status" });
    const copy = el("button", { type: "button", text: t("answer.copy") });
    copy.addEventListener("click", async () => {
      copied.textContent = t((await toClipboard(this.plain())) ? "answer.copied" : "answer.notcopied");
    });
    const rows = [
      [t("info.scenario"), reply.scenario],
      [t("info.generation"), reply.index],
      [t("info.request"), el("code", { text: reply.request_id })],
    ];
    const feedback = new Feedback(reply.request_id, this.state);
    return el("div", { class: "foot coming" }, el("div", { class: "row" }, feedback.node, el("span", { class: "push row" }, copied, copy)), feedback.more, originBox(reply.provenance, rows));
  }

  /// The answer as text, with its citations: for a letter, or a case's record.
  plain() {
    const { question, text, citations, as_of: asOf, outcome } = this.reply;
    const lines = [`${t("copy.question")}${question}`, `${t("copy.answer")}${outcome === "refused" ? this.handoff() : text}`];
    if (citations.length > 0) lines.push("", t("copy.sources", { day: day(asOf) }));
    citations.forEach((citation, i) => {
      const mark = [citation["文号"], citation.version].filter(Boolean).join("，");
      lines.push(`[${i + 1}] ${named(citation)}${mark ? `（${mark}）` : ""}［${t(`status.${citation.status}`)}］${citation.quote}`);
    });
    return lines.join("\n");
  }
}

/// Copies; a page that did not come over HTTPS has no clipboard of its own.
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const area = el("textarea", { class: "sr", "aria-hidden": "true", tabindex: "-1" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    return done;
  }
}
