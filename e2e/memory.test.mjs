// Memory: what an experiment needed is given back when another is opened, and a long run grows by its metrics alone.
// GOODHART_SWITCHES says how many experiments are opened, GOODHART_MINUTES how long the run is.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, trained } from "./lib/train.mjs";

const HOME = "grpo-lambda-length";
const switches = Number(process.env.GOODHART_SWITCHES ?? 15);
const minutes = Number(process.env.GOODHART_MINUTES ?? 0.15);

// MB of everything that can grow for good: the WebAssembly memory of the page, its compiler and every worker, and the
// page's JavaScript heap; and the nodes and listeners of the document.
async function measure(page, session) {
  const bytes = async (module) => (await (await import(module)).default()).memory.buffer.byteLength;
  const evaluate = (where, module) => where.evaluate(`(${bytes})(${JSON.stringify(module)})`);
  const at = (name) => new URL(name, page.url().split("#")[0]).href;
  const sizes = [await evaluate(page, at(await page.evaluate(() => document.querySelector("script[data-js]").dataset.js))), await evaluate(page, at("goodhart-language.js"))];
  for (const worker of page.workers()) {
    sizes.push(await evaluate(worker, at(/oracle/.test(worker.url()) ? "goodhart-language.js" : "goodhart-worker.js")));
  }
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners, documents } = await session.send("Memory.getDOMCounters");
  const mb = Math.round([...sizes, usedSize].reduce((sum, x) => sum + x, 0) / 2 ** 20);
  const parts = [...sizes, usedSize].map((x) => (x / 2 ** 20).toFixed(1)).join(" + ");
  return { mb, parts, workers: page.workers().length, nodes, jsEventListeners, documents };
}

describe("memory", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it(`is given back after ${switches} experiments in quick succession`, async (t) => {
    const { page, context, problems } = await open(browser, `${host.url}#${HOME}`);
    const session = await context.newCDPSession(page);
    await session.send("HeapProfiler.enable");
    const ids = (await page.evaluate(() => window.goodhart.gallery())).map((card) => card.id).filter((id) => id !== HOME);
    const visit = async (id) => {
      await page.evaluate((id) => { location.hash = id; }, id);
      await page.waitForFunction((id) => window.goodhart.experiment().id === id, id);
    };
    // What is loaded once for all experiments is there before the first measurement.
    for (const id of ["par", HOME]) {
      await visit(id);
      await trained(page, 5);
    }
    const start = await measure(page, session);
    for (let i = 0; i < switches; i += 1) await visit(ids[i % ids.length]);
    await visit(HOME);
    await trained(page, 5);
    // Workers that were ended are gone a moment later.
    let end;
    for (let tries = 0; tries < 60; tries += 1) {
      end = await measure(page, session);
      if (end.mb <= 1.2 * start.mb && end.nodes <= 1.2 * start.nodes) break;
      await page.waitForTimeout(500);
    }
    t.diagnostic(`before: ${JSON.stringify(start)}; after: ${JSON.stringify(end)}`);
    assert.equal(end.workers, start.workers);
    // Empty documents, of templates, are a few however many experiments were opened.
    assert.ok(end.documents <= start.documents + 4, `documents: ${start.documents} before, ${end.documents} after`);
    for (const what of ["mb", "nodes", "jsEventListeners"]) {
      assert.ok(end[what] <= 1.2 * start[what], `${what}: ${start[what]} before, ${end[what]} after`);
    }
    assert.deepEqual(problems, []);
    await context.close();
  });

  it(`grows by the metrics alone in ${minutes} minutes of training`, async (t) => {
    const draft = bandit({ run: { updates: 100000, seeds: 8, groups: 8, num_generations: 8 } });
    const { page, context, problems } = await open(browser, `${host.url}?engine=cpu`, { draft });
    const session = await context.newCDPSession(page);
    await session.send("HeapProfiler.enable");
    await trained(page, 200);
    const start = await measure(page, session);
    await page.waitForTimeout(minutes * 60_000);
    const end = await measure(page, session);
    const { updates, table } = await page.evaluate((seeds) => {
      const arms = Object.values(window.goodhart.metrics());
      const updates = arms[0].true_score.length;
      return { updates, table: (updates * arms.length * seeds * Object.keys(arms[0]).length * 4) / 2 ** 20 };
    }, draft.run.seeds);
    t.diagnostic(`before: ${JSON.stringify(start)}; after ${updates} updates: ${JSON.stringify(end)}, metrics of ${table.toFixed()} MB`);
    // The metrics of every update are kept, in rows with room for every component and tables that double when they are full.
    end.mb -= 3.5 * table;
    for (const what of ["mb", "nodes", "jsEventListeners", "documents"]) {
      assert.ok(end[what] <= 1.2 * start[what], `${what}: ${start[what]} before, ${end[what]} after`);
    }
    assert.deepEqual(problems, []);
    await context.close();
  });
});
