// Every seed of a run has its own instance of the task: what is drawn is the watched seed's.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit } from "./lib/train.mjs";

const SEEDS = 4;

describe("the instance of a seed", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  // For each seed: which arm is drawn as the best one, which one the policy has come to prefer, and which one the oracle
  // calls optimal.
  async function drawn(instances) {
    const draft = bandit({
      task: { kind: "bandit", arms: 8, contexts: 1, hacks: 0, good_fraction: 0.01 },
      run: { updates: 60, seeds: SEEDS, groups: 8, num_generations: 8, ...instances },
      algorithm: { learning_rate: 0.5 },
      arms: [{ name: "verifier", code: "def correct(ep):\n    return 1.0 if ep.correct else 0.0\n" }],
    });
    const { page, context, problems } = await open(browser, `${host.url}?engine=cpu&autorun=0`, { draft });
    await page.evaluate(() => window.goodhart.step(60));
    const seen = [];
    for (let seed = 0; seed < SEEDS; seed += 1) {
      await page.getByLabel("Seed shown").selectOption(String(seed));
      // The policy of this seed and the optimum of its reward: both are sure, which nothing is before they are there.
      const read = await page.waitForFunction(() => {
        const pictures = [...document.querySelectorAll(".task .bar-row")].map((row) => [...row.children]);
        const height = (bar) => parseFloat(bar.style.getPropertyValue("--p"));
        if (pictures.length !== 2 || !pictures.every((bars) => bars.some((bar) => height(bar) > 60))) return null;
        const [preferred, optimal] = pictures.map((bars) => bars.findIndex((bar) => height(bar) > 60));
        return { best: pictures[0].findIndex((bar) => bar.classList.contains("best")), preferred, optimal };
      });
      seen.push(await read.jsonValue());
    }
    assert.deepEqual(problems, []);
    await context.close();
    return seen;
  }

  it("is drawn for the seed that is watched", async () => {
    const seen = await drawn({});
    for (const { best, preferred, optimal } of seen) assert.deepEqual([preferred, optimal], [best, best], JSON.stringify(seen));
    assert.ok(new Set(seen.map(({ best }) => best)).size > 1, JSON.stringify(seen));
  });

  it("is the same for all where the run has one", async () => {
    const seen = await drawn({ instances: 1 });
    const { best } = seen[0];
    assert.deepEqual(seen, seen.map(() => ({ best, preferred: best, optimal: best })));
  });
});
