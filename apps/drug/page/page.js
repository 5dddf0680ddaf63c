// The page of `strata-drug serve`: input, scenario, predictions, jobs and the panel of a molecule.

import { Adapt } from "./adapt.js";
import { Adapted } from "./adapted.js";
import { Admet } from "./admet.js";
import { Analogues } from "./analogues.js";
import { getJson, key, onKey, onUnauthorised, postJson, Problem, request, upload } from "./api.js";
import { GROUPS, headOf, keepChoice, makeResult, matcher, readTable } from "./columns.js";
import { parseCsv, writeCsv } from "./csv.js";
import { Detail } from "./detail.js";
import { $, announce, el, save, seldom, showProblem } from "./dom.js";
import { fitted, jobName, Jobs, search } from "./jobs.js";
import { askKey } from "./key.js";
import { Optimise } from "./optimise.js";
import { ResultTable } from "./table.js";
import { Targets } from "./targets.js";
import { addresses, go, moleculesOf, route, shown as shownView } from "./views.js";
import { apply, duration, has, lang, setLang, size, t } from "./words.js";

// Drugs with known names, among them one with alerts (sulfasalazine), one beyond Lipinski's rules
// (atorvastatin) and one unlike most (a peptide), and a line that cannot be read, to show an error.
const EXAMPLE = `CC(=O)Oc1ccccc1C(=O)O aspirin
CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O ibuprofen
CN1C(=O)N(C)c2ncn(C)c2C1=O caffeine
CN1c2ccc(Cl)cc2C(=NCC1=O)c1ccccc1 diazepam
Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F celecoxib
CC(C)NCC(O)COc1cccc2ccccc12 propranolol
OC(=O)c1cc(ccc1O)N=Nc1ccc(cc1)S(=O)(=O)Nc1ccccn1 sulfasalazine
CCCCc1nc(Cl)c(CO)n1Cc1ccc(cc1)-c1ccccc1-c1nnn[nH]1 losartan
CC(C)c1c(C(=O)Nc2ccccc2)c(-c2ccccc2)c(-c2ccc(F)cc2)n1CC[C@@H](O)C[C@@H](O)CC(=O)O atorvastatin
NCC(=O)NCC(=O)N[C@@H](Cc1ccccc1)C(=O)N[C@@H](CC(C)C)C(=O)O Gly-Gly-Phe-Leu
c1ccc2c(c1)ccc1cc3ccccc3cc12 benz[a]anthracene
CC(=O)Oc1ccccc1C(=O incomplete`;

const FILES = /\.(smi|csv|tsv|txt|sdf|sd)(\.gz)?$|\.parquet$/i;

const state = { server: null, scenarios: [], details: new Map(), file: null, result: null, seconds: 0, stop: null };

const table = new ResultTable($("scroll"), {
  onopen: (row) => openDetail(row),
  onmove: (row) => detail.isOpen && movePanel(row),
  onview: (shown) => count(shown),
});
const detail = new Detail($("detail"), {
  onclose: () => {
    document.body.classList.remove("with-panel");
    $("site").inert = false;
    table.setOpen(false);
    table.focusRow();
  },
  onstep: (by) => table.step(by),
});
const jobs = new Jobs({
  onshow: (job) => showJob(job),
  ondone: (job, mine) => mine && showJob(job, { quiet: true }),
});
const analogues = new Analogues($("analogues"));
const optimise = new Optimise({ onjob: (job) => jobs.add(job) });
const admet = new Admet();
const targets = new Targets();
const adapted = new Adapted($("adapted"));
const adapt = new Adapt({ onjob: (job) => jobs.add(job), limit: () => state.server?.limits.upload_bytes });

// The panel covers a narrow page: what is below is out of reach then.
const narrow = matchMedia("(max-width: 900px)");

function openDetail(row, options) {
  document.body.classList.add("with-panel");
  $("site").inert = narrow.matches;
  detail.open(state.result, row, options);
  table.setOpen(true);
}

/// The panel follows the marked row, a moment later: holding an arrow key down asks for no
/// description of every row that is passed.
const movePanel = seldom(120, (row) => detail.isOpen && openDetail(row, { focus: false }));

// Key.

function showKey() {
  $("key").textContent = t(key() ? "key.set" : "key");
}

onUnauthorised(askKey);
onKey(showKey);
$("key").addEventListener("click", async () => {
  if (await askKey()) start();
});

// Scenario.

