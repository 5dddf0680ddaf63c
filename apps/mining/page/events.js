// Events: the journal's newest, kept up by the stream, with a filter, snapshots and details. What was
// acknowledged is remembered by this browser alone.

import { getJson, request } from "./api.js";
import { className } from "./classes.js";
import { $, announce, el, served, showProblem } from "./dom.js";
import { EventStream } from "./stream.js";
import { duration, lang, number, t } from "./words.js";

const SEEN = "strata.mining.acknowledged";
/// Acknowledgements that are remembered, the newest.
const REMEMBERED = 2000;
const PAGE = 50;
/// Events that the list holds at most; older ones are asked for again.
const SHOWN = 500;
const SINCE = { hour: 3600, day: 86_400, week: 604_800 };

function loadSeen() {
  try {
    return new Set(JSON.parse(localStorage.getItem(SEEN) ?? "[]"));
  } catch {
    return new Set(); // storage is switched off, or holds something else
  }
}

function keepSeen(seen) {
  try {
    localStorage.setItem(SEEN, JSON.stringify([...seen].slice(-REMEMBERED)));
  } catch {
    // Kept until the page is left.
  }
}

const clock = (time) =>
  new Intl.DateTimeFormat(lang() === "zh" ? "zh-CN" : navigator.language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(time));
const score = (value) => number(Math.round(100 * value) / 100);
const secondsOf = (event) => (new Date(event.ended) - new Date(event.started)) / 1000;
const nameOf = (event) => `${className(event.class)}, ${event.camera}`;

export class Events {
  constructor(state, { onunseen }) {
    Object.assign(this, { state, onunseen });
    this.events = [];
    this.next = null;
    this.seen = loadSeen();
    this.thumbs = new Map();
    this.open = null;
    this.loaded = false;
    this.asking = 0;
    const follow = { onevent: (name, change) => this.hear(name, change), onstate: (up, error) => this.line(up, error) };
    this.stream = new EventStream("/v1/events/stream", follow);
    for (const id of ["event-camera", "event-severity", "event-since", "event-open"]) $(id).addEventListener("change", () => this.ask());
    $("event-unseen").addEventListener("change", () => this.show());
    $("events-filter").addEventListener("submit", (event) => event.preventDefault());
    $("events-more").addEventListener("click", () => this.ask(true));
    $("event-dialog").addEventListener("close", () => this.closed());
  }

  enter() {
    this.redraw();
    if (this.state.watching && !this.loaded) this.ask();
  }

  leave() {
    return true;
  }

  /// Listens from now on, whatever view is shown: the number of new ones stands beside the view's name.
  follow() {
    this.stream.start();
    if (!this.loaded) this.ask();
  }

  redraw() {
    const fill = (id, options) => {
      const chosen = $(id).value;
      $(id).replaceChildren(...options.map(([value, text]) => el("option", { value, text })));
      if (options.some(([value]) => value === chosen)) $(id).value = chosen;
    };
    const cameras = [...new Set([...(this.state.cameras ?? []), ...this.events.map((event) => event.camera)])].sort();
    fill("event-camera", [["", t("events.all")], ...cameras.map((name) => [name, name])]);
    fill("event-severity", [["", t("events.all")], ["alert", t("severity.alert")]]);
    fill("event-since", [["", t("events.all")], ...Object.keys(SINCE).map((key) => [key, t(`events.since.${key}`)])]);
    this.show();
    this.drawDetails();
    if (!this.state.watching && this.state.server) $("events-state").textContent = t("events.off");
  }

  line(up, error) {
    this.up = up;
    $("events-state").textContent = t(up ? "events.live" : "events.reconnecting");
    $("events-state").className = `state ${up ? "online" : "stalled"}`;
    if (error) showProblem($("events-problems"), error, $("events-title"));
  }

