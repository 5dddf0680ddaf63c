// Drives the page of `strata-mining serve` in headless Chromium and checks what a user does with it.
//
// Run by hand, with Chromium installed (CHROMIUM names it, /usr/bin/chromium by default), from a
// scratch folder with the two dependencies:
//
//   npm install playwright-core axe-core
//   node REPO/apps/mining/tests/page/check.mjs http://127.0.0.1:8080 SCREENSHOTS [KEYED_URL KEY]
//
// The server should watch at least one camera that makes events (--mining-watch), and have a bank
// named `surface` of datasets/mining/surface/normal (--mining-banks). With KEYED_URL, the address of a
// server with a keys file, the way of the key is checked too.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [base, folder, keyedUrl, key] = process.argv.slice(2);
assert(base && folder, "give the server's address and a folder for screenshots");
mkdirSync(folder, { recursive: true });
const here = path.dirname(fileURLToPath(import.meta.url));
const samples = path.join(here, "../../../../datasets/mining");
const sample = (name) => path.join(samples, name);
const quick = { timeout: 30_000 };
const VIEWS = ["live", "look", "events", "zones", "info"];
let shots = 0;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/// A page whose console and requests are watched; `refused` is what the check itself provokes. 503 is
/// the answer where a camera has no picture.
async function visit(view, options = {}, url = base, refused = /503/) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !refused.test(message.text())) page.faults.push(message.text());
  });
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && origin !== new URL(url).origin) page.faults.push(`request to ${request.url()}`);
  });
  await page.goto(`${url}/#/${view}`);
  // Where a key is asked for, there is nothing else yet.
  await page.waitForSelector(`#view-${view}:not([hidden]), #key-dialog[open]`, quick);
  return page;
}

async function shot(page, name) {
  shots += 1;
  await page.screenshot({ path: path.join(folder, `${String(shots).padStart(2, "0")}-${name}.png`) });
}

/// Findings of axe-core, WCAG 2 A and AA.
async function audit(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], `accessibility, ${where}`);
}

/// Looks at a picture, and waits for the answer.
async function look(page, file, choice) {
  await page.waitForSelector("#look-with option", { state: "attached", ...quick });
  await page.selectOption("#look-with", choice);
  await page.setInputFiles("#file", file);
  await page.waitForSelector("#look-result .result, #look-problems .problem", quick);
}

const range = (page, selector, value) =>
  page.locator(selector).evaluate((input, to) => {
    input.value = to;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, value);

/// How many pixels of the stage are plainly red.
const hot = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector("#stage canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let red = 0;
    for (let at = 0; at < data.length; at += 4) red += data[at] > 200 && data[at + 1] < 90 && data[at + 2] < 90 ? 1 : 0;
    return red;
  });

async function json(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return JSON.parse(readFileSync(await download.path(), "utf8"));
}

/// Text in Latin letters alone that is no name of something.
const latin = (page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest("[hidden], [lang=en], code, noscript, option, pre, .zone-name, .camera-line b, .origin, h4")) continue;
      const text = node.textContent.trim();
      if (/[a-z]{3,} [a-z]{2,}/i.test(text) && !/[\u4e00-\u9fff]/.test(text)) found.push(text);
    }
    return found;
  });

const saved = (page) => page.waitForFunction(() => /saved$/.test(document.querySelector("#zones-state").textContent), undefined, quick);

/// Goes through all views.
async function tour(page, name, [file, choice], each) {
  await page.waitForSelector(".camera .state.online", quick);
  for (const view of VIEWS) {
    await page.click(`a[href="#/${view}"]`);
    if (view === "look") await look(page, file, choice);
    await page.waitForTimeout(800);
    await each(view);
    await shot(page, `${name}-${view}`);
    await audit(page, `${name} ${view}`);
  }
}

