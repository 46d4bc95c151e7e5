// The page as `cargo xtask serve` puts it together, without trunk: the phase `page` of `cargo xtask test` makes it.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { host } from "../web/host.mjs";
import { launch, open } from "./lib/browser.mjs";
import { root } from "./lib/server.mjs";
import { bandit, train } from "./lib/train.mjs";

describe("the page that serve puts together", () => {
  let served, browser;
  before(async () => { served = await host(join(root, "target/page-of-release")); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); served.server.closeAllConnections(); served.server.close(); });

  it("starts its engine, its compiler and its editor, and trains", async () => {
    const { page, context, problems } = await open(browser, served.url);
    await train(page, bandit(), 20);
    assert.equal(await page.evaluate(() => window.goodhart.metrics().proxy.true_score.length), 20);
    await page.locator(".cm-content").first().waitFor();
    await page.locator(".oracle").first().waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });
});