const scenarioTitle = (one) => (has(`scenario.${one.name}`) ? t(`scenario.${one.name}`) : one.title);

function showScenarios() {
  const chosen = $("scenario").value;
  $("scenario").replaceChildren(
    ...state.scenarios.map((one) => el("option", { value: one.name, text: scenarioTitle(one) })),
  );
  if (chosen) $("scenario").value = chosen;
  for (const one of state.scenarios) jobs.titles.set(one.name, scenarioTitle(one));
  showScenario();
}

function showScenario() {
  const one = state.scenarios.find((scenario) => scenario.name === $("scenario").value);
  if (!one) return;
  $("scenario-about").textContent = one.description;
  const chip = ({ name, ready }) =>
    el("li", { class: ready ? "chip" : "chip warn" }, name, el("span", { class: "soft", text: ` ${t(ready ? "scenario.ready" : "scenario.absent")}` }));
  $("scenario-models").replaceChildren(...one.models.map(chip));
}

/// A scenario with what its models predict; null where the server does not say.
async function scenarioDetail(name) {
  if (!state.details.has(name)) {
    const asked = getJson(`/v1/scenarios/${encodeURIComponent(name)}`).catch(() => {
      state.details.delete(name);
      return null;
    });
    state.details.set(name, asked);
  }
  return state.details.get(name);
}

// Input.

const molecules = () => moleculesOf($("smiles").value);

function showInput() {
  const n = molecules().length;
  const limit = state.server?.limits.rows ?? 1000;
  $("smiles-count").textContent = n === 0 ? "" : t(n > limit ? "smiles.job" : "smiles.count", { n, limit });
  const { file } = state;
  $("drop").hidden = file !== null;
  $("staged").hidden = file === null;
  $("predict").textContent = t(file ? "screen" : "predict");
  if (file) {
    $("staged-name").textContent = file.name;
    $("staged-size").textContent = size(file.size);
  }
}

function stage(file) {
  if (!file) return;
  const limit = state.server?.limits.upload_bytes;
  if (!FILES.test(file.name)) {
    showProblem($("problems"), new Problem({ key: "file.kind", vars: { name: file.name } }));
    return;
  }
  if (limit && file.size > limit) {
    const vars = { name: file.name, size: size(file.size), limit: size(limit) };
    showProblem($("problems"), new Problem({ key: "file.large", vars }));
    return;
  }
  $("problems").replaceChildren();
  state.file = file;
  showInput();
  $("predict").focus();
}

function unstage() {
  state.file = null;
  $("file").value = "";
  showInput();
}

$("smiles").addEventListener("input", seldom(150, showInput));
$("example").addEventListener("click", () => {
  $("smiles").value = EXAMPLE;
  unstage();
});
$("clear").addEventListener("click", () => {
  $("smiles").value = "";
  showInput();
  $("smiles").focus();
});
$("file").addEventListener("change", () => stage($("file").files[0]));
$("staged-remove").addEventListener("click", () => {
  unstage();
  $("file").focus();
});
$("scenario").addEventListener("change", showScenario);

const carriesFile = (event) => state.server?.jobs && event.dataTransfer?.types.includes("Files");
addEventListener("dragover", (event) => {
  if (!carriesFile(event)) return;
  event.preventDefault();
  $("veil").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("veil").hidden = true;
});
addEventListener("drop", (event) => {
  $("veil").hidden = true;
  if (!carriesFile(event)) return;
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (shownView() === "adapt") {
    adapt.stage(file);
    return;
  }
  go("screen");
  stage(file);
});

// Predictions and jobs.

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (state.stop) return;
  state.stop = new AbortController();
  $("problems").replaceChildren();
  $("predict").disabled = true;
  $("stop").hidden = false;
  try {
    await run(state.stop.signal);
  } catch (error) {
    if (error.name !== "AbortError") showProblem($("problems"), error, $("predict"));
  } finally {
    state.stop = null;
    $("predict").disabled = false;
    $("stop").hidden = true;
    $("busy").textContent = "";
  }
});
$("stop").addEventListener("click", () => state.stop?.abort());

