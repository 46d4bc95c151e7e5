// The page as a visitor meets it: from a static host under a sub-path, with WebGPU and without.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open, peakMemory } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { mainThreadTasks } from "./lib/tasks.mjs";
import { bandit, metrics, train, trained } from "./lib/train.mjs";

let host;
before(async () => { host = await serve(); });
after(() => host.close());

for (const webgpu of [true, false]) {
  describe(webgpu ? "with WebGPU" : "without WebGPU", () => {
    let browser;
    before(async () => { browser = await launch({ webgpu }); });
    after(() => browser.close());

    it("trains the landing experiment from the first visit on, without a complaint", async (t) => {
      const { page, context, problems } = await open(browser, host.url);
      await page.evaluate(() => window.goodhart.run());
      await trained(page, 1);
      const first = await page.evaluate(() => performance.now());
      t.diagnostic(`first update ${Math.round(first)} ms after navigation (the aim is 2000 on two idle cores)`);
      await trained(page, 3);
      // Before the pause, which goes back to what is on screen.
      const arms = await metrics(page);
      await page.evaluate(() => window.goodhart.pause());
      t.diagnostic(`peak memory of the page and its workers: ${await peakMemory(browser)} MB (the aim is 300)`);
      assert.ok(Object.keys(arms).length >= 2, "the landing experiment compares arms");
      for (const [arm, columns] of Object.entries(arms)) {
        for (const name of ["true_score", "proxy_reward", "entropy", "completions/mean_length"]) {
          assert.ok(columns[name].length >= 3, `${arm} has ${name}`);
          assert.ok(columns[name].every(Number.isFinite), `${arm}: ${name} is finite`);
        }
      }
      assert.deepEqual(problems, []);
      await context.close();
    });

    it("names the engine in use", async (t) => {
      const { page, context } = await open(browser, host.url);
      const engine = await page.evaluate(() => window.goodhart.engine());
      t.diagnostic(JSON.stringify(engine));
      assert.ok(["cpu", "gpu"].includes(engine.kind));
      if (!webgpu) assert.equal(engine.kind, "cpu");
      if (engine.kind === "cpu") assert.ok(engine.workers >= 1);
      await context.close();
    });

    it("trains a small experiment given as data, on the engine asked for", async () => {
      const kind = webgpu ? "gpu" : "cpu";
      const { page, context, problems } = await open(browser, `${host.url}?engine=${kind}&autorun=0`);
      await train(page, bandit(), 5);
      assert.equal((await page.evaluate(() => window.goodhart.engine())).kind, kind);
      const arms = await metrics(page);
      assert.deepEqual(Object.keys(arms).sort(), ["proxy", "verifier"]);
      assert.equal(arms.proxy.true_score.length, 5);
      assert.ok(arms.proxy["rewards/pay/mean"].every(Number.isFinite));
      assert.deepEqual(problems, []);
      await context.close();
    });

    it("keeps the main thread free while it trains", async (t) => {
      const { page, context } = await open(browser, host.url);
      await page.evaluate(() => { window.goodhart.run(); });
      await trained(page, 3);
      const { cpu, wall } = await mainThreadTasks(browser, () => page.waitForTimeout(4000));
      const whole = (list) => JSON.stringify(list.slice(0, 5).map(Math.round));
      t.diagnostic(`longest of ${cpu.length} tasks: ${whole(cpu)} ms of computing, ${whole(wall)} ms on the clock; ` +
        `${wall.filter((ms) => ms > 50).length} took over 50 ms on the clock, with two workers on the same cores`);
      assert.ok(cpu.length > 100, "the tasks were traced");
      assert.ok(cpu[0] < 50, "no task computes for more than 50 ms");
      await context.close();
    });
  });
}
