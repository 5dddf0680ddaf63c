// The form that makes a model of a user's own measurements: a table, its columns, how it is judged.

import { Problem, upload } from "./api.js";
import { parseCsv } from "./csv.js";
import { $, el, showProblem } from "./dom.js";
import { offer } from "./views.js";
import { size, t } from "./words.js";

const ADDRESS = "/v1/jobs/adapt";
const FILES = /\.(smi|csv|tsv|txt|sdf|sd)(\.gz)?$|\.parquet$/i;
/// Tables whose columns the page can read itself.
const READ = /\.(csv|tsv)$/i;
/// As much of a file is looked at for its columns.
const LOOK = 65_536;

/// Columns of a table's first lines, each with some of its values.
export function columnsOf(text, tabs) {
  const records = tabs ? text.split(/\r?\n/).map((line) => line.split("\t")) : parseCsv(text);
  const [head, ...rows] = records.slice(0, 30);
  return (head ?? []).map((name, at) => ({ name, values: rows.map((row) => (row[at] ?? "").trim()).filter(Boolean) }));
}

const numeric = (values) => values.length > 0 && values.every((value) => Number.isFinite(Number(value)));
const structures = ({ name }) => /smiles|structure|^mol$/i.test(name);

/// The column that is most likely measured: named so, or the last of numbers.
export function likelyTarget(columns) {
  const free = columns.filter((column) => !structures(column));
  const named = free.find(({ name }) => /^(p?(ic|ec|ac)50|p?ki|p?kd|activity|active|class|label|exp(t|erimental)?|measured|value|y)\b/i.test(name));
  return (named ?? free.filter(({ values }) => numeric(values)).at(-1) ?? free.at(-1))?.name;
}

export class Adapt {
  /// `onjob(job)` when one was submitted; `limit()` gives the most bytes of an upload.
  constructor({ onjob, limit }) {
    Object.assign(this, { onjob, limit, file: null, columns: [] });
    $("adapt-file").addEventListener("change", () => this.stage($("adapt-file").files[0]));
    $("adapt-remove").addEventListener("click", () => {
      this.unstage();
      $("adapt-file").focus();
    });
    $("adapt-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
  }

  offer({ known, jobs }) {
    offer("adapt", ADDRESS, { known: jobs ? known : new Set() });
  }

  redraw() {
    this.show();
  }

  async stage(file) {
    if (!file) return;
    const fail = (key, vars) => showProblem($("adapt-problems"), new Problem({ key, vars }), $("adapt-file"));
    if (!FILES.test(file.name)) {
      fail("file.kind", { name: file.name });
      return;
    }
    const limit = this.limit();
    if (limit && file.size > limit) {
      fail("file.large", { name: file.name, size: size(file.size), limit: size(limit) });
      return;
    }
    $("adapt-problems").replaceChildren();
    this.file = file;
    this.columns = READ.test(file.name) ? columnsOf(await file.slice(0, LOOK).text(), /\.tsv$/i.test(file.name)) : [];
    this.show();
    $("adapt-target").focus();
  }

  unstage() {
    this.file = null;
    this.columns = [];
    $("adapt-file").value = "";
    this.show();
  }

  show() {
    $("adapt-drop").hidden = this.file !== null;
    $("adapt-staged").hidden = this.file === null;
    if (!this.file) return;
    $("adapt-name").textContent = this.file.name;
    $("adapt-size").textContent = size(this.file.size);
    const read = this.columns.length > 0;
    const names = this.columns.map(({ name }) => name);
    const target = names.includes($("adapt-target").value) ? $("adapt-target").value : likelyTarget(this.columns);
    const smiles = names.includes($("adapt-smiles").value) ? $("adapt-smiles").value : "";
    // Of a file that the page does not read, names are written.
    const field = (id, first, chosen) => {
      const options = first.concat(this.columns.map(({ name }) => el("option", { value: name, text: name, selected: name === chosen })));
      const made = read ? el("select", { id }, ...options) : el("input", { id, type: "text", autocomplete: "off", value: $(id).value });
      $(id).replaceWith(made);
    };
    field("adapt-target", [], target);
    field("adapt-smiles", [el("option", { value: "", text: t("options.auto"), selected: smiles === "" })], smiles);
    $("adapt-target").addEventListener("change", () => this.examples());
    this.examples();
  }

  /// Some values of the chosen column, to see whether it is the right one.
  examples() {
    const column = this.columns.find(({ name }) => name === $("adapt-target").value);
    $("adapt-values").textContent = column ? t("adapt.values", { values: column.values.slice(0, 5).join(", ") }) : "";
  }

  async submit() {
    if ($("adapt-go").disabled) return;
    $("adapt-problems").replaceChildren();
    $("adapt-go").disabled = true;
    const busy = (percent) => {
      $("adapt-busy").textContent = t("busy.upload", { percent });
    };
    try {
      const query = this.query();
      busy(0);
      this.onjob(await upload(`${ADDRESS}?${query}`, this.file, (sent, total) => busy(Math.floor((100 * sent) / Math.max(total, 1)))));
    } catch (error) {
      showProblem($("adapt-problems"), error, $("adapt-go"));
    } finally {
      $("adapt-go").disabled = false;
      $("adapt-busy").textContent = "";
    }
  }

  query() {
    if (!this.file) throw new Problem({ key: "adapt.nofile" });
    const target = $("adapt-target").value.trim();
    if (!target) throw new Problem({ key: "adapt.notarget" });
    const query = new URLSearchParams({ filename: this.file.name, target });
    const fields = { smiles_column: "smiles", name: "model", task: "task", positive: "positive", unit: "unit", split: "split", encoder: "encoder", seed: "seed" };
    for (const [parameter, field] of Object.entries(fields)) {
      const value = $(`adapt-${field}`).value.trim();
      if (value) query.set(parameter, value);
    }
    return query;
  }
}
