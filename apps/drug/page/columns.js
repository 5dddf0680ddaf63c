// What the columns of a result are: which of them belong together, how they are named and written,
// and which are shown at first. The table, the detail panel and the CSV all go by it.

import { has, t } from "./words.js";

const STORE = "strata.columns";

/// Groups of the column chooser, in its order.
export const GROUPS = ["basic", "descriptors", "predictions", "uncertainty", "given"];

const DESCRIPTORS = {
  MolWt: { head: "MW", digits: 1, width: 76 },
  MolLogP: { head: "logP", digits: 2, width: 76 },
  TPSA: { head: "TPSA", digits: 1, width: 76 },
  NumHDonors: { head: "HBD", digits: 0, width: 78 },
  NumHAcceptors: { head: "HBA", digits: 0, width: 92 },
  QED: { head: "QED", digits: 2, width: 74 },
  SA: { head: "SA", digits: 2, width: 84 },
};

const MINUS = "\u2212";

/// A number with so many digits behind the point; a true minus sign.
export function digits(value, places) {
  if (typeof value !== "number") return "";
  const text = value.toFixed(places);
  // −0.00 is 0.00.
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", MINUS);
}

/// A probability: two digits, but never 0.00 or 1.00 for what is neither.
function probability(value) {
  if (value > 0 && value < 0.005) return "<0.01";
  if (value < 1 && value >= 0.995) return ">0.99";
  return digits(value, 2);
}

/// A number of unknown kind: four digits that count.
function plain(value) {
  if (Number.isInteger(value)) return digits(value, 0);
  return String(Number(value.toPrecision(4))).replace("-", MINUS);
}

/// A prediction's name for people.
export function endpointTitle(endpoint) {
  const own = `endpoint.${endpoint.name}`;
  return has(own) ? t(own) : (endpoint.title ?? endpoint.name);
}

/// A value of a column as text.
export function write(column, value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (column.probability) return probability(value);
  return column.digits === undefined ? plain(value) : digits(value, column.digits);
}

/// The name by which people know a row.
export const rowName = (row) => row.id || t("table.row", { n: row.number + 1 });

/// What is drawn and described: the molecule as it was understood.
export const rowSmiles = (row) => row.values.canonical_smiles || null;

/// A row's value in a column.
export const valueOf = (column, row) => row.values[column.source ?? column.name] ?? null;

/// A result as the page holds it. `columns` are `{name, kind}` in the server's order, `rows` objects
/// by column name; `smiles` and `id` say which columns hold the molecules as given and their names;
/// `scenario` is the answer of /v1/scenarios/{name}, or null.
export function makeResult({ columns, rows, smiles = "smiles", id = "id", scenario, origin, file }) {
  const names = columns.map((column) => column.name);
  const kinds = new Map(columns.map((column) => [column.name, column.kind]));
  const known = new Map((scenario?.endpoints ?? []).map((endpoint) => [endpoint.name, endpoint]));
  // The columns of the file come first; then canonical_smiles begins what was computed.
  const computed = names.slice(names.indexOf("canonical_smiles"));
  const given = names.slice(0, names.indexOf("canonical_smiles"));
  const endpoints = computed
    .filter((name) => known.has(name) || computed.includes(`${name}_sd`))
    .map((name) => known.get(name) ?? { name, title: name, task: "regression" });
  const scored = scoredProperties(scenario);
  const main = endpoints.filter((endpoint) => scored.has(endpoint.name)).map((endpoint) => endpoint.name);
  const shown = main.length > 0 ? main : endpoints.slice(0, 6).map((endpoint) => endpoint.name);

  const made = [{ key: "#drawing", name: "drawing", group: "basic", kind: "drawing", shown: true, width: 132 }];
  const add = (name, fields) => {
    if (kinds.has(name)) made.push({ key: name, name, kind: "text", ...fields });
  };
  // A file names these two as it likes, and may have another column of that name.
  const basic = { group: "basic", kind: "text", shown: true };
  made.push({ ...basic, key: "#id", name: "id", source: id, width: 134 });
  made.push({ ...basic, key: "#smiles", name: "smiles", source: smiles, width: 176 });
  add("score", { group: "basic", kind: "number", digits: 3, shown: true, width: 80 });
  add("rank", { group: "basic", kind: "number", digits: 0, shown: true, width: 86, about: file ? "about.rank.job" : "about.rank" });
  for (const [name, fields] of Object.entries(DESCRIPTORS)) {
    add(name, { group: "descriptors", kind: "number", shown: true, ...fields });
  }
  const rest = [];
  for (const endpoint of endpoints) {
    const { name } = endpoint;
    const classes = endpoint.task === "classification";
    const column = { group: "predictions", kind: "number", digits: 2, probability: classes, endpoint, width: 124 };
    (shown.includes(name) ? made : rest).push({ ...column, key: name, name, shown: shown.includes(name) });
    for (const end of ["sd", "lo", "hi"]) {
      if (!kinds.has(`${name}_${end}`)) continue;
      const whole = `${name}_${end}`;
      rest.push({ key: whole, name: whole, group: "uncertainty", kind: "number", digits: 2, probability: classes && end === "sd", shown: false, width: 116, about: `about.${end}` });
    }
  }
  add("nn_tanimoto", { group: "uncertainty", kind: "number", digits: 2, shown: true, width: 112 });
  add("flags", { group: "basic", shown: true, width: 140 });
  add("alerts", { group: "basic", shown: true, width: 170 });
  made.push(...rest);
  const taken = new Set([smiles, id, ...made.map((column) => column.key)]);
  const special = { canonical_smiles: "basic", error_code: "basic", error: "basic" };
  for (const name of names) {
    if (taken.has(name)) continue;
    const group = special[name] ?? (given.includes(name) ? "given" : "predictions");
    const kind = kinds.get(name) === "text" ? "text" : "number";
    made.push({ key: name, name, group, kind, shown: false, width: kind === "text" ? 160 : 100 });
  }
  const choice = storedChoice();
  for (const column of made) column.shown = choice[column.key] ?? column.shown;
  return {
    columns: made,
    rows: rows.map((values, number) => ({ values, number, id: values[id], smiles: values[smiles] })),
    names,
    endpoints,
    main: shown,
    origin,
    file,
  };
}

