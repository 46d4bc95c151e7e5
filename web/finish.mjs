// The last step of `trunk build --release`: optimises the modules and makes the glue and the styles small, with the tools
// that npm installed, so that trunk looks for none of its own.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { named } from "./order.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.TRUNK_STAGING_DIR;
// The modules as they were optimised last, each beside a digest of all that it was made of: `trunk serve --release` after
// `trunk build --release` finds them, and so does a build in which only another module changed.
const kept = join(here, "../target/finished");

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

async function make(path, flags) {
  await wasmOpt(path, flags);
  if (flags.includes("-O1")) return;
  writeFileSync(path, named(readFileSync(path)));
  await wasmOpt(path, ["--reorder-functions-by-name"]);
}

// What an optimised module is made of: the module, and the tools with all that is said to them, which stands in this file.
function digest(path) {
  const tools = ["finish.mjs", "order.mjs", "node_modules/binaryen/package.json"].map((file) => join(here, file));
  const hash = createHash("sha256");
  for (const file of [path, ...tools]) hash.update(createHash("sha256").update(readFileSync(file)).digest());
  return hash.digest("hex");
}

async function optimise(file, name) {
  const [path, last, mark] = [join(dist, file), join(kept, `${name}.wasm`), join(kept, `${name}.sha256`)];
  const made = digest(path);
  if (existsSync(last) && existsSync(mark) && readFileSync(mark, "utf8") === made) {
    copyFileSync(last, path);
    return;
  }
  await make(path, levels[name]);
  mkdirSync(kept, { recursive: true });
  // The mark comes last: one that is there says that the module beside it is whole.
  writeFileSync(mark, "");
  copyFileSync(path, last);
  writeFileSync(mark, made);
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
    return [file, name];
  });
  // As many at once as there are cores; each is one thread for most of its time.
  const next = async () => {
    for (let module = modules.pop(); module; module = modules.pop()) await optimise(...module);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  console.log(`web: ${files.length} files made small`);
}
if (!existsSync(join(dist, "index.html"))) throw new Error("web/finish.mjs: trunk's staging folder has no index.html");
