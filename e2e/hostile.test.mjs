// What strangers send: links of every kind, values that scripts give, and pages around this one. Whatever comes, the page
// answers, runs no script but its own, asks nobody elsewhere, and goes on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { launch, open } from "./lib/browser.mjs";
import { corpus, pack } from "./lib/hostile.mjs";
import { root, serve } from "./lib/server.mjs";
import { bandit, trained } from "./lib/train.mjs";

// Longest answer to a link: a machine with two busy cores compiles 500 KB of code meanwhile.
const PATIENCE_MS = 20_000;

// A page that notices what should not happen.
async function guarded(browser, url, options = {}) {
  const elsewhere = [];
  const prepare = async (context) => {
    const { host } = new URL(url);
    context.on("request", (request) => {
      const asked = new URL(request.url());
      if (!["data:", "blob:"].includes(asked.protocol) && asked.host !== host) elsewhere.push(request.url());
    });
    await context.addInitScript(() => {
      window.violations = [];
      addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective}: ${e.blockedURI} ${e.sample}`));
    });
    await options.prepare?.(context);
  };
  const opened = await open(browser, url, { ...options, prepare });
  const dialogs = [];
  opened.page.on("dialog", (dialog) => { dialogs.push(dialog.message()); dialog.dismiss(); });
  // What is there that only a text which became markup could have brought, or that points at a script.
  const seen = () => opened.page.evaluate(() => ({
    pwned: window.pwned,
    polluted: {}.polluted,
    violations: window.violations,
    scripts: [...document.scripts].filter((s) => new URL(s.src || "x:").origin !== location.origin).length,
    marked: document.querySelectorAll("img:not(.cm-widgetBuffer), svg[onload], iframe, object, embed").length,
    links: [...document.links].map((a) => a.protocol).filter((p) => !["http:", "https:", "blob:"].includes(p)),
  }));
  const unharmed = async () => {
    assert.deepEqual(await seen(), { pwned: undefined, polluted: undefined, violations: [], scripts: 0, marked: 0, links: [] });
    assert.deepEqual([elsewhere, dialogs], [[], []]);
  };
  return { ...opened, unharmed };
}

// What becomes of a load: "opened", or what the promise was broken with.
const load = (page, what) => page.evaluate(async ([what, ms]) => {
  const late = new Promise((_, no) => setTimeout(() => no(new Error("no answer")), ms));
  try {
    await Promise.race([window.goodhart.load(what), late]);
    return "opened";
  } catch (e) {
    return e.message;
  }
}, [what, PATIENCE_MS]);

const framing = (address) => `<!doctype html><title>host</title><link rel="icon" href="data:,"><iframe id="play" src="${address}" width="1200" height="800"></iframe>`;

describe("a stranger's", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  for (const [kind, links] of corpus) {
    it(`link harms nothing: ${kind}`, async () => {
      const { page, context, problems, unharmed } = await guarded(browser, `${host.url}?autorun=0`);
      for (const [name, link] of links) {
        const answer = await load(page, `#${link}`);
        assert.notEqual(answer, "no answer", name);
        assert.ok(answer === "opened" || (answer.length > 10 && answer.length < 1000), `${name}: one sentence, not ${answer.slice(0, 300)}`);
        await unharmed().catch((e) => { e.message = `${name}: ${e.message}`; throw e; });
      }
      assert.equal(await load(page, bandit()), "opened", "the page goes on");
      await page.evaluate(() => window.goodhart.step(2));
      assert.deepEqual(problems, []);
      await context.close();
    });
  }

  it("link in the address harms nothing", async () => {
    // One of each kind, as somebody who clicked on it sees it.
    for (const [kind, links] of corpus) {
      const [name, link] = links.at(-1);
      const { page, context, unharmed } = await guarded(browser, `${host.url}?autorun=0#${link}`, { ready: false });
      await page.waitForFunction(() => window.goodhart !== undefined);
      await unharmed().catch((e) => { e.message = `${kind}, ${name}: ${e.message}`; throw e; });
      assert.equal(await load(page, bandit()), "opened", kind);
      await context.close();
    }
  });

  it("value is refused with a sentence, and every promise is kept or broken", async () => {
    const { page, context, problems, unharmed } = await guarded(browser, `${host.url}?autorun=0`);
    const answers = await page.evaluate(async (good) => {
      const circle = { version: 1 };
      circle.self = circle;
      const endless = new Proxy([], { get: (_, key) => (key === "length" ? 2 ** 50 : key === "toJSON" ? undefined : 1) });
      const nasty = new Error("x");
      Object.defineProperty(nasty, "message", { get() { throw nasty; } });
      const values = {
        nothing: undefined, null: null, number: 5, nan: NaN, big: 5n, truth: true, symbol: Symbol("s"), function: () => 1, class: class {},
        list: [], empty: {}, date: new Date(), pattern: /x/, map: new Map([[1, 2]]), buffer: new ArrayBuffer(8), promise: Promise.resolve(good),
        window, document, proxy: new Proxy({}, { get() { throw new Error("no"); } }), circle, endless,
        toJSON: { toJSON() {} }, "toJSON that throws": { toJSON() { throw new Error("thrown"); } },
        "toJSON that is endless": { toJSON() { return endless; } },
        getter: { ...good, get title() { throw new Error("thrown"); } }, "nasty getter": { get title() { throw nasty; } },
        bigints: { ...good, run: { updates: 5n } }, symbols: { ...good, title: Symbol("s") }, functions: { ...good, title() {} },
        "a title of 50 MB": { ...good, title: "A".repeat(50_000_000) }, "50 MB of code": { ...good, arms: [{ name: "a", code: "#".repeat(50_000_000) }] },
        "a key of 50 MB": { ...good, ["k".repeat(50_000_000)]: 1 }, "a million arms": { ...good, arms: Array(1_000_000).fill(good.arms[0]) },
        "text of 50 MB": "A".repeat(50_000_000), "deep": JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`),
        "deep inside": { ...good, run: { x: JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`) } },
        "text object": new String("par"), frozen: Object.freeze({ ...good, arms: 5 }), "no prototype": Object.create(null),
      };
      const said = {};
      for (const [name, value] of Object.entries(values)) {
        const start = performance.now();
        const late = new Promise((done) => setTimeout(done, 10_000, "no answer"));
        said[name] = [await Promise.race([window.goodhart.load(value).then(() => "opened", (e) => String(e.message)), late]), performance.now() - start];
      }
      return said;
    }, bandit());
    for (const [name, [said, ms]] of Object.entries(answers)) {
      assert.ok(!["opened", "no answer"].includes(said) && said.length > 10 && said.length < 600, `${name}: ${said.slice(0, 200)}`);
      assert.ok(ms < 5000, `${name}: refused after ${ms} ms`);
    }
    assert.equal(await load(page, bandit()), "opened", "the page goes on");
    assert.equal(await page.evaluate(async (good) => {
      await window.goodhart.load({ ...good, toJSON: undefined, title: new String("an object of text"), extra: undefined });
      return window.goodhart.experiment().title;
    }, bandit()), "an object of text", "what JSON makes plain data of is plain data");
    const others = await page.evaluate(() => {
      const said = [];
      for (const given of [[], [undefined, undefined], [Symbol("s"), () => 1], ["update", 5], [{ toString() { throw new Error("x"); } }, () => 1]]) {
        try {
          window.goodhart.on(...given);
          said.push("listens");
        } catch (e) {
          said.push(e.message);
        }
      }
      return said;
    });
    assert.ok(others.every((said) => /no such event|takes a function/.test(said)), others.join("; "));
    await unharmed();
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("names stay themselves in what scripts read", async () => {
    const { page, context } = await open(browser, `${host.url}?autorun=0`);
    const names = await page.evaluate(async (e) => {
      await window.goodhart.load(e);
      await window.goodhart.step(1);
      const metrics = window.goodhart.metrics();
      return [Object.keys(metrics), Object.getPrototypeOf(metrics) === Object.prototype];
    }, bandit({ arms: [{ ...bandit().arms[0], name: "__proto__" }, { ...bandit().arms[1], name: "constructor" }] }));
    assert.deepEqual(names, [["__proto__", "constructor"], true]);
    await context.close();
  });
});

