// The language of a page: its texts, and numbers, times and sizes as the language writes them. An
// application's words.js gives the texts.

const STORE = "strata.language";
const TAGS = { en: "en", zh: "zh-CN" };
let all = { en: {}, zh: {} };

/// Takes the texts, by key: `{en, zh}`.
export function speak(texts) {
  all = texts;
}

function first() {
  try {
    const kept = localStorage.getItem(STORE);
    if (kept in TAGS) return kept;
  } catch {
    // Storage is switched off.
  }
  return /^zh\b/i.test(navigator.language) ? "zh" : "en";
}

let language = first();

/// The language: `en` or `zh`.
export const lang = () => language;

/// Changes the language; whoever drew texts hears of it by the event `language` of the document.
export function setLang(value) {
  language = value;
  try {
    localStorage.setItem(STORE, value);
  } catch {
    // Kept until the page is left.
  }
  apply();
  document.dispatchEvent(new CustomEvent("language"));
}

/// Whether there is such a text.
export const has = (key) => key in all[language];

/// A text; `{name}` is replaced by `vars.name`, numbers as the language writes them.
export function t(key, vars = {}) {
  const words = all[language];
  const text = (vars.n === 1 ? words[`${key}.one`] : undefined) ?? words[key] ?? all.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => {
    const value = vars[name];
    return typeof value === "number" ? number(value) : (value ?? all);
  });
}

/// A whole number with the language's separators.
export const number = (value) => new Intl.NumberFormat(TAGS[language]).format(value);

/// A time of the server in the reader's zone.
export function moment(rfc3339) {
  const style = { dateStyle: "medium", timeStyle: "short" };
  // The reader's own kind of English or Chinese writes dates in its own way.
  const own = navigator.languages.find((tag) => tag.startsWith(language)) ?? TAGS[language];
  return new Intl.DateTimeFormat(own, style).format(new Date(rfc3339));
}

/// A size in bytes.
export function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** at;
  return `${at > 0 && value < 10 ? value.toFixed(1) : value.toFixed(0)} ${units[at]}`;
}

/// A length of time.
export function duration(seconds) {
  if (seconds < 0.95) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 9.5) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/// Puts the texts into the elements that name them.
export function apply(root = document) {
  document.documentElement.lang = TAGS[language];
  document.title = t("title");
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const [data, attribute] of [
    ["tPlaceholder", "placeholder"],
    ["tAriaLabel", "aria-label"],
    ["tTitle", "title"],
  ]) {
    const name = `data-${data.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
    for (const node of root.querySelectorAll(`[${name}]`)) node.setAttribute(attribute, t(node.dataset[data]));
  }
}
