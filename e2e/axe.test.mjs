// What axe finds wrong with the main view and the library: nothing, light and dark, on a phone and on a desk.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { painted, resting, trained } from "./lib/train.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Each violation with the first elements that have it.
async function violations(page) {
  // Not as a script of the page: its content security policy has none from elsewhere.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((node) => `${node.target.join(" ")} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`).join("; ")}`);
}

describe("axe finds nothing", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of [[390, 844], [1440, 900]]) {
      it(`on the main view, ${colorScheme}, ${width} px wide`, async () => {
        const { page, context } = await open(browser, host.url, { colorScheme, viewport: { width, height } });
        await trained(page, 20);
        await page.locator(".alarms li").first().waitFor();
        await page.evaluate(() => window.goodhart.pause());
        await resting(page);
        await painted(page);
        assert.deepEqual(await violations(page), []);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `the page is ${wide} px wider than its window`);
        await context.close();
      });

      it(`in the library, ${colorScheme}, ${width} px wide`, async () => {
        const { page, context } = await open(browser, `${host.url}?autorun=0#library`, { colorScheme, viewport: { width, height } });
        await page.locator(".entry").first().waitFor();
        assert.deepEqual(await violations(page), []);
        await context.close();
      });
    }
  }
});
