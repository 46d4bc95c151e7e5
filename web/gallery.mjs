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

// How hard an experiment is to read, for the order of the cards: the page only groups them by theme.
const DIFFICULTIES = ["easy", "medium", "hard"];

// What a card shows; the words for it are the page's.
function card(experiment, record) {
  const { title, formula, setting, finding } = experiment.paper ?? {};
  return {
    id: experiment.id,
    title: experiment.title,
    subtitle: experiment.subtitle ?? "",
    question: experiment.question ?? "",
    difficulty: experiment.difficulty,
    lesson: experiment.lesson ?? "",
    theme: experiment.theme ?? "",
    paper: experiment.paper && { title, formula, setting, finding },
    task: experiment.task.kind,
    arms: experiment.arms.map((arm) => arm.name),
    first_seeds: experiment.first_seeds,
    record: record && {
      date: record.date,
      metric: record.metric,
      curves: experiment.arms.map(({ name }) => record.arms.find((arm) => arm.name === name)?.curve ?? []),
      claims: record.claims.map(({ outcome, refuted, undecided, held_out }) => ({ outcome, refuted, undecided, held_out: held_out?.outcome })),
      seeds: record.seeds,
      instances: record.instances,
      seconds: record.seconds,
    },
  };
}

// Guided tours: files of experiments/tours, each an ordered walk through experiments.
function tours(ids) {
  const folder = join(experiments, "tours");
  return readdirSync(folder).filter((name) => name.endsWith(".toml")).sort().map((name) => {
    const tour = parse(readFileSync(join(folder, name), "utf8"));
    const missing = tour.stops.find((stop) => !ids.has(stop.experiment));
    if (missing) throw new Error(`experiments/tours/${name}: there is no experiment "${missing.experiment}"`);
    return tour;
  });
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
  const rank = (card) => DIFFICULTIES.indexOf(card.difficulty);
  cards.sort((a, b) => rank(a) - rank(b));
  const bases = readdirSync(join(experiments, "base")).filter((name) => name.endsWith(".bin"));
  writeFileSync(join(out, "index.json"), JSON.stringify({ cards, tours: tours(new Set(cards.map((card) => card.id))), bases: bases.map((name) => name.slice(0, -4)) }));
  console.log(`web: ${cards.length} experiments`);
}
