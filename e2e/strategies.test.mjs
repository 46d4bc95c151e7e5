// Every number on screen belongs to the run that made it: strategies leave, join and change while they are trained, and after.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open, unaborted } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, gridworld, metrics, resting, train, trained, type } from "./lib/train.mjs";

const arms = [
  { name: "proxy", code: "def pay(ep):\n    return ep.proxy\n" },
  { name: "verifier", code: "def correct(ep):\n    return 1.0 if ep.correct else 0.0\n" },
  { name: "half", code: "def mixed(ep):\n    return ep.proxy + (1.0 if ep.correct else 0.0)\n" },
];
const long = (overrides) => bandit({ arms, run: { updates: 100000, seeds: 2, groups: 64, num_generations: 16 }, ...overrides });
const short = (overrides) => bandit({ arms, run: { updates: 30, seeds: 2, groups: 4, num_generations: 4 }, ...overrides });

describe("strategies of a run", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const opened = (draft, autorun = 0) => open(browser, `${host.url}?engine=cpu&autorun=${autorun}`, { draft });
  const start = (page) => page.evaluate(() => { window.goodhart.run(); });
  const tab = (page, name) => page.getByRole("tab", { name, exact: true }).click();
  const press = (page, name) => page.locator(".arm-tools").getByRole("button", { name, exact: true }).click();
  // An experiment that a script loads into the page of a first visit, after so many updates.
  async function loaded(experiment, updates) {
    const visit = await opened();
    await train(visit.page, experiment, updates);
    return visit;
  }

  // What the verdict, the legend and a chart show, by name: colours, and the chart's latest value.
  const onScreen = (page) => page.evaluate(() => {
    const color = (el) => [...el.classList].map((c) => /^arm-(?:fill|ink)-(\d)$/.exec(c)?.[1]).find((c) => c !== undefined);
    const chart = [...document.querySelectorAll(".chart")].find((c) => c.querySelector(".chart-name").textContent === "true_score");
    return {
      verdict: Object.fromEntries([...document.querySelectorAll(".verdict tbody tr:not(.says)")].map((row) =>
        [row.querySelector("th").firstChild.nextSibling.textContent, { color: color(row.querySelector(".swatch")), score: row.children[1].textContent }])),
      legend: Object.fromEntries([...document.querySelectorAll(".legend button")].map((b) => [b.textContent, color(b.querySelector(".swatch"))])),
      chart: Object.fromEntries([...chart.querySelectorAll(".readout-value")].map((s) => [s.title, { color: color(s), says: s.textContent }])),
    };
  });
  // The names and colours agree everywhere; the chart's values are those of the strategy that it names. What is drawn
  // follows what is known within a few frames.
  async function agrees(page, names) {
    await page.waitForFunction((n) => document.querySelectorAll(".chart")[0]?.querySelectorAll(".readout-value").length === n, names.length);
    const read = async () => [await onScreen(page), await metrics(page)];
    return (await becomes(read, ([seen, all]) => agreed(seen, all, names)))[0];
  }

  function agreed(seen, all, names) {
    assert.deepEqual(Object.keys(seen.verdict), names);
    for (const name of names) {
      assert.equal(seen.legend[name], seen.verdict[name].color, `the legend's colour of ${name}`);
      assert.equal(seen.chart[name]?.color, seen.verdict[name].color, `the chart's colour of ${name}`);
    }
    assert.deepEqual(Object.keys(all), names);
    for (const name of names) {
      const latest = all[name].true_score.findLast(Number.isFinite);
      const shown = Number.parseFloat(seen.chart[name].says);
      assert.ok(Math.abs(shown - latest) < 0.001, `${name}: the chart says ${seen.chart[name].says}, the run ${latest}`);
    }
  }

  it("go on with their curves and colours when one is removed", async () => {
    const { page, context, problems } = await opened(long());
    await start(page);
    await trained(page, 20);
    await page.waitForFunction(() => document.querySelectorAll(".legend button").length === 3);
    const before = { ...(await metrics(page)), colors: (await onScreen(page)).legend };
    await tab(page, "proxy");
    await press(page, "Remove");
    await page.waitForFunction(() => Object.keys(window.goodhart.metrics()).length === 2);
    await trained(page, before.half.true_score.length + 20);
    await page.evaluate(() => window.goodhart.pause());
    await resting(page);
    const seen = await agrees(page, ["verifier", "half"]);
    const now = await metrics(page);
    for (const name of ["verifier", "half"]) {
      assert.equal(seen.legend[name], before.colors[name], `${name} keeps its colour`);
      const old = before[name].true_score;
      assert.deepEqual(now[name].true_score.slice(0, old.length), old, `${name} did not start anew`);
    }
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("go on while a copy is trained from the start to the same bits", async () => {
    const { page, context, problems } = await opened(long());
    await start(page);
    // Enough updates that catching up with them takes more than a frame.
    await trained(page, 500);
    const before = (await metrics(page)).half.true_score;
    await tab(page, "half");
    await page.evaluate(() => {
      const status = document.querySelector(".status");
      window.statuses = new Set();
      new MutationObserver(() => window.statuses.add(status.textContent)).observe(status, { subtree: true, childList: true, characterData: true });
    });
    await press(page, "Duplicate");
    await page.waitForFunction(() => [...window.statuses].some((status) => /catching up, update \d+ of \d+/.test(status)));
    // It has caught up, and all go on together.
    await page.waitForFunction((n) => {
      const { half, "half 2": copy } = window.goodhart.metrics();
      return document.querySelector(".status").textContent === "training" && copy?.true_score.length > half.true_score.length - 1 && half.true_score.length > n;
    }, before.length + 100);
    await page.evaluate(() => window.goodhart.pause());
    await resting(page);
    await agrees(page, ["proxy", "verifier", "half", "half 2"]);
    const now = await metrics(page);
    assert.deepEqual(now.half.true_score.slice(0, before.length), before, "the original did not start anew");
    assert.ok(now.half.true_score.length > before.length);
    assert.deepEqual(now["half 2"], now.half, "as if it had been there from the start");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("are joined by a new one after the end of a run", async () => {
    const { page, context, problems } = await opened(short());
    await page.evaluate(() => window.goodhart.step(1000));
    const before = await metrics(page);
    await page.getByRole("button", { name: "Add a strategy" }).click();
    await page.waitForFunction(() => window.goodhart.metrics().new?.true_score.length === 30);
    await page.locator(".status", { hasText: "finished" }).waitFor();
    await agrees(page, ["proxy", "verifier", "half", "new"]);
    const { new: joined, ...others } = await metrics(page);
    assert.deepEqual(others, before, "what there was stays");
    assert.deepEqual(joined.true_score, before.verifier.true_score, "it pays what the verifier pays");
    // Its own last groups are known; those of the others went with the engine that made them, and the page says so.
    await page.locator(".groups .cell").first().waitFor();
    await tab(page, "half");
    await page.locator(".groups", { hasText: /loaded anew after the last update and does not have its groups/ }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("show their groups with the next update when one joins a run that rests", async () => {
    const { page, context, problems } = await opened(long());
    await page.evaluate(() => window.goodhart.step(5));
    await page.locator(".groups .cell").first().waitFor();
    await tab(page, "half");
    await press(page, "Duplicate");
    await page.locator(".status", { hasText: /paused; .*catches up to 5 first/ }).waitFor();
    const absent = page.locator(".groups", { hasText: "The engine was loaded anew at update 5. The groups of the next update appear here." });
    for (const name of ["half 2", "half"]) {
      await tab(page, name);
      await absent.waitFor();
    }
    await page.evaluate(() => window.goodhart.step(1));
    await page.locator(".anatomy-head", { hasText: "update 5" }).waitFor();
    await page.locator(".groups .cell").first().waitFor();
    await absent.waitFor({ state: "detached" });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("say which reward they were measured with when one is edited after the end, and train it anew when asked", async () => {
    const { page, context, problems } = await opened(short());
    await page.evaluate(() => window.goodhart.step(1000));
    const before = await metrics(page);
    await tab(page, "proxy");
    await type(page, arms[1].code);
    await page.locator(".edit-status", { hasText: /not trained: the run is over/ }).waitFor();
    await page.locator(".verdict .measured", { hasText: "measured before the edit" }).waitFor();
    assert.deepEqual(await metrics(page), before, "nothing on screen changed");
    await press(page, "Train it anew");
    await page.waitForFunction(() => document.querySelector(".verdict .measured") === null);
    await page.locator(".status", { hasText: "finished" }).waitFor();
    await page.waitForFunction(() => window.goodhart.metrics().proxy.true_score.length === 30);
    const now = await metrics(page);
    assert.deepEqual(now.proxy.true_score, before.verifier.true_score, "from update 0, with the new reward");
    assert.deepEqual([now.verifier, now.half], [before.verifier, before.half]);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("go on from where they are when one is edited after the end, and say from where on the edit counts", async () => {
    const { page, context, problems } = await opened(short());
    await page.evaluate(() => window.goodhart.step(1000));
    const before = await metrics(page);
    await tab(page, "proxy");
    await type(page, "def seven(ep):\n    return 7.0\n");
    await press(page, "Go on with it");
    await page.waitForFunction(() => Object.values(window.goodhart.metrics()).every((m) => m.true_score.length === 60));
    await page.locator(".status", { hasText: "finished" }).waitFor();
    await page.locator(".edit-status", { hasText: "in use from update 30" }).waitFor();
    const now = await metrics(page);
    for (const name of ["proxy", "verifier", "half"]) {
      assert.deepEqual(now[name].true_score.slice(0, 30), before[name].true_score, `${name} keeps what it has`);
    }
    assert.deepEqual(now.proxy.proxy_reward.slice(30), Array(30).fill(7));
    assert.equal(await page.evaluate(() => window.goodhart.experiment().run.updates), 60);
    // The others come to what a run of this length comes to.
    const { page: other, context: another } = await opened(short({ run: { ...short().run, updates: 60 } }));
    await other.evaluate(() => window.goodhart.step(1000));
    assert.deepEqual((await metrics(other)).verifier.true_score, now.verifier.true_score);
    assert.deepEqual(problems, []);
    await context.close();
    await another.close();
  });

  it("run with the last program that compiled when a half-typed one is reloaded, and the others in any case", async () => {
    const { page, context, problems } = await opened(short(), 1);
    await trained(page, 30);
    const before = await metrics(page);
    await tab(page, "half");
    await type(page, "def mixed(ep):\n    return ep.pro");
    await page.locator(".edit-status.bad").waitFor();
    await page.evaluate(() => dispatchEvent(new Event("pagehide")));
    await page.reload();
    await page.waitForFunction(() => window.goodhart !== undefined);
    await trained(page, 30);
    assert.deepEqual(await metrics(page), before, "the program before the edit was trained");
    await tab(page, /^half/);
    await page.locator(".edit-status.bad", { hasText: /before this edit/ }).waitFor();
    // What is typed next, still half-typed, does no more harm than without the reload.
    await type(page, "def mixed(ep):\n    return ep.pro +");
    await page.waitForFunction(() => localStorage.getItem("goodhart.draft")?.includes("ep.pro +"));
    await page.locator(".edit-status.bad", { hasText: /before this edit/ }).waitFor();
    assert.deepEqual(await metrics(page), before, "the strategy stays in the run");
    // Where there is nothing to stand in, the others run.
    const { page: bare, context: another } = await opened(short({ arms: [arms[0], { name: "broken", code: "def b(ep):\n    return ep." }] }), 1);
    await trained(bare, 30);
    assert.deepEqual(Object.keys(await metrics(bare)), ["proxy"]);
    await tab(bare, /^broken/);
    await bare.locator(".edit-status.bad", { hasText: /does not run before it compiles/ }).waitFor();
    await type(bare, arms[0].code);
    await bare.waitForFunction(() => window.goodhart.metrics().broken?.true_score.length === 30);
    const both = await metrics(bare);
    assert.deepEqual(both.broken.true_score, both.proxy.true_score, "it joins when it compiles");
    assert.deepEqual(unaborted(problems), []);
    await context.close();
    await another.close();
  });

  it("rest at the update on screen, all of the screen", async () => {
    const { page, context, problems } = await opened(bandit({ arms, run: { updates: 100000, seeds: 3, groups: 2, num_generations: 2 } }));
    for (let round = 0; round < 4; round++) {
      const from = await page.evaluate(() => window.goodhart.metrics().proxy.true_score.length);
      await start(page);
      await trained(page, from + 50);
      const shown = await page.evaluate(async () => {
        const count = () => Number(document.querySelector(".controls .count b").textContent);
        await new Promise((done) => requestAnimationFrame(done));
        const shown = count();
        document.querySelector("button.run").click();
        return [shown, await window.goodhart.pause()];
      });
      assert.equal(shown[1], shown[0], "it rests where the screen was when Pause was pressed");
      await resting(page);
      const at = shown[0];
      await page.waitForFunction((at) => document.querySelector(".anatomy-head").textContent.includes(`update ${at - 1}`), at);
      await becomes(() => page.locator(".controls .count b").textContent(), (text) => assert.equal(text, String(at)));
      for (const columns of Object.values(await metrics(page))) assert.equal(columns.true_score.length, at);
    }
    // What rests goes on as if it had never been further.
    const at = await page.evaluate(() => window.goodhart.step(3));
    const now = await metrics(page);
    const { page: other, context: another } = await opened(bandit({ arms, run: { updates: 100000, seeds: 3, groups: 2, num_generations: 2 } }));
    await other.evaluate((n) => window.goodhart.step(n), at);
    assert.deepEqual((await metrics(other)).half.true_score, now.half.true_score);
    assert.deepEqual(problems, []);
    await context.close();
    await another.close();
  });

  it("go on when the map becomes one that no run can have", async () => {
    const { page, context, problems } = await opened(gridworld({ run: { updates: 100000, seeds: 2, groups: 8, num_generations: 4 } }));
    await start(page);
    await trained(page, 3);
    const before = (await metrics(page)).goal.true_score.length;
    await page.locator("summary", { hasText: /^Task/ }).click();
    const map = page.locator(".param", { hasText: "map" }).locator("textarea, input").first();
    await map.fill("S..\n...\n...");
    await map.blur();
    await page.locator(".param-error").first().waitFor();
    await page.keyboard.press("r");
    await trained(page, before + 5);
    const now = () => page.evaluate(() => [document.querySelector(".status").textContent, window.goodhart.metrics().goal.true_score.length]);
    await becomes(now, ([status, updates]) => {
      assert.equal(status, "training");
      assert.ok(updates > before);
    });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("keep their colours over a reload, and a new one takes the colour that was free for longest", async () => {
    const { page, context, problems } = await loaded(short(), 1000);
    await tab(page, "proxy");
    await press(page, "Remove");
    const left = (await agrees(page, ["verifier", "half"])).legend;
    assert.deepEqual(left, { verifier: "1", half: "2" });
    await page.waitForFunction(() => localStorage.getItem("goodhart.colors")?.includes("half"));
    await page.waitForFunction(() => location.hash.length > 20);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll(".legend button").length === 2);
    const legend = async () => (await onScreen(page)).legend;
    await becomes(legend, (now) => assert.deepEqual(now, left));
    const before = await page.evaluate(() => location.hash);
    await tab(page, "half");
    await press(page, "Duplicate");
    await page.waitForFunction(() => document.querySelectorAll(".legend button").length === 3);
    await becomes(legend, (now) => assert.equal(now["half 2"], "3", "not that of the one just removed"));
    // The draft with the copy is what the address and the next visit begin with.
    await page.waitForFunction((before) => location.hash !== before, before);
    for (const bad of ["nonsense", "[{\"draft\":1}]"]) {
      await page.evaluate((bad) => localStorage.setItem("goodhart.colors", bad), bad);
      await page.reload();
      await page.waitForFunction(() => document.querySelectorAll(".legend button").length === 3);
    }
    assert.deepEqual(unaborted(problems), []);
    await context.close();
  });

  it("the offer to take a removal back goes with the next change, and what a run still uses is named", async () => {
    const { page, context, problems } = await loaded(short(), 5);
    await tab(page, "proxy");
    await press(page, "Remove");
    const removed = page.locator(".notice", { hasText: "is removed" });
    await removed.waitFor();
    await type(page, "def other(ep):\n    return 2.0\n");
    await removed.waitFor({ state: "detached" });
    await page.evaluate(() => { document.querySelectorAll("details").forEach((d) => { d.open = true; }); });
    const seeds = page.getByLabel("num_generations", { exact: true });
    await seeds.fill("8");
    await seeds.press("Enter");
    await page.getByText("The run still uses num_generations from before your change.").waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("a comment is no edit of a program, and other settings are not another reward", async () => {
    const { page, context, problems } = await loaded(long(), 30);
    const code = await page.evaluate(() => window.goodhart.experiment().arms[0].code);
    await type(page, `# why\n${code}\n`);
    // An edit would be sent before the draft is kept, and be answered before a later step is over.
    await page.waitForFunction(() => localStorage.getItem("goodhart.draft")?.includes("# why"));
    await page.evaluate(() => window.goodhart.step(1));
    assert.doesNotMatch(await page.locator(".edit-status").innerText(), /in use|sending/);
    const e = await page.evaluate(() => window.goodhart.experiment());
    assert.ok(e.arms[0].code.startsWith("# why"));
    const search = page.getByLabel("Find a setting: Base settings");
    await search.fill("learning_rate");
    await search.press("Enter");
    const rate = page.locator('[id="Algorithm-learning_rate"]');
    await rate.fill("abc");
    await rate.press("Tab");
    const error = page.locator(".param-error", { hasText: "learning_rate must be a number" });
    await error.waitFor();
    assert.equal(await rate.inputValue(), "abc", "what is wrong stands under what was typed");
    await rate.fill("0.25");
    await rate.press("Tab");
    await error.waitFor({ state: "detached" });
    await page.locator(".edit-status", { hasText: /settings in use from update \d+/ }).waitFor();
    await page.evaluate(() => window.goodhart.step(20));
    await page.locator(".verdict .says", { hasText: /Its settings were changed: only what came from update \d+ on counts\./ }).first().waitFor();
    assert.doesNotMatch(await page.locator(".verdict").innerText(), /reward was edited/);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
