#!/usr/bin/env node
// Runs a test binary compiled for wasm32 in Chromium with WebGPU: `cargo test --target wasm32-unknown-unknown` starts
// this with the binary and the arguments of the tests. Prints what the tests say, a time beside each, and ends as they do.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { launch } from "./lib/browser.mjs";

// A test that says nothing for so long hangs.
const patience = 180_000;

// wasm-bindgen's runner makes the page and serves it until it is stopped.
const host = spawn("wasm-bindgen-test-runner", process.argv.slice(2), {
  env: { ...process.env, NO_HEADLESS: "1", WASM_BINDGEN_TEST_ADDRESS: "127.0.0.1:0" },
  stdio: ["ignore", "pipe", "inherit"],
});
const ended = new Promise((resolve, reject) => {
  host.on("error", (error) => reject(new Error(`wasm-bindgen-test-runner did not start: ${error.message}`)));
  host.on("exit", (code) => resolve(code ?? 1));
});

async function address() {
  for await (const line of createInterface({ input: host.stdout })) {
    const found = /available at (http:\S+)/.exec(line);
    if (found) return found[1];
    console.log(line);
  }
  return null;
}

async function adapter(page) {
  return page.evaluate(async () => {
    const { vendor, architecture, description } = (await navigator.gpu?.requestAdapter())?.info ?? {};
    return [vendor, architecture, description].filter(Boolean).join(" ") || "none";
  });
}

// Whether every test passed.
async function follow(url) {
  const browser = await launch({ webgpu: true });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("crash", () => problems.push("the page crashed"));
    await page.goto(url);
    console.log(`Chromium ${browser.version()}, adapter: ${await adapter(page)}`);
    let [printed, last] = [0, Date.now()];
    for (;;) {
      const text = await page.locator("#output").textContent();
      const lines = text.split("\n").slice(printed, -1);
      printed += lines.length;
      for (const line of lines) {
        const seconds = line.startsWith("test ") && line.includes(" ... ");
        console.log(seconds ? `${line} (${((Date.now() - last) / 1000).toFixed(1)} s)` : line);
      }
      if (lines.length > 0) last = Date.now();
      const result = lines.find((line) => line.startsWith("test result:"));
      if (result !== undefined) return result.startsWith("test result: ok");
      if (Date.now() - last > patience || problems.includes("the page crashed")) {
        const what = problems.length > 0 ? problems.join("; ") : `nothing was said for ${patience / 1000} s`;
        throw new Error(`the tests did not end: ${what}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await browser.close();
  }
}

try {
  const url = await Promise.race([address(), ended.then(() => null)]);
  process.exitCode = url === null ? await ended : Number(!(await follow(url)));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  host.kill();
}
