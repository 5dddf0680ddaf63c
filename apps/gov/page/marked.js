// The text of a document as elements, with passages marked. Everything goes in as text.

import { pieces } from "./characters.js";
import { el } from "./dom.js";

const CHAPTER = /^\s*第[〇零一二三四五六七八九十百千]+(分编|编|章|节)/;
const ARTICLE = /^\s*第[〇零一二三四五六七八九十百千]+条(之[一二三四五六七八九十]+)?/;

/// A range of the text as nodes. `ranges` are of UTF-16 units: `kind` is `quote`, `span`, `place` or `mask`, whose
/// `label` stands in the place of its words.
export function nodes(text, ranges, from, to) {
  return pieces(ranges, from, to).map(([start, end, there]) => {
    const masked = there.find(({ kind }) => kind === "mask");
    const words = masked ? (masked.start === start ? masked.label : "") : text.slice(start, end);
    const kinds = there.map(({ kind }) => kind);
    if (kinds.includes("span")) return el("mark", { class: "span", text: words });
    if (kinds.includes("quote")) return el("mark", { class: "quoted", text: words });
    if (kinds.includes("place")) return el("mark", { class: "place", text: words });
    return masked ? el("span", { class: "masked", text: words }) : document.createTextNode(words);
  });
}

/// A text in short, such as a quote, with marks.
export const marked = (text, ranges) => nodes(text, ranges, 0, text.length);

/// A whole document: headings, articles, and tables, whose cells are separated by tabs.
export function textOf(text, ranges) {
  const lines = [];
  let at = 0;
  for (const line of text.split("\n")) {
    lines.push({ start: at, end: at + line.length, line });
    at += line.length + 1;
  }
  const parts = [];
  for (let i = 0; i < lines.length; i += 1) {
    if (lines[i].line.includes("\t")) {
      const rows = [];
      for (; i < lines.length && lines[i].line.includes("\t"); i += 1) rows.push(lines[i]);
      i -= 1;
      parts.push(tableOf(text, ranges, rows));
    } else if (lines[i].line.trim() !== "") {
      parts.push(lineOf(text, ranges, lines[i]));
    }
  }
  return parts;
}

function lineOf(text, ranges, { start, end, line }) {
  if (CHAPTER.test(line)) return el("p", { class: "chapter" }, ...nodes(text, ranges, start, end));
  const article = ARTICLE.exec(line);
  if (!article) return el("p", {}, ...nodes(text, ranges, start, end));
  const head = start + article[0].length;
  return el("p", {}, el("b", {}, ...nodes(text, ranges, start, head)), ...nodes(text, ranges, head, end));
}

function tableOf(text, ranges, rows) {
  const cells = ({ start, line }) => {
    let at = start;
    return line.split("\t").map((cell) => {
      const place = [at, at + cell.length];
      at += cell.length + 1;
      return place;
    });
  };
  const row = (one) => el("tr", {}, ...cells(one).map(([start, end]) => el("td", {}, ...nodes(text, ranges, start, end))));
  return el("div", { class: "wide", tabindex: "0", role: "group" }, el("table", {}, el("tbody", {}, ...rows.map(row))));
}
