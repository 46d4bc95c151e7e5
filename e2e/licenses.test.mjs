// The licences of what the page is made of come with it, and the check of them can fail.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judge, lockedCrates, lockedPackages } from "../web/licenses.mjs";
import { launch, open } from "./lib/browser.mjs";
import { serve } from "./lib/server.mjs";

describe("licences", () => {
  it("are a click away in the help, with the notices of the packages in the bundles and in the modules", async () => {
    const host = await serve();
    const browser = await launch({ webgpu: false });
    try {
      const { page, context } = await open(browser, `${host.url}?autorun=0`);
      await page.keyboard.press("?");
      const link = page.getByRole("dialog").getByRole("link", { name: /licences/ });
      const text = await page.evaluate(async (href) => (await fetch(href)).text(), await link.getAttribute("href"));
      for (const [name, holder] of [
        ["uplot", /Copyright \(c\) \d+ Leon Sorokin/], ["@codemirror/view", /Marijn Haverbeke/], ["leptos", /Greg Johnston/],
        ["serde", /Permission is hereby granted/], ["burn-flex", /Copyright/], ["wgpu", /Copyright \(c\)/],
      ]) {
        const part = text.split("-".repeat(80)).find((part) => part.split("\n").some((line) => line.startsWith(`${name} `)));
        assert.match(part ?? `nothing about ${name}`, holder);
      }
      assert.match(text, /^Goodhart is licensed under either of MIT and Apache-2.0/);
      await context.close();
    } finally {
      await browser.close();
      await host.close();
    }
  });

  it("that are not allowed, and packages from elsewhere, are found", async () => {
    const isAllowed = await judge();
    for (const [license, allowed] of [
      ["MIT", true], ["GPL-3.0-only OR MIT", true], ["(MIT OR Apache-2.0) AND Unicode-3.0", true],
      ["Apache-2.0 WITH LLVM-exception", true],
      ["GPL-3.0-only", false], ["MIT AND AGPL-3.0-only", false], ["", false], [undefined, false], ["anything", false],
    ]) assert.equal(isAllowed(license), allowed, license);
    const entry = (name, rest) => `[[package]]\nname = "${name}"\nversion = "1.0.0"\n${rest}\n`;
    const found = lockedCrates([
      entry("good", 'source = "registry+x"\nchecksum = "00"'), entry("goodhart-core", ""), entry("copied", ""),
      entry("cloned", 'source = "git+https://example.org/x"'), entry("unsummed", 'source = "registry+x"'),
    ].join("\n"));
    assert.deepEqual(found, [
      "copied comes from a folder", "cloned comes from git+https://example.org/x", "unsummed has no checksum",
    ]);
    const sum = { integrity: "sha512-x" };
    const packages = {
      "": {}, "node_modules/good": { ...sum, license: "MIT" }, "node_modules/tool": { ...sum, license: "GPL-3.0-only", dev: true },
      "node_modules/bad": { ...sum, license: "GPL-3.0-only" }, "node_modules/unsummed": { license: "MIT" },
      "node_modules/cloned": { ...sum, resolved: "git+ssh://x" },
    };
    assert.deepEqual(lockedPackages(JSON.stringify({ packages }), isAllowed), [
      "bad is under GPL-3.0-only", "unsummed has no checksum", "cloned comes from git+ssh://x",
    ]);
  });
});
