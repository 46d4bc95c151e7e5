// Small things that tests do to a page through window.goodhart.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./server.mjs";

// Opens an experiment given as plain data, waits for its engine, and trains n updates.
export async function train(page, experiment, n) {
  await page.evaluate(async ([experiment, n]) => {
    await window.goodhart.load(experiment);
    await window.goodhart.ready;
    await window.goodhart.step(n);
  }, [experiment, n]);
}

// The metrics as plain lists.
export function metrics(page) {
  return page.evaluate(() => {
    const lists = {};
    for (const [arm, columns] of Object.entries(window.goodhart.metrics())) {
      lists[arm] = Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, Array.from(values)]));
    }
    return lists;
  });
}

// Waits until every arm has rows for n updates.
export function trained(page, n) {
  return page.waitForFunction((n) => {
    const arms = Object.values(window.goodhart.metrics());
    return arms.length > 0 && arms.every((columns) => (columns.true_score?.length ?? 0) >= n);
  }, n);
}

// Waits until the run rests, all of it.
export function resting(page) {
  return page.waitForFunction(() => /^(paused|finished)$/.test(document.querySelector(".status").textContent));
}

// Waits until what is known of the run is on screen. Curves, groups and verdict follow a new row in tasks of their own, which
// are in the queue before this one; two frames later all of it is painted.
export function painted(page) {
  return page.evaluate(() => new Promise((done) => {
    setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)));
  }));
}

// A small experiment that trains fast: a bandit with a table.
export function bandit(overrides = {}) {
  return {
    version: 1,
    title: "A small bandit",
    task: { kind: "bandit", arms: 8 },
    policy: { kind: "table" },
    run: { updates: 400, seeds: 2, groups: 4, num_generations: 4 },
    algorithm: { learning_rate: 0.1 },
    arms: [
      { name: "proxy", code: "def pay(ep):\n    return ep.proxy\n" },
      { name: "verifier", code: "def correct(ep):\n    return 1.0 if ep.correct else 0.0\n" },
    ],
    ...overrides,
  };
}

// A small gridworld with an MLP and PPO.
export function gridworld(overrides = {}) {
  return {
    version: 1,
    title: "A small gridworld",
    task: { kind: "gridworld" },
    policy: { kind: "mlp", hidden: [16, 16] },
    run: { updates: 400, seeds: 2, groups: 4, num_generations: 4 },
    algorithm: { estimator: "gae", num_iterations: 2, num_minibatches: 2, learning_rate: 0.003 },
    arms: [{ name: "goal", code: "def reach(ep):\n    return 1.0 if ep.goal else -0.01 * ep.length\n" }],
    ...overrides,
  };
}

// A small length task with a transformer that is warmed up first.
export function length(overrides = {}) {
  return {
    version: 1,
    title: "A small length task",
    task: { kind: "length" },
    policy: { kind: "transformer", d_model: 16, layers: 1, heads: 1 },
    base: { steps: 20 },
    run: { updates: 400, seeds: 2, groups: 4, num_generations: 4 },
    algorithm: { beta: 0.02, learning_rate: 0.002 },
    arms: [{ name: "short", code: "def short(ep):\n    return (1.0 if ep.correct else 0.0) - 0.02 * ep.length\n" }],
    ...overrides,
  };
}

export function file(name) {
  return readFileSync(join(root, name), "utf8");
}

// Replaces all of the code on screen, as a person does.
export async function type(page, code) {
  await page.locator(".editor:not([hidden]) .cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(code);
}

// Does something in every worker of the page; `f` is a function or an expression for the worker's own scope.
export async function inWorkers(page, f) {
  for (const worker of page.workers()) await worker.evaluate(f);
}
