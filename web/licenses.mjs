// The licences of what the page ships, read from the locked packages themselves: `writeLicenses` puts their texts into
// web/dist/licenses.txt, and `node web/licenses.mjs --check` holds every shipped and every locked package against what is
// allowed. (cargo-deny would take minutes to build for the same, and its advisories are a database from elsewhere; what
// `npm audit signatures` adds to the checksums of the lock files needs keys from elsewhere too.)
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");

// What may be shipped; all of it allows what Goodhart does, if the notices come along.
export const allowed = [
  "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT",
  "MPL-2.0", "Unicode-3.0", "Unlicense", "Zlib",
];

// What cargo links into the page, and into the programs of a terminal.
const wasm = ["--target", "wasm32-unknown-unknown"];
const page = [
  ["Cargo.toml", ...wasm, "-p", "goodhart-app", "-p", "goodhart-language", "-p", "goodhart-worker"],
  ["reward-models/Cargo.toml", ...wasm, "--features", "wgpu"],
];
const terminal = [["Cargo.toml", "-p", "goodhart-cli"], ["reward-models/Cargo.toml"]];
const cargoLocks = ["Cargo.lock", "reward-models/Cargo.lock", "core/oracle-tests/Cargo.lock", "fuzz/Cargo.lock"];
const npmLocks = ["web/package-lock.json", "e2e/package-lock.json"];

const read = (...path) => readFileSync(join(...path), "utf8");

// The crates that a workspace links for a target, without macros and what only builds: [{name, version, license}].
function crates([manifest, ...options]) {
  const args = [
    "tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}|{l}",
    "--manifest-path", manifest, ...options,
  ];
  const tree = spawnSync("cargo", args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  if (tree.status !== 0) throw new Error(`cargo ${args.join(" ")}: ${tree.stderr ?? tree.error}`);
  // What has been printed before is marked; what stands in a folder is Goodhart's own.
  const all = tree.stdout.split("\n").map((line) => line.replace(/ \(\*\)$/, ""));
  const lines = new Set(all.filter((line) => line !== "" && !line.includes("(/")));
  return [...lines].map((line) => {
    const [, name, version, license] = /^(\S+) v(\S+).*\|(.*)$/.exec(line);
    return { name, version, license: license.replaceAll("/", " OR "), folder: () => crateFolder(name, version) };
  });
}

function crateFolder(name, version) {
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry/src");
  const folder = readdirSync(sources).map((index) => join(sources, index, `${name}-${version}`)).find((f) => existsSync(f));
  if (!folder) throw new Error(`the source of ${name} ${version} is not in ${sources}`);
  return folder;
}

// The npm packages of a bundle, by the files that esbuild put into it.
function bundled(inputs) {
  const names = inputs.map((file) => /.*\bnode_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean);
  return [...new Set(names)].map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(read(folder, "package.json"));
    return { name, version, license, folder: () => folder };
  });
}

const named = (what) => new RegExp(`^(licen[cs]e|copying|unlicense|notice)s?\\b.*${what}`, "i");

// Copyright and conditions as the package has them. Of several licences to choose from, MIT's is enough.
function notice({ name, license, folder }) {
  const files = readdirSync(folder()).sort();
  const choice = license.includes(" OR ") && !license.includes(" AND ") ? files.filter((file) => named("mit").test(file)) : [];
  const texts = (choice.length > 0 ? choice : files.filter((file) => named("").test(file)))
    .filter((file) => statSync(join(folder(), file)).isFile()).map((file) => read(folder(), file).trim());
  if (texts.length > 0) return texts.join("\n\n");
  const manifest = read(folder(), "Cargo.toml");
  const authors = /^authors = \[([^\]]*)\]/m.exec(manifest)?.[1].match(/"([^"]*)"/g)?.map((author) => author.slice(1, -1));
  const copyright = `Copyright (c) ${authors?.join(", ") ?? `the authors of ${name}`}`;
  if (license.includes("MIT")) return `${copyright}\n\n${read(root, "LICENSE-MIT").split("\n\n").slice(2).join("\n\n").trim()}`;
  if (license.includes("Apache-2.0")) return `${copyright}\n\n${read(root, "LICENSE-APACHE").trim()}`;
  const source = /^repository = "([^"]*)"/m.exec(manifest)?.[1] ?? "its package";
  return `${copyright}\n\nUnder ${license}, whose text is at https://spdx.org/licenses/${license}.html; the source is at ${source}.`;
}