const checks = {
  async "shows the cameras"() {
    const page = await visit("live");
    await page.waitForSelector(".camera .state.online", quick);
    await page.waitForFunction(() => document.querySelector(".camera img").naturalWidth > 0, undefined, quick);
    const before = await page.getAttribute(".camera img", "src");
    await page.waitForFunction((src) => document.querySelector(".camera img").getAttribute("src") !== src, before, quick);
    await shot(page, "live");
    await audit(page, "live");
    await page.locator(".camera .screen").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#viewer[open]");
    await page.waitForFunction(() => document.querySelector("#viewer img").naturalWidth > 0, undefined, quick);
    await shot(page, "viewer");
    await audit(page, "viewer");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#viewer:not([open])", { state: "attached" });
    assert.equal(await page.evaluate(() => document.activeElement.className), "screen");
    return page;
  },

  async "finds things in a picture"() {
    const page = await visit("look");
    await audit(page, "look");
    await look(page, sample("belt-damage/hole.jpg"), "scenario:belt-damage");
    const rows = () => page.locator("#look-result tbody tr").count();
    const some = await rows();
    assert(some > 0, await page.textContent("#look-result h3"));
    await shot(page, "found");
    await audit(page, "found");
    const kept = await json(page, page.getByRole("button", { name: "Download JSON" }));
    assert.equal(kept.objects.length, some);
    assert.equal(kept.provenance.sha256.length, 64);
    await page.locator("#look-result tbody tr").first().focus();
    await shot(page, "picked");
    await range(page, "#confidence", "1");
    assert.equal(await rows(), 0);
    await range(page, "#confidence", "0.05");
    assert((await rows()) >= some);
    return page;
  },

  async "says what is wrong with a file"() {
    const page = await visit("look", {}, base, /422|503/);
    await look(page, { name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("no picture at all") }, "scenario:belt-damage");
    assert.match(await page.textContent("#look-problems"), /notes\.jpg.*picture-unknown-format.*JPEG/s);
    await shot(page, "problem");
    await audit(page, "problem");
    return page;
  },

  async "compares with normal pictures and learns one"() {
    const page = await visit("look");
    await look(page, sample("surface/anomalous/stain.jpg"), "bank:surface");
    assert.equal(await page.textContent(".verdict"), "anomalous");
    assert((await page.locator("#look-result tbody tr").count()) > 0);
    await range(page, "#opacity", "0");
    const cold = await hot(page);
    await range(page, "#opacity", "1");
    assert((await hot(page)) > cold + 50, "the heat map is to be seen");
    await range(page, "#opacity", "0.6");
    await shot(page, "anomaly");
    await audit(page, "anomaly");
    const name = `check-${Date.now()}.jpg`;
    await page.fill("#normal-name", name);
    await page.getByRole("button", { name: "This is normal" }).click();
    await page.waitForSelector("#look-result .good[role=status]", quick);
    assert.equal(await page.textContent(".verdict"), "normal");
    await shot(page, "learned");
    // It can be taken back; the threshold goes with it.
    await page.click('a[href="#/info"]');
    await page.locator('[data-bank="surface"] summary').click();
    await page.getByRole("button", { name: `Remove ${name}` }).click();
    await shot(page, "remove");
    await page.getByRole("button", { name: "Remove it?" }).click();
    await page.waitForFunction((n) => ![...document.querySelectorAll(".normals li")].some((li) => li.textContent.includes(n)), name, quick);
    return page;
  },

  async "measures a belt"() {
    const page = await visit("look");
    await look(page, sample("belt/deviated.jpg"), "scenario:belt-deviation");
    assert.match(await page.textContent("#look-result"), /Both edges found\s*yes/);
    await shot(page, "belt");
    await audit(page, "belt");
    await look(page, sample("belt/overflowing.jpg"), "scenario:belt-deviation");
    await page.waitForFunction(() => /Right edge\s*under load in \d+ % of the rows/.test(document.querySelector("#look-result").textContent), undefined, quick);
    assert.match(await page.textContent("#look-result"), /over the right edge/);
    await shot(page, "belt-hidden");
    return page;
  },

  async "lists events as they come"() {
    const page = await visit("events");
    await page.waitForSelector("#events-state.online", quick);
    await page.waitForSelector(".event img", quick);
    const count = () => page.locator(".event").count();
    const before = await page.locator(".event").first().getAttribute("data-event");
    await page.waitForFunction((id) => document.querySelector(".event").dataset.event !== id, before, { timeout: 60_000 });
    await shot(page, "events");
    await audit(page, "events");
    await page.locator('.event [data-act="seen"]').first().click();
    assert.equal(await page.locator(".event .badge.done").count(), 1);
    await page.check("#event-unseen");
    assert.equal(await page.locator(".event .badge.done").count(), 0);
    assert((await count()) > 0);
    await page.locator('.event [data-act="open"]').first().focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#event-dialog[open] img", quick);
    await shot(page, "event");
    await audit(page, "event");
    await page.keyboard.press("Escape");
    await page.selectOption("#event-severity", "alert");
    await page.waitForFunction(() => [...document.querySelectorAll(".event")].every((event) => event.matches(".alert")), undefined, quick);
    return page;
  },

  async "draws zones"() {
    const page = await visit("zones");
    await page.waitForFunction(() => document.querySelector("#editor img").naturalWidth > 0, undefined, quick);
    await page.waitForSelector("#zones-list li", quick);
    const own = () => page.locator("#zones-list input").count();
    const before = await own();
    await page.click("#zone-polygon");
    const box = await page.locator("#editor svg").boundingBox();
    for (const [x, y] of [[0.2, 0.2], [0.6, 0.2], [0.6, 0.7], [0.2, 0.7]]) {
      await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
    }
    await page.keyboard.press("Enter");
    assert.equal(await own(), before + 1);
    // A corner follows the pointer.
    const corner = page.locator("button.handle").last();
    const at = await corner.boundingBox();
    await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.8 * box.height, { steps: 4 });
    await page.mouse.up();
    assert.match(await corner.getAttribute("aria-label"), /(29|30)\.\d % from the left, (79|80)\.\d % from the top/);
    await page.fill("#zones-list li:last-child input", "drawn");
    await page.keyboard.press("Tab");
    await shot(page, "zones");
    await audit(page, "zones");
    // The whole way by keyboard.
    await page.focus("#zone-line");
    await page.keyboard.press("Enter");
    assert.equal(await own(), before + 2);
    await page.keyboard.press("Shift+ArrowRight");
    assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /35\.0 % from the left/);
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    assert.equal(await own(), before + 1);
    await page.click("#zones-save");
    await saved(page);
    await page.reload();
    await page.waitForSelector("#zones-list input", quick);
    const names = await page.locator("#zones-list input").evaluateAll((inputs) => inputs.map((input) => input.value));
    assert(names.includes("drawn"), names.join());
    await page.getByRole("button", { name: "Delete drawn" }).click();
    await page.click("#zones-save");
    await saved(page);
    assert.equal(await own(), before);
    return page;
  },

  async "tells of models and scenarios"() {
    const page = await visit("info");
    await page.waitForSelector("#info-body .tiles", quick);
    await page.locator("#info-body details summary", { hasText: "The file" }).first().click();
    await page.waitForFunction(() => /name = "/.test(document.querySelector("#info-body pre").textContent), undefined, quick);
    const beyond = await page.evaluate(() => [...document.querySelectorAll("#info-body .tiles > *")].some((card) => card.scrollWidth > card.clientWidth + 1));
    assert.equal(beyond, false, "what is in a card stays in it");
    await shot(page, "info");
    await audit(page, "info");
    return page;
  },

  async "speaks Chinese"() {
    const page = await visit("live", { locale: "zh-CN" });
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
    await tour(page, "zh", [sample("belt-damage/hole.jpg"), "scenario:belt-damage"], async (view) => {
      assert.deepEqual(await latin(page), [], view);
    });
    await page.click("#language");
    assert.equal(await page.textContent('a[href="#/look"]'), "Look");
    return page;
  },

  async "has a dark side"() {
    const page = await visit("live", { colorScheme: "dark" });
    await tour(page, "dark", [sample("surface/anomalous/tear.jpg"), "bank:surface"], async () => {});
    return page;
  },

  async "fits a narrow screen"() {
    const page = await visit("live", { viewport: { width: 400, height: 800 } });
    await tour(page, "narrow", [sample("belt-damage/tear.jpg"), "scenario:belt-damage"], async (view) => {
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400, `${view} is wider than the screen`);
    });
    return page;
  },
};

if (keyedUrl) {
  checks["asks for a key"] = async () => {
    const page = await visit("look", {}, keyedUrl, /401|503/);
    await page.waitForSelector("#key-dialog[open]");
    await shot(page, "key");
    await audit(page, "key");
    await page.fill("#key-input", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#problems .problem");
    await page.click("#key");
    await page.fill("#key-input", key);
    await page.keyboard.press("Enter");
    await look(page, sample("belt-damage/hole.jpg"), "scenario:belt-damage");
    assert((await page.locator("#look-result tbody tr").count()) > 0);
    assert.equal(await page.evaluate((k) => Object.values(localStorage).includes(k), key), false);
    return page;
  };
}

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    const page = await check();
    assert.deepEqual(page.faults, [], "console errors and foreign requests");
    console.log(`ok    ${name}`);
    await page.context().close();
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack ?? error}`);
    for (const context of browser.contexts()) {
      for (const page of context.pages()) {
        console.log("  faults:", page.faults);
        await shot(page, "failed").catch(() => {});
      }
      await context.close();
    }
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
