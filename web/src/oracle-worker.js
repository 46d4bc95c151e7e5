// The language module once more, in a worker: it solves rewards while the page goes on.
import init, { distances, oracle, ranges } from "../goodhart-language.js";

const ready = init();
let memory;

onmessage = async ({ data: { id, what, experiment, arm } }) => {
  let answer = null;
  try {
    ({ memory } = await ready);
    answer = { oracle, distances, ranges }[what](experiment, arm);
  } catch {
    // No answer: the page shows none.
  }
  postMessage({ id, answer, bytes: memory?.buffer.byteLength ?? 0 });
};
