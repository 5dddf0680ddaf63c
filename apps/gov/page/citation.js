// Citations: how one is named, how it stands on the day, and its card.

import { el } from "./dom.js";
import { units } from "./characters.js";
import { marked } from "./marked.js";
import { day, t, word } from "./words.js";

const SIGNS = { in_force: "●", amended: "◐", repealed: "✕", not_yet: "○" };

/// How a text stands: a word, a sign and a colour.
export function badge(status) {
  return el("span", { class: `badge ${status}` }, el("span", { "aria-hidden": "true", text: `${SIGNS[status] ?? ""} ` }), word("status", status));
}

/// Kinds of documents that come into force; of others only what is out of force is worth a badge.
const DATED = ["law", "notice", "other"];

/// How a document stands, where that says something.
export const standing = ({ kind, status }) => (DATED.includes(kind) || status !== "in_force" ? badge(status) : null);

/// The days of a document, where that says something.
export const standingDays = (one) => days(one) || (DATED.includes(one.kind) ? t("days.unknown") : "");

export const bare = (title) => title.replace(/^[《〈]+|[》〉]+$/g, "");

/// Its address in one word: `第十条第一款`. Headings, which have blanks in them, are left out.
export const address = ({ path }) => path.filter((part) => !part.includes(" ")).join("");

/// `《劳动合同法》第十条第一款`.
export const named = (citation) => `《${bare(citation.title)}》${address(citation)}`;

/// The days a text is in force; the second is the first day that it is not.
export function days({ effective_from: from, effective_to: to }) {
  if (from && to) return t("days.both", { from: day(from), to: day(to) });
  if (from) return t("days.from", { from: day(from) });
  return to ? t("days.to", { to: day(to) }) : "";
}

/// What identifies the document beside its title: number, version, issuer, days, chapter, page.
export function facts(one) {
  const chapter = (one.path ?? []).filter((part) => part.includes(" ")).join(" › ");
  const page = one.page ? t("page", { n: one.page }) : "";
  return [one["文号"], one.version, one.issuer, days(one), chapter, page].filter(Boolean).join(" · ");
}

/// A button that opens the place of a citation.
export function chip(text, citation, open, label) {
  return el("button", { type: "button", class: "cite", "aria-label": label ?? t("cite.open", { n: text, name: named(citation) }), onclick: () => open(citation), text });
}

/// The card of a citation. `open(citation)` shows its place; `spans` are the words of the answer in it; `n` its number.
export function card(citation, { open, spans = [], n, quote = true, extra = [] }) {
  const name = el("button", { type: "button", class: "name", lang: "zh-CN", onclick: () => open(citation), text: named(citation) });
  const number = n ? el("b", { class: "number", text: String(n) }) : null;
  const inner = spans.map(({ char_start: start, char_end: end }) => ({ start, end, kind: "span" }));
  const words = quote ? el("blockquote", { lang: "zh-CN" }, ...marked(citation.quote, units(citation.quote, inner, citation.char_start))) : null;
  return el("li", { class: "source" }, el("div", { class: "source-head" }, number, el("div", { class: "names" }, name, badge(citation.status), ...extra)), el("p", { class: "soft small", text: facts(citation) }), words);
}
