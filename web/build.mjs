// Builds the page's JavaScript bundles and the licences of what it ships into web/dist, and the gallery's files into
// web/gallery. Installs the locked packages first where they are missing, so that plain `trunk serve` works on a fresh
// checkout.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

if (!["esbuild", "smol-toml"].every((name) => existsSync(join(here, "node_modules", name)))) {
  console.log("web: installing the locked npm packages");
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit", shell: process.platform === "win32" });
  if (npm.status !== 0) {
    console.error("web: `npm ci` failed; is Node 20 or newer installed, and the network reachable?");
    process.exit(1);
  }
}

const { build } = await import("esbuild");
const result = await build({
  absWorkingDir: here,
  entryPoints: {
    editor: "src/editor.js", charts: "src/charts.js", hero: "src/hero.js", oracle: "src/oracle.js", "oracle-worker": "src/oracle-worker.js",
    early: "src/early.js", parts: "src/parts.js", start: "src/start.js",
  },
  external: ["../goodhart-language.js", "./editor.js", "./charts.js", "./hero.js", "./oracle.js"],
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "eof",
  loader: { ".css": "text" },
  metafile: true,
  logLevel: "warning",
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  console.log(`web: ${file} ${(bytes / 1024).toFixed(0)} KiB`);
}

const { writeLicenses } = await import("./licenses.mjs");
const inputs = Object.values(result.metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
console.log(`web: the licences of ${writeLicenses(inputs)} packages`);

const { writeGallery } = await import("./gallery.mjs");
writeGallery();
