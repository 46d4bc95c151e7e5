// Nothing holds the page up: updates that take hours, workers that hang or die without a word, pages that are reloaded or
// closed in the middle of a run. GOODHART_MOMENTS says at how many random moments workers are ended (and pages reloaded).
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve, spoiled } from "./lib/server.mjs";
import { bandit, metrics, painted, trained, type } from "./lib/train.mjs";

const moments = Number(process.env.GOODHART_MOMENTS ?? 4);
// Of many moments each update takes longer, so that the run does not end before they do.
const groups = moments > 10 ? 1024 : 64;
const long = (more = {}) => bandit({ run: { updates: 100000, seeds: 2, groups, num_generations: 16 }, ...more });

// An update of minutes: 65,536 samples for each of 16 lanes, 300,000 sines a sample.
const slow = () => {
  const code = "def r(ep):\n    s = 0.0\n    for i in range(1000):\n        for j in range(300):\n            s += sin(i * j)\n    return s\n";
  return {
    version: 1, title: "An update of an hour", task: { kind: "gridworld" }, policy: { kind: "table" },
    run: { updates: 1000, seeds: 2, groups: 64, num_generations: 1024 },
    arms: Array.from({ length: 8 }, (_, i) => ({ name: `${i}`, code })),
  };
};

// Ten gigabytes: 64 lanes of a large transformer.
const large = () => ({
  version: 1, title: "Ten gigabytes", task: { kind: "length", max_completion_length: 48 },
  policy: { kind: "transformer", d_model: 128, layers: 4, heads: 4 },
  run: { updates: 100000, seeds: 8, groups: 8, num_generations: 64 },
  arms: Array.from({ length: 8 }, (_, i) => ({ name: `${i}`, code: "def r(ep):\n    return 1.0 * ep.length\n" })),
});

// Checkpoints of more than 64 MB, though an update is a moment's work: eight lanes of 9 MB.
const heavy = () => ({
  version: 1, title: "Too large to be kept", task: { kind: "length", max_completion_length: 8 },
  policy: { kind: "transformer", d_model: 128, layers: 4, heads: 4 },
  run: { updates: 1000, seeds: 8, groups: 1, num_generations: 2 },
  arms: [{ name: "long", code: "def r(ep):\n    return 1.0 * ep.length\n" }],
});

const notice = (page, text) => page.locator(".notice", { hasText: text });
const status = (page) => page.locator(".controls .status");
const engines = (page) => page.workers().filter((worker) => worker.url().includes("goodhart-worker"));

