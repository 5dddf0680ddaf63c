// The form of a search for better analogues.

import { Problem, upload } from "./api.js";
import { $, el, showProblem } from "./dom.js";
import { Goals } from "./goals.js";
import { moleculesOf, offer } from "./views.js";
import { t } from "./words.js";

const ADDRESS = "/v1/jobs/optimize";
const EXAMPLE = "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F celecoxib";

export class Optimise {
  /// `onjob(job)` when one was submitted.
  constructor({ onjob }) {
    this.onjob = onjob;
    this.goals = new Goals();
    this.scenarios = [];
    this.models = new Map();
    $("similarity").addEventListener("input", () => this.similarity());
    $("hits-example").addEventListener("click", () => {
      $("hits").value = EXAMPLE;
      this.goals.set([{ name: "QED", wanted: "max" }, { name: "SA", wanted: "min" }]);
    });
    $("optimise-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.similarity();
  }

  /// Takes what the server has: addresses, whether jobs run, scenarios as `{name, title, models}`, and what
  /// their models predict.
  offer({ known, jobs, scenarios, endpoints }) {
    this.scenarios = scenarios;
    this.endpoints = endpoints;
    offer("optimise", ADDRESS, { known: jobs ? known : new Set() });
    this.goals.offer(endpoints);
    this.showScenarios();
  }

  redraw() {
    this.goals.draw();
    this.showScenarios();
  }

  showScenarios() {
    const chosen = $("optimise-scenario").value;
    const none = el("option", { value: "", text: t("optimise.none") });
    const options = this.scenarios.map(({ name, title }) => el("option", { value: name, text: title(), selected: name === chosen }));
    $("optimise-scenario").replaceChildren(none, ...options);
  }

  similarity() {
    $("similarity-value").textContent = Number($("similarity").value).toFixed(2);
  }

  async submit() {
    if ($("optimise-go").disabled) return;
    $("optimise-problems").replaceChildren();
    $("optimise-go").disabled = true;
    $("optimise-busy").textContent = t("optimise.busy");
    try {
      const { query, text } = this.ask();
      this.onjob(await upload(`${ADDRESS}?${query}`, new Blob([text]), () => {}));
    } catch (error) {
      showProblem($("optimise-problems"), error, $("optimise-go"));
    } finally {
      $("optimise-go").disabled = false;
      $("optimise-busy").textContent = "";
    }
  }

  ask() {
    const hits = moleculesOf($("hits").value);
    if (hits.length === 0) throw new Problem({ key: "optimise.nohit" });
    const goals = this.goals.texts();
    const scenario = $("optimise-scenario").value;
    if (goals.length === 0 && !scenario) throw new Problem({ key: "goals.none" });
    // The job is known by its first molecule.
    const name = (hits[0].id ?? "").replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 40) || "hits";
    const query = new URLSearchParams({ filename: `${name}.smi` });
    for (const goal of goals) query.append("goal", goal);
    const set = (key, value) => value !== "" && query.set(key, value);
    set("scenario", scenario);
    const own = this.scenarios.find((one) => one.name === scenario)?.models ?? [];
    const models = this.goals.models;
    // The scenario's models run by themselves; naming any replaces them.
    if (models.some((model) => !own.includes(model))) set("models", [...new Set([...own, ...models])].join(","));
    set("similarity", $("similarity").value);
    set("keep_scaffold", String(document.querySelector("[name=scaffold]:checked").value === "keep"));
    set("forbid_alerts", [...document.querySelectorAll("#forbidden :checked")].map((box) => box.value).join(","));
    for (const [key, field] of [["max_sa", "max-sa"], ["max_weight", "max-weight"], ["budget", "budget"], ["seed", "seed"]]) {
      set(key, $(field).value.trim());
    }
    const text = hits.map(({ smiles, id }) => (id ? `${smiles}\t${id}\n` : `${smiles}\n`)).join("");
    return { query, text };
  }
}
