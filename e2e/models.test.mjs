// Learned reward models in the page: the module that trains them loads for an experiment that learns some, and for no
// other; runs on WebGPU load one that tries the GPU too, and do without it where it does not come.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
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
const modules = { cpu: "/goodhart-reward-models_bg.wasm", gpu: "/goodhart-gpu-reward-models_bg.wasm" };

describe("learned reward models in the page", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: true }); });
  after(async () => { await browser.close(); await host.close(); });

  // Opens an experiment; `asked` are the modules that were asked for, `lost` is one that does not come.
  async function opened(draft, engine, lost) {
    const asked = new Set();
    const prepare = async (context) => {
      context.on("request", (request) => {
        for (const [name, end] of Object.entries(modules)) if (request.url().endsWith(end)) asked.add(name);
      });
      if (lost) await context.route(`**${modules[lost]}`, (route) => route.abort());
    };
    const page = await open(browser, `${host.url}?engine=${engine}&autorun=0`, { draft, ready: false, prepare });
    page.page.setDefaultTimeout(180_000);
    await page.page.waitForFunction(() => window.goodhart !== undefined);
    await page.page.evaluate(() => window.goodhart.ready);
    return { ...page, asked };
  }

  const device = (page) => page.locator(".models", { hasText: /, by (the CPU|WebGPU)$/ });

  // Five updates, two of which train one arm's models again.
  async function trains(page) {
    await page.evaluate(() => window.goodhart.step(5));
    for (const [name, columns] of Object.entries(await metrics(page))) {
      for (const metric of ["true_score", "proxy_reward", "rm/accuracy", "rm/ece"]) {
        assert.equal(columns[metric].length, 5, `${name} has ${metric}`);
        assert.ok(columns[metric].every(Number.isFinite), `${name}: ${metric} is finite`);
      }
      assert.ok(columns["proxy_reward"].some((x) => Math.abs(x) > 1e-3), `${name}: the models say something`);
    }
    await page.getByText(/reward models [0-9]+% right/).waitFor();
  }

  it("are trained before and during a run on the CPU, which asks for no GPU", async () => {
    const { page, context, asked, problems } = await opened(learns(), "cpu");
    await trains(page);
    assert.equal(await device(page).count(), 0);
    assert.deepEqual([...asked], ["cpu"]);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("are trained before and during a run on WebGPU by the faster device, both being timed", async () => {
    const { page, context, asked, problems } = await opened(learns(), "gpu");
    await trains(page);
    // Text and title of one moment: a training in between may change both.
    const read = () => device(page).evaluate((e) => [e.innerText, e.title]);
    const measured = /trained on (.+): ([0-9.]+) ms a step, (.+) ([0-9.]+): /;
    const [said, more] = await becomes(read, ([, title]) => assert.match(title, measured));
    const [, one, ms, other, rival] = measured.exec(more);
    assert.deepEqual([one, other].sort(), ["WebGPU", "the CPU"]);
    assert.ok(said.endsWith(`, by ${one}`), said);
    assert.ok(Number(ms) <= Number(rival), `${ms} ms, and ${rival} ms`);
    assert.deepEqual([...asked], ["gpu"]);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("are trained by the CPU where the module for WebGPU does not come, and the run goes on", async () => {
    const { page, context, asked } = await opened(learns(), "gpu", "gpu");
    await page.locator(".notice", { hasText: /The CPU trains the reward models.*nothing is lost/ }).waitFor();
    await trains(page);
    assert.equal(await device(page).count(), 0);
    assert.deepEqual([...asked].sort(), ["cpu", "gpu"]);
    assert.equal(await page.evaluate(() => window.goodhart.engine().kind), "gpu");
    await context.close();
  });

  it("load nothing where no experiment learns any", async () => {
    const { page, context, asked, problems } = await opened(bandit({ run }), "cpu");
    await page.evaluate(() => window.goodhart.step(2));
    assert.deepEqual([...asked], []);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("an experiment that learns for long begins with few seeds, and offers all of them", async () => {
    const { page, context } = await open(browser, `${host.url}?engine=cpu&autorun=0#rm-ensembles-overopt`, { ready: false });
    await page.locator(".more-seeds", { hasText: "8 of the 32 seeds" }).waitFor();
    const seeds = () => page.evaluate(() => window.goodhart.experiment().run.seeds);
    assert.equal(await seeds(), 8);
    assert.equal(await page.evaluate(() => location.hash), "#rm-ensembles-overopt", "it is still the gallery's");
    await page.getByRole("button", { name: "Train all 32" }).click();
    await page.waitForFunction(() => window.goodhart.experiment().run.seeds === 32);
    await page.locator(".more-seeds").waitFor({ state: "detached" });
    // The wait says what is done, how far it is and how long it will take.
    await page.locator(".status", { hasText: /learning the reward models: step \d+ of \d+, (about|a few)/ }).waitFor();
    await context.close();
  });
});