async function run(signal) {
  const smiles = molecules();
  if (!state.file && smiles.length === 0) throw new Problem({ key: "problem.empty" });
  // Nothing can be asked for before the scenarios are there: the start may have failed, or go on.
  if (state.scenarios.length === 0) await started;
  if (state.scenarios.length === 0) await load();
  const scenario = $("scenario").value;
  if (state.file) {
    await submit(state.file, state.file.name, scenario, signal);
    unstage();
    return;
  }
  if (state.server?.jobs && smiles.length > state.server.limits.rows) {
    const text = smiles.map(({ smiles: one, id }) => (id ? `${one}\t${id}\n` : `${one}\n`)).join("");
    await submit(new Blob([text]), "molecules.smi", scenario, signal);
    return;
  }
  $("busy").textContent = t("busy.predict", { n: smiles.length });
  announce($("busy").textContent);
  const asked = performance.now();
  const [reply, about] = await Promise.all([
    postJson("/v1/predict", { smiles, scenario }, signal),
    scenarioDetail(scenario),
  ]);
  state.seconds = (performance.now() - asked) / 1000;
  const from = reply.provenance;
  const origin = {
    strata: from.strata,
    scenario: { name: reply.scenario, version: from.scenario_version, sha256: from.scenario_sha256 },
    models: from.models,
    featurisers: from.featurisers,
    rows: from.rows_sha256,
  };
  showResult(makeResult({ columns: reply.columns, rows: reply.rows, scenario: about, origin, file: null }));
}

async function submit(file, filename, scenario, signal) {
  const query = new URLSearchParams({ filename, scenario, top: $("top").value, result: $("result").value });
  for (const [name, field] of [["smiles_column", "smiles-column"], ["id_column", "id-column"]]) {
    if ($(field).value.trim()) query.set(name, $(field).value.trim());
  }
  const told = (sent, total) => {
    $("busy").textContent = t("busy.upload", { percent: Math.floor((100 * sent) / Math.max(total, 1)) });
  };
  told(0, 1);
  jobs.add(await upload(`/v1/jobs/screen?${query}`, file, told, signal));
}

/// Loads the best of a job into the table, or shows the analogues that a search found, or a model's figures.
async function showJob(job, { quiet = false } = {}) {
  try {
    if (search(job)) {
      // A result that is asked for is gone to; one that comes by itself takes nobody away.
      if (!quiet) go("optimise");
      await analogues.show(job, { name: jobName(job), quiet });
      return;
    }
    if (fitted(job)) {
      if (!quiet) go("adapt");
      await adapted.show(job, { quiet });
      return;
    }
    if (!quiet) go("screen");
    $("busy").textContent = t("busy.top");
    const [reply, about] = await Promise.all([
      request(`/v1/jobs/${encodeURIComponent(job.id)}/files/top.csv`),
      scenarioDetail(job.params.scenario),
    ]);
    const best = readTable(parseCsv(await reply.text()), job.params);
    const from = job.summary.provenance;
    const origin = { ...from, domain: from.domain_molecules, rows: from.input.rows_sha256 };
    const file = { name: jobName(job), rows: job.summary.rows };
    showResult(makeResult({ ...best, scenario: about, origin, file }), { quiet });
  } catch (error) {
    jobs.fail(error);
  } finally {
    $("busy").textContent = "";
  }
}

function showResult(result, { quiet = false } = {}) {
  if (detail.isOpen) detail.close();
  state.result = result;
  $("filter").value = "";
  $("results").hidden = false;
  showNote();
  table.show(result);
  showColumns();
  announce($("results-note").textContent);
  if (quiet) return;
  $("results").scrollIntoView({ block: "start" });
  $("results").focus({ preventScroll: true });
}

function showNote() {
  const { result } = state;
  if (!result) return;
  const good = result.rows.filter((row) => !row.values.error_code).length;
  const failed = result.rows.length - good;
  const parts = [t("results.count", { n: result.rows.length, good })];
  if (failed > 0) parts.push(t("results.failed", { n: failed }));
  if (result.file) parts.push(t("jobs.rows", { n: result.file.rows }));
  else parts.push(duration(state.seconds));
  const { name } = result.origin.scenario;
  parts.push(jobs.titles.get(name) ?? name);
  $("results-title").textContent = result.file ? t("results.of", { name: result.file.name }) : t("results.title");
  $("results-note").textContent = parts.join(" · ");
}

function count(shown) {
  const all = state.result?.rows.length ?? 0;
  $("results-count").textContent = shown === all ? "" : t("results.shown", { n: shown, all });
}

