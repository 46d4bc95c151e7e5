// Writes the gallery's files into web/gallery: one file an experiment, and an index with what its cards show. The page
// fetches each when it is needed, so that it does not grow with them.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "smol-toml";

const here = dirname(fileURLToPath(import.meta.url));
const experiments = join(here, "../experiments");

// What `goodhart check --write` found, by experiment.
function outcomes() {
  const file = process.env.GOODHART_OUTCOMES ?? join(experiments, "outcomes.json");
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (e) {
    if (e.code === "ENOENT") return {};
    throw new Error(`${file}: ${e.message}`);
  }
}

function card(experiment, record) {
  const count = (test) => (record?.claims ?? []).filter(test).length;
  return {
    id: experiment.id,
    title: experiment.title,
    lesson: experiment.lesson ?? "",
    theme: experiment.theme ?? "",
    paper: experiment.paper?.title ?? "",
    task: experiment.task.kind,
    arms: experiment.arms.map((arm) => arm.name),
    record: record && {
      date: record.date,
      metric: record.metric,
      curves: experiment.arms.map(({ name }) => record.arms.find((arm) => arm.name === name)?.curve ?? []),
      claims: count(() => true),
      // Records of before there were three outcomes say only whether a claim holds.
      hold: count((claim) => (claim.outcome ? claim.outcome === "holds" : claim.holds)),
      refuted: count((claim) => claim.refuted),
    },
  };
}

export function writeGallery() {
  const out = join(here, "gallery");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const records = outcomes();
  const cards = [];
  for (const name of readdirSync(experiments).filter((name) => name.endsWith(".toml")).sort()) {
    let experiment;
    try {
      experiment = parse(readFileSync(join(experiments, name), "utf8"));
    } catch (e) {
      throw new Error(`experiments/${name}: ${e.message}`);
    }
    const record = records[experiment.id];
    cards.push(card(experiment, record));
    writeFileSync(join(out, `${experiment.id}.json`), JSON.stringify({ experiment, record }));
  }
  const bases = readdirSync(join(experiments, "base")).filter((name) => name.endsWith(".bin"));
  writeFileSync(join(out, "index.json"), JSON.stringify({ cards, bases: bases.map((name) => name.slice(0, -4)) }));
  console.log(`web: ${cards.length} experiments`);
}
