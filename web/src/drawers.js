// Which drawing a task gets.
import { map, cells } from "./maps.js";
import { plane, pole, curves } from "./motion.js";
import { bandit, histogram } from "./spread.js";
import { text } from "./strips.js";

/** A drawing: { kind, plays, note, steps(scenes), measure?(scenes), aspect?(), build(stage, figure) -> { adopt, draw, fit } }. */
export function drawerOf(task) {
  const { view } = task;
  switch (view.kind) {
    case "grid":
      return task.fields.cells ? map(task) : histogram(task);
    case "arms":
      return task.horizon > 1 ? text(task) : bandit(task);
    case "tokens":
      return text(task);
    case "played":
      return { map: cells, plane, track: plane, pole, curve: curves }[view.drawing](task);
    default:
      return task.horizon > 1 ? text(task) : histogram(task);
  }
}
