// The result table: sorted, filtered, moved through by keyboard. Only the rows in view are in the
// document, so that a thousand rows cost as much as twenty; all have the same height for that.

import { drawing } from "./drawings.js";
import { headOf, rowName, rowSmiles, valueOf, write } from "./columns.js";
import { el, served } from "./dom.js";
import { t } from "./words.js";

/// Rows kept beyond each edge of the view.
const BEYOND = 6;

/// Shows a molecule in an image, or a text where there is no drawing. With `atoms` these are marked, else alerts.
export async function showDrawing(image, smiles, signal, atoms) {
  for (;;) {
    try {
      image.src = await drawing(smiles, signal, atoms);
      return;
    } catch (error) {
      // Another row asked for the same drawing and has gone from view: ask again for ourselves.
      if (error.name === "AbortError" && signal && !signal.aborted) continue;
      if (error.name !== "AbortError") image.replaceWith(el("span", { class: "soft small", text: t("table.nodrawing") }));
      return;
    }
  }
}

export class ResultTable {
  /// `onopen(row)` when a row is chosen, `onmove(row)` when the marked row changes, `onview(n)` when
  /// other rows are shown.
  constructor(scroll, { onopen, onmove, onview }) {
    this.scroll = scroll;
    Object.assign(this, { onopen, onmove, onview });
    this.result = null;
    this.view = [];
    this.sort = { key: "rank", down: false };
    this.fits = () => true;
    this.active = 0;
    this.height = 76;
    this.rendered = new Map();
    scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    scroll.addEventListener("keydown", (event) => this.keys(event));
    new ResizeObserver(() => this.draw()).observe(scroll);
  }

  /// Shows another result, best first.
  show(result) {
    this.result = result;
    this.sort = { key: "rank", down: false };
    this.fits = () => true;
    this.active = 0;
    this.scroll.scrollTo(0, 0);
    this.build();
  }

  /// Shows the rows for which `fits(row)` holds.
  filter(fits) {
    this.fits = fits;
    this.scroll.scrollTop = 0;
    this.arrange();
  }

  get row() {
    return this.view[this.active];
  }

  /// Makes the head anew: other columns, or another language.
  build() {
    if (!this.result) return;
    this.columns = this.result.columns.filter((column) => column.shown);
    const widths = el("colgroup");
    let width = 0;
    for (const column of this.columns) {
      const col = el("col");
      col.style.width = `${column.width}px`;
      width += column.width;
      widths.append(col);
    }
    this.body = el("tbody");
    this.head = el("tr", { "aria-rowindex": 1 }, ...this.columns.map((column) => this.headCell(column)));
    this.table = el("table", { role: "grid", "aria-label": t("table.label") }, widths, el("thead", {}, this.head), this.body);
    this.table.style.width = `${width}px`;
    this.scroll.replaceChildren(this.table);
    this.arrange();
  }

  headCell(column) {
    const { head, about, short = about } = headOf(column);
    const kind = column.kind === "drawing" ? "pin" : column.kind === "number" ? "n" : "";
    if (column.kind === "drawing") return el("th", { scope: "col", class: kind }, el("span", { text: head }));
    const button = el(
      "button",
      { type: "button", title: about || false, onclick: () => this.sortBy(column.key) },
      el("b", { text: head }),
      el("span", { class: "arrow", "aria-hidden": "true" }),
      short ? el("small", { text: short }) : null,
    );
    return el("th", { scope: "col", class: kind, "data-name": column.key }, button);
  }

  /// Ascending, then descending, then the order of the input.
  sortBy(key) {
    if (this.sort.key !== key) this.sort = { key, down: false };
    else if (!this.sort.down) this.sort = { key, down: true };
    else this.sort = { key: null, down: false };
    this.scroll.scrollTop = 0;
    this.arrange();
  }

