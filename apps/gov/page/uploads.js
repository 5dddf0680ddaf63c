// Files on their way into the index, one after the other, and what became of each.

import { Problem, upload } from "./api.js";
import { $, announce, el, problemBox } from "./dom.js";
import { size, t } from "./words.js";

/// Files of the list that are done.
const KEPT = 30;

export class Uploads {
  /// `ondone()` hears when the index has changed.
  constructor(state, { ondone }) {
    Object.assign(this, { state, ondone, items: [], busy: false });
    $("upload-file").addEventListener("change", () => {
      this.take($("upload-file").files);
      $("upload-file").value = "";
    });
    $("uploads-clear").addEventListener("click", () => {
      this.items = this.items.filter(({ state }) => state === "waiting" || state === "sending");
      this.redraw();
      $("upload-file").focus();
    });
  }

  /// Takes files with the departments that the form names.
  take(files) {
    const labels = $("upload-labels").value.replace(/[，、;；]/g, ",").trim();
    this.add([...files].map((file) => ({ file, name: file.name, labels })));
  }

  add(items) {
    const limit = this.state.server?.limits.body_bytes;
    for (const item of items) {
      const entry = { ...item, state: "waiting", node: el("li", { class: "upload" }) };
      if (limit && item.file.size > limit) {
        entry.state = "failed";
        entry.error = new Problem({ key: "upload.large", vars: { name: item.name, size: size(item.file.size), limit: size(limit) } });
      }
      this.items.unshift(entry);
    }
    this.items = this.items.slice(0, KEPT + this.items.filter(({ state }) => state === "waiting").length);
    this.redraw();
    this.next();
  }

  async next() {
    if (this.busy) return;
    // The oldest first; the index takes one at a time.
    const entry = this.items.findLast(({ state }) => state === "waiting");
    if (!entry) return;
    this.busy = true;
    entry.state = "sending";
    this.draw(entry);
    const query = new URLSearchParams({ name: entry.name });
    if (entry.labels) query.set("labels", entry.labels);
    try {
      const told = (sent, total) => {
        entry.share = total > 0 ? sent / total : 0;
        this.progress(entry);
      };
      entry.reply = await upload(`/v1/documents?${query}`, entry.file, told);
      entry.state = "done";
      announce(t("upload.done", { name: entry.name }));
      this.ondone();
    } catch (error) {
      entry.state = "failed";
      entry.error = error;
      announce(t("upload.failed", { name: entry.name }));
    }
    this.busy = false;
    this.draw(entry);
    this.next();
  }

  redraw() {
    $("uploads").replaceChildren(...this.items.map(({ node }) => node));
    $("uploads-clear").hidden = this.items.length === 0;
    for (const entry of this.items) this.draw(entry);
  }

  progress(entry) {
    const bar = entry.node.querySelector("progress");
    if (!bar) return;
    if (entry.share < 1) bar.value = entry.share;
    else bar.removeAttribute("value"); // all is sent, and is being read
    entry.node.querySelector(".state").textContent = t(entry.share < 1 ? "upload.sending" : "upload.reading");
  }

  draw(entry) {
    const { node, file, name, state } = entry;
    const head = el("p", { class: "row" }, el("b", { text: name }), el("span", { class: "soft small", text: size(file.size) }), el("span", { class: `state small ${state}`, text: t(`upload.${state}`) }));
    const parts = [head];
    if (state === "sending") parts.push(el("progress", { max: "1", "aria-label": name, value: String(entry.share ?? 0) }));
    if (state === "done") parts.push(...this.report(entry.reply));
    if (state === "failed") parts.push(problemBox(entry.error), this.again(entry));
    node.replaceChildren(...parts);
  }

  report({ ids, ...report }) {
    const counts = ["written", "unchanged", "duplicates", "removed", "failed"].filter((key) => report[key] > 0);
    const text = counts.map((key) => t(`report.${key}`, { n: report[key] }));
    if (report.units > 0) text.push(t("documents.units", { n: report.units }));
    const troubles = report.troubles.map((trouble) => {
      const where = [trouble.record > 0 ? t("report.record", { n: trouble.record }) : "", trouble.page ? t("page", { n: trouble.page }) : ""].filter(Boolean).join(" · ");
      return el("li", {}, where ? `${where}: ` : "", el("code", { text: trouble.code }), " ", el("span", { text: trouble.message }));
    });
    const shown = ids.slice(0, 3).join("、") + (ids.length > 3 ? " …" : "");
    return [
      el("p", { class: "small", text: text.join(" · ") || t("report.nothing") }),
      shown ? el("p", { class: "small soft" }, el("code", { text: shown })) : null,
      troubles.length > 0 ? el("details", { class: "troubles" }, el("summary", { class: "warn small", text: t("report.troubles", { n: troubles.length }) }), el("ul", { class: "small" }, ...troubles)) : null,
    ].filter(Boolean);
  }

  again(entry) {
    const button = el("button", { type: "button", text: t("again") });
    button.addEventListener("click", () => {
      entry.state = "waiting";
      entry.error = null;
      this.draw(entry);
      this.next();
    });
    return el("p", { class: "after" }, button);
  }
}
