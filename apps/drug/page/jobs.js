// The list of jobs: what the server has, how far each is, its files. The server keeps the jobs, so
// the list is the same after the page was loaded again.

import { getJson, key, request } from "./api.js";
import { mainFigure } from "./adapted.js";
import { afterSearch, askedOf } from "./analogues.js";
import { $, announce, el, save, served, showProblem } from "./dom.js";
import { duration, moment, number, size, t } from "./words.js";

/// Jobs shown before "Show all".
const FEW = 3;
/// Least time between two looks at a running job: each progress of a fast one is more than eyes need.
const PAUSE = 300;

const over = (job) => ["done", "failed", "cancelled"].includes(job.state);
/// Whether a job is a search for better analogues.
export const search = (job) => job.kind === "optimize";
/// Whether a job makes a model of measurements.
export const fitted = (job) => job.kind === "adapt";
export const jobName = (job) => job.input?.name ?? job.params?.filename ?? job.id.slice(0, 8);
const address = (job, end = "") => `/v1/jobs/${encodeURIComponent(job.id)}${end}`;

export class Jobs {
  /// `onshow(job)` when the result of a job shall be shown, `ondone(job)` when a job that was followed
  /// is done.
  constructor({ onshow, ondone }) {
    Object.assign(this, { onshow, ondone });
    this.jobs = new Map();
    this.cards = new Map();
    this.all = false;
    this.following = false;
    this.told = new Map();
    this.titles = new Map();
    $("jobs-more").addEventListener("click", () => {
      this.all = !this.all;
      this.render();
    });
  }

  /// Makes the cards anew, in another language or with scenarios' names.
  redraw() {
    this.cards.clear();
    this.render();
  }

  /// Asks for the list.
  async refresh() {
    const { jobs } = await getJson("/v1/jobs?limit=100");
    const there = new Set(jobs.map((job) => job.id));
    for (const id of this.jobs.keys()) if (!there.has(id)) this.jobs.delete(id);
    for (const job of jobs) this.take(job);
    this.render();
    this.follow();
  }

  /// A job that was just submitted.
  add(job) {
    this.take(job);
    announce(t("jobs.said.queued", { name: jobName(job) }));
    this.mine = job.id;
    this.render();
    this.follow();
  }

  take(job) {
    const before = this.jobs.get(job.id);
    if (before && before.version > job.version) return;
    this.jobs.set(job.id, job);
    if (!before || over(before)) return;
    const name = jobName(job);
    if (over(job)) {
      announce(t(`jobs.said.${job.state}`, { name }));
      if (job.state === "done") this.ondone(job, this.mine === job.id);
    } else if (job.progress?.fraction) {
      const part = Math.floor(job.progress.fraction * 4) * 25;
      if (part > (this.told.get(job.id) ?? 0)) {
        this.told.set(job.id, part);
        announce(t("jobs.said.part", { name, n: part }));
      }
    }
  }

  /// Waits for news as long as a job is under way. One request at a time: a browser has few
  /// connections to a server, and those are for drawings too.
  async follow() {
    if (this.following) return;
    this.following = true;
    let wait = PAUSE;
    try {
      for (;;) {
        const open = [...this.jobs.values()].filter((job) => !over(job));
        if (open.length === 0) break;
        const job = open.find((one) => one.state === "running") ?? open.at(-1);
        try {
          this.take(await getJson(address(job, `?version=${job.version}`)));
          // Others may have changed as well.
          if (open.length > 1) for (const one of (await getJson("/v1/jobs?limit=100")).jobs) this.take(one);
          $("jobs-problems").replaceChildren();
          wait = PAUSE;
        } catch (error) {
          if (error.status === 404) this.jobs.delete(job.id);
          else {
            this.fail(error);
            if (error.status === 401 || error.status === 403) break;
            wait = Math.min(Math.max(wait * 2, (error.retryAfter ?? 0) * 1000), 30_000);
          }
        }
        this.render();
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    } finally {
      this.following = false;
    }
  }

  fail(error) {
    showProblem($("jobs-problems"), error, $("jobs-list"));
  }

  render() {
    const newest = [...this.jobs.values()].sort((a, b) => b.created.localeCompare(a.created));
    const shown = this.all ? newest : newest.filter((job, at) => at < FEW || !over(job));
    $("jobs").hidden = newest.length === 0;
    const more = $("jobs-more");
    more.hidden = newest.length <= FEW;
    more.textContent = this.all ? t("jobs.fewer") : t("jobs.more", { n: newest.length });
    const nodes = shown.map((job) => {
      let card = this.cards.get(job.id);
      if (!card) {
        card = new Card(this, job);
        this.cards.set(job.id, card);
      }
      card.update(job);
      return card.node;
    });
    const list = $("jobs-list");
    // Cards that stay are not moved, so that the focus stays in them.
    for (const node of [...list.children]) if (!nodes.includes(node)) node.remove();
    nodes.forEach((node, at) => {
      if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null);
    });
  }

