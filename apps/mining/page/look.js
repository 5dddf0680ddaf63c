// Look: a picture, what to look with, and the answer.

import { AnomalyResult } from "./anomaly.js";
import { Problem, request } from "./api.js";
import { beltResult } from "./belt.js";
import { $, announce, el, showProblem } from "./dom.js";
import { FoundResult } from "./found.js";
import { Stage } from "./stage.js";
import { duration, has, lang, size, t } from "./words.js";

/// Detections are asked for down to this, so that the slider can go below the scenario's own.
const LEAST = 0.05;
const TILES = [320, 640, 1280];

export class Look {
  constructor(state) {
    this.state = state;
    this.stage = new Stage($("stage"));
    this.file = null;
    this.shown = null;
    this.stop = null;
    this.result = null;
    this.note = null;
    $("file").addEventListener("change", () => this.take($("file").files[0]));
    $("look-with").addEventListener("change", () => this.chosen());
    $("look-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
  }

  enter() {
    this.stage.draw();
  }

  leave() {
    return true;
  }

  redraw() {
    this.showChoices();
    this.showNote();
    this.result?.redraw();
  }

  showChoices() {
    const chosen = $("look-with").value;
    const { scenarios, models, banks } = this.state;
    const title = (one) => (lang() === "zh" && one.title_zh ? one.title_zh : one.title);
    const group = (label, options) => (options.length > 0 ? el("optgroup", { label: t(label) }, ...options) : null);
    const option = (value, text, ready) =>
      el("option", { value, text: ready ? text : `${text} (${t("look.absent")})`, disabled: !ready });
    const tasks = scenarios.filter(({ mode }) => mode !== "anomaly");
    const groups = [
      group("look.scenarios", tasks.map((one) => option(`scenario:${one.name}`, title(one), one.ready))),
      group("look.models", models.map((one) => option(`model:${one.name}`, one.name, true))),
      group("look.banks", banks.map((one) => option(`bank:${one.name}`, one.name, one.ready))),
    ].filter(Boolean);
    $("look-with").replaceChildren(...groups);
    if ([...$("look-with").options].some((one) => one.value === chosen && !one.disabled)) $("look-with").value = chosen;
    const tiles = TILES.map((n) => el("option", { value: String(n), text: t("look.tile.px", { n: String(n) }) }));
    const tile = $("tile").value;
    $("tile").replaceChildren(el("option", { value: "", text: t("look.tile.off") }), ...tiles);
    $("tile").value = tile;
    this.showAbout();
  }

  /// The kind and name of what to look with.
  with() {
    const [, kind, name] = /^(\w+):(.*)$/.exec($("look-with").value) ?? [];
    const list = { scenario: this.state.scenarios, model: this.state.models, bank: this.state.banks }[kind] ?? [];
    const one = list.find((each) => each.name === name);
    const mode = kind === "bank" ? "anomaly" : kind === "model" ? "detect" : one?.mode;
    return { kind, name, one, mode };
  }

  showAbout() {
    const { kind, one, mode } = this.with();
    // Files break their lines; the page has its own width.
    $("look-about").textContent = (one?.description ?? "").replace(/\s+/g, " ");
    const own = `about.${one?.name}`;
    const translated = kind === "scenario" && has(own);
    if (translated) $("look-about").textContent = t(own);
    if (translated) $("look-about").removeAttribute("lang");
    else $("look-about").lang = "en";
    $("look-about").hidden = !one?.description;
    $("tile-label").hidden = mode !== "detect";
    $("look-go").disabled = !one;
    if (!one && this.state.server) $("look-about").textContent = t("look.none");
    if (!one) $("look-about").hidden = !this.state.server;
  }

  chosen() {
    this.showAbout();
    if (this.file) this.go();
  }

  /// Takes a picture and looks at it.
  take(file) {
    if (!file) return;
    const limit = this.state.server?.limits.body_bytes;
    if (limit && file.size > limit) {
      const vars = { name: file.name, size: size(file.size), limit: size(limit) };
      showProblem($("look-problems"), new Problem({ key: "look.large", vars }), $("file"));
      return;
    }
    this.file = file;
    this.shown = null;
    this.go();
  }

  showNote() {
    const { note } = this;
    $("look-note").textContent = note ? `${note.name} · ${t("look.took", note)}` : "";
  }

  async go() {
    const { kind, name, one, mode } = this.with();
    this.stop?.abort();
    $("look-problems").replaceChildren();
    if (!this.file) {
      showProblem($("look-problems"), new Problem({ key: "look.nothing" }), $("file"));
      return;
    }
    if (!one) return;
    const stop = new AbortController();
    this.stop = stop;
    $("look-note").textContent = t("look.busy");
    announce(t("look.busy"));
    const query = new URLSearchParams({ [kind]: name, name: this.file.name });
    if (mode === "detect") {
      query.set("conf", String(Math.min(LEAST, one.confidence ?? LEAST)));
      if ($("tile").value) query.set("tile", $("tile").value);
    }
    try {
      const path = { detect: "/v1/detect", anomaly: "/v1/inspect", belt: "/v1/belt" }[mode];
      const asked = performance.now();
      const reply = await this.ask(`${path}?${query}`, stop.signal);
      const seconds = (performance.now() - asked) / 1000;
      await this.show(reply, stop.signal);
      this.note = { name: this.file.name, time: duration(seconds), width: reply.width, height: reply.height };
      const context = { stage: this.stage, file: this.file, reply, one, again: () => this.go() };
      if (mode === "detect") this.result = new FoundResult($("look-result"), context);
      else if (mode === "anomaly") this.result = new AnomalyResult($("look-result"), context);
      else {
        this.result = await beltResult($("look-result"), context, stop.signal);
        this.shown = null; // the stage has a drawing in place of the picture
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      this.result = null;
      this.note = null;
      $("look-result").replaceChildren();
      showProblem($("look-problems"), error, $("look-go"));
    }
    this.showNote();
  }

  async ask(path, signal) {
    const reply = await request(path, { method: "POST", body: this.file, signal, headers: { accept: "application/json" } });
    return reply.json();
  }

  /// Puts the picture on the stage. What the browser cannot read (TIFF, say) the server gives as JPEG.
  async show({ width, height }, signal) {
    if (this.shown === this.file) {
      this.stage.clear();
      return;
    }
    let picture;
    try {
      picture = await createImageBitmap(this.file);
    } catch {
      const path = `/v1/picture?name=${encodeURIComponent(this.file.name)}`;
      const reply = await request(path, { method: "POST", body: this.file, signal, headers: { accept: "image/jpeg" } });
      picture = await createImageBitmap(await reply.blob());
    }
    this.shown = this.file;
    this.stage.show(picture, width, height);
  }
}
