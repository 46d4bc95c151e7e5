// Links: whole experiments in the address, and what happens when one is damaged.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import { becomes } from "./lib/becomes.mjs";
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
      await second.page.getByRole("main", { name: "Library" }).waitFor();
      await second.page.screenshot({ path: new URL(`screenshots/link-${what.replaceAll(" ", "-")}.png`, import.meta.url).pathname });
      await second.context.close();
    });
  }

  // The JSON of a link, packed as the page packs it.
  const packed = (experiment) => `#g1.${deflateRawSync(JSON.stringify(experiment)).toString("base64url")}`;

  for (const [what, change, says] of [
    ["without strategies", (e) => { e.arms = []; }, /1 to 8 arms, this one has 0/],
    ["with a misspelt section", (e) => { e.algoritm = e.algorithm; }, /no "algoritm" in an experiment; did you mean "algorithm"\?/],
    ["with a misspelt key of a strategy", (e) => { e.arms[0].cod = ""; }, /no "cod" in arm 1; did you mean "code"\?/],
  ]) {
    it(`${what} says what is wrong`, async () => {
      const experiment = bandit();
      change(experiment);
      const { page, context } = await open(browser, host.url + packed(experiment), { ready: false });
      await page.getByRole("main", { name: "Library" }).getByText(says).waitFor();
      await context.close();
    });
  }

  it("that could not be opened is not offered; a file is, and opens", async () => {
    const first = await open(browser, host.url);
    await load(first.page, bandit({ title: "Before" }));
    await link(first.page);
    // 90 KB that do not pack.
    const long = bandit({ title: "Too long" });
    let word = 1;
    const noise = () => { word = (word * 48271) % 2147483647; return word.toString(36); };
    long.arms = Array.from({ length: 6 }, (_, i) => ({
      name: `arm ${i}`, code: `def r(ep):\n    return ep.proxy\n${Array.from({ length: 420 }, () => `# ${noise()}${noise()}${noise()}${noise()}${noise()}${noise()}${noise()}\n`).join("")}`,
    }));
    await load(first.page, long);
    await first.page.getByRole("button", { name: "Share" }).click();
    const dialog = first.page.getByRole("dialog");
    await dialog.getByText(/There is no link to it: the link would be \d+ characters long/).waitFor();
    assert.equal(await dialog.getByRole("button", { name: "Copy the link" }).count(), 0);
    await becomes(() => new URL(first.page.url()).hash, (hash) => assert.equal(hash, "", "no other experiment's link stays in the address"));
    const saved = first.page.waitForEvent("download");
    await dialog.getByRole("button", { name: "Save as a file" }).click();
    const download = await saved;
    assert.equal(download.suggestedFilename(), "too-long.json");
    const file = await download.path();
    const sent = await first.page.evaluate(() => window.goodhart.experiment());

    const second = await open(browser, `${host.url}?autorun=0`);
    await second.page.keyboard.press("g");
    await second.page.getByLabel("File of an experiment").setInputFiles({ name: "x.json", mimeType: "application/json", buffer: readFileSync(file) });
    await second.page.waitForFunction(() => window.goodhart.experiment().title === "Too long");
    assert.deepEqual(await second.page.evaluate(() => window.goodhart.experiment()), sent);
    // What is no experiment is said, and leaves what is there.
    await second.page.keyboard.press("g");
    await second.page.getByLabel("File of an experiment").setInputFiles({ name: "y.json", mimeType: "application/json", buffer: Buffer.from("{\"version\": 1}") });
    await second.page.getByRole("main", { name: "Library" }).getByText(/y\.json: .*missing field/).waitFor();
    assert.equal(await second.page.evaluate(() => window.goodhart.experiment().title), "Too long");
    await first.context.close();
    await second.context.close();
  });
});
