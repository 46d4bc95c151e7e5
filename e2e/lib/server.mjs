// A static host: serves dist/ under a sub-path, as GitHub Pages would, so that a URL that is not relative fails.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const dist = process.env.GOODHART_DIST ?? join(root, "dist");
const under = "/some/path/";
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".toml": "text/plain; charset=utf-8",
};

// Starts the host on a free port; `pages` are files by name that come before those of dist/: pages that embed this one,
// or a worker's loader that spoils its browser first.
export async function serve(pages = {}) {
  if (!existsSync(join(dist, "index.html"))) throw new Error("dist/ has no index.html: build the page first");
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const name = path.startsWith(under) ? path.slice(under.length) || "index.html" : null;
    if (name !== null && name in pages) {
      response.writeHead(200, { "content-type": types[extname(name)] }).end(pages[name]);
      return;
    }
    const file = name === null ? null : normalize(join(dist, name));
    if (file === null || !file.startsWith(dist + sep) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end("not found");
      return;
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "cache-control": "no-store" });
    createReadStream(file).pipe(response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}${under}`;
  return { url, close: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}

// The engine worker's loader, with something done in its worker before it starts.
export function spoiled(before) {
  const name = "goodhart-worker_loader.js";
  return { [name]: `${before}\n${readFileSync(join(dist, name), "utf8")}` };
}
