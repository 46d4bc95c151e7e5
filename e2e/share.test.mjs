// Links: whole experiments in the address, and what happens when one is damaged.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { bandit } from "./lib/train.mjs";

describe("a link", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const load = (page, experiment) => page.evaluate(async (e) => { await window.goodhart.load(e); }, experiment);
  const link = async (page) => {
    await page.waitForFunction(() => location.hash.length > 20);
    return page.url();
  };

  it("opens as the same experiment on another visitor's page", async () => {
    const first = await open(browser, host.url);
    const edited = bandit({ title: "Shared — with ünïcode" });
    edited.arms[1].code = "def correct(ep):\n    # a comment stays\n    return 0.5 if ep.correct else -0.5\n";
    await load(first.page, edited);
    const address = await link(first.page);
    const sent = await first.page.evaluate(() => window.goodhart.experiment());
    await first.context.close();

    const second = await open(browser, address);
    const got = await second.page.evaluate(() => window.goodhart.experiment());
    assert.deepEqual(got, sent);
    assert.equal(got.title, edited.title);
    assert.equal(got.arms[1].code, edited.arms[1].code);
    assert.deepEqual(second.problems, []);
    await second.context.close();
  });

  for (const [what, change, says] of [
    ["damaged", (fragment) => fragment.slice(0, -20), /damaged/i],
    ["not a link at all", () => "#g1.%%%", /damaged/i],
    ["too new", (fragment) => fragment.replace(/^#g\d+\./, "#g999."), /newer/i],
  ]) {
    it(`that is ${what} says so and offers the gallery`, async () => {
      const first = await open(browser, host.url);
      await load(first.page, bandit());
      const address = new URL(await link(first.page));
      await first.context.close();
      const second = await open(browser, `${host.url}${change(address.hash)}`, { ready: false });
      await second.page.getByText(says).first().waitFor();
      await second.page.getByRole("dialog").waitFor();
      await second.page.screenshot({ path: new URL(`screenshots/link-${what.replaceAll(" ", "-")}.png`, import.meta.url).pathname });
      await second.context.close();
    });
  }
});
