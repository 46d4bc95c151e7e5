// Back and Forward: every experiment is an entry, and so is a dialog while it is open.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open, unaborted } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, type } from "./lib/train.mjs";

describe("the browser's history", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const title = (page) => page.evaluate(() => window.goodhart.experiment().title);
  const titled = (page, wanted) => page.waitForFunction((t) => window.goodhart.experiment().title === t, wanted);
  const choose = async (page, id) => {
    await page.locator("header").getByRole("button", { name: "Library" }).click();
    await page.waitForFunction(() => location.hash === "#library");
    await page.locator(`[data-id="${id}"]`).click();
    await page.waitForFunction((id) => window.goodhart.experiment().id === id, id);
    await page.getByRole("main", { name: "Library" }).waitFor({ state: "detached" });
    await page.waitForFunction((id) => location.hash === `#${id}`, id);
  };
  const back = (page) => page.evaluate(() => history.back());

  it("has an entry for every experiment that was opened", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await choose(page, "coin-circling");
    await choose(page, "grpo-lambda-length");
    await page.evaluate((e) => window.goodhart.load(e), bandit());
    await back(page);
    await page.waitForFunction(() => window.goodhart.experiment().id === "grpo-lambda-length");
    await back(page);
    await page.waitForFunction(() => window.goodhart.experiment().id === "coin-circling");
    await back(page);
    await page.waitForFunction(() => window.goodhart.experiment().id === "par");
    await page.waitForFunction(() => location.hash === "#par");
    await page.evaluate(() => history.forward());
    await page.waitForFunction(() => window.goodhart.experiment().id === "coin-circling");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("closes an open dialog first, whatever opened it, and a closed one leaves nothing behind", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await choose(page, "coin-circling");
    const length = () => page.evaluate(() => history.length);
    for (const [key, role, name] of [["?", "dialog", "Help"], ["g", "main", "Library"]]) {
      await page.locator("body").press(key);
      const dialog = page.getByRole(role, { name });
      await dialog.waitFor();
      await page.waitForFunction(() => typeof history.state === "string" && !history.state.endsWith(" "));
      await back(page);
      await dialog.waitFor({ state: "hidden" });
      assert.equal(await page.evaluate(() => window.goodhart.experiment().id), "coin-circling");
    }
    const before = await length();
    for (let i = 0; i < 3; i += 1) {
      await page.locator("body").press("?");
      await page.getByRole("dialog", { name: "Help" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog", { name: "Help" }).waitFor({ state: "hidden" });
      await page.waitForFunction(() => history.state.endsWith(" "));
    }
    assert.equal(await length(), before);
    await back(page);
    await page.waitForFunction(() => window.goodhart.experiment().id === "par");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("keeps what was edited: Back brings it as it was left", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0`);
    await page.evaluate((e) => window.goodhart.load(e), bandit({ title: "Mine" }));
    const code = "def pay(ep):\n    return 2.0 * ep.proxy\n";
    await type(page, code);
    await page.evaluate((e) => window.goodhart.load(e), bandit({ title: "Another" }));
    assert.equal(await title(page), "Another");
    await back(page);
    await titled(page, "Mine");
    await page.waitForFunction((code) => window.goodhart.experiment().arms[0].code === code, code);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("survives a reload: entries of before it open by their address", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await choose(page, "coin-circling");
    await page.reload();
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
    await back(page);
    await page.waitForFunction(() => window.goodhart.experiment().id === "par");
    assert.deepEqual(unaborted(problems), []);
    await context.close();
  });

  it("no alarm links to the experiment on screen", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await page.locator('.alarms a[href="#co-reward"]').first().waitFor({ state: "attached" });
    assert.equal(await page.locator('.alarms a[href="#par"]').count(), 0);
    await becomes(() => page.locator(".alarms dl").textContent(), (text) => assert.match(text, /This experiment shows it\./));
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("a link to the experiment that one has edited says where the edit is", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    const code = "def reward(ep):\n    return ep.proxy\n";
    await type(page, code);
    await page.waitForFunction(() => location.hash.length > 20);
    await page.evaluate(() => { location.hash = "#par"; });
    await page.getByText(/edited version is one step back/).waitFor();
    await page.waitForFunction(() => location.hash === "#par");
    await page.getByRole("button", { name: "Back to the edit" }).click();
    await page.waitForFunction((code) => window.goodhart.experiment().arms[0].code === code, code);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
