// Zones: areas and lines drawn on a camera's picture, by pointer or keyboard, kept in shares of it.

import { getJson, Problem, request } from "./api.js";
import { $, announce, el, served, showProblem, svg } from "./dom.js";
import { Frames } from "./frames.js";
import { drawZones, pointsOf, relative } from "./shapes.js";
import { t } from "./words.js";

/// Steps back that are remembered.
const STEPS = 100;
const RECTANGLE = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]];
const MIDDLE = [[0.3, 0.5], [0.7, 0.5]];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const bound = (value) => Math.min(Math.max(value, 0), 1);
const rounded = (value) => Math.round(value * 1e4) / 1e4;
const copy = (zones) => structuredClone(zones);

export class Zones {
  constructor(state) {
    this.state = state;
    this.camera = "";
    this.zones = [];
    this.kept = "[]";
    this.past = [];
    this.chosen = -1;
    this.drawing = null;
    this.frames = null;
    this.image = el("img", { hidden: true });
    this.over = svg("svg", { "aria-hidden": "true" });
    this.handles = el("div");
    this.waiting = el("span", { class: "waiting" });
    this.fit = el("div", { class: "fit" }, this.image, this.over, this.handles);
    $("editor").append(this.waiting, this.fit);
    $("zones-camera").addEventListener("change", () => this.change());
    for (const kind of ["polygon", "line"]) {
      // A click without a pointer is the keyboard's.
      $(`zone-${kind}`).addEventListener("click", (event) => (event.detail === 0 ? this.place(kind) : this.begin(kind)));
    }
    $("zone-undo").addEventListener("click", () => this.undo());
    $("zones-save").addEventListener("click", () => this.save());
    $("zones-revert").addEventListener("click", () => this.load());
    this.over.addEventListener("pointerdown", (event) => this.press(event));
    this.over.addEventListener("pointermove", (event) => this.hover(event));
    this.over.addEventListener("dblclick", () => this.finish());
    $("view-zones").addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeunload", (event) => this.changed() && event.preventDefault());
  }

  enter() {
    this.active = true;
    this.fill();
    this.frames?.start();
  }

  pause() {
    this.active = false;
    this.frames?.stop();
  }

  leave() {
    if (this.changed() && !confirm(t("zones.leave"))) return false;
    if (this.changed()) this.restore();
    this.pause();
    return true;
  }

  redraw() {
    $("zones-none").hidden = this.state.watching || !this.state.server;
    $("zones-body").hidden = !this.state.watching;
    this.draw();
    this.list();
  }

  /// Which camera comes next.
  choose(camera) {
    this.wanted = camera;
  }

  async fill() {
    this.redraw();
    if (!this.state.server) return;
    try {
      const { cameras, watching } = await getJson("/v1/cameras");
      this.state.watching = watching;
      const names = cameras.map(({ name }) => name);
      $("zones-camera").replaceChildren(...names.map((value) => el("option", { value, text: value })));
      const next = this.wanted ?? this.camera;
      this.wanted = null;
      if (names.includes(next)) $("zones-camera").value = next;
      this.redraw();
      if (names.length > 0 && $("zones-camera").value !== this.camera) await this.change();
    } catch (error) {
      showProblem($("zones-problems"), error, $("zones-camera"));
    }
  }

  async change() {
    if (this.changed() && !confirm(t("zones.leave"))) {
      $("zones-camera").value = this.camera;
      return;
    }
    this.camera = $("zones-camera").value;
    this.frames?.end();
    this.image.hidden = true;
    this.waiting.hidden = false;
    const onsize = (width, height) => {
      this.waiting.hidden = true;
      this.zones = relative(this.zones, width, height);
      this.draw();
    };
    this.frames = new Frames(this.image, this.camera, { every: 1000, onsize });
    if (this.active) this.frames.start();
    await this.load();
  }

  async load() {
    $("zones-problems").replaceChildren();
    try {
      const { zones } = await getJson(`/v1/cameras/${encodeURIComponent(this.camera)}/zones`);
      const { naturalWidth: width, naturalHeight: height } = this.image;
      this.begun(width > 0 ? relative(zones, width, height) : zones);
    } catch (error) {
      this.begun([]);
      showProblem($("zones-problems"), error, $("zones-camera"));
    }
  }

  /// These are the zones as the server has them.
  begun(zones) {
    Object.assign(this, { zones, kept: JSON.stringify(zones), past: [], chosen: -1, drawing: null });
    this.draw();
    this.list();
  }

  restore() {
    this.begun(JSON.parse(this.kept));
  }

  changed() {
    return this.drawing !== null || JSON.stringify(this.zones) !== this.kept;
  }

  /// Remembers how it is, before something is done to it.
  step() {
    this.past.push(copy(this.zones));
    if (this.past.length > STEPS) this.past.shift();
  }

