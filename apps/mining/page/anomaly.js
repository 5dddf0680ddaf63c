// What a memory bank says of a picture: score against threshold, heat map, regions; and the way back:
// a picture that is normal after all goes into the bank.

import { request } from "./api.js";
import { announce, el, save, showProblem } from "./dom.js";
import { stem } from "./found.js";
import { originBox } from "./origin.js";
import { t } from "./words.js";

const short = (value) => value.toPrecision(3);

export class AnomalyResult {
  constructor(place, { stage, file, reply, one, again }) {
    Object.assign(this, { place, stage, file, reply, bank: one, again });
    this.opacity = 0.6;
    this.said = null;
    if (reply.map) stage.setHeat(reply.map, reply.threshold);
    this.redraw(true);
  }

  verdict() {
    const { threshold, anomalous } = this.reply;
    if (threshold === undefined || threshold === null) return ["warn", "anomaly.uncalibrated"];
    return anomalous ? ["bad", "anomaly.anomalous"] : ["good", "anomaly.normal"];
  }

  redraw(first = false) {
    const { reply, stage } = this;
    const [kind, key] = this.verdict();
    const calibrated = kind !== "warn";
    const vars = { score: short(reply.score), threshold: calibrated ? short(reply.threshold) : "" };
    const said = t(calibrated ? "anomaly.score" : "anomaly.score.alone", vars);
    const head = el("div", {}, el("h3", { text: t("anomaly.title") }), el("p", {}, el("span", { class: `verdict ${kind}`, text: t(key) })));
    const parts = [head, this.gauge(calibrated), el("p", { class: "small", text: said })];
    if (stage.heat) parts.push(this.opacityBox());
    if (reply.regions.length > 0) parts.push(this.regions());
    this.problems = el("div", { "aria-live": "assertive" });
    const json = el("button", { type: "button", text: t("found.json"), onclick: () => this.saveJson() });
    const png = el("button", { type: "button", text: t("found.png"), onclick: async () => save(await stage.file(), `${stem(this.file.name)}-heat.png`) });
    parts.push(this.adding(), this.problems, el("div", { class: "row" }, json, png));
    parts.push(originBox(reply.provenance, [[t("info.bank"), el("code", { title: reply.bank.sha256, text: `${reply.bank.name} ${reply.bank.sha256}` })]]));
    this.place.replaceChildren(el("section", { class: "card result" }, ...parts));
    this.mark();
    if (first) announce(`${t(key)}. ${said}`);
  }

  gauge(calibrated) {
    const { score, threshold } = this.reply;
    // The threshold stands at two thirds, or higher scores push it back.
    const full = calibrated ? Math.max(1.5 * threshold, 1.1 * score) : 1.25 * score;
    const fill = el("i");
    fill.style.width = `${(100 * score) / full}%`;
    const box = el("div", { class: `gauge${this.reply.anomalous ? " over" : ""}`, role: "meter", "aria-label": t("anomaly.gauge"), "aria-valuemin": "0", "aria-valuemax": short(full), "aria-valuenow": short(score) }, fill);
    if (calibrated) {
      const mark = el("b");
      mark.style.left = `${(100 * threshold) / full}%`;
      box.append(mark);
    }
    return box;
  }

  opacityBox() {
    const output = el("output", { text: `${Math.round(100 * this.opacity)} %` });
    const range = el("input", { type: "range", id: "opacity", min: "0", max: "1", step: "0.05", value: String(this.opacity) });
    range.addEventListener("input", () => {
      this.opacity = Number(range.value);
      output.textContent = `${Math.round(100 * this.opacity)} %`;
      this.mark();
    });
    return el("div", {}, el("div", { class: "range-head" }, el("label", { for: "opacity", text: t("anomaly.opacity") }), output), range);
  }

  regions() {
    const { regions } = this.reply;
    const row = (region, id) => {
      const [x1, y1, x2, y2] = region.map(Math.round);
      const pick = (to) => () => {
        this.stage.picked = to;
        this.stage.draw();
      };
      return el(
        "tr",
        { tabindex: "0", onmouseenter: pick(id), onfocus: pick(id), onmouseleave: pick(null), onblur: pick(null) },
        el("td", { text: `${id + 1}` }),
        el("td", { class: "n", text: `${x1}, ${y1}` }),
        el("td", { class: "n", text: `${x2 - x1} × ${y2 - y1}` }),
      );
    };
    const heads = ["anomaly.region", "found.box", "found.size"].map((key, at) => el("th", { scope: "col", class: at > 0 ? "n" : "", text: t(key) }));
    const caption = t("anomaly.regions", { n: regions.length });
    const table = el("table", {}, el("caption", { class: "sr", text: caption }), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...regions.map(row)));
    return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption }, table);
  }

  mark() {
    const { stage, reply } = this;
    stage.opacity = this.opacity;
    stage.boxes = reply.regions.map((region, id) => ({ id, bbox: region, colour: "#ffffff", text: String(id + 1) }));
    stage.label(`${t("anomaly.picture")}. ${t("anomaly.regions", { n: reply.regions.length })}`);
    stage.draw();
  }

  /// The button that makes this picture a normal one, with the name it gets.
  adding() {
    if (this.said) return el("p", { class: "good", role: "status", text: t("anomaly.added", this.said) });
    if (!this.bank.editable) return null;
    const name = el("input", { type: "text", id: "normal-name", value: this.file.name, autocomplete: "off" });
    const add = el("button", { type: "submit", text: t("anomaly.add") });
    const form = el("form", { class: "row" }, el("label", { for: "normal-name", class: "small", text: t("anomaly.name") }), name, add);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      add.disabled = true;
      add.textContent = t("anomaly.adding");
      this.problems.replaceChildren();
      try {
        await this.add(name.value.trim() || this.file.name);
      } catch (error) {
        add.disabled = false;
        add.textContent = t("anomaly.add");
        showProblem(this.problems, error, add);
      }
    });
    return form;
  }

  async add(name) {
    const bank = encodeURIComponent(this.reply.bank.name);
    const path = `/v1/banks/${bank}/normals?name=${encodeURIComponent(name)}`;
    const added = await (await request(path, { method: "POST", body: this.file })).json();
    const query = new URLSearchParams({ bank: this.reply.bank.name, name: this.file.name });
    const reply = await (await request(`/v1/inspect?${query}`, { method: "POST", body: this.file, headers: { accept: "application/json" } })).json();
    this.reply = reply;
    this.said = { name, n: added.normals, score: short(reply.score) };
    if (reply.map) this.stage.setHeat(reply.map, reply.threshold);
    this.redraw(true);
    this.place.querySelector("[role=status]")?.scrollIntoView({ block: "nearest" });
  }

  saveJson() {
    save(new Blob([`${JSON.stringify(this.reply, null, 2)}\n`], { type: "application/json" }), `${stem(this.file.name)}.json`);
  }
}
