// A static host for a built page. `node web/host.mjs FOLDER PORT` serves a folder on 127.0.0.1 until it is stopped; the
// browser tests start one on a free port, under a path.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".toml": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
};

function isFile(path) {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// Serves `folder` under the path `under`; `pages` are files by name that come before those of the folder. Port 0 is any
// that is free. Resolves to the server and its address.
export function host(folder, { port = 0, under = "/", pages = {} } = {}) {
  const dist = resolve(folder);
  const server = createServer((request, response) => {
    let path;
    try {
      path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    } catch {
      response.writeHead(400).end("not a path");
      return;
    }
    const name = path.startsWith(under) ? path.slice(under.length) || "index.html" : null;
    if (name !== null && Object.hasOwn(pages, name)) {
      response.writeHead(200, { "content-type": types[extname(name)] }).end(pages[name]);
      return;
    }
    const file = name === null ? null : normalize(join(dist, name));
    if (file === null || !file.startsWith(dist + sep) || !isFile(file)) {
      response.writeHead(404).end("not found");
      return;
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", "cache-control": "no-store" });
    createReadStream(file).pipe(response);
  });
  return new Promise((done, fail) => {
    server.on("error", fail);
    server.listen(port, "127.0.0.1", () => done({ server, url: `http://127.0.0.1:${server.address().port}${under}` }));
  });
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [folder, port] = process.argv.slice(2);
  try {
    await host(folder, { port: Number(port) });
  } catch (error) {
    console.error(`web/host.mjs: ${error.message}`);
    process.exit(1);
  }
}
