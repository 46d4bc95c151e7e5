// Editing a reward while it trains: the new one comes into use, a broken one does not stop the old one.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, metrics, trained, type } from "./lib/train.mjs";

// Long, and slow enough that its curves stay short while somebody types.
const long = () => bandit({ run: { updates: 100000, seeds: 2, groups: 256, num_generations: 16 } });

for (const webgpu of [true, false]) {
  describe(`an edit ${webgpu ? "with WebGPU" : "without WebGPU"}`, () => {
    let host, browser;
    before(async () => { host = await serve(); browser = await launch({ webgpu }); });
    after(async () => { await browser.close(); await host.close(); });

    it("is in use a moment later, and the policy goes on", async (t) => {
      const { page, context, problems } = await open(browser, host.url);
      await page.evaluate((e) => window.goodhart.load(e), long());
      await page.evaluate(() => window.goodhart.run());
      await trained(page, 5);
      const typed = Date.now();
      await type(page, "def seven(ep):\n    return 7.0\n");
      await page.locator(".edit-status", { hasText: /in use from update/ }).waitFor();
      t.diagnostic(`from the keystroke to "in use" on screen: ${Date.now() - typed} ms`);
      await page.waitForFunction(() => window.goodhart.metrics().proxy.proxy_reward.at(-1) === 7);
      const arms = await metrics(page);
      assert.ok(arms.proxy.proxy_reward[0] !== 7, "the run did not start anew");
      assert.equal(arms.proxy["rewards/seven/mean"].at(-1), 7);
      assert.equal(await page.evaluate(() => window.goodhart.experiment().arms[0].code), "def seven(ep):\n    return 7.0\n");
      assert.deepEqual(problems, []);
      await context.close();
    });

    it("that does not compile says where, and the program before it goes on", async () => {
      const { page, context, problems } = await open(browser, host.url);
      await page.evaluate((e) => window.goodhart.load(e), long());
      await page.evaluate(() => window.goodhart.run());
      await trained(page, 3);
      await type(page, "def pay(ep):\n    return ep.proxi\n");
      await page.locator(".edit-status.bad", { hasText: /Line 2.*goes on/ }).waitFor();
      await page.locator(".cm-lintRange-error").first().waitFor();
      const before = (await metrics(page)).proxy.true_score.length;
      await trained(page, before + 5);
      assert.ok((await metrics(page)).proxy["rewards/pay/mean"].every(Number.isFinite));
      assert.deepEqual(problems, []);
      await context.close();
    });
  });
}