/// The chooser of columns: a box for each, in groups.
function showColumns() {
  const groups = GROUPS.map((group) => {
    const columns = state.result.columns.filter((column) => column.group === group && column.kind !== "drawing");
    if (columns.length === 0) return null;
    const boxes = columns.map((column) => {
      const { head, about } = headOf(column);
      const box = el("input", { type: "checkbox" });
      box.checked = column.shown;
      box.addEventListener("change", () => {
        column.shown = box.checked;
        keepChoice(column);
        table.build();
      });
      return el("label", {}, box, el("span", {}, head, about ? el("small", { class: "soft", text: ` ${about}` }) : null));
    });
    return el("fieldset", {}, el("legend", { text: t(`group.${group}`) }), ...boxes);
  });
  $("columns-body").replaceChildren(...groups.filter(Boolean));
}

$("columns").addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  $("columns").open = false;
  $("columns").querySelector("summary").focus();
});
document.addEventListener("pointerdown", (event) => {
  if (!$("columns").contains(event.target)) $("columns").open = false;
});
$("filter").addEventListener("input", seldom(150, () => state.result && table.filter(matcher(state.result, $("filter").value))));
$("csv").addEventListener("click", () => {
  const stem = state.result.file ? `${state.result.file.name}-best` : "predictions";
  save(new Blob([writeCsv(table.records())], { type: "text/csv;charset=utf-8" }), `${stem}.csv`);
});
// Escape closes the panel from wherever the focus is, save where it has its own meaning.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.closest("dialog, #columns, #filter, #detail")) detail.close();
});

// Language and start.

function showLanguage() {
  const zh = lang() === "zh";
  $("language").textContent = zh ? "English" : "中文";
  $("language").lang = zh ? "en" : "zh-CN";
}

function showServer() {
  const { server } = state;
  if (!server) return;
  const n = server.models.filter((model) => model.state === "ready").length;
  $("server").textContent = t("server.note", { version: server.version, ort: server.onnx_runtime, n });
  $("docs").hidden = server.docs === false;
  $("key").hidden = !server.keys && !key();
  $("files").hidden = !server.jobs;
}

$("language").addEventListener("click", () => setLang(lang() === "zh" ? "en" : "zh"));
document.addEventListener("language", () => {
  showLanguage();
  showKey();
  showServer();
  showScenarios();
  jobs.redraw();
  optimise.redraw();
  analogues.draw();
  admet.redraw();
  targets.redraw();
  adapt.redraw();
  adapted.draw();
  showInput();
  showNote();
  if (!state.result) return;
  table.build();
  showColumns();
  if (detail.isOpen) detail.open(state.result, detail.row, { focus: false });
});

async function load() {
  state.server = await getJson("/v1/server");
  showServer();
  const { default: usual, scenarios } = await getJson("/v1/scenarios");
  state.scenarios = scenarios;
  showScenarios();
  $("scenario").value = usual;
  showScenario();
  showInput();
  await offerViews();
}

/// Tells the other views what this server has for them.
async function offerViews() {
  const { server, scenarios } = state;
  const known = await addresses();
  const details = (await Promise.all(scenarios.map(({ name }) => scenarioDetail(name)))).filter(Boolean);
  const ready = new Set(server.models.filter((model) => model.state === "ready").map(({ name }) => name));
  const endpoints = new Map();
  for (const endpoint of details.flatMap((detail) => detail.endpoints ?? [])) {
    if (ready.has(endpoint.model)) endpoints.set(endpoint.name, endpoint);
  }
  const usable = scenarios.filter(({ models }) => models.every((model) => model.ready));
  const named = usable.map((one) => ({ name: one.name, title: () => scenarioTitle(one), models: one.models.map(({ name }) => name) }));
  optimise.offer({ known, jobs: server.jobs, scenarios: named, endpoints: [...endpoints.values()] });
  admet.offer({ known, models: server.models });
  targets.offer({ known, models: server.models });
  adapt.offer({ known, jobs: server.jobs });
}

async function start() {
  $("problems").replaceChildren();
  try {
    await load();
    if (state.server.jobs) await jobs.refresh();
  } catch (error) {
    if (error.status === 403 && state.server) {
      // This key predicts but runs no jobs: what it cannot do is not offered.
      state.server.jobs = false;
      showServer();
      await offerViews();
      return;
    }
    showProblem($("problems"), error, $("smiles"));
    // A key was needed and not given: the button must be there to give it later.
    $("key").hidden = false;
  }
}

route(() => detail.close());
apply();
showLanguage();
showKey();
showInput();
const started = start();
