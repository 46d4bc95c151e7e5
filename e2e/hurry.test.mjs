// A person in a hurry: everything at once, in any order; and a script that asks for what cannot be.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open, unaborted } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, metrics, trained, type } from "./lib/train.mjs";

const long = () => bandit({ run: { updates: 100000, seeds: 2, groups: 64, num_generations: 16 } });

describe("a page in a hurry", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: true }); });
  after(async () => { await browser.close(); await host.close(); });

  const opened = (draft) => open(browser, `${host.url}?engine=cpu&autorun=0`, { draft });

  it("does what was asked last of run, pause and step", async () => {
    const { page, context, problems } = await opened(long());
    await page.evaluate(() => { const { goodhart: g } = window; g.run(); g.pause(); g.run(); g.pause(); g.run(); });
    await trained(page, 3);
    const before = (await metrics(page)).proxy.true_score.length;
    await trained(page, before + 10);
    const [paused, stepped, arms] = await page.evaluate(async () => {
      const { goodhart: g } = window;
      g.pause(); g.run(); g.pause();
      const paused = await g.pause();
      g.run(); g.pause();
      return [paused, await g.step(5), g.metrics()];
    });
    for (const columns of Object.values(arms)) assert.equal(Object.keys(columns.true_score).length, stepped);
    assert.ok(stepped >= paused + 5, `${stepped} after ${paused}`);
    assert.equal(await page.evaluate(() => window.goodhart.step(1)), stepped + 1, "it rested after the steps");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("refuses a step that cannot be, in a sentence", async () => {
    const { page, context } = await opened(bandit({ run: { updates: 6, seeds: 2 } }));
    const said = await page.evaluate(async () => {
      const { goodhart: g } = window;
      const reached = await g.step(100);
      const finished = await g.step(1).then(() => "nothing", (e) => e.message);
      const again = await g.run().then(() => "runs");
      return { reached, finished, again };
    });
    assert.equal(said.reached, 6);
    assert.match(said.finished, /finished.*run\(\).*anew/);
    assert.equal(said.again, "runs");
    await context.close();
  });

  it("opens another experiment under a run: no row of the old one is seen", async () => {
    const { page, context, problems } = await opened(long());
    const told = await page.evaluate(async (next) => {
      const { goodhart: g } = window;
      const step = g.step(50000).then(() => "kept", (e) => e.message);
      await new Promise((done) => { const stop = g.on("update", (n) => { if (n > 5) { stop(); done(); } }); });
      for (let i = 0; i < 5; i++) g.load({ ...next, title: `load ${i}` });
      await g.load(next);
      const replaced = await step;
      const before = Object.values(g.metrics())[0].true_score.length;
      return { replaced, before, reached: await g.step(3), after: Object.values(g.metrics()).map((m) => m.true_score.length) };
    }, bandit({ arms: [{ name: "only", code: "def one(ep):\n    return 1.0\n" }] }));
    assert.match(told.replaced, /replaced/);
    assert.deepEqual([told.before, told.reached, told.after], [0, 3, [3]]);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("uses the last of many quick edits", async () => {
    const { page, context, problems } = await opened(long());
    await page.evaluate(() => { window.goodhart.run(); });
    await trained(page, 2);
    await type(page, "def n(ep):\n    return 1");
    for (let i = 0; i < 5; i++) {
      for (const key of ["2", "3", "4", "Backspace", "Backspace", "Backspace"]) await page.keyboard.press(key);
    }
    for (const key of "234") await page.keyboard.press(key);
    await page.waitForFunction(() => window.goodhart.metrics().proxy.proxy_reward.at(-1) === 1234);
    await page.locator(".edit-status", { hasText: /in use from update/ }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("changes engines under a run, and comes back after a reload with what was typed", async () => {
    const { page, context, problems } = await opened(long());
    await page.evaluate(() => { window.goodhart.run(); });
    await trained(page, 2);
    for (const engine of ["gpu", "cpu", "gpu", "cpu"]) {
      await page.getByLabel("Engine").selectOption(engine);
      // It asks where there are updates to lose.
      const change = page.getByRole("button", { name: "Change the engine" });
      await page.waitForFunction((engine) => document.querySelector("dialog[open]") !== null
        || document.querySelector("select[aria-label=Engine]").value === engine, engine);
      if (await change.isVisible()) await change.click();
    }
    await page.waitForFunction(() => window.goodhart.engine()?.kind === "cpu");
    await trained(page, 3);
    await type(page, "def kept(ep):\n    return 0.25\n");
    const address = page.url();
    await page.waitForFunction((address) => location.href !== address, address);
    await page.reload();
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
    assert.match(await page.evaluate(() => window.goodhart.experiment().arms[0].code), /def kept/);
    assert.deepEqual(unaborted(problems), []);
    await context.close();
  });

  it("trains in two tabs, each its own experiment", async () => {
    const { page, context } = await opened(long());
    await page.evaluate(() => { window.goodhart.run(); });
    const other = await context.newPage();
    await other.goto(`${host.url}?engine=cpu&autorun=0`);
    await other.waitForFunction(() => window.goodhart !== undefined);
    await other.evaluate((e) => window.goodhart.load(e), bandit({ title: "The other" }));
    assert.equal(await other.evaluate(() => window.goodhart.step(5)), 5);
    await other.close();
    const before = (await metrics(page)).proxy.true_score.length;
    await trained(page, before + 5);
    assert.equal(await page.evaluate(() => window.goodhart.experiment().title), "A small bandit");
    await context.close();
  });
});
