// Checks of the views beside screening: optimisation, ADMET profiles, targets, own models. Run by check.mjs.
//
// A view whose operation or model the server lacks must say so; the others must work.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const WIDE = { viewport: { width: 1440, height: 1000 } };
const NARROW = { viewport: { width: 400, height: 800 }, hasTouch: true };

/// A table of 240 molecules of the demo library with a number and a class each, and two rows that cannot be used (a third has no
/// allowed valence).
function assay(name) {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const lines = readFileSync(path.join(here, "../../../../datasets/demo-library.smi"), "utf8").split("\n").slice(0, 240);
  const rows = lines.map((line) => line.split(/\s/)[0]).filter(Boolean).map((smiles, at) => {
    const atoms = smiles.match(/[A-Za-z]/g).length;
    return `${smiles},m${at},${(atoms / 5 + ((at * 7) % 11) / 20).toFixed(2)},${atoms > 24 ? "large" : "small"}`;
  });
  const text = ["structure,compound,measured,class", ...rows, "CCCCl,empty,,", "C(C,broken,1,small"].join("\n");
  return { name, mimeType: "text/csv", buffer: Buffer.from(text) };
}

/// The names in a ZIP archive, by its list at the end.
function namesOf(bytes) {
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  const names = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [word, extra, note] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
    names.push(bytes.toString("utf8", at + 46, at + 46 + word));
    at += 46 + word + extra + note;
  }
  return names;
}