describe("the content security policy", () => {
  let host, browser;
  before(async () => { host = await serve(); browser = await launch({ webgpu: false }); });
  after(async () => { await browser.close(); await host.close(); });

  it("is the same in the page and in the headers for hosts, which add who may frame it", () => {
    const own = /Content-Security-Policy" content="([^"]+)"/.exec(readFileSync(join(root, "index.html"), "utf8"))[1];
    const headers = readFileSync(join(root, "public/_headers"), "utf8");
    assert.equal(/Content-Security-Policy: (.+)/.exec(headers)[1], `${own}; frame-ancestors 'self'`);
    assert.doesNotMatch(own, /script-src[^;]*'unsafe-/);
  });

  it("holds: neither a script in the page nor anything from elsewhere", async () => {
    const { page, context } = await open(browser, `${host.url}?autorun=0`);
    const held = await page.evaluate(async () => {
      const blocked = [];
      addEventListener("securitypolicyviolation", (e) => blocked.push(e.effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "window.pwned = 1";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend", "<img src='data:,x' onerror='window.pwned = 1'><img src='http://elsewhere.invalid/x.png'>");
      const answered = await fetch("http://elsewhere.invalid/").then(() => true, () => false);
      const wanted = ["connect-src", "img-src", "script-src-elem"];
      const end = performance.now() + 10_000;
      while (!wanted.every((d) => blocked.includes(d)) && performance.now() < end) await new Promise((done) => setTimeout(done, 20));
      return { pwned: window.pwned, answered, blocked: wanted.filter((d) => blocked.includes(d)) };
    });
    assert.deepEqual(held, {
      pwned: undefined, answered: false, blocked: ["connect-src", "img-src", "script-src-elem"],
    });
    await context.close();
  });
});

describe("a page of another origin around this one", () => {
  let host, other, browser;
  const around = {};
  before(async () => {
    host = await serve();
    other = await serve(around);
    around["plain.html"] = framing(`${host.url}?autorun=0#${pack(bandit({ title: "From elsewhere" }))}`);
    around["embed.html"] = framing(`${host.url}?embed#${pack(bandit({ title: "From elsewhere" }))}`);
    browser = await launch({ webgpu: false });
  });
  after(async () => { await browser.close(); await other.close(); await host.close(); });

  const frame = async (page) => {
    const element = await page.locator("#play").elementHandle();
    return element.contentFrame();
  };

  it("opens nothing from the address without a click, and again after another address", async () => {
    const { page, context, problems } = await open(browser, `${other.url}plain.html`, { ready: false });
    const inner = await frame(page);
    const ask = inner.getByRole("button", { name: "Open the experiment" });
    await ask.waitFor();
    assert.equal(await inner.evaluate(() => window.goodhart), undefined, "nothing is opened yet");
    await ask.click();
    await inner.waitForFunction(() => window.goodhart !== undefined);
    await inner.evaluate(() => window.goodhart.ready);
    assert.equal(await inner.evaluate(() => window.goodhart.experiment().title), "From elsewhere");
    const second = `${host.url}?autorun=0#${pack(bandit({ title: "Another one" }))}`;
    await page.evaluate((address) => { document.getElementById("play").src = address; }, second);
    await ask.waitFor();
    assert.equal(await inner.evaluate(() => window.goodhart.experiment().title), "From elsewhere", "it asks again");
    await ask.click();
    await inner.waitForFunction(() => window.goodhart.experiment().title === "Another one");
    assert.deepEqual(problems, []);
    await context.close();
  });

  it("that asks for the embedding shows the experiment at once", async () => {
    const { page, context } = await open(browser, `${other.url}embed.html`, { ready: false });
    const inner = await frame(page);
    await inner.waitForFunction(() => window.goodhart?.experiment().title === "From elsewhere");
    await trained(inner, 3);
    await context.close();
  });

  it("changes no draft and no setting of the visitor", async () => {
    const mine = bandit({ title: "Mine" });
    const { page, context } = await open(browser, `${host.url}?autorun=0`, { draft: mine });
    const kept = await page.evaluate(() => JSON.stringify(localStorage));
    const around = await context.newPage();
    await around.goto(`${other.url}embed.html`);
    const inner = await frame(around);
    await inner.waitForFunction(() => window.goodhart?.experiment().title === "From elsewhere");
    await inner.getByRole("button", { name: /theme|dark|light/i }).first().click();
    await inner.evaluate(() => window.goodhart.load("par"));
    await around.close();
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), kept);
    const again = await context.newPage();
    await again.goto(`${host.url}?autorun=0`);
    await again.waitForFunction(() => window.goodhart !== undefined);
    assert.equal(await again.evaluate(() => window.goodhart.experiment().title), "Mine");
    await context.close();
  });
});
