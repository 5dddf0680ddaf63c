// What the checks of the page are made of: a browser whose console and requests are watched, screenshots, accessibility, and
// the steps that many of them take.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const [base, folder, keyedUrl, key] = process.argv.slice(2);
assert(base && folder, "give the server's address and a folder for screenshots");
mkdirSync(folder, { recursive: true });
const here = path.dirname(fileURLToPath(import.meta.url));
export const data = (name) => readFileSync(path.join(here, "../../../../datasets/gov", name));
export const quick = { timeout: 30_000 };
let shots = 0;

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/// A page whose console and requests are watched; `refused` is what the check itself provokes.
export async function visit(view, options = {}, url = base, refused = null) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: "zh-CN", ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !refused?.test(message.text())) page.faults.push(message.text());
  });
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && origin !== new URL(url).origin) page.faults.push(`request to ${request.url()}`);
  });
  await page.goto(`${url}/#/${view}`);
  // Where a key is asked for, there is nothing else yet.
  await page.waitForSelector(`#view-${view}:not([hidden]), #key-dialog[open]`, quick);
  if (url === base) await page.waitForFunction(() => document.querySelector("#server").textContent !== "" && document.querySelector("#as-of").value !== "", undefined, quick);
  return page;
}

export async function shot(page, name) {
  shots += 1;
  await page.screenshot({ path: path.join(folder, `${String(shots).padStart(2, "0")}-${name}.png`) });
}

/// Findings of axe-core, WCAG 2 A and AA.
export async function audit(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], `accessibility, ${where}`);
}

export const focused = (page, what) => page.evaluate((name) => document.activeElement[name], what);
export const said = (page) => page.locator(".entry[open] .said > span:first-child").allTextContents();
export const fits = async (page, where) => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize().width, `${where} is wider than the screen`);

/// Asks, and waits until the answer is there in full.
export async function ask(page, question, scenario) {
  if (scenario) await page.check(`#scenario-${scenario}`);
  await page.fill("#question", question);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".entry[open] .answer:not([aria-busy]), .entry[open] .problem", quick);
}

/// Waits for the document in the panel.
export const opened = (page) => page.waitForSelector("#reader .text p, #reader .text table", quick);
export const marked = async (page, kind) => (await page.locator(`#reader mark.${kind}`).allTextContents()).join("");

/// Text in Latin letters alone that is no name of something.
export const latin = (page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest("[hidden], [lang=en], code, noscript, option, pre, script, dialog, h4, .facts, .figures dd, .document code")) continue;
      const text = node.textContent.trim();
      if (/[a-z]{3,} [a-z]{2,}/i.test(text) && !/[\u4e00-\u9fff]/.test(text)) found.push(text);
    }
    return found;
  });

/// Text in Chinese where the page speaks English: that of documents says that it is.
export const chinese = (page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest("[hidden], #live, [lang=zh-CN]:not(html), code, noscript, option, pre, script, .document, .source p, .panel dd, .panel .small, .badge, .upload")) continue;
      if (/[\u4e00-\u9fff]/.test(node.textContent)) found.push(node.textContent.trim());
    }
    return found;
  });

export async function put(page, name, text, labels = "") {
  await page.fill("#upload-labels", labels);
  await page.setInputFiles("#upload-file", { name, mimeType: "text/plain", buffer: Buffer.from(text) });
  await page.waitForFunction((n) => [...document.querySelectorAll(".upload")].some((one) => one.querySelector("b").textContent === n && one.querySelector(".state.done, .state.failed")), name, quick);
}

/// Takes a document out by its id, all the way through the page.
export async function takeOut(page, id) {
  await page.fill("#documents-find", id);
  const one = page.locator(`.document[data-id="${id}"]`);
  await one.waitFor(quick);
  await one.locator("button", { hasText: /^(删除|Delete)$/ }).click();
  await page.waitForSelector("#confirm-dialog[open]");
  await page.click("#confirm-yes");
  await one.waitFor({ state: "detached", ...quick });
}
