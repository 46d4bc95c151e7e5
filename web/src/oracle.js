// Asks the exact oracle in a worker of its own, so that solving never holds up the page. Of several questions of a kind
// only the newest is asked; the ones before it are answered with null.
const PATIENCE_MS = 20000;
// Memory of WebAssembly never shrinks: a worker that holds more than this of one task is given up before another.
const MOST_KEPT = 6 * 2 ** 20;

let worker = null;
let busy = null;
let task = "";
let bytes = 0;
let count = 0;
const waiting = new Map();

function start() {
  worker = new Worker(new URL("./oracle-worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => {
    bytes = data.bytes;
    finish(data.id, data.answer);
  };
  worker.onerror = () => stop();
}

// A worker that failed or takes too long is given up; the next question starts another.
function stop() {
  worker?.terminate();
  worker = null;
  bytes = 0;
  if (busy) finish(busy.id, null);
}

function finish(id, answer) {
  if (busy?.id !== id) return;
  clearTimeout(busy.timer);
  const { resolve } = busy;
  busy = null;
  resolve(answer);
  next();
}

// The worker is there before the first question: it starts as soon as the page has nothing else to do.
const idle = globalThis.requestIdleCallback ?? ((run) => setTimeout(run, 200));
idle(() => { if (!worker) start(); }, { timeout: 2000 });

function next() {
  if (busy || waiting.size === 0) return;
  const [what, question] = waiting.entries().next().value;
  waiting.delete(what);
  const { experiment } = question;
  const about = JSON.stringify([experiment.task, experiment.policy, experiment.run]);
  if (about !== task && bytes > MOST_KEPT) stop();
  task = about;
  if (!worker) start();
  busy = { ...question, timer: setTimeout(stop, PATIENCE_MS) };
  worker.postMessage({ id: question.id, what, experiment: question.experiment, arm: question.arm });
}

/** what: "oracle", "distances" or "ranges"; gives plain data, or null where there is no answer. */
export function ask(what, experiment, arm) {
  return new Promise((resolve) => {
    waiting.get(what)?.resolve(null);
    waiting.delete(what);
    waiting.set(what, { id: (count += 1), experiment, arm, resolve });
    next();
  });
}
