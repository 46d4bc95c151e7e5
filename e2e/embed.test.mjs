// window.goodhart as an embedding page uses it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit } from "./lib/train.mjs";

const frame = `<!doctype html><title>host</title><link rel="icon" href="data:,"><iframe id="play" src="./" width="1200" height="800"></iframe>`;

describe("an embedding page", () => {
  let host, browser;
  before(async () => { host = await serve({ "embed.html": frame }); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it("loads, trains, listens and reads plain data", async () => {
    const { page, context, problems } = await open(browser, `${host.url}embed.html`, { ready: false });
    await page.waitForFunction(() => document.getElementById("play").contentWindow.goodhart !== undefined);
    const seen = await page.evaluate(async (experiment) => {
      const goodhart = document.getElementById("play").contentWindow.goodhart;
      await goodhart.ready;
      await goodhart.load(experiment);
      await goodhart.ready;
      let heard = 0;
      const stop = goodhart.on("update", () => { heard += 1; });
      await goodhart.step(4);
      stop();
      const before = heard;
      await goodhart.step(2);
      return {
        title: goodhart.experiment().title,
        heard: before,
        after: heard,
        typed: Object.values(goodhart.metrics())[0].true_score.constructor.name,
        length: Object.values(goodhart.metrics())[0].true_score.length,
        alarms: goodhart.alarms(),
        engine: goodhart.engine(),
      };
    }, bandit());
    assert.equal(seen.title, "A small bandit");
    assert.ok(seen.heard >= 1);
    assert.equal(seen.after, seen.heard, "a stopped listener hears nothing more");
    assert.equal(seen.typed, "Float32Array");
    assert.equal(seen.length, 6);
    assert.ok(Array.isArray(seen.alarms));
    assert.equal(seen.engine.kind, "cpu");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("is told in a sentence what cannot be loaded", async () => {
    const { page, context } = await open(browser, host.url);
    const errors = await page.evaluate(async (good) => {
      const said = [];
      for (const bad of ["#g1.garbage", { version: 1 }, { ...good, task: { kind: "chess" } }]) {
        try { await window.goodhart.load(bad); said.push("nothing"); } catch (e) { said.push(String(e.message ?? e)); }
      }
      return said;
    }, bandit());
    for (const error of errors) assert.ok(error !== "nothing" && error.length > 10, error);
    assert.match(errors[2], /chess/);
    await context.close();
  });
});
