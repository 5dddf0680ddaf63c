// Live: the cameras with their newest pictures and figures, and one of them enlarged.

import { getJson } from "./api.js";
import { $, el, served, showProblem, svg } from "./dom.js";
import { Frames } from "./frames.js";
import { drawZones, relative } from "./shapes.js";
import { number, t } from "./words.js";

/// How often the figures are asked for, in ms.
const FIGURES = 2000;

const stateOf = (camera) => el("span", { class: `state ${camera.state}`, text: t(`camera.${camera.state}`) });
const rate = (value) => number(Math.round(value * 10) / 10);

function figures(camera) {
  const parts = [t("live.fps", { n: rate(camera.analysed_fps) }), t("live.drops", { n: camera.dropped })];
  if (camera.analysed > 0) parts.push(t("live.p95", { n: Math.round(camera.latency.p95_ms) }));
  return parts;
}

export class Live {
  constructor(state, { onedit }) {
    Object.assign(this, { state, onedit });
    this.cards = new Map();
    this.cameras = [];
    this.trouble = null;
    this.timer = 0;
    this.active = false;
    this.viewer = null;
    // Only pictures that are seen are asked for.
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const card = this.cards.get(target.dataset.camera);
        if (!card) continue;
        card.visible = isIntersecting;
        this.tend(card);
      }
    });
    $("viewer").addEventListener("close", () => this.closed());
  }

  enter() {
    if (this.active) return;
    this.active = true;
    this.ask();
    for (const card of this.cards.values()) this.tend(card);
    this.viewer?.frames.start();
  }

  pause() {
    this.active = false;
    clearTimeout(this.timer);
    for (const card of this.cards.values()) card.frames.stop();
    this.viewer?.frames.stop();
  }

  leave() {
    this.pause();
    return true;
  }

  redraw() {
    this.show();
    this.drawViewer();
  }

  /// Pictures of cards that are in view, unless one is enlarged over them.
  tend(card) {
    if (this.active && card.visible && !this.viewer) card.frames.start();
    else card.frames.stop();
  }

  async ask() {
    clearTimeout(this.timer);
    try {
      const reply = await getJson("/v1/cameras");
      this.state.watching = reply.watching;
      this.state.cameras = reply.cameras.map(({ name }) => name);
      this.cameras = reply.cameras;
      this.trouble = reply.trouble;
      this.show();
      this.drawViewer();
      $("problems").replaceChildren();
    } catch (error) {
      if (this.active) showProblem($("problems"), error, $("live-title"));
    }
    if (this.active) this.timer = setTimeout(() => this.ask(), FIGURES);
  }

  show() {
    const names = new Set(this.cameras.map((camera) => camera.name));
    for (const [name, card] of this.cards) {
      if (names.has(name)) continue;
      this.seen.unobserve(card.item);
      card.frames.end();
      card.item.remove();
      this.cards.delete(name);
    }
    for (const camera of this.cameras) this.card(camera);
    const good = this.cameras.filter((camera) => camera.state === "online").length;
    const none = this.cameras.length === 0;
    const why = this.trouble ?? t(this.state.watching ? "live.starting" : "live.none");
    if (none && !this.state.server) $("live-note").textContent = "";
    else $("live-note").textContent = none ? why : t("live.summary", { n: this.cameras.length, good });
    $("live-note").classList.toggle("error", Boolean(this.trouble));
  }

  card(camera) {
    let card = this.cards.get(camera.name);
    if (!card) {
      card = this.makeCard(camera);
      this.cards.set(camera.name, card);
      $("cameras").append(card.item);
      this.seen.observe(card.item);
    }
    card.open.setAttribute("aria-label", t("live.open", { name: camera.name }));
    card.image.alt = t("live.picture", { name: camera.name });
    card.waiting.textContent = t("live.waiting");
    card.state.replaceChildren(stateOf(camera));
    card.figures.replaceChildren(...figures(camera).map((text) => el("span", { text })));
    card.error.hidden = !camera.error;
    card.error.textContent = camera.error ?? "";
  }

  makeCard({ name }) {
    const image = el("img", { hidden: true });
    const waiting = el("span", { class: "waiting" });
    const open = el("button", { type: "button", class: "screen", onclick: () => this.enlarge(name) }, image);
    const [state, line, error] = [el("span"), el("p", { class: "figures" }), served("p", "", { class: "error" })];
    const head = el("div", { class: "camera-line" }, el("b", { text: name }), el("span", { class: "push" }), state);
    const item = el("li", { class: "card camera", "data-camera": name }, el("div", { class: "seen" }, open, waiting), head, line, error);
    const frames = new Frames(image, name, { onsize: () => (waiting.hidden = true) });
    return { item, image, waiting, open, state, figures: line, error, frames, visible: false };
  }

  // One camera, enlarged.

  async enlarge(name) {
    const dialog = $("viewer");
    const title = el("h2", { id: "viewer-title", text: name });
    const close = el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "×");
    const image = el("img", { hidden: true });
    const over = svg("svg", { "aria-hidden": "true" });
    const waiting = el("span", { class: "waiting" });
    const box = el("input", { type: "checkbox", checked: true, onchange: () => (over.style.display = box.checked ? "" : "none") });
    const label = el("span");
    const edit = el("button", { type: "button", onclick: () => (dialog.close(), this.onedit(name)) });
    const facts = el("dl", { class: "facts" });
    const side = el("div", { class: "viewer-side" }, el("label", { class: "plain" }, box, label), facts, edit);
    const framed = el("div", { class: "framed" }, waiting, el("div", { class: "fit" }, image, over));
    dialog.replaceChildren(el("div", { class: "viewer-head" }, title, close), el("div", { class: "viewer-body" }, framed, side));
    const viewer = { name, image, over, waiting, label, edit, facts, close, zones: [] };
    const onsize = (width, height) => {
      waiting.hidden = true;
      drawZones(over, relative(viewer.zones, width, height));
    };
    viewer.frames = new Frames(image, name, { every: 150, onsize });
    this.viewer = viewer;
    for (const card of this.cards.values()) this.tend(card);
    this.drawViewer();
    dialog.showModal();
    viewer.frames.start();
    try {
      viewer.zones = (await getJson(`/v1/cameras/${encodeURIComponent(name)}/zones`)).zones;
      if (image.naturalWidth > 0) onsize(image.naturalWidth, image.naturalHeight);
    } catch {
      // The picture is what was asked for; the zones' own view says what is wrong.
    }
  }

  drawViewer() {
    const { viewer } = this;
    const camera = this.cameras.find(({ name }) => name === viewer?.name);
    if (!viewer || !camera) return;
    viewer.close.setAttribute("aria-label", t("close"));
    viewer.label.textContent = t("live.zones");
    viewer.edit.textContent = t("live.edit");
    viewer.waiting.textContent = t("live.waiting");
    viewer.image.alt = t("live.picture", { name: viewer.name });
    const ms = (value) => `${number(Math.round(value))} ms`;
    const rows = [
      ["state", stateOf(camera)],
      camera.size && ["size", camera.size.join(" × ")],
      ["fps", `${rate(camera.received_fps)} / ${rate(camera.analysed_fps)}`],
      ["received", number(camera.received)],
      ["analysed", number(camera.analysed)],
      ["dropped", number(camera.dropped)],
      camera.analysed > 0 && ["latency", `${ms(camera.latency.p50_ms)} / ${ms(camera.latency.p95_ms)}`],
      ["open", number(camera.open_events)],
      ["restarts", number(camera.restarts)],
      camera.error && ["error", served("span", camera.error, { class: "error" })],
    ];
    const cells = rows.filter(Boolean).flatMap(([key, value]) => [el("dt", { text: t(`fact.${key}`) }), el("dd", {}, value)]);
    viewer.facts.replaceChildren(...cells);
  }

  closed() {
    const { viewer } = this;
    if (!viewer) return;
    this.viewer = null;
    viewer.frames.end();
    for (const card of this.cards.values()) this.tend(card);
    this.cards.get(viewer.name)?.open.focus();
  }
}
