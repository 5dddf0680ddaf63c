// Who asks, and as of which day: the bar that all views share. Kept until the tab is closed.

import { $, el } from "./dom.js";
import { day, t } from "./words.js";

const STORE = "strata.gov.asker";

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE)) ?? {};
  } catch {
    return {}; // storage is switched off
  }
}

export class Asker {
  /// `onchange()` hears of every change.
  constructor(state, { onchange }) {
    this.state = state;
    this.onchange = onchange;
    Object.assign(this, { date: "", department: "", region: "" }, kept());
    $("asker").addEventListener("submit", (event) => event.preventDefault());
    $("as-of").addEventListener("change", () => this.set({ date: $("as-of").value }));
    $("region").addEventListener("change", () => this.set({ region: $("region").value.trim() }));
    $("as-of-today").addEventListener("click", () => {
      this.set({ date: "" });
      $("as-of").focus();
    });
    $("region").value = this.region;
  }

  set(change) {
    Object.assign(this, change);
    if (this.date === this.state.index?.today) this.date = "";
    try {
      sessionStorage.setItem(STORE, JSON.stringify({ date: this.date, department: this.department, region: this.region }));
    } catch {
      // Kept until the page is left.
    }
    this.showDay();
    this.onchange();
  }

  /// The day it is, where the office is.
  get today() {
    return this.state.index?.today ?? "";
  }

  /// The day asked for.
  get day() {
    return this.date || this.state.index?.today || "";
  }

  /// As requests with a body say it.
  get body() {
    const asker = {};
    if (this.date) asker.as_of = this.date;
    if (this.department) asker.departments = [this.department];
    if (this.region) asker.region = this.region;
    return asker;
  }

  /// As requests for documents say it.
  get query() {
    const query = new URLSearchParams();
    if (this.date) query.set("as_of", this.date);
    if (this.department) query.set("department", this.department);
    return query;
  }

  redraw() {
    this.showDay();
    this.showDepartment();
  }

  showDay() {
    $("as-of").value = this.day;
    $("as-of-note").hidden = !this.date;
    $("as-of-text").textContent = t("asker.past", { day: day(this.date) });
  }

  /// Keys know their departments, and there is nothing but those to choose; without keys anybody says who they are.
  showDepartment() {
    const { server, index, labels } = this.state;
    const own = index?.departments ?? [];
    const free = !server?.keys || own.includes("*");
    let field;
    if (free) {
      const list = el("datalist", { id: "departments" }, ...[...labels].sort().map((value) => el("option", { value })));
      field = el("input", { id: "department", type: "text", list: "departments", autocomplete: "off", placeholder: t(own.includes("*") ? "asker.all" : "asker.public") });
      $("department-place").replaceChildren(field, list);
    } else {
      if (!own.includes(this.department)) this.department = "";
      const options = own.map((value) => el("option", { value, text: value }));
      field = el("select", { id: "department" }, el("option", { value: "", text: t(own.length > 0 ? "asker.own" : "asker.public") }), ...options);
      $("department-place").replaceChildren(field);
    }
    field.value = this.department;
    field.addEventListener("change", () => this.set({ department: field.value.trim() }));
  }
}
