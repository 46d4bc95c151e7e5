// A task of one's own: its program runs, is edited beside the rewards, and travels in the link.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { metrics, train, trained } from "./lib/train.mjs";

const walk = (extra = "") => `"""Walk to the end of a line."""


class Params:
    cells: int = 5     # 2..20 cells: length of the line
${extra}

horizon = 12
actions = ["back", "on"]


class State:
    cell: int = 0


class Episode:
    cells: list[int]
    goal: bool


def step(s, ep, p, action):
    s.cell = max(s.cell + (1 if action == "on" else -1), 0)
    ep.cells.append(s.cell)
    return s.cell >= p.cells - 1


def see(s, p):
    return one_hot(min(s.cell, p.cells - 1), p.cells)


def score(s, ep, p):
    ep.goal = s.cell >= p.cells - 1
    return 1.0 if ep.goal else 0.0
`;

// A policy writes: it is to copy three letters.
const copy = `"""Copy the letters of the prompt."""

tokens = ["a", "b", "c", "<eos>"]
end = "<eos>"
horizon = 6


class Episode:
    right: int         # 0..3: letters in their place


def prompt(dice):
    return [tokens[dice.below(3)] for i in range(3)]


def demonstration(ep, dice):
    for i in range(3):
        ep.tokens.append(tokens[dice.below(3)] if dice.chance(0.2) else ep.prompt[i])
    ep.tokens.append(end)


def score(ep):
    for i in range(3):
        if i < len(ep.tokens) and ep.tokens[i] == ep.prompt[i]:
            ep.right += 1
    return 1.0 if ep.right == 3 else 0.0
`;

const own = (code) => ({
  version: 1,
  title: "A line",
  task: { kind: "program", code },
  policy: { kind: "table" },
  run: { updates: 40, seeds: 2, groups: 8, num_generations: 8 },
  algorithm: { learning_rate: 0.1 },
  arms: [{ name: "goal", code: "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n" }],
});

// The task's panel, opened, and the text of its editor.
const editor = async (page) => {
  const panel = page.locator("details.panel", { hasText: "Task: program" });
  await panel.locator("summary").first().click();
  const text = panel.locator(".task-code .cm-content");
  await text.waitFor();
  return { panel, text };
};

for (const webgpu of [false, true]) {
  describe(`a task program ${webgpu ? "with WebGPU" : "without WebGPU"}`, () => {
    let host, browser;
    before(async () => { host = await serve(); browser = await launch({ webgpu }); });
    after(async () => { await browser.close(); await host.close(); });

    it("trains a policy", async () => {
      const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
      await train(page, own(walk()), 40);
      const score = (await metrics(page)).goal.true_score;
      assert.ok(score.at(-1) > 0.95, `it ends at ${score.at(-1)}`);
      assert.ok(score[0] < 0.9, `it starts at ${score[0]}`);
      assert.deepEqual(problems, []);
      await context.close();
    });
  });
}

describe("the program of a task", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it("is edited on the page: errors in their line, declared parameters as controls, the run anew", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await train(page, own(walk()), 3);
    const { panel, text } = await editor(page);
    assert.equal(await page.locator("#Task-cells").inputValue(), "5");

    const write = async (code) => {
      await text.click();
      await page.keyboard.press("Control+a");
      await page.keyboard.insertText(code);
    };
    await write(walk().replace("s.cell = max", "s.cel = max"));
    await panel.locator(".edit-status.bad", { hasText: /Line \d+: The state has no field `cel`; did you mean `cell`\?/ }).waitFor();
    await panel.locator(".cm-lintRange-error").first().waitFor();
    // The run of the task before the edit goes on.
    await page.evaluate(() => window.goodhart.step(1));
    await trained(page, 4);

    await write(walk("    slip: float = 0.1  # 0..1 probability: nothing but a control\n"));
    await panel.locator(".edit-status.good").waitFor();
    await page.locator("#Task-slip").waitFor();
    assert.equal(await page.locator("#Task-slip").inputValue(), "0.1");
    await page.locator("#Task-cells").fill("7");
    await page.locator("#Task-cells").press("Enter");
    assert.equal(await page.evaluate(() => window.goodhart.experiment().task.cells), 7);
    await page.locator("#Task-cells").fill("70");
    await page.locator("#Task-cells").press("Enter");
    await panel.getByRole("alert").filter({ hasText: /between 2 and 20/ }).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("offers fields while it is written", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await train(page, own(walk()), 1);
    const { text } = await editor(page);
    await text.click();
    await page.keyboard.press("Control+End");
    await page.keyboard.insertText("\n\ndef helper(ep):\n    return ep.");
    await page.keyboard.type("g");
    await page.locator(".cm-tooltip-autocomplete li", { hasText: "goal" }).waitFor();
    await page.keyboard.press("Escape");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("of a task that ships can be made one's own", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#mountain-car-motion`);
    await page.waitForFunction(() => window.goodhart.experiment()?.task?.kind === "mountain_car");
    const panel = page.locator("details.panel", { hasText: "Task: mountain_car" });
    await panel.locator("summary").first().click();
    await panel.getByText("Its program", { exact: true }).click();
    await panel.locator("pre", { hasText: "def step(" }).waitFor();
    await panel.getByRole("button", { name: "Change its program" }).click();
    await page.waitForFunction(() => window.goodhart.experiment().task.kind === "program");
    const own = page.locator("details.panel", { hasText: "Task: program" });
    await own.locator(".edit-status.good").waitFor();
    await page.locator("#Task-horizon").waitFor();
    await page.evaluate(() => window.goodhart.step(1));
    await trained(page, 1);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("whose policy writes gets a policy that writes", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await train(page, own(walk()), 1);
    const { text } = await editor(page);
    await text.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.insertText(copy);
    await page.waitForFunction(() => window.goodhart.experiment().policy.kind === "transformer");
    // The reward reads a field that this task has not.
    await page.locator(".edit-status.bad", { hasText: "goal" }).first().waitFor();
    await page.evaluate((copy) => window.goodhart.load({
      ...window.goodhart.experiment(),
      task: { kind: "program", code: copy },
      run: { updates: 6, seeds: 2, groups: 4, num_generations: 4 },
      base: { steps: 60, batch: 16, learning_rate: 0.01 },
      arms: [{ name: "right", code: "def right(ep):\n    return ep.right / 3\n" }],
    }), copy);
    await page.evaluate(() => window.goodhart.step(6));
    await trained(page, 6);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("travels in the link", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await train(page, own(walk()), 1);
    await page.waitForFunction(() => location.hash.startsWith("#g1."));
    const other = await open(browser, `${host.url}?autorun=0${await page.evaluate(() => location.hash)}`);
    await other.page.waitForFunction(() => window.goodhart.experiment()?.task?.kind === "program");
    assert.equal(await other.page.evaluate(() => window.goodhart.experiment().task.code), walk());
    await other.page.evaluate(() => window.goodhart.step(2));
    await trained(other.page, 2);
    assert.deepEqual([...problems, ...other.problems], []);
    await context.close();
    await other.context.close();
  });
});
