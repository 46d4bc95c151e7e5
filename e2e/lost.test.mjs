// What does not arrive: a file of the page, of the engine or of the reward models that the network keeps. The page says
// what is missing, and goes on as soon as it can be had.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { trained } from "./lib/train.mjs";

describe("a page that the network fails", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  // Opens an experiment without the files of a pattern; `give` lets them come.
  async function without(pattern, id) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    let lost = true;
    await context.route(pattern, (route) => (lost ? route.abort() : route.continue()));
    await page.goto(`${host.url}#${id}`);
    return { page, context, give: () => { lost = false; } };
  }
  const run = (page) => page.getByRole("toolbar", { name: "Run" }).locator("button.run").click();

  it("starts an engine whose file did not load when it is told to run again", async () => {
    const { page, context, give } = await without("**/goodhart-worker_bg.wasm", "par");
    await page.getByText(/cannot run: The engine did not start: .* Run tries again\./).waitFor();
    await page.getByText("No engine").waitFor();
    give();
    await run(page);
    await trained(page, 3);
    await context.close();
  });

  it("learns reward models when their module can be had again", async () => {
    const { page, context, give } = await without("**/goodhart-reward-models_bg.wasm", "cooper");
    await page.getByText(/cannot run: .*reward models/).waitFor();
    give();
    await run(page);
    await trained(page, 1);
    await context.close();
  });

  it("says that the reward compiler is missing", async () => {
    const { page, context } = await without("**/goodhart-language_bg.wasm", "par");
    await page.locator(".notice", { hasText: /The reward compiler could not be loaded.*reload the page/ }).waitFor();
    await trained(page, 3);
    await context.close();
  });
});
