// The last step of `trunk build --release`: optimises the modules and makes the glue and the styles small, with the tools
// that npm installed, so that trunk looks for none of its own.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { named } from "./order.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.TRUNK_STAGING_DIR;

const features = [
  "simd", "bulk-memory", "nontrapping-float-to-int", "sign-ext", "mutable-globals", "reference-types", "multivalue",
];
// How each module is optimised, by the start of its name: for size where it is loaded before the page can be used.
const levels = {
  "goodhart-app": ["-Oz"],
  "goodhart-language": ["-Oz"],
  // Functions are kept apart: a browser takes tens of megabytes to optimise one of 130 KB.
  "goodhart-worker": ["-O3", "--one-caller-inline-max-function-size=1000"],
  "goodhart-reward-models": ["-Oz"],
  "goodhart-gpu-reward-models": ["-O1"],
};

async function wasmOpt(path, flags) {
  const smaller = `${path}.smaller`;
  const binary = join(here, "node_modules/binaryen/bin/wasm-opt");
  await promisify(execFile)(process.execPath, [binary, ...flags, ...features.map((f) => `--enable-${f}`), "-o", smaller, path]);
  renameSync(smaller, path);
}

async function optimise(file, flags) {
  const path = join(dist, file);
  await wasmOpt(path, flags);
  if (flags.includes("-O1")) return;
  writeFileSync(path, named(readFileSync(path)));
  await wasmOpt(path, ["--reorder-functions-by-name"]);
}

async function minify(file) {
  const path = join(dist, file);
  const { code } = await transform(readFileSync(path, "utf8"), {
    loader: file.endsWith(".css") ? "css" : "js", minify: true, target: "es2022", legalComments: "eof",
  });
  writeFileSync(path, code);
}

if (process.env.TRUNK_PROFILE === "release") {
  const files = readdirSync(dist).filter((file) => file.startsWith("goodhart-") || file.endsWith(".css"));
  await Promise.all(files.filter((file) => /\.(js|css)$/.test(file)).map(minify));
  const modules = files.filter((file) => file.endsWith(".wasm")).map((file) => {
    const name = Object.keys(levels).find((name) => file.startsWith(name));
    if (!name) throw new Error(`web/finish.mjs does not say how to optimise ${file}`);
    return [file, levels[name]];
  });
  // As many at once as there are cores; each is one thread for most of its time.
  const next = async () => {
    for (let module = modules.pop(); module; module = modules.pop()) await optimise(...module);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  console.log(`web: ${files.length} files made small`);
}
if (!existsSync(join(dist, "index.html"))) throw new Error("web/finish.mjs: trunk's staging folder has no index.html");
