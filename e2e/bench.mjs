// The benches of `goodhart bench` inside Chromium: node e2e/bench.mjs [seconds a bench] [name]
// Prints updates a second of each engine that the browser has; the page must be built, and the command line too.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { launch, open } from "./lib/browser.mjs";
import { root, serve } from "./lib/server.mjs";

const seconds = Number(process.argv[2] ?? 5);
const only = process.argv[3] ?? "";
const goodhart = process.env.GOODHART ?? join(root, "target/release/goodhart");
const files = {
  landing: "experiments/grpo-lambda-length.toml",
  gridworld: "cli/bench/gridworld.toml",
  "length-32": "cli/bench/length-32.toml",
  "length-64": "cli/bench/length-64.toml",
  bandit: "cli/bench/bandit.toml",
};

const host = await serve();
try {
  for (const webgpu of [false, true]) {
    const browser = await launch({ webgpu });
    for (const [name, file] of Object.entries(files).filter(([name]) => name.includes(only))) {
      const { page, context } = await open(browser, host.url);
      const link = execFileSync(goodhart, ["link", join(root, file)], { encoding: "utf8" }).trim();
      const measured = await page.evaluate(async ([link, seconds]) => {
        const { goodhart } = window;
        await goodhart.load(link);
        await goodhart.step(2);
        const warmed = performance.now();
        while (performance.now() - warmed < seconds * 500) await goodhart.step(2);
        let updates = 0;
        const started = performance.now();
        while (performance.now() - started < seconds * 1000) {
          const n = Math.max(2, Math.ceil(updates / 4));
          await goodhart.step(n);
          updates += n;
        }
        return { rate: (1000 * updates) / (performance.now() - started), ...goodhart.engine() };
      }, [link, seconds]);
      const { kind, adapter, software, workers, rate } = measured;
      const engine = kind === "gpu" ? `gpu, ${adapter}${software ? " (software)" : ""}` : `cpu, ${workers} workers`;
      console.log(`${name.padEnd(10)} ${rate.toFixed(2).padStart(9)} updates/s  ${engine}`);
      await context.close();
    }
    await browser.close();
  }
} finally {
  await host.close();
}