/// The checks by name; `tools` are check.mjs's own: visit, shot, audit, drawn, quick, base.
export function viewChecks({ visit, shot, audit, drawn, quick, base }) {
  const wordless = async (page) => assert.doesNotMatch(await page.textContent("body"), /\b(views?|optimise|goals|pareto|analogues|admet|targets|adapt|adapted|jobs)\.[a-z]/);
  const fits = async (page, width) => assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);

  async function open(view, options = WIDE) {
    const page = await visit(options, `${base.replace(/\/$/, "")}/#/${view}`);
    await page.waitForSelector("#scenario option", { state: "attached" });
    await page.waitForLoadState("networkidle");
    return page;
  }

  /// Whether a view can be used here; where it cannot, it must say why.
  async function offered(page, view) {
    if (await page.isVisible(`#${view}-form`)) return true;
    assert.match(await page.textContent(`#${view}-absent`), /does not offer this \(\/v1\/|strata-drug models fetch /);
    await shot(page, `${view}-absent`);
    await audit(page, `${view} absent`);
    console.log(`      (${view} is not offered by this server)`);
    return false;
  }

  async function search(page, budget = "200") {
    await page.click("#hits-example");
    await page.fill("#budget", budget);
    await page.click("#optimise-go");
    await page.waitForSelector("#analogues:not([hidden]) .point", { timeout: 180_000 });
  }

  return {
    async "goes between views by keyboard and address"() {
      const page = await visit(WIDE);
      await page.waitForSelector("#scenario option", { state: "attached" });
      assert(await page.isVisible("#input"));
      await page.focus('#views a[href="#/admet"]');
      await page.keyboard.press("Enter");
      await page.waitForSelector("#admet:not(.off)");
      assert(await page.isHidden("#input"));
      assert.equal(await page.getAttribute('#views a[href="#/admet"]', "aria-current"), "page");
      await page.goBack();
      await page.waitForSelector("#input:not(.off)");
      return page;
    },

    async "finds analogues and shows them"() {
      const page = await open("optimise");
      if (!(await offered(page, "optimise"))) return page;
      await shot(page, "optimise");
      await audit(page, "optimise");
      const drawings = [];
      page.on("request", (request) => request.url().includes("/v1/depict") && drawings.push(request.url()));
      await search(page);
      await drawn(page, "#analogues img");
      assert.match(await page.textContent("#analogues-note"), /200 candidates scored · .* within all limits · .* on the Pareto front/);
      assert.equal(await page.locator(".analogue").count(), 24);
      // The start is drawn beside the chosen one, and lies in the plot.
      assert.equal(await page.locator("#analogues .pair img").count(), 2);
      assert.equal(await page.locator("#analogues path.start").count(), 1);
      // Changed atoms are marked: the drawing differs from one without marks.
      const asked = drawings.find((address) => new URL(address).searchParams.get("atoms"));
      const plain = new URL(asked);
      plain.searchParams.set("atoms", "");
      const [marked, bare] = await Promise.all([asked, plain.href].map(async (address) => (await page.request.get(address)).text()));
      assert.match(marked, /<svg/);
      assert.notEqual(marked, bare);
      await shot(page, "analogues");
      await audit(page, "analogues");
      return page;
    },

    async "chooses points by keyboard"() {
      const page = await open("optimise");
      if (!(await offered(page, "optimise"))) return page;
      await search(page);
      const chosen = () => page.getAttribute(".point[aria-selected=true]", "aria-label");
      assert.equal(await page.locator('.point[tabindex="0"]').count(), 1);
      await page.locator('.point[tabindex="0"]').focus();
      await page.keyboard.press("Home");
      const first = await chosen();
      await page.keyboard.press("ArrowRight");
      const second = await chosen();
      assert.notEqual(first, second);
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), second);
      assert(second.startsWith(await page.textContent("#analogues .chosen h3")));
      await page.keyboard.press("End");
      const far = Number(/QED ([\d.]+)/.exec(await chosen())[1]);
      assert(far >= Number(/QED ([\d.]+)/.exec(first)[1]));
      await page.locator(".analogue .pick").nth(3).click();
      assert.match(await chosen(), /^Rank 4,/);
      await page.selectOption("#analogues .axes select >> nth=1", "similarity");
      assert.match(await chosen(), /^Rank 4, QED .*, similarity /);
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#analogues-csv")]);
      assert.match(readFileSync(await download.path(), "utf8"), /^rank,smiles,start,fitness,/);
      await page.getByRole("button", { name: "Show 24 more" }).click();
      assert.equal(await page.locator(".analogue").count(), 48);
      return page;
    },

    async "says what a search lacks, and cancels one"() {
      const page = await open("optimise");
      if (!(await offered(page, "optimise"))) return page;
      await page.click("#optimise-go");
      assert.match(await page.textContent("#optimise-problems"), /no hit to start from/);
      await page.fill("#hits", "CC(=O)Oc1ccccc1C(=O)O aspirin");
      await page.selectOption("#goals select >> nth=1", "range");
      await page.click("#optimise-go");
      assert.match(await page.textContent("#optimise-problems"), /range of QED needs/);
      await page.selectOption("#goals select >> nth=1", "max");
      await page.fill("#budget", "200000");
      await page.click("#optimise-go");
      const job = page.locator(".job").first();
      await job.locator(".state.running").waitFor(quick);
      await page.waitForFunction(() => /candidates/.test(document.querySelector(".job p").textContent), null, quick);
      await shot(page, "optimise-running");
      await job.getByRole("button", { name: /^Cancel/ }).click();
      await job.locator(".state.cancelled").waitFor({ timeout: 60_000 });
      return page;
    },

    async "optimises in Chinese on a phone"() {
      const page = await open("optimise", { ...NARROW, locale: "zh-CN" });
      if (!(await page.isVisible("#optimise-form"))) return page;
      await search(page);
      await drawn(page, "#analogues img");
      await fits(page, 400);
      await wordless(page);
      await page.evaluate(() => scrollTo(0, 0));
      await shot(page, "optimise-narrow-chinese");
      await page.evaluate(() => document.querySelector("#analogues").scrollIntoView());
      await shot(page, "analogues-narrow-chinese");
      await audit(page, "analogues narrow");
      return page;
    },

    async "profiles ADMET"() {
      const page = await open("admet");
      if (!(await offered(page, "admet"))) return page;
      await page.click("#admet-example");
      await page.click("#admet-go");
      await page.waitForSelector("#profiles .radar", { timeout: 60_000 });
      await drawn(page, "#profiles img");
      assert.equal(await page.locator("#profiles .group").count(), 5);
      assert((await page.locator("#profiles .bar").count()) >= 40);
      await shot(page, "admet");
      await audit(page, "admet");
      await page.getByRole("button", { name: "diazepam" }).click();
      assert.equal(await page.textContent(".profile-title"), "diazepam");
      await page.click("#language");
      await wordless(page);
      await page.setViewportSize({ width: 400, height: 800 });
      await fits(page, 400);
      await shot(page, "admet-narrow-chinese");
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#admet-csv")]);
      assert.equal(readFileSync(await download.path(), "utf8").trimEnd().split("\n").length, 3);
      return page;
    },

    async "finds targets"() {
      const page = await open("targets");
      if (!(await offered(page, "targets"))) return page;
      await page.click("#targets-example");
      await page.click("#targets-go");
      await page.waitForSelector("#found tbody tr", { timeout: 60_000 });
      await drawn(page, "#found img");
      assert.equal(await page.locator("#found tbody tr").count(), 20);
      await shot(page, "targets");
      await audit(page, "targets");
      await page.click("#language");
      await wordless(page);
      await page.setViewportSize({ width: 400, height: 800 });
      await fits(page, 400);
      await shot(page, "targets-narrow-chinese");
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#targets-csv")]);
      assert.equal(readFileSync(await download.path(), "utf8").trimEnd().split("\n").length, 21);
      return page;
    },

    async "makes a model of measurements"() {
      const page = await open("adapt");
      if (!(await offered(page, "adapt"))) return page;
      await page.click("#adapt-go");
      assert.match(await page.textContent("#adapt-problems"), /Choose a file/);
      await page.setInputFiles("#adapt-file", { name: "notes.docx", mimeType: "text/plain", buffer: Buffer.from("x") });
      assert.match(await page.textContent("#adapt-problems"), /notes\.docx/);
      await page.setInputFiles("#adapt-file", assay("sizes.csv"));
      await page.waitForSelector("select#adapt-target");
      assert.equal(await page.inputValue("#adapt-target"), "measured");
      assert.match(await page.textContent("#adapt-values"), /Values: \d/);
      await page.selectOption("#adapt-smiles", "structure");
      await page.selectOption("#adapt-split", "random");
      await shot(page, "adapt");
      await audit(page, "adapt");
      await page.click("#adapt-go");
      await page.waitForSelector("#adapted:not([hidden]) .measured", { timeout: 300_000 });
      const points = await page.locator("#adapted .measured").count();
      assert(points >= 20, `${points} points`);
      assert.match(await page.textContent("#adapted-note"), new RegExp(`${points} set aside`));
      assert.match(await page.textContent("#adapted table"), /RMSE.*Inside 90 % intervals/s);
      assert.match(await page.textContent("#adapted details"), /left out: 3.*valence.*target_missing.*parse/s);
      await shot(page, "adapted");
      await audit(page, "adapted");
      const [download] = await Promise.all([page.waitForEvent("download"), page.click("#adapted-zip")]);
      assert.equal(download.suggestedFilename(), "measured.zip");
      const names = namesOf(readFileSync(await download.path()));
      for (const file of ["measured.onnx", "card.toml", "domain.bin", "golden.json", "held-out.csv"]) assert(names.includes(`measured/${file}`), names.join());
      return page;
    },

    async "shows classes as a curve, in Chinese, on a phone"() {
      const page = await open("adapt", { ...NARROW, locale: "zh-CN" });
      if (!(await page.isVisible("#adapt-form"))) return page;
      await page.setInputFiles("#adapt-file", assay("classes.csv"));
      await page.waitForSelector("select#adapt-target");
      await page.selectOption("#adapt-target", "class");
      await page.selectOption("#adapt-smiles", "structure");
      await page.selectOption("#adapt-split", "random");
      await page.click("#adapt-go");
      await page.waitForSelector("#adapted:not([hidden]) .curve", { timeout: 300_000 });
      assert.match(await page.textContent("#adapted table"), /ROC-AUC/);
      await fits(page, 400);
      await wordless(page);
      await page.evaluate(() => document.querySelector("#adapted").scrollIntoView());
      await shot(page, "adapted-narrow-chinese");
      await audit(page, "adapted narrow");
      return page;
    },

    async "tells why a table cannot be learnt from"() {
      const page = await open("adapt");
      if (!(await page.isVisible("#adapt-form"))) return page;
      const few = "structure,measured\nCCO,1\nCCN,2\n";
      await page.setInputFiles("#adapt-file", { name: "few.csv", mimeType: "text/csv", buffer: Buffer.from(few) });
      await page.waitForSelector("select#adapt-target");
      await page.selectOption("#adapt-smiles", "structure");
      await page.click("#adapt-go");
      await page.locator(".job .state.failed").first().waitFor(quick);
      assert.match(await page.locator(".job .error").first().textContent(), /too few to train on: at least 30/);
      return page;
    },

    async "is readable in the dark"() {
      const page = await open("optimise", { ...WIDE, colorScheme: "dark" });
      if (await page.isVisible("#optimise-form")) {
        await search(page, "100");
        await drawn(page, "#analogues img");
        await shot(page, "analogues-dark");
        await audit(page, "analogues dark");
      }
      for (const view of ["admet", "targets"]) {
        await page.click(`#views a[href="#/${view}"]`);
        await page.waitForSelector(`#${view}:not(.off)`);
        if (await page.isVisible(`#${view}-form`)) {
          await page.click(`#${view}-example`);
          await page.click(`#${view}-go`);
          await page.waitForSelector(view === "admet" ? "#profiles .radar" : "#found tbody tr", { timeout: 60_000 });
        }
        await shot(page, `${view}-dark`);
        await audit(page, `${view} dark`);
      }
      await page.click('#views a[href="#/adapt"]');
      const show = page.locator(".job").getByRole("button", { name: /^Show the figures/ }).last();
      if ((await show.count()) > 0) {
        await show.click();
        await page.waitForSelector("#adapted:not([hidden])");
        await shot(page, "adapted-dark");
        await audit(page, "adapted dark");
      }
      return page;
    },
  };
}
