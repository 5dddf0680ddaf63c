// The view of the map: what is shown, the time, and the place whose forecast is asked for.

import { getJson } from "./api.js";
import { drawLegend, scaleOf } from "./colours.js";
import { coasts } from "./coast.js";
import { $, announce, el, showProblem } from "./dom.js";
import { field, forget } from "./fields.js";
import { contours, interval } from "./lines.js";
import { WorldMap } from "./map.js";
import { baseName, fullName, levelName, partsOf, utc, validName } from "./names.js";
import { Point } from "./point.js";
import { t } from "./words.js";

/// Time between steps that are played, in ms.
const PACE = 450;
/// Columns of maps: more than a screen shows of a globe is not asked for.
const COLUMNS = 720;

export class MapView {
  constructor(state) {
    this.state = state;
    this.point = new Point({ onstep: (hours) => this.goto(hours) });
    this.map = new WorldMap($("canvas"), { onpick: (lon, lat) => this.pick(lon, lat) });
    this.wanted = { base: null, hpa: null };
    this.timer = 0;
    this.asked = null;
    this.collections = new Map();
    for (const id of ["model", "run", "variable", "level", "lines", "member", "barbs", "tracks"]) {
      $(id).addEventListener("change", () => this.changed(id));
    }
    $("step").addEventListener("input", () => this.show());
    $("back").addEventListener("click", () => this.move(-1));
    $("ahead").addEventListener("click", () => this.move(1));
    $("play").addEventListener("click", () => this.play(!this.timer));
    $("zoom-in").addEventListener("click", () => this.map.zoom(1.5));
    $("zoom-out").addEventListener("click", () => this.map.zoom(1 / 1.5));
    $("zoom-all").addEventListener("click", () => this.map.reset());
    $("map-form").addEventListener("submit", (event) => event.preventDefault());
    $("point-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.typed();
    });
    new ResizeObserver(() => this.legend()).observe($("legend").parentElement);
  }

  enter() {
    this.active = true;
    this.map.draw();
    this.legend();
  }

  leave() {
    this.active = false;
    this.play(false);
  }

  get model() {
    return this.state.models.find((model) => model.name === $("model").value);
  }

  get run() {
    return this.model?.runs.find((run) => run.run === $("run").value);
  }

  /// Texts and choices anew, in another language or with other runs; what was chosen stays where it is there.
  redraw() {
    const { models, best } = this.state;
    $("map-none").hidden = models.length > 0 || !this.state.server;
    $("map-body").hidden = models.length === 0;
    if (models.length === 0) return this.banner();
    const before = [$("model").value, $("run").value, this.signature];
    fill($("model"), models.map((model) => [model.name, model.name]), $("model").value || best);
    this.runs();
    this.signature = JSON.stringify([this.run?.files, this.run?.steps.length]);
    const same = before[0] === $("model").value && before[1] === $("run").value && before[2] === this.signature;
    if (!same) {
      forget();
      this.collections.clear();
      this.map.reset(this.run?.area ?? null);
    }
    this.choices();
    this.show();
    this.point.redraw(this.model, this.run);
  }

  /// Shows a run that was chosen elsewhere.
  choose(model, run) {
    if (!this.state.models.some((one) => one.name === model)) return;
    $("model").value = model;
    this.runs();
    if (run) $("run").value = run;
    this.changed("run");
  }

  runs() {
    // Another planet's runs have no date that means anything here.
    const name = (run, n) => (this.model.earth ? utc(run.run) : n === 0 ? t("map.newest") : t("map.before", { n }));
    fill($("run"), this.model.runs.map((run, n) => [run.run, name(run, n)]), $("run").value);
  }

  changed(id) {
    if (id === "model") this.runs();
    if (id === "model" || id === "run") {
      this.map.reset(this.run?.area ?? null);
      this.point.redraw(this.model, this.run);
    }
    if (id === "variable") this.wanted.base = $("variable").value;
    if (id === "level") this.wanted.hpa = $("level").value;
    if (["model", "run", "variable"].includes(id)) this.choices();
    this.show();
  }

  /// The choices that the run leaves.
  choices() {
    const run = this.run;
    this.banner();
    if (!run) return;
    const all = run.variables.map((one) => ({ ...one, ...partsOf(one.name) }));
    const bases = [...new Set(all.map((one) => one.base))].filter((base) => base !== "wind_direction");
    const first = ["temperature", "geopotential_height"].find((base) => bases.includes(base));
    fill($("variable"), bases.map((base) => [base, baseName(base)]), this.wanted.base ?? first ?? bases[0]);
    const levels = all.filter((one) => one.base === $("variable").value);
    const level = this.wanted.hpa ?? (levels.some((one) => one.hpa === 0) ? null : "850");
    fill($("level"), levels.map((one) => [levelKey(one), levelName(one)]), level);
    const has = (name) => all.some((one) => one.name === name);
    const lines = [["", t("map.lines.none")], ["same", t("map.lines.same")]];
    if (has("pressure_msl")) lines.push(["pressure_msl", fullName("pressure_msl")]);
    for (const one of all) if (one.base === "geopotential_height" && [850, 500, 250].includes(one.hpa)) lines.push([one.name, fullName(one.name)]);
    const usual = has("pressure_msl") ? "pressure_msl" : lines[2]?.[0] ?? "";
    const kept = this.linesChosen && lines.some(([value]) => value === $("lines").value);
    fill($("lines"), lines, kept ? $("lines").value : usual);
    this.linesChosen = true;
    fill($("member"), Array.from({ length: run.members }, (_, n) => [String(n), String(n)]), $("member").value);
    $("member").parentElement.hidden = run.members < 2;
    $("step").max = String(run.steps.length - 1);
    if (Number($("step").value) >= run.steps.length) $("step").value = "0";
  }

  banner() {
    const model = this.model;
    $("planet").hidden = !model || model.earth;
    $("planet").textContent = model && !model.earth ? t("planet.banner", { planet: model.planet }) : "";
  }

  get variable() {
    const key = $("level").value;
    return this.run.variables.find((one) => {
      const parts = partsOf(one.name);
      return parts.base === $("variable").value && levelKey(parts) === key;
    });
  }

  /// Components of the wind at the level that is shown; else those near the ground, or the lowest.
  winds() {
    const names = this.run.variables.map((one) => one.name);
    const { hpa } = partsOf(this.variable.name);
    const ends = hpa ? [`${hpa}hPa`] : ["10m", "1000hPa", "925hPa", "850hPa"];
    const end = ends.find((one) => names.includes(`wind_u_component_${one}`) && names.includes(`wind_v_component_${one}`));
    return end ? [`wind_u_component_${end}`, `wind_v_component_${end}`] : null;
  }

  get hours() {
    return this.run.steps[Number($("step").value)];
  }

  /// Asks for what is chosen, and draws it when it is there; what is not wanted any more is given up.
  async show() {
    const [model, run] = [this.model, this.run];
    if (!run || !this.variable) return;
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    const hours = this.hours;
    const { base, hpa } = partsOf(this.variable.name);
    const { variable } = this;
    $("frame").setAttribute("aria-busy", "true");
    $("lead").textContent = t("map.lead", { n: String(hours) });
    $("step").setAttribute("aria-valuetext", `${t("map.lead", { n: String(hours) })}, ${validName(model, run, hours)}`);
    this.point.now(hours);
    const ask = (variable) =>
      field({ model: model.name, run: run.run, variable, step: String(hours), member: $("member").value || "0", columns: String(COLUMNS) }, asked.signal);
    try {
      const winds = $("barbs").checked ? this.winds() : null;
      const line = $("lines").value === "same" ? variable.name : $("lines").value;
      const [shown, lines, barbs, coast, tracks] = await Promise.all([
        ask(variable.name),
        line ? ask(line) : null,
        winds ? Promise.all(winds.map(ask)) : null,
        // Another planet has no coasts of the Earth's.
        model.earth ? coasts() : null,
        $("tracks").checked ? this.cyclones(asked.signal) : null,
      ]);
      if (asked.signal.aborted) return;
      $("map-problems").replaceChildren();
      $("frame").removeAttribute("aria-busy");
      // The heading goes with the picture, not before it.
      $("map-name").textContent = `${fullName(variable.name)} (${variable.unit})`;
      const from = model.earth ? ` · ${t("map.from", { time: utc(run.run) })}` : "";
      $("map-valid").textContent = `${validName(model, run, hours)}${from}`;
      const of = partsOf(line);
      this.scale = scaleOf(base, hpa, shown);
      this.unit = shown.head.unit;
      this.map.show({
        field: shown,
        scale: this.scale,
        lines: lines ? contours(lines, interval(of.base, of.hpa, lines)) : null,
        linesField: lines,
        barbs,
        coasts: coast,
        tracks: tracks?.geojson,
        lead: hours,
      });
      this.legend();
      const round = (value) => (value === null ? "–" : String(Math.round(value * 10) / 10));
      const label = { name: fullName(variable.name), lead: t("map.lead", { n: String(hours) }), least: round(shown.head.least), most: round(shown.head.most), unit: this.unit };
      $("canvas").setAttribute("aria-label", t("map.label", label));
      $("map-note").replaceChildren(...(tracks ? [t("map.tracked", { n: tracks.count })] : []));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.play(false);
      $("frame").removeAttribute("aria-busy");
      showProblem($("map-problems"), error, $("canvas"));
    }
  }

  async cyclones(signal) {
    const query = new URLSearchParams({ model: this.model.name, run: this.run.run, member: $("member").value || "0" });
    const known = this.collections.get(query.toString());
    if (known) return known;
    $("map-note").textContent = t("map.tracking");
    if (this.run.members < 2) query.delete("member");
    const found = await getJson(`/v1/tracks?${query}`, signal);
    this.collections.set(query.toString(), found);
    return found;
  }

  legend() {
    if (!this.scale) return;
    const ink = getComputedStyle(document.body).color;
    drawLegend($("legend"), this.scale, this.unit, ink);
    $("legend").setAttribute("aria-label", t("legend.label", { least: String(this.scale.least), most: String(this.scale.most), unit: this.unit }));
  }

  move(by) {
    const steps = this.run?.steps.length ?? 1;
    $("step").value = String((Number($("step").value) + by + steps) % steps);
    return this.show();
  }

  goto(hours) {
    const near = (at) => Math.abs(this.run.steps[at] - hours);
    let best = 0;
    for (let at = 1; at < this.run.steps.length; at += 1) if (near(at) < near(best)) best = at;
    $("step").value = String(best);
    this.show();
  }

  play(on) {
    clearTimeout(this.timer);
    this.timer = 0;
    $("play").textContent = t(on ? "map.pause" : "map.play");
    $("play").dataset.t = on ? "map.pause" : "map.play";
    if (!on) return;
    const next = async () => {
      const started = performance.now();
      await this.move(1);
      if (this.timer) this.timer = setTimeout(next, Math.max(PACE - (performance.now() - started), 0));
    };
    this.timer = setTimeout(next, 0);
  }

  pick(lon, lat) {
    $("lat").value = String(lat);
    $("lon").value = String(lon);
    this.point.ask(this.model, this.run, lat, lon, this.hours);
  }

  typed() {
    const [lat, lon] = [$("lat"), $("lon")].map((box) => (box.value.trim() === "" ? Number.NaN : Number(box.value.replace("−", "-"))));
    if (!(Math.abs(lat) <= 90 && lon >= -180 && lon <= 360)) {
      showProblem($("point-problems"), { key: "point.number" }, $("lat"));
      announce(t("point.number"));
      return;
    }
    this.map.mark(lon > 180 ? lon - 360 : lon, lat);
    this.point.ask(this.model, this.run, lat, lon, this.hours);
  }
}

const levelKey = ({ hpa, height }) => (hpa ? String(hpa) : height ? `${height}m` : "0");

/// Puts options `[value, text]` into a list; the wanted one is chosen where it is there, else the first.
function fill(select, options, wanted) {
  select.replaceChildren(...options.map(([value, text]) => el("option", { value, text })));
  const values = options.map(([value]) => value);
  select.value = values.includes(wanted) ? wanted : (values[0] ?? "");
}
