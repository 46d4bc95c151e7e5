// What each strategy does: a figure a strategy, for every kind of task, played back, at rest where motion is unwanted.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { resting } from "./lib/train.mjs";

describe("what each strategy does", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const step = (page) => page.locator(".hero-at").innerText().then((text) => Number(/step (\d+)/.exec(text)[1]));
  // Pixels of a strategy's own colour in its figure.
  const coloured = (page) => page.locator(".world-stage canvas").evaluateAll((all) => all.map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 100 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) n += 1;
    }
    return n;
  }));

  for (const [id, what] of Object.entries({
    "coin-circling": "a map", par: "a bandit", "co-reward": "answers", "mountain-car-motion": "a plane", "taxi-pickups": "cells by row and column",
  })) {
    it(`draws ${what}`, async () => {
      const { page, context, problems } = await open(browser, `${host.url}?autorun=0#${id}`);
      const names = await page.evaluate(() => window.goodhart.experiment().arms.map((arm) => arm.name));
      await page.evaluate(() => window.goodhart.step(1));
      await resting(page);
      await becomes(() => coloured(page), (all) => {
        assert.equal(all.length, names.length, "a drawing a strategy");
        assert.ok(all.every((n) => n > 20), `each in its colour: ${all}`);
      });
      assert.deepEqual(await page.locator(".world-name").allInnerTexts(), names);
      const says = await page.locator(".world-stage").first().getAttribute("aria-label");
      assert.match(says, new RegExp(`^${names[0]}: \\d+ samples, mean true score -?[\\d.]+, mean reward `));
      assert.deepEqual(problems, []);
      await context.close();
    });
  }

  it("writes texts, and marks the sign of an advantage by an arrow", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#grpo-lambda-length`, { reducedMotion: "reduce" });
    await page.evaluate(() => window.goodhart.step(1));
    await page.locator(".strips li").first().waitFor();
    const rows = await page.locator(".strips li").allInnerTexts();
    assert.equal(rows.length, 5 * 8, "eight samples of each strategy");
    assert.ok(rows.some((row) => row.startsWith("▲")) && rows.some((row) => row.startsWith("▼")), rows.join("\n"));
    assert.ok(rows.every((row) => /[✓✗]/.test(row)), "where motion is unwanted the last step is shown");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("plays the samples, and rests where it is told to", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#coin-circling`);
    await page.evaluate(() => window.goodhart.step(1));
    await page.locator(".world-stage canvas").first().waitFor();
    const first = await step(page);
    await becomes(() => step(page), (now) => assert.notEqual(now, first));
    await page.getByRole("button", { name: "Pause the playback" }).click();
    await page.getByRole("slider", { name: "Step of the samples" }).fill("3");
    // The next frame shows it.
    await becomes(() => step(page), (now) => assert.equal(now, 3));
    // Newer samples are shown at the same step.
    await page.evaluate(() => window.goodhart.step(2));
    await becomes(() => page.locator(".hero-note").innerText(), (note) => assert.match(note, /update [23]$/));
    assert.equal(await step(page), 3);
    await page.getByRole("button", { name: "Play the samples" }).click();
    await becomes(() => step(page), (now) => assert.ok(now > 3));
    await page.locator(".world-name").nth(1).click();
    await page.locator('.tab[aria-selected="true"]', { hasText: "potential-based" }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });
});
