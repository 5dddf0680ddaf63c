// What belt geometry measured: the picture as the server draws it, and its figures.

import { request } from "./api.js";
import { announce, el, save, served } from "./dom.js";
import { stem } from "./found.js";
import { originBox } from "./origin.js";
import { has, t } from "./words.js";

/// A value of the report as text; lists of points are told by their length.
function write(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return value.every((one) => typeof one === "number") ? value.map(write).join(", ") : String(value.length);
  return Object.entries(value).map(([key, one]) => `${key} ${write(one)}`).join(", ");
}

class BeltResult {
  constructor(place, { file, reply }) {
    Object.assign(this, { place, file, reply });
    this.redraw(true);
  }

  redraw(first = false) {
    const { reply } = this;
    const skip = new Set(["image", "width", "height", "scenario", "strata", "error"]);
    const rows = Object.entries(reply.belt ?? reply).filter(([key]) => !skip.has(key));
    const label = (key) => (has(`belt.${key}`) ? t(`belt.${key}`) : key.replaceAll("_", " "));
    const cells = rows.map(([key, value]) => el("tr", {}, el("td", { text: label(key) }), el("td", { class: "n", text: write(value) })));
    const heads = el("tr", {}, el("th", { scope: "col", text: t("belt.measure") }), el("th", { scope: "col", class: "n", text: t("belt.value") }));
    const table = el("table", {}, el("thead", {}, heads), el("tbody", {}, ...cells));
    const json = el("button", { type: "button", text: t("found.json"), onclick: () => this.saveJson() });
    const scenario = reply.scenario ? [[t("info.scenario"), served("span", `${reply.scenario.name} ${reply.scenario.version}`)]] : [];
    const box = el("section", { class: "card result" }, el("h3", { text: t("belt.title") }), el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("belt.title") }, table), el("div", { class: "row" }, json), originBox(null, [...scenario, [t("info.strata"), reply.strata ?? ""]]));
    this.place.replaceChildren(box);
    if (first) announce(t("belt.title"));
  }

  saveJson() {
    save(new Blob([`${JSON.stringify(this.reply, null, 2)}\n`], { type: "application/json" }), `${stem(this.file.name)}.json`);
  }
}

/// Asks for the picture with the edges drawn in, puts it on the stage, and lists the figures.
export async function beltResult(place, context, signal) {
  const { stage, file, reply } = context;
  const query = new URLSearchParams({ name: file.name });
  if (reply.scenario) query.set("scenario", reply.scenario.name);
  const drawn = await request(`/v1/belt?${query}`, { method: "POST", body: file, signal, headers: { accept: "image/jpeg" } });
  stage.show(await createImageBitmap(await drawn.blob()), reply.width, reply.height);
  stage.label(t("belt.picture"));
  return new BeltResult(place, context);
}