  undo() {
    // The corners are made anew; who was at one of them stays there, or at the zone's own button.
    const { zone, at } = document.activeElement?.dataset ?? {};
    const away = zone !== undefined || document.activeElement === document.body;
    if (this.drawing) {
      this.drawing.points.pop();
      if (this.drawing.points.length === 0) this.drawing = null;
    } else if (this.past.length > 0) {
      this.zones = this.past.pop();
      this.chosen = Math.min(this.chosen, this.zones.length - 1);
    }
    this.draw();
    this.list();
    const again = this.handles.querySelector(`[data-zone="${zone}"][data-at="${at}"]`);
    if (away) (again ?? $("zone-polygon")).focus();
  }

  // Drawing.

  freeName() {
    const taken = new Set(this.zones.map(({ name }) => name));
    for (let n = 1; ; n += 1) if (!taken.has(`${t("zones.default")}-${n}`)) return `${t("zones.default")}-${n}`;
  }

  add(kind, points) {
    this.step();
    this.zones.push({ name: this.freeName(), [kind]: points.map((point) => point.map(rounded)) });
    this.chosen = this.zones.length - 1;
    this.draw();
    this.list();
  }

  /// Puts a zone in the middle, to be moved.
  place(kind) {
    this.drawing = null;
    this.add(kind, kind === "line" ? MIDDLE : RECTANGLE);
    this.handles.querySelector(`[data-zone="${this.chosen}"]`)?.focus();
  }

  begin(kind) {
    this.drawing = { kind, points: [], at: null };
    this.chosen = -1;
    this.draw();
  }

  finish() {
    const { drawing } = this;
    if (!drawing) return;
    // A double click is two presses: the second put a point where the first did.
    const points = drawing.points.filter(([x, y], at) => at === 0 || Math.hypot(x - drawing.points[at - 1][0], y - drawing.points[at - 1][1]) > 0.004);
    if (points.length < (drawing.kind === "line" ? 2 : 3)) return;
    this.drawing = null;
    this.add(drawing.kind, points);
  }

  where(event) {
    const box = this.over.getBoundingClientRect();
    return [bound((event.clientX - box.left) / box.width), bound((event.clientY - box.top) / box.height)];
  }

  press(event) {
    const at = this.where(event);
    const { drawing } = this;
    if (!drawing) {
      this.pick(at);
      return;
    }
    event.preventDefault();
    const box = this.over.getBoundingClientRect();
    const [first] = drawing.points;
    const near = first && Math.hypot((at[0] - first[0]) * box.width, (at[1] - first[1]) * box.height) < 12;
    if (near && drawing.points.length >= 3) {
      this.finish();
      return;
    }
    drawing.points.push(at);
    if (drawing.kind === "line" && drawing.points.length === 2) this.finish();
    else this.draw();
  }

  hover(event) {
    if (!this.drawing) return;
    this.drawing.at = this.where(event);
    this.draw();
  }

  /// Chooses the zone under a point, the smallest thing on top: the last drawn.
  pick([x, y]) {
    const inside = (points) =>
      points.reduce((odd, [x1, y1], at) => {
        const [x2, y2] = points[(at + 1) % points.length];
        return y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1 ? !odd : odd;
      }, false);
    this.chosen = this.zones.findLastIndex((zone) => zone.polygon && inside(zone.polygon));
    this.draw();
  }

  drag(event, zone, at) {
    event.preventDefault();
    const handle = event.currentTarget;
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    let moved = false;
    const move = (moving) => {
      if (!moved) this.step();
      moved = true;
      pointsOf(zone)[at] = this.where(moving).map(rounded);
      this.lay(handle, pointsOf(zone)[at]);
      this.shapes();
    };
    const end = () => {
      handle.removeEventListener("pointermove", move);
      this.chosen = this.zones.indexOf(zone);
      this.draw();
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", end, { once: true });
  }

  // Keys: of the whole view, and of a point.

  key(event) {
    if (event.target.matches("input, select")) return;
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.undo();
    } else if (this.drawing && event.key === "Enter") {
      event.preventDefault();
      this.finish();
    } else if (this.drawing && event.key === "Escape") {
      this.drawing = null;
      this.draw();
    }
  }

  pointKey(event, zone, at) {
    const points = pointsOf(zone);
    const way = ARROWS[event.key];
    if (way) {
      event.preventDefault();
      const far = event.shiftKey ? 0.05 : 0.005;
      this.step();
      points[at] = points[at].map((value, axis) => rounded(bound(value + far * way[axis])));
      this.draw();
      this.focusPoint(zone, at);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      const index = this.zones.indexOf(zone);
      this.step();
      if (points.length <= (zone.line ? 2 : 3)) this.zones.splice(index, 1);
      else points.splice(at, 1);
      this.draw();
      this.list();
      if (this.zones.includes(zone)) this.focusPoint(zone, Math.min(at, points.length - 1));
      else $("zone-polygon").focus();
    }
  }

  focusPoint(zone, at) {
    this.handles.querySelector(`[data-zone="${this.zones.indexOf(zone)}"][data-at="${at}"]`)?.focus();
  }

  // Showing.

