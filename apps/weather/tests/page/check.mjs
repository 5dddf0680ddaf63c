// Drives the page of `strata-weather serve` in headless Chromium and checks what a user does with it.
//
// Run by hand, with Chromium installed (CHROMIUM names it, /usr/bin/chromium by default), from a scratch folder with the two
// dependencies:
//
//   npm install playwright-core axe-core
//   node REPO/apps/weather/tests/page/check.mjs http://127.0.0.1:8080 SCREENSHOTS
//
// The server's folder should hold a forecast for the Earth with several members and one of another planet. ONLY=words runs the
// checks whose names have these words.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [base, folder] = process.argv.slice(2);
assert(base && folder, "give the server's address and a folder for screenshots");
mkdirSync(folder, { recursive: true });
const quick = { timeout: 60_000 };
let shots = 0;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

async function visit(view, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, locale: "zh-CN", ...options });
  const page = await context.newPage();
  page.faults = [];
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  page.on("pageerror", (error) => page.faults.push(String(error)));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "blob:" && protocol !== "data:" && origin !== new URL(base).origin) page.faults.push(`request to ${request.url()}`);
  });
  await page.goto(`${base}/#/${view}`);
  await page.waitForSelector(`#view-${view}:not([hidden])`, quick);
  if (view === "map") await drawn(page);
  return page;
}

const drawn = async (page) => {
  await page.waitForFunction(() => document.querySelector("#canvas").getAttribute("aria-label") && !document.querySelector("#frame").hasAttribute("aria-busy"), undefined, quick);
  await page.waitForTimeout(300);
};

async function shot(page, name) {
  shots += 1;
  await page.screenshot({ path: path.join(folder, `${String(shots).padStart(2, "0")}-${name}.png`), fullPage: true });
}

async function audit(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], `accessibility, ${where}`);
}

const models = async () => (await (await fetch(`${base}/v1/models`)).json()).models;

const checks = {
  async "shows a map and the forecast at a place"() {
    const page = await visit("map");
    const earth = (await models()).find((model) => model.earth);
    await page.selectOption("#model", earth.name);
    await drawn(page);
    await shot(page, "map");
    await audit(page, "map");
    const box = await page.locator("#canvas").boundingBox();
    await page.mouse.click(box.x + box.width * 0.82, box.y + box.height * 0.4);
    await page.waitForSelector("#charts svg", quick);
    assert((await page.locator("#charts svg").count()) >= 3, "charts");
    if (earth.runs[0].members > 2) assert((await page.locator("#charts .wide").count()) > 0, "the fan of the members");
    await shot(page, "point");
    await audit(page, "point");
    // The charts' cursor goes with the map's time.
    const at = () => page.locator("#charts .now").first().getAttribute("x1");
    const before = await at();
    await page.click("#ahead");
    await page.waitForTimeout(300);
    assert.notEqual(await at(), before);
    return page;
  },

  async "goes by keyboard alone"() {
    const page = await visit("map");
    await page.focus("#canvas");
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector("#charts svg", quick);
    const first = await page.inputValue("#lon");
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await page.inputValue("#lon"), first);
    await page.keyboard.press("+");
    await page.fill("#lat", "abc");
    await page.focus("#lat");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#point-problems .problem", quick);
    await page.fill("#lat", "31.2");
    await page.fill("#lon", "121.5");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => !document.querySelector("#point-problems .problem"), undefined, quick);
    return page;
  },

  async "draws other variables, lines and tracks, and plays"() {
    const page = await visit("map");
    const earth = (await models()).find((model) => model.earth);
    await page.selectOption("#model", earth.name);
    for (const [variable, name] of [["geopotential_height", "height"], ["wind_speed", "wind"]]) {
      await page.selectOption("#variable", variable);
      await drawn(page);
      await shot(page, name);
    }
    await page.check("#tracks");
    await page.waitForFunction(() => /\d/.test(document.querySelector("#map-note").textContent), undefined, { timeout: 240_000 });
    await page.click("#zoom-in");
    await drawn(page);
    await shot(page, "tracks");
    const before = await page.inputValue("#step");
    await page.click("#play");
    await page.waitForTimeout(2500);
    assert.notEqual(await page.inputValue("#step"), before, "it plays");
    await page.click("#play");
    await audit(page, "tracks");
    return page;
  },

  async "says that another planet is not the Earth"() {
    const page = await visit("map");
    const other = (await models()).find((model) => !model.earth);
    await page.selectOption("#model", other.name);
    await drawn(page);
    assert.match(await page.textContent("#planet"), /不是地球天气/);
    assert.doesNotMatch(await page.textContent("#map-valid"), /20\d\d/, "no date of the Earth's");
    const box = await page.locator("#canvas").boundingBox();
    await page.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.3);
    await page.waitForSelector("#charts svg", quick);
    await shot(page, "planet");
    await audit(page, "planet");
    await page.click("#language");
    assert.match(await page.textContent("#planet"), /not Earth weather/);
    await drawn(page);
    await shot(page, "planet-en");
    return page;
  },

  async "has the other views, dark and narrow"() {
    const page = await visit("run", { colorScheme: "dark" });
    await shot(page, "run");
    await audit(page, "run");
    await page.click('a[href="#/info"]');
    await page.waitForSelector("#info-body .card", quick);
    await shot(page, "info");
    await audit(page, "info");
    await page.setViewportSize({ width: 390, height: 800 });
    await page.click('a[href="#/map"]');
    await drawn(page);
    await shot(page, "narrow");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, "not wider than the screen");
    await audit(page, "narrow");
    return page;
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
  try {
    const page = await check();
    assert.deepEqual(page.faults, []);
    console.log(`ok: ${name}`);
    await page.context().close();
  } catch (error) {
    failed += 1;
    console.log(`FAILED: ${name}: ${error.message}`);
  }
}
await browser.close();
process.exit(failed > 0 ? 1 : 0);