  async cancel(job) {
    await this.act(async () => {
      this.take(await (await request(address(job, "/cancel"), { method: "POST" })).json());
      this.follow();
    });
  }

  async delete(job) {
    await this.act(async () => {
      await request(address(job), { method: "DELETE" });
      this.jobs.delete(job.id);
      this.cards.delete(job.id);
      $("jobs-title").focus();
    });
  }

  async act(action) {
    try {
      await action();
      $("jobs-problems").replaceChildren();
    } catch (error) {
      this.fail(error);
    }
    this.render();
  }
}

/// One job on the page. Its parts stay and only their texts change.
class Card {
  constructor(list, job) {
    this.list = list;
    const name = jobName(job);
    const button = (key, act, props = {}) => el("button", { type: "button", text: t(key), onclick: act, ...props });
    this.state = el("span", { class: "state" });
    this.bar = el("progress", { max: 1, "aria-label": t("jobs.progress", { name }) });
    this.note = el("p", { class: "soft" });
    this.error = el("p", { class: "error", hidden: true });
    this.files = el("ul", { class: "files", "aria-label": t("jobs.files", { name }) });
    this.show = button(search(job) ? "jobs.show.search" : fitted(job) ? "jobs.show.adapt" : "jobs.show", () => list.onshow(this.job));
    this.cancel = button("jobs.cancel", () => list.cancel(this.job), { class: "quiet" });
    this.delete = button("jobs.delete", () => this.ask(), { class: "quiet" });
    const described = (node) => node.setAttribute("aria-label", `${node.textContent}: ${name}`);
    [this.show, this.cancel, this.delete].forEach(described);
    const named = list.titles.get(job.params?.scenario) ?? job.params?.scenario ?? "";
    const scenario = search(job) ? askedOf(job.params) : fitted(job) ? job.params.target : named;
    this.node = el(
      "li",
      { class: "card job", "data-job": job.id },
      el(
        "div",
        { class: "job-head" },
        el("b", { class: "job-name", text: name }),
        this.state,
        el("span", { class: "soft", text: `${scenario} · ${moment(job.created)}` }),
        el("span", { class: "row push" }, this.show, this.cancel, this.delete),
      ),
      this.bar,
      this.note,
      this.error,
      this.files,
    );
  }

  update(job) {
    const changed = this.job?.version !== job.version;
    this.job = job;
    if (!changed) return;
    const done = over(job);
    this.state.textContent = t(`state.${job.state}`);
    this.state.className = `state ${job.state}`;
    this.bar.hidden = done;
    if (job.progress?.fraction === undefined) this.bar.removeAttribute("value");
    else this.bar.value = job.progress.fraction;
    this.note.textContent = (done ? after(job) : during(job)).filter(Boolean).join(" · ");
    this.cancel.hidden = done || job.cancelling;
    this.delete.hidden = !done;
    const shown = search(job) ? "result.csv" : fitted(job) ? "held-out.csv" : "top.csv";
    this.show.hidden = !job.files.some((file) => file.name === shown);
    this.error.hidden = !job.error;
    if (job.error) this.error.replaceChildren(el("code", { text: job.error.code }), " ", served("span", job.error.message));
    const links = job.files.map((file) => {
      const link = el("a", { href: address(job, `/files/${encodeURIComponent(file.name)}`), download: fileName(job, file), text: file.name });
      link.addEventListener("click", (event) => this.fetch(event, file));
      return el("li", {}, link, el("span", { class: "soft", text: ` ${size(file.bytes)}` }));
    });
    this.files.replaceChildren(...links);
    this.files.hidden = links.length === 0;
  }