  lay(node, [x, y]) {
    node.style.left = `${100 * x}%`;
    node.style.top = `${100 * y}%`;
  }

  shapes() {
    drawZones(this.over, this.zones, this.zones[this.chosen]);
    const { drawing } = this;
    if (drawing && drawing.points.length > 0) {
      const points = drawing.at ? [...drawing.points, drawing.at] : drawing.points;
      this.over.append(svg("polyline", { class: "zone-shape", points: points.map(([x, y]) => `${x},${y}`).join(" ") }));
    }
  }

  draw() {
    this.image.alt = t("zones.editor", { name: this.camera });
    this.waiting.textContent = t("live.waiting");
    this.over.setAttribute("class", this.drawing ? "drawing" : "");
    this.shapes();
    const nodes = this.zones.flatMap((zone, index) => this.nodes(zone, index));
    const started = (this.drawing?.points ?? []).map((point) => {
      const dot = el("span", { class: "handle", "aria-hidden": "true" });
      dot.style.pointerEvents = "none";
      this.lay(dot, point);
      return dot;
    });
    this.handles.replaceChildren(...nodes, ...started);
    this.showState();
  }

  nodes(zone, index) {
    const points = pointsOf(zone);
    const label = el("span", { class: "zone-name", "aria-hidden": "true", text: zone.name });
    this.lay(label, points.reduce((a, b) => (b[1] < a[1] ? b : a), points[0] ?? [0, 0]));
    if (zone.shared || this.drawing || zone.units === "px") return [label];
    const handle = (point, at) => {
      const name = t("zones.point", { n: at + 1, name: zone.name, x: (100 * point[0]).toFixed(1), y: (100 * point[1]).toFixed(1) });
      const node = el("button", { type: "button", class: "handle", "data-zone": String(index), "data-at": String(at), "aria-label": name });
      node.addEventListener("pointerdown", (event) => this.drag(event, zone, at));
      node.addEventListener("keydown", (event) => this.pointKey(event, zone, at));
      this.lay(node, point);
      return node;
    };
    return [label, ...points.map(handle)];
  }

  showState() {
    const { drawing } = this;
    const changed = this.changed();
    if (drawing) $("zones-state").textContent = t(drawing.kind === "line" ? "zones.drawing.line" : "zones.drawing", { n: drawing.points.length });
    else $("zones-state").textContent = changed ? t("zones.changed") : "";
    $("zone-undo").disabled = !drawing && this.past.length === 0;
    $("zones-save").disabled = !changed || drawing !== null;
    $("zones-revert").disabled = !changed;
  }

  list() {
    const none = el("li", { class: "soft", text: t("zones.empty") });
    $("zones-list").replaceChildren(...(this.zones.length > 0 ? this.zones.map((zone) => this.item(zone)) : [none]));
  }

  item(zone) {
    const kind = el("span", { class: "soft small", text: t(zone.line ? "zones.kind.line" : "zones.kind.polygon", { n: pointsOf(zone).length }) });
    const rules = zone.rules?.length > 0 ? served("span", t("zones.rules", { rules: zone.rules.join(", ") }), { class: "soft small" }) : null;
    if (zone.shared) return el("li", {}, el("b", { text: zone.name }), kind, el("span", { class: "soft small", text: t("zones.shared") }), rules);
    const name = el("input", { type: "text", value: zone.name, "aria-label": t("zones.name"), maxlength: "80", autocomplete: "off" });
    name.addEventListener("change", () => {
      this.step();
      zone.name = name.value.trim();
      this.draw();
      this.list();
    });
    name.addEventListener("focus", () => {
      this.chosen = this.zones.indexOf(zone);
      this.draw();
    });
    const remove = el("button", { type: "button", class: "danger", "aria-label": t("zones.delete.of", { name: zone.name }), text: t("zones.delete") });
    remove.addEventListener("click", () => {
      this.step();
      this.zones.splice(this.zones.indexOf(zone), 1);
      this.chosen = -1;
      this.draw();
      this.list();
      $("zone-polygon").focus();
    });
    return el("li", {}, el("div", { class: "row" }, name, remove), kind, rules);
  }

  async save() {
    $("zones-problems").replaceChildren();
    const own = this.zones.filter((zone) => !zone.shared);
    const names = new Set(own.map(({ name }) => name));
    if (names.has("") || names.size < own.length) {
      showProblem($("zones-problems"), new Problem({ key: "zones.unnamed" }), $("zones-save"));
      return;
    }
    const zones = own.map(({ name, polygon, line, units }) => ({ name, polygon, line, units }));
    try {
      const path = `/v1/cameras/${encodeURIComponent(this.camera)}/zones`;
      const reply = await request(path, { method: "PUT", body: { zones } });
      this.begun((await reply.json()).zones);
      const said = t("zones.saved", { camera: this.camera });
      $("zones-state").textContent = said;
      announce(said);
    } catch (error) {
      showProblem($("zones-problems"), error, $("zones-save"));
    }
  }
}
