// What a detector found: boxes on the stage, a filter by confidence and class, a table, files.

import { announce, el, save } from "./dom.js";
import { originBox } from "./origin.js";
import { colourOf } from "./stage.js";
import { lang, t } from "./words.js";

const percent = (value) => `${(100 * value).toFixed(0)} %`;

/// A file's name without its ending.
export const stem = (name) => name.replace(/\.[^.]*$/, "") || "picture";

export class FoundResult {
  constructor(place, { stage, file, reply }) {
    Object.assign(this, { place, stage, file, reply });
    this.least = reply.settings.usual_confidence;
    this.off = new Set();
    this.redraw(true);
  }

  name(object) {
    return lang() === "zh" && object.label_zh ? object.label_zh : object.label;
  }

  /// What the filter lets through.
  kept() {
    return this.reply.objects
      .map((object, id) => ({ ...object, id }))
      .filter((object) => object.score >= this.least && !this.off.has(object.class));
  }

  redraw(first = false) {
    const { reply } = this;
    this.title = el("h3");
    this.body = el("tbody");
    this.output = el("output");
    const range = el("input", { type: "range", id: "confidence", min: "0", max: "1", step: "0.01", value: String(this.least) });
    range.addEventListener("input", () => {
      this.least = Number(range.value);
      this.update();
    });
    const head = el("div", { class: "range-head" }, el("label", { for: "confidence", text: t("found.confidence") }), this.output);
    const files = el(
      "div",
      { class: "row" },
      el("button", { type: "button", text: t("found.json"), onclick: () => this.saveJson() }),
      el("button", { type: "button", text: t("found.png"), onclick: () => this.savePicture() }),
    );
    const heads = ["class", "score", "box", "size"].map((key, at) => el("th", { scope: "col", class: at > 0 ? "n" : "", text: t(`found.${key}`) }));
    const table = el("table", {}, el("caption", { class: "sr", text: t("found.table") }), el("thead", {}, el("tr", {}, ...heads)), this.body);
    this.wide = el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("found.table") }, table);
    const scenario = reply.scenario ? [[t("info.scenario"), `${reply.scenario.name} ${reply.scenario.version}`]] : [];
    const box = el("section", { class: "card result" }, this.title, el("div", {}, head, range), this.classBoxes(), this.wide, files, originBox(reply.provenance, scenario));
    this.place.replaceChildren(box);
    this.update();
    if (first) announce(this.title.textContent);
  }

  classBoxes() {
    const counts = new Map();
    for (const object of this.reply.objects) {
      const count = counts.get(object.class) ?? { object, n: 0 };
      count.n += 1;
      counts.set(object.class, count);
    }
    if (counts.size < 2) return null;
    const boxes = [...counts].sort(([a], [b]) => a - b).map(([id, { object }]) => {
      const box = el("input", { type: "checkbox" });
      box.checked = !this.off.has(id);
      box.addEventListener("change", () => {
        if (box.checked) this.off.delete(id);
        else this.off.add(id);
        this.update();
      });
      const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = colourOf(id);
      return el("label", {}, box, swatch, this.name(object));
    });
    return el("fieldset", { class: "classes" }, el("legend", { text: t("found.classes") }), ...boxes);
  }

  update() {
    const { reply, stage } = this;
    const kept = this.kept();
    this.output.textContent = percent(this.least);
    const count = t("found.count", { n: kept.length });
    const all = reply.objects.length;
    this.title.textContent = all === 0 ? t("found.none") : kept.length === 0 ? t("found.hidden") : count;
    stage.boxes = kept.map((object) => ({
      id: object.id,
      bbox: object.bbox,
      colour: colourOf(object.class),
      text: `${this.name(object)} ${percent(object.score)}`,
    }));
    stage.picked = null;
    stage.label(t("found.picture", { n: kept.length, list: kept.slice(0, 20).map((o) => `${this.name(o)} ${percent(o.score)}`).join(", ") || "–" }));
    stage.draw();
    this.wide.hidden = kept.length === 0;
    this.body.replaceChildren(...kept.map((object) => this.row(object)));
  }

  row(object) {
    const [x1, y1, x2, y2] = object.bbox.map(Math.round);
    const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.cssText = `background:${colourOf(object.class)};display:inline-block;margin-right:6px`;
    const pick = (id) => () => {
      this.stage.picked = id;
      this.stage.draw();
    };
    const row = el(
      "tr",
      { tabindex: "0", onmouseenter: pick(object.id), onfocus: pick(object.id), onmouseleave: pick(null), onblur: pick(null) },
      el("td", {}, swatch, this.name(object)),
      el("td", { class: "n", text: percent(object.score) }),
      el("td", { class: "n", text: `${x1}, ${y1}` }),
      el("td", { class: "n", text: `${x2 - x1} × ${y2 - y1}` }),
    );
    return row;
  }

  saveJson() {
    const objects = this.kept().map(({ id, ...object }) => object);
    const shown = { ...this.reply, objects, settings: { ...this.reply.settings, confidence: this.least } };
    save(new Blob([`${JSON.stringify(shown, null, 2)}\n`], { type: "application/json" }), `${stem(this.file.name)}.json`);
  }

  async savePicture() {
    save(await this.stage.file(), `${stem(this.file.name)}-found.png`);
  }
}