  /// Filters and sorts; the mark stays on the row that the panel shows, else it goes to the first.
  arrange() {
    if (!this.result) return;
    const kept = this.open ? this.row : null;
    this.view = this.result.rows.filter(this.fits);
    const { key, down } = this.sort;
    const by = this.result.columns.find((column) => column.key === key);
    if (by) {
      const way = down ? -1 : 1;
      const order = new Intl.Collator(undefined, { numeric: true });
      this.view.sort((a, b) => {
        const [x, y] = [valueOf(by, a), valueOf(by, b)];
        // What has no value comes last either way.
        if (x === null || y === null) return (x === null) - (y === null) || a.number - b.number;
        const ahead = typeof x === "number" && typeof y === "number" ? x - y : order.compare(x, y);
        return ahead * way || a.number - b.number;
      });
    }
    this.active = Math.max(0, kept ? this.view.indexOf(kept) : 0);
    for (const th of this.head.children) {
      if (!th.dataset.name) continue;
      const on = th.dataset.name === key;
      th.setAttribute("aria-sort", on ? (down ? "descending" : "ascending") : "none");
    }
    this.table.setAttribute("aria-rowcount", String(this.view.length + 1));
    for (const row of this.rendered.values()) row.stop.abort();
    this.rendered.clear();
    this.above = el("tr", { class: "space", "aria-hidden": "true" }, el("td", { colspan: this.columns.length }));
    this.below = el("tr", { class: "space", "aria-hidden": "true" }, el("td", { colspan: this.columns.length }));
    this.body.replaceChildren(this.above, this.below);
    if (this.view.length === 0 && this.result.rows.length > 0) {
      const cell = el("td", { colspan: this.columns.length, class: "none", text: t("results.none") });
      this.body.replaceChildren(this.above, el("tr", {}, cell), this.below);
    }
    this.draw();
    this.onview(this.view.length);
  }

  /// Brings the document in line with what is in view.
  draw() {
    if (!this.result) return;
    const count = this.view.length;
    const from = Math.max(0, Math.floor(this.scroll.scrollTop / this.height) - BEYOND);
    const to = Math.min(count, Math.ceil((this.scroll.scrollTop + this.scroll.clientHeight) / this.height) + BEYOND);
    for (const [at, row] of this.rendered) {
      if (at >= from && at < to) continue;
      row.stop.abort();
      // The focus must not fall out of the table with its row.
      if (row.node.contains(document.activeElement)) this.scroll.focus({ preventScroll: true });
      row.node.remove();
      this.rendered.delete(at);
    }
    let before = this.above;
    for (let at = from; at < to; at += 1) {
      let row = this.rendered.get(at);
      if (!row) {
        row = this.makeRow(at);
        this.rendered.set(at, row);
        before.after(row.node);
      }
      before = row.node;
    }
    const first = this.rendered.get(from);
    if (first) {
      // Larger letters make higher rows.
      const real = first.node.offsetHeight;
      if (real > 0 && Math.abs(real - this.height) > 0.5) {
        this.height = real;
        this.draw();
        return;
      }
    }
    this.above.firstChild.style.height = `${from * this.height}px`;
    this.below.firstChild.style.height = `${(count - to) * this.height}px`;
    this.mark();
  }

  /// One row can be reached by Tab: the marked one, or the first in view where that is far away.
  mark() {
    const there = this.rendered.has(this.active) ? this.active : Math.min(...this.rendered.keys());
    for (const [at, { node }] of this.rendered) {
      node.tabIndex = at === there ? 0 : -1;
      node.setAttribute("aria-selected", String(at === this.active && this.open === true));
    }
  }

