// The CPU engine gives the same numbers in the browser as natively, bit for bit, whatever the number of workers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { root, serve } from "./lib/server.mjs";
import { bandit, gridworld, length, metrics, train } from "./lib/train.mjs";

const goodhart = process.env.GOODHART ?? join(root, "target/release/goodhart");
const updates = 12;
const run = { updates, seeds: 2, groups: 4, num_generations: 4 };

const experiments = {
  "bandit with a table": bandit({ run }),
  "gridworld with an MLP and PPO": gridworld({
    run: { ...run, groups: 8 },
    algorithm: { estimator: "gae", num_iterations: 2, num_minibatches: 2, learning_rate: 0.003, entropy_coef: 0.01 },
  }),
  "length with a transformer": length({ run }),
};

// {arm: {metric: [mean over seeds by update]}} as f32, from the command line's rows.
function native(experiment) {
  const folder = mkdtempSync(join(tmpdir(), "goodhart-"));
  try {
    const file = join(folder, "experiment.json");
    writeFileSync(file, JSON.stringify(experiment));
    execFileSync(goodhart, ["run", file, "--engine", "cpu", "--out", folder], { stdio: ["ignore", "ignore", "inherit"] });
    const rows = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const sums = {};
    for (const { arm, seed, step, ...columns } of rows) {
      for (const [name, value] of Object.entries(columns)) {
        const cell = (((sums[arm] ??= {})[name] ??= [])[step] ??= { sum: 0, n: 0 });
        if (value !== null) { cell.sum += Math.fround(value); cell.n += 1; }
      }
    }
    for (const columns of Object.values(sums)) {
      for (const name of Object.keys(columns)) columns[name] = columns[name].map(({ sum, n }) => Math.fround(sum / n));
    }
    return sums;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("the CPU engine in the browser and natively", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  for (const [name, experiment] of Object.entries(experiments)) {
    it(`agrees bit for bit: ${name}`, async () => {
      const { page, context } = await open(browser, host.url);
      await train(page, experiment, updates);
      const [there, here] = [await metrics(page), native(experiment)];
      await context.close();
      assert.deepEqual(Object.keys(there).sort(), Object.keys(here).sort());
      for (const [arm, columns] of Object.entries(here)) {
        assert.ok(columns.true_score.length === updates);
        for (const [metric, values] of Object.entries(columns)) {
          assert.deepEqual(there[arm][metric], values, `${arm}: ${metric}`);
        }
      }
    });
  }
});
