// The panel with a document: how it stands on the day, its versions, and its text, scrolled to the passage that is cited.

import { getJson, postJson } from "./api.js";
import { cut, units } from "./characters.js";
import { address, badge, bare, days, standing, standingDays } from "./citation.js";
import { announce, el, problemBox } from "./dom.js";
import { textOf } from "./marked.js";
import { day, has, t, word } from "./words.js";

/// Versions that are listed.
const VERSIONS = 12;

export class Reader {
  /// `onopen()` and `onclose()` hear of the panel; `asker` says who reads, and as of which day.
  constructor(panel, { asker, onopen, onclose }) {
    Object.assign(this, { panel, asker, onopen, onclose });
    this.place = null;
    this.opener = null;
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  close() {
    if (!this.isOpen) return;
    this.stop?.abort();
    this.panel.hidden = true;
    this.place = null;
    this.onclose();
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  /// Shows a document. `place` is a citation, or `{doc_id}` alone; `spans` are the words of the answer in it, and `asOf`
  /// is its day, where that may be another than the bar's.
  open(place, { spans = [], asOf = this.asker.day } = {}) {
    // Where the panel is open already, what opened it first gets the focus back.
    if (!this.panel.contains(document.activeElement)) this.opener = document.activeElement;
    Object.assign(this, { place, spans, asOf, cited: asOf });
    this.panel.hidden = false;
    this.onopen();
    this.load();
  }

  /// Again, in another language.
  redraw() {
    if (this.isOpen) this.load(false);
  }

  /// Again, for another day or department.
  ask() {
    this.asOf = this.asker.day;
    this.redraw();
  }

  get query() {
    const { query } = this.asker;
    if (this.asOf) query.set("as_of", this.asOf);
    return query;
  }

  async load(focus = true) {
    this.stop?.abort();
    const stop = new AbortController();
    this.stop = stop;
    const { place } = this;
    this.head(place.title ?? place.doc_id);
    const body = el("div", { class: "panel-body" }, el("p", { class: "soft", text: t("reader.loading") }));
    this.panel.append(body);
    if (focus) this.panel.querySelector("h2").focus({ preventScroll: true });
    try {
      const found = await getJson(`/v1/documents/${encodeURIComponent(place.doc_id)}?${this.query}`, stop.signal);
      // What citizens said on the telephone is shown without what names them.
      const hidden = found.kind === "hotline-case" ? (await postJson("/v1/mask", { text: found.text }, stop.signal)).found : [];
      if (stop.signal.aborted) return;
      this.head(found.title || found.id, found);
      if (focus) this.panel.querySelector("h2").focus({ preventScroll: true });
      const text = this.text(found, hidden);
      body.replaceChildren(this.about(found), ...text);
      this.panel.append(body);
      this.scroll();
      this.versions(found, body, stop.signal);
      if (focus) announce(t("reader.opened", { title: bare(found.title || found.id) }));
    } catch (error) {
      if (error.name === "AbortError") return;
      body.replaceChildren(problemBox(error));
    }
  }

  /// What stays in sight: the title, how the document stands, and where the passage is.
  head(title, found) {
    const name = t("reader.close");
    const close = el("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick: () => this.close() }, "×");
    const heading = el("h2", { id: "reader-title", tabindex: "-1", lang: "zh-CN", text: bare(title) });
    const past = this.asOf && this.asOf !== this.asker.today ? el("span", { class: "small warn", text: t("reader.asof", { day: day(this.asOf) }) }) : null;
    const line = found ? el("p", { class: "standing" }, past, standing(found), el("span", { class: "small", text: standingDays(found) }), ...this.passage(found)) : null;
    this.panel.replaceChildren(el("header", { class: "panel-head" }, el("div", {}, heading, line), close));
  }

  about(found) {
    const rows = [
      ["reader.number", found["文号"]],
      ["reader.issuer", found.issuer],
      ["reader.version", found.version],
      ["reader.kind", word("kind", found.kind)],
      ["reader.labels", found.labels.length > 0 ? found.labels.join("、") : t("documents.everybody")],
      ["reader.source", found.source],
      ["reader.id", found.id === found.source ? "" : found.id],
    ];
    const cells = rows.filter(([, value]) => value).flatMap(([key, value]) => [el("dt", { text: t(key) }), el("dd", { text: value })]);
    const more = el("details", { class: "more" }, el("summary", { text: t("reader.more") }), el("dl", { class: "facts" }, ...cells));
    const brief = [found["文号"], found.version, found.issuer].filter(Boolean).join(" · ");
    return el("div", { class: "about-document" }, brief ? el("p", { class: "soft small", lang: "zh-CN", text: brief }) : null, el("div", { class: "versions-place" }), more);
  }

  /// The passage: its address, how it stands where that differs from the whole, its page, and a way to it.
  passage(found) {
    const { place } = this;
    if (!place.path) return [];
    const jump = el("button", { type: "button", class: "quiet jump", onclick: () => this.scroll(true), text: t("reader.jump") });
    const page = place.page ? el("span", { class: "soft small", text: t("page", { n: place.page }) }) : null;
    // How the passage stands was told for the day it was cited on.
    const own = this.asOf === this.cited && place.status && place.status !== found.status ? badge(place.status) : null;
    return [el("b", { lang: "zh-CN", text: address(place) || t("reader.passage") }), own, page, jump].filter(Boolean);
  }

  text(found, hidden) {
    const { place, spans } = this;
    const ranges = [];
    let warning = null;
    if (place.quote) {
      const as = cut(found.text, place.char_start, place.char_end) === place.quote;
      if (as) ranges.push({ start: place.char_start, end: place.char_end, kind: "quote" });
      else warning = el("p", { class: "warn", text: t("reader.moved") });
      if (as) ranges.push(...spans.map(({ char_start: start, char_end: end }) => ({ start, end, kind: "span" })));
    }
    const label = (kind) => t(has(`mask.${kind}`) ? `mask.${kind}` : "mask");
    ranges.push(...hidden.map(({ kind, char_start: start, char_end: end }) => ({ start, end, kind: "mask", label: label(kind) })));
    const marks = units(found.text, ranges);
    if (place.article) {
      const at = new RegExp(`(?:^|\\n)\\s*${place.article}(?!之)`).exec(found.text);
      const start = at ? found.text.indexOf(place.article, at.index) : -1;
      if (start >= 0) marks.push({ start, end: start + place.article.length, kind: "place" });
    }
    const note = hidden.length > 0 ? el("p", { class: "soft small", text: t("reader.masked", { n: hidden.length }) }) : null;
    const body = el("div", { class: "text", lang: "zh-CN", tabindex: "0", role: "region", "aria-label": t("reader.text") }, ...textOf(found.text, marks));
    return [warning, note, body].filter(Boolean);
  }

  scroll(smooth = false) {
    const mark = this.panel.querySelector("mark.span, mark.quoted, mark.place");
    if (!mark) {
      this.panel.scrollTop = 0;
      return;
    }
    const calm = !smooth || matchMedia("(prefers-reduced-motion: reduce)").matches;
    const top = mark.getBoundingClientRect().top - this.panel.getBoundingClientRect().top + this.panel.scrollTop;
    this.panel.scrollTo({ top: Math.max(0, top - this.panel.clientHeight / 3), behavior: calm ? "auto" : "smooth" });
  }

  /// The versions of the work: each is a document of its own.
  async versions(found, body, signal) {
    const ids = [...new Set([...found.versions, found.id])].slice(0, VERSIONS);
    if (ids.length < 2) return;
    const about = async (id) => {
      if (id === found.id) return found;
      const { query } = this;
      query.set("find", id);
      const { documents } = await getJson(`/v1/documents?${query}`, signal);
      return documents.find((one) => one.id === id);
    };
    try {
      const all = (await Promise.all(ids.map(about))).filter(Boolean);
      if (signal.aborted) return;
      all.sort((a, b) => (b.effective_from ?? "").localeCompare(a.effective_from ?? ""));
      const items = all.map((one) => el("li", {}, this.version(one, one.id === found.id)));
      const list = el("nav", { class: "versions", "aria-label": t("reader.versions") }, el("p", { class: "soft small", text: t("reader.versions") }), el("ul", {}, ...items));
      const before = this.panel.scrollHeight;
      body.querySelector(".versions-place").replaceChildren(list);
      // What is read stays where it is.
      this.panel.scrollTop += this.panel.scrollTop > 0 ? this.panel.scrollHeight - before : 0;
    } catch {
      // The text is there; its other versions are not, such as where the key was taken away meanwhile.
    }
  }

  version(one, current) {
    const name = one.version || one["文号"] || (one.effective_from ? day(one.effective_from) : one.id);
    const go = () => {
      // The same article of the other version, where it has one.
      const article = this.place.article ?? this.place.path?.find((part) => /^第.+条/.test(part));
      this.open({ doc_id: one.id, title: one.title, article }, { asOf: this.asOf });
    };
    return el("button", { type: "button", "aria-current": current ? "true" : null, onclick: go }, el("span", { lang: "zh-CN", text: name }), badge(one.status), el("span", { class: "soft small", text: days(one) }));
  }
}
