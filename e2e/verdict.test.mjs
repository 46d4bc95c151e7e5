// What the page says of a run: shares of what can be had, whatever the scale of a reward; and what the oracle says beside it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, length, trained, type } from "./lib/train.mjs";

describe("the verdict", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const says = (page) => page.locator(".verdict .says").allInnerTexts();
  const run = async (experiment, n) => {
    const all = await open(browser, `${host.url}?autorun=0#par`);
    await all.page.evaluate(async ([e, n]) => {
      await window.goodhart.load(e);
      await window.goodhart.ready;
      await window.goodhart.step(n);
    }, [experiment, n]);
    return all;
  };

  it("says what was wanted and paid as shares, the same on every scale of a reward", async () => {
    const arms = [
      { name: "small", code: "def pay(ep):\n    return ep.proxy\n" },
      { name: "large", code: "def pay(ep):\n    return 1000.0 * ep.proxy - 300.0\n" },
    ];
    const { page, context, problems } = await run(bandit({ arms, run: { updates: 60, seeds: 4, groups: 4, num_generations: 8 } }), 60);
    await page.waitForFunction(() => {
      const lines = [...document.querySelectorAll(".verdict .says")].map((e) => e.textContent);
      return lines.length === 2 && lines.every((l) => l.includes("the task's range") && l.includes("its reward's range"));
    });
    const [small, large] = await says(page);
    const shares = (text) => text.match(/\d+%/g).map((x) => parseInt(x, 10));
    assert.equal(shares(small).length, 2, small);
    // Advantages are divided by the deviation of a group: both arms train alike.
    for (const [a, b] of shares(small).map((x, i) => [x, shares(large)[i]])) assert.ok(Math.abs(a - b) <= 2, `${small} / ${large}`);
    const gap = (text) => Number(text.match(/a gap of (-?[\d.]+)/)[1]);
    assert.ok(Math.abs(gap(small) - gap(large)) <= 1 + 0.1 * Math.abs(gap(small)), `${small} / ${large}`);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("says that there is no gap where a reward did not vary at first, instead of a number", async () => {
    const arms = [{ name: "flat", code: "def pay(ep):\n    return 1.0\n" }];
    const { page, context, problems } = await run(bandit({ arms, run: { updates: 30, seeds: 2, groups: 4, num_generations: 4 } }), 30);
    await page.locator(".verdict .says", { hasText: "There is no gap to say: what its reward pays was the same" }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("plans how many seeds a difference needs, from the seeds of the run", async () => {
    const { page, context, problems } = await run(bandit({ run: { updates: 30, seeds: 4, groups: 4, num_generations: 4 } }), 30);
    const plan = page.locator(".planner");
    await plan.getByText(/between verifier and proxy needs (more than )?\d+ seeds \(80% power, 95% interval\)/).waitFor();
    const size = page.getByLabel("Size of the difference");
    const measured = () => size.getAttribute("placeholder");
    await becomes(measured, (text) => assert.match(text, /\d/, "the measured difference is what is planned for at first"));
    await size.focus();
    await page.keyboard.type("1000");
    await plan.getByText(/needs 2 seeds/).waitFor();
    await size.fill("0.000001");
    await plan.getByText(/needs more than 10000 seeds/).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("plans nothing from two seeds, nor for a strategy alone", async () => {
    const { page, context, problems } = await run(bandit({ run: { updates: 20, seeds: 2, groups: 4, num_generations: 4 } }), 20);
    await page.locator(".planner").getByText(/unknown: fewer than 3 seeds/).waitFor();
    const [arm] = bandit().arms;
    await page.evaluate(async (e) => {
      await window.goodhart.load(e);
      await window.goodhart.ready;
      await window.goodhart.step(20);
    }, bandit({ arms: [arm], run: { updates: 20, seeds: 4, groups: 4, num_generations: 4 } }));
    await page.locator(".planner").waitFor({ state: "hidden" });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("says that one seed has no interval instead of what it includes", async () => {
    const { page, context, problems } = await run(bandit({ run: { updates: 20, seeds: 1, groups: 4, num_generations: 4 } }), 20);
    await page.locator('.verdict [title^="One seed has no interval"]').waitFor();
    assert.equal(await page.locator('.verdict [title*="includes 0"]').count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("has nothing out of sight on a phone, and no colour but a strategy's own", async () => {
    const arms = ["a strategy of a long name", "another"].map((name) => ({ name, code: "def pay(ep):\n    return 10.0 if ep.arm == 0 else 0.0\n" }));
    const settings = { algorithm: { learning_rate: 1.0, estimator: "dr_grpo" }, run: { updates: 200, seeds: 4, groups: 4, num_generations: 8 } };
    const { page, context, problems } = await run(bandit({ arms, ...settings }), 200);
    await page.locator(".verdict .badge.alarm").first().waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".verdict .says").length === 2);
    for (const width of [390, 620, 700, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      const out = () => page.evaluate(() => {
        const box = document.querySelector(".verdict .scroll").getBoundingClientRect();
        const clipped = (e) => {
          const range = document.createRange();
          range.selectNodeContents(e);
          return [...range.getClientRects()].some((r) => r.left < box.left - 1 || r.right > box.right + 1);
        };
        const watched = document.querySelectorAll(`.verdict .says, .verdict tbody th${innerWidth < 400 ? ", .verdict td" : ""}`);
        return [...watched].filter(clipped).map((e) => e.textContent);
      });
      await becomes(out, (texts) => assert.deepEqual(texts, [], `at ${width} px`));
    }
    const colors = () => page.evaluate(() => [...document.querySelectorAll(".verdict .says")].map((line) => [
      getComputedStyle(line.previousElementSibling.querySelector(".swatch")).backgroundColor,
      ...[...line.querySelectorAll(".shares i")].map((bar) => getComputedStyle(bar).color),
    ]));
    await becomes(colors, (lines) => {
      for (const [own, ...bars] of lines) assert.deepEqual(bars, [own, own]);
    });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("says beside the optimum what training found, and what the optimum rests on", async () => {
    // The longest completions are paid too little attention: a few updates find no optimum.
    const { page, context, problems } = await run(length(), 3);
    await page.locator(".oracle-says").waitFor();
    await page.locator(".trained", { hasText: /true score/ }).waitFor();
    // Its caveat is not folded away.
    await page.locator(".oracle [role=status]", { hasText: "completions of a prompt" }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("says of an optimum that it is of the program before, while the new one is half-typed", async () => {
    const { page, context, problems } = await run(bandit(), 3);
    await page.locator(".oracle-says").waitFor();
    assert.equal(await page.locator(".oracle-says", { hasText: "of the program before" }).count(), 0);
    await page.locator(".editor:not([hidden]) .cm-content").waitFor();
    await type(page, "def pay(ep):\n    return ep.pro");
    await page.locator(".oracle-says", { hasText: "of the program before this edit" }).waitFor();
    await becomes(() => page.locator(".oracle [data-fix]").count(), (fixes) => assert.equal(fixes, 0));
    await type(page, "def pay(ep):\n    return 2.0 * ep.proxy\n");
    await page.locator(".oracle-says", { hasText: "of the program before" }).waitFor({ state: "detached" });
    assert.deepEqual(problems, []);
    await context.close();
  });
});

describe("an estimator that needs a value head", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it("starts from a base policy that has none", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#grpo-lambda-length`);
    await page.evaluate(async () => {
      const experiment = window.goodhart.experiment();
      experiment.algorithm = { ...experiment.algorithm, estimator: "gae" };
      for (const arm of experiment.arms) delete arm.algorithm?.estimator;
      await window.goodhart.load(experiment);
      await window.goodhart.ready;
      window.goodhart.run();
    });
    await trained(page, 2);
    const losses = await page.evaluate(() => Object.values(window.goodhart.metrics()).map((m) => m.value_loss.at(-1)));
    assert.ok(losses.every(Number.isFinite), `${losses}`);
    assert.equal(await page.locator(".status.bad").count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("joins a run under way: the policies go on as they are, with a fresh head", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#grpo-lambda-length`);
    await page.evaluate(async () => { await window.goodhart.step(3); });
    const before = await page.evaluate(() => Object.values(window.goodhart.metrics()).map((m) => Array.from(m.true_score)));
    await page.getByLabel("Find a setting: Base settings").fill("estimator");
    await page.getByLabel("Find a setting: Base settings").press("Enter");
    await page.locator("#Algorithm-estimator").selectOption("gae");
    await page.getByText(/go on from update 3, with a fresh value head/).waitFor();
    await page.evaluate(() => window.goodhart.run());
    await trained(page, 5);
    const after = await page.evaluate(() => Object.values(window.goodhart.metrics()).map((m) => ({
      scores: Array.from(m.true_score), losses: Array.from(m.value_loss),
    })));
    after.forEach(({ scores, losses }, arm) => {
      assert.deepEqual(scores.slice(0, 3), before[arm], "the updates before are kept");
      assert.ok(losses.slice(0, 3).every(Number.isNaN) && losses.slice(3, 5).every(Number.isFinite), `${losses}`);
    });
    assert.equal(await page.locator(".status.bad").count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