  /// A link sends no key: with one, the file is fetched and then saved.
  async fetch(event, file) {
    if (!key()) return;
    event.preventDefault();
    await this.list.act(async () => {
      const reply = await request(address(this.job, `/files/${encodeURIComponent(file.name)}`));
      save(await reply.blob(), fileName(this.job, file));
    });
  }

  /// Deleting takes the results away for good: a second press, in the same place, does it.
  ask() {
    if (this.sure) {
      this.list.delete(this.job);
      return;
    }
    this.sure = true;
    const [text, label] = [this.delete.textContent, this.delete.getAttribute("aria-label")];
    this.delete.textContent = t("jobs.sure");
    this.delete.setAttribute("aria-label", `${t("jobs.sure")} ${jobName(this.job)}`);
    this.delete.classList.add("danger");
    const back = () => {
      this.sure = false;
      this.delete.textContent = text;
      this.delete.setAttribute("aria-label", label);
      this.delete.classList.remove("danger");
    };
    this.delete.addEventListener("blur", back, { once: true });
  }
}

/// The name a result is saved under: that of the library, and which result it is.
function fileName(job, file) {
  const stem = jobName(job).replace(/(\.(smi|csv|tsv|txt|sdf|sd|parquet))?(\.gz)?$/i, "");
  return `${stem}-${file.name}`;
}

function during(job) {
  const progress = job.progress;
  if (!progress) return [job.cancelling && t("jobs.cancelling")];
  const rate = /^([\d.]+) (molecules|candidates)\/s$/.exec(progress.message ?? "");
  const seconds = job.started ? (Date.now() - Date.parse(job.started)) / 1000 : 0;
  const { fraction } = progress;
  // Soon after the start, and after a restart, the time says nothing about the rest.
  const left = fraction > 0.02 && seconds > 3 && job.attempt === 1 ? (seconds * (1 - fraction)) / fraction : null;
  return [
    job.cancelling && t("jobs.cancelling"),
    t(search(job) ? "jobs.candidates" : "jobs.rows", { n: progress.done }),
    progress.failed > 0 && t("jobs.failed", { n: progress.failed }),
    // A model that is trained reads its rows in no time.
    !fitted(job) && (rate ? t(rate[2] === "molecules" ? "jobs.rate" : "jobs.rate.candidates", { n: number(Number(rate[1])) }) : progress.message),
    left !== null && t("jobs.left", { time: duration(left) }),
    job.attempt > 1 && t("jobs.attempt"),
  ];
}

function after(job) {
  const { summary, progress } = job;
  const took = job.started && job.finished ? (Date.parse(job.finished) - Date.parse(job.started)) / 1000 : null;
  const ended = took !== null && t("jobs.took", { time: duration(took) });
  if (!summary) return [progress && t(search(job) ? "jobs.candidates" : "jobs.rows", { n: progress.done })];
  if (search(job)) return [...afterSearch(summary), ended];
  if (fitted(job)) return [t("adapted.molecules", { n: summary.molecules }), summary.chosen, mainFigure(summary), ended];
  // Other kinds of work have figures of their own, in their files.
  if (summary.rows === undefined) return [ended];
  const codes = Object.entries(summary.failed ?? {}).map(([code, count]) => `${code} ${number(count)}`);
  const failed = summary.rows - summary.good;
  return [
    t("jobs.rows", { n: summary.rows }),
    t("jobs.scored", { n: summary.good }),
    failed > 0 && `${t("jobs.failed", { n: failed })} (${codes.join(", ")})`,
    summary.flagged > 0 && t("jobs.flagged", { n: summary.flagged }),
    summary.alerted > 0 && t("jobs.alerted", { n: summary.alerted }),
    ended,
  ];
}
