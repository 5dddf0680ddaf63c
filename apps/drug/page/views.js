// The views of the page: which one is shown, and which operations the server has for them.

import { getJson } from "./api.js";
import { $, el, served } from "./dom.js";
import { t } from "./words.js";

const VIEWS = ["screen", "optimise", "admet", "targets", "adapt"];

/// The view that the address names, the first without a fragment, or null: the skip link's names none.
const named = () => (location.hash === "" ? VIEWS[0] : (VIEWS.find((view) => location.hash === `#/${view}`) ?? null));

function show(view) {
  for (const node of document.querySelectorAll("[data-view]")) {
    node.classList.toggle("off", !node.dataset.view.split(" ").includes(view));
  }
  for (const link of $("views").children) {
    if (link.hash === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/// Shows the view of the address, now and whenever it changes; `onleave()` hears of changes.
export function route(onleave) {
  show(named() ?? VIEWS[0]);
  addEventListener("hashchange", () => {
    const view = named();
    if (!view) return;
    onleave();
    show(view);
  });
}

/// The view shown.
export const shown = () => VIEWS.find((view) => location.hash === `#/${view}`) ?? VIEWS[0];

/// Goes to a view.
export function go(view) {
  if (location.hash !== `#/${view}`) location.hash = `#/${view}`;
  show(view);
}

/// The addresses of the server's API document, or null where there is none to read: then each view is
/// offered, and says what the server says.
export async function addresses() {
  try {
    return new Set(Object.keys((await getJson("/openapi.json")).paths));
  } catch {
    return null;
  }
}

/// Those of the models `names` that the server has no files of, or has never heard of.
export function missing(models, names) {
  const found = names.map((name) => models.find((model) => model.name === name) ?? { name, state: "absent" });
  return found.filter(({ state }) => state === "absent");
}

/// Shows why a view cannot be used in the place of its form, or the form: `lacking` are models that
/// the server lacks.
export function offer(view, address, { known, lacking = [] }) {
  const absent = known !== null && !known.has(address);
  const place = $(`${view}-absent`);
  place.hidden = !absent && lacking.length === 0;
  $(`${view}-form`).hidden = absent || lacking.length > 0;
  if (absent) place.replaceChildren(el("p", { text: t("views.absent", { address }) }));
  else if (lacking.length > 0) place.replaceChildren(...fetchLines(lacking));
}

function fetchLines(lacking) {
  const commands = lacking.map(({ name, reason }) =>
    el("li", {}, el("code", { class: "command", text: `strata-drug models fetch ${name}` }), reason ? served("span", ` ${reason}`, { class: "soft small" }) : null),
  );
  return [el("p", { text: t("views.models") }), el("ul", {}, ...commands), el("p", { class: "soft small", text: t("views.models.after") })];
}

/// The molecules of a field: a SMILES a line, a name behind it.
export function moleculesOf(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.map((line) => {
    const [, smiles, id] = /^(\S+)\s*(.*)$/.exec(line);
    return id ? { smiles, id } : { smiles };
  });
}

/// A share as a bar with its number; `kind` is a class.
export function bar(percent, text, kind = "") {
  const fill = el("i", { class: kind });
  // The bar repeats the number beside it.
  fill.style.width = `${Math.min(100, Math.max(0, percent)).toFixed(1)}%`;
  return el("div", { class: "bar" }, el("span", { class: "meter", "aria-hidden": "true" }, fill), el("span", { class: "bar-text", text }));
}
