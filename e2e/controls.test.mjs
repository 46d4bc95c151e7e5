// What keys, menus, notices and searches do: nothing is discarded unasked, nothing covers what is needed.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit, metrics, painted, trained } from "./lib/train.mjs";

const short = (overrides) => bandit({ run: { updates: 12, seeds: 2, groups: 4, num_generations: 4 }, ...overrides });

describe("the controls", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const opened = async (experiment, updates) => {
    const all = await open(browser, `${host.url}?autorun=0#par`);
    await all.page.evaluate(async ([e, n]) => {
      await window.goodhart.load(e);
      await window.goodhart.ready;
      if (n) await window.goodhart.step(n);
    }, [experiment, updates]);
    return all;
  };
  const updates = async (page) => Object.values(await metrics(page))[0].true_score.length;

  it("Enter on a sample opens it, and it stays open", async () => {
    const { page, context, problems } = await opened(short(), 3);
    await page.locator(".groups .cell").first().waitFor();
    await page.locator(".groups").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Sample" });
    await dialog.waitFor();
    // The key's own action comes before the next frame.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.ok(await dialog.isVisible());
    await becomes(() => dialog.innerText(), (text) => assert.match(text, /group 0, sample 1/));
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("r asks before it discards a run", async () => {
    const { page, context, problems } = await opened(short(), 5);
    await page.locator("body").press("r");
    const dialog = page.getByRole("dialog", { name: "Discard this run?" });
    await dialog.waitFor();
    await becomes(() => dialog.innerText(), (text) => assert.match(text, /5 updates/));
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await painted(page);
    assert.equal(await updates(page), 5);
    await page.locator("body").press("r");
    await dialog.waitFor();
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    await page.waitForFunction(() => !Object.values(window.goodhart.metrics())[0]?.true_score?.length);
    // Without anything to lose there is no question.
    await page.locator("body").press("r");
    await painted(page);
    assert.equal(await dialog.count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("a finished run offers no step, and the space bar does not discard it", async () => {
    const { page, context, problems } = await opened(short(), 12);
    await page.locator(".status", { hasText: "finished" }).waitFor();
    await becomes(() => page.getByRole("button", { name: "Step" }).isDisabled(), assert.ok);
    await page.getByRole("button", { name: "Run again" }).waitFor();
    await page.locator("body").press(" ");
    await page.getByRole("dialog", { name: "Discard this run?" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Discard this run?" }).waitFor({ state: "hidden" });
    // Nor does a click.
    await page.getByRole("button", { name: "Run again" }).click();
    await page.getByRole("dialog", { name: "Discard this run?" }).getByRole("button", { name: "Keep the run" }).click();
    await page.getByRole("dialog", { name: "Discard this run?" }).waitFor({ state: "hidden" });
    await painted(page);
    assert.equal(await updates(page), 12);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("another engine is a question first, and until it is answered the choice is what it was", async () => {
    const { page, context, problems } = await opened(short(), 5);
    const engine = page.getByLabel("Engine");
    const dialog = page.getByRole("dialog", { name: "Discard this run?" });
    await engine.selectOption("cpu");
    await dialog.waitFor();
    await becomes(() => dialog.innerText(), (text) => assert.match(text, /5 updates/));
    await becomes(() => engine.inputValue(), (value) => assert.equal(value, "auto"));
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await painted(page);
    assert.equal(await engine.inputValue(), "auto");
    assert.equal(await updates(page), 5, "the run is kept");
    await engine.selectOption("cpu");
    await dialog.getByRole("button", { name: "Change the engine" }).click();
    await page.waitForFunction(() => !Object.values(window.goodhart.metrics())[0]?.true_score?.length);
    await becomes(() => engine.inputValue(), (value) => assert.equal(value, "cpu"));
    // Without anything to lose there is no question.
    await engine.selectOption("auto");
    await painted(page);
    assert.equal(await engine.inputValue(), "auto");
    assert.equal(await dialog.count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("notices leave the controls free, also where the page is scrolled", async () => {
    const { page, context, problems } = await opened(short());
    await page.getByRole("button", { name: "Duplicate" }).click();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.locator(".notice").first().waitFor();
    for (const y of [0, 400]) {
      await page.evaluate((y) => scrollTo(0, y), y);
      const free = await page.evaluate(() => [...document.querySelectorAll(".controls button, .controls select")].map((e) => {
        const { left, top, width, height } = e.getBoundingClientRect();
        const hit = document.elementFromPoint(left + width / 2, top + height / 2);
        return hit === e || e.contains(hit) ? "" : `${e.textContent}: ${hit?.outerHTML.slice(0, 80)}`;
      }).filter(Boolean));
      assert.deepEqual(free, [], `at ${y}`);
      const notice = await page.locator(".notice").first().boundingBox();
      assert.ok(notice.y >= 0, "the notice is on screen");
    }
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("Escape and a click elsewhere close the menu of charts", async () => {
    const { page, context, problems } = await opened(short());
    const summary = page.getByText("Choose charts");
    const menu = page.locator(".picker-charts .menu");
    await summary.click();
    await menu.getByRole("checkbox").first().focus();
    await page.keyboard.press("Escape");
    await menu.waitFor({ state: "hidden" });
    await becomes(() => summary.evaluate((e) => e === document.activeElement), (is) => assert.ok(is, "the focus is where it came from"));
    await summary.click();
    await menu.waitFor();
    await page.getByRole("heading", { name: /Verdict/ }).click();
    await menu.waitFor({ state: "hidden" });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("settings are found by what people and frameworks call them", async () => {
    const { page, context, problems } = await opened(short());
    const search = page.getByLabel("Find a setting: Base settings");
    const found = page.locator(".settings", { has: search }).locator(".found b");
    for (const [typed, first] of [
      ["lr", "learning_rate"], ["learning rate", "learning_rate"], ["group size", "num_generations"], ["batch size", "groups"],
      ["n_samples_per_prompt", "num_generations"], ["clip_ratio_high", "epsilon_high"], ["init_kl_coef", "beta"],
    ]) {
      await search.fill(typed);
      await becomes(() => found.first().innerText(), (text) => assert.equal(text, first, typed));
    }
    await search.fill("beta");
    await search.press("Enter");
    const beta = page.locator("#Algorithm-beta");
    await beta.waitFor();
    await page.waitForFunction(() => document.activeElement?.id === "Algorithm-beta");
    assert.equal(await page.locator("#Algorithm-bnpo_alpha").count(), 0);
    // What stands in another panel is led to.
    await search.fill("group size");
    await search.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "Run-num_generations");
    await page.locator("#Run-num_generations").waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("sections that an experiment can do without are added, set and removed in their panels", async () => {
    const { page, context, problems } = await opened(short(), 3);
    const panel = (key) => page.locator(`details[data-section="${key}"]`);
    const memory = () => page.evaluate(() => window.goodhart.experiment().exploration);
    const remembers = (wanted) => becomes(memory, (section) => assert.deepEqual(section, wanted));
    await panel("exploration").locator("summary").click();
    assert.equal(await memory(), undefined);
    await panel("exploration").getByRole("button", { name: "Add: Exploration memory" }).press("Enter");
    const counters = page.locator("#Exploration-buckets");
    await counters.waitFor();
    await remembers({});
    // It shapes the run, which goes on without it until it is started anew.
    await page.locator(".notice", { hasText: "still uses the exploration memory" }).getByRole("button", { name: "Restart with the change" }).waitFor();
    await counters.fill("8");
    await counters.press("Enter");
    await panel("exploration").getByRole("alert").getByText(/between 16 and 65536/).waitFor();
    await counters.fill("64");
    await counters.press("Enter");
    await remembers({ buckets: 64 });
    await panel("exploration").getByRole("button", { name: "Remove: Exploration memory" }).click();
    await remembers(undefined);
    await page.locator(".notice", { hasText: "is removed" }).getByRole("button", { name: "Undo" }).click();
    await remembers({ buckets: 64 });
    // A bandit has no demonstrations.
    await panel("base").locator("summary").click();
    await panel("base").getByText(/Only a task that writes tokens/).waitFor();
    await becomes(() => panel("base").getByRole("button", { name: "Add: Base policy" }).isDisabled(), assert.ok);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
