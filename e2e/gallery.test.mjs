// The gallery as the front door: finding an experiment, opening it, what it says to watch and to try.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { becomes } from "./lib/becomes.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";
import { painted, resting, trained, type } from "./lib/train.mjs";

describe("the gallery", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  const ids = (page) => page.locator(".entry").evaluateAll((all) => all.map((e) => e.dataset.id));
  const experiment = (page) => page.evaluate(() => window.goodhart.experiment());

  it("is one click from the front door, where a run trains at once", async () => {
    const { page, context, problems } = await open(browser, host.url);
    await page.getByRole("heading", { name: "Write a reward. Watch a policy cheat it." }).waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0, "nothing lies over the page");
    await trained(page, 3);
    const starts = page.getByRole("navigation", { name: "Where to begin" });
    await starts.getByRole("button", { name: /Library/ }).click();
    await page.getByRole("main", { name: "Library" }).waitFor();
    await page.waitForFunction(() => location.hash === "#library");
    await page.evaluate(() => history.back());
    await page.getByRole("main", { name: "Library" }).waitFor({ state: "detached" });
    await starts.getByRole("link", { name: /A bandit/ }).click();
    await page.waitForFunction(() => window.goodhart.experiment().id === "par");
    await starts.waitFor({ state: "detached" });
    await page.evaluate(() => history.back());
    await page.waitForFunction(() => window.goodhart.experiment().id === "coin-circling");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("finds experiments by paper, id and theme", async () => {
    const { page, context, problems } = await open(browser, `${host.url}#library`);
    await page.getByRole("main", { name: "Library" }).waitFor();
    const search = page.getByRole("searchbox", { name: "Search the experiments" });
    await page.locator(".entry").first().waitFor();
    const cards = await page.evaluate(() => window.goodhart.gallery());
    const wanted = cards.map((card) => card.id).sort();
    const all = await becomes(() => ids(page), (all) => assert.deepEqual([...all].sort(), wanted, "every experiment has its card"));
    const card = (await page.locator('.entry[data-id="par"]').innerText()).replace(/\s+/g, " ");
    assert.match(card, /transforms · easy · \d+ min/i);
    assert.match(card, /Does bounding a learned reward prevent reward hacking\?/);
    assert.match(card, /Status: formula confirmed, setting deviates, finding /);
    assert.match(card, /Claims over \d+ seeds[^:]*: \d+ of \d+ hold.*; on held-out seeds: (not measured|\d+ of \d+ hold)/);
    const order = await page.evaluate(() => window.goodhart.gallery().then((all) => all.map((c) => ["easy", "medium", "hard"].indexOf(c.difficulty))));
    assert.deepEqual(order, [...order].sort(), "the easy ones come first");
    await search.fill("Mitigate Reward Hacking");
    const finds = (check, by) => becomes(() => ids(page), (found) => assert.ok(check(found), by));
    await finds((found) => found.includes("par") && found.length < all.length, "by paper");
    await search.fill("coin-circling");
    await finds((found) => found.includes("coin-circling") && !found.includes("par"), "by id");
    await search.fill("nothing is called so");
    await page.getByText("No experiment fits this search.").waitFor();
    await search.fill("");
    await page.locator(".themes").getByRole("button", { name: /^transforms/ }).click();
    await finds((found) => found.includes("par") && !found.includes("coin-circling"), "by theme");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("asks the question of an experiment above its lesson, and says outcomes in the words of its card", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    await page.locator(".lesson").getByText("Does bounding a learned reward prevent reward hacking?").waitFor();
    await page.getByText("The paper and what was measured").click();
    await page.locator(".claims").getByText("contradicted, as the file says").first().waitFor();
    await page.locator(".paper").getByText(/formula confirmed, setting deviates, finding /).waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("opens what is chosen by keyboard, and trains it", async () => {
    const { page, context, problems } = await open(browser, `${host.url}#library`);
    await page.locator(".entry").first().waitFor();
    await page.keyboard.type("coin-circling");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => window.goodhart.experiment().id === "coin-circling");
    await trained(page, 3);
    await page.waitForFunction(() => location.hash === "#coin-circling");
    await page.locator(".watch").waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("opens every experiment as its file has it", async () => {
    const { page, context } = await open(browser, `${host.url}?autorun=0`);
    const wrong = await page.evaluate(async () => {
      const wrong = [];
      const plain = (value) => JSON.stringify(value, (_, v) =>
        v && typeof v === "object" && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v);
      for (const { id } of await window.goodhart.gallery()) {
        const { experiment } = await (await fetch(`./gallery/${id}.json`)).json();
        // That its engine is ready is not waited for: some learn reward models before.
        window.goodhart.load(`#${id}`).catch(() => {});
        for (let i = 0; i < 100 && window.goodhart.experiment().id !== id; i += 1) await new Promise((done) => setTimeout(done, 50));
        const got = window.goodhart.experiment();
        // What trains at first may be fewer seeds than the file's.
        if (experiment.first_seeds) experiment.run.seeds = experiment.first_seeds;
        delete experiment.first_seeds;
        delete experiment.claims;
        delete experiment.notes;
        // Numbers of 32 bits are written shorter or longer than the file has them.
        for (const key of Object.keys(experiment)) {
          if (key === "base" || key === "moment" || key === "outcome") continue;
          if (plain(experiment[key]) !== plain(got[key])) wrong.push(`${id}: ${key}`);
        }
      }
      return wrong;
    });
    assert.deepEqual(wrong, []);
    await context.close();
  });

  it("says in a sentence that a file cannot be had, and loses nothing", async () => {
    const { page, context } = await open(browser, `${host.url}#library`);
    await page.route("**/gallery/par.json", (route) => route.abort());
    await page.locator('.entry[data-id="par"]').click();
    await page.getByText(/could not be fetched.*offline/).first().waitFor();
    await page.locator('.entry[data-id="coin-circling"]').waitFor();
    await context.close();
  });

  it("makes an edit to try, and takes it back", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    const code = async () => (await experiment(page)).arms[1].code;
    const before = await code();
    await page.locator(".tries").getByRole("button", { name: "Try it" }).first().click();
    await page.locator(".tries").getByRole("button", { name: "Undo" }).waitFor();
    await becomes(code, (code) => assert.notEqual(code, before, "the edit is in the code"));
    await trained(page, 3);
    await page.locator(".tries").getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction((before) => window.goodhart.experiment().arms[1].code === before, before);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("marks the moment when it comes", async () => {
    const { page, context, problems } = await open(browser, `${host.url}#par`);
    assert.equal(await page.locator(".moment").count(), 0, "it has not come at the start");
    await page.locator(".moment", { hasText: /^Update \d+:/ }).waitFor({ timeout: 180_000 });
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("offers no edit to an arm that is gone, and says why", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#par`);
    const edits = page.locator(".tries .try");
    await becomes(() => edits.first().isEnabled(), assert.ok);
    const arm = await page.evaluate(() => window.goodhart.experiment().now_try[0].arm);
    await page.getByRole("tab", { name: arm }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.locator(".tries .try:disabled").first().waitFor();
    await becomes(() => edits.first().getAttribute("title"), (title) => assert.match(title, /there is no arm/));
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("tells no moment of a program that is another one", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#coin-circling`);
    const train = async (edited) => {
      await page.evaluate(async (edited) => {
        const experiment = window.goodhart.experiment();
        if (edited) experiment.arms[0].code += "\n# edited\n";
        await window.goodhart.load(experiment);
        await window.goodhart.ready;
        await window.goodhart.step(60);
      }, edited);
      await page.locator(".verdict .says").first().waitFor();
    };
    await train(false);
    await page.locator(".moment").waitFor();
    await train(true);
    await painted(page);
    assert.equal(await page.locator(".moment").count(), 0);
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("does not take the first updates' noise for the moment", async () => {
    const { page, context } = await open(browser, `${host.url}?autorun=0#co-reward`);
    for (let i = 0; i < 5; i += 1) {
      await page.evaluate(() => window.goodhart.step(4));
      await painted(page);
      assert.equal(await page.locator(".moment").count(), 0, `it has not come within ${4 * (i + 1)} of 600 updates`);
    }
    await context.close();
  });

  it("leads from every alarm to an experiment, also from those about what cannot be computed", async () => {
    const { page, context, problems } = await open(browser, `${host.url}#what-cannot-be-computed`);
    await page.locator(".moment").waitFor();
    await becomes(() => page.evaluate(() => [
      window.goodhart.alarms().map((alarm) => alarm.kind),
      [...document.querySelectorAll(".alarms li")].map((line) => line.querySelector("a")?.hash),
    ]), ([rang, links]) => {
      assert.ok(rang.includes("program_errors") && rang.includes("not_finite"), `rang: ${rang}`);
      // None to the experiment on screen, which is what these two kinds would lead to.
      const own = rang.filter((kind) => kind === "program_errors" || kind === "not_finite").length;
      assert.equal(links.length, rang.length, `rang: ${rang}, links: ${links}`);
      assert.equal(links.filter((hash) => !hash).length, own, `rang: ${rang}, links: ${links}`);
    });
    const leads = () => page.locator(".alarms dd").evaluateAll((all) => all.map((dd) => dd.querySelector("a")?.hash ?? ""));
    await becomes(leads, (rules) => {
      assert.ok(rules.length > 5, `rules: ${rules}`);
      assert.equal(rules.filter((hash) => hash.length <= 1).length, 2, `rules: ${rules}`);
    });
    await page.locator(".tries").getByRole("button", { name: "Try it" }).first().click();
    await trained(page, 3);
    const alarms = () => page.evaluate(() => window.goodhart.alarms().map((alarm) => alarm.kind));
    await becomes(alarms, (after) => assert.ok(!after.includes("program_errors"), `its edit helps: ${after}`));
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("clears the numbers above the charts when a run begins anew", async () => {
    const { page, context } = await open(browser, `${host.url}?autorun=0#par`);
    await page.evaluate(() => window.goodhart.step(3));
    const readouts = () => page.locator(".readout-value").evaluateAll((all) => all.map((e) => e.textContent).join(""));
    await page.waitForFunction(() => document.querySelector(".readout-value")?.textContent.length > 1);
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Discard this run?" }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".controls .count b", { hasText: /^0$/ }).waitFor();
    await resting(page);
    await painted(page);
    await becomes(readouts, (text) => assert.equal(text, ""));
    await context.close();
  });

  it("says what a reward is worth before any training, and again while somebody types", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#coin-circling`);
    const says = page.locator(".oracle-says");
    await says.waitFor();
    const first = await says.innerText();
    const loop = page.locator(".finding", { hasText: /loop of \d+ steps/ });
    await loop.waitFor();
    await page.locator(".optimum polygon.loop").waitFor({ state: "attached" });   // two cells: a line has no height
    await type(page, "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n");
    await page.waitForFunction((first) => document.querySelector(".oracle-says")?.innerText !== first, first);
    await loop.waitFor({ state: "detached" });
    // Without the coin there is no loop.
    await page.locator(".optimum polygon.loop").waitFor({ state: "detached" });
    await page.locator(".optimum svg").waitFor();
    await page.locator(".starc table").waitFor();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("says which completion a reward makes best, for token tasks", async () => {
    const { page, context, problems } = await open(browser, `${host.url}?autorun=0#grpo-lambda-length`);
    await page.locator(".oracle-says").waitFor();
    await type(page, "def short(ep):\n    return -1.0 * ep.length\n");
    const best = page.locator(".optimum li", { hasText: "paid -1" });
    await best.first().waitFor();
    await becomes(() => best.first().innerText(), (text) => assert.match(text, /✗/, "one token answers nothing"));
    assert.deepEqual(problems, []);
    await context.close();
  });
});