  query(more) {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if ($("event-camera").value) query.set("camera", $("event-camera").value);
    if ($("event-severity").value) query.set("min_severity", $("event-severity").value);
    if ($("event-open").checked) query.set("open", "true");
    const since = SINCE[$("event-since").value];
    if (since) query.set("from_ms", String(Date.now() - since * 1000));
    if (more && this.next) query.set("before", this.next);
    return query;
  }

  async ask(more = false) {
    this.asking += 1;
    const mine = this.asking;
    this.loaded = true;
    try {
      const page = await getJson(`/v1/events?${this.query(more)}`);
      if (mine !== this.asking) return;
      const known = new Set(more ? this.events.map(({ id }) => id) : []);
      this.events = [...(more ? this.events : []), ...page.events.filter(({ id }) => !known.has(id))];
      this.next = page.next ?? null;
      $("events-problems").replaceChildren();
      this.redraw();
    } catch (error) {
      this.loaded = false;
      showProblem($("events-problems"), error, $("events-title"));
    }
  }

  /// Whether the filter asks for an event.
  wanted(event) {
    const camera = $("event-camera").value;
    const since = SINCE[$("event-since").value];
    return (
      (!camera || event.camera === camera) &&
      (!$("event-severity").value || event.severity === "alert") &&
      (!$("event-open").checked || !event.ended) &&
      (!since || Date.now() - new Date(event.started) <= since * 1000)
    );
  }

