// Small helpers to build the page: elements, errors in place, announcements, saving files.

import { t, number } from "./language.js";

export const $ = (id) => document.getElementById(id);

/// An element. `props` are attributes; `class`, `text` and `on…` functions are understood, and
/// false, null and undefined leave an attribute out. Text always goes in as text: nothing a server
/// or a file says can become markup.
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/// The same for SVG.
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/// Text of the server: English, as it comes.
export const served = (tag, text, props = {}) => el(tag, { lang: "en", ...props, text });

/// A problem as a box: what, where, and what to do. `error` is a `Problem` of api.js or any error.
export function problemBox(error, onclose) {
  const box = el("div", { class: "problem" });
  const own = typeof error.key === "string";
  const head = own ? el("b", { text: t(error.key, error.vars) }) : served("b", error.detail ?? String(error));
  box.append(el("p", {}, head, error.code ? el("code", { text: error.code }) : null));
  for (const one of error.errors ?? []) {
    // Where a single field repeats the sentence above, its name is the news.
    const same = one.detail === error.detail;
    box.append(el("p", {}, el("code", { text: one.field }), same ? null : served("span", ` ${one.detail}`)));
  }
  if (error.remedy) box.append(el("p", {}, `${t("problem.remedy")} `, served("span", error.remedy)));
  if (error.retryAfter) box.append(el("p", { text: t("problem.retry", { n: number(error.retryAfter) }) }));
  if (error.request) box.append(el("p", { class: "soft small" }, t("problem.request"), " ", el("code", { text: error.request })));
  if (onclose) {
    const close = () => {
      box.remove();
      onclose();
    };
    box.append(el("button", { type: "button", class: "quiet close", "aria-label": t("close"), onclick: close }, "×"));
  }
  return box;
}

/// Shows a problem in a place, in place of the one before.
export function showProblem(place, error, focusAfter) {
  place.replaceChildren(problemBox(error, () => focusAfter?.focus()));
}

/// Tells screen readers; the same text twice in a row is told twice.
export function announce(text) {
  const live = $("live");
  live.textContent = "";
  setTimeout(() => {
    live.textContent = text;
  }, 50);
}

/// Offers bytes as a file.
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/// Runs `action` at most once in `ms`, the last time included.
export function seldom(ms, action) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), ms);
  };
}
