// Drives the page of `strata-gov serve` in headless Chromium and checks what a user does with it.
//
// Run by hand, with Chromium installed (CHROMIUM names it, /usr/bin/chromium by default), from a
// scratch folder with the two dependencies:
//
//   npm install playwright-core axe-core
//   node REPO/apps/gov/tests/page/check.mjs http://127.0.0.1:8080 SCREENSHOTS [KEYED_URL KEY]
//
// The server's index should hold datasets/gov (laws, notices, guides and hotline). The check adds documents named
// check-… and takes them out again. With KEYED_URL, the address of a server with a keys file, the way of the key is
// checked too. ONLY=words runs the checks whose names have these words.

import assert from "node:assert/strict";
import {
  ask, audit, base, browser, chinese, data, fits, focused, key, keyedUrl, latin, marked, opened, put, quick, said, shot, takeOut, visit,
} from "./support.mjs";

const VIEWS = ["ask", "search", "documents", "route", "check", "info"];
const QUESTION = "申请信息公开，政府最晚多少天答复？";
const CASE = "楼上住户天天半夜还在打麻将吵闹，我电话19900001234，能不能派人管管。";
const DRAFT = data("drafts/ebike-campaign.md").toString("utf8");

/// What a view looks like when it is used.
const use = {
  async ask(page) {
    await ask(page, QUESTION);
    await page.locator(".entry[open] .cite").first().click();
    await opened(page);
  },
  async search(page) {
    await page.fill("#query", "养犬登记 管理服务费");
    await page.check("#search-history");
    await page.keyboard.press("Tab");
    await page.click("#search-go");
    await page.waitForSelector("#search-list .source", quick);
  },
  documents: (page) => page.waitForSelector(".document", quick),
  async route(page) {
    await page.fill("#case", CASE);
    await page.click("#route-go");
    await page.waitForSelector("#route-result .department", quick);
  },
  async check(page) {
    await page.fill("#draft", DRAFT);
    await page.click("#check-go");
    await page.waitForSelector("#findings .finding", quick);
    await page.locator("#check-result").scrollIntoViewIfNeeded();
  },
  info: (page) => page.waitForSelector("#info-body .tiles .card", quick),
};

/// Goes through all views.
async function tour(page, name, each) {
  for (const view of VIEWS) {
    // Where the panel covers the page, it is closed first.
    if (await page.isVisible("#reader")) await page.keyboard.press("Escape");
    await page.click(`a[href="#/${view}"]`);
    await use[view](page);
    await page.waitForTimeout(300);
    await each(view);
    await shot(page, `${name}-${view}`);
    await audit(page, `${name} ${view}`);
  }
}

