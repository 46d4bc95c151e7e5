// The WebGPU engine inside the page, asked for by `?engine=gpu`; where there is no graphics card it runs on SwiftShader.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open, unaborted } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, gridworld, length, metrics, trained, type } from "./lib/train.mjs";

const run = { updates: 1000, seeds: 1, groups: 2, num_generations: 4 };
const experiments = {
  "bandit with a table": bandit({ run }),
  "gridworld with an MLP and PPO": gridworld({
    run,
    task: { kind: "gridworld", horizon: 8 },
    policy: { kind: "mlp", hidden: [8, 8] },
  }),
  "length with a transformer": length({ run, base: { steps: 10 } }),
};
// Enough for a table to learn which arm pays, in one context: of several, the ones that an update draws move its mean.
const lesson = () => bandit({ task: { kind: "bandit", arms: 8, contexts: 1 }, run: { updates: 1000, seeds: 4, groups: 8, num_generations: 8 }, algorithm: { learning_rate: 0.3 } });
const LESSONS = 40;

const last = (values, n = 8) => values.slice(-n).reduce((sum, v) => sum + v, 0) / n;

describe("the WebGPU engine in the page", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: true }); });
  after(async () => { await browser.close(); await host.close(); });

  const opened = (draft, engine = "gpu") => open(browser, `${host.url}?engine=${engine}&autorun=0`, { draft });

  for (const [name, experiment] of Object.entries(experiments)) {
    it(`trains: ${name}`, async (t) => {
      const { page, context, problems } = await opened(experiment);
      await page.evaluate(() => window.goodhart.step(5));
      const engine = await page.evaluate(() => window.goodhart.engine());
      t.diagnostic(JSON.stringify(engine));
      assert.equal(engine.kind, "gpu");
      assert.equal(engine.workers, 1);
      assert.ok(engine.adapter.length > 3, "the adapter has a name");
      // SwiftShader says so; a graphics card's adapter is not software.
      assert.equal(engine.software, /swiftshader|llvmpipe/i.test(engine.adapter));
      for (const [arm, columns] of Object.entries(await metrics(page))) {
        for (const metric of ["true_score", "proxy_reward", "entropy", "grad_norm"]) {
          assert.equal(columns[metric].length, 5, `${arm} has ${metric}`);
          assert.ok(columns[metric].every(Number.isFinite), `${arm}: ${metric} is finite`);
        }
      }
      await page.locator(".groups .group").nth(1).waitFor();
      const cells = () => page.locator(".groups .cell").count();
      await becomes(cells, (n) => assert.equal(n, 2 * 4, "the anatomy shows every sample"));
      assert.deepEqual(problems, []);
      await context.close();
    });
  }

  it("shows no groups of an update that another engine made", async () => {
    const { page, context, problems } = await opened(bandit({ run }));
    await page.evaluate(() => window.goodhart.step(5));
    await page.locator(".groups .cell").first().waitFor();
    // The run goes on from a checkpoint, in an engine that has made none of its updates.
    await page.reload();
    const text = await page.locator(".notice", { hasText: "where you left it" }).textContent();
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
    const at = /from (update \d+)/.exec(text)[1];
    await page.locator(".groups", { hasText: `loaded anew at ${at}.` }).waitFor();
    await becomes(() => page.locator(".groups .cell").count(), (n) => assert.equal(n, 0));
    await page.evaluate(() => window.goodhart.step(1));
    await page.locator(".groups .cell").first().waitFor();
    assert.deepEqual(unaborted(problems), []);
    await context.close();
  });

  it("says how many shaders are compiled, and that the first update is under way", async () => {
    const { page, context } = await open(browser, `${host.url}?engine=gpu`, { draft: lesson(), ready: false });
    await page.waitForFunction(() => document.querySelector(".status") !== null);
    const said = await page.evaluate(() => new Promise((done) => {
      const said = new Set();
      const look = () => {
        said.add(document.querySelector(".status").textContent);
        if ((Object.values(window.goodhart?.metrics() ?? {})[0]?.true_score?.length ?? 0) > 0) done([...said]);
      };
      new MutationObserver(look).observe(document.querySelector(".controls"), { childList: true, characterData: true, subtree: true });
    }));
    assert.ok(said.some((text) => /^compiling the shaders: [1-9]\d* of \d+$/.test(text)), said.join("; "));
    assert.ok(said.some((text) => /the first update is under way/.test(text)), said.join("; "));
    await context.close();
  });

  it("learns what the CPU engine learns, and keeps the policy under an edit", async (t) => {
    const { page, context, problems } = await opened(lesson());
    await page.evaluate((n) => window.goodhart.step(n), LESSONS);
    const scores = async () => (await metrics(page)).verifier.true_score;
    const gpu = await scores();
    await page.evaluate(() => { window.goodhart.run(); });
    await type(page, "def seven(ep):\n    return 7.0\n");
    await page.waitForFunction(() => window.goodhart.metrics().proxy.proxy_reward.at(-1) === 7);
    const at = (await scores()).length;
    await trained(page, at + 8);
    await page.evaluate(() => window.goodhart.pause());
    const arms = await metrics(page);
    assert.ok(arms.proxy.proxy_reward[0] !== 7 && arms.proxy.proxy_reward.length >= at, "the run did not start anew");
    // The same pay for every sample teaches nothing: what was learned by then stays.
    assert.ok(Math.abs(last(arms.proxy.true_score) - last(arms.proxy.true_score.slice(0, at))) < 0.1);
    assert.deepEqual(problems, []);
    await context.close();

    const other = await opened(lesson(), "cpu");
    await other.page.evaluate((n) => window.goodhart.step(n), LESSONS);
    const cpu = (await metrics(other.page)).verifier.true_score;
    await other.context.close();
    t.diagnostic(`true score of the last updates: ${last(gpu).toFixed(3)} on WebGPU, ${last(cpu).toFixed(3)} on the CPU, ${last(gpu.slice(0, 8)).toFixed(3)} at first`);
    assert.ok(last(gpu) > last(gpu.slice(0, 8)) + 0.1, "it learns");
    assert.ok(Math.abs(last(gpu) - last(cpu)) < 0.1, "as the CPU does");
  });
});
