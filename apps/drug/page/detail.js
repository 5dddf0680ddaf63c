// The panel of one molecule: drawing, profile, predictions, rules, alerts, how far to trust it,
// neighbours in the server's library, and where the numbers come from.

import { getJson, postJson } from "./api.js";
import { digits, endpointTitle, rowName, rowSmiles, write } from "./columns.js";
import { announce, el, problemBox, served } from "./dom.js";
import { radar } from "./radar.js";
import { showDrawing } from "./table.js";
import { t } from "./words.js";

const NEAR = 0.6;
const SOME = 0.4;

export class Detail {
  /// `onclose()` when it is closed, `onstep(step)` gives the row before or after.
  constructor(panel, { onclose, onstep }) {
    this.panel = panel;
    Object.assign(this, { onclose, onstep });
    this.row = null;
    this.libraries = null;
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  close() {
    if (!this.isOpen) return;
    this.stop?.abort();
    this.panel.hidden = true;
    this.row = null;
    this.onclose();
  }

  /// Shows a row; the focus moves to its heading where `focus` says so.
  open(result, row, { focus = true } = {}) {
    this.stop?.abort();
    this.stop = new AbortController();
    Object.assign(this, { result, row });
    const name = rowName(row);
    const title = el("h2", { id: "detail-title", tabindex: -1, text: name });
    const step = (by, key, sign) =>
      el("button", { type: "button", class: "quiet", "aria-label": t(key), title: t(key), onclick: () => this.step(by, key), "data-step": key }, sign);
    const head = el(
      "header",
      { class: "panel-head" },
      title,
      el(
        "div",
        { class: "row" },
        step(-1, "detail.previous", "↑"),
        step(1, "detail.next", "↓"),
        el("button", { type: "button", class: "quiet", "aria-label": t("close"), title: t("close"), onclick: () => this.close() }, "×"),
      ),
    );
    const body = el("div", { class: "panel-body" });
    this.panel.replaceChildren(head, body);
    this.panel.hidden = false;
    this.panel.scrollTop = 0;
    this.fill(body, result, row, name);
    if (focus) title.focus({ preventScroll: true });
  }

  step(by, key) {
    const row = this.onstep(by);
    if (!row) return;
    this.open(this.result, row, { focus: false });
    this.panel.querySelector(`[data-step="${key}"]`)?.focus();
    announce(rowName(row));
  }

  fill(body, result, row, name) {
    const smiles = rowSmiles(row);
    if (row.values.error_code) {
      const { error_code: code, error: detail } = row.values;
      body.append(problemBox({ code, detail }), smilesLine(row.smiles ?? ""));
      return;
    }
    if (smiles) {
      const image = el("img", { class: "large", alt: t("table.of", { name }) });
      showDrawing(image, smiles);
      const caption = row.values.alerts ? el("figcaption", { class: "soft small", text: t("detail.marked") }) : null;
      body.append(el("figure", { class: "structure" }, image, caption), smilesLine(smiles));
    }
    body.append(tiles(row));
    if (row.values.flags) body.append(el("p", {}, `${t("detail.flags")} `, el("span", { class: "warn", text: row.values.flags })));
    const chart = radar(result, row, name);
    if (chart) {
      const figure = el("figure", {}, chart.chart);
      figure.append(
        el("figcaption", { class: "soft small" }, t("radar.caption", { ranges: chart.ranges }), " ", t("radar.refs")),
      );
      body.append(section("detail.profile", figure));
    }
    const described = el("div", { class: "stack" }, el("p", { class: "soft", text: t("detail.loading") }));
    body.append(described, section("detail.domain", ...domain(row.values.nn_tanimoto)));
    if (result.endpoints.length > 0) body.append(section("detail.predictions", predictions(result, row)));
    const near = el("div");
    body.append(near, origin(result.origin));
    if (smiles) {
      this.describe(described, smiles);
      this.neighbours(near, smiles);
    }
  }

  async describe(place, smiles) {
    const { signal } = this.stop;
    try {
      const { description } = await postJson("/v1/describe", { smiles }, signal);
      if (signal.aborted) return;
      place.replaceChildren(alerts(description.alerts), rules(description.rules));
    } catch (error) {
      if (error.name !== "AbortError") place.replaceChildren(problemBox(error));
    }
  }

  async neighbours(place, smiles) {
    const { signal } = this.stop;
    try {
      this.libraries ??= (await getJson("/v1/libraries")).libraries;
      const [library] = this.libraries;
      if (!library || signal.aborted) return;
      const ask = { smiles: [smiles], library: library.name, top_k: 3 };
      const { results } = await postJson("/v1/search", ask, signal);
      if (signal.aborted) return;
      const found = results[0].hits.map((hit) => {
        const image = el("img", { class: "drawing", alt: t("table.of", { name: hit.id }) });
        showDrawing(image, hit.smiles, signal);
        return el("li", {}, image, el("b", { text: hit.id }), el("span", { class: "soft", text: t("detail.similarity", { n: digits(hit.score, 2) }) }));
      });
      const list = found.length > 0 ? el("ul", { class: "neighbours" }, ...found) : el("p", { text: t("detail.noneighbours") });
      place.replaceChildren(el("section", {}, el("h3", { text: t("detail.neighbours", { name: library.name }) }), list));
    } catch (error) {
      if (error.name !== "AbortError") place.replaceChildren(problemBox(error));
    }
  }
}

function section(title, ...children) {
  return el("section", {}, el("h3", { text: t(title) }), ...children);
}

function smilesLine(smiles) {
  const line = el("p", { class: "smiles-line" }, el("code", { text: smiles }));
  // The clipboard is there on secure addresses only.
  if (navigator.clipboard) {
    const copy = el("button", { type: "button", class: "quiet small", text: t("detail.copy") });
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(smiles);
      copy.textContent = t("detail.copied");
      announce(t("detail.copied"));
    });
    line.append(" ", copy);
  }
  return line;
}

