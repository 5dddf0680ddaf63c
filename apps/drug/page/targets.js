// Target fishing: the proteins that molecules may act on.

import { postJson } from "./api.js";
import { digits } from "./columns.js";
import { writeCsv } from "./csv.js";
import { $, announce, el, problemBox, save, served, showProblem } from "./dom.js";
import { showDrawing } from "./table.js";
import { bar, missing, moleculesOf, offer } from "./views.js";
import { number, t } from "./words.js";

const ADDRESS = "/v1/targets";
const MODEL = "chembl-multitask";
const EXAMPLE = "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F celecoxib\nCN1c2ccc(Cl)cc2C(=NCC1=O)c1ccccc1 diazepam";

export class Targets {
  constructor() {
    this.reply = null;
    $("targets-example").addEventListener("click", () => {
      $("targets-smiles").value = EXAMPLE;
    });
    $("targets-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
  }

  /// Takes what the server has; `models` are its models with their states.
  offer({ known, models }) {
    offer("targets", ADDRESS, { known, lacking: missing(models, [MODEL]) });
  }

  redraw() {
    if (this.reply) this.draw();
  }

  async ask() {
    if ($("targets-go").disabled) return;
    $("targets-problems").replaceChildren();
    const molecules = moleculesOf($("targets-smiles").value);
    if (molecules.length === 0) {
      showProblem($("targets-problems"), { key: "views.empty" }, $("targets-smiles"));
      return;
    }
    $("targets-go").disabled = true;
    $("targets-busy").textContent = t("busy.predict", { n: molecules.length });
    try {
      const ask = { smiles: molecules.map(({ smiles }) => smiles), top: Number($("targets-top").value), by: $("targets-by").value };
      this.reply = await postJson(ADDRESS, ask);
      this.molecules = molecules;
      this.draw();
      announce(t("targets.said", { n: molecules.length }));
    } catch (error) {
      const own = error.status === 404 ? { key: "views.absent", vars: { address: ADDRESS } } : error;
      showProblem($("targets-problems"), own, $("targets-go"));
    } finally {
      $("targets-go").disabled = false;
      $("targets-busy").textContent = "";
    }
  }

  draw() {
    const { results, reference, model } = this.reply;
    const name = (at) => this.molecules[at]?.id || t("table.row", { n: at + 1 });
    const saved = () => save(new Blob([tableOf(results, name)], { type: "text/csv;charset=utf-8" }), "targets.csv");
    const note = `${t("targets.note", { n: reference })} ${t("targets.model", { name: model.name, version: model.version })}`;
    $("found").replaceChildren(
      el("div", { class: "results-head" }, el("p", { class: "soft small targets-note", text: note }), el("button", { type: "button", id: "targets-csv", text: t("csv"), onclick: saved })),
      ...results.map((result, at) => found(result, name(at))),
    );
  }
}

function found(result, name) {
  const title = el("h3", { text: name });
  if (result.error_code) return el("section", { class: "card" }, title, problemBox({ code: result.error_code, detail: result.error }));
  const image = el("img", { class: "drawing", alt: t("table.of", { name }) });
  showDrawing(image, result.query);
  const head = [
    ["targets.rank", "n"],
    ["targets.target", ""],
    ["targets.class", "class"],
    ["targets.probability", ""],
    ["targets.percentile", ""],
  ].map(([key, kind]) => el("th", { scope: "col", class: kind, text: t(key) }));
  const lines = result.targets.map((hit) =>
    el(
      "tr",
      {},
      el("td", { class: "n", text: number(hit.rank) }),
      el(
        "th",
        { scope: "row" },
        hit.gene ? el("b", { text: hit.gene }) : null,
        served("span", `${hit.gene ? " " : ""}${hit.name || hit.target}`),
        served("small", [hit.name ? hit.target : "", hit.organism].filter(Boolean).join(" · "), { class: "soft" }),
      ),
      served("td", hit.class, { class: "class" }),
      el("td", {}, bar(hit.probability * 100, digits(hit.probability, 2))),
      el("td", {}, bar(hit.percentile, digits(hit.percentile, 1))),
    ),
  );
  const table =
    lines.length > 0
      ? el("div", { class: "wide" }, el("table", { class: "small" }, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...lines)))
      : el("p", { text: t("targets.none") });
  return el("section", { class: "card fished" }, el("div", {}, title, image), table);
}

function tableOf(results, name) {
  const head = ["id", "smiles", "error_code", "rank", "target", "gene", "name", "organism", "class", "probability", "percentile"];
  const rows = results.flatMap((result, at) => {
    const own = [name(at), result.query, result.error_code];
    if (result.targets.length === 0) return [own];
    return result.targets.map((hit) => [...own, ...head.slice(3).map((field) => hit[field])]);
  });
  return writeCsv([head, ...rows]);
}
