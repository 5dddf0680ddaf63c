// Drives the page of `strata-drug serve` in headless Chromium and checks what a user does with it.
//
// Run by hand, with Chromium installed (CHROMIUM names it, /usr/bin/chromium by default), from a
// scratch folder with the two dependencies:
//
//   npm install playwright-core axe-core
//   node REPO/apps/drug/tests/page/check.mjs http://127.0.0.1:8080 SCREENSHOTS [KEYED_URL KEY]
//
// The server should have a library (--drug-libraries). With KEYED_URL, the address of a server with a
// keys file, the way of the key is checked too.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { viewChecks } from "./views.mjs";

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [base, folder, keyedUrl, key] = process.argv.slice(2);
assert(base && folder, "give the server's address and a folder for screenshots");
mkdirSync(folder, { recursive: true });
const here = path.dirname(fileURLToPath(import.meta.url));
const library = path.join(here, "../../../../datasets/demo-library.smi");
const quick = { timeout: 20_000 };
let shots = 0;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/// A page whose console and requests are watched; `refused` is what the check itself provokes.
async function visit(options = {}, url = base, refused = /$^/) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", ...options });
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
  await page.goto(url);
  return page;
}

async function shot(page, name) {
  shots += 1;
  await page.screenshot({ path: path.join(folder, `${String(shots).padStart(2, "0")}-${name}.png`) });
}

/// Serious findings of axe-core, WCAG 2 A and AA.
async function audit(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], `accessibility, ${where}`);
}

const column = (page, name) =>
  page.evaluate((wanted) => {
    const heads = [...document.querySelectorAll("#scroll th")];
    const at = heads.findIndex((th) => th.dataset.name === wanted);
    return [...document.querySelectorAll("#scroll tbody tr[aria-rowindex]")].map((tr) => tr.children[at]?.textContent ?? "");
  }, name);

const drawn = (page, selector) =>
  page.waitForFunction((s) => {
    const images = [...document.querySelectorAll(s)];
    return images.length > 0 && images.every((image) => image.complete && image.naturalWidth > 0);
  }, selector, quick);

async function predictExample(page) {
  await page.click("#example");
  await page.click("#predict");
  await page.waitForSelector("#scroll tbody tr[aria-rowindex]", quick);
}

/// Submits what the form holds as a job, and waits until the newest card is that job's.
async function submitJob(page) {
  const first = () => document.querySelector(".job")?.dataset.job ?? "";
  await page.waitForSelector("#scenario option", { state: "attached" });
  await page.waitForLoadState("networkidle");
  const before = await page.evaluate(first);
  await page.click("#predict");
  await page.waitForFunction((id) => ![undefined, "", id].includes(document.querySelector(".job")?.dataset.job), before, quick);
  return page.evaluate(first);
}

/// Waits until a job is in a state.
const reaches = (page, id, state) => page.waitForSelector(`[data-job="${id}"] .state.${state}`, { timeout: 120_000 });