const checks = {
  async "answers with its sources"() {
    const page = await visit("ask");
    await page.waitForSelector(".example", quick);
    await shot(page, "start");
    await audit(page, "start");
    await page.locator("#ask-examples .example").nth(2).click();
    await page.waitForSelector(".entry[open] .answer:not([aria-busy])", quick);
    const [first] = await said(page);
    assert(first.length > 1, "an answer");
    assert.match(await page.locator(".entry[open] .badge").first().textContent(), /现行/);
    // Screen readers are told once, the whole of it.
    await page.waitForFunction(() => /^答案：/.test(document.querySelector("#live").textContent), undefined, quick);
    await shot(page, "answered");
    await audit(page, "answered");
    await page.locator(".entry[open] .cite").first().focus();
    await page.keyboard.press("Enter");
    await opened(page);
    assert.equal(await focused(page, "id"), "reader-title");
    // What is marked is what was said, in the place that the server counted out.
    assert((await marked(page, "span")).includes(first), await marked(page, "span"));
    const inView = await page.locator("#reader mark").first().evaluate((mark) => {
      const { top, bottom } = mark.getBoundingClientRect();
      return top > 0 && bottom < innerHeight;
    });
    assert(inView, "the passage is in view");
    await shot(page, "source");
    await audit(page, "source");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page, "className"), "cite");
    return page;
  },

  async "shows an answer bit by bit"() {
    const page = await visit("ask");
    // A short answer is there in a moment: what it looked like on the way is written down by the page itself.
    await page.evaluate(() => {
      globalThis.lengths = [];
      new MutationObserver(() => {
        const busy = document.querySelector(".answer[aria-busy] .said > span");
        if (busy) globalThis.lengths.push(busy.textContent.length);
      }).observe(document.querySelector("#thread"), { subtree: true, childList: true, characterData: true, attributes: true });
    });
    await ask(page, QUESTION);
    const lengths = await page.evaluate(() => globalThis.lengths);
    const [first] = await said(page);
    assert(lengths.length > 2 && lengths[0] < first.length, `letters come one after the other: ${lengths}`);
    assert.equal(await page.locator(".coming").count(), 0);
    return page;
  },

  async "takes no half-composed word for a question"() {
    const page = await visit("ask");
    await page.fill("#question", "xin");
    await page.locator("#question").evaluate((box) => box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true })));
    assert.equal(await page.locator(".entry").count(), 0);
    await page.fill("#question", "  ");
    await page.click("#ask-go");
    assert.match(await page.textContent("#ask-problems"), /请先写下问题/);
    return page;
  },

  async "answers as of a day"() {
    const page = await visit("ask");
    await page.fill("#as-of", "2017-01-01");
    await page.locator("#as-of").dispatchEvent("change");
    assert.match(await page.textContent("#as-of-note"), /2017年1月1日/);
    await ask(page, "养犬登记每年收取多少管理服务费？");
    assert.match(await page.locator(".entry[open] .source").first().textContent(), /养犬.*2016/s);
    await page.locator(".entry[open] .cite").first().click();
    await opened(page);
    assert.match(await page.textContent("#reader .standing"), /2017年1月1日.*现行/);
    // The same document as of today, and the version that took its place.
    await page.click("#as-of-today");
    await page.waitForFunction(() => /已修改/.test(document.querySelector("#reader .standing .badge")?.textContent), undefined, quick);
    await page.waitForSelector("#reader .versions button", quick);
    assert((await page.locator("#reader .versions button").count()) >= 2);
    await shot(page, "versions");
    await audit(page, "versions");
    await page.locator("#reader .versions button:not([aria-current])").first().click();
    await page.waitForFunction(() => /现行/.test(document.querySelector("#reader .standing")?.textContent), undefined, quick);
    assert.match(await marked(page, "place"), /^第.+条$/, "the same article of the other version");
    return page;
  },

  async "refuses what it does not know"() {
    const page = await visit("ask");
    await ask(page, "火星移民签证怎样办理，飞船票价是多少？");
    assert.match(await page.textContent(".entry[open] .refusal"), /12345/);
    assert.equal(await page.locator(".entry[open] .said").count(), 0);
    await shot(page, "refused");
    await audit(page, "refused");
    return page;
  },

  async "answers from service guides"() {
    const page = await visit("ask");
    await ask(page, "办居住证要带什么材料？", "service-guide");
    const row = page.locator(".fields tr").filter({ has: page.locator("th", { hasText: "材料" }) }).first();
    const text = (await row.locator("td").first().textContent()).trim();
    await shot(page, "guide");
    await audit(page, "guide");
    await row.locator(".cite").click();
    await opened(page);
    assert.equal(await marked(page, "quoted"), text);
    return page;
  },

  async "keeps the questions of the session"() {
    const page = await visit("ask");
    await ask(page, QUESTION);
    await ask(page, "新买的电动自行车要在多少天内去登记？");
    assert.equal(await page.locator(".entry").count(), 2);
    assert.equal(await page.locator(".entry[open]").count(), 1);
    await page.locator(".entry > summary").nth(1).focus();
    await page.keyboard.press("Enter");
    assert.match(await page.locator(".entry[open] h3").last().textContent(), /信息公开/);
    assert((await page.locator(".entry[open] .answer").count()) === 2);
    await shot(page, "history");
    await page.click("#ask-clear");
    assert.equal(await page.locator(".entry").count(), 0);
    return page;
  },

  async "copies and hears what readers say"() {
    const page = await visit("ask", { permissions: ["clipboard-read", "clipboard-write"] }, base, /409/);
    await ask(page, QUESTION);
    await page.getByRole("button", { name: "复制答案和引文" }).click();
    await page.waitForFunction(() => /已复制/.test(document.querySelector(".foot").textContent), undefined, quick);
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^问：申请信息公开.*\n答：.*\[1\].*\n\n引文.*\n\[1\] 《.*》.*［现行］/s);
    await page.getByRole("button", { name: "没用" }).click();
    await page.keyboard.type("应当引用第三十三条");
    await shot(page, "feedback");
    await audit(page, "feedback");
    await page.getByRole("button", { name: "提交" }).click();
    await page.waitForFunction(() => /已记录|不保存反馈/.test(document.querySelector(".feedback").textContent), undefined, quick);
    return page;
  },

  async "says what is wrong with a question"() {
    const page = await visit("ask", {}, base, /422|400/);
    await page.locator("#question").evaluate((box) => box.removeAttribute("maxlength"));
    await ask(page, "长".repeat(2001));
    assert.match(await page.textContent(".entry[open] .problem"), /2001/);
    await shot(page, "problem");
    await audit(page, "problem");
    return page;
  },

  async "finds passages"() {
    const page = await visit("search");
    await use.search(page);
    const statuses = await page.locator("#search-list .badge").allTextContents();
    assert(statuses.some((text) => /已修改/.test(text)), "a former version");
    assert.match(await page.locator("#search-list .scores").first().textContent(), /综合0\.\d|综合[1-9]/);
    await shot(page, "search");
    await audit(page, "search");
    await page.uncheck("#search-history");
    await page.waitForFunction(() => ![...document.querySelectorAll("#search-list .badge")].some((one) => /已修改|废止/.test(one.textContent)), undefined, quick);
    await page.locator("#search-kinds input[value='service-guide']").check();
    await page.waitForFunction(() => document.querySelectorAll("#search-list .source").length > 0 && ![...document.querySelectorAll("#search-list .name")].some((one) => /办法》第/.test(one.textContent)), undefined, quick);
    await page.locator("#search-kinds input[value='service-guide']").uncheck();
    await page.fill("#query", "劳动合同法第三十九条");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /第三十九条/.test(document.querySelector("#search-list .name")?.textContent), undefined, quick);
    assert.match(await page.locator("#search-list .source").first().textContent(), /精确匹配/);
    await page.locator("#search-list .name").first().click();
    await opened(page);
    assert.match(await marked(page, "quoted"), /^第三十九条/);
    return page;
  },

  async "adds, shows and deletes documents"() {
    const page = await visit("documents", {}, base, /422/);
    await page.waitForSelector(".document", quick);
    // Text that would be markup, and characters that are two units here and one there.
    const hostile = "关于<img src=x onerror=alert(1)>检查的通知\n\n一、𠮷𠮷𠮷野家<script>alert(2)</script>检查专用词条甲乙丙丁，应当在七日内完成。\n\n二、其他。";
    await put(page, "check-markup.txt", hostile);
    assert.match(await page.locator(".upload").first().textContent(), /写入 1 份|未变 1 份/);
    await put(page, "check-broken.exe", "MZ\u0000\u0001\u0002 no document");
    assert.match(await page.locator(".upload").first().textContent(), /失败.*处理办法/s);
    await put(page, "check-secret.txt", "内部事项的通知\n\n检查专用密件戊己庚辛。", "check-部门");
    await shot(page, "uploads");
    await audit(page, "uploads");
    await page.fill("#documents-find", "check-markup");
    const name = page.locator('.document[data-id="check-markup.txt"] .name');
    await name.waitFor(quick);
    await name.click();
    await opened(page);
    assert.equal(await page.locator("#reader img, #reader script, main img[src=x]").count(), 0);
    assert.match(await page.textContent("#reader .text"), /<script>alert\(2\)<\/script>/);
    // The passage is marked where it is, in spite of them.
    await page.keyboard.press("Escape");
    await page.click('a[href="#/search"]');
    await page.fill("#query", "检查专用词条甲乙丙丁");
    await page.keyboard.press("Enter");
    await page.locator("#search-list .name", { hasText: "检查的通知" }).first().click();
    await opened(page);
    assert.match(await marked(page, "quoted"), /^一、𠮷𠮷𠮷野家<script>.*七日内完成。$/);
    assert.equal(await page.locator("#reader .warn").count(), 0);
    await page.keyboard.press("Escape");
    // Who does not say the department does not see its documents.
    await page.click('a[href="#/documents"]');
    await page.fill("#documents-find", "check-secret");
    await page.waitForFunction(() => document.querySelectorAll(".document").length === 0, undefined, quick);
    await page.fill("#department", "check-部门");
    await page.keyboard.press("Tab");
    await page.waitForSelector('.document[data-id="check-secret.txt"] .label', quick);
    await takeOut(page, "check-secret.txt");
    await page.fill("#department", "");
    await page.keyboard.press("Tab");
    // A file takes the place of another.
    await page.fill("#documents-find", "check-markup");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.locator('.document[data-id="check-markup.txt"] .acts button').first().click()]);
    await chooser.setFiles({ name: "other.txt", mimeType: "text/plain", buffer: Buffer.from("改过的通知\n\n一、改为八日内完成。") });
    await page.waitForFunction(() => /改过的通知/.test(document.querySelector('.document[data-id="check-markup.txt"]')?.textContent), undefined, quick);
    await takeOut(page, "check-markup.txt");
    assert.equal(await focused(page, "id"), "documents-title");
    return page;
  },

  async "pages through the documents"() {
    const page = await visit("documents");
    await page.waitForSelector("#documents-pages:not([hidden])", quick);
    const first = await page.locator(".document .name").first().textContent();
    await page.click("#documents-after");
    await page.waitForFunction((before) => document.querySelector(".document .name").textContent !== before, first, quick);
    await page.fill("#documents-find", "养犬");
    await page.waitForFunction(() => document.querySelectorAll(".document").length < 10, undefined, quick);
    const badges = await page.locator(".document .badge").allTextContents();
    assert(badges.some((text) => /已修改/.test(text)) && badges.some((text) => /现行/.test(text)), badges.join());
    await shot(page, "documents");
    return page;
  },

  async "sends a case to its department"() {
    const page = await visit("route");
    await use.route(page);
    assert.match(await page.textContent("#route-result .department"), /公安局|城|生态|12345/);
    assert.doesNotMatch(await page.textContent("#route-result"), /19900001234/);
    assert.match(await page.textContent("#route-result blockquote"), /［电话］/);
    await shot(page, "route");
    await audit(page, "route");
    await page.locator("#route-result .evidence .name").first().click();
    await opened(page);
    assert.doesNotMatch(await page.textContent("#reader"), /1\d{10}/);
    await shot(page, "case");
    await audit(page, "case");
    return page;
  },

  async "checks a draft"() {
    const page = await visit("check");
    await use.check(page);
    const verdicts = await page.locator("#findings .verdict").allTextContents();
    for (const wanted of [/引用正确/, /引文不一致/, /已废止|已修改/]) assert(verdicts.some((text) => wanted.test(text)), `${wanted}: ${verdicts.join()}`);
    const wrong = page.locator(".finding").filter({ hasText: "第六十条第二款" });
    assert.match((await wrong.locator("del").allTextContents()).join(""), /一千|千/);
    assert.match((await wrong.locator("ins").allTextContents()).join(""), /五百|百/);
    await shot(page, "check");
    await audit(page, "check");
    await page.locator("#draft-marked .found.bad").first().focus();
    await page.keyboard.press("Enter");
    assert.match(await focused(page, "className"), /finding/);
    await shot(page, "finding");
    await page.check("#check-wrong");
    assert(!(await page.locator("#findings .verdict").allTextContents()).some((text) => /引用正确/.test(text)));
    // A text file of an older system.
    const gb = Buffer.from("d2c0d5d5a1b6c0cdb6afbacfcdacb7a8a1b7b5dac8fdcaaebec5ccf5b5c4b9e6b6a8b0ecc0eda1a3", "hex");
    await page.setInputFiles("#draft-file", { name: "draft.txt", mimeType: "text/plain", buffer: gb });
    await page.waitForFunction(() => /《劳动合同法》第三十九条/.test(document.querySelector("#draft").value) && /劳动合同法/.test(document.querySelector("#findings").textContent), undefined, quick);
    return page;
  },

  async "tells of models and scenarios"() {
    const page = await visit("info");
    await use.info(page);
    await page.locator("#info-body details summary").first().click();
    await page.waitForFunction(() => /name = "/.test(document.querySelector("#info-body pre").textContent), undefined, quick);
    assert((await page.locator("#info-body .tiles").first().locator(".card").count()) >= 4);
    return page;
  },

  async "works without a mouse"() {
    const page = await visit("ask");
    await page.waitForSelector(".example", quick);
    await page.keyboard.press("Tab");
    assert.match(await focused(page, "className"), /skip/);
    for (let i = 0; i < 40 && (await focused(page, "id")) !== "question"; i += 1) await page.keyboard.press("Tab");
    assert.equal(await focused(page, "id"), "question");
    await page.keyboard.type("政府信息公开多少天答复");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".entry[open] .answer:not([aria-busy])", quick);
    for (let i = 0; i < 40 && (await focused(page, "className")) !== "cite"; i += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await opened(page);
    await page.keyboard.press("Escape");
    assert.equal(await focused(page, "className"), "cite");
    return page;
  },

  async "speaks Chinese"() {
    const page = await visit("ask");
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
    await tour(page, "zh", async (view) => assert.deepEqual(await latin(page), [], view));
    return page;
  },

  async "speaks English"() {
    const page = await visit("ask", { locale: "en-GB" });
    assert.equal(await page.textContent('a[href="#/ask"]'), "Ask");
    await tour(page, "en", async (view) => assert.deepEqual(await chinese(page), [], view));
    await page.click("#language");
    assert.equal(await page.textContent('a[href="#/ask"]'), "问答");
    return page;
  },

  async "has a dark side"() {
    const page = await visit("ask", { colorScheme: "dark" });
    await tour(page, "dark", async () => {});
    return page;
  },

  async "fits a narrow screen"() {
    const page = await visit("ask", { viewport: { width: 400, height: 800 } });
    await tour(page, "narrow", async (view) => fits(page, view));
    if (await page.isVisible("#reader")) await page.keyboard.press("Escape");
    await page.click('a[href="#/ask"]');
    await page.locator(".entry[open]").first().scrollIntoViewIfNeeded();
    await shot(page, "narrow-answer");
    // The panel covers the page, which is out of reach behind it.
    await page.locator(".entry[open] .cite").first().click();
    await opened(page);
    assert.equal(await page.evaluate(() => document.querySelector("#site").inert), true);
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.querySelector("#site").inert), false);
    return page;
  },
};

if (keyedUrl) {
  checks["asks for a key"] = async () => {
    const page = await visit("ask", {}, keyedUrl, /401/);
    await page.waitForSelector("#key-dialog[open]");
    await shot(page, "key");
    await audit(page, "key");
    await page.fill("#key-input", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#problems .problem");
    await page.click("#key");
    await page.fill("#key-input", key);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".example", quick);
    await ask(page, QUESTION);
    assert((await said(page)).length > 0);
    assert.equal(await page.evaluate((k) => Object.values(localStorage).includes(k), key), false);
    await shot(page, "keyed");
    // Answers of one key are not shown to another.
    await page.click("#key");
    await page.click("#key-forget");
    assert.equal(await page.locator(".entry").count(), 0);
    return page;
  };
}

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
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
