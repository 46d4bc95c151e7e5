// Guided tours: an ordered walk through experiments that a teacher can link to.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";

const shows = (page, id) => page.waitForFunction((id) => window.goodhart?.experiment()?.id === id, id);

describe("a guided tour", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it("begins in the library, goes on and back, and can be left", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#library`);
    await page.getByRole("button", { name: /Six rewards that are hacked/ }).click();
    await shows(page, "coin-circling");
    const tour = page.getByRole("region", { name: "Guided tour" });
    await tour.getByText("stop 1 of 6").waitFor();
    assert.ok(await tour.getByRole("button", { name: "Back", exact: true }).isDisabled());
    await tour.getByRole("button", { name: "Next" }).click();
    await shows(page, "taxi-pickups");
    await tour.getByText("stop 2 of 6").waitFor();
    await page.waitForFunction(() => new URLSearchParams(location.search).get("stop") === "2" && location.hash === "#taxi-pickups");

    // Another experiment is no stop; the way back is one click.
    await page.evaluate(() => window.goodhart.load("par"));
    await shows(page, "par");
    await page.waitForFunction(() => !location.search.includes("tour="));
    await tour.getByRole("button", { name: "Back to this stop" }).click();
    await shows(page, "taxi-pickups");

    await page.goBack();
    await shows(page, "par");
    await tour.getByRole("button", { name: "Leave the tour" }).click();
    await tour.waitFor({ state: "detached" });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("is linked to by its address", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0&tour=o1-roadmap&stop=2`);
    await shows(page, "clip-delta");
    await page.getByRole("region", { name: "Guided tour" }).getByText("stop 2 of 6").waitFor();
    await page.reload();
    await shows(page, "clip-delta");
    await page.getByText("stop 2 of 6").waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("that there is not does no harm", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0&tour=none&stop=99#par`);
    await shows(page, "par");
    assert.equal(await page.getByRole("region", { name: "Guided tour" }).count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });
});