const checks = {
  async "predicts the example"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    await shot(page, "start");
    await audit(page, "start");
    await predictExample(page);
    await drawn(page, "#scroll img");
    assert.equal(await page.getAttribute("#scroll table", "aria-rowcount"), "13");
    assert.match(await page.textContent("#results-note"), /12 molecules, 11 scored · 1 with an error/);
    assert.match(await page.textContent("#scroll td.error"), /^parse .*SMILES/);
    assert.deepEqual((await column(page, "rank")).slice(0, 3), ["1", "2", "3"]);
    await shot(page, "predicted");
    await audit(page, "predicted");
    return page;
  },

  async "sorts by keyboard"() {
    const page = await visit();
    await predictExample(page);
    const head = page.locator('th[data-name="MolWt"]');
    await head.locator("button").focus();
    await page.keyboard.press("Enter");
    assert.equal(await head.getAttribute("aria-sort"), "ascending");
    const weights = (await column(page, "MolWt")).filter(Boolean).map(Number);
    assert(weights.length > 3);
    assert.deepEqual(weights, [...weights].sort((a, b) => a - b));
    await page.keyboard.press("Space");
    assert.equal(await head.getAttribute("aria-sort"), "descending");
    const heavy = (await column(page, "MolWt")).filter(Boolean).map(Number);
    assert.deepEqual(heavy, [...heavy].sort((a, b) => b - a));
    assert(heavy[0] > 500 && weights[0] < 200);
    await shot(page, "sorted");
    return page;
  },

  async "filters and chooses columns"() {
    const page = await visit();
    await predictExample(page);
    await page.fill("#filter", "MolWt<200 caffeine");
    await page.waitForFunction(() => document.querySelector("#scroll table").getAttribute("aria-rowcount") === "2");
    assert.deepEqual(await column(page, "#id"), ["caffeine"]);
    await page.fill("#filter", "nothing like this");
    await page.waitForSelector("#scroll td.none");
    await page.fill("#filter", "");
    await page.waitForFunction(() => document.querySelector("#scroll table").getAttribute("aria-rowcount") === "13");
    await page.locator("#columns summary").focus();
    await page.keyboard.press("Enter");
    const box = page.locator("#columns-body label", { hasText: "NR-PPAR-gamma" }).first().locator("input");
    await box.focus();
    await page.keyboard.press("Space");
    await page.waitForSelector('th[data-name="NR-PPAR-gamma"]');
    await shot(page, "columns");
    await audit(page, "columns");
    await page.keyboard.press("Escape");
    assert.equal(await page.getAttribute("#columns", "open"), null);
    return page;
  },

  async "opens the panel by keyboard"() {
    const page = await visit();
    await predictExample(page);
    await page.locator('#scroll tr[tabindex="0"]').focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail:not([hidden]) .radar");
    assert.equal(await page.evaluate(() => document.activeElement.id), "detail-title");
    await page.waitForSelector("#detail .rules li", quick);
    await page.waitForSelector("#detail .neighbours li", quick);
    await drawn(page, "#detail img");
    const rules = await page.locator("#detail .rules b").allTextContents();
    assert.deepEqual(rules, ["Lipinski", "Veber", "Ghose", "Egan"]);
    await shot(page, "panel");
    await page.locator("#detail .origin summary").click();
    assert.equal((await page.getAttribute("#detail .origin code", "title")).length, 64);
    await page.locator("#detail").evaluate((panel) => panel.scrollTo(0, 520));
    await shot(page, "panel-middle");
    await page.locator("#detail").evaluate((panel) => panel.scrollTo(0, panel.scrollHeight));
    await shot(page, "panel-end");
    await audit(page, "panel");
    await page.keyboard.press("Escape");
    assert(await page.locator("#detail").isHidden());
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-rowindex")), "3");
    return page;
  },

  async "speaks Chinese"() {
    const page = await visit();
    await predictExample(page);
    await page.click("#language");
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
    assert.equal(await page.textContent("#predict"), "预测");
    await page.locator('#scroll tr[tabindex="0"]').focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail .neighbours li", quick);
    await drawn(page, "#detail img");
    await shot(page, "chinese");
    await page.reload();
    assert.equal(await page.textContent("#predict"), "预测");
    await page.click("#predict");
    await page.waitForSelector("#problems .problem");
    assert.match(await page.textContent("#problems"), /没有分子/);
    // Words that no text stands for would show their names.
    assert.doesNotMatch(await page.textContent("body"), /\b(detail|jobs|table|problem|busy)\.[a-z]/);
    return page;
  },

  async "screens a file as a job"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    await page.setInputFiles("#file", library);
    assert.equal(await page.textContent("#predict"), "Screen the file");
    await shot(page, "file");
    const id = await submitJob(page);
    await shot(page, "job-running");
    await reaches(page, id, "done");
    await page.waitForFunction(() => document.querySelector("#results-title").textContent.includes("demo-library"), null, quick);
    assert.match(await page.textContent(".job:first-child"), /935 rows · 932 scored · 3 with an error/);
    await drawn(page, "#scroll img");
    await shot(page, "job-done");
    await audit(page, "job");
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".job:first-child .files a").first().click()]);
    const result = readFileSync(await download.path(), "utf8");
    assert.match(download.suggestedFilename(), /result\.csv$/);
    assert.equal(result.trimEnd().split("\n").length, 936);
    await page.reload();
    await page.waitForSelector(".job:first-child .state.done", quick);
    const remove = page.locator(".job:first-child button", { hasText: "Delete" });
    await remove.click();
    assert.equal(await page.locator(`[data-job="${id}"]`).count(), 1);
    await remove.click();
    await page.waitForSelector(`[data-job="${id}"]`, { state: "detached", ...quick });
    await page.reload();
    await page.waitForSelector("#scenario option", { state: "attached" });
    await page.waitForTimeout(500);
    assert.equal(await page.locator(`[data-job="${id}"]`).count(), 0);
    return page;
  },

  async "keeps a file's own columns"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    // A column named like one of ours, one with quotes and line breaks, and a name that is asked for.
    const text = 'id,Structure,My name,score,note\n7,CCO,ethanol,0.5,"a ""b"", c\nd"\n8,C1CC,broken,,\n9,c1ccccc1,benzene,0.1,x\n';
    await page.setInputFiles("#file", { name: "own.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    await page.locator("#staged summary").click();
    await page.fill("#id-column", "My name");
    await reaches(page, await submitJob(page), "done");
    await page.waitForFunction(() => document.querySelector("#results-title").textContent.includes("own.csv"), null, quick);
    assert.deepEqual((await column(page, "#id")).sort(), ["benzene", "ethanol"]);
    assert.deepEqual((await column(page, "#smiles")).sort(), ["CCO", "c1ccccc1"]);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#csv")]);
    const saved = readFileSync(await download.path(), "utf8");
    assert.match(saved, /^id,Structure,My name,score_in,note,canonical_smiles,/);
    assert(saved.includes('7,CCO,ethanol,0.5,"a ""b"", c\nd",CCO,'));
    return page;
  },

  async "says why a job failed"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    await page.setInputFiles("#file", { name: "no-molecules.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n") });
    await reaches(page, await submitJob(page), "failed");
    assert.match(await page.textContent(".job:first-child .error"), /input .*SMILES/);
    await shot(page, "job-failed");
    return page;
  },

  async "takes a dropped file"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    const drop = (kinds) =>
      page.evaluate((names) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["CCO ethanol\n"], "dropped.smi"));
        for (const name of names) {
          document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true }));
        }
      }, kinds);
    await drop(["dragover"]);
    await page.waitForSelector("#veil:not([hidden])");
    await drop(["drop"]);
    assert(await page.locator("#veil").isHidden());
    assert.equal(await page.textContent("#staged-name"), "dropped.smi");
    await reaches(page, await submitJob(page), "done");
    return page;
  },

  async "explains alerts and broken rules"() {
    const page = await visit({ viewport: { width: 1440, height: 2300 } });
    await predictExample(page);
    await page.locator("#scroll td", { hasText: /^sulfasalazine$/ }).click();
    await page.waitForSelector("#detail .alerts li", quick);
    assert.match(await page.textContent("#detail .alerts"), /azo.*pan-assay interference/);
    await page.waitForSelector("#detail .neighbours li", quick);
    await drawn(page, "#detail img");
    await shot(page, "alerts");
    await page.locator("#scroll td", { hasText: /^atorvastatin$/ }).click();
    await page.waitForSelector("#detail .rules .warn", quick);
    assert.match(await page.textContent("#detail .rules"), /Lipinski does not pass: .*MolWt/);
    await page.locator("#scroll tr.bad td").nth(1).click();
    assert.match(await page.textContent("#detail .problem"), /parse/);
    return page;
  },

  async "cancels a job"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    // Large enough to be under way when it is cancelled.
    const lines = readFileSync(library, "utf8").repeat(30);
    await page.setInputFiles("#file", { name: "large.smi", mimeType: "text/plain", buffer: Buffer.from(lines) });
    const id = await submitJob(page);
    await reaches(page, id, "running");
    await page.waitForFunction(() => /rows/.test(document.querySelector(".job p").textContent), null, quick);
    await shot(page, "job-progress");
    await page.locator(".job:first-child button", { hasText: "Cancel" }).click();
    await reaches(page, id, "cancelled");
    return page;
  },

  async "downloads the table"() {
    const page = await visit();
    await page.fill("#smiles", 'CCO "quoted", name\nc1ccccc1 benzene\nC1CC\n');
    await page.click("#predict");
    await page.waitForSelector("#scroll tbody tr[aria-rowindex]", quick);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#csv")]);
    const text = readFileSync(await download.path(), "utf8");
    const lines = text.trimEnd().split("\n");
    assert.equal(lines.length, 4);
    assert.match(lines[0], /^smiles,id,canonical_smiles,error_code,error,MolWt,.*score,rank$/);
    assert(text.includes('"""quoted"", name"'));
    assert.match(lines[3], /^C1CC,,,parse,/);
    return page;
  },

  async "shows a thousand rows"() {
    const page = await visit();
    const lines = readFileSync(library, "utf8").split("\n").filter(Boolean);
    await page.fill("#smiles", [...lines, ...lines].slice(0, 1000).join("\n"));
    await page.click("#predict");
    await page.waitForSelector('#scroll table[aria-rowcount="1001"]', { timeout: 90_000 });
    assert((await page.locator("#scroll tbody tr").count()) < 60);
    const took = await page.evaluate(async () => {
      const started = performance.now();
      document.querySelector('th[data-name="QED"] button').click();
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return performance.now() - started;
    });
    assert(took < 1000, `sorting took ${took} ms`);
    await page.locator('#scroll tr[tabindex="0"]').focus();
    await page.keyboard.press("End");
    await page.waitForSelector('#scroll tr[aria-rowindex="1001"]');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-rowindex")), "1001");
    await page.evaluate(() => document.querySelector("#scroll").scrollTo(0, 20_000));
    await page.waitForTimeout(300);
    await drawn(page, "#scroll img");
    await shot(page, "thousand");
    return page;
  },

  async "takes a list past the limit as a job"() {
    const page = await visit();
    await page.waitForSelector("#scenario option", { state: "attached" });
    await page.fill("#smiles", Array.from({ length: 1001 }, (_, n) => `${"C".repeat(1 + (n % 20))}O alcohol ${n}`).join("\n"));
    await reaches(page, await submitJob(page), "done");
    assert.match(await page.textContent(".job:first-child"), /molecules\.smi.*1,001 rows/);
    return page;
  },

  async "is told what is wrong"() {
    const page = await visit({}, base, /422|404/);
    await page.waitForSelector("#scenario option", { state: "attached" });
    await page.evaluate(() => {
      const option = document.createElement("option");
      option.value = "no-such-scenario";
      document.querySelector("#scenario").append(option);
      document.querySelector("#scenario").value = "no-such-scenario";
    });
    await page.fill("#smiles", "CCO");
    await page.click("#predict");
    await page.waitForSelector("#problems .problem");
    const said = await page.textContent("#problems");
    assert.match(said, /no-such-scenario/);
    assert.match(said, /What to do: \/v1\/scenarios lists them/);
    await page.setInputFiles("#file", { name: "picture.png", mimeType: "image/png", buffer: Buffer.from("x") });
    assert.match(await page.textContent("#problems"), /picture\.png/);
    await shot(page, "problem");
    return page;
  },

  async "fits 400 pixels"() {
    const page = await visit({ viewport: { width: 400, height: 800 }, hasTouch: true });
    await predictExample(page);
    await drawn(page, "#scroll img");
    await shot(page, "narrow-results");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
    await page.locator("#scroll tbody tr[aria-rowindex] td").nth(1).click();
    await page.waitForSelector("#detail .neighbours li", quick);
    await shot(page, "narrow-panel");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
    await page.keyboard.press("Escape");
    await page.evaluate(() => scrollTo(0, 0));
    await shot(page, "narrow-top");
    await audit(page, "narrow");
    return page;
  },

  async "has a dark side"() {
    const page = await visit({ colorScheme: "dark" });
    await predictExample(page);
    await page.locator('#scroll tr[tabindex="0"]').focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail .neighbours li", quick);
    await drawn(page, "#detail img");
    await shot(page, "dark-panel");
    await audit(page, "dark panel");
    await page.keyboard.press("Escape");
    await page.evaluate(() => scrollTo(0, 0));
    await shot(page, "dark-top");
    await audit(page, "dark");
    return page;
  },
};