// Whether the browser keeps one run, at rest, with a checkpoint of an update from every worker: its bytes begin with the
// update's number.
const kept = (update) => new Promise((done) => {
  const opened = indexedDB.open("goodhart");
  opened.onsuccess = () => {
    const store = opened.result.transaction("kept").objectStore("kept");
    const range = (begin) => IDBKeyRange.bound(begin, `${begin}\uffff`);
    store.getAll(range("run/")).onsuccess = ({ target: { result: [text] } }) => {
      const { id, load, moving } = JSON.parse(text ?? "{}");
      store.getAll(range(`${id}/state/${load}/`)).onsuccess = ({ target: { result: states } }) => {
        const at = (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
        opened.result.close();
        done(moving === false && states.length > 0 && states.every((bytes) => at(bytes) === update));
      };
    };
  };
});

// Milliseconds from a click on a button to the moment at which the page says something.
const answer = (page, button, says) => page.evaluate(async ([button, says]) => {
  const said = () => document.querySelector(".controls .status").textContent.includes(says);
  const start = performance.now();
  [...document.querySelectorAll(".controls button")].find((b) => b.textContent.includes(button)).click();
  while (!said()) await new Promise((done) => setTimeout(done));
  return performance.now() - start;
}, [button, says]);

describe("a page that nothing holds up", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const address = (query = "") => `${host.url}?engine=cpu${query}`;

  it("asks before an update that takes minutes, and answers while it is under way", async (t) => {
    const { page, context, problems } = await open(browser, address(), { draft: slow() });
    await notice(page, /One update of this experiment may take about .*66 thousand samples/).waitFor();
    await status(page).getByText("paused").waitFor();
    await notice(page, "may take about").getByRole("button", { name: "Train it all the same" }).click();
    await status(page).getByText("the first update is under way").waitFor();
    t.diagnostic(`Pause was answered after ${(await answer(page, "Pause", "paused")).toFixed()} ms`);
    t.diagnostic(`Run was answered after ${(await answer(page, "Run", "training")).toFixed()} ms`);
    t.diagnostic(`Reset was answered after ${(await answer(page, "Reset", "loading")).toFixed()} ms`);
    await status(page).getByText("paused").waitFor();
    await page.evaluate(() => { window.goodhart.run(); });
    await status(page).getByText("the first update is under way").waitFor();
    const reached = await page.evaluate(async (next) => {
      await window.goodhart.load(next);
      return window.goodhart.step(3);
    }, bandit());
    assert.equal(reached, 3);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("does not start by itself what never got through its first update", async () => {
    // Its worker hangs whenever it is told to run.
    const spoiler = "addEventListener('message', (e) => { if (e.data instanceof Uint8Array && e.data[0] === 1) for (;;); });";
    const hanging = await serve(spoiled(spoiler));
    const { page, context } = await open(browser, `${hanging.url}?engine=cpu`, { draft: long(), ready: false });
    await status(page).getByText("the first update is under way").waitFor();
    await notice(page, /stopped answering\. An engine worker was started anew from update 0/).waitFor();
    await status(page).getByText(/cannot run: An engine worker stopped answering/).waitFor();
    await page.reload();
    await notice(page, "did not get through its first update").waitFor();
    await status(page).getByText("paused").waitFor();
    await context.close();
    await hanging.close();
  });

  it("refuses what there is no memory for, with a sentence", async () => {
    const { page, context } = await open(browser, address(), { draft: large(), ready: false });
    await status(page).getByText(/cannot run: .*this run needs about .* GB .* take fewer/).waitFor();
    await context.close();
  });

  it(`goes on when a worker hangs or dies without a word, at ${moments} random moments`, async (t) => {
    const { page, context, problems } = await open(browser, address("&autorun=0"), { draft: long() });
    await page.evaluate(() => {
      window.reached = [];
      window.goodhart.on("update", (n) => { window.reached[n] ??= performance.now(); });
      window.goodhart.run();
    });
    const lost = [];
    // A worker that hangs stays in the browser's list after the page has ended it.
    const dead = new Set();
    for (let i = 0; i < moments; i++) {
      const before = (await metrics(page)).proxy.true_score.length;
      await trained(page, before + 5 + Math.floor(Math.random() * 60));
      const workers = engines(page).filter((worker) => !dead.has(worker));
      const victim = workers[Math.floor(Math.random() * workers.length)];
      dead.add(victim);
      const hangs = i % 2 === 0;
      const at = await page.evaluate(() => [performance.now(), window.reached.length - 1]);
      // In a task of its own: a browser does not end a worker within a script of the debugger, and the promise of a worker
      // that is no more is never kept.
      victim.evaluate(hangs ? () => { setTimeout(() => { for (;;); }); } : () => self.close()).catch(() => {});
      const text = await notice(page, /stopped answering\. .* started anew from update \d+/).last().textContent();
      const from = Number(/from update (\d+)/.exec(text)[1]);
      const since = await page.evaluate((n) => window.reached.findLast((t, i) => i <= n && t !== undefined) ?? 0, from);
      lost.push(Math.max(0, at[0] - since));
      await notice(page, "stopped answering").getByLabel("Dismiss").click();
      await trained(page, at[1] + 5);
    }
    lost.sort((a, b) => a - b);
    t.diagnostic(`milliseconds of training lost: median ${lost[lost.length >> 1].toFixed()}, most ${lost.at(-1).toFixed()}`);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("says once that a run is too large to be kept, and begins it anew after a reload", async () => {
    const { page, context } = await open(browser, address("&autorun=0"), { draft: heavy() });
    await page.evaluate(() => window.goodhart.step(1));
    const said = notice(page, /too large to be kept: its checkpoints take \d+ MB, at most 64 MB are kept\. A reload begins it anew\./);
    await said.getByLabel("Dismiss").click();
    // A run that rests sends a checkpoint, which is there before the next step is over.
    await page.evaluate(() => window.goodhart.step(2));
    await page.evaluate(() => window.goodhart.step(1));
    await painted(page);
    assert.equal(await said.count(), 0, "it was said");
    await page.reload();
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
    await becomes(() => page.locator(".controls .count b").textContent(), (text) => assert.equal(text, "0"));
    await context.close();
  });

  it("says that a run is not kept where the browser blocks storage", async () => {
    const prepare = (context) => context.addInitScript(() => {
      IDBFactory.prototype.open = () => { throw new DOMException("blocked", "SecurityError"); };
    });
    const { page, context } = await open(browser, address("&autorun=0"), { draft: long(), prepare });
    await page.evaluate(() => window.goodhart.step(3));
    await notice(page, "This run is not kept: the browser has no room for it, or blocks storage. A reload begins it anew.").waitFor();
    await context.close();
  });

  // What the same experiment comes to without any interruption.
  async function whole(n) {
    const { page, context } = await open(browser, address("&autorun=0"), { draft: long() });
    await page.evaluate((n) => window.goodhart.step(n), n);
    const all = await metrics(page);
    await context.close();
    return all;
  }

  it(`goes on where it was after a reload and in a new tab, at ${moments} random moments`, async (t) => {
    const { page: first, context } = await open(browser, address(), { draft: long() });
    let page = first;
    const lost = [];
    let reached = 0;
    for (let i = 0; i < moments; i++) {
      await trained(page, reached + 20 + Math.floor(Math.random() * 200));
      await page.evaluate(() => {
        window.reached = [[performance.now(), 0]];
        window.goodhart.on("update", (n) => window.reached.push([performance.now(), n]));
      });
      const begin = (await metrics(page)).proxy.true_score.length;
      await trained(page, begin + 20 + Math.floor(Math.random() * 200));
      const [left, times] = await page.evaluate(() => [performance.now(), window.reached]);
      if (i % 2 === 0) {
        await page.reload();
      } else {
        await page.close();
        page = await context.newPage();
        page.setDefaultTimeout(60_000);
        await page.goto(address());
      }
      const text = await notice(page, /goes on from update \d+, where you left it/).textContent();
      reached = Number(/from update (\d+)/.exec(text)[1]);
      lost.push(left - (times.findLast(([, n]) => n <= reached)?.[0] ?? 0));
      await trained(page, reached + 5);
    }
    lost.sort((a, b) => a - b);
    t.diagnostic(`milliseconds of training lost: median ${lost[lost.length >> 1].toFixed()}, most ${lost.at(-1).toFixed()}`);
    await page.evaluate(() => window.goodhart.pause());
    const now = await metrics(page);
    const n = Math.min(now.proxy.true_score.length, 400);
    const expected = await whole(n);
    for (const arm of ["proxy", "verifier"]) {
      for (const name of ["true_score", "proxy_reward", "entropy"]) {
        assert.deepEqual(now[arm][name].slice(0, n), expected[arm][name], `${arm}, ${name}: the same run`);
      }
    }
    await context.close();
  });

  it("loses nothing of a paused run, and says where it goes on only until it is reset", async () => {
    const { page, context } = await open(browser, address("&autorun=0"), { draft: long() });
    for (let i = 0; i < 3; i += 1) {
      await page.evaluate(() => window.goodhart.run());
      const begin = (await metrics(page)).proxy?.true_score.length ?? 0;
      await trained(page, begin + 20 + 15 * i);
      await page.evaluate(() => window.goodhart.pause());
      const rests = (await metrics(page)).proxy.true_score.length;
      while (!await page.evaluate(kept, rests)) {
        await painted(page);
      }
      await page.reload();
      const text = await notice(page, /goes on from update \d+, where you left it/).textContent();
      assert.equal(Number(/from update (\d+)/.exec(text)[1]), rests);
      await page.evaluate(() => window.goodhart.ready);
    }
    await page.locator(".controls button", { hasText: "Reset" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
    await notice(page, /goes on from update/).waitFor({ state: "detached" });
    await context.close();
  });

  it("goes on after a reload in the moment of an edit", async () => {
    const { page, context } = await open(browser, address(), { draft: long() });
    await trained(page, 40);
    await page.locator(".editor:not([hidden]) .cm-content").waitFor();
    await type(page, "def pay(ep):\n    return 2.0 * ep.proxy\n");
    await page.reload();
    await notice(page, /goes on from update [1-9]\d*, where you left it/).waitFor();
    await context.close();
  });
});
