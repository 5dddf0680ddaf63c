// The page of `strata-gov serve`: its views, the panel with a document, the language, the key, and the start.

import { getJson, key, onKey, onUnauthorised } from "./api.js";
import { Ask } from "./ask.js";
import { Asker } from "./asker.js";
import { Check } from "./check.js";
import { Documents } from "./documents.js";
import { $, showProblem } from "./dom.js";
import { Info } from "./info.js";
import { askKey } from "./key.js";
import { Reader } from "./reader.js";
import { Route } from "./route.js";
import { Search } from "./search.js";
import { apply, lang, setLang, t } from "./words.js";

/// What the views share: the server, its scenarios and index as they were last asked for, and labels that were seen.
const state = { server: null, index: null, scenarios: [], labels: new Set(), noFeedback: false };

// The panel covers a narrow page: what is below is out of reach then.
const narrow = matchMedia("(max-width: 1000px)");
const cover = () => {
  $("site").inert = narrow.matches && reader.isOpen;
};

const asker = new Asker(state, { onchange: askedAnew });
const reader = new Reader($("reader"), {
  asker,
  onopen: () => {
    document.body.classList.add("with-panel");
    cover();
  },
  onclose: () => {
    document.body.classList.remove("with-panel");
    cover();
  },
});
narrow.addEventListener("change", cover);

const shared = { asker, reader };
const views = {
  ask: new Ask(state, shared),
  search: new Search(state, shared),
  documents: new Documents(state, { ...shared, onlabels: learnLabels }),
  route: new Route(state, shared),
  check: new Check(state, shared),
  info: new Info(state),
};

/// Another day or department: lists and the panel are of those now; answers stay what they were.
function askedAnew() {
  views.search.again();
  if (current === "documents") views.documents.turn(0);
  reader.ask();
}

function learnLabels(labels) {
  const before = state.labels.size;
  for (const label of labels) state.labels.add(label);
  if (state.labels.size > before) asker.redraw();
}

// Views. The address names the view, so that it can be kept and gone back to.

let current = null;

function show(focus) {
  const name = location.hash.slice(2) in views ? location.hash.slice(2) : "ask";
  if (name === current) return;
  current = name;
  for (const one of Object.keys(views)) {
    $(`view-${one}`).hidden = one !== name;
    const link = document.querySelector(`.views a[href="#/${one}"]`);
    if (one === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("asker").hidden = name === "info";
  reader.close();
  if (focus) $(`${name}-title`).focus();
  views[name].enter();
}

addEventListener("hashchange", () => show(true));

// Files are dropped anywhere: on a draft's view they are checked, elsewhere they go into the index.

const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", (event) => {
  if (!carriesFile(event)) return;
  event.preventDefault();
  $("veil-text").textContent = t(current === "check" ? "drop.check" : "drop.add");
  $("veil").hidden = false;
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("veil").hidden = true;
});
addEventListener("drop", (event) => {
  $("veil").hidden = true;
  if (!carriesFile(event)) return;
  event.preventDefault();
  if (current === "check") {
    views.check.take(event.dataTransfer.files);
    return;
  }
  location.hash = "#/documents";
  show(false);
  views.documents.take(event.dataTransfer.files);
});

// Key, language and start.

function showKey() {
  $("key").textContent = t(key() ? "key.set" : "key");
}

function showLanguage() {
  const zh = lang() === "zh";
  $("language").textContent = zh ? "English" : "中文";
  $("language").lang = zh ? "en" : "zh-CN";
}

function showServer() {
  const { server, index } = state;
  if (!server) return;
  $("server").textContent = index ? t("server.note", { version: server.version, n: index.documents }) : t("server.short", { version: server.version });
  $("docs").hidden = server.docs === false;
  $("key").hidden = !server.keys && !key();
}

onUnauthorised(askKey);
onKey(() => {
  showKey();
  // What another key has brought is not this one's to see.
  state.labels.clear();
  for (const view of Object.values(views)) view.forget();
  reader.redraw();
});
$("key").addEventListener("click", async () => {
  if (await askKey()) start();
});
$("language").addEventListener("click", () => setLang(lang() === "zh" ? "en" : "zh"));
document.addEventListener("language", redraw);

function redraw() {
  showLanguage();
  showKey();
  showServer();
  asker.redraw();
  for (const view of Object.values(views)) view.redraw();
  reader.redraw();
}

/// Models are loaded while the page is there already: it looks again until all scenarios answer, ever more seldom.
let looking = 0;
function lookAgain(scenarios, after = 3) {
  clearTimeout(looking);
  if (scenarios.every(({ ready }) => ready)) return;
  looking = setTimeout(async () => {
    const before = state.scenarios.filter(({ ready }) => ready).length;
    try {
      const found = (await getJson("/v1/scenarios")).scenarios;
      if (found.filter(({ ready }) => ready).length !== before) await load();
      else lookAgain(found, Math.min(after * 2, 60));
    } catch {
      lookAgain(scenarios, 60);
    }
  }, after * 1000);
}

async function load() {
  state.server = await getJson("/v1/server");
  showServer();
  // An index that cannot be opened must not hide the rest.
  const unknown = (error) => showProblem($("problems"), error, $("main"));
  const [{ scenarios }, index] = await Promise.all([getJson("/v1/scenarios"), getJson("/v1/index").catch(unknown)]);
  Object.assign(state, { scenarios, index: index ?? null });
  redraw();
  lookAgain(scenarios);
}

async function start() {
  $("problems").replaceChildren();
  try {
    await load();
    if (current) views[current].enter();
  } catch (error) {
    showProblem($("problems"), error, $("main"));
    // A key was needed and not given: the button must be there to give it later.
    $("key").hidden = false;
  }
  show(false);
}

apply();
redraw();
start();
