// What a person sees and reaches by keyboard; pictures of it under e2e/screenshots/ for people to look at.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { root, serve } from "./lib/server.mjs";
import { bandit, painted, resting, trained } from "./lib/train.mjs";

const pictures = join(root, "e2e/screenshots");
mkdirSync(pictures, { recursive: true });

describe("the page", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  for (const [name, options] of Object.entries({
    light: { colorScheme: "light" },
    dark: { colorScheme: "dark" },
    narrow: { viewport: { width: 390, height: 844 } },
  })) {
    it(`fits: ${name}`, async () => {
      const { page, context } = await open(browser, `${host.url}#grpo-lambda-length`, options);
      await page.evaluate(() => window.goodhart.run());
      await trained(page, 30);
      await page.evaluate(() => window.goodhart.pause());
      await resting(page);
      await painted(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 1, `the page is ${wide} px wider than its window`);
      await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: name === "narrow" });
      await context.close();
    });
  }

  it("leaves in sight on a phone what is about to be used", async () => {
    const { page, context } = await open(browser, `${host.url}?autorun=0#coin-circling`, { viewport: { width: 390, height: 844 } });
    await page.evaluate(() => window.goodhart.run());
    await trained(page, 3);
    await page.locator(".rate", { hasText: "updates/s" }).waitFor();
    const bar = await page.locator(".controls").evaluate((e) => e.getBoundingClientRect().height);
    assert.ok(bar < 80, `the bar takes ${bar} px: more than two lines`);
    await page.evaluate(() => window.goodhart.pause());
    const first = page.locator(".panel .param input").first();
    await first.scrollIntoViewIfNeeded();
    await first.focus();
    const hidden = await page.evaluate(() => {
      const row = document.activeElement.closest(".param");
      const help = row.querySelector(".param-help").getBoundingClientRect();
      return help.height === 0 || help.bottom > row.getBoundingClientRect().top + 1;
    });
    assert.ok(!hidden, "the help stands over the rows above, not the next ones");
    await page.locator("body").press("Escape");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Help" }).waitFor();
    const covers = await page.evaluate(() => {
      const close = document.querySelector(".close").getBoundingClientRect();
      const range = document.createRange();
      range.selectNodeContents(document.querySelector(".dialog h2"));
      return [...range.getClientRects()].some((r) => r.right > close.left && r.left < close.right && r.bottom > close.top && r.top < close.bottom);
    });
    assert.ok(!covers, "the cross lies over the heading");
    await context.close();
  });

  it("draws a curve for every strategy", async () => {
    const { page, context } = await open(browser, host.url);
    await page.evaluate(async (e) => { await window.goodhart.load(e); await window.goodhart.step(40); }, bandit());
    // A drawn curve has saturated pixels; grid lines and text are grey.
    const drawn = () => {
      const canvas = document.querySelector(".main-chart canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 128 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 80) n += 1;
      }
      return n > 100;
    };
    await page.waitForFunction(() => document.querySelector(".main-chart canvas") !== null);
    // Fails where the first chart stays empty.
    await page.waitForFunction(drawn);
    await context.close();
  });

  it("can be driven by keys", async () => {
    const { page, context } = await open(browser, host.url);
    await page.evaluate((e) => window.goodhart.load(e), bandit({ run: { updates: 100000, seeds: 2, groups: 256, num_generations: 16 } }));
    const updates = () => page.evaluate(() => Object.values(window.goodhart.metrics())[0]?.true_score?.length ?? 0);
    await page.locator("body").press("s");
    await trained(page, 1);
    await resting(page);
    assert.equal(await updates(), 1, "s is one update");
    await page.keyboard.press("Space");
    await trained(page, 5);
    await page.keyboard.press("Space");
    await resting(page);
    const rest = await updates();
    await page.keyboard.press("s");
    await trained(page, rest + 1);
    await resting(page);
    assert.equal(await updates(), rest + 1, "space pauses: nothing but the step was trained since");
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Discard this run?" }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => (Object.values(window.goodhart.metrics())[0]?.true_score?.length ?? 0) === 0);
    await page.keyboard.press("ArrowRight");
    await becomes(() => page.locator('[role="tab"][aria-selected="true"]').innerText(), (name) => assert.equal(name, "verifier"));
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Help" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Help" }).waitFor({ state: "hidden" });
    await page.keyboard.press("g");
    await page.getByRole("main", { name: "Library" }).waitFor();
    await page.screenshot({ path: join(pictures, "gallery.png") });
    // Faster than the event that tells of the dialog's closing.
    await page.evaluate(async () => {
      const press = async (key) => {
        window.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        for (let i = 0; i < 20; i += 1) await null;
      };
      await press("Escape");
      await press("?");
    });
    // The browser has gone back from the gallery's entry of its history to the one of the help.
    await page.waitForFunction(() => / help$/.test(history.state));
    await painted(page);
    assert.ok(await page.getByRole("dialog", { name: "Help" }).isVisible(), "the help stays open");
    await context.close();
  });

  it("shows a sample with what every component paid", async () => {
    const { page, context } = await open(browser, host.url);
    await page.evaluate(async (e) => { await window.goodhart.load(e); await window.goodhart.step(3); }, bandit());
    await page.locator('[role="gridcell"]').first().click();
    const dialog = page.getByRole("dialog", { name: "Sample" });
    await dialog.waitFor();
    await becomes(() => dialog.innerText(), (text) => assert.match(text, /pay/));
    await page.screenshot({ path: join(pictures, "sample.png") });
    await context.close();
  });

  it("rings an alarm and says why", async () => {
    const { page, context } = await open(browser, host.url);
    const collapse = bandit({
      run: { updates: 400, seeds: 2, groups: 4, num_generations: 8 },
      algorithm: { learning_rate: 1.0, estimator: "dr_grpo" },
      arms: [{ name: "one arm", code: "def pay(ep):\n    return 10.0 if ep.arm == 0 else 0.0\n" }],
    });
    await page.evaluate(async (e) => { await window.goodhart.load(e); await window.goodhart.step(200); }, collapse);
    const rang = () => page.evaluate(() => window.goodhart.alarms());
    const alarms = await becomes(rang, (alarms) => assert.ok(alarms.length > 0, "a policy paid for one arm only stops exploring"));
    await page.getByText(alarms[0].sentence).first().waitFor();
    await page.screenshot({ path: join(pictures, "alarm.png"), fullPage: true });
    await context.close();
  });

  it("says what the engine is, without WebGPU", async () => {
    const { page, context } = await open(browser, host.url);
    await page.screenshot({ path: join(pictures, "no-webgpu.png") });
    await becomes(() => page.locator("header").innerText(), (text) => assert.match(text, /cpu|worker/i));
    await context.close();
  });
});
