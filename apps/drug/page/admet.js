// ADMET profiles: endpoints in groups with bars of percentiles, and a radar of the main ones.

import { postJson } from "./api.js";
import { digits, endpointTitle } from "./columns.js";
import { $, announce, el, problemBox, save, served, showProblem, svg } from "./dom.js";
import { writeCsv } from "./csv.js";
import { showDrawing } from "./table.js";
import { bar, missing, moleculesOf, offer } from "./views.js";
import { has, t } from "./words.js";

const ADDRESS = "/v1/admet";
const MODELS = ["admet-ai-classification", "admet-ai-regression"];
const EXAMPLE = "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F celecoxib\nCN1c2ccc(Cl)cc2C(=NCC1=O)c1ccccc1 diazepam";

/// Endpoints of the radar, clockwise from the top; the better end is outside.
const AXES = ["HIA_Hou", "Solubility_AqSolDB", "Bioavailability_Ma", "BBB_Martins", "CYP3A4_Veith", "hERG", "DILI", "AMES"];

export class Admet {
  constructor() {
    this.reply = null;
    $("admet-example").addEventListener("click", () => {
      $("admet-smiles").value = EXAMPLE;
    });
    $("admet-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
  }

  /// Takes what the server has; `models` are its models with their states.
  offer({ known, models }) {
    offer("admet", ADDRESS, { known, lacking: missing(models, MODELS) });
  }

  redraw() {
    if (this.reply) this.draw();
  }

  async ask() {
    if ($("admet-go").disabled) return;
    $("admet-problems").replaceChildren();
    const smiles = moleculesOf($("admet-smiles").value);
    if (smiles.length === 0) {
      showProblem($("admet-problems"), { key: "views.empty" }, $("admet-smiles"));
      return;
    }
    $("admet-go").disabled = true;
    $("admet-busy").textContent = t("busy.predict", { n: smiles.length });
    try {
      this.reply = await postJson(ADDRESS, { smiles });
      this.chosen = 0;
      this.draw();
      announce(t("admet.said", { n: this.reply.profiles.length }));
    } catch (error) {
      const own = error.status === 404 ? { key: "views.absent", vars: { address: ADDRESS } } : error;
      showProblem($("admet-problems"), own, $("admet-go"));
    } finally {
      $("admet-go").disabled = false;
      $("admet-busy").textContent = "";
    }
  }

  draw() {
    const { profiles } = this.reply;
    const tabs = profiles.map((profile, at) =>
      el("button", { type: "button", "aria-pressed": String(at === this.chosen), "data-at": at, text: nameOf(profile, at), onclick: () => this.choose(at) }),
    );
    const head = el(
      "div",
      { class: "results-head" },
      profiles.length > 1 ? el("div", { class: "row several", role: "group", "aria-label": t("smiles.label") }, ...tabs) : el("span"),
      el("button", { type: "button", id: "admet-csv", text: t("csv"), onclick: () => save(new Blob([tableOf(profiles)], { type: "text/csv;charset=utf-8" }), "admet.csv") }),
    );
    const profile = profiles[this.chosen];
    $("profiles").replaceChildren(head, ...about(profile, this.chosen, this.reply));
  }

  choose(at) {
    this.chosen = at;
    this.draw();
    $("profiles").querySelector(`[data-at="${at}"]`)?.focus();
    announce(nameOf(this.reply.profiles[at], at));
  }
}

const nameOf = (profile, at) => profile.id || t("table.row", { n: at + 1 });

/// The percentile as the radar shows it: 100 is the better end.
const goodness = ({ percentile, higher_is_better: higher }) => (higher === false ? 100 - percentile : percentile);

function about(profile, at, reply) {
  const name = nameOf(profile, at);
  const title = el("h2", { class: "profile-title", text: name });
  if (profile.error_code) return [title, problemBox({ code: profile.error_code, detail: profile.error ?? "" })];
  const image = el("img", { class: "large", alt: t("table.of", { name }) });
  showDrawing(image, profile.canonical_smiles ?? profile.smiles);
  const facts = profile.properties.map(({ name: property, value }) => el("div", {}, el("dt", { text: property }), el("dd", { text: digits(value, property.startsWith("Num") ? 0 : 2) })));
  const known = typeof profile.nn_tanimoto === "number" ? { n: digits(profile.nn_tanimoto, 2) } : {};
  const left = el(
    "div",
    { class: "card" },
    image,
    el("dl", { class: "facts" }, ...facts),
    el("p", { class: profile.domain === "outside" ? "warn" : "soft", text: t(`admet.domain.${profile.domain}`, known) }),
    profile.alerts ? el("p", {}, `${t("detail.alerts")}: `, served("span", profile.alerts, { class: "warn" })) : null,
  );
  const chart = radar(profile, name);
  const right = chart && el("figure", { class: "card" }, chart, el("figcaption", { class: "soft small", text: t("admet.radar") }));
  const groups = profile.groups.map((group) => groupOf(group));
  const references = reply.references.length > 0 ? t("admet.references", { names: [...new Set(reply.references)].join(", ") }) : t("admet.noreference");
  return [title, el("div", { class: "profile" }, left, right), el("div", { class: "groups" }, ...groups), el("p", { class: "soft small", text: references })];
}

function groupOf({ name, endpoints }) {
  const title = has(`admet.group.${name}`) ? t(`admet.group.${name}`) : name;
  const head = ["admet.endpoint", "admet.value", "admet.percentile"].map((key, at) => el("th", { scope: "col", class: at === 1 ? "n" : "", text: t(key) }));
  const lines = endpoints.map((endpoint) => {
    const { value, percentile, unit } = endpoint;
    const text = typeof value === "number" ? digits(value, Math.abs(value) < 100 ? 2 : 0) : "–";
    const own = unit && unit !== "probability" ? unit : "";
    const good = endpoint.higher_is_better === null || endpoint.higher_is_better === undefined ? "" : goodness(endpoint) >= 25 ? "well" : "badly";
    return el(
      "tr",
      {},
      el("th", { scope: "row", lang: has(`endpoint.${endpoint.name}`) ? false : "en", text: endpointTitle(endpoint) }),
      el("td", { class: "n" }, text, own ? el("small", { text: own }) : null),
      el("td", {}, typeof percentile === "number" ? bar(percentile, digits(percentile, 0), good) : "–"),
    );
  });
  const table = el("table", { class: "small" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...lines));
  return el("section", { class: "card group" }, el("h3", { text: title }), table);
}

function radar(profile, name) {
  const all = profile.groups.flatMap(({ endpoints }) => endpoints);
  const axes = AXES.map((axis) => all.find((one) => one.name === axis)).filter((one) => typeof one?.percentile === "number");
  if (axes.length < 3) return null;
  const point = (at, share) => {
    const angle = (2 * Math.PI * at) / axes.length;
    return [210 + 105 * share * Math.sin(angle), 160 - 105 * share * Math.cos(angle)];
  };
  const outline = (share) => axes.map((_, at) => point(at, share(at)).map((x) => x.toFixed(1)).join(",")).join(" ");
  const said = axes.map((axis) => `${t(`admet.axis.${axis.name}`)} ${digits(goodness(axis), 0)}`).join(", ");
  const chart = svg("svg", { viewBox: "0 0 420 320", class: "radar", role: "img", "aria-label": `${t("admet.radar.of", { name })}: ${said}` });
  for (const ring of [0.25, 0.5, 0.75, 1]) chart.append(svg("polygon", { points: outline(() => ring), class: ring === 1 ? "rim" : "ring" }));
  axes.forEach((_, at) => {
    const [x, y] = point(at, 1);
    chart.append(svg("line", { x1: 210, y1: 160, x2: x, y2: y, class: "ring" }));
  });
  chart.append(svg("polygon", { points: outline((at) => goodness(axes[at]) / 100), class: "shape" }));
  axes.forEach((axis, at) => {
    const [cx, cy] = point(at, goodness(axis) / 100);
    chart.append(svg("circle", { cx, cy, r: 3.5, class: "dot" }));
    const [x, rim] = point(at, 1.14);
    // Two lines of text: clear of the rim above and below.
    const y = rim < 70 ? rim - 12 : rim;
    const anchor = Math.abs(x - 210) < 8 ? "middle" : x > 210 ? "start" : "end";
    const text = svg("text", { x, y: y + 1, "text-anchor": anchor, class: "name" }, t(`admet.axis.${axis.name}`));
    chart.append(text, svg("text", { x, y: y + 15, "text-anchor": anchor, class: "value" }, digits(goodness(axis), 0)));
  });
  return chart;
}

/// A row each molecule: values and percentiles.
function tableOf(profiles) {
  const endpoints = profiles.find(({ error_code: code }) => !code)?.groups.flatMap((group) => group.endpoints.map(({ name }) => name)) ?? [];
  const head = ["smiles", "id", "canonical_smiles", "error_code", ...endpoints.flatMap((name) => [name, `${name}_percentile`]), "nn_tanimoto", "domain"];
  const rows = profiles.map((profile) => {
    const own = new Map(profile.groups.flatMap((group) => group.endpoints).map((one) => [one.name, one]));
    const values = endpoints.flatMap((name) => [own.get(name)?.value, own.get(name)?.percentile]);
    return [profile.smiles, profile.id, profile.canonical_smiles, profile.error_code, ...values, profile.nn_tanimoto, profile.domain];
  });
  return writeCsv([head, ...rows]);
}
