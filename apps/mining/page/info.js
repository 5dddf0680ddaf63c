// Models, scenarios and memory banks: what there is, where it comes from, and the bank's pictures.

import { getJson, request } from "./api.js";
import { $, announce, el, served, showProblem } from "./dom.js";
import { originBox } from "./origin.js";
import { has, lang, number, t } from "./words.js";

const chip = (text, kind = "") => el("span", { class: `badge ${kind}`, text });
const stateChip = (state) => chip(t(`info.${state}`), state === "ready" ? "done" : "");

export class Info {
  constructor(state, { onbanks }) {
    Object.assign(this, { state, onbanks });
    this.active = false;
  }

  async enter() {
    this.active = true;
    this.redraw();
    try {
      // Models and banks change while the page is open.
      const [server, banks] = await Promise.all([getJson("/v1/server"), getJson("/v1/banks")]);
      Object.assign(this.state, { server, banks: banks.banks });
      this.redraw();
    } catch (error) {
      showProblem($("info-problems"), error, $("info-title"));
    }
  }

  leave() {
    this.active = false;
    return true;
  }

  redraw() {
    if (!this.state.server) return;
    const { server, scenarios, banks } = this.state;
    const part = (key, tiles, none) =>
      el("section", {}, el("h3", { text: t(key) }), tiles.length > 0 ? el("div", { class: "tiles" }, ...tiles) : el("p", { class: "soft", text: none ?? "" }));
    $("info-body").replaceChildren(
      part("info.scenarios", scenarios.map((one) => this.scenario(one))),
      part("info.banks", banks.map((one) => this.bank(one)), t("info.nobanks")),
      part("info.models", server.models.map((one) => this.model(one))),
    );
  }

  model(one) {
    const reason = one.reason ? served("p", one.reason, { class: "soft small" }) : null;
    return el("div", { class: "card" }, el("h4", {}, one.name, el("span", { class: "soft small", text: one.version }), stateChip(one.state)), reason, one.provenance ? originBox(one.provenance) : null);
  }

  scenario(one) {
    const title = lang() === "zh" && one.title_zh ? one.title_zh : one.title;
    const state = one.ready ? stateChip("ready") : chip(t("look.absent"), "");
    const head = el("h4", {}, title, el("span", { class: "soft small", text: `${one.name} ${one.version}` }), state);
    const what = el("p", { class: "small" }, `${t(`info.mode.${one.mode}`)} · `, one.model ? el("code", { text: one.model }) : t("info.nomodel"));
    const classes = one.classes.map((each) => (lang() === "zh" && each.name_zh ? each.name_zh : each.name));
    const few = classes.length > 12 ? [...classes.slice(0, 12), "…"] : classes;
    const list = few.length > 0 ? el("p", { class: "small" }, `${t("info.classes")}: ${few.join(", ")}`) : null;
    const text = el("pre", { tabindex: "0", lang: "en" });
    const file = el("details", {}, el("summary", { text: t("info.toml") }), text);
    file.addEventListener("toggle", async () => {
      if (!file.open || text.textContent) return;
      try {
        text.textContent = (await getJson(`/v1/scenarios/${encodeURIComponent(one.name)}`)).toml;
      } catch (error) {
        showProblem($("info-problems"), error, file.querySelector("summary"));
      }
    });
    return el("div", { class: "card" }, head, has(`about.${one.name}`) ? el("p", { class: "about", text: t(`about.${one.name}`) }) : served("p", one.description.replace(/\s+/g, " "), { class: "about" }), what, list, file);
  }

  bank(one) {
    const head = el("h4", {}, one.name, one.ready ? stateChip("ready") : chip(t("look.absent"), ""));
    const threshold = typeof one.threshold === "number" ? t("info.threshold", { n: one.threshold.toPrecision(3) }) : t("info.nothreshold");
    const facts = el("p", { class: "small" }, `${t("info.normals", { n: one.normals, patches: number(one.patches) })} · ${threshold} · `, el("code", { text: one.model }));
    const list = el("ul", { class: "normals" });
    const more = el("details", { "data-bank": one.name }, el("summary", { text: t("info.list") }), list);
    more.addEventListener("toggle", () => more.open && this.normals(one, list));
    const reason = one.reason ? served("p", one.reason, { class: "error small" }) : null;
    return el("div", { class: "card" }, head, facts, reason, more);
  }

  async normals(bank, list) {
    const path = `/v1/banks/${encodeURIComponent(bank.name)}`;
    try {
      const { normals } = await getJson(path);
      list.replaceChildren(...normals.map(({ name }) => el("li", {}, name, bank.editable ? this.remover(bank, name, list) : null)));
    } catch (error) {
      showProblem($("info-problems"), error, $("info-title"));
    }
  }

  /// A button that asks once more before it removes.
  remover(bank, name, list) {
    const button = el("button", { type: "button", class: "danger", "aria-label": t("info.remove.of", { name }), text: t("info.remove") });
    let sure = false;
    button.addEventListener("blur", () => {
      sure = false;
      button.textContent = t("info.remove");
    });
    button.addEventListener("click", async () => {
      if (!sure) {
        sure = true;
        button.textContent = t("info.sure");
        button.setAttribute("aria-label", `${t("info.sure")} ${name}`);
        return;
      }
      try {
        const path = `/v1/banks/${encodeURIComponent(bank.name)}/normals/${encodeURIComponent(name)}`;
        await request(path, { method: "DELETE" });
        announce(t("info.removed", { name, bank: bank.name }));
        await this.onbanks();
        await this.normals(bank, list);
        list.parentElement.querySelector("summary").focus();
      } catch (error) {
        showProblem($("info-problems"), error, button);
      }
    });
    return button;
  }
}