  hear(name, change) {
    if (name === "lagged") {
      this.ask();
      return;
    }
    const { event } = change;
    const at = this.events.findIndex(({ id }) => id === event.id);
    if (at >= 0) this.events[at] = event;
    else if (this.wanted(event)) this.events = [event, ...this.events].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, SHOWN);
    if (name === "new" && event.severity === "alert") {
      announce(t("events.new", { severity: t("severity.alert"), class: className(event.class), camera: event.camera }));
    }
    this.show();
    if (this.open === event.id) this.drawDetails();
  }

  acknowledge(event, seen) {
    if (seen) this.seen.add(event.id);
    else this.seen.delete(event.id);
    keepSeen(this.seen);
    this.show();
    this.drawDetails();
  }

  shown() {
    return this.events.filter((event) => !$("event-unseen").checked || !this.seen.has(event.id));
  }

  show() {
    this.onunseen(this.events.filter((event) => event.severity === "alert" && !this.seen.has(event.id)).length);
    const shown = this.shown();
    const focused = document.activeElement?.closest?.("#events-list [data-act]");
    const [id, act] = [focused?.closest("[data-event]")?.dataset.event, focused?.dataset.act];
    const none = this.state.watching ? [el("li", { class: "soft", text: t("events.none") })] : [];
    $("events-list").replaceChildren(...(shown.length > 0 ? shown.map((event) => this.item(event)) : none));
    $("events-more").hidden = !this.next;
    // The list is made anew; who was at a button of it stays there.
    if (id) document.querySelector(`#events-list [data-event="${CSS.escape(id)}"] [data-act="${act}"]`)?.focus();
  }

  badges(event) {
    const badges = [el("span", { class: `badge ${event.severity}`, text: t(`severity.${event.severity}`) })];
    if (!event.ended) badges.push(el("span", { class: "badge open", text: t("event.open") }));
    if (this.seen.has(event.id)) badges.push(el("span", { class: "badge done", text: t("event.acknowledged") }));
    return badges;
  }

  item(event) {
    const seen = this.seen.has(event.id);
    const open = () => this.details(event.id);
    const thumb = el("button", { type: "button", class: "thumb", "data-act": "thumb", tabindex: "-1", "aria-hidden": "true", onclick: open });
    this.picture(event, thumb);
    const where = [event.scene, event.rule, event.zone].filter(Boolean).join(" · ");
    const time = el("time", { datetime: event.started, text: clock(event.started) });
    const lasted = event.ended ? t("event.lasted", { time: duration(secondsOf(event)) }) : t("event.ongoing");
    const title = el("button", { type: "button", class: "quiet name", "data-act": "open", "aria-label": t("event.details", { name: nameOf(event) }), onclick: open });
    title.append(el("b", { text: className(event.class) }));
    const head = el("div", { class: "row" }, title, served("span", event.camera), ...this.badges(event));
    const main = el("div", { class: "event-main" }, head, el("p", { class: "soft small" }, time, ` · ${lasted}`), served("p", where, { class: "soft small" }));
    const text = t(seen ? "event.undo" : "event.acknowledge");
    const act = el("button", { type: "button", class: seen ? "quiet" : "", "data-act": "seen", onclick: () => this.acknowledge(event, !seen), text });
    const kind = `card event ${event.severity}${seen ? " seen" : ""}`;
    return el("li", { class: kind, "data-event": event.id }, thumb, main, el("div", { class: "acts" }, act));
  }

  /// The snapshot of an event in a box; each is fetched once.
  async picture(event, box, large = false) {
    if (!event.snapshot) {
      box.replaceChildren(el("span", { class: "waiting", text: t("event.nosnapshot") }));
      return;
    }
    const key = `${event.id} ${event.snapshot}`;
    if (!this.thumbs.has(key)) {
      const asked = request(`/v1/events/${encodeURIComponent(event.id)}/snapshot`).then(async (reply) => URL.createObjectURL(await reply.blob()));
      asked.catch(() => this.thumbs.delete(key));
      this.thumbs.set(key, asked);
      if (this.thumbs.size > SHOWN) {
        const [oldest, url] = this.thumbs.entries().next().value;
        this.thumbs.delete(oldest);
        url.then(URL.revokeObjectURL, () => {});
      }
    }
    try {
      const src = await this.thumbs.get(key);
      box.replaceChildren(el("img", { src, alt: large ? t("event.snapshot", { name: nameOf(event) }) : "" }));
    } catch {
      box.replaceChildren(el("span", { class: "waiting", text: t("event.nosnapshot") }));
    }
  }

  // One event.

  details(id) {
    this.open = id;
    this.drawDetails();
    if (!$("event-dialog").open) $("event-dialog").showModal();
  }

  drawDetails() {
    const event = this.events.find(({ id }) => id === this.open);
    if (!event) return;
    const dialog = $("event-dialog");
    const close = el("button", { type: "button", class: "quiet", "aria-label": t("close"), onclick: () => dialog.close() }, "×");
    const framed = el("div", { class: "framed" });
    this.picture(event, framed, true);
    const rows = [
      ["events.camera", event.camera],
      ["event.began", clock(event.started)],
      ["event.ended", event.ended ? `${clock(event.ended)} (${duration(secondsOf(event))})` : t("event.ongoing")],
      event.reason && ["event.reason", t(`reason.${event.reason}`)],
      ["event.scene", event.scene],
      ["event.rule", event.rule],
      event.zone && ["event.zone", event.zone],
      ["event.score", `${score(event.top_score)} / ${score(event.median_score)}`],
      event.track !== undefined && ["event.track", String(event.track)],
      ["event.model", event.model],
      ["event.id", el("code", { text: event.id })],
    ];
    const cells = rows.filter(Boolean).flatMap(([key, value]) => [el("dt", { text: t(key) }), el("dd", {}, value)]);
    const seen = this.seen.has(event.id);
    const act = el("button", { type: "button", onclick: () => this.acknowledge(event, !seen), text: t(seen ? "event.undo" : "event.acknowledge") });
    const side = el("div", { class: "viewer-side" }, el("div", { class: "row" }, ...this.badges(event)), el("dl", { class: "facts" }, ...cells), el("div", {}, act), el("p", { class: "soft small", text: t("event.local") }));
    const head = el("div", { class: "viewer-head" }, el("h2", { id: "event-title", text: nameOf(event) }), close);
    dialog.replaceChildren(head, el("div", { class: "viewer-body" }, framed, side));
  }

  closed() {
    const id = this.open;
    this.open = null;
    if (id) document.querySelector(`#events-list [data-event="${CSS.escape(id)}"] [data-act="open"]`)?.focus();
  }
}
