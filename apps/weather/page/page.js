// The page of `strata-weather serve`: its views, the language, the key, and the start.

import { getJson, key, onKey, onUnauthorised } from "./api.js";
import { $, showProblem } from "./dom.js";
import { Info } from "./info.js";
import { askKey } from "./key.js";
import { Run } from "./run.js";
import { apply, lang, setLang, t } from "./words.js";
import { MapView } from "./weather.js";

/// What the views share, as the server last told it.
const state = { server: null, models: [], best: null, families: [], troubles: [], scenarios: [] };

const views = {
  map: new MapView(state),
  run: new Run(state, { onshow: (model, run) => showRun(model, run), ondone: () => loadModels() }),
  info: new Info(state, { onshow: (model, run) => showRun(model, run) }),
};

function showRun(model, run) {
  views.map.choose(model, run);
  location.hash = "#/map";
}

let current = null;

function show(focus) {
  const name = location.hash.slice(2) in views ? location.hash.slice(2) : "map";
  if (name === current) return;
  if (current !== null) views[current].leave();
  current = name;
  for (const one of Object.keys(views)) {
    $(`view-${one}`).hidden = one !== name;
    const link = document.querySelector(`.views a[href="#/${one}"]`);
    if (one === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  views[name].enter();
  if (focus) $(`${name}-title`).focus();
}

addEventListener("hashchange", () => show(true));

function showKey() {
  $("key").textContent = t(key() ? "key.set" : "key");
}

function showLanguage() {
  const zh = lang() === "zh";
  $("language").textContent = zh ? "English" : "中文";
  $("language").lang = zh ? "en" : "zh-CN";
}

function showServer() {
  const { server } = state;
  if (!server) return;
  $("server").textContent = t("server.note", { version: server.version, ort: server.onnx_runtime });
  $("docs").hidden = server.docs === false;
  $("key").hidden = !server.keys && !key();
}

onUnauthorised(askKey);
onKey(showKey);
$("key").addEventListener("click", async () => {
  if (await askKey()) start();
});
$("language").addEventListener("click", () => setLang(lang() === "zh" ? "en" : "zh"));
document.addEventListener("language", () => {
  showLanguage();
  showKey();
  showServer();
  for (const view of Object.values(views)) view.redraw();
});

async function loadModels() {
  const { models, best, families, troubles } = await getJson("/v1/models");
  Object.assign(state, { models, best, families, troubles });
  for (const view of Object.values(views)) view.redraw();
}

async function start() {
  $("problems").replaceChildren();
  try {
    state.server = await getJson("/v1/server");
    showServer();
    state.scenarios = (await getJson("/v1/scenarios")).scenarios;
    await loadModels();
  } catch (error) {
    showProblem($("problems"), error, $("main"));
    // A key was needed and not given: the button must be there to give it later.
    $("key").hidden = false;
  }
  show(false);
}

apply();
showLanguage();
showKey();

// New runs are there without loading the page again.
setInterval(() => {
  if (!document.hidden && state.server && current === "map") loadModels().catch(() => {});
}, 60_000);

start();
