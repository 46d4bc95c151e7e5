// What the linter offers can be done with a click and undone, and another task takes along only what fits it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { trained } from "./lib/train.mjs";

describe("fixes and changes of the task", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it("a fix is made with a click, ends its finding, and can be undone", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#coin-circling`);
    const loop = page.locator(".finding", { hasText: /loop of \d+ steps/ });
    const apply = loop.getByRole("button", { name: "Apply" });
    await apply.waitFor();
    const code = () => page.evaluate(() => window.goodhart.experiment().arms[0].code);
    const before = await code();
    await apply.click();
    await loop.waitFor({ state: "detached" });
    const fixed = await becomes(code, (code) => assert.match(code, /weights = \{"coin": 0\.\d+\}/));
    assert.ok(fixed.startsWith(before), "the rest of the program is as it was");
    await page.getByRole("button", { name: "Undo" }).click();
    await loop.waitFor();
    await becomes(code, (code) => assert.equal(code, before));
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("what is optimal and what training finds are said beside each other", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#grpo-lambda-length`);
    await page.evaluate(() => window.goodhart.ready);
    await page.getByRole("tab", { name: "length penalty" }).click();
    await page.locator(".oracle-training", { hasText: "an answer as long as the demonstrations" }).waitFor();
    await page.locator(".oracle-says", { hasText: "The optimum of this reward" }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("a token task leaves the exploration memory behind, and runs", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#global-episodic-bonus-same-map`);
    const panel = page.locator("details.panel", { hasText: /^Task:/ });
    await panel.locator("summary").first().click();
    await panel.getByLabel("Kind").selectOption("length");
    await page.locator(".notice", { hasText: "without its exploration memory" }).waitFor();
    const now = await becomes(() => page.evaluate(() => window.goodhart.experiment()), (now) => {
      assert.deepEqual([now.task.kind, now.policy.kind, now.exploration ?? null], ["length", "transformer", null]);
    });
    await page.evaluate(async (e) => {
      const code = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
      await window.goodhart.load({ ...e, now_try: [], algorithm: {}, run: { updates: 5, seeds: 1, groups: 2, num_generations: 4 }, arms: [{ name: "right", code }] });
      await window.goodhart.ready;
      window.goodhart.run();
    }, now);
    await trained(page, 3);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
