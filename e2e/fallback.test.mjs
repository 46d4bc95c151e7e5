// What fails under a run: the WebGPU device is lost, its memory ends, its adapter is missing, a worker traps. The run goes
// on on the CPU from its last checkpoint, with its curves and edits, and the page says so.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve, spoiled } from "./lib/server.mjs";
import { bandit, inWorkers, metrics, trained, type } from "./lib/train.mjs";

const edit = "def seven(ep):\n    return 7.0\n";
const long = (groups = 4) => bandit({ run: { updates: 100000, seeds: 2, groups, num_generations: 16 } });

// Keeps every device that the engine opens where a test can reach it.
const reachable = `
const request = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  return self.device = await request.call(this, descriptor);
};`;
// A browser without memory for the buffers that \`self.full\` picks by their labels: it hands out a buffer that is no good
// and reports that later, as the standard has it.
const noMemory = (full) => `
self.full = ${full};
const create = GPUDevice.prototype.createBuffer;
GPUDevice.prototype.createBuffer = function (descriptor) {
  if (!self.full?.(descriptor)) return create.call(this, descriptor);
  this.pushErrorScope("validation");
  const bad = create.call(this, { ...descriptor, size: 2 ** 50 });
  this.popErrorScope().then(() => this.dispatchEvent(
    new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUOutOfMemoryError("out of memory") })));
  return bad;
};`;
const smallLimits = `
Object.defineProperty(GPUSupportedLimits.prototype, "maxStorageBufferBindingSize", { get: () => 64 });`;
const noAdapter = `GPU.prototype.requestAdapter = async () => null;`;
const noGpu = `Object.defineProperty(WorkerNavigator.prototype, "gpu", { get: () => undefined });`;

// Trains a little, edits, fails by \`fail\`, and looks at what becomes of the run.
async function survives(page, fail, said) {
  await page.evaluate(() => window.goodhart.run());
  await trained(page, 5);
  await type(page, edit);
  await page.waitForFunction(() => window.goodhart.metrics().proxy.proxy_reward.at(-1) === 7);
  // A run that rests sends a checkpoint, so what fails later goes on from behind the edit.
  const rested = await page.evaluate(async () => {
    const update = await window.goodhart.pause();
    window.goodhart.run();
    return update;
  });
  await trained(page, rested + 1);
  const early = (await metrics(page)).proxy.true_score.slice(0, 5);
  await page.evaluate(() => {
    window.updates = [];
    window.goodhart.on("update", (n) => window.updates.push(n));
  });
  await fail();
  await page.locator(".notice", { hasText: said }).waitFor();
  await page.waitForFunction(() => window.goodhart.engine().kind === "cpu");
  const now = (await metrics(page)).proxy.true_score.length;
  await trained(page, now + 20);
  const { proxy } = await metrics(page);
  assert.deepEqual(proxy.true_score.slice(0, 5), early, "the curves are kept");
  assert.equal(proxy.proxy_reward.at(-1), 7, "the edit is kept");
  assert.ok(proxy.true_score.every(Number.isFinite));
  const updates = await page.evaluate(() => window.updates);
  assert.ok(Math.min(...updates) > 5, `the run did not start anew: ${updates.slice(0, 40)}`);
}

async function opened(browser, patch, f, draft = long()) {
  const host = await serve(patch ? spoiled(patch) : {});
  const { page, context } = await open(browser, `${host.url}?engine=gpu&autorun=0`, { draft });
  try {
    await f(page);
  } finally {
    await context.close();
    await host.close();
  }
}

describe("a run on WebGPU goes on on the CPU", () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: true }); });
  after(() => browser.close());
  const onward = /The run goes on on the CPU from update \d+\./;

  it("when the device is destroyed", () => opened(browser, reachable, async (page) => {
    await survives(page, () => inWorkers(page, () => { self.device?.destroy(); }), onward);
  }));

  it("when an allocation fails while it trains", () => opened(browser, noMemory("null"), async (page) => {
    const fail = () => inWorkers(page, () => { self.full = ({ label }) => label === "staging"; });
    await survives(page, fail, /The GPU ran out of memory\. The run goes on on the CPU from update \d+\./);
  }));

  it("when the browser's GPU process crashes", () => opened(browser, null, async (page) => {
    const crash = async () => {
      const session = await browser.newBrowserCDPSession();
      await session.send("Browser.crashGpuProcess");
      await session.detach();
    };
    await survives(page, crash, onward);
  }));
});

describe("a run that WebGPU cannot take trains on the CPU", () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: true }); });
  after(() => browser.close());

  const cases = {
    "no adapter": [noAdapter, /This browser offers no WebGPU adapter: the CPU trains this run instead\./],
    "no navigator.gpu": [noGpu, /This browser offers no WebGPU adapter: the CPU trains this run instead\./],
    "no memory at the start": [noMemory('({ label }) => label === "params"'), /The GPU ran out of memory\. The CPU trains this run instead\./],
    "limits that are too small": [smallLimits, /The GPU engine needs \d+ for .*; this device allows 64\. The CPU trains this run instead\./],
  };
  for (const [name, [patch, said]] of Object.entries(cases)) {
    it(name, () => opened(browser, patch, async (page) => {
      await page.locator(".notice", { hasText: said }).waitFor();
      const engine = await page.evaluate(async () => { await window.goodhart.step(5); return window.goodhart.engine(); });
      assert.equal(engine.kind, "cpu");
      assert.ok((await metrics(page)).proxy.true_score.every(Number.isFinite));
    }));
  }
});

describe("a worker of the CPU engine that traps", () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser.close());

  it("is started anew, and its seeds go on", () => opened(browser, null, async (page) => {
    // A call into the module with an address that it does not have, as a bug would make one.
    const trap = () => page.workers()[0].evaluate(async () => {
      const module = await import(new URL("./goodhart-worker.js", location.href));
      const exports = await module.default();
      setTimeout(() => exports.__wbindgen_free(-8, -8, 4), 0);
    });
    await survives(page, trap, /RuntimeError.* An engine worker was started anew from update [1-9]\d*\./);
  }, long(256)));
});
