// The page of `strata-mining serve`: its views, the language, the key, and the start.

import { getJson, key, onKey, onUnauthorised } from "./api.js";
import { learnClasses } from "./classes.js";
import { $, showProblem } from "./dom.js";
import { Events } from "./events.js";
import { Info } from "./info.js";
import { askKey } from "./key.js";
import { Live } from "./live.js";
import { Look } from "./look.js";
import { apply, lang, setLang, t } from "./words.js";
import { Zones } from "./zones.js";

/// What the views share: the server, its scenarios, banks and cameras as they were last asked for.
const state = { server: null, scenarios: [], models: [], banks: [], watching: false };

const zones = new Zones(state);
const events = new Events(state, { onunseen: showUnseen });
const views = {
  live: new Live(state, { onedit: (camera) => edit(camera) }),
  look: new Look(state),
  events,
  zones,
  info: new Info(state, { onbanks: () => loadBanks() }),
};

function edit(camera) {
  zones.choose(camera);
  location.hash = "#/zones";
}

function showUnseen(n) {
  $("unseen").hidden = n === 0;
  $("unseen").textContent = n > 99 ? "99+" : String(n);
}

// Views. The address names the view, so that it can be kept and gone back to.

let current = null;

function wanted() {
  const name = location.hash.slice(2);
  if (name in views) return name;
  // Where nothing is watched, looking at a picture is what there is to do.
  return state.server && !state.watching ? "look" : "live";
}

function show(focus) {
  const name = wanted();
  if (name === current) return;
  if (current !== null && !views[current].leave()) {
    history.replaceState(null, "", `#/${current}`);
    return;
  }
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
// A page in the background asks for no pictures.
document.addEventListener("visibilitychange", () => {
  if (current === null) return;
  if (document.hidden) views[current].pause?.();
  else views[current].enter();
});

// Pictures are dropped anywhere; they are looked at.

const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
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
  location.hash = "#/look";
  show(false);
  views.look.take(event.dataTransfer.files[0]);
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
  const { server } = state;
  if (!server) return;
  const n = server.models.filter((model) => model.state === "ready").length;
  $("server").textContent = t("server.note", { version: server.version, ort: server.onnx_runtime, n });
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

async function loadBanks() {
  state.banks = (await getJson("/v1/banks")).banks;
  views.look.redraw();
}

async function load() {
  state.server = await getJson("/v1/server");
  showServer();
  const [scenarios, banks, cameras] = await Promise.all(
    ["/v1/scenarios", "/v1/banks", "/v1/cameras"].map((path) => getJson(path)),
  );
  Object.assign(state, { scenarios: scenarios.scenarios, models: scenarios.models, banks: banks.banks, watching: cameras.watching });
  learnClasses(state.scenarios, state.models);
  for (const view of Object.values(views)) view.redraw();
  if (state.watching) events.follow();
}

async function start() {
  $("problems").replaceChildren();
  try {
    await load();
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

start();
