// Takes the picture of the README: node e2e/picture.mjs [updates]
import { join } from "node:path";
import { launch, open } from "./lib/browser.mjs";
import { root, serve } from "./lib/server.mjs";
import { painted, resting, trained } from "./lib/train.mjs";

const updates = Number(process.argv[2] ?? 120);
const host = await serve();
const browser = await launch({ webgpu: false });
try {
  const { page } = await open(browser, `${host.url}#grpo-lambda-length`, { viewport: { width: 1440, height: 1000 }, colorScheme: "light" });
  page.setDefaultTimeout(600_000);
  await page.evaluate(() => window.goodhart.run());
  await trained(page, updates);
  await page.evaluate(() => window.goodhart.pause());
  await resting(page);
  await painted(page);
  await page.screenshot({ path: join(root, "docs/page.png") });
} finally {
  await browser.close();
  await host.close();
}