  makeRow(at) {
    const row = this.view[at];
    const stop = new AbortController();
    const node = el("tr", { "aria-rowindex": at + 2, class: row.values.error_code ? "bad" : false });
    let skip = false;
    this.columns.forEach((column, index) => {
      if (skip) return;
      // A row with an error says so where its numbers would be.
      const next = row.values.error_code && !["#drawing", "#id", "#smiles"].includes(column.key);
      if (next) {
        skip = true;
        node.append(this.errorCell(row, this.columns.length - index));
        return;
      }
      node.append(this.cell(column, row, stop.signal));
    });
    node.addEventListener("click", () => {
      // Marking text to copy it is no choice of a row.
      if (String(getSelection()) !== "") return;
      this.moveTo(at, { focus: true });
      this.onopen(row);
    });
    return { node, stop };
  }

  errorCell(row, span) {
    const cell = el("td", { colspan: span, class: "error" });
    cell.append(el("div", { class: "c" }, el("code", { text: row.values.error_code }), " ", served("span", row.values.error ?? "")));
    return cell;
  }

  cell(column, row, signal) {
    const value = valueOf(column, row);
    if (column.kind === "drawing") {
      const smiles = rowSmiles(row);
      if (!smiles) return el("td", { class: "pin" }, el("span", { class: "soft small", text: t("table.nodrawing") }));
      const image = el("img", { alt: t("table.of", { name: rowName(row) }), class: "drawing" });
      showDrawing(image, smiles, signal);
      return el("td", { class: "pin" }, image);
    }
    if (column.endpoint) return this.predictionCell(column, row);
    const text = column.key === "#id" ? rowName(row) : write(column, value);
    const style = { "#smiles": "smiles", canonical_smiles: "smiles", score: "n strong", alerts: "warn", flags: "warn" };
    const kind = style[column.key] ?? (column.kind === "number" ? "n" : "");
    return el("td", { class: kind, title: text.length > 24 ? text : false }, el("div", { class: "c", text }));
  }

  predictionCell(column, row) {
    const { name } = column;
    const [value, sd, lo, hi] = ["", "_sd", "_lo", "_hi"].map((end) => row.values[name + end] ?? null);
    const title = [];
    if (sd !== null) title.push(t("table.sd", { sd: write({ digits: 3 }, sd) }));
    const bounds = lo !== null && hi !== null && { lo: write(column, lo), hi: write(column, hi) };
    if (bounds) title.push(t("table.interval", bounds));
    const c = el("div", { class: "c", text: write(column, value) });
    if (sd !== null) c.append(el("span", { class: "sd", text: ` ± ${write(column, sd)}` }));
    if (bounds) c.append(el("small", { text: `${bounds.lo} … ${bounds.hi}` }));
    return el("td", { class: "n", title: title.join("; ") || false }, c);
  }

  keys(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("thead")) return;
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      const to = this.active + steps[event.key];
      this.moveTo(Math.min(Math.max(to, 0), this.view.length - 1), { focus: true });
      this.onmove(this.row);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.row) this.onopen(this.row);
    }
  }

  /// Marks a row and brings it into view.
  moveTo(at, { focus = false } = {}) {
    if (at < 0 || at >= this.view.length) return;
    this.active = at;
    const head = this.head.offsetHeight;
    const [top, bottom] = [at * this.height, (at + 1) * this.height];
    const inside = this.scroll.clientHeight - head;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (bottom > this.scroll.scrollTop + inside) this.scroll.scrollTop = bottom - inside;
    this.draw();
    if (focus) this.rendered.get(at)?.node.focus({ preventScroll: true });
  }

  /// Moves the mark by `step` rows; the row it is on then.
  step(step) {
    this.moveTo(this.active + step);
    return this.row;
  }

  /// Whether the panel shows the marked row.
  setOpen(open) {
    this.open = open;
    this.mark();
  }

  focusRow() {
    this.moveTo(this.active, { focus: true });
  }

  /// The rows in view, in their order, with every column and every digit: as the command line writes
  /// them, so that no spread is lost because its column is hidden.
  records() {
    const { names } = this.result;
    return [names, ...this.view.map((row) => names.map((name) => row.values[name] ?? null))];
  }
}