/// Properties that the scenario scores or limits: those predictions matter most here.
function scoredProperties(scenario) {
  const found = [...(scenario?.desirability ?? []), ...(scenario?.cutoffs ?? [])];
  return new Set(found.map((rule) => rule.property));
}

/// A column's name for people, and a line about it.
export function headOf(column) {
  const key = `column.${column.name}`;
  if (column.kind === "drawing") return { head: t("table.drawing"), about: "" };
  if (column.endpoint) return { head: column.name, about: endpointTitle(column.endpoint) };
  if (column.group === "given") return { head: column.name, about: "" };
  const about = column.about ?? `about.${column.name}`;
  const short = `short.${column.name}`;
  return {
    head: column.head ?? (has(key) ? t(key) : column.name),
    about: has(about) ? t(about) : "",
    short: has(short) ? t(short) : undefined,
  };
}

function storedChoice() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? {};
  } catch {
    return {};
  }
}

/// Keeps which columns are shown.
export function keepChoice(column) {
  try {
    localStorage.setItem(STORE, JSON.stringify({ ...storedChoice(), [column.key]: column.shown }));
  } catch {
    // Lasts until the page is left.
  }
}

/// A short list in CSV, as a job writes it, as columns and rows.
export function readTable(records, params = {}) {
  const [names, ...lines] = records;
  const start = names.indexOf("canonical_smiles");
  const text = new Set(["canonical_smiles", "error_code", "error", "alerts", "flags"]);
  const columns = names.map((name, at) => {
    const numeric = lines.every((line) => line[at] === "" || (line[at] !== undefined && Number.isFinite(Number(line[at]))));
    return { name, kind: numeric && !text.has(name) && at >= start ? "float" : "text" };
  });
  const rows = lines.map((line) => {
    const values = {};
    names.forEach((name, at) => {
      const value = line[at] ?? "";
      if (value === "") values[name] = null;
      else values[name] = columns[at].kind === "float" ? Number(value) : value;
    });
    return values;
  });
  const given = names.slice(0, start);
  const guess = (known) => known.map((one) => given.find((name) => plainName(name) === one)).find(Boolean);
  const asked = (name) => name && (given.find((one) => one === name) ?? given.find((one) => plainName(one) === plainName(name)));
  const sdf = /\.sdf?(\.gz)?$/i.test(params.filename ?? "") || params.format === "sdf";
  // The name of a molecule in an SD file is its first line, whatever its fields are called. Such a
  // file has no SMILES but those that were made.
  const id = asked(params.id_column) ?? (sdf ? given[0] : guess(ID_NAMES));
  const smiles = sdf ? "canonical_smiles" : (asked(params.smiles_column) ?? guess(SMILES_NAMES));
  return { columns, rows, id: id ?? "#none", smiles: smiles ?? "canonical_smiles" };
}

// The names that `strata-drug` looks for, in its order (apps/drug/src/input/columns.rs).
const SMILES_NAMES =
  "smiles canonicalsmiles isomericsmiles isosmiles rdkitsmiles standardizedsmiles cansmiles smi structure mol molecule drug ligandsmiles".split(" ");
const ID_NAMES =
  "id compoundid molid moleculeid moleculechemblid chemblid zincid drugid cid compound name moleculename compoundname molname title drugname cmpdchemblid catalogid idnumber".split(" ");
const plainName = (name) => name.replace(/[ _-]/g, "").toLowerCase();

/// Which rows fit a filter: words anywhere in the texts, and comparisons such as `MolWt<400`.
export function matcher(result, text) {
  const tests = text.trim().split(/\s+/).filter(Boolean).map((term) => {
    const parts = /^([\w-]+?)(<=|>=|<|>|=)(-?[\d.]+)$/.exec(term);
    const column = parts && findColumn(result, parts[1]);
    if (!column) return wordTest(term.toLowerCase());
    const limit = Number(parts[3]);
    const compare = {
      "<": (v) => v < limit,
      "<=": (v) => v <= limit,
      ">": (v) => v > limit,
      ">=": (v) => v >= limit,
      "=": (v) => v === limit,
    }[parts[2]];
    return (values) => typeof values[column.name] === "number" && compare(values[column.name]);
  });
  return (row) => tests.every((test) => test(row.values, row));
}

function findColumn(result, name) {
  const low = name.toLowerCase();
  const same = (column) => column.name.toLowerCase() === low || column.head?.toLowerCase() === low;
  return result.columns.find((column) => column.kind === "number" && same(column));
}

function wordTest(word) {
  const where = ["canonical_smiles", "alerts", "flags", "error_code", "error"];
  return (values, row) => {
    const texts = [row.id, row.smiles, ...where.map((name) => values[name])];
    return texts.some((text) => String(text ?? "").toLowerCase().includes(word));
  };
}
