// A static host: serves dist/ under a sub-path, as GitHub Pages would, so that a URL that is not relative fails.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { host } from "../../web/host.mjs";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const dist = process.env.GOODHART_DIST ?? join(root, "dist");
const under = "/some/path/";

// Starts the host on a free port; `pages` are files by name that come before those of dist/: pages that embed this one,
// or a worker's loader that spoils its browser first.
export async function serve(pages = {}) {
  if (!existsSync(join(dist, "index.html"))) throw new Error("dist/ has no index.html: build the page first");
  const { server, url } = await host(dist, { under, pages });
  return { url, close: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}

// The engine worker's loader, with something done in its worker before it starts.
export function spoiled(before) {
  const name = "goodhart-worker_loader.js";
  return { [name]: `${before}\n${readFileSync(join(dist, name), "utf8")}` };
}
