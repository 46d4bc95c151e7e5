// Learned reward models in the page: the module that trains them loads for an experiment that learns some, and for no
// other.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, metrics } from "./lib/train.mjs";

const run = { updates: 1000, seeds: 2, groups: 4, num_generations: 8 };
const arm = (name, algorithm = {}) => ({ name, algorithm, code: "def model(ep):\n    return ep.rm + 0.0 * max(ep.rms)\n" });
const learns = () => ({
  ...bandit({ run }),
  reward_models: { count: 2, hidden: [16], pairs: 64, steps: 60 },
  arms: [arm("frozen"), arm("again", { rm_every: 2, rm_pairs: 16, rm_steps: 2 })],
});
const isModule = (url) => url.includes("goodhart-reward-models");

describe("learned reward models in the page", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: true }); });
  after(async () => { await browser.close(); await host.close(); });

  async function opened(draft, engine) {
    const page = await open(browser, `${host.url}?engine=${engine}&autorun=0`, { draft, ready: false });
    const asked = [];
    page.context.on("request", (request) => { if (isModule(request.url())) asked.push(request.url()); });
    await page.page.waitForFunction(() => window.goodhart !== undefined);
    await page.page.evaluate(() => window.goodhart.ready);
    return { ...page, asked };
  }

  for (const engine of ["cpu", "gpu"]) {
    it(`are trained before and during a run: ${engine}`, async () => {
      const { page, context, problems } = await opened(learns(), engine);
      await page.evaluate(() => window.goodhart.step(5));
      for (const [name, columns] of Object.entries(await metrics(page))) {
        for (const metric of ["true_score", "proxy_reward", "rm/accuracy", "rm/ece"]) {
          assert.equal(columns[metric].length, 5, `${name} has ${metric}`);
          assert.ok(columns[metric].every(Number.isFinite), `${name}: ${metric} is finite`);
        }
        assert.ok(columns["proxy_reward"].some((x) => Math.abs(x) > 1e-3), `${name}: the models say something`);
      }
      await page.getByText(/reward models [0-9]+% right/).waitFor();
      assert.deepEqual(problems, []);
      await context.close();
    });
  }

  it("load nothing where no experiment learns any", async () => {
    const { page, context, asked, problems } = await opened(bandit({ run }), "cpu");
    await page.evaluate(() => window.goodhart.step(2));
    assert.deepEqual(asked, []);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
