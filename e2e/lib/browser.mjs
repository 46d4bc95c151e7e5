// The installed Chromium, with WebGPU (by SwiftShader where there is no GPU) or without.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const always = [
  "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));
  if (!found) throw new Error("no Chromium found: install it, or set CHROMIUM to its path");
  return found;
}

// A browser whose pages see WebGPU, or (webgpu = false) have no adapter at all.
export function launch({ webgpu }) {
  return chromium.launch({
    executablePath: executable(),
    headless: true,
    ignoreDefaultArgs: ["--disable-gpu"],
    args: [...always, webgpu ? "--enable-unsafe-webgpu" : "--disable-gpu"],
  });
}

// Opens the page and waits until window.goodhart is ready. What the console and the network complain about is gathered
// in `problems`. With `draft` the page opens that experiment, as what was left there at the last visit; `prepare` is given
// the context before anything is asked for.
export async function open(browser, url, { ready = true, draft, prepare, ...options } = {}) {
  const localStorage = draft ? [{ name: "goodhart.draft", value: JSON.stringify(draft) }] : [];
  const storageState = { cookies: [], origins: [{ origin: new URL(url).origin, localStorage }] };
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, storageState, ...options });
  await prepare?.(context);
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("requestfailed", (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("response", (response) => { if (response.status() >= 400) problems.push(`${response.url()}: ${response.status()}`); });
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  if (ready) {
    await page.waitForFunction(() => window.goodhart !== undefined);
    await page.evaluate(() => window.goodhart.ready);
  }
  return { page, context, problems };
}

// The problems of a page that was reloaded: a reload aborts what was still on its way.
export function unaborted(problems) {
  return problems.filter((problem) => !problem.endsWith("net::ERR_ABORTED"));
}

// Peak resident memory of the processes that hold pages and their workers, in MB; null where the system does not say.
export async function peakMemory(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const peaks = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    try {
      return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) / 1024;
    } catch {
      return null;
    }
  });
  return peaks.includes(null) || peaks.length === 0 ? null : Math.round(Math.max(...peaks));
}
