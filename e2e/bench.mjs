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
      const { page, context } = await open(browser, `${host.url}?engine=${webgpu ? "gpu" : "cpu"}`);
      const link = execFileSync(goodhart, ["link", join(root, file)], { encoding: "utf8" }).trim();
      const measured = await page.evaluate(async ([link, seconds]) => {
        const { goodhart } = window;
        await goodhart.load(link);
        const experiment = goodhart.experiment();
        await goodhart.load({ ...experiment, run: { ...experiment.run, updates: 100_000 } });
        await goodhart.step(2);
        // One long step is what counts; shorter ones before it warm up and say how long it has to be.
        for (let n = 2; ; ) {
          const started = performance.now();
          await goodhart.step(n);
          const took = (performance.now() - started) / 1000;
          if (took >= seconds) return { rate: n / took, ...goodhart.engine() };
          n = Math.ceil(n * Math.min(8, (1.2 * seconds) / took));
        }
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
