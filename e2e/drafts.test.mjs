// Drafts: what a person changed, and never what others sent.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { pack } from "./lib/hostile.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, type } from "./lib/train.mjs";

const CODE = "def own(ep):\n    return 2.0 * ep.proxy\n";

describe("a draft", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const link = (title) => `${host.url}?autorun=0#${pack(bandit({ title }))}`;
  // Another visit of the same person.
  async function visit(context, url = `${host.url}?autorun=0`) {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
    return page;
  }
  const title = (page) => page.evaluate(() => window.goodhart.experiment().title);
  const code = (page) => page.evaluate(() => window.goodhart.experiment().arms[0].code);
  const stored = (page) => page.evaluate(() => Object.values(localStorage).join("\n"));
  // Changes the code as a person does, and waits until it is kept.
  async function edit(page, text) {
    await page.locator(".editor:not([hidden]) .cm-content").waitFor();
    await type(page, text);
    await page.waitForFunction((text) => localStorage.getItem("goodhart.draft")?.includes(JSON.stringify(text).slice(1, -1)), text);
  }

  it("of one's own outlives any number of links that were opened after it", async () => {
    const { page, context } = await open(browser, link("Mine"));
    await edit(page, CODE);
    await page.close();
    for (let i = 0; i < 30; i += 1) {
      const other = await visit(context, link(`Link ${i}`));
      assert.doesNotMatch(await stored(other), /Link \d/, "a link is no draft");
      await other.close();
    }
    const back = await visit(context);
    assert.deepEqual([await title(back), await code(back)], ["Mine", CODE]);
    await context.close();
  });

  it("comes of a link with its first change, and the one before it stays", async () => {
    const { page, context } = await open(browser, link("Mine"));
    await edit(page, CODE);
    const theirs = await visit(context, link("Theirs"));
    await edit(theirs, `${CODE}# changed\n`);
    await theirs.close();
    const back = await visit(context);
    assert.equal(await title(back), "Theirs", "the draft that was changed last");
    await back.getByRole("button", { name: "Library" }).first().click();
    await back.locator(".drafts button", { hasText: "Mine" }).click();
    await back.waitForFunction(() => window.goodhart.experiment().title === "Mine");
    assert.equal(await code(back), CODE);
    await context.close();
  });

  it("opens again from its own address, as the same draft", async () => {
    const { page, context } = await open(browser, link("Mine"));
    await edit(page, CODE);
    await page.reload();
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
    await edit(page, `${CODE}# more\n`);
    assert.equal((await stored(page)).match(/"title":"Mine"/g).length, 1, "there is one of it");
    await context.close();
  });

  it("in two tabs is two drafts, and neither replaces the other", async () => {
    const { page, context } = await open(browser, link("First"));
    const second = await visit(context, link("Second"));
    for (let i = 0; i < 3; i += 1) {
      await edit(page, `${CODE}# first ${i}\n`);
      await edit(second, `${CODE}# second ${i}\n`);
    }
    const kept = await stored(page);
    assert.deepEqual([kept.match(/"title":"First"/g).length, kept.match(/"title":"Second"/g).length], [1, 1]);
    assert.ok(kept.includes("# first 2") && kept.includes("# second 2"));
    await context.close();
  });

  it("does not push others out where storage is full: the page says so", async () => {
    const { page, context } = await open(browser, link("Mine"));
    await edit(page, CODE);
    await page.evaluate(() => {
      let size = 4 * 1024 * 1024;
      for (let i = 0; size > 16; ) {
        try { localStorage.setItem(`other ${i}`, "x".repeat(size)); i += 1; } catch { size >>= 1; }
      }
    });
    const theirs = await visit(context, link("Theirs"));
    await theirs.locator(".editor:not([hidden]) .cm-content").waitFor();
    await type(theirs, `${CODE}# changed\n`);
    await theirs.getByText(/storage is full/).waitFor();
    assert.match(await stored(theirs), /"title":"Mine"/);
    await context.close();
  });
});