function tiles(row) {
  const { score, rank, nn_tanimoto: near } = row.values;
  const tile = (key, text) => el("div", { class: "tile" }, el("b", { text: text || "–" }), el("span", { text: t(key) }));
  return el(
    "div",
    { class: "tiles" },
    tile("detail.score", write({ digits: 3 }, score)),
    tile("detail.rank", write({ digits: 0 }, rank)),
    tile("detail.similar", write({ digits: 2 }, near)),
  );
}

function predictions(result, row) {
  const head = el(
    "tr",
    {},
    el("th", { scope: "col", text: t("detail.property") }),
    el("th", { scope: "col", class: "n", text: t("detail.value") }),
    el("th", { scope: "col", class: "n", text: t("detail.interval") }),
  );
  const lines = result.endpoints.map((endpoint) => {
    const column = { probability: endpoint.task === "classification", digits: 2 };
    const [value, sd, lo, hi] = ["", "_sd", "_lo", "_hi"].map((end) => row.values[endpoint.name + end] ?? null);
    const unit = endpoint.unit && endpoint.unit !== "probability" ? endpoint.unit : "";
    const spread = sd === null ? "" : ` ± ${write(column, sd)}`;
    const interval = lo === null || hi === null ? "" : `${write(column, lo)} … ${write(column, hi)}`;
    const title = endpointTitle(endpoint);
    const name = el("th", { scope: "row" }, title === endpoint.name ? null : `${title} `, el("code", { text: endpoint.name }));
    if (unit) name.append(el("small", { class: "soft", text: ` ${unit}` }));
    return el("tr", {}, name, el("td", { class: "n", text: write(column, value) + spread }), el("td", { class: "n", text: interval }));
  });
  const table = el("table", { class: "small" }, el("thead", {}, head), el("tbody", {}, ...lines));
  return el("div", {}, table, el("p", { class: "soft small", text: t("detail.sd") }));
}

function domain(near) {
  if (typeof near !== "number") return [el("p", { text: t("domain.none") })];
  const key = near >= 0.9995 ? "same" : near >= NEAR ? "near" : near >= SOME ? "some" : "far";
  const meter = el("div", { class: "meter", role: "img", "aria-label": digits(near, 2) }, el("i", { class: key }));
  meter.firstChild.style.width = `${(near * 100).toFixed(1)}%`;
  return [
    meter,
    el("p", { text: t(`domain.${key}`, { n: digits(near, 2) }) }),
    el("p", { class: "soft small", text: t("domain.note") }),
  ];
}

function rules(all) {
  const items = all.map((rule) =>
    el(
      "li",
      { class: rule.passes ? "good" : "warn" },
      served("b", rule.rule),
      ` ${t(rule.passes ? "detail.passes" : "detail.breaks")}`,
      rule.violations.length > 0 ? served("span", `: ${rule.violations.join(", ")}`) : null,
    ),
  );
  return section("detail.rules", el("ul", { class: "rules" }, ...items));
}

function alerts(all) {
  if (all.length === 0) return section("detail.alerts", el("p", { text: t("detail.noalerts") }));
  const items = all.map((alert) => el("li", {}, served("b", alert.alert, { class: "warn" }), served("span", ` ${alert.description}`)));
  return section("detail.alerts", el("ul", { class: "alerts" }, ...items));
}

/// A digest in short; the whole one on the pointer and to copy.
const short = (digest) => el("code", { title: digest, text: digest ? `${digest.slice(0, 12)}…` : "" });

function origin(from) {
  const block = el("details", { class: "origin" }, el("summary", { text: t("detail.provenance") }));
  if (!from) return block;
  const head = ["origin.model", "origin.version", "origin.sha", "origin.ran"].map((key) => el("th", { scope: "col", text: t(key) }));
  const lines = from.models.map((model) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: model.model }),
      el("td", { text: model.version }),
      el("td", {}, short(model.sha256)),
      el("td", { text: `${model.provider.replace("ExecutionProvider", "")} · ONNX Runtime ${model.onnx_runtime}` }),
    ),
  );
  const more = el("dl");
  const add = (key, ...children) => more.append(el("dt", { text: t(key) }), el("dd", {}, ...children));
  add("origin.strata", from.strata);
  add("origin.scenario", `${from.scenario.name} ${from.scenario.version} · `, short(from.scenario.sha256));
  for (const features of from.featurisers) add("origin.features", `${features.id} · `, short(features.hash));
  if (from.domain) add("origin.domain", t("origin.molecules", { n: from.domain }));
  if (from.rows) add("origin.rows", short(from.rows));
  block.append(
    el("div", { class: "wide" }, el("table", { class: "small" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...lines))),
    more,
  );
  return block;
}
