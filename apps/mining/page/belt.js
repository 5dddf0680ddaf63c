// What belt geometry measured: the picture as the server draws it, and its figures.

import { request } from "./api.js";
import { announce, el, save, served } from "./dom.js";
import { stem } from "./found.js";
import { originBox } from "./origin.js";
import { t } from "./words.js";

/// Rounded; never -0.
const round = (value, digits = 1) => value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "");
const percent = (value) => round(100 * value);

/// The report as lines, `[label, text or node]`; what was not measured is left out.
function lines(belt) {
  const { deviation, load, overflow, tears } = belt;
  const out = [["found", t(belt.found ? "belt.yes" : "belt.no")]];
  if (belt.missing.length > 0) out.push(["missing", served("span", belt.missing.join("; "))]);
  for (const side of ["left", "right"]) {
    if (belt.hidden?.side === side) out.push([side, t("belt.hidden", { n: Math.round(100 * belt.hidden.covered) })]);
    if (belt[side]) out.push([side, t("belt.edge", { n: Math.round(100 * belt[side].confidence) })]);
  }
  if (typeof belt.width === "number") out.push(["width", round(belt.width, 0)]);
  if (typeof belt.angle === "number") out.push(["angle", round(belt.angle)]);
  if (deviation) {
    const vars = { px: round(deviation.px), share: percent(deviation.share) };
    const known = typeof deviation.mm === "number";
    out.push(["deviation", known ? t("belt.deviation.mm", { ...vars, mm: round(deviation.mm, 0) }) : t("belt.deviation.of", vars)]);
  }
  if (load) out.push(["load", `${percent(load.filled)} %`]);
  const kinds = overflow.map(({ kind, confidence }) => `${t(`belt.overflow.${kind}`)} (${percent(confidence)} %)`);
  out.push(["overflow", kinds.join(", ") || t("belt.none")]);
  out.push(["tears", tears.map(({ confidence }) => `${percent(confidence)} %`).join(", ") || t("belt.none")]);
  return out;
}

class BeltResult {
  constructor(place, { file, reply }) {
    Object.assign(this, { place, file, reply });
    this.redraw(true);
  }

  redraw(first = false) {
    const { belt, scenario } = this.reply;
    const cells = lines(belt).map(([key, value]) => el("tr", {}, el("td", { text: t(`belt.${key}`) }), el("td", {}, value)));
    const heads = el("tr", {}, el("th", { scope: "col", text: t("belt.measure") }), el("th", { scope: "col", text: t("belt.value") }));
    const table = el("table", {}, el("thead", {}, heads), el("tbody", {}, ...cells));
    const wide = el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": t("belt.title") }, table);
    const json = el("button", { type: "button", text: t("found.json"), onclick: () => this.saveJson() });
    const origin = originBox(null, [
      [t("info.scenario"), `${scenario.name} ${scenario.version}`],
      [t("info.sha"), el("code", { title: scenario.sha256, text: scenario.sha256 })],
      [t("info.strata"), scenario.strata],
    ]);
    this.place.replaceChildren(el("section", { class: "card result" }, el("h3", { text: t("belt.title") }), wide, el("div", { class: "row" }, json), origin));
    if (first) announce(lines(belt).map(([key, value]) => (typeof value === "string" ? `${t(`belt.${key}`)}: ${value}` : "")).filter(Boolean).join(". "));
  }

  saveJson() {
    save(new Blob([`${JSON.stringify(this.reply, null, 2)}\n`], { type: "application/json" }), `${stem(this.file.name)}.json`);
  }
}

/// Asks for the picture with the edges drawn in, puts it on the stage, and lists the figures.
export async function beltResult(place, context, signal) {
  const { stage, file, reply } = context;
  const query = new URLSearchParams({ name: file.name, scenario: reply.scenario.name });
  const drawn = await request(`/v1/belt?${query}`, { method: "POST", body: file, signal, headers: { accept: "image/jpeg" } });
  stage.show(await createImageBitmap(await drawn.blob()), reply.width, reply.height);
  stage.label(t("belt.picture"));
  stage.draw();
  return new BeltResult(place, context);
}
