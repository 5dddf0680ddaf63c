// The view that runs forecasts: an analysis is sent, its job followed, its result shown on the map.

import { getJson, request, upload } from "./api.js";
import { $, announce, el, save, served, showProblem } from "./dom.js";
import { lang, moment, size, t } from "./words.js";

/// Time between looks at jobs that run, in ms.
const PAUSE = 1000;
const over = (job) => ["done", "failed", "cancelled"].includes(job.state);

export class Run {
  /// `onshow(model, run)` when a result is to be shown, `ondone()` when a job has ended.
  constructor(state, { onshow, ondone }) {
    Object.assign(this, { state, onshow, ondone });
    this.jobs = [];
    this.timer = 0;
    $("run-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    $("run-family").addEventListener("change", () => this.about());
  }

  enter() {
    this.active = true;
    this.follow();
  }

  leave() {
    this.active = false;
    clearTimeout(this.timer);
  }

  redraw() {
    const families = this.state.families.filter((one) => !one.trouble);
    $("run-none").hidden = families.length > 0 || !this.state.server;
    const before = $("run-family").value;
    $("run-family").replaceChildren(...families.map(({ name }) => el("option", { value: name, text: name })));
    if (families.some(({ name }) => name === before)) $("run-family").value = before;
    $("run-go").disabled = families.length === 0;
    this.about();
    this.list();
  }

  about() {
    const family = this.state.families.find(({ name }) => name === $("run-family").value);
    $("run-about").textContent = family ? t("run.about", { planet: family.planet, steps: family.steps.join(", "), licence: family.licence }) : "";
  }

  async submit() {
    const file = $("run-file").files[0];
    if (!file) {
      showProblem($("run-problems"), { key: "run.nofile" }, $("run-file"));
      return;
    }
    const query = new URLSearchParams({ filename: file.name, model: $("run-family").value });
    for (const [id, name] of [["run-lead", "lead_time"], ["run-members", "members"], ["run-date", "date"], ["run-time", "time"]]) {
      const value = $(id).value.trim();
      if (value) query.set(name, value);
    }
    $("run-problems").replaceChildren();
    $("run-go").disabled = true;
    try {
      const told = (sent, total) => {
        $("run-state").textContent = t("run.sending", { sent: size(sent), total: size(total) });
      };
      const job = await upload(`/v1/jobs/forecast?${query}`, file, told);
      $("run-state").textContent = t("run.sent");
      this.jobs = [job, ...this.jobs];
      this.list();
      this.follow();
    } catch (error) {
      $("run-state").textContent = "";
      showProblem($("run-problems"), error, $("run-file"));
    } finally {
      $("run-go").disabled = false;
    }
  }

  async follow() {
    clearTimeout(this.timer);
    try {
      const before = new Map(this.jobs.map((job) => [job.id, job.state]));
      this.jobs = (await getJson("/v1/jobs?limit=50")).jobs.filter(({ kind }) => kind === "forecast");
      for (const job of this.jobs) {
        const was = before.get(job.id);
        if (over(job) && was && was !== job.state) {
          announce(`${nameOf(job)}: ${t(`jobs.${job.state}`)}`);
          this.ondone();
        }
      }
      $("jobs-problems").replaceChildren();
    } catch (error) {
      showProblem($("jobs-problems"), error, $("run-title"));
    }
    this.list();
    if (this.active && this.jobs.some((job) => !over(job))) this.timer = setTimeout(() => this.follow(), PAUSE);
  }

  list() {
    const focused = document.activeElement?.dataset?.job;
    $("jobs").replaceChildren(...(this.jobs.length > 0 ? this.jobs.map((job) => this.card(job)) : [el("li", { class: "soft", text: t("jobs.none") })]));
    if (focused) document.querySelector(`[data-job="${focused}"]`)?.focus();
  }

  card(job) {
    const state = el("span", { class: "soft", text: t(`jobs.${job.state}`) });
    const head = el("div", { class: "job-head" }, el("b", { text: nameOf(job) }), el("span", { text: job.params?.model ?? "" }), state, el("span", { class: "soft small", text: moment(job.created) }));
    const share = job.progress?.fraction ?? 0;
    const label = t("jobs.progress", { n: Math.round(share * 100), name: nameOf(job) });
    const bar = job.state === "running" ? el("progress", { max: "1", value: String(share), "aria-label": label }) : null;
    const wrong = job.error ? served("p", job.error.message, { class: "problem" }) : null;
    const buttons = el("div", { class: "row" });
    const button = (key, action, vars) => buttons.append(el("button", { type: "button", text: t(key, vars), "data-job": `${job.id} ${key}`, onclick: () => this.act(action) }));
    const address = `/v1/jobs/${encodeURIComponent(job.id)}`;
    if (job.state === "done") {
      const { summary } = job;
      if (summary?.served) button("jobs.show", () => this.onshow(summary.provenance.family, summary.run));
      for (const file of job.files ?? []) button("jobs.download", () => this.fetch(`${address}/files/${file.name}`, file.name), { size: size(file.bytes) });
    }
    if (over(job)) button("jobs.delete", () => request(address, { method: "DELETE" }));
    else button("jobs.cancel", () => request(`${address}/cancel`, { method: "POST" }));
    return el("li", { class: "job", lang: lang() === "zh" ? "zh-CN" : "en" }, head, bar, wrong, buttons);
  }

  async act(action) {
    try {
      await action();
      await this.follow();
    } catch (error) {
      showProblem($("jobs-problems"), error, $("run-title"));
    }
  }

  async fetch(path, name) {
    save(await (await request(path)).blob(), name);
  }
}

const nameOf = (job) => job.input?.name ?? job.params?.filename ?? job.id.slice(0, 8);