Object.assign(checks, viewChecks({ visit, shot, audit, drawn, quick, base }));

if (keyedUrl) {
  checks["asks for a key"] = async () => {
    const page = await visit({}, keyedUrl, /401/);
    await page.waitForSelector("#key-dialog[open]");
    await shot(page, "key");
    await audit(page, "key");
    await page.fill("#key-input", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#problems .problem");
    await page.click("#key");
    await page.fill("#key-input", key);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#scenario option", { state: "attached" });
    await predictExample(page);
    await drawn(page, "#scroll img");
    assert.equal(await page.evaluate((k) => Object.values(localStorage).includes(k), key), false);
    await page.setInputFiles("#file", library);
    await reaches(page, await submitJob(page), "done");
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".job:first-child .files a").first().click()]);
    assert.equal(readFileSync(await download.path(), "utf8").trimEnd().split("\n").length, 936);
    return page;
  };
}

// ONLY=TEXT runs those whose name holds it.
const wanted = Object.entries(checks).filter(([name]) => name.includes(process.env.ONLY ?? ""));
let failed = 0;
for (const [name, check] of wanted) {
  try {
    const page = await check();
    assert.deepEqual(page.faults, [], "console errors and foreign requests");
    console.log(`ok    ${name}`);
    await page.context().close();
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack ?? error}`);
    for (const context of browser.contexts()) {
      for (const page of context.pages()) console.log("  faults:", page.faults);
      await context.close();
    }
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