// Writes the notices of everything in the page; `inputs` are the files in its bundles.
export function writeLicenses(inputs) {
  const packages = [...bundled(inputs), ...page.flatMap(crates)];
  const byNotice = new Map();
  for (const each of packages) {
    const text = notice(each);
    const key = text.replace(/\s+/g, " ");
    const entry = byNotice.get(key) ?? { text, packages: new Set() };
    entry.packages.add(`${each.name} ${each.version} (${each.license})`);
    byNotice.set(key, entry);
  }
  const rule = "\n\n" + "-".repeat(80) + "\n\n";
  const own = `Goodhart is licensed under either of MIT and Apache-2.0, at your option.\n\n${read(root, "LICENSE-MIT").trim()}\n\n${read(root, "LICENSE-APACHE").trim()}\n\nIt is built from the following packages.`;
  const others = [...byNotice.values()].map(({ text, packages }) => `${[...packages].sort().join("\n")}\n\n${text}`).sort();
  writeFileSync(join(here, "dist/licenses.txt"), `${[own, ...others].join(rule)}\n`);
  return new Set(packages.map(({ name }) => name)).size;
}

// What is wrong with the packages of a Cargo.lock: each comes from the registry, with a checksum, or stands in here.
export function lockedCrates(text) {
  return text.split("[[package]]\n").slice(1).flatMap((entry) => {
    const field = (name) => new RegExp(`^${name} = "(.*)"$`, "m").exec(entry)?.[1];
    const [name, source] = [field("name"), field("source")];
    if (source === undefined) return /^(goodhart|xtask)(-.*)?$/.test(name) ? [] : [`${name} comes from a folder`];
    if (!source.startsWith("registry+")) return [`${name} comes from ${source}`];
    return field("checksum") === undefined ? [`${name} has no checksum`] : [];
  });
}

// What is wrong with the packages of a package-lock.json: the same, and the licences of what is no tool.
export function lockedPackages(text, isAllowed) {
  const packages = Object.entries(JSON.parse(text).packages).filter(([path]) => path !== "");
  return packages.flatMap(([path, { integrity, link, resolved, license, dev }]) => {
    const name = path.replace(/^.*node_modules\//, "");
    if (link || /^(git|file)/.test(resolved ?? "")) return [`${name} comes from ${resolved}`];
    if (!integrity?.startsWith("sha512-")) return [`${name} has no checksum`];
    return dev || isAllowed(license) ? [] : [`${name} is under ${license}`];
  });
}

// Whether an SPDX expression can be met by what is allowed.
export async function judge() {
  const { default: satisfies } = await import("spdx-satisfies");
  return (license) => {
    try {
      return satisfies(license, allowed);
    } catch {
      return false; // no SPDX expression
    }
  };
}

async function check() {
  const isAllowed = await judge();
  const shipped = [...page, ...terminal].flatMap(crates);
  const wrong = [
    ...shipped.filter(({ license }) => !isAllowed(license)).map(({ name, license }) => `${name} is under ${license || "no licence"}`),
    ...cargoLocks.flatMap((file) => lockedCrates(read(root, file)).map((what) => `${file}: ${what}`)),
    ...npmLocks.flatMap((file) => lockedPackages(read(root, file), isAllowed).map((what) => `${file}: ${what}`)),
  ];
  if (shipped.length === 0) wrong.push("no crate was found");
  for (const line of new Set(wrong)) console.error(line);
  if (wrong.length > 0) process.exit(1);
  console.log(`${new Set(shipped.map(({ name }) => name)).size} crates, and all locked packages: licences and sources are allowed`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === "--check") await check();
  else console.error("web/licenses.mjs takes --check");
}
